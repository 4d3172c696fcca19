"""How long each journey has been observed, so that counts become counts a month."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from ibis import _
from ibis.expr import types as ir

MONTH_DAYS = 365.25 / 12


def observed_months(journeys: ir.Table, *, as_of: datetime) -> dict[str, float]:
    """Return the months from each definition's first journey to as_of; journeys that never started are not in it.

    Examples
    --------
    A first start 61 days before as_of gives about two months.
    """
    first = journeys.group_by("journey").aggregate(first=_.started_at.min()).execute()
    days = (pd.Timestamp(as_of) - first["first"]).dt.total_seconds() / 86_400
    return {key: float(months) for key, months in zip(first["journey"], days / MONTH_DAYS, strict=True) if months > 0}
