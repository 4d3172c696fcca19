"""Shares of all started that are in a state for a while, and what ignoring the other outcome would claim."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cj_helpers.contract import ABANDONED, COMPLETED, DataError
from cj_helpers.inference import require_columns
from cj_helpers.survival.curves import survival_curve
from cj_helpers.survival.estimators import survival_function
from cj_helpers.survival.risk_sets import customers_at_risk, risk_sets
from cj_helpers.survival.spells import Columns, outcome_code, outcome_status, read_spells


def transient_share(
    table: pd.DataFrame,
    stays: pd.DataFrame,
    *,
    times: ArrayLike,
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    cluster_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """Share of all started that are in a passing state at given times, such as overdue.

    Parameters
    ----------
    table : DataFrame
        One row per spell, in the state or not.
    stays : DataFrame
        One row per stay in the state: from_days, to_days (excluded), within the spell it belongs to.
    times : array-like
        Times in the unit of the duration column.
    duration_col, cluster_col, weight_col
        As in `survival_curve`.
    outcome_col, outcomes
        As in `cumulative_incidence`.

    Returns
    -------
    DataFrame
        One row per time: time_days, estimate, n (in the state and observed then), n_at_risk (observed then),
        n_customers_at_risk (customers among them). NaN where nobody was observed.

    Notes
    -----
    Share still running (Kaplan & Meier 1958) times the share in the state among those observed at that time (state
    occupation, Datta & Satten 2001). Assumes that censoring depends neither on the state nor on what is to come.

    Examples
    --------
    >>> spells = pd.DataFrame({"duration_days": [2, 9, 9, 9], "outcome": ["completed", "open", "open", "open"]})
    >>> stays = pd.DataFrame({"from_days": [3.0], "to_days": [6.0]})
    >>> transient_share(spells, stays, times=[1, 4, 7])["estimate"].tolist()
    [0.0, 0.25, 0.0]
    """
    require_columns(stays, "from_days", "to_days")
    if (stays["from_days"] > stays["to_days"]).any():
        raise DataError("stays: from_days after to_days; correct or leave out these rows")
    columns = Columns(duration_col, cluster=cluster_col, weight=weight_col)
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    wanted = np.atleast_1d(np.asarray(times, dtype=float))
    risk = risk_sets(spells, len(outcomes))
    place = np.searchsorted(risk.time, wanted, side="right")
    at_risk = np.append(risk.at_risk, 0.0)[place]
    begun, over = np.sort(stays["from_days"].to_numpy(float)), np.sort(stays["to_days"].to_numpy(float))
    inside = np.searchsorted(begun, wanted, side="right") - np.searchsorted(over, wanted, side="right")
    running = np.append(1.0, survival_function(risk))[place]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(at_risk > 0, running * inside / at_risk, np.where(running > 0, np.nan, 0.0))
    whose = np.append(customers_at_risk(spells, risk), 0)[place]
    values = {"time_days": wanted, "estimate": share, "n": inside, "n_at_risk": at_risk.astype(np.int64)}
    return pd.DataFrame(values | {"n_customers_at_risk": whose})


def naive_incidence(
    table: pd.DataFrame,
    *,
    outcome: str = COMPLETED,
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    cluster_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """One minus Kaplan-Meier of a single outcome, as if the others only hid it: the mistake, to show its size.

    Returns
    -------
    DataFrame
        As `cumulative_incidence` for the one outcome. Where outcomes compete it is the share that would be reached if
        those who ended otherwise had gone on like the rest, and lies above the share that is.
    """
    event = outcome_status(table, outcome_col, outcomes) == outcome_code(outcome, outcomes) + 1
    curve = survival_curve(
        table.assign(**{"(event)": event}),
        duration_col=duration_col,
        event_col="(event)",
        cluster_col=cluster_col,
        weight_col=weight_col,
    )
    low, high = 1 - curve["conf_high"], 1 - curve["conf_low"]
    values = {"outcome": outcome, "segment": curve["segment"], "time_days": curve["time_days"]}
    values |= {"estimate": 1 - curve["estimate"], "std_error": curve["std_error"], "conf_low": low, "conf_high": high}
    return pd.DataFrame(values).join(curve[["n_at_risk", "n_customers_at_risk"]])
