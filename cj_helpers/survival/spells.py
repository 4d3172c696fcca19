"""Durations with their endings as checked arrays.

A spell is one row: how long something was observed, how it ended (0 = still running when observation stopped), how
many such rows it stands for and whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cj_helpers.contract import ALL, MISSING, ConfigError, DataError
from cj_helpers.inference import (
    BoolArray,
    FloatArray,
    IntArray,
    check_rows,
    cluster_codes,
    indicator,
    require_columns,
)


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read; "" means not given."""

    duration: str
    segment: str = ""
    cluster: str = ""
    entry: str = ""
    weight: str = ""


@dataclass(frozen=True)
class Spells:
    """One row per observed duration; arrays of equal length.

    Attributes
    ----------
    duration : ndarray of float
        Time from the origin to the end of observation.
    status : ndarray of int
        0 = censored, 1, 2, ... = ended by that outcome.
    weight : ndarray of float
        Whole number of identical rows this one stands for.
    entry : ndarray of float or None
        Time from the origin at which observation began (left truncation); None: all from the origin.
    cluster : ndarray of int or None
        Customer; None: every row is independent.
    segment : ndarray of int
        Position in `labels`.
    labels : tuple of str
        Segments in the order of results.
    """

    duration: FloatArray
    status: IntArray
    weight: FloatArray
    entry: FloatArray | None
    cluster: IntArray | None
    segment: IntArray
    labels: tuple[str, ...]

    def take(self, rows: BoolArray) -> Spells:
        """Rows where the mask holds."""
        entry = None if self.entry is None else self.entry[rows]
        cluster = None if self.cluster is None else self.cluster[rows]
        values = (self.duration[rows], self.status[rows], self.weight[rows], entry, cluster, self.segment[rows])
        return Spells(*values, labels=self.labels)

    def with_segments(self, segment: IntArray, labels: tuple[str, ...]) -> Spells:
        """The same rows in other segments."""
        return replace(self, segment=segment, labels=labels)

    def with_status(self, status: IntArray) -> Spells:
        """The same rows with other ends."""
        return replace(self, status=status)

    def with_entry(self, entry: FloatArray) -> Spells:
        """The same rows, observed from other times on."""
        return replace(self, entry=entry)

    def with_end(self, duration: FloatArray, status: IntArray) -> Spells:
        """The same rows, ended at other times."""
        return replace(self, duration=duration, status=status)

    def parts(self) -> Iterator[tuple[str, Spells]]:
        """The overall spells first, then those of each segment."""
        present = self.weight > 0
        whole = self if present.all() else self.take(present)
        yield ALL, whole
        for code, label in enumerate(self.labels):
            yield label, whole.take(whole.segment == code)

    @property
    def n(self) -> int:
        """Rows, counted with their weights."""
        return int(self.weight.sum())

    @property
    def n_clusters(self) -> int:
        """Customers; rows when no customers are known."""
        return self.n if self.cluster is None else int((np.bincount(self.cluster) > 0).sum())


def read_spells(table: pd.DataFrame, columns: Columns, status: IntArray) -> Spells:
    """Check the columns and turn the table into arrays; `status` comes from `event_status` or `outcome_status`.

    Rows of weight 0 stand for nobody; `observed_spells` and `Spells.parts` leave them out.

    Raises
    ------
    ConfigError
        When a column is not in the table or a segment is called "all".
    DataError
        When durations, entries or weights are missing, negative or otherwise impossible, with counts.
    """
    require_columns(table, columns.duration, columns.segment, columns.cluster, columns.entry, columns.weight)
    duration = _times(table, columns.duration)
    weight = np.ones(len(table))
    if columns.weight:
        weight = _numbers(table, columns.weight)
        whole = np.isfinite(weight) & (weight >= 0) & (weight == np.round(weight))
        check_rows(~whole, table[columns.weight], allowed="whole numbers of rows, 0 or more")
    entry = None
    if columns.entry:
        entry = _times(table, columns.entry)
        check_rows(entry > duration, table[columns.entry], allowed=f"at most {columns.duration} of the same row")
    cluster = cluster_codes(table, columns.cluster) if columns.cluster else None
    segment, labels = _segments(table, columns.segment)
    return Spells(duration, status, weight, entry, cluster, segment, labels)


