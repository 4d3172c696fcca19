"""Silence: how long customers pause, whether they return, and what the timeout changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, COMPLETED, OPEN, JourneyDefinition
from cj_helpers.journeys import build_journeys, build_steps, journey_frame, member_events, seconds_between
from cj_helpers.mapping.clustered import clustered_shares, customer_sums, share_intervals
from cj_helpers.survival import incidence_at

_DAY = 86_400
GAP_DAYS = (1 / 24, 0.25, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90)
SILENT_DAYS = (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60)
FOLLOW_UP = timedelta(days=90)
RULES = {"as_defined": 1.0, "half_timeout": 0.5, "double_timeout": 2.0}

Definitions = Mapping[str, JourneyDefinition]


def _pauses(events: ir.Table, definition: JourneyDefinition, as_of: datetime) -> ir.Table:
    """List the events after which it is the customer's turn: days until the next one, and days observed."""
    table = member_events(events, definition, as_of, [])
    order = [table[name] for name in table.columns if name.startswith("_order_")]
    window = ibis.window(group_by=[table["_named"], table["_customer"]], order_by=order)
    following = table.timestamp.lead().over(window)
    rows = table.select(
        "customer_id",
        "touchpoint",
        gap=seconds_between(table.timestamp, following) / _DAY,
        seen=seconds_between(table.timestamp, ibis.literal(as_of, type="timestamp")) / _DAY,
    )
    done = [*definition.success, *definition.abandon, *definition.waiting_on_company]
    return rows.filter(~rows.touchpoint.isin(done))


def gaps(
    events: ir.Table, *, definitions: Definitions, as_of: datetime, up_to: Sequence[float] = GAP_DAYS
) -> pd.DataFrame:
    """Show how long customers pause between two events of a journey's touchpoints.

    Returns
    -------
    DataFrame, one row per journey definition and length
        journey, up_to_days, n (pauses that ended), n_customers, share of them that were at most so long,
        timeout_days of the definition (missing for none).

    Notes
    -----
    Pauses after success, abandonment and waiting_on_company touchpoints are none of the customer's. A timeout should
    lie where few pauses are longer; the last silence of a customer has no end and is judged by `return_curve`.
    """
    parts = []
    for key, definition in definitions.items():
        ended = _pauses(events, definition, as_of).filter(_.gap.notnull())
        counts = {f"g{i}": (_.gap <= days).ifelse(1, 0).sum() for i, days in enumerate(up_to)}
        row = ended.aggregate(n=_.count(), n_customers=_.customer_id.nunique(), **counts).execute().iloc[0]
        n = int(row["n"])
        share = [float(row[f"g{i}"]) / n if n else float("nan") for i in range(len(up_to))]
        days = float("nan") if definition.timeout is None else definition.timeout.total_seconds() / _DAY
        part = pd.DataFrame({"journey": key, "up_to_days": up_to, "n": n, "n_customers": int(row["n_customers"])})
        parts.append(part.assign(share=share, timeout_days=days))
    return pd.concat(parts, ignore_index=True)


def return_curve(
    events: ir.Table,
    *,
    definitions: Definitions,
    as_of: datetime,
    silent_days: Sequence[float] = SILENT_DAYS,
    follow_up: timedelta = FOLLOW_UP,
) -> pd.DataFrame:
    """Give the chance that a customer who has been silent for some days still returns.

    Returns
    -------
    DataFrame, one row per journey definition and number of silent days
        journey, silent_days, follow_up_days, n (silences that lasted so long and were observed for follow_up more),
        n_customers, share that ended within follow_up, conf_low, conf_high, timeout_days. Missing where none was
        observed long enough.

    Notes
    -----
    Wilson (1927) clustered by customer. Only silences observed for the whole follow-up count, so that recent ones,
    which have not had the time, do not look final.
    """
    limit, parts = follow_up.total_seconds() / _DAY, []
    for key, definition in definitions.items():
        rows = _pauses(events, definition, as_of)
        flags: dict[str, ir.Scalar] = {}
        for i, days in enumerate(silent_days):
            tried = (rows.gap.isnull() | (rows.gap > days)) & (rows.seen >= days + limit)
            back = tried & (rows.gap <= days + limit).fill_null(False)
            flags |= {f"m{i}": tried.ifelse(1, 0).sum(), f"x{i}": back.ifelse(1, 0).sum()}
        each = rows.group_by("customer_id").aggregate(**flags)
        names = range(len(silent_days))
        sums = [customer_sums(each[f"x{i}"], each[f"m{i}"], f"_{i}") for i in names]
        row = each.aggregate(**{name: value for part in sums for name, value in part.items()}).execute()
        shares = pd.concat([share_intervals(row, f"_{i}") for i in names], ignore_index=True)
        timeout = float("nan") if definition.timeout is None else definition.timeout.total_seconds() / _DAY
        shares.insert(0, "journey", key)
        shares.insert(1, "silent_days", list(silent_days))
        parts.append(shares.drop(columns="n_success").assign(follow_up_days=limit, timeout_days=timeout))
    return pd.concat(parts, ignore_index=True)


