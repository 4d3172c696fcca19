"""Small groups leave a table before it is published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cj_helpers.contract import ALL
from cj_helpers.inference.columns import BoolArray, FloatArray, require_columns

_TIMES = {"time_days", "time", "from_days"}


def suppress_small_groups(table: pd.DataFrame, *, size_col: str, min_group: int) -> tuple[pd.DataFrame, int]:
    """Drop the rows of a result table that describe fewer than `min_group` people.

    Parameters
    ----------
    table : DataFrame
        One row per group (segment, touchpoint, point of a curve) with the size it rests on.
    size_col : str
        Column with that size.
    min_group : int
        Smallest size that may be shown; 1 or less shows everything.

    Returns
    -------
    table : DataFrame
        The remaining rows in the order given, index 0, 1, ...
    n_suppressed : int
        How many rows were dropped.

    Raises
    ------
    ConfigError
        When size_col is not in the table.

    Notes
    -----
    Rows of size 0 stay: they describe nobody. Rows without a size are dropped, nothing shows that they are
    large.

    Complementary suppression: with an `all` row in column `segment`, a single hidden segment is `all` minus the
    others. While the segments hidden beside a kept `all` row (same values in the other text, boolean and date columns)
    are fewer than `min_group` people together, the next smallest is dropped too; so there are always at least two.
    A curve (one row per time: column time_days, time or from_days) loses the rows with too few people; a segment of
    which no row is left counts as hidden, and the next smallest goes whole. Sums over other columns than `segment`,
    the last days of a curve and differences between two published tables are not guarded.

    Examples
    --------
    >>> table = pd.DataFrame({"segment": ["all", "a", "b", "c"], "n": [104, 4, 40, 60]})
    >>> shown, n = suppress_small_groups(table, size_col="n", min_group=10)
    >>> list(shown["segment"]), n
    (['all', 'c'], 2)
    """
    require_columns(table, size_col)
    size = pd.to_numeric(table[size_col]).to_numpy(dtype=float, na_value=np.nan)
    drop = ~((size >= min_group) | (size == 0)) & (min_group > 1)
    if "segment" in table.columns and drop.any():
        drop = _with_complements(table, size, drop, min_group)
    return table.loc[~drop].reset_index(drop=True), int(drop.sum())


def _with_complements(table: pd.DataFrame, size: FloatArray, drop: BoolArray, min_group: int) -> BoolArray:
    """Hide further segments until the hidden ones cannot be told from the `all` row of their group."""
    segment = table["segment"].astype("string").fillna("").to_numpy()
    keys = [name for name in table.columns if name != "segment" and _is_key(table[name])]
    by = [table[name] for name in keys] or [pd.Series(0, index=table.index)]
    group = table.groupby(by, dropna=False, observed=True).ngroup().to_numpy()
    if _TIMES & set(table.columns):
        unit = pd.MultiIndex.from_arrays([group, segment]).factorize()[0]
    else:
        unit = np.arange(len(table))
    kept = ~drop & (size != 0)
    rows = pd.DataFrame({"group": group, "is_all": segment == ALL, "size": size, "drop": drop, "kept": kept})
    how = {"group": "first", "is_all": "first", "size": "max", "drop": "any", "kept": "any"}
    units = rows.groupby(unit, sort=True).agg(how)
    hidden = _hidden(units.assign(drop=units["drop"] & ~units["kept"]), min_group)
    return drop | hidden[unit]


def _hidden(units: pd.DataFrame, min_group: int) -> BoolArray:
    """Which rows, or curves, are hidden: those hidden already and the smallest ones beside them."""
    group, is_all, size = (units[name].to_numpy() for name in ("group", "is_all", "size"))
    drop = units["drop"].to_numpy(dtype=bool).copy()
    for code in np.unique(group[drop]):
        inside = group == code
        if not (inside & is_all & ~drop).any():
            continue  # nothing to subtract from
        parts = inside & ~is_all
        candidates = np.flatnonzero(parts & ~drop & (size > 0))
        for row in candidates[np.argsort(size[candidates], kind="stable")]:
            hidden = parts & drop
            if not hidden.any() or np.nansum(size[hidden]) >= min_group:
                break
            drop[row] = True
    return drop


def _is_key(column: pd.Series[Any]) -> bool:
    """Text, truth values and dates tell groups apart; numbers are results."""
    return not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
