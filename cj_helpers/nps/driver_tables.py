"""Which experience goes with the score: what drivers explain of it, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.nps.cases import complete_cases, list_drivers
from cj_helpers.nps.importance import (
    collinear_drivers,
    correlation_matrix,
    lmg,
    resampled_correlations,
    standardised_slopes,
    variance_inflation,
)
from cj_helpers.nps.inputs import require_columns, require_conf_level, t_quantile

FEWEST_SAMPLES = 100


def drivers(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    outcome_col: str = "nps",
    n_boot: int = 500,
    seed: int = 0,
    conf_level: float = 0.95,
    cluster_col: str = "",
) -> pd.DataFrame:
    """Share out what drivers explain of an outcome, with intervals and the direction of each association.

    Association, not effect: the ratings of one survey share a mood. Only answers with the outcome and every
    driver count (`driver_cases` tells how many were left out, and why).

    Parameters
    ----------
    answers : DataFrame
        One row per answer; drivers and outcome are numbers, NaN where missing or not applicable.
    drivers : mapping of str to sequence of str
        Columns of each dimension, up to 20 in all.
    n_boot, seed : int
        Bootstrap samples for the intervals of the shares (0 for none, else at least 100), and their seed.
    cluster_col : str
        Customer of an answer when customers answer more than once: samples are drawn, and errors computed, by
        customer. An answer whose customer is unknown counts as another customer's.

    Returns
    -------
    DataFrame
        One row per driver in the order given: driver, dimension, share (of R², 0 to 1; the shares sum to 1),
        conf_low, conf_high (of the share), coefficient (standardised least squares), correlation, direction
        ("+", "-", or "unclear" when the interval of the coefficient holds 0), method ("complete_case"),
        coefficient_low, coefficient_high, vif, n (answers used), n_customers, r_squared.

    Raises
    ------
    ConfigError
        A column does not exist or is named twice, there are no or more than 20 drivers, or `n_boot` or
        `conf_level` is not allowed.
    DataError
        A column is not numeric, there are no more than p + 2 complete answers for p drivers, all are from one
        customer, a driver or the outcome is constant, drivers reproduce one another, or explain nothing.

    Notes
    -----
    Shares are LMG (Lindeman, Merenda and Gold 1980; Grömping 2006) over R². They carry no sign, hence the
    direction. Their intervals are bootstrap percentiles, widened where needed to hold the share itself. The
    interval of the coefficient is Wald with Student's t and HC3 errors, or clustered ones.

    References
    ----------
    Lindeman, R., Merenda, P. and Gold, R. (1980). Introduction to Bivariate and Multivariate Analysis.
    Grömping, U. (2006). Relative importance for linear regression in R. J. Statistical Software 17(1).

    Examples
    --------
    Two unrelated drivers with slopes 2 and 1 share R² as 4 to 1.

    >>> ratings = pd.DataFrame({"a": [-1, -1, 1, 1] * 2, "b": [-1, 1] * 4})
    >>> ratings["nps"] = 2 * ratings["a"] + ratings["b"]
    >>> drivers(ratings, drivers={"x": ["a", "b"]}, n_boot=0)["share"].round(6).tolist()
    [0.8, 0.2]
    """
    require_conf_level(conf_level)
    if n_boot != 0 and n_boot < FEWEST_SAMPLES:
        raise ConfigError(f"n_boot is {n_boot}; use 0 for no intervals, or at least {FEWEST_SAMPLES}.")
    listing = list_drivers(answers, drivers, outcome_col)
    require_columns(answers, [cluster_col] if cluster_col else [])
    data, customers = complete_cases(answers, [*listing["driver"], outcome_col], cluster_col)
    correlations = correlation_matrix(data, np.ones(len(data)))
    _require_distinct(listing["driver"], correlations[:-1, :-1])
    share, r_squared = _shares(correlations[None])
    if r_squared[0] < 1e-12:
        raise DataError(
            f"drivers: they explain nothing of {outcome_col}, so there is nothing to share out. Choose other drivers."
        )
    samples = resampled_correlations(data, customers, n_boot=n_boot, seed=seed)
    low, high = _percentiles(_shares(samples)[0], conf_level)
    return listing.assign(
        share=share[0],
        conf_low=np.minimum(low, share[0]),
        conf_high=np.maximum(high, share[0]),
        **_directions(data, customers, correlations, conf_level),
        vif=variance_inflation(correlations[:-1, :-1]),
        n=len(data),
        n_customers=int(customers.max()) + 1,
        r_squared=r_squared[0],
    )


def _require_distinct(names: pd.Series, correlations: np.ndarray) -> None:
    tied = names[collinear_drivers(correlations)]
    if len(tied):
        raise DataError(
            f"drivers: {', '.join(tied)} reproduce one another exactly (perfectly collinear), so their "
            f"shares cannot be told apart. Leave out one of them."
        )


def _shares(correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LMG over R², and R², of each matrix; NaN where nothing is explained."""
    parts = lmg(correlations)
    r_squared = parts.sum(axis=1)
    divisor = np.where(r_squared > 0, r_squared, np.nan)
    return parts / divisor[:, None], r_squared


def _percentiles(samples: np.ndarray, conf_level: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of each column over the samples that have one; NaN when none has."""
    usable = samples[~np.isnan(samples).any(axis=1)]
    if not len(usable):
        nothing = np.full(samples.shape[1], np.nan)
        return nothing, nothing
    low, high = np.quantile(usable, [0.5 - conf_level / 2, 0.5 + conf_level / 2], axis=0)
    return low, high


def _directions(
    data: np.ndarray, customers: np.ndarray, correlations: np.ndarray, conf_level: float
) -> dict[str, np.ndarray | str]:
    """Columns about the sign of each association."""
    slopes, errors = standardised_slopes(data, customers)
    n_customers = int(customers.max()) + 1
    degrees = n_customers - (data.shape[1] if n_customers == len(data) else 1)
    half = t_quantile(conf_level, degrees) * errors
    return {
        "coefficient": slopes,
        "correlation": correlations[:-1, -1],
        "direction": np.select([slopes - half > 0, slopes + half < 0], ["+", "-"], "unclear"),
        "method": "complete_case",
        "coefficient_low": slopes - half,
        "coefficient_high": slopes + half,
    }
