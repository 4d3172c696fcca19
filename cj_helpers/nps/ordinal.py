"""The proportional-odds model by Newton's method with the analytic gradient and Hessian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from cj_helpers.contract import DataError

MAX_STEPS = 60
MAX_LOG_ODDS = 25.0  # a slope that still grows when the odds of its extremes differ by exp(25) has no maximum


@dataclass(frozen=True)
class OrdinalFit:
    """Result of `fit_ordinal` for n answers, p terms and k + 1 levels.

    Attributes
    ----------
    levels : array of shape (k + 1,)
        Answers that occur, in order.
    cuts : array of shape (k,)
        Thresholds: logit P(answer <= levels[j]) = cuts[j] - x @ slopes.
    slopes : array of shape (p,)
        Log-odds of a higher answer per unit of each term.
    covariance : array of shape (k + p, k + p)
        Of cuts and slopes, in this order: by clusters where there are any, else the inverse information.
    log_likelihood : float
    """

    levels: np.ndarray
    cuts: np.ndarray
    slopes: np.ndarray
    covariance: np.ndarray
    log_likelihood: float

    @property
    def errors(self) -> np.ndarray:
        """Standard errors of the slopes."""
        return np.sqrt(np.diag(self.covariance)[len(self.cuts) :])


def fit_ordinal(
    outcome: np.ndarray,
    terms: np.ndarray,
    *,
    names: Sequence[str],
    clusters: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> OrdinalFit:
    """Fit logit P(answer <= j) = cut_j - x @ slopes by maximum likelihood.

    Parameters
    ----------
    outcome : array of shape (n,)
        Ordered answers; every value that occurs is a level.
    terms : array of shape (n, p)
        Numeric terms without a constant, none a combination of the others.
    names : sequence of str
        Names of the terms, for messages.
    clusters : array of shape (n,), optional
        Customer of each answer, 0, 1, ...: the errors are then those of the clustered sandwich.
    weights : array of shape (n,), optional
        How often each row counts.

    Raises
    ------
    DataError
        There are fewer than 2 levels, or a slope has no finite maximum; the message names the term.

    Notes
    -----
    The log-likelihood is concave in cuts and slopes together (Pratt 1981), so that Newton's steps, halved when
    they lose, reach the maximum from anywhere; the start is the model without terms.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B 42(2).
    Pratt, J. (1981). Concavity of the log likelihood. Journal of the American Statistical Association 76.
    """
    levels, code = np.unique(outcome, return_inverse=True)
    if len(levels) < 2:
        raise DataError(
            f"drivers: all {len(outcome):,} answers to the outcome are the same, so nothing can go with them. "
            f"Choose another outcome, or wait for more answers."
        )
    weight = np.ones(len(outcome)) if weights is None else weights
    centre = weight @ terms / weight.sum()
    scale = np.sqrt(weight @ (terms - centre) ** 2 / weight.sum())
    scale = np.where(scale > 0, scale, 1.0)
    x = (terms - centre) / scale
    shares = np.cumsum(np.bincount(code, weights=weight))[:-1] / weight.sum()
    start = np.concatenate([logit(shares), np.zeros(x.shape[1])])
    place, likelihood, information = _newton(start, x, code, weight, names)
    covariance = np.linalg.inv(information)
    if clusters is not None:
        scores = _row_scores(place, x, code, weight)
        summed = _sum_by(scores, clusters, int(clusters.max()) + 1)
        factor = len(summed) / max(len(summed) - 1, 1)
        covariance = factor * covariance @ (summed.T @ summed) @ covariance
    back = _unstandardise(len(levels) - 1, centre, scale)
    place, covariance = back @ place, back @ covariance @ back.T
    k = len(levels) - 1
    return OrdinalFit(levels, place[:k], place[k:], covariance, likelihood)


def _newton(
    start: np.ndarray, x: np.ndarray, code: np.ndarray, weight: np.ndarray, names: Sequence[str]
) -> tuple[np.ndarray, float, np.ndarray]:
    """Cuts and slopes at the maximum, the log-likelihood there, and the information."""
    k = len(start) - x.shape[1]
    reach = np.ptp(x, axis=0)
    place, value = start, _log_likelihood(start, x, code, weight)
    for _step in range(MAX_STEPS):
        gradient, information = _derivatives(place, x, code, weight)
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        gain = float(gradient @ step)
        for _halving in range(40):
            tried = _log_likelihood(place + step, x, code, weight)
            if tried >= value - 1e-12 * abs(value):
                break
            step = step / 2
        place, value = place + step, tried
        if gain < 1e-14 * max(1.0, weight.sum()) or np.abs(step).max() < 1e-11:
            return place, value, _derivatives(place, x, code, weight)[1]
        away = (np.abs(place[k:]) * reach > MAX_LOG_ODDS) & (np.abs(step[k:]) * reach > 0.1)
        if away.any():
            break
    away = np.abs(place[k:]) * reach > MAX_LOG_ODDS / 2
    listed = ", ".join(name for name, is_away in zip(names, away, strict=True) if is_away) or ", ".join(names)
    raise DataError(
        f"drivers: the ordinal model has no finite estimate for {listed}: their values tell the answers apart "
        f"completely (separation), as happens with few answers. Leave them out, or wait for more answers."
    )


def _borders(place: np.ndarray, x: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower border of each answer's interval of the latent scale, and its probability."""
    k = len(place) - x.shape[1]
    cuts = np.concatenate([[-np.inf], place[:k], [np.inf]])
    fitted = x @ place[k:]
    upper, lower = cuts[code + 1] - fitted, cuts[code] - fitted
    with np.errstate(invalid="ignore", over="ignore"):
        # A difference of two distribution functions without cancellation.
        chance = expit(upper) * expit(-lower) * -np.expm1(lower - upper)
    return upper, lower, np.maximum(chance, 1e-300)


