"""journey_mapping.json number by number where the other tests take only some of them."""

from __future__ import annotations

import json

import ibis
import pandas as pd
import pytest
from tiny import AS_OF, buy, tiny_log

from cj_helpers.journeys import build_journeys, build_steps, journey_frame
from cj_helpers.survival import incidence_at

WORDS = {"converted": "completed", "dropped": "abandoned", "censored": "open"}


@pytest.fixture(scope="module")
def tiny():
    events = ibis.duckdb.connect().create_table("events", tiny_log())
    steps = build_steps(events, definitions=buy(), as_of=AS_OF).cache()
    return steps, build_journeys(steps, definitions=buy(), as_of=AS_OF).cache()


@pytest.fixture(scope="module")
def published(oracles):
    return json.loads((oracles / "journey_mapping.json").read_text())


def test_every_number_of_the_thirteen_journeys(tiny, published):
    steps = tiny[0].order_by("journey_id", "position").execute()
    got = tiny[1].order_by("journey_id").execute().set_index("journey_id")
    by = steps.groupby("journey_id")
    for row in published["journeys"]:
        key = row["journey_id"]
        mine, own = got.loc[key], by.get_group(key)
        assert (mine["customer_id"], mine["outcome"]) == (row["customer_id"], WORDS[row["outcome"]])
        assert (mine["started_at"], mine["last_event_at"]) == (pd.Timestamp(row["start"]), pd.Timestamp(row["last"]))
        ended = pd.Timestamp(AS_OF) if pd.isna(mine["ended_at"]) else mine["ended_at"]
        assert ended == pd.Timestamp(row["end"])
        assert mine["duration"] == pytest.approx(row["duration_days"], abs=1e-9)
        seen = (mine["last_event_at"] - mine["started_at"]).total_seconds() / 86_400
        assert seen == pytest.approx(row["duration_last_event_days"], abs=1e-9)
        counts = (mine["n_steps"], mine["n_repeats"], mine["n_handoffs"], mine["n_channels"])
        assert counts == (row["n_events"], row["repeats"], row["handoffs"], row["n_channels"])
        assert " > ".join(own["touchpoint"]) == row["path"]
        assert " > ".join(own["channel"]) == row["channels"]
        assert own["touchpoint"].iloc[-1] == row["last_step"]
        assert int(own["touchpoint"].eq(own["next_touchpoint"]).sum()) == row["self_loops"]
    assert len(got) == len(published["journeys"]) == 13
    assert got["outcome"].value_counts().to_dict() == {WORDS[k]: n for k, n in published["outcome_counts"].items()}


def test_every_point_of_both_incidence_curves(tiny, published):
    frame = journey_frame(tiny[1])
    for name, outcome in (("aj_converted", "completed"), ("aj_dropped", "abandoned")):
        for days, estimate, running in published[name]:
            rates = {
                end: incidence_at(frame, time_days=days, outcome=end).iloc[0]["estimate"]
                for end in ("completed", "abandoned")
            }
            assert rates[outcome] == pytest.approx(estimate, abs=1e-12)
            assert 1 - sum(rates.values()) == pytest.approx(running, abs=1e-12)


def test_the_naive_rates(tiny, published):
    outcome = tiny[1].execute()["outcome"]
    assert outcome.eq("completed").mean() == pytest.approx(published["naive_conversion_all"])
    closed = outcome[outcome.ne("open")]
    assert closed.eq("completed").mean() == pytest.approx(published["naive_conversion_closed_only"])
