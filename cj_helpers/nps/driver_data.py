"""The answers a driver model uses, as arrays: complete ones, or all with missing ratings imputed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cj_helpers.contract import MISSING, ConfigError, DataError
from cj_helpers.inference import cluster_codes
from cj_helpers.nps.cases import list_drivers
from cj_helpers.nps.imputation import impute
from cj_helpers.nps.inputs import NOT_APPLICABLE, companion_flag, number_column, recode, require_columns

COMPLETE_CASE, IMPUTED = "complete_case", "imputed"
METHODS = (COMPLETE_CASE, IMPUTED)
N_SETS = 10
FEWEST_UNUSED = 10  # "not used" by fewer answers has no indicator of its own; those answers are left out
MAX_LEVELS = 50
UNUSED = " (not used)"


@dataclass(frozen=True)
class DriverData:
    """Answers ready for a model.

    Attributes
    ----------
    listing : DataFrame
        One row per driver: driver, dimension.
    outcome : array of shape (n,)
    sets : list of arrays of shape (n, p)
        Ratings, once for complete cases and once per imputation; a rating that does not apply holds the mean.
    unused : array of shape (n, q)
        Indicators of "not used".
    unused_of : list of int
        Driver (position) that each indicator belongs to.
    controls : array of shape (n, c)
        Columns held constant.
    control_names : list of str
    customers : array of shape (n,)
        Customer of each answer, 0, 1, ...
    rows : array of shape (n,)
        Position of each answer in the table it came from.
    method : {"complete_case", "imputed"}
    """

    listing: pd.DataFrame
    outcome: np.ndarray
    sets: list[np.ndarray]
    unused: np.ndarray
    unused_of: list[int]
    controls: np.ndarray
    control_names: list[str]
    customers: np.ndarray
    rows: np.ndarray
    method: str

    @property
    def names(self) -> list[str]:
        """Names of all terms in the order of `design`."""
        drivers = list(self.listing["driver"])
        return [*drivers, *(f"{drivers[j]}{UNUSED}" for j in self.unused_of), *self.control_names]

    @property
    def n_customers(self) -> int:
        """Customers behind the answers."""
        return int(self.customers.max()) + 1

    @property
    def clusters(self) -> np.ndarray | None:
        """Customers where some answered more than once, else None."""
        return self.customers if self.n_customers < len(self.outcome) else None

    def design(self, ratings: np.ndarray) -> np.ndarray:
        """Terms of one of the `sets`: drivers, indicators, controls."""
        return np.column_stack([ratings, self.unused, self.controls])


def driver_data(
    answers: pd.DataFrame,
    drivers: Mapping[str, Sequence[str]],
    *,
    outcome_col: str,
    cluster_col: str = "",
    method: str = COMPLETE_CASE,
    controls: Sequence[str] = (),
    seed: int = 0,
) -> DriverData:
    """Take the answers that a model of these drivers can use.

    Raises
    ------
    ConfigError
        A column does not exist or is named twice, or the method is unknown.
    DataError
        A column holds no numbers, there are too few answers, or a driver is constant or reproduced by others.
    """
    if method not in METHODS:
        raise ConfigError(f"method is {method!r}; allowed are {', '.join(METHODS)}.")
    listing = list_drivers(answers, drivers, outcome_col)
    require_columns(answers, [*([cluster_col] if cluster_col else []), *controls])
    values = np.column_stack([number_column(answers, name) for name in listing["driver"]])
    unused = np.column_stack([companion_flag(answers, name, NOT_APPLICABLE) for name in listing["driver"]]) & np.isnan(
        values
    )
    outcome = number_column(answers, outcome_col)
    kept = ~np.isnan(outcome)
    if method == COMPLETE_CASE:
        kept &= ~np.isnan(values).any(axis=1)
        unused = np.zeros_like(unused)
    rare = (unused[kept].sum(axis=0) < FEWEST_UNUSED) & unused[kept].any(axis=0)
    kept &= ~unused[:, rare].any(axis=1)
    names = [*listing["driver"], outcome_col]
    _require_enough(np.column_stack([values, outcome]), kept, names)
    values, unused, outcome = values[kept], unused[kept], outcome[kept]
    customers = recode(cluster_codes(answers, cluster_col)[kept])
    _require_variation(np.column_stack([values, outcome]), names, customers)
    held, held_names = control_columns(answers[kept], controls)
    shown, shown_of = _indicators(unused)
    return DriverData(
        listing,
        outcome,
        _fill(values, unused, np.column_stack([outcome, shown, held]), seed),
        shown,
        shown_of,
        held,
        held_names,
        customers,
        np.flatnonzero(kept),
        method,
    )


def _fill(values: np.ndarray, unused: np.ndarray, beside: np.ndarray, seed: int) -> list[np.ndarray]:
    """Put the mean where a rating does not apply, and impute what is missing."""
    missing = np.isnan(values) & ~unused
    means = np.nanmean(values, axis=0)
    return impute(np.where(unused, means, values), missing, beside, n_sets=N_SETS, seed=seed)


def _indicators(unused: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Columns of "not used", each different one once."""
    chosen: list[int] = []
    for j in np.flatnonzero(unused.any(axis=0)):
        if not any((unused[:, j] == unused[:, other]).all() for other in chosen):
            chosen.append(int(j))
    return unused[:, chosen].astype(float), chosen


