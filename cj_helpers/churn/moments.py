"""Which landmarks the data allow."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from cj_helpers.churn.known import contracts_known_at, moment
from cj_helpers.churn.landmark_features import RECENT_DAYS
from cj_helpers.contract import DataError
from cj_helpers.dataset import Dataset


def landmark_moments(data: Dataset, *, horizon: timedelta, most: int = 6) -> list[pd.Timestamp]:
    """Landmarks a horizon apart whose outcome is known, the last one a horizon before as_of.

    Parameters
    ----------
    horizon : timedelta
        How far ahead a landmark looks; also the distance, so that a model trained on earlier landmarks uses nothing
        of a later one's outcome.
    most : int
        At most so many, the latest ones.

    Returns
    -------
    list of Timestamp
        UTC, in order. The first has at least 90 days of data before it, as far as features reach back.

    Raises
    ------
    DataError
        When the data are shorter than the horizon and the 90 days before.
    """
    last, begin = pd.Timestamp(moment(data.as_of)), _first_moment(data)
    first = begin + pd.Timedelta(days=RECENT_DAYS)
    found = [last - horizon * (i + 1) for i in range(most)]
    kept = [at for at in reversed(found) if at >= first]
    if not kept:
        raise DataError(
            f"horizon: found {horizon.days} days, the data reach from {begin:%Y-%m-%d} to {last:%Y-%m-%d}; "
            f"a landmark needs {RECENT_DAYS} days before it and the horizon after it. Choose a shorter one under churn "
            "in dataset.yml."
        )
    return kept


def _first_moment(data: Dataset) -> pd.Timestamp:
    """First event; without events the first moment from which the file shows who left."""
    if data.events is not None:
        return pd.Timestamp(data.events.timestamp.min().execute())
    table = contracts_known_at(data, moment(data.as_of))
    known = table.observed_from if "observed_from" in table.columns else table.ended_at
    first = known.min().execute()
    if pd.isna(first):
        raise DataError(
            "customers: nobody left and nothing says from when the file shows leavers; no landmark is possible"
        )
    return pd.Timestamp(first)
