"""Intervals of shares, adjusted p-values and suppression against R, hand-made examples and planted truth."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import (
    adjust_p_values,
    clustered_share,
    newcombe_difference,
    suppress_small_groups,
    wilson_interval,
)


@pytest.fixture(scope="module")
def proportions(oracles):
    """R 4.2.2: prop.test(correct = FALSE), Newcombe's method 10, p.adjust."""
    return json.loads((oracles / "proportions_nps_r.json").read_text())


# --- Wilson ---------------------------------------------------------------------------------------------------------


def test_wilson_equals_r(proportions):
    # R: prop.test(x, n, correct = FALSE)$conf.int
    rows = pd.DataFrame(proportions["wilson95"])
    low, high = wilson_interval(rows["x"], rows["n"])
    np.testing.assert_allclose(low, rows["lower"], atol=1e-10)
    np.testing.assert_allclose(high, rows["upper"], atol=1e-10)


def test_wilson_without_trials_has_no_interval():
    low, high = wilson_interval([0, 3], [0, 4])
    assert np.isnan([low[0], high[0]]).all()
    assert 0 < low[1] < 0.75 < high[1] < 1


@pytest.mark.parametrize(("x", "n"), [(5, 4), (-1, 4)])
def test_wilson_refuses_impossible_counts(x, n):
    with pytest.raises(DataError, match=r"1 of 2 have successes outside 0\.\.n \(first: -?\d of 4\)"):
        wilson_interval([1, x], [4, n])


def test_level_must_be_a_share():
    with pytest.raises(ConfigError, match="conf_level: found 95, allowed are values between 0 and 1"):
        wilson_interval(1, 2, conf_level=95)


@given(n=st.integers(1, 10**7), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_wilson_surrounds_the_share(n, share, level):
    x = round(share * n)
    low, high = wilson_interval(x, n, conf_level=level)
    assert 0 <= low <= x / n <= high <= 1
    mirrored_low, mirrored_high = wilson_interval(n - x, n, conf_level=level)
    np.testing.assert_allclose([mirrored_low, mirrored_high], [1 - high, 1 - low], atol=1e-9)


# --- clustered shares -----------------------------------------------------------------------------------------------


def test_clustered_share_by_hand():
    # a: 2 of 2, b: 0 of 2, c: 1 of 1; p = .6; residuals .8, -1.2, .4; v = 3/2 * 2.24 / 25 = .1344; n_eff = .24 / .1344
    rows = pd.DataFrame({"customer": list("aabbc"), "done": [True, True, False, False, True]})
    share = clustered_share(rows, success_col="done", cluster_col="customer").iloc[0]
    assert share["share"] == pytest.approx(0.6)
    assert (share["n"], share["n_customers"]) == (5, 3)
    assert share["n_effective"] == pytest.approx(0.24 / 0.1344)
    low, high = wilson_interval(0.6 * 0.24 / 0.1344, 0.24 / 0.1344)
    assert (share["conf_low"], share["conf_high"]) == pytest.approx((float(low), float(high)))


@pytest.mark.parametrize("cluster_col", ["", "customer"])
def test_without_repeats_it_is_wilson(cluster_col):
    rows = pd.DataFrame({"customer": range(10), "done": [1] * 5 + [0] * 5})
    share = clustered_share(rows, success_col="done", cluster_col=cluster_col)
    # R: prop.test(5, 10, correct = FALSE): .23659309051 .76340690949
    assert share.loc[0, ["conf_low", "conf_high"]].tolist() == pytest.approx([0.23659309051, 0.76340690949])


@pytest.mark.parametrize("done", [[0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0]])
def test_customers_count_where_the_variance_says_nothing(done):
    # nobody, everybody, or each customer with the same share: six rows of three customers weigh as three
    rows = pd.DataFrame({"customer": list("aabbcc"), "done": done})
    share = clustered_share(rows, success_col="done", cluster_col="customer").iloc[0]
    assert share["n_effective"] == 3
    low, high = wilson_interval(3 * share["share"], 3)
    assert (share["conf_low"], share["conf_high"]) == pytest.approx((float(low), float(high)))


def test_one_customer_weighs_as_one():
    rows = pd.DataFrame({"customer": ["a"] * 50, "done": [1] * 30 + [0] * 20})
    share = clustered_share(rows, success_col="done", cluster_col="customer").iloc[0]
    assert share["n_effective"] == 1
    assert share["conf_high"] - share["conf_low"] > 0.8


def test_groups_missing_values_and_order():
    rows = pd.DataFrame(
        {
            "channel": ["web", None, "app", "web", None],
            "stage": [2, 1, 1, 1, 1],
            "customer": ["a", None, "b", "a", None],
            "done": [1, 0, 1, 0, 1],
        },
        index=[7, 7, 3, 2, 2],
    )
    before = rows.copy()
    shares = clustered_share(rows, success_col="done", cluster_col="customer", group_cols=["channel", "stage"])
    pd.testing.assert_frame_equal(rows, before)
    assert shares["channel"].tolist()[:3] == ["app", "web", "web"]
    assert shares["channel"].isna().tolist() == [False, False, False, True]
    assert shares["stage"].tolist() == [1, 1, 2, 1]
    assert shares["n"].tolist() == [1, 1, 1, 2]
    assert shares["n_customers"].tolist() == [1, 1, 1, 2]  # rows without a customer count as one each
    assert shares["share"].tolist() == [1, 0, 1, 0.5]


def test_no_rows():
    rows = pd.DataFrame({"g": pd.Series(dtype=str), "done": pd.Series(dtype=float)})
    overall = clustered_share(rows, success_col="done")
    assert overall[["n", "n_customers"]].to_numpy().tolist() == [[0, 0]]
    assert overall[["share", "conf_low", "conf_high"]].isna().all(axis=None)
    assert clustered_share(rows, success_col="done", group_cols=["g"]).empty


def test_shares_refuse_what_is_not_yes_or_no():
    rows = pd.DataFrame({"done": [1, 0, None, 2]})
    with pytest.raises(DataError, match=r"done: 2 of 4 rows \(50 %\) are not usable \(first: row 3\); needed"):
        clustered_share(rows, success_col="done")
    with pytest.raises(ConfigError, match="column not found: customer; the table has done"):
        clustered_share(rows, success_col="done", cluster_col="customer")


def test_clustered_interval_covers_and_the_plain_one_does_not():
    # 1,000 samples of 150 customers with three journeys each, beta-binomial with intraclass correlation .3
    rng = np.random.default_rng(20240131)
    samples, customers, truth, rho = 1_000, 150, 0.4, 0.3
    chance = rng.beta(truth * (1 - rho) / rho, (1 - truth) * (1 - rho) / rho, size=(samples, customers, 1))
    done = rng.random((samples, customers, 3)) < chance
    sample, customer, _ = np.indices(done.shape)
    rows = pd.DataFrame({"sample": sample.ravel(), "customer": customer.ravel(), "done": done.ravel()})

    def coverage(cluster_col):
        shares = clustered_share(rows, success_col="done", cluster_col=cluster_col, group_cols=["sample"])
        return shares["conf_low"].le(truth).mul(shares["conf_high"].ge(truth)).mean()

    assert 0.93 <= coverage("customer") <= 0.97
    assert coverage("") < 0.90


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_order_of_rows_does_not_matter(data):
    n = data.draw(st.integers(1, 30))
    rows = pd.DataFrame(
        {
            "group": data.draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n)),
            "customer": data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)),
            "done": data.draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        }
    )
    shuffled = rows.sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    given_order, other_order = (
        clustered_share(r, success_col="done", cluster_col="customer", group_cols=["group"]) for r in (rows, shuffled)
    )
    pd.testing.assert_frame_equal(given_order, other_order)
    assert (given_order["conf_low"] <= given_order["share"]).all()
    assert (given_order["share"] <= given_order["conf_high"]).all()
    expected = rows.groupby("group")["done"].agg(["mean", "size"])
    assert given_order["share"].tolist() == pytest.approx(expected["mean"].tolist())
    assert given_order["n"].tolist() == expected["size"].tolist()


