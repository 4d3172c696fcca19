"""Restricted mean times: what a difference between curves is worth in days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import ABANDONED, ALL, COMPLETED, ConfigError, DataError
from cj_helpers.inference import FloatArray, adjust_p_values, normal_quantile
from cj_helpers.survival.estimators import incidence_function, survival_function
from cj_helpers.survival.influence import covariance, row_influence
from cj_helpers.survival.spells import Columns, Spells, event_status, outcome_status, read_spells, risk_sets

#: A mean up to a time at which fewer are under observation rests on the tail of the curve.
LEAST_AT_RISK = 10
#: More segments than this are compared with all others together instead of in pairs.
MAX_PAIRED = 8


#: Reference of a segment that is compared with all others.
OTHERS = "(others)"


@dataclass(frozen=True)
class _Question:
    """The rows, the horizon, and whose incidence is meant."""

    spells: Spells
    horizon: float
    n_outcomes: int
    outcome: int


@dataclass(frozen=True)
class _Mean:
    """Mean of one segment and the influence of each of its rows on it."""

    label: str
    spells: Spells
    estimate: float
    influence: FloatArray


def common_horizon(
    table: pd.DataFrame,
    *,
    within_days: float,
    duration_col: str = "duration_days",
    segment_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    least: int = LEAST_AT_RISK,
) -> float:
    """Longest horizon at which every segment still has enough rows under observation.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    within_days : float
        Horizon wanted, in the unit of the duration column; never exceeded.
    duration_col, segment_col, entry_col, weight_col
        As in `survival_curve`.
    least : int
        Rows at risk that a segment needs. Segments that never have as many do not count.

    Returns
    -------
    float
        min(within_days, last time with `least` at risk in each segment); NaN when no segment is large enough.

    Examples
    --------
    >>> spells = pd.DataFrame({"duration_days": [1, 2, 3, 4, 5]})
    >>> common_horizon(spells, within_days=10, least=2)
    4.0
    """
    if not within_days > 0:
        raise ConfigError(f"within_days: found {within_days}, needed is a number above 0")
    columns = Columns(duration_col, segment_col, entry=entry_col, weight=weight_col)
    spells = read_spells(table, columns, np.zeros(len(table), dtype=np.int64))
    last = []
    for label, part in spells.parts():
        if part.n and (label != ALL or not segment_col):
            risk = risk_sets(part)
            enough = risk.time[risk.at_risk >= least]
            last += [enough[-1]] if len(enough) and enough[-1] > 0 else []
    return float(min(within_days, *last)) if last else float("nan")


def restricted_mean(
    table: pd.DataFrame,
    *,
    horizon_days: float,
    duration_col: str = "duration_days",
    event_col: str = "event",
    outcome: str = "",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    segment_col: str = "",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Mean time without the event up to a horizon (Royston & Parmar 2013): the area under the curve.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    horizon_days : float
        Where the area ends, in the unit of the duration column; see `common_horizon`.
    duration_col, event_col, segment_col, cluster_col, entry_col, weight_col, conf_level
        As in `survival_curve`.
    outcome : str
        One of `outcomes`: the time without that outcome, where a spell that ended otherwise counts to the horizon (the
        area above its Aalen-Johansen incidence). ``""``: the time without the event of `event_col`.
    outcome_col, outcomes
        As in `cumulative_incidence`; used with `outcome`.

    Returns
    -------
    DataFrame
        One row per segment, "all" first: segment, horizon_days, mean_days, std_error, conf_low, conf_high, n,
        n_clusters. NaN where a segment was not observed up to the horizon.

    Raises
    ------
    ConfigError, DataError
        As `cumulative_incidence`; also when the horizon is not above 0.

    Notes
    -----
    Errors by the infinitesimal jackknife, summed per customer; without customers that is the formula of Greenwood
    (1926), as in R's survfit and survRM2.

    Examples
    --------
    >>> spells = pd.DataFrame({"duration_days": [1, 2, 3, 4], "event": 1})
    >>> float(restricted_mean(spells, horizon_days=2)["mean_days"].iloc[0])
    1.75
    """
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    question = _question(table, columns, horizon_days, event_col, (outcome, outcome_col, outcomes))
    rows = []
    for label, part in question.spells.parts():
        mean = _mean(label, part, question)
        error = _error((1.0, mean))
        half = normal_quantile(conf_level) * error
        low, high = np.clip([mean.estimate - half, mean.estimate + half], 0.0, horizon_days)
        values = {"mean_days": mean.estimate, "std_error": error, "conf_low": low, "conf_high": high}
        size = {"n": mean.spells.n, "n_clusters": mean.spells.n_clusters}
        rows.append({"segment": mean.label, "horizon_days": float(horizon_days), **values, **size})
    return pd.DataFrame(rows)


