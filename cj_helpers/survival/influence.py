"""What each row contributes to a sum over a curve: one way to the errors of means, tests and hazards.

Every figure here is a weighted sum of the incidence over time, sum_t g(t) F(t). Its infinitesimal jackknife is the same
sum over each row's influence on F, which is b - z F - r H with constants between the row's entry and its end (see
`estimators`), so a row costs two look-ups in running sums.
"""

from __future__ import annotations

import numpy as np

from cj_helpers.inference import FloatArray, IntArray, tally
from cj_helpers.survival.estimators import incidence_paths, row_states
from cj_helpers.survival.risk_sets import RiskSets
from cj_helpers.survival.spells import Spells


def row_influence(spells: Spells, risk: RiskSets, sums: FloatArray, outcome: int = 0) -> FloatArray:
    """Influence of each row on weighted sums of one outcome's incidence.

    Parameters
    ----------
    spells, risk
        The rows and the risk sets counted from them.
    sums : ndarray, sums x times
        Weight of the incidence at each time of `risk`.
    outcome : int
        0, 1, ...: whose incidence.

    Returns
    -------
    ndarray, sums x rows
        One copy of the row each; multiply by its weight.
    """
    paths = incidence_paths(risk)
    first, end, entered, ended = row_states(spells, risk, paths)
    incidence, common = paths.incidence[outcome], paths.common[outcome]
    running = [_running(sums * factor) for factor in (np.ones_like(incidence), incidence, common)]
    total = np.zeros((len(sums), len(end)))
    size = len(risk.time)
    last = np.full(len(end), size)
    for state, start, stop in ((entered, np.minimum(first, end), end), (ended, end, last)):
        one, f, h = (part[:, stop] - part[:, np.minimum(start, stop)] for part in running)
        total += state[outcome] * one - state[-2] * f - state[-1] * h
    return total


def _running(values: FloatArray) -> FloatArray:
    """Sums of the first 0, 1, ... columns."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def covariance(influence: FloatArray, weight: FloatArray, cluster: IntArray | None) -> FloatArray:
    """Covariance of sums from the influence of rows: summed per customer, squared, summed.

    Parameters
    ----------
    influence : ndarray, sums x rows
    weight : ndarray
        Copies of each row.
    cluster : ndarray of int or None
        Customer of each row; None: every copy is independent.
    """
    if cluster is None:
        return np.asarray((influence * weight) @ influence.T)
    customers = int(cluster.max(initial=-1)) + 1
    summed = np.stack([tally(cluster, row * weight, customers) for row in influence])
    return np.asarray(summed @ summed.T)
