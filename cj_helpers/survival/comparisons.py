"""Tests whether survival differs between segments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cj_helpers.inference import FloatArray, IntArray, adjust_p_values, tally
from cj_helpers.survival.gray import gray_deviations
from cj_helpers.survival.mean_differences import MAX_PAIRED, OTHERS
from cj_helpers.survival.risk_sets import first_at_risk
from cj_helpers.survival.spells import (
    Columns,
    Spells,
    event_status,
    outcome_code,
    outcome_status,
    read_spells,
    require_segments,
)

#: Up to this many comparisons any false finding is guarded against (Holm); beyond, their expected share (BH).
FEW = 28


def logrank_test(
    table: pd.DataFrame,
    *,
    duration_col: str = "duration_days",
    event_col: str = "event",
    segment_col: str = "segment",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    strata_col: str = "",
) -> pd.DataFrame:
    """Log-rank test of equal survival in all segments.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    duration_col, event_col, entry_col, weight_col
        As in `survival_curve`. To study one of several outcomes, code the others as no event: the test then compares
        cause-specific hazards.
    segment_col : str
        Segments to compare, two or more; a missing value is a segment of its own.
    cluster_col : str
        Customer, where customers have several rows: the variance is then that of the customers' summed contributions
        (the robust score test of Lin & Wei 1989). Without it, the hypergeometric variance as R's survdiff.
    strata_col : str
        Compare only within the values of this column.

    Returns
    -------
    DataFrame
        One row: statistic (chi-square), df, p_value, n (spells), n_events, n_customers. statistic and p_value are NaN
        when fewer than two segments could have had an event.

    Raises
    ------
    ConfigError, DataError
        As `survival_curve`; also without a segment column.

    Notes
    -----
    Mantel (1966), Peto & Peto (1972). Sensitive to hazards that are proportional; blind to curves that cross.
    """
    spells = _read(table, Columns(duration_col, segment_col, cluster_col, entry_col, weight_col), event_col)
    strata = pd.factorize(table[strata_col], use_na_sentinel=False)[0] if strata_col else np.zeros(len(table), np.int64)
    return pd.DataFrame([_logrank(spells, strata)])


def gray_test(
    table: pd.DataFrame,
    *,
    outcome: str,
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = ("completed", "abandoned"),
    segment_col: str = "segment",
    cluster_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """Test of Gray (1988) that one outcome's cumulative incidence is equal in all segments.

    Parameters
    ----------
    table : DataFrame
        One row per spell, all observed from the origin.
    outcome : str
        One of `outcomes`.
    duration_col, outcome_col, outcomes, segment_col, weight_col
        As in `cumulative_incidence`.
    cluster_col : str
        Customer, where customers have several rows: the variance is then that of the customers' summed influences on
        the same statistic. Without it, Gray's variance as R's cmprsk.

    Returns
    -------
    DataFrame
        One row: statistic (chi-square), df, p_value, n, n_events (with the outcome), n_customers. NaN when fewer than
        two segments could have had the outcome.

    Notes
    -----
    Compares what became of all started, while the log-rank test of one outcome compares hazards among those still
    running; a segment can differ in one and not in the other. Assumes that censoring does not depend on the segment's
    outcome to come.
    """
    code = outcome_code(outcome, outcomes)
    require_segments(segment_col)
    columns = Columns(duration_col, segment_col, cluster_col, weight=weight_col)
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    spells = spells.take(spells.weight > 0)
    deviation, variance, compared = gray_deviations(spells, code, len(outcomes))
    n_events = int(spells.weight[spells.status == code + 1].sum())
    return pd.DataFrame([_chi_square(deviation, variance, compared) | _sizes(spells, n_events)])


def compare_segments(
    table: pd.DataFrame,
    *,
    duration_col: str = "duration_days",
    event_col: str = "event",
    segment_col: str = "segment",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """Log-rank tests of each pair of segments, adjusted for their number.

    Parameters
    ----------
    table, duration_col, event_col, segment_col, cluster_col, entry_col, weight_col
        As in `logrank_test`.

    Returns
    -------
    DataFrame
        One row per pair: segment, reference, statistic, p_value, p_adjusted, n, n_events, n_customers,
        n_customers_smaller (of the smaller side). With more than eight segments each is compared with all others
        together, "(others)". Pairs in which nothing could be compared hold NaN.

    Notes
    -----
    One declared family: Holm (1979) up to 28 comparisons, Benjamini & Hochberg (1995) beyond.
    """
    spells = _read(table, Columns(duration_col, segment_col, cluster_col, entry_col, weight_col), event_col)
    labels = [label for code, label in enumerate(spells.labels) if spells.weight[spells.segment == code].any()]
    pairs = list(combinations(labels, 2)) if len(labels) <= MAX_PAIRED else [(label, OTHERS) for label in labels]
    rows = []
    for segment, reference in pairs:
        first = spells.segment == spells.labels.index(segment)
        both = first | (spells.segment == spells.labels.index(reference)) if reference != OTHERS else first | True
        part = spells.take(both).with_segments(first[both].astype(np.int64), ("others", "segment"))
        found = _logrank(part, np.zeros(len(part.weight), np.int64))
        del found["df"]
        found["n_customers_smaller"] = min(side.n_clusters for label, side in part.parts() if label in part.labels)
        rows.append({"segment": segment, "reference": reference, **found})
    names = ["segment", "reference", "statistic", "p_value", "n", "n_events", "n_customers", "n_customers_smaller"]
    result = pd.DataFrame(rows, columns=names)
    p_value = result["p_value"].to_numpy(dtype=float)
    result.insert(4, "p_adjusted", adjust_p_values(p_value, method="holm" if len(result) <= FEW else "bh"))
    return result


def _read(table: pd.DataFrame, columns: Columns, event_col: str) -> Spells:
    require_segments(columns.segment)
    return read_spells(table, columns, event_status(table, event_col))


def _logrank(spells: Spells, strata: IntArray) -> dict[str, float]:
    k = len(spells.labels)
    deviation, variance, expected = np.zeros(k), np.zeros((k, k)), np.zeros(k)
    influence = np.zeros((k, len(spells.weight)))
    for stratum in np.unique(strata):
        rows = (strata == stratum) & (spells.weight > 0)
        part = spells.take(rows)
        time, at_risk, dead = _at_risk(part)
        n, d = at_risk.sum(axis=0), dead.sum(axis=0)
        share, scale = at_risk / n, d * (n - d) / np.maximum(n - 1, 1)
        expected += share @ d
        deviation += dead.sum(axis=1) - share @ d
        variance += np.diag(share @ scale) - (share * scale) @ share.T
        if spells.cluster is not None:
            influence[:, rows] = _contributions(part, time, share, d / n)
    if spells.cluster is not None:
        customers = np.stack([tally(spells.cluster, row * spells.weight) for row in influence])
        variance = customers @ customers.T
    n_events = int(spells.weight[spells.status > 0].sum())
    return _chi_square(deviation, variance, expected > 1e-12) | _sizes(spells, n_events)


def _sizes(spells: Spells, n_events: int) -> dict[str, float]:
    return {"n": spells.n, "n_events": n_events, "n_customers": spells.take(spells.weight > 0).n_clusters}


def _chi_square(deviation: FloatArray, variance: FloatArray, compared: np.ndarray) -> dict[str, float]:
    """Wald statistic of deviations that sum to 0, so that one segment is redundant."""
    df = max(int(compared.sum()) - 1, 0)
    statistic = np.nan
    if df:
        rows = np.flatnonzero(compared)[:-1]
        # pseudo-inverse: segments that never overlap in time leave the variance singular
        part = np.linalg.pinv(variance[np.ix_(rows, rows)], hermitian=True)
        statistic = float(deviation[rows] @ part @ deviation[rows])
    return {"statistic": statistic, "df": df, "p_value": float(chdtrc(df, statistic)) if df else np.nan}


def _at_risk(spells: Spells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distinct event times; those at risk and those with the event, segments x times."""
    died = spells.status > 0
    time = np.unique(spells.duration[died])
    k, size = len(spells.labels), len(time) + 1
    last = np.searchsorted(time, spells.duration, side="right")
    first = np.zeros(len(last), np.int64) if spells.entry is None else first_at_risk(spells.entry, time)
    first = np.minimum(first, last)

    def count(place: IntArray, weight: FloatArray, segment: IntArray) -> FloatArray:
        return tally(segment * size + place, weight, k * size).reshape(k, size)

    leaving = count(last, spells.weight, spells.segment) - count(first, spells.weight, spells.segment)
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1][:, 1:]
    dead = count(last[died] - 1, spells.weight[died], spells.segment[died])[:, :-1]
    return time, at_risk, dead


def _contributions(spells: Spells, time: FloatArray, share: FloatArray, hazard: FloatArray) -> FloatArray:
    """What each row adds to observed minus expected, segments x rows: sum of (own - share) dM over its time at risk."""
    k = len(share)
    last = np.searchsorted(time, spells.duration, side="right")
    first = np.zeros(len(last), np.int64) if spells.entry is None else first_at_risk(spells.entry, time)
    first = np.minimum(first, last)
    running = np.append(0.0, np.cumsum(hazard))
    own = (spells.segment == np.arange(k)[:, None]).astype(float)
    seen = np.concatenate([np.zeros((k, 1)), np.cumsum(share * hazard, axis=1)], axis=1)
    result = seen[:, last] - seen[:, first] - own * (running[last] - running[first])
    died = spells.status > 0
    result[:, died] += own[:, died] - share[:, last[died] - 1]
    return np.asarray(result)
