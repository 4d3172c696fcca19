"""What operations see of the score: how the last journey before the answer went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import ABANDONED, COMPLETED, DataError
from cj_helpers.inference import adjust_p_values, cluster_codes, normal_quantile
from cj_helpers.nps.driver_data import control_columns
from cj_helpers.nps.inputs import number_column, recode, require_columns
from cj_helpers.nps.ordinal import OrdinalFit, fit_ordinal
from cj_helpers.nps.scores import answer_values, estimate_score
from cj_helpers.nps.worth import score_difference

NO_JOURNEY = "no journey"
FEWEST = 20  # answers a level needs to be estimated
COLUMNS = ("last_outcome", "last_journey", "last_ended_days", "last_wait_hours", "last_handoffs", "last_repeats")
#: Levels of each factor, the reference first.
LEVELS = {
    "outcome": (COMPLETED, ABANDONED, NO_JOURNEY),
    "wait": ("up to 1 day", "1 to 3 days", "over 3 days"),
    "handoffs": ("0", "1", "2 or more"),
    "repeats": ("0", "1", "2 or more"),
}


def journey_drivers(
    answers: pd.DataFrame,
    *,
    window_days: float = 30,
    nps_col: str = "nps",
    controls: Sequence[str] = (),
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compare the score by how the last journey that ended before the answer went.

    Parameters
    ----------
    answers : DataFrame
        One row per answer with the columns of `journeys.last_ended`: last_outcome, last_journey, last_ended_days (days
        from its end to the answer), last_wait_hours (longest wait in it), last_handoffs, last_repeats; missing where
        no journey had ended.
    window_days : float
        A journey that ended longer ago counts as none.
    controls : sequence of str
        Further columns held constant, such as the month and kinds of customers.
    cluster_col : str
        Customer of an answer.

    Returns
    -------
    DataFrame
        One row per factor and case, the reference first: factor (outcome, wait, handoffs, repeats), case, n,
        n_customers, nps (raw, points), nps_low, nps_high, difference (adjusted, points against the reference),
        conf_low, conf_high, log_odds (of a higher answer against the reference), std_error, p_value, p_adjusted (Holm
        over all rows that are compared). NaN with fewer than 20 answers of a level, whose answers the model leaves out.

    Raises
    ------
    ConfigError
        A column does not exist.
    DataError
        No journey ended in the window before an answer, or the model has no finite estimate.

    Notes
    -----
    The answer is the landmark: only journeys that had ended before it count, so nothing is used that was not known
    then. The proportional-odds model holds the other factors, which journey it was, and the controls constant. The
    ratings of the same survey are not held constant: they are part of what a journey leaves behind. The difference is
    the mean over answers that follow a journey. Association, not effect: easy cases wait less and are happier.
    """
    require_columns(answers, [*COLUMNS, *controls, *([cluster_col] if cluster_col else [])])
    values = answer_values(answers, nps_col)
    used = answers[~np.isnan(values)].reset_index(drop=True)
    values = values[~np.isnan(values)]
    customers = cluster_codes(used, cluster_col)
    recent = (used["last_ended_days"] <= window_days).to_numpy()
    if not recent.any():
        raise DataError(
            f"answers: none of {len(used):,} follows a journey that ended in the {window_days:g} days before it, so "
            f"the score cannot be compared by journey. Widen the window, or check that surveys and events share ids."
        )
    levels = _levels(used, recent)
    rows = []
    for factor, names in LEVELS.items():
        for level in names:
            raw = _raw(values, customers, _members(levels, factor, level, recent), conf_level)
            rows.append({"factor": factor, "case": level, **raw})
    table = pd.DataFrame(rows)
    compared = [(factor, level) for factor, names in LEVELS.items() for level in names[1:]]
    model = _Model(used, levels, recent, table)
    found = model.fit(nps_col, controls, customers, conf_level)
    effects = pd.DataFrame([found.get(name, {}) for name in compared])
    effects = effects.assign(factor=[factor for factor, _ in compared], case=[level for _, level in compared])
    columns = ["difference", "conf_low", "conf_high", "log_odds", "std_error", "p_value"]
    table = table.merge(effects.reindex(columns=["factor", "case", *columns]), on=["factor", "case"], how="left")
    return table.assign(p_adjusted=adjust_p_values(table["p_value"].to_numpy(dtype=float)))


