"""The score over time with the mix of customers held constant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cj_helpers.contract import DataError
from cj_helpers.inference import cluster_codes
from cj_helpers.nps.driver_data import control_columns
from cj_helpers.nps.inputs import recode, require_columns, require_conf_level
from cj_helpers.nps.logits import fit_least_squares
from cj_helpers.nps.scores import answer_values


def nps_adjusted_trend(
    answers: pd.DataFrame,
    *,
    mix_cols: Sequence[str],
    time_col: str = "answered_at",
    freq: str = "M",
    nps_col: str = "nps",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the score of each period as if the same kinds of customers had answered in all of them.

    Parameters
    ----------
    mix_cols : sequence of str
        What customers are compared by, such as country or type of customer; a missing value is a kind of its own.
    time_col, freq, nps_col, cluster_col
        As in `nps_over_time`.

    Returns
    -------
    DataFrame
        One row per period with answers, in order: period, estimate (adjusted, points), conf_low, conf_high, n,
        estimate_raw, change (raw, points, against the period before), change_mix (what other kinds of customers
        explain of it), change_adjusted, change_low, change_high (interval of change_adjusted), p_value.

    Raises
    ------
    ConfigError
        A column does not exist.
    DataError
        As in `nps_score`; a column has more than 50 values; there are no more answers than terms.

    Notes
    -----
    Least squares of +1, 0, -1 on periods and kinds of customers, standardised to the mix of all periods together
    (Kitagawa 1955 for several attributes at a time); errors by customer, or HC3. Assumes that the kinds differ by
    the same number of points in all periods.

    References
    ----------
    Kitagawa, E. (1955). Components of a difference between two rates. Journal of the American Statistical
    Association 50.
    """
    require_conf_level(conf_level)
    require_columns(answers, [*mix_cols, time_col, *([cluster_col] if cluster_col else [])])
    values = answer_values(answers, nps_col)
    kept = ~np.isnan(values) & answers[time_col].notna().to_numpy()
    used, points = answers[kept], 100 * values[kept]
    names = used[time_col].dt.to_period(freq)
    code, periods = pd.factorize(names, sort=True)
    mix, _names = control_columns(used, mix_cols)
    k = len(periods)
    if len(used) <= k + mix.shape[1] + 1:
        raise DataError(
            f"answers: {len(used):,} dated answers for {k} periods and {mix.shape[1]} kinds of customers are too "
            f"few to hold the mix constant. Compare by fewer columns or longer periods."
        )
    level, covariance = _period_levels(points, code, mix, recode(cluster_codes(answers, cluster_col)[kept]))
    raw = np.bincount(code, points, k) / np.bincount(code, minlength=k)
    half = ndtri(0.5 + conf_level / 2)
    error = np.sqrt(np.diag(covariance))
    table = pd.DataFrame({"period": pd.PeriodIndex(periods).to_timestamp(), "estimate": level})
    table = table.assign(conf_low=level - half * error, conf_high=level + half * error, n=np.bincount(code))
    return table.assign(estimate_raw=raw, **_changes(raw, level, covariance, half))


def _period_levels(
    points: np.ndarray, code: np.ndarray, mix: np.ndarray, customers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Level of each period at the mean mix, and the covariance of the levels."""
    k = int(code.max()) + 1
    later = np.eye(k)[code][:, 1:]
    terms = np.column_stack([later, mix - mix.mean(axis=0)])
    clusters = customers if customers.max() + 1 < len(points) else None
    fit = fit_least_squares(points, terms, clusters=clusters)
    pick = np.zeros((k, len(fit.slopes)))
    pick[:, 0] = 1
    pick[np.arange(1, k), np.arange(1, k)] = 1
    return pick @ fit.slopes, pick @ fit.covariance @ pick.T


def _changes(raw: np.ndarray, level: np.ndarray, covariance: np.ndarray, half: float) -> dict[str, np.ndarray]:
    """Columns about the change since the period before."""
    from scipy.special import ndtr

    change, adjusted = np.diff(raw), np.diff(level)
    step = np.diff(np.eye(len(level)), axis=0)
    error = np.sqrt(np.einsum("ij,jk,ik->i", step, covariance, step))
    columns = {
        "change": change,
        "change_mix": change - adjusted,
        "change_adjusted": adjusted,
        "change_low": adjusted - half * error,
        "change_high": adjusted + half * error,
        "p_value": 2 * ndtr(-np.abs(adjusted) / error),
    }
    return {name: np.concatenate([[np.nan], column]) for name, column in columns.items()}
