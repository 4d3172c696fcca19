"""Sums over risk sets behind the Cox model: likelihood, gradient, information and score residuals, with Efron's ties.

With d events at one time, S0 the risk (sum of exp(x'beta)) of those at risk and D0 that of those who had the event, the
l-th of the d factors has denominator S0 - (l/d) D0, l = 0 ... d-1 (Efron 1977). All sums are taken once per distinct
event time; a row only needs the running sums between its entry and its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cj_helpers.inference import BoolArray, FloatArray, IntArray, tally
from cj_helpers.survival.risk_sets import first_at_risk
from cj_helpers.survival.spells import Spells


@dataclass(frozen=True)
class Steps:
    """Where each row stands among the distinct event times: at risk at the times first <= k < last."""

    first: IntArray
    last: IntArray
    died: BoolArray
    n_events: IntArray  # per event time, counted with weights
    time: FloatArray
    breslow: bool


@dataclass(frozen=True)
class RiskSums:
    """The Cox partial likelihood at one coefficient vector, and what residuals need (one row per event time)."""

    log_likelihood: float
    gradient: FloatArray
    information: FloatArray
    risk: FloatArray  # exp(x'beta) of each row, on a common scale
    hazard: FloatArray  # sum of 1/denominator
    tied_hazard: FloatArray  # sum of (l/d)/denominator, what the tied events did not see
    mean: FloatArray  # mean covariates over the d factors
    drift: FloatArray  # sum of mean/denominator
    tied_drift: FloatArray
    at_risk: FloatArray  # sum of risk * covariates over those at risk
    ended: FloatArray  # the same over those with the event


def steps(spells: Spells, strata: IntArray | None = None, *, breslow: bool = False) -> Steps:
    """Distinct event times, and each row's place among them; those of one stratum after those of another.

    With `breslow`, tied events all see the whole risk set (Breslow 1974) instead of leaving it one by one.
    """
    died = spells.status > 0
    first, last = np.zeros(len(died), dtype=np.int64), np.zeros(len(died), dtype=np.int64)
    times, start = [], 0
    for stratum in [None] if strata is None else np.unique(strata):
        rows = np.ones(len(died), dtype=bool) if strata is None else strata == stratum
        time = np.unique(spells.duration[rows & died])
        last[rows] = start + np.searchsorted(time, spells.duration[rows], side="right")
        entered = np.zeros(rows.sum()) if spells.entry is None else spells.entry[rows]
        first[rows] = np.minimum(start + first_at_risk(entered, time), last[rows])
        times.append(time)
        start += len(time)
    n_events = tally(last[died] - 1, spells.weight[died], start).astype(np.int64)
    return Steps(first, last, died, n_events, np.concatenate(times), breslow)


def _over_risk_sets(values: FloatArray, grid: Steps) -> FloatArray:
    """Sum of row values over the rows at risk, per event time."""
    size = len(grid.n_events)
    leaving = tally(grid.last, values, size + 1)
    if grid.first.any():  # summed from the far end, the few last at risk are not lost in rounding
        leaving -= tally(grid.first, values, size + 1)
    return np.cumsum(leaving[::-1])[::-1][1:]


def _over_deaths(values: FloatArray, grid: Steps) -> FloatArray:
    """Sum of row values over the rows with an event, per event time."""
    return tally(grid.last[grid.died] - 1, values[grid.died], len(grid.n_events))


def _columns(function: Callable[[FloatArray, Steps], FloatArray], values: FloatArray, grid: Steps) -> FloatArray:
    return np.stack([function(column, grid) for column in values.T], axis=1)


def _between(values: FloatArray, grid: Steps) -> FloatArray:
    """Sum of event-time values over the times at which each row was at risk."""
    running = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    return running[grid.last] - running[grid.first]


def risk_sums(x: FloatArray, beta: FloatArray, spells: Spells, grid: Steps) -> RiskSums:
    """Log partial likelihood with its derivatives at beta."""
    score = x @ beta
    score = score - score.max()
    risk = np.exp(score)
    own = spells.weight * risk
    s0, d0 = _over_risk_sets(own, grid), _over_deaths(own, grid)
    s1 = _columns(_over_risk_sets, x * own[:, None], grid)
    d1 = _columns(_over_deaths, x * own[:, None], grid)
    d = grid.n_events
    at = np.repeat(np.arange(len(d)), d)
    share = np.zeros(len(at)) if grid.breslow else (np.arange(len(at)) - np.repeat(np.cumsum(d) - d, d)) / d[at]
    inverse = 1 / (s0[at] - share * d0[at])

    def sums(power_of_share: int, power: int) -> FloatArray:
        return tally(at, share**power_of_share * inverse**power, len(d))

    hazard, tied_hazard = sums(0, 1), sums(1, 1)
    c0, c1, c2 = (sums(k, 2)[:, None] for k in range(3))
    drift, tied_drift = s1 * c0 - d1 * c1, s1 * c1 - d1 * c2
    total = s1 * hazard[:, None] - d1 * tied_hazard[:, None]
    died = grid.died
    seen = _between(hazard, grid)
    seen[died] -= tied_hazard[grid.last[died] - 1]
    deaths = spells.weight * died
    return RiskSums(
        log_likelihood=float(deaths @ score + np.log(inverse).sum()),
        gradient=deaths @ x - total.sum(axis=0),
        information=(x * (own * seen)[:, None]).T @ x - s1.T @ drift + d1.T @ tied_drift,
        risk=risk,
        hazard=hazard,
        tied_hazard=tied_hazard,
        mean=total / d[:, None],
        drift=drift,
        tied_drift=tied_drift,
        at_risk=s1,
        ended=d1,
    )


def score_residuals(x: FloatArray, grid: Steps, sums: RiskSums) -> FloatArray:
    """Contribution of each row to the gradient, its part in the risk sets included (Lin & Wei 1989).

    Summed with the weights they give the gradient. With ties, a row with an event takes part in the l-th factor of its
    own time with weight 1 - l/d, as in R's residuals(coxph, type = "score").
    """
    risk = sums.risk[:, None]
    residual = risk * (_between(sums.drift, grid) - x * _between(sums.hazard, grid)[:, None])
    died = grid.died
    own = grid.last[died] - 1
    residual[died] += x[died] - sums.mean[own]
    residual[died] += risk[died] * (x[died] * sums.tied_hazard[own][:, None] - sums.tied_drift[own])
    return residual


def weighted_information(x: FloatArray, spells: Spells, grid: Steps, sums: RiskSums, weights: FloatArray) -> FloatArray:
    """Sum over the event times of their weight times the variance of the covariates at risk there."""
    own = spells.weight * sums.risk
    seen = _between(weights * sums.hazard, grid)
    seen[grid.died] -= (weights * sums.tied_hazard)[grid.last[grid.died] - 1]
    by = weights[:, None]
    spread = (x * (own * seen)[:, None]).T @ x
    return np.asarray(spread - sums.at_risk.T @ (by * sums.drift) + sums.ended.T @ (by * sums.tied_drift))


def event_residuals(x: FloatArray, spells: Spells, grid: Steps, sums: RiskSums) -> FloatArray:
    """Covariates of those with the event minus their mean at risk, summed per event time (Schoenfeld 1982)."""
    seen = _columns(_over_deaths, x * spells.weight[:, None], grid)
    return np.asarray(seen - sums.mean * grid.n_events[:, None])
