"""Covariates of a model: checked before the fit, and levels of a category as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cj_helpers.contract import ABANDONED, COMPLETED, MISSING, OTHER, ConfigError, DataError
from cj_helpers.inference import BoolArray, FloatArray, IntArray, require_columns
from cj_helpers.survival.fitting import combination_of, estimable
from cj_helpers.survival.spells import Columns, Spells, covariate_values, observed_spells, outcome_status

#: Events that a covariate needs (Peduzzi et al. 1995).
LEAST_EVENTS = 10
#: More levels than this make a column an identifier rather than a property.
MAX_LEVELS = 50
#: What the rare levels of a category become together.


@dataclass(frozen=True)
class ModelData:
    """Rows of a model: spells, covariates (rows x names) and, for start-stop rows, whose they are."""

    spells: Spells
    x: FloatArray
    names: tuple[str, ...]
    spell: IntArray | None = None

    @property
    def n(self) -> int:
        """Spells; rows when no spells are known."""
        return self.spells.n if self.spell is None else len(np.unique(self.spell))

    def take(self, rows: BoolArray, *, columns: Sequence[int] | None = None) -> ModelData:
        chosen = range(len(self.names)) if columns is None else columns
        values = self.x[rows][:, list(chosen)]
        spell = None if self.spell is None else self.spell[rows]
        return ModelData(self.spells.take(rows), values, tuple(self.names[j] for j in chosen), spell)


def covariate_checks(
    table: pd.DataFrame,
    *,
    covariates: Sequence[str],
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    entry_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """What stands in the way of a Cox model of each outcome, named before it is fitted.

    Parameters
    ----------
    table : DataFrame
        One row per spell, or start-stop rows with `entry_col`.
    covariates : sequence of str
        Numeric or boolean columns without missing values, the most important first.
    duration_col, entry_col, weight_col
        As in `survival_curve`.
    outcome_col, outcomes
        As in `cumulative_incidence`.

    Returns
    -------
    DataFrame
        One row per outcome and covariate: outcome, term, is_used, problem (used | constant | combination | separated |
        few_events), of_terms (the covariates of which it is a combination), n_events (of the outcome), remedy.

    Raises
    ------
    ConfigError, DataError
        When a column is missing, named twice, or holds missing or infinite values.

    Notes
    -----
    Covariates beyond one for each ten events are left out from the end (Peduzzi et al. 1995).
    """
    data = read_model(
        table, covariates, Columns(duration_col, entry=entry_col, weight=weight_col), (outcome_col, outcomes)
    )
    parts = [checked_covariates(data, code, str(outcome)) for code, outcome in enumerate(outcomes, start=1)]
    return pd.concat(parts, ignore_index=True)


def level_columns(
    table: pd.DataFrame, *, columns: Sequence[str], least_share: float = 0.02, most: int = 6
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Categories as columns of 0 and 1, one for each level but the most frequent one that is known.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    columns : sequence of str
        Columns of text or categories; a missing value is the level "(missing)".
    least_share : float
        Levels rarer than this become "(other)" together.
    most : int
        Most levels besides the one that the others are compared with; rarer ones join "(other)".

    Returns
    -------
    table : DataFrame
        With the new columns ``COLUMN: LEVEL``.
    reference : dict
        Each new column and the level it is compared with.

    Raises
    ------
    ConfigError
        When a column is not in the table.
    DataError
        When a column has more than 50 levels of which none reaches `least_share`.
    """
    require_columns(table, *columns)
    new: dict[str, FloatArray] = {}
    reference: dict[str, str] = {}
    for column in columns:
        text = table[column].astype("string").fillna(MISSING).astype(str)
        shares = text.value_counts(normalize=True).sort_index().sort_values(ascending=False, kind="stable")
        if len(shares) > MAX_LEVELS and shares.iloc[0] < least_share:
            raise DataError(
                f"{column}: {len(shares):,} levels in {len(table):,} rows, none common; group them or leave it out"
            )
        known = [level for level in shares.index if level != MISSING]
        order = [*known[:1], *shares.index.drop(known[:1])]
        kept = [level for level in order[: most + 1] if shares[level] >= least_share]
        grouped = text.where(text.isin(kept), OTHER)
        for level in [*kept[1:], *([OTHER] if (grouped == OTHER).any() else [])]:
            new[f"{column}: {level}"] = (grouped == level).to_numpy(dtype=float)
            reference[f"{column}: {level}"] = kept[0]
    return table.assign(**new), reference


