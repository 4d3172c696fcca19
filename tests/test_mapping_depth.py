"""Journey mapping in depth: silence, self-service, hand-offs, signals, score, contribution, comparison, bad logs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

import ibis
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from tiny import AS_OF, buy, tiny_log

from cj_helpers import mapping
from cj_helpers.contract import DataError, JourneyDefinition
from cj_helpers.dataset import ScoreFormula
from cj_helpers.dataset.quality import likely_robots, without_robots
from cj_helpers.inference import wilson_interval
from cj_helpers.journeys import build_journeys, build_steps, journey_frame
from cj_helpers.mapping.contribution import effects_of
from cj_helpers.mapping.signals import auc, fit_logistic

DAY = timedelta(days=1)
START = datetime(2023, 1, 1)


def built(log, definitions, as_of=AS_OF):
    """Events, steps and journeys of a log."""
    events = ibis.duckdb.connect().create_table("events", log)
    steps = build_steps(events, definitions=definitions, as_of=as_of).cache()
    return events, steps, build_journeys(steps, definitions=definitions, as_of=as_of).cache()


def log(rows, **columns):
    """Build a log from (customer, day, touchpoint[, channel[, mode]])."""
    names = ["customer_id", "day", "touchpoint", "channel", "mode"][: len(rows[0])]
    frame = pd.DataFrame(rows, columns=names)
    frame["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), "D").dt.round("s")
    return frame.assign(row_number=range(len(frame)), **columns)


@pytest.fixture(scope="module")
def tiny():
    return built(tiny_log(), buy())


@pytest.fixture(scope="module")
def published(oracles):
    return json.loads((oracles / "journey_mapping.json").read_text())


# --- The rest of journey_mapping.json


def test_starts_ends_and_mean_waits_agree_with_the_published_ones(tiny, published):
    _events, steps, journeys = tiny
    table = mapping.touchpoints(steps, journeys=journeys, definitions=buy(), as_of=AS_OF).set_index("touchpoint")
    assert table.loc[table["n_starts"] > 0, "n_starts"].to_dict() == published["start_steps"]
    assert table.loc[table["n_ends"] > 0, "n_ends"].to_dict() == published["end_steps"]
    moves = steps.execute().dropna(subset=["next_touchpoint"])
    means = moves.groupby(["touchpoint", "next_touchpoint"])["wait"].mean()
    assert means.to_dict() == pytest.approx({(r["step"], r["next"]): r["mean_h"] for r in published["dfg"]})


def test_probabilities_of_the_published_kind_come_from_the_inner_rows(tiny, published):
    table = mapping.transitions(tiny[1], journeys=tiny[2])
    inner = table[~table["target"].str.startswith("(")]
    share = inner["n_transitions"] / inner.groupby("source")["n_transitions"].transform("sum")
    got = dict(zip(inner["source"] + ">" + inner["target"], share, strict=True))
    assert got == pytest.approx(published["transition_prob_among_observed_next"])


def test_loops_and_channels_agree_with_the_published_totals(tiny, published):
    got = mapping.traits(tiny[1], journeys=tiny[2]).set_index("trait")
    count = (got["share"] * got["n"]).round().astype(int)
    journeys = tiny[2].execute()
    assert int((journeys["n_repeats"] > 0).sum()) == published["totals"]["rework_journeys"]
    assert count["repeated_at_once"] == published["totals"]["self_loop_journeys"]
    assert count["several_channels"] == published["totals"]["multi_channel_journeys"]
    assert count["came_back"] == 2  # c03 and c11; the repeat of c02 comes at once
    assert (got.loc["tied_steps", "n"], count["tied_steps"]) == (28, 2)  # two of c05


def test_the_deepest_stage_agrees_with_the_published_counts(tiny, published):
    rank = {name: index for index, name in enumerate(("visit", "search", "quote", "purchase"))}
    deepest = tiny[2].execute()["furthest_stage"].map(rank)
    assert [int((deepest >= k).sum()) for k in range(4)] == published["funnel"]["deepest_stage_at_least"]


def test_published_wilson_intervals_of_the_ordered_funnel(tiny, published):
    """The oracle takes its 13 journeys as independent; two customers have two, so ours may only be near."""
    table = mapping.funnel(tiny[1], journeys=tiny[2], definitions=buy(), as_of=AS_OF, kinds=["ordered"])
    for row, expected in zip(
        table.iloc[1:].itertuples(), published["funnel"]["closed_ordered_step_conversion_wilson"], strict=True
    ):
        assert (row.n_reached, row.n_previous) == (expected["x"], expected["n"])
        assert (row.conf_low, row.conf_high) == pytest.approx(tuple(expected["ci"]), abs=0.05)


def test_an_unknown_kind_of_funnel_is_refused(tiny):
    with pytest.raises(ValueError, match="allowed are ordered, consecutive"):
        mapping.funnel(tiny[1], journeys=tiny[2], definitions=buy(), as_of=AS_OF, kinds=["strict"])


# --- Transitions with intervals, paths, flows


def test_the_interval_of_a_transition_is_that_of_its_customers(tiny):
    """Nine quotes of eight customers, five followed by a purchase; c02 has two quotes, one of them followed so."""
    plain = mapping.transitions(tiny[1], journeys=tiny[2])
    table = mapping.transitions(tiny[1], journeys=tiny[2], intervals=True)
    pd.testing.assert_frame_equal(table[plain.columns], plain)
    row = table.set_index(["source", "target"]).loc[("quote", "purchase")]
    assert row["probability"] == pytest.approx(5 / 9)
    # residuals 4/9 (four customers), -1/9 (c02), -5/9 (three): n_eff = 20/81 / (8/7 * 140/81 / 81) = 10.125
    low, high = proportion_confint(5 / 9 * 10.125, 10.125, method="wilson")
    assert (row["conf_low"], row["conf_high"]) == (pytest.approx(low), pytest.approx(high))
    # nobody repeats there, so the interval is the plain one: none of the seven purchases leads on
    low, _high = proportion_confint(7, 7, method="wilson")
    row = table.set_index(["source", "target"]).loc[("purchase", "(completed)")]
    assert (row["conf_low"], row["conf_high"]) == (pytest.approx(low), 1.0)


def test_flows_and_positions_by_eye(tiny):
    moves = mapping.flows(tiny[1], journeys=tiny[2])
    first = moves[moves["position"].eq(1)].set_index(["source", "target"])["n_journeys"].to_dict()
    assert first == {
        ("visit", "search"): 8,
        ("visit", "quote"): 1,
        ("visit", "(abandoned)"): 1,
        ("visit", "(open)"): 1,
        ("search", "visit"): 1,
        ("quote", "purchase"): 1,
    }
    places = mapping.positions(tiny[1], journeys=tiny[2])
    assert places.groupby("position")["share"].sum().round(12).eq(1).all()
    second = places[places["position"].eq(2)].set_index("touchpoint")["n_journeys"]
    assert second.to_dict() == {"search": 8, "(abandoned)": 1, "(open)": 1, "visit": 1, "quote": 1, "purchase": 1}


def test_the_typical_the_best_and_the_worst_path_by_eye():
    """Most go a>b>z in five days; a>z takes one; a is given up by forty; five are too few to be best."""
    names = ["path", "n_journeys", "n_customers", "completed_share", "median_days"]
    rows = [("a>b>z", 100, 90, 1.0, 5.0), ("a>z", 50, 50, 1.0, 1.0), ("a", 40, 40, 0.0, 7.0), ("q>z", 5, 5, 1.0, 0.1)]
    table = pd.DataFrame(rows, columns=names).assign(journey="k", share=0.2, conf_low=0.0, conf_high=1.0)
    found = mapping.notable_paths(table)
    assert dict(zip(found["kind"], found["path"], strict=True)) == {"typical": "a>b>z", "best": "a>z", "worst": "a"}
    few = mapping.notable_paths(table.head(1))
    assert few["kind"].tolist() == ["typical", "best"]  # nobody is lost, so there is no worst path
    assert mapping.with_kinds(table.head(1), few)["kind"].tolist() == ["typical, best"]
    assert mapping.notable_paths(table.iloc[:0]).empty


# --- Silence


def test_the_return_curve_by_eye():
    """Ten customers visit; five return after 2 days, two after 20, three never. Later silences are their last."""
    rows = [(f"c{i}", 0, "visit") for i in range(10)]
    rows += [(f"c{i}", 2, "purchase") for i in range(5)] + [(f"c{i}", 20, "purchase") for i in (5, 6)]
    events, _steps, journeys = built(log(rows), buy())
    curve = mapping.return_curve(events, definitions=buy(), as_of=AS_OF, silent_days=(0, 5, 25)).set_index(
        "silent_days"
    )
    assert curve["n"].tolist() == [10, 5, 3]
    assert curve["share"].tolist() == [0.7, 0.4, 0.0]
    gaps = mapping.gaps(events, definitions=buy(), as_of=AS_OF, up_to=(1, 2, 20)).set_index("up_to_days")
    assert gaps["share"].tolist() == [0.0, 5 / 7, 1.0]
    back = mapping.come_backs(journeys, as_of=AS_OF).iloc[0]
    assert (back["n"], back["share"]) == (5, 0.4)  # given up after 14 days; two of five came back on day 20


def test_a_longer_timeout_turns_two_journeys_into_one():
    rows = [("a", 0, "visit"), ("a", 20, "purchase"), ("b", 0, "visit"), ("b", 1, "purchase")]
    events, _steps, journeys = built(log(rows), buy(within=30 * DAY))
    got = mapping.rule_sensitivity(events, journeys=journeys, definitions=buy(within=30 * DAY), as_of=AS_OF)
    got = got.set_index("rule")
    assert got["n_journeys"].to_dict() == {
        "as_defined": 3,
        "half_timeout": 3,
        "double_timeout": 2,
        "without_cut_off": 3,
    }
    assert got.loc["double_timeout", "completed_within"] == 1.0
    assert got["timeout_days"].to_dict()["half_timeout"] == 7


def test_promises_by_eye():
    """Waits of 1, 2 and 30 days against a promise of 10; the wait of d is too young to judge."""
    definitions = buy(waiting_on_company=("search",), promise=10 * DAY)
    rows = [(c, 0, "search") for c in "abc"] + [("a", 1, "purchase"), ("b", 2, "purchase"), ("c", 30, "purchase")]
    young = (AS_OF - START).days - 3
    _events, steps, journeys = built(log([*rows, ("d", young, "search")]), definitions)
    row = mapping.promises(steps, journeys=journeys, definitions=definitions, as_of=AS_OF).iloc[0]
    assert (row["n"], row["share"]) == (3, pytest.approx(2 / 3))
    assert row["wait_median_days"] == 2
    assert row["completed_share"] == 1.0


def test_a_journey_that_waits_three_times_is_one_journey():
    """a is booked three times and waits, overdue, at the last; b waits once and is served: one of two is completed."""
    definitions = buy(stages={}, waiting_on_company=("ordered", "booked"), promise=10 * DAY)
    rows = [("a", 0, "ordered"), ("a", 1, "booked"), ("a", 2, "booked"), ("a", 3, "booked")]
    rows += [("b", 0, "ordered"), ("b", 1, "booked"), ("b", 2, "purchase")]
    _events, steps, journeys = built(log(rows), definitions)
    table = mapping.promises(steps, journeys=journeys, definitions=definitions, as_of=AS_OF).set_index("touchpoint")
    assert table["n"].to_dict() == {"booked": 4, "ordered": 2}
    assert table["n_ended"].to_dict() == {"booked": 3, "ordered": 2}
    assert table["n_journeys"].to_dict() == {"booked": 2, "ordered": 2}
    assert table["completed_share"].tolist() == [0.5, 0.5]
    assert table["n_overdue"].to_dict() == {"booked": 1, "ordered": 0}
    low, high = map(float, wilson_interval(1, 2))
    assert table["completed_low"].tolist() == pytest.approx([low, low])
    assert table["completed_high"].tolist() == pytest.approx([high, high])


# --- Self-service


def test_containment_by_eye():
    """a is solved; b too, but calls two days later; c is passed on to a person; d gives up."""
    rows = [(c, 0, "visit", "chat", "self_service") for c in "abcd"]
    rows += [(c, 1, "purchase", "chat", "self_service") for c in "ab"]
    rows += [("b", 3, "complaint", "phone", "assisted"), ("c", 1, "quote", "phone", "assisted")]
    rows += [("c", 2, "purchase", "phone", "assisted")]
    events, steps, journeys = built(log(rows), buy())
    options = {"journeys": journeys, "events": events, "definitions": buy(), "as_of": AS_OF}
    table = mapping.containment(steps, **options)
    got = table[table["channel"].eq("chat")].set_index("measure")
    assert got["n"].to_dict() == {"solved": 4, "escalated": 4, "contained": 4, "repeat_contact": 2}
    shares = {"solved": 0.5, "escalated": 0.25, "contained": 0.25, "repeat_contact": 0.5}
    assert got["share"].to_dict() == shares
    late = mapping.containment(steps, **options, days=1).set_index(["channel", "measure"])
    assert late.loc[("chat", "contained"), "share"] == 0.5
    assert mapping.containment_gaps(table, least_customers=1)["channel"].tolist() == ["chat"]


def test_containment_judges_only_whom_it_could_follow():
    """a is solved a day, b eight days before the log ends; c was not solved: of two judged one is contained."""
    rows = [(c, 0, "visit", "chat", "self_service") for c in "abc"]
    rows += [("a", 39, "purchase", "chat", "self_service"), ("b", 32, "purchase", "chat", "self_service")]
    definitions = buy(timeout=60 * DAY)
    as_of = START + 40 * DAY
    events, steps, journeys = built(log(rows), definitions, as_of)
    options = {"journeys": journeys, "events": events, "definitions": definitions, "as_of": as_of}
    got = mapping.containment(steps, **options).query("channel == 'chat'").set_index("measure")
    assert got["n"].to_dict() == {"solved": 3, "escalated": 3, "contained": 2, "repeat_contact": 1}
    assert got["share"].to_dict() == {"solved": 2 / 3, "escalated": 0, "contained": 0.5, "repeat_contact": 0}


def test_a_call_outside_the_definition_is_a_call():
    """b calls during the journey at a touchpoint that is none of its own: not solved by self-service."""
    rows = [(c, 0, "visit", "chat", "self_service") for c in "ab"] + [("b", 0.5, "support", "phone", "assisted")]
    rows += [(c, 1, "purchase", "chat", "self_service") for c in "ab"]
    events, steps, journeys = built(log(rows), buy())
    options = {"journeys": journeys, "events": events, "definitions": buy(), "as_of": AS_OF}
    got = mapping.containment(steps, **options).query("channel == 'chat'").set_index("measure")
    assert got["share"].to_dict() == {"solved": 0.5, "escalated": 0.5, "contained": 0.5, "repeat_contact": 0}


def test_containment_needs_the_mode(tiny):
    with pytest.raises(DataError, match="needs the column mode"):
        mapping.containment(tiny[1], journeys=tiny[2], events=tiny[0], definitions=buy(), as_of=AS_OF)


# --- Hand-offs and signals at a landmark


def worlds(seed=3, n=3_000):
    """Journeys of which half call on day 0.5; who calls succeeds with chance .4, the others with .8, on day 5."""
    rng = np.random.default_rng(seed)
    calls, lucky = rng.random(n) < 0.5, rng.random(n)
    wins = lucky < np.where(calls, 0.4, 0.8)
    rows = [(f"c{i}", 0.0, "visit", "web") for i in range(n)]
    rows += [(f"c{i}", 0.5, "quote", "phone") for i in np.flatnonzero(calls)]
    rows += [(f"c{i}", 0.5, "search", "web") for i in np.flatnonzero(~calls)]
    rows += [(f"c{i}", 5.0, "purchase", "web") for i in np.flatnonzero(wins)]
    return built(log(rows), buy())


@pytest.fixture(scope="module")
def callers():
    return worlds()


def test_hand_offs_are_judged_at_the_landmark(callers):
    _events, steps, journeys = callers
    options = {"journeys": journeys, "definitions": buy(), "as_of": AS_OF}
    table = mapping.handoff_success(steps, **options, days=(1,)).set_index(["from_channel", "to_channel"])
    row = table.loc[("web", "phone")]
    assert row["n"] + row["n_others"] == 3_000
    assert row["share"] == pytest.approx(0.4, abs=0.05)
    assert row["share_others"] == pytest.approx(0.8, abs=0.05)
    assert row["conf_low"] < -0.4 < row["conf_high"]
    assert row["p_adjusted"] < 1e-6
    # phone to web happens with the success itself, after the landmark: it does not count
    assert ("phone", "web") not in table.index


def test_hand_off_table_by_eye(callers):
    _events, steps, journeys = callers
    table = mapping.handoffs(steps, journeys=journeys).set_index(["from_channel", "to_channel"])
    row = table.loc[("web", "phone")]
    assert row["wait_median_hours"] == 12.0
    assert row["journeys_share"] == row["n_journeys"] / 3_000
    assert row["reentry_share"] == 0.0
    with pytest.raises(DataError, match="need the column device"):
        mapping.handoffs(steps, dimension="device")


def test_signals_find_the_call_and_nothing_from_after_the_landmark(callers):
    _events, steps, journeys = callers
    options = {"journeys": journeys, "definitions": buy(), "as_of": AS_OF}
    table = mapping.signals(steps, **options, days=(1,)).set_index("signal")
    assert "touchpoint: purchase" not in table.index
    assert table.loc["channel: phone", "difference"] == pytest.approx(-0.4, abs=0.05)
    model = mapping.signal_model(steps, journeys=journeys, definition=buy()["buy"], as_of=AS_OF, days=1).iloc[0]
    # two groups of equal size with .4 and .8: AUC = .5 + (.8 - .4) / (4 * .6 * .4) * .5
    assert model["conf_low"] < 0.5 + 0.4 / (4 * 0.6 * 0.4) * 0.5 < model["conf_high"]


def test_auc_against_all_pairs():
    rng = np.random.default_rng(0)
    score, y = rng.integers(0, 5, 60).astype(float), (rng.random(60) < 0.5).astype(float)
    pairs = np.subtract.outer(score[y == 1], score[y == 0])
    assert auc(score, y) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_the_logistic_fit_of_one_sign_is_the_log_odds():
    x = np.repeat([[0.0], [1.0]], 100, axis=0)
    y = np.concatenate([np.repeat([1.0, 0.0], [20, 80]), np.repeat([1.0, 0.0], [60, 40])])
    intercept, slope = fit_logistic(x, y, ridge=0.0)
    assert intercept == pytest.approx(np.log(0.2 / 0.8))
    assert slope == pytest.approx(np.log(0.6 / 0.4) - np.log(0.2 / 0.8))


def test_too_few_journeys_give_no_model(tiny):
    with pytest.raises(DataError, match="need 50 successes and 50 failures"):
        mapping.signal_model(tiny[1], journeys=tiny[2], definition=buy()["buy"], as_of=AS_OF, days=1)


# --- Contribution


@pytest.mark.parametrize("case", ["puzyrov_4_paths", "bryl_3_paths", "omni_6_paths"])
def test_removal_effects_agree_with_the_published_ones(oracles, case):
    found = json.loads((oracles / "attribution.json").read_text())[case]
    names = sorted({step for path, _won, _lost in found["paths"] for step in path})
    place = {name: k + 1 for k, name in enumerate(names)}
    counts = np.zeros((len(names) + 3, len(names) + 3))
    for path, won, lost in found["paths"]:
        states = [0, *[place[step] for step in path]]
        for one, two in pairwise(states):
            counts[one, two] += won + lost
        counts[states[-1], -2] += won
        counts[states[-1], -1] += lost
    effects = effects_of(counts)
    expected = found["markov"]
    assert dict(zip(names, effects, strict=True)) == pytest.approx(expected["removal_effect"])
    weight = effects / effects.sum()
    assert dict(zip(names, weight, strict=True)) == pytest.approx(expected["weight"])
    assert dict(zip(names, effects, strict=True)) == pytest.approx(expected["monte_carlo_removal"], abs=0.01)
    total = sum(won for _path, won, _lost in found["paths"])
    n = total + sum(lost for _path, _won, lost in found["paths"])
    assert total / n == pytest.approx(expected["p_conversion"])
    assert dict(zip(names, weight * total, strict=True)) == pytest.approx(expected["attributed_conversions"])


def test_removal_effects_of_a_log_agree_with_the_published_ones(oracles):
    """The paths of the first case as journeys: every one a customer, its steps a day apart."""
    found = json.loads((oracles / "attribution.json").read_text())["puzyrov_4_paths"]
    rows, n = [], 0
    for path, won, lost in found["paths"]:
        for outcome in [True] * won + [False] * lost:
            n += 1
            rows += [(f"c{n}", day, step) for day, step in enumerate(path)]
            rows += [(f"c{n}", len(path), "bought")] if outcome else []
    definitions = {"k": JourneyDefinition("k", "K", success=("bought",), timeout=14 * DAY)}
    _events, steps, journeys = built(log(rows), definitions)
    table = mapping.removal_effects(steps, journeys=journeys, definitions=definitions, as_of=AS_OF, n_bootstrap=50)
    table = table.set_index("touchpoint")
    assert table["removal_effect"].to_dict() == pytest.approx(found["markov"]["removal_effect"])
    assert table["attributed"].to_dict() == pytest.approx(found["markov"]["attributed_conversions"])
    assert table["conf_low"].le(table["removal_effect"]).all()


# --- Score


FORMULA = ScoreFormula(
    weights={"completed_within": 3, "cost": 1},
    target={"completed_within": 1.0, "cost": 0},
    worst={"completed_within": 0.0, "cost": 10},
)


def scored(formula=FORMULA, costs=(2.0, 6.0), n=400, won=(300, 100), **options):
    """Two definitions of one log; a completes 3 of 4, b 1 of 4."""
    rows = [(f"c{i}", 0, "a0") for i in range(n)] + [(f"c{i}", 0, "b0") for i in range(n)]
    rows += [(f"c{i}", 1, "a1") for i in range(won[0])] + [(f"c{i}", 1, "b1") for i in range(won[1])]
    frame = log(rows)
    frame["cost"] = frame["touchpoint"].map({"a0": costs[0], "b0": costs[1]})
    definitions = {
        key: JourneyDefinition(
            key, key.upper(), success=(f"{key}1",), touchpoints=(f"{key}0",), timeout=14 * DAY, within=30 * DAY
        )
        for key in "ab"
    }
    _events, steps, journeys = built(frame, definitions)
    summary = mapping.journey_summary(journey_frame(journeys), definitions=definitions, as_of=AS_OF)
    return mapping.journey_scores(
        steps, journeys=journeys, summary=summary, definitions=definitions, as_of=AS_OF, formula=formula, **options
    )


def test_the_score_by_hand():
    """a: 100 * (.75 * .75 + .25 * .8) = 76.25; b: 100 * (.75 * .25 + .25 * .4) = 28.75."""
    scores, components = scored()
    got = scores.set_index("journey")
    assert got["score"].to_dict() == pytest.approx({"a": 76.25, "b": 28.75})
    assert got["rank"].to_dict() == {"b": 1, "a": 2}
    assert (got["score_low"] < got["score"]).all()
    assert (got["score_high"] > got["score"]).all()
    assert components.groupby("journey")["points"].sum().to_dict() == pytest.approx({"a": 76.25, "b": 28.75})
    # one standard error of 300 in 400, times the .75 points per hundred
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400) * 75
    assert got.loc["a", "score_high"] - got.loc["a", "score"] == pytest.approx(half, rel=0.25)


def test_six_of_six_are_not_certain():
    """Wilson's limits of 6 of 6 and 0 of 6 are .6097 to 1 and 0 to .3903; a sample of the six never varies."""
    formula = ScoreFormula(
        weights={"completed_within": 1}, target={"completed_within": 1.0}, worst={"completed_within": 0.0}
    )
    got = scored(formula, n=6, won=(6, 0))[0].set_index("journey")[["score", "score_low", "score_high"]]
    assert got.loc["a"].tolist() == pytest.approx([100, 60.97, 100], abs=0.01)
    assert got.loc["b"].tolist() == pytest.approx([0, 0, 39.03], abs=0.01)
    # three quarters of the points are as unsure as that, the costs are the same for all
    got = scored(costs=(2.0, 2.0), n=6, won=(6, 0))[0].set_index("journey")
    assert got.loc["a", ["score", "score_low"]].tolist() == pytest.approx([95, 95 - 0.75 * 39.03], abs=0.01)


