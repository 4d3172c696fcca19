"""Customer tables as they come: what stops, what is counted and what is said, for the usual faults of churn data."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from cj_helpers import churn, report
from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import customer_frame, durations_left_out, open_dataset

HEAD = "version: 1\nname: contracts\ntime_zone: UTC\nas_of: 2025-12-31\n"
TABLES = "tables:\n  customers: [{source: customers.csv}]\n"
EVENTS = "tables:\n  events: [{source: events.csv}]\n  customers: [{source: customers.csv}]\n"
PUBLIC = "privacy: {public: true}\n"
H = timedelta(days=90)


def opened(folder, customers, *, tables=TABLES, rules="", events=None):
    (folder / "dataset.yml").write_text(HEAD + tables + rules + PUBLIC)
    (folder / "customers.csv").write_text(customers)
    if events is not None:
        events.to_csv(folder / "events.csv", index=False)
    return open_dataset(folder)


def logins(n=300, days=400, seed=1):
    """Events of customers 0 to n - 1 over the days before the end of 2025."""
    rng = np.random.default_rng(seed)
    at = pd.Timestamp("2025-12-31 20:00") - pd.to_timedelta(rng.integers(0, days, 4 * n), unit="D")
    return pd.DataFrame({"customer_id": rng.integers(0, n, 4 * n), "timestamp": at, "touchpoint": "login"})


def contracts(n=300, *, left=0.3, seed=2, **columns):
    """Dated contracts of customers 0 to n - 1; a share of them ended in the last ten months of 2025."""
    rng = np.random.default_rng(seed)
    ended = pd.Timestamp("2025-03-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    table = pd.DataFrame({"customer_id": range(n), "started_at": pd.Timestamp("2024-01-01"), "ended_at": ended})
    table["ended_at"] = table["ended_at"].where(rng.random(n) < left)
    return table.assign(**columns).to_csv(index=False)


def test_a_customer_in_two_rows_stops_the_report(tmp_path):
    rows = "customer_id,started_at,ended_at\na,2024-01-01,\na,2024-06-01,\nb,2024-01-01,\n"
    with pytest.raises(DataError, match=r"1 of 3 customers stands in more than one row; keep one row each at source"):
        opened(tmp_path, rows)


def test_a_contract_that_ended_before_it_began_stops_the_report(tmp_path):
    rows = "customer_id,started_at,ended_at\na,2024-05-01,2024-04-01\nb,2024-01-01,\n"
    with pytest.raises(DataError, match=r"1 of 2 customers ended before they started; mend the dates at source"):
        opened(tmp_path, rows)


def test_an_end_in_the_future_is_not_known_yet(tmp_path):
    rows = (
        "customer_id,started_at,ended_at\na,2025-01-01,2026-05-31\nb,2025-01-01,2025-06-30\nc,2025-01-01,9999-12-31\n"
    )
    data = opened(tmp_path, rows)
    frame = customer_frame(data)
    assert frame["event"].tolist() == [False, True, False]
    assert frame["duration"].round().tolist() == [365, 180, 365]  # the first is followed to as_of, not to its end
    noted = data.quality.set_index("check")
    assert noted.loc["after_as_of_ended_at", ["outcome", "n_rows"]].tolist() == ["not used", 1]
    assert noted.loc["open_ended_ended_at", ["outcome", "n_rows"]].tolist() == ["repaired", 1]


def test_an_empty_column_of_consent_is_one(tmp_path):
    rows = "customer_id,started_at,ended_at,consent\na,2025-01-01,,\nb,2025-01-01,,\n"
    assert churn.contact_facts(opened(tmp_path, rows))["consent"].isna().tolist() == [True, True]
    without = opened(tmp_path, "customer_id,started_at,ended_at\na,2025-01-01,\nb,2025-01-01,\n")
    assert "consent" not in churn.contact_facts(without)


def test_tenure_zero_is_left_out_and_counted(tmp_path):
    tables = "tables:\n  customers: [{source: customers.csv, tenure_unit: months}]\n"
    rows = "customer_id,tenure,churned\na,0,true\nb,0,false\nc,5,true\nd,9,false\n"
    data = opened(tmp_path, rows, tables=tables)
    assert durations_left_out(data) == 2
    assert churn.customers_of(data)["duration"].tolist() == [5, 9]
    # a contract of one day that began and ended on the last day has no time under observation either
    dated = opened(tmp_path, "customer_id,started_at,ended_at\na,2025-12-31,2025-12-31\nb,2025-01-01,\n")
    assert durations_left_out(dated) == 1


def test_all_censored_has_a_flat_curve_and_no_figure_that_needs_exits(tmp_path):
    data = opened(tmp_path, contracts(left=0, monthly_revenue=20, plan="a"), rules="churn: {static: [plan]}\n")
    customers = churn.customers_of(data)
    curve = churn.retention_curve(customers)
    assert curve["estimate"].eq(1).all()
    assert curve["n_events"].sum() == 0
    risk = churn.revenue_at_risk(customers, horizon=90).iloc[0]
    assert risk[["share", "expected_exits", "revenue_at_risk"]].isna().all()
    assert churn.expected_margin(customers, horizon=365, margin=1.0)["months"].item() == pytest.approx(365 / 30.4375)
    with pytest.raises(DataError, match=r"event: no event in 300 rows; a Cox model needs events"):
        churn.churn_model(customers.assign(x=np.arange(300.0)), covariates=["x"])
    with pytest.raises(DataError, match="nobody left and nothing says from when the file shows leavers; no landmark"):
        churn.study_churn(data)
    with pytest.raises(
        DataError, match=r"left: 0 of 300 customers left within the horizon; a prediction needs at least"
    ):
        churn.study_churn(opened(tmp_path, contracts(left=0), tables=EVENTS, events=logins()))


def test_everybody_left_leaves_nobody_to_contact(tmp_path):
    customers = churn.customers_of(opened(tmp_path, contracts(left=1, monthly_revenue=20)))
    assert churn.retention_curve(customers)["estimate"].iloc[-1] == 0
    risk = churn.revenue_at_risk(customers, horizon=90).iloc[0]
    assert risk[["n_active", "monthly_revenue"]].tolist() == [0, 0]
    assert np.isnan(risk["share"])


def test_a_horizon_longer_than_the_data_is_refused_with_both_lengths(tmp_path):
    rules = "churn: {horizon: 365d}\n"
    data = opened(tmp_path, contracts(), tables=EVENTS, rules=rules, events=logins(days=200))
    with pytest.raises(
        DataError, match=r"horizon: found 365 days, the data reach from 2025-06-1\d to 2025-12-31; a landmark"
    ):
        churn.study_churn(data)
    customers = churn.customers_of(data)
    risk = churn.revenue_at_risk(customers.assign(monthly_revenue=1.0), horizon=5_000).iloc[0]
    assert risk["n_beyond"] == risk["n_active"]  # nobody was followed that long: counted
    margin = churn.expected_margin(customers.assign(monthly_revenue=1.0), horizon=5_000, margin=1.0).iloc[0]
    assert margin["horizon"] == customers["duration"].max()  # cut where the data end, and shown


def test_a_landmark_outside_the_data_is_refused(tmp_path):
    data = opened(tmp_path, contracts(), tables=EVENTS, events=logins())
    with pytest.raises(
        DataError, match=r"landmark: 2024-06-30 is before the first event \(2024-11-\d\d\); choose a later"
    ):
        churn.take_landmark(data, as_of="2024-06-30", horizon=H)
    late = opened(tmp_path, contracts().replace("2024-01-01", "2025-02-20"), tables=EVENTS, events=logins())
    with pytest.raises(DataError, match=r"landmark: nobody was a customer on 2025-02-01; choose another landmark"):
        churn.take_landmark(late, as_of="2025-02-01", horizon=H)


def test_missing_revenue_is_counted_and_negative_revenue_is_refused(tmp_path):
    table = pd.read_csv(pd.io.common.StringIO(contracts(monthly_revenue=20.0)))
    table.loc[:9, "monthly_revenue"] = None
    customers = churn.customers_of(opened(tmp_path, table.to_csv(index=False)))
    active = int((~customers["event"]).sum())
    risk = churn.revenue_at_risk(customers, horizon=90).iloc[0]
    missing = int((~customers["event"]).head(10).sum())
    assert (risk["n_no_revenue"], risk["monthly_revenue"]) == (missing, 20.0 * (active - missing))
    # the mean revenue of a customer is that of those whose revenue is known
    assert churn.expected_margin(customers, horizon=365, margin=0.5)["mean_revenue"].item() == 20
    table.loc[20, "monthly_revenue"] = -5
    wrong = churn.customers_of(opened(tmp_path, table.to_csv(index=False)))
    with pytest.raises(DataError, match=r"monthly_revenue: 1 of 300 rows .*needed: revenue per month, 0 or more"):
        churn.revenue_at_risk(wrong, horizon=90)
    with pytest.raises(DataError, match=r"monthly_revenue: 1 of 300 rows"):
        churn.expected_margin(wrong, horizon=365, margin=0.5)
    without = opened(tmp_path, contracts(left=0.5), tables=EVENTS, events=logins())
    study = churn.study_churn(without)
    with pytest.raises(DataError, match="contact list: no revenue, so no loss to expect; name its column under churn"):
        churn.contacts_of(without, study, months=8.0, share=0.1)
    named = "churn: {revenue: fee}\n"
    with pytest.raises(ConfigError, match=r"churn.revenue: no column 'fee' in customers"):
        opened(tmp_path, contracts(), rules=named)


def test_no_exit_before_the_window_is_said_with_the_remedy(tmp_path):
    begun = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.arange(500) * 2, unit="D")
    ended = pd.Series(pd.Timestamp("2025-07-01") + pd.to_timedelta(np.arange(500) % 180, unit="D"))
    table = pd.DataFrame(
        {"customer_id": range(500), "started_at": begun, "ended_at": ended.where(np.arange(500) % 4 == 0)}
    )
    noted = opened(tmp_path, table.to_csv(index=False)).quality.set_index("check").loc["no_early_exits"]
    assert noted["outcome"] == "noted"
    assert "nobody left before 2025-07-01" in noted["message"]
    assert "Map observed_from" in noted["message"]
    entered = opened(tmp_path, table.assign(observed_from="2025-07-01").to_csv(index=False))
    assert "no_early_exits" not in set(entered.quality["check"])
    honest = churn.retention_curve(churn.customers_of(entered), entry_col="entry")
    naive = churn.retention_curve(churn.customers_of(entered))
    two_years = [churn.retention_at(curve, [1000])["estimate"].item() for curve in (honest, naive)]
    assert two_years[0] < two_years[1]  # without entry times loyalty looks better than it is


def test_a_level_that_training_never_saw_is_scored_and_counted(tmp_path):
    plans = np.where(np.arange(300) % 2, "basic", "max")
    early = contracts(left=0.5, plan=plans)
    data = opened(tmp_path, early, tables=EVENTS, rules="churn: {static: [plan]}\n", events=logins())
    landmarks = churn.take_landmarks(data, moments=churn.landmark_moments(data, horizon=H), horizon=H)
    model = churn.fit_risk(landmarks)
    new = landmarks.head(4).assign(plan=["gold", "gold", "basic", "max"])
    assert model.design.unseen(new) == {"plan": 2}
    assert np.isfinite(churn.predict_risk(model, new)).all()


def test_what_became_of_customers_is_no_column_to_compare_by(tmp_path, monkeypatch):
    rows = contracts(exit_reason="voluntary", plan="a", offer="b")
    opened(tmp_path, rows, rules="churn: {static: [plan], snapshot: [offer]}\n")
    wrong = r"segment_col: 'exit_reason' is known only when a customer has left.*such as plan"
    with pytest.raises(ConfigError, match=wrong):
        report.open(str(tmp_path), segment_col="exit_reason", needs=("churn",))
    told = []
    monkeypatch.setattr(
        "cj_helpers.report.opening.publish", lambda _kind, payload, **_texts: told.append(payload["notes"])
    )
    for column in ("offer", "plan"):
        report.open(str(tmp_path), segment_col=column, needs=("churn",))
    assert "Offer: only the value of today is known, which may have come about after what is compared here." in told[0]
    assert not any("value of today" in note for note in told[1])
