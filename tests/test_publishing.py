"""What results of few customers a report keeps to itself: customers decide, however many journeys they had."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import ibis
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis import _
from IPython.utils.capture import capture_output

from cj_helpers import mapping, nps, plots, report, survival
from cj_helpers.contract import JourneyDefinition
from cj_helpers.inference import suppress_small_groups
from cj_helpers.mapping.clustered import against_others
from cj_helpers.report import state
from cj_helpers.survival.risk_sets import customers_at_risk, risk_sets
from cj_helpers.survival.spells import Columns, event_status, read_spells

WHOSE = {"segment_col": "segment", "cluster_col": "customer"}

pytestmark = pytest.mark.usefixtures("ipython_shell")


@pytest.fixture(autouse=True)
def _no_data_set() -> Iterator[None]:
    """Before a data set is open nothing is public."""
    mpl.use("Agg")
    state.reset()
    yield
    state.reset()


def one_customer_beside(*sizes: int) -> pd.DataFrame:
    """Segments of so many customers with one journey each, and "lone": one customer with 56."""
    rng = np.random.default_rng(7)
    parts, begun = [], 0
    for name, n in zip("abcdefghij", sizes, strict=False):
        parts.append(pd.DataFrame({"segment": name, "customer": np.arange(begun, begun + n)}))
        begun += n
    parts.append(pd.DataFrame({"segment": "lone", "customer": 10_000}, index=range(56)))
    table = pd.concat(parts, ignore_index=True)
    days = rng.exponential(5, len(table)).round(1) + 0.1
    return table.assign(duration_days=days, outcome=rng.choice(["completed", "abandoned"], len(table)), event=1)


def segments_of(table: pd.DataFrame) -> set[str]:
    return {str(name) for column in ("segment", "reference") if column in table for name in table[column]}


def test_a_curve_of_one_customer_with_many_journeys_is_not_published():
    table = one_customer_beside(80, 60, 70)
    for curve in (
        survival.survival_curve(table, **WHOSE),
        survival.cumulative_incidence(table, **WHOSE),
        survival.hazard_over_time(table, until_days=5, **WHOSE),
    ):
        kept = report.publishable(curve)
        # all minus the others would give the lone one away: the smallest goes, too
        assert segments_of(kept) == {"all", "a", "c"}
        assert (kept["n_customers_at_risk"] >= 10).all()
    daily = survival.daily(report.publishable(survival.survival_curve(table, **WHOSE)))
    assert "n_customers_at_risk" in daily
    bare = survival.daily(survival.survival_curve(table, **WHOSE))
    assert segments_of(report.publishable(bare)) == {"all", "a", "c"}


def test_a_picture_of_small_groups_is_left_out():
    waits = pd.DataFrame({"journey": "j", "label": "J", "touchpoint": ["", "signed_by_guardian"]})
    waits = waits.assign(n_waits=[5000, 12], n_customers=[900, 1], median_days=[0.1, 2.5], p99_days=[5.0, 9.0])
    waits = waits.assign(timeout_days=[7.0, 30.0], later_share=[0.01, 0.0], suggested_days=[5, 9])
    with capture_output() as captured:
        report.figure("waits", plots.plot_suggested_timeouts(waits), "Silence before a return.")
        report.figure("kept", plots.plot_suggested_timeouts(report.publishable(waits)), "Silence before a return.")
    left_out, kept = (output.data for output in captured.outputs)
    assert "image/png" not in left_out
    assert left_out["text/plain"].endswith("the picture would show groups of fewer than 10 customers")
    assert "image/png" in kept
    assert not plt.get_fignums()


def test_with_two_segments_only_the_whole_is_left():
    kept = report.publishable(survival.survival_curve(one_customer_beside(80), **WHOSE))
    assert segments_of(kept) == {"all"}


def test_a_pair_with_one_customer_is_not_published():
    table = one_customer_beside(80, 60)
    for pairs in (
        survival.compare_segments(table, **WHOSE),
        survival.restricted_mean_differences(table, horizon_days=4, **WHOSE),
    ):
        assert pairs["n"].min() == 56 + 60
        sides = pairs.set_index(["segment", "reference"])["n_customers_smaller"]
        assert {frozenset(pair): n for pair, n in sides.items()} == {
            frozenset("ab"): 60,
            frozenset(["a", "lone"]): 1,
            frozenset(["b", "lone"]): 1,
        }
        assert segments_of(report.publishable(pairs)) == {"a", "b"}


def test_of_many_segments_the_lone_one_is_not_compared_with_the_others():
    table = one_customer_beside(*[12] * 9)
    pairs = survival.compare_segments(table, **WHOSE).set_index("segment")
    assert set(pairs["reference"]) == {"(others)"}
    assert (pairs.loc["a", "n_customers_smaller"], pairs.loc["lone", "n_customers_smaller"]) == (12, 1)
    assert "lone" not in report.publishable(pairs.reset_index())["segment"].tolist()


def test_customers_at_risk_count_once():
    # customer 1 runs 0-2 and 0-6 and again; customer 2 runs 0-3
    table = pd.DataFrame({"duration_days": [2.0, 6.0, 6.0, 3.0], "event": 1, "customer": [1, 1, 1, 2]})
    curve = survival.survival_curve(table, cluster_col="customer")
    assert curve[["time_days", "n_at_risk", "n_customers_at_risk"]].to_numpy().tolist() == [
        [0, 4, 2],
        [2, 4, 2],
        [3, 3, 2],
        [6, 2, 1],
    ]
    rows = survival.survival_curve(table)
    assert rows["n_customers_at_risk"].tolist() == rows["n_at_risk"].tolist()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=14
    )
)
def test_customers_at_risk_against_counting(rows):
    frame = pd.DataFrame(rows, columns=["entry", "length", "customer", "n"]).assign(event=1)
    frame["duration_days"] = frame["entry"] + frame["length"]
    columns = Columns("duration_days", cluster="customer", entry="entry", weight="n")
    spells = read_spells(frame, columns, event_status(frame, "event"))
    risk = risk_sets(spells)
    seen = frame[(frame["n"] > 0) & ((frame["length"] > 0) | (frame["duration_days"] == 0))]
    expected = [
        seen.loc[
            (seen["duration_days"] >= t) & ((seen["entry"] < t) | ((seen["entry"] == 0) & (t == 0))), "customer"
        ].nunique()
        for t in risk.time
    ]
    assert customers_at_risk(spells, risk).tolist() == expected


def test_a_hidden_curve_takes_the_next_smallest_along():
    times = {"time_days": [0, 5] * 4}
    sizes = {"all": [90, 60], "a": [50, 40], "b": [32, 20], "c": [8, 0]}
    rows = [(name, n) for name, both in sizes.items() for n in both]
    table = pd.DataFrame(rows, columns=["segment", "n_at_risk"]).assign(**times)
    shown, _n = suppress_small_groups(table, size_col="n_at_risk", min_group=10)
    assert shown["segment"].unique().tolist() == ["all", "a"]  # that nobody of c is left on day 5 shows nothing
    table.loc[table["segment"].eq("c"), "n_at_risk"] = [8, 2]
    shown, n = suppress_small_groups(table, size_col="n_at_risk", min_group=10)
    assert (shown["segment"].unique().tolist(), n) == (["all", "a"], 4)


DEFINITIONS = {"j": JourneyDefinition("j", "J", within=timedelta(days=10))}


def ends_of(segment: str, customers: list[int], completed: int) -> pd.DataFrame:
    """Journeys of these customers, the first so many completed on the first day, the others given up on the second."""
    outcome = np.where(np.arange(len(customers)) < completed, "completed", "abandoned")
    table = pd.DataFrame({"journey": "j", "segment": segment, "customer": customers, "outcome": outcome})
    return table.assign(duration_days=np.where(table["outcome"].eq("completed"), 1.0, 2.0))


def test_the_rate_of_a_lone_customer_is_not_one_side_of_a_pair():
    frame = pd.concat([ends_of("big", list(range(200)), 140), ends_of("lone", [999] * 40, 33)], ignore_index=True)
    pairs = mapping.segment_differences(frame, definitions=DEFINITIONS)
    assert pairs[["n", "n_customers", "n_customers_smaller"]].to_numpy().tolist() == [[240, 201, 1]]
    assert report.publishable(pairs).empty


def test_a_group_beside_one_other_customer_is_not_published():
    trials = pd.DataFrame({"group": ["a"] * 40 + ["b"] * 30, "customer_id": [*range(40), *[99] * 30]})
    rows = ibis.memtable(trials).group_by("group", "customer_id").aggregate(x=_.count() - 1, m=_.count())
    base = rows.group_by("customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    table = against_others(rows, base, group_cols=["group"]).sort_values("group")
    assert table["n_customers"].tolist() == [40, 1]
    assert table["n_customers_smaller"].tolist() == [1, 1]
    assert report.publishable(table).empty


def test_answers_of_few_customers_are_not_published():
    rng = np.random.default_rng(1)
    answers = pd.DataFrame({"customer": np.arange(300), "ease": rng.integers(1, 6, 300), "group": "big"})
    few = answers.head(15).assign(group="few", customer=[9001, 9002, 9003] * 5)
    answers = pd.concat([answers, few], ignore_index=True)
    answers["nps"] = np.clip((answers["ease"] * 2 + rng.normal(0, 1.5, len(answers))).round(), 0, 10)
    drivers = nps.driver_segments(answers, drivers={"E": ["ease"]}, segment_col="group", cluster_col="customer")
    drivers = drivers.set_index("segment")
    assert drivers.loc["few", ["n", "n_customers", "n_customers_smaller"]].tolist() == [15, 3, 3]
    assert drivers.loc["big", "n_customers_smaller"] == 3
    scores = nps.nps_differences(answers, segment_col="group", cluster_col="customer").set_index("segment")
    assert scores["n_customers_smaller"].tolist() == [3, 3]
    asked = answers.assign(answered=answers["nps"].gt(5))
    shares = nps.response_rates(asked, attributes=["group"], cluster_col="customer").set_index("segment")
    assert shares.loc[["big", "few"], "n_customers_smaller"].tolist() == [3, 3]
    for table in (drivers, scores, shares):
        assert report.publishable(table.reset_index())["segment"].tolist() == (["all"] if table is shares else [])