def read_model(
    table: pd.DataFrame,
    covariates: Sequence[str],
    columns: Columns,
    outcome: tuple[str, Sequence[str]],
    spell_col: str = "",
) -> ModelData:
    """Checked rows with their covariates and the number of the spell each belongs to."""
    if not covariates or len(set(covariates)) < len(covariates):
        raise ConfigError(f"covariates: found {list(covariates)}, needed is at least one, each named once")
    values = covariate_values(table, covariates)
    if spell_col:
        require_columns(table, spell_col)
        values = np.column_stack([values, pd.factorize(table[spell_col])[0]])
    spells, values = observed_spells(table, columns, outcome_status(table, *outcome), values)
    if not spell_col:
        return ModelData(spells, values, tuple(covariates))
    return ModelData(spells, values[:, :-1], tuple(covariates), values[:, -1].astype(np.int64))


def of_outcome(data: ModelData, code: int) -> ModelData:
    """Rows that could meet an event of the outcome, every other end censored."""
    spells = data.spells
    status = (spells.status == code).astype(np.int64)
    first = spells.duration[(status > 0)].min(initial=np.inf)
    one = ModelData(spells.with_status(status), data.x, data.names, data.spell)
    return one.take(spells.duration >= first)


def checked_covariates(data: ModelData, code: int, outcome: str) -> pd.DataFrame:
    own = of_outcome(data, code)
    n_events = int(own.spells.weight[own.spells.status > 0].sum())
    room = n_events // LEAST_EVENTS
    kept = estimable(own.x, own.spells.weight) if n_events else np.zeros(len(data.names), dtype=bool)
    rows, used = [], 0
    for j, name in enumerate(data.names):
        problem, of_terms = ("used", "") if kept[j] else _obstacle(own, j, kept)
        if problem == "used" and _separated(own, j):
            problem = "separated"
        if problem == "used" and used >= room:
            problem = "few_events"
        used += problem == "used"
        remedy = REMEDIES[problem].format(of_terms=of_terms, events=n_events, least=LEAST_EVENTS)
        rows.append((outcome, name, problem == "used", problem, of_terms, n_events, remedy))
    names = ["outcome", "term", "is_used", "problem", "of_terms", "n_events", "remedy"]
    return pd.DataFrame(rows, columns=names)


REMEDIES = {
    "used": "",
    "constant": "leave it out: it has the same value in all rows that could be compared",
    "combination": "leave it or one of {of_terms} out: it follows from them",
    "separated": "merge its rare value with another: all events, or none, are in one of its two values",
    "few_events": "{events} events allow one covariate for each {least}; merge levels or take a longer window",
}


def _obstacle(data: ModelData, j: int, kept: BoolArray) -> tuple[str, str]:
    """Why a covariate is not estimable, and of which earlier ones it is a combination."""
    column = data.x[:, j]
    if not len(column) or np.ptp(column) <= 1e-10 * max(float(np.abs(column).max()), 1e-300):
        return "constant", ""
    earlier = np.flatnonzero(kept[:j])
    return "combination", ", ".join(data.names[k] for k in combination_of(data.x, j, earlier))


def _separated(data: ModelData, j: int) -> bool:
    """Whether a covariate of two values has all events, or none, in one of them."""
    column, died = data.x[:, j], data.spells.status > 0
    levels = np.unique(column)
    return len(levels) == 2 and len(np.unique(column[died])) < 2
