"""Net Promoter Score and its drivers against R, enumeration, brute force and planted truth."""

from __future__ import annotations

import doctest
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.nps import (
    answers_needed,
    cases,
    dimension_shares,
    driver_cases,
    driver_tables,
    drivers,
    importance,
    importance_performance,
    nps_over_time,
    nps_score,
    scores,
    smallest_detectable_difference,
    trends,
)

SFO_DRIVERS = {
    "terminal": ["Q7ART", "Q7FOOD", "Q7STORE", "Q7SIGN", "Q7WALKWAYS", "Q7SCREENS"],
    "cleanliness": ["Q9BOARDING", "Q9RESTROOM"],
    "trip": ["Q10SAFE", "Q14FIND"],
}
SCORE_OF_GROUP = {"promoters": 10, "passives": 8, "detractors": 2}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def answers_of(promoters: int, passives: int, detractors: int) -> pd.DataFrame:
    return pd.DataFrame({"nps": [10] * promoters + [8] * passives + [2] * detractors})


def one(table: pd.DataFrame, segment: str = "all") -> pd.Series:
    rows = table[table["segment"] == segment]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.fixture(scope="module")
def sfo(real_data: Path) -> pd.DataFrame:
    """Answers of the 2017 San Francisco Airport customer survey with blanks and "not used" declared."""
    raw = pd.read_csv(real_data / "sfo_survey_2017" / "2017_SFO_Customer_Survey.csv.gz", low_memory=False)
    items = [name for names in SFO_DRIVERS.values() for name in names]
    answers = raw[["BAREA", "WEIGHT", *items]].replace({name: {0: np.nan, 6: np.nan} for name in items})
    unused = {f"{name}__not_applicable": raw[name] == 6 for name in items}
    return answers.assign(nps=raw["NETPRO"].replace(11, np.nan), nps_raw=raw["NETPRO"], **unused)


@pytest.fixture(scope="module")
def swiss(oracles: Path) -> pd.DataFrame:
    return pd.read_csv(oracles / "data" / "r_swiss.csv", index_col=0)


# --- score ------------------------------------------------------------------------------------------------


def test_score_of_four_answers_by_eye():
    table = nps_score(pd.DataFrame({"nps": [10, 9, 7, 6, np.nan]}))
    assert list(table.columns[:9]) == [
        "segment",
        "estimate",
        "conf_low",
        "conf_high",
        "n",
        "promoters",
        "passives",
        "detractors",
        "estimate_weighted",
    ]
    row = one(table)
    assert (row["estimate"], row["n"], row["n_blank"], row["n_customers"]) == (25.0, 4, 1, 4)
    assert (row["promoters"], row["passives"], row["detractors"]) == (2, 1, 1)
    assert row["estimate_weighted"] == row["estimate"]
    assert row["n_effective"] == row["n_weighted"] == 4


def test_every_answer_falls_in_its_group():
    groups = nps_score(pd.DataFrame({"nps": range(11), "answer": range(11)}), segment_col="answer").iloc[1:]
    assert groups["segment"].tolist() == [str(answer) for answer in range(11)]
    assert groups["estimate"].tolist() == [-100.0] * 7 + [0.0] * 2 + [100.0] * 2


