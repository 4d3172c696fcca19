"""The remaining numbers of the R files on survival: likelihoods, errors of the concordance, contrasts, residuals.

Not held anywhere, with the reason: limits on the log and the plain scale (the project publishes log-log limits only);
parametric (AFT), Fine-Gray and complementary log-log models and the weighted test of Peto (not offered: the log-rank
test, Gray's test and cause-specific Cox models answer the questions of report 02); Uno's concordance (no report ranks
models under heavy censoring); the approximate tests of proportional hazards (what the exact ones replace); the exact
partial likelihood (its estimates lie within .02 standard errors of Efron's, tested below).
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import chdtrc

from cj_helpers.survival import (
    concordance,
    cox_model,
    cumulative_incidence,
    curve_at,
    median_time,
    naive_incidence,
    restricted_mean,
    restricted_mean_differences,
    survival_curve,
)
from cj_helpers.survival.cox import fitted, model_rows
from cj_helpers.survival.partial_likelihood import event_residuals, risk_sums
from cj_helpers.survival.spells import Columns

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
MGUS = {"outcomes": ("pcm", "death")}
TIMES = [60, 120, 180, 240, 300]


@pytest.fixture(scope="module")
def known(oracles):
    names = ("survival_r", "zph_r", "competing_risks_r", "rmst_r", "discrete_time_survey_r")
    return {name: json.loads((oracles / f"{name}.json").read_text()) for name in names}


def table_of(oracles, name, **names):
    return pd.read_csv(oracles / "data" / f"{name}.csv").rename(columns=names)


@pytest.fixture(scope="module")
def rossi(oracles):
    return table_of(oracles, "lifelines_rossi", week="duration_days", arrest="event")


@pytest.fixture(scope="module")
def lung(oracles):
    return table_of(oracles, "lifelines_lung", time="duration_days", status="event")


@pytest.fixture(scope="module")
def heart(oracles):
    return table_of(oracles, "survival_heart", stop="duration_days", start="entry")


@pytest.fixture(scope="module")
def mgus2(oracles):
    table = table_of(oracles, "survival_mgus2")
    progressed, died = table["pstat"] == 1, table["death"] == 1
    return table.assign(
        duration_days=table["ptime"].where(progressed, table["futime"]),
        outcome=np.select([progressed, died], ["pcm", "death"], "open"),
    )


# --- likelihoods ------------------------------------------------------------------------------------------------------


def likelihoods(table, terms, *, entry="", strata="", ties="efron"):
    """Log partial likelihood at 0 and at its maximum, and the three tests of no effect."""
    spells, values, of_stratum = model_rows(table, terms, Columns("duration_days", entry=entry), "event", strata)
    fit = fitted(values, spells, terms, of_stratum, ties)
    null = risk_sums(fit.x, np.zeros(len(terms)), spells, fit.grid)
    both = [null.log_likelihood, fit.sums.log_likelihood]
    wald = fit.beta @ np.linalg.solve(fit.covariance, fit.beta)
    return both, [2 * (both[1] - both[0]), wald, null.gradient @ np.linalg.solve(null.information, null.gradient)]


def test_likelihoods_equal_r(rossi, lung, heart, known):
    # R: coxph(...)$loglik
    cox = known["survival_r"]["cox_rossi"]
    for ties in ("efron", "breslow"):
        assert likelihoods(rossi, ROSSI, ties=ties)[0] == pytest.approx(cox[ties]["loglik"], abs=1e-9)
    strata = cox["strata_wexp"]
    assert likelihoods(rossi, strata["term"], strata="wexp")[0] == pytest.approx(strata["loglik"], abs=1e-9)
    expected = known["survival_r"]["cox_lung"]
    complete = lung.dropna(subset=["ph.ecog"])
    assert (len(complete), complete["event"].sum()) == (expected["n"], expected["nevent"])
    assert likelihoods(complete, expected["term"])[0] == pytest.approx(expected["loglik"], abs=1e-9)
    expected = known["survival_r"]["cox_tv_heart"]
    assert likelihoods(heart, expected["term"], entry="entry")[0] == pytest.approx(expected["loglik"], abs=1e-9)
    weeks = likelihoods(rossi, ["fin", "age", "prio"], ties="breslow")[0]
    assert weeks[1] == pytest.approx(known["discrete_time_survey_r"]["cox_breslow"]["loglik"], abs=1e-9)


def test_tests_of_no_effect_equal_r(rossi, known):
    # R: summary(coxph(...)): likelihood ratio, Wald (printed to two digits) and score test
    cox = known["survival_r"]["cox_rossi"]
    _, (ratio, wald, score) = likelihoods(rossi, ROSSI)
    for found, name, places in ((ratio, "lrt", 9), (wald, "wald", 2), (score, "score", 9)):
        statistic, df, p_value = cox[name]
        assert found == pytest.approx(statistic, abs=10.0**-places * 0.6)
        assert chdtrc(df, found) == pytest.approx(p_value, rel=10.0**-places * 10)


def test_efron_lies_beside_the_exact_partial_likelihood(rossi, known):
    exact = known["survival_r"]["cox_rossi"]["exact"]
    model = cox_model(rossi, covariates=ROSSI)
    assert (np.abs(model["estimate"] - exact["coef"]) < 0.02 * model["std_error"]).all()
    exact = known["discrete_time_survey_r"]["cox_exact"]
    model = cox_model(rossi, covariates=list(exact["coef"]))
    assert (np.abs(model["estimate"] - list(exact["coef"].values())) < 0.02 * model["std_error"]).all()


def test_residuals_of_the_first_events_equal_r(rossi, known):
    # R: residuals(coxph(...), "schoenfeld")[1:2, ] of week + rowindex0 / 1000
    untied = rossi.assign(duration_days=rossi["duration_days"] + np.arange(len(rossi)) / 1000)
    spells, values, _ = model_rows(untied, ROSSI, Columns("duration_days"), "event")
    fit = fitted(values, spells, ROSSI)
    residuals = event_residuals(fit.x, spells, fit.grid, fit.sums) * fit.scale
    np.testing.assert_allclose(residuals[:2], known["zph_r"]["untied_schoenfeld_first2"], atol=1e-8)


# --- concordance ------------------------------------------------------------------------------------------------------


def ordered(table, terms, coefficients, **options):
    score = table[terms].to_numpy(dtype=float) @ np.asarray(coefficients)
    return concordance(table.assign(score=score), score_col="score", **options).iloc[0]


@pytest.mark.parametrize("name", ["efron", "breslow", "exact", "robust", "cluster_idx_mod40"])
def test_error_of_the_concordance_equals_r(rossi, known, name):
    # R: concordance(coxph(...)), infinitesimal jackknife; summed per cluster where there is one
    expected = known["survival_r"]["cox_rossi"][name]
    cluster = "customer" if name == "cluster_idx_mod40" else ""
    table = rossi.assign(customer=np.arange(1, len(rossi) + 1) % 40)
    row = ordered(table, ROSSI, expected["coef"], cluster_col=cluster)
    assert row["estimate"] == pytest.approx(expected["concordance"], abs=1e-9)
    assert row["std_error"] == pytest.approx(expected["concordance_se"], abs=1e-11)
    assert row["conf_high"] - row["estimate"] == pytest.approx(1.959963984540054 * row["std_error"])


def test_error_of_the_concordance_of_other_models_equals_r(lung, heart, known):
    expected = known["survival_r"]["cox_lung"]
    row = ordered(lung.dropna(subset=["ph.ecog"]), expected["term"], expected["coef"])
    assert row[["estimate", "std_error"]].tolist() == pytest.approx(
        [known["survival_r"]["concordance_lung"][key] for key in ("harrell", "harrell_se")], abs=1e-10
    )
    # start-stop rows: pairs under observation together; R clusters nothing here
    expected = known["survival_r"]["cox_tv_heart"]
    row = ordered(heart, expected["term"], expected["coef"], entry_col="entry")
    assert row["estimate"] == pytest.approx(expected["concordance"], abs=1e-10)
    assert row["std_error"] == pytest.approx(expected["concordance_se"], abs=1e-10)
    naive = expected["naive_ever_transplant"]
    last = heart.groupby("id").last().assign(transplant=heart.groupby("id")["transplant"].max())
    row = ordered(last, naive["term"], naive["coef"])
    assert row[["estimate", "std_error"]].tolist() == pytest.approx(
        [naive["concordance"], naive["concordance_se"]], abs=1e-10
    )


def test_concordance_within_strata_equals_r(rossi, known):
    # R: concordance(coxph(... + strata(wexp))): pairs within a stratum, added up
    expected = known["survival_r"]["cox_rossi"]["strata_wexp"]
    rows = [ordered(part, expected["term"], expected["coef"]) for _, part in rossi.groupby("wexp")]
    total = sum(row["estimate"] * row["n_pairs"] for row in rows) / sum(row["n_pairs"] for row in rows)
    assert total == pytest.approx(expected["concordance"], abs=1e-10)


def test_error_of_the_concordance_equals_numerical_derivatives():
    rng = np.random.default_rng(3)
    n = 30
    table = pd.DataFrame({"duration_days": rng.integers(1, 9, n).astype(float), "event": rng.random(n) < 0.6})
    table["entry"] = np.minimum(rng.choice([0.0, 0.0, 1.0, 2.0], n), table["duration_days"] - 1)
    table = table.assign(score=rng.integers(0, 4, n).astype(float), customer=rng.integers(0, 9, n))

    def weighted(weight):
        better = pairs = 0.0
        for i in np.flatnonzero(table["event"]):
            time, score = table["duration_days"].iloc[i], table["score"].iloc[i]
            later = (table["duration_days"] > time) | ((table["duration_days"] == time) & ~table["event"])
            later &= table["entry"] < time
            won = np.where(score > table["score"], 1.0, np.where(score == table["score"], 0.5, 0.0))
            better += weight[i] * (weight * later * won).sum()
            pairs += weight[i] * (weight * later).sum()
        return better / pairs

    moved = np.zeros(n)
    for row in range(n):
        step = np.eye(n)[row] * 1e-5
        moved[row] = (weighted(1 + step) - weighted(1 - step)) / 2e-5
    found = concordance(table, score_col="score", entry_col="entry", cluster_col="customer").iloc[0]
    assert found["estimate"] == pytest.approx(weighted(np.ones(n)))
    assert found["std_error"] == pytest.approx(np.sqrt((np.bincount(table["customer"], moved) ** 2).sum()), rel=1e-6)


# --- curves -----------------------------------------------------------------------------------------------------------


def test_curves_that_ignore_late_entry_equal_r(oracles, known):
    # R: survfit(Surv(T, D) ~ 1, macs): what a file without entry times would claim
    expected = known["survival_r"]["left_trunc_macs"]
    curve = survival_curve(table_of(oracles, "lifelines_macs"), duration_col="T", event_col="D")
    assert curve_at(curve, expected["times"])["n_at_risk"].tolist() == expected["naive_n_risk"]
    assert expected["naive_median"] is None
    assert np.isnan(median_time(curve)["median_days"].item())


def test_what_is_left_and_what_one_cause_alone_would_claim_equal_r(mgus2, known):
    expected = known["competing_risks_r"]
    assert len(mgus2) == expected["n"]
    counts = {"censor": "open", "pcm": "pcm", "death": "death"}
    assert {key: (mgus2["outcome"] == word).sum() for key, word in counts.items()} == expected["counts"]
    running = curve_at(survival_curve(mgus2.assign(event=mgus2["outcome"] != "open")), TIMES)
    np.testing.assert_allclose(running["estimate"], expected["aj_survfit"]["event_free"], atol=1e-10)
    for outcome in ("pcm", "death"):
        alone = naive_incidence(mgus2, outcome=outcome, **MGUS)
        np.testing.assert_allclose(
            curve_at(alone, TIMES)["estimate"], expected[f"one_minus_km_{outcome}"]["est"], atol=1e-10
        )


def test_variances_lie_beside_those_of_cmprsk(mgus2, known):
    # cmprsk::cuminc estimates the same variance another way (Aalen 1978): within 2 % up to the last 16 at risk
    expected = known["competing_risks_r"]["cmprsk_cuminc"]
    curve = cumulative_incidence(mgus2, **MGUS)
    for outcome in ("pcm", "death"):
        rows = curve[curve["outcome"] == outcome]
        np.testing.assert_allclose(curve_at(rows, TIMES)["estimate"], expected[outcome], atol=1e-10)
        error = rows.set_index("time_days")["std_error"].reindex(TIMES, method="ffill")
        np.testing.assert_allclose(error**2, expected[f"var_{outcome}"], rtol=0.02)


def test_share_still_running_of_the_tiny_set_equals_r(known):
    tiny = known["competing_risks_r"]["tiny"]
    curve = survival_curve(pd.DataFrame({"duration_days": tiny["t"], "event": np.array(tiny["e"]) > 0}))
    np.testing.assert_allclose(curve["estimate"].iloc[1:], tiny["surv"], atol=1e-10)


# --- restricted means -------------------------------------------------------------------------------------------------


def test_restricted_means_by_sex_equal_r(lung, known):
    # R: print(survfit(Surv(time, status) ~ sex, lung), rmean = 365)
    expected = known["survival_r"]["km_lung"]["rmst365_by_sex"]
    means = restricted_mean(lung, horizon_days=365, segment_col="sex").iloc[1:]
    np.testing.assert_allclose(means["mean_days"], expected["rmean"], atol=1e-8)
    np.testing.assert_allclose(means["std_error"], expected["se"], atol=1e-8)


@pytest.mark.parametrize("horizon", [365, 730])
def test_ratios_and_lost_time_follow_from_the_means(lung, known, horizon):
    # R: survRM2::rmst2; the report gives differences in days, the ratios follow by the delta method
    expected = known["rmst_r"][f"lung_female_vs_male_{horizon}"]
    means = restricted_mean(lung, horizon_days=horizon, segment_col="sex").iloc[1:]
    mean, error = means["mean_days"].to_numpy(), means["std_error"].to_numpy()
    for sex, arm in enumerate(("rmtl0", "rmtl1")):
        lost = horizon - means[["mean_days", "conf_high", "conf_low"]].iloc[sex]
        names = ("Est.", "lower .95", "upper .95")
        assert lost.tolist() == pytest.approx([expected[arm][name] for name in names], abs=1e-8)
        assert error[sex] == pytest.approx(expected[arm]["se"], abs=1e-8)
    for row, of in enumerate((mean, horizon - mean), start=1):
        log, spread = np.log(of[1] / of[0]), 1.959963984540054 * np.hypot(*(error / of))
        found = np.exp([log, log - spread, log + spread])
        contrast = [expected["contrast"][name][row] for name in ("est", "lower", "upper")]
        assert found.tolist() == pytest.approx(contrast, abs=1e-8)
    days = restricted_mean_differences(lung, horizon_days=horizon, segment_col="sex")["difference_days"].item()
    assert days == pytest.approx(expected["contrast"]["est"][0], abs=1e-8)
