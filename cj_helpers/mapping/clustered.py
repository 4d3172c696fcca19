"""Shares with intervals that allow for customers with several journeys, counted in the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.inference import effective_size, newcombe_difference, wilson_interval

LEAST_TESTED = 20


def clustered_shares(rows: ir.Table, *, group_cols: Sequence[str]) -> pd.DataFrame:
    """Return x / m per group with the interval of Wilson (1927) at the effective n of its customers.

    Parameters
    ----------
    rows : ibis table, one row per trial
        The group columns, customer_id, m (1: counts, 0: does not) and x (1: success; 0 where m is 0).

    Returns
    -------
    DataFrame, one row per group
        The group columns, n_success, n, n_customers, share, conf_low, conf_high.

    Notes
    -----
    n_eff = p(1-p) / v with v = K/(K-1) * sum over customers of (x - p m)^2 / n^2. Only sums per customer are
    formed, so the size of the log does not matter.
    """
    by_customer = rows.group_by([*group_cols, "customer_id"]).aggregate(x=_.x.sum(), m=_.m.sum())
    table = by_customer.filter(_.m > 0).group_by(list(group_cols)).aggregate(**customer_sums(_.x, _.m)).execute()
    return table[list(group_cols)].join(share_intervals(table))


def customer_sums(x: ir.NumericValue, m: ir.NumericValue, suffix: str = "") -> dict[str, ir.Scalar]:
    """Return the six sums over customers that `share_intervals` needs; x of m trials of a customer succeeded."""
    sums = {"x": x.sum(), "m": m.sum(), "k": (m > 0).ifelse(1, 0).sum()}
    sums |= {"xx": (x * x).sum(), "xm": (x * m).sum(), "mm": (m * m).sum()}
    return {name + suffix: value for name, value in sums.items()}


def share_intervals(sums: pd.DataFrame, suffix: str = "") -> pd.DataFrame:
    """Return n_success, n, n_customers, share, conf_low and conf_high from sums over customers, row by row."""
    x, m, k, xx, xm, mm = (
        pd.to_numeric(sums[name + suffix]).fillna(0).astype("float64") for name in ("x", "m", "k", "xx", "xm", "mm")
    )
    share = x / m.where(m > 0)
    size = effective_size(share, xx - 2 * share * xm + share**2 * mm, m, k)
    low, high = wilson_interval(share * size, size)
    counts = {"n_success": x, "n": m, "n_customers": k}
    table = pd.DataFrame({name: value.astype("int64") for name, value in counts.items()}, index=sums.index)
    return table.assign(share=share, conf_low=low, conf_high=high)


def against_others(
    rows: ir.Table, base: ir.Table, *, group_cols: Sequence[str], by: Sequence[str] = ()
) -> pd.DataFrame:
    """Compare the share of each group with that of all trials outside it.

    Parameters
    ----------
    rows : ibis table
        Per group (`group_cols`, of which `by` is a part) and customer: x successes of m trials.
    base : ibis table
        Per `by` and customer: the x and m of every trial, the group's own among them.
    by : sequence of str
        Columns within whose values the comparison stays.

    Returns
    -------
    DataFrame, one row per group
        group_cols, n, n_customers, share, share_low, share_high, n_others, share_others, n_customers_smaller
        (of the group or of all others, whichever has fewer), difference, conf_low, conf_high, p_value.

    Notes
    -----
    Newcombe (1998) with the effective sizes of both sides and, for customers on both, the correlation of the two shares
    from their joint linearised variance; the p-value is that of the normal test with the same sizes and correlation.
    """
    keys = [*by, "customer_id"]
    all_of = base.select(*keys, big_x=base.x, big_m=base.m)
    own = rows.inner_join(all_of, keys)
    inner = own.group_by(list(group_cols)).aggregate(
        **customer_sums(_.x, _.m),
        alone=((_.big_m == _.m) & (_.m > 0)).ifelse(1, 0).sum(),
        xbx=(_.x * _.big_x).sum(),
        xbm=(_.x * _.big_m).sum(),
        mbx=(_.m * _.big_x).sum(),
        mbm=(_.m * _.big_m).sum(),
    )
    totals = base.mutate(one=1).group_by([*by, "one"]).aggregate(**customer_sums(_.x, _.m, "_t"))
    sums = inner.mutate(one=1).inner_join(totals, [*by, "one"]).execute()
    others = pd.DataFrame(
        {
            "x": sums["x_t"] - sums["x"],
            "m": sums["m_t"] - sums["m"],
            "k": sums["k_t"] - sums["alone"],
            "xx": sums["xx_t"] - 2 * sums["xbx"] + sums["xx"],
            "xm": sums["xm_t"] - sums["xbm"] - sums["mbx"] + sums["xm"],
            "mm": sums["mm_t"] - 2 * sums["mbm"] + sums["mm"],
        }
    )
    cross = pd.DataFrame(
        {
            "xx": sums["xbx"] - sums["xx"],
            "xm": sums["xbm"] - sums["xm"],
            "mx": sums["mbx"] - sums["xm"],
            "mm": sums["mbm"] - sums["mm"],
        }
    )
    return sums[list(group_cols)].join(differences(sums, others, cross=cross))


def differences(ours: pd.DataFrame, others: pd.DataFrame, *, cross: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of two groups from sums over customers, and their difference, row by row.

    Parameters
    ----------
    ours, others : DataFrame
        Sums as `customer_sums` names them.
    cross : DataFrame
        xx, xm, mx, mm: sums over customers of one of ours (x or m) times one of the others (x or m).
    """
    one, two = share_intervals(ours), share_intervals(others)
    sizes = [effective_of(sums, shares) for sums, shares in ((ours, one), (others, two))]
    together = _correlation(ours, others, cross, (one["share"], two["share"]))
    counts = (one["share"] * sizes[0], sizes[0], two["share"] * sizes[1], sizes[1])
    gap, low, high = newcombe_difference(*counts, correlation=together)
    table = one.rename(columns={"conf_low": "share_low", "conf_high": "share_high"}).drop(columns="n_success")
    table = table.assign(n_others=two["n"], share_others=two["share"], difference=gap, conf_low=low, conf_high=high)
    table["n_customers_smaller"] = one["n_customers"].clip(upper=two["n_customers"])
    parts = zip(one["share"], two["share"], *sizes, together, strict=True)
    return table.assign(p_value=[_p_value(*values) for values in parts])


