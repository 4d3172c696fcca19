"""Moves of the customer from one step to the next, and which of them change channel, device or mode."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
from ibis import _
from ibis.expr import types as ir

_KEYS = ("journey", "journey_id")


def is_known_own(table: ir.Table, column: str) -> ir.BooleanValue:
    """Say which events are the customer's (where actor says so) and know the value of a column."""
    known = table[column].notnull()
    if "actor" not in table.columns:
        return known
    return known & (table.actor.fill_null("customer") == "customer")


def changes_next(
    table: ir.Table, column: str, *, group_by: Sequence[str] = _KEYS, order_by: str = "position"
) -> ir.BooleanValue:
    """Say after which steps the customer goes on with another value.

    What the company does in between and steps that do not know the value are skipped: web (customer), email (company),
    unknown, phone (customer) is one change from web to phone, and it belongs to the first of these steps.
    """
    own = is_known_own(table, column)
    following = table[column].lead().over(group_by=[*group_by, own], order_by=order_by)
    return (own & (table[column] != following)).fill_null(False)


def own_moves(steps: ir.Table, *, dimension: str = "channel") -> ir.Table:
    """List the moves of customers between two steps of theirs, in all that is known of one dimension.

    Parameters
    ----------
    steps : ibis table
        What ``build_steps`` returns.
    dimension : {"channel", "device", "mode"}

    Returns
    -------
    ibis table, one row per step of the customer that a further one follows in the journey
        journey, journey_id, customer_id, from_value, to_value, wait (hours between the two), arrived (time of the
        second), again (the second repeats a touchpoint), changes (to_value is another). Steps by the company or the
        system, and those without a value, are no part of it: they neither begin nor end a move.
    """
    own = steps.filter(is_known_own(steps, dimension))
    order = ibis.window(group_by=_KEYS, order_by="position")
    moves = own.select(
        *_KEYS,
        "customer_id",
        "timestamp",
        from_value=own[dimension],
        to_value=own[dimension].lead().over(order),
        arrived=own.timestamp.lead().over(order),
        again=own.is_repeat.lead().over(order),
    )
    moves = moves.filter(_.to_value.notnull())
    wait = seconds_between(moves.timestamp, moves.arrived) / 3600
    return moves.mutate(wait=wait, changes=moves.from_value != moves.to_value).drop("timestamp")


def seconds_between(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.NumericValue:
    """Return the seconds from start to end, both cut to whole seconds on every engine; null when either is.

    Two events less than a second apart may thus have no time between them, and still have their order.
    """
    return _whole_seconds(end) - _whole_seconds(start)


def _whole_seconds(moment: ir.TimestampValue) -> ir.NumericValue:
    # DuckDB and PostgreSQL keep fractions of seconds here, Spark does not
    return moment.epoch_seconds().floor().cast("int64")
