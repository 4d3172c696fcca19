"""Journeys still running some days after their start: the only fair base for what happened in these days."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, JourneyDefinition


def take_landmark(journeys: ir.Table, *, definition: JourneyDefinition, as_of: datetime, days: float) -> ir.Table:
    """Keep the journeys of a definition that were still running `days` after their start.

    Returns
    -------
    ibis table, one row per journey
        journey_id, customer_id, started_at, at (the landmark), cost, x (1: completed within ``within`` after the
        landmark), m (1).

    Notes
    -----
    Only journeys that started `days` + ``within`` before as_of, so that every one had the whole time. What is known
    at the landmark may be compared; what came later may not, or waiting would look like a cause of success
    (Anderson, Cain & Gelber 1983).
    """
    reach = timedelta(days=days)
    end = ibis.literal(as_of - reach - definition.within, type="timestamp")
    own = journeys.filter((_.journey == definition.key) & (_.started_at <= end))
    at = own.started_at + ibis.interval(seconds=round(reach.total_seconds()))
    running = own.mutate(at=at).filter(_.ended_at.isnull() | (_.ended_at > _.at))
    last = running["at"] + ibis.interval(seconds=round(definition.within.total_seconds()))
    won = ((running.outcome == COMPLETED) & (running.ended_at <= last)).fill_null(False)
    columns = ["journey_id", "customer_id", "started_at", "at", "cost"]
    return running.select(*columns, x=won.ifelse(1, 0), m=ibis.literal(1))
