"""Checks that need the data: touchpoints, customers, which analyses are possible, which feed lags."""

from __future__ import annotations

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.problems import Problem, verb
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.unify import local_time


def check_touchpoints(config: DatasetConfig, events: ir.Table | None) -> None:
    """A touchpoint that never occurs is a misspelling or a missing feed."""
    if events is None:
        if config.journeys:
            raise ConfigError("journeys: defined, but tables.events names no source; add one or drop journeys.")
        return
    seen = sorted(str(name) for name in events.touchpoint.as_table().distinct().execute()["touchpoint"])
    for key, journey in config.journeys.items():
        named = {
            "start": journey.start,
            "success": journey.success,
            "abandon": journey.abandon,
            "touchpoints": journey.touchpoints,
            "waiting_on_company": journey.waiting_on_company,
            "timeout": [n for n in journey.timeout if n != "default"] if isinstance(journey.timeout, dict) else [],
            **{f"stages.{stage}": names for stage, names in journey.stages.items()},
        }
        for place, names in named.items():
            for name in names:
                if name not in seen:
                    raise ConfigError(
                        f"journeys.{key}.{place}: the touchpoint {name!r} never occurs; "
                        f"{nearest(name, seen).rstrip('.')}; remove it or mend the feed."
                    )
        staged = [name for names in journey.stages.values() for name in names]
        twice = sorted({name for name in staged if staged.count(name) > 1})
        if twice:
            raise ConfigError(f"journeys.{key}.stages: {', '.join(twice)} stands in two stages; keep one.")


def check_churn(config: DatasetConfig, customers: ir.Table | None) -> None:
    """Columns that churn names must be columns of customers."""
    churn = config.churn
    named = {"static": churn.static, "snapshot": churn.snapshot, "revenue": [churn.revenue], "reason": [churn.reason]}
    for place, names in named.items():
        for name in filter(None, names):
            if customers is None or name not in customers.columns:
                known = sorted(customers.columns) if customers is not None else ["(no customers table)"]
                raise ConfigError(f"churn.{place}: no column {name!r} in customers; {nearest(name, known)}")


def check_customers(customers: ir.Table | None, problems: list[Problem]) -> None:
    if customers is None:
        return
    found = customers.group_by("customer_id").aggregate(n=customers.count()).filter(lambda t: t.n > 1)
    n = int(found.count().execute())
    total = int(customers.count().execute())
    if n and "valid_from" not in customers.columns:
        stand = verb(n, "stands", "stand")
        text = f"customers: {n:,} of {total:,} customers {stand} in more than one row; keep one row each at source."
        problems.append(Problem("customers", "all sources", "duplicate_customers", "error", n, total, text))
    if "started_at" in customers.columns and "ended_at" in customers.columns:
        n = int((customers.ended_at < customers.started_at).sum().fill_null(0).execute())
        if n:
            text = f"customers: {n:,} of {total:,} customers ended before they started; mend the dates at source."
            problems.append(Problem("customers", "all sources", "negative_duration", "error", n, total, text))


def missing_parts(
    config: DatasetConfig, events: ir.Table | None, surveys: ir.Table | None, customers: ir.Table | None
) -> dict[str, str]:
    journeys = "" if events is not None and config.journeys else "no events, or no journey defined"
    rated = config.survey.nps or config.survey.csat
    reasons = {
        "journey mapping": journeys,
        "drop-off survival": journeys,
        "NPS drivers": "" if surveys is not None and rated else "no surveys, or no rating named under survey",
        "churn": "" if customers is not None else "no customers table",
    }
    return {analysis: reason for analysis, reason in reasons.items() if reason}


def late_feeds(config: DatasetConfig, feeds: pd.DataFrame, *, as_of_given: bool) -> str:
    """Say which source lags more than max_lag behind, unless as_of was given; empty when none does."""
    if as_of_given or feeds.empty:
        return ""
    late = feeds[feeds["lag_days"] > config.max_lag.total_seconds() / 86_400]
    return "; ".join(f"{row.source} is {row.lag_days:.1f} days behind" for row in late.itertuples())


def stale_message(config: DatasetConfig, feeds: pd.DataFrame, *, as_of_given: bool) -> str:
    """Say which source lags, how far one may, and the remedy; empty when none does."""
    listed = late_feeds(config, feeds, as_of_given=as_of_given)
    if not listed:
        return ""
    limit = config.max_lag.total_seconds() / 86_400
    return (
        f"{listed}; up to max_lag ({limit:g} days) is allowed. Wait for the feed, or give as_of "
        f"({local_time(feeds['last'].min(), config.time_zone):%Y-%m-%d} is the last day that all sources reach)."
    )
