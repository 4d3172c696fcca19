"""Journeys as spells, counts, start-stop rows and stays at stages: a log that can be checked by eye, and the sample."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from cj_helpers.contract import ConfigError, JourneyDefinition
from cj_helpers.dataset import open_dataset
from cj_helpers.journeys import (
    add_customer_columns,
    build_journeys,
    build_steps,
    by_journey,
    contact_spells,
    customer_counts,
    exclusions,
    frequent_handoffs,
    journey_frame,
    journey_spells,
    last_seen,
    mark_escalated,
    overdue_waits,
    stage_spells,
    with_customers,
)
from cj_helpers.sample.world import World
from cj_helpers.survival import cox_model, hazard_ratios, incidence_at, transient_share

ROOT = Path(__file__).resolve().parent.parent
AS_OF = datetime(2026, 1, 31)
REPAIR = JourneyDefinition(
    key="repair",
    label="Repair",
    start=("report",),
    success=("fixed",),
    stages={"report": ("report",), "help": ("bot", "call"), "visit": ("booked",), "done": ("fixed",)},
    timeout=timedelta(days=7),
    waiting_on_company=("booked",),
    promise=timedelta(days=3),
    within=timedelta(days=10),
)
# customer, day, touchpoint, channel, mode
LOG = [
    ("a", 1, "report", "web", "self_service"),
    ("a", 2, "bot", "chat", "self_service"),
    ("a", 4, "call", "phone", "assisted"),
    ("a", 5, "booked", "phone", "assisted"),
    ("a", 11, "fixed", "phone", "assisted"),
    ("b", 3, "report", "web", "self_service"),
    ("b", 3.5, "bot", "chat", "self_service"),
    ("c", 10, "report", "phone", "assisted"),
    ("c", 12, "fixed", "phone", "assisted"),
    ("d", 20, "report", "web", "self_service"),
    ("d", 21, "booked", "web", "self_service"),
    ("e", 29, "report", "web", "self_service"),
]


@pytest.fixture(scope="module")
def log():
    rows = pd.DataFrame(LOG, columns=["customer_id", "day", "touchpoint", "channel", "mode"])
    start = pd.Timestamp("2026-01-01")
    rows["timestamp"] = start + pd.to_timedelta(rows.pop("day") - 1, unit="D")
    events = ibis.memtable(rows)
    definitions = {"repair": REPAIR}
    steps = build_steps(events, definitions=definitions, as_of=AS_OF).cache()
    return steps, build_journeys(steps, definitions=definitions, as_of=AS_OF).cache(), definitions


def test_one_row_per_journey_or_counts(log):
    _steps, journeys, _definitions = log
    rows = journey_spells(journeys)
    # e was open when the log ended; b is given up a week after its second step; d waits for the company, no silence
    ends = [(row.outcome, row.duration_days) for row in rows.itertuples()]
    assert sorted(ends) == [("abandoned", 7.5), ("completed", 2), ("completed", 10), ("open", 2), ("open", 11)]
    assert rows["n"].tolist() == [1] * 5
    counts = journey_spells(journeys, max_rows=1)
    assert counts["n"].sum() == 5
    assert customer_counts(journeys)["n_customers"].tolist() == [5]
    rates = pd.DataFrame({"journey": ["repair"], "segment": ["all"], "n_customers": [2]})
    assert with_customers(rates, customer_counts(journeys))["n_customers"].tolist() == [5]


def test_stays_at_stages(log):
    steps, journeys, definitions = log
    stays = stage_spells(steps, journeys=journeys, definitions=definitions)
    found = stays.groupby(["stage", "outcome"], sort=False)["duration_days"].apply(sorted).to_dict()
    assert found[("report", "moved_on")] == [0.5, 1, 1, 2]  # b, a, d; c was fixed without any help
    assert found[("help", "moved_on")] == [3]
    assert found[("help", "abandoned")] == [7]
    assert found[("visit", "moved_on")] == [6]
    assert ("done", "moved_on") not in found
    # every journey is at its first stage once
    assert len(stays[stays["stage"] == "report"]) == 5


def test_overdue_waits_begin_when_the_promise_is_broken(log):
    steps, journeys, definitions = log
    waits = overdue_waits(steps, journeys=journeys, definitions=definitions)
    # a: booked on day 4 of the journey, promised by 7, came on 10; d: booked on day 1, promised by 4, still waiting
    ends = waits[["from_days", "to_days"]].to_numpy().tolist()
    assert ends[1] == [7, 10]
    assert ends[0][0] == 4
    share = transient_share(journey_spells(journeys), waits, times=[3, 5, 8])
    assert share["n"].tolist() == [0, 1, 2]
    assert share["estimate"].iloc[0] == 0
    none = {"repair": JourneyDefinition(key="repair", label="Repair")}
    assert overdue_waits(steps, journeys=journeys, definitions=none).empty


def test_contacts_count_from_their_own_moment_on(log):
    steps, journeys, _definitions = log
    rows = contact_spells(steps, journeys=journeys, handoffs=[("chat", "phone")])
    first = rows[rows["spell"] == rows.loc[rows["duration_days"] == 10, "spell"].iloc[0]]
    a = first[["entry_days", "duration_days", "outcome", "after chat > phone", "contacts"]].to_numpy().tolist()
    assert a == [[0, 3, "open", 0, 0], [3, 4, "open", 1, 1], [4, 10, "completed", 1, 2]]
    # the call that fixes it is no contact before the fix; c began with a person
    c = rows[(rows["outcome"] == "completed") & (rows["duration_days"] == 2)].iloc[0]
    assert c[["entry_days", "contacts"]].tolist() == [0, 1]
    assert rows.groupby("spell")["duration_days"].max().sum() == journey_spells(journeys)["duration_days"].sum()
    assert frequent_handoffs(steps, least=1)[0] == ("web", "chat")
    assert frequent_handoffs(steps, least=3) == []


def test_escalated_is_the_first_contact_with_a_person(log):
    steps, journeys, _definitions = log
    rows = journey_spells(mark_escalated(journeys, steps=steps))
    assert len(rows) == 4  # c began with a person
    assert rows.loc[rows["outcome"] == "escalated", "duration_days"].tolist() == [3]
    with pytest.raises(ConfigError, match="escalated: events have no column mode"):
        mark_escalated(journeys, steps=steps.drop("mode"))


def test_last_seen_only_of_journeys_old_enough(log):
    _steps, journeys, definitions = log
    row = last_seen(journeys, definitions=definitions, as_of=AS_OF).iloc[0]
    # within 10 and timeout 7 days before the end: a, b and c; b gave up and was last seen half a day after its start
    assert (row["n_started"], row["n_journeys"], row["median_days"]) == (3, 1, 0.5)


def test_every_exclusion_is_counted(log):
    _steps, journeys, _definitions = log
    odd = journeys.mutate(
        duration=(journeys.customer_id == "b").ifelse(-1.0, journeys.duration),
        is_left_truncated=journeys.customer_id == "c",
    )
    kept, dropped = (
        exclusions(odd, keep_left_truncated=keep).set_index("reason")["n_journeys"].to_dict() for keep in (True, False)
    )
    assert kept == {"started": 5, "no_duration": 1, "left_truncated_kept": 1, "analysed": 4}
    assert dropped == {"started": 5, "no_duration": 1, "left_truncated_out": 1, "analysed": 3}
    assert len(journey_spells(odd)) == kept["analysed"]
    assert len(journey_spells(odd, keep_left_truncated=False)) == dropped["analysed"]


def test_customers_count_only_with_what_was_known_at_the_start(log):
    _steps, journeys, _definitions = log
    customers = ibis.memtable(
        pd.DataFrame(
            {
                "customer_id": ["a", "b", "c"],
                "country": ["AT", None, "CH"],
                "started_at": pd.to_datetime(["2025-01-01", "2025-01-01", "2026-01-12"]),
            }
        )
    )
    added = add_customer_columns(journeys, customers=customers, columns=["country"]).execute()
    found = added.set_index("customer_id")["country"]
    assert found.to_dict() == {"a": "AT", "b": "(missing)", "c": "(missing)", "d": "(missing)", "e": "(missing)"}
    with pytest.raises(ConfigError, match="covariates: size not found in customers; it has customer_id, country"):
        add_customer_columns(journeys, customers=customers, columns=["size"])


# --- the sample -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outages():
    data = open_dataset(ROOT / "data" / "sample")
    definitions = {"outage_recovery": data.journeys["outage_recovery"]}
    steps = build_steps(data.events, definitions=definitions, as_of=data.as_of).cache()
    return data, steps, build_journeys(steps, definitions=definitions, as_of=data.as_of).cache()


def test_counts_give_the_rates_of_rows_and_nearly_their_intervals(outages):
    _data, _steps, journeys = outages
    rows = journey_spells(journeys)
    counts = journey_spells(journeys, max_rows=len(rows) - 1)
    frame = journey_frame(journeys)
    options = {"time_days": 14, "cluster_col": "customer"}
    one = incidence_at(rows, weight_col="n", **options).iloc[0]
    pd.testing.assert_series_equal(one, incidence_at(frame, **options).iloc[0])
    many = incidence_at(counts, weight_col="n", **options).iloc[0]
    assert many["n"] == one["n"]
    assert many["estimate"] == pytest.approx(one["estimate"], abs=5e-4)  # durations are rounded up to the hour
    assert many["std_error"] == pytest.approx(one["std_error"], rel=0.15)
    few = journey_spells(journeys, max_rows=1)
    assert few["duration_days"].mod(1).eq(0).all()
    assert few["customer"].nunique() == 128
    by_day = incidence_at(few, weight_col="n", **options).iloc[0]
    assert by_day["estimate"] == pytest.approx(one["estimate"], abs=2e-3)  # open journeys leave within a day
    assert by_day["std_error"] == pytest.approx(one["std_error"], rel=0.25)  # four times 1 / sqrt(2 * 127)


def test_planted_ratios_of_outages_are_found(outages):
    """Truths 2, 6 and 7, and the null of Switzerland, in one model with what changes during a journey."""
    data, steps, journeys = outages
    world = World()
    described = add_customer_columns(journeys, customers=data.customers, columns=["country", "customer_type"])
    rows = contact_spells(steps, journeys=described, handoffs=[("chat", "phone")], columns=["country", "customer_type"])
    rows = rows.assign(
        austria=rows["country"] == "AT",
        switzerland=rows["country"] == "CH",
        business=rows["customer_type"] == "business",
    )
    terms = ["after chat > phone", "austria", "switzerland", "business"]
    ratios = hazard_ratios(
        rows,
        covariates=terms,
        cluster_col="customer",
        entry_col="entry_days",
        spell_col="spell",
        split_days=world.business_until_days,
    )
    done = ratios[ratios["outcome"] == "completed"].set_index(["term", "period"])
    truths = {
        ("after chat > phone", "whole"): world.handoff_hazard_ratio,
        ("austria", "whole"): world.austria_hazard_ratio,
        ("switzerland", "whole"): 1.0,
        ("business", "early"): world.business_hazard_ratio_early,
        ("business", "late"): world.business_hazard_ratio_late,
    }
    for place, truth in truths.items():
        assert done.loc[place, "conf_low"] <= truth <= done.loc[place, "conf_high"], place
    assert done.loc[[("business", "early"), ("business", "late")], "is_reported"].all()
    assert done.loc[("switzerland", "whole"), "p_adjusted"] > 0.05
    assert done["n"].iloc[0] == len(journey_spells(journeys))
    # "ever handed off", as if known from the start, blames the hand-off for the wait before it (Suissa 2008)
    whole = rows.groupby("spell").agg(
        duration_days=("duration_days", "max"), event=("outcome", lambda o: (o == "completed").any()),
        ever=("after chat > phone", "max"),
    )  # fmt: skip
    naive = np.exp(cox_model(whole, covariates=["ever"])["estimate"].item())
    assert naive < done.loc[("after chat > phone", "whole"), "conf_low"]


def test_a_journey_that_cannot_be_analysed_does_not_stop_the_others():
    frame = pd.DataFrame(
        {"journey": ["a"] * 3 + ["b"], "duration_days": [1.0, 2, 3, 1], "event": [1, 1, 0, 0], "x": [1.0, 2, 1.5, 0]}
    )
    problems: dict[str, str] = {}
    table = by_journey(frame, cox_model, covariates=["x"], problems=problems)
    assert table["journey"].tolist() == ["a"]
    assert problems == {"b": "event: no event in 1 rows; a Cox model needs events"}
