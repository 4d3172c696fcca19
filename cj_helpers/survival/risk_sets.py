"""Risk sets: at each distinct time, how many were at risk and how many ended in which way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cj_helpers.inference import FloatArray, IntArray, tally
from cj_helpers.survival.spells import Spells


@dataclass(frozen=True)
class RiskSets:
    """Counts at each distinct time, in order, the origin included.

    Attributes
    ----------
    time : ndarray of float
        Distinct times, first 0.
    at_risk : ndarray of float
        Rows under observation just before the time (entered before it and not yet ended).
    events : ndarray of float, outcomes x times
        Rows that ended at the time, by outcome.
    censored : ndarray of float
        Rows whose observation stopped at the time without an event.
    """

    time: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray


def risk_sets(spells: Spells, n_outcomes: int = 1) -> RiskSets:
    """Count who is at risk and who ends at each distinct time.

    At risk at t: entry < t <= duration; at the origin, everyone who entered there. A row that entered at the very time
    it ended was never under observation: it counts nowhere, as in R's Surv(entry, duration, event).
    """
    time, index = np.unique(np.append(0.0, spells.duration), return_inverse=True)
    index, size = index[1:], len(time)
    weight = spells.weight
    if spells.entry is not None:
        weight = weight * ((spells.entry < spells.duration) | (spells.duration == 0))
    cell = spells.status * size + index
    counts = tally(cell, weight, (n_outcomes + 1) * size).reshape(n_outcomes + 1, size)
    at_risk = np.cumsum(counts.sum(axis=0)[::-1])[::-1].copy()
    if spells.entry is not None:
        first = first_at_risk(spells.entry, time)
        entered = np.cumsum(tally(first, weight, size + 1)[:size])
        at_risk -= weight.sum() - entered
    return RiskSets(time=time, at_risk=at_risk, events=counts[1:], censored=counts[0])


def customers_at_risk(spells: Spells, risk: RiskSets) -> IntArray:
    """Count the customers with a row at risk just before each time; rows when no customers are known.

    A customer counts once, however many rows run at the time: the union of their times at risk. Of counted spells,
    whose clusters are groups of customers, it is the groups: never more than the customers.
    """
    if spells.cluster is None:
        return risk.at_risk.astype(np.int64)
    size = len(risk.time)
    last = np.searchsorted(risk.time, spells.duration)
    first = np.zeros(len(last), np.int64)
    seen = spells.weight > 0
    if spells.entry is not None:
        seen = seen & ((spells.entry < spells.duration) | (spells.duration == 0))
        first = first_at_risk(spells.entry, risk.time)
    first, last, cluster = first[seen], last[seen], spells.cluster[seen]
    order = np.lexsort((first, cluster))
    start = cluster[order] * (size + 1)  # one stretch of time per customer, end to end
    reached = np.maximum.accumulate(start + last[order] + 1)
    new = np.maximum(first[order], np.append(0, reached[:-1])[: len(start)] - start)  # what no earlier row covers
    counts = np.bincount(np.minimum(new, last[order] + 1), minlength=size + 1)
    counts = counts - np.bincount(last[order] + 1, minlength=size + 1)
    return np.cumsum(counts)[:size]


def first_at_risk(entry: FloatArray, time: FloatArray) -> IntArray:
    """Index of the first time after entry; those who entered at the origin are at risk there."""
    return np.where(entry == 0, 0, np.searchsorted(time, entry, side="right"))