def control_columns(answers: pd.DataFrame, controls: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Numbers and truth values as they are, text as one column per level but the most frequent.

    Raises
    ------
    DataError
        A number is missing, or a text has more than 50 levels.
    """
    columns: dict[str, np.ndarray] = {}
    for name in controls:
        column = answers[name]
        if pd.api.types.is_numeric_dtype(column.dtype) and not column.isna().any():
            columns[name] = column.to_numpy(dtype=float)
            continue
        text = column.astype(object).map(str, na_action="ignore").where(column.notna(), MISSING)
        counts = text.value_counts()
        if len(counts) > MAX_LEVELS:
            raise DataError(
                f"controls: {name} has {len(counts):,} different values in {len(text):,} answers; at most "
                f"{MAX_LEVELS} are allowed. Group them, or leave the column out."
            )
        common = min(counts.index, key=lambda level: (-counts[level], level), default="")
        columns |= {f"{name}[{level}]": text.eq(level).to_numpy(float) for level in sorted(counts.index.drop(common))}
    return _independent(columns, len(answers))


def affordable_controls(answers: pd.DataFrame, names: Sequence[str], *, per_term: int = 20) -> list[str]:
    """Keep those columns to hold constant that the number of answers bears, in the order given.

    Parameters
    ----------
    per_term : int
        Answers needed for each term of the columns kept.
    """
    kept: list[str] = []
    left = len(answers) // per_term
    for name in names:
        column = answers[name]
        terms = 1 if pd.api.types.is_numeric_dtype(column.dtype) else column.nunique(dropna=False) - 1
        if terms <= min(left, MAX_LEVELS - 1):
            kept.append(name)
            left -= terms
    return kept


def _independent(columns: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, list[str]]:
    """Drop columns that are constant or a combination of earlier ones."""
    kept: list[str] = []
    basis = np.ones((n, 1)) / np.sqrt(max(n, 1))
    for name, column in columns.items():
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        size = np.sqrt(rest @ rest)
        if size > 1e-7 * max(np.sqrt(column @ column), 1e-300):
            kept.append(name)
            basis = np.column_stack([basis, rest / size])
    return np.column_stack([np.empty((n, 0)), *(columns[name] for name in kept)]), kept


def _require_enough(values: np.ndarray, kept: np.ndarray, columns: Sequence[str]) -> None:
    """Refuse n <= p + 2 usable answers for p drivers."""
    needed, n = len(columns) + 2, int(kept.sum())
    filled = np.count_nonzero(~np.isnan(values[kept] if n else values), axis=0)
    if n >= needed and filled.min() >= needed:
        return
    filled = np.count_nonzero(~np.isnan(values), axis=0)
    least = int(filled.argmin())
    raise DataError(
        f"drivers: {n:,} of {len(values):,} answers have the outcome {columns[-1]} and all "
        f"{len(columns) - 1} drivers; at least {needed} are needed. The least answered is {columns[least]} "
        f"({filled[least]:,} answers). Leave out drivers that few answered."
    )


def _require_variation(values: np.ndarray, columns: Sequence[str], customers: np.ndarray) -> None:
    spread = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    constant = [name for name, size in zip(columns, spread, strict=True) if size == 0]
    if constant:
        raise DataError(
            f"drivers: {', '.join(constant)} has the same value in all {len(values):,} complete answers, so "
            f"nothing can go with it. Leave it out, or choose another outcome."
        )
    if customers.max() == 0:
        raise DataError(f"drivers: all {len(values):,} complete answers come from one customer; at least 2 are needed.")