def restricted_mean_differences(
    table: pd.DataFrame,
    *,
    horizon_days: float,
    duration_col: str = "duration_days",
    event_col: str = "event",
    outcome: str = "",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    segment_col: str = "segment",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Differences of restricted mean times between segments, in days.

    Parameters
    ----------
    table, horizon_days, duration_col, event_col, outcome, outcome_col, outcomes, segment_col, cluster_col, entry_col,
    weight_col, conf_level
        As in `restricted_mean`.

    Returns
    -------
    DataFrame
        One row per pair: segment, reference, horizon_days, difference_days (segment minus reference: positive = takes
        longer), std_error, conf_low, conf_high, p_value, p_adjusted, n, n_clusters (of both). The reference of a pair
        is the larger segment. With more than eight segments each is compared with all others together, "(others)".
        Segments that were not observed up to the horizon are left out.

    Raises
    ------
    ConfigError, DataError
        As `restricted_mean`; DataError when fewer than two segments were observed up to the horizon.

    Notes
    -----
    The intervals are for one pair each; p_adjusted is by Holm (1979) over all pairs shown. Customers who have spells in
    both segments are allowed for.
    """
    if not segment_col:
        raise ConfigError("segment_col: a column with at least two segments is needed")
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    question = _question(table, columns, horizon_days, event_col, (outcome, outcome_col, outcomes))
    means = [_mean(label, part, question) for label, part in list(question.spells.parts())[1:]]
    means = [mean for mean in means if np.isfinite(mean.estimate)]
    if len(means) < 2:
        raise DataError(
            f"{segment_col}: {len(means)} segments were observed for {horizon_days:g} days, two are needed; "
            "shorten the horizon or merge small segments"
        )
    rows = [_difference(first, second, conf_level) for first, second in _pairs(question, means)]
    result = pd.DataFrame(rows)
    result.insert(2, "horizon_days", float(horizon_days))
    result.insert(8, "p_adjusted", adjust_p_values(result["p_value"]))
    return result


def _question(
    table: pd.DataFrame,
    columns: Columns,
    horizon: float,
    event_col: str,
    outcome: tuple[str, str, Sequence[str]],
) -> _Question:
    if not 0 < horizon < np.inf:
        raise ConfigError(f"horizon_days: found {horizon}, needed is a finite number above 0")
    name, outcome_col, outcomes = outcome
    if not name:
        return _Question(read_spells(table, columns, event_status(table, event_col)), horizon, 1, 0)
    if name not in outcomes:
        raise ConfigError(f"outcome: found {name!r}, allowed are {', '.join(outcomes)}")
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    return _Question(spells, horizon, len(outcomes), list(outcomes).index(name))


def _mean(label: str, spells: Spells, question: _Question) -> _Mean:
    risk = risk_sets(spells, question.n_outcomes)
    unknown = risk.time[-1] < question.horizon and survival_function(risk)[-1] > 1e-12
    if not spells.n or unknown:
        return _Mean(label, spells, np.nan, np.full(len(spells.weight), np.nan))
    width = np.diff(np.minimum(np.append(risk.time, np.inf), question.horizon))
    influence = -row_influence(spells, risk, width[None, :], question.outcome)[0]
    return _Mean(label, spells, float(width @ (1 - incidence_function(risk, question.outcome))), influence)


def _error(*parts: tuple[float, _Mean]) -> float:
    """Standard error of a signed sum of means; customers may be in several."""
    influence = np.concatenate([sign * mean.influence for sign, mean in parts])
    weight = np.concatenate([mean.spells.weight for _sign, mean in parts])
    clusters = [mean.spells.cluster for _sign, mean in parts if mean.spells.cluster is not None]
    cluster = np.concatenate(clusters) if clusters else None
    return float(np.sqrt(covariance(influence[None, :], weight, cluster).item()))


def _pairs(question: _Question, means: Sequence[_Mean]) -> list[tuple[_Mean, _Mean]]:
    """Segments to compare, the larger second; all others together when there are many segments."""
    if len(means) <= MAX_PAIRED:
        return [(a, b) if a.spells.n <= b.spells.n else (b, a) for a, b in combinations(means, 2)]
    spells = question.spells.take(question.spells.weight > 0)
    codes = {label: code for code, label in enumerate(spells.labels)}
    rest = [spells.take(spells.segment != codes[mean.label]) for mean in means]
    return [(mean, _mean(OTHERS, others, question)) for mean, others in zip(means, rest, strict=True)]


def _difference(segment: _Mean, reference: _Mean, conf_level: float) -> dict[str, object]:
    difference = segment.estimate - reference.estimate
    error = _error((1.0, segment), (-1.0, reference))
    half = normal_quantile(conf_level) * error
    clusters = [part.spells.cluster for part in (segment, reference) if part.spells.cluster is not None]
    n = segment.spells.n + reference.spells.n
    return {
        "segment": segment.label,
        "reference": reference.label,
        "difference_days": difference,
        "std_error": error,
        "conf_low": difference - half,
        "conf_high": difference + half,
        "p_value": 2 * ndtr(-abs(difference) / error) if error > 0 else np.nan,
        "n": n,
        "n_clusters": len(np.unique(np.concatenate(clusters))) if clusters else n,
    }
