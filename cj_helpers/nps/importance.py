"""Importance of correlated drivers, from correlation matrices alone.

The drivers come first in a matrix and the outcome last; one call serves the data and all bootstrap samples.
"""

from __future__ import annotations

from math import comb

import numpy as np

MOST_DRIVERS = 20  # all 2**20 regressions take 0.2 s; each further driver doubles that
_TOLERANCE = 1e-10  # a driver that keeps less of its variance given others adds nothing to them
_CELLS = 2**15  # regressions worked on at a time: their matrices fit the processor's cache


def correlation_matrix(data: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Correlate the columns of `data`, row i counting `counts[i]` times; a constant one gets zeros.

    The columns must be roughly standardised: the variance is taken as a difference of sums.
    """
    total = counts.sum()
    mean = counts @ data / total
    covariance = (data.T * counts) @ data / total - np.outer(mean, mean)
    variance = np.diag(covariance)
    scale = np.where(variance > _TOLERANCE, 1 / np.sqrt(np.maximum(variance, _TOLERANCE)), 0.0)
    return covariance * np.outer(scale, scale)


def resampled_correlations(data: np.ndarray, clusters: np.ndarray, *, n_boot: int, seed: int) -> np.ndarray:
    """Correlation matrices of `n_boot` samples of whole clusters, drawn with replacement.

    Parameters
    ----------
    data : array of shape (n, q)
        Roughly standardised columns.
    clusters : array of shape (n,)
        Cluster of each row, numbered 0, 1, ... without gaps.

    Returns
    -------
    array of shape (n_boot, q, q)
    """
    random = np.random.default_rng(seed)
    n_clusters = int(clusters.max()) + 1
    matrices = np.empty((n_boot, data.shape[1], data.shape[1]))
    for matrix in matrices:
        drawn = np.bincount(random.integers(n_clusters, size=n_clusters), minlength=n_clusters)
        matrix[:] = correlation_matrix(data, drawn[clusters].astype(float))
    return matrices


def lmg(correlations: np.ndarray) -> np.ndarray:
    """Share out R² among drivers: each one's gain in R², averaged over all orders of entering them.

    Exact. The regressions on all subsets of drivers come from doubling: for every subset so far the matrix is
    kept once without and once with the next driver swept out (a Schur complement).

    Parameters
    ----------
    correlations : array of shape (n_matrices, p + 1, p + 1)
        Outcome last; p up to 20.

    Returns
    -------
    array of shape (n_matrices, p)
        Nonnegative; each row sums to R².

    References
    ----------
    Lindeman, R., Merenda, P. and Gold, R. (1980). Introduction to Bivariate and Multivariate Analysis.
    Grömping, U. (2006). Relative importance for linear regression in R. J. Statistical Software 17(1).
    """
    p = correlations.shape[1] - 1
    step = max(1, _CELLS >> p)
    parts = [_average_gains(explained(correlations[i : i + step])) for i in range(0, len(correlations), step)]
    return np.concatenate(parts) if parts else np.empty((0, p))


def explained(correlations: np.ndarray) -> np.ndarray:
    """R² of the outcome on every subset of drivers, shape (n_matrices, 2**p); bit j of a column is driver j."""
    state = np.moveaxis(correlations, 0, -1)[..., None]
    for _ in range(correlations.shape[1] - 1):
        pivot, row, without = state[0, 0], state[0, 1:], state[1:, 1:]
        slope = np.divide(row, pivot, out=np.zeros_like(row), where=pivot > _TOLERANCE)
        state = np.concatenate([without, without - row[:, None] * slope], axis=-1)
    return 1 - state[0, 0]


def _average_gains(r_squared: np.ndarray) -> np.ndarray:
    """Weigh each R² by the orders in which its subset comes just after, or just before, a driver enters."""
    p = r_squared.shape[1].bit_length() - 1
    size = np.bitwise_count(np.arange(2**p))
    before = np.array([1 / (p * comb(p - 1, s)) for s in range(p)] + [0.0])
    after = np.concatenate([[0.0], before[:-1]])
    lost = (r_squared * before[size]).sum(axis=1)
    gained = r_squared * (before + after)[size]
    shares = np.empty((len(r_squared), p))
    for driver in reversed(range(p)):  # the highest bit first: its subsets are the upper half
        lower, upper = gained[:, : 2**driver], gained[:, 2**driver :]
        shares[:, driver] = upper.sum(axis=1) - lost
        gained = lower + upper
    return np.maximum(shares, 0.0)


def variance_inflation(correlations: np.ndarray) -> np.ndarray:
    """Variance inflation of each driver, 1 / (1 - R² on the others), from a matrix of drivers alone."""
    return np.diag(np.linalg.inv(correlations))


def collinear_drivers(correlations: np.ndarray) -> np.ndarray:
    """Mark drivers that the others reproduce exactly, from a matrix of drivers alone."""
    values, vectors = np.linalg.eigh(correlations)
    return (np.abs(vectors[:, values < _TOLERANCE]) > 1e-6).any(axis=1)


def standardised_slopes(data: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares slopes and robust standard errors of standardised columns, the outcome last.

    One row per cluster: HC3 (MacKinnon and White 1985). Else clustered (Liang and Zeger 1986) with the
    small-sample factor K / (K - 1) (n - 1) / (n - p - 1) for K clusters.
    """
    drivers, outcome = data[:, :-1], data[:, -1]
    n, p = drivers.shape
    inverse = np.linalg.inv(drivers.T @ drivers)
    slopes = inverse @ (drivers.T @ outcome)
    residuals = outcome - drivers @ slopes
    n_clusters = int(clusters.max()) + 1
    if n_clusters == n:
        room = 1 - 1 / n - np.einsum("ij,jk,ik->i", drivers, inverse, drivers)
        # A row that alone fixes a slope has no residual without itself: the outcome's spread stands in.
        left_out = np.divide(residuals, room, out=np.ones(n), where=room > 1e-9)
        scores = drivers * left_out[:, None]
    else:
        factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - p - 1)
        summed = np.zeros((n_clusters, p))
        np.add.at(summed, clusters, drivers * residuals[:, None])
        scores = summed * np.sqrt(factor)
    covariance = inverse @ (scores.T @ scores) @ inverse
    return slopes, np.sqrt(np.diag(covariance))