def test_satisfaction_and_ease_in_the_score_by_hand():
    """Six of ten are satisfied, four of five found it easy, within 30 days after the end: 100 * (.6 + .8) / 2 = 70."""
    rows = [(f"c{i}", 0, "visit") for i in range(10)] + [(f"c{i}", 1, "purchase") for i in range(10)]
    _events, steps, journeys = built(log(rows), buy())
    answers = [(f"c{i}", 2.0, 5 if i < 6 else 3, 1 if i < 4 else 5 if i == 4 else None) for i in range(10)]
    answers += [("c9", 0.5, 5, 1), ("c9", 40.0, 5, 1)]  # before the end, and too late
    table = pd.DataFrame(answers, columns=["customer_id", "day", "csat", "ces"])
    table["answered_at"] = pd.Timestamp(START) + pd.to_timedelta(table.pop("day"), "D")
    asked = mapping.Answers(ibis.memtable(table.assign(row_number=range(12))), csat_top=[4, 5], ces_easy=[1, 2])
    weights = {"csat_top": 1, "ease_top": 1}
    formula = ScoreFormula(weights=weights, target=dict.fromkeys(weights, 1.0), worst=dict.fromkeys(weights, 0.0))
    options = {"journeys": journeys, "definitions": buy(), "as_of": AS_OF, "formula": formula, "answers": asked}
    summary = mapping.journey_summary(journey_frame(journeys), definitions=buy(), as_of=AS_OF)
    scores, components = mapping.journey_scores(steps, **options, summary=summary)
    got = components.set_index("component")
    assert got["value"].to_dict() == pytest.approx({"csat_top": 0.6, "ease_top": 0.8})
    assert got["n"].to_dict() == {"csat_top": 10, "ease_top": 5}
    assert scores["score"].tolist() == pytest.approx([70.0])


