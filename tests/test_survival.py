"""Curves, tests and Cox models against R, closed forms, slow independent code and invariants."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import wilson_interval
from cj_helpers.survival import (
    concordance,
    cox_model,
    cumulative_incidence,
    curve_at,
    daily,
    incidence_at,
    logrank_test,
    median_time,
    naive_incidence,
    survival_curve,
    time_quantile,
)

LIMITS = ["conf_low", "conf_high"]


@pytest.fixture(scope="module")
def survival_r(oracles):
    """R 4.2.2, survival 3.5-3."""
    return json.loads((oracles / "survival_r.json").read_text())


@pytest.fixture(scope="module")
def competing_r(oracles):
    """R 4.2.2, survival 3.5-3 and cmprsk, on mgus2."""
    return json.loads((oracles / "competing_risks_r.json").read_text())


@pytest.fixture(scope="module")
def lung(oracles):
    return pd.read_csv(oracles / "data" / "lifelines_lung.csv").rename(
        columns={"time": "duration_days", "status": "event"}
    )


@pytest.fixture(scope="module")
def rossi(oracles):
    table = pd.read_csv(oracles / "data" / "lifelines_rossi.csv")
    return table.rename(columns={"week": "duration_days", "arrest": "event"})


@pytest.fixture(scope="module")
def mgus2(oracles):
    # R: etime <- ifelse(pstat == 0, futime, ptime); ev <- ifelse(pstat == 0, 2 * death, 1)
    table = pd.read_csv(oracles / "data" / "survival_mgus2.csv")
    progressed, died = table["pstat"] == 1, table["death"] == 1
    return table.assign(
        duration_days=table["ptime"].where(progressed, table["futime"]),
        outcome=np.select([progressed, died], ["pcm", "death"], "open"),
        male=table["sex"] == "M",
    )


def spells(**columns):
    return pd.DataFrame(columns)


def simulated(n, seed, *, rates=(0.05, 0.1), customers=0):
    """Competing exponential times with uniform censoring."""
    rng = np.random.default_rng(seed)
    times = np.column_stack([rng.exponential(1 / rate, n) for rate in rates] + [rng.uniform(0, 40, n)])
    outcome = np.array(["completed", "abandoned", "open"])[times.argmin(axis=1)]
    return pd.DataFrame(
        {
            "duration_days": times.min(axis=1),
            "outcome": outcome,
            "event": outcome != "open",
            "customer": rng.integers(0, customers or n, n),
            "segment": rng.choice(["a", "b", "c"], n),
        }
    )


# --- Kaplan-Meier -----------------------------------------------------------------------------------------------------


def test_survival_curve_equals_r(lung, survival_r):
    # R: summary(survfit(Surv(time, status) ~ 1, lung, conf.type = "log-log"), times = c(100, 180, 365, 730))
    expected = survival_r["km_lung"]["log-log"]
    curve = survival_curve(lung)
    found = curve_at(curve, expected["times"])
    np.testing.assert_allclose(found["estimate"], expected["surv"], atol=1e-10)
    np.testing.assert_allclose(found["conf_low"], expected["surv_lower"], atol=1e-10)
    np.testing.assert_allclose(found["conf_high"], expected["surv_upper"], atol=1e-10)
    assert found["n_at_risk"].tolist() == expected["n_risk"]
    error = curve.set_index("time_days")["std_error"].reindex(expected["times"], method="ffill")
    np.testing.assert_allclose(error, expected["std_err"], atol=1e-10)


def test_quantiles_equal_r(lung, survival_r):
    # R: quantile(survfit(Surv(time, status) ~ 1, lung, conf.type = "log-log"), c(.25, .5, .75))
    expected = survival_r["km_lung"]["log-log"]
    curve = survival_curve(lung)
    for position, q in enumerate(expected["quantile"]):
        row = time_quantile(curve, q).iloc[0]
        assert row["time_days"] == expected["est"][position]
        assert row[LIMITS].tolist() == [expected["lower"][position], expected["upper"][position]]


def test_segments_equal_r(lung, survival_r):
    # R: survfit(Surv(time, status) ~ sex, lung, conf.type = "log-log")
    expected = survival_r["km_lung"]["by_sex_loglog"]
    curve = survival_curve(lung, segment_col="sex")
    medians = median_time(curve)
    assert medians["segment"].tolist() == ["all", "1", "2"]
    assert medians.loc[1:, ["median_days", *LIMITS]].to_numpy().T.tolist() == [
        expected["median"],
        expected["lower"],
        expected["upper"],
    ]
    rows = pd.DataFrame(expected["at_risk"])
    found = curve_at(curve, [0, 180, 365, 730]).query("segment != 'all'")
    np.testing.assert_allclose(found["estimate"], rows["surv"], atol=1e-10)
    np.testing.assert_allclose(found[LIMITS], rows[["lower", "upper"]], atol=1e-10)
    assert found["n_at_risk"].tolist() == rows["n_risk"].tolist()
    counted = curve[curve["segment"] == "2"].set_index("time_days")["n_events"].cumsum()
    assert counted.reindex([180, 365, 730], method="ffill").diff().tolist()[1:] == [22, 14]


def test_late_entry_equals_r(oracles, survival_r):
    # R: survfit(Surv(W, T, D) ~ 1, macs)
    expected = survival_r["left_trunc_macs"]
    table = pd.read_csv(oracles / "data" / "lifelines_macs.csv")
    curve = survival_curve(table, duration_col="T", event_col="D", entry_col="W")
    found = curve_at(curve, expected["times"])
    np.testing.assert_allclose(found["estimate"], expected["surv"], atol=1e-10)
    assert found["n_at_risk"].tolist() == expected["n_risk"]
    error = curve.set_index("time_days")["std_error"].reindex(expected["times"], method="ffill")
    np.testing.assert_allclose(error, expected["std_err"], atol=1e-10)
    assert median_time(curve)["median_days"].item() == expected["median"]
    naive = curve_at(survival_curve(table, duration_col="T", event_col="D"), expected["times"])
    np.testing.assert_allclose(naive["estimate"], expected["naive_surv"], atol=1e-10)


def test_survival_curve_by_eye():
    # four start; one of four leaves at 1, one of three at 2 (another is censored there), the last is censored at 3
    curve = survival_curve(spells(duration_days=[1, 2, 2, 3], event=[True, True, False, False]))
    assert curve[["time_days", "estimate", "n_at_risk", "n_events", "n_censored"]].to_numpy().tolist() == [
        [0, 1, 4, 0, 0],
        [1, 0.75, 4, 1, 0],
        [2, 0.5, 3, 1, 1],
        [3, 0.5, 1, 0, 1],
    ]
    assert curve.loc[1, "std_error"] == pytest.approx(0.75 * np.sqrt(1 / (4 * 3)))
    assert curve.loc[2, "std_error"] == pytest.approx(0.5 * np.sqrt(1 / (4 * 3) + 1 / (3 * 2)))
    assert curve.loc[0, LIMITS].tolist() == [1, 1]
    assert curve.columns.tolist() == [
        "segment",
        "time_days",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "n_at_risk",
        "n_customers_at_risk",
        "n_events",
        "n_censored",
    ]


def test_events_at_the_origin_count():
    curve = survival_curve(spells(duration_days=[0, 0, 5, 5], event=[1, 0, 1, 0]))
    assert curve[["time_days", "estimate", "n_at_risk"]].to_numpy().tolist() == [[0, 0.75, 4], [5, 0.375, 2]]


def test_a_row_that_entered_when_it_ended_counts_nowhere():
    # R drops such rows: "Stop time must be > start time, NA created"
    with_row = spells(duration_days=[3, 4, 5, 4], event=[1, 1, 0, 1], entry=[0, 1, 2, 4])
    curve = survival_curve(with_row, entry_col="entry")
    without = survival_curve(with_row.iloc[:3], entry_col="entry")
    pd.testing.assert_frame_equal(curve, without)
    assert curve["n_at_risk"].tolist() == [1, 3, 2, 1]


def test_all_censored_and_one_subject():
    censored = survival_curve(spells(duration_days=[2, 3], event=[0, 0]))
    assert censored["estimate"].tolist() == [1, 1, 1]
    assert median_time(censored).iloc[0, 1:].isna().all()
    single = survival_curve(spells(duration_days=[2.5], event=[1]))
    assert single["estimate"].tolist() == [1, 0]
    assert single.loc[1, ["std_error", *LIMITS]].isna().all()
    assert median_time(single)["median_days"].item() == 2.5


def test_no_rows_give_no_curve():
    empty = spells(duration_days=[], event=[])
    curve = survival_curve(empty)
    assert curve.empty
    assert "conf_high" in curve.columns
    assert median_time(curve).empty
    assert curve_at(curve, [3]).empty
    assert cumulative_incidence(spells(duration_days=[], outcome=[])).empty


def test_segments_keep_order_and_missing_comes_last():
    size = pd.Categorical(["small", "big", None, "big"], categories=["small", "medium", "big"], ordered=True)
    curve = survival_curve(spells(duration_days=[1, 2, 3, 4], event=1, size=size), segment_col="size")
    assert curve["segment"].unique().tolist() == ["all", "small", "big", "(missing)"]
    named = spells(duration_days=[1, 2, 3], event=1, size=["(missing)", "b", None])
    curve = survival_curve(named, segment_col="size")
    assert curve.groupby("segment")["n_events"].sum().to_dict() == {"all": 3, "(missing)": 2, "b": 1}
    with pytest.raises(ConfigError, match="size: a segment is called 'all', the name of the overall row; rename it"):
        survival_curve(spells(duration_days=[1], event=1, size=["all"]), segment_col="size")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"duration_days": [1, -2, np.nan]},
            r"duration_days: 2 of 3 rows \(67 %\) are not usable \(first: row 2",
        ),
        ({"duration_days": [1, 2, np.inf]}, r"duration_days: 1 of 3 rows .* needed: finite numbers, 0 or more"),
        (
            {"duration_days": pd.to_timedelta([1, 2, 3], unit="D")},
            r"duration_days: found timedelta64\[ns\], needed are num",
        ),
        ({"event": [1, 0, 2]}, r"event: 1 of 3 rows .* \(first: row 3\); needed: true/false or 1/0"),
        ({"entry": [0, 3, 0]}, r"entry: 1 of 3 rows .* needed: at most duration_days of the same row"),
        ({"n": [1, 0.5, 1]}, r"n: 1 of 3 rows .* needed: whole numbers of rows, 0 or more"),
        ({"n": [1, -1, 1]}, r"n: 1 of 3 rows .* needed: whole numbers of rows, 0 or more"),
    ],
)
def test_impossible_rows_are_counted(columns, message):
    table = pd.DataFrame({"duration_days": [1, 2, 3], "event": [1, 0, 1], "entry": 0, "n": 1}).assign(**columns)
    with pytest.raises(DataError, match=message):
        survival_curve(table, entry_col="entry", weight_col="n")


def test_columns_must_exist():
    with pytest.raises(ConfigError, match="column not found: duration_days; the table has t, event"):
        survival_curve(spells(t=[1], event=[1]))


# --- cumulative incidence ---------------------------------------------------------------------------------------------


def test_incidence_equals_r(mgus2, competing_r):
    # R: survfit(Surv(etime, factor(ev)) ~ 1, mgus2), conf.type = "log-log" for the limits of pcm
    expected, limits = competing_r["aj_survfit"], competing_r["aj_survfit_loglog_ci"]
    curve = cumulative_incidence(mgus2, outcomes=("pcm", "death"))
    for outcome in ("pcm", "death"):
        rows = curve[curve["outcome"] == outcome]
        found = curve_at(rows, expected["times"])
        np.testing.assert_allclose(found["estimate"], expected[outcome], atol=1e-10)
        assert found["n_at_risk"].tolist() == expected["n_risk"]
        error = rows.set_index("time_days")["std_error"].reindex(expected["times"], method="ffill")
        np.testing.assert_allclose(error, expected[f"se_{outcome}"], atol=1e-10)
        if outcome == "pcm":
            np.testing.assert_allclose(found["conf_low"], limits["pcm_lower"], atol=1e-10)
            np.testing.assert_allclose(found["conf_high"], limits["pcm_upper"], atol=1e-10)


def test_one_minus_survival_overstates(mgus2, competing_r):
    # R: 1 - survfit(Surv(etime, ev == 1) ~ 1)$surv
    expected = competing_r["one_minus_km_pcm"]
    alone = curve_at(survival_curve(mgus2.assign(event=mgus2["outcome"] == "pcm")), expected["times"])
    np.testing.assert_allclose(1 - alone["estimate"], expected["est"], atol=1e-10)
    curve = cumulative_incidence(mgus2, outcomes=("pcm", "death"))
    right = curve_at(curve[curve["outcome"] == "pcm"], expected["times"])
    assert (1 - alone["estimate"] > right["estimate"]).all()


def test_incidence_by_segment_equals_r(mgus2, competing_r):
    # R: survfit(Surv(etime, factor(ev)) ~ sex, mgus2)
    rows = pd.DataFrame(competing_r["aj_by_sex"])
    for outcome in ("pcm", "death"):
        found = incidence_rows(mgus2, outcome, [60, 120, 180, 240, 300])
        np.testing.assert_allclose(found["estimate"], rows[outcome], atol=1e-10)


def incidence_rows(table, outcome, times):
    curve = cumulative_incidence(table, outcomes=("pcm", "death"), segment_col="sex")
    return curve_at(curve[curve["outcome"] == outcome], times).query("segment != 'all'")


def test_incidence_with_ties_equals_r(competing_r):
    # R: survfit(Surv(t, factor(e)) ~ 1); the estimates are fractions of 12ths and 60ths
    tiny = competing_r["tiny"]
    table = spells(duration_days=tiny["t"], outcome=np.array(["open", "one", "two"])[tiny["e"]])
    curve = cumulative_incidence(table, outcomes=("one", "two"))
    for position, outcome in enumerate(("one", "two"), start=1):
        rows = curve[(curve["outcome"] == outcome) & (curve["time_days"] > 0)]
        np.testing.assert_allclose(rows["estimate"], tiny[f"cif{position}"], atol=1e-10)
        np.testing.assert_allclose(rows["std_error"], tiny[f"se{position}"], atol=1e-10)
        assert rows["n_at_risk"].tolist() == tiny["n_risk"]


@pytest.fixture(scope="module")
def thirteen_journeys(oracles):
    """The journeys of a log one can check by eye, in the words used here."""
    table = pd.DataFrame(json.loads((oracles / "journey_mapping.json").read_text())["journeys"])
    words = {"converted": "completed", "dropped": "abandoned", "censored": "open"}
    return table.assign(outcome=table["outcome"].map(words))


def test_thirteen_journeys(thirteen_journeys):
    # open ones leave the risk set at 2.625 and 5.625 days: 2/13 * ... gives 23/39
    row = incidence_at(thirteen_journeys, time_days=14, cluster_col="customer_id").iloc[0]
    assert row["estimate"] == pytest.approx(23 / 39, abs=1e-12)
    assert round(row["estimate"], 6) == 0.589744
    assert (row["n"], row["n_customers"]) == (13, 11)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]


def slow_curve(table, weight, outcome):
    """Aalen-Johansen with fractional weights, straight from the definition; entry < t <= duration is at risk."""
    survival, incidence, curve = 1.0, 0.0, {}
    for time in sorted({0.0, *table["duration_days"]}):
        at_risk = weight[((table["entry"] < time) | (time == 0)) & (table["duration_days"] >= time)].sum()
        ended = (table["duration_days"] == time) & (table["outcome"] != "open")
        if ended.any():
            incidence += survival * weight[ended & (table["outcome"] == outcome)].sum() / at_risk
            survival *= 1 - weight[ended].sum() / at_risk
        curve[time] = incidence
    return np.array(list(curve.values()))


def slow_error(table, outcome, clusters):
    """Infinitesimal jackknife by numerical derivatives: move one row's weight, sum per customer, square, sum."""
    step, sums = 1e-5, {}
    for row in range(len(table)):
        up, down = np.ones(len(table)), np.ones(len(table))
        up[row] += step
        down[row] -= step
        change = slow_curve(table, up, outcome) - slow_curve(table, down, outcome)
        sums[clusters[row]] = sums.get(clusters[row], 0) + change / (2 * step)
    return np.sqrt(sum(total**2 for total in sums.values()))


