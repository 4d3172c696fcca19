"""Which answers a driver analysis can use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cj_helpers.contract import ConfigError
from cj_helpers.nps.importance import MOST_DRIVERS
from cj_helpers.nps.inputs import NOT_APPLICABLE, companion_flag, number_column, require_columns


def driver_cases(
    answers: pd.DataFrame, *, drivers: Mapping[str, Sequence[str]], outcome_col: str = "nps"
) -> pd.DataFrame:
    """Count the answers a driver analysis can use, and why it cannot use the others.

    Parameters
    ----------
    answers : DataFrame
        One row per answer; drivers and outcome are numbers, NaN where missing or not applicable. A driver that
        was answered "not used" has True in the column ``<driver>__not_applicable``; without that column every
        NaN counts as missing.
    drivers : mapping of str to sequence of str
        Columns of each dimension.

    Returns
    -------
    DataFrame
        One row: n_answers, n_outcome_missing, n_with_outcome, and of these n_complete, n_not_applicable (at
        least one driver not used), n_missing (all others: a driver left blank, none not used), and
        complete_share (n_complete / n_with_outcome, NaN without any).

    Raises
    ------
    ConfigError, DataError
        As in `drivers`, for the columns.
    """
    listing = list_drivers(answers, drivers, outcome_col)
    values = np.column_stack([number_column(answers, name) for name in listing["driver"]])
    unused = np.column_stack([companion_flag(answers, name, NOT_APPLICABLE) for name in listing["driver"]])
    outcome = ~np.isnan(number_column(answers, outcome_col))
    blank = np.isnan(values)
    n_outcome, n_complete = int(outcome.sum()), int((outcome & ~blank.any(axis=1)).sum())
    n_unused = int((outcome & (blank & unused).any(axis=1)).sum())
    return pd.DataFrame(
        {
            "n_answers": [len(answers)],
            "n_outcome_missing": [len(answers) - n_outcome],
            "n_with_outcome": [n_outcome],
            "n_complete": [n_complete],
            "n_not_applicable": [n_unused],
            "n_missing": [n_outcome - n_complete - n_unused],
            "complete_share": [n_complete / n_outcome if n_outcome else np.nan],
        }
    )


def list_drivers(answers: pd.DataFrame, drivers: Mapping[str, Sequence[str]], outcome_col: str) -> pd.DataFrame:
    """One row per driver with its dimension; every column exists and is named once (no outcome: "")."""
    for dimension, names in drivers.items():
        if isinstance(names, str):
            raise ConfigError(f"drivers: {dimension} is {names!r}; give a list of columns, as [{names!r}].")
    listing = pd.DataFrame(
        [(name, dimension) for dimension, names in drivers.items() for name in names],
        columns=["driver", "dimension"],
    )
    if not 1 <= len(listing) <= MOST_DRIVERS:
        raise ConfigError(
            f"drivers: {len(listing)} columns are named; allowed are 1 to {MOST_DRIVERS}. "
            f"Split them over several runs, or keep those that matter."
        )
    used = pd.Series([*listing["driver"], *([outcome_col] if outcome_col else [])])
    if used.duplicated().any():
        twice = ", ".join(used[used.duplicated()].unique())
        raise ConfigError(f"drivers: {twice} is named more than once (drivers and outcome). Keep one of them.")
    require_columns(answers, list(used))
    return listing
