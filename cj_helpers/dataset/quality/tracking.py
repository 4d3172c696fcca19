"""Which share of the visits on the web can be followed at all."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.dataset.schema import Tracked

COLUMNS = ["channel", "n_events", "n_visitors", "known_share", "tracked_share", "origin"]


def tracked_visits(
    events: ir.Table | None, customers: ir.Table | None, *, tracked: Mapping[str, Tracked]
) -> pd.DataFrame:
    """Say, per channel of which it is known, which share of visits the log holds, and how many of these are named.

    Parameters
    ----------
    tracked : mapping of channel to Tracked
        What ``tracked:`` in dataset.yml declares: visitors who decline tracking leave no events, so that no log can
        tell the share by itself.

    Returns
    -------
    DataFrame, one row per declared channel
        channel, n_events, n_visitors (different ids after stitching), known_share (of the events: their customer is
        in the customer file; missing without one), tracked_share (declared), origin (of the declared share).
        Empty when nothing is declared.
    """
    if events is None or not tracked or "channel" not in events.columns:
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for channel, given in tracked.items():
        own = events.filter(_.channel == channel)
        n, visitors = own.aggregate(n=_.count(), v=_.customer_id.nunique()).execute().iloc[0]
        known = float("nan")
        if customers is not None and int(n):
            known = int(
                own.semi_join(customers.select("customer_id").distinct(), "customer_id").count().execute()
            ) / int(n)
        rows.append((channel, int(n), int(visitors), known, given.share, given.source))
    return pd.DataFrame(rows, columns=COLUMNS)
