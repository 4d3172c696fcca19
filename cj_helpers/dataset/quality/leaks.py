"""Columns of customers that know who will leave: written after the fact."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import MISSING, TABLES

MOST_VALUES = 50
FEWEST = 30
RISK_RATIO = 3.0
LEFT_SHARE = 0.8
COLUMNS = ["column", "declared", "value", "n", "left_share", "left_share_others", "is_leak"]


def suspected_leaks(customers: ir.Table | None, *, static: Sequence[str], snapshot: Sequence[str]) -> pd.DataFrame:
    """Find attributes of customers of which one value nearly only leavers have.

    Parameters
    ----------
    customers : ibis table or None
    static, snapshot : sequence of str
        What ``churn`` declares.

    Returns
    -------
    DataFrame, one row per attribute, the likeliest leak first
        column, declared (static, snapshot or none), value (the one with the largest share of leavers, of values that
        at least 30 customers have), n (customers with it), left_share (of these: gave notice or left),
        left_share_others, is_leak (four of five with the value left, and three times as many as of the others).

    Notes
    -----
    Such a column was filled because the customer was leaving, as an offer made after notice is. A model that gets it
    predicts the past. What is declared as a snapshot never enters a model; a leak among the static ones would.
    Attributes with more than 50 values are not looked at.
    """
    if customers is None or "ended_at" not in customers.columns:
        return pd.DataFrame(columns=COLUMNS)
    gone = customers.ended_at.notnull()
    if "notice_at" in customers.columns:
        gone = gone | customers.notice_at.notnull()
    own = {*TABLES["customers"], "row_number", "source", "valid_from"}
    names = [name for name in customers.columns if name not in own]
    found = [_worst_value(customers, gone, name) for name in names]
    table = pd.DataFrame([row for row in found if row is not None], columns=[c for c in COLUMNS if c != "declared"])
    table["declared"] = [
        "snapshot" if name in snapshot else "static" if name in static else "none" for name in table["column"]
    ]
    return table.sort_values("left_share", ascending=False, kind="stable", ignore_index=True)[COLUMNS]


def _worst_value(customers: ir.Table, gone: ir.BooleanValue, name: str) -> tuple[object, ...] | None:
    """Return the value of an attribute with the largest share of leavers; None with one or too many values."""
    value = ibis.coalesce(customers[name].cast("string"), MISSING)
    counts = customers.select(value=value, gone=gone).group_by("value").aggregate(n=_.count(), left=_.gone.sum())
    table = counts.limit(MOST_VALUES + 1).execute().sort_values("value", ignore_index=True)
    large = table[(table["n"] >= FEWEST) & (table["n"] < table["n"].sum())]
    if len(table) > MOST_VALUES or large.empty:
        return None
    worst = large.assign(share=large["left"] / large["n"]).sort_values("share", ascending=False, kind="stable").iloc[0]
    n, left = int(table["n"].sum() - worst["n"]), int(table["left"].sum() - worst["left"])
    others = left / n
    share = float(worst["share"])
    return (
        name,
        str(worst["value"]),
        int(worst["n"]),
        share,
        others,
        share >= LEFT_SHARE and share >= RISK_RATIO * others,
    )
