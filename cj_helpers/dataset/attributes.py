"""What is known of the customers behind answers and invitations."""

from __future__ import annotations

from collections.abc import Sequence

from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.config import nearest


def with_customers(table: ir.Table, customers: ir.Table | None, columns: Sequence[str]) -> ir.Table:
    """Add columns of customers, one row each, to a table with customer_id; no row is lost or doubled.

    Parameters
    ----------
    columns : sequence of str
        Columns of customers; one that the table has itself stays the table's.

    Raises
    ------
    ConfigError
        When a column is in neither table.
    """
    wanted = [name for name in dict.fromkeys(columns) if name not in table.columns]
    if not wanted:
        return table
    known = list(customers.columns) if customers is not None and "customer_id" in table.columns else []
    absent = [name for name in wanted if name not in known]
    if absent or customers is None:
        raise ConfigError(
            f"segment_col: found no column {(absent or wanted)[0]!r}; "
            f"{nearest((absent or wanted)[0], sorted({*table.columns, *known}))}"
        )
    joined = table.left_join(customers.select("customer_id", *wanted), "customer_id")
    return joined.select(*table.columns, *wanted)
