"""Importance of correlated drivers, from correlation matrices alone.

The drivers come first in a matrix and the outcome last; one call serves the data and all bootstrap samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def resampled_correlations(sets: Sequence[np.ndarray], clusters: np.ndarray, *, n_boot: int, seed: int) -> np.ndarray:
    """Correlation matrices of `n_boot` samples of whole clusters, drawn with replacement.

    Parameters
    ----------
    sets : sequence of arrays of shape (n, q)
        Roughly standardised columns; several imputed versions take turns (Schomaker and Heumann 2018).
    clusters : array of shape (n,)
        Cluster of each row, numbered 0, 1, ... without gaps.

    Returns
    -------
    array of shape (n_boot, q, q)
    """
    random = np.random.default_rng(seed)
    n_clusters = int(clusters.max()) + 1
    matrices = np.empty((n_boot, sets[0].shape[1], sets[0].shape[1]))
    for turn, matrix in enumerate(matrices):
        drawn = np.bincount(random.integers(n_clusters, size=n_clusters), minlength=n_clusters)
        matrix[:] = correlation_matrix(sets[turn % len(sets)], drawn[clusters].astype(float))
    return matrices


def lmg(correlations: np.ndarray, sizes: Sequence[int] | None = None) -> np.ndarray:
    """Share out R² among drivers: each one's gain in R², averaged over all orders of entering them.

    Exact. The regressions on all subsets of drivers come from doubling: for every subset so far the matrix is
    kept once without and once with the next driver swept out (a Schur complement).

    Parameters
    ----------
    correlations : array of shape (n_matrices, q + 1, q + 1)
        Outcome last.
    sizes : sequence of int, optional
        Columns of each driver, side by side (a rating and its "not used" enter together); one each by default.

    Returns
    -------
    array of shape (n_matrices, p)
        Nonnegative; each row sums to R². p drivers, up to 20.

    References
    ----------
    Lindeman, R., Merenda, P. and Gold, R. (1980). Introduction to Bivariate and Multivariate Analysis.
    Grömping, U. (2006). Relative importance for linear regression in R. J. Statistical Software 17(1).
    """
    return _in_parts(correlations, sizes, _average_gains)


def owen(
    correlations: np.ndarray, unions: Sequence[int], sizes: Sequence[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Share out R² among drivers when those of one dimension enter side by side.

    Parameters
    ----------
    correlations, sizes
        As in `lmg`.
    unions : sequence of int
        Dimension of each driver, 0, 1, ...

    Returns
    -------
    (array of shape (n_matrices, p), array of shape (n_matrices, m))
        Owen value of each driver, and of each dimension the sum of its drivers' values: the Shapley value of the
        game between dimensions.

    References
    ----------
    Owen, G. (1977). Values of games with a priori unions. Mathematical Economics and Game Theory.
    """
    plans = _owen_plans(unions)

    def gains(r_squared: np.ndarray) -> np.ndarray:
        return np.stack([(r_squared[:, after] - r_squared[:, before]) @ w for before, after, w in plans], axis=1)

    values = np.maximum(_in_parts(correlations, sizes, gains), 0.0)
    members = np.eye(max(unions) + 1)[np.asarray(unions)]
    return values, values @ members


def johnson(correlations: np.ndarray, sizes: Sequence[int] | None = None) -> np.ndarray:
    """Relative weights: R² shared out through the orthogonal columns nearest to the drivers (Johnson 2000).

    Parameters and result as in `lmg`; the weights of a driver's columns are added up. Equal to the measure of
    Genizi (1993).

    References
    ----------
    Johnson, J. (2000). A heuristic method for estimating the relative weight of predictor variables.
    Multivariate Behavioral Research 35(1).
    """
    values, vectors = np.linalg.eigh(correlations[:, :-1, :-1])
    root = np.sqrt(np.maximum(values, 0.0))
    loading = np.einsum("bik,bk,bjk->bij", vectors, root, vectors)
    inverse = np.where(root > np.sqrt(_TOLERANCE), 1 / np.maximum(root, np.sqrt(_TOLERANCE)), 0.0)
    slopes = np.einsum("bik,bk,bjk,bj->bi", vectors, inverse, vectors, correlations[:, :-1, -1], optimize=True)
    weights = np.einsum("bjk,bk->bj", loading**2, slopes**2)
    if sizes is None:
        return weights
    return np.add.reduceat(weights, np.cumsum([0, *sizes[:-1]]), axis=1)


def _in_parts(
    correlations: np.ndarray, sizes: Sequence[int] | None, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Apply a function to the R² of all subsets, a few matrices at a time."""
    p = correlations.shape[1] - 1 if sizes is None else len(sizes)
    step = max(1, _CELLS >> p)
    parts = [function(explained(correlations[i : i + step], sizes)) for i in range(0, len(correlations), step)]
    return np.concatenate(parts) if parts else np.empty((0, p))


def explained(correlations: np.ndarray, sizes: Sequence[int] | None = None) -> np.ndarray:
    """R² of the outcome on every subset of drivers, shape (n_matrices, 2**p); bit j of a column is driver j."""
    state = np.moveaxis(correlations, 0, -1)[..., None]
    for size in [1] * (correlations.shape[1] - 1) if sizes is None else sizes:
        without, swept = state[size:, size:], state
        for _column in range(size):
            pivot, row = swept[0, 0], swept[0, 1:]
            slope = np.divide(row, pivot, out=np.zeros_like(row), where=pivot > _TOLERANCE)
            swept = swept[1:, 1:] - row[:, None] * slope
        state = np.concatenate([without, swept], axis=-1)
    return 1 - state[0, 0]


def _owen_plans(unions: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each driver: subsets before it enters, the same with it, and how many orders in the mean go that way."""
    codes = np.asarray(unions)
    masks = [int((1 << np.flatnonzero(codes == u)).sum()) for u in range(codes.max() + 1)]
    plans = []
    for driver, union in enumerate(codes):
        inner = [1 << int(j) for j in np.flatnonzero(codes == union) if j != driver]
        outer = [mask for u, mask in enumerate(masks) if u != union]
        (inside, inside_weight), (around, around_weight) = _subsets(inner), _subsets(outer)
        before = (around[:, None] + inside).ravel()
        plans.append((before, before + (1 << driver), np.outer(around_weight, inside_weight).ravel()))
    return plans


def _subsets(parts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Sums of all subsets of the parts, and the share of orders in which exactly these come first."""
    sums, count = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    for part in parts:
        sums, count = np.concatenate([sums, sums + part]), np.concatenate([count, count + 1])
    n = len(parts)
    share = np.array([1 / ((n + 1) * comb(n, size)) for size in range(n + 1)])
    return sums, share[count]


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