def small_log(seed, n=40):
    """Days with many ties; customers with several rows."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "duration_days": rng.integers(1, 12, n).astype(float),
            "outcome": rng.choice(["completed", "abandoned", "open"], n, p=[0.5, 0.2, 0.3]),
            "customer": rng.integers(0, 12, n),
            "entry": 0.0,
        }
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("clustered", [True, False])
def test_errors_equal_numerical_derivatives(seed, clustered):
    table = small_log(seed)
    curve = cumulative_incidence(table, cluster_col="customer" if clustered else "")
    clusters = table["customer"] if clustered else table.index
    for outcome in ("completed", "abandoned"):
        rows = curve[curve["outcome"] == outcome]
        np.testing.assert_allclose(rows["estimate"], slow_curve(table, np.ones(len(table)), outcome), atol=1e-12)
        np.testing.assert_allclose(rows["std_error"], slow_error(table, outcome, clusters), atol=1e-7)


@pytest.mark.parametrize("seed", [4, 5])
def test_clustered_errors_with_late_entry_equal_numerical_derivatives(seed):
    table = small_log(seed)
    rng = np.random.default_rng(seed)
    table["entry"] = np.minimum(rng.choice([0, 0, 1, 2], len(table)), table["duration_days"] - 1)
    for outcome in ("completed", "abandoned"):
        rows = cumulative_incidence(table, cluster_col="customer", entry_col="entry").query("outcome == @outcome")
        np.testing.assert_allclose(rows["estimate"], slow_curve(table, np.ones(len(table)), outcome), atol=1e-12)
        np.testing.assert_allclose(rows["std_error"], slow_error(table, outcome, table["customer"]), atol=1e-7)
        value = incidence_at(table, time_days=6, outcome=outcome, cluster_col="customer", entry_col="entry").iloc[0]
        step = rows[rows["time_days"] <= 6].iloc[-1]
        assert value[["estimate", "std_error"]].tolist() == step[["estimate", "std_error"]].tolist()
    table = table.assign(event=table["outcome"] != "open", outcome=np.where(table["outcome"] == "open", "open", "out"))
    curve = survival_curve(table, cluster_col="customer", entry_col="entry")
    expected = slow_error(table, "out", table["customer"])
    alive = curve["estimate"] > 0
    np.testing.assert_allclose(1 - curve["estimate"], slow_curve(table, np.ones(len(table)), "out"), atol=1e-12)
    np.testing.assert_allclose(curve.loc[alive, "std_error"], expected[alive], atol=1e-7)


def test_a_customer_of_its_own_per_row_changes_nothing():
    table = simulated(300, 5).assign(customer=np.arange(300)[::-1])
    pd.testing.assert_frame_equal(cumulative_incidence(table), cumulative_incidence(table, cluster_col="customer"))
    unknown = table.assign(customer=None)  # rows without a customer are one each
    pd.testing.assert_frame_equal(cumulative_incidence(table), cumulative_incidence(unknown, cluster_col="customer"))


def test_doubled_rows_of_one_customer_carry_no_information():
    table = simulated(200, 6).assign(customer=np.arange(200))
    doubled = pd.concat([table, table], ignore_index=True)
    once = cumulative_incidence(table, cluster_col="customer")
    twice = cumulative_incidence(doubled, cluster_col="customer")
    np.testing.assert_allclose(once[["estimate", "std_error"]], twice[["estimate", "std_error"]], atol=1e-12)


def test_competing_exponentials_have_a_closed_form(oracles):
    # F1(t) = l1 / (l1 + l2) * (1 - exp(-(l1 + l2) t)); 1 - KM alone tends to 1 - exp(-l1 t)
    known = json.loads((oracles / "analytic.json").read_text())["competing_exponential"]
    table, times = simulated(40_000, 7, rates=(known["l1"], known["l2"])), known["t"]
    curve = cumulative_incidence(table)
    rows = curve[curve["outcome"] == "completed"]
    error = rows.set_index("time_days")["std_error"].reindex(times, method="ffill").to_numpy()
    assert (np.abs(curve_at(rows, times)["estimate"] - known["cif1"]) < 3 * error).all()
    assert (error < 0.003).all()
    alone = curve_at(naive_incidence(table), times)
    assert ((alone["conf_low"] < known["one_minus_km"]) & (alone["conf_high"] > known["one_minus_km"])).all()
    assert (alone["conf_high"] - alone["conf_low"] < 0.04).all()


def test_clustered_interval_covers_and_the_plain_one_does_not():
    # 500 samples of 60 customers with four journeys each; customers differ in speed (gamma frailty, mean 1)
    rng = np.random.default_rng(11)
    samples, customers, journeys, shape = 500, 60, 4, 0.8
    frailty = rng.gamma(shape, 1 / shape, size=(samples, customers, 1))
    done = rng.exponential(1 / (0.1 * frailty), size=(samples, customers, journeys))
    end = rng.uniform(5, 40, size=done.shape)
    sample, customer, _ = np.indices(done.shape)
    table = pd.DataFrame(
        {
            "duration_days": np.minimum(done, end).ravel(),
            "outcome": np.where(done <= end, "completed", "open").ravel(),
            "sample": sample.ravel(),
            "customer": customer.ravel(),
        }
    )
    truth = 1 - (1 + 0.1 * 10 / shape) ** -shape  # Laplace transform of the gamma distribution

    def coverage(cluster_col):
        rows = incidence_at(table, time_days=10, segment_col="sample", cluster_col=cluster_col).iloc[1:]
        return ((rows["conf_low"] <= truth) & (truth <= rows["conf_high"])).mean()

    assert 0.92 <= coverage("customer") <= 0.975
    assert coverage("") < 0.88


def test_outcomes_are_checked():
    table = spells(duration_days=[1, 2], outcome=["completed", None])
    with pytest.raises(DataError, match=r"outcome: 1 of 2 rows .* name those still running, e\.g\. open"):
        cumulative_incidence(table)
    with pytest.raises(ConfigError, match=r"outcomes: found \('a', 'a'\), needed is at least one, each named once"):
        cumulative_incidence(table, outcomes=("a", "a"))
    with pytest.raises(ConfigError, match="outcome: found 'done', allowed are completed, abandoned"):
        incidence_at(table, time_days=3, outcome="done")


def test_incidence_at_is_the_curve_at_that_time():
    table = simulated(500, 8, customers=150)
    curve = cumulative_incidence(table, segment_col="segment", cluster_col="customer")
    rows = curve[curve["outcome"] == "abandoned"]
    value = incidence_at(table, time_days=9.5, outcome="abandoned", segment_col="segment", cluster_col="customer")
    step = rows[rows["time_days"] <= 9.5].groupby("segment", sort=False).last()
    for name in ("estimate", "std_error", *LIMITS):
        np.testing.assert_allclose(value[name], step[name], atol=1e-14)
    assert value["segment"].tolist() == ["all", "a", "b", "c"]
    assert value["n"].tolist()[1:] == table["segment"].value_counts().sort_index().tolist()
    assert value["n_customers"].tolist()[0] == table["customer"].nunique()


def test_nobody_was_observed_that_long():
    row = incidence_at(spells(duration_days=[3, 5], outcome=["completed", "open"]), time_days=14).iloc[0]
    assert row[["estimate", "std_error", *LIMITS]].isna().all()
    assert row["n"] == 2
    # everyone has ended before: known at any later time
    row = incidence_at(spells(duration_days=[3, 5], outcome=["completed", "abandoned"]), time_days=14).iloc[0]
    assert row["estimate"] == 0.5


def test_none_and_all_completed_have_wilson_limits():
    # seven known after 14 days, the eighth was open too early; Wilson: 0 of 7 -> .354330, 7 of 7 -> .645670
    table = spells(duration_days=[20] * 5 + [3, 4, 2], outcome=["open"] * 5 + ["abandoned"] * 2 + ["open"])
    row = incidence_at(table, time_days=14).iloc[0]
    assert row[["estimate", *LIMITS]].tolist() == pytest.approx([0, 0, 0.354330], abs=1e-6)
    table = spells(duration_days=[1, 2, 3, 4, 5, 6, 7], outcome="completed")
    row = incidence_at(table, time_days=14).iloc[0]
    assert row[["estimate", *LIMITS]].tolist() == pytest.approx([1, 0.645670, 1], abs=1e-6)


def test_one_customer_has_no_curve_interval_and_weighs_as_one():
    table = spells(duration_days=[1, 2, 3, 20], outcome=["completed", "abandoned", "completed", "open"], customer="a")
    curve = cumulative_incidence(table, cluster_col="customer")
    inner = curve[curve["estimate"].between(0.01, 0.99)]
    assert len(inner) == 7
    assert inner[["std_error", *LIMITS]].isna().all(axis=None)
    row = incidence_at(table, time_days=14, cluster_col="customer").iloc[0]
    low, high = wilson_interval(0.5, 1)
    assert row[["estimate", *LIMITS]].tolist() == pytest.approx([0.5, float(low), float(high)])
    survival = survival_curve(table.assign(event=True), cluster_col="customer")
    assert survival.loc[survival["estimate"] < 1, LIMITS].isna().all(axis=None)


def test_no_journeys_have_no_rate():
    row = incidence_at(spells(duration_days=[], outcome=[]), time_days=14, cluster_col="").iloc[0]
    assert row["segment"] == "all"
    assert (row["n"], row["n_customers"]) == (0, 0)
    assert np.isnan(row["estimate"])


# --- reading off curves -----------------------------------------------------------------------------------------------


def test_median_in_the_middle_of_a_flat_step():
    # R: quantile(survfit(Surv(1:4, rep(1, 4)) ~ 1), .5): 2.5
    assert median_time(survival_curve(spells(duration_days=[1, 2, 3, 4], event=1)))["median_days"].item() == 2.5


def test_values_after_the_last_time_are_unknown():
    curve = survival_curve(spells(duration_days=[2, 4, 4], event=[1, 1, 0]))
    assert curve_at(curve, [0, 3, 4])["estimate"].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert curve_at(curve, [4.5])[["estimate", *LIMITS]].isna().all(axis=None)
    ended = survival_curve(spells(duration_days=[2, 4], event=[1, 1]))
    assert curve_at(ended, 9)[["estimate", "n_at_risk"]].to_numpy().tolist() == [[0, 0]]


def test_quantiles_are_checked():
    with pytest.raises(ConfigError, match="q: found 50, allowed are values between 0 and 1"):
        time_quantile(survival_curve(spells(duration_days=[1], event=[1])), 50)


# --- invariants ------------------------------------------------------------------------------------------------------


@st.composite
def logs(draw):
    n = draw(st.integers(1, 25))
    columns = {
        "duration_days": st.integers(0, 8),
        "outcome": st.sampled_from(["completed", "abandoned", "open"]),
        "customer": st.integers(0, 6),
        "segment": st.sampled_from(["a", "b", None]),
        "n": st.integers(0, 3),
    }
    return pd.DataFrame({name: draw(st.lists(values, min_size=n, max_size=n)) for name, values in columns.items()})


@settings(deadline=None, max_examples=60)
@given(logs())
def test_curves_keep_their_bounds(log):
    curve = cumulative_incidence(log, segment_col="segment", cluster_col="customer")
    log = log.assign(event=log["outcome"] != "open")
    survival = survival_curve(log, segment_col="segment", cluster_col="customer")
    for table in (curve, survival):
        limits = table.dropna(subset=LIMITS)
        assert ((limits["conf_low"] >= 0) & (limits["conf_low"] <= limits["estimate"])).all()
        assert ((limits["estimate"] <= limits["conf_high"]) & (limits["conf_high"] <= 1)).all()
        assert table["estimate"].between(0, 1).all()
        assert (table["n_at_risk"] >= 0).all()
    assert (curve.groupby(["outcome", "segment"])["estimate"].diff().dropna() >= 0).all()
    assert (survival.groupby("segment")["estimate"].diff().dropna() <= 0).all()
    total = (
        curve.groupby(["segment", "time_days"])["estimate"].sum()
        + survival.set_index(["segment", "time_days"])["estimate"]
    )
    np.testing.assert_allclose(total, 1, atol=1e-12)
    assert survival.groupby("segment")[["n_events", "n_censored"]].sum().sum(axis=1).loc["all"] == len(log)


@settings(deadline=None, max_examples=40)
@given(log=logs(), seed=st.integers(0, 99))
def test_order_of_rows_does_not_matter(log, seed):
    shuffled = log.sample(frac=1, random_state=seed)
    options = {"segment_col": "segment", "cluster_col": "customer"}
    pd.testing.assert_frame_equal(cumulative_incidence(log, **options), cumulative_incidence(shuffled, **options))
    options["time_days"] = 4
    pd.testing.assert_frame_equal(incidence_at(log, **options), incidence_at(shuffled, **options))


@settings(deadline=None, max_examples=40)
@given(logs())
def test_weights_are_replication(log):
    log = log.assign(event=log["outcome"] != "open")
    repeated = log.loc[log.index.repeat(log["n"])]
    for options in ({}, {"cluster_col": "customer"}):
        options = {"segment_col": "segment", **options}
        for function in (cumulative_incidence, survival_curve):
            pd.testing.assert_frame_equal(function(log, weight_col="n", **options), function(repeated, **options))
    pd.testing.assert_frame_equal(
        logrank_test(log, segment_col="segment", weight_col="n"), logrank_test(repeated, segment_col="segment")
    )


def test_arguments_are_not_changed(lung):
    before = lung.copy()
    survival_curve(lung, segment_col="sex", cluster_col="inst")
    logrank_test(lung, segment_col="sex")
    cox_model(lung, covariates=["age", "sex"], cluster_col="inst")
    concordance(lung, score_col="age")
    pd.testing.assert_frame_equal(lung, before)


# --- log-rank ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("segment_col", "name"), [("sex", "logrank_lung_sex"), ("ph.ecog", "logrank_lung_ecog")])
def test_logrank_equals_r(lung, survival_r, segment_col, name):
    # R: survdiff(Surv(time, status) ~ sex, lung); survdiff(Surv(time, status) ~ ph.ecog, lung)
    expected = survival_r[name]
    row = logrank_test(lung.dropna(subset=[segment_col]), segment_col=segment_col).iloc[0]
    assert row["statistic"] == pytest.approx(expected["chisq"], abs=1e-9)
    assert row["df"] == expected["df"]
    assert row["p_value"] == pytest.approx(expected["p"], rel=1e-9)
    assert row["n_events"] == sum(expected["obs"])


def test_equal_segments_do_not_differ():
    table = pd.concat([simulated(50, 9).assign(segment=name) for name in "ab"])
    row = logrank_test(table).iloc[0]
    assert (row["statistic"], row["df"], row["p_value"]) == (pytest.approx(0, abs=1e-12), 1, pytest.approx(1))


def test_nothing_to_compare():
    one = logrank_test(simulated(50, 9).assign(segment="a")).iloc[0]
    assert np.isnan(one["statistic"])
    assert np.isnan(one["p_value"])
    assert (one["df"], one["n"]) == (0, 50)
    assert np.isnan(logrank_test(spells(duration_days=[1, 2], event=0, segment=["a", "b"]))["p_value"].item())
    with pytest.raises(ConfigError, match="segment_col: a column with at least two segments is needed"):
        logrank_test(simulated(5, 9), segment_col="")


def test_logrank_keeps_its_level():
    # 400 samples without a difference: 5 % are called different, give or take 2.2 (two standard errors)
    p_values = [logrank_test(simulated(60, seed))["p_value"].item() for seed in range(400)]
    assert 0.028 <= np.mean(np.array(p_values) < 0.05) <= 0.078


# --- Cox --------------------------------------------------------------------------------------------------------------

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


def test_cox_equals_r(rossi, survival_r):
    # R: coxph(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, rossi)
    expected = survival_r["cox_rossi"]["efron"]
    model = cox_model(rossi, covariates=ROSSI)
    assert model["term"].tolist() == expected["term"]
    np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(model["std_error"], expected["se"], atol=1e-8)
    np.testing.assert_allclose(model["statistic"], model["estimate"] / model["std_error"])
    np.testing.assert_allclose(model["conf_high"] - model["estimate"], 1.959963984540054 * model["std_error"])
    # R: summary(...)$coefficients["fin", "Pr(>|z|)"] = 0.04742
    assert model.loc[0, "p_value"] == pytest.approx(0.04742, abs=5e-6)


@pytest.mark.parametrize(("name", "modulus"), [("robust", 10_000), ("cluster_idx_mod40", 40)])
def test_robust_errors_equal_r(rossi, survival_r, name, modulus):
    # R: coxph(..., robust = TRUE); coxph(..., cluster = seq_len(432) %% 40). lifelines gives .191918 for fin
    expected = survival_r["cox_rossi"][name]
    table = rossi.assign(customer=np.arange(1, len(rossi) + 1) % modulus)
    model = cox_model(table, covariates=ROSSI, cluster_col="customer")
    np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(model["std_error"], expected["robust_se"], atol=1e-8)


def test_cox_on_complete_rows_equals_r(lung, survival_r):
    # R: coxph(Surv(time, status) ~ age + sex + ph.ecog, lung)
    expected = survival_r["cox_lung"]
    complete = lung.dropna(subset=["ph.ecog"])
    model = cox_model(complete, covariates=expected["term"])
    np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(model["std_error"], expected["se"], atol=1e-8)


def test_cause_specific_cox_equals_r(mgus2, competing_r):
    # R: coxph(Surv(etime, ev == 1) ~ age + sex, mgus2); coxph(Surv(etime, ev == 2) ~ age + sex, mgus2)
    for outcome in ("pcm", "death"):
        expected = competing_r["cause_specific_cox"][outcome]
        model = cox_model(mgus2.assign(event=mgus2["outcome"] == outcome), covariates=["age", "male"])
        np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
        np.testing.assert_allclose(model["std_error"], expected["se"], atol=1e-8)


def test_start_stop_rows_equal_r(oracles, survival_r):
    # R: coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, heart)
    expected = survival_r["cox_tv_heart"]
    heart = pd.read_csv(oracles / "data" / "survival_heart.csv")
    model = cox_model(heart, covariates=expected["term"], duration_col="stop", entry_col="start")
    np.testing.assert_allclose(model["estimate"], expected["coef"], atol=1e-8)
    np.testing.assert_allclose(model["std_error"], expected["se"], atol=1e-8)
    # "ever transplanted" known from the start looks like a rescue: immortal time (Suissa 2008)
    last = heart.groupby("id").last().assign(transplant=heart.groupby("id")["transplant"].max())
    naive = cox_model(last, covariates=expected["term"], duration_col="stop")
    np.testing.assert_allclose(naive["estimate"], expected["naive_ever_transplant"]["coef"], atol=1e-8)


def test_late_entry_with_ties_equals_r(oracles):
    # R: coxph(Surv(W, T, E) ~ x): -.2323849; lifelines' entry_col gives -.23209, statsmodels' entry +.515
    traps = json.loads((oracles / "lifelines_traps.json").read_text())["cox_entry_ties"]
    table = pd.DataFrame({name: traps[name] for name in "TEWx"})
    model = cox_model(table, covariates=["x"], duration_col="T", event_col="E", entry_col="W")
    assert model["estimate"].item() == pytest.approx(traps["R"], abs=1e-7)


def cox_table(n, seed):
    """Exponential times with log hazard .7 x - .4 y, in whole days."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.random(n) < 0.3
    time, end = rng.exponential(20 / np.exp(0.7 * x - 0.4 * y)), rng.uniform(5, 60, n)
    return pd.DataFrame(
        {
            "duration_days": np.ceil(np.minimum(time, end)),
            "event": time <= end,
            "x": x,
            "y": y,
            "customer": rng.integers(0, n // 3, n),
            "n": rng.integers(0, 4, n),
        }
    )


def test_cox_recovers_planted_effects():
    model = cox_model(cox_table(8_000, 1), covariates=["x", "y"]).set_index("term")
    assert model.loc["x", "conf_low"] < 0.7 < model.loc["x", "conf_high"]
    assert model.loc["y", "conf_low"] < -0.4 < model.loc["y", "conf_high"]
    assert (model["std_error"] < 0.04).all()


@pytest.mark.parametrize("cluster_col", ["", "customer"])
def test_cox_weights_are_replication(cluster_col):
    table = cox_table(200, 2)
    repeated = table.loc[table.index.repeat(table["n"])]
    options = {"covariates": ["x", "y"], "cluster_col": cluster_col}
    weighted, plain = cox_model(table, weight_col="n", **options), cox_model(repeated, **options)
    pd.testing.assert_frame_equal(weighted, plain, rtol=1e-9)
    score = {"score_col": "x"}
    pd.testing.assert_frame_equal(concordance(table, weight_col="n", **score), concordance(repeated, **score))


def test_cox_units_and_order_of_rows():
    table = cox_table(300, 3)
    model = cox_model(table, covariates=["x", "y"], cluster_col="customer")
    scaled = table.assign(x=table["x"] * 1e4 + 5e5).sample(frac=1, random_state=1)
    other = cox_model(scaled, covariates=["x", "y"], cluster_col="customer")
    assert other.loc[0, "estimate"] * 1e4 == pytest.approx(model.loc[0, "estimate"], rel=1e-8)
    np.testing.assert_allclose(other["statistic"], model["statistic"], rtol=1e-8)


def test_terms_that_are_not_estimable():
    table = cox_table(300, 4).assign(one=1.0, twice=lambda t: 2 * t["x"] + t["y"])
    model = cox_model(table, covariates=["one", "x", "y", "twice"]).set_index("term")
    assert model.loc[["one", "twice"]].isna().all(axis=None)
    expected = cox_model(table, covariates=["x", "y"]).set_index("term")
    pd.testing.assert_frame_equal(model.loc[["x", "y"]], expected)
    # varies only among rows censored before the first event
    table = table.assign(early=0.0)
    gone = pd.DataFrame({"duration_days": [0.1, 0.2], "event": False, "x": 0.0, "y": False, "early": [1.0, 2.0]})
    model = cox_model(pd.concat([table, gone]), covariates=["x", "early"]).set_index("term")
    assert np.isnan(model.loc["early", "estimate"])


@pytest.mark.parametrize("level_event", [False, True])
def test_separation_names_the_term(level_event):
    table = cox_table(300, 5).assign(rare=0)
    table.loc[:9, ["rare", "event"]] = [1, level_event]
    table.loc[:9, "duration_days"] = 0.5 if level_event else 70
    with pytest.raises(DataError, match=r"Cox model: no finite estimate for rare: .* Merge rare levels or leave"):
        cox_model(table, covariates=["x", "rare"])


def test_cox_input_is_checked():
    table = cox_table(30, 6)
    with pytest.raises(DataError, match="event: no event in 30 rows; a Cox model needs events"):
        cox_model(table.assign(event=False), covariates=["x"])
    with pytest.raises(DataError, match=r"x: 1 of 30 rows .* needed: a finite number in every row"):
        cox_model(table.assign(x=table["x"].where(table.index != 3)), covariates=["x"])
    with pytest.raises(ConfigError, match=r"covariates: found \['x', 'x'\], needed is at least one, each named once"):
        cox_model(table, covariates=["x", "x"])
    with pytest.raises(ConfigError, match=r"covariates: found \[\], needed is at least one"):
        cox_model(table, covariates=[])
    with pytest.raises(ConfigError, match="column not found: z"):
        cox_model(table, covariates=["z"])


# --- concordance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "terms"), [("cox_rossi", ROSSI), ("cox_lung", ["age", "sex", "ph.ecog"])])
def test_concordance_equals_r(request, survival_r, name, terms):
    # R: concordance(coxph(...))
    expected = survival_r[name].get("efron", survival_r[name])["concordance"]
    table = request.getfixturevalue(name.removeprefix("cox_")).dropna(subset=terms)
    score = table[terms].to_numpy() @ cox_model(table, covariates=terms)["estimate"].to_numpy()
    found = concordance(table.assign(score=score), score_col="score")
    assert found["estimate"].item() == pytest.approx(expected, abs=1e-9)


def slow_concordance(table):
    better = tied = pairs = 0
    for a in table.itertuples():
        for b in table.itertuples():
            later = b.duration_days > a.duration_days or (b.duration_days == a.duration_days and not b.event)
            if a.event and later and b.entry < a.duration_days:
                pairs += 1
                better += a.score > b.score
                tied += a.score == b.score
    return (better + tied / 2) / pairs if pairs else np.nan, pairs


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(-2, 2), st.integers(0, 5)), max_size=15))
def test_concordance_equals_counting_pairs(rows):
    table = pd.DataFrame(rows, columns=["duration_days", "event", "score", "entry"])
    table["entry"] = np.minimum(table["entry"], table["duration_days"] - 1)
    table = table.astype({"duration_days": float, "event": bool, "score": float, "entry": float})
    found = concordance(table, score_col="score", entry_col="entry").iloc[0]
    estimate, pairs = slow_concordance(table)
    assert found["n_pairs"] == pairs
    assert found["estimate"] == pytest.approx(estimate, nan_ok=True)


