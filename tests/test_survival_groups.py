"""Tests of groups, restricted means and hazards against R, closed forms, slow independent code and invariants."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import wilson_interval
from cj_helpers.survival import (
    common_horizon,
    compare_segments,
    cumulative_incidence,
    gray_test,
    hazard_over_time,
    logrank_test,
    restricted_mean,
    restricted_mean_differences,
)

MGUS = {"outcomes": ("pcm", "death")}


@pytest.fixture(scope="module")
def lung(oracles):
    table = pd.read_csv(oracles / "data" / "lifelines_lung.csv")
    return table.rename(columns={"time": "duration_days", "status": "event"})


@pytest.fixture(scope="module")
def mgus2(oracles):
    table = pd.read_csv(oracles / "data" / "survival_mgus2.csv")
    progressed, died = table["pstat"] == 1, table["death"] == 1
    return table.assign(
        duration_days=table["ptime"].where(progressed, table["futime"]),
        outcome=np.select([progressed, died], ["pcm", "death"], "open"),
    )


def read(oracles, name):
    return json.loads((oracles / f"{name}.json").read_text())


def repeated_customers(seed, customers=60, journeys=4, shape=0.8):
    """Journeys of customers who differ in speed, all of a customer in one segment; segments do not differ."""
    rng = np.random.default_rng(seed)
    speed = np.repeat(rng.gamma(shape, 1 / shape, customers), journeys)
    times = np.column_stack(
        [rng.exponential(1 / (0.1 * speed)), rng.exponential(20, len(speed)), rng.uniform(5, 40, len(speed))]
    )
    outcome = np.array(["completed", "abandoned", "open"])[times.argmin(axis=1)]
    customer = np.repeat(np.arange(customers), journeys)
    return pd.DataFrame(
        {
            "duration_days": times.min(axis=1),
            "outcome": outcome,
            "event": outcome == "completed",
            "customer": customer,
            "segment": np.where(customer % 2, "a", "b"),
        }
    )


# --- log-rank ---------------------------------------------------------------------------------------------------------


def test_stratified_logrank_equals_r(lung, oracles):
    # R: survdiff(Surv(time, status) ~ ph.ecog + strata(sex), lung)
    expected = read(oracles, "survival_r")["logrank_lung_ecog_strat_sex"]
    row = logrank_test(lung.dropna(subset=["ph.ecog"]), segment_col="ph.ecog", strata_col="sex").iloc[0]
    assert row["statistic"] == pytest.approx(expected["chisq"], abs=1e-9)
    assert row["p_value"] == pytest.approx(expected["p"], rel=1e-9)
    assert row["df"] == expected["df"]


def slow_contributions(table, segment):
    """Each row's sum of (own - share at risk) dM at equal hazards, time by time."""
    result = np.zeros(len(table))
    for time in sorted(set(table.loc[table["event"], "duration_days"])):
        at_risk = (table["duration_days"] >= time) & (table["entry"] < time)
        died = (table["duration_days"] == time) & table["event"] & at_risk
        share = (table.loc[at_risk, "segment"] == segment).mean()
        hazard = died.sum() / at_risk.sum()
        own = (table["segment"] == segment).to_numpy(dtype=float)
        result += (own - share) * (died.to_numpy(dtype=float) - hazard * at_risk.to_numpy(dtype=float))
    return result


def test_clustered_logrank_is_the_sum_of_customers_contributions():
    table = repeated_customers(3, customers=12).round({"duration_days": 0})
    table["entry"] = np.minimum(np.arange(len(table)) % 3, table["duration_days"] - 1).clip(lower=0)
    table["duration_days"] = table["duration_days"].clip(lower=1)
    contributions = pd.Series(slow_contributions(table, "a")).groupby(table["customer"]).sum()
    expected = contributions.sum() ** 2 / (contributions**2).sum()
    found = logrank_test(table, cluster_col="customer", entry_col="entry")["statistic"].item()
    assert found == pytest.approx(expected, rel=1e-9)


def test_clustered_tests_keep_their_level_and_plain_ones_do_not():
    # 300 samples without a difference; four journeys a customer who are alike
    p_values = []
    for seed in range(300):
        table = repeated_customers(seed)
        clustered, plain = logrank_test(table, cluster_col="customer"), logrank_test(table)
        gray = gray_test(table, outcome="completed", cluster_col="customer")
        pair = restricted_mean_differences(table, horizon_days=14, outcome="completed", cluster_col="customer")
        p_values.append([part["p_value"].item() for part in (clustered, gray, pair, plain)])
    rejected = (np.array(p_values) < 0.05).mean(axis=0)
    assert (rejected[:3] < 0.09).all()
    assert (rejected[:3] > 0.015).all()
    assert rejected[3] > 0.12


