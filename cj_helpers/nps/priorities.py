"""Where to invest first, and for whom it differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import DataError
from cj_helpers.inference import adjust_p_values, cluster_codes, normal_quantile, require_columns
from cj_helpers.nps.driver_data import COMPLETE_CASE
from cj_helpers.nps.effects import driver_effects
from cj_helpers.nps.inputs import number_column
from cj_helpers.nps.scores import segment_rows

FIRST, NEXT, NO_ASSOCIATION, AGAINST = "invest first", "next", "no association of its own", "goes against"
FEWEST_IN_SEGMENT = 100


def invest_first(
    worth: pd.DataFrame, *, effects: pd.DataFrame, driver_table: pd.DataFrame, performance: pd.DataFrame
) -> pd.DataFrame:
    """Rank drivers by what lifting their low answers goes with.

    Parameters
    ----------
    worth, effects, driver_table, performance : DataFrame
        Results of `driver_worth`, `driver_effects`, `drivers` and `importance_performance` for the same drivers.

    Returns
    -------
    DataFrame
        One row per driver, the best place to invest first: rank, driver, dimension, estimate (points of NPS that go
        with lifting low answers), conf_low, conf_high, share (importance), performance (0 to 100), share_low (low
        answers), direction (sign of the ordinal slope; "unclear" when its interval holds 0), advice: "invest first" (a
        driver whose interval reaches the estimate of the first), "next", "no association of its own" (direction
        unclear: a high importance is then borrowed from drivers it goes along with), "goes against" (direction -).
    """
    slopes = effects[effects["model"].eq("ordinal") & effects["kind"].eq("driver")]
    direction = np.select([slopes["conf_low"] > 0, slopes["conf_high"] < 0], ["+", "-"], "unclear")
    signs = pd.DataFrame({"driver": slopes["term"].to_numpy(), "direction": direction})
    table = worth.merge(driver_table[["driver", "share"]], on="driver")
    table = table.merge(performance[["driver", "performance"]], on="driver").merge(signs, on="driver")
    order = table["direction"].map({"+": 0, "unclear": 1, "-": 2})
    table = table.assign(_order=order).sort_values(["_order", "estimate"], ascending=[True, False], kind="stable")
    table = table.reset_index(drop=True)
    best = table["estimate"].iloc[0]
    advice = np.select(
        [table["direction"].eq("unclear"), table["direction"].eq("-"), table["conf_high"] >= best],
        [NO_ASSOCIATION, AGAINST, FIRST],
        NEXT,
    )
    columns = ["rank", "driver", "dimension", "estimate", "conf_low", "conf_high", "share", "performance", "share_low"]
    table = table.assign(rank=np.arange(1, len(table) + 1), advice=advice)
    return table[[*columns, "direction", "advice", "n", "n_customers", "method"]]


def driver_segments(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    segment_col: str,
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    cluster_col: str = "",
    seed: int = 0,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compare drivers between segments: how much goes with them, and how they are rated.

    Returns
    -------
    DataFrame
        One row per segment and driver: segment, driver, dimension, estimate (ordinal slope in the segment), difference
        (of slopes, the segment minus all other answers), conf_low, conf_high, p_value, p_adjusted (Benjamini-Hochberg
        over all rows), mean (rating in the segment), mean_other, n, n_customers, n_customers_smaller (of the
        segment or of all others). A segment with fewer than 100 usable
        answers on either side, or without a finite estimate, has NaN.

    Raises
    ------
    ConfigError, DataError
        As in `driver_effects`.
    """
    require_columns(answers, segment_col)
    options: dict[str, Any] = {"drivers": drivers, "outcome_col": outcome_col, "method": method, "models": ("ordinal",)}
    options |= {"cluster_col": cluster_col, "seed": seed}
    parts = []
    for segment, members in list(segment_rows(answers, segment_col))[1:]:
        inside = np.zeros(len(answers), dtype=bool)
        inside[members] = True
        parts.append(_compare(answers[inside], answers[~inside], options, conf_level).assign(segment=segment))
    columns = ["segment", "driver", "dimension", "estimate", "difference", "conf_low", "conf_high", "p_value"]
    columns += ["p_adjusted", "mean", "mean_other", "n", "n_customers", "n_customers_smaller"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    table["p_adjusted"] = adjust_p_values(table["p_value"].to_numpy(dtype=float), method="bh")
    return table.reindex(columns=columns)


def _compare(own: pd.DataFrame, others: pd.DataFrame, options: dict[str, Any], conf_level: float) -> pd.DataFrame:
    """Slopes and mean ratings of a segment beside those of all other answers."""
    names = [(name, dimension) for dimension, items in options["drivers"].items() for name in items]
    table = pd.DataFrame(names, columns=["driver", "dimension"])
    table["mean"] = [_mean(own, name) for name, _ in names]
    table["mean_other"] = [_mean(others, name) for name, _ in names]
    first, second = _slopes(own, options), _slopes(others, options)
    table = table.assign(estimate=np.nan, difference=np.nan, conf_low=np.nan, conf_high=np.nan, p_value=np.nan)
    customers = [int(cluster_codes(side, options["cluster_col"]).max(initial=-1)) + 1 for side in (own, others)]
    table = table.assign(n=len(own), n_customers=customers[0], n_customers_smaller=min(customers))
    if first is None or second is None:
        return table
    gap = first["estimate"].to_numpy() - second["estimate"].to_numpy()
    error = np.hypot(first["std_error"].to_numpy(), second["std_error"].to_numpy())
    half = normal_quantile(conf_level) * error
    table = table.assign(estimate=first["estimate"].to_numpy(), difference=gap, p_value=2 * ndtr(-np.abs(gap) / error))
    customers = [side["n_customers"].iloc[0] for side in (first, second)]
    sizes = {"n": first["n"].iloc[0], "n_customers": customers[0], "n_customers_smaller": min(customers)}
    return table.assign(conf_low=gap - half, conf_high=gap + half, **sizes)


def _slopes(answers: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame | None:
    """Ordinal slopes of the drivers; None with too few answers or without a finite estimate."""
    try:
        found = driver_effects(answers, **options)
    except DataError:
        return None
    found = found[found["kind"].eq("driver")].reset_index(drop=True)
    return found if found["n"].iloc[0] >= FEWEST_IN_SEGMENT else None


def _mean(answers: pd.DataFrame, name: str) -> float:
    values = number_column(answers, name)
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan
