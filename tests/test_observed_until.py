"""Journeys that were not observed for the whole time take no part in a share of those that were."""

from __future__ import annotations

from datetime import datetime

import ibis
import pandas as pd
import pytest
from tiny import AS_OF, buy, tiny_log

from cj_helpers import mapping
from cj_helpers.journeys import build_journeys, build_steps
from cj_helpers.mapping.landmarks import take_landmarks

SHORT = datetime(2024, 1, 2, 12)


def built(log: pd.DataFrame):
    events = ibis.duckdb.connect().create_table("events", log)
    steps = build_steps(events, definitions=buy(), as_of=AS_OF).cache()
    journeys = build_journeys(steps, definitions=buy(), as_of=AS_OF).cache()
    return steps, {"journeys": journeys, "definitions": buy(), "as_of": AS_OF}


@pytest.fixture(scope="module")
def both():
    """The tiny log, and the same with twenty more customers who were watched for half a day after their visit."""
    plain = tiny_log().assign(observed_until=AS_OF)
    days = {"timestamp": pd.Timestamp("2024-01-02"), "touchpoint": "visit", "channel": "web", "order": 0}
    short = pd.DataFrame({"customer_id": [f"x{i}" for i in range(20)], **days, "observed_until": SHORT})
    return built(plain), built(pd.concat([plain, short], ignore_index=True))


def landmarks(steps, **options):
    return take_landmarks(options.pop("journeys"), **options, days=(0.25, 1)).order_by("journey_id").execute()


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (landmarks, ["journey_id", "landmark_days", "x"]),
        (mapping.consistency, ["stage", "dimension", "n", "share"]),
        (mapping.funnel, ["kind", "stage", "n_matured", "matured_share"]),
        (mapping.stages, ["stage", "n_matured", "drop_off"]),
        (mapping.touchpoints, ["touchpoint", "n_matured", "abandoned_share", "abandoned_after"]),
        (mapping.removal_effects, ["touchpoint", "removal_effect"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_twenty_who_were_watched_for_half_a_day_change_no_share(both, table, columns):
    (steps, options), (more_steps, more_options) = both
    assert more_options["journeys"].count().execute() == options["journeys"].count().execute() + 20
    alone, together = table(steps, **options)[columns], table(more_steps, **more_options)[columns]
    by = [name for name in columns if alone[name].dtype == object]
    alone, together = (t.sort_values([*by, columns[-1]], ignore_index=True) for t in (alone, together))
    assert len(alone) > 1
    pd.testing.assert_frame_equal(alone, together)