def test_the_overview_joins_rate_change_ease_and_score():
    """b has the lower rate and comes first; a has neither a change nor a score."""
    summary = pd.DataFrame({"journey": ["a", "b", "b"], "label": ["A", "B", "B"], "segment": ["all", "all", "x"]})
    summary = summary.assign(completed_within=[0.7, 0.4, 0.1], conf_low=0.0, conf_high=1.0, p90_days=3.0, n_journeys=9)
    change = pd.DataFrame({"journey": "b", "part": ["total", "mix"], "difference": [0.05, 0.01]})
    change = change.assign(conf_low=[0.02, 0.0], conf_high=[0.08, 0.02])
    ranks = {"rank": 1, "rank_low": 1, "rank_high": 2}
    scores = pd.DataFrame({"journey": ["b"], "score": 50.0, "score_low": 45.0, "score_high": 55.0, **ranks})
    parts = pd.DataFrame({"journey": "b", "component": ["cost", "ease_top"], "value": [7.0, 0.8]})
    got = mapping.journey_overview(summary, change=change, scores=scores, components=parts).set_index("journey")
    assert got.index.tolist() == ["b", "a"]
    names = ["completed_within", "change", "change_low", "change_high", "ease_top", "score", "score_low", "rank_high"]
    assert got.loc["b", names].tolist() == [0.4, 0.05, 0.02, 0.08, 0.8, 50.0, 45.0, 2]
    assert got.loc["a", "completed_within"] == 0.7
    assert got.loc["a", names[1:]].isna().all()
    bare = mapping.journey_overview(summary, change=change).set_index("journey")
    assert bare["change"].to_dict() == pytest.approx({"b": 0.05, "a": np.nan}, nan_ok=True)
    assert bare[["score", "ease_top"]].isna().all(axis=None)


