"""What a customer is worth over a horizon, and whom it pays to contact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cj_helpers.churn.retention import check_unit
from cj_helpers.contract import ALL, DAYS_PER_MONTH, ConfigError
from cj_helpers.inference import FloatArray, check_rows, normal_quantile, require_columns
from cj_helpers.survival import survival_curve

MONTHS = 12
#: From half to double the assumed save rate.
SAVE_FACTORS = (0.5, 1.0, 2.0)


def expected_margin(
    customers: pd.DataFrame,
    *,
    horizon: float,
    margin: float,
    discount: float = 0.0,
    segment_col: str = "",
    time_unit: str = "days",
    entry_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Margin to expect from a new customer over a horizon.

    Parameters
    ----------
    customers : DataFrame
        One row per customer, those who left included, with monthly_revenue; a missing revenue counts as the mean of the
        segment.
    horizon : float
        How long, in the unit of the durations.
    margin : float
        Margin per unit of revenue, 0 to 1.
    discount : float
        Interest a year by which later margin counts less.
    segment_col, time_unit, entry_col, conf_level
        As in `retention_curve`.

    Returns
    -------
    DataFrame, one row per segment, "all" first
        segment, horizon, time_unit, months (restricted mean, discounted), months_low, months_high, mean_revenue (a
        month), expected_margin, conf_low, conf_high, n.

    Raises
    ------
    ConfigError, DataError
        As `retention_curve`; also for a horizon beyond the last observed time, which is cut there and shown, negative
        revenue, or a margin or discount outside 0 to 1.

    Notes
    -----
    Restricted mean survival time (Royston & Parmar 2013) with a discount factor under the integral; variance by
    Greenwood's increments, which covers the curve and not the mean revenue.
    """
    check_unit(time_unit)
    if not (0 <= margin <= 1 and 0 <= discount <= 1 and horizon > 0):
        raise ConfigError(
            f"margin {margin}, discount {discount}, horizon {horizon}: needed are 0 to 1, 0 to 1 and a positive horizon"
        )
    require_columns(customers, "monthly_revenue")
    check_rows(customers["monthly_revenue"].lt(0).to_numpy(), customers["monthly_revenue"], allowed="0 or more")
    curve = survival_curve(
        customers, duration_col="duration", event_col="event", segment_col=segment_col, entry_col=entry_col
    )
    per_month = DAYS_PER_MONTH if time_unit == "days" else 1.0
    rows: list[dict[str, object]] = []
    for segment, part in curve.groupby("segment", sort=False):
        inside = customers if segment == ALL else customers[customers[segment_col].astype(str) == segment]
        reach = min(horizon, float(part["time_days"].max()))
        months, error = _discounted_mean(part, reach, np.log1p(discount) / MONTHS / per_month)
        months, error = months / per_month, error / per_month
        half = normal_quantile(conf_level) * error
        revenue = float(inside["monthly_revenue"].mean())
        worth = {"months": months, "months_low": max(months - half, 0.0), "months_high": months + half}
        money = {name: value * revenue * margin for name, value in zip(_MONEY, worth.values(), strict=True)}
        fixed: dict[str, object] = {"segment": segment, "horizon": reach, "time_unit": time_unit}
        rows.append(fixed | worth | {"mean_revenue": revenue} | money | {"n": len(inside)})
    return pd.DataFrame(rows)


_MONEY = ("expected_margin", "conf_low", "conf_high")


def _discounted_mean(curve: pd.DataFrame, horizon: float, rate: float) -> tuple[float, float]:
    """Integral of S(t) exp(-rate t) from 0 to the horizon, with its standard error."""
    inside = curve["time_days"].to_numpy() < horizon
    time, survival = curve["time_days"].to_numpy()[inside], curve["estimate"].to_numpy()[inside]
    ends = np.append(time, horizon)
    pieces = survival * (_factor(ends[:-1], rate) - _factor(ends[1:], rate))
    later = np.append(np.cumsum(pieces[::-1])[::-1][1:], 0.0)  # what comes after each time, given its own step
    later = later + pieces
    deaths, at_risk = (curve[name].to_numpy(dtype=float)[inside] for name in ("n_events", "n_at_risk"))
    left = at_risk * (at_risk - deaths)
    variance = (later**2 * np.divide(deaths, left, out=np.zeros_like(left), where=left > 0)).sum()
    return float(pieces.sum()), float(np.sqrt(variance))


def _factor(time: FloatArray, rate: float) -> FloatArray:
    """Antiderivative of the discount factor, with the sign turned."""
    return np.asarray(np.exp(-rate * time) / rate if rate > 0 else -time, dtype=np.float64)


def profit_curve(
    scores: pd.DataFrame,
    *,
    value_col: str,
    contact_cost: float,
    save_rate: float,
    shares: Sequence[float] = tuple(np.round(np.linspace(0.02, 1, 50), 2)),
) -> pd.DataFrame:
    """Profit of contacting the top of the list, from half to double the assumed save rate.

    Parameters
    ----------
    scores : DataFrame
        One row per customer with score (risk of leaving) and value_col (margin lost by an exit).
    value_col : str
        Margin that an exit costs.
    contact_cost : float
        Of one contact.
    save_rate : float
        Share of the leavers contacted who stay because of the contact: an assumption.
    shares : sequence of float
        Top shares of the list, ordered by expected profit.

    Returns
    -------
    DataFrame, one row per save rate and share
        save_rate, share, n_listed, profit, is_best (the share of the highest profit at that save rate), is_assumed
        (the save rate given, not its half or double).

    Notes
    -----
    Profit = sum of save rate x risk x value - cost over the customers contacted. An assumption, not a measurement:
    only the hold-out group shows what contacts do, and those at highest risk need not be those who can be persuaded
    (Ascarza 2018).
    """
    require_columns(scores, "score", value_col)
    worth = scores["score"].to_numpy(dtype=float) * scores[value_col].fillna(0).to_numpy(dtype=float)
    total = np.append(0.0, np.cumsum(np.sort(worth)[::-1]))
    listed = np.ceil(np.asarray(shares) * len(worth) - 1e-9).astype(int)
    parts = []
    for factor in SAVE_FACTORS:
        rate = min(save_rate * factor, 1.0)
        profit = rate * total[listed] - contact_cost * listed
        part = pd.DataFrame({"save_rate": rate, "share": list(shares), "n_listed": listed, "profit": profit})
        parts.append(part.assign(is_best=part.index == int(profit.argmax()), is_assumed=factor == 1.0))
    return pd.concat(parts, ignore_index=True)
