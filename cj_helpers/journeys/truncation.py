"""Journeys that were under way when the log began."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr import types as ir


def left_truncation(journeys: ir.Table) -> pd.DataFrame:
    """Count journeys whose beginning the log does not show.

    Parameters
    ----------
    journeys : ibis table
        What ``build_journeys`` returns.

    Returns
    -------
    DataFrame, one row per journey definition
        journey, n_journeys, n_left_truncated (a later step, and no start, within one timeout of the first event of the
        log), share.
    """
    counts = journeys.group_by("journey").aggregate(
        n_journeys=_.count(), n_left_truncated=_.is_left_truncated.sum().fill_null(0)
    )
    table = counts.order_by("journey").execute()
    table["n_left_truncated"] = table["n_left_truncated"].astype("int64")
    table["share"] = table["n_left_truncated"] / table["n_journeys"]
    return table