def test_a_missing_component_makes_a_journey_not_comparable():
    """No re-weighting: with satisfaction in the formula and no survey there is no score at all."""
    bounds = {"completed_within": 0.0, "csat_top": 0.0}
    formula = ScoreFormula(
        weights={"completed_within": 1, "csat_top": 1}, target=dict.fromkeys(bounds, 1.0), worst=bounds
    )
    scores, _components = scored(formula)
    assert scores["score"].isna().all()
    assert scores["missing"].eq("csat_top").all()


def test_ranks_may_depend_on_the_weights():
    """a completes more, b is cheaper; a lighter weight of completion turns the order."""
    formula = ScoreFormula(
        weights={"completed_within": 1, "cost": 1},
        target={"completed_within": 1.0, "cost": 0},
        worst={"completed_within": 0.0, "cost": 10},
    )
    ranks = scored(formula, costs=(6.0, 2.0))[0].set_index("journey")[["rank_low", "rank_high"]]
    assert ranks.loc["a"].tolist() == [1, 2]


# --- Comparison


def test_a_change_of_mix_is_no_change_of_the_journey():
    """Desktop succeeds with .8 and mobile with .4 in both periods; only the share of mobile doubles."""
    rng = np.random.default_rng(1)
    rows = []
    for period, mobile in ((0, 0.3), (1, 0.6)):
        for i in range(4_000):
            device = "mobile" if rng.random() < mobile else "desktop"
            day = 90 * period + rng.random() * 89
            rows.append((f"p{period}{i}", day, "visit", device))
            if rng.random() < (0.4 if device == "mobile" else 0.8):
                rows.append((f"p{period}{i}", day + 1, "purchase", device))
    definitions = buy(within=14 * DAY)
    as_of = START + timedelta(days=180 + 14)
    _events, steps, journeys = built(log(rows), definitions, as_of)
    from cj_helpers.journeys import add_segment

    mix = add_segment(journeys, segment_col="channel", steps=steps)
    got = mapping.period_change(journeys, definitions=definitions, as_of=as_of, mix=mix).set_index("part")
    assert got.loc["total", "conf_high"] < 0
    assert got.loc["mix", "difference"] == pytest.approx(-0.3 * 0.4, abs=0.03)
    assert got.loc["true_change", "conf_low"] < 0 < got.loc["true_change", "conf_high"]
    parts = got.loc[["mix", "true_change"], "difference"].sum()
    assert parts == pytest.approx(got.loc["total", "difference"])


