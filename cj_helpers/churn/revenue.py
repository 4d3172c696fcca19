"""What exits may cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cj_helpers.churn.retention import check_unit
from cj_helpers.contract import ALL, MISSING, ConfigError
from cj_helpers.inference import FloatArray, check_rows, indicator, require_columns, tally
from cj_helpers.survival import survival_curve
from cj_helpers.survival.estimators import loglog_interval

RISK_COLUMNS = [
    "segment",
    "n_active",
    "monthly_revenue",
    "horizon",
    "time_unit",
    "share",
    "conf_low",
    "conf_high",
    "expected_exits",
    "revenue_at_risk",
    "revenue_low",
    "revenue_high",
    "n_beyond",
    "n_no_revenue",
    "n_under_notice",
    "revenue_under_notice",
]


def revenue_at_risk(
    customers: pd.DataFrame,
    *,
    horizon: float,
    duration_col: str = "duration",
    event_col: str = "event",
    revenue_col: str = "monthly_revenue",
    segment_col: str = "",
    time_unit: str = "days",
    entry_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Exits and monthly revenue to expect among the active customers within a horizon, if things stay as they were.

    Parameters
    ----------
    customers : DataFrame
        One row per customer, those who left included.
    horizon : float
        How far ahead, in the unit of the durations.
    revenue_col : str
        Revenue per month; a missing value counts as 0 and is reported.
    duration_col, event_col, segment_col, time_unit, entry_col, conf_level
        As in `retention_curve`.

    Returns
    -------
    DataFrame
        One row per segment, "all" first: segment, n_active, monthly_revenue, horizon, time_unit, share (of active
        customers expected to leave), conf_low, conf_high, expected_exits, revenue_at_risk (monthly revenue of the
        expected exits), revenue_low, revenue_high, n_beyond (active customers whose horizon ends after the longest
        duration seen in the segment: their later exits are not counted), n_no_revenue, n_under_notice and
        revenue_under_notice (customers who have given notice and are still there: lost already, in no other figure).

    Raises
    ------
    ConfigError, DataError
        As `retention_curve`; also for a horizon that is not positive or negative revenue.

    Notes
    -----
    A customer of age a leaves within h with probability 1 - S(a + h)/S(a) from the segment's own retention curve S: the
    assumption is that customers of the same age will leave as they did in the past, whatever else is known about them.
    The interval adds the variance of the curve, carried over by the delta method (Greenwood's increments are
    independent), and that of the single exits, on the log-log scale. NaN where nobody has left. The row "all" uses the
    overall curve; where segments differ much, those active now are not like those who were once as old, and the sum of
    the segments is the better figure.
    """
    check_unit(time_unit)
    if not horizon > 0:
        raise ConfigError(f"horizon: found {horizon}, needed is a positive number of {time_unit}")
    require_columns(customers, revenue_col)
    curve = survival_curve(
        customers, duration_col=duration_col, event_col=event_col, segment_col=segment_col, entry_col=entry_col
    )
    active = indicator(customers, event_col) == 0
    notice = pd.Series(False, index=customers.index)
    if "notice_at" in customers:
        notice = customers["notice_at"].notna() & active
    members = pd.DataFrame(
        {
            "segment": _segment_labels(customers, segment_col),
            "age": customers[duration_col].to_numpy(dtype=float),
            "revenue": _revenue(customers, revenue_col),
            "notice": notice.to_numpy(),
        }
    )[active]
    rows = []
    for segment, part in curve.groupby("segment", sort=False):
        inside = members if segment == ALL else members[members["segment"] == segment]
        given = inside[inside["notice"]]
        lost = {"n_under_notice": len(given), "revenue_under_notice": float(given["revenue"].sum())}
        rest = inside[~inside["notice"]]
        rows.append({"segment": segment, **_segment_risk(part, rest, horizon, conf_level), **lost})
    return pd.DataFrame(rows, columns=RISK_COLUMNS).assign(horizon=horizon, time_unit=time_unit)


def _segment_labels(customers: pd.DataFrame, segment_col: str) -> list[str]:
    if not segment_col:
        return [ALL] * len(customers)
    column = customers[segment_col]
    return column.astype("object").where(column.notna(), MISSING).astype(str).to_list()


def _revenue(customers: pd.DataFrame, revenue_col: str) -> FloatArray:
    values = pd.to_numeric(customers[revenue_col], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    check_rows(values < 0, customers[revenue_col], allowed="revenue per month, 0 or more")
    return values


def _segment_risk(curve: pd.DataFrame, members: pd.DataFrame, horizon: float, conf_level: float) -> dict[str, float]:
    """Figures of one segment from its curve and its active customers."""
    age, revenue = members["age"].to_numpy(), members["revenue"].to_numpy()
    money = np.nan_to_num(revenue)
    share, low, high = _expected_share(curve, age, np.ones(len(age)), horizon, conf_level)
    lost, lost_low, lost_high = _expected_share(curve, age, money, horizon, conf_level)
    total = float(money.sum())
    return {
        "n_active": len(age),
        "monthly_revenue": total,
        "share": share,
        "conf_low": low,
        "conf_high": high,
        "expected_exits": share * len(age),
        "revenue_at_risk": lost * total,
        "revenue_low": lost_low * total,
        "revenue_high": lost_high * total,
        "n_beyond": int((age + horizon > curve["time_days"].max()).sum()),
        "n_no_revenue": int(np.isnan(revenue).sum()),
    }


def _expected_share(
    curve: pd.DataFrame, age: FloatArray, weight: FloatArray, horizon: float, conf_level: float
) -> tuple[float, float, float]:
    """Weighted share of customers of these ages who leave within the horizon, with limits."""
    nothing = (np.nan, np.nan, np.nan)
    if not weight.sum() or not curve["n_events"].sum():
        return nothing
    time, survival = curve["time_days"].to_numpy(), curve["estimate"].to_numpy()
    now, then = (np.searchsorted(time, ages, side="right") - 1 for ages in (age, age + horizon))
    part = weight / weight.sum()
    chance = np.divide(survival[then], survival[now], out=np.full(len(age), np.nan), where=survival[now] > 0)
    stay = part * chance
    deaths, at_risk = curve["n_events"].to_numpy(dtype=float), curve["n_at_risk"].to_numpy(dtype=float)
    left = at_risk * (at_risk - deaths)
    # d(share)/d(log survival step) at a time: who of the active would still be there to meet it
    exposed = np.cumsum(tally(now + 1, stay, len(time) + 1) - tally(then + 1, stay, len(time) + 1))[:-1]
    exposed = np.where(exposed > 1e-12, exposed, 0.0)
    variance = (exposed**2 * np.divide(deaths, left, out=np.zeros_like(left), where=left > 0)).sum()
    going = np.where(chance < 1 - 1e-12, 1 - chance, 0.0)  # fractions miss 1 by rounding
    single = (part**2 * chance * going).sum()  # each customer leaves or stays
    staying = np.array([round(stay.sum(), 12)])  # sums of fractions miss 1 by rounding
    low, high = loglog_interval(staying, np.array([np.sqrt(variance + single)]), conf_level)
    return float(1 - staying[0]), float(1 - high[0]), float(1 - low[0])