def event_status(table: pd.DataFrame, event_col: str) -> IntArray:
    """1 where the event was seen, 0 where the row is censored; the column is boolean or 0/1."""
    require_columns(table, event_col)
    return indicator(table, event_col).astype(np.int64)


def outcome_status(table: pd.DataFrame, outcome_col: str, outcomes: Sequence[str]) -> IntArray:
    """1, 2, ... for the outcomes in the order given, 0 (censored) for every other value; none may be missing."""
    require_columns(table, outcome_col)
    if not outcomes or len(set(outcomes)) < len(outcomes):
        raise ConfigError(f"outcomes: found {tuple(outcomes)}, needed is at least one, each named once")
    column = table[outcome_col]
    check_rows(column.isna().to_numpy(), column, allowed="an outcome in every row; name those still running, e.g. open")
    return pd.Index(list(outcomes)).get_indexer(pd.Index(column)).astype(np.int64) + 1


def outcome_code(outcome: str, outcomes: Sequence[str]) -> int:
    """Position of an outcome among those that compete."""
    if outcome not in outcomes:
        raise ConfigError(f"outcome: found {outcome!r}, allowed are {', '.join(outcomes)}")
    return list(outcomes).index(outcome)


def require_segments(segment_col: str) -> None:
    """A comparison needs a column to compare by."""
    if not segment_col:
        raise ConfigError("segment_col: a column with at least two segments is needed")


def covariate_values(table: pd.DataFrame, covariates: Sequence[str]) -> FloatArray:
    """Rows x covariates; every value must be a finite number."""
    require_columns(table, *covariates)
    values = np.empty((len(table), len(covariates)))
    for position, name in enumerate(covariates):
        values[:, position] = _numbers(table, name)
        check_rows(~np.isfinite(values[:, position]), table[name], allowed="a finite number in every row")
    return values


def observed_spells(
    table: pd.DataFrame, columns: Columns, status: IntArray, values: FloatArray
) -> tuple[Spells, FloatArray]:
    """Spells and covariates of the rows that were ever under observation."""
    spells = read_spells(table, columns, status)
    seen = spells.weight > 0
    if spells.entry is not None:
        seen &= (spells.entry < spells.duration) | (spells.duration == 0)
    return spells.take(seen), values[seen]


def _times(table: pd.DataFrame, name: str) -> FloatArray:
    values = _numbers(table, name)
    usable = np.isfinite(values) & (values >= 0)
    check_rows(~usable, table[name], allowed="finite numbers, 0 or more")
    return values


def _numbers(table: pd.DataFrame, name: str) -> FloatArray:
    """Column as floats, NaN where there is no number; dates and time differences are refused, not read as counts."""
    if table[name].dtype.kind in "mM":
        raise DataError(f"{name}: found {table[name].dtype}, needed are numbers, e.g. of days")
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _segments(table: pd.DataFrame, segment_col: str) -> tuple[IntArray, tuple[str, ...]]:
    """Position of each row's segment; categories keep their order, other values are sorted, missing comes last."""
    if not segment_col:
        return np.zeros(len(table), dtype=np.int64), ()
    column = table[segment_col]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    column = column.cat.remove_unused_categories()
    labels = [str(value) for value in column.cat.categories]
    codes = column.cat.codes.to_numpy().astype(np.int64)
    if (codes < 0).any():
        if MISSING not in labels:
            labels.append(MISSING)
        codes = np.where(codes < 0, labels.index(MISSING), codes)
    if ALL in labels:
        raise ConfigError(f"{segment_col}: a segment is called {ALL!r}, the name of the overall row; rename it")
    return codes, tuple(labels)