def come_backs(journeys: ir.Table, *, as_of: datetime, follow_up: timedelta = FOLLOW_UP) -> pd.DataFrame:
    """Give the share of abandoned journeys whose customer came back and finished.

    Returns
    -------
    DataFrame, one row per journey definition with abandoned journeys old enough
        journey, n (abandoned at least follow_up before as_of), n_customers, share after which the same customer
        completed a later journey of the definition within follow_up, conf_low, conf_high.
    """
    length = ibis.interval(seconds=round(follow_up.total_seconds()))
    end = ibis.literal(as_of - follow_up, type="timestamp")
    lost = journeys.filter((_.outcome == ABANDONED) & (_.ended_at <= end))
    lost = lost.select("journey", "journey_id", "customer_id", "ended_at")
    won = journeys.filter(_.outcome == COMPLETED).select(
        "journey", "customer_id", done_at=_.ended_at, since=_.started_at
    )
    pairs = lost.inner_join(won, ["journey", "customer_id"])
    pairs = pairs.filter((_.since >= _.ended_at) & (_.done_at <= _.ended_at + length))
    back = pairs.select("journey", "journey_id").distinct().mutate(back=1)
    joined = lost.left_join(back, ["journey", "journey_id"])
    rows = joined.select("journey", "customer_id", x=joined.back.fill_null(0), m=ibis.literal(1))
    return clustered_shares(rows, group_cols=["journey"]).drop(columns="n_success").sort_values("journey")


def rule_sensitivity(
    events: ir.Table, *, journeys: ir.Table, definitions: Definitions, as_of: datetime
) -> pd.DataFrame:
    """Show how much the headline rate depends on the rules that cut journeys.

    Returns
    -------
    DataFrame, one row per journey definition and rule
        journey, rule (as_defined | half_timeout | double_timeout | without_cut_off), timeout_days, n_journeys,
        n_customers, completed_within, conf_low, conf_high, abandoned_share, open_share. A definition without timeout
        has no row for half and double.

    Notes
    -----
    ``without_cut_off`` leaves out journeys that began before the log. Timeouts by touchpoint change in proportion.
    """
    columns = [
        n
        for n in ("customer_id", "timestamp", "touchpoint", "journey_id", "order", "row_number")
        if n in events.columns
    ]
    columns += ["observed_until"] if "observed_until" in events.columns else []
    narrow, parts = events.select(*columns), []
    whole = journey_frame(journeys)
    frames = {"as_defined": whole, "without_cut_off": whole[~whole["is_left_truncated"]]}
    changed = {key: d for key, d in definitions.items() if d.timeout is not None}
    for rule, factor in list(RULES.items())[1:] if changed else []:
        scaled = {key: _scaled(d, factor) for key, d in changed.items()}
        steps = build_steps(narrow, definitions=scaled, as_of=as_of)
        frames[rule] = journey_frame(build_journeys(steps, definitions=scaled, as_of=as_of))
    for rule in [*RULES, "without_cut_off"]:
        if rule in frames:
            parts += [_rates(frames[rule], d, rule) for d in definitions.values()]
    return pd.DataFrame([row for row in parts if row]).sort_values("journey", kind="stable").reset_index(drop=True)


def _scaled(definition: JourneyDefinition, factor: float) -> JourneyDefinition:
    default = None if definition.timeout is None else definition.timeout * factor
    return replace(definition, timeout=default, timeouts={k: t * factor for k, t in definition.timeouts.items()})


def _rates(frame: pd.DataFrame, definition: JourneyDefinition, rule: str) -> dict[str, object]:
    part = frame[frame["journey"] == definition.key]
    if part.empty:
        return {}
    days = definition.within.total_seconds() / _DAY
    rate = incidence_at(part, time_days=days, outcome=COMPLETED, cluster_col="customer").iloc[0]
    timeout = None if definition.timeout is None else definition.timeout.total_seconds() / _DAY * RULES.get(rule, 1.0)
    return {
        "journey": definition.key,
        "rule": rule,
        "timeout_days": timeout,
        "completed_within": rate["estimate"],
        "conf_low": rate["conf_low"],
        "conf_high": rate["conf_high"],
        "abandoned_share": part["outcome"].eq(ABANDONED).mean(),
        "open_share": part["outcome"].eq(OPEN).mean(),
        "n_journeys": len(part),
        "n_customers": part["customer"].nunique(),
    }
