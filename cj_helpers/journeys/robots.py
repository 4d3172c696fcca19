"""Customers with more events than any person has: counted, and removable before journeys are built."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr import types as ir

LEAST_EVENTS = 1_000
TIMES_USUAL = 10


def robot_events(events: ir.Table) -> tuple[ir.Table, pd.DataFrame]:
    """Set apart the customers that are likely robots by their volume.

    Returns
    -------
    people : ibis table
        The events of the others.
    robots : DataFrame, one row
        n_robots (customers), n_events (theirs), share of all events, limit (events from which a customer counts).

    Notes
    -----
    A likely robot has at least 1,000 events, and ten times as many as 999 of 1,000 customers have. A few loyal
    customers may be among them: look before removing.
    """
    counts = events.group_by("customer_id").aggregate(n=_.count())
    usual = counts.aggregate(q=_.n.quantile(0.999), total=_.n.sum()).execute().iloc[0]
    typical = 0.0 if pd.isna(usual["q"]) else float(usual["q"])
    # one robot among a few customers would be its own yardstick, so the median has a say, too
    middle = counts.aggregate(m=_.n.median()).execute()["m"].iloc[0]
    limit = max(LEAST_EVENTS, TIMES_USUAL * min(typical, 100 * float(0 if pd.isna(middle) else middle)))
    robots = counts.filter(_.n >= limit)
    found = robots.aggregate(n=_.count(), n_events=_.n.sum().fill_null(0)).execute().iloc[0]
    total = 0 if pd.isna(usual["total"]) else int(usual["total"])
    share = int(found["n_events"]) / total if total else 0.0
    row = {"n_robots": int(found["n"]), "n_events": int(found["n_events"]), "share": share, "limit": limit}
    return events.anti_join(robots, "customer_id"), pd.DataFrame([row])
