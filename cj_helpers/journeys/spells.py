"""Journeys as durations with endings: one row each, or counts of equal ones when there are very many."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ALL, ASSISTED, ESCALATED, MISSING, ConfigError
from cj_helpers.journeys.moves import seconds_between
from cj_helpers.journeys.steps import Definitions

#: From this many journeys on they are counted in the engine, by hour and group of customers.
MAX_ROWS = 1_000_000
#: Groups of customers in such counts: their scatter gives the standard errors, to about 3 % of themselves.
CUSTOMER_GROUPS = 512
#: From this many times as many journeys on by whole day and in fewer groups: the errors are then known to about 6 %.
MANY, FEWER_GROUPS = 5, 128
_DAY = 86_400


def journey_spells(
    journeys: ir.Table,
    *,
    keep_left_truncated: bool = True,
    columns: Sequence[str] = (),
    max_rows: int = MAX_ROWS,
) -> pd.DataFrame:
    """Durations of journeys for the survival analyses, without any raw id.

    Parameters
    ----------
    journeys : ibis table
        What ``build_journeys`` returns, with the column segment when ``add_segment`` set it.
    keep_left_truncated : bool
        False leaves out the journeys that began before the log, whose true start is not known.
    columns : sequence of str
        Further columns of `journeys` to keep, such as covariates known at the start.
    max_rows : int
        More journeys than this are counted in the engine instead, by hour; more than five times as many by day.

    Returns
    -------
    DataFrame
        journey, segment, outcome, duration_days, customer, n (journeys the row stands for), then `columns`; one row per
        journey with n = 1, ordered by journey and duration. When counted, durations are rounded up to whole hours or
        days and `customer` is one of 512 or 128 groups of customers: sums per group scatter as those of customers do,
        so clustered errors stay valid, with a relative error of 1 / sqrt(2 (groups - 1)) (random groups, Wolter 2007).
        `exclusions` counts what is left out here.
    """
    usable = _usable(journeys, keep_left_truncated=keep_left_truncated)
    number = ibis.dense_rank().over(order_by=usable.customer_id)
    keys = ["journey", "segment", "outcome", *columns]
    size = int(usable.count().execute())
    counted, hours = size > max_rows, 24 if size > MANY * max_rows else 1
    groups = CUSTOMER_GROUPS if hours == 1 else FEWER_GROUPS
    table = usable.select(
        *keys,
        duration_days=(usable.duration * 24 / hours).ceil() * hours / 24 if counted else usable.duration,
        customer=number % groups if counted else number,
    )
    by = ["journey", "segment", "outcome", "duration_days", "customer", *columns]
    table = table.group_by(by).aggregate(n=_.count()) if counted else table.mutate(n=1)
    return table.select(*by[:5], "n", *columns).order_by("journey", "duration_days", "customer", *keys[1:]).execute()


def _usable(journeys: ir.Table, *, keep_left_truncated: bool) -> ir.Table:
    if "segment" not in journeys.columns:
        journeys = journeys.mutate(segment=ibis.literal(ALL))
    kept = journeys.filter((_.duration >= 0).fill_null(False))
    return kept if keep_left_truncated else kept.filter(~_.is_left_truncated)


def exclusions(journeys: ir.Table, *, keep_left_truncated: bool = True) -> pd.DataFrame:
    """Count the journeys that the survival analyses leave out, and those that need a word.

    Returns
    -------
    DataFrame, one row per journey definition and reason
        journey, reason (started, no_duration, left_truncated_out, left_truncated_kept, zero_duration, analysed),
        n_journeys, n_customers. ``no_duration``: observation ended before the journey began.
        ``zero_duration``: ended at the moment of the first step; they stay.
    """
    unusable = ~(_.duration >= 0).fill_null(False)
    cut = _.is_left_truncated & ~unusable
    name = "left_truncated_kept" if keep_left_truncated else "left_truncated_out"
    left_out = unusable if keep_left_truncated else unusable | _.is_left_truncated
    reasons = {"started": ibis.literal(True), "no_duration": unusable, name: cut}
    reasons |= {"zero_duration": (_.duration == 0).fill_null(False) & ~left_out, "analysed": ~left_out}
    measures = {f"j_{key}": _.count(where=where) for key, where in reasons.items()}
    measures |= {f"c_{key}": _.customer_id.nunique(where=where) for key, where in reasons.items()}
    found = journeys.group_by("journey").aggregate(**measures).order_by("journey").execute()
    rows = [
        (row["journey"], key, int(row[f"j_{key}"]), int(row[f"c_{key}"]))
        for row in found.to_dict("records")
        for key in reasons
        if row[f"j_{key}"] or key in ("started", "analysed")
    ]
    return pd.DataFrame(rows, columns=["journey", "reason", "n_journeys", "n_customers"])


def mark_escalated(journeys: ir.Table, *, steps: ir.Table) -> ir.Table:
    """End journeys at their first contact with a person: escalated, a third outcome beside completed and abandoned.

    Parameters
    ----------
    journeys, steps : ibis tables
        What ``build_journeys`` and ``build_steps`` return; steps must carry the event column mode.

    Returns
    -------
    ibis table
        The journeys that began without a person, with outcome, ended_at and duration changed where a person came in
        before the end. Journeys that began with a person cannot be escalated and are left out.

    Raises
    ------
    ConfigError
        When the events have no column mode.
    """
    if "mode" not in steps.columns:
        raise ConfigError("escalated: events have no column mode (self_service | assisted); map it in dataset.yml")
    assisted = steps.filter(_.mode == ASSISTED)
    first = assisted.group_by("journey", "journey_id").aggregate(person_at=_.timestamp.min())
    joined = journeys.left_join(first, ["journey", "journey_id"])
    joined = joined.filter((joined.person_at > joined.started_at).fill_null(True))
    until = seconds_between(joined.started_at, joined.person_at) / _DAY
    escalated = (until < joined.duration).fill_null(False)
    changed = {
        "outcome": escalated.ifelse(ESCALATED, joined.outcome),
        "ended_at": escalated.ifelse(joined.person_at, joined.ended_at),
        "duration": escalated.ifelse(until, joined.duration),
    }
    return joined.select(**{name: changed.get(name, joined[name]) for name in journeys.columns})


def last_seen(journeys: ir.Table, *, definitions: Definitions, as_of: pd.Timestamp) -> pd.DataFrame:
    """When customers who gave up were last seen, in days since their start.

    Only journeys that began at least the horizon and the longest timeout before as_of are described: younger ones that
    gave up are those that gave up early.

    Returns
    -------
    DataFrame, one row per journey definition with a timeout
        journey, n_started (old enough), n_journeys (of these given up), n_customers, p25_days, median_days, p75_days,
        p90_days. A description of those who gave up, not a hazard.
    """
    parts = []
    for definition in definitions.values():
        timeouts = [limit for limit in (definition.timeout, *definition.timeouts.values()) if limit is not None]
        if not timeouts:
            continue
        oldest = pd.Timestamp(as_of) - definition.within - max(timeouts)
        old = journeys.filter(
            (journeys.journey == definition.key)
            & (journeys.started_at <= ibis.literal(oldest.to_pydatetime(), type="timestamp"))
        )
        gone = _.outcome == "abandoned"
        days = seconds_between(_.started_at, _.last_event_at) / _DAY
        quantiles = {"p25_days": 0.25, "median_days": 0.5, "p75_days": 0.75, "p90_days": 0.9}
        values = {name: days.quantile(q, where=gone) for name, q in quantiles.items()}
        found = old.aggregate(
            n_started=_.count(),
            n_journeys=_.count(where=gone),
            n_customers=_.customer_id.nunique(where=gone),
            **values,
        ).execute()
        parts.append(found.assign(journey=definition.key))
    names = ["journey", "n_started", "n_journeys", "n_customers", "p25_days", "median_days", "p75_days", "p90_days"]
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def add_customer_columns(journeys: ir.Table, *, customers: ir.Table | None, columns: Sequence[str]) -> ir.Table:
    """Add what was known of the customer when the journey began, as text; "(missing)" where nothing was.

    Of those who became customers only later (column started_at) nothing was: what their contract says today is known
    because they completed the journey.

    Raises
    ------
    ConfigError
        When a column is not in customers.
    """
    known = [] if customers is None else list(customers.columns)
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise ConfigError(
            f"covariates: {', '.join(unknown)} not found in customers; it has {', '.join(known) or 'none'}"
        )
    if not columns or customers is None:
        return journeys
    dated = "started_at" in known
    since = customers.started_at if dated else ibis.null("timestamp")
    texts = {f"_{name}": customers[name].cast("string") for name in columns}
    joined = journeys.left_join(customers.select("customer_id", _since=since, **texts), "customer_id")
    already = (joined._since <= joined.started_at).fill_null(not dated)
    added = {name: already.ifelse(joined[f"_{name}"], ibis.null("string")).fill_null(MISSING) for name in columns}
    return joined.select(*journeys.columns, **added)


def customer_counts(journeys: ir.Table, *, keep_left_truncated: bool = True) -> pd.DataFrame:
    """Customers behind each journey definition and segment, the overall row included: journey, segment, n_customers."""
    usable = _usable(journeys, keep_left_truncated=keep_left_truncated)
    counts = {"n_customers": _.customer_id.nunique()}
    whole = usable.group_by("journey").aggregate(**counts).mutate(segment=ibis.literal(ALL))
    by = usable.filter(_.segment != ALL).group_by("journey", "segment").aggregate(**counts)
    names = ["journey", "segment", "n_customers"]
    return ibis.union(whole.select(*names), by.select(*names)).order_by("journey", "segment").execute()


def with_customers(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Replace ``n_customers`` of a result table by the number of customers, which counted spells do not know."""
    known = counts.set_index(["journey", "segment"])["n_customers"]
    places = pd.MultiIndex.from_frame(table[["journey", "segment"]].astype(str))
    return table.assign(n_customers=known.reindex(places).to_numpy())
