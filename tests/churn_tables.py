"""Small result tables of churn for the tests of figures."""

from __future__ import annotations

import pandas as pd


def calibration_curve() -> pd.DataFrame:
    table = pd.DataFrame({"predicted": [0.01, 0.05, 0.12], "estimate": [0.02, 0.04, 0.15]})
    return table.assign(conf_low=table["estimate"] * 0.7, conf_high=table["estimate"] * 1.4, n=300)


def lift() -> pd.DataFrame:
    table = pd.DataFrame({"share": [0.1, 0.5, 1.0], "gain": [0.3, 0.8, 1.0], "lift": [3.0, 1.6, 1.0]})
    return table.assign(gain_low=table["gain"] * 0.9, gain_high=(table["gain"] * 1.1).clip(upper=1))


def net_benefit() -> pd.DataFrame:
    table = pd.DataFrame({"threshold": [0.02, 0.05, 0.1], "estimate": [0.03, 0.01, 0.004]})
    limits = {"conf_low": table["estimate"] - 0.004, "conf_high": table["estimate"] + 0.004}
    return table.assign(**limits, all_contacted=[0.025, -0.01, -0.06])


def profit_curve() -> pd.DataFrame:
    rows = [
        (rate, share, share * (rate * 40_000 - share * 3_000), share == 0.5, rate == 0.1)
        for rate in (0.05, 0.1, 0.2)
        for share in (0.1, 0.5, 1.0)
    ]
    return pd.DataFrame(rows, columns=["save_rate", "share", "profit", "is_best", "is_assumed"])


def waterfall() -> pd.DataFrame:
    steps = [
        ("eligible", "total", 200),
        ("open problem", "loss", 40),
        ("hold-out", "loss", 16),
        ("to contact", "total", 144),
    ]
    return pd.DataFrame(steps, columns=["step", "kind", "n"])


def retention_cohorts() -> pd.DataFrame:
    rows = [("2025 Q1", 90.0, 0.98), ("2025 Q1", 180.0, 0.9), ("2025 Q2", 90.0, 0.96), ("2025 Q2", 180.0, None)]
    table = pd.DataFrame(rows, columns=["cohort", "time", "estimate"])
    return table.assign(time_unit="days", n_customers=400)


def exits_after_journeys() -> pd.DataFrame:
    rows = [
        (journey, outcome, share, share - 0.02, share + 0.02)
        for journey in ("all", "moving", "outage")
        for outcome, share in (("abandoned", 0.09), ("completed", 0.04), ("difference", 0.05))
    ]
    return pd.DataFrame(rows, columns=["journey", "outcome", "estimate", "conf_low", "conf_high"])


def inactivity_rule() -> pd.DataFrame:
    table = pd.DataFrame({"silent_days": [90.0, 180.0, 270.0], "inactive_share": [0.8, 0.7, 0.4]})
    back = pd.Series([0.2, 0.16, 0.13])
    return table.assign(returned_share=back, conf_low=back - 0.01, conf_high=back + 0.01)


def purchase_check() -> pd.DataFrame:
    table = pd.DataFrame({"group": ["0", "1", "2+"], "expected": [0.2, 0.6, 1.5], "estimate": [0.25, 0.7, 1.4]})
    return table.assign(conf_low=table["estimate"] - 0.1, conf_high=table["estimate"] + 0.1, n=100)