# --- real data --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oulad(real_data):
    table = pd.read_csv(real_data / "oulad" / "survival_derived.csv.gz")
    return table[table["duration_days"] > 0]


def test_oulad_equals_r(oulad):
    # R 4.2.2, survival: survfit, survdiff by code_module, coxph (Efron)
    curve = survival_curve(oulad)
    assert curve["n_at_risk"].iloc[0] == 32_529
    assert curve["n_events"].sum() == 10_014
    found = curve_at(curve, [30, 60, 90, 120, 180, 300])["estimate"]
    assert found.round(7).tolist() == [0.9648621, 0.9183190, 0.8791232, 0.8421714, 0.7740719, 0.6994118]
    test = logrank_test(oulad, segment_col="code_module").iloc[0]
    assert (round(test["statistic"], 4), test["df"]) == (907.4944, 6)


def test_oulad_cox_equals_r(oulad):
    terms = ["num_of_prev_attempts", "credits", "disability", "male"]
    table = oulad.assign(credits=oulad["studied_credits"] / 60, male=oulad["gender"] == "M")
    model = cox_model(table, covariates=terms)
    assert model["estimate"].round(5).tolist() == [-0.01821, 0.41813, 0.24255, 0.03246]
    score = table[terms].astype(float).to_numpy() @ model["estimate"].to_numpy()
    assert round(concordance(table.assign(score=score), score_col="score")["estimate"].item(), 4) == 0.5952


