"""Maximum of the partial likelihood, with errors that allow for customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cj_helpers.contract import DataError
from cj_helpers.inference import BoolArray, FloatArray, IntArray, tally
from cj_helpers.survival.partial_likelihood import RiskSums, Steps, risk_sums, score_residuals, steps
from cj_helpers.survival.spells import Spells

MAX_ITERATIONS = 40
#: A coefficient that still grows when hazards differ by exp(20) between the extremes of its covariate has no maximum.
MAX_LOG_RATIO = 20.0


class SeparationError(DataError):
    """Some coefficients have no finite maximum; `terms` names them."""

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = tuple(terms)
        super().__init__(
            f"Cox model: no finite estimate for {', '.join(terms)}: some of its values go with no event at all, or "
            "only with events (separation). Merge rare levels or leave the covariate out."
        )


@dataclass(frozen=True)
class CoxFit:
    """A fitted model.

    Attributes
    ----------
    beta, covariance : ndarray
        In the units of the covariates; the covariance is robust when customers are known.
    influence : ndarray, customers x covariates, or None
        What each customer (by code) adds to beta; None without customers.
    x : ndarray
        Covariates in standard units, as `sums` and `grid` use them.
    centre, scale : ndarray
        covariate = centre + scale * x.
    grid, sums
        Event times and the sums over risk sets at beta.
    """

    beta: FloatArray
    covariance: FloatArray
    influence: FloatArray | None
    x: FloatArray
    centre: FloatArray
    scale: FloatArray
    grid: Steps
    sums: RiskSums


def fit_cox(
    values: FloatArray, spells: Spells, names: Sequence[str], strata: IntArray | None = None, *, breslow: bool = False
) -> CoxFit:
    """Fit covariates that are all estimable; a SeparationError names those without a finite maximum."""
    weight = spells.weight / spells.weight.sum()
    centre = weight @ values
    scale = np.sqrt(weight @ (values - centre) ** 2)
    x = (values - centre) / scale
    grid = steps(spells, strata, breslow=breslow)
    beta = _maximise(x, spells, grid, names)
    sums = risk_sums(x, beta, spells, grid)
    sizes = np.linalg.eigvalsh(sums.information)
    if sizes[0] <= 1e-10 * sizes[-1]:
        _refuse(names, np.diag(sums.information) <= 1e-8 * sizes[-1])
    covariance, influence = np.linalg.inv(sums.information), None
    if spells.cluster is not None:
        residuals = score_residuals(x, grid, sums) * spells.weight[:, None]
        size = int(spells.cluster.max(initial=-1)) + 1
        summed = np.stack([tally(spells.cluster, column, size) for column in residuals.T], axis=1)
        influence = summed @ covariance / scale
        covariance = influence.T @ influence * np.outer(scale, scale)
    return CoxFit(beta / scale, covariance / np.outer(scale, scale), influence, x, centre, scale, grid, sums)


def _maximise(x: FloatArray, spells: Spells, grid: Steps, names: Sequence[str]) -> FloatArray:
    """Newton's method with step halving; refuses when a coefficient runs away."""
    reach = np.ptp(x, axis=0)
    beta: FloatArray = np.zeros(x.shape[1])
    step: FloatArray = np.zeros(x.shape[1])
    best: RiskSums | None = None
    for _ in range(MAX_ITERATIONS):
        sums = risk_sums(x, beta + step, spells, grid)
        if best is not None and sums.log_likelihood < best.log_likelihood - 1e-9 * abs(best.log_likelihood):
            step = step / 2
            continue
        beta, best = beta + step, sums
        step = np.asarray(np.linalg.lstsq(sums.information, sums.gradient, rcond=None)[0], dtype=np.float64)
        if np.abs(step).max() < 1e-9:
            return beta + step
        running = (np.abs(beta) * reach > MAX_LOG_RATIO) & (np.abs(step) * reach > 0.1)
        if running.any():
            _refuse(names, running)
    _refuse(names, np.abs(step) * reach >= 1e-6)
    return beta


def _refuse(names: Sequence[str], running: BoolArray) -> None:
    raise SeparationError([name for name, away in zip(names, running, strict=True) if away] or list(names))


def estimable(values: FloatArray, weight: FloatArray) -> BoolArray:
    """Which columns vary and are no linear combination of earlier kept ones."""
    centred = values - np.average(values, axis=0, weights=weight)
    spread = np.sqrt(np.average(centred**2, axis=0, weights=weight))
    varies = spread > 1e-10 * np.maximum(np.abs(values).max(axis=0), 1e-300)
    scaled = centred / np.where(varies, spread, 1.0)
    correlation = (scaled * weight[:, None]).T @ scaled / weight.sum()
    kept: list[np.intp] = []
    for j in np.flatnonzero(varies):
        with_kept = correlation[np.ix_(kept, [j])]
        explained = with_kept.T @ np.linalg.solve(correlation[np.ix_(kept, kept)], with_kept) if kept else np.zeros(1)
        if 1 - explained.item() > 1e-9:
            kept.append(j)
    return np.isin(np.arange(values.shape[1]), kept)


def combination_of(values: FloatArray, j: int, earlier: IntArray) -> list[int]:
    """Which of the earlier columns a column is a combination of."""
    design = np.column_stack([np.ones(len(values)), values[:, earlier]])
    parts = np.linalg.lstsq(design, values[:, j], rcond=None)[0][1:] * np.ptp(values[:, earlier], axis=0)
    return [int(k) for k, part in zip(earlier, parts, strict=True) if abs(part) > 1e-6 * np.ptp(values[:, j])]