def test_intervals_agree_with_r(oracles: Path):
    # R 4.2.2, adjusted Wald interval with 3/4, 3/2, 3/4 added (Rocks 2016); standard error with n - 1.
    for case in read_json(oracles / "proportions_nps_r.json")["nps"]:
        row = one(nps_score(answers_of(case["promoters"], case["passives"], case["detractors"])))
        expected = [case["nps"], case["se_nminus1"], case["aw3T"]["lo"], case["aw3T"]["hi"]]
        found = row[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy(dtype=float)
        assert_allclose(found, 100 * np.array(expected), rtol=1e-9)
        weighted = row[["estimate_weighted", "std_error_weighted", "conf_low_weighted", "conf_high_weighted"]]
        assert_allclose(weighted.to_numpy(dtype=float), found, rtol=1e-12)


def test_weighted_score_agrees_with_r_survey(oracles: Path):
    # R 4.2.2 survey, svydesign(ids = ~1, weights = ~w), svymean(~s).
    expected = read_json(oracles / "discrete_time_survey_r.json")["survey_nps"]
    answers = pd.DataFrame(expected["data"]).rename(columns={"ltr": "nps"})
    row = one(nps_score(answers, weight_col="w"))
    assert row["estimate_weighted"] == pytest.approx(100 * expected["unstrat"]["nps"], rel=1e-9)
    assert row["std_error_weighted"] == pytest.approx(100 * expected["unstrat"]["se"], rel=1e-9)
    assert row["n_effective"] == pytest.approx(expected["kish_neff"], rel=1e-9)
    assert row["estimate"] == pytest.approx(100 * expected["unweighted"], rel=1e-9)
    assert row["conf_low_weighted"] < row["estimate_weighted"] < row["conf_high_weighted"]


def test_airport_survey(sfo: pd.DataFrame):
    table = nps_score(sfo, segment_col="BAREA", weight_col="WEIGHT")
    row = one(table)
    assert (row["n"], row["promoters"], row["passives"], row["detractors"]) == (2746, 1436, 968, 342)
    assert row["estimate"] == pytest.approx(39.84, abs=0.005)
    assert row["estimate_weighted"] == pytest.approx(40.3984, abs=5e-5)
    areas = table.iloc[1:]
    assert areas["segment"].tolist() == list("ABCDEFG")
    assert areas["n"].tolist() == [724, 166, 226, 386, 175, 444, 625]
    assert_allclose(areas["estimate"], [39.917, 43.373, 46.903, 43.523, 46.857, 38.514, 32.960], atol=5e-4)
    assert table["n_blank"].iloc[0] == 85 == areas["n_blank"].sum()


def test_blank_code_left_in_the_answers_stops(sfo: pd.DataFrame):
    with pytest.raises(DataError, match=r"84 of 2,831 values of nps_raw .* 0 to 10 .*values 11\).*survey\.missing"):
        nps_score(sfo, nps_col="nps_raw")


@pytest.mark.parametrize("bad", [11, -1, 99, 9.5])
def test_values_off_the_scale_name_count_row_and_remedy(bad: float):
    with pytest.raises(DataError, match=rf"1 of 3 values of nps .*first: row 2; values {bad:g}\).*survey\.missing"):
        nps_score(pd.DataFrame({"nps": [10, bad, np.nan]}))


@pytest.mark.parametrize("bad", ["secret words", math.inf, pd.Timestamp("2024-01-01")])
def test_values_that_are_no_numbers_stop_without_being_quoted(bad: object):
    with pytest.raises(DataError, match=r"1 of 2 values of nps are not finite numbers \(first: row 2\)") as caught:
        nps_score(pd.DataFrame({"nps": pd.Series([10, bad], dtype=object)}))
    assert "secret" not in str(caught.value)


def test_truth_values_and_dates_are_not_scores():
    with pytest.raises(DataError, match="2 of 2 values of nps are not finite numbers"):
        nps_score(pd.DataFrame({"nps": [True, False]}))
    with pytest.raises(DataError, match="not finite numbers"):
        nps_score(pd.DataFrame({"nps": pd.to_datetime(["2024-01-01"])}))


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "object", "category"])
def test_column_types_do_not_matter(dtype: str):
    answers = pd.DataFrame({"nps": pd.Series([10, 7, 3, None, 9]).astype(dtype)})
    row = one(nps_score(answers))
    assert (row["estimate"], row["n"], row["n_blank"]) == (25.0, 4, 1)


def test_no_answers_give_a_row_without_estimate():
    answers = pd.DataFrame({"nps": [np.nan, 9.0], "area": ["x", "y"]})
    row = one(nps_score(answers, segment_col="area"), "x")
    assert (row["n"], row["promoters"], row["n_blank"], row["n_customers"]) == (0, 0, 1, 0)
    assert row[["estimate", "conf_low", "conf_high", "estimate_weighted", "std_error"]].isna().all()
    assert nps_score(answers.iloc[:0]).loc[0, "n"] == 0


def test_missing_segment_is_named_and_last():
    answers = pd.DataFrame({"nps": [10, 9, 0, 8, 8], "band": [10, 9, None, 2, None]})
    table = nps_score(answers, segment_col="band")
    assert table["segment"].tolist() == ["all", "2.0", "9.0", "10.0", "(missing)"]
    assert one(table, "(missing)")["n"] == 2


def test_segment_called_all_is_refused():
    with pytest.raises(DataError, match=r"area is called 'all'.*Rename"):
        nps_score(pd.DataFrame({"nps": [1], "area": ["all"]}), segment_col="area")


