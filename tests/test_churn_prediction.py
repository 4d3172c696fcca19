"""Prediction: logit, discrimination, calibration, back-test, profit, and the contact list."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from cj_helpers import churn
from cj_helpers.churn.contacts import HELD_OUT, LIST_COLUMNS, LIST_VERSION, SUPPRESSED, TO_CONTACT
from cj_helpers.churn.design import learn_design
from cj_helpers.churn.logit import fit_logit, independent_columns
from cj_helpers.contract import DataError
from cj_helpers.dataset.pseudonyms import pseudonym
from cj_helpers.text.contact_words import BOUND, NO_CONSENT, OPEN_PROBLEM, RECENTLY, reason_words

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def rossi(oracles):
    table = pd.read_csv(oracles / "data" / "lifelines_rossi.csv")
    expected = json.loads((oracles / "prediction_r.json").read_text())["rossi_binary"]
    return table.assign(left=table["arrest"]), expected


def scored(table, train, names):
    """Risks of a table by the logit of another one."""
    fit = fit_logit(train[names].to_numpy(float), train["left"].to_numpy(float), names=names)
    return fit, table.assign(score=expit(fit.log_odds(table[names].to_numpy(float))))


def customers_at(n, seed, *, landmark, slope=1.0):
    """Customers at a landmark whose log-odds of leaving are -2 + slope x + .8 if a journey failed."""
    rng = np.random.default_rng(seed)
    x, failed = rng.normal(size=n), rng.integers(0, 3, n) * (rng.random(n) < 0.3)
    risk = expit(-2 + slope * x + 0.8 * (failed > 0))
    return pd.DataFrame(
        {
            "customer": np.arange(n),
            "landmark": pd.Timestamp(landmark),
            "segment": np.where(x > 0, "up", "down"),
            "revenue": 20.0,
            "x": x,
            "failed": failed.astype(float),
            "plan": rng.choice(["basic", "max"], n),
            "outcome": "stayed",
            "left": (rng.random(n) < risk).astype(float),
        }
    )


def three_landmarks(n=3_000, seed=0):
    moments = ["2025-01-01", "2025-04-01", "2025-07-01"]
    return pd.concat([customers_at(n, seed + i, landmark=at) for i, at in enumerate(moments)], ignore_index=True)


# --- against R --------------------------------------------------------------------------------------------------------


def test_logit_equals_r(rossi):
    # R 4.2.2: glm(arrest ~ fin + age + race + wexp + mar + paro + prio, binomial)
    table, expected = rossi
    names = expected["term"][1:]
    fit, _ = scored(table, table, names)
    np.testing.assert_allclose(fit.coefficients, expected["coef"], rtol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), expected["se"], rtol=1e-4)  # R stops earlier


def test_discrimination_brier_lift_and_net_benefit_equal_r(rossi):
    table, expected = rossi
    _, table = scored(table, table, expected["term"][1:])
    measures = churn.calibration(table).set_index("measure")["estimate"]
    assert measures["brier"] == pytest.approx(expected["brier"], abs=1e-10)
    assert churn.auc(table)["estimate"].item() == pytest.approx(expected["auc"], abs=1e-10)
    top = churn.lift(table, shares=(0.1, 0.2))
    assert top["lift"].tolist() == pytest.approx([expected["lift_top10"], expected["lift_top20"]], abs=1e-9)
    assert top["gain"].iloc[0] == pytest.approx(expected["capture_top10"], abs=1e-10)
    benefit = churn.net_benefit(table, thresholds=expected["thresholds"])
    np.testing.assert_allclose(benefit["estimate"], expected["net_benefit_model"], atol=1e-9)
    np.testing.assert_allclose(benefit["all_contacted"], expected["net_benefit_all"], atol=1e-9)


def test_delong_equals_r(rossi, oracles):
    # pROC::roc.test(full, age + prio, paired)
    table, expected = rossi
    delong = json.loads((oracles / "misc_r.json").read_text())["delong_rossi"]
    _, table = scored(table, table, expected["term"][1:])
    table["small"] = scored(table, table, ["age", "prio"])[1]["score"]
    areas = churn.auc(table, score_cols=["score", "small"])
    first, second = areas.iloc[0], areas.iloc[1]
    assert [first["conf_low"], first["conf_high"]] == pytest.approx(delong["ci"], abs=1e-8)
    assert second["estimate"] == pytest.approx(delong["auc_age_prio"], abs=1e-8)
    assert [second["statistic"], second["p_value"]] == pytest.approx([delong["z"], delong["p"]], abs=1e-5)


def test_calibration_of_held_out_rows_equals_r(rossi):
    # rms::val.prob on the even rows of a model of the odd ones
    table, expected = rossi
    held = expected["holdout_even_rows"]
    _, test = scored(table.iloc[1::2], table.iloc[::2], expected["term"][1:])
    found = churn.calibration(test).set_index("measure")["estimate"]
    names = {
        "slope": "cal_slope",
        "intercept": "cal_intercept_with_slope",
        "in_the_large": "cal_in_the_large",
        "observed_to_predicted": "OE_ratio",
        "brier": "brier",
        "average_error": "ICI_lowess_Eavg",
    }
    for ours, theirs in names.items():
        assert found[ours] == pytest.approx(held[theirs], abs=1e-6), ours


# --- the pieces -------------------------------------------------------------------------------------------------------


def test_auc_counts_pairs_by_eye():
    # left: .35, .8; stayed: .1, .35: pairs won 1 + 1 + 1 and one tie
    table = pd.DataFrame({"score": [0.1, 0.35, 0.35, 0.8], "left": [0, 0, 1, 1]})
    assert churn.auc(table)["estimate"].item() == (1 + 0.5 + 1 + 1) / 4


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=4, max_size=40))
@settings(max_examples=60, deadline=None)
def test_auc_is_the_share_of_pairs_won(rows):
    table = pd.DataFrame(rows, columns=["score", "left"])
    if table["left"].nunique() < 2:
        return
    one, other = table.loc[table["left"], "score"].to_numpy(), table.loc[~table["left"], "score"].to_numpy()
    won = (one[:, None] > other).mean() + 0.5 * (one[:, None] == other).mean()
    assert churn.auc(table)["estimate"].item() == pytest.approx(won)


def test_ridge_solves_its_own_equations():
    table = customers_at(500, 1, landmark="2025-01-01")
    x, y = table[["x", "failed"]].to_numpy(), table["left"].to_numpy()
    fit = fit_logit(x, y, names=["x", "failed"], penalty=25.0)
    residual = y - expit(fit.log_odds(x))
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(scaled.T @ residual, 25.0 * fit.coefficients[1:] * x.std(axis=0), atol=1e-6)
    assert abs(residual.sum()) < 1e-6


def test_errors_cluster_by_customer():
    # every customer three times: the sandwich sees as many customers as without the copies
    table = customers_at(800, 2, landmark="2025-01-01")
    once = churn.churn_model(table, covariates=["x", "plan"], label_col="left")
    thrice = churn.churn_model(pd.concat([table] * 3), covariates=["x", "plan"], label_col="left")
    np.testing.assert_allclose(once["std_error"], thrice["std_error"], rtol=1e-6)


def test_odds_over_seeds_cover_the_truth_and_spare_the_null():
    models = [
        churn.churn_model(
            customers_at(1_500, seed, landmark="2025-01-01"), covariates=["x", "failed", "plan"], label_col="left"
        )
        for seed in range(20)
    ]
    for term, truth in {"x": 1.0, "failed": 0.8}.items():
        rows = pd.DataFrame([model.set_index("term").loc[term] for model in models])
        assert (rows["conf_low"].lt(truth) & rows["conf_high"].gt(truth)).sum() >= 16
    nulls = pd.DataFrame([model[model["term"].str.startswith("plan[")].iloc[0] for model in models])
    assert nulls["p_value"].lt(0.05).sum() <= 4


def test_columns_that_say_the_same_are_not_estimated():
    x = np.random.default_rng(0).normal(size=(50, 2))
    both = np.column_stack([x, x @ [1.0, 2.0], np.ones(50)])
    assert independent_columns(both).tolist() == [True, True, False, False]


def test_one_class_and_separation_are_refused():
    table = customers_at(200, 3, landmark="2025-01-01")
    with pytest.raises(DataError, match=r"logit: 0 of 200 customers left; a model needs both"):
        churn.churn_model(table.assign(left=0.0), covariates=["x"], label_col="left")
    with pytest.raises(DataError, match=r"logit: no finite estimate for x"):
        churn.churn_model(table.assign(left=(table["x"] > 0).astype(float)), covariates=["x"], label_col="left")
    with pytest.raises(
        DataError, match=r"left: 5 of 200 customers left within the horizon; a prediction needs at least"
    ):
        churn.fit_risk(table.assign(left=[1.0] * 5 + [0.0] * 195))
    with pytest.raises(DataError, match=r"left: 0 of 200 customers left within the horizon; ordering"):
        churn.auc(table.assign(left=0.0, score=0.1))


def test_levels_unseen_at_training_count_as_the_reference():
    table = customers_at(400, 4, landmark="2025-01-01")
    model = churn.fit_risk(table, features=["x", "plan"])
    new = table.head(3).assign(plan=["gold", "basic", "max"])
    reference = model.design.reference["plan"]
    same = churn.predict_risk(model, new.assign(plan=reference))
    assert churn.predict_risk(model, new)[0] == same[0]
    assert model.design.unseen(new) == {"plan": 1}


def test_gaps_are_filled_and_marked():
    table = customers_at(100, 5, landmark="2025-01-01")
    table.loc[:9, "x"] = np.nan
    design = learn_design(table, ["x", "failed"])
    assert design.terms == ("x", "x[(missing)]", "failed")
    columns = design.columns(table)
    assert columns[:, 1].sum() == 10
    assert columns[0, 0] == pytest.approx(table["x"].mean())
    assert set(columns[:, 2]) == {0.0, 1.0}


# --- back-test --------------------------------------------------------------------------------------------------------


def test_backtest_learns_only_from_the_past():
    table = three_landmarks()
    first = churn.backtest(table)
    # another outcome at the last landmark changes its test, never the model or the choice
    flipped = table.assign(left=table["left"].where(table["landmark"] < "2025-07-01", 1 - table["left"]))
    second = churn.backtest(flipped)
    pd.testing.assert_frame_equal(first.penalties, second.penalties)
    pd.testing.assert_series_equal(first.scores["score"], second.scores["score"])
    assert first.summary["role"].value_counts().to_dict() == {"used to choose": 11, "touched once": 11}
    assert len(first.summary.loc[first.summary["role"].eq("touched once"), "landmark"].unique()) == 1


def test_backtest_is_calibrated_where_the_model_is_true():
    last = churn.backtest(three_landmarks(4_000, 11)).summary.query("role == 'touched once'").set_index("measure")
    assert last.loc["slope", "conf_low"] < 1 < last.loc["slope", "conf_high"]
    assert last.loc["in_the_large", "conf_low"] < 0 < last.loc["in_the_large", "conf_high"]
    assert last.loc["brier", "estimate"] < last.loc["brier_base_rate", "estimate"]


def test_backtest_needs_two_landmarks():
    with pytest.raises(DataError, match="landmarks: 1 with a known outcome; a back-test needs two"):
        churn.backtest(customers_at(300, 6, landmark="2025-01-01"))


def test_slices_add_up():
    table = churn.slices(churn.backtest(three_landmarks()).scores)
    assert table["segment"].tolist() == ["all", "down", "up"]
    assert table["n"].iloc[0] == table["n"].iloc[1:].sum()
    assert table["n_left"].iloc[0] == table["n_left"].iloc[1:].sum()
    alone = churn.slices(table.assign(score=0.1, left=0.0, segment="x"))
    assert alone["auc"].isna().all()  # nobody left in it


@pytest.mark.parametrize(
    ("spread", "verdict"), [(0.5, "understated and low ones over"), (2.0, "overstated and low ones under")]
)
def test_calibration_in_one_sentence(spread, verdict):
    # log-odds shrunk to a half are too timid, doubled too extreme; as they are, right within the error
    table = customers_at(4_000, 21, landmark="2025-01-01")
    odds = -2 + table["x"] + 0.8 * (table["failed"] > 0)

    def words(factor):
        centre = odds.mean()
        return churn.calibration_words(
            churn.calibration(table.assign(score=expit(centre + factor * (odds - centre)))).set_index("measure")
        )

    found, right = words(spread), words(1.0)
    assert verdict in found["verdict"]
    assert "as much as they should" in right["verdict"]
    assert right["low"] < 1 < right["high"]
    assert right["n"] == 4_000
    assert right["observed"] == table["left"].mean()


def test_thresholds_fit_the_share_who_left():
    table = customers_at(2_000, 22, landmark="2025-01-01").assign(score=lambda t: expit(-2 + t["x"]))
    assert churn.net_benefit(table.assign(left=(table["x"] > 1.6).astype(float)))["threshold"].max() == 0.3
    assert churn.net_benefit(table.assign(left=(table["x"] > 0).astype(float)))["threshold"].max() == 0.9


def test_calibration_curve_by_eye():
    table = pd.DataFrame({"score": np.repeat([0.1, 0.5], 10), "left": [1] + [0] * 9 + [1] * 5 + [0] * 5})
    curve = churn.calibration_curve(table, bands=2)
    shown = curve[["predicted", "estimate", "n", "n_left"]].to_numpy().tolist()
    assert shown == [[0.1, 0.1, 10, 1], [0.5, 0.5, 10, 5]]
    banded = churn.with_bands(pd.DataFrame({"score": [0.05, 0.3, 0.7]}), curve)
    assert banded["band"].tolist() == [1, 1, 2]
    assert banded["band_observed"].tolist() == [0.1, 0.1, 0.5]


# --- money ------------------------------------------------------------------------------------------------------------


def test_expected_margin_has_a_closed_form():
    # nobody leaves: a year of 30 a month at a margin of a half is 180, discounted the integral of 1.1 ** -t
    table = pd.DataFrame({"duration": [400.0] * 20, "event": False, "monthly_revenue": 30.0})
    plain = churn.expected_margin(table, horizon=365.25, margin=0.5).iloc[0]
    assert plain["expected_margin"] == pytest.approx(180)
    discounted = churn.expected_margin(table, horizon=365.25, margin=0.5, discount=0.1).iloc[0]
    assert discounted["expected_margin"] == pytest.approx(180 * (1 - 1 / 1.1) / np.log(1.1))
    assert discounted["conf_low"] == pytest.approx(discounted["conf_high"])


def test_restricted_mean_by_eye():
    # months 1 and 2 take one of four each: 1 + .75 + .5 months over three
    table = pd.DataFrame({"duration": [1, 2, 3, 3], "event": [1, 1, 0, 0], "monthly_revenue": 10.0})
    row = churn.expected_margin(table, horizon=3, margin=1.0, time_unit="months").iloc[0]
    assert row["months"] == pytest.approx(2.25)
    assert row["months_low"] < 2.25 < row["months_high"]


def test_profit_by_eye():
    table = pd.DataFrame({"score": [0.5, 0.1, 0.2], "value": [100.0, 100.0, 100.0]})
    profit = churn.profit_curve(table, value_col="value", contact_cost=3, save_rate=0.1, shares=(0.3, 0.6, 1.0))
    assumed = profit[profit["is_assumed"]]
    assert assumed["profit"].tolist() == pytest.approx([5 - 3, 7 - 6, 8 - 9])
    assert assumed["is_best"].tolist() == [True, False, False]
    assert sorted(profit["save_rate"].unique()) == pytest.approx([0.05, 0.1, 0.2])
    assert churn.cut_of(profit, table, share=0.9) == 1
    assert churn.cut_of(None, table, share=0.5) == 2
    assert churn.cut_of(profit.assign(profit=-1.0), table, share=0.5) == 0


# --- the list ---------------------------------------------------------------------------------------------------------


class Rules:
    """The part of a data set that the list reads."""

    as_of = pd.Timestamp("2026-06-26 21:00")

    class config:
        from cj_helpers.dataset.schema_churn import Churn

        churn = Churn(hold_out=0.25)


def candidates(n=12):
    table = pd.DataFrame({"customer": range(n), "score": 0.1, "expected_loss": np.arange(n, 0, -1.0), "term": "failed"})
    table = table.assign(open_complaints=0.0, overdue=0.0, band=1, band_observed=0.1, band_low=0.05, band_high=0.2)
    facts = pd.DataFrame({"customer": range(n), "consent": [True] * n, "contacted_days": np.nan, "bound_days": np.nan})
    return table, facts.astype({"consent": object})


def test_a_consent_nobody_gave_is_no_consent():
    table, facts = candidates()
    empty = churn.contact_list(table, facts=facts.assign(consent=None), data=Rules, eligible=12)
    assert empty["suppression"].eq(NO_CONSENT).all()
    # a table without such a column says nothing: the company has it elsewhere, or does not need it
    silent = churn.contact_list(table, facts=facts.drop(columns="consent"), data=Rules, eligible=12)
    assert not silent["suppression"].eq(NO_CONSENT).any()


def test_the_first_reason_suppresses():
    table, facts = candidates()
    table.loc[[0, 1], "open_complaints"] = 1.0
    facts.loc[[1, 2], "consent"] = [False, None]
    facts.loc[3, "contacted_days"] = 5.0
    facts.loc[4, "bound_days"] = 200.0
    facts.loc[5, ["contacted_days", "bound_days"]] = [31.0, 89.0]  # long ago, and free within the horizon
    listed = churn.contact_list(table, facts=facts, data=Rules, eligible=12)
    assert listed["suppression"].head(5).tolist() == [OPEN_PROBLEM, OPEN_PROBLEM, NO_CONSENT, RECENTLY, BOUND]
    assert listed["status"].value_counts().to_dict() == {SUPPRESSED: 5, TO_CONTACT: 5, HELD_OUT: 2}
    assert listed["valid_until"].unique().tolist() == ["2026-07-26"]
    assert listed.loc[0, "recommended_action"] == OPEN_PROBLEM
    assert listed.loc[listed["status"] == TO_CONTACT, "suppression"].eq("").all()
    steps = churn.waterfall(listed)
    assert steps["n"].iloc[0] - steps.loc[steps["kind"] == "loss", "n"].sum() == steps["n"].iloc[-1] == 5
    few = churn.waterfall(listed, min_group=3)
    assert few["step"].tolist()[1:3] == ["other reasons", steps["step"].iloc[-2]]
    assert few["n"].tolist() == [12, 5, 2, 5]


def test_the_hold_out_stays_the_same_customers():
    table, facts = candidates(200)
    one = churn.contact_list(table, facts=facts, data=Rules, eligible=200)
    other = churn.contact_list(table.iloc[::-1], facts=facts.sample(frac=1, random_state=1), data=Rules, eligible=200)
    held = [set(found.loc[found["status"] == HELD_OUT, "customer"]) for found in (one, other)]
    assert held[0] == held[1]
    assert len(held[0]) == 50
    # at random: not those at the top
    assert 60 < np.mean(sorted(held[0])) < 140


def test_the_hold_out_stays_when_customers_come_and_go():
    def held_out(ids):
        table, facts = candidates(len(ids))
        names = pd.DataFrame({"customer": range(len(ids)), "pseudonym": [pseudonym(name, b"secret") for name in ids]})
        found = churn.contact_list(table, facts=facts, data=Rules, eligible=len(ids), names=names)
        return {ids[customer] for customer in found.loc[found["status"] == HELD_OUT, "customer"]}

    ids = [f"C{i:04d}" for i in range(400)]
    before, after = held_out(ids), held_out(["A0000", *ids[:-1]])  # every running number moves by one
    assert len(before) == len(after) == 100
    assert len(before & after) >= 98  # a new customer and one who left move at most two


def test_the_file_holds_pseudonyms_only():
    table, facts = candidates()
    names = pd.DataFrame({"customer": range(12), "pseudonym": [f"p{i}" for i in range(12)]})
    listed = churn.under_pseudonyms(churn.contact_list(table, facts=facts, data=Rules, eligible=3), names)
    assert listed.columns[0] == "pseudonym"
    assert "customer" not in listed
    assert listed["pseudonym"].tolist() == ["p0", "p1", "p2"]


def test_the_documented_schema_and_way_back_are_those_of_the_list():
    section = (ROOT / "data" / "README.md").read_text().split("## The contact list")[1]
    named = [
        name.strip() for row in re.findall(r"^\| ([a-z_, ]+) \|", section, re.MULTILINE) for name in row.split(",")
    ]
    assert named == ["column", *LIST_COLUMNS]
    assert f"`list_version` is {LIST_VERSION} " in section
    code = section.split("```python")[1].split("```")[0]
    values = {"key": "secret", "customer_id": "C0000001"}
    exec(code, values)  # noqa: S102 - what a reader of the documentation would run
    assert values["pseudonym"] == pseudonym("C0000001", b"secret")


def test_reasons_are_words():
    table = three_landmarks()
    model = churn.fit_risk(table)
    found = churn.reasons(model, table)
    failed = table["failed"].to_numpy() > 0
    assert (found.loc[failed, "term"] == "failed").all()
    assert reason_words("failed") == "a journey was given up recently"
    assert reason_words("") == "no single reason stands out"
    assert reason_words("plan[max]") == "Plan: max"
