"""The incidence at one time: the headline rate of a journey."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cj_helpers.contract import ABANDONED, COMPLETED
from cj_helpers.inference import wilson_interval
from cj_helpers.survival.estimators import incidence_errors, incidence_function, loglog_interval, survival_function
from cj_helpers.survival.risk_sets import risk_sets
from cj_helpers.survival.spells import Columns, Spells, outcome_code, outcome_status, read_spells


def incidence_at(
    table: pd.DataFrame,
    *,
    time_days: float,
    outcome: str = COMPLETED,
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    segment_col: str = "",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share that has ended by one outcome at one time: the headline rate `completed_within`.

    Parameters
    ----------
    table : DataFrame
        One row per spell; all started ones, also those still running.
    time_days : float
        Horizon, in the unit of the duration column.
    outcome : str
        One of `outcomes`.
    duration_col, outcome_col, outcomes, segment_col, cluster_col, entry_col, weight_col, conf_level
        As in `cumulative_incidence`.

    Returns
    -------
    DataFrame
        One row per segment, "all" first: segment, estimate, std_error, conf_low, conf_high, n (spells), n_customers
        (customers). The estimate is NaN when nobody was observed as long as time_days and some had not ended.

    Raises
    ------
    ConfigError, DataError
        As `cumulative_incidence`.

    Notes
    -----
    Aalen & Johansen (1978) with the clustered log-log interval. When the estimate is 0 or 1, or customers do not differ
    (a single one), that interval has no width; the limits are then Wilson's (1927) for as many customers as are known
    to have ended or still run at that time.
    """
    which = (outcome_code(outcome, outcomes), len(outcomes))
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    rows = [{"segment": label, **_value(part, time_days, which, conf_level)} for label, part in spells.parts()]
    return pd.DataFrame(rows)


def _value(spells: Spells, time: float, which: tuple[int, int], conf_level: float) -> dict[str, float]:
    """Estimate, error and limits at one time; `which` is the outcome's position and the number of outcomes."""
    risk = risk_sets(spells, which[1])
    position = int(np.searchsorted(risk.time, time, side="right")) - 1
    last = risk.time[-1] < time and survival_function(risk)[-1] > 0
    value = {"estimate": np.nan, "std_error": np.nan, "conf_low": np.nan, "conf_high": np.nan}
    if position >= 0 and spells.n and not last:
        estimate = incidence_function(risk, which[0])[position]
        error = incidence_errors(spells, risk)[which[0], position]
        low, high = loglog_interval(np.array([estimate]), np.array([error]), conf_level)
        if estimate in (0.0, 1.0) or np.isnan(error):
            known = spells.take((spells.status > 0) | (spells.duration >= time)).n_clusters
            low, high = wilson_interval([estimate * known], [known], conf_level=conf_level)
        value = {"estimate": estimate, "std_error": error, "conf_low": low[0], "conf_high": high[0]}
    return {**value, "n": spells.n, "n_customers": spells.n_clusters}