def test_weights_negative_missing_and_zero():
    answers = pd.DataFrame({"nps": [10, 10, 0, 0], "w": [1.0, 3.0, np.nan, 0.0]})
    row = one(nps_score(answers, weight_col="w"))
    assert (row["estimate"], row["n"], row["estimate_weighted"], row["n_weighted"]) == (0.0, 4, 100.0, 3)
    with pytest.raises(DataError, match=r"1 of 1 weights in w are negative \(first: row 1\).*at least 0"):
        nps_score(pd.DataFrame({"nps": [1], "w": [-1]}), weight_col="w")
    assert math.isnan(one(nps_score(answers.assign(w=0), weight_col="w"))["estimate_weighted"])


def test_wrong_arguments_are_configuration_errors():
    answers = pd.DataFrame({"nps": [9]})
    with pytest.raises(ConfigError, match="no column region; there are nps"):
        nps_score(answers, segment_col="region")
    with pytest.raises(ConfigError, match=r"conf_level is 95; it must lie between 0 and 1"):
        nps_score(answers, conf_level=95)


def test_enumerated_coverage_of_the_interval():
    # Every possible sample of n answers, weighed by its probability, for shares in steps of 5 %, none empty.
    for n in (10, 20, 50):
        samples = np.array([(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)])
        answers = pd.concat([answers_of(*sample).assign(sample=i) for i, sample in enumerate(samples)])
        table = nps_score(answers, segment_col="sample").iloc[1:]
        low, high = table["conf_low"].to_numpy(), table["conf_high"].to_numpy()
        log_count = math.lgamma(n + 1) - np.vectorize(math.lgamma)(samples + 1.0).sum(axis=1)
        coverage = []
        for up, down in itertools.product(range(1, 19), repeat=2):
            if up + down >= 20:
                continue
            shares = np.array([up, 20 - up - down, down]) / 20
            probability = np.exp(log_count + samples @ np.log(shares))
            score = 100 * (shares[0] - shares[2])
            coverage.append(probability[(low <= score + 1e-9) & (score <= high + 1e-9)].sum())
        assert min(coverage) >= 0.93
        assert 0.94 <= np.mean(coverage) <= 0.96


def test_repeating_customers_widen_the_interval():
    answers = answers_of(30, 10, 20).assign(customer=range(60))
    tripled = pd.concat([answers] * 3)
    row, plain = one(nps_score(tripled, cluster_col="customer")), one(nps_score(answers))
    assert (row["n"], row["n_customers"]) == (180, 60)
    assert row["std_error"] == pytest.approx(plain["std_error"])
    assert row["conf_low"] == pytest.approx(plain["conf_low"], abs=0.15)
    assert_allclose(one(nps_score(answers, cluster_col="customer"))[1:].astype(float), plain[1:].astype(float))


def test_all_alike_count_as_many_answers_as_customers():
    row = one(nps_score(answers_of(20, 0, 0).assign(customer=[1, 2, 3, 4] * 5), cluster_col="customer"))
    four = one(nps_score(answers_of(4, 0, 0)))
    assert (row["conf_low"], row["conf_high"]) == (four["conf_low"], four["conf_high"])


def test_unknown_customers_count_one_by_one():
    answers = pd.DataFrame({"nps": [10, 0, 9, 8], "customer": pd.array([7, 7, None, None], dtype="Int64")})
    assert one(nps_score(answers, cluster_col="customer"))["n_customers"] == 3


def test_clustered_interval_covers_where_the_plain_one_does_not():
    # 400 surveys of 80 customers with 3 answers each; a customer repeats the same mood with chance .55.
    random, groups = np.random.default_rng(20), np.array([10, 8, 2])
    mood = random.choice(groups, p=[0.5, 0.3, 0.2], size=(400, 80, 1))
    own = random.choice(groups, p=[0.5, 0.3, 0.2], size=(400, 80, 3))
    nps = np.where(random.random((400, 80, 3)) < 0.55, mood, own)
    survey, customer, _ = np.indices(nps.shape)
    answers = pd.DataFrame({"nps": nps.ravel(), "survey": survey.ravel(), "customer": customer.ravel()})

    def coverage(**options: str) -> float:
        table = nps_score(answers, segment_col="survey", **options).iloc[1:]
        return float(table["conf_low"].le(30).mul(table["conf_high"].ge(30)).mean())

    assert 0.92 <= coverage(cluster_col="customer") <= 0.98
    assert coverage() < 0.91


