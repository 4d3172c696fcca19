"""What a share of the explained variance does not tell of a driver: its sign, and how far others stand in for it."""

from __future__ import annotations

import numpy as np

from cj_helpers.contract import DataError
from cj_helpers.nps.driver_data import DriverData
from cj_helpers.nps.importance import collinear_drivers, correlation_matrix, variance_inflation
from cj_helpers.nps.imputation import pool_estimates
from cj_helpers.nps.inputs import t_quantile
from cj_helpers.nps.logits import fit_least_squares


def require_distinct(data: DriverData) -> None:
    """Refuse drivers that reproduce one another."""
    for ratings in data.sets:
        scaled = (ratings - ratings.mean(axis=0)) / ratings.std(axis=0)
        tied = data.listing["driver"][collinear_drivers(correlation_matrix(scaled, np.ones(len(scaled))))]
        if len(tied):
            raise DataError(
                f"drivers: {', '.join(tied)} reproduce one another exactly (perfectly collinear), so their "
                f"shares cannot be told apart. Leave out one of them."
            )


def directions(data: DriverData, conf_level: float) -> dict[str, np.ndarray | str]:
    """Columns about the sign of each association."""
    outcome = (data.outcome - data.outcome.mean()) / data.outcome.std()
    p = len(data.listing)
    fits, correlations = [], []
    for ratings in data.sets:
        scaled = (ratings - ratings.mean(axis=0)) / ratings.std(axis=0)
        fits.append(fit_least_squares(outcome, np.column_stack([scaled, data.unused]), clusters=data.clusters))
        correlations.append([_correlation(data, ratings, j) for j in range(p)])
    pooled = pool_estimates(
        np.array([fit.slopes[1 : p + 1] for fit in fits]),
        np.array([np.diag(fit.covariance)[1 : p + 1] for fit in fits]),
    )
    free = data.n_customers - (1 + p if data.clusters is None else 1)
    half = np.array([t_quantile(conf_level, min(free, df)) for df in pooled.df]) * pooled.std_error
    low, high = pooled.estimate - half, pooled.estimate + half
    return {
        "coefficient": pooled.estimate,
        "correlation": np.mean(correlations, axis=0),
        "direction": np.select([low > 0, high < 0], ["+", "-"], "unclear"),
        "method": data.method,
        "coefficient_low": low,
        "coefficient_high": high,
    }


def inflation(data: DriverData) -> np.ndarray:
    """Variance inflation of each driver given all other terms, averaged over the sets."""
    found = []
    for ratings in data.sets:
        terms = np.column_stack([ratings, data.unused])
        found.append(variance_inflation(np.corrcoef(terms, rowvar=False).reshape(terms.shape[1], -1)))
    return np.mean(found, axis=0)[: len(data.listing)]


def _correlation(data: DriverData, ratings: np.ndarray, driver: int) -> float:
    """Correlation with the outcome among those whom the question concerns."""
    used = np.ones(len(ratings), dtype=bool)
    if driver in data.unused_of:
        used = data.unused[:, data.unused_of.index(driver)] == 0
    return float(np.corrcoef(ratings[used, driver], data.outcome[used])[0, 1])
