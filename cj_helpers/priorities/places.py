"""Where in a journey to start: the steps and hand-offs that go clearly worse than their like, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cj_helpers.priorities.volume import MONTH_DAYS

TOUCHPOINT, HANDOFF = "touchpoint", "hand-off"
PLACE_COLUMNS = [
    "journey",
    "kind",
    "place",
    "segment",
    "first_day",
    "last_day",
    "n",
    "hazard_ratio",
    "difference",
    "conf_low",
    "conf_high",
    "lost_per_month",
    "lost_low",
    "lost_high",
    "worth_per_month",
    "worth_low",
    "worth_high",
    "is_clear",
]


def places(
    *,
    months: Mapping[str, float],
    values: Mapping[str, float | None],
    incidents: pd.DataFrame | None = None,
    handoffs: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Put the incidents at touchpoints and the hand-offs of all journeys on one scale: journeys lost a month.

    Parameters
    ----------
    months : mapping of journey key to months
        How long each journey has been observed.
    values : mapping of journey key to money or None
        What a completed journey is worth.
    incidents : DataFrame, optional
        Weeks in which a touchpoint let fewer journeys go on for one channel, device or mode: journey, touchpoint,
        value, first_day, last_day, n, difference, conf_low, conf_high, p_adjusted.
    handoffs : DataFrame, optional
        Hazard ratio of completion after each hand-off: journey, from_channel, to_channel, n_journeys, completed_share,
        hazard_ratio, conf_low, conf_high, p_adjusted.

    Returns
    -------
    DataFrame, one row per place, the clear ones first, the most costly of them on top
        journey, kind (touchpoint | hand-off), place, segment (whose touchpoint; empty for hand-offs), first_day,
        last_day (of an incident), n, hazard_ratio (of completion after a hand-off), difference (share that goes on or
        is completed, against its like), conf_low, conf_high, lost_per_month (journeys, if all of the difference is the
        place's doing), lost_low, lost_high, worth_per_month, worth_low, worth_high (missing without a value), is_clear
        (the interval is below 0, also after adjusting for all places looked at).

    Notes
    -----
    Months of an incident are those that it lasted; of a hand-off those of the whole log. Losses are never below 0. The
    difference of a hand-off with hazard ratio h and the share p completed is p - (1 - (1 - p)^(1/h)): what the same
    journeys would have reached at the rate of the others, as if nothing competed with completion; its interval is that
    of h.
    Association: what makes a customer change the channel may be what makes the journey fail.
    """
    parts = [_of_incidents(incidents), _of_handoffs(handoffs, months)]
    table = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    table = table if "hazard_ratio" in table else table.assign(hazard_ratio=np.nan)
    for name, limit in (("per_month", "difference"), ("low", "conf_high"), ("high", "conf_low")):
        table[f"lost_{name}"] = (-table[limit]).clip(lower=0) * table["n"] / table["months"]
    value = table["journey"].map(dict(values)).astype("float64")
    for name in ("per_month", "low", "high"):
        table[f"worth_{name}"] = table[f"lost_{name}"] * value
    table["is_clear"] = table["conf_high"].lt(0) & table["p_adjusted"].lt(0.05)
    order = table.assign(_worth=table["worth_per_month"].fillna(table["lost_per_month"]))
    order = order.sort_values(["is_clear", "_worth", "journey", "place"], ascending=[False, False, True, True])
    return order[PLACE_COLUMNS].reset_index(drop=True)


def _of_incidents(incidents: pd.DataFrame | None) -> pd.DataFrame:
    if incidents is None:
        return pd.DataFrame(columns=[*PLACE_COLUMNS, "months", "p_adjusted"])
    days = (incidents["last_day"] - incidents["first_day"]).dt.days + 1
    table = incidents.assign(kind=TOUCHPOINT, place=incidents["touchpoint"], segment=incidents["value"])
    return table.assign(months=days / MONTH_DAYS)


def _of_handoffs(handoffs: pd.DataFrame | None, months: Mapping[str, float]) -> pd.DataFrame:
    if handoffs is None:
        return pd.DataFrame(columns=[*PLACE_COLUMNS, "months", "p_adjusted"])
    never = pd.Series(pd.NaT, index=handoffs.index, dtype="datetime64[ns]")
    reached = {
        name: _gap(handoffs["completed_share"], handoffs[name]) for name in ("hazard_ratio", "conf_low", "conf_high")
    }
    return handoffs.assign(
        kind=HANDOFF,
        place=handoffs["from_channel"] + " → " + handoffs["to_channel"],
        segment="",
        first_day=never,
        last_day=never,
        n=handoffs["n_journeys"],
        difference=reached["hazard_ratio"],
        conf_low=reached["conf_low"],
        conf_high=reached["conf_high"],
        months=handoffs["journey"].map(dict(months)).replace(0, np.nan),
    )


def _gap(share: pd.Series, ratio: pd.Series) -> pd.Series:
    """Share completed less the share there would be with a hazard ratio of 1."""
    return share - (1 - (1 - share) ** (1 / ratio))
