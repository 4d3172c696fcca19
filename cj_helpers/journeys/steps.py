"""Events -> steps: membership, order, and where one journey ends and the next begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.journeys.moves import changes_next, seconds_between

_MEASURES = ("actor", "mode", "device", "cost", "duration_s", "effort", "satisfaction", "observed_until")
_CUSTOMER = ["_named", "_customer"]
_BLOCK = [*_CUSTOMER, "_block"]

Definitions = Mapping[str, JourneyDefinition]


def build_steps(
    events: ir.Table,
    *,
    definitions: Definitions,
    as_of: datetime,
    keep: Iterable[str] = (),
    log_start: ir.TimestampScalar | None = None,
) -> ir.Table:
    """Assign events to journeys.

    Parameters
    ----------
    events : ibis table, one row per interaction
        Columns customer_id, timestamp (UTC), touchpoint; optional channel, journey_id, order, row_number
        and actor, mode, device, cost, duration_s, effort, satisfaction, observed_until.
    definitions : mapping of journey key to JourneyDefinition
    as_of : datetime
        UTC; later events are not used.
    keep : iterable of str
        Further event columns to carry along, such as one to compare segments by.
    log_start : ibis timestamp, optional
        When the log begins, where `events` are only a part of it; default: their first timestamp.

    Returns
    -------
    ibis table, one row per event of a journey
        journey, journey_id, customer_id, position (from 1), timestamp, touchpoint, channel, stage,
        next_touchpoint, next_channel, wait (hours until the next step), is_repeat (touchpoint already seen in
        this journey), is_handoff (the customer goes on through another channel: on the customer's step before the
        change, whatever the company sends in between; steps without a channel are skipped), is_left_truncated (on the
        first step of a journey that began before the log), then the measures present and ``keep``. next_touchpoint,
        next_channel and wait are those of the very next step, by whom it may be.

    Notes
    -----
    The window functions over the raw log are most of the work: `keep_steps` does them once.
    """
    start = events.timestamp.min().as_scalar() if log_start is None else log_start
    carried = [name for name in dict.fromkeys([*_MEASURES, *keep]) if name in events.columns]
    parts = [_steps_of(events, d, as_of, carried, start) for d in definitions.values()]
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _steps_of(
    events: ir.Table,
    definition: JourneyDefinition,
    as_of: datetime,
    carried: list[str],
    log_start: ir.TimestampScalar,
) -> ir.Table:
    seen = _look_back(member_events(events, definition, as_of, carried), definition)
    blocks = _mark_blocks(_mark_starts(seen, definition, log_start))
    return _describe_steps(blocks.filter(_._open), definition, carried)


def member_events(events: ir.Table, definition: JourneyDefinition, as_of: datetime, carried: list[str]) -> ir.Table:
    """Keep the definition's events up to as_of, with the columns that order and group them."""
    table = events.filter(_.timestamp <= ibis.literal(as_of, type="timestamp"))
    if definition.members:
        table = table.filter(_.touchpoint.isin(definition.members))
    named = _named_journeys(table.journey_id) if "journey_id" in table.columns else ibis.null("string")
    columns = {
        "_named": named,
        "_customer": named.isnull().ifelse(table.customer_id, ibis.null("string")),
        **{f"_order_{i}": table[name] for i, name in enumerate(order_columns(events))},
    }
    channel = table.channel if "channel" in table.columns else ibis.null("string")
    return table.select("customer_id", "timestamp", "touchpoint", *carried, channel=channel, **columns)


def _named_journeys(journey_id: ir.StringValue) -> ir.StringValue:
    """Give a # more to names that a journey without one might have, customer#number, so that no two become one."""
    return journey_id.re_search("#[0-9]+#*$").ifelse(journey_id.concat("#"), journey_id)


def order_columns(events: ir.Table) -> list[str]:
    """Name the columns that order one customer's events, most important first."""
    ties = [name for name in ("order", "row_number") if name in events.columns]
    return ["timestamp", *(ties or ["touchpoint"])]


def silence_deadline(
    touchpoint: ir.StringValue, timestamp: ir.TimestampValue, definition: JourneyDefinition
) -> ir.TimestampValue:
    """Return the moment after which silence ends a journey whose last event is this one; null for never."""
    never = ibis.null("timestamp")
    default = never if definition.timeout is None else timestamp + interval(definition.timeout)
    branches = [(touchpoint == name, timestamp + interval(t)) for name, t in definition.timeouts.items()]
    if definition.waiting_on_company:
        branches.insert(0, (touchpoint.isin(definition.waiting_on_company), never))
    return ibis.cases(*branches, else_=default) if branches else default


