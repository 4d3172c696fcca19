"""The same expressions on DuckDB, PostgreSQL and Spark give the same tables."""

from __future__ import annotations

from datetime import timedelta

import ibis
import pandas as pd
import pytest
from tiny import AS_OF, buy, tiny_log

from cj_helpers import mapping
from cj_helpers.journeys import build_journeys, build_steps, journey_frame
from cj_helpers.mapping import funnel, handoffs, outcomes, stages, touchpoints, transitions, variants

DEFINITIONS = buy(
    start=("visit", "search"),
    timeouts={"quote": timedelta(days=10)},
    waiting_on_company=("search",),
    promise=timedelta(days=3),
)


def tables(events, definitions):
    """Every result table of the journey map."""
    steps = build_steps(events, definitions=definitions, as_of=AS_OF).cache()
    journeys = build_journeys(steps, definitions=definitions, as_of=AS_OF).cache()
    frame = journey_frame(journeys).drop(columns="customer")
    return {
        "journeys": frame.sort_values(["journey", "started_at", "duration_days", "n_steps"]).reset_index(drop=True),
        "outcomes": outcomes(journeys),
        "transitions": transitions(steps, journeys=journeys),
        "variants": variants(steps, journeys=journeys),
        "funnel": funnel(steps, journeys=journeys, definitions=definitions, as_of=AS_OF, window=timedelta(days=3)),
        "stages": stages(steps, journeys=journeys, definitions=definitions, as_of=AS_OF),
        "touchpoints": touchpoints(steps, journeys=journeys, definitions=definitions, as_of=AS_OF),
        "handoffs": handoffs(steps, journeys=journeys),
        **in_depth(events, steps, definitions, journeys),
    }


def in_depth(events, steps, definitions, journeys):
    """The further tables of journey mapping."""
    options = {"journeys": journeys, "definitions": definitions, "as_of": AS_OF}
    return {
        "intervals": transitions(steps, journeys=journeys, intervals=True),
        "traits": mapping.traits(steps, journeys=journeys),
        "promises": mapping.promises(steps, **options),
        "flows": mapping.flows(steps, journeys=journeys),
        "consistency": mapping.consistency(steps, **options),
        "success": mapping.handoff_success(steps, **options),
        "effects": mapping.removal_effects(steps, **options, n_bootstrap=20),
        "come_backs": mapping.come_backs(journeys, as_of=AS_OF).reset_index(drop=True),
        "gaps": mapping.gaps(events, definitions=definitions, as_of=AS_OF),
        "return_curve": mapping.return_curve(events, definitions=definitions, as_of=AS_OF, silent_days=(0, 1, 3)),
    }


def assert_same(got, expected):
    for name, table in expected.items():
        plain = got[name].astype(dict.fromkeys(table.select_dtypes("number"), "float64")).replace({None: pd.NA})
        wanted = table.astype(dict.fromkeys(table.select_dtypes("number"), "float64")).replace({None: pd.NA})
        pd.testing.assert_frame_equal(plain, wanted, check_dtype=False, rtol=1e-9, obj=name)


@pytest.mark.parametrize("definitions", [buy(), DEFINITIONS], ids=["plain", "start, timeouts and waiting"])
@pytest.mark.parametrize("engine", ["postgres", pytest.param("spark", marks=pytest.mark.slow)])
def test_an_engine_agrees_with_duckdb(engine, definitions, request):
    connection = request.getfixturevalue(engine)
    expected = tables(ibis.duckdb.connect().create_table("events", tiny_log()), definitions)
    log = connection.create_table("events", ibis.memtable(tiny_log()).to_pyarrow(), overwrite=True)
    assert_same(tables(log, definitions), expected)
