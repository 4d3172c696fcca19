"""Checks of arguments and columns that the score and its drivers share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from cj_helpers.contract import ConfigError, DataError

NOT_APPLICABLE = "__not_applicable"  # ending of the companion column: the question did not apply
CODED = "__missing_code"  # ending of the companion column: the answer is a declared code for none
SHOWN = 3  # how many rows or codes an error names


def require_columns(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse columns that the table does not have; the message lists the absent ones."""
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise ConfigError(
            f"answers: no column {', '.join(absent)}; there are {', '.join(map(str, table.columns))}. "
            f"Name one of these, or map the column in dataset.yml under tables.surveys."
        )


def require_conf_level(conf_level: float) -> None:
    """Refuse a confidence level that is not a share between 0 and 1."""
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level is {conf_level}; it must lie between 0 and 1, as in 0.95.")


def row_numbers(mask: np.ndarray) -> str:
    """Name the first marked rows, counted from 1 without the header."""
    return ", ".join(f"{row + 1:,}" for row in np.flatnonzero(mask)[:SHOWN])


def number_column(table: pd.DataFrame, column: str) -> np.ndarray:
    """Take a column as floats with NaN for blanks; text, truth values and infinity are refused."""
    raw = table[column]
    if not pd.api.types.is_numeric_dtype(raw.dtype):  # as objects, or a date would pass as nanoseconds
        raw = pd.to_numeric(raw.astype(object), errors="coerce")
    numbers = raw.to_numpy(dtype=float, na_value=np.nan)
    wrong = table[column].notna().to_numpy() & ~np.isfinite(numbers)
    if pd.api.types.is_bool_dtype(raw.dtype):
        wrong = raw.notna().to_numpy()
    if wrong.any():
        raise DataError(
            f"answers: {wrong.sum():,} of {len(table):,} values of {column} are not finite numbers "
            f"(first: row {row_numbers(wrong)}). Declare codes for blanks under survey.missing in "
            f"dataset.yml, or correct the source."
        )
    return numbers


def recode(codes: np.ndarray) -> np.ndarray:
    """Renumber a selection of codes without gaps, so that the highest code counts them."""
    return np.unique(codes, return_inverse=True)[1]


def t_quantile(conf_level: float, degrees: float) -> float:
    """Two-sided quantile of Student's t."""
    return float(stdtrit(degrees, 0.5 + conf_level / 2))


def companion_flag(answers: pd.DataFrame, column: str, ending: str) -> np.ndarray:
    """Marks in the column beside an answer; none where there is no such column."""
    if column + ending not in answers.columns:
        return np.zeros(len(answers), dtype=bool)
    return answers[column + ending].eq(True).fillna(False).to_numpy(dtype=bool)
