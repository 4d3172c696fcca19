"""The seven journey rules, on logs one can check by eye and against a plain-Python walk."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import AS_OF, buy, tiny_log

from cj_helpers.contract import JourneyDefinition
from cj_helpers.journeys import (
    add_segment,
    build_journeys,
    build_steps,
    events_outside,
    exclusions,
    journey_frame,
    keep_journeys,
    keep_steps,
    observed_for,
)

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def con():
    return ibis.duckdb.connect()


def run(con, events, definitions, as_of=AS_OF, keep=()):
    table = con.create_table("events", events, overwrite=True)
    steps = build_steps(table, definitions=definitions, as_of=as_of, keep=keep)
    return steps, build_journeys(steps, definitions=definitions, as_of=as_of)


def log(*rows, **constants):
    """Build a log from (customer, day, touchpoint[, more])."""
    frame = pd.DataFrame(
        [(c, datetime(2024, 1, 1) + d * DAY, t) for c, d, t in rows], columns=["customer_id", "timestamp", "touchpoint"]
    )
    return frame.assign(row_number=range(len(frame)), **constants)


def brief(journeys):
    frame = journeys.order_by("customer_id", "started_at").execute()
    return list(zip(frame.customer_id, frame.outcome, frame.duration.round(6), frame.n_steps, strict=True))


def test_tiny_log_agrees_with_the_published_journeys(con, oracles):
    """13 journeys, 7 completed, 3 abandoned, 3 open, 28 transitions, 10 hand-offs."""
    expected = pd.DataFrame(json.loads((oracles / "journey_mapping.json").read_text())["journeys"])
    steps, journeys = run(con, tiny_log(), buy())
    got = journeys.order_by("journey_id").execute()
    words = {"converted": "completed", "dropped": "abandoned", "censored": "open"}
    assert got.journey_id.tolist() == expected.journey_id.tolist()
    assert got.outcome.tolist() == expected.outcome.map(words).tolist()
    assert got.duration.tolist() == expected.duration_days.tolist()
    for ours, theirs in [("n_steps", "n_events"), ("n_repeats", "repeats"), ("n_handoffs", "handoffs")]:
        assert got[ours].tolist() == expected[theirs].tolist()
    assert got.n_channels.tolist() == expected.n_channels.tolist()
    assert got.furthest_stage.tolist()[:3] == ["purchase", "purchase", "search"]
    assert got.outcome.value_counts().to_dict() == {"completed": 7, "abandoned": 3, "open": 3}
    assert steps.filter(steps.next_touchpoint.notnull()).count().execute() == 28
    assert got.n_handoffs.sum() == 10


def test_steps_of_one_journey_by_eye(con):
    steps, _ = run(con, tiny_log(), buy())
    got = steps.filter(steps.journey_id == "c02#1").order_by("position").execute()
    assert got.touchpoint.tolist() == ["visit", "quote", "quote", "purchase"]
    assert got.next_touchpoint.tolist()[:3] == ["quote", "quote", "purchase"]
    assert got.next_touchpoint.isna().tolist() == [False, False, False, True]
    assert got.wait.tolist()[:3] == [72.0, 3.0, 45.0]
    assert got.is_repeat.tolist() == [False, False, True, False]
    assert got.is_handoff.tolist() == [True, False, True, False]
    assert got.stage.tolist() == got.touchpoint.tolist()


def test_only_members_belong_and_break_the_silence(con):
    """Rule 1: a newsletter on day 10 does not keep a journey alive that went silent on day 0."""
    events = log(("a", 0, "visit"), ("a", 10, "newsletter"), ("a", 20, "purchase"))
    definition = buy(stages={}, touchpoints=("visit",))
    assert brief(run(con, events, definition)[1]) == [("a", "abandoned", 14.0, 1), ("a", "completed", 0.0, 1)]
    assert brief(run(con, events, buy(stages={}))[1]) == [("a", "completed", 20.0, 3)]


def test_nothing_after_as_of_is_used(con):
    events = log(("a", 0, "visit"), ("a", 5, "purchase"))
    assert brief(run(con, events, buy(), as_of=datetime(2024, 1, 3))[1]) == [("a", "open", 2.0, 1)]


def test_ties_follow_order_then_row_number_then_touchpoint(con):
    events = log(("a", 0, "visit"), ("a", 0, "search"), ("a", 0, "quote")).assign(order=[3, 1, 2])

    def path(frame):
        return run(con, frame, buy())[0].order_by("position").execute().touchpoint.tolist()

    assert path(events) == ["search", "quote", "visit"]
    assert path(events.drop(columns="order")) == ["visit", "search", "quote"]
    assert path(events.drop(columns=["order", "row_number"])) == ["quote", "search", "visit"]


@pytest.mark.parametrize(("gap", "n_journeys"), [(14, 1), (14 + 1 / 86_400, 2)])
def test_silence_must_be_longer_than_the_timeout(con, gap, n_journeys):
    events = log(("a", 0, "visit"), ("a", gap, "search"))
    assert len(brief(run(con, events, buy(), as_of=datetime(2024, 3, 1))[1])) == n_journeys


@pytest.mark.parametrize(("as_of", "outcome"), [(datetime(2024, 1, 15), "abandoned"), (datetime(2024, 1, 14), "open")])
def test_silence_that_reaches_as_of_exactly_is_abandonment(con, as_of, outcome):
    events = log(("a", 0, "visit"))
    assert brief(run(con, events, buy(), as_of=as_of)[1])[0][1] == outcome


def test_a_start_inside_does_not_restart_and_a_new_one_may_follow_an_end(con):
    events = log(
        ("z", -40, "visit"),  # the log begins long before, so nothing is cut off
        ("a", 0, "search"),  # before the start: outside
        ("a", 1, "visit"),
        ("a", 2, "visit"),
        ("a", 3, "purchase"),
        ("a", 4, "search"),  # after the end and before a new start: outside
        ("a", 5, "visit"),
    )
    steps, journeys = run(con, events, buy(start=("visit",)))
    assert brief(journeys)[:2] == [("a", "completed", 2.0, 3), ("a", "abandoned", 14.0, 1)]
    outside = events_outside(con.table("events"), steps=steps, definitions=buy(start=("visit",)), as_of=AS_OF)
    assert outside.to_dict("records") == [
        {"journey": "buy", "n_events": 7, "n_events_outside": 2, "n_success_outside": 0}
    ]


def test_journeys_cut_off_by_the_start_of_the_log_are_marked(con):
    """a has no start touchpoint and its first event lies within one timeout of the log's first day; b's does not."""
    events = log(
        ("z", 0, "visit"), ("a", 3, "search"), ("a", 4, "purchase"), ("b", 20, "search"), ("b", 21, "purchase")
    )
    definition = buy(start=("visit",))
    steps, journeys = run(con, events, definition)
    got = journeys.order_by("customer_id").execute()
    assert got.customer_id.tolist() == ["a", "z"]
    assert got.is_left_truncated.tolist() == [True, False]
    assert got.outcome.tolist() == ["completed", "abandoned"]
    assert len(journey_frame(journeys)) == 2
    assert journey_frame(journeys, keep_left_truncated=False)["outcome"].tolist() == ["abandoned"]
    outside = events_outside(con.table("events"), steps=steps, definitions=definition, as_of=AS_OF).iloc[0]
    assert (outside.n_events_outside, outside.n_success_outside) == (2, 1)


def test_an_abandon_touchpoint_ends_the_journey_at_that_moment(con):
    events = log(("a", 0, "visit"), ("a", 2, "complaint_closed"), ("a", 3, "visit"))
    definition = buy(abandon=("complaint_closed",))
    assert brief(run(con, events, definition)[1]) == [("a", "abandoned", 2.0, 2), ("a", "abandoned", 14.0, 1)]


def test_timeouts_differ_by_touchpoint(con):
    events = log(("a", 0, "quote"), ("a", 20, "purchase"), ("b", 0, "visit"), ("b", 20, "purchase"))
    definition = buy(timeouts={"quote": 30 * DAY})
    assert brief(run(con, events, definition)[1]) == [
        ("a", "completed", 20.0, 2),
        ("b", "abandoned", 14.0, 1),
        ("b", "completed", 0.0, 1),
    ]


def test_waiting_on_the_company_stops_the_clock(con):
    events = log(("a", 0, "booked"), ("a", 25, "purchase"), ("b", 0, "booked"), ("c", 25, "booked"))
    definition = buy(stages={}, waiting_on_company=("booked",), promise=10 * DAY)
    got = run(con, events, definition)[1].order_by("customer_id").execute()
    assert got.outcome.tolist() == ["completed", "open", "open"]
    assert got.is_overdue.tolist() == [False, True, False]


def test_observed_until_censors_earlier_than_as_of(con):
    events = log(("a", 0, "visit"), ("b", 0, "visit")).assign(observed_until=[datetime(2024, 1, 6), pd.NaT])
    assert brief(run(con, events, buy())[1]) == [("a", "open", 5.0, 1), ("b", "abandoned", 14.0, 1)]


def test_a_journey_enters_a_rate_only_when_observed_for_the_whole_time(con):
    """Of three that could be judged by their start one was observed for two days only."""
    until = [datetime(2024, 1, 3), pd.NaT, pd.NaT, datetime(2024, 1, 31)]
    events = log(("a", 0, "visit"), ("b", 0, "visit"), ("b", 1, "purchase"), ("c", 0, "visit"))
    definition = buy(within=10 * DAY)
    journeys = run(con, events.assign(observed_until=until), definition)[1]
    old = journeys.filter(observed_for(journeys, 10 * DAY, as_of=AS_OF))
    assert sorted(old.customer_id.execute()) == ["b", "c"]
    plain = run(con, events, definition)[1]
    assert "observed_until" not in plain.columns
    assert plain.filter(observed_for(plain, 10 * DAY, as_of=AS_OF)).count().execute() == 3
    assert plain.filter(observed_for(plain, 31 * DAY, as_of=AS_OF)).count().execute() == 0


def test_journeys_that_began_after_their_observation_are_left_out_and_counted(con):
    events = log(("a", 3, "visit"), ("b", 0, "visit")).assign(observed_until=[datetime(2024, 1, 2), pd.NaT])
    journeys = run(con, events, buy())[1]
    assert journey_frame(journeys)["duration_days"].tolist() == [14.0]
    assert exclusions(journeys).query("reason == 'no_duration'")["n_journeys"].tolist() == [1]


def test_a_named_journey_is_never_split(con):
    """Rule 6: silence and success inside do not split; the first end decides; all events stay."""
    events = log(("a", 0, "visit"), ("a", 20, "purchase"), ("a", 22, "search"), ("a", 23, "visit"), ("b", 1, "visit"))
    events["journey_id"] = ["k1", "k1", "k1", "k2", None]
    _steps, journeys = run(con, events, buy())
    got = journeys.order_by("journey_id").execute()
    assert got.journey_id.tolist() == ["b#1", "k1", "k2"]
    assert got.outcome.tolist() == ["abandoned", "completed", "open"]
    assert got.duration.tolist() == [14.0, 20.0, 7.0]
    assert got.n_steps.tolist() == [1, 3, 1]


def test_a_named_journey_is_not_taken_for_one_without_a_name(con):
    """The first journey of customer a has no name; b's are called a#1 and a#1# in the source."""
    events = log(("a", 0, "visit"), ("b", 0, "visit"), ("b", 1, "purchase"), ("b", 2, "visit"))
    events["journey_id"] = [None, "a#1", "a#1", "a#1#"]
    journeys = run(con, events, buy())[1]
    assert brief(journeys) == [("a", "abandoned", 14.0, 1), ("b", "completed", 1.0, 2), ("b", "abandoned", 14.0, 1)]


