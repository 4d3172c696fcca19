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
from cj_helpers.mapping.folding import SELF_LOOP
from cj_helpers.mapping.losses import by_customers, longest_timeout, loss_known, until_end
from cj_helpers.mapping.ratings import mean_ratings

_MONTH_DAYS = 365.25 / 12
_FIRST = ["journey", "touchpoint", "abandoned_share", "conf_low", "conf_high", "stage_share", "abandoned_per_month"]
_FIRST += ["value_per_month", "n_matured", "stage", "n_steps", "n_journeys", "n_customers", "n_starts", "n_ends"]
_FIRST += ["abandoned_after", "difference", "difference_low", "difference_high", "per_month_low", "per_month_high"]
_FIRST += ["value_low", "value_high", "wait_median_hours", "repeat_share", "self_loop_share"]
MEASURES = {"dwell_median_s": "duration_s", "cost_per_step": "cost"}


def touchpoints(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    min_group: int = 1,
) -> pd.DataFrame:
    """Describe each touchpoint: the base of the friction ranking.

    Parameters
    ----------
    min_group : int
        Satisfaction and effort of fewer customers are missing.

    Returns
    -------
    DataFrame, one row per journey definition and touchpoint, most abandonments first
        journey, touchpoint (folded ones: one row per stage), stage, n_steps, n_journeys, n_customers, n_starts and
        n_ends (journeys whose first or last step it is), abandoned_after (journeys abandoned with this as the
        customer's last step), n_matured (journeys that saw it and started at least ``within`` and the longest timeout
        before as_of), abandoned_share of n_matured, conf_low, conf_high,
        stage_share (the same of the other touchpoints of its stage; missing where it stands alone), difference,
        difference_low, difference_high, abandoned_per_month with per_month_low and per_month_high, value_per_month
        with value_low and value_high (what these journeys would have been worth if completed: the most that mending
        the step can bring; missing without a value), wait_median_hours, repeat_share (touchpoint seen earlier in the
        journey), self_loop_share (followed by itself), then dwell_median_s, cost_per_step, satisfaction and effort
        where events carry them, the latter two with _low, _high and the customers who rated (n_satisfaction, n_effort).

    Notes
    -----
    An event that itself ends a journey as abandoned is not where the customer was lost: the loss counts for the step
    before it, and the touchpoints that end journeys have no abandoned_share. Nor have steps that the company takes
    (actor): the loss counts for what the customer did last, and for nothing in journeys without a step of theirs.
    Journeys that are open, such as those that wait for the company, where no timeout runs, count as not lost.

    Per month: the losses whose last event lies the longest timeout or more before as_of, over the time from the
    definition's first journey until then, in which every loss is known; missing in shorter logs. The interval treats
    customers as arriving at random, each with its losses (compound Poisson, on the logarithm; the rule of three at
    none). Shares: Wilson (1927), differences Newcombe (1998), clustered by customer.
    """
    parts = []
    for definition in definitions.values():
        # a touchpoint belongs to one stage, but folded ones come in several
        own = steps.filter(_.journey == definition.key).mutate(stage=_.stage.fill_null(""))
        part = _touchpoints_of(own, journeys, definition, as_of)
        rated = mean_ratings(own, by=["touchpoint", "stage"], min_group=min_group)
        part = part.merge(rated, how="left", on=["touchpoint", "stage"])
        parts.append(part.assign(stage=part["stage"].astype(object).mask(part["stage"].eq(""), None)))
    table = pd.concat(parts, ignore_index=True)
    order = ["journey", "abandoned_after", "touchpoint"]
    return table.sort_values(order, ascending=[True, False, True]).reset_index(drop=True)


def rank_frictions(table: pd.DataFrame, *, definitions: Mapping[str, JourneyDefinition]) -> pd.DataFrame:
    """Order what `touchpoints` returns by what is lost a month, the most first.

    In money where every definition shown has a value, else in journeys: beside one with a value, those without would
    stand at the end whatever they lose.
    """
    valued = all(definitions[key].value is not None for key in table["journey"].unique())
    by = "value_per_month" if valued else "abandoned_per_month"
    return table.sort_values(by, ascending=False, kind="stable").reset_index(drop=True)