@settings(max_examples=60, deadline=None)
@given(
    nps=st.lists(st.one_of(st.integers(0, 10), st.none()), max_size=40),
    conf_level=st.sampled_from([0.8, 0.95, 0.99]),
    seed=st.integers(0, 9),
)
def test_score_invariants(nps: list[int | None], conf_level: float, seed: int):
    random = np.random.default_rng(seed)
    answers = pd.DataFrame({"nps": pd.Series(nps, dtype="Int64")})
    answers = answers.assign(
        area=random.choice(["x", "y"], len(nps)),
        w=random.uniform(0.1, 3, len(nps)),
        who=random.integers(0, 9, len(nps)),
    )
    before = answers.copy()
    options = {"segment_col": "area", "weight_col": "w", "cluster_col": "who", "conf_level": conf_level}
    table = nps_score(answers, **options)
    pd.testing.assert_frame_equal(answers, before)
    assert (table[["promoters", "passives", "detractors"]].sum(axis=1) == table["n"]).all()
    assert (table["n"] + table["n_blank"]).iloc[0] == len(nps)
    assert (table.loc[1:, ["n", "n_blank"]].sum() == table.loc[0, ["n", "n_blank"]]).all()
    some = table[table["n"] > 0]
    for suffix in ("", "_weighted"):
        assert some[f"estimate{suffix}"].between(some[f"conf_low{suffix}"], some[f"conf_high{suffix}"]).all()
        assert some[f"conf_low{suffix}"].ge(-100).all()
        assert some[f"conf_high{suffix}"].le(100).all()
    assert table.loc[table["n"] == 0, "estimate"].isna().all()
    shuffled = nps_score(answers.sample(frac=1, random_state=seed), **options)
    pd.testing.assert_frame_equal(shuffled, table)


# --- time and size ----------------------------------------------------------------------------------------


def test_score_over_time_shows_empty_months_and_counts_undated_answers():
    times = ["2024-01-31 23:59", "2024-01-01 00:00", "2024-03-15 12:00", None]
    answers = pd.DataFrame({"nps": [10, 0, 9, 9], "answered_at": pd.to_datetime(times)})
    table = nps_over_time(answers)
    assert table["period"].tolist() == list(pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]))
    assert table["n"].tolist() == [2, 0, 1]
    assert table["estimate"].tolist()[::2] == [0.0, 100.0]
    assert math.isnan(table.loc[1, "estimate"])
    assert table["n_effective"].tolist() == [2, 0, 1]
    assert table["n_undated"].eq(1).all()
    january = nps_score(answers.iloc[:2]).loc[0, ["conf_low", "conf_high"]]
    assert table.loc[0, ["conf_low", "conf_high"]].tolist() == january.tolist()


def test_score_over_time_without_dates_and_with_wrong_arguments():
    undated = pd.DataFrame({"nps": [9], "answered_at": pd.to_datetime([None])})
    assert nps_over_time(undated).empty
    with pytest.raises(ConfigError, match="freq is 'fortnight'; allowed are D, W, M, Q, Y"):
        nps_over_time(undated, freq="fortnight")
    with pytest.raises(ConfigError, match=r"nps has the type .*; name a column of times"):
        nps_over_time(undated, time_col="nps")


def test_detectable_difference_agrees_with_r(oracles: Path):
    # R 4.2.2: 2 * v * (qnorm(.975) + qnorm(.8))^2 / delta^2
    case = read_json(oracles / "proportions_nps_r.json")["nps_power"]
    assert smallest_detectable_difference(case["n"], variance=case["v"]) == pytest.approx(5, rel=1e-9)
    assert answers_needed(5, variance=case["v"]) == math.ceil(case["n"]) == 3831


def test_detectable_difference_of_unequal_groups_and_wrong_arguments():
    small, large = smallest_detectable_difference(100), smallest_detectable_difference(1000)
    assert large < smallest_detectable_difference(100, n_other=1000) < small
    assert smallest_detectable_difference(0) == math.inf
    with pytest.raises(ConfigError, match="power is 80; it must lie between 0 and 1"):
        smallest_detectable_difference(100, power=80)
    with pytest.raises(ConfigError, match="difference is 0; it must be above 0"):
        answers_needed(0)


# --- importance -------------------------------------------------------------------------------------------


def lmg_by_permutation(data: pd.DataFrame, outcome: str) -> dict[str, float]:
    """Average gain in R² over all orders, each model fitted by least squares."""
    names = [name for name in data if name != outcome]
    y = data[outcome].to_numpy(dtype=float)

    def r_squared(chosen: tuple[str, ...]) -> float:
        design = np.column_stack([np.ones(len(data)), data[list(chosen)].to_numpy(dtype=float)])
        fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1 - ((y - fitted) ** 2).sum() / ((y - y.mean()) ** 2).sum()

    gains = dict.fromkeys(names, 0.0)
    orders = list(itertools.permutations(names))
    for order in orders:
        for i, name in enumerate(order):
            gains[name] += (r_squared(order[: i + 1]) - r_squared(order[:i])) / len(orders)
    return gains