def _correlation(
    ours: pd.DataFrame, others: pd.DataFrame, cross: pd.DataFrame, shares: tuple[pd.Series, pd.Series]
) -> pd.Series:
    """Correlation of two shares over their customers; 0 where one side says nothing of how customers differ.

    Of fewer than 20 customers on a side only one that widens the interval: a narrow one would rest on luck.
    """
    p, q = shares
    xx, xm, mx, mm = (pd.to_numeric(cross[name]).astype("float64") for name in ("xx", "xm", "mx", "mm"))
    joint = xx - q * xm - p * mx + p * q * mm
    squares = pd.Series(1.0, index=ours.index)
    for sums, share in ((ours, p), (others, q)):
        own, rows = _residual_squares(sums, share), pd.to_numeric(sums["m"]).astype("float64")
        squares *= own.where(own > 1e-12 * rows)
    found = (joint / squares**0.5).fillna(0.0).clip(-1.0, 1.0)
    few = pd.concat([ours["k"], others["k"]], axis=1).min(axis=1) < LEAST_TESTED
    return found.mask(few, found.clip(upper=0.0))


def _residual_squares(sums: pd.DataFrame, share: pd.Series) -> pd.Series:
    """Sum over customers of (x - p m)^2."""
    xx, xm, mm = (pd.to_numeric(sums[name]).fillna(0).astype("float64") for name in ("xx", "xm", "mm"))
    return xx - 2 * share * xm + share**2 * mm


def _p_value(share: float, other: float, size: float, other_size: float, correlation: float) -> float:
    """Two-sided p-value of the pooled normal test; missing below 20 effective trials, where it would mislead."""
    if not min(size, other_size) >= LEAST_TESTED:
        return float("nan")
    mean = (share * size + other * other_size) / (size + other_size)
    spread = 1 / size + 1 / other_size - 2 * correlation / math.sqrt(size * other_size)
    error = math.sqrt(mean * (1 - mean) * max(spread, 0.0))
    return math.erfc(abs(share - other) / error / math.sqrt(2)) if error else 1.0


def effective_of(sums: pd.DataFrame, shares: pd.DataFrame) -> pd.Series:
    """Return the effective number of trials behind shares (see `inference.effective_size`)."""
    m, k = (pd.to_numeric(sums[name]).fillna(0).astype("float64") for name in ("m", "k"))
    squares = _residual_squares(sums, shares["share"])
    return pd.Series(effective_size(shares["share"], squares, m, k), index=sums.index)
