"""How long journeys stay at each stage and how they leave it, and when they are overdue."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, MOVED_ON, JourneyDefinition
from cj_helpers.journeys.moves import seconds_between
from cj_helpers.journeys.steps import Definitions, interval

_DAY = 86_400
_KEYS = ["journey", "journey_id"]


def stage_spells(
    steps: ir.Table, *, journeys: ir.Table, definitions: Definitions, keep_left_truncated: bool = True
) -> pd.DataFrame:
    """Time from the first arrival at each stage until the journey moved on, was given up, or was last observed.

    Parameters
    ----------
    steps, journeys : ibis tables
        What ``build_steps`` and ``build_journeys`` return.
    definitions : mapping of journey key to JourneyDefinition
        Those without stages are left out.

    Returns
    -------
    DataFrame, one row per journey and stage reached, stages in their order
        journey, stage, customer, duration_days (since the arrival), outcome (moved_on: to a later stage or to
        completion; abandoned; open), n = 1. A stage that is returned to from a later one does not count again; the
        completing step itself is no stay.
    """
    parts = []
    kept = journeys if keep_left_truncated else journeys.filter(~_.is_left_truncated)
    kept = kept.filter((_.duration >= 0).fill_null(False))
    kept = kept.mutate(customer=ibis.dense_rank().over(order_by=kept.customer_id))
    for definition in definitions.values():
        if definition.stages:
            found = stays(steps, journeys=kept, definition=definition)
            rows = found.order_by("place", "duration_days", "customer", "outcome").execute()
            stage = rows.pop("place").map(dict(enumerate(definition.stages)))
            parts.append(rows.assign(journey=definition.key, stage=stage, n=1))
    names = ["journey", "stage", "customer", "duration_days", "outcome", "n"]
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def stays(steps: ir.Table, *, journeys: ir.Table, definition: JourneyDefinition) -> ir.Table:
    """Return the rows of `stage_spells` for one definition, in the engine.

    Parameters
    ----------
    journeys : ibis table
        With a column customer, which the result takes over.

    Returns
    -------
    ibis table, one row per journey and stage reached
        place (of the stage, from 0), customer, duration_days, outcome.
    """
    names = list(definition.stages)
    own = steps.filter((_.journey == definition.key) & _.stage.notnull())
    rank = ibis.cases(*[(own.stage == name, place) for place, name in enumerate(names)], else_=-1)
    arrivals = own.group_by("journey", "journey_id", _rank=rank).aggregate(arrived_at=_.timestamp.min())
    order = ibis.window(group_by=_KEYS, order_by=["arrived_at", "_rank"])
    before = ibis.window(group_by=_KEYS, order_by=["arrived_at", "_rank"], preceding=None, following=0)
    arrivals = arrivals.mutate(_furthest=arrivals._rank.max().over(before))
    arrivals = arrivals.filter(_._rank == _._furthest)
    arrivals = arrivals.mutate(left_at=arrivals.arrived_at.lead().over(order))
    columns = ["customer", "started_at", "duration", "outcome"]
    joined = arrivals.inner_join(journeys.select(*_KEYS, *columns), _KEYS)
    arrived = seconds_between(joined.started_at, joined.arrived_at) / _DAY
    left = seconds_between(joined.started_at, joined.left_at) / _DAY
    moved = joined.left_at.notnull() | (joined.outcome == COMPLETED)
    table = joined.mutate(
        _arrived=arrived,
        duration_days=left.fill_null(joined.duration) - arrived,
        outcome=moved.ifelse(MOVED_ON, joined.outcome),
    )
    done = (table.duration_days <= 0) & table.left_at.isnull() & (table.outcome == MOVED_ON)
    kept = table.filter(~done & (table.duration_days >= 0))
    return kept.select("customer", "duration_days", "outcome", place=kept["_rank"])


def overdue_waits(steps: ir.Table, *, journeys: ir.Table, definitions: Definitions) -> pd.DataFrame:
    """Time spans in which a journey waited for the company longer than promised.

    Returns
    -------
    DataFrame, one row per such wait
        journey, customer, from_days, to_days (since the start of the journey; the wait ends with the next step, the end
        of the journey or of its observation). Empty where no definition has waiting_on_company and promise.
    """
    names = ["journey", "customer", "from_days", "to_days"]
    parts = []
    kept = journeys.mutate(customer=ibis.dense_rank().over(order_by=journeys.customer_id))
    for definition in definitions.values():
        if not definition.waiting_on_company or definition.promise is None:
            continue
        own = steps.filter((_.journey == definition.key) & _.touchpoint.isin(definition.waiting_on_company))
        joined = own.select(*_KEYS, "timestamp", "wait").inner_join(
            kept.select(*_KEYS, "customer", "started_at", "duration"), _KEYS
        )
        late = seconds_between(joined.started_at, joined.timestamp + interval(definition.promise)) / _DAY
        waited = seconds_between(joined.started_at, joined.timestamp) / _DAY + joined.wait / 24
        spans = joined.select(
            "journey",
            "customer",
            from_days=late,
            to_days=ibis.least(waited.fill_null(joined.duration), joined.duration),
        )
        spans = spans.filter(_.from_days < _.to_days).order_by("journey", "from_days", "to_days", "customer")
        parts.append(spans.execute())
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)
