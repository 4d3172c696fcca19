"""Channels: where journeys start, how far each carries them, and whether one step succeeds equally well on all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir
from scipy.special import chdtrc

from cj_helpers.contract import COMPLETED, JourneyDefinition
from cj_helpers.inference import adjust_p_values, newcombe_difference
from cj_helpers.journeys import add_segment, journey_frame, observed_for
from cj_helpers.mapping.clustered import customer_sums, effective_of, share_intervals
from cj_helpers.mapping.summary import journey_summary

DIMENSIONS = ("channel", "device", "mode")
_RATES = ["journey", "stage", "dimension", "value", "n", "n_customers", "share", "conf_low", "conf_high"]
_SPREAD = ["journey", "stage", "dimension", "best", "worst", "difference", "conf_low", "conf_high"]


def channel_use(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Set the use of each channel beside the success of the journeys that begin there.

    Returns
    -------
    DataFrame, one row per journey definition and channel of the first step
        journey, channel, n_journeys, n_customers, share of the journeys that begin there, completed_within,
        conf_low, conf_high.

    Notes
    -----
    The first channel is known when a journey begins; channels used later would favour journeys that last.
    """
    frame = journey_frame(add_segment(journeys, segment_col="channel", steps=steps))
    table = journey_summary(frame, definitions=definitions, as_of=as_of)
    table = table[table["segment"].ne("all")].rename(columns={"segment": "channel"})
    total = table.groupby("journey")["n_journeys"].transform("sum")
    table = table.assign(share=table["n_journeys"] / total)
    table = table.sort_values(["journey", "n_journeys"], ascending=[True, False], kind="stable")
    columns = ["journey", "channel", "n_journeys", "n_customers", "share", "completed_within", "conf_low", "conf_high"]
    return table[columns].reset_index(drop=True)


def consistency(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Say how many journeys go on from a stage, by the channel, device and mode in which they entered it.

    Returns
    -------
    DataFrame, one row per journey definition, stage but the last, dimension and value
        journey, stage, dimension (channel | device | mode), value, n (journeys old enough), n_customers, share that
        reached a later stage or were completed, conf_low, conf_high, and `n_effective` for differences.
    """
    dimensions = [name for name in DIMENSIONS if name in steps.columns]
    parts = [
        _rates_of(steps, journeys, definition, as_of, dimensions)
        for definition in definitions.values()
        if len(definition.stages) > 1
    ]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*_RATES, "n_effective"])


def _rates_of(
    steps: ir.Table, journeys: ir.Table, definition: JourneyDefinition, as_of: datetime, dimensions: list[str]
) -> pd.DataFrame:
    names = list(definition.stages)
    rank = {name: index for index, name in enumerate(names)}
    own = journeys.filter(_.journey == definition.key)
    own = own.filter(observed_for(own, definition.within, as_of=as_of))
    reached = ibis.cases(*[(own.furthest_stage == name, index) for name, index in rank.items()], else_=-1)
    facts = own.select("journey_id", reached=reached, done=(own.outcome == COMPLETED).ifelse(1, 0))
    staged = steps.filter((_.journey == definition.key) & _.stage.isin(names[:-1]))
    entry = ibis.row_number().over(group_by=[staged.journey_id, staged.stage], order_by=staged.position)
    entered = staged.mutate(_entry=entry).filter(_._entry == 0).inner_join(facts, "journey_id")
    here = ibis.cases(*[(entered.stage == name, index) for name, index in rank.items()], else_=-1)
    went_on = ((entered.reached > here) | (entered.done == 1)).ifelse(1, 0)
    views = [
        entered.select(
            "stage", "customer_id", dimension=ibis.literal(name), value=entered[name].cast("string"), x=went_on
        ).filter(_.value.notnull())
        for name in dimensions
    ]
    rows = views[0] if len(views) == 1 else ibis.union(*views)
    keys = ["stage", "dimension", "value"]
    each = rows.group_by(*keys, "customer_id").aggregate(x=_.x.sum(), m=_.count())
    sums = each.group_by(keys).aggregate(**customer_sums(each.x, each.m)).execute()
    shares = share_intervals(sums)
    table = sums[keys].join(shares).assign(journey=definition.key, n_effective=effective_of(sums, shares))
    table = table.sort_values(keys, key=lambda column: column.map(rank) if column.name == "stage" else column)
    return table[[*_RATES, "n_effective"]]


def consistency_spread(rates: pd.DataFrame, *, least_customers: int = 30) -> pd.DataFrame:
    """Give the spread of success between the best and the worst channel, device or mode of each stage.

    Parameters
    ----------
    rates : DataFrame
        What `consistency` returns.
    least_customers : int
        Values with fewer customers are not compared.

    Returns
    -------
    DataFrame, one row per journey definition, stage and dimension with two values or more, widest first
        journey, stage, dimension, best, worst, n, difference (best minus worst), conf_low, conf_high, p_value of the
        hypothesis that all values succeed equally often, p_adjusted (Holm 1979, all rows one family).

    Notes
    -----
    Newcombe (1998) at the effective sizes. Best and worst are picked after the fact, so their difference is a little
    too large on average; the p-value (a chi-square test of all values) is not affected.
    """
    rows = []
    kept = rates[rates["n_customers"] >= least_customers]
    for keys, part in kept.groupby(["journey", "stage", "dimension"], sort=False):
        if len(part) < 2:
            continue
        best, worst = part.loc[part["share"].idxmax()], part.loc[part["share"].idxmin()]
        one, two = ((row["share"] * row["n_effective"], row["n_effective"]) for row in (best, worst))
        gap, low, high = newcombe_difference(*one, *two)
        ends = [float(value) for value in (gap, low, high)]
        rows.append([*keys, best["value"], worst["value"], *ends, int(part["n"].sum()), _equal_shares(part)])
    table = pd.DataFrame(rows, columns=[*_SPREAD, "n", "p_value"])
    table.insert(8, "p_adjusted", adjust_p_values(table["p_value"].astype(float)))
    return table.sort_values("difference", ascending=False, kind="stable").reset_index(drop=True)


def _equal_shares(part: pd.DataFrame) -> float:
    """Test with chi-square whether shares at their effective sizes are equal."""
    size, share = part["n_effective"], part["share"]
    mean = (share * size).sum() / size.sum()
    if not 0 < mean < 1:
        return 1.0
    statistic = (size * (share - mean) ** 2).sum() / (mean * (1 - mean))
    return float(chdtrc(len(part) - 1, statistic))