# --- differences ----------------------------------------------------------------------------------------------------


def test_newcombe_equals_r(proportions):
    rows = pd.DataFrame(proportions["newcombe_hybrid_score"])
    difference, low, high = newcombe_difference(rows["x1"], rows["n1"], rows["x2"], rows["n2"])
    np.testing.assert_allclose(difference, rows["x1"] / rows["n1"] - rows["x2"] / rows["n2"])
    np.testing.assert_allclose(np.column_stack([low, high]), np.array(rows["ci"].tolist()), atol=1e-10)


def test_newcombe_swaps_sign_and_needs_both_groups():
    forth, back = newcombe_difference(9, 10, 3, 10), newcombe_difference(3, 10, 9, 10)
    assert [float(v) for v in forth] == pytest.approx([-float(back[0]), -float(back[2]), -float(back[1])])
    assert np.isnan(newcombe_difference(0, 0, 3, 10)).all()


# --- families of p-values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "name"), [("holm", "holm"), ("bh", "BH")])
def test_adjusted_p_values_equal_r(proportions, method, name):
    # R: p.adjust(p, "holm"), p.adjust(p, "BH"); p-values of Benjamini & Hochberg (1995)
    family = proportions["padjust_BH1995"]
    np.testing.assert_allclose(adjust_p_values(family["p"], method=method), family[name], atol=1e-10)
    backwards = adjust_p_values(family["p"][::-1], method=method)
    np.testing.assert_allclose(backwards[::-1], family[name], atol=1e-10)


def test_p_values_that_are_missing_do_not_count():
    assert adjust_p_values([0.01, np.nan, 0.02]).tolist() == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert adjust_p_values([]).tolist() == []


def test_p_values_are_checked():
    with pytest.raises(DataError, match=r"p-values: found 0\.1 to 1\.2, allowed are 0 to 1"):
        adjust_p_values([0.1, 1.2])
    with pytest.raises(ConfigError, match="method: found 'bonferroni', allowed are 'holm' and 'bh'"):
        adjust_p_values([0.1], method="bonferroni")


