"""Kaplan-Meier and Aalen-Johansen on risk sets, with their variances.

Nothing here knows tables. Ties are taken as they are: all events of one time share one risk set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cj_helpers.inference import FloatArray, IntArray, normal_quantile, tally
from cj_helpers.survival.risk_sets import RiskSets, first_at_risk
from cj_helpers.survival.spells import Spells


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, 0 where nobody is left to divide by: nothing happens there."""
    quotient = np.zeros_like(denominator)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def survival_function(risk: RiskSets) -> FloatArray:
    """Kaplan & Meier (1958): share without any event, just after each time."""
    steps: FloatArray = 1 - _ratio(risk.events.sum(axis=0), risk.at_risk)
    return np.cumprod(steps, dtype=np.float64)


def greenwood_error(risk: RiskSets) -> FloatArray:
    """Standard error of the survival function (Greenwood 1926); NaN once it has reached 0."""
    deaths, left = risk.events.sum(axis=0), risk.at_risk - risk.events.sum(axis=0)
    survival = survival_function(risk)
    error = survival * np.sqrt(np.cumsum(_ratio(deaths, risk.at_risk * left)))
    return np.where(survival > 0, error, np.nan)


def incidence_function(risk: RiskSets, outcome: int) -> FloatArray:
    """Aalen & Johansen (1978): share ended by `outcome` (0, 1, ...) up to and including each time."""
    before = np.append(1.0, survival_function(risk)[:-1])
    incidence = np.cumsum(before * _ratio(risk.events[outcome], risk.at_risk))
    return np.where(incidence > 1 - 1e-12, 1.0, incidence)  # sums of fractions miss 1 by rounding


@dataclass(frozen=True)
class Paths:
    """Running sums along the times that the influence of a row is made of; rows of 2-d arrays are outcomes.

    While at risk, a row that entered at the origin has influence -H on the incidence F; after its end its influence is
    linear in F. So every row's influence is b - z F - r H with (b, z, r) constant between its entry and its end.
    """

    incidence: FloatArray  # F
    common: FloatArray  # H
    hazard_variance: FloatArray  # G, the sum in Greenwood's formula
    ended: FloatArray  # influence on F of ending by its outcome, S(t-)/n(t)
    jump: FloatArray  # influence on the cumulative hazard of ending at all, 1/(n - d)


def incidence_paths(risk: RiskSets) -> Paths:
    """Running sums of the risk sets that influences are made of."""
    at_risk, deaths = risk.at_risk, risk.events.sum(axis=0)
    one = np.ones_like(at_risk)
    before = np.append(1.0, survival_function(risk)[:-1])
    ended = before * _ratio(one, at_risk)
    steps = risk.events * ended
    greenwood = np.cumsum(_ratio(deaths, at_risk * (at_risk - deaths)))
    common = np.cumsum((_ratio(one, at_risk) - np.append(0.0, greenwood[:-1])) * steps, axis=1)
    return Paths(np.cumsum(steps, axis=1), common, greenwood, ended, _ratio(one, at_risk - deaths))


def incidence_errors(spells: Spells, risk: RiskSets) -> FloatArray:
    """Standard errors of the incidences (outcomes x times) by the infinitesimal jackknife.

    The variance is the sum over customers of the squared influence of all their rows, as R's survfit computes it for
    multi-state curves and for `cluster`. The influence of a customer is linear in (1, F, H) between the times at which
    the customer's own rows start or end, so the sum of squares is a quadratic form in (1, F, H) whose coefficients
    change only there: n log n work instead of rows x times.

    NaN where customers do not differ (a single one, or all alike) though the incidence is neither 0 nor 1: their number
    says more about the precision than a variance of 0.
    """
    if spells.cluster is None and spells.entry is None:
        spells = _identical_rows(risk)
    paths = incidence_paths(risk)
    index, before, after, weight = _changes(spells, risk, paths)

    def running(i: int, j: int) -> FloatArray:
        return np.cumsum(tally(index, weight * (after[i] * after[j] - before[i] * before[j]), len(risk.time)))

    zz, zr, rr = running(-2, -2), running(-2, -1), running(-1, -1)
    rounding = 1e-6 / max(spells.weight.sum(), 1) ** 2  # a single event among n rows leaves a variance of 1 / n^2
    errors = []
    for k, (f, h) in enumerate(zip(paths.incidence, paths.common, strict=True)):
        cross = f * h * zr - f * running(k, -2) - h * running(k, -1)
        variance = running(k, k) + f * f * zz + h * h * rr + 2 * cross
        variance = np.where(variance <= rounding, 0.0, variance)
        unknown = (variance == 0) & (f > 1e-12) & (f < 1 - 1e-12)
        errors.append(np.where(unknown, np.nan, np.sqrt(variance)))
    return np.array(errors)


