"""Intervals of shares and of their differences, also where customers repeat.

Shares are between 0 and 1 and intervals two-sided. Where customers repeat, the interval widens through an
effective number of observations; rows and customers are both returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference.columns import FloatArray, IntArray, cluster_codes, indicator, require_columns


def normal_quantile(conf_level: float) -> float:
    """Quantile of the standard normal that bounds a two-sided interval (0.95 -> 1.96).

    Raises
    ------
    ConfigError
        When the level is not between 0 and 1.
    """
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level: found {conf_level}, allowed are values between 0 and 1, e.g. 0.95")
    return NormalDist().inv_cdf(0.5 + conf_level / 2)


def wilson_interval(successes: ArrayLike, n: ArrayLike, *, conf_level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    successes, n : array-like
        Counts with 0 <= successes <= n; effective counts need not be whole.
    conf_level : float
        Level of the two-sided interval.

    Returns
    -------
    low, high : ndarray
        Limits in 0-1; NaN where n is 0 or missing.

    Raises
    ------
    DataError
        When a count is negative or successes exceed n.

    Notes
    -----
    Assumes independent rows: use `clustered_share` where customers repeat. Wilson (1927), J Am Stat Assoc 22.

    Examples
    --------
    >>> low, high = wilson_interval(5, 10)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2366, 0.7634)
    """
    x, size = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    bad = (x < 0) | (size < 0) | (x > size * (1 + 1e-12))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"shares: {bad.sum():,} of {bad.size:,} have successes outside 0..n "
            f"(first: {x.ravel()[first]:g} of {size.ravel()[first]:g}); count both over the same rows"
        )
    z2 = normal_quantile(conf_level) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(size > 0, x / size, np.nan)
        centre = (p + z2 / (2 * size)) / (1 + z2 / size)
        half = np.sqrt(z2 * (p * (1 - p) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    # rounding must not push a limit past the share it surrounds or past 0 and 1
    low = np.where(p == 0, 0.0, np.clip(np.minimum(centre - half, p), 0, 1))
    high = np.where(p == 1, 1.0, np.clip(np.maximum(centre + half, p), 0, 1))
    return low, high


def effective_size(share: ArrayLike, residual_squares: ArrayLike, n: ArrayLike, n_clusters: ArrayLike) -> FloatArray:
    """Number of independent observations that would be as precise as n rows of n_clusters customers.

    n_eff = p(1 - p) / v with v = K/(K - 1) * sum_c (x_c - p m_c)^2 / n^2, the linearised variance of a ratio;
    K customers with m_c rows and x_c successes each. `residual_squares` is that sum. Where v says nothing
    (one customer, or every customer has the same share, so also p = 0 or 1) n_eff is the number of customers;
    where no customer repeats it is n, and Wilson's interval is the plain one. v itself is uncertain with few customers:
    of 95 % intervals with twenty rows a customer and a correlation of .1 about 92 % held the truth with ten customers,
    94 % with twenty (`tests/benchmarks/coverage.py`).
    """
    p, squares, rows, k = (np.asarray(a, dtype=float) for a in (share, residual_squares, n, n_clusters))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = k / (k - 1) * squares / rows**2
        size = p * (1 - p) / variance
    silent = ~np.isfinite(size) | (squares <= 1e-12 * rows)
    return np.where(k == rows, rows, np.where(silent, k, size))


def clustered_share(
    table: pd.DataFrame,
    *,
    success_col: str,
    cluster_col: str = "",
    group_cols: Sequence[str] = (),
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of successes per group with an interval that allows for customers with several rows.

    Parameters
    ----------
    table : DataFrame
        One row per trial (a journey, a transition, an answer).
    success_col : str
        Boolean or 0/1 column.
    cluster_col : str
        Customer of the row; "" treats every row as a customer of its own. Rows without a customer count as
        one each.
    group_cols : sequence of str
        Columns that define the groups; none gives one row for the whole table.
    conf_level : float
        Level of the two-sided interval.

    Returns
    -------
    DataFrame
        One row per group: the group columns, share, conf_low, conf_high, n (rows), n_customers (customers),
        n_effective. Groups come sorted, a missing group value last. An empty table without groups gives n = 0
        and NaN.

    Raises
    ------
    ConfigError
        When a column is not in the table.
    DataError
        When success_col is missing in a row or not 0/1.

    Notes
    -----
    Wilson (1927) with the effective size of `effective_size`; assumes customers are independent of each
    other. With three journeys a customer and intraclass correlation .3 the plain interval covers 87 % instead
    of 95 %.
    """
    require_columns(table, success_col, cluster_col, *group_cols)
    groups = list(group_cols)
    code = np.zeros(len(table), dtype=np.int64)
    if groups:
        code = np.asarray(table.groupby(groups, sort=True, dropna=False, observed=True).ngroup(), dtype=np.int64)
    shares = _shares(code, cluster_codes(table, cluster_col), indicator(table, success_col), bool(groups))
    n_eff = shares["n_effective"]
    low, high = wilson_interval(shares["share"] * n_eff, n_eff, conf_level=conf_level)
    shares.insert(1, "conf_low", low)
    shares.insert(2, "conf_high", high)
    keys = table[groups].reset_index(drop=True).assign(_code=code).drop_duplicates("_code")
    return keys.sort_values("_code").drop(columns="_code").reset_index(drop=True).join(shares, how="right")


def _shares(code: IntArray, cluster: IntArray, success: FloatArray, grouped: bool) -> pd.DataFrame:
    """Share, n, n_customers and n_effective of the groups 0, 1, ...; one empty group when there are no rows."""
    rows = pd.DataFrame({"group": code, "cluster": cluster, "x": success})
    customers = rows.groupby(["group", "cluster"])["x"].agg(["sum", "size"]).reset_index()
    index = range(int(code.max(initial=-1 if grouped else 0)) + 1)
    by_group = customers.groupby("group")
    n = by_group["size"].sum().reindex(index, fill_value=0)
    k = by_group.size().reindex(index, fill_value=0)
    share = by_group["sum"].sum().reindex(index) / n
    residual = customers["sum"] - customers["group"].map(share) * customers["size"]
    squares = (residual**2).groupby(customers["group"]).sum().reindex(index, fill_value=0)
    n_eff = effective_size(share, squares, n, k)
    return pd.DataFrame({"share": share, "n": n, "n_customers": k, "n_effective": n_eff}).rename_axis(index=None)


def newcombe_difference(
    successes_1: ArrayLike,
    n_1: ArrayLike,
    successes_2: ArrayLike,
    n_2: ArrayLike,
    *,
    conf_level: float = 0.95,
    correlation: ArrayLike = 0.0,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Difference of two shares, first minus second, with Newcombe's hybrid score interval.

    Parameters
    ----------
    successes_1, n_1, successes_2, n_2 : array-like
        Counts of both groups; for clustered rows pass share * n_effective and n_effective of
        `clustered_share`.
    conf_level : float
        Level of the two-sided interval.
    correlation : array-like
        That of the two estimates, in -1..1, where the groups share customers: without it the interval is too wide when
        customers behave alike in both, too narrow when success in one excludes it in the other.

    Returns
    -------
    difference, low, high : ndarray
        In -1..1; NaN where a group is empty.

    Notes
    -----
    Newcombe (1998), Stat Med 17:873, method 10; with correlation 17:2635 and Zou & Donner (2008), Stat Med 27.

    Examples
    --------
    >>> [round(float(v), 4) for v in newcombe_difference(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    low_1, high_1 = wilson_interval(successes_1, n_1, conf_level=conf_level)
    low_2, high_2 = wilson_interval(successes_2, n_2, conf_level=conf_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_1 = np.asarray(successes_1, dtype=float) / np.asarray(n_1, dtype=float)
        p_2 = np.asarray(successes_2, dtype=float) / np.asarray(n_2, dtype=float)
    difference = p_1 - p_2
    low = difference - _joined(p_1 - low_1, high_2 - p_2, correlation)
    high = difference + _joined(high_1 - p_1, p_2 - low_2, correlation)
    return difference, np.maximum(low, -1.0), np.minimum(high, 1.0)


def _joined(one: FloatArray, two: FloatArray, correlation: ArrayLike) -> FloatArray:
    """Length of the difference of two deviations with a correlation; that of Pythagoras without."""
    square = one**2 + two**2 - 2 * np.asarray(correlation, dtype=float) * one * two
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))
