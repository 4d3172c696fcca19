"""What was known at a moment: contracts, events, answers and steps of journeys as they stood then."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import DataError
from cj_helpers.dataset import Dataset
from cj_helpers.journeys import build_steps, changes_next

ROW = "row_number"
#: What contracts learn in the course of time: known from the date in the column on.
DATED = ("ended_at", "notice_at", "last_contacted_at")
_STEP_COLUMNS = ("customer_id", "timestamp", "touchpoint", "channel", "mode", "actor", "journey_id", "order")
_DAY_SECONDS = 86_400


def moment(as_of: pd.Timestamp | datetime | str) -> datetime:
    """Return the moment in UTC up to which times are the same second: engines round seconds, so none is cut in two."""
    stamp = pd.Timestamp(as_of)
    if stamp is pd.NaT:
        raise DataError("landmark: the data carry no dates, so nothing tells what was known when")
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return (stamp.floor("s") + pd.Timedelta(microseconds=499_999)).to_pydatetime()


def literal(at: datetime) -> ir.TimestampScalar:
    """A moment in the engine."""
    return ibis.literal(at, type="timestamp")


def days_between(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.NumericValue:
    """Days from start to end, in whole seconds."""
    return (end.epoch_seconds() - start.epoch_seconds()) / _DAY_SECONDS


def is_dated(data: Dataset) -> bool:
    """Whether the customers' table says when contracts began and ended."""
    return data.customers is not None and {"started_at", "ended_at"} <= set(data.customers.columns)


def contracts_known_at(data: Dataset, at: datetime) -> ir.Table:
    """One row per customer who had begun by then, with dates, terms and price as they stood then.

    Raises
    ------
    DataError
        When contracts are not dated.
    """
    table = data.customers if data.history is None else data.history
    if table is None or not is_dated(data):
        raise DataError(
            "tables.customers: found no started_at with ended_at; what was known at a landmark needs dated contracts."
        )
    known = table.filter((_.started_at <= literal(at)).fill_null(False))
    if "valid_from" in table.columns:
        known = last_valid(known, at)
    return _without_later_dates(known, at)


def _without_later_dates(table: ir.Table, at: datetime) -> ir.Table:
    """Dates that were not known yet become empty."""
    later = {name: table[name] > literal(at) for name in DATED if name in table.columns}
    hidden = {name: flag.fill_null(False).ifelse(ibis.null("timestamp"), table[name]) for name, flag in later.items()}
    return table.mutate(**hidden)


def versions_until(history: ir.Table, at: datetime) -> ir.Table:
    """Versions of customers that were on file at a moment, without what they learnt later."""
    return _without_later_dates(history.filter((history.valid_from <= literal(at)).fill_null(True)), at)


def last_valid(customers: ir.Table, at: datetime) -> ir.Table:
    """Of several dated rows of a customer the last that held at a moment; undated rows hold from the beginning."""
    known = customers.filter((customers.valid_from <= literal(at)).fill_null(True))
    ties = [known[ROW].desc()] if ROW in known.columns else []
    latest = ibis.window(group_by=known.customer_id, order_by=[known.valid_from.desc(nulls_first=False), *ties])
    return known.mutate(_rank=ibis.row_number().over(latest)).filter(_._rank == 0).drop("_rank")


def exit_at(table: ir.Table, event: str) -> ir.TimestampValue:
    """When a customer left: the end of the contract, or the notice where one was given and it counts."""
    if event == "notice" and "notice_at" in table.columns:
        return ibis.least(table.notice_at.fill_null(table.ended_at), table.ended_at.fill_null(table.notice_at))
    return table.ended_at


def steps_of_all_time(data: Dataset) -> ir.Table | None:
    """Steps of all journeys up to as_of, kept in the engine; None without journeys.

    The steps up to a moment are the same whether later events are there or not (`steps_known_at`), so several landmarks
    share this table.
    """
    if data.events is None or not data.journeys:
        return None
    return _steps(data.events, data, moment(data.as_of)).cache()


def _steps(events: ir.Table, data: Dataset, at: datetime) -> ir.Table:
    columns = [name for name in (*_STEP_COLUMNS, ROW, "observed_until") if name in events.columns]
    return build_steps(events.select(*columns), definitions=data.journeys, as_of=at)


def steps_known_at(steps: ir.Table, at: datetime) -> ir.Table:
    """Steps up to a moment; what followed later is not known."""
    known = steps.filter(steps.timestamp <= literal(at))
    order = ibis.window(group_by=["journey", "journey_id"], order_by="position")
    return known.mutate(
        next_touchpoint=known.touchpoint.lead().over(order),
        next_channel=known.channel.lead().over(order),
        is_handoff=changes_next(known, "channel"),
    )


def back(at: datetime, days: float) -> ir.TimestampScalar:
    """A moment so many days earlier, in the engine."""
    return literal(at - timedelta(days=days))