def _identical_rows(risk: RiskSets) -> Spells:
    """Independent rows that end at one time in one way differ in nothing: one row each with their number as weight."""
    counts = np.vstack([risk.censored, risk.events])
    status, at = np.nonzero(counts)
    nobody = np.zeros(len(at), dtype=np.int64)
    return Spells(risk.time[at], status, counts[status, at], None, None, nobody, ())


def _changes(spells: Spells, risk: RiskSets, paths: Paths) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Every change of a customer's (b of each outcome, z, r): time index, before, after, number of copies."""
    first, end, entered, ended = row_states(spells, risk, paths)
    n, index = len(end), np.concatenate([first, end])
    seen = index < len(risk.time)
    if spells.cluster is None:
        before = np.concatenate([np.zeros_like(entered), entered], axis=1)
        after = np.concatenate([entered, ended], axis=1)
        return index[seen], before[:, seen], after[:, seen], np.tile(spells.weight, 2)[seen]
    cluster = np.tile(spells.cluster, 2)
    change = np.concatenate([entered, ended - entered], axis=1) * np.tile(spells.weight, 2)
    order = np.flatnonzero(seen)
    turn = (cluster * (len(risk.time) + 1) + index) * 2 + (np.arange(2 * n) >= n)  # customer, time, entry before end
    order = order[np.argsort(turn[order])]
    change = change[:, order]
    after = pd.DataFrame(change.T).groupby(cluster[order], sort=False).cumsum().to_numpy().T
    return index[order], after - change, after, np.ones(len(order))


def row_states(spells: Spells, risk: RiskSets, paths: Paths) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """First index at risk and index of the end of each row, and its (b ..., z, r) while at risk and after its end."""
    size, n_outcomes = len(risk.time), len(risk.events)
    end = np.searchsorted(risk.time, spells.duration)
    first = np.zeros(len(end), dtype=np.int64)
    entered, ended = np.zeros((n_outcomes + 2, len(end))), np.zeros((n_outcomes + 2, len(end)))
    entered[-1] = 1.0
    at = end
    if spells.entry is not None:
        first = first_at_risk(spells.entry, risk.time)
        past, late = np.maximum(first - 1, 0), first > 0
        entered[-2] = np.where(late, paths.hazard_variance[past], 0.0)
        entered[:-2] = np.where(late, paths.common[:, past] + entered[-2] * paths.incidence[:, past], 0.0)
        unseen = late & (spells.entry >= spells.duration)
        first, end = np.where(unseen, size, first), np.where(unseen, size, end)
    ended[-2] = np.where(spells.status > 0, paths.jump[at], 0.0) - (paths.hazard_variance[at] - entered[-2])
    own = np.where(spells.status == np.arange(1, n_outcomes + 1)[:, None], paths.ended[at], 0.0)
    own += entered[:-2] - entered[-2] * paths.incidence[:, at] - paths.common[:, at]
    ended[:-2] = own + ended[-2] * paths.incidence[:, at]
    return first, end, entered, ended


def loglog_interval(estimate: FloatArray, error: FloatArray, conf_level: float) -> tuple[FloatArray, FloatArray]:
    """Interval estimate ** exp(+-z * error / (estimate * log(estimate))), inside 0-1 by construction.

    Before the first event (estimate 0 or 1, error 0, risk set not used up) the limits equal the estimate, as in R; the
    callers replace them where that would mislead.
    """
    z = normal_quantile(conf_level)
    inner = (estimate > 0) & (estimate < 1) & np.isfinite(error)
    p = np.where(inner, estimate, 0.5)
    spread = np.where(inner, z * np.nan_to_num(error) / np.abs(p * np.log(p)), 0.0)
    with np.errstate(over="ignore"):
        low, high = p ** np.exp(spread), p ** np.exp(-spread)
    flat = np.where(np.isfinite(error) & (error <= 0), estimate, np.nan)
    return np.where(inner, np.minimum(low, p), flat), np.where(inner, np.maximum(high, p), flat)