def test_no_timeout_means_never_abandoned_by_silence(con):
    events = log(("a", 0, "visit"))
    assert brief(run(con, events, buy(timeout=None))[1]) == [("a", "open", 30.0, 1)]


def test_an_event_may_belong_to_several_journeys(con):
    both = {**buy(), "look": JourneyDefinition(key="look", label="Look", success=("quote",), timeout=14 * DAY)}
    _, journeys = run(con, tiny_log(), both)
    got = journeys.group_by(["journey", "outcome"]).aggregate(n=journeys.count()).execute()
    counts = {(r.journey, r.outcome): r.n for r in got.itertuples()}
    assert counts[("buy", "completed")] == 7
    assert counts[("look", "completed")] == 9  # every quote of the log ends one


def test_frame_carries_no_raw_id_and_keeps_clusters(con):
    _, journeys = run(con, tiny_log(), buy())
    frame = journey_frame(journeys)
    assert len(frame) == 13
    assert frame["customer"].nunique() == 11
    assert not {"customer_id", "journey_id"} & set(frame.columns)
    text = frame.astype(str).to_numpy().ravel()
    assert not any(value.startswith(("c0", "c1")) for value in text)


def test_a_mail_from_the_company_is_no_change_of_channel(con):
    events = log(("a", 0, "visit"), ("a", 1, "quote"), ("a", 2, "search"), ("a", 3, "purchase"))
    events = events.assign(channel=["web", "email", "web", "phone"], actor=["customer", "company", None, "customer"])
    steps, journeys = run(con, events, buy())
    assert journeys.execute().n_handoffs.tolist() == [1]
    assert steps.filter(steps.is_handoff).execute().touchpoint.tolist() == ["search"]
    assert run(con, events.drop(columns="actor"), buy())[1].execute().n_handoffs.tolist() == [3]


