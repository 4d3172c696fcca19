"""What a driver is worth in points: the associated difference of the score if its low answers were middling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from cj_helpers.contract import ConfigError
from cj_helpers.nps.driver_data import COMPLETE_CASE, DriverData, driver_data
from cj_helpers.nps.driver_signs import require_distinct
from cj_helpers.nps.imputation import pool_estimates
from cj_helpers.nps.inputs import require_conf_level, t_quantile
from cj_helpers.nps.ordinal import OrdinalFit, fit_ordinal
from cj_helpers.nps.scores import DETRACTOR_TO, PROMOTER_FROM


def driver_worth(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    scale: tuple[float, float],
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    controls: Sequence[str] = (),
    cluster_col: str = "",
    seed: int = 0,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the difference of the score that goes with lifting each driver's low answers to the middle.

    Association, not forecast: ratings of one survey share a mood, so a real change will bring less.

    Parameters
    ----------
    answers, drivers, method, controls, cluster_col, seed
        As in `driver_effects`.
    scale : tuple of two numbers
        Worst and best answer of the drivers, as (1, 5); (5, 1) when 1 is best. An answer in the worst third of it
        is low and is lifted to the middle: of 1 to 5, at most 2 becomes 3.

    Returns
    -------
    DataFrame
        One row per driver: driver, dimension, share_low (of the answers to this question), n_low, estimate (points
        of NPS), std_error, conf_low, conf_high, n, n_customers, method.

    Raises
    ------
    ConfigError
        As in `driver_effects`, or the ends of `scale` are equal.
    DataError
        As in `driver_effects`.

    Notes
    -----
    Each respondent's chance to be a promoter and a detractor comes from the ordinal model, once as answered and
    once lifted, other answers held; the difference is averaged over all respondents. Errors by the delta method,
    for these respondents, pooled over imputations (Rubin 1987).
    """
    require_conf_level(conf_level)
    if scale[0] == scale[1]:
        raise ConfigError(f"scale is {scale}; give the worst and the best answer, as (1, 5).")
    data = driver_data(
        answers,
        drivers,
        outcome_col=outcome_col,
        cluster_col=cluster_col,
        method=method,
        controls=controls,
        seed=seed,
    )
    require_distinct(data)
    found = [_one_set(data, ratings, scale) for ratings in data.sets]
    pooled = pool_estimates(np.array([part[0] for part in found]), np.array([part[1] for part in found]))
    half = np.array([t_quantile(conf_level, df) for df in pooled.df]) * pooled.std_error
    low = np.mean([[_low(data, ratings, j, scale).sum() for j in range(len(data.listing))] for ratings in data.sets], 0)
    asked = [(_applies(data, j)).sum() for j in range(len(data.listing))]
    return data.listing.assign(
        share_low=low / np.array(asked),
        n_low=np.round(low).astype(int),
        estimate=pooled.estimate,
        std_error=pooled.std_error,
        conf_low=pooled.estimate - half,
        conf_high=pooled.estimate + half,
        n=len(data.outcome),
        n_customers=data.n_customers,
        method=data.method,
    )


def score_difference(
    fit: OrdinalFit, before: np.ndarray, after: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Difference of the score between two versions of the terms, in points, and its variance.

    Parameters
    ----------
    fit : OrdinalFit
        Of answers on the scale of 0 to 10.
    before, after : array of shape (n, p)
        Terms of each respondent.
    weights : array of shape (n,), optional
        Weight of each respondent in the mean.
    """
    first, first_slope = _score(fit, before, weights)
    second, second_slope = _score(fit, after, weights)
    slope = second_slope - first_slope
    return second - first, float(slope @ fit.covariance @ slope)


def _score(fit: OrdinalFit, terms: np.ndarray, weights: np.ndarray | None) -> tuple[float, np.ndarray]:
    """Predicted score in points and its derivatives by cuts and slopes."""
    k = len(fit.cuts)
    fitted = terms @ fit.slopes
    weight = np.ones(len(terms)) if weights is None else weights
    weight = 100 * weight / weight.sum()
    score, slope = weight.sum(), np.zeros(k + terms.shape[1])
    for border in (DETRACTOR_TO, PROMOTER_FROM - 1):
        cut = int(np.searchsorted(fit.levels, border, side="right")) - 1  # the last level up to the border
        if cut < 0:  # nobody answered so low
            continue
        if cut == k:  # nobody answered higher
            score -= weight.sum()
            continue
        below = expit(fit.cuts[cut] - fitted)
        density = weight * below * (1 - below)
        score -= weight @ below
        slope[cut] -= density.sum()
        slope[k:] += density @ terms
    return float(score), slope


def _one_set(data: DriverData, ratings: np.ndarray, scale: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Difference and its variance for each driver."""
    before = data.design(ratings)
    fit = fit_ordinal(data.outcome, before, names=data.names, clusters=data.clusters)
    found = []
    for j in range(len(data.listing)):
        after = before.copy()
        after[_low(data, ratings, j, scale), j] = sum(scale) / 2
        found.append(score_difference(fit, before, after))
    estimates, variances = np.array(found).T
    return estimates, variances


def _applies(data: DriverData, driver: int) -> np.ndarray:
    if driver not in data.unused_of:
        return np.ones(len(data.outcome), dtype=bool)
    return data.unused[:, data.unused_of.index(driver)] == 0


def _low(data: DriverData, ratings: np.ndarray, driver: int, scale: tuple[float, float]) -> np.ndarray:
    """Mark answers in the worst third of the scale."""
    height = (ratings[:, driver] - scale[0]) / (scale[1] - scale[0])
    return (height <= 1 / 3 + 1e-9) & _applies(data, driver)
