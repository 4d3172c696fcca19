"""One market of a data set: the customers with one value of a column, everywhere."""

from __future__ import annotations

import dataclasses
import hashlib

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ALL, MISSING, ConfigError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.model import Dataset
from cj_helpers.inference import suppress_small_groups

_TABLES = ("customers", "events", "surveys")


def keep_segment(data: Dataset, *, column: str, value: str) -> Dataset:
    """Return the data set with the customers of one market only.

    Parameters
    ----------
    data : Dataset
    column : str
        Attribute of customers; if they do not have it, of events.
    value : str
        What it must be; ``(missing)`` stands for no value.

    Returns
    -------
    Dataset
        Customers, events and surveys of these customers. Where the column is one of events, the events with the
        value, and the answers of the customers that have such events. The data-quality tables stay those of the
        whole data set.

    Raises
    ------
    ConfigError
        When neither customers nor events have the column.
    """
    owner = owner_of(data, column)
    table: ir.Table = getattr(data, owner)
    chosen = table.filter(_text(table, column) == value)
    ids = chosen.select("customer_id").distinct()
    kept = {owner: chosen}
    for name in _TABLES:
        other = getattr(data, name)
        if other is not None and name != owner:
            kept[name] = other.semi_join(ids, "customer_id") if "customer_id" in other.columns else None
    fingerprint = hashlib.sha256(f"{data.fingerprint}\n{column}\n{value}".encode()).hexdigest()
    return dataclasses.replace(data, **kept, fingerprint=fingerprint)


def segment_sizes(data: Dataset, column: str) -> pd.DataFrame:
    """Count the customers of every market.

    Returns
    -------
    DataFrame
        One row per value, the largest first, and one for ``all``: segment, n_customers.

    Raises
    ------
    ConfigError
        When neither customers nor events have the column.
    """
    table: ir.Table = getattr(data, owner_of(data, column))
    named = table.select(segment=_text(table, column), customer_id=table["customer_id"])
    counts = named.group_by("segment").aggregate(n_customers=named["customer_id"].nunique()).execute()
    counts = counts.sort_values(["n_customers", "segment"], ascending=[False, True])
    total = int(named["customer_id"].nunique().execute())
    return pd.concat([pd.DataFrame({"segment": [ALL], "n_customers": [total]}), counts], ignore_index=True)


def markets(data: Dataset, column: str) -> tuple[list[str], int]:
    """Return the markets that may have a report of their own, the largest first, and how many are left out.

    Those of fewer than ``min_group`` customers are left out, and another one where that would tell on them.

    Raises
    ------
    ConfigError
        When neither customers nor events have the column.
    """
    sizes, hidden = segment_sizes(data, column), 0
    if not data.public:
        sizes, hidden = suppress_small_groups(sizes, size_col="n_customers", min_group=data.min_group)
    return [str(value) for value in sizes["segment"] if value != ALL], hidden


def owner_of(data: Dataset, column: str) -> str:
    """Name the table that tells the markets apart.

    Raises
    ------
    ConfigError
        When neither customers nor events have the column, or it tells single customers or moments apart.
    """
    never = {"customer_id", "journey_id", "session_id", "order", "row_number", "verbatim"}
    columns: list[str] = []
    for name in ("customers", "events"):
        table = getattr(data, name)
        if table is None:
            continue
        allowed = [n for n, dtype in table.schema().items() if n not in never and not dtype.is_temporal()]
        if column in allowed:
            return name
        columns += allowed
    raise ConfigError(
        f"--each-segment {column}: not a column of customers or events whose values are markets; "
        f"{nearest(column, sorted(set(columns)))}"
    )


def _text(table: ir.Table, column: str) -> ir.StringValue:
    return table[column].cast("string").fill_null(MISSING)