def test_segments_come_from_the_first_step_or_the_customer(con):
    events = log(("a", 0, "visit"), ("a", 1, "search"), ("b", 0, "visit")).assign(plan=["x", "y", None])
    steps, journeys = run(con, events, buy(), keep=["plan"])
    frame = journey_frame(add_segment(journeys, segment_col="plan", steps=steps))
    assert sorted(frame.segment) == ["(missing)", "x"]
    customers = ibis.memtable({"customer_id": ["b"], "country": ["DE"]})
    frame = journey_frame(add_segment(journeys, segment_col="country", steps=steps, customers=customers))
    assert sorted(frame.segment) == ["(missing)", "DE"]
    with pytest.raises(KeyError, match="no column 'colour'"):
        add_segment(journeys, segment_col="colour", steps=steps, customers=customers)


def walk(events, definition, as_of):
    """Build journeys by walking each customer's events: slow, and written without windows."""
    found = []
    log_start = min(e[1] for e in events) if events else None
    for customer in sorted({e[0] for e in events}):
        own = sorted((e[1], e[3], e[2]) for e in events if e[0] == customer and e[1] <= as_of)
        own = [(t, touch) for t, _, touch in own if not definition.members or touch in definition.members]
        current, seen_block = None, False
        for t, touch in own:
            if current and current["deadline"] is not None and t > current["deadline"]:
                found.append((customer, "abandoned", current["start"], current["deadline"], current["n"]))
                current = None
            cut = not seen_block and definition.start and t <= log_start + definition.timeout
            if current is None and (not definition.start or touch in definition.start or cut):
                current = {"start": t, "n": 0}
            seen_block = True
            if current is None:
                continue
            current["n"] += 1
            waiting = touch in definition.waiting_on_company
            current["deadline"] = None if waiting else t + definition.timeouts.get(touch, definition.timeout)
            if touch in definition.success or touch in definition.abandon:
                outcome = "completed" if touch in definition.success else "abandoned"
                found.append((customer, outcome, current["start"], t, current["n"]))
                current = None
        if current:
            silent = current["deadline"] is not None and current["deadline"] <= as_of
            end = current["deadline"] if silent else as_of
            found.append((customer, "abandoned" if silent else "open", current["start"], end, current["n"]))
    return sorted((c, o, round((e - s).total_seconds() / 86_400, 6), n) for c, o, s, e, n in found)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(0, 40),
            st.sampled_from(["visit", "search", "booked", "stop", "purchase"]),
        ),
        min_size=1,
        max_size=14,
    ),
    start=st.sampled_from([(), ("visit",), ("visit", "search")]),
)
def test_the_windows_agree_with_a_plain_walk(con, rows, start):
    definition = buy(
        start=start,
        stages={},
        abandon=("stop",),
        waiting_on_company=("booked",),
        timeout=7 * DAY,
        timeouts={"search": 3 * DAY},
    )
    events = log(*rows)
    walked = [(c, t.to_pydatetime(), touch, i) for c, t, touch, i in events.itertuples(index=False)]
    assert sorted(brief(run(con, events, definition)[1])) == walk(walked, definition["buy"], AS_OF)


