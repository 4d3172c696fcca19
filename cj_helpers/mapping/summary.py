"""Journeys and their hand-offs in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, JourneyDefinition
from cj_helpers.survival import incidence_at


def journey_summary(
    frame: pd.DataFrame, *, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Give each journey its headline rate.

    Parameters
    ----------
    frame : DataFrame
        What ``journey_frame`` returns; one row per journey.

    Returns
    -------
    DataFrame, one row per journey definition and segment
        journey, label, goal, segment, n_journeys, n_customers, within_days, completed_within, conf_low, conf_high,
        p90_days, n_open, n_overdue.

    Notes
    -----
    ``completed_within``: Aalen-Johansen incidence of completion at ``within`` over all started journeys, open
    ones censored, interval clustered by customer. ``p90_days``: time within which 90 % of the completed
    journeys were completed, among those that started at least ``within`` before as_of.
    """
    rows = []
    for key, definition in definitions.items():
        part = frame[frame["journey"] == key]
        if part.empty:
            continue
        days = definition.within.total_seconds() / 86_400
        segment_col = "segment" if part["segment"].ne("all").any() else ""
        rates = incidence_at(part, time_days=days, outcome=COMPLETED, segment_col=segment_col, cluster_col="customer")
        for rate in rates.itertuples():
            of = part if rate.segment == "all" else part[part["segment"] == rate.segment]
            old_enough = of["started_at"] <= as_of - definition.within
            done = of.loc[old_enough & of["outcome"].eq(COMPLETED), "duration_days"]
            rows.append(
                {
                    "journey": key,
                    "label": definition.label,
                    "goal": definition.goal,
                    "segment": rate.segment,
                    "n_journeys": len(of),
                    "n_customers": of["customer"].nunique(),
                    "within_days": days,
                    "completed_within": rate.estimate,
                    "conf_low": rate.conf_low,
                    "conf_high": rate.conf_high,
                    "p90_days": done.quantile(0.9),
                    "n_open": int((of["outcome"] == "open").sum()),
                    "n_overdue": int(of["is_overdue"].sum()),
                }
            )
    return pd.DataFrame(rows)


def handoffs(steps: ir.Table) -> pd.DataFrame:
    """Count changes of channel from one step of the customer to the next.

    Returns
    -------
    DataFrame, one row per journey definition and pair of channels
        journey, from_channel, to_channel, n_handoffs, n_journeys, n_customers, wait_median_hours.
    """
    changed = steps.filter(_.is_handoff).select(
        "journey", "journey_id", "customer_id", "wait", from_channel=_.channel, to_channel=_.next_channel
    )
    table = changed.group_by("journey", "from_channel", "to_channel").aggregate(
        n_handoffs=_.count(),
        n_journeys=_.journey_id.nunique(),
        n_customers=_.customer_id.nunique(),
        wait_median_hours=_.wait.median(),
    )
    order = ["journey", ibis.desc("n_handoffs"), "from_channel", "to_channel"]
    return table.order_by(order).execute()
