"""Small tables of journey mapping as the analyses return them, for the tests of figures."""

from __future__ import annotations

import pandas as pd


def _with_intervals(table: pd.DataFrame, estimate: str, half: float = 0.05) -> pd.DataFrame:
    return table.assign(conf_low=table[estimate] - half, conf_high=table[estimate] + half)


def return_curve() -> pd.DataFrame:
    days = [0, 1, 3, 7, 14]
    table = pd.DataFrame({"journey": "buy", "silent_days": days, "share": [0.7, 0.5, 0.3, 0.12, 0.06]})
    return _with_intervals(table, "share").assign(timeout_days=7.0)


def containment() -> pd.DataFrame:
    measures = ["solved", "escalated", "contained", "repeat_contact"] * 2
    table = pd.DataFrame({"channel": ["chat"] * 4 + ["all"] * 4, "measure": measures, "n": 400})
    return _with_intervals(table.assign(share=[0.5, 0.3, 0.4, 0.2, 0.6, 0.3, 0.5, 0.1]), "share")


def channel_use() -> pd.DataFrame:
    table = pd.DataFrame({"channel": ["web", "phone"], "share": [0.7, 0.3], "completed_within": [0.4, 0.6]})
    return _with_intervals(table, "completed_within").assign(n_journeys=[700, 300])


def differences() -> pd.DataFrame:
    names = ["day 1: channel: phone", "day 3: repeats"]
    return _with_intervals(pd.DataFrame({"name": names, "difference": [-0.2, 0.02]}), "difference")


def frictions() -> pd.DataFrame:
    table = pd.DataFrame({"name": ["form (move)", "quote (buy)"], "abandoned_per_month": [40.0, 12.5]})
    return table.assign(per_month_low=[35.0, 10.0], per_month_high=[46.0, 16.0])


def removal_effects() -> pd.DataFrame:
    table = pd.DataFrame({"touchpoint": ["visit", "search", "call"], "removal_effect": [0.9, 0.6, 0.1]})
    return _with_intervals(table, "removal_effect").assign(n_journeys=[900, 500, 80])


def scores() -> pd.DataFrame:
    """Two journeys: 40 + 10 points and 60 + 15."""
    table = pd.DataFrame(
        {"journey": ["move", "move", "outage", "outage"], "component": ["completed_within", "cost"] * 2}
    )
    table = table.assign(points=[40.0, 10.0, 60.0, 15.0], score=[50.0, 50.0, 75.0, 75.0])
    return table.assign(score_low=table["score"] - 3, score_high=table["score"] + 3)


def flows() -> pd.DataFrame:
    """A hundred journeys of at most three steps."""
    rows = [
        (1, "visit", "search", 70),
        (1, "visit", "(abandoned)", 30),
        (2, "search", "purchase", 50),
        (2, "search", "(open)", 20),
        (3, "purchase", "(completed)", 50),
    ]
    return pd.DataFrame(rows, columns=["position", "source", "target", "n_journeys"])


def positions() -> pd.DataFrame:
    rows = [
        (1, "visit", 1.0),
        (2, "search", 0.7),
        (2, "(abandoned)", 0.3),
        (3, "purchase", 0.5),
        (3, "(abandoned)", 0.3),
        (3, "(open)", 0.2),
    ]
    return pd.DataFrame(rows, columns=["position", "touchpoint", "share"])
