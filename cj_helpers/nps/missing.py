"""Which ratings are missing, who left them out, and which drivers cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cj_helpers.nps.cases import list_drivers
from cj_helpers.nps.differences import nps_difference
from cj_helpers.nps.inputs import CODED, NOT_APPLICABLE, companion_flag, number_column, require_columns


def missing_ratings(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    nps_col: str = "",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Show for each driver what is missing, and whether those who left it out recommend less.

    Parameters
    ----------
    answers : DataFrame
        One row per answer, with ``<driver>__not_applicable`` and ``<driver>__missing_code`` where codes are declared.
    nps_col : str
        Answers from 0 to 10 to compare by; "" for none.

    Returns
    -------
    DataFrame
        One row per driver: driver, dimension, n (answers), n_given, n_blank (left empty), n_missing_coded (a declared
        code), n_not_applicable, given_share (n_given / those whom the question concerns), difference (NPS of those who
        gave no rating although it concerned them, minus that of those who did, in points), conf_low, conf_high.

    Raises
    ------
    ConfigError, DataError
        As in `driver_cases` and `nps_score`.
    """
    listing = list_drivers(answers, drivers, nps_col or "")
    require_columns(answers, [cluster_col] if cluster_col else [])
    rows = []
    for name in listing["driver"]:
        given = ~np.isnan(number_column(answers, name))
        unused = companion_flag(answers, name, NOT_APPLICABLE) & ~given
        coded = companion_flag(answers, name, CODED) & ~given & ~unused
        blank = ~given & ~unused & ~coded
        asked = int((~unused).sum())
        row: dict[str, float] = {"n": len(answers), "n_given": int(given.sum()), "n_blank": int(blank.sum())}
        row |= {"n_missing_coded": int(coded.sum()), "n_not_applicable": int(unused.sum())}
        row |= {"given_share": given.sum() / asked if asked else np.nan}
        if nps_col:
            sides = np.where(unused, np.nan, (~given).astype(float))
            found = nps_difference(answers, sides, nps_col=nps_col, cluster_col=cluster_col, conf_level=conf_level)
            row |= {"difference": found["estimate"], "conf_low": found["conf_low"], "conf_high": found["conf_high"]}
        rows.append(row)
    return pd.concat([listing, pd.DataFrame(rows)], axis=1)


def usable_drivers(
    answers: pd.DataFrame, *, drivers: Mapping[str, Sequence[str]], outcome_col: str = "nps", fewest: int = 30
) -> pd.DataFrame:
    """Say which drivers a model can use, so that one bad question does not cost the whole analysis.

    Parameters
    ----------
    fewest : int
        Ratings beside an outcome that a driver needs.

    Returns
    -------
    DataFrame
        One row per driver: driver, dimension, n (ratings beside an outcome), reason: "" when it is usable, else
        "fewer than 30 ratings", "the same rating everywhere", or "the same ratings as <driver>" (an earlier one, or its
        mirror image, in every answer that has both).

    Raises
    ------
    ConfigError, DataError
        As in `driver_cases`.
    """
    listing = list_drivers(answers, drivers, outcome_col)
    outcome = ~np.isnan(number_column(answers, outcome_col))
    columns = {name: np.where(outcome, number_column(answers, name), np.nan) for name in listing["driver"]}
    reasons: dict[str, str] = {}
    for name, column in columns.items():
        known = column[~np.isnan(column)]
        if len(known) < fewest:
            reasons[name] = f"fewer than {fewest} ratings"
        elif np.ptp(known) == 0:
            reasons[name] = "the same rating everywhere"
        else:
            twins = (other for other, found in reasons.items() if not found and _equal(columns[other], column))
            twin = next(twins, "")
            reasons[name] = f"the same ratings as {twin}" if twin else ""
    counts = [int((~np.isnan(column)).sum()) for column in columns.values()]
    return listing.assign(n=counts, reason=list(reasons.values()))


def keep_usable(drivers: Mapping[str, Sequence[str]], usable: pd.DataFrame) -> dict[str, list[str]]:
    """Leave out the drivers to which `usable_drivers` has a reason, and dimensions that become empty."""
    good = set(usable.loc[usable["reason"].eq(""), "driver"])
    kept = {dimension: [name for name in names if name in good] for dimension, names in drivers.items()}
    return {dimension: names for dimension, names in kept.items() if names}


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two ratings are a straight line of one another in all answers that have both."""
    both = ~np.isnan(first) & ~np.isnan(second)
    if both.sum() < 3 or np.ptp(first[both]) == 0 or np.ptp(second[both]) == 0:
        return False
    return bool(abs(np.corrcoef(first[both], second[both])[0, 1]) > 1 - 1e-10)