@pytest.mark.parametrize("segment_col", ["", "touchpoint"])
def test_without_two_segments_there_is_no_mix_and_nothing_counts_twice(segment_col):
    """Ten journeys before and ten after, all of one segment: eight and six of them completed."""
    from cj_helpers.journeys import add_segment

    rows = [(f"b{i}", 10, "visit") for i in range(10)] + [(f"b{i}", 11, "purchase") for i in range(8)]
    rows += [(f"a{i}", 100, "visit") for i in range(10)] + [(f"a{i}", 101, "purchase") for i in range(6)]
    as_of = START + timedelta(days=180 + 14)
    _events, steps, journeys = built(log(rows), buy(), as_of)
    mix = add_segment(journeys, segment_col=segment_col, steps=steps)
    got = mapping.period_change(journeys, definitions=buy(), as_of=as_of, mix=mix)
    assert got["part"].tolist() == ["total"]
    row = got.iloc[0]
    assert (row["n_before"], row["n_after"], row["share_before"], row["share_after"]) == (10, 10, 0.8, 0.6)


def test_segments_side_by_side():
    frame = pd.DataFrame(
        {
            "journey": "buy",
            "customer": range(400),
            "outcome": ["completed"] * 150 + ["abandoned"] * 50 + ["completed"] * 100 + ["abandoned"] * 100,
            "duration_days": 1.0,
            "segment": ["x"] * 200 + ["y"] * 200,
        }
    )
    row = mapping.segment_differences(frame, definitions=buy()).iloc[0]
    assert row["difference"] == pytest.approx(0.25)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 200 + 0.25 / 200)
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * half, rel=0.02)
    # Wilson's limits are .6857 to .8049 and .4314 to .5686; Newcombe's .25 - .0940 and .25 + .0879
    assert row[["conf_low", "conf_high"]].tolist() == pytest.approx([0.1560, 0.3379], abs=0.01)
    assert row["p_value"] < 1e-5


