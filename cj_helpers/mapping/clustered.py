"""Shares with intervals that allow for customers with several journeys, counted in the engine."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.inference import effective_size, wilson_interval


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
        sums[name + suffix].fillna(0).astype("float64") for name in ("x", "m", "k", "xx", "xm", "mm")
    )
    share = x / m.where(m > 0)
    size = effective_size(share, xx - 2 * share * xm + share**2 * mm, m, k)
    low, high = wilson_interval(share * size, size)
    counts = {"n_success": x, "n": m, "n_customers": k}
    table = pd.DataFrame({name: value.astype("int64") for name, value in counts.items()}, index=sums.index)
    return table.assign(share=share, conf_low=low, conf_high=high)
