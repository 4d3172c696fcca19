"""Steps -> journeys: how each journey ended, when, and what it took."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, COMPLETED, OPEN, JourneyDefinition
from cj_helpers.journeys.moves import seconds_between
from cj_helpers.journeys.steps import Definitions, interval, silence_deadline

_DAY_SECONDS = 86_400


def build_journeys(steps: ir.Table, *, definitions: Definitions, as_of: datetime) -> ir.Table:
    """Summarise steps into journeys with their outcome.

    Parameters
    ----------
    steps : ibis table
        What ``build_steps`` returns for the same definitions and as_of.

    Returns
    -------
    ibis table, one row per journey
        journey, journey_id, customer_id, started_at, last_event_at, ended_at (null while open), outcome
        (completed | abandoned | open), n_steps, n_repeats, n_handoffs, n_channels, furthest_stage,
        duration (days from start to the end, or to the censoring time while open), cost, is_left_truncated,
        is_overdue (open, waiting on the company for longer than promised), and observed_until (the censoring time)
        where the events carry one.

    Notes
    -----
    Open journeys are censored at ``as_of``, or at ``observed_until`` where the events carry one.
    """
    parts = [_journeys_of(steps.filter(_.journey == d.key), d, as_of) for d in definitions.values()]
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def observed_for(journeys: ir.Table, length: timedelta, *, as_of: datetime) -> ir.BooleanValue:
    """Say which journeys were observed for at least `length` since they began, however they ended.

    Only they tell the share that does something within `length`: of younger ones those that did it early are known.
    """
    start = journeys.started_at
    if "observed_until" in journeys.columns:
        return start + interval(length) <= journeys.observed_until
    return start <= ibis.literal(as_of - length, type="timestamp")


def _journeys_of(steps: ir.Table, definition: JourneyDefinition, as_of: datetime) -> ir.Table:
    grouped = _aggregate_steps(steps, definition)
    censor = ibis.literal(as_of, type="timestamp")
    if "observed_until" in steps.columns:
        censor = ibis.least(censor, grouped.observed_until.fill_null(censor))
    deadline = silence_deadline(grouped.last_touchpoint, grouped.last_event_at, definition)
    success_first = grouped.success_position < grouped.abandon_position.fill_null(2**31)
    table = grouped.mutate(
        _censor=censor,
        _silent=(deadline <= censor).fill_null(False),
        _deadline=deadline,
        _completed=success_first.fill_null(False),
        _gave_up=(grouped.abandon_position.notnull() & ~success_first.fill_null(False)),
    )
    return _select_journeys(_with_outcome(table), definition)


def _aggregate_steps(steps: ir.Table, definition: JourneyDefinition) -> ir.Table:
    first, last = _.position == 1, _.next_touchpoint.isnull()
    succeeds, abandons = _.touchpoint.isin(definition.success), _.touchpoint.isin(definition.abandon or [""])
    names = list(definition.stages)
    optional = {"observed_until": _.observed_until.max(), "cost": _.cost.sum()}
    extra: dict[str, Any] = {name: value for name, value in optional.items() if name in steps.columns}
    if names:
        extra["stage_rank"] = ibis.cases(*[(_.stage == s, i) for i, s in enumerate(names)], else_=None).max()
    return steps.group_by("journey", "journey_id").aggregate(
        customer_id=_.customer_id.max(where=first),
        started_at=_.timestamp.min(),
        last_event_at=_.timestamp.max(),
        last_touchpoint=_.touchpoint.max(where=last),
        success_position=_.position.min(where=succeeds),
        success_at=_.timestamp.min(where=succeeds),
        abandon_position=_.position.min(where=abandons),
        abandon_at=_.timestamp.min(where=abandons),
        n_steps=_.count(),
        n_repeats=_.is_repeat.ifelse(1, 0).sum(),
        n_handoffs=_.is_handoff.ifelse(1, 0).sum(),
        n_channels=_.channel.nunique(),
        is_left_truncated=_.is_left_truncated.ifelse(1, 0).max() == 1,
        **extra,
    )


def _with_outcome(table: ir.Table) -> ir.Table:
    outcome = ibis.cases(
        (table._completed, COMPLETED), (table._gave_up, ABANDONED), (table._silent, ABANDONED), else_=OPEN
    )
    ended = ibis.cases(
        (table._completed, table.success_at),
        (table._gave_up, table.abandon_at),
        (table._silent, table._deadline),
        else_=ibis.null("timestamp"),
    )
    return table.mutate(outcome=outcome, ended_at=ended)


def _select_journeys(table: ir.Table, definition: JourneyDefinition) -> ir.Table:
    overdue: Any = ibis.literal(False)
    if definition.waiting_on_company and definition.promise is not None:
        late = table._censor > table.last_event_at + interval(definition.promise)
        overdue = (table.outcome == OPEN) & table.last_touchpoint.isin(definition.waiting_on_company) & late
    names = list(definition.stages)
    until = {"observed_until": table._censor} if "observed_until" in table.columns else {}
    furthest = ibis.cases(*[(table.stage_rank == i, s) for i, s in enumerate(names)], else_=None) if names else None
    return table.select(
        "journey",
        "journey_id",
        "customer_id",
        "started_at",
        "last_event_at",
        "ended_at",
        "outcome",
        "n_steps",
        "n_repeats",
        "n_handoffs",
        "n_channels",
        furthest_stage=ibis.null("string") if furthest is None else furthest,
        duration=seconds_between(table.started_at, table.ended_at.fill_null(table._censor)) / _DAY_SECONDS,
        cost=table.cost.cast("float64") if "cost" in table.columns else ibis.null("float64"),
        is_left_truncated=table.is_left_truncated,
        is_overdue=overdue,
        **until,
    )
