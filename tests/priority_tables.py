"""Small result tables of priorities for the tests of figures."""

from __future__ import annotations

import pandas as pd


def priorities() -> pd.DataFrame:
    names = ["Internet back after an outage", "Moving to a new home", "Renewing the contract"]
    table = pd.DataFrame({"label": names, "started_per_month": [203.0, 47.0, 140.0], "lost_per_month": [5.0, 3.0, 4.0]})
    table = table.assign(worth_at_most=[1650.0, 420.0, 900.0], completed_within=[0.72, 0.68, 0.59])
    return table.assign(conf_low=table["completed_within"] - 0.02, conf_high=table["completed_within"] + 0.02)


def links() -> pd.DataFrame:
    names = ["journey to score", "score to staying", "score to revenue", "journey to leaving"]
    table = pd.DataFrame({"from_to": names, "estimate": [-26.0, -4.0, -2.1, 3.2], "conf_low": [-35.0, -7.0, -5.0, 2.0]})
    table = table.assign(conf_high=[-17.0, -1.0, 0.8, 4.5], n=[310, 90, 80, 500])
    return table.assign(unit=["points", "points", "money", "points"])