@pytest.mark.parametrize(
    ("counts", "expected", "is_clear"),
    [
        # Wilson's: 140 of 200 .6332 to .7592, 5 of 5 .5655 to 1, 6 of 6 .6097 to 1, 0 of 6 0 to .3903; joined by hand
        ([(140, 200), (5, 5)], (-0.300, -0.367, 0.139), False),
        ([(6, 6), (0, 6)], (1.0, 0.448, 1.0), True),
        ([(6, 6), (6, 6)], (0.0, -0.390, 0.390), False),
    ],
)
def test_a_rate_of_all_or_none_of_few_is_not_certain(counts, expected, is_clear):
    parts, begun = [], 0
    for name, (won, n) in zip("xy", counts, strict=True):
        outcome = ["completed"] * won + ["abandoned"] * (n - won)
        part = {"journey": "buy", "customer": range(begun, begun + n), "outcome": outcome, "duration_days": 1.0}
        parts.append(pd.DataFrame({**part, "segment": name}))
        begun += n
    row = mapping.segment_differences(pd.concat(parts), definitions=buy()).iloc[0]
    assert row[["difference", "conf_low", "conf_high"]].tolist() == pytest.approx(expected, abs=0.003)
    assert (row["p_value"] < 0.05) == is_clear
    assert 0 < row["p_value"] <= 1