def test_pairs_are_adjusted_by_holm(lung):
    table = lung.dropna(subset=["ph.ecog"])
    pairs = compare_segments(table, segment_col="ph.ecog")
    assert pairs[["segment", "reference"]].to_numpy().tolist()[:2] == [["0.0", "1.0"], ["0.0", "2.0"]]
    one = logrank_test(table[table["ph.ecog"].isin([0, 2])], segment_col="ph.ecog").iloc[0]
    assert pairs.loc[1, ["statistic", "n", "n_events"]].tolist() == pytest.approx([one["statistic"], 113, 81])
    # six comparisons: the smallest p-value counts six times, the next five times
    assert pairs.loc[1, "p_adjusted"] == pytest.approx(6 * pairs.loc[1, "p_value"])
    assert pairs.loc[3, "p_adjusted"] == pytest.approx(5 * pairs.loc[3, "p_value"])


def test_many_segments_are_compared_with_all_others():
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"duration_days": rng.exponential(5, 6000), "event": True, "segment": rng.integers(0, 200, 6000).astype(str)}
    )
    pairs = compare_segments(table)
    assert len(pairs) == 200
    assert set(pairs["reference"]) == {"(others)"}
    assert (pairs["p_adjusted"] >= pairs["p_value"]).all()
    assert (pairs["n"] == 6000).all()
    assert logrank_test(table).iloc[0]["df"] == 199
    assert len(restricted_mean_differences(table, horizon_days=2)) == 200


def test_segments_without_events_or_rows_do_not_break_a_test():
    table = pd.DataFrame({"duration_days": [1, 2, 3, 1, 2], "event": [1, 1, 0, 0, 0], "segment": list("aaabb")})
    pair = compare_segments(table).iloc[0]
    assert pair["n_events"] == 2
    assert np.isfinite(pair["statistic"])
    assert np.isnan(compare_segments(table.assign(event=0))["p_value"]).all()
    assert compare_segments(table.assign(segment="a")).empty
    with pytest.raises(ConfigError, match="segment_col: a column with at least two segments is needed"):
        compare_segments(table, segment_col="")


# --- Gray -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "place"), [("pcm", 0), ("death", 1)])
def test_gray_equals_r(mgus2, oracles, outcome, place):
    # R: cmprsk::cuminc(mgus2$etime, mgus2$ev, mgus2$sex)$Tests
    expected = read(oracles, "competing_risks_r")["gray_test_sex"]
    row = gray_test(mgus2, outcome=outcome, segment_col="sex", **MGUS).iloc[0]
    assert row["statistic"] == pytest.approx(expected["stat"][place], abs=1e-9)
    assert row["p_value"] == pytest.approx(expected["p"][place], rel=1e-8)
    assert row["df"] == 1
    clustered = gray_test(mgus2, outcome=outcome, segment_col="sex", cluster_col="id", **MGUS).iloc[0]
    assert clustered["statistic"] == pytest.approx(
        expected["stat"][place], rel=0.03
    )  # another estimate of one variance


def test_gray_without_another_outcome_compares_as_the_logrank_test():
    table = repeated_customers(8)
    one = table.assign(outcome=np.where(table["outcome"] == "completed", "completed", "open"))
    gray = gray_test(one, outcome="completed", outcomes=("completed",), cluster_col="customer")["statistic"].item()
    assert gray == pytest.approx(logrank_test(one, cluster_col="customer")["statistic"].item(), rel=0.15)


def test_gray_sees_what_became_of_all_where_the_logrank_test_sees_the_pace():
    # both segments are completed at one pace; in b another half is given up at once, so fewer are ever completed
    rng = np.random.default_rng(2)
    n = 2000
    done, gone = rng.exponential(5, n), rng.exponential(5, n)
    segment = np.where(np.arange(n) % 2, "a", "b")
    gone = np.where(segment == "a", 1e9, gone)
    table = pd.DataFrame({"duration_days": np.minimum(done, gone), "segment": segment})
    table["outcome"] = np.where(done <= gone, "completed", "abandoned")
    table["event"] = table["outcome"] == "completed"
    assert logrank_test(table)["p_value"].item() > 0.01
    assert gray_test(table, outcome="completed")["p_value"].item() < 1e-10


