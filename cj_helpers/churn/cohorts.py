"""Retention of customers who began in the same month, quarter or year."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cj_helpers.churn.retention import retention_at, retention_curve
from cj_helpers.contract import ALL, DataError
from cj_helpers.inference import require_columns

MAX_COHORTS = 12
_DAYS = {"M": 31, "Q": 92, "Y": 366}


def retention_cohorts(
    customers: pd.DataFrame,
    *,
    times: Sequence[float],
    start_col: str = "started_at",
    time_unit: str = "days",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of customers still there by when they began.

    Parameters
    ----------
    customers : DataFrame
        One row per customer: duration, event, entry and the start.
    times : sequence of float
        Ages to compare, in the unit of the durations.
    start_col : str
        When each customer began.
    time_unit, conf_level
        As in `retention_curve`.

    Returns
    -------
    DataFrame, one row per cohort and time, the oldest cohort first
        cohort (2025-01, 2025 Q1 or 2025: the shortest unit with at most 12 cohorts), time, time_unit, estimate,
        conf_low, conf_high, n_at_risk, n_customers. NaN for ages that the cohort has not reached.

    Raises
    ------
    DataError
        When no start is given, or the file shows no cohort from its beginning.

    Notes
    -----
    Kaplan & Meier (1958) within each cohort. Only cohorts that the file shows from their first day on (entry 0): of
    an older one those who left early are not in it.
    """
    require_columns(customers, "duration", "event", "entry")
    if start_col not in customers.columns:
        raise DataError("cohorts: the customers' table does not say when customers began")
    begun = pd.to_datetime(customers[start_col])
    late = customers["entry"].gt(0)
    from_start = begun > begun[late].max() if late.any() else begun.notna()
    if not from_start.any():
        raise DataError("cohorts: the file shows no customer from the first day on; nothing can be compared by start")
    known = customers[from_start & begun.notna()].assign(_cohort=lambda t: _labels(pd.to_datetime(t[start_col])))
    curve = retention_curve(known, segment_col="_cohort", time_unit=time_unit, conf_level=conf_level)
    table = retention_at(curve, list(times))
    table = table[table["segment"] != ALL].rename(columns={"segment": "cohort"})
    size = known["_cohort"].value_counts()
    return table.assign(n_customers=table["cohort"].map(size)).reset_index(drop=True)


def _labels(begun: pd.Series) -> pd.Series:
    """Month, quarter or year of each start: the shortest with at most 12 of them over the whole time."""
    days = (begun.max() - begun.min()).days + 1
    unit = next((unit for unit, length in _DAYS.items() if days / length <= MAX_COHORTS), "Y")
    if unit == "M":
        return begun.dt.strftime("%Y-%m")
    year = begun.dt.strftime("%Y")
    return year + " Q" + begun.dt.quarter.astype(str) if unit == "Q" else year