# --- small groups ---------------------------------------------------------------------------------------------------


def segments(**sizes):
    return pd.DataFrame({"segment": list(sizes), "n": list(sizes.values()), "share": 0.5})


def test_small_groups_are_dropped_and_counted():
    table = segments(a=9, b=10, c=0, d=2)
    before = table.copy()
    shown, n_suppressed = suppress_small_groups(table, size_col="n", min_group=10)
    assert shown["segment"].tolist() == ["b", "c"]  # nobody in c: nothing to protect
    assert shown.index.tolist() == [0, 1]
    assert n_suppressed == 2
    pd.testing.assert_frame_equal(table, before)


def test_a_single_hidden_segment_takes_the_next_smallest_along():
    # all 104 minus 40 minus 60 would give the 4 away
    shown, n_suppressed = suppress_small_groups(segments(all=104, a=4, b=60, c=40), size_col="n", min_group=10)
    assert shown["segment"].tolist() == ["all", "b"]
    assert n_suppressed == 2


def test_hidden_segments_must_be_many_people_together():
    # 3 + 4 = 7 people would be given away as a pair; with the 30 they are 37
    table = segments(all=107, a=3, b=4, c=30, d=70)
    assert suppress_small_groups(table, size_col="n", min_group=10)[0]["segment"].tolist() == ["all", "d"]
    # 6 + 7 = 13 are enough
    table = segments(all=113, a=6, b=7, c=30, d=70)
    assert suppress_small_groups(table, size_col="n", min_group=10)[0]["segment"].tolist() == ["all", "c", "d"]


def test_nothing_to_subtract_from():
    assert suppress_small_groups(segments(a=4, b=60, c=40), size_col="n", min_group=10)[1] == 1
    assert suppress_small_groups(segments(all=5, a=5, b=0), size_col="n", min_group=10)[1] == 2


def test_complements_are_found_within_the_other_keys():
    table = pd.concat(
        [
            segments(all=104, a=4, b=60, c=40).assign(journey="x"),
            segments(all=300, a=12, b=183, c=105).assign(journey="y"),
        ]
    )
    shown, n_suppressed = suppress_small_groups(table, size_col="n", min_group=10)
    assert shown[["journey", "segment"]].to_numpy().tolist() == [
        ["x", "all"],
        ["x", "b"],
        ["y", "all"],
        ["y", "a"],
        ["y", "b"],
        ["y", "c"],
    ]
    assert n_suppressed == 2


def test_curves_lose_only_points_with_few_at_risk():
    table = pd.DataFrame(
        {"segment": ["all", "all", "a", "a"], "time_days": [0, 5, 0, 5], "n_at_risk": [50, 20, 30, 8], "estimate": 1.0}
    )
    shown, n_suppressed = suppress_small_groups(table, size_col="n_at_risk", min_group=10)
    assert shown["n_at_risk"].tolist() == [50, 20, 30]
    assert n_suppressed == 1


def test_unknown_sizes_are_not_published():
    table = pd.DataFrame({"touchpoint": ["a", "b"], "n_customers": [np.nan, 40]})
    shown, n_suppressed = suppress_small_groups(table, size_col="n_customers", min_group=10)
    assert (shown["touchpoint"].tolist(), n_suppressed) == (["b"], 1)


@pytest.mark.parametrize("min_group", [0, 1])
def test_suppression_can_be_off(min_group):
    table = segments(all=3, a=1, b=2)
    shown, n_suppressed = suppress_small_groups(table, size_col="n", min_group=min_group)
    pd.testing.assert_frame_equal(shown, table)
    assert n_suppressed == 0


def test_the_size_column_must_exist():
    with pytest.raises(ConfigError, match="column not found: n_customers; the table has segment, n, share"):
        suppress_small_groups(segments(a=1), size_col="n_customers", min_group=10)


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=7), min_group=st.integers(2, 20))
def test_hidden_segments_cannot_be_recovered(sizes, min_group):
    table = pd.DataFrame({"segment": ["all", *map(str, range(len(sizes)))], "n": [sum(sizes), *sizes]})
    shown, n_suppressed = suppress_small_groups(table, size_col="n", min_group=min_group)
    kept = shown[shown["segment"] != "all"]["n"]
    assert ((kept == 0) | (kept >= min_group)).all()
    assert len(shown) + n_suppressed == len(table)
    hidden = sum(sizes) - kept.sum()
    if "all" in shown["segment"].tolist() and n_suppressed:
        # what subtraction gives is many people, or everyone there is
        assert hidden >= min_group or not len(kept[kept > 0])
        assert n_suppressed > 1 or not len(kept[kept > 0])


def test_the_result_of_one_group_has_a_plain_index():
    """A named index would be lost in a report, which refuses such a table."""
    rows = pd.DataFrame({"x": [True, False], "c": ["a", "b"], "journey": "buy"})
    table = clustered_share(rows, success_col="x", cluster_col="c", group_cols=["journey"])
    assert table.index.names == [None]
