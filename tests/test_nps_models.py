"""Models of drivers against R, closed forms, brute force and planted truth: ordinal, Brant, Rubin, Owen, Johnson."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.nps import (
    cut_differences,
    dimension_shares,
    driver_differences,
    driver_effects,
    driver_segments,
    driver_worth,
    drivers,
    importance_performance,
    invest_first,
    keep_usable,
    missing_ratings,
    usable_drivers,
)
from cj_helpers.nps.effects import brant_table
from cj_helpers.nps.importance import johnson, lmg, owen
from cj_helpers.nps.imputation import impute, pool_estimates
from cj_helpers.nps.logits import fit_least_squares, fit_logit
from cj_helpers.nps.ordinal import fit_ordinal
from cj_helpers.nps.worth import score_difference

BORDERS = np.array([-4.1, -3.6, -3.1, -2.6, -2.1, -1.4, -0.85, -0.2, 0.75, 1.65])
SLOPES = {"ease": 0.6, "help": 0.45, "info": 0.3, "self": 0.3, "personal": 0.0}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def survey(n: int, seed: int, *, missing: float = 0.0, unused: float = 0.0) -> pd.DataFrame:
    """Answers whose latent opinion has the slopes of SLOPES; personal goes along with ease but adds nothing."""
    random = np.random.default_rng(seed)
    mood = random.normal(size=(n, 1))
    latent = 0.6 * mood + 0.8 * random.normal(size=(n, 5))
    latent[:, 4] = 0.7 * latent[:, 0] + 0.7 * latent[:, 4]
    items = np.searchsorted([-1.5, -0.6, 0.3, 1.2], latent) + 1
    opinion = (items - 3) @ np.array(list(SLOPES.values())) + random.logistic(size=n)
    table = pd.DataFrame(items.astype(float), columns=list(SLOPES)).assign(nps=np.searchsorted(BORDERS, opinion))
    gone = random.random(n) < unused
    # Who did not use the service answers as if its rating were 3.
    table.loc[gone, "nps"] = np.searchsorted(BORDERS, opinion - (items[:, 3] - 3) * 0.3)[gone]
    blank = random.random((n, 5)) < missing
    table[list(SLOPES)] = table[list(SLOPES)].mask(blank)
    table["self__not_applicable"] = gone
    table.loc[gone, "self"] = np.nan
    return table


FIVE = {"service": ["ease", "help"], "content": ["info"], "digital": ["self", "personal"]}


# --- ordinal model and Brant's test -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def housing(oracles: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    table = pd.read_csv(oracles / "data" / "mass_housing.csv")
    names = ["InflMedium", "InflHigh", "TypeApartment", "TypeAtrium", "TypeTerrace", "ContHigh"]
    terms = np.column_stack([table[name[:4]].eq(name[4:]) for name in names]).astype(float)
    outcome = table["Sat"].map({"Low": 0, "Medium": 1, "High": 2}).to_numpy()
    return outcome, terms, table["Freq"].to_numpy(dtype=float), names


def test_ordinal_model_agrees_with_r(oracles: Path, housing):
    # R 4.2.2: ordinal::clm(Sat ~ Infl + Type + Cont, weights = Freq); MASS::polr agrees to its own tolerance.
    outcome, terms, weights, names = housing
    expected = read(oracles / "ordinal_r.json")
    fit = fit_ordinal(outcome, terms, names=names, weights=weights)
    assert expected["clm_housing"]["term"][2:] == names
    assert_allclose([*fit.cuts, *fit.slopes], expected["clm_housing"]["est"], atol=1e-9)
    assert_allclose(np.sqrt(np.diag(fit.covariance)), expected["clm_housing"]["se"], atol=1e-9)
    assert fit.log_likelihood == pytest.approx(expected["clm_housing"]["logLik"], abs=1e-8)
    assert_allclose([*fit.slopes, *fit.cuts], expected["polr_housing"]["est"], atol=2e-6)


def test_brant_agrees_with_r(oracles: Path, housing):
    # R 4.2.2 brant 0.3-0; its logits stop at 1e-8, so that only the fully converged omnibus is exact.
    outcome, terms, weights, names = housing
    expected = read(oracles / "ordinal_r.json")["brant_housing"]
    table = brant_table(outcome, terms, names, weights=weights).set_index("term")
    assert table.loc["all", "statistic"] == pytest.approx(expected["X2_omnibus_fully_converged"], abs=1e-8)
    found = table.loc[["all", *names]]
    assert_allclose(found["statistic"], expected["X2"], atol=5e-3)
    assert found["df"].tolist() == expected["df"]
    assert_allclose(found["p_value"], expected["p"], atol=5e-4)
    # With three levels there are two cuts: the test of one term is its squared difference over its variance.
    half = (table["conf_high"] - table["conf_low"]).loc[names] / (2 * 1.959963984540054)
    assert_allclose((table.loc[names, "difference"] / half) ** 2, table.loc[names, "statistic"], rtol=1e-9)


def test_ordinal_model_with_two_levels_is_the_logit():
    random = np.random.default_rng(1)
    x = random.normal(size=(300, 2))
    event = (x @ [0.8, -0.4] + random.logistic(size=300) > 0.3).astype(float)
    fit, logit = fit_ordinal(event, x, names=["a", "b"]), fit_logit(event, x, names=["a", "b"])
    assert_allclose(fit.slopes, logit.slopes[1:], rtol=1e-8)
    assert_allclose(fit.errors, np.sqrt(np.diag(logit.covariance))[1:], rtol=1e-8)
    assert fit.cuts[0] == pytest.approx(-logit.slopes[0], rel=1e-8)


def test_ordinal_model_without_effects_gives_the_shares():
    outcome = np.array([0, 0, 1, 2, 2, 2, 5, 5])
    fit = fit_ordinal(outcome, np.array([[-1.0], [1], [0], [-1], [1], [0], [1], [-1]]), names=["a"])
    assert fit.levels.tolist() == [0, 1, 2, 5]
    assert_allclose(fit.slopes, 0, atol=1e-9)
    assert_allclose(1 / (1 + np.exp(-fit.cuts)), [2 / 8, 3 / 8, 6 / 8], rtol=1e-8)


def test_clustered_errors_of_copies_are_those_of_single_answers():
    table = survey(150, 3)
    x, y = table[list(SLOPES)].to_numpy(), table["nps"].to_numpy()
    once = fit_ordinal(y, x, names=list(SLOPES), clusters=np.arange(150))
    thrice = fit_ordinal(np.tile(y, 3), np.tile(x, (3, 1)), names=list(SLOPES), clusters=np.tile(np.arange(150), 3))
    assert_allclose(thrice.slopes, once.slopes, rtol=1e-8)
    assert_allclose(thrice.errors, once.errors, rtol=1e-7)


def test_separation_names_the_term():
    x = np.column_stack([np.arange(40.0), np.tile([0.0, 1.0], 20)])
    with pytest.raises(DataError, match=r"no finite estimate for a.*separation"):
        fit_ordinal(np.repeat([1, 2, 3, 4], 10), x, names=["a", "b"])
    with pytest.raises(DataError, match="all 40 answers to the outcome are the same"):
        fit_ordinal(np.ones(40), x, names=["a", "b"])


def test_logits_and_least_squares_agree_with_statsmodels():
    import statsmodels.api as sm

    random = np.random.default_rng(4)
    x, group = random.normal(size=(240, 3)), np.arange(240) // 4
    y = x @ [0.5, 0, -0.5] + random.normal(size=240)
    design = sm.add_constant(x)
    for clusters, kind in (
        (None, {"cov_type": "HC3"}),
        (group, {"cov_type": "cluster", "cov_kwds": {"groups": group}}),
    ):
        expected, found = sm.OLS(y, design).fit(**kind), fit_least_squares(y, x, clusters=clusters)
        assert_allclose(found.slopes, expected.params, rtol=1e-9)
        assert_allclose(np.sqrt(np.diag(found.covariance)), np.sqrt(np.diag(expected.cov_params())), rtol=1e-9)
    event = (y > 0).astype(float)
    expected, found = sm.Logit(event, design).fit(disp=0, tol=1e-12), fit_logit(event, x, names=list("abc"))
    assert_allclose(found.slopes, expected.params, rtol=1e-7)
    assert_allclose(np.sqrt(np.diag(found.covariance)), np.sqrt(np.diag(expected.cov_params())), rtol=1e-6)


# --- importance ---------------------------------------------------------------------------------------------


def test_johnson_weights_agree_with_r(oracles: Path):
    # R 4.2.2: relaimpo "genizi" and rwa of lm(Fertility ~ ., swiss).
    expected = read(oracles / "relimp_r.json")
    swiss = pd.read_csv(oracles / "data" / "r_swiss.csv", index_col=0)
    names = expected["swiss"]["term"]
    weights = johnson(swiss[[*names, "Fertility"]].corr().to_numpy()[None])[0]
    assert_allclose(weights, expected["swiss"]["genizi"], atol=1e-10)
    table = drivers(swiss, drivers={"all": names}, outcome_col="Fertility", n_boot=0)
    rescaled = [row["Rescaled.RelWeight"] for row in expected["swiss_rwa"]]
    assert_allclose(100 * table["share_johnson"], rescaled, atol=1e-8)
    assert table["rank"].tolist() == [5, 2, 1, 4, 3]


def random_correlations(p: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    data = random.normal(size=(60, p + 1)) + random.normal(size=(60, 1))
    return np.corrcoef(data, rowvar=False)


def owen_by_orders(correlations: np.ndarray, unions: list[int]) -> np.ndarray:
    """Average gain over all orders in which the drivers of a union come side by side."""
    p = len(unions)
    r_squared = {(): 0.0}
    for size in range(1, p + 1):
        for chosen in itertools.combinations(range(p), size):
            rows = list(chosen)
            inner = np.linalg.solve(correlations[np.ix_(rows, rows)], correlations[rows, p])
            r_squared[chosen] = float(correlations[rows, p] @ inner)
    values, n = np.zeros(p), 0
    for order in itertools.permutations(range(p)):
        runs = [key for key, _ in itertools.groupby(unions[i] for i in order)]
        if len(runs) != len(set(unions)):
            continue
        n += 1
        for i, driver in enumerate(order):
            values[driver] += r_squared[tuple(sorted(order[: i + 1]))] - r_squared[tuple(sorted(order[:i]))]
    return values / n


@pytest.mark.parametrize("unions", [[0, 0, 1, 1, 2], [0, 1, 1, 1, 0], [0, 1, 2, 3, 4], [0, 0, 0, 0, 0]])
def test_owen_values_agree_with_all_orders(unions: list[int]):
    matrix = random_correlations(5, 7)
    items, dimensions = owen(matrix[None], unions)
    assert_allclose(items[0], owen_by_orders(matrix, unions), rtol=1e-8)
    assert_allclose(dimensions[0], np.bincount(unions, items[0]), rtol=1e-12)
    if len(set(unions)) in (1, 5):
        assert_allclose(items, lmg(matrix[None]), rtol=1e-8)


def test_columns_of_one_driver_enter_together():
    matrix = random_correlations(4, 3)
    both = lmg(matrix[None], [2, 1, 1])[0]
    assert both.sum() == pytest.approx(lmg(matrix[None])[0].sum())
    whole = [0, 0, 1, 2]
    # The pair as one player is its dimension in the game between dimensions.
    assert both[0] == pytest.approx(owen(matrix[None], whole)[1][0, 0])


def test_more_questions_do_not_make_a_dimension_more_important():
    table = survey(3000, 5)
    twice = table.assign(ease2=table["ease"] + np.random.default_rng(0).normal(scale=0.05, size=3000))
    one = dimension_shares(table, drivers={"x": ["ease"], "y": ["help"]}, n_boot=0).set_index("dimension")["share"]
    listed = {"x": ["ease", "ease2"], "y": ["help"]}
    two = dimension_shares(twice, drivers=listed, n_boot=0).set_index("dimension")["share"]
    assert_allclose(two, one, atol=0.01)
    items = drivers(twice, drivers=listed, n_boot=0)
    assert items.groupby("dimension", sort=False)["share_owen"].sum().tolist() == pytest.approx(two.tolist())
    assert items["share"].iloc[:2].sum() > one["x"] + 0.03


def test_differences_of_shares_and_ranks():
    table = survey(500, 8)
    found = drivers(table, drivers=FIVE, n_boot=200)
    pairs = driver_differences(table, drivers=FIVE, n_boot=200)
    share = found.set_index("driver")["share"]
    assert len(pairs) == 10
    assert_allclose(pairs["difference"], share[pairs["driver"]].to_numpy() - share[pairs["other"]].to_numpy())
    assert pairs["difference"].ge(0).all()
    assert pairs["difference"].between(pairs["conf_low"], pairs["conf_high"]).all()
    assert (pairs["order"].eq("clear") == pairs["conf_low"].gt(0)).all()
    assert found["rank"].between(found["rank_low"], found["rank_high"]).all()
    assert sorted(found["rank"]) == [1, 2, 3, 4, 5]
    for ends in ("johnson", "owen"):
        assert found[f"share_{ends}"].between(found[f"{ends}_low"], found[f"{ends}_high"]).all()
        assert found[f"share_{ends}"].sum() == pytest.approx(1)


# --- missing ratings ----------------------------------------------------------------------------------------


def test_pooling_agrees_with_rubin(oracles: Path):
    # R 4.2.2 mitools::MIcombine; Rubin (1987).
    case = read(oracles / "misc_r.json")["rubin"]
    pooled = pool_estimates(np.array(case["Q"]), np.array(case["U"]))
    assert (pooled.estimate, pooled.std_error) == (pytest.approx(case["qbar"]), pytest.approx(case["se"], rel=1e-10))
    assert pooled.df == pytest.approx(case["df_rubin1987"], rel=1e-10)
    alone = pool_estimates(np.array([1.5]), np.array([0.25]))
    assert (alone.estimate, alone.std_error, alone.df) == (1.5, 0.5, math.inf)


def test_imputation_draws_only_ratings_that_occur_and_leaves_the_others_alone():
    random = np.random.default_rng(2)
    values = random.integers(1, 6, size=(80, 3)).astype(float)
    missing = random.random((80, 3)) < 0.2
    given = np.where(missing, np.nan, values)
    sets = impute(given, missing, values[:, :1], n_sets=4, seed=0)
    assert len(sets) == 4
    for filled in sets:
        assert_allclose(filled[~missing], values[~missing])
        assert set(np.unique(filled)) <= {1, 2, 3, 4, 5}
    assert (sets[0] != sets[1]).any()
    assert all(
        (a == b).all() for a, b in zip(sets, impute(given, missing, values[:, :1], n_sets=4, seed=0), strict=True)
    )
    assert len(impute(values, np.zeros_like(missing), values[:, :1], n_sets=4, seed=0)) == 1


def test_what_does_not_apply_gets_an_indicator_and_is_never_imputed():
    table = survey(900, 4, unused=0.25)
    found = driver_effects(table, drivers=FIVE, method="imputed", models=("ordinal",))
    assert found["n"].iloc[0] == 900
    assert found["kind"].tolist() == ["driver"] * 5 + ["not_used"]
    assert found["term"].iloc[-1] == "self (not used)"
    # Nothing is missing, so one model on rating and indicator is the whole of it.
    gone = table["self__not_applicable"].to_numpy()
    ratings = table[list(SLOPES)].fillna({"self": table["self"].mean()})
    fit = fit_ordinal(table["nps"].to_numpy(), np.column_stack([ratings, gone]), names=[*SLOPES, "gone"])
    assert_allclose(found["estimate"], fit.slopes, rtol=1e-8)
    complete = driver_effects(table, drivers=FIVE, models=("ordinal",))
    assert complete["n"].iloc[0] == (~gone).sum()


def test_picture_of_what_is_missing_by_eye():
    table = pd.DataFrame(
        {
            "nps": [10, 9, 0, 8, 10],
            "a": [5, np.nan, np.nan, np.nan, 3],
            "a__not_applicable": [False, True, False, False, False],
            "a__missing_code": [False, False, True, False, False],
        }
    )
    row = missing_ratings(table, drivers={"x": ["a"]}, nps_col="nps").iloc[0]
    assert row[["n", "n_given", "n_blank", "n_missing_coded", "n_not_applicable"]].tolist() == [5, 2, 1, 1, 1]
    assert row["given_share"] == 0.5
    assert row["difference"] == -50 - 100  # a detractor and a passive gave no rating, two promoters did


def test_one_bad_driver_does_not_cost_the_others():
    table = survey(200, 6).assign(same=3.0, copy=lambda t: 6 - t["ease"], rare=np.nan)
    table.loc[:9, "rare"] = 4
    listed = {"a": ["ease", "same"], "b": ["copy"], "c": ["rare", "help"]}
    usable = usable_drivers(table, drivers=listed)
    assert usable["reason"].tolist() == [
        "",
        "the same rating everywhere",
        "the same ratings as ease",
        "fewer than 30 ratings",
        "",
    ]
    assert keep_usable(listed, usable) == {"a": ["ease"], "c": ["help"]}


# --- effects and worth --------------------------------------------------------------------------------------


def test_planted_slopes_are_covered_and_the_null_is_not_called_a_driver():
    tables = [survey(700, seed, missing=0.04, unused=0.2) for seed in range(20)]
    found = [driver_effects(t, drivers=FIVE, method="imputed", models=("ordinal",), seed=1).iloc[:5] for t in tables]
    truth = np.array(list(SLOPES.values()))
    covered = np.sum([t["conf_low"].le(truth) & t["conf_high"].ge(truth) for t in found], axis=0)
    assert (covered >= 16).all(), covered
    flagged = sum(bool(t["p_adjusted"].iloc[4] < 0.05) for t in found)
    assert flagged <= 4
    assert sum(bool(t["p_adjusted"].iloc[0] < 0.05) for t in found) == 20


def test_models_agree_on_signs_and_controls_are_held():
    table = survey(800, 9).assign(kind=np.where(np.arange(800) % 3 == 0, "b", "a"))
    table["nps"] = np.clip(table["nps"] - 1 * table["kind"].eq("b"), 0, 10)
    found = driver_effects(table, drivers=FIVE, controls=["kind"])
    assert found["model"].unique().tolist() == ["ordinal", "ols", "promoter", "detractor"]
    signs = found[found["term"].eq("ease")].set_index("model")["estimate"]
    assert (signs[["ordinal", "ols", "promoter"]] > 0).all()
    assert signs["detractor"] < 0
    control = found[found["kind"].eq("control")]
    assert control["term"].unique().tolist() == ["kind[b]"]
    assert control["p_adjusted"].isna().all()
    assert (control.loc[control["model"].eq("ordinal"), "conf_high"] < 0).all()


def test_a_model_that_cannot_be_estimated_does_not_cost_the_others():
    table = survey(300, 2)
    found = driver_effects(table.assign(nps=table["nps"].clip(lower=7)), drivers=FIVE)
    by_model = found.groupby("model")["estimate"].apply(lambda x: x.notna().all())
    assert by_model.to_dict() == {"ordinal": True, "ols": True, "promoter": True, "detractor": False}


def test_all_promoters_more_drivers_than_answers_and_unknown_method_are_refused():
    table = survey(60, 1)
    with pytest.raises(DataError, match="nps has the same value in all 60 complete answers"):
        driver_effects(table.assign(nps=10), drivers=FIVE)
    with pytest.raises(DataError, match=r"5 of 5 answers .* 5 drivers; at least 8 are needed"):
        driver_effects(table.iloc[:5], drivers=FIVE)
    with pytest.raises(ConfigError, match="method is 'mean'; allowed are complete_case, imputed"):
        driver_effects(table, drivers=FIVE, method="mean")
    with pytest.raises(DataError, match="ease, copy reproduce one another exactly"):
        driver_effects(table.assign(copy=table["ease"]), drivers={"x": ["ease", "copy"]})
    with pytest.raises(DataError, match=r"values of ease are not finite numbers \(first: row 1, 2, 3\)"):
        driver_effects(table.astype({"ease": object}).assign(ease="good"), drivers=FIVE)


def test_thirty_answers_give_wide_intervals_or_a_reason():
    table = survey(30, 11)
    found = driver_effects(table, drivers={"x": ["ease", "help"]})
    assert (found.loc[found["model"].eq("ordinal"), "conf_high"] - found["conf_low"]).dropna().gt(0.3).all()
    with pytest.raises(DataError, match=r"cuts of the scale have at least 25 answers on both sides"):
        cut_differences(table, drivers=FIVE)


def test_slopes_that_differ_along_the_scale_are_seen():
    random = np.random.default_rng(0)
    x = random.integers(1, 6, 3000).astype(float)
    opinion = random.logistic(size=3000)
    # The rating lifts answers off the bottom and does nothing at the top.
    nps = np.where(opinion + 0.8 * (x - 3) < -1, 3, np.where(opinion < 1, 8, 10))
    found = cut_differences(pd.DataFrame({"nps": nps, "a": x}), drivers={"x": ["a"]}).set_index("term")
    assert found.loc["a", "conf_high"] < -0.4
    assert found.loc["a", "slope_low"] > 0.6
    level = cut_differences(survey(2000, 3), drivers=FIVE).set_index("term")
    assert level.loc["all", "p_value"] > 0.01


def test_worth_is_the_difference_of_two_predictions():
    table = survey(500, 12)
    found = driver_worth(table, drivers=FIVE, scale=(1, 5)).set_index("driver")
    x, y = table[list(SLOPES)].to_numpy(), table["nps"].to_numpy()
    fit = fit_ordinal(y, x, names=list(SLOPES))

    def score(terms: np.ndarray) -> float:
        below = 1 / (1 + np.exp(-(fit.cuts[:, None] - terms @ fit.slopes)))
        return float(100 * (1 - below[8] - below[6]).mean())  # P(9, 10) - P(0 to 6), all eleven levels occur

    lifted = x.copy()
    lifted[lifted[:, 0] <= 2, 0] = 3
    assert fit.levels.tolist() == list(range(11))
    assert found.loc["ease", "estimate"] == pytest.approx(score(lifted) - score(x), rel=1e-8)
    assert found.loc["ease", "share_low"] == pytest.approx((x[:, 0] <= 2).mean())
    # The error against numerical derivatives of the same difference.
    theta, k = np.concatenate([fit.cuts, fit.slopes]), len(fit.cuts)

    def difference(place: np.ndarray) -> float:
        def at(terms: np.ndarray) -> float:
            below = 1 / (1 + np.exp(-(place[:k, None] - terms @ place[k:])))
            return float(100 * (1 - below[8] - below[6]).mean())

        return at(lifted) - at(x)

    steps = 1e-6 * np.eye(len(theta))
    slope = np.array([(difference(theta + s) - difference(theta - s)) / 2e-6 for s in steps])
    assert score_difference(fit, x, lifted)[1] == pytest.approx(slope @ fit.covariance @ slope, rel=1e-5)


def test_worth_on_a_reversed_scale_and_where_nobody_is_a_detractor():
    table = survey(400, 13)
    there = driver_worth(table, drivers=FIVE, scale=(1, 5))["estimate"]
    turned = table.copy()
    turned[list(SLOPES)] = 6 - turned[list(SLOPES)]
    assert_allclose(driver_worth(turned, drivers=FIVE, scale=(5, 1))["estimate"], there, rtol=1e-6)
    happy = driver_worth(table.assign(nps=table["nps"].clip(lower=7)), drivers=FIVE, scale=(1, 5))
    assert happy["estimate"].notna().all()
    with pytest.raises(ConfigError, match="give the worst and the best answer"):
        driver_worth(table, drivers=FIVE, scale=(3, 3))


def test_invest_first_ranks_by_points_and_sets_the_null_apart():
    table = survey(3000, 14)
    options = {"drivers": FIVE}
    worth = driver_worth(table, scale=(1, 5), **options)
    listing = drivers(table, n_boot=0, **options)
    performance = importance_performance(table, driver_table=listing, scale=(1, 5))
    effects = driver_effects(table, **options)
    found = invest_first(worth, effects=effects, driver_table=listing, performance=performance).set_index("driver")
    assert found.loc["ease", "rank"] == 1
    assert found.loc["personal", "advice"] == "no association of its own"
    assert found.loc["personal", "rank"] == 5
    assert found.loc["ease", "advice"] == "invest first"
    assert found.loc["info", "advice"] == "next"
    plus = found[found["direction"].eq("+")]
    assert plus["estimate"].is_monotonic_decreasing


def test_segments_that_differ_are_found_and_others_are_not():
    first, second = survey(1500, 15), survey(1500, 16)
    random = np.random.default_rng(0)
    opinion = (second["info"] - 3) * 1.2 + random.logistic(size=1500)
    second = second.assign(nps=np.searchsorted(BORDERS, opinion))
    both = pd.concat([first.assign(kind="a"), second.assign(kind="b")], ignore_index=True)
    found = driver_segments(both, drivers=FIVE, segment_col="kind").set_index(["segment", "driver"])
    assert found.loc[("b", "info"), "conf_low"] > 0.5
    assert found.loc[("a", "info"), "difference"] == pytest.approx(-found.loc[("b", "info"), "difference"])
    small = driver_segments(both.iloc[:1550], drivers=FIVE, segment_col="kind")
    assert small["estimate"].isna().all()
    alike = first.assign(kind=np.where(np.arange(1500) % 2, "x", "y"))
    assert driver_segments(alike, drivers=FIVE, segment_col="kind")["p_adjusted"].gt(0.01).all()
