"""Planted truth 11 on the committed sample: monthly landmarks find the planted log-odds, and spare the newsletter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from churn_truths import PLANTED, WORLD, monthly_landmarks, monthly_odds

from cj_helpers.dataset import open_dataset

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"


@pytest.fixture(scope="module")
def landmarks():
    return monthly_landmarks(open_dataset(SAMPLE))


def test_monthly_landmarks_find_the_planted_log_odds(landmarks):
    assert landmarks["landmark"].nunique() == 14
    odds = monthly_odds(landmarks)
    assert set(odds.index) == set(PLANTED)
    missed = odds[(odds["planted"] < odds["conf_low"]) | (odds["planted"] > odds["conf_high"])]
    assert missed.empty, missed
    # the intervals say something: each planted effect is told from none, the null is not
    effects = odds.drop(index="newsletter[true]")
    assert ((effects["conf_low"] > 0) | (effects["conf_high"] < 0)).all()
    assert (effects.drop(index="is_bound")["std_error"] < 0.2).all()


def test_the_newsletter_looks_good_until_loyalty_is_held_equal(landmarks):
    raw = monthly_odds(landmarks, ["newsletter"]).loc["newsletter[true]"]
    assert raw["conf_high"] < 0
    assert raw["conf_low"] < np.log(WORLD.newsletter_raw_odds_ratio) < raw["conf_high"]
    adjusted = monthly_odds(landmarks).loc["newsletter[true]"]
    assert adjusted["conf_low"] < 0 < adjusted["conf_high"]
