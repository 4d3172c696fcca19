"""Features of a customer at a landmark, each from one table as it was known then; all in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.churn.known import back, days_between, last_valid, literal, steps_known_at
from cj_helpers.contract import ABANDONED, ASSISTED, COMPLETED, OPEN, SELF_SERVICE
from cj_helpers.dataset import Dataset
from cj_helpers.journeys import build_journeys

RECENT_DAYS = 90  # how far "recent" reaches back
YEAR_DAYS = 365

EVENT_COUNTS = ("frequency", "assisted", "price_rises", "open_complaints", "recent_complaints")
JOURNEY_COUNTS = ("failed", "completed", "open_journeys", "overdue", "handoffs", "repeats", "escalations")


def event_features(data: Dataset, at: datetime) -> ir.Table:
    """Recency and frequency of the customer's own events, assisted contacts, price rises and complaints.

    One row per customer with an event up to the landmark: recency_days (since the last own event), frequency, assisted,
    price_rises, recent_complaints (each in the last 90 days), open_complaints (filed and not closed).
    """
    events, churn = data.events, data.config.churn
    known = events.filter(events.timestamp <= literal(at))  # type: ignore[union-attr]
    recent = known.timestamp > back(at, RECENT_DAYS)
    own = (known.actor.fill_null("customer") == "customer") if "actor" in known.columns else None
    helped = (known.mode == ASSISTED).fill_null(False) if "mode" in known.columns else ibis.literal(False)
    mine = recent if own is None else recent & own
    filed, closed = (_named(known, names) for names in (churn.complaint_opened, churn.complaint_closed))
    counts = known.group_by("customer_id").aggregate(
        _last=known.timestamp.max() if own is None else known.timestamp.max(where=own),
        frequency=_.count(where=mine),
        assisted=_.count(where=mine & helped),
        price_rises=_.count(where=recent & _named(known, churn.price_rise)),
        recent_complaints=_.count(where=recent & filed),
        _filed=_.count(where=filed),
        _closed=_.count(where=closed),
    )
    return counts.select(
        "customer_id",
        *[name for name in EVENT_COUNTS if name != "open_complaints"],
        recency_days=days_between(counts._last, literal(at)),
        open_complaints=ibis.greatest(counts._filed - counts._closed, 0),
    )


def _named(events: ir.Table, touchpoints: Sequence[str]) -> Any:
    return events.touchpoint.isin(list(touchpoints)) if touchpoints else ibis.literal(False)


def journey_features(data: Dataset, steps: ir.Table, at: datetime) -> ir.Table:
    """How the customer's journeys went.

    One row per customer with a journey: failed and completed (journeys that ended so in the last 90 days),
    open_journeys, overdue (at the landmark), handoffs, repeats and escalations (journeys in which the customer turned
    from self-service to a person) of the journeys with an event in the last 90 days.
    """
    known = steps_known_at(steps, at)
    journeys = build_journeys(known, definitions=data.journeys, as_of=at)
    ended, active = (_.ended_at > back(at, RECENT_DAYS)).fill_null(False), _.last_event_at > back(at, RECENT_DAYS)
    counts = journeys.group_by("customer_id").aggregate(
        failed=_.count(where=(_.outcome == ABANDONED) & ended),
        completed=_.count(where=(_.outcome == COMPLETED) & ended),
        open_journeys=_.count(where=_.outcome == OPEN),
        overdue=_.count(where=_.is_overdue),
        handoffs=_.n_handoffs.sum(where=active),
        repeats=_.n_repeats.sum(where=active),
    )
    if "mode" not in known.columns:
        return counts.mutate(escalations=ibis.literal(0))
    by_mode = known.group_by("journey", "journey_id").aggregate(
        customer_id=_.customer_id.min(),
        alone=_.timestamp.min(where=_.mode == SELF_SERVICE),
        helped=_.timestamp.max(where=_.mode == ASSISTED),
        last=_.timestamp.max(),
    )
    turned = (_.helped > _.alone).fill_null(False) & (_.last > back(at, RECENT_DAYS))
    escalated = by_mode.filter(turned).group_by("customer_id").aggregate(escalations=_.count())
    joined = counts.left_join(escalated, "customer_id")
    return joined.select(*counts.columns, escalations=joined.escalations.fill_null(0))


def survey_features(data: Dataset, at: datetime) -> ir.Table:
    """The likelihood to recommend of each customer's last answer (last_nps), a mean where several are of one moment."""
    answers = data.surveys
    known = answers.filter((answers.answered_at <= literal(at)) & answers.nps.notnull())  # type: ignore[union-attr]
    known = known.select("customer_id", "answered_at", nps=known.nps.cast("float64"))
    last = known.group_by("customer_id").aggregate(answered_at=_.answered_at.max())
    same = known.semi_join(last, ["customer_id", "answered_at"])
    return same.group_by("customer_id").aggregate(last_nps=_.nps.mean())


def has_answers(data: Dataset) -> bool:
    """Whether answers can be put to customers and dates."""
    return data.surveys is not None and {"customer_id", "answered_at", "nps"} <= set(data.surveys.columns)


def contract_features(data: Dataset, contracts: ir.Table, at: datetime) -> dict[str, ir.Value]:
    """Tenure, whether the minimum term still runs, and the price and its change where prices are dated."""
    columns: dict[str, ir.Value] = {"tenure_days": days_between(contracts.started_at, literal(at))}
    if "bound_until" in contracts.columns:
        columns["is_bound"] = (contracts.bound_until > literal(at)).fill_null(False).ifelse(1, 0)
    price = data.config.churn.revenue or "monthly_revenue"
    if price in contracts.columns and "valid_from" in contracts.columns:
        columns["price"] = contracts[price].cast("float64")
    return columns


def price_change(data: Dataset, at: datetime) -> ir.Table | None:
    """Price of a year before the landmark by customer (price_before), None where prices are not dated."""
    table, price = data.history, data.config.churn.revenue or "monthly_revenue"
    if table is None or not {price, "valid_from"} <= set(table.columns):
        return None
    before = last_valid(table, at - timedelta(days=YEAR_DAYS))
    return before.select("customer_id", price_before=before[price].cast("float64"))