def test_the_spread_between_channels_by_hand():
    rows = [(f"w{i}", 0, "visit", "web") for i in range(100)] + [(f"s{i}", 0, "visit", "store") for i in range(100)]
    rows += [(f"w{i}", 1, "search", "web") for i in range(50)] + [(f"s{i}", 1, "search", "store") for i in range(80)]
    _events, steps, journeys = built(log(rows), buy())
    rates = mapping.consistency(steps, journeys=journeys, definitions=buy(), as_of=AS_OF)
    row = mapping.consistency_spread(rates).iloc[0]
    assert (row["stage"], row["best"], row["worst"]) == ("visit", "store", "web")
    assert row["difference"] == pytest.approx(0.3)
    use = mapping.channel_use(steps, journeys=journeys, definitions=buy(), as_of=AS_OF)
    assert use["share"].tolist() == [0.5, 0.5]


def test_an_incident_is_found_in_its_weeks_and_none_in_noise():
    """Every day ten visits on web and ten in the app; in two weeks the app lets .3 instead of .8 go on."""
    rng = np.random.default_rng(2)
    found = []
    for broken in (True, False):
        rows = []
        for day in range(300):
            for i in range(20):
                channel = "app" if i < 10 else "web"
                bad = broken and channel == "app" and 147 <= day < 161
                rows.append((f"{day}-{i}", day, "visit", channel))
                if rng.random() < (0.3 if bad else 0.8):
                    rows.append((f"{day}-{i}", day + 0.1, "search", channel))
        definitions = buy(success=("purchase",))
        _events, steps, _journeys = built(log(rows), definitions)
        found.append(mapping.incidents(steps, definitions=definitions, as_of=AS_OF))
    row = found[0].iloc[0]
    assert (row["touchpoint"], row["dimension"], row["value"]) == ("visit", "channel", "app")
    assert row["share"] == pytest.approx(0.3, abs=0.12)
    assert row["share_elsewhere"] == pytest.approx(0.8, abs=0.12)
    assert abs((row["first_day"] - pd.Timestamp(START) - pd.Timedelta(147, "D")).days) <= 7
    assert len(found[0]) == 1
    assert found[1].empty


# --- Bad logs


