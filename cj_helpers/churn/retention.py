"""How long customers stay, and for which reason they leave."""

from __future__ import annotations

import pandas as pd
from numpy.typing import ArrayLike

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import indicator, require_columns
from cj_helpers.survival import cumulative_incidence, curve_at, daily, survival_curve

TIME_UNITS = ("days", "months")
REASONS = ("voluntary", "involuntary", "moved")
UNKNOWN = "unknown"
ACTIVE = "active"


def retention_curve(
    customers: pd.DataFrame,
    *,
    duration_col: str = "duration",
    event_col: str = "event",
    segment_col: str = "",
    time_unit: str = "days",
    entry_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of customers still there over time since their start.

    Parameters
    ----------
    customers : DataFrame
        One row per customer.
    duration_col : str
        Time from start to exit, or to the end of observation for those still active.
    event_col : str
        Boolean or 0/1: has left.
    segment_col : str
        Compare segments; "" for none.
    time_unit : {"days", "months"}
        Unit of the durations.
    entry_col : str
        Duration at which the file began to show the customer. Without it the curve assumes that the file holds every
        customer who ever started; one that holds only recent ones shows too few early exits.
    conf_level : float
        Level of the pointwise interval.

    Returns
    -------
    DataFrame
        One row per segment and distinct time, time 0 included: segment, time, time_unit, estimate, conf_low, conf_high,
        n_at_risk, n_events. Segment "all" first.

    Raises
    ------
    ConfigError, DataError
        As `survival.survival_curve`; also for an unknown time unit.

    Notes
    -----
    Kaplan & Meier (1958) with log-log interval; assumes that those not yet followed long leave like those who were.
    """
    check_unit(time_unit)
    curve = survival_curve(
        customers,
        duration_col=duration_col,
        event_col=event_col,
        segment_col=segment_col,
        entry_col=entry_col,
        conf_level=conf_level,
    )
    return _in_unit(curve, time_unit)[
        ["segment", "time", "time_unit", "estimate", "conf_low", "conf_high", "n_at_risk", "n_events"]
    ]


def retention_at(curve: pd.DataFrame, times: ArrayLike) -> pd.DataFrame:
    """Share of customers still there at given times: the last step of the curve at or before each.

    Parameters
    ----------
    curve : DataFrame
        Result of `retention_curve`.
    times : array-like
        Times in the unit of the curve.

    Returns
    -------
    DataFrame
        One row per segment and time: segment, time, time_unit, estimate, conf_low, conf_high, n_at_risk. NaN after the
        last observed time of a segment.
    """
    unit = str(curve["time_unit"].iloc[0]) if len(curve) else "days"
    return _in_unit(curve_at(curve.rename(columns={"time": "time_days"}), times), unit)[
        ["segment", "time", "time_unit", "estimate", "conf_low", "conf_high", "n_at_risk"]
    ]


def on_whole_units(curve: pd.DataFrame) -> pd.DataFrame:
    """Curve at whole days or months only, for publication: no time is then that of a single customer.

    Parameters
    ----------
    curve : DataFrame
        Result of `retention_curve` or `churn_incidence`.

    Returns
    -------
    DataFrame
        (outcome,) segment, time, estimate, conf_low, conf_high, n_at_risk, time_unit.
    """
    unit = str(curve["time_unit"].iloc[0]) if len(curve) else "days"
    return _in_unit(daily(curve.rename(columns={"time": "time_days"})), unit)


def check_unit(time_unit: str) -> None:
    if time_unit not in TIME_UNITS:
        raise ConfigError(f"time_unit: found {time_unit!r}, allowed are {', '.join(TIME_UNITS)}")


def _in_unit(curve: pd.DataFrame, time_unit: str) -> pd.DataFrame:
    return curve.rename(columns={"time_days": "time"}).assign(time_unit=time_unit)


def churn_incidence(
    customers: pd.DataFrame,
    *,
    duration_col: str = "duration",
    event_col: str = "event",
    reason_col: str = "exit_reason",
    segment_col: str = "",
    time_unit: str = "days",
    entry_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of customers who have left for each reason over time since their start.

    Parameters
    ----------
    customers : DataFrame
        One row per customer.
    duration_col, event_col, segment_col, time_unit, entry_col, conf_level
        As in `retention_curve`.
    reason_col : str
        voluntary, involuntary, moved or another reason of those who left; a missing one is the outcome "unknown".

    Returns
    -------
    DataFrame
        One row per outcome, segment and distinct time: outcome, segment, time, time_unit, estimate, conf_low,
        conf_high, n_at_risk. Only reasons that occur (all three usual ones when nobody left); they sum to 1 -
        retention.

    Raises
    ------
    ConfigError, DataError
        As `retention_curve`.

    Notes
    -----
    Reasons compete: who moved can no longer be won away. Aalen & Johansen (1978); 1 - retention of one reason
    alone, the others censored, would overstate.
    """
    check_unit(time_unit)
    require_columns(customers, duration_col, event_col, reason_col, segment_col)
    left = indicator(customers, event_col) > 0
    reason = customers[reason_col].astype("object").where(customers[reason_col].notna(), UNKNOWN)
    outcome = reason.astype(str).where(left, ACTIVE)
    occurring = set(outcome[left])
    others = sorted(occurring.difference(REASONS, [UNKNOWN]))
    ordered = [name for name in (*REASONS, *others, UNKNOWN) if name in occurring] or list(REASONS)
    if ACTIVE in others:
        raise DataError(
            f"{reason_col}: {ACTIVE!r} is given as the reason of an exit; name the reason or leave it empty"
        )
    curve = cumulative_incidence(
        customers.assign(**{reason_col: outcome}),
        duration_col=duration_col,
        outcome_col=reason_col,
        outcomes=ordered,
        segment_col=segment_col,
        entry_col=entry_col,
        conf_level=conf_level,
    )
    names = ["outcome", "segment", "time", "time_unit", "estimate", "conf_low", "conf_high", "n_at_risk"]
    return _in_unit(curve, time_unit)[names]
