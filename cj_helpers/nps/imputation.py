"""Missing ratings drawn several times by predictive mean matching, and estimates pooled over the draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SWEEPS = 5
DONORS = 5


class Pooled(NamedTuple):
    """Estimates over several imputed data sets, each of the same shape."""

    estimate: np.ndarray
    std_error: np.ndarray
    df: np.ndarray


def pool_estimates(estimates: np.ndarray, variances: np.ndarray) -> Pooled:
    """Pool estimates of m imputed data sets by Rubin's (1987) rules.

    Parameters
    ----------
    estimates, variances : array of shape (m, ...)

    Returns
    -------
    Pooled
        Mean estimate, the root of within + (1 + 1/m) between, and Rubin's degrees of freedom (infinite where the
        data sets agree, as with one).

    References
    ----------
    Rubin, D. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.

    Examples
    --------
    >>> pooled = pool_estimates(np.array([0.52, 0.47, 0.58, 0.5, 0.55]), np.array([0.01, 0.011, 0.0095, 0.0105, 0.01]))
    >>> round(float(pooled.estimate), 3), round(float(pooled.std_error), 4), round(float(pooled.df), 1)
    (0.524, 0.1113, 127.5)
    """
    m = len(estimates)
    within = variances.mean(axis=0)
    between = estimates.var(axis=0, ddof=1) if m > 1 else np.zeros_like(within)
    extra = (1 + 1 / m) * between
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(extra > 1e-12 * within, (m - 1) * (1 + within / extra) ** 2, np.inf)
    return Pooled(estimates.mean(axis=0), np.sqrt(within + extra), df)


def impute(values: np.ndarray, missing: np.ndarray, beside: np.ndarray, *, n_sets: int, seed: int) -> list[np.ndarray]:
    """Draw missing ratings from those of similar answers, column by column in turn.

    Parameters
    ----------
    values : array of shape (n, p)
        Ratings; finite except where `missing`. Ratings that do not apply hold a constant and are never donors
        where `beside` says so (see `beside`).
    missing : bool array of shape (n, p)
        Cells to draw.
    beside : array of shape (n, q)
        Complete columns that help to predict: the outcome, indicators of "not used", controls.
    n_sets : int
        Imputed data sets; one when nothing is missing.

    Returns
    -------
    list of arrays of shape (n, p)

    Notes
    -----
    Chained equations with predictive mean matching: a regression on all other columns, its coefficients drawn
    anew, and the rating of one of the 5 nearest answers, so that only ratings that occur are drawn. Assumes that
    what is missing depends on what was observed (missing at random).

    References
    ----------
    van Buuren, S. (2018). Flexible Imputation of Missing Data, 2nd ed., 3.4. CRC Press.
    """
    if not missing.any():
        return [values]
    random = np.random.default_rng(seed)
    return [_one_set(values, missing, beside, random) for _set in range(n_sets)]


def _one_set(values: np.ndarray, missing: np.ndarray, beside: np.ndarray, random: np.random.Generator) -> np.ndarray:
    filled = values.copy()
    gaps = np.flatnonzero(missing.any(axis=0))
    for column in gaps:
        known = values[~missing[:, column], column]
        filled[missing[:, column], column] = random.choice(known, size=int(missing[:, column].sum()))
    for _sweep in range(SWEEPS if len(gaps) else 0):
        for column in gaps:
            others = np.column_stack([np.ones(len(values)), np.delete(filled, column, axis=1), beside])
            gap = missing[:, column]
            filled[gap, column] = _match(filled[:, column], gap, others, random)
    return filled


def _match(column: np.ndarray, gap: np.ndarray, others: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Ratings of answers whose prediction is near that of the answers with a gap."""
    x, y = others[~gap], column[~gap]
    inverse = np.linalg.pinv(x.T @ x)
    slopes = inverse @ (x.T @ y)
    free = max(len(y) - x.shape[1], 1)
    spread = np.sqrt(((y - x @ slopes) ** 2).sum() / random.chisquare(free))
    root = np.linalg.cholesky(inverse + 1e-12 * np.trace(inverse) * np.eye(len(inverse)))
    drawn = slopes + spread * root @ random.normal(size=len(slopes))
    known, wanted = x @ slopes, others[gap] @ drawn
    order = np.argsort(known, kind="stable")
    near = np.searchsorted(known[order], wanted)
    start = np.clip(near - DONORS // 2, 0, max(len(y) - DONORS, 0))
    chosen = np.minimum(start + random.integers(DONORS, size=len(wanted)), len(y) - 1)
    return y[order][chosen]
