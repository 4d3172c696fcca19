"""Which experience goes with the score: what drivers explain of it, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cj_helpers.nps.driver_data import COMPLETE_CASE, DriverData, driver_data
from cj_helpers.nps.driver_shares import ShareSamples, sample_shares
from cj_helpers.nps.driver_signs import directions, inflation, require_distinct
from cj_helpers.nps.inputs import require_conf_level


def drivers(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    n_boot: int = 500,
    seed: int = 0,
    conf_level: float = 0.95,
    cluster_col: str = "",
) -> pd.DataFrame:
    """Share out what drivers explain of an outcome, with intervals and the direction of each association.

    Association, not effect: the ratings of one survey share a mood. Only answers with the outcome count
    (`driver_cases` tells how many were left out, and why).

    Parameters
    ----------
    answers : DataFrame
        One row per answer; drivers and outcome are numbers, NaN where missing or not applicable.
    drivers : mapping of str to sequence of str
        Columns of each dimension, up to 20 in all.
    method : {"complete_case", "imputed"}
        Answers with every driver; or all with the outcome: missing ratings are imputed, and a rating that does
        not apply enters by an indicator which belongs to its driver.
    n_boot, seed : int
        Bootstrap samples for the intervals of shares and ranks (0 for none, else at least 100), and their seed.
    cluster_col : str
        Customer of an answer when customers answer more than once: samples are drawn, and errors computed, by
        customer. An answer whose customer is unknown counts as another customer's.

    Returns
    -------
    DataFrame
        One row per driver in the order given: driver, dimension, share (of R², 0 to 1; the shares sum to 1),
        conf_low, conf_high (of the share), coefficient (standardised least squares), correlation, direction
        ("+", "-", or "unclear" when the interval of the coefficient holds 0), method, coefficient_low,
        coefficient_high, vif, n (answers used), n_customers, r_squared, rank (1 explains most), rank_low,
        rank_high, share_johnson, johnson_low, johnson_high (relative weights over R²), share_owen, owen_low,
        owen_high (shares that add up to those of `dimension_shares`).

    Raises
    ------
    ConfigError
        A column does not exist or is named twice, there are no or more than 20 drivers, or `n_boot`, `method` or
        `conf_level` is not allowed.
    DataError
        A column is not numeric, there are no more than p + 2 usable answers for p drivers, all are from one
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
    how = {"outcome_col": outcome_col, "method": method, "cluster_col": cluster_col, "seed": seed}
    data, samples = _sampled(answers, drivers, n_boot, how)
    table = data.listing.assign(**_share_columns("share", "conf", samples.lmg, conf_level))
    table = table.assign(
        **directions(data, conf_level),
        vif=inflation(data),
        n=len(data.outcome),
        n_customers=data.n_customers,
        r_squared=samples.r_squared,
        **_rank_columns(samples, conf_level),
        **_share_columns("share_johnson", "johnson", samples.johnson, conf_level),
    )
    return table.assign(**_share_columns("share_owen", "owen", samples.owen, conf_level))


def driver_differences(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    n_boot: int = 500,
    seed: int = 0,
    conf_level: float = 0.95,
    cluster_col: str = "",
) -> pd.DataFrame:
    """Compare every two drivers by their share of what is explained.

    Parameters and errors as in `drivers`.

    Returns
    -------
    DataFrame
        One row per pair, the driver with the larger share first: driver, other, difference (of the shares),
        conf_low, conf_high, order ("clear" when the interval excludes 0, else "unclear"). Without bootstrap
        samples the interval is NaN and the order unclear.
    """
    require_conf_level(conf_level)
    how = {"outcome_col": outcome_col, "method": method, "cluster_col": cluster_col, "seed": seed}
    data, samples = _sampled(answers, drivers, n_boot, how)
    shares = samples.lmg
    ranked = np.argsort(-shares[0], kind="stable")
    names = data.listing["driver"].to_numpy()
    first, second = (ranked[index] for index in np.triu_indices(len(ranked), 1))
    low, high = percentiles(shares[:, first] - shares[:, second], conf_level)
    return pd.DataFrame(
        {
            "driver": names[first],
            "other": names[second],
            "difference": shares[0, first] - shares[0, second],
            "conf_low": low,
            "conf_high": high,
            "order": np.where((low > 0) | (high < 0), "clear", "unclear"),
        }
    )


def dimension_shares(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    n_boot: int = 500,
    seed: int = 0,
    conf_level: float = 0.95,
    cluster_col: str = "",
) -> pd.DataFrame:
    """Share out what is explained among dimensions, however many questions each has.

    Parameters and errors as in `drivers`.

    Returns
    -------
    DataFrame
        One row per dimension in the order given: dimension, share (of R²; the drivers' `share_owen` add up to
        it), conf_low, conf_high, rank, n_drivers, n, method.

    Notes
    -----
    The Shapley value of the game between dimensions (Owen 1977). A sum of LMG shares would give a dimension more
    the more questions it is asked by.
    """
    require_conf_level(conf_level)
    how = {"outcome_col": outcome_col, "method": method, "cluster_col": cluster_col, "seed": seed}
    data, samples = _sampled(answers, drivers, n_boot, how)
    counts = data.listing.groupby("dimension", sort=False).size()
    table = pd.DataFrame({"dimension": counts.index})
    table = table.assign(**_share_columns("share", "conf", samples.dimensions, conf_level))
    rank = table["share"].rank(ascending=False, method="min").astype(int)
    return table.assign(rank=rank, n_drivers=counts.to_numpy(), n=len(data.outcome), method=method)


def _sampled(
    answers: pd.DataFrame, drivers: Mapping[str, Sequence[str]], n_boot: int, how: dict[str, Any]
) -> tuple[DriverData, ShareSamples]:
    """The answers that count, and the shares in them and in their bootstrap samples."""
    data = driver_data(answers, drivers, **how)
    require_distinct(data)
    return data, sample_shares(data, n_boot=n_boot, seed=how["seed"], outcome_col=how["outcome_col"])


def percentiles(samples: np.ndarray, conf_level: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of each column, the estimate in the first row held; NaN without samples."""
    usable = samples[1:][~np.isnan(samples[1:]).any(axis=1)]
    if not len(usable):
        nothing = np.full(samples.shape[1], np.nan)
        return nothing, nothing
    low, high = np.quantile(usable, [0.5 - conf_level / 2, 0.5 + conf_level / 2], axis=0)
    return np.minimum(low, samples[0]), np.maximum(high, samples[0])


def _share_columns(name: str, ends: str, samples: np.ndarray, conf_level: float) -> dict[str, np.ndarray]:
    low, high = percentiles(samples, conf_level)
    return {name: samples[0], f"{ends}_low": low, f"{ends}_high": high}


def _rank_columns(samples: ShareSamples, conf_level: float) -> dict[str, np.ndarray]:
    order = np.argsort(np.argsort(-samples.lmg, axis=1, kind="stable"), axis=1, kind="stable") + 1.0
    order[np.isnan(samples.lmg).any(axis=1)] = np.nan
    low, high = percentiles(order, conf_level)
    return {"rank": order[0].astype(int), "rank_low": np.floor(low), "rank_high": np.ceil(high)}