def interval(length: timedelta) -> Any:
    return ibis.interval(seconds=round(length.total_seconds()))


def _look_back(table: ir.Table, definition: JourneyDefinition) -> ir.Table:
    """Number each customer's events, and add whether and when the one before ended a journey."""
    ends = [*definition.success, *definition.abandon]
    table = table.mutate(
        _deadline=silence_deadline(table.touchpoint, table.timestamp, definition),
        _ends=table.touchpoint.isin(ends),
    )
    order = [table[name] for name in table.columns if name.startswith("_order_")]
    by_customer = ibis.window(group_by=_CUSTOMER, order_by=order)
    return table.mutate(
        _row=ibis.row_number().over(by_customer),
        _before_ends=table._ends.lag().over(by_customer),
        _before_deadline=table._deadline.lag().over(by_customer),
    )


def _mark_starts(table: ir.Table, definition: JourneyDefinition, log_start: ir.TimestampScalar) -> ir.Table:
    """Say which events may open a journey, and which are the first left of one that the log's start cut."""
    never = ibis.literal(False)
    if not definition.start:
        return table.mutate(is_left_truncated=never, _opens=ibis.literal(True))
    opens, cut = table.touchpoint.isin(definition.start), never
    if definition.timeout is not None:
        reach = log_start + interval(definition.timeout)
        cut = (table._row == 0) & table._named.isnull() & ~opens & (table.timestamp <= reach)
    return table.mutate(is_left_truncated=cut, _opens=opens | cut | table._named.notnull())


def _mark_blocks(table: ir.Table) -> ir.Table:
    """Number each customer's runs of events between ends (success, abandon, silence), open from their first start on.

    A run is open at an event when the latest start so far is not before the latest break: one window for both.
    """
    ended = table._before_ends | (table.timestamp > table._before_deadline).fill_null(False)
    breaks = (table._row == 0) | (table._named.isnull() & ended)
    table = table.mutate(
        _breaks=breaks.ifelse(1, 0),
        _broke_at=breaks.ifelse(table._row, 0),
        _opened_at=table._opens.ifelse(table._row, -1),
    )
    running = ibis.window(group_by=_CUSTOMER, order_by="_row", preceding=None, following=0)
    return table.mutate(
        _block=table._breaks.sum().over(running),
        _open=table._opened_at.max().over(running) >= table._broke_at.max().over(running),
    )


def _describe_steps(table: ir.Table, definition: JourneyDefinition, carried: list[str]) -> ir.Table:
    """Add position, what follows, wait, repeats and hand-offs within each block."""
    ordered = ibis.window(group_by=_BLOCK, order_by="_row")
    same = ibis.window(group_by=[*_BLOCK, "touchpoint"], order_by="_row")
    table = table.mutate(
        position=ibis.row_number().over(ordered) + 1,
        next_touchpoint=table.touchpoint.lead().over(ordered),
        next_channel=table.channel.lead().over(ordered),
        _next_at=table.timestamp.lead().over(ordered),
        is_repeat=ibis.row_number().over(same) > 0,
        is_handoff=changes_next(table, "channel", group_by=_BLOCK, order_by="_row"),
    )
    unnamed = table.customer_id.concat("#", table._block.cast("string"))
    return table.select(
        journey=ibis.literal(definition.key),
        journey_id=table._named.fill_null(unnamed),
        customer_id=table.customer_id,
        position=table.position,
        timestamp=table.timestamp,
        touchpoint=table.touchpoint,
        channel=table.channel,
        stage=stage_of(table.touchpoint, definition),
        next_touchpoint=table.next_touchpoint,
        next_channel=table.next_channel,
        wait=seconds_between(table.timestamp, table._next_at) / 3600,
        is_repeat=table.is_repeat,
        is_handoff=table.is_handoff,
        is_left_truncated=table.is_left_truncated,
        **{name: table[name] for name in carried},
    )


def stage_of(touchpoint: ir.StringValue, definition: JourneyDefinition) -> ir.StringValue:
    """Return the stage of a touchpoint, null when it has none."""
    branches = [(touchpoint.isin(names), stage) for stage, names in definition.stages.items()]
    return ibis.cases(*branches, else_=ibis.null("string")) if branches else ibis.null("string")