def test_telco_equals_r(real_data):
    table = pd.read_csv(real_data / "telco_churn_ibm" / "Telco-Customer-Churn.csv.gz")
    table = table.assign(event=table["Churn"] == "Yes", duration_days=table["tenure"])
    curve = survival_curve(table, segment_col="Contract")
    overall = curve_at(curve, [12, 24, 48, 72]).query("segment == 'all'")["estimate"]
    assert overall.round(7).tolist() == [0.8431996, 0.7887364, 0.7088402, 0.5927902]
    medians = median_time(curve).set_index("segment")
    assert np.isnan(medians.loc["all", "median_days"])
    assert medians.loc["Month-to-month"].tolist() == [35, 32, 38]
    test = logrank_test(table, segment_col="Contract").iloc[0]
    assert (round(test["statistic"]), test["df"]) == (2353, 2)
    monthly = table[(table["Contract"] == "Month-to-month") & (table["InternetService"] != "No")]
    assert median_time(survival_curve(monthly)).iloc[0, 1:].tolist() == [34, 31, 37]


def test_cox_agrees_with_lifelines_where_lifelines_is_right():
    """Coefficients and errors of the Rossi recidivism data; lifelines 0.30 uses Efron's ties too."""
    from lifelines import CoxPHFitter
    from lifelines.datasets import load_rossi

    rossi = load_rossi()
    fitted = CoxPHFitter().fit(rossi, duration_col="week", event_col="arrest").summary
    got = cox_model(rossi, covariates=list(fitted.index), duration_col="week", event_col="arrest").set_index("term")
    assert got["estimate"].to_numpy() == pytest.approx(fitted["coef"].to_numpy(), abs=1e-5)
    assert got["std_error"].to_numpy() == pytest.approx(fitted["se(coef)"].to_numpy(), abs=1e-5)


def test_daily_keeps_the_values_and_hides_single_times():
    spells = pd.DataFrame({"duration_days": [0.4, 1.0, 1.7, 3.2], "event": [1, 1, 0, 1]})
    got = daily(survival_curve(spells))
    assert got["time_days"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert got["estimate"].tolist() == [1.0, 0.5, 0.5, 0.5]
    assert got["n_at_risk"].tolist() == [4, 3, 1, 1]
    assert "n_events" not in got