# --- restricted means -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [365, 730])
def test_restricted_means_equal_r(lung, oracles, horizon):
    # R: survRM2::rmst2(time, status, arm = sex - 1, tau); survfit(...), print(rmean = 365)
    expected = read(oracles, "rmst_r")[f"lung_female_vs_male_{horizon}"]
    means = restricted_mean(lung, horizon_days=horizon, segment_col="sex").set_index("segment")
    for segment, arm in (("1", "arm0"), ("2", "arm1")):
        values = [expected[arm][name] for name in ("Est.", "se", "lower .95", "upper .95")]
        found = means.loc[segment, ["mean_days", "std_error", "conf_low", "conf_high"]].tolist()
        assert found == pytest.approx(values, abs=1e-8)
        lost = expected[f"rmtl{arm[-1]}"]["Est."]
        assert horizon - means.loc[segment, "mean_days"] == pytest.approx(lost, abs=1e-8)
    pair = restricted_mean_differences(lung, horizon_days=horizon, segment_col="sex").iloc[0]
    contrast = expected["contrast"]
    assert (pair["segment"], pair["reference"]) == ("2", "1")
    assert pair[["difference_days", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [contrast[name][0] for name in ("est", "lower", "upper")], abs=1e-8
    )
    assert pair["p_value"] == pytest.approx(contrast["p"][0], rel=1e-8)


def test_overall_restricted_mean_equals_r(lung, oracles):
    expected = read(oracles, "survival_r")["km_lung"]["rmst365_all"]
    row = restricted_mean(lung, horizon_days=365).iloc[0]
    assert row[["mean_days", "std_error"]].tolist() == pytest.approx([expected["rmean"], expected["se"]], abs=1e-8)


def test_time_spent_in_each_state_equals_r(mgus2, oracles):
    # R: print(survfit(Surv(etime, factor(ev)) ~ 1, mgus2), rmean = 240): the states share the 240 months
    expected = read(oracles, "competing_risks_r")["sojourn_240"]["rmean"]
    ended = mgus2.assign(event=mgus2["outcome"] != "open")
    running = restricted_mean(ended, horizon_days=240)["mean_days"].item()
    lost = [
        240 - restricted_mean(mgus2, horizon_days=240, outcome=name, **MGUS)["mean_days"].item()
        for name in ("pcm", "death")
    ]
    assert [running, *lost] == pytest.approx(expected, abs=1e-8)


def test_exponential_times_have_a_closed_form(oracles):
    known = read(oracles, "analytic")["rmst_exponential"]
    rng = np.random.default_rng(4)
    times = rng.exponential(1 / known["rate"], 100_000)
    row = restricted_mean(pd.DataFrame({"duration_days": times, "event": 1}), horizon_days=known["tau"]).iloc[0]
    assert row["conf_low"] < known["rmst"] < row["conf_high"]
    assert row["std_error"] < 0.02


def test_clustered_error_of_a_mean_equals_numerical_derivatives():
    table = repeated_customers(6, customers=10).round({"duration_days": 0})

    def mean(weight):
        curve = weighted_incidence(table, weight)
        return sum((1 - value) * width for value, width in curve)

    def weighted_incidence(rows, weight):
        survival, incidence, curve, start = 1.0, 0.0, [], 0.0
        for time in [*sorted(set(rows["duration_days"])), 8.0]:
            if min(time, 8.0) > start:
                curve.append((incidence, min(time, 8.0) - start))
                start = min(time, 8.0)
            at_risk = weight[rows["duration_days"] >= time].sum()
            here = rows["duration_days"] == time
            if at_risk:
                incidence += survival * weight[here & (rows["outcome"] == "completed")].sum() / at_risk
                survival *= 1 - weight[here & (rows["outcome"] != "open")].sum() / at_risk
        return curve

    sums = {}
    for row in range(len(table)):
        up, down = np.ones(len(table)), np.ones(len(table))
        up[row] += 1e-5
        down[row] -= 1e-5
        customer = table["customer"].iloc[row]
        sums[customer] = sums.get(customer, 0) + (mean(up) - mean(down)) / 2e-5
    found = restricted_mean(table, horizon_days=8, outcome="completed", cluster_col="customer").iloc[0]
    assert found["mean_days"] == pytest.approx(mean(np.ones(len(table))), abs=1e-10)
    assert found["std_error"] == pytest.approx(np.sqrt(sum(v**2 for v in sums.values())), rel=1e-6)


def test_a_difference_with_itself_is_certain():
    # the same customers have the same journeys in both segments: no doubt that nothing differs
    table = repeated_customers(9)
    both = pd.concat([table.assign(segment="a"), table.assign(segment="b")])
    pair = restricted_mean_differences(both, horizon_days=10, outcome="completed", cluster_col="customer").iloc[0]
    assert (pair["difference_days"], pair["n_customers"]) == (0, 60)
    assert pair["std_error"] == pytest.approx(0, abs=1e-12)


def test_horizon_rule():
    table = pd.DataFrame({"duration_days": [*range(1, 21), *range(11, 41)], "segment": ["a"] * 20 + ["b"] * 30})
    assert common_horizon(table, within_days=14) == 14
    assert common_horizon(table, within_days=90) == 31  # ten of b are left at 31
    assert common_horizon(table, within_days=90, segment_col="segment") == 11  # ten of a are left at 11
    tiny = pd.DataFrame({"duration_days": [1, 2], "segment": ["a", "b"]})
    assert np.isnan(common_horizon(tiny, within_days=5, segment_col="segment"))


def test_means_that_nobody_was_observed_for_are_not_given():
    table = pd.DataFrame({"duration_days": [3, 5, 9, 9], "event": [1, 0, 1, 0], "segment": list("aabb")})
    means = restricted_mean(table, horizon_days=8, segment_col="segment").set_index("segment")
    assert np.isnan(means.loc["a", "mean_days"])
    assert means.loc["b", "mean_days"] == 8
    with pytest.raises(DataError, match=r"segment: 1 segments were observed for 8 days, two are needed; shorten"):
        restricted_mean_differences(table, horizon_days=8)
    with pytest.raises(ConfigError, match="horizon_days: found inf, needed is a finite number above 0"):
        restricted_mean(table, horizon_days=np.inf)


# --- hazards ----------------------------------------------------------------------------------------------------------


def test_life_table_equals_r(oracles):
    # R: person-periods of rossi; events and risk per week
    expected = read(oracles, "discrete_time_survey_r")["life_table_hazard"]
    rossi = pd.read_csv(oracles / "data" / "lifelines_rossi.csv")
    rossi = rossi.assign(outcome=np.where(rossi["arrest"] == 1, "arrest", "open"))
    table = hazard_over_time(rossi, until_days=10, outcomes=("arrest",), duration_col="week")
    assert table["to_days"].tolist() == expected["t"]
    assert table["n_events"].tolist() == expected["events"]
    assert table["n_at_risk"].tolist() == expected["risk"]
    np.testing.assert_allclose(table["hazard"], np.divide(expected["events"], expected["risk"]), rtol=1e-12)
    # nobody repeats and nobody is censored before the last week: Wilson's interval of 5 in 425
    assert table.loc[7, ["conf_low", "conf_high"]].tolist() == pytest.approx(np.ravel(wilson_interval(5, 425)))


def test_hazards_chain_to_the_incidence():
    table = repeated_customers(10, customers=200)
    curve = cumulative_incidence(table)
    hazards = hazard_over_time(table, until_days=10, width_days=2.5, cluster_col="customer")
    alive, incidence = 1.0, 0.0
    for step in range(4):
        done, gone = (hazards[hazards["outcome"] == name]["hazard"].iloc[step] for name in ("completed", "abandoned"))
        incidence += alive * done
        alive *= 1 - done - gone
    rows = curve[(curve["outcome"] == "completed") & (curve["time_days"] <= 10)]
    assert incidence == pytest.approx(rows["estimate"].iloc[-1], abs=1e-12)
    assert ((hazards["conf_low"] < hazards["hazard"]) & (hazards["hazard"] < hazards["conf_high"])).all()


def test_hazard_intervals_widen_with_customers_who_are_alike():
    table = repeated_customers(11, customers=300, shape=0.4)
    plain = hazard_over_time(table, until_days=4, outcomes=("completed", "abandoned"), width_days=4).iloc[0]
    clustered = hazard_over_time(table, until_days=4, width_days=4, cluster_col="customer").iloc[0]
    assert plain["hazard"] == clustered["hazard"]
    assert clustered["conf_high"] - clustered["conf_low"] > 1.2 * (plain["conf_high"] - plain["conf_low"])


def test_periods_are_checked():
    table = pd.DataFrame({"duration_days": [1.0, 2.0], "outcome": ["completed", "open"]})
    with pytest.raises(ConfigError, match=r"periods: found until_days 5 and width_days 0, allowed are 1 to 1,000"):
        hazard_over_time(table, until_days=5, width_days=0)
    assert hazard_over_time(table, until_days=9)["to_days"].max() == 2
