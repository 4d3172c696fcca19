"""Survival curves of a fitted Cox model for given covariates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cj_helpers.survival.cox import fitted, model_rows
from cj_helpers.survival.spells import Columns, covariate_values


def predicted_survival(
    table: pd.DataFrame,
    profiles: pd.DataFrame,
    *,
    covariates: Sequence[str],
    times: ArrayLike,
    duration_col: str = "duration_days",
    event_col: str = "event",
    entry_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """Share without the event at given times, by a Cox model, for each profile of covariates.

    Parameters
    ----------
    table, covariates, duration_col, event_col, entry_col, weight_col
        As in `cox_model`.
    profiles : DataFrame
        One row per profile with a value of every covariate.
    times : array-like
        Times in the unit of the duration column.

    Returns
    -------
    DataFrame
        One row per profile and time: profile (row of `profiles`, from 0), time_days, estimate.

    Notes
    -----
    exp(-H(t)) with the baseline hazard that belongs to Efron's ties (as R's survfit.coxph; lifelines uses Breslow's)
    and risk sets that respect entry times (lifelines' baseline ignores them).
    """
    columns = Columns(duration_col, entry=entry_col, weight=weight_col)
    spells, values, _strata = model_rows(table, covariates, columns, event_col)
    fit = fitted(values, spells, list(covariates))
    # the sums hold exp(score) scaled to a largest value of 1
    top = (fit.x @ (fit.beta * fit.scale)).max()
    hazard = np.append(0.0, np.cumsum(fit.sums.hazard)) * np.exp(-top)
    wanted = np.atleast_1d(np.asarray(times, dtype=float))
    cumulative = hazard[np.searchsorted(fit.grid.time, wanted, side="right")]
    score = (covariate_values(profiles, covariates) - fit.centre) @ fit.beta
    estimate = np.exp(-np.exp(score)[:, None] * cumulative)
    rows = np.repeat(np.arange(len(profiles)), len(wanted))
    return pd.DataFrame({"profile": rows, "time_days": np.tile(wanted, len(profiles)), "estimate": estimate.ravel()})
