"""Shares of what drivers explain, for the data and for bootstrap samples of their customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.nps.driver_data import DriverData
from cj_helpers.nps.importance import correlation_matrix, johnson, lmg, owen, resampled_correlations

FEWEST_SAMPLES = 100


class ShareSamples(NamedTuple):
    """Shares of R²: row 0 is the estimate, the others are bootstrap samples (NaN where nothing is explained)."""

    lmg: np.ndarray
    johnson: np.ndarray
    owen: np.ndarray
    dimensions: np.ndarray
    r_squared: float


def sample_shares(data: DriverData, *, n_boot: int, seed: int, outcome_col: str) -> ShareSamples:
    """Compute all shares of the data and of `n_boot` samples.

    With imputed data the estimate is the mean over the sets, and the samples take them in turn.

    Raises
    ------
    ConfigError
        `n_boot` is neither 0 nor at least 100.
    DataError
        The drivers explain nothing.
    """
    if n_boot != 0 and n_boot < FEWEST_SAMPLES:
        raise ConfigError(f"n_boot is {n_boot}; use 0 for no intervals, or at least {FEWEST_SAMPLES}.")
    sets = [_columns(data, ratings) for ratings in data.sets]
    sizes = [1 + (j in data.unused_of) for j in range(len(data.listing))]
    ones = np.ones(len(data.outcome))
    matrices = np.concatenate(
        [
            np.stack([correlation_matrix(columns, ones) for columns in sets]),
            resampled_correlations(sets, data.customers, n_boot=n_boot, seed=seed),
        ]
    )
    unions = pd.factorize(data.listing["dimension"])[0].tolist()
    parts = lmg(matrices, sizes)
    r_squared = parts.sum(axis=1)
    if r_squared[: len(sets)].mean() < 1e-12:
        raise DataError(
            f"drivers: they explain nothing of {outcome_col}, so there is nothing to share out. Choose other drivers."
        )
    if len(set(unions)) == len(unions):  # every driver a dimension of its own
        items, dimensions = parts, parts
    elif len(set(unions)) == 1:
        items, dimensions = parts, r_squared[:, None]
    else:
        items, dimensions = owen(matrices, unions, sizes)
    tables = (parts, johnson(matrices, sizes), items, dimensions)
    shares, weights, nested, whole = (_over_sets(table, r_squared, len(sets)) for table in tables)
    return ShareSamples(shares, weights, nested, whole, float(r_squared[: len(sets)].mean()))


def _columns(data: DriverData, ratings: np.ndarray) -> np.ndarray:
    """Standardised columns, each driver's "not used" beside it, the outcome last."""
    columns = []
    for j in range(ratings.shape[1]):
        columns.append(ratings[:, j])
        if j in data.unused_of:
            columns.append(data.unused[:, data.unused_of.index(j)])
    table = np.column_stack([*columns, data.outcome])
    return (table - table.mean(axis=0)) / table.std(axis=0)


def _over_sets(parts: np.ndarray, r_squared: np.ndarray, n_sets: int) -> np.ndarray:
    """Shares of R², those of the imputed sets averaged into one row."""
    shares = parts / np.where(r_squared > 0, r_squared, np.nan)[:, None]
    return np.vstack([np.nanmean(shares[:n_sets], axis=0), shares[n_sets:]])