def _log_likelihood(place: np.ndarray, x: np.ndarray, code: np.ndarray, weight: np.ndarray) -> float:
    k = len(place) - x.shape[1]
    if (np.diff(place[:k]) <= 0).any():
        return -np.inf
    return float(weight @ np.log(_borders(place, x, code)[2]))


def _slopes_at(
    place: np.ndarray, x: np.ndarray, code: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First derivatives of the log-probability by the upper and lower border, and the three second ones."""
    upper, lower, chance = _borders(place, x, code)
    high, low = expit(upper), expit(lower)
    density_high, density_low = high * (1 - high), low * (1 - low)
    by_high, by_low = density_high / chance, -density_low / chance
    high_high = density_high * (1 - 2 * high) / chance - by_high**2
    low_low = -density_low * (1 - 2 * low) / chance - by_low**2
    return by_high, by_low, high_high, low_low, -by_high * by_low


def _derivatives(
    place: np.ndarray, x: np.ndarray, code: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and observed information of cuts and slopes."""
    p, k = x.shape[1], len(place) - x.shape[1]
    by_high, by_low, high_high, low_low, high_low = (part * weight for part in _slopes_at(place, x, code))
    ups = np.bincount(code, by_high, k + 1)[:k]  # a level's upper border is cut `level`, its lower one `level - 1`
    downs = np.bincount(code, by_low, k + 1)[1:]
    gradient = np.concatenate([ups + downs, -x.T @ (by_high + by_low)])
    information = np.zeros((k + p, k + p))
    inner = np.arange(k)
    information[inner, inner] = -(np.bincount(code, high_high, k + 1)[:k] + np.bincount(code, low_low, k + 1)[1:])
    beside = -np.bincount(code, high_low, k + 1)[1:k]
    information[inner[:-1], inner[1:]] = information[inner[1:], inner[:-1]] = beside
    by_level_high = _sum_by(x * (high_high + high_low)[:, None], code, k + 1)
    by_level_low = _sum_by(x * (low_low + high_low)[:, None], code, k + 1)
    cross = by_level_high[:k] + by_level_low[1:]
    information[:k, k:], information[k:, :k] = cross, cross.T
    information[k:, k:] = -(x.T * (high_high + low_low + 2 * high_low)) @ x
    return gradient, information


def _row_scores(place: np.ndarray, x: np.ndarray, code: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Gradient of each answer's log-probability, one row per answer."""
    k = len(place) - x.shape[1]
    by_high, by_low, *_second = _slopes_at(place, x, code)
    scores = np.zeros((len(x), len(place)))
    rows = np.arange(len(x))
    has_upper, has_lower = code < k, code > 0
    scores[rows[has_upper], code[has_upper]] = by_high[has_upper]
    scores[rows[has_lower], code[has_lower] - 1] += by_low[has_lower]
    scores[:, k:] = -x * (by_high + by_low)[:, None]
    return scores * weight[:, None]


def _sum_by(rows: np.ndarray, group: np.ndarray, size: int) -> np.ndarray:
    """Sum of the rows of each group 0 ... size - 1."""
    return np.stack([np.bincount(group, column, size) for column in rows.T], axis=1)


def _unstandardise(k: int, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Matrix from the parameters of standardised terms to those of the terms as given."""
    p = len(centre)
    matrix = np.eye(k + p)
    matrix[k:, k:] = np.diag(1 / scale)
    matrix[:k, k:] = centre / scale
    return matrix
