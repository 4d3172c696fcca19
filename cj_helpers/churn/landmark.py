"""Landmarks: who was a customer at a moment, what was known of them then, and who left within a horizon after it."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.churn.known import (
    contracts_known_at,
    exit_at,
    literal,
    moment,
    steps_of_all_time,
)
from cj_helpers.churn.landmark_features import (
    EVENT_COUNTS,
    JOURNEY_COUNTS,
    contract_features,
    event_features,
    has_answers,
    journey_features,
    price_change,
    survey_features,
)
from cj_helpers.churn.retention import UNKNOWN
from cj_helpers.churn.transactions import buyers_known_at, buying_again
from cj_helpers.contract import ALL, MISSING, ConfigError, DataError
from cj_helpers.dataset import Dataset

STAYED = "stayed"
VOLUNTARY = "voluntary"
#: Features that hold a count: a customer without a row in their table has none.
COUNTS = (*EVENT_COUNTS, *JOURNEY_COUNTS)
#: Columns of a landmark that are no features.
FACTS = ("customer", "landmark", "segment", "revenue", "outcome", "left")


def landmark_features(data: Dataset, *, as_of: pd.Timestamp, steps: ir.Table | None = None) -> ir.Table:
    """What was known at a landmark of each customer at risk then, as a table of the engine.

    Parameters
    ----------
    as_of : Timestamp
        The landmark, UTC; nothing after its second is used.
    steps : ibis table, optional
        What `steps_of_all_time` returns, when several landmarks share it.

    Returns
    -------
    ibis table, one row per customer under contract and not under notice (or who bought recently)
        customer_id and the features that the tables allow: tenure_days, is_bound, price, price_change (over a year; 0
        for younger customers); recency_days, frequency, assisted, price_rises, recent_complaints, open_complaints;
        failed, completed, open_journeys, overdue, handoffs, repeats, escalations; last_nps; and the static attributes
        of dataset.yml as text or numbers.
    """
    at = moment(as_of)
    table = _at_risk(data, at)
    base = table.select("customer_id", **contract_features(data, table, at), **_static(data, table))
    parts: list[ir.Table] = []
    if data.events is not None:
        parts.append(event_features(data, at))
    steps = steps if steps is not None else steps_of_all_time(data)
    if steps is not None:
        parts.append(journey_features(data, steps, at))
    if has_answers(data):
        parts.append(survey_features(data, at))
    before = price_change(data, at)
    for part in [*parts, *([] if before is None else [before])]:
        base = _beside(base, part)
    if before is not None:
        base = base.mutate(price_change=base.price - base.price_before.fill_null(base.price)).drop("price_before")
    return base


def _beside(base: ir.Table, part: ir.Table) -> ir.Table:
    """Features of another table beside those so far; who has none of what is counted has 0."""
    joined = base.left_join(part, "customer_id")
    names = [name for name in part.columns if name != "customer_id"]
    new = {name: part[name].fill_null(0) if name in COUNTS else part[name] for name in names}
    return joined.select(*[base[name] for name in base.columns], **new)


def _at_risk(data: Dataset, at: datetime) -> ir.Table:
    """Contracts that ran at the landmark without notice, or customers who bought recently."""
    if not data.config.churn.contractual:
        return buyers_known_at(data, at)
    table = contracts_known_at(data, at)
    gone = table.ended_at.notnull()
    if "notice_at" in table.columns:
        gone = gone | table.notice_at.notnull()
    if "observed_from" in table.columns:
        gone = gone | (table.observed_from > literal(at)).fill_null(False)
    if "observed_until" in table.columns:
        gone = gone | (table.observed_until <= literal(at)).fill_null(False)
    return table.filter(~gone)


def _static(data: Dataset, table: ir.Table) -> dict[str, ir.Value]:
    names = [name for name in data.config.churn.static if name in table.columns]
    numbers = {name for name in names if table[name].type().is_numeric()}
    return {name: table[name] if name in numbers else table[name].cast("string").fill_null(MISSING) for name in names}


def take_landmark(
    data: Dataset,
    *,
    as_of: pd.Timestamp | str,
    horizon: timedelta,
    segment_col: str = "",
    steps: ir.Table | None = None,
) -> pd.DataFrame:
    """Customers at risk at a landmark with what was known of them then, and who left within the horizon after it.

    Parameters
    ----------
    as_of : Timestamp or str
        The landmark, UTC.
    horizon : timedelta
        Who leaves until then counts.
    segment_col : str
        Column of customers to compare by; "" for none.
    steps : ibis table, optional
        What `steps_of_all_time` returns, when several landmarks share it.

    Returns
    -------
    DataFrame, one row per customer, ordered by customer
        customer (a running number, the same at every landmark of the data set), landmark, segment, revenue (a month,
        as the file has it today: for money only), the features of `landmark_features`, outcome (stayed, voluntary,
        involuntary, moved or another reason, unknown; missing when not observed for the whole horizon), left (1.0 for
        the outcome to prevent: voluntary or unknown exits, 0.0 for others, NaN when the outcome is missing).

    Raises
    ------
    ConfigError
        When the horizon is not positive.
    DataError
        When contracts are not dated, the landmark is before the first event, or nobody was at risk then.

    Notes
    -----
    Everything is computed by the engine; no feature reads a row later than the landmark, which `leakage_guard` checks.
    Customers under notice at the landmark are not at risk any more. Censored within the horizon is not "stayed".
    """
    at = moment(as_of)
    if not horizon > timedelta(0):
        raise ConfigError(f"horizon: found {horizon}; needed is a positive length of time")
    if data.events is not None and (first := data.events.timestamp.min().execute()) > pd.Timestamp(at):
        raise DataError(f"landmark: {at:%Y-%m-%d} is before the first event ({first:%Y-%m-%d}); choose a later one")
    features = landmark_features(data, as_of=pd.Timestamp(at), steps=steps)
    facts = _facts(data, at, horizon, segment_col)
    joined = features.inner_join(facts, "customer_id")
    columns = [name for name in features.columns if name != "customer_id"]
    frame = joined.select(*facts.drop("customer_id").columns, *columns).order_by("customer").execute()
    if frame.empty:
        raise DataError(f"landmark: nobody was a customer on {at:%Y-%m-%d}; choose another landmark")
    frame.insert(1, "landmark", pd.Timestamp(at).floor("s"))
    numbers = frame.select_dtypes(["number", "boolean"]).columns.difference(["customer"])
    return frame.astype(dict.fromkeys(numbers, "float64")).reset_index(drop=True)


def _facts(data: Dataset, at: datetime, horizon: timedelta, segment_col: str) -> ir.Table:
    """Running number, segment, revenue and outcome of every customer."""
    until = at + horizon
    seen = until <= moment(data.as_of)
    if not data.config.churn.contractual:
        return buying_again(data, at, until, seen)
    table = data.customers
    observed = ibis.literal(seen)
    if "observed_until" in table.columns:  # type: ignore[union-attr]
        observed = observed & (table.observed_until >= literal(until)).fill_null(True)  # type: ignore[union-attr]
    return _labelled(data, table, at, until, observed, segment_col)  # type: ignore[arg-type]


def _labelled(
    data: Dataset, table: ir.Table, at: datetime, until: datetime, seen: ir.BooleanValue, segment_col: str
) -> ir.Table:
    churn = data.config.churn
    exits = exit_at(table, churn.event)
    leaves = ((exits > literal(at)) & (exits <= literal(until))).fill_null(False)
    reason = table[churn.reason or "exit_reason"] if (churn.reason or "exit_reason") in table.columns else None
    why = ibis.literal(UNKNOWN) if reason is None else reason.cast("string").fill_null(UNKNOWN)
    none = ibis.null("string")
    outcome = ibis.cases((~seen & ~leaves, none), (leaves, why), else_=STAYED)
    outcome = ibis.literal(until <= moment(data.as_of)).ifelse(outcome, none)
    price = churn.revenue or "monthly_revenue"
    counted = ibis.cases((outcome.isnull(), ibis.null("float64")), (outcome.isin([VOLUNTARY, UNKNOWN]), 1.0), else_=0.0)
    return table.select(
        "customer_id",
        customer=ibis.dense_rank().over(order_by=table.customer_id),
        segment=table[segment_col].cast("string").fill_null(MISSING) if segment_col else ibis.literal(ALL),
        revenue=table[price].cast("float64") if price in table.columns else ibis.null("float64"),
        outcome=outcome,
        left=counted,
    )


def take_landmarks(
    data: Dataset,
    *,
    moments: list[pd.Timestamp],
    horizon: timedelta,
    segment_col: str = "",
    steps: ir.Table | None = None,
) -> pd.DataFrame:
    """Several landmarks one below the other, as `take_landmark` gives each of them."""
    steps = steps if steps is not None else steps_of_all_time(data)
    frames = [take_landmark(data, as_of=at, horizon=horizon, segment_col=segment_col, steps=steps) for at in moments]
    return pd.concat(frames, ignore_index=True)


def feature_columns(landmarks: pd.DataFrame) -> list[str]:
    """Names of the features in a table of landmarks."""
    return [name for name in landmarks.columns if name not in FACTS]
