"""Ids of customers of another length than all the others: a test account, a default value, rows run together."""

from __future__ import annotations

from typing import Any

import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.dataset.problems import Loaded, verb

# At most this share of the rows is odd (or a single one); with more there are two kinds of ids. The number of digits
# grows by itself, so that a length one off is usual.
ODD_SHARE = 0.001
FEWEST_ROWS = 30
FEWEST_SIGNS = 2


def length_measures(table: ir.Table) -> dict[str, ir.Value]:
    """Return the spread of the lengths of ids, by which most tables need no second look."""
    if "customer_id" not in table.columns or not table.customer_id.type().is_string():
        return {}
    length = table.customer_id.length()
    return {"id_shortest": length.min(), "id_longest": length.max(), "id_variance": length.var(how="pop")}


def report_odd_ids(table: ir.Table, loaded: Loaded, found: Any) -> None:
    """Note the few rows of a source whose customer_id has another length than nearly all others.

    Parameters
    ----------
    table : ibis table
        Rows of the source.
    found : Series
        n, and what `length_measures` gave.

    Examples
    --------
    Of 60 rows 59 have ids such as ``c007`` and one has ``c0c007``: the row before it lost its end.
    """
    n = int(found["n"])
    most = max(1, int(ODD_SHARE * n))
    if n < FEWEST_ROWS or pd.isna(found.get("id_longest")) or not _may_be_odd(found, n, most):
        return
    lengths = table.filter(_.customer_id.notnull()).group_by(length=_.customer_id.length())
    counts = lengths.aggregate(n=_.count()).order_by(_.n.desc(), _.length).execute()
    usual = int(counts["length"].iloc[0])
    odd = counts[(counts["length"] - usual).abs() >= FEWEST_SIGNS]
    if odd.empty or odd["n"].sum() > most:
        return
    k = int(odd["n"].sum())
    shown = ", ".join(str(length) for length in sorted(odd["length"].astype(int))[:3])
    text = (
        f"{loaded.where}: {k:,} of {loaded.n_total:,} rows {verb(k, 'has', 'have')} a customer_id of {shown} "
        f"characters, where nearly all others have {usual}: a test account, a default value, or two rows run together. "
        "Look at them, and take them out with `leave_out` if they are no customers."
    )
    loaded.found("odd_ids", "noted", k, text)


def _may_be_odd(found: Any, n: int, most: int) -> bool:
    """Whether so few rows could have another length: a few rows give the lengths little variance."""
    spread = float(found["id_longest"]) - float(found["id_shortest"])
    return spread >= FEWEST_SIGNS and float(found["id_variance"]) * n <= 2 * n + most * spread**2
