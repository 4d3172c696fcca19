"""How well each driver performs beside how much it matters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import cluster_codes
from cj_helpers.nps.inputs import (
    number_column,
    recode,
    require_columns,
    require_conf_level,
    row_numbers,
    t_quantile,
)


def importance_performance(
    answers: pd.DataFrame,
    *,
    driver_table: pd.DataFrame,
    scale: tuple[float, float],
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Set each driver's importance beside how well it is rated (Martilla and James 1977).

    Parameters
    ----------
    answers : DataFrame
        One row per answer.
    driver_table : DataFrame
        Result of `drivers`: driver, dimension, share, conf_low, conf_high.
    scale : tuple of two numbers
        Worst and best answer, as (1, 5); (5, 1) when 1 is best.
    cluster_col : str
        Customer of an answer when customers answer more than once.

    Returns
    -------
    DataFrame
        One row per driver: driver, dimension, share, conf_low, conf_high (of the share), performance (mean of
        all answers to this item, 0 worst to 100 best), performance_low, performance_high, n (answers to this
        item), n_customers (who gave them).

    Raises
    ------
    ConfigError
        A column does not exist, the ends of `scale` are equal, or `conf_level` is not allowed.
    DataError
        A value is not a number on the scale.

    Notes
    -----
    The interval of the performance is Student's t with errors by customer, cut at 0 and 100, and NaN for a
    single customer. Performance takes every answer to an item, importance complete answers only.

    References
    ----------
    Martilla, J. and James, J. (1977). Importance-performance analysis. Journal of Marketing 41(1).
    """
    require_conf_level(conf_level)
    if scale[0] == scale[1]:
        raise ConfigError(f"scale is {scale}; give the worst and the best answer, as (1, 5).")
    require_columns(answers, [*driver_table["driver"], *([cluster_col] if cluster_col else [])])
    customers = cluster_codes(answers, cluster_col)
    rows = [_performance(_points(answers, name, scale), customers, conf_level) for name in driver_table["driver"]]
    importance = driver_table[["driver", "dimension", "share", "conf_low", "conf_high"]]
    return pd.concat([importance.reset_index(drop=True), pd.DataFrame(rows)], axis=1)


def _points(answers: pd.DataFrame, driver: str, scale: tuple[float, float]) -> np.ndarray:
    """Answers to one item from 0 (worst) to 100 (best)."""
    values = number_column(answers, driver)
    outside = (values < min(scale)) | (values > max(scale))
    if outside.any():
        raise DataError(
            f"answers: {outside.sum():,} of {len(values):,} values of {driver} lie outside the scale "
            f"{min(scale):g} to {max(scale):g} (first: row {row_numbers(outside)}). Declare codes under "
            f"survey.missing or survey.not_applicable in dataset.yml, or correct the scale."
        )
    return 100 * (values - scale[0]) / (scale[1] - scale[0])


def _performance(points: np.ndarray, customers: np.ndarray, conf_level: float) -> dict[str, float]:
    """Mean of one item with its clustered interval."""
    given = ~np.isnan(points)
    n, n_customers = int(given.sum()), len(np.unique(customers[given]))
    mean = float(points[given].mean()) if n else np.nan
    half = np.nan
    if n_customers > 1:
        influence = np.bincount(recode(customers[given]), points[given] - mean) / n
        variance = n_customers / (n_customers - 1) * (influence @ influence)
        half = t_quantile(conf_level, n_customers - 1) * float(np.sqrt(variance))
    low, high = np.clip([mean - half, mean + half], 0, 100)
    return {
        "performance": mean,
        "performance_low": float(low),
        "performance_high": float(high),
        "n": n,
        "n_customers": n_customers,
    }
