"""How much more slowly journeys are completed once they have been handed from one channel to another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, DataError, JourneyDefinition
from cj_helpers.inference import adjust_p_values
from cj_helpers.journeys.contacts import contact_spells
from cj_helpers.journeys.moves import own_moves
from cj_helpers.journeys.outcomes import observed_for
from cj_helpers.survival import hazard_ratios

RATIO_COLUMNS = [
    "journey",
    "from_channel",
    "to_channel",
    "n_journeys",
    "n_customers",
    "completed_share",
    "hazard_ratio",
    "conf_low",
    "conf_high",
    "p_value",
    "p_adjusted",
]


def handoff_ratios(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    least: int = 50,
) -> pd.DataFrame:
    """Compare the rate of completion after each hand-off with that of all journeys of the same age without it so far.

    Parameters
    ----------
    steps, journeys : ibis tables
        What ``build_steps`` and ``build_journeys`` return.
    least : int
        Journeys that a pair of channels needs.

    Returns
    -------
    DataFrame, one row per journey definition and pair of channels
        journey, from_channel, to_channel, n_journeys, n_customers, completed_share (of these, started at least
        ``within`` before as_of), hazard_ratio (of completion), conf_low, conf_high, p_value, p_adjusted (Holm 1979; all
        rows are one family). Pairs whose model has no finite estimate are left out.

    Notes
    -----
    A cause-specific Cox model (1972) per pair with the hand-off as the only covariate, which is 0 until the customer's
    first step on the new channel and 1 from then on, so that the time spent waiting counts for neither side wrongly
    (Suissa 2008); errors clustered by customer (Lin & Wei 1989). Association: customers who change the channel may have
    harder problems.
    """
    pairs = _frequent_pairs(steps, journeys, definitions, as_of, least)
    if pairs.empty:
        return pd.DataFrame(columns=RATIO_COLUMNS)
    moves = list(dict.fromkeys(zip(pairs["from_channel"], pairs["to_channel"], strict=True)))
    spans = contact_spells(steps, journeys=journeys, handoffs=moves)
    rows = []
    for pair in pairs.to_dict("records"):
        own = spans.loc[spans["journey"].eq(pair["journey"])]
        ratio = _ratio(own, f"after {pair['from_channel']} > {pair['to_channel']}")
        rows.append(pair | ratio)  # type: ignore[operator]
    ratios = pd.DataFrame(rows, columns=RATIO_COLUMNS)
    ratios = ratios.loc[ratios["hazard_ratio"].notna()]
    ratios = ratios.assign(p_adjusted=adjust_p_values(ratios["p_value"]) if len(ratios) else [])
    return ratios.sort_values(["journey", "hazard_ratio"], kind="stable").reset_index(drop=True)


def _ratio(spans: pd.DataFrame, covariate: str) -> dict[str, float]:
    """Ratio of one hand-off with its interval; nothing where too few were completed on a side."""
    try:
        table = hazard_ratios(
            spans,
            covariates=[covariate],
            outcomes=(COMPLETED,),
            entry_col="entry_days",
            cluster_col="customer",
            spell_col="spell",
        )
    except DataError:
        return {}
    whole = table.loc[table["period"].eq("whole")].iloc[0]
    return {name: float(whole[name]) for name in ("hazard_ratio", "conf_low", "conf_high", "p_value")}


def _frequent_pairs(
    steps: ir.Table, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], as_of: datetime, least: int
) -> pd.DataFrame:
    """Count the journeys with each hand-off, and how many of the old enough ones were completed."""
    old = [(journeys.journey == key, observed_for(journeys, d.within, as_of=as_of)) for key, d in definitions.items()]
    facts = journeys.mutate(ripe=ibis.cases(*old, else_=False)).select(
        "journey", "journey_id", m=_.ripe.ifelse(1, 0), x=(_.ripe & (_.outcome == COMPLETED)).ifelse(1, 0)
    )
    moved = own_moves(steps).filter(_.changes)
    moved = moved.select("journey", "journey_id", "customer_id", from_channel=_.from_value, to_channel=_.to_value)
    counts = (
        moved.distinct()
        .inner_join(facts, ["journey", "journey_id"])
        .group_by("journey", "from_channel", "to_channel")
        .aggregate(n_journeys=_.count(), n_customers=_.customer_id.nunique(), x=_.x.sum(), m=_.m.sum())
        .filter(_.n_journeys >= least)
        .order_by("journey", "from_channel", "to_channel")
        .execute()
    )
    share = counts["x"] / counts["m"].where(counts["m"] > 0)
    return counts.assign(completed_share=share.astype("float64")).drop(columns=["x", "m"])
