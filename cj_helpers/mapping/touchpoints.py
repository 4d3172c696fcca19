"""Touchpoints in numbers: where customers wait, repeat steps and give up, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, JourneyDefinition
from cj_helpers.mapping.clustered import against_others, customer_sums, share_intervals

_MONTH_DAYS = 365.25 / 12
_FIRST = ["journey", "touchpoint", "abandoned_share", "conf_low", "conf_high", "stage_share", "abandoned_per_month"]
_FIRST += ["value_per_month", "n_matured", "stage", "n_steps", "n_journeys", "n_customers", "n_starts", "n_ends"]
_FIRST += ["abandoned_after", "difference", "difference_low", "difference_high", "per_month_low", "per_month_high"]
_FIRST += ["value_low", "value_high", "wait_median_hours", "repeat_share", "self_loop_share"]
MEASURES = {"dwell_median_s": "duration_s", "satisfaction": "satisfaction", "effort": "effort", "cost_per_step": "cost"}


def touchpoints(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Describe each touchpoint: the base of the friction ranking.

    Returns
    -------
    DataFrame, one row per journey definition and touchpoint, most abandonments first
        journey, touchpoint, stage, n_steps, n_journeys, n_customers, n_starts and n_ends (journeys whose first or last
        step it is), abandoned_after (journeys abandoned with this as the customer's last step), n_matured (journeys
        that saw it and started at least ``within`` before as_of), abandoned_share of n_matured, conf_low, conf_high,
        stage_share (the same of the other touchpoints of its stage; missing where it stands alone), difference,
        difference_low, difference_high, abandoned_per_month with per_month_low and per_month_high, value_per_month
        with value_low and value_high (what these journeys would have been worth if completed: the most that mending
        the step can bring; missing without a value), wait_median_hours, repeat_share (touchpoint seen earlier in the
        journey), self_loop_share (followed by itself), then dwell_median_s, satisfaction, effort, cost_per_step where
        events carry them.

    Notes
    -----
    An event that itself ends a journey as abandoned is not where the customer was lost: the loss counts for the step
    before it, and the touchpoints that end journeys have no abandoned_share. Per month: over the time from the
    definition's first journey to as_of; its interval treats customers as arriving at random, each with its losses
    (compound Poisson, on the logarithm; the rule of three at none). Shares: Wilson (1927), differences Newcombe
    (1998), clustered by customer.
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
    measures = {
        name: inside[column].median() if name == "dwell_median_s" else inside[column].mean()
        for name, column in MEASURES.items()
        if column in steps.columns
    }
    described = (
        inside.group_by("touchpoint")
        .aggregate(
            stage=inside.stage.max(),
            n_steps=inside.count(),
            n_journeys=inside.journey_id.nunique(),
            n_customers=inside.customer_id.nunique(),
            n_starts=(inside.position == 1).ifelse(1, 0).sum(),
            n_ends=inside.next_touchpoint.isnull().ifelse(1, 0).sum(),
            wait_median_hours=inside.wait.median(),
            repeat_share=inside.is_repeat.ifelse(1, 0).mean(),
            self_loop_share=(inside.touchpoint == inside.next_touchpoint).fill_null(False).ifelse(1, 0).mean(),
            **measures,
        )
        .execute()
    )
    table = described.merge(_losses_after(inside, own, definition, as_of), how="left", on="touchpoint")
    table = _per_month(table, _months(own, as_of), definition.value).assign(journey=definition.key)
    return table[[*_FIRST, *measures]]


def _months(own: ir.Table, as_of: datetime) -> float:
    start = own.started_at.min().execute()
    days = (as_of - start).total_seconds() / 86_400 if pd.notna(start) else float("nan")
    return days / _MONTH_DAYS if days > 0 else float("nan")


def _per_month(table: pd.DataFrame, months: float, value: float | None) -> pd.DataFrame:
    """Add what is lost per month, in journeys and in money, with intervals."""
    lost, squares = table["abandoned_after"], table["_squares"]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.exp(1.96 * np.sqrt(squares) / lost)
    none = lost.eq(0)
    ends = {"per_month_low": (lost / factor).mask(none, 0.0), "per_month_high": (lost * factor).mask(none, 3.0)}
    worth = float("nan") if value is None else value
    table = table.assign(abandoned_per_month=lost / months, **{name: end / months for name, end in ends.items()})
    return table.assign(
        value_per_month=table["abandoned_per_month"] * worth,
        value_low=table["per_month_low"] * worth,
        value_high=table["per_month_high"] * worth,
    )


def _losses_after(inside: ir.Table, own: ir.Table, definition: JourneyDefinition, as_of: datetime) -> pd.DataFrame:
    """Count per touchpoint the journeys abandoned after it, of all and of the matured ones, and beside its stage."""
    ripe = ibis.literal(as_of - definition.within, type="timestamp")
    facts = own.select("journey_id", lost=_.outcome == ABANDONED, ripe=(_.started_at <= ripe).ifelse(1, 0))
    steps = inside.filter(~_.touchpoint.isin([*definition.success, *definition.abandon]))
    last = steps.group_by("journey_id").aggregate(last=_.position.max())
    rows = steps.inner_join(last, "journey_id").inner_join(facts, "journey_id")
    gone = (rows.lost & (rows.position == rows.last)).ifelse(1, 0)
    keys = ["stage", "touchpoint", "customer_id"]
    seen = rows.mutate(gone=gone, stage=rows.stage.fill_null("")).group_by(*keys, "journey_id", "ripe")
    each = (
        seen.aggregate(gone=_.gone.max())
        .group_by(keys)
        .aggregate(x=(_.gone * _.ripe).sum(), m=_.ripe.sum(), y=_.gone.sum())
        .cache()
    )
    sums = each.group_by("touchpoint").aggregate(
        abandoned_after=each.y.sum(), _squares=(each.y * each.y).sum(), **customer_sums(each.x, each.m)
    )
    found = sums.execute()
    shares = share_intervals(found).rename(columns={"n": "n_matured", "share": "abandoned_share"})
    found = found[["touchpoint", "abandoned_after", "_squares"]].join(shares.drop(columns=["n_success", "n_customers"]))
    base = each.group_by("stage", "customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    beside = against_others(each.select(*keys, "x", "m"), base, group_cols=["stage", "touchpoint"], by=["stage"])
    beside = beside.rename(columns={"share_others": "stage_share"}).rename(
        columns={"conf_low": "difference_low", "conf_high": "difference_high"}
    )
    columns = ["touchpoint", "stage_share", "difference", "difference_low", "difference_high"]
    return found.astype({"abandoned_after": "int64"}).merge(beside[columns], on="touchpoint")
