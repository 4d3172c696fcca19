"""Journeys still running some days after their start: the only fair base for what happened in these days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, JourneyDefinition
from cj_helpers.journeys import observed_for

LANDMARK_DAYS = (1, 3)


def take_landmarks(
    journeys: ir.Table,
    *,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    days: Sequence[float] = LANDMARK_DAYS,
) -> ir.Table:
    """Keep the journeys that were still running so many days after their start.

    Returns
    -------
    ibis table, one row per journey and landmark
        journey, landmark_days, journey_id, customer_id, started_at, at (the landmark), x (1: completed within
        ``within`` after the landmark), m (1).

    Notes
    -----
    Only journeys that were observed for `days` + ``within``, so that every one had the whole time. What is known
    at the landmark may be compared; what came later may not, or waiting would look like a cause of success
    (Anderson, Cain & Gelber 1983).
    """
    parts = [_running(journeys, definitions, as_of, float(day)) for day in days]
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _running(
    journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime, days: float
) -> ir.Table:
    """Keep those of one landmark: one look at the journeys for all definitions."""
    reach = timedelta(days=days)
    table = journeys.mutate(at=journeys.started_at + _seconds(reach))
    of = [(table.journey == key, definition.within) for key, definition in definitions.items()]
    whole = ibis.cases(*[(own, observed_for(table, reach + within, as_of=as_of)) for own, within in of], else_=False)
    running = table.filter(whole & (table.ended_at.isnull() | (table.ended_at > table["at"])))
    last = ibis.cases(*[(own, table["at"] + _seconds(within)) for own, within in of], else_=ibis.null("timestamp"))
    won = ((table.outcome == COMPLETED) & (table.ended_at <= last)).fill_null(False)
    columns = ["journey", "journey_id", "customer_id", "started_at", "at"]
    return running.select(*columns, landmark_days=ibis.literal(days), x=won.ifelse(1, 0), m=ibis.literal(1))


def _seconds(length: timedelta) -> Any:
    return ibis.interval(seconds=round(length.total_seconds()))
