"""The tiny log: 41 events of 11 customers that can be checked by eye."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from cj_helpers.contract import JourneyDefinition

AS_OF = datetime(2024, 1, 31)
LOG = Path(__file__).parent / "data" / "tiny_journey_log.csv"
STAGES = ("visit", "search", "quote", "purchase")


def tiny_log() -> pd.DataFrame:
    """Return the log with the contract's column names."""
    log = pd.read_csv(LOG, parse_dates=["timestamp"])
    return log.rename(columns={"step": "touchpoint", "seq": "order"})


def buy(**changes: object) -> dict[str, JourneyDefinition]:
    """Return the definition that the published numbers of the tiny log belong to."""
    facts = {
        "key": "buy",
        "label": "From visit to purchase",
        "success": ("purchase",),
        "timeout": timedelta(days=14),
        "within": timedelta(days=14),
        "stages": {name: (name,) for name in STAGES},
    }
    return {"buy": JourneyDefinition(**{**facts, **changes})}  # type: ignore[arg-type]