def ratings(n: int, seed: int, slopes: tuple[float, ...] = (0.6, 0.45, 0.0, -0.3)) -> pd.DataFrame:
    """Ratings that share a mood (correlation .5), the outcome with the given slopes and unit noise."""
    random = np.random.default_rng(seed)
    mood = random.normal(size=(n, 1))
    x = math.sqrt(0.5) * mood + math.sqrt(0.5) * random.normal(size=(n, len(slopes)))
    table = pd.DataFrame(x, columns=list("abcdefgh")[: len(slopes)])
    return table.assign(nps=x @ np.array(slopes) + random.normal(size=n))


def four(**options: Any) -> dict[str, Any]:
    return {"drivers": {"first": ["a", "b"], "second": ["c", "d"]}, "n_boot": 0, **options}


def test_orthogonal_drivers_share_by_squared_slope():
    # Full factorial: slopes 3, 2, 1 explain everything, so the shares are 9, 4 and 1 of 14.
    design = pd.DataFrame(list(itertools.product([-1, 1], repeat=3)), columns=["a", "b", "c"])
    table = drivers(design.assign(y=design @ [3, 2, -1]), drivers={"d": ["a", "b", "c"]}, outcome_col="y", n_boot=0)
    assert_allclose(table["share"], np.array([9, 4, 1]) / 14)
    assert_allclose(table["vif"], 1)
    assert table["direction"].tolist() == ["+", "+", "-"]
    assert table["r_squared"].iloc[0] == pytest.approx(1)


def test_constant_column_of_a_resample_correlates_with_none():
    matrix = importance.correlation_matrix(np.array([[0.1, 1.0], [0.1, 2.0], [7.0, 4.0]]), np.array([2.0, 1.0, 0.0]))
    assert matrix.round(12).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("seed", range(3))
def test_shares_agree_with_all_orders_of_entry(seed: int):
    data = ratings(40, seed)
    table = drivers(data, **four())
    expected = lmg_by_permutation(data, "nps")
    assert_allclose(table["share"] * table["r_squared"], [expected[name] for name in table["driver"]], rtol=1e-9)


def test_swiss_agrees_with_relaimpo(oracles: Path, swiss: pd.DataFrame):
    # R 4.2.2 relaimpo 2.2-7: calc.relimp and boot.relimp (b = 2000, bty = "perc") of lm(Fertility ~ ., swiss), "lmg".
    reference = read_json(oracles / "relimp_r.json")
    expected = pd.DataFrame({name: reference["swiss"][name] for name in ("term", "lmg", "vif")})
    table = drivers(swiss, drivers={"all": list(expected["term"])}, outcome_col="Fertility", n_boot=2000)
    assert table["r_squared"].iloc[0] == pytest.approx(reference["swiss"]["R2"], rel=1e-9)
    assert_allclose(table["share"] * table["r_squared"], expected["lmg"], rtol=1e-9)
    assert_allclose(table["vif"], expected["vif"], rtol=1e-9)
    # Percentiles of the shares of R²; R draws other samples, so only roughly the same.
    bootstrap = reference["swiss_lmg_boot_seed1_b2000_perc"]
    assert_allclose(table["conf_low"], bootstrap["lower"], atol=0.012)
    assert_allclose(table["conf_high"], bootstrap["upper"], atol=0.012)


