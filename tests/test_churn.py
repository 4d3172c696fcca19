"""Retention, exits by reason, models of leaving and revenue at risk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cj_helpers.churn import (
    churn_incidence,
    churn_model,
    complete_cases,
    model_fit,
    retention_curve,
    revenue_at_risk,
)
from cj_helpers.contract import ConfigError, DataError
from cj_helpers.survival import curve_at


def customers(n, seed, *, rate=0.02):
    """Exponential durations in months, followed for 5 to 60 months; customers with fibre leave half as fast."""
    rng = np.random.default_rng(seed)
    access = rng.choice(["fibre", "dsl", "cable"], n, p=[0.3, 0.5, 0.2])
    time = rng.exponential(1 / (rate * np.where(access == "fibre", 0.5, 1.0)))
    end = rng.uniform(5, 60, n)
    event = time <= end
    reason = np.where(event, rng.choice(["voluntary", "involuntary", "moved"], n, p=[0.6, 0.3, 0.1]), None)
    return pd.DataFrame(
        {
            "duration": np.minimum(time, end),
            "event": event,
            "exit_reason": reason,
            "monthly_revenue": rng.choice([20.0, 40.0], n),
            "access": access,
            "age": rng.normal(45, 12, n),
            "online_bill": rng.random(n) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def telco(real_data):
    table = pd.read_csv(real_data / "telco_churn_ibm" / "Telco-Customer-Churn.csv.gz")
    return table.assign(
        event=table["Churn"] == "Yes", duration=table["tenure"], monthly_revenue=table["MonthlyCharges"]
    )


# --- retention --------------------------------------------------------------------------------------------------------


def test_retention_by_eye():
    table = pd.DataFrame({"duration": [1, 2, 2, 3], "event": [True, True, False, False]})
    curve = retention_curve(table, time_unit="months")
    assert curve[["time", "estimate", "n_at_risk"]].to_numpy().tolist() == [
        [0, 1, 4],
        [1, 0.75, 4],
        [2, 0.5, 3],
        [3, 0.5, 1],
    ]
    assert curve.columns.tolist() == [
        "segment",
        "time",
        "time_unit",
        "estimate",
        "conf_low",
        "conf_high",
        "n_at_risk",
        "n_events",
    ]
    assert set(curve["time_unit"]) == {"months"}


def test_telco_retention_equals_r(telco):
    # R 4.2.2 survival: survfit(Surv(tenure, Churn == "Yes") ~ 1)
    curve = retention_curve(telco, segment_col="Contract", time_unit="months")
    overall = curve[curve["segment"] == "all"].set_index("time")
    assert overall.loc[[12, 24, 48, 72], "estimate"].round(7).tolist() == [0.8431996, 0.7887364, 0.7088402, 0.5927902]
    assert curve["segment"].unique().tolist() == ["all", "Month-to-month", "One year", "Two year"]


def test_a_file_of_recent_customers_needs_entry():
    # started over the last 36 months; the file only shows those still there in the last 12
    rng = np.random.default_rng(3)
    start, stay = rng.uniform(-36, 0, 40_000), rng.exponential(33.6, 40_000)
    table = pd.DataFrame(
        {"duration": np.minimum(stay, -start), "event": stay < -start, "entry": np.maximum(0, -12 - start)}
    )
    seen = table[table["duration"] > table["entry"]]

    def at_24(**options):
        curve = retention_curve(seen, time_unit="months", **options).rename(columns={"time": "time_days"})
        return curve_at(curve, 24).iloc[0]

    truth = np.exp(-24 / 33.6)
    right, naive = at_24(entry_col="entry"), at_24()
    assert right["conf_low"] < truth < right["conf_high"]
    assert naive["conf_low"] > truth + 0.1


def test_units_are_checked():
    with pytest.raises(ConfigError, match="time_unit: found 'weeks', allowed are days, months"):
        retention_curve(customers(10, 1), time_unit="weeks")
    with pytest.raises(DataError, match=r"duration: 1 of 10 rows .* needed: finite numbers, 0 or more"):
        retention_curve(customers(10, 1).assign(duration=[-1.0, *range(9)]))


# --- exits by reason --------------------------------------------------------------------------------------------------


def test_reasons_sum_to_what_left():
    table = customers(400, 2)
    curve = churn_incidence(table, segment_col="access", time_unit="months")
    assert curve["outcome"].unique().tolist() == ["voluntary", "involuntary", "moved"]
    total = curve.groupby(["segment", "time"], sort=False)["estimate"].sum()
    stayed = retention_curve(table, segment_col="access", time_unit="months").set_index(["segment", "time"])["estimate"]
    np.testing.assert_allclose(total + stayed, 1, atol=1e-12)


def test_reasons_have_a_closed_form():
    # exponential: each reason's share of the exits is constant, 60, 30 and 10 %
    table = customers(20_000, 4)
    table = table[table["access"] != "fibre"]
    curve = churn_incidence(table, time_unit="months").rename(columns={"time": "time_days"})
    left = 1 - np.exp(-0.02 * 30)
    for reason, share in {"voluntary": 0.6, "involuntary": 0.3, "moved": 0.1}.items():
        row = curve_at(curve[curve["outcome"] == reason], 30).iloc[0]
        assert row["estimate"] == pytest.approx(share * left, abs=0.012)


def test_missing_and_other_reasons_are_kept():
    # the reason of a customer who is still there says nothing, given or not
    table = pd.DataFrame(
        {
            "duration": [1, 2, 3, 4, 5, 6],
            "event": [True, True, True, False, True, False],
            "exit_reason": [None, "deceased", "moved", "voluntary", "moved", None],
        }
    )
    before = table.copy()
    curve = churn_incidence(table)
    last = curve.groupby("outcome", sort=False)["estimate"].last()
    assert last.index.tolist() == ["moved", "deceased", "unknown"]
    assert last.tolist() == pytest.approx([1 / 6 + 1 / 4, 1 / 6, 1 / 6])
    pd.testing.assert_frame_equal(table, before)


def test_nobody_left():
    curve = churn_incidence(pd.DataFrame({"duration": [1, 2], "event": False, "exit_reason": None}))
    assert curve["outcome"].unique().tolist() == ["voluntary", "involuntary", "moved"]
    assert (curve["estimate"] == 0).all()


def test_active_is_not_a_reason():
    table = pd.DataFrame({"duration": [1, 2], "event": True, "exit_reason": "active"})
    with pytest.raises(DataError, match="exit_reason: 'active' is given as the reason of an exit"):
        churn_incidence(table)


# --- model ------------------------------------------------------------------------------------------------------------


def test_telco_model_equals_r(telco):
    # R 4.2.2 survival: coxph(Surv(tenure, Churn == "Yes") ~ Dependents + DSL + OnlineBackup + TechSupport), monthly
    # contracts with internet
    monthly = telco[(telco["Contract"] == "Month-to-month") & (telco["InternetService"] != "No")]
    covariates = ["Dependents", "InternetService", "OnlineBackup", "TechSupport"]
    model = churn_model(monthly, covariates=covariates)
    assert model["term"].tolist() == [
        "Dependents[Yes]",
        "InternetService[DSL]",
        "OnlineBackup[Yes]",
        "TechSupport[Yes]",
    ]
    assert model["reference"].tolist() == ["No", "Fiber optic", "No", "No"]
    assert model["estimate"].round(5).tolist() == [-0.32865, -0.21733, -0.77662, -0.63917]
    assert model["std_error"].round(5).tolist() == [0.07086, 0.05904, 0.05916, 0.07533]
    fit = model_fit(monthly, covariates=covariates).iloc[0]
    assert (fit["n"], fit["n_dropped"], fit["n_events"], fit["n_terms"]) == (3351, 0, 1556, 4)
    assert fit["events_per_term"] == 389
    assert round(fit["concordance"], 6) == 0.640883


def test_planted_effect_and_null():
    model = churn_model(customers(6_000, 5), covariates=["access", "age", "online_bill"]).set_index("term")
    assert model.index.tolist() == ["access[cable]", "access[fibre]", "age", "online_bill"]
    assert model["reference"].tolist() == ["dsl", "dsl", "", ""]
    assert model.loc["access[fibre]", "conf_low"] < np.log(0.5) < model.loc["access[fibre]", "conf_high"] < 0
    for null in ("access[cable]", "age", "online_bill"):
        assert model.loc[null, "conf_low"] < 0 < model.loc[null, "conf_high"]


def test_planted_effects_over_seeds():
    # 20 seeds: the true effect is covered at least 16 times, the null is flagged at most 4 times
    models = [churn_model(customers(600, seed), covariates=["access", "age"]).set_index("term") for seed in range(20)]
    fibre, age = (pd.DataFrame([model.loc[term] for model in models]) for term in ("access[fibre]", "age"))
    assert fibre["conf_low"].lt(np.log(0.5)).mul(fibre["conf_high"].gt(np.log(0.5))).sum() >= 16
    assert age["p_value"].lt(0.05).sum() <= 4


def test_reference_is_the_most_frequent_level():
    table = customers(90, 6).assign(plan=["b", "a", "c"] * 30)  # equally frequent: the first by name
    model = churn_model(table, covariates=["plan"])
    assert model["term"].tolist() == ["plan[b]", "plan[c]"]
    assert set(model["reference"]) == {"a"}
    categories = table.assign(plan=table["plan"].astype("category"))
    pd.testing.assert_frame_equal(churn_model(categories, covariates=["plan"]), model)


def test_missing_covariates_are_counted():
    table = customers(300, 7)
    table.loc[:9, "age"] = np.nan
    table.loc[5:19, "access"] = None
    before = table.copy()
    complete, n_dropped = complete_cases(table, covariates=["age", "access"])
    assert (len(complete), n_dropped) == (280, 20)
    fit = model_fit(table, covariates=["age", "access"]).iloc[0]
    assert (fit["n"], fit["n_dropped"]) == (280, 20)
    expected = churn_model(table.iloc[20:], covariates=["age", "access"])
    pd.testing.assert_frame_equal(churn_model(table, covariates=["age", "access"]), expected)
    pd.testing.assert_frame_equal(table, before)
    with pytest.raises(
        DataError, match=r"covariates: none of 300 customers has .* note is missing in 300\. Leave it out"
    ):
        churn_model(table.assign(note=None), covariates=["age", "note"])


def test_entry_is_used():
    table = customers(500, 8).assign(entry=lambda t: t["duration"] / 2)
    early, late = (churn_model(table, covariates=["access"], entry_col=name) for name in ("", "entry"))
    assert not np.allclose(early["estimate"], late["estimate"])
    assert 0.5 < model_fit(table, covariates=["access"], entry_col="entry")["concordance"].item() < 0.8


def test_terms_that_are_not_estimable_are_shown():
    table = customers(300, 9).assign(country="DE", months=lambda t: t["age"] * 12)
    model = churn_model(table, covariates=["age", "country", "months"]).set_index("term")
    assert model["estimate"].isna().to_dict() == {"age": False, "country": True, "months": True}
    assert model_fit(table, covariates=["age", "country", "months"])["n_terms"].item() == 1


def test_model_input_is_checked():
    table = customers(200, 10)
    with pytest.raises(DataError, match=r"id: 200 levels in 200 customers, at most 50 are allowed; group them"):
        churn_model(table.assign(id=[f"k{i}" for i in range(200)]), covariates=["id"])
    with pytest.raises(ConfigError, match="covariates: duration is the duration, event or entry of the model"):
        churn_model(table, covariates=["duration"])
    with pytest.raises(ConfigError, match="column not found: plan"):
        churn_model(table, covariates=["plan"])
    with pytest.raises(ConfigError, match=r"covariates: found \['age', 'age'\], each may be named once"):
        churn_model(table, covariates=["age", "age"])
    rare = table.assign(plan=np.where(table.index < 5, "gold", "basic"), event=table["event"] & (table.index >= 5))
    with pytest.raises(DataError, match=r"no finite estimate for plan\[gold\]"):
        churn_model(rare, covariates=["plan"])
    with pytest.raises(DataError, match="event: no event in 200 rows"):
        churn_model(table.assign(event=False), covariates=["age"])


# --- revenue at risk --------------------------------------------------------------------------------------------------


def test_revenue_by_eye():
    # retention 1 to time 1, .75 to time 2, .5 after; active at ages 2 and 3 with 10 and 30 a month
    table = pd.DataFrame(
        {"duration": [1, 2, 2, 3, 5], "event": [1, 1, 0, 0, 0], "monthly_revenue": [10.0, 10, 10, np.nan, 30]}
    )
    row = revenue_at_risk(table, horizon=1, time_unit="months").iloc[0]
    assert (row["n_active"], row["monthly_revenue"], row["n_no_revenue"]) == (3, 40, 1)
    assert row["expected_exits"] == 0  # nobody left after time 2
    assert row["n_beyond"] == 1
    young = table.assign(duration=[2, 4, 1, 1, 3])
    row = revenue_at_risk(young, horizon=2).iloc[0]
    # at risk 3 at time 2, 1 at time 4: age 1 leaves with 1/3 by time 3, age 3 for sure by time 4
    assert row["expected_exits"] == pytest.approx(1 / 3 + 1 / 3 + 1)
    assert row["revenue_at_risk"] == pytest.approx(10 / 3 + 30)


def test_revenue_has_a_closed_form_and_covers_it():
    # exponential: every active customer leaves within 6 months with 1 - exp(-.12), .0582 with fibre
    row = revenue_at_risk(customers(20_000, 11), horizon=6, segment_col="access", time_unit="months").set_index(
        "segment"
    )
    for segment, rate in {"dsl": 0.02, "cable": 0.02, "fibre": 0.01}.items():
        part = row.loc[segment]
        truth = 1 - np.exp(-6 * rate)
        assert part["share"] == pytest.approx(truth, abs=0.02)
        assert part["conf_low"] < part["share"] < part["conf_high"]
        assert part["revenue_at_risk"] == pytest.approx(part["share"] * part["monthly_revenue"], rel=0.02)
        assert part["revenue_low"] < part["revenue_at_risk"] < part["revenue_high"]
    assert row.loc["all", "n_active"] == row.drop("all")["n_active"].sum()


def test_revenue_interval_covers_what_really_leaves():
    # 300 samples; each active customer leaves within 10 with the true chance; ages stay clear of the longest
    # duration, where exits are not counted
    rng = np.random.default_rng(12)
    samples, n = 300, 150
    time, end = rng.exponential(50, (samples, n)), rng.choice([5.0, 40.0], (samples, n))
    table = pd.DataFrame(
        {
            "duration": np.minimum(time, end).ravel(),
            "event": (time <= end).ravel(),
            "monthly_revenue": 1.0,
            "sample": np.repeat(np.arange(samples), n),
        }
    )
    table.loc[(table["duration"] == 40) & ~table["event"], "monthly_revenue"] = 0
    rows = revenue_at_risk(table, horizon=10, segment_col="sample").iloc[1:]
    truth = 1 - np.exp(-10 / 50)
    low, high = (rows[name] / rows["monthly_revenue"] for name in ("revenue_low", "revenue_high"))
    leaving = rng.binomial(rows["monthly_revenue"].astype(int), truth) / rows["monthly_revenue"]
    assert 0.92 <= (low.le(leaving) & high.ge(leaving)).mean() <= 0.985
    assert (low.lt(truth) & high.gt(truth)).mean() > 0.985  # wider than the interval of the curve alone


def test_nobody_left_gives_no_figure():
    table = pd.DataFrame({"duration": [1, 2], "event": False, "monthly_revenue": 5.0, "plan": ["a", None]})
    rows = revenue_at_risk(table, horizon=3, segment_col="plan")
    assert rows["segment"].tolist() == ["all", "a", "(missing)"]
    assert rows["n_active"].tolist() == [2, 1, 1]
    assert rows[["share", "conf_low", "revenue_at_risk", "revenue_high"]].isna().all(axis=None)


def test_revenue_input_is_checked():
    with pytest.raises(ConfigError, match="horizon: found 0, needed is a positive number of days"):
        revenue_at_risk(customers(10, 1), horizon=0)
    with pytest.raises(DataError, match=r"monthly_revenue: 10 of 10 rows .* needed: revenue per month, 0 or more"):
        revenue_at_risk(customers(10, 1).assign(monthly_revenue=-5.0), horizon=3)


@settings(deadline=None, max_examples=30)
@given(
    rows=st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 50)), min_size=1, max_size=20),
    horizon=st.integers(1, 12),
)
def test_revenue_keeps_its_bounds(rows, horizon):
    table = pd.DataFrame(rows, columns=["duration", "event", "monthly_revenue"])
    row = revenue_at_risk(table, horizon=horizon).iloc[0]
    if np.isfinite(row["share"]):
        assert 0 <= row["share"] <= 1
        assert row["expected_exits"] <= row["n_active"] + 1e-9
    if np.isfinite(row["conf_low"]):
        assert 0 <= row["conf_low"] <= row["share"] + 1e-12
        assert row["share"] <= row["conf_high"] + 1e-12
    if np.isfinite(row["revenue_at_risk"]):
        assert row["revenue_at_risk"] <= row["monthly_revenue"] + 1e-9
    shuffled = revenue_at_risk(table.sample(frac=1, random_state=1), horizon=horizon)
    pd.testing.assert_frame_equal(shuffled, revenue_at_risk(table, horizon=horizon))
