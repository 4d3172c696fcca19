"""Stages in numbers: the rows of the journey map."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, MOVED_ON, JourneyDefinition
from cj_helpers.journeys import stays
from cj_helpers.mapping.clustered import clustered_shares
from cj_helpers.mapping.losses import loss_known
from cj_helpers.mapping.ratings import mean_ratings

_COLUMNS = ["journey", "stage", "n_journeys", "drop_off", "conf_low", "conf_high", "time_median_hours"]
_COLUMNS += ["cost_per_journey", "top_pain", "n_customers", "share_reached", "n_matured", "time_p90_hours"]
_COLUMNS += ["repeat_share", "top_channel"]


def stages(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    touchpoints: pd.DataFrame | None = None,
    min_group: int = 1,
) -> pd.DataFrame:
    """Describe each stage: the rows of the journey map.

    Parameters
    ----------
    min_group : int
        Satisfaction and effort of fewer customers are missing.
    touchpoints : DataFrame, optional
        What `touchpoints` returns; gives each stage its top pain point.

    Returns
    -------
    DataFrame, one row per journey definition and stage, in the order of the definition
        journey, stage, n_journeys that reached it, n_customers, share_reached of all journeys, n_matured (those that
        reached it and started at least ``within`` and the longest timeout before as_of), drop_off (share of n_matured
        that were abandoned with this as their furthest stage), conf_low, conf_high, time_median_hours and
        time_p90_hours from entering the stage to a later stage or the goal, among the matured journeys that got there
        (missing where nobody did), repeat_share of its steps, cost_per_journey that reached it (missing without
        costs), top_channel, top_pain (the touchpoint of the stage after which most journeys are abandoned),
        satisfaction and effort where events carry them, each with _low, _high and the number of customers who rated
        (n_satisfaction, n_effort). Empty without stages.

    Notes
    -----
    Young journeys are left out of drop_off and times, because those that are lost take a whole timeout to be known as
    lost while those that go on, above all the quick ones, are known at once. Journeys that are still open, such as
    those that wait for the company, where no timeout runs, count as not lost. Intervals: Wilson (1927), clustered by
    customer.
    """
    pains = _pains(touchpoints)
    parts = []
    for definition in definitions.values():
        if definition.stages:
            part = _stages_of(steps, journeys, definition, as_of, pains)
            inside = steps.filter((_.journey == definition.key) & _.stage.notnull())
            rated = mean_ratings(inside, by=["stage"], min_group=min_group)
            parts.append(part.merge(rated, how="left", on="stage"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)


def _pains(touchpoints: pd.DataFrame | None) -> dict[tuple[str, str], str]:
    """Return the touchpoint of each stage after which most journeys are abandoned."""
    if touchpoints is None:
        return {}
    lost = touchpoints[touchpoints["abandoned_after"].gt(0) & touchpoints["stage"].notna()]
    lost = lost.sort_values(["abandoned_after", "touchpoint"], ascending=[False, True])
    first = lost.drop_duplicates(["journey", "stage"])
    return dict(zip(zip(first["journey"], first["stage"], strict=True), first["touchpoint"], strict=True))


def _stages_of(
    steps: ir.Table,
    journeys: ir.Table,
    definition: JourneyDefinition,
    as_of: datetime,
    pains: dict[tuple[str, str], str],
) -> pd.DataFrame:
    inside = steps.filter((_.journey == definition.key) & _.stage.notnull())
    described = (
        inside.group_by("stage")
        .aggregate(
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            repeat_share=_.is_repeat.ifelse(1, 0).mean(),
        )
        .execute()
    )
    old = journeys.filter((_.journey == definition.key) & loss_known(journeys, definition, as_of))
    table = pd.DataFrame({"stage": list(definition.stages)})
    for part in (described, _costs(inside), _times(steps, old, definition), _stage_losses(inside, old)):
        table = table.merge(part, how="left", on="stage")
    counts = ["n_journeys", "n_customers", "n_matured"]
    table[counts] = table[counts].fillna(0).astype("int64")
    total = int(journeys.filter(_.journey == definition.key).count().execute())
    table = table.assign(
        journey=definition.key,
        share_reached=table["n_journeys"] / total,
        top_channel=table["stage"].map(_top(inside)),
        top_pain=pd.Series([pains.get((definition.key, stage)) for stage in table["stage"]], dtype=object),
    )
    return table[_COLUMNS]


def _costs(inside: ir.Table) -> pd.DataFrame:
    """Money that a journey which reached the stage spent there."""
    cost = inside.cost.cast("float64").sum() if "cost" in inside.columns else ibis.null("float64")
    found = inside.group_by("stage").aggregate(costs=cost, n=_.journey_id.nunique()).execute()
    return pd.DataFrame({"stage": found["stage"], "cost_per_journey": pd.to_numeric(found["costs"]) / found["n"]})


def _times(steps: ir.Table, old: ir.Table, definition: JourneyDefinition) -> pd.DataFrame:
    """Hours that the journeys which went on had spent in each stage."""
    found = stays(steps, journeys=old.mutate(customer=_.customer_id), definition=definition)
    hours = _.duration_days * 24
    table = (
        found.filter(_.outcome == MOVED_ON)
        .group_by("place")
        .aggregate(time_median_hours=hours.median(), time_p90_hours=hours.quantile(0.9))
        .execute()
    )
    return table.assign(stage=table.pop("place").map(dict(enumerate(definition.stages))))


def _stage_losses(inside: ir.Table, old: ir.Table) -> pd.DataFrame:
    """Share lost at each stage among the matured journeys that reached it."""
    facts = old.select("journey_id", "furthest_stage", lost=_.outcome == ABANDONED)
    seen = inside.select("journey_id", "customer_id", "stage").distinct().inner_join(facts, "journey_id")
    rows = seen.mutate(x=(seen.lost & (seen.furthest_stage == seen.stage)).ifelse(1, 0), m=ibis.literal(1))
    shares = clustered_shares(rows.select("stage", "customer_id", "x", "m"), group_cols=["stage"])
    return shares.rename(columns={"n": "n_matured", "share": "drop_off"}).drop(columns=["n_success", "n_customers"])


def _top(inside: ir.Table) -> pd.Series:
    """Channel with most steps of each stage."""
    counts = inside.group_by("stage", "channel").aggregate(n=_.count()).execute().dropna(subset=["channel"])
    ordered = counts.sort_values(["stage", "n", "channel"], ascending=[True, False, True])
    return ordered.groupby("stage")["channel"].first()


def stage_channels(steps: ir.Table, *, definitions: Mapping[str, JourneyDefinition]) -> pd.DataFrame:
    """Give the channel mix of each stage.

    Returns
    -------
    DataFrame, one row per journey definition, stage and channel, in the order of the definition, largest first
        journey, stage, channel, n_steps, n_customers, share of the steps of the stage that have a channel.
    """
    known = steps.filter(_.stage.notnull() & _.channel.notnull())
    counts = known.group_by("journey", "stage", "channel").aggregate(
        n_steps=_.count(), n_customers=_.customer_id.nunique()
    )
    table = counts.execute()
    table["share"] = table["n_steps"] / table.groupby(["journey", "stage"])["n_steps"].transform("sum")
    place = {(d.key, name): (k, i) for k, d in enumerate(definitions.values()) for i, name in enumerate(d.stages)}
    table["_at"] = [place[pair] for pair in zip(table["journey"], table["stage"], strict=True)]
    table = table.sort_values(["_at", "n_steps", "channel"], ascending=[True, False, True])
    return table.drop(columns="_at").reset_index(drop=True)
