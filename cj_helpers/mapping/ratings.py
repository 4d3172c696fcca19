"""Ratings that events carry: means with intervals, of how many customers, and none of too few."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir
from scipy.special import stdtrit

RATINGS = ("satisfaction", "effort")


def mean_ratings(steps: ir.Table, *, by: Sequence[str], min_group: int) -> pd.DataFrame:
    """Return the mean of each rating that the steps carry.

    Parameters
    ----------
    min_group : int
        Means of fewer customers are missing, and so is their number.

    Returns
    -------
    DataFrame, one row per group with a rating
        `by`, then for satisfaction and effort, as far as steps have them: the mean, ``_low``, ``_high``, and ``n_``:
        the customers who rated.

    Notes
    -----
    Linearised variance of a ratio, customers as clusters; t distribution with one degree of freedom less than
    customers.
    """
    table = pd.DataFrame(columns=list(by))
    for name in RATINGS:
        if name in steps.columns:
            table = table.merge(_mean_of(steps, name, by, min_group), how="outer", on=list(by))
    return table


def _mean_of(steps: ir.Table, name: str, by: Sequence[str], min_group: int) -> pd.DataFrame:
    rated = steps.filter(steps[name].notnull())
    each = rated.group_by([*by, "customer_id"]).aggregate(x=rated[name].cast("float64").sum(), m=_.count())
    sums = each.group_by(list(by)).aggregate(
        k=_.count(), x=_.x.sum(), m=_.m.sum(), xx=(_.x * _.x).sum(), xm=(_.x * _.m).sum(), mm=(_.m * _.m).sum()
    )
    found = sums.execute()
    k, x, m, xx, xm, mm = (
        pd.to_numeric(found[column]).astype("float64") for column in ("k", "x", "m", "xx", "xm", "mm")
    )
    mean = x / m
    squares = (xx - 2 * mean * xm + mean**2 * mm).clip(lower=0)
    freedom = (k - 1).where(k > 1)
    half = stdtrit(freedom, 0.975) * np.sqrt(k / freedom * squares) / m
    values = {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half, f"n_{name}": k}
    shown = k >= min_group
    return found[list(by)].assign(**{column: value.where(shown) for column, value in values.items()})
