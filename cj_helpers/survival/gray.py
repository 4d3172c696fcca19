"""The statistic of Gray's test and its two variances."""

from __future__ import annotations

import numpy as np

from cj_helpers.inference import BoolArray, FloatArray
from cj_helpers.survival.estimators import incidence_function, survival_function
from cj_helpers.survival.influence import covariance, row_influence
from cj_helpers.survival.risk_sets import RiskSets, risk_sets
from cj_helpers.survival.spells import Spells


def gray_deviations(spells: Spells, outcome: int, n_outcomes: int) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Deviations of the segments' incidences from the common one, their covariance, and who could be compared.

    With Y at risk, S the share still running and F the incidence in a segment just before a time, its weight is
    R = Y (1 - F) / S, its subdistribution hazard dF / (1 - F), and the deviation is the sum over times of R times (own
    hazard - pooled hazard) (Gray 1988, rho = 0).

    Without customers the variance is Gray's. With customers it comes from their influence on each segment's incidence,
    the weights taken as fixed: under the hypothesis the hazards they multiply differ by nothing.
    """
    segments = [spells.take(spells.segment == code) for code in range(len(spells.labels))]
    risks = [risk_sets(part, n_outcomes) for part in segments]
    time = np.unique(np.concatenate([risk.time[risk.events.sum(axis=0) > 0] for risk in risks]))
    grid = _Grid(time, risks, outcome)
    own, pooled = grid.own, grid.pooled
    deviation = own.sum(axis=0) - grid.weight.T @ (own.sum(axis=1) / np.maximum(pooled, 1e-300))
    compared = (grid.weight * (own.sum(axis=1) > 0)[:, None]).sum(axis=0) > 0
    if spells.cluster is None:
        return deviation, _independent(grid), compared
    return deviation, _clustered(grid, segments, risks, outcome), compared


class _Grid:
    """Quantities at all times at which something ended anywhere, times x segments."""

    def __init__(self, time: FloatArray, risks: list[RiskSets], outcome: int) -> None:
        self.time = time
        before, at = [], []
        for risk in risks:
            place = np.searchsorted(risk.time, time, side="left")
            here = np.isin(time, risk.time)
            inside = np.minimum(place, len(risk.time) - 1)
            earlier = np.maximum(place - 1, 0)
            survival, incidence = survival_function(risk), incidence_function(risk, outcome)
            start = place == 0  # the origin itself: nothing before it
            before.append(
                (
                    np.where(place < len(risk.time), risk.at_risk[inside], 0.0),
                    np.where(start, 1.0, survival[earlier]),
                    np.where(start, 0.0, incidence[earlier]),
                )
            )
            events = risk.events[:, inside] * here
            at.append((events[outcome], events.sum(axis=0) - events[outcome]))
        self.at_risk, self.survival, self.incidence = (np.stack(part, axis=1) for part in zip(*before, strict=True))
        self.events, self.others = (np.stack(part, axis=1) for part in zip(*at, strict=True))
        present = (self.at_risk > 0) & (self.survival > 0)
        scale = np.where(present, self.at_risk / np.where(present, self.survival, 1.0), 0.0)
        self.scale = scale  # Y / S
        self.weight = scale * (1 - self.incidence)
        self.pooled = self.weight.sum(axis=1)
        self.own = self.events  # R dF/(1 - F) = events of the segment


def _independent(grid: _Grid) -> FloatArray:
    """Gray's variance, as in R's cmprsk."""
    events, total = grid.events.sum(axis=1), grid.scale.sum(axis=1)
    safe = np.maximum(total, 1e-300)
    step = np.where(total > 0, events / safe, 0.0)
    common = np.cumsum(step)  # F of all segments together, after each time
    common_before = common - step
    after = np.where(grid.at_risk > 0, 1 - (grid.events + grid.others) / np.maximum(grid.at_risk, 1), 1.0)
    left = grid.survival * after
    k = grid.scale.shape[1]
    variance = np.zeros((k, k))
    hazard = step / np.maximum(1 - common_before, 1e-300)
    for i in range(k):
        share = -grid.scale * (grid.scale[:, [i]] / safe[:, None])
        share[:, i] += grid.scale[:, i]
        drift = np.cumsum(share * hazard[:, None], axis=0)
        to_come = drift[-1] - drift
        present = grid.at_risk[:, i] > 0
        reach = np.where(left[:, i] > 0, (1 - common) / np.where(left[:, i] > 0, left[:, i], 1.0), 0.0)
        size = grid.scale[:, i] * 0 + grid.survival[:, i]
        with np.errstate(divide="ignore", invalid="ignore"):
            ties = np.where(events > 1, 1 - (events - 1) / (total * size - 1), 1.0)
            own = np.where(present & (events > 0), ties * size * events / (total * grid.at_risk[:, i]), 0.0)
            others = grid.others[:, i]
            tied = np.where(others > 1, 1 - (others - 1) / (grid.at_risk[:, i] - 1), 1.0)
            away = np.where((left[:, i] > 0) & (others > 0), tied * size**2 * others / grid.at_risk[:, i] ** 2, 0.0)
        factor = np.where(left[:, i] > 0, 1 - reach, 1.0)
        ended = share + factor[:, None] * to_come
        variance += (ended * own[:, None]).T @ ended
        gone = reach[:, None] * to_come
        variance += (gone * away[:, None]).T @ gone
    return variance


def _clustered(grid: _Grid, segments: list[Spells], risks: list[RiskSets], outcome: int) -> FloatArray:
    """Covariance from customers: each row's influence on its own segment's incidence, through the fixed weights."""
    k = len(segments)
    shares = grid.weight / np.maximum(grid.pooled, 1e-300)[:, None]
    parts, weights, clusters = [], [], []
    for j, (part, risk) in enumerate(zip(segments, risks, strict=True)):
        place = np.searchsorted(grid.time, risk.time)
        known = (place < len(grid.time)) & np.isin(risk.time, grid.time)
        at = np.minimum(place, len(grid.time) - 1)
        a = (np.arange(k) == j)[:, None] - shares[at].T  # segments x times of this segment
        alive = np.where(known, 1 - grid.incidence[at, j], 1.0)
        jump = np.where(known, a * grid.weight[at, j] / np.maximum(alive, 1e-12), 0.0)
        increase = np.diff(np.append(0.0, incidence_function(risk, outcome)))
        level = np.where(known, jump * increase / np.maximum(alive, 1e-12), 0.0)
        # sum_t jump(t) dIF(t) + level(t) IF(t-), rewritten as weights of IF(t)
        sums = jump - np.append(jump[:, 1:], np.zeros((k, 1)), axis=1) + np.append(level[:, 1:], np.zeros((k, 1)), 1)
        parts.append(row_influence(part, risk, sums, outcome))
        weights.append(part.weight)
        clusters.append(part.cluster if part.cluster is not None else np.zeros(0, np.int64))
    return covariance(np.concatenate(parts, axis=1), np.concatenate(weights), np.concatenate(clusters))
