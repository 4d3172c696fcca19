"""The Net Promoter Score over time, and which difference a survey of a given size can show."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtri

from cj_helpers.contract import ConfigError
from cj_helpers.nps.inputs import require_columns, require_conf_level
from cj_helpers.nps.scores import nps_score

FREQUENCIES = ("D", "W", "M", "Q", "Y")
COUNTS = (
    "n",
    "promoters",
    "passives",
    "detractors",
    "n_customers",
    "n_blank",
    "n_missing_coded",
    "n_not_applicable",
    "n_weighted",
)
SPREAD = 0.61  # variance of +1, 0, -1 with 50 % promoters, 30 % passives, 20 % detractors


def nps_over_time(
    answers: pd.DataFrame,
    *,
    time_col: str = "answered_at",
    freq: str = "M",
    nps_col: str = "nps",
    weight_col: str = "",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the Net Promoter Score of each calendar period.

    Parameters
    ----------
    time_col : str
        Time of the answer, without time zone.
    freq : str
        Length of a period: "D", "W", "M", "Q" or "Y".
    nps_col, weight_col, cluster_col, conf_level
        As in `nps_score`.

    Returns
    -------
    DataFrame
        One row per period from the first to the last answer, in order: period (its first moment), then the
        columns of `nps_score` from `estimate` on, then n_undated (answers without a time, which are in no
        period; the same number in each row). A period without answers has n 0. The first and the last
        period may be incomplete. Without any dated answer: no rows.

    Raises
    ------
    ConfigError
        A column does not exist, `time_col` is not a time without zone, or `freq` is unknown.
    DataError
        As in `nps_score`.
    """
    require_columns(answers, [time_col])
    kind = answers[time_col].dtype
    if not pd.api.types.is_datetime64_dtype(kind):
        raise ConfigError(f"time_col: {time_col} has the type {kind}; name a column of times without zone.")
    if freq not in FREQUENCIES:
        raise ConfigError(f"freq is {freq!r}; allowed are {', '.join(FREQUENCIES)} (day, week, month ...).")
    periods = answers[time_col].dt.to_period(freq)
    scores = nps_score(
        answers.assign(**{time_col: periods.astype("string")}),
        nps_col=nps_col,
        segment_col=time_col,
        weight_col=weight_col,
        cluster_col=cluster_col,
        conf_level=conf_level,
    )
    dated = periods.dropna()
    span = pd.PeriodIndex([], freq=freq)
    if len(dated):
        span = pd.period_range(dated.min(), dated.max(), freq=freq)
    by_period = scores.set_index("segment").reindex(span.astype(str)).reset_index(drop=True)
    by_period.insert(0, "period", span.to_timestamp())
    by_period = by_period.fillna({"n_effective": 0.0, **dict.fromkeys(COUNTS, 0)})
    return by_period.astype(dict.fromkeys(COUNTS, int)).assign(n_undated=int(periods.isna().sum()))


def smallest_detectable_difference(
    n: float,
    *,
    n_other: float | None = None,
    variance: float = SPREAD,
    power: float = 0.8,
    conf_level: float = 0.95,
) -> float:
    """Tell which difference between two scores a survey of this size would usually show.

    Parameters
    ----------
    n, n_other : float
        Answers in the two groups or periods; `n` in both when `n_other` is None. With weights or repeating
        customers, the effective numbers.
    variance : float
        Variance of one answer taken as +1, 0 or -1: (promoters + detractors) / n - (estimate / 100)**2.
        The default is that of 50 % promoters, 30 % passives and 20 % detractors.
    power : float
        Chance of finding a difference of this size.

    Returns
    -------
    float
        Points; infinite without answers.

    Raises
    ------
    ConfigError
        `power` or `conf_level` is not between 0 and 1.

    Examples
    --------
    >>> round(smallest_detectable_difference(3830), 2)
    5.0
    """
    factor = _power_factor(power, conf_level)
    sizes = (n, n if n_other is None else n_other)
    if min(sizes) <= 0:
        return math.inf
    return 100 * factor * math.sqrt(variance * sum(1 / size for size in sizes))


def answers_needed(difference: float, *, variance: float = SPREAD, power: float = 0.8, conf_level: float = 0.95) -> int:
    """Tell how many answers each of two groups needs to show a difference of so many points.

    The inverse of `smallest_detectable_difference`, with its parameters, rounded up.

    Raises
    ------
    ConfigError
        `difference` is not above 0, or `power` or `conf_level` is not between 0 and 1.

    Examples
    --------
    >>> answers_needed(5)
    3831
    """
    if not difference > 0:
        raise ConfigError(f"difference is {difference}; it must be above 0 points.")
    return math.ceil(2 * variance * (100 * _power_factor(power, conf_level) / difference) ** 2)


def _power_factor(power: float, conf_level: float) -> float:
    require_conf_level(conf_level)
    if not 0 < power < 1:
        raise ConfigError(f"power is {power}; it must lie between 0 and 1, as in 0.8.")
    return float(ndtri(0.5 + conf_level / 2) + ndtri(power))
