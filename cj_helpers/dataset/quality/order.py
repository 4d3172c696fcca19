"""Events whose order within a customer the clock alone does not tell."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr import types as ir

COLUMNS = ["source", "n_events", "n_tied", "share", "n_repeated", "decided_by"]


def ties(events: ir.Table | None) -> pd.DataFrame:
    """Count events of one customer at the same moment, by source, and say what puts them in order.

    Returns
    -------
    DataFrame, one row per source
        source, n_events, n_tied (another event of the customer has the same timestamp), share of n_events,
        n_repeated (the touchpoint is the same too: the same thing noted twice, or two of it), decided_by
        (``order``: a column of the data; ``row``: the row in the source, which says something only when the source
        was written in order). Empty without events.

    Examples
    --------
    A customer with ``visit 10:00, search 10:00, search 10:00, buy 10:05`` has 3 tied events, 2 of them repeated.
    """
    if events is None:
        return pd.DataFrame(columns=COLUMNS)
    at = events.group_by("customer_id", "timestamp", "touchpoint", "source").aggregate(n=_.count())
    keys = ["customer_id", "timestamp"]
    moments = at.group_by(keys).aggregate(n_moment=_.n.sum()).filter(_.n_moment > 1)
    same = at.group_by([*keys, "touchpoint"]).aggregate(n_same=_.n.sum()).filter(_.n_same > 1)
    tied = at.join(moments, keys).group_by("source").aggregate(n_tied=_.n.sum()).execute()
    repeated = at.join(same, [*keys, "touchpoint"]).group_by("source").aggregate(n_repeated=_.n.sum()).execute()
    table = events.group_by("source").aggregate(n_events=_.count()).order_by("source").execute()
    for found in (tied, repeated):
        table = table.merge(found, on="source", how="left")
    table[["n_tied", "n_repeated"]] = table[["n_tied", "n_repeated"]].fillna(0).astype("int64")
    table["share"] = table["n_tied"] / table["n_events"]
    table["decided_by"] = "order" if "order" in events.columns else "row"
    return table[COLUMNS]
