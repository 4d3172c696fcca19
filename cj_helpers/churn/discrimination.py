"""How well scores order customers: the area under the ROC curve, lift and gain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import DataError
from cj_helpers.inference import FloatArray, indicator, normal_quantile, require_columns, wilson_interval


def auc(
    scores: pd.DataFrame, *, score_cols: Sequence[str] = ("score",), label_col: str = "left", conf_level: float = 0.95
) -> pd.DataFrame:
    """Chance that a customer who left had a higher score than one who stayed (ties count half).

    Parameters
    ----------
    scores : DataFrame
        One row per customer.
    score_cols : sequence of str
        Scores to compare on the same customers, the first with each of the others.
    label_col : str
        Boolean or 0/1: left within the horizon.
    conf_level : float
        Level of the interval.

    Returns
    -------
    DataFrame, one row per score
        score, estimate, std_error, conf_low, conf_high, difference (to the first), statistic, p_value (of the
        difference; NaN for the first), n, n_left.

    Raises
    ------
    DataError
        When all left or all stayed.

    Notes
    -----
    DeLong, DeLong & Clarke-Pearson (1988), with the midranks of Sun & Xu (2014).

    Examples
    --------
    >>> table = pd.DataFrame({"score": [0.1, 0.4, 0.35, 0.8], "left": [0, 0, 1, 1]})
    >>> float(auc(table)["estimate"].iloc[0])
    0.75
    """
    require_columns(scores, label_col, *score_cols)
    left = indicator(scores, label_col) > 0
    _both_classes(left)
    values = scores[list(score_cols)].to_numpy(dtype=float).T
    area, covariance = _delong(values[:, left], values[:, ~left])
    error = np.sqrt(np.diag(covariance))
    half = normal_quantile(conf_level) * error
    difference = area - area[0]
    variance = covariance[0, 0] + np.diag(covariance) - 2 * covariance[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(variance > 1e-18, -difference / np.sqrt(variance), np.nan)
    return pd.DataFrame(
        {
            "score": list(score_cols),
            "estimate": area,
            "std_error": error,
            "conf_low": np.clip(area - half, 0, 1),
            "conf_high": np.clip(area + half, 0, 1),
            "difference": difference,
            "statistic": statistic,
            "p_value": 2 * ndtr(-np.abs(statistic)),
            "n": len(left),
            "n_left": int(left.sum()),
        }
    )


def _both_classes(left: np.ndarray) -> None:
    if left.all() or not left.any():
        raise DataError(
            f"left: {int(left.sum()):,} of {len(left):,} customers left within the horizon; ordering them needs some "
            "who left and some who stayed"
        )


def _delong(left: FloatArray, stayed: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Areas of the scores and their covariance, from the placements of each customer among the other class."""
    m, n = left.shape[1], stayed.shape[1]
    both = np.concatenate([left, stayed], axis=1)
    ranks = _ranks(both)
    among_left = (ranks[:, :m] - _ranks(left)) / n
    among_stayed = 1 - (ranks[:, m:] - _ranks(stayed)) / m
    area = among_left.mean(axis=1)
    return area, _spread(among_left) / m + _spread(among_stayed) / n


def _ranks(scores: FloatArray) -> FloatArray:
    """Rank each row of scores among itself; equal scores share the mean of their ranks."""
    return pd.DataFrame(scores).rank(axis=1).to_numpy()


def _spread(placements: FloatArray) -> FloatArray:
    """Covariance of the scores' placements; a single customer says nothing."""
    if placements.shape[1] < 2:
        return np.full((len(placements),) * 2, np.nan)
    return np.atleast_2d(np.cov(placements))


def lift(
    scores: pd.DataFrame,
    *,
    score_col: str = "score",
    label_col: str = "left",
    shares: Sequence[float] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """How many of those who left stand at the top of the list, against a list in random order.

    Parameters
    ----------
    scores, score_col, label_col, conf_level
        As in `auc`.
    shares : sequence of float
        Top shares of the list, 0 to 1.

    Returns
    -------
    DataFrame, one row per share
        share, n_listed, n_left (of the listed), rate (share of the listed who left), base_rate, gain (share of all who
        left that is listed), gain_low, gain_high, lift (rate / base_rate), conf_low, conf_high (of the lift), n.

    Notes
    -----
    The list is as long as the share of the customers, rounded up; ties at its end are broken by the order of the rows.
    Intervals are Wilson's (1927) for the gain, given the number who left.
    """
    require_columns(scores, label_col, score_col)
    left = indicator(scores, label_col)
    _both_classes(left > 0)
    order = np.argsort(-scores[score_col].to_numpy(dtype=float), kind="stable")
    hits = np.append(0.0, np.cumsum(left[order]))
    n, total = len(left), float(left.sum())
    listed = np.ceil(np.asarray(shares) * n - 1e-9).astype(int)
    found = hits[listed]
    low, high = wilson_interval(found, np.full(len(found), total), conf_level=conf_level)
    part = listed / n
    return pd.DataFrame(
        {
            "share": list(shares),
            "n_listed": listed,
            "n_left": found.astype(int),
            "rate": found / listed,
            "base_rate": total / n,
            "gain": found / total,
            "gain_low": low,
            "gain_high": high,
            "lift": found / total / part,
            "conf_low": low / part,
            "conf_high": high / part,
            "n": n,
        }
    )
