"""Whether the customer file hides those who left before it began."""

from __future__ import annotations

import math
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

SURE = 12.0  # expected exits of which none is seen: a chance of 6 in a million
_DAY_SECONDS = 86_400
COLUMNS = ["n_customers", "first_exit_at", "n_started_before", "n_exits", "n_expected", "has_entry", "is_truncated"]


def customer_truncation(customers: ir.Table | None, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """Judge whether customers who left early are missing from the customer file (left truncation).

    Returns
    -------
    DataFrame, one row, or none without dates of customers
        n_customers, first_exit_at (the earliest end in the file), n_started_before (customers who had started by
        then), n_exits, n_expected (exits one would expect before it, see below), has_entry (the file says in
        ``observed_from`` from when each customer would have been shown, so that analyses can allow for it),
        is_truncated (12 or more were expected and none is there).

    Notes
    -----
    Exits since the first one, divided by the time that customers were at risk since then, give a rate; the time
    before, of the customers who are in the file, times this rate is what one would expect. Those who are missing
    would add to it, so it is a lower bound. The rate is taken as constant, which is rough and enough for a warning.

    Examples
    --------
    100 customers since 2020, 10 of whom leave in 2024, one a month, and nobody before: over 40 were expected.
    """
    if customers is None or not {"started_at", "ended_at"} <= set(customers.columns) or pd.isna(as_of):
        return pd.DataFrame(columns=COLUMNS)
    first = customers.aggregate(f=customers.ended_at.min()).execute().f[0]
    if pd.isna(first):
        return pd.DataFrame(columns=COLUMNS)
    before, at_risk, counts = _times(customers, pd.Timestamp(first).to_pydatetime(), as_of.to_pydatetime())
    expected = counts["n_exits"] / at_risk * before if at_risk else math.nan
    row = {**counts, "first_exit_at": first, "n_expected": expected}
    row |= {"has_entry": "observed_from" in customers.columns, "is_truncated": bool(expected >= SURE)}
    return pd.DataFrame([row])[COLUMNS]


def _times(customers: ir.Table, first: datetime, as_of: datetime) -> tuple[float, float, dict[str, int]]:
    """Return days before the first exit and days at risk since, and the counts."""
    edge, end = ibis.literal(first, type="timestamp"), ibis.literal(as_of, type="timestamp")
    start = customers.started_at
    left = (ibis.coalesce(customers.ended_at, end).epoch_seconds()) / _DAY_SECONDS
    began = start.epoch_seconds() / _DAY_SECONDS
    line = edge.epoch_seconds() / _DAY_SECONDS
    found = (
        customers.aggregate(
            before=ibis.greatest(line - began, 0.0).sum(),
            at_risk=ibis.greatest(left - ibis.greatest(began, line), 0.0).sum(),
            n_customers=_.count(),
            n_started_before=(start < edge).sum().fill_null(0),
            n_exits=customers.ended_at.count(),
        )
        .execute()
        .iloc[0]
    )
    counts = {name: int(found[name]) for name in ("n_customers", "n_started_before", "n_exits")}
    return float(found["before"]), float(found["at_risk"]), counts