def _touchpoints_of(
    inside: ir.Table, journeys: ir.Table, definition: JourneyDefinition, as_of: datetime
) -> pd.DataFrame:
    own = journeys.filter(_.journey == definition.key)
    measures = {
        name: inside[column].median() if name == "dwell_median_s" else inside[column].mean()
        for name, column in MEASURES.items()
        if column in inside.columns
    }
    loop = inside[SELF_LOOP] if SELF_LOOP in inside.columns else inside.touchpoint == inside.next_touchpoint
    described = (
        inside.group_by("touchpoint", "stage")
        .aggregate(
            n_steps=inside.count(),
            n_journeys=inside.journey_id.nunique(),
            n_customers=inside.customer_id.nunique(),
            n_starts=(inside.position == 1).ifelse(1, 0).sum(),
            n_ends=inside.next_touchpoint.isnull().ifelse(1, 0).sum(),
            wait_median_hours=inside.wait.median(),
            repeat_share=inside.is_repeat.ifelse(1, 0).mean(),
            self_loop_share=loop.fill_null(False).ifelse(1, 0).mean(),
            **measures,
        )
        .execute()
    )
    lost = _losses_after(inside, own, definition, as_of)
    table = described.merge(lost, how="left", on=["touchpoint", "stage"])
    months = _months(own, as_of - longest_timeout(definition))
    table = _per_month(table, months, definition.value).assign(journey=definition.key)
    return table[[*_FIRST, *measures]]


def _months(own: ir.Table, until: datetime) -> float:
    start = own.started_at.min().execute()
    days = (until - start).total_seconds() / 86_400 if pd.notna(start) else float("nan")
    return days / _MONTH_DAYS if days > 0 else float("nan")


def _per_month(table: pd.DataFrame, months: float, value: float | None) -> pd.DataFrame:
    """Add what is lost per month, in journeys and in money, with intervals."""
    lost, squares = table["_known"], table["_squares"]
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
    each = _losses_of_customers(inside, own, definition, as_of).cache()
    keys = ["stage", "touchpoint"]
    found = each.group_by(keys).aggregate(
        abandoned_after=each.y.sum(),
        _known=each.z.sum(),
        _squares=(each.z * each.z).sum(),
        **customer_sums(each.x, each.m),
    )
    sums = found.execute()
    shares = share_intervals(sums).rename(columns={"n": "n_matured", "share": "abandoned_share"})
    sums = sums[[*keys, "abandoned_after", "_known", "_squares"]].join(
        shares.drop(columns=["n_success", "n_customers"])
    )
    base = each.group_by("stage", "customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    beside = against_others(each.select(*keys, "customer_id", "x", "m"), base, group_cols=keys, by=["stage"])
    names = {"conf_low": "difference_low", "conf_high": "difference_high", "share_others": "stage_share"}
    columns = [*keys, "stage_share", "difference", "difference_low", "difference_high"]
    counts = dict.fromkeys(["abandoned_after", "_known", "_squares"], "int64")
    return sums.astype(counts).merge(beside.rename(columns=names)[columns], on=keys)


def _losses_of_customers(inside: ir.Table, own: ir.Table, definition: JourneyDefinition, as_of: datetime) -> ir.Table:
    """Per stage, touchpoint and customer: y journeys lost, z of them long enough ago, x of the m matured ones."""
    known = ibis.literal(as_of - longest_timeout(definition), type="timestamp")
    facts = own.select(
        "journey_id",
        lost=_.outcome == ABANDONED,
        ripe=loss_known(own, definition, as_of).ifelse(1, 0),
        known=(ibis.least(_.last_event_at, _.ended_at) <= known).fill_null(False).ifelse(1, 0),
    )
    steps = by_customers(until_end(inside, definition))
    last = steps.group_by("journey_id").aggregate(last=_.position.max())
    rows = steps.inner_join(last, "journey_id").inner_join(facts, "journey_id")
    gone = (rows.lost & (rows.position == rows.last)).ifelse(1, 0)
    keys = ["stage", "touchpoint", "customer_id"]
    seen = rows.mutate(gone=gone).group_by(*keys, "journey_id", "ripe", "known").aggregate(gone=_.gone.max())
    return seen.group_by(keys).aggregate(
        x=(_.gone * _.ripe).sum(), m=_.ripe.sum(), y=_.gone.sum(), z=(_.gone * _.known).sum()
    )
