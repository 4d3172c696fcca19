"""The same expressions on DuckDB, PostgreSQL and Spark give the same tables."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from tiny import AS_OF, buy, tiny_log

from cj_helpers import mapping
from cj_helpers.journeys import add_segment, build_journeys, build_steps, journey_frame
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


def busy_log(n=240, customers=170, seed=1):
    """Journeys over channels, devices and modes, some steps by the company or without a channel, within a second."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        who, day = f"c{i % customers}", float(rng.integers(0, 250))
        channel, other = rng.choice(["web", "app"]), rng.choice(["web", "phone"])
        rows.append((who, day, "visit", channel, "self_service", "mobile", "customer"))
        rows.append((who, day + rng.choice([0, 0.3, 0.7]) / 86_400, "mail", "email", "assisted", "server", "company"))
        if 100 <= day < 130:  # nobody goes on
            continue
        if rng.random() < 0.7:
            mode = "assisted" if other == "phone" else "self_service"
            rows.append((who, day + round(2 * rng.random(), 3), "search", other, mode, "desktop", "customer"))
        if rng.random() < 0.5:
            rows.append((who, day + 2 + round(rng.random(), 3), "quote", None, None, None, "customer"))
        if rng.random() < 0.5:
            rows.append((who, day + 4, "purchase", channel, "self_service", "mobile", None))
    columns = ["customer_id", "day", "touchpoint", "channel", "mode", "device", "actor"]
    log = pd.DataFrame(rows, columns=columns)
    log["timestamp"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(log.pop("day"), "D").dt.round("ms")
    return log.assign(row_number=range(len(log)))


def busy_tables(events, as_of=datetime(2023, 10, 1)):
    """The tables of journey mapping that the tiny log leaves empty."""
    definitions = buy(touchpoints=("mail",))
    steps = build_steps(events, definitions=definitions, as_of=as_of).cache()
    journeys = build_journeys(steps, definitions=definitions, as_of=as_of).cache()
    options = {"journeys": journeys, "definitions": definitions, "as_of": as_of}
    kinds = ("channel", "device", "mode")
    first = add_segment(journeys, segment_col="channel", steps=steps)
    folded, told = mapping.fold_touchpoints(steps, journeys=journeys, definitions=definitions, most=1)
    return {
        "waits": steps.order_by("customer_id", "timestamp", "position").select("touchpoint", "wait").execute(),
        "traits": mapping.traits(steps, journeys=journeys),
        **{f"handoffs_{kind}": handoffs(steps, journeys=journeys, dimension=kind) for kind in kinds},
        **{f"success_{kind}": mapping.handoff_success(steps, **options, dimension=kind) for kind in kinds},
        "containment": mapping.containment(steps, events=events, **options).reset_index(drop=True),
        "signals": mapping.signals(steps, **options, days=(1,)),
        "period_change": mapping.period_change(**options, mix=first),
        "incidents": mapping.incidents(steps, definitions=definitions, as_of=as_of, least_n=10),
        "channel_use": mapping.channel_use(steps, **options),
        "stage_channels": mapping.stage_channels(steps, definitions=definitions),
        "rules": mapping.rule_sensitivity(events, **options),
        "fold": told,
        "folded": transitions(folded, journeys=journeys),
    }


@pytest.mark.parametrize("engine", ["postgres", pytest.param("spark", marks=pytest.mark.slow)])
def test_an_engine_agrees_within_a_second_and_in_every_table(engine, request):
    connection = request.getfixturevalue(engine)
    expected = busy_tables(ibis.duckdb.connect().create_table("busy", busy_log()))
    assert not [name for name, table in expected.items() if table.empty]
    assert expected["traits"].set_index("trait").loc["tied_steps", "share"] > 0.1
    log = connection.create_table("busy", ibis.memtable(busy_log()).to_pyarrow(), overwrite=True)
    assert_same(busy_tables(log), expected)
