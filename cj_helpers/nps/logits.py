"""Models beside the ordinal one: a logit of one cut, least squares with robust errors, and Brant's test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from cj_helpers.contract import DataError
from cj_helpers.nps.ordinal import MAX_LOG_ODDS

FEWEST_PER_TERM = 5  # answers on the rarer side of a cut, for each slope estimated there


class Linear(NamedTuple):
    """Slopes, constant first, with their covariance."""

    slopes: np.ndarray
    covariance: np.ndarray


def fit_logit(
    event: np.ndarray,
    terms: np.ndarray,
    *,
    names: Sequence[str],
    clusters: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Linear:
    """Log-odds of an event by maximum likelihood; errors as in `fit_ordinal`.

    Raises
    ------
    DataError
        The event always or never happens, or a slope has no finite maximum.
    """
    weight = np.ones(len(event)) if weights is None else weights
    share = weight @ event / weight.sum()
    if not 0 < share < 1:
        raise DataError(f"drivers: {share:.0%} of {len(event):,} answers lie on one side of this cut.")
    design = np.column_stack([np.ones(len(terms)), terms])
    slopes = np.zeros(design.shape[1])
    slopes[0] = np.log(share / (1 - share))
    reach = np.maximum(np.ptp(design, axis=0), 1e-12)
    for _step in range(40):
        fitted = expit(design @ slopes)
        information = (design.T * (weight * fitted * (1 - fitted))) @ design
        step = np.linalg.lstsq(information, design.T @ (weight * (event - fitted)), rcond=None)[0]
        slopes = slopes + step
        if (np.abs(slopes[1:]) * reach[1:] > MAX_LOG_ODDS).any():
            break
        if np.abs(step).max() < 1e-10:
            return Linear(slopes, _sandwich(design, weight * (event - fitted), information, clusters))
    listed = ", ".join(
        name for name, far in zip(names, np.abs(slopes[1:]) * reach[1:] > MAX_LOG_ODDS / 2, strict=True) if far
    )
    raise DataError(
        f"drivers: the logit has no finite estimate{' for ' if listed else ''}{listed}: the values tell the two "
        f"sides apart completely (separation). Leave them out, or wait for more answers."
    )


def _sandwich(
    design: np.ndarray, residuals: np.ndarray, information: np.ndarray, clusters: np.ndarray | None
) -> np.ndarray:
    inverse = np.linalg.inv(information)
    if clusters is None:
        return inverse
    size = int(clusters.max()) + 1
    summed = np.stack([np.bincount(clusters, column, size) for column in (design * residuals[:, None]).T], axis=1)
    return size / max(size - 1, 1) * inverse @ (summed.T @ summed) @ inverse


def fit_least_squares(outcome: np.ndarray, terms: np.ndarray, *, clusters: np.ndarray | None = None) -> Linear:
    """Least squares with HC3 errors (MacKinnon and White 1985), or clustered ones (Liang and Zeger 1986)."""
    design = np.column_stack([np.ones(len(terms)), terms])
    n, p = design.shape
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ (design.T @ outcome)
    residuals = outcome - design @ slopes
    if clusters is None:
        room = 1 - np.einsum("ij,jk,ik->i", design, inverse, design)
        # A row that alone fixes a slope has no residual without itself: the outcome's spread stands in.
        left_out = np.divide(residuals, room, out=np.full(n, outcome.std()), where=room > 1e-9)
        scores = design * left_out[:, None]
        return Linear(slopes, inverse @ (scores.T @ scores) @ inverse)
    covariance = _sandwich(design, residuals, design.T @ design, clusters)
    return Linear(slopes, covariance * (n - 1) / max(n - p, 1))


class Cuts(NamedTuple):
    """Slopes of the logits of several cuts, shape (cuts, terms), and their joint covariance."""

    levels: np.ndarray
    slopes: np.ndarray
    covariance: np.ndarray


def fit_cuts(
    outcome: np.ndarray, terms: np.ndarray, *, names: Sequence[str], weights: np.ndarray | None = None
) -> Cuts:
    """Fit a logit of "above this level" at every cut with enough answers on both sides (Brant 1990).

    The covariance between two cuts is Brant's: A_j^-1 (X'W_jl X) A_l^-1 with W_jl = pi_l - pi_j pi_l for j < l.

    Raises
    ------
    DataError
        Fewer than two cuts have enough answers.
    """
    weight = np.ones(len(outcome)) if weights is None else weights
    needed = FEWEST_PER_TERM * terms.shape[1]
    sides = {level: outcome > level for level in np.unique(outcome)[:-1]}
    usable = {level: up for level, up in sides.items() if min(weight @ up, weight @ ~up) >= needed}
    if len(usable) < 2:
        raise DataError(
            f"drivers: {len(usable)} cuts of the scale have at least {needed:,} answers on both sides "
            f"({FEWEST_PER_TERM} for each of {terms.shape[1]} terms); 2 are needed. Name fewer drivers."
        )
    design = np.column_stack([np.ones(len(terms)), terms])
    slopes = np.array([fit_logit(up.astype(float), terms, names=names, weights=weight)[0] for up in usable.values()])
    chance = expit(design @ slopes.T)
    p, cuts = terms.shape[1], len(usable)
    inverses = [np.linalg.inv((design.T * (weight * pi * (1 - pi))) @ design) for pi in chance.T]
    covariance = np.empty((cuts, p, cuts, p))
    for j in range(cuts):
        for m in range(j, cuts):
            both = chance[:, m] - chance[:, j] * chance[:, m]
            block = inverses[j] @ ((design.T * (weight * both)) @ design) @ inverses[m]
            covariance[j, :, m], covariance[m, :, j] = block[1:, 1:], block[1:, 1:].T
    return Cuts(np.array(list(usable)), slopes[:, 1:], covariance.reshape(cuts * p, cuts * p))