def test_share_carries_no_sign_but_the_direction_does(swiss: pd.DataFrame):
    names = ["Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]
    row = (
        drivers(swiss, drivers={"all": names}, outcome_col="Fertility", n_boot=0).set_index("driver").loc["Agriculture"]
    )
    assert row["correlation"] > 0 > row["coefficient"]
    assert row["share"] > 0


def test_airport_drivers(sfo: pd.DataFrame):
    table = drivers(sfo, drivers=SFO_DRIVERS)
    assert (table["n"] == 1726).all()
    assert table["r_squared"].iloc[0] == pytest.approx(0.374308, abs=5e-7)
    share = [0.07661, 0.08146, 0.07034, 0.08676, 0.09351, 0.09846, 0.14429, 0.09674, 0.11332, 0.13852]
    assert_allclose(table["share"], share, atol=5.1e-6)
    vif = [1.6907, 2.4667, 2.6461, 2.3720, 2.5318, 2.3772, 1.7869, 1.7061, 1.2777, 1.3515]
    assert_allclose(table["vif"], vif, atol=5.1e-5)
    assert table["dimension"].tolist() == ["terminal"] * 6 + ["cleanliness"] * 2 + ["trip"] * 2
    assert table["method"].eq("complete_case").all()
    assert table["share"].between(table["conf_low"], table["conf_high"]).all()
    assert ((table["conf_high"] - table["conf_low"]) > 0.02).all()


def test_airport_answers_left_out_are_explained(sfo: pd.DataFrame):
    row = driver_cases(sfo, drivers=SFO_DRIVERS).iloc[0]
    assert (row["n_answers"], row["n_outcome_missing"], row["n_with_outcome"]) == (2831, 85, 2746)
    assert (row["n_complete"], row["n_not_applicable"], row["n_missing"]) == (1726, 852, 168)
    assert row["complete_share"] == pytest.approx(1726 / 2746)


def test_yellow_pages_drivers(real_data: Path):
    # bayesm customerSat; lm(scale(q1) ~ scale(q2) + ...), relaimpo lmg.
    answers = pd.read_csv(real_data / "customer_sat_bayesm" / "customerSat.csv")
    names = [f"q{i}" for i in range(2, 11)]
    table = drivers(answers, drivers={"all": names}, outcome_col="q1", n_boot=0).set_index("driver")
    assert table["r_squared"].iloc[0] == pytest.approx(0.7167, abs=5e-5)
    assert_allclose(table.loc[["q4", "q6"], "coefficient"], [0.334, 0.330], atol=5e-4)
    assert_allclose(table.loc[["q4", "q6", "q2"], "share"], [0.225, 0.212, 0.122], atol=5e-4)
    assert table["vif"].max() == pytest.approx(3.54, abs=0.005)


@pytest.mark.parametrize("clustered", [False, True])
def test_coefficients_agree_with_statsmodels(clustered: bool):
    import statsmodels.api as sm

    data = ratings(90, 5).assign(customer=np.arange(90) // 3)
    table = drivers(data, **four(cluster_col="customer" if clustered else ""))
    scaled = (data - data.mean()) / data.std()
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": data["customer"]}} if clustered else {"cov_type": "HC3"}
    fit = sm.OLS(scaled["nps"], sm.add_constant(scaled[list("abcd")])).fit(use_t=True, **kind)
    expected = fit.conf_int().iloc[1:]
    assert_allclose(table["coefficient"], fit.params.iloc[1:], rtol=1e-10)
    assert_allclose(table["coefficient_low"], expected[0], rtol=1e-9)
    assert_allclose(table["coefficient_high"], expected[1], rtol=1e-9)
    assert table["n_customers"].iloc[0] == (30 if clustered else 90)


def test_planted_importance_is_covered_and_the_null_is_not_flagged():
    # Population correlations: drivers .5 with one another, slopes (.6, .45, 0, -.3), unit noise.
    slopes, among = np.array([0.6, 0.45, 0.0, -0.3]), 0.5 * np.eye(4) + 0.5
    covariance = np.block([[among, (among @ slopes)[:, None]], [among @ slopes, slopes @ among @ slopes + 1]])
    spread = np.sqrt(np.diag(covariance))
    parts = importance.lmg((covariance / np.outer(spread, spread))[None])[0]
    truth = parts / parts.sum()
    tables = [drivers(ratings(400, seed), **four(n_boot=200, seed=seed)) for seed in range(20)]
    covered = np.sum([table["conf_low"].le(truth) & table["conf_high"].ge(truth) for table in tables], axis=0)
    assert (covered >= 16).all()
    directions = np.array([table["direction"] for table in tables])
    assert (directions[:, [0, 1]] == "+").all()
    assert (directions[:, 3] == "-").all()
    assert (directions[:, 2] != "unclear").sum() <= 4


def test_copies_of_answers_by_one_customer_add_nothing():
    data = ratings(60, 3).assign(customer=range(60))
    copied = pd.concat([data] * 4, ignore_index=True)
    once, clustered = drivers(data, **four(n_boot=200)), drivers(copied, **four(n_boot=200, cluster_col="customer"))
    columns = ["share", "conf_low", "conf_high", "coefficient"]
    assert_allclose(clustered[columns], once[columns], rtol=1e-9)
    assert (clustered["n"].iloc[0], clustered["n_customers"].iloc[0]) == (240, 60)
    naive = drivers(copied, **four(n_boot=200))
    assert ((naive["conf_high"] - naive["conf_low"]) < 0.7 * (once["conf_high"] - once["conf_low"])).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(8, 60),
    order=st.permutations(list("abcd")),
    factor=st.floats(0.01, 100),
    shift=st.floats(-50, 50),
)
def test_driver_invariants(seed: int, n: int, order: list[str], factor: float, shift: float):
    data = ratings(n, seed)
    before = data.copy()
    table = drivers(data, **four(n_boot=100)).set_index("driver")
    pd.testing.assert_frame_equal(data, before)
    assert table["share"].sum() == pytest.approx(1)
    assert table[["share", "conf_low"]].ge(0).all(axis=None)
    assert table[["share", "conf_high"]].le(1 + 1e-12).all(axis=None)
    assert table["share"].between(table["conf_low"], table["conf_high"]).all()
    assert table["vif"].ge(1 - 1e-9).all()
    assert 0 < table["r_squared"].iloc[0] <= 1 + 1e-12
    changed = data.assign(a=data["a"] * factor + shift, b=-data["b"])
    again = drivers(changed, drivers={"any": order}, n_boot=100).set_index("driver").loc[list(table.index)]
    assert_allclose(again[["share", "conf_low", "conf_high"]], table[["share", "conf_low", "conf_high"]], atol=1e-7)
    assert_allclose(again["coefficient"], table["coefficient"] * [1, -1, 1, 1], atol=1e-7)


def test_same_seed_same_table_and_no_interval_on_request():
    data = ratings(50, 1)
    pd.testing.assert_frame_equal(drivers(data, **four(n_boot=100, seed=4)), drivers(data, **four(n_boot=100, seed=4)))
    other = drivers(data, **four(n_boot=100, seed=5))
    assert (other["conf_low"] != drivers(data, **four(n_boot=100, seed=4))["conf_low"]).any()
    assert drivers(data, **four())[["conf_low", "conf_high"]].isna().all(axis=None)


def test_single_driver_has_the_whole_share():
    row = drivers(ratings(30, 2), drivers={"only": ["a"]}, n_boot=100).iloc[0]
    assert_allclose(row[["share", "conf_low", "conf_high", "vif"]].to_numpy(dtype=float), 1)
    assert row["r_squared"] == pytest.approx(row["correlation"] ** 2)


def test_intervals_hold_small_shares_too():
    # Resampling favours drivers without any effect, so that plain percentiles can lie above their share.
    for seed in range(20):
        x = pd.DataFrame(np.random.default_rng(seed).normal(size=(50, 4)), columns=list("abcd"))
        table = drivers(x.assign(nps=x["a"] + x["d"], d=-(x["a"] ** 2)), **four(n_boot=100))
        assert table["share"].between(table["conf_low"], table["conf_high"]).all()


def test_an_answer_that_alone_fixes_a_slope_does_not_fake_certainty():
    data = ratings(40, 6).assign(a=[1.0] + [0.0] * 39)
    table = drivers(data, **four(n_boot=100)).set_index("driver")
    assert np.isfinite(table["coefficient_low"]).all()
    assert table.loc["a", "coefficient_high"] - table.loc["a", "coefficient_low"] > 0.5


def test_constant_drivers_and_outcomes_are_named():
    data = ratings(30, 0)
    with pytest.raises(DataError, match="b has the same value in all 30 complete answers"):
        drivers(data.assign(b=3), **four())
    with pytest.raises(DataError, match="nps has the same value in all 30"):
        drivers(data.assign(nps=9), **four())


def test_collinear_drivers_are_named_and_others_are_not():
    data = ratings(30, 0)
    with pytest.raises(DataError, match=r"drivers: a, b, c reproduce one another exactly .*Leave out one"):
        drivers(data.assign(c=data["a"] + 2 * data["b"]), **four())


def test_too_few_answers_name_the_least_answered_driver():
    data = ratings(30, 0)
    data.loc[6:, "c"] = np.nan
    with pytest.raises(
        DataError, match=r"6 of 30 answers .* 4 drivers; at least 7 .*least answered is c \(6 answers\)"
    ):
        drivers(data, **four())
    assert drivers(data.fillna({"c": 0}).iloc[:7], **four())["n"].iloc[0] == 7


def test_one_customer_and_unrelated_drivers_are_not_estimable():
    with pytest.raises(DataError, match="all 30 complete answers come from one customer"):
        drivers(ratings(30, 0).assign(who=1), **four(cluster_col="who"))
    unrelated = pd.DataFrame({"a": [-1, -1, 1, 1] * 2, "nps": [1, 2, 1, 2] * 2})
    with pytest.raises(DataError, match="they explain nothing of nps"):
        drivers(unrelated, drivers={"x": ["a"]}, n_boot=0)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "0 columns are named; allowed are 1 to 20"),
        ({"x": [f"q{i}" for i in range(21)]}, "21 columns are named; allowed are 1 to 20"),
        ({"x": ["a"], "y": ["a"]}, "a is named more than once"),
        ({"x": ["nps"]}, "nps is named more than once"),
        ({"x": "a"}, r"x is 'a'; give a list of columns, as \['a'\]"),
        ({"x": ["a", "zz"]}, "no column zz; there are a, b, c, d, nps"),
    ],
)
def test_wrong_driver_lists_are_configuration_errors(names: Any, message: str):
    for table in (drivers, driver_cases):
        with pytest.raises(ConfigError, match=message):
            table(ratings(30, 0), drivers=names)