def everything(events, steps, journeys, definitions):
    """Call every result table; D-cases raise DataError and nothing else."""
    options = {"journeys": journeys, "definitions": definitions, "as_of": AS_OF}
    tables = {
        "traits": mapping.traits(steps, journeys=journeys),
        "promises": mapping.promises(steps, **options),
        "transitions": mapping.transitions(steps, journeys=journeys, intervals=True),
        "variants": mapping.variants(steps, journeys=journeys),
        "flows": mapping.flows(steps, journeys=journeys),
        "funnel": mapping.funnel(steps, **options),
        "touchpoints": mapping.touchpoints(steps, **options),
        "stage_channels": mapping.stage_channels(steps, definitions=definitions),
        "handoffs": mapping.handoffs(steps, journeys=journeys),
        "handoff_success": mapping.handoff_success(steps, **options),
        "signals": mapping.signals(steps, **options),
        "consistency": mapping.consistency(steps, **options),
        "incidents": mapping.incidents(steps, definitions=definitions, as_of=AS_OF),
        "removal_effects": mapping.removal_effects(steps, **options, n_bootstrap=20),
        "period_change": mapping.period_change(**options),
        "come_backs": mapping.come_backs(journeys, as_of=AS_OF),
        "gaps": mapping.gaps(events, definitions=definitions, as_of=AS_OF),
        "return_curve": mapping.return_curve(events, definitions=definitions, as_of=AS_OF),
        "rules": mapping.rule_sensitivity(events, **options),
    }
    tables["stages"] = mapping.stages(steps, **options, touchpoints=tables["touchpoints"])
    tables["positions"] = mapping.positions(steps, journeys=journeys)
    tables["spread"] = mapping.consistency_spread(tables["consistency"])
    tables["notable"] = mapping.notable_handoffs(tables["handoffs"], tables["handoff_success"])
    return tables


def test_a_log_with_one_touchpoint():
    definitions = {"k": JourneyDefinition("k", "K", success=("x",), timeout=14 * DAY)}
    tables = everything(*built(log([("a", 0, "x", "web"), ("b", 1, "x", "web")]), definitions), definitions)
    assert tables["transitions"]["target"].tolist() == ["(completed)"]
    assert tables["handoffs"].empty
    assert tables["removal_effects"].empty


def test_a_success_that_never_occurs_and_all_journeys_open():
    last = (AS_OF - START).days - 1
    tables = everything(*built(log([(c, last, "visit", "web") for c in "abcdef"]), buy()), buy())
    assert tables["transitions"]["target"].tolist() == ["(open)"]
    assert tables["period_change"].empty
    assert tables["touchpoints"]["abandoned_after"].tolist() == [0]
    assert tables["rules"]["open_share"].eq(1).all()


def test_ties_everywhere_keep_the_order_of_the_rows():
    rows = [(c, 0, t, "web") for c in "abcdef" for t in ("visit", "search", "quote", "purchase")]
    tables = everything(*built(log(rows), buy()), buy())
    assert tables["variants"]["path"].tolist() == ["visit>search>quote>purchase"]
    tied = tables["traits"].set_index("trait").loc["tied_steps"]
    assert (tied["n"], tied["share"]) == (18, 1.0)


def test_ten_thousand_touchpoints_are_folded_to_the_frequent_ones():
    rng = np.random.default_rng(0)
    rows = [(f"c{i // 4}", i % 4, f"page {rng.zipf(1.2) % 10_000}", "web") for i in range(40_000)]
    rows += [(f"p{i}", 0, f"page {i}", "web") for i in range(10_000)]
    rows += [(f"c{i}", 4, "bought", "web") for i in range(0, 10_000, 50)]
    definitions = {"k": JourneyDefinition("k", "K", success=("bought",), timeout=14 * DAY)}
    _events, steps, journeys = built(log(rows), definitions)
    folded, told = mapping.fold_touchpoints(steps, journeys=journeys, definitions=definitions, most=50)
    assert told["n_touchpoints"].tolist() == [10_001]
    assert 50 <= 10_001 - told["n_folded"].iloc[0] <= 51
    table = mapping.transitions(folded, journeys=journeys)
    assert table["source"].nunique() <= 52
    assert table["n_transitions"].sum() == steps.count().execute()
    assert "bought" in set(table["source"])
    assert mapping.variants(steps, journeys=journeys)["n_journeys"].sum() == journeys.count().execute()


def test_one_customer_with_a_million_events_is_counted_and_removable():
    people = log([(f"c{i}", d, "visit", "web") for i in range(200) for d in (0, 1, 2)])
    con = ibis.duckdb.connect()
    events = con.create_table("events", people)
    con.raw_sql(
        "CREATE TABLE robot AS SELECT 'robot' AS customer_id, 'visit' AS touchpoint, 'web' AS channel, "
        "TIMESTAMP '2023-01-01' + to_seconds(i) AS timestamp, i AS row_number FROM range(1000000) AS t(i)"
    )
    robot = con.table("robot")
    both = ibis.union(events, robot.select(*events.columns).cast(dict(events.schema().items())))
    row = likely_robots(both).set_index("kind").loc["any"]
    assert (row["n_robots"], row["n_events"]) == (1, 1_000_000)
    assert row["share"] == pytest.approx(1_000_000 / 1_000_600)
    assert without_robots(both).count().execute() == 600
    assert without_robots(events).count().execute() == 600
