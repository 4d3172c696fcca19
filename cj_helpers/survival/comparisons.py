"""Tests whether survival differs between segments."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cj_helpers.contract import ConfigError
from cj_helpers.inference import FloatArray, tally
from cj_helpers.survival.spells import Columns, Spells, event_status, read_spells


def logrank_test(
    table: pd.DataFrame,
    *,
    duration_col: str = "duration_days",
    event_col: str = "event",
    segment_col: str = "segment",
    weight_col: str = "",
) -> pd.DataFrame:
    """Log-rank test of equal survival in all segments.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    duration_col, event_col, weight_col
        As in `survival_curve`.
    segment_col : str
        Segments to compare, two or more; a missing value is a segment of its own.

    Returns
    -------
    DataFrame
        One row: statistic (chi-square), df, p_value, n (spells), n_events. The statistic and p_value are NaN when fewer
        than two segments could have had an event.

    Raises
    ------
    ConfigError, DataError
        As `survival_curve`; also without a segment column.

    Notes
    -----
    Mantel (1966), Peto & Peto (1972) with the hypergeometric variance, as R's survdiff. Sensitive to hazards that are
    proportional; blind to curves that cross. Assumes independent rows: with customers that repeat it rejects too often.
    """
    if not segment_col:
        raise ConfigError("segment_col: a column with at least two segments is needed")
    columns = Columns(duration_col, segment=segment_col, weight=weight_col)
    spells = read_spells(table, columns, event_status(table, event_col))
    observed, expected, variance = _observed_expected(spells)
    compared = expected > 0
    df = max(int(compared.sum()) - 1, 0)
    statistic = np.nan
    if df:
        rows = np.flatnonzero(compared)[:-1]  # the deviations sum to 0: one segment is redundant
        deviation = (observed - expected)[rows]
        # pseudo-inverse: segments that never overlap in time leave the variance singular
        statistic = float(deviation @ np.linalg.pinv(variance[np.ix_(rows, rows)], hermitian=True) @ deviation)
    p_value = chdtrc(df, statistic) if df else np.nan
    n_events = int(observed.sum())
    return pd.DataFrame(
        {"statistic": [statistic], "df": [df], "p_value": [p_value], "n": [spells.n], "n_events": [n_events]}
    )


def _observed_expected(spells: Spells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Events seen and expected under equal hazards per segment, and the covariance of their difference."""
    time, index = np.unique(spells.duration, return_inverse=True)
    shape = (len(spells.labels), len(time))
    cell = spells.segment * len(time) + index
    leaving = tally(cell, spells.weight, shape[0] * shape[1]).reshape(shape)
    dead = tally(cell, spells.weight * spells.status, shape[0] * shape[1]).reshape(shape)
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    busy = dead.sum(axis=0) > 0
    at_risk, dead = at_risk[:, busy], dead[:, busy]
    n, d = at_risk.sum(axis=0), dead.sum(axis=0)
    share = at_risk / n
    scale = d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag((share * scale).sum(axis=1)) - (share * scale) @ share.T
    return dead.sum(axis=1), (share * d).sum(axis=1), variance
