"""Curves over time: survival and cumulative incidence, and the incidence at one time.

Every function takes one row per spell (a journey, a customer, or a count of identical ones) and returns a tidy
table. Durations may be in any unit; `time_days` is in the unit of the duration column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cj_helpers.contract import ABANDONED, COMPLETED
from cj_helpers.inference import FloatArray
from cj_helpers.survival.estimators import (
    greenwood_error,
    incidence_errors,
    incidence_function,
    loglog_interval,
    survival_function,
)
from cj_helpers.survival.risk_sets import RiskSets, customers_at_risk, risk_sets
from cj_helpers.survival.spells import Columns, Spells, event_status, outcome_status, read_spells


def survival_curve(
    table: pd.DataFrame,
    *,
    duration_col: str = "duration_days",
    event_col: str = "event",
    segment_col: str = "",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share still without the event over time, by Kaplan & Meier (1958).

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    duration_col : str
        Time from the origin to the event or to the end of observation, 0 or more.
    event_col : str
        Boolean or 0/1: the event was seen.
    segment_col : str
        Compare segments; a missing value is the segment "(missing)".
    cluster_col : str
        Customer, where customers have several rows: errors by the infinitesimal jackknife with residuals summed
        per customer, instead of Greenwood's (1926).
    entry_col : str
        Time from the origin at which observation began (left truncation); rows count as at risk only after it.
    weight_col : str
        Whole number of identical rows that a row stands for, so that curves can come from counts.
    conf_level : float
        Level of the pointwise log-log interval.

    Returns
    -------
    DataFrame
        One row per segment and distinct time, time 0 included: segment, time_days, estimate, std_error, conf_low,
        conf_high, n_at_risk (just before the time), n_customers_at_risk (customers among them; rows without
        cluster_col), n_events, n_censored. Segment "all" first. std_error and limits are NaN once the curve has
        reached 0, and where all rows are of one customer. No rows in, no rows out.

    Raises
    ------
    ConfigError
        When a column is not in the table or a segment is called "all".
    DataError
        When durations, events, entries or weights are missing or impossible.

    Notes
    -----
    Assumes that censoring tells nothing about the event to come. Not for outcomes that compete: there 1 - estimate
    overstates, use `cumulative_incidence`.

    Examples
    --------
    >>> spells = pd.DataFrame({"duration_days": [1, 2, 2, 3], "event": [1, 1, 0, 0]})
    >>> survival_curve(spells)[["time_days", "estimate", "n_at_risk"]].values.tolist()
    [[0.0, 1.0, 4.0], [1.0, 0.75, 4.0], [2.0, 0.5, 3.0], [3.0, 0.5, 1.0]]
    """
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    spells = read_spells(table, columns, event_status(table, event_col))
    parts = [_survival_part(label, part, conf_level) for label, part in spells.parts() if part.n]
    return pd.concat(parts, ignore_index=True) if parts else _survival_part("", spells, conf_level).iloc[:0]


def _survival_part(label: str, spells: Spells, conf_level: float) -> pd.DataFrame:
    risk = risk_sets(spells)
    estimate = survival_function(risk)
    error = greenwood_error(risk)
    if spells.cluster is not None:
        error = np.where(estimate > 0, incidence_errors(spells, risk)[0], np.nan)
    low, high = loglog_interval(estimate, error, conf_level)
    values = {"segment": label, **_curve_columns(spells, risk, (estimate, error, low, high))}
    counts = {"n_events": risk.events.sum(axis=0), "n_censored": risk.censored}
    return pd.DataFrame({**values, **{name: column.astype(np.int64) for name, column in counts.items()}})


def _curve_columns(spells: Spells, risk: RiskSets, values: Sequence[FloatArray]) -> dict[str, object]:
    names = ("estimate", "std_error", "conf_low", "conf_high")
    sizes = {"n_at_risk": risk.at_risk.astype(np.int64), "n_customers_at_risk": customers_at_risk(spells, risk)}
    return {"time_days": risk.time, **dict(zip(names, values, strict=True)), **sizes}


def cumulative_incidence(
    table: pd.DataFrame,
    *,
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    segment_col: str = "",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share that has ended by each of several competing outcomes over time, by Aalen & Johansen (1978).

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    duration_col, segment_col, cluster_col, entry_col, weight_col, conf_level
        As in `survival_curve`.
    outcome_col : str
        How the spell ended.
    outcomes : sequence of str
        Values that compete; every other value (open) is censored. Must name all ways to end: an outcome left out would
        be treated as if the spell went on.

    Returns
    -------
    DataFrame
        One row per outcome, segment and distinct time, time 0 included: outcome, segment, time_days, estimate,
        std_error, conf_low, conf_high, n_at_risk, n_customers_at_risk. At each time the incidences and the share
        still running sum to 1. Limits are NaN when the estimate is 1, and where all rows are of one customer or
        customers do not differ.

    Raises
    ------
    ConfigError, DataError
        As `survival_curve`; also when an outcome is missing or named twice.

    Notes
    -----
    Errors by the infinitesimal jackknife (as in R's survfit), residuals summed per customer when cluster_col is given;
    log-log interval. Exact with ties. Assumes that censoring tells nothing about the outcome to come.

    Examples
    --------
    >>> ends = ["completed", "abandoned", "open", "completed"]
    >>> curve = cumulative_incidence(pd.DataFrame({"duration_days": [1, 2, 3, 4], "outcome": ends}))
    >>> curve.loc[curve["outcome"] == "completed", "estimate"].tolist()
    [0.0, 0.25, 0.25, 0.25, 0.75]
    """
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    parts = [_incidence_parts(label, part, outcomes, conf_level) for label, part in spells.parts() if part.n]
    if not parts:
        return _incidence_parts("", spells, outcomes, conf_level)[0].iloc[:0]
    return pd.concat([curve for by_outcome in zip(*parts, strict=True) for curve in by_outcome], ignore_index=True)


def _incidence_parts(label: str, spells: Spells, outcomes: Sequence[str], conf_level: float) -> list[pd.DataFrame]:
    """One curve per outcome."""
    risk = risk_sets(spells, len(outcomes))
    curves = []
    for code, (outcome, error) in enumerate(zip(outcomes, incidence_errors(spells, risk), strict=True)):
        estimate = incidence_function(risk, code)
        low, high = loglog_interval(estimate, np.where(estimate < 1, error, np.nan), conf_level)
        columns = _curve_columns(spells, risk, (estimate, error, low, high))
        curves.append(pd.DataFrame({"outcome": outcome, "segment": label, **columns}))
    return curves
