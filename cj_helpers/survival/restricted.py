"""Restricted mean times: what a difference between curves is worth in days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cj_helpers.contract import ABANDONED, ALL, COMPLETED, ConfigError
from cj_helpers.inference import FloatArray, normal_quantile
from cj_helpers.survival.estimators import incidence_function, survival_function
from cj_helpers.survival.influence import covariance, row_influence
from cj_helpers.survival.risk_sets import risk_sets
from cj_helpers.survival.spells import Columns, Spells, event_status, outcome_code, outcome_status, read_spells

#: A mean up to a time at which fewer are under observation rests on the tail of the curve.
LEAST_AT_RISK = 10


@dataclass(frozen=True)
class MeanQuestion:
    """The rows, the horizon, and whose incidence is meant."""

    spells: Spells
    horizon: float
    n_outcomes: int
    outcome: int


@dataclass(frozen=True)
class SegmentMean:
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
        n_customers. NaN where a segment was not observed up to the horizon.

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
    question = mean_question(table, columns, horizon_days, event_col, (outcome, outcome_col, outcomes))
    rows = []
    for label, part in question.spells.parts():
        mean = segment_mean(label, part, question)
        error = mean_error((1.0, mean))
        half = normal_quantile(conf_level) * error
        low, high = np.clip([mean.estimate - half, mean.estimate + half], 0.0, horizon_days)
        values = {"mean_days": mean.estimate, "std_error": error, "conf_low": low, "conf_high": high}
        size = {"n": mean.spells.n, "n_customers": mean.spells.n_clusters}
        rows.append({"segment": mean.label, "horizon_days": float(horizon_days), **values, **size})
    return pd.DataFrame(rows)


def mean_question(
    table: pd.DataFrame,
    columns: Columns,
    horizon: float,
    event_col: str,
    outcome: tuple[str, str, Sequence[str]],
) -> MeanQuestion:
    if not 0 < horizon < np.inf:
        raise ConfigError(f"horizon_days: found {horizon}, needed is a finite number above 0")
    name, outcome_col, outcomes = outcome
    if not name:
        return MeanQuestion(read_spells(table, columns, event_status(table, event_col)), horizon, 1, 0)
    code = outcome_code(name, outcomes)
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    return MeanQuestion(spells, horizon, len(outcomes), code)


def segment_mean(label: str, spells: Spells, question: MeanQuestion) -> SegmentMean:
    risk = risk_sets(spells, question.n_outcomes)
    unknown = risk.time[-1] < question.horizon and survival_function(risk)[-1] > 1e-12
    if not spells.n or unknown:
        return SegmentMean(label, spells, np.nan, np.full(len(spells.weight), np.nan))
    width = np.diff(np.minimum(np.append(risk.time, np.inf), question.horizon))
    influence = -row_influence(spells, risk, width[None, :], question.outcome)[0]
    return SegmentMean(label, spells, float(width @ (1 - incidence_function(risk, question.outcome))), influence)


def mean_error(*parts: tuple[float, SegmentMean]) -> float:
    """Standard error of a signed sum of means; customers may be in several."""
    influence = np.concatenate([sign * mean.influence for sign, mean in parts])
    weight = np.concatenate([mean.spells.weight for _sign, mean in parts])
    clusters = [mean.spells.cluster for _sign, mean in parts if mean.spells.cluster is not None]
    cluster = np.concatenate(clusters) if clusters else None
    return float(np.sqrt(covariance(influence[None, :], weight, cluster).item()))
