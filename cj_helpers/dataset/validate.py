"""Checks that need the data: touchpoints, customers, which analyses are possible, which feed lags."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.problems import Problem, verb
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.unify import local_time


def check_touchpoints(config: DatasetConfig, seen: list[str] | None) -> None:
    """A touchpoint that never occurs is a misspelling or a missing feed."""
    if seen is None:
        if config.survey.invited:
            raise ConfigError("survey.invited: names touchpoints, but tables.events names no source; add one.")
        if config.journeys:
            raise ConfigError("journeys: defined, but tables.events names no source; add one or drop journeys.")
        return
    for name in config.survey.invited:
        if name not in seen:
            raise ConfigError(f"survey.invited: the touchpoint {name!r} never occurs; {nearest(name, seen)}")
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
                        f"{nearest(name, seen).removesuffix('.')}; remove it or mend the feed."
                    )
        staged = [name for names in journey.stages.values() for name in names]
        twice = sorted({name for name in staged if staged.count(name) > 1})
        if twice:
            raise ConfigError(f"journeys.{key}.stages: {', '.join(twice)} stands in two stages; keep one.")


def check_churn(config: DatasetConfig, events: ir.Table | None, customers: ir.Table | None) -> None:
    """Columns that churn names must be columns of customers, or of events without contracts; touchpoints must occur."""
    churn = config.churn
    amounts = events if not churn.contractual else customers
    named = {"static": churn.static, "snapshot": churn.snapshot, "reason": [churn.reason], "revenue": [churn.revenue]}
    for place, names in named.items():
        table, where = (amounts, "events") if place == "revenue" and not churn.contractual else (customers, "customers")
        for name in filter(None, names):
            if table is None or name not in table.columns:
                known = sorted(table.columns) if table is not None else [f"(no {where} table)"]
                raise ConfigError(f"churn.{place}: no column {name!r} in {where}; {nearest(name, known)}")
    if not any(churn.touchpoints.values()):
        return
    found = pd.Series(dtype=str) if events is None else events.touchpoint.as_table().distinct().execute().iloc[:, 0]
    seen = sorted(map(str, found))
    for place, names in churn.touchpoints.items():
        for name in names:
            if name not in seen:
                raise ConfigError(f"churn.{place}: the touchpoint {name!r} never occurs; {nearest(name, seen)}")


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
        _check_early_exits(customers, total, problems)


def _check_early_exits(customers: ir.Table, total: int, problems: list[Problem]) -> None:
    """Say when the file seems to lack those who left early: long no exit, at a rate that would have shown many.

    If exits came at the rate seen since the first one (Poisson), 12 expected before it and none seen would be a
    chance of 6 in a million.
    """
    if "observed_from" in customers.columns:
        return
    day = 86_400
    first, last = customers.ended_at.min().as_scalar(), customers.ended_at.max().as_scalar()
    started, ended = customers.started_at, ibis.least(customers.ended_at.fill_null(last), last)
    before = ibis.greatest(first.epoch_seconds() - started.epoch_seconds(), 0) / day
    since = ibis.greatest(ended.epoch_seconds() - ibis.greatest(started, first).epoch_seconds(), 0) / day
    sums = {
        "before": before.sum(),
        "since": since.sum(),
        "n": customers.ended_at.count(),
        "first": customers.ended_at.min(),
    }
    found = customers.aggregate(**sums).execute().iloc[0]
    if not found["since"] or found["n"] * found["before"] / found["since"] < 12:
        return
    text = (
        f"customers: nobody left before {found['first']:%Y-%m-%d}, though many were customers already; the file seems "
        "to hold only those who were still there then. Map observed_from (from when the file would have shown the "
        "customer), or retention looks better than it is."
    )
    problems.append(Problem("customers", "all sources", "no_early_exits", "noted", total, total, text))


def check_window(feeds: pd.DataFrame, as_of: pd.Timestamp) -> None:
    """An as_of before the first event leaves nothing to analyse."""
    if len(feeds) and as_of < feeds["first"].min():
        raise ConfigError(
            f"as_of: {as_of:%Y-%m-%d %H:%M} UTC lies before the first event ({feeds['first'].min():%Y-%m-%d %H:%M} "
            "UTC), so that nothing is left; allowed are moments up to the last event. Give a later as_of."
        )


def check_joins(
    events: ir.Table | None, surveys: ir.Table | None, customers: ir.Table | None, problems: list[Problem]
) -> None:
    """Ids of different kinds (7 and 007) join nothing: no customer of a table is known to customers."""
    if customers is None:
        return
    known = customers.select("customer_id").distinct()
    for kind, table in (("events", events), ("surveys", surveys)):
        if table is None or "customer_id" not in table.columns:
            continue
        ids = table.select("customer_id").filter(lambda t: t.customer_id.notnull()).distinct()
        total, n = int(ids.count().execute()), int(ids.semi_join(known, "customer_id").count().execute())
        if total and not n:
            alike = int(ids.semi_join(known, _plain_id(ids) == _plain_id(known)).count().execute())
            why = "they differ in leading zeros or decimals, so export both as text in one form" if alike else ""
            text = (
                f"{kind}: none of {total:,} customer ids occurs in customers; "
                f"{why or 'name the column with the same id, or list pairs under tables.identities'}."
            )
            problems.append(Problem(kind, "all sources", "join_keys", "error", total, total, text))


def _plain_id(table: ir.Table) -> ir.StringValue:
    return table.customer_id.re_replace(r"^0+|\.0+$", "")


def missing_parts(
    config: DatasetConfig, events: ir.Table | None, surveys: ir.Table | None, customers: ir.Table | None
) -> dict[str, str]:
    journeys = "" if events is not None and config.journeys else "no events, or no journey defined"
    rated = config.survey.nps or config.survey.csat
    reasons = {
        "journey mapping": journeys,
        "drop-off survival": journeys,
        "NPS drivers": "" if surveys is not None and rated else "no surveys, or no rating named under survey",
        "churn": _churn_missing(config, events, customers),
        "priorities": journeys,
    }
    return {analysis: reason for analysis, reason in reasons.items() if reason}


def _churn_missing(config: DatasetConfig, events: ir.Table | None, customers: ir.Table | None) -> str:
    if config.churn.contractual:
        return "" if customers is not None else "no customers table"
    return "" if events is not None else "no events to take purchases from"


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
