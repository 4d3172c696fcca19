"""What is read off a curve: its value at a time, and the time at which it reaches a value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cj_helpers.contract import ConfigError
from cj_helpers.inference import FloatArray, require_columns


def curve_at(curve: pd.DataFrame, times: ArrayLike) -> pd.DataFrame:
    """Values of a curve at given times: the last step at or before each.

    Parameters
    ----------
    curve : DataFrame
        Result of `survival_curve`, or of `cumulative_incidence` for one outcome.
    times : array-like
        Times in the unit of the curve.

    Returns
    -------
    DataFrame
        One row per segment and time: segment, time_days, estimate, conf_low, conf_high, n_at_risk (just before the
        time) and, where the curve has it, n_customers_at_risk. NaN after the last observed time of a segment, unless
        everyone has had the event there.
    """
    require_columns(curve, "segment", "time_days", "estimate", "conf_low", "conf_high", "n_at_risk")
    wanted = np.atleast_1d(np.asarray(times, dtype=float))
    parts = [_steps_at(part, wanted).assign(segment=segment) for segment, part in curve.groupby("segment", sort=False)]
    names = ["segment", "time_days", "estimate", "conf_low", "conf_high", *_sizes(curve)]
    return pd.concat(parts, ignore_index=True)[names] if parts else curve[names].iloc[:0]


def _sizes(curve: pd.DataFrame) -> list[str]:
    return [name for name in ("n_at_risk", "n_customers_at_risk") if name in curve.columns]


def _steps_at(part: pd.DataFrame, wanted: FloatArray) -> pd.DataFrame:
    time = part["time_days"].to_numpy(dtype=float)
    step = np.searchsorted(time, wanted, side="right") - 1
    found = part.iloc[np.maximum(step, 0)][["estimate", "conf_low", "conf_high"]].reset_index(drop=True)
    final = 1.0 if "outcome" in part.columns else 0.0
    unknown = (step < 0) | ((wanted > time[-1]) & (found["estimate"].to_numpy() != final))
    found.loc[unknown] = np.nan
    place = np.searchsorted(time, wanted, side="left")
    return found.assign(time_days=wanted, **{name: np.append(part[name], 0)[place] for name in _sizes(part)})


def daily(curve: pd.DataFrame) -> pd.DataFrame:
    """Curve at whole days only, so that no published time is that of a single customer.

    Parameters
    ----------
    curve : DataFrame
        Result of `survival_curve` or `cumulative_incidence`, with further columns such as `journey` as keys.

    Returns
    -------
    DataFrame
        One row per key, segment (and outcome) and whole day from 0 to the last before the curve ends: the keys,
        time_days, estimate, conf_low, conf_high, n_at_risk, n_customers_at_risk. The estimates are those of the last
        step at or before the day, so nothing is rounded.
    """
    keys = [name for name in curve.columns if name in ("journey", "outcome", "segment")]
    parts = []
    for values, part in curve.groupby(keys, sort=False):
        days = np.arange(int(np.floor(part["time_days"].max())) + 1, dtype=float)
        step = _steps_at(part, days)
        for key, value in zip(keys, values, strict=True):
            step[key] = str(value)
        parts.append(step)
    names = [*keys, "time_days", "estimate", "conf_low", "conf_high", *_sizes(curve)]
    return pd.concat(parts, ignore_index=True)[names] if parts else curve[names].iloc[:0]


def time_quantile(curve: pd.DataFrame, q: float = 0.5) -> pd.DataFrame:
    """Time by which a share q has had the event, with the interval of Brookmeyer & Crowley (1982).

    Parameters
    ----------
    curve : DataFrame
        Result of `survival_curve`; the interval has the level of its limits.
    q : float
        Share with the event, between 0 and 1; 0.5 is the median.

    Returns
    -------
    DataFrame
        One row per segment: segment, time_days, conf_low, conf_high; NaN = not reached.

    Raises
    ------
    ConfigError
        When q is not between 0 and 1.

    Notes
    -----
    Each is where the curve, or its lower or upper limit, falls to 1 - q; the middle of the step when a curve runs
    exactly at 1 - q, as R's quantile.survfit.
    """
    if not 0 < q < 1:
        raise ConfigError(f"q: found {q}, allowed are values between 0 and 1")
    require_columns(curve, "segment", "time_days", "estimate", "conf_low", "conf_high")
    rows = [
        {
            "segment": segment,
            "time_days": _crossing(part, "estimate", 1 - q),
            "conf_low": _crossing(part, "conf_low", 1 - q),
            "conf_high": _crossing(part, "conf_high", 1 - q),
        }
        for segment, part in curve.groupby("segment", sort=False)
    ]
    return pd.DataFrame(rows, columns=["segment", "time_days", "conf_low", "conf_high"])


def _crossing(part: pd.DataFrame, name: str, level: float) -> float:
    """First time at which a falling curve is at or below the level."""
    time, value = part["time_days"].to_numpy(dtype=float), part[name].to_numpy(dtype=float)
    tolerance = 1e-9
    below = np.flatnonzero(value <= level + tolerance)
    if not len(below):
        return float("nan")
    start = below[0]
    if value[start] < level - tolerance:
        return float(time[start])
    lower = np.flatnonzero(value < level - tolerance)
    return float((time[start] + time[lower[0] if len(lower) else -1]) / 2)


def median_time(curve: pd.DataFrame) -> pd.DataFrame:
    """Median of a survival curve per segment: segment, median_days, conf_low, conf_high; see `time_quantile`."""
    return time_quantile(curve, 0.5).rename(columns={"time_days": "median_days"})
