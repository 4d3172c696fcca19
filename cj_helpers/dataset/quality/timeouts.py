"""How long customers are silent and still come back: what a timeout should allow for."""

from __future__ import annotations

import math
from collections.abc import Iterable

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition

RETURNS = 0.99
_DAY_SECONDS = 86_400
COLUMNS = [
    "journey",
    "label",
    "touchpoint",
    "n_waits",
    "n_customers",
    "median_days",
    "p99_days",
    "timeout_days",
    "later_share",
    "suggested_days",
]


def suggested_timeouts(events: ir.Table | None, journeys: Iterable[JourneyDefinition]) -> pd.DataFrame:
    """Suggest, per journey, the silence after which hardly anybody came back.

    Parameters
    ----------
    events : ibis table or None
    journeys : iterable of JourneyDefinition

    Returns
    -------
    DataFrame, one row per journey, and per touchpoint with a timeout of its own, with at least one wait
        journey, label, touchpoint (before the wait; empty: all without a timeout of their own), n_waits (waits between
        two of the journey's events that ended with a return), n_customers, median_days and p99_days of them,
        timeout_days (declared; missing: none), later_share (returns that came later than the
        declared timeout: their journeys were counted as abandoned), suggested_days (99 % of returns came within).

    Notes
    -----
    A wait runs between two events of one customer that belong to the journey (of one ``journey_id``, when the
    source names it). Waits after a touchpoint that ends the journey or leaves the customer waiting for the company,
    and waits before a new start, are silence between journeys and do not count. Who never came back has no wait, so
    the quantile is one of returns, not of all silences.
    """
    parts = [_of_journey(events, one) for one in journeys] if events is not None else []
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def returns(events: ir.Table, definition: JourneyDefinition) -> ir.Table:
    """Return the waits of a journey that ended with a return: customer_id, touchpoint before it, wait_days."""
    members = list(definition.members)
    own = events.filter(events.touchpoint.isin(members)) if members else events
    group = ["customer_id", "journey_id"] if "journey_id" in events.columns else ["customer_id"]
    order = [name for name in ("timestamp", "order", "row_number") if name in events.columns]
    before = ibis.window(group_by=group, order_by=order)
    waits = own.mutate(before=_.touchpoint.lag().over(before), since=_.timestamp.lag().over(before))
    closed = [*definition.success, *definition.abandon, *definition.waiting_on_company]
    waits = waits.filter(_.since.notnull() & ~_.before.isin(closed or [""]))
    if definition.start and "journey_id" not in events.columns:
        waits = waits.filter(~_.touchpoint.isin(list(definition.start)))
    seconds = _.timestamp.epoch_seconds() - _.since.epoch_seconds()
    return waits.select("customer_id", before=_.before, wait_days=seconds / float(_DAY_SECONDS))


def _of_journey(events: ir.Table, definition: JourneyDefinition) -> pd.DataFrame:
    waits = returns(events, definition)
    limits = {name: limit.total_seconds() / _DAY_SECONDS for name, limit in definition.timeouts.items()}
    default = definition.timeout.total_seconds() / _DAY_SECONDS if definition.timeout else float("nan")
    own = waits.before.isin(list(limits) or [""])
    limit = _limit(waits.before, limits, default)
    table = (
        waits.mutate(touchpoint=own.ifelse(waits.before, ""), is_later=waits.wait_days > limit)
        .group_by("touchpoint")
        .aggregate(
            n_waits=_.count(),
            n_customers=_.customer_id.nunique(),
            median_days=_.wait_days.quantile(0.5),
            p99_days=_.wait_days.quantile(RETURNS),
            later_share=_.is_later.mean(),
        )
        .order_by("touchpoint")
        .execute()
    )
    table["timeout_days"] = table["touchpoint"].map(limits).astype("float64").fillna(default)
    table["later_share"] = table["later_share"].astype("float64").where(table["timeout_days"].notna())
    table["suggested_days"] = [max(math.ceil(days), 1) for days in table["p99_days"]]
    return table.assign(journey=definition.key, label=definition.label)


def _limit(before: ir.StringValue, limits: dict[str, float], default: float) -> ir.Value:
    """Return the declared timeout after the touchpoint before the wait, in days."""
    usual = ibis.literal(math.inf if math.isnan(default) else default, type="float64")
    branches = [(before == name, ibis.literal(days, type="float64")) for name, days in limits.items()]
    return ibis.cases(*branches, else_=usual) if branches else usual
