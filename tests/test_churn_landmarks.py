"""Landmarks: features by eye, nothing from later rows, leaks named, exits after journeys, life without contracts."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cj_helpers import churn
from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import open_dataset

H = timedelta(days=90)
LANDMARK = pd.Timestamp("2025-06-30 12:00:00")
YML = """
version: 1
name: tiny
time_zone: UTC
as_of: 2025-12-31
tables:
  events: [{source: events.csv}]
  surveys: [{source: surveys.csv}]
  customers: [{source: customers.csv}]
journeys:
  repair:
    label: Repair
    start: [reported]
    success: [fixed]
    stages: {report: [reported], talk: [called], fixed: [fixed]}
    timeout: 7d
    waiting_on_company: [booked]
    promise: 10d
    touchpoints: [booked]
survey: {nps: recommend}
churn:
  horizon: 90d
  event: notice
  static: [plan]
  snapshot: [offer]
  price_rise: [price_letter]
  complaint_opened: [complaint]
  complaint_closed: [settled]
privacy: {public: true}
"""
EVENTS = """customer_id,timestamp,touchpoint,channel,mode,actor
a,2025-01-01 09:00:00,reported,web,self_service,customer
a,2025-06-01 09:00:00,reported,web,self_service,customer
a,2025-06-01 10:00:00,reported,web,self_service,customer
a,2025-06-01 12:00:00,called,phone,assisted,customer
a,2025-06-10 09:00:00,price_letter,email,,company
b,2025-06-10 09:00:00,reported,app,self_service,customer
b,2025-06-11 09:00:00,booked,app,self_service,customer
b,2025-06-20 09:00:00,complaint,phone,assisted,customer
b,2025-07-20 09:00:00,settled,phone,assisted,company
c,2025-06-28 09:00:00,reported,web,self_service,customer
c,2025-06-29 09:00:00,called,phone,assisted,customer
c,2025-07-01 09:00:00,fixed,phone,assisted,company
d,2025-05-01 09:00:00,complaint,web,self_service,customer
d,2025-05-20 09:00:00,settled,email,,company
"""
SURVEYS = """customer_id,answered_at,recommend
a,2025-03-01 09:00:00,9
a,2025-06-15 09:00:00,2
b,2025-07-15 09:00:00,1
"""
CUSTOMERS = """customer_id,started_at,ended_at,notice_at,exit_reason,bound_until,monthly_revenue,plan,offer
a,2024-01-01,2025-09-30,2025-08-15,voluntary,2025-12-31,20,max,true
b,2024-07-01,2025-08-01,,involuntary,,30,basic,false
c,2025-06-30,,,,2025-06-30,40,basic,false
d,2023-01-01,2025-07-31,2025-06-29,voluntary,,50,max,true
e,2025-01-01,2025-12-20,,voluntary,,60,max,false
f,2025-09-01,,,,,70,max,false
"""


def write(folder, yml=YML, **tables):
    (folder / "dataset.yml").write_text(yml)
    for name, text in {"events": EVENTS, "surveys": SURVEYS, "customers": CUSTOMERS, **tables}.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return open_dataset(write(tmp_path_factory.mktemp("tiny")))


def known_features(data, at=LANDMARK):
    """Features by raw id, as tests may see them."""
    return churn.landmark_features(data, as_of=at).order_by("customer_id").execute().set_index("customer_id")


# --- by eye -----------------------------------------------------------------------------------------------------------


def test_features_by_eye(tiny):
    table = known_features(tiny)
    # d gave notice the day before, f began later
    assert table.index.tolist() == ["a", "b", "c", "e"]
    a, b, c, e = (table.loc[name] for name in "abce")
    assert (a["failed"], a["open_journeys"], a["handoffs"], a["repeats"], a["escalations"]) == (1, 0, 1, 1, 1)
    assert (a["frequency"], a["assisted"], a["price_rises"], a["last_nps"], a["is_bound"]) == (3, 1, 1, 2, 1)
    assert a["recency_days"] == pytest.approx(29)  # the letter of the company is no contact of the customer
    assert (b["open_journeys"], b["overdue"], b["open_complaints"], b["recent_complaints"]) == (1, 1, 1, 1)
    assert np.isnan(b["last_nps"])  # the answer came later
    assert (c["failed"], c["open_journeys"], c["handoffs"], c["completed"], c["is_bound"]) == (0, 1, 1, 0, 0)
    assert (e["frequency"], e["failed"], round(e["tenure_days"], 4)) == (0, 0, 180.5)
    assert np.isnan(e["recency_days"])
    assert "offer" not in table
    assert "monthly_revenue" not in table


def test_outcomes_by_eye(tiny):
    table = churn.take_landmark(tiny, as_of=LANDMARK, horizon=H)
    assert table["customer"].tolist() == [0, 1, 2, 4]
    assert table["outcome"].tolist() == ["voluntary", "involuntary", "stayed", "stayed"]
    assert table["left"].tolist() == [1, 0, 0, 0]
    assert table["revenue"].tolist() == [20, 30, 40, 60]
    # at as_of nobody's horizon is over
    now = churn.take_landmark(tiny, as_of=tiny.as_of, horizon=H)
    assert now["outcome"].isna().all()
    assert now["left"].isna().all()
    assert churn.exit_shares(table)[["outcome", "n_left", "n"]].to_numpy().tolist() == [
        ["involuntary", 1, 4],
        ["voluntary", 1, 4],
    ]


def test_censored_within_the_horizon_is_not_stayed(tmp_path):
    observed = CUSTOMERS.replace("plan,offer", "plan,offer,observed_until").replace(
        "e,2025-01-01,2025-12-20", "e,2025-01-01,"
    )
    rows = [row + (",2025-08-01" if row.startswith("e,") else ",") for row in observed.splitlines()[1:]]
    data = open_dataset(write(tmp_path, customers="\n".join([observed.splitlines()[0], *rows]) + "\n"))
    table = churn.take_landmark(data, as_of=LANDMARK, horizon=H)
    assert table["outcome"].tolist()[:3] == ["voluntary", "involuntary", "stayed"]
    assert table["outcome"].isna().tolist() == [False, False, False, True]


def test_dated_prices_count_from_their_day(dated):
    table = known_features(dated)
    assert table["price"].tolist() == [25, 30]
    assert table["price_change"].tolist() == [5, 0]
    assert churn.leakage_guard(dated, as_of=LANDMARK, horizon=H).query("used")["n_different"].sum() == 0


# --- nothing from later -----------------------------------------------------------------------------------------------

TOUCHPOINTS = ["reported", "called", "booked", "fixed", "complaint", "settled", "price_letter"]
LATER = st.lists(
    st.tuples(st.sampled_from("abcdefz"), st.integers(1, 150 * 86_400), st.sampled_from(TOUCHPOINTS)), max_size=12
)


def later_events(rows):
    rows = rows or [("z", 1, "called")]
    table = pd.DataFrame(rows, columns=["customer_id", "seconds", "touchpoint"])
    at = LANDMARK + pd.to_timedelta(table.pop("seconds"), unit="s")
    return table.assign(timestamp=at, channel="phone", mode="assisted", actor="customer")


@given(rows=LATER, kept=st.booleans(), seed=st.integers(0, 5), answer=st.integers(0, 10), delay=st.integers(1, 100))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_later_rows_change_no_feature(tiny, rows, kept, seed, answer, delay):
    """Deleting, permuting or adding rows after the landmark, in any table."""
    events = tiny.events.execute()
    early, late = events[events["timestamp"] <= LANDMARK], events[events["timestamp"] > LANDMARK]
    late = pd.concat([late.sample(frac=1, random_state=seed), later_events(rows)] if kept else [later_events(rows)])
    late = late.assign(row_number=np.arange(len(late)) + 10_000, source="events.csv")
    surveys = tiny.surveys.execute()
    told = surveys[surveys["answered_at"] <= LANDMARK]
    more = pd.DataFrame({"customer_id": ["a"], "answered_at": [LANDMARK + pd.Timedelta(days=delay)], "nps": [answer]})
    customers = tiny.customers.execute()
    for name in ("ended_at", "notice_at"):
        after = customers[name] > LANDMARK
        customers[name] = customers[name].where(~after, LANDMARK + pd.Timedelta(days=delay) if kept else pd.NaT)
    customers["offer"] = str(bool(seed % 2)).lower()
    customers["exit_reason"] = customers["exit_reason"] if kept else None
    newcomer = customers.head(1).assign(customer_id="z", started_at=LANDMARK + pd.Timedelta(days=delay))
    customers = pd.concat([customers, newcomer] if kept else [customers]).sample(frac=1, random_state=seed)
    changed = replace(
        tiny,
        events=ibis.memtable(
            pd.concat([early, late]).astype({"timestamp": "datetime64[us]"}), schema=tiny.events.schema()
        ),
        surveys=ibis.memtable(pd.concat([told, more])[list(surveys.columns)], schema=tiny.surveys.schema()),
        customers=ibis.memtable(customers, schema=tiny.customers.schema()),
    )
    pd.testing.assert_frame_equal(known_features(changed), known_features(tiny), check_dtype=False)


HISTORY = """customer_id,valid_from,started_at,ended_at,monthly_revenue,plan,offer
a,2024-01-01,2024-01-01,,20,max,true
a,2025-03-01,2024-01-01,,25,max,true
a,2025-08-01,2024-01-01,,35,max,true
b,2025-01-01,2025-01-01,,30,basic,false
"""


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    yml = YML.replace("event: notice", "event: end")
    return open_dataset(write(tmp_path_factory.mktemp("dated"), yml, customers=HISTORY))


@given(
    versions=st.lists(
        st.tuples(st.sampled_from("abz"), st.integers(1, 180), st.integers(1, 99)), min_size=1, max_size=6
    ),
    kept=st.booleans(),
    seed=st.integers(0, 5),
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_later_versions_of_customers_change_no_feature(dated, versions, kept, seed):
    """Dated attributes and prices: what holds only from a later day on."""
    history = dated.history.execute()
    known = history if kept else history[history["valid_from"] <= LANDMARK]
    rows = []
    for customer, days, price in versions:
        since = LANDMARK + pd.Timedelta(days=days)
        started = since if customer == "z" else pd.Timestamp("2024-01-01")
        row = {"customer_id": customer, "valid_from": since, "started_at": started, "monthly_revenue": price}
        rows.append({**known.iloc[0].to_dict(), **row, "plan": "basic"})
    later = pd.DataFrame(rows)[list(known.columns)].astype(known.dtypes)
    changed = pd.concat([known, later]).sample(frac=1, random_state=seed)
    today = changed.drop_duplicates("customer_id", keep="last").drop(
        columns=set(changed) - set(dated.customers.columns)
    )
    other = replace(
        dated,
        history=ibis.memtable(changed, schema=dated.history.schema()),
        customers=ibis.memtable(today[list(dated.customers.columns)], schema=dated.customers.schema()),
    )
    pd.testing.assert_frame_equal(known_features(other), known_features(dated), check_dtype=False)


def test_the_guard_finds_nothing_where_nothing_leaks(tiny):
    guard = churn.leakage_guard(tiny, as_of=LANDMARK, horizon=H)
    assert guard.loc[guard["used"], "n_different"].sum() == 0
    snapshot = guard.set_index("feature").loc["offer"]
    assert (snapshot["verdict"], snapshot["used"], snapshot["n_different"]) == ("only today's value", False, 4)


def test_the_guard_names_a_feature_that_looks_ahead(tiny, monkeypatch):
    # frequency counts 90 days ahead too
    from cj_helpers.churn import landmark

    honest = landmark.event_features
    monkeypatch.setattr(landmark, "event_features", lambda data, at: honest(data, at + timedelta(days=90)))
    guard = churn.leakage_guard(tiny, as_of=LANDMARK, horizon=H).set_index("feature")
    assert set(guard.index[guard["verdict"] == "differs"]) == {"open_complaints"}  # b's was settled later
    assert guard.loc["failed", "verdict"] == "as known then"
    monkeypatch.undo()


# --- bad input --------------------------------------------------------------------------------------------------------


def test_windows_that_do_not_fit(tiny):
    with pytest.raises(DataError, match=r"horizon: found 400 days, the data reach from 2025-01-01 to 2025-12-31"):
        churn.landmark_moments(tiny, horizon=timedelta(days=400))
    with pytest.raises(DataError, match=r"landmark: 2024-12-01 is before the first event \(2025-01-01\)"):
        churn.take_landmark(tiny, as_of="2024-12-01", horizon=H)
    with pytest.raises(ConfigError, match="horizon: found 0:00:00; needed is a positive length"):
        churn.take_landmark(tiny, as_of=LANDMARK, horizon=timedelta(0))
    assert churn.landmark_moments(tiny, horizon=H)[-1] == pd.Timestamp("2025-10-02 23:59:59.499999")


def test_the_prediction_says_why_it_is_not_possible(tiny):
    with pytest.raises(DataError, match=r"left: 0 of 4 customers left|a prediction needs at least 20"):
        churn.study_churn(tiny)


def test_tenure_and_flag_have_no_landmarks(tmp_path):
    yml = "version: 1\nname: flat\ntables:\n  customers: [{source: customers.csv, tenure_unit: months}]\n"
    (tmp_path / "dataset.yml").write_text(yml)
    (tmp_path / "customers.csv").write_text("customer_id,tenure,churned\na,3,true\nb,5,false\nc,0,false\n")
    data = open_dataset(tmp_path)
    with pytest.raises(DataError, match="landmark: the data carry no dates"):
        churn.study_churn(data)
    assert churn.customers_of(data)["duration"].tolist() == [3, 5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("price_rise: [price_leter]", r"churn.price_rise: the touchpoint 'price_leter' never occurs; did you mean"),
        ("contact_cost: 3", "contact_cost and save_rate belong together"),
        ("save_rate: 2", "less than or equal to 1"),
        ("complaint_closed: [settled]", "complaint_closed needs complaint_opened"),
    ],
)
def test_keys_of_churn_are_checked(tmp_path, line, message):
    yml = YML[: YML.index("  price_rise")] + f"  {line}\nprivacy: {{public: true}}\n"
    with pytest.raises(ConfigError, match=message):
        open_dataset(write(tmp_path, yml))


def test_a_file_of_survivors_is_noted(tmp_path):
    rng = np.random.default_rng(0)
    begun = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1800, 400), unit="D")
    ended = pd.Series(pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, 180, 400), unit="D"))
    table = pd.DataFrame(
        {"customer_id": range(400), "started_at": begun, "ended_at": ended.where(rng.random(400) < 0.3)}
    )
    (tmp_path / "dataset.yml").write_text("version: 1\nname: late\ntables: {customers: [{source: customers.csv}]}\n")
    table.to_csv(tmp_path / "customers.csv", index=False)
    quality = open_dataset(tmp_path).quality.set_index("check")
    assert quality.loc["no_early_exits", "outcome"] == "noted"
    assert "nobody left before 2025-06-" in quality.loc["no_early_exits", "message"]
    table.assign(observed_from="2025-06-01").to_csv(tmp_path / "customers.csv", index=False)
    assert "no_early_exits" not in open_dataset(tmp_path).quality["check"].tolist()


# --- after journeys ---------------------------------------------------------------------------------------------------


def test_journey_ends_by_eye(tiny):
    ends = churn.journey_ends(tiny)
    # a: given up in January and June; b waits; c finished in July and stays
    assert ends[["customer", "outcome", "exit"]].to_numpy().tolist() == [
        [0, "abandoned", "left"],
        [0, "abandoned", "left"],
        [2, "completed", "stayed"],
    ]
    january = (pd.Timestamp("2025-08-15") - pd.Timestamp("2025-01-08 09:00")).total_seconds() / 86_400
    assert ends["duration_days"].max() == pytest.approx(january)


def test_the_difference_after_journeys_has_a_closed_form():
    rng = np.random.default_rng(1)
    outcome = np.repeat(["abandoned", "completed"], 4_000)
    time = rng.exponential(np.where(outcome == "abandoned", 400, 900))
    table = pd.DataFrame({"journey": "repair", "customer": np.arange(8_000), "outcome": outcome})
    table = table.assign(duration_days=np.minimum(time, 200), exit=np.where(time < 200, "left", "stayed"))
    found = churn.exits_after_journeys(table).set_index("outcome")
    truth = np.exp(-90 / 900) - np.exp(-90 / 400)
    assert found.loc["difference", "conf_low"] < truth < found.loc["difference", "conf_high"]
    twice = churn.exits_after_journeys(pd.concat([table] * 2)).set_index("outcome")
    assert twice.loc["difference", "std_error"] == pytest.approx(found.loc["difference", "std_error"])  # clustered
    with pytest.raises(DataError, match="none has 30 completed and 30 abandoned ends"):
        churn.exits_after_journeys(table.head(40))


def test_nobody_of_forty_who_left_is_no_certainty():
    """6 of 40: .15 ** exp(+-1.96 * .0565 / (.15 * ln .15)) = .0609 to .2764; 0 of 40: Wilson's 0 to .0876.

    Joined: .15 - hypot(.0891, .0876) = .0251 and .15 + .1264; with a certain 0 the lower end would be .0609.
    """
    table = pd.DataFrame({"journey": "j", "customer": range(80), "outcome": ["abandoned"] * 40 + ["completed"] * 40})
    table = table.assign(exit=["left"] * 6 + ["stayed"] * 74, duration_days=[20.0] * 6 + [200.0] * 74)
    found = churn.exits_after_journeys(table).set_index("outcome")[["estimate", "conf_low", "conf_high"]]
    assert found.loc["completed"].tolist() == pytest.approx([0, 0, 0.0876], abs=1e-4)
    assert found.loc["difference"].tolist() == pytest.approx([0.15, 0.0251, 0.2764], abs=2e-4)


# --- without contracts ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow(real_data):
    """The 1/10 sample of the paper: 39 weeks to 1997-09-30, several purchases of a day as one."""
    table = pd.read_csv(real_data / "cdnow" / "CDNOW_sample.txt", sep=r"\s+", header=None, dtype=str)
    date = pd.to_datetime(table[2])
    early = table.assign(date=date)[date <= "1997-09-30"].groupby(1)["date"].agg(["min", "max", "nunique"])
    weeks = {"recency": early["max"] - early["min"], "age": pd.Timestamp("1997-09-30") - early["min"]}
    return pd.DataFrame(
        {"frequency": early["nunique"] - 1, **{name: (days.dt.days / 7).round(2) for name, days in weeks.items()}}
    )


def test_bgnbd_equals_the_published_fit(cdnow, oracles):
    # Fader, Hardie & Lee (2005): r .243, alpha 4.414, a .793, b 2.426, LL -9582.4; E[Y(39) | 2, 30.43, 38.86] = 1.226
    expected = json.loads((oracles / "bgnbd_cdnow.json").read_text())["own"]
    model = churn.fit_bgnbd(cdnow)
    row = model.iloc[0]
    assert row["n"] == 2_357
    for name in ("r", "alpha", "a", "b"):
        assert row[name] == pytest.approx(expected[name], rel=2e-5)
    assert row["log_likelihood"] == pytest.approx(expected["loglik"], abs=1e-3)
    found = churn.expected_purchases(cdnow, model, horizon=39)
    assert found["p_alive"].head(5).tolist() == pytest.approx(expected["p_alive_first5"], rel=1e-5)
    assert found["expected"].iloc[0] == pytest.approx(expected["E_Y39_x2_tx3043_T3886"], rel=1e-5)


def test_bgnbd_refuses_what_it_cannot_fit():
    table = pd.DataFrame({"frequency": [0, 0], "recency": [0.0, 0.0], "age": [5.0, 9.0]})
    with pytest.raises(DataError, match="frequency: none of 2 customers bought twice"):
        churn.fit_bgnbd(table)
    with pytest.raises(DataError, match=r"recency: 1 of 2 rows .* needed: a time from 0 to age"):
        churn.fit_bgnbd(table.assign(recency=[9.0, 0.0], frequency=[1, 0]))


SHOP = """
version: 1
name: shop
time_zone: UTC
as_of: 2025-12-31
tables: {events: [{source: events.csv, duplicates: keep}]}
churn: {contractual: false, purchase: [bought], inactive_after: 30d, horizon: 60d, revenue: amount}
privacy: {public: true}
"""
PURCHASES = """customer_id,timestamp,touchpoint,amount
a,2025-01-01 09:00:00,bought,10
a,2025-01-01 10:00:00,bought,10
a,2025-06-20 09:00:00,bought,20
a,2025-06-25 09:00:00,looked,
a,2025-12-20 09:00:00,bought,20
b,2025-06-01 09:00:00,bought,30
b,2025-07-10 09:00:00,bought,30
c,2025-01-05 09:00:00,bought,5
"""


def shop(folder, purchases=PURCHASES):
    (folder / "dataset.yml").write_text(SHOP)
    (folder / "events.csv").write_text(purchases)
    return open_dataset(folder)


def test_purchases_by_eye(tmp_path):
    data = shop(tmp_path)
    table = churn.purchase_summary(data)
    assert table[["frequency", "amount"]].to_numpy().tolist() == [[2, 60], [1, 60], [0, 5]]
    assert (table["recency"] * 7).round(6).tolist() == [353, 39, 0]
    customers = churn.customers_of(data)
    assert customers["event"].tolist() == [False, True, True]
    assert (customers["duration"].round(6)).tolist() == [364, 69, 30]  # 39 days to the last purchase and 30 of silence
    landmark = churn.take_landmark(data, as_of=LANDMARK, horizon=timedelta(days=60))
    assert landmark["customer"].tolist() == [0, 1]  # c has been silent for too long
    assert landmark["outcome"].tolist() == ["voluntary", "stayed"]
    before = churn.purchase_summary(data, as_of=LANDMARK)
    rule = churn.inactivity_rule(before, later=table, days=[7, 20, 400])
    assert rule["inactive_share"].tolist() == pytest.approx([1, 2 / 3, 0])
    assert rule["returned_share"].iloc[:2].tolist() == pytest.approx([2 / 3, 1 / 2])


@given(
    rows=st.lists(st.tuples(st.sampled_from("abcz"), st.integers(1, 180), st.integers(0, 50)), min_size=1, max_size=8),
    seed=st.integers(0, 5),
)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_later_purchases_change_no_feature(tmp_path_factory, rows, seed):
    bought = pd.read_csv(io.StringIO(PURCHASES), parse_dates=["timestamp"])
    early = bought[bought["timestamp"] <= LANDMARK]
    later = pd.DataFrame(rows, columns=["customer_id", "days", "amount"])
    later["timestamp"] = LANDMARK + pd.to_timedelta(later.pop("days"), unit="D")
    last = bought.tail(1).assign(customer_id="y", timestamp=pd.Timestamp("2025-12-31"))
    more = pd.concat([early, later.assign(touchpoint="bought"), last]).sample(frac=1, random_state=seed)
    one, other = (shop(tmp_path_factory.mktemp("shop"), part.to_csv(index=False)) for part in (bought, more))
    pd.testing.assert_frame_equal(known_features(one), known_features(other), check_dtype=False)


def test_negative_amounts_are_refused(tmp_path):
    data = shop(tmp_path, PURCHASES.replace("bought,30", "bought,-30"))
    with pytest.raises(DataError, match=r"amount: 2 purchases have an amount that is negative or not a number"):
        churn.purchase_summary(data)
