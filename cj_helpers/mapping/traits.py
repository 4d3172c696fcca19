"""What is noteworthy about the journeys of a definition: loops, ties, cut-off starts, broken promises."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, JourneyDefinition
from cj_helpers.journeys import observed_for
from cj_helpers.mapping.clustered import clustered_shares, customer_sums, share_intervals

TRAITS = ("tied_steps", "repeated_at_once", "came_back", "several_channels", "cut_off", "overdue")


def traits(steps: ir.Table, *, journeys: ir.Table) -> pd.DataFrame:
    """Count how many journeys show what a reader should know of.

    Returns
    -------
    DataFrame, one row per journey definition and trait
        journey, trait, n, n_customers, share of n, conf_low, conf_high. tied_steps: steps (of those with a next one)
        that share its timestamp; the other traits are of journeys: repeated_at_once (a touchpoint directly followed by
        itself), came_back (to a touchpoint seen earlier, with another one between), several_channels, cut_off (began
        before the log), overdue (open, the company late beyond its promise).
    """
    # a step may be the repeat of an earlier one and be repeated at once, so the two are counted apart
    # steps are in the order of time, so those at one moment follow each other
    per_journey = steps.group_by("journey", "journey_id").aggregate(
        ties=_.count() - _.timestamp.nunique(),
        pairs=_.next_touchpoint.notnull().ifelse(1, 0).sum(),
        again=(_.touchpoint == _.next_touchpoint).fill_null(False).ifelse(1, 0).sum(),
    )
    table = journeys.inner_join(per_journey, ["journey", "journey_id"])
    flags = {
        "repeated_at_once": table.again > 0,
        "came_back": table.n_repeats > table.again,
        "several_channels": table.n_channels > 1,
        "cut_off": table.is_left_truncated,
        "overdue": table.is_overdue,
    }
    per_customer = table.group_by("journey", "customer_id").aggregate(
        x0=table.ties.sum(),
        m0=table.pairs.sum(),
        all=_.count(),
        **{f"x{i}": flag.ifelse(1, 0).sum() for i, flag in enumerate(flags.values(), start=1)},
    )
    sums: dict[str, Any] = {}
    for index in range(len(TRAITS)):
        base = per_customer.m0 if index == 0 else per_customer["all"]
        sums |= customer_sums(per_customer[f"x{index}"], base, f"_{index}")
    found = per_customer.group_by("journey").aggregate(**sums).order_by("journey").execute()
    parts = [
        found[["journey"]].assign(trait=trait).join(share_intervals(found, f"_{index}"))
        for index, trait in enumerate(TRAITS)
    ]
    table = pd.concat(parts).drop(columns="n_success")
    return table.sort_values("journey", kind="stable").reset_index(drop=True)


def promises(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Say how long customers wait for the company, and how often it keeps its promise.

    Returns
    -------
    DataFrame, one row per journey definition and touchpoint of ``waiting_on_company`` with a ``promise``
        journey, touchpoint, promise_days, n (waits that began at least promise before as_of), n_customers,
        share that ended within the promise, conf_low, conf_high, wait_median_days and wait_p90_days of the n_ended
        waits that ended, completed_share of the n_journeys with such a wait that are old enough (observed for
        ``within`` and promise since their start), completed_low, completed_high, n_overdue (journeys that are overdue
        at this touchpoint, their last). A journey that waits several times counts once in completed_share and
        n_overdue. Empty without such touchpoints.

    Notes
    -----
    Waits that did not end are no part of the median and the 90 % point, which are therefore too short for all who
    wait; in share they count as not kept. Wilson (1927) clustered by customer.
    """
    columns = ["journey", "touchpoint", "promise_days", "share", "conf_low", "conf_high", "wait_median_days"]
    columns += ["wait_p90_days", "completed_share", "completed_low", "completed_high", "n", "n_ended", "n_journeys"]
    columns += ["n_customers", "n_overdue"]
    parts = [
        _promises_of(
            steps.filter(_.journey == key), journeys.filter(_.journey == key), definition, definition.promise, as_of
        )
        for key, definition in definitions.items()
        if definition.waiting_on_company and definition.promise is not None
    ]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _promises_of(
    steps: ir.Table, journeys: ir.Table, definition: JourneyDefinition, promise: timedelta, as_of: datetime
) -> pd.DataFrame:
    hours = promise.total_seconds() / 3600
    waits = steps.filter(_.touchpoint.isin(definition.waiting_on_company))
    ripe = (waits.timestamp <= ibis.literal(as_of - promise, type="timestamp")).ifelse(1, 0)
    kept = (waits.wait <= hours).fill_null(False).ifelse(1, 0)
    shares = clustered_shares(
        waits.select("touchpoint", "customer_id", x=kept * ripe, m=ripe), group_cols=["touchpoint"]
    )
    times = waits.group_by("touchpoint").aggregate(
        n_ended=_.wait.count(), wait_median_days=_.wait.median() / 24, wait_p90_days=_.wait.quantile(0.9) / 24
    )
    own = _waiting_journeys(waits, journeys, definition.within + promise, as_of)
    overdue = own.group_by("touchpoint").aggregate(n_overdue=_.late.sum())
    done = clustered_shares(own, group_cols=["touchpoint"]).drop(columns=["n_success", "n_customers"])
    names = {"share": "completed_share", "conf_low": "completed_low", "conf_high": "completed_high", "n": "n_journeys"}
    table = shares.merge(times.execute(), on="touchpoint").merge(overdue.execute(), on="touchpoint")
    table = table.merge(done.rename(columns=names), on="touchpoint", how="left")
    return table.assign(journey=definition.key, promise_days=hours / 24, n_journeys=table["n_journeys"].fillna(0))


def _waiting_journeys(waits: ir.Table, journeys: ir.Table, length: timedelta, as_of: datetime) -> ir.Table:
    """List each journey once for each touchpoint at which it waited: m (old enough), x (completed), late (there)."""
    old = observed_for(journeys, length, as_of=as_of)
    facts = journeys.select("journey_id", "is_overdue", old=old, done=old & (journeys.outcome == COMPLETED))
    own = waits.group_by("touchpoint", "journey_id").aggregate(
        customer_id=_.customer_id.min(), last=_.next_touchpoint.isnull().ifelse(1, 0).max()
    )
    own = own.inner_join(facts, "journey_id")
    late = own.is_overdue.ifelse(1, 0) * own["last"]
    return own.select("touchpoint", "customer_id", late=late, m=own.old.ifelse(1, 0), x=own.done.ifelse(1, 0))