def test_wrong_number_of_bootstrap_samples():
    with pytest.raises(ConfigError, match="n_boot is 20; use 0 for no intervals, or at least 100"):
        drivers(ratings(30, 0), **four(n_boot=20))


def test_cases_by_eye():
    answers = pd.DataFrame(
        {
            "nps": [9, 9, 9, np.nan],
            "a": [1, np.nan, np.nan, 1],
            "b": [1, np.nan, 1, 1],
            "a__not_applicable": pd.array([False, True, None, False], dtype="boolean"),
        }
    )
    row = driver_cases(answers, drivers={"x": ["a", "b"]}).iloc[0]
    assert row[["n_answers", "n_outcome_missing", "n_complete", "n_not_applicable", "n_missing"]].tolist() == [
        4,
        1,
        1,
        1,
        1,
    ]


# --- importance and performance ---------------------------------------------------------------------------


def test_performance_by_eye():
    answers = pd.DataFrame({"a": [1, 5, 3, np.nan], "nps": [1, 9, 5, 7]})
    listing = pd.DataFrame({"driver": ["a"], "dimension": ["x"], "share": [1.0], "conf_low": [1.0], "conf_high": [1.0]})
    row = importance_performance(answers, driver_table=listing, scale=(1, 5)).iloc[0]
    assert (row["performance"], row["n"], row["n_customers"]) == (50.0, 3, 3)
    assert (row["performance_low"], row["performance_high"]) == (0.0, 100.0)  # 50 -+ 4.303 * 28.87, cut
    reverse = importance_performance(answers.iloc[:2], driver_table=listing, scale=(5, 1), conf_level=0.1).iloc[0]
    assert reverse["performance"] == 50.0
    # Student's t with one degree of freedom: tan(pi * conf_level / 2) times the standard error 50.
    assert reverse["performance_high"] == pytest.approx(50 + 50 * math.tan(math.pi * 0.05))
    alone = importance_performance(answers.assign(who=1), driver_table=listing, scale=(1, 5), cluster_col="who")
    assert alone[["performance_low", "performance_high"]].isna().all(axis=None)


