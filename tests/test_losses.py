"""Where journeys are lost: logs made so that the numbers can be read off."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from tiny import AS_OF, buy

from cj_helpers import mapping
from cj_helpers.contract import JourneyDefinition
from cj_helpers.inference import newcombe_difference
from cj_helpers.journeys import build_journeys, build_steps
from cj_helpers.mapping.clustered import against_others, differences

DAY = timedelta(days=1)
START = datetime(2023, 1, 1)
MONTH = 365.25 / 12
QUOTED = {"visit": ("visit",), "quote": ("quote",), "purchase": ("purchase",)}


def built(rows, definitions, as_of=AS_OF, **columns):
    """Steps, and the journeys, definitions and as_of that go with them; rows are (customer, day, touchpoint)."""
    log = pd.DataFrame(rows, columns=["customer_id", "day", "touchpoint"])
    log["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(log.pop("day"), "D").dt.round("s")
    log = log.assign(row_number=range(len(log)), **columns)
    events = ibis.duckdb.connect().create_table("events", log)
    steps = build_steps(events, definitions=definitions, as_of=as_of).cache()
    journeys = build_journeys(steps, definitions=definitions, as_of=as_of).cache()
    return steps, {"journeys": journeys, "definitions": definitions, "as_of": as_of}


# --- Folded touchpoints


def test_folded_touchpoints_count_each_loss_once():
    """Forty journeys take s, a1 or a2, b1 or b2; every second is lost there. Only s, a1 and z keep their names."""
    definition = JourneyDefinition(
        "k",
        "K",
        start=("s",),
        success=("z",),
        stages={"one": ("s", "a1", "a2"), "two": ("b1", "b2", "z")},
        timeout=14 * DAY,
        within=14 * DAY,
    )
    rows = []
    for i in range(40):
        rows += [(f"c{i}", 0, "s"), (f"c{i}", 1, f"a{1 + i % 2}"), (f"c{i}", 2, f"b{1 + i % 2}")]
        rows += [(f"c{i}", 3, "z")] if i < 20 else []
    steps, options = built(rows, {"k": definition})
    own = {name: options[name] for name in ("journeys", "definitions")}
    folded, told = mapping.fold_touchpoints(steps, **own, most=2)
    assert told["n_folded"].tolist() == [3]
    table = mapping.touchpoints(folded, **options)
    assert table["abandoned_after"].sum() == 20
    other = table[table["touchpoint"].eq("(other)")].set_index("stage")
    names = ["n_steps", "n_journeys", "n_matured", "abandoned_after", "abandoned_share", "self_loop_share"]
    assert other.loc["one", names].tolist() == [20, 20, 20, 0, 0.0, 0.0]
    assert other.loc["two", names].tolist() == [40, 40, 40, 20, 0.5, 0.0]
    assert table["n_steps"].sum() == steps.count().execute()


# --- Old enough to judge


@pytest.mark.parametrize(
    ("changes", "n_old", "days"),
    [({"timeouts": {"quote": 30 * DAY}}, 57, 70), ({}, 73, 86), ({"waiting_on_company": ("visit",)}, 73, 86)],
)
def test_losses_are_judged_when_their_timeout_is_over(changes, n_old, days):
    """One journey a day dies at the quote: all are lost, 30.4 a month, however long it takes until that is known."""
    rows = [(f"c{i}", i + late, step) for i in range(100) for late, step in ((0, "visit"), (0, "quote"))]
    definitions = buy(stages=QUOTED, **changes)
    steps, options = built(rows, definitions, START + 100 * DAY)
    stage = mapping.stages(steps, **options).set_index("stage")
    assert stage["n_matured"].tolist() == [n_old, n_old, 0]
    assert stage["drop_off"].tolist()[:2] == [0.0, 1.0]
    quote = mapping.touchpoints(steps, **options).set_index("touchpoint").loc["quote"]
    assert (quote["n_matured"], quote["abandoned_share"]) == (n_old, 1.0)
    assert quote["abandoned_after"] == days + 1  # that of the last day included
    assert quote["abandoned_per_month"] == pytest.approx((days + 1) / (days / MONTH))


def test_waiting_for_the_company_is_no_loss():
    """Ten wait for the company for months, ten give up: half of them are lost, and no timeout of the wait counts."""
    rows = [(f"c{i}", 0, "visit") for i in range(20)] + [(f"c{i}", 1, "quote") for i in range(10)]
    definitions = buy(stages=QUOTED, waiting_on_company=("quote",), timeouts={"quote": 3_000 * DAY})
    steps, options = built(rows, definitions)
    table = mapping.touchpoints(steps, **options).set_index("touchpoint")
    assert table.loc["visit", ["n_matured", "abandoned_share"]].tolist() == [20, 0.5]
    assert table.loc["quote", ["n_matured", "abandoned_share"]].tolist() == [10, 0.0]


# --- What can lose a journey


def test_steps_after_the_end_of_a_named_journey_earn_neither_blame_nor_credit():
    """k1 was lost by the quote and rated afterwards; k2 and k3 were won before their rating."""
    rows = [("a", day, step) for day, step in enumerate(["visit", "quote", "closed", "rate_us"])]
    rows += [(name, day, step) for name in "bc" for day, step in enumerate(["visit", "purchase", "rate_us"])]
    rows += [("d", 0, "visit")]
    definitions = buy(stages={}, abandon=("closed",))
    steps, options = built(rows, definitions, journey_id=["k1"] * 4 + ["k2"] * 3 + ["k3"] * 3 + ["k4"])
    table = mapping.touchpoints(steps, **options).set_index("touchpoint")
    assert table["abandoned_after"].dropna().to_dict() == {"quote": 1, "visit": 1}
    assert table["n_steps"]["rate_us"] == 3
    effects = mapping.removal_effects(steps, **options, n_bootstrap=20).set_index("touchpoint")["removal_effect"]
    assert effects.to_dict() == {"visit": 1.0, "quote": 0.0}


def test_a_mail_of_the_company_loses_nobody():
    """a and b asked for a quote, got a mail and were silent; c did nothing at all, d was only written to."""
    rows = [(name, day, step) for name in "ab" for day, step in enumerate(["visit", "quote", "mail"])]
    rows += [("c", 0, "visit"), ("d", 0, "mail")]
    actors = ["customer", None, "company"] * 2 + ["customer", "company"]
    steps, options = built(rows, buy(stages={}), actor=actors)
    table = mapping.touchpoints(steps, **options).set_index("touchpoint")
    assert table["abandoned_after"].dropna().to_dict() == {"quote": 2, "visit": 1}
    assert table["n_steps"].to_dict() == {"quote": 2, "visit": 3, "mail": 3}
    assert pd.isna(table["abandoned_share"]["mail"])


# --- Time in a stage


def test_the_time_in_a_stage_is_that_of_those_who_went_on():
    """Thirty search after ten hours; thirty repeat the visit after six minutes and give up."""
    rows = [(f"a{i}", 0, "visit") for i in range(30)] + [(f"a{i}", 10 / 24, "search") for i in range(30)]
    rows += [(f"b{i}", late, "visit") for i in range(30) for late in (0, 0.1 / 24)]
    steps, options = built(rows, buy())
    stage = mapping.stages(steps, **options).set_index("stage")
    assert stage.loc["visit", ["time_median_hours", "time_p90_hours"]].tolist() == [10.0, 10.0]
    assert stage.loc["visit", ["n_matured", "drop_off"]].tolist() == [60, 0.5]
    assert pd.isna(stage["time_median_hours"]["search"])


# --- The ranking


@pytest.mark.parametrize(("value", "first"), [(None, "b0"), (0.01, "a0")])
def test_frictions_rank_by_money_only_where_every_journey_has_a_value(value, first):
    """One customer is lost after a0, worth 1000 each; five hundred after b0, worth nothing known or a cent."""
    facts = {"timeout": 14 * DAY, "within": 14 * DAY}
    definitions = {
        "a": JourneyDefinition("a", "A", success=("az",), touchpoints=("a0",), value=1_000.0, **facts),
        "b": JourneyDefinition("b", "B", success=("bz",), touchpoints=("b0",), value=value, **facts),
    }
    steps, options = built([("x", 0, "a0")] + [(f"c{i}", 0, "b0") for i in range(500)], definitions)
    ranked = mapping.rank_frictions(mapping.touchpoints(steps, **options), definitions=definitions)
    assert ranked["touchpoint"][0] == first
    assert ranked.set_index("touchpoint")["abandoned_after"].to_dict() == {"a0": 1, "b0": 500}


# --- Two touchpoints of one stage


def sums_of(x, m):
    """Sums over customers, one row per repetition."""
    k = (m > 0).sum(axis=1)
    sums = {"x": x, "m": m, "xx": x * x, "xm": x * m, "mm": m * m}
    return pd.DataFrame({name: values.sum(axis=1) for name, values in sums.items()}).assign(k=k)


@pytest.mark.parametrize(("p", "q", "both"), [(0.35, 0.35, True), (0.4, 0.3, False), (0.2, 0.2, False)])
def test_a_difference_within_a_stage_covers_the_truth(p, q, both):
    """A journey is lost after one touchpoint only: where one loses more, the other loses less.

    300 customers, 2000 times. `both`: all see both and are lost after the last; else those lost after the first never
    see the second. Taken as independent, the first case covers 88 %.
    """
    lost = np.random.default_rng(3).random((2_000, 300))
    x, y = (lost < p).astype(int), ((lost >= p) & (lost < p + q)).astype(int)
    m = np.ones_like(x)
    n = m if both else 1 - x
    truth = p - (q if both else q / (1 - p))
    products = {"xx": x * y, "xm": x * n, "mx": m * y, "mm": m * n}
    cross = pd.DataFrame({name: values.sum(axis=1) for name, values in products.items()})
    table = differences(sums_of(x, m), sums_of(y, n), cross=cross)
    assert (table["conf_low"].le(truth) & table["conf_high"].ge(truth)).mean() >= 0.94
    apart = differences(sums_of(x, m), sums_of(y, n), cross=cross * 0)
    covered = (apart["conf_low"].le(truth) & apart["conf_high"].ge(truth)).mean()
    assert not both or covered < 0.92


def test_the_correlation_of_two_shares_by_hand():
    """Forty customers see a and b: twenty are lost after a, ten after b, ten not; ten more see b only and stay."""
    rows = pd.DataFrame(
        [(f"c{i}", name, int(i < 20 if name == "a" else 20 <= i < 30)) for i in range(40) for name in "ab"]
        + [(f"d{i}", "b", 0) for i in range(10)],
        columns=["customer_id", "touchpoint", "x"],
    ).assign(m=1, stage="s")
    base = rows.groupby(["stage", "customer_id"], as_index=False)[["x", "m"]].sum()
    got = against_others(ibis.memtable(rows), ibis.memtable(base), group_cols=["stage", "touchpoint"], by=["stage"])
    row = got.set_index("touchpoint").loc["a"]
    assert (row["share"], row["share_others"], row["n"], row["n_others"]) == (0.5, 0.2, 40, 50)
    # residuals .5 (20), -.5 (20) against -.2 (20 and 10), .8 (10): joint -2 - 4 + 1; squares 10 and 8
    correlation = (20 * 0.5 * -0.2 + 10 * -0.5 * 0.8 + 10 * -0.5 * -0.2) / np.sqrt(10 * 8)
    _gap, low, high = newcombe_difference(20, 40, 10, 50, correlation=correlation)
    assert (row["conf_low"], row["conf_high"]) == (pytest.approx(float(low)), pytest.approx(float(high)))
    _gap, narrow, _high = newcombe_difference(20, 40, 10, 50)
    assert low < narrow


def test_a_touchpoint_beside_its_stage_and_what_the_stage_costs():
    """Of forty who took A ten were lost, of twenty who took B two; A costs 2, B costs 5."""
    definition = JourneyDefinition(
        "k", "K", success=("z",), stages={"mid": ("A", "B"), "end": ("z",)}, timeout=14 * DAY, within=14 * DAY
    )
    rows = [(f"a{i}", 0, "A") for i in range(40)] + [(f"b{i}", 0, "B") for i in range(20)]
    rows += [(f"a{i}", 1, "z") for i in range(30)] + [(f"b{i}", 1, "z") for i in range(18)]
    steps, options = built(rows, {"k": definition}, cost=[2.0] * 40 + [5.0] * 20 + [None] * 48)
    got = mapping.touchpoints(steps, **options).set_index("touchpoint")
    assert got.loc["A", ["abandoned_share", "stage_share"]].tolist() == [0.25, 0.1]
    assert got.loc["B", ["abandoned_share", "stage_share"]].tolist() == [0.1, 0.25]
    low, high = confint_proportions_2indep(10, 40, 2, 20, method="newcomb", compare="diff")
    names = ["difference", "difference_low", "difference_high"]
    assert got.loc["A", names].tolist() == pytest.approx([0.15, low, high])
    assert got.loc["B", names].tolist() == pytest.approx([-0.15, -high, -low])
    low, high = proportion_confint(10, 40, method="wilson")
    assert got.loc["A", ["conf_low", "conf_high"]].tolist() == pytest.approx([low, high])
    assert got["cost_per_step"].dropna().to_dict() == {"A": 2.0, "B": 5.0}
    stage = mapping.stages(steps, **options, touchpoints=got.reset_index()).set_index("stage")
    assert stage.loc["mid", "cost_per_journey"] == (40 * 2 + 20 * 5) / 60
    assert stage.loc["mid", "drop_off"] == 12 / 60
    assert stage["top_pain"].to_dict() == {"mid": "A", "end": None}


# --- Few people


def test_a_mean_rating_says_of_how_many_and_is_withheld_of_too_few():
    """Three rate the visit 1, 2 and 3, one of them twice (3, 3), a fourth rates the quote; the others say nothing."""
    rows = [(f"c{i}", 0, "visit") for i in range(100)] + [("c2", 0.1, "visit"), ("c9", 1, "quote")]
    satisfaction = [1.0, 2.0, 3.0, *[None] * 97, 3.0, 5.0]
    steps, options = built(rows, buy(), satisfaction=satisfaction)
    names = ["satisfaction", "satisfaction_low", "satisfaction_high", "n_satisfaction"]
    # mean 9/4; residuals -5/4, -1/4 and 6 - 2 * 9/4 = 3/2; variance 3/2 * (25/16 + 1/16 + 9/4) / 4^2; t of 2 is 4.3027
    half = 4.302653 * (1.5 * (25 / 16 + 1 / 16 + 9 / 4) / 16) ** 0.5
    for table in (mapping.stages(steps, **options), mapping.touchpoints(steps, **options)):
        got = table.set_index("stage")
        assert got.loc["visit", names].tolist() == pytest.approx([2.25, 2.25 - half, 2.25 + half, 3])
        assert got.loc["quote", ["satisfaction", "n_satisfaction"]].tolist() == [5.0, 1.0]
        assert pd.isna(got["satisfaction_low"]["quote"])
    for table in (mapping.stages(steps, **options, min_group=3), mapping.touchpoints(steps, **options, min_group=3)):
        got = table.set_index("stage")
        assert got["satisfaction"].dropna().to_dict() == {"visit": 2.25}
        assert got.loc["quote", names].isna().all()


def test_one_customer_makes_no_incident():
    """Eight customers a day visit, four of five go on; one alone visits sixty times in a week and never does."""
    rng = np.random.default_rng(0)
    rows = []
    for day in range(200):
        rows += [(f"{day}-{i}", day + 0.3, "visit") for i in range(8)]
        rows += [(f"{day}-{i}", day + 0.305, "quote") for i in range(8) if rng.random() < 0.8]
    alone = [("one", 100 + 0.1 * i, "visit") for i in range(60)]
    definitions = buy(timeout=timedelta(minutes=30), within=timedelta(hours=12))
    facts = {"definitions": definitions, "as_of": AS_OF}
    steps, _options = built(rows + alone, definitions, channel="web")
    assert mapping.incidents(steps, **facts).empty
    many = [(f"x{i}", 100 + 0.1 * i, "visit") for i in range(60)]
    steps, _options = built(rows + many, definitions, channel="web")
    row = mapping.incidents(steps, **facts).iloc[0]
    assert (row["touchpoint"], row["value"]) == ("visit", "web")
    assert row["n_customers"] == row["n"]
    assert row["share"] < 0.7 < row["share_others"]


def test_the_shares_of_a_place_add_up_though_rare_steps_are_hidden():
    """300 visit, then 200 search, 60 take one of twelve rare pages, 40 end: the pages are one, nothing is missing."""
    rows = [(f"c{i}", 0, "visit") for i in range(300)] + [(f"c{i}", 1, "search") for i in range(200)]
    rows += [(f"c{i}", 1, f"page {i % 12}") for i in range(200, 260)]
    definitions = buy(stages={}, touchpoints=("visit", "search", *[f"page {k}" for k in range(12)]))
    steps, options = built(rows, definitions)
    places = mapping.positions(steps, journeys=options["journeys"])
    folded = mapping.fold_rare(places, min_group=10)
    assert folded.groupby("position")["share"].sum().tolist() == pytest.approx([1.0, 1.0])
    second = folded[folded["position"].eq(2)].set_index("touchpoint")
    assert second["n_journeys"].to_dict() == {"search": 200, "(rare)": 60, "(abandoned)": 40}
    assert second["n_customers"].to_dict() == {"search": 200, "(rare)": 60, "(abandoned)": 40}


def test_a_rare_rest_of_too_few_takes_the_next_smallest_along():
    """Three did one thing, twelve another, the rest a third: alone, the three would follow from the others."""
    places = pd.DataFrame({"touchpoint": ["a", "b", "c"], "n_journeys": [85, 12, 3], "n_customers": [85, 12, 3]})
    places = places.assign(journey="k", position=1, share=places["n_journeys"] / 100)
    folded = mapping.fold_rare(places, min_group=10).set_index("touchpoint")
    assert folded["n_journeys"].to_dict() == {"a": 85, "(rare)": 15}
    assert folded["share"].to_dict() == pytest.approx({"a": 0.85, "(rare)": 0.15})
    pd.testing.assert_frame_equal(mapping.fold_rare(places, min_group=1), places)
