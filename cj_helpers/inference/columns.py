"""Columns of a table as checked arrays; every refusal says how many rows, which one and what is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cj_helpers.contract import ConfigError, DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def require_columns(table: pd.DataFrame, *columns: str) -> None:
    """Raise a ConfigError that names the columns a table lacks; empty names stand for "not given"."""
    missing = [name for name in columns if name and name not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns)) or "none"
        raise ConfigError(f"column not found: {', '.join(missing)}; the table has {found}")


def indicator(table: pd.DataFrame, column: str) -> FloatArray:
    """Boolean or 0/1 column as an array of 0.0 and 1.0; anything else is a DataError with counts."""
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    check_rows(~np.isin(values, (0.0, 1.0)), table[column], allowed="true/false or 1/0 in every row")
    return values


def cluster_codes(table: pd.DataFrame, cluster_col: str) -> IntArray:
    """Customer of each row as 0, 1, ...; rows without one, or all when no column is given, are one each."""
    if not cluster_col:
        return np.arange(len(table), dtype=np.int64)
    codes = pd.factorize(table[cluster_col])[0].astype(np.int64)
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(unknown.sum())
    return codes


def check_rows(bad: BoolArray, column: pd.Series[Any], *, allowed: str) -> None:
    """Raise a DataError with the number of bad rows, the place of the first and what is allowed, never a value."""
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{column.name}: {bad.sum():,} of {bad.size:,} rows ({100 * bad.mean():.2g} %) are not usable "
            f"(first: row {first + 1:,}); needed: {allowed}. "
            "Correct or leave out these rows."
        )


def tally(index: IntArray, weights: FloatArray, size: int = 0) -> FloatArray:
    """Sum of weights per index 0, 1, ..., at least `size` long."""
    return np.bincount(index, weights=weights, minlength=size).astype(np.float64, copy=False)