def test_performance_off_the_scale_and_wrong_scale():
    answers, listing = ratings(30, 0).assign(a=6), drivers(ratings(30, 0), **four())
    with pytest.raises(DataError, match=r"30 of 30 values of a lie outside the scale 1 to 5 \(first: row 1, 2, 3\)"):
        importance_performance(answers, driver_table=listing, scale=(1, 5))
    with pytest.raises(ConfigError, match="give the worst and the best answer"):
        importance_performance(answers, driver_table=listing, scale=(1, 1))


def test_airport_performance_and_dimensions(sfo: pd.DataFrame):
    table = drivers(sfo, drivers=SFO_DRIVERS, n_boot=0)
    placed = importance_performance(sfo, driver_table=table, scale=(1, 5))
    assert_allclose(placed["performance"], 25 * (sfo[placed["driver"]].mean() - 1))
    assert placed["performance"].between(placed["performance_low"], placed["performance_high"]).all()
    assert placed["n"].tolist() == sfo[placed["driver"]].notna().sum().tolist()
    shares = dimension_shares(sfo, drivers=SFO_DRIVERS, n_boot=0)
    assert shares["dimension"].tolist() == list(SFO_DRIVERS)
    assert shares["n_drivers"].tolist() == [6, 2, 2]
    assert shares["share"].sum() == pytest.approx(1)
    owen = table.groupby("dimension", sort=False)["share_owen"].sum()
    assert_allclose(shares["share"], owen, rtol=1e-9)
    assert shares["rank"].tolist() == [1, 3, 2]


@pytest.mark.parametrize("module", [scores, trends, cases, driver_tables, importance])
def test_examples_in_docstrings(module: Any):
    assert doctest.testmod(module).failed == 0