@pytest.mark.parametrize("named", [False, True], ids=["by customer", "by the name in the source"])
def test_a_large_log_in_parts_gives_the_same_steps(con, named):
    """Forty customers, three events a part; journeys that began before the log are marked by the whole log's start."""
    rows = [(f"c{i}", i + d, t) for i in range(40) for d, t in ((0, "search"), (1, "visit"), (2, "purchase"))]
    events = log(*rows)
    if named:
        events = events.assign(journey_id=[f"case {i // 6}" if i % 4 else None for i in range(len(events))])
    table = con.create_table("large", events, overwrite=True)
    definitions = buy(start=("visit",), timeout=2 * DAY)
    whole = build_steps(table, definitions=definitions, as_of=AS_OF)
    parts = keep_steps(table, definitions=definitions, as_of=AS_OF, most=3)
    order = ["journey_id", "position"]
    expected = whole.execute().sort_values(order, ignore_index=True)
    assert expected["is_left_truncated"].sum() == (1 if named else 3)
    pd.testing.assert_frame_equal(parts.execute().sort_values(order, ignore_index=True), expected)
    got = keep_journeys(parts, definitions=definitions, as_of=AS_OF, most=3).execute()
    journeys = build_journeys(whole, definitions=definitions, as_of=AS_OF).execute()
    pd.testing.assert_frame_equal(*(frame.sort_values("journey_id", ignore_index=True) for frame in (got, journeys)))
    once = keep_steps(table, definitions=definitions, as_of=AS_OF)
    pd.testing.assert_frame_equal(once.execute().sort_values(order, ignore_index=True), expected)
