"""Proportional hazards, hazard ratios, predictions against R and planted effects; the traps of the libraries."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.survival import (
    covariate_checks,
    cox_model,
    cumulative_incidence,
    curve_at,
    hazard_ratio_over_time,
    hazard_ratios,
    level_columns,
    predicted_survival,
    proportional_hazards_test,
    restricted_mean,
    restricted_mean_differences,
)

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
TRANSFORMS = ["identity", "rank", "km", "log"]


def read(oracles, name):
    return json.loads((oracles / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def rossi(oracles):
    table = pd.read_csv(oracles / "data" / "lifelines_rossi.csv")
    return table.rename(columns={"week": "duration_days", "arrest": "event"})


# --- proportional hazards ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(4))
def test_proportional_hazards_test_equals_r(rossi, oracles, place):
    # R: cox.zph(coxph(Surv(week, arrest) ~ ., rossi), transform = ...)
    expected = read(oracles, "survival_r")["cox_rossi"]["zph"][place]
    found = proportional_hazards_test(rossi, covariates=ROSSI, transform=expected["transform"])
    assert found["term"].tolist() == expected["term"]
    assert found["df"].tolist() == expected["df"]
    np.testing.assert_allclose(found["statistic"], expected["chisq"], atol=1e-7)
    np.testing.assert_allclose(found["p_value"], expected["p"], atol=1e-8)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_exact_test_of_three_covariates_equals_r(rossi, oracles, transform):
    expected = read(oracles, "zph_r")[f"exact3_{transform}"]
    found = proportional_hazards_test(rossi, covariates=["fin", "age", "prio"], transform=transform)
    values = found.set_index("term")["statistic"]
    assert values.to_dict() == pytest.approx(expected, abs=1e-7)


def test_untied_times_equal_r(rossi, oracles):
    # R: week + rowindex0 / 1000, no ties
    expected = read(oracles, "zph_r")["untied"]
    untied = rossi.assign(duration_days=rossi["duration_days"] + np.arange(len(rossi)) / 1000)
    found = proportional_hazards_test(untied, covariates=ROSSI, transform="rank").set_index("term")["statistic"]
    assert found.to_dict() == pytest.approx(expected["exact_rank"], abs=1e-7)
    plain, robust = (
        cox_model(untied.assign(c=range(len(rossi))), covariates=ROSSI, cluster_col=name) for name in ("", "c")
    )
    np.testing.assert_allclose(plain["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(plain["std_error"], expected["se"], atol=1e-8)
    np.testing.assert_allclose(robust["std_error"], expected["robust_se"], atol=1e-8)


@pytest.mark.parametrize("transform", ["identity", "km", "rank"])
def test_proportional_hazards_test_of_lung_equals_r(oracles, transform):
    expected = read(oracles, "survival_r")["cox_lung"][f"zph_{transform}"]
    lung = pd.read_csv(oracles / "data" / "lifelines_lung.csv").dropna(subset=["ph.ecog"])
    found = proportional_hazards_test(
        lung, covariates=expected["term"][:-1], duration_col="time", event_col="status", transform=transform
    )
    np.testing.assert_allclose(found["statistic"], expected["chisq"], atol=1e-7)


def test_telco_cox_and_its_proportional_hazards_equal_r(real_data):
    table = pd.read_csv(real_data / "telco_churn_ibm" / "Telco-Customer-Churn.csv.gz")
    table = table[(table["Contract"] == "Month-to-month") & (table["InternetService"] != "No")]
    yes = {name: (table[name] == "Yes").astype(float) for name in ("Dependents", "OnlineBackup", "TechSupport")}
    table = table.assign(DSL=table["InternetService"] == "DSL", event=table["Churn"] == "Yes", **yes)
    terms = ["Dependents", "DSL", "OnlineBackup", "TechSupport"]
    model = cox_model(table, covariates=terms, duration_col="tenure")
    assert model["estimate"].round(5).tolist() == [-0.32865, -0.21733, -0.77662, -0.63917]
    assert model["std_error"].round(5).tolist() == [0.07086, 0.05904, 0.05916, 0.07533]
    # R: cox.zph with its default transform, km; on the identity scale GLOBAL is 36.09
    test = proportional_hazards_test(table, covariates=terms, duration_col="tenure")
    assert test["statistic"].round(3).tolist() == [0.855, 21.772, 20.086, 8.428, 51.842]


def changing(n, seed, *, customers=0):
    """Spells with hazard .25 a day; business 1.6 until day 2 and .8 after, austria .8 always; others give up."""
    rng = np.random.default_rng(seed)
    business, austria = rng.random(n) < 0.3, rng.random(n) < 0.25
    base = 0.25 * np.where(austria, 0.8, 1.0)
    early, late = base * np.where(business, 1.6, 1), base * np.where(business, 0.8, 1)
    needed = rng.exponential(size=n)
    done = np.where(needed < 2 * early, needed / early, 2 + (needed - 2 * early) / late)
    times = np.column_stack([done, rng.exponential(12, n), rng.uniform(2, 30, n)])
    return pd.DataFrame(
        {
            "duration_days": times.min(axis=1),
            "outcome": np.array(["completed", "abandoned", "open"])[times.argmin(axis=1)],
            "business": business,
            "austria": austria,
            "customer": rng.integers(0, customers or n, n),
        }
    )


def test_changing_ratio_is_reported_early_and_late_and_a_constant_one_once():
    table = changing(20_000, 1, customers=8_000)
    ratios = hazard_ratios(table, covariates=["business", "austria"], cluster_col="customer", split_days=2)
    done = ratios[ratios["outcome"] == "completed"].set_index(["term", "period"])
    shown = done[done["is_reported"]]
    assert shown.index.tolist() == [("business", "early"), ("business", "late"), ("austria", "whole")]
    for place, truth in zip(shown.index, (1.6, 0.8, 0.8), strict=True):
        assert shown.loc[place, "conf_low"] < truth < shown.loc[place, "conf_high"]
    change = done.loc[("business", "whole"), ["change_low", "change", "change_high"]].tolist()
    assert change[0] < 2 < change[2]
    abandoned = ratios[(ratios["outcome"] == "abandoned") & ratios["is_reported"]]
    assert abandoned["period"].tolist() == ["whole", "whole"]
    assert ((abandoned["conf_low"] < 1) & (abandoned["conf_high"] > 1)).all()


def test_early_and_late_models_are_those_of_the_two_halves():
    table = changing(3_000, 2)
    ratios = hazard_ratios(table, covariates=["business", "austria"]).query("outcome == 'completed'")
    split = ratios["split_days"].iloc[0]
    assert split == pytest.approx(table.loc[table["outcome"] == "completed", "duration_days"].median(), abs=0.01)
    event = table["outcome"] == "completed"
    early = table.assign(duration_days=table["duration_days"].clip(upper=split))
    early["event"] = event & (table["duration_days"] <= split)
    late = table[table["duration_days"] > split].assign(event=event, entry=split)
    for period, part, entry_col in (("early", early, ""), ("late", late, "entry")):
        model = cox_model(part, covariates=["business", "austria"], entry_col=entry_col)
        rows = ratios[ratios["period"] == period]
        np.testing.assert_allclose(rows["estimate"], model["estimate"], atol=1e-9)
        np.testing.assert_allclose(rows["std_error"], model["std_error"], atol=1e-9)
    whole = ratios[ratios["period"] == "whole"].iloc[0]
    one, two = (
        ratios[(ratios["period"] == name) & (ratios["term"] == "business")].iloc[0] for name in ("early", "late")
    )
    assert whole["change"] == pytest.approx(one["hazard_ratio"] / two["hazard_ratio"])
    error = np.hypot(one["std_error"], two["std_error"])
    assert np.log(whole["change_high"] / whole["change"]) == pytest.approx(1.959963984540054 * error)


def test_start_stop_rows_give_the_same_ratios_as_whole_spells():
    table = changing(2_000, 3, customers=900)
    cut = table["duration_days"].to_numpy() / 3
    first = table.assign(entry=0.0, duration_days=cut, outcome="open")
    second = table.assign(entry=cut)
    options = {"covariates": ["business", "austria"], "cluster_col": "customer"}
    whole = hazard_ratios(table, **options)
    parts = hazard_ratios(pd.concat([first, second]), entry_col="entry", **options)
    names = ["hazard_ratio", "conf_low", "conf_high", "change", "change_low"]
    np.testing.assert_allclose(whole[names], parts[names], rtol=1e-8)


def test_every_obstacle_is_named_with_its_remedy():
    table = changing(400, 4).assign(one=1.0, both=lambda t: t["business"] + 2.0 * t["austria"], rare=0.0)
    table.loc[table.index[:3], ["rare", "outcome"]] = [1.0, "open"]
    checks = covariate_checks(table, covariates=["business", "one", "austria", "both", "rare"])
    done = checks[checks["outcome"] == "completed"].set_index("term")
    assert done["problem"].to_dict() == {
        "business": "used",
        "one": "constant",
        "austria": "used",
        "both": "combination",
        "rare": "separated",
    }
    assert done.loc["both", "of_terms"] == "business, austria"
    assert "leave it or one of business, austria out" in done.loc["both", "remedy"]
    assert "merge its rare value" in done.loc["rare", "remedy"]
    ratios = hazard_ratios(table, covariates=["business", "one", "austria", "both", "rare"])
    used = ratios[ratios["problem"] == "used"]
    assert set(used["term"]) == {"business", "austria"}
    assert ratios[ratios["problem"] != "used"]["hazard_ratio"].isna().all()


def test_two_hundred_levels_are_grouped_or_refused_by_name():
    table = changing(4000, 6)
    rng = np.random.default_rng(60)  # not the seed of the spells: the town would be the customer's kind
    common = np.where(rng.random(len(table)) < 0.3, "town 0", "")
    places = pd.Series(rng.integers(1, 200, len(table))).astype(str).radd("town ")
    wide, reference = level_columns(table.assign(town=np.where(common == "", places, common)), columns=["town"])
    assert reference == {"town: (other)": "town 0"}
    assert wide["town: (other)"].sum() == (common == "").sum()
    ratios = hazard_ratios(wide, covariates=["business", *reference])
    other = ratios[(ratios["term"] == "town: (other)") & (ratios["period"] == "whole")]
    assert (other["problem"] == "used").all()
    assert other["conf_low"].lt(1).all()  # towns were drawn without an effect
    assert other["conf_high"].gt(1).all()
    with pytest.raises(DataError, match=r"town: 199 levels in [\d,]+ rows, none common; group them or leave it out"):
        level_columns(table.assign(town=places.to_numpy()), columns=["town"])


def test_a_missing_value_is_never_what_the_others_are_compared_with():
    """Where it is the most frequent level, it may not occur in the next journey at all."""
    table = pd.DataFrame({"plan": [None] * 6 + ["basic"] * 3 + ["plus"]})
    wide, reference = level_columns(table, columns=["plan"])
    assert reference == {"plan: (missing)": "basic", "plan: plus": "basic"}
    assert wide[["plan: (missing)", "plan: plus"]].sum().tolist() == [6, 1]
    alone = level_columns(table.head(6), columns=["plan"])[1]
    assert alone == {}


def test_few_events_reduce_the_covariates_and_then_refuse():
    table = changing(60, 5)
    done = table.index[table["outcome"] == "completed"]
    table.loc[done[15:], "outcome"] = "open"
    table.loc[table["outcome"] == "abandoned", "outcome"] = "open"
    checks = covariate_checks(table, covariates=["business", "austria"]).set_index(["outcome", "term"])
    assert checks["problem"].tolist() == ["used", "few_events", "constant", "constant"]
    remedy = checks.loc[("completed", "austria"), "remedy"]
    assert remedy.startswith("15 events allow one covariate for each 10; merge levels or take a longer window")
    ratios = hazard_ratios(table, covariates=["business", "austria"])
    assert ratios["hazard_ratio"].notna().sum() == 1
    table.loc[done[8:], "outcome"] = "open"
    with pytest.raises(DataError, match=r"no outcome of completed, abandoned has 10 events .* few_events"):
        hazard_ratios(table, covariates=["business", "austria"])


def test_infinite_and_missing_values_stop():
    table = changing(50, 6).assign(x=np.arange(50.0))
    with pytest.raises(DataError, match=r"x: 1 of 50 rows .* needed: a finite number in every row"):
        hazard_ratios(table.assign(x=table["x"].replace(3.0, np.inf)), covariates=["x"])
    with pytest.raises(DataError, match=r"duration_days: 2 of 50 rows .* needed: finite numbers, 0 or more"):
        hazard_ratios(table.assign(duration_days=table["x"] - 2), covariates=["x"])
    with pytest.raises(ConfigError, match="column not found: y"):
        covariate_checks(table, covariates=["y"])


def test_all_events_at_one_time_still_give_an_answer():
    table = pd.DataFrame({"duration_days": 1.0, "outcome": ["completed"] * 30 + ["open"] * 30})
    table = table.assign(x=np.tile([0, 1, 1], 20))
    ratios = hazard_ratios(table, covariates=["x"], outcomes=("completed",))
    assert ratios[ratios["is_reported"]]["period"].tolist() == ["whole"]
    assert np.isnan(ratios["change"]).all()
    assert np.isfinite(ratios["hazard_ratio"].iloc[0])
    assert cumulative_incidence(table, outcomes=("completed",))["estimate"].tolist() == [0, 0.5]


def test_picture_of_a_changing_ratio():
    table = changing(20_000, 7)
    table["event"] = table["outcome"] == "completed"
    shape = hazard_ratio_over_time(table, covariates=["business", "austria"], n_periods=6)
    business = shape[shape["term"] == "business"].reset_index(drop=True)
    assert len(business) == 6
    assert business["n_events"].sum() == table["event"].sum()
    assert business.loc[business["to_days"] <= 2, "conf_low"].min() > 1
    assert business.loc[business["from_days"] >= 2.2, "conf_high"].mean() < 1
    austria = shape[shape["term"] == "austria"]
    assert ((austria["conf_low"] < 0.8) & (austria["conf_high"] > 0.8)).sum() >= 5
    # the constant ratio is that of the model
    model = cox_model(table, covariates=["business", "austria"])
    assert business["constant"].iloc[0] == pytest.approx(np.exp(model.loc[0, "estimate"]))
    one = hazard_ratio_over_time(table, covariates=["business", "austria"], n_periods=1)
    np.testing.assert_allclose(one["hazard_ratio"], np.exp(model["estimate"]), rtol=1e-7)


def test_transform_is_checked():
    table = changing(200, 8).assign(event=True)
    with pytest.raises(ConfigError, match="transform: found 'sqrt', allowed are km, rank, identity, log"):
        proportional_hazards_test(table, covariates=["business"], transform="sqrt")
    with pytest.raises(DataError, match="covariates: none of one varies among the rows that met an event"):
        proportional_hazards_test(table.assign(one=1), covariates=["one"])


# --- Cox: ties and strata ---------------------------------------------------------------------------------------------


def test_breslow_ties_equal_r_and_the_poisson_regression_on_weeks(rossi, oracles):
    # R: coxph(..., ties = "breslow"); glm(arrest ~ week + fin + age + prio, poisson) on person-weeks fits the same
    expected = read(oracles, "survival_r")["cox_rossi"]["breslow"]
    model = cox_model(rossi, covariates=ROSSI, ties="breslow")
    np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(model["std_error"], expected["se"], atol=1e-8)
    discrete = read(oracles, "discrete_time_survey_r")
    model = cox_model(rossi, covariates=["fin", "age", "prio"], ties="breslow")
    for kind, tolerance in (("cox_breslow", 2e-9), ("poisson", 1e-7)):  # both R fits stop at their own tolerance
        np.testing.assert_allclose(model["estimate"], list(discrete[kind]["coef"].values()), atol=tolerance)
        np.testing.assert_allclose(model["std_error"], list(discrete[kind]["se"].values()), atol=tolerance)
    with pytest.raises(ConfigError, match="ties: found 'exact', allowed are efron, breslow"):
        cox_model(rossi, covariates=["fin"], ties="exact")


def test_strata_equal_r(rossi, oracles):
    # R: coxph(Surv(week, arrest) ~ fin + age + race + mar + paro + prio + strata(wexp), rossi)
    expected = read(oracles, "survival_r")["cox_rossi"]["strata_wexp"]
    model = cox_model(rossi, covariates=expected["term"], strata_col="wexp")
    np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(model["std_error"], expected["se"], atol=1e-8)


def test_predictions_equal_r(rossi, oracles):
    # R: survfit(coxph(...), newdata): Efron's baseline; lifelines uses Breslow's (.71570 for the first)
    expected = read(oracles, "survival_r")["cox_rossi"]
    found = predicted_survival(rossi, rossi.head(), covariates=ROSSI, times=[52])
    np.testing.assert_allclose(found["estimate"], expected["pred_surv_52_first5"], atol=2e-8)
    other = read(oracles, "zph_r")["pred_surv52_first5"]["breslow_ctype1"]
    assert (np.abs(found["estimate"] - other) > 3e-4).all()
    baseline = predicted_survival(
        rossi, pd.DataFrame([dict.fromkeys(ROSSI, 0.0)]), covariates=ROSSI, times=expected["baseline_cumhaz_at"]["time"]
    )
    np.testing.assert_allclose(-np.log(baseline["estimate"]), expected["baseline_cumhaz_at"]["H0"], rtol=1e-7)


# --- the traps of the libraries: what they miss, and the exact value here ---------------------------------------------


@pytest.fixture(scope="module")
def traps(oracles):
    return read(oracles, "lifelines_traps")


@pytest.fixture(scope="module")
def mgus2(oracles):
    table = pd.read_csv(oracles / "data" / "survival_mgus2.csv")
    progressed, died = table["pstat"] == 1, table["death"] == 1
    return table.assign(
        duration_days=table["ptime"].where(progressed, table["futime"]),
        outcome=np.select([progressed, died], ["pcm", "death"], "open"),
    )


def test_trap_ties_are_not_jittered(mgus2, traps):
    known = traps["aalen_johansen_jitter"]
    curve = cumulative_incidence(mgus2, outcomes=("pcm", "death")).query("outcome == 'pcm'")
    found = curve_at(curve, [60, 240])
    assert found["estimate"].iloc[0] == pytest.approx(known["exact_pcm_60"], abs=1e-12)
    assert abs(known["lifelines_seed0"] - found["estimate"].iloc[0]) > 1e-3
    # the limits stand in their own columns: at 240 months .081690 below and .120019 above
    assert found["conf_low"].iloc[1] < found["estimate"].iloc[1] < found["conf_high"].iloc[1]
    assert found[["conf_low", "conf_high"]].iloc[1].tolist() == pytest.approx([0.0816900, 0.1200191], abs=1e-6)


def test_trap_values_at_chosen_times_are_those_of_the_curve(traps):
    known = traps["aalen_johansen_timeline"]
    words = np.array(["open", "one", "two"])
    table = pd.DataFrame({"duration_days": known["durations"], "outcome": words[known["events"]]})
    curve = cumulative_incidence(table, outcomes=("one", "two")).query("outcome == 'two'")
    assert curve_at(curve, [0, 2, 4, 6])["estimate"].iloc[-1] == pytest.approx(known["exact_at_6"], abs=1e-12)


def test_trap_baseline_respects_entry(oracles, traps):
    # R: survfit(coxph(Surv(W, T, E) ~ x + z)) at the means; lifelines' CoxPHFitter gives .783 instead of .562
    table = pd.read_csv(oracles / "data" / "left_truncation_sim.csv")
    means = pd.DataFrame([table[["x", "z"]].mean()])
    found = predicted_survival(
        table, means, covariates=["x", "z"], times=[4, 6, 8, 10], duration_col="T", event_col="E", entry_col="W"
    )
    known = traps["cox_entry_col_baseline"]
    np.testing.assert_allclose(found["estimate"], known["R_S_at_4_6_8_10"], atol=5e-8)
    assert (np.abs(found["estimate"] - known["lifelines_CoxPHFitter"]) > 0.09).all()


def test_trap_entry_with_ties(traps):
    known = traps["cox_entry_ties"]
    table = pd.DataFrame({name: known[name] for name in "TEWx"})
    model = cox_model(table, covariates=["x"], duration_col="T", event_col="E", entry_col="W")
    assert model["estimate"].item() == pytest.approx(known["R"], abs=1e-7)
    assert abs(model["estimate"].item() - known["CoxPHFitter_entry_col"]) > 2e-4
    assert abs(model["estimate"].item() - known["statsmodels_PHReg_entry"]) > 0.7


def test_trap_robust_errors_with_ties(rossi, oracles):
    expected = read(oracles, "survival_r")["cox_rossi"]["robust"]["robust_se"]
    model = cox_model(rossi.assign(c=range(len(rossi))), covariates=ROSSI, cluster_col="c")
    np.testing.assert_allclose(model["std_error"], expected, atol=1e-8)
    assert abs(model["std_error"].iloc[0] - 0.191918) > 3e-3  # lifelines


def test_trap_proportional_hazards_test_is_the_exact_one(rossi, oracles):
    found = proportional_hazards_test(rossi, covariates=ROSSI, transform="identity").set_index("term")["statistic"]
    assert round(found["age"], 4) == 6.6159
    assert abs(found["age"] - read(oracles, "zph_r")["approx7_identity"]["age"]) > 5  # lifelines: 12.0614
    assert "GLOBAL" in found.index


def test_trap_restricted_mean_has_a_standard_error_and_a_test(oracles):
    lung = pd.read_csv(oracles / "data" / "lifelines_lung.csv").rename(columns={"time": "duration_days"})
    lung = lung.assign(event=lung["status"])
    male = restricted_mean(lung[lung["sex"] == 1], horizon_days=365).iloc[0]
    assert male["std_error"] == pytest.approx(10.3582264911, abs=1e-8)  # lifelines' square root: 120.50
    pair = restricted_mean_differences(lung, horizon_days=365, segment_col="sex").iloc[0]
    assert pair["p_value"] == pytest.approx(0.00018270646131, rel=1e-8)  # lifelines' test is an empty stub


def test_counts_by_pattern_give_the_same_model_as_rows():
    # integer weights are replication, so counts by (covariates, whole day, outcome) lose only the hours
    table = changing(20_000, 9)
    table["event"] = table["outcome"] == "completed"
    by = ["duration_days", "event", "business", "austria"]
    counts = table.assign(duration_days=np.ceil(table["duration_days"] * 24) / 24).groupby(by).size()
    counted = cox_model(counts.rename("n").reset_index(), covariates=["business", "austria"], weight_col="n")
    full = cox_model(table, covariates=["business", "austria"])
    np.testing.assert_allclose(counted["estimate"], full["estimate"], rtol=5e-3)
    np.testing.assert_allclose(counted["std_error"], full["std_error"], rtol=5e-3)
