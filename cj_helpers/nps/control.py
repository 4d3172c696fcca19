"""Is a movement of the score real, or noise: a control chart whose level may step."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cj_helpers.inference import require_columns

REAL, NOISE, NOT_JUDGED = "real change", "noise", ""
SIGMAS = 3.0  # Shewhart's limits: a period without any change lies outside once in 370
FEWEST_FOR_SPREAD = 8  # periods from which on a spread beyond sampling error can be measured
LIKELY = 20  # a first period is not ruled out unless the best one is this many times as likely
MEAN_RANGE = 2 / math.sqrt(math.pi)  # mean distance of two standard normal values


def nps_control_chart(
    trend: pd.DataFrame, *, alpha: float = 0.05, fewest: int = 10, conf_level: float = 0.95
) -> pd.DataFrame:
    """Judge each period of a score: a real change, or noise.

    Parameters
    ----------
    trend : DataFrame
        One row per period in order: estimate, conf_low, conf_high (points), n; as `nps_over_time` or
        `nps_adjusted_trend` give it.
    alpha : float
        Chance that a score which never moves shows a step anywhere.
    fewest : int
        Answers a period needs to be judged.

    Returns
    -------
    DataFrame
        The rows of `trend` with level (mean of the periods since the last step, weighted by precision), limit_low,
        limit_high (3 standard errors of this period around the level), verdict: "real change" where a new level
        begins or a period lies outside its limits, "noise" elsewhere, "" with fewer than `fewest` answers; and where a
        level begins level_change, change_low, change_high (points, the new level minus the one before) and first_from,
        first_to (it may as well have begun in these periods or between them; NaT elsewhere).

    Raises
    ------
    ConfigError
        A column does not exist.

    Notes
    -----
    Shewhart's (1931) chart with limits by the number of answers. The level steps where the difference of the means
    before and after is largest, if it passes the test for so many possible places (Bonferroni), and again inside
    both parts; a level lasts at least two periods. The first period of a level is uncertain: all whose likelihood is at
    least a twentieth of the best one's lie between first_from and first_to. The interval of the change takes the
    best one as given. When eight or more periods scatter more than answers alone
    explain, all errors are widened by that factor, taken from neighbouring periods (Laney 2002).

    References
    ----------
    Shewhart, W. (1931). Economic Control of Quality of Manufactured Product.
    Sen, A. and Srivastava, M. (1975). On tests for detecting change in mean. Annals of Statistics 3(1).
    Laney, D. (2002). Improved control charts for attributes. Quality Engineering 14(4).
    """
    require_columns(trend, "estimate", "conf_low", "conf_high", "n")
    table = trend.reset_index(drop=True)
    judged = np.flatnonzero(table["n"].ge(fewest) & table["estimate"].notna())
    value = table["estimate"].to_numpy(dtype=float)[judged]
    width = (table["conf_high"] - table["conf_low"]).to_numpy(dtype=float)[judged]
    error = np.maximum(width / (2 * ndtri(0.5 + conf_level / 2)), 1e-9)
    error = error * _widening(value, error)
    starts = _steps(value, error, alpha)
    columns = _levels(value, error, sorted(starts), conf_level)
    outside = (value < columns["limit_low"]) | (value > columns["limit_high"])
    steps = np.isin(np.arange(len(value)), [start for start in starts if start])
    verdict = np.where(outside | steps, REAL, NOISE)
    for name, column in columns.items():
        table[name] = pd.Series(column, index=judged, dtype=float)
    if "period" in table.columns:
        for end, name in enumerate(("first_from", "first_to")):
            places = {judged[start]: table["period"].iloc[judged[span[end]]] for start, span in starts.items() if start}
            table[name] = pd.Series(places, dtype=table["period"].dtype).reindex(table.index)
    return table.assign(verdict=pd.Series(verdict, index=judged, dtype=object).reindex(table.index).fillna(NOT_JUDGED))


def _widening(value: np.ndarray, error: np.ndarray) -> float:
    """How much more neighbouring periods differ than their answers explain, at least 1."""
    if len(value) < FEWEST_FOR_SPREAD:
        return 1.0
    gaps = np.abs(np.diff(value)) / np.hypot(error[1:], error[:-1]) * math.sqrt(2)
    return max(1.0, float(gaps.mean()) / MEAN_RANGE)


def _steps(value: np.ndarray, error: np.ndarray, alpha: float) -> dict[int, tuple[int, int]]:
    """First positions of the levels, by repeated division, each with the range where it may lie."""
    places = max(len(value) - 3, 1)
    least = float(ndtri(1 - alpha / 2 / places))
    starts, open_parts = {0: (0, 0)}, [(0, len(value))]
    while open_parts:
        begin, end = open_parts.pop()
        found = [(_distance(value, error, begin, at, end), at) for at in range(begin + 2, end - 1)]
        distance, at = max(found, default=(0.0, 0))
        if distance > least:
            likely = [place for other, place in found if distance**2 - other**2 <= 2 * math.log(LIKELY)]
            starts[at] = min(likely), max(likely)
            open_parts += [(begin, at), (at, end)]
    return starts


def _distance(value: np.ndarray, error: np.ndarray, begin: int, at: int, end: int) -> float:
    """Difference of the levels before and after, in standard errors."""
    (before, first), (after, second) = _mean(value[begin:at], error[begin:at]), _mean(value[at:end], error[at:end])
    return abs(after - before) / math.hypot(first, second)


def _mean(value: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Mean by precision, and its standard error."""
    weight = 1 / error**2
    return float(weight @ value / weight.sum()), float(1 / math.sqrt(weight.sum()))


def _levels(value: np.ndarray, error: np.ndarray, starts: list[int], conf_level: float) -> dict[str, np.ndarray]:
    """Level, limits and change of level of each period."""
    names = ("level", "limit_low", "limit_high", "level_change", "change_low", "change_high")
    columns = {name: np.full(len(value), np.nan) for name in names}
    before: tuple[float, float] | None = None
    for begin, end in zip(starts, [*starts[1:], len(value)], strict=True):
        if begin == end:
            continue
        level, spread = _mean(value[begin:end], error[begin:end])
        columns["level"][begin:end] = level
        columns["limit_low"][begin:end] = np.maximum(level - SIGMAS * error[begin:end], -100)
        columns["limit_high"][begin:end] = np.minimum(level + SIGMAS * error[begin:end], 100)
        if before is not None:
            half = ndtri(0.5 + conf_level / 2) * math.hypot(spread, before[1])
            change = level - before[0]
            columns["level_change"][begin] = change
            columns["change_low"][begin], columns["change_high"][begin] = change - half, change + half
        before = level, spread
    return columns
