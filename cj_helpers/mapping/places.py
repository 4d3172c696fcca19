"""Stages and touchpoints in numbers: where customers wait, repeat steps and give up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, JourneyDefinition
from cj_helpers.mapping.clustered import clustered_shares

_MONTH_DAYS = 365.25 / 12
_STAGE_COLUMNS = ["journey", "stage", "n_journeys", "n_customers", "share_reached", "n_matured", "drop_off"]
_STAGE_COLUMNS += ["conf_low", "conf_high", "wait_median_hours", "wait_p90_hours", "repeat_share", "top_channel"]


def stages(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Describe each stage: the rows of the journey map.

    Returns
    -------
    DataFrame, one row per journey definition and stage, in the order of the definition
        journey, stage, n_journeys that reached it, n_customers, share_reached of all journeys, n_matured (those that
        reached it and started at least ``within`` before as_of), drop_off (share of n_matured that were abandoned
        with this as their furthest stage), conf_low, conf_high, wait_median_hours and wait_p90_hours until the next
        step, repeat_share of its steps, top_channel, satisfaction and effort where events carry them. Empty without
        stages.

    Notes
    -----
    Young journeys are left out of drop_off, because those that are lost take a whole timeout to be known as lost while
    those that go on are known at once. Intervals: Wilson (1927), clustered by customer.
    """
    parts = [_stages_of(steps, journeys, d, as_of) for d in definitions.values() if d.stages]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_STAGE_COLUMNS)


def _stages_of(steps: ir.Table, journeys: ir.Table, definition: JourneyDefinition, as_of: datetime) -> pd.DataFrame:
    inside = steps.filter((_.journey == definition.key) & _.stage.notnull())
    measures = {name: _[name].mean() for name in ("satisfaction", "effort") if name in steps.columns}
    described = (
        inside.group_by("stage")
        .aggregate(
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            wait_median_hours=_.wait.median(),
            wait_p90_hours=_.wait.quantile(0.9),
            repeat_share=_.is_repeat.ifelse(1, 0).mean(),
            **measures,
        )
        .execute()
    )
    losses = _stage_losses(inside, journeys, definition, as_of)
    table = pd.DataFrame({"stage": list(definition.stages)})
    table = table.merge(described, how="left", on="stage").merge(losses, how="left", on="stage")
    counts = ["n_journeys", "n_customers", "n_matured"]
    table[counts] = table[counts].fillna(0).astype("int64")
    total = int(journeys.filter(_.journey == definition.key).count().execute())
    table = table.assign(
        journey=definition.key, share_reached=table["n_journeys"] / total, top_channel=table["stage"].map(_top(inside))
    )
    return table[[*_STAGE_COLUMNS, *measures]]


def _stage_losses(inside: ir.Table, journeys: ir.Table, definition: JourneyDefinition, as_of: datetime) -> pd.DataFrame:
    """Share lost at each stage among the matured journeys that reached it."""
    ripe = ibis.literal(as_of - definition.within, type="timestamp")
    facts = journeys.filter((_.journey == definition.key) & (_.started_at <= ripe)).select(
        "journey_id", "furthest_stage", lost=_.outcome == ABANDONED
    )
    seen = inside.select("journey_id", "customer_id", "stage").distinct().inner_join(facts, "journey_id")
    rows = seen.mutate(x=(seen.lost & (seen.furthest_stage == seen.stage)).ifelse(1, 0), m=ibis.literal(1))
    shares = clustered_shares(rows.select("stage", "customer_id", "x", "m"), group_cols=["stage"])
    return shares.rename(columns={"n": "n_matured", "share": "drop_off"}).drop(columns=["n_success", "n_customers"])


def _top(inside: ir.Table) -> pd.Series:
    """Channel with most steps of each stage."""
    counts = inside.group_by("stage", "channel").aggregate(n=_.count()).execute().dropna(subset=["channel"])
    ordered = counts.sort_values(["stage", "n", "channel"], ascending=[True, False, True])
    return ordered.groupby("stage")["channel"].first()


def touchpoints(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Describe each touchpoint: the base of the friction ranking.

    Returns
    -------
    DataFrame, one row per journey definition and touchpoint, most abandonments first
        journey, touchpoint, stage, n_steps, n_journeys, n_customers, abandoned_after (journeys abandoned with this as
        the customer's last step), n_matured (journeys that saw it and started at least ``within`` before as_of),
        abandoned_share of n_matured, conf_low, conf_high, abandoned_per_month, value_per_month (what these journeys
        would have been worth if completed: the most that mending the step can bring; missing without a value),
        wait_median_hours, repeat_share, cost_per_step where events carry costs.

    Notes
    -----
    An event that itself ends a journey as abandoned is not where the customer was lost: the loss counts for the step
    before it, and the touchpoints that end journeys have no abandoned_share. Per month: over the time from the
    definition's first journey to as_of. Intervals: Wilson (1927), clustered by customer.
    """
    parts = [_touchpoints_of(steps, journeys, d, as_of) for d in definitions.values()]
    table = pd.concat(parts, ignore_index=True)
    order = ["journey", "abandoned_after", "touchpoint"]
    return table.sort_values(order, ascending=[True, False, True]).reset_index(drop=True)


def _touchpoints_of(
    steps: ir.Table, journeys: ir.Table, definition: JourneyDefinition, as_of: datetime
) -> pd.DataFrame:
    own = journeys.filter(_.journey == definition.key)
    inside = steps.filter(_.journey == definition.key)
    cost = {"cost_per_step": _.cost.mean()} if "cost" in steps.columns else {}
    described = (
        inside.group_by("touchpoint")
        .aggregate(
            stage=_.stage.max(),
            n_steps=_.count(),
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            wait_median_hours=_.wait.median(),
            repeat_share=_.is_repeat.ifelse(1, 0).mean(),
            **cost,
        )
        .execute()
    )
    table = described.merge(_losses_after(inside, own, definition, as_of), how="left", on="touchpoint")
    months = _months(own, as_of)
    per_month = table["abandoned_after"] / months
    value = float("nan") if definition.value is None else definition.value
    table = table.assign(journey=definition.key, abandoned_per_month=per_month, value_per_month=per_month * value)
    first = ["journey", "touchpoint", "stage", "n_steps", "n_journeys", "n_customers", "abandoned_after", "n_matured"]
    first += ["abandoned_share", "conf_low", "conf_high", "abandoned_per_month", "value_per_month"]
    return table[[*first, "wait_median_hours", "repeat_share", *cost]]


def _months(own: ir.Table, as_of: datetime) -> float:
    start = own.started_at.min().execute()
    days = (as_of - start).total_seconds() / 86_400 if pd.notna(start) else float("nan")
    return days / _MONTH_DAYS if days > 0 else float("nan")


def _losses_after(inside: ir.Table, own: ir.Table, definition: JourneyDefinition, as_of: datetime) -> pd.DataFrame:
    """Count per touchpoint the journeys abandoned after it, of all and of the matured ones."""
    ripe = ibis.literal(as_of - definition.within, type="timestamp")
    facts = own.select("journey_id", lost=_.outcome == ABANDONED, ripe=(_.started_at <= ripe).ifelse(1, 0))
    steps = inside.filter(~_.touchpoint.isin([*definition.success, *definition.abandon]))
    last = steps.group_by("journey_id").aggregate(last=_.position.max())
    rows = steps.inner_join(last, "journey_id").inner_join(facts, "journey_id")
    gone = (rows.lost & (rows.position == rows.last)).ifelse(1, 0)
    seen = (
        rows.mutate(gone=gone).group_by("touchpoint", "journey_id", "customer_id", "ripe").aggregate(gone=_.gone.max())
    )
    counts = seen.group_by("touchpoint").aggregate(abandoned_after=_.gone.sum()).execute()
    trials = seen.select("touchpoint", "customer_id", x=_.gone * _.ripe, m=_.ripe)
    shares = clustered_shares(trials, group_cols=["touchpoint"]).rename(columns={"n": "n_matured"})
    shares = shares.rename(columns={"share": "abandoned_share"}).drop(columns=["n_success", "n_customers"])
    return counts.astype({"abandoned_after": "int64"}).merge(shares, how="left", on="touchpoint")