def _levels(answers: pd.DataFrame, recent: np.ndarray) -> pd.DataFrame:
    """Level of each factor; the reference where no journey ended lately, but for the outcome."""
    found = {"outcome": np.where(recent, answers["last_outcome"].astype(object), NO_JOURNEY)}
    borders = {
        "wait": ("last_wait_hours", (24, 72)),
        "handoffs": ("last_handoffs", (0, 1)),
        "repeats": ("last_repeats", (0, 1)),
    }
    for factor, (column, ends) in borders.items():
        numbers = np.where(recent, np.nan_to_num(number_column(answers, column)), 0.0)
        found[factor] = np.array(LEVELS[factor], dtype=object)[np.searchsorted(ends, numbers, side="left")]
    return pd.DataFrame(found)


def _members(levels: pd.DataFrame, factor: str, level: str, recent: np.ndarray) -> np.ndarray:
    return (levels[factor].eq(level) & (recent | (level == NO_JOURNEY))).to_numpy()


def _raw(values: np.ndarray, customers: np.ndarray, chosen: np.ndarray, conf_level: float) -> dict[str, float]:
    found = estimate_score(values[chosen], np.ones(int(chosen.sum())), customers[chosen], conf_level)
    counts = {"n": int(chosen.sum()), "n_customers": len(np.unique(customers[chosen]))}
    return {**counts, "nps": found.estimate, "nps_low": found.conf_low, "nps_high": found.conf_high}


class _Model:
    """Ordinal model of the levels with enough answers."""

    def __init__(self, answers: pd.DataFrame, levels: pd.DataFrame, recent: np.ndarray, table: pd.DataFrame) -> None:
        small = table[table["n"] < FEWEST]
        out = np.zeros(len(answers), dtype=bool)
        for row in small.itertuples():
            out |= _members(levels, str(row.factor), str(row.case), recent)
        self.kept, self.answers, self.recent = ~out, answers[~out], recent[~out]
        self.terms = {
            (factor, level): levels.loc[~out, factor].eq(level).to_numpy(dtype=float)
            for factor, names in LEVELS.items()
            for level in names[1:]
            if levels.loc[~out, factor].eq(level).any() and levels.loc[~out, factor].ne(level).any()
        }

    def fit(
        self, nps_col: str, controls: Sequence[str], customers: np.ndarray, conf_level: float
    ) -> dict[tuple[str, str], dict[str, float]]:
        """Adjusted difference of each level from the reference of its factor."""
        journey = self.answers["last_journey"].astype(object).where(self.recent, NO_JOURNEY)
        held, names = control_columns(self.answers.assign(last_journey=journey), ["last_journey", *controls])
        kept = [j for j, name in enumerate(names) if name != f"last_journey[{NO_JOURNEY}]"]
        design = np.column_stack([*self.terms.values(), held[:, kept]])
        labels = [f"{factor} {level}" for factor, level in self.terms] + [names[j] for j in kept]
        design, labels = _without_ties(design, labels, len(self.terms))
        codes = recode(customers[self.kept])
        clusters = codes if codes.max() + 1 < len(codes) else None
        fit = fit_ordinal(number_column(self.answers, nps_col), design, names=labels, clusters=clusters)
        return {name: self._contrast(fit, design, name, conf_level) for name in self.terms}

    def _contrast(
        self, fit: OrdinalFit, design: np.ndarray, name: tuple[str, str], conf_level: float
    ) -> dict[str, float]:
        """Score with every answer after a journey at this level minus that at the reference."""
        factor, _level = name
        own = [j for j, (other, _name) in enumerate(self.terms) if other == factor]
        place = list(self.terms).index(name)
        before = design[self.recent].copy()
        before[:, own] = 0
        after = before.copy()
        after[:, place] = 1
        difference, variance = score_difference(fit, before, after)
        half = normal_quantile(conf_level) * np.sqrt(variance)
        slope, error = float(fit.slopes[place]), float(fit.errors[place])
        return {
            "difference": difference,
            "conf_low": difference - half,
            "conf_high": difference + half,
            "log_odds": slope,
            "std_error": error,
            "p_value": float(2 * ndtr(-abs(slope) / error)),
        }


def _without_ties(design: np.ndarray, labels: list[str], n_terms: int) -> tuple[np.ndarray, list[str]]:
    """Drop controls that the columns before them reproduce."""
    kept: list[int] = []
    basis = np.ones((len(design), 1)) / np.sqrt(len(design))
    for j in range(design.shape[1]):
        rest = design[:, j] - basis @ (basis.T @ design[:, j])
        rest = rest - basis @ (basis.T @ rest)
        size = float(np.sqrt(rest @ rest))
        if size > 1e-7 * np.sqrt(len(design)):
            basis = np.column_stack([basis, rest / size])
            kept.append(j)
        elif j < n_terms:
            raise DataError(
                f"answers: {labels[j]} goes together with other properties of the last journey in every answer, so "
                f"they cannot be told apart. Wait for more answers."
            )
    return design[:, kept], [labels[j] for j in kept]
