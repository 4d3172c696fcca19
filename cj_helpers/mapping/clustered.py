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
    table = (
        by_customer.filter(_.m > 0)
        .group_by(list(group_cols))
        .aggregate(
            n_success=_.x.sum(),
            n=_.m.sum(),
            n_customers=_.count(),
            xx=(_.x * _.x).sum(),
            xm=(_.x * _.m).sum(),
            mm=(_.m * _.m).sum(),
        )
        .execute()
    )
    counts = ["n_success", "n", "n_customers"]
    table = table.astype(dict.fromkeys(counts, "int64"))
    share = table["n_success"] / table["n"]
    squares = (table["xx"] - 2 * share * table["xm"] + share**2 * table["mm"]).astype("float64")
    size = effective_size(share, squares, table["n"], table["n_customers"])
    low, high = wilson_interval(share * size, size)
    return table[[*group_cols, *counts]].assign(share=share, conf_low=low, conf_high=high)
