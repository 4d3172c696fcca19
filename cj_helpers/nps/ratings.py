"""Satisfaction and effort on their declared scales, and a scale that may not be the declared one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cj_helpers.inference import clustered_share
from cj_helpers.nps.inputs import number_column, require_columns
from cj_helpers.nps.scores import segment_rows

SUSPICIOUS_FROM = 200


def rating_shares(
    answers: pd.DataFrame,
    *,
    good_cols: Mapping[str, str],
    segment_col: str = "",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of good answers to the questions on satisfaction and effort.

    Parameters
    ----------
    answers : DataFrame
        One row per answer.
    good_cols : mapping of str to str
        Rating column and the column that says whether the answer is a good one (missing where there is none), such as
        ``{"csat": "csat_top", "ces": "ces_easy"}``.

    Returns
    -------
    DataFrame
        One row per rating and segment, ``all`` first: metric, segment, share (of good answers), conf_low, conf_high,
        mean (of the ratings as answered), n, n_customers, n_blank.

    Raises
    ------
    ConfigError, DataError
        As in `nps_score`.
    """
    names = [*good_cols, *good_cols.values(), *(name for name in (segment_col, cluster_col) if name)]
    require_columns(answers, names)
    rows = []
    for rating, good in good_cols.items():
        for segment, members in segment_rows(answers, segment_col):
            part = answers.iloc[members]
            given = part[part[good].notna()]
            found = clustered_share(given, success_col=good, cluster_col=cluster_col, conf_level=conf_level).iloc[0]
            row = {"metric": rating, "segment": segment, **found[["share", "conf_low", "conf_high"]]}
            mean = float(number_column(given, rating).mean()) if len(given) else np.nan
            row |= {"mean": mean, "n": len(given), "n_customers": int(found["n_customers"])}
            rows.append({**row, "n_blank": len(part) - len(given)})
    columns = ["metric", "segment", "share", "conf_low", "conf_high", "mean", "n", "n_customers", "n_blank"]
    return pd.DataFrame(rows, columns=columns)


def answers_by_value(answers: pd.DataFrame, *, nps_col: str = "nps") -> pd.DataFrame:
    """Count the answers by value, as they were given.

    Returns
    -------
    DataFrame
        One row per value that occurs, in order: value, n, share (of the answers that are not blank).
    """
    require_columns(answers, [nps_col])
    values = number_column(answers, nps_col)
    found, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return pd.DataFrame({"value": found, "n": counts, "share": counts / max(counts.sum(), 1)})


def scale_is_suspicious(answers: pd.DataFrame, *, nps_col: str = "nps") -> bool:
    """Whether hundreds of answers on a scale from 0 to 10 hold no 0: was the question asked from 1 to 10?

    On a scale from 1 to 10 the score means something else: detractors lose an answer, so that it looks better.
    """
    values = answers_by_value(answers, nps_col=nps_col)
    return bool(values["n"].sum() >= SUSPICIOUS_FROM and not values["value"].eq(0).any())
