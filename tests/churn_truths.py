"""Planted truth 11 from monthly landmarks, for the tests and the benchmark of churn."""

from __future__ import annotations

import itertools

import pandas as pd

from cj_helpers import churn
from cj_helpers.dataset import Dataset
from cj_helpers.sample.world import World

WORLD = World()
PLANTED = {
    "failed": WORLD.churn_abandoned,
    "open_complaints": WORLD.churn_complaint,
    "price_rises": WORLD.churn_price_rise,
    "is_bound": WORLD.churn_bound,
    "loyalty_programme[true]": WORLD.churn_loyal,
    "newsletter[true]": 0.0,
}
COVARIATES = [term.partition("[")[0] for term in PLANTED]


def monthly_landmarks(data: Dataset, *, first: str = "2025-04-01", months: int = 14) -> pd.DataFrame:
    """Who gave notice in each month, by what was known at the last second before it (local time).

    From April 2025 on, since what weighs for 90 days is complete then, to May 2026, the last whole month.
    """
    begins = pd.date_range(first, periods=months + 1, freq="MS", tz=data.config.time_zone).tz_convert("UTC")
    begins = begins.tz_localize(None) - pd.Timedelta(seconds=1)
    steps = churn.steps_of_all_time(data)
    frames = [
        churn.take_landmark(data, as_of=at, horizon=(until - at).to_pytimedelta(), steps=steps)
        for at, until in itertools.pairwise(begins)
    ]
    return pd.concat(frames, ignore_index=True)


def monthly_odds(landmarks: pd.DataFrame, covariates: list[str] = COVARIATES) -> pd.DataFrame:
    """Log-odds of notice within a month by term, with the planted value beside each."""
    odds = _of_true(churn.churn_model(landmarks, covariates=covariates, label_col="left")).set_index("term")
    return odds.assign(planted=pd.Series(PLANTED))


def _of_true(odds: pd.DataFrame) -> pd.DataFrame:
    """Flags against false, also where true is the more frequent level and thus the model's reference."""
    turned = odds["term"].str.endswith("[false]")
    limits = odds[["estimate", "conf_low", "conf_high"]].where(
        ~turned, -odds[["estimate", "conf_high", "conf_low"]].to_numpy()
    )
    return odds.assign(term=odds["term"].str.replace("[false]", "[true]"), **limits)
