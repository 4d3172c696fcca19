"""Priorities: gaps, worth, places, contacts, links and actions on examples that can be checked by eye."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset.schema import Reference
from cj_helpers.inference import clustered_share, newcombe_difference
from cj_helpers.journeys import build_journeys, build_steps
from cj_helpers.priorities import (
    actions,
    avoidable_contacts,
    links,
    places,
    priorities,
    reference_columns,
    reference_rates,
)

WITHIN = timedelta(days=10)
DEFINITIONS = {
    "buy": JourneyDefinition("buy", "Buy", start=("visit",), success=("paid",), timeout=WITHIN, within=WITHIN)
}
AS_OF = pd.Timestamp("2024-12-31")
DAY = pd.Timedelta(days=1)


def log(groups: list[tuple[str, str, int, int]]) -> pd.DataFrame:
    """One customer per journey: (start, channel, journeys, of these paid the next day)."""
    rows = []
    for number, (day, channel, n, paid) in enumerate(groups):
        for each in range(n):
            facts = {"customer_id": f"{number}-{each}", "channel": channel, "device": channel[:1]}
            rows.append({**facts, "timestamp": pd.Timestamp(day), "touchpoint": "visit"})
            if each < paid:
                rows.append({**facts, "timestamp": pd.Timestamp(day) + DAY, "touchpoint": "paid"})
    return pd.DataFrame(rows)


def rates(groups: list[tuple[str, str, int, int]], reference: Reference, min_group: int = 10) -> pd.Series:
    events = ibis.duckdb.connect().create_table("events", log(groups))
    keep = reference_columns({"buy": reference})
    steps = build_steps(events, definitions=DEFINITIONS, as_of=AS_OF, keep=keep)
    journeys = build_journeys(steps, definitions=DEFINITIONS, as_of=AS_OF)
    return reference_rates(
        journeys,
        references={"buy": reference},
        definitions=DEFINITIONS,
        time_zone="UTC",
        min_group=min_group,
        steps=steps,
    ).iloc[0]


# --- the reference


def test_the_best_channel_and_the_gap_to_it_by_eye():
    """App 80 of 100, web 60 of 100: 80 % is the reference, all have 70 %, the gap is half of the difference."""
    row = rates([("2024-03-01", "app", 100, 80), ("2024-03-02", "web", 100, 60)], Reference(kind="best_channel"))
    assert (row["reference_group"], row["n_groups"], row["n_reference"]) == ("app", 2, 100)
    assert row["reference"] == pytest.approx(0.8)
    assert row["gap"] == pytest.approx(0.1)
    assert row["gap_low"] == pytest.approx(0.5 * 0.075, abs=0.012)
    assert row["gap_high"] == pytest.approx(0.5 * 0.322, abs=0.012)


def test_the_interval_of_a_gap_is_that_of_the_difference_to_the_others():
    """Where nothing is censored it is close to Newcombe's, times the share of the others."""
    row = rates([("2024-03-01", "app", 300, 240), ("2024-03-02", "web", 100, 60)], Reference(kind="best_channel"))
    gap, low, high = newcombe_difference(240, 300, 60, 100)
    assert row["gap"] == pytest.approx(gap / 4)
    assert row["gap_low"] == pytest.approx(low / 4, abs=0.004)
    assert row["gap_high"] == pytest.approx(high / 4, abs=0.004)


def test_a_small_lucky_group_is_not_the_measure():
    groups = [("2024-03-01", "app", 10, 10), ("2024-03-02", "web", 400, 360), ("2024-03-03", "shop", 400, 200)]
    assert rates(groups, Reference(kind="best_channel"))["reference_group"] == "web"


def test_groups_below_the_least_size_are_no_reference():
    groups = [("2024-03-01", "app", 9, 9), ("2024-03-02", "web", 100, 60)]
    row = rates(groups, Reference(kind="best_channel"))
    assert (row["n_groups"], row["reason"]) == (1, "fewer than two groups")
    assert np.isnan(row["gap"])


def test_the_best_quarter_of_its_own():
    groups = [("2024-02-01", "web", 100, 50), ("2024-05-01", "web", 100, 90), ("2024-08-01", "web", 100, 60)]
    row = rates(groups, Reference())
    assert (row["reference_kind"], row["reference_group"]) == ("best_period", "2024 Q2")
    assert row["gap"] == pytest.approx(0.9 - 200 / 300)


def test_the_best_segment_of_a_column():
    groups = [("2024-03-01", "app", 100, 80), ("2024-03-02", "web", 100, 60)]
    assert rates(groups, Reference(kind="best_segment", column="device"))["reference_group"] == "a"


def test_a_benchmark_takes_the_interval_of_the_rate():
    groups = [("2024-03-01", "app", 100, 80), ("2024-03-02", "web", 100, 60)]
    row = rates(groups, Reference(kind="benchmark", value=0.9, source="study"))
    share = clustered_share(pd.DataFrame({"x": [1] * 140 + [0] * 60}), success_col="x").iloc[0]
    assert (row["reference_group"], row["reference"]) == ("study", 0.9)
    assert row["gap"] == pytest.approx(0.2)
    assert row["gap_low"] == pytest.approx(0.9 - share["conf_high"], abs=0.01)
    assert row["gap_high"] == pytest.approx(0.9 - share["conf_low"], abs=0.01)


def test_a_group_known_only_of_those_who_came_far_is_no_reference():
    """The channel is known of the completed ones only: it would say 100 %."""
    groups = [("2024-03-01", "app", 50, 50), ("2024-03-01", "web", 50, 50), ("2024-03-02", None, 100, 0)]
    events = [(day, channel or "", n, paid) for day, channel, n, paid in groups]
    table = log(events)
    table["channel"] = table["channel"].replace({"": None})
    source = ibis.duckdb.connect().create_table("events", table)
    steps = build_steps(source, definitions=DEFINITIONS, as_of=AS_OF)
    found = reference_rates(
        build_journeys(steps, definitions=DEFINITIONS, as_of=AS_OF),
        references={"buy": Reference(kind="best_channel")},
        definitions=DEFINITIONS,
        time_zone="UTC",
        steps=steps,
    )
    assert found.loc[0, "reason"] == "group not known"
    assert np.isnan(found.loc[0, "reference"])


# --- the worth


def entry(value: float | None = 100.0, owner: str = "", status: str = "") -> SimpleNamespace:
    return SimpleNamespace(value=value, owner=owner, status=status)


def summary(*keys: str) -> pd.DataFrame:
    rates = {"completed_within": 0.7, "conf_low": 0.65, "conf_high": 0.75, "n_journeys": 1000, "n_customers": 900}
    return pd.DataFrame([{"journey": key, "label": key.title(), **rates} for key in keys])


def gaps(**by_key: tuple[float, float, float]) -> pd.DataFrame:
    rows = [
        {"journey": key, "reference_kind": "best_period", "reference_group": "2024 Q2", "reference": 0.7 + gap}
        | {"gap": gap, "gap_low": low, "gap_high": high, "reason": ""}
        for key, (gap, low, high) in by_key.items()
    ]
    return pd.DataFrame(rows)


def ranked(entries, references, **others) -> pd.DataFrame:
    months = dict.fromkeys(entries, 10.0)
    return priorities(summary(*entries), references=references, months=months, entries=entries, **others)


def test_the_worth_of_a_gap_by_eye():
    """100 journeys a month, a gap of 10 points, 100 each: 10 lost, 1,000 at most, between 500 and 1,500."""
    row = ranked({"buy": entry(owner="Ann", status="planned")}, gaps(buy=(0.1, 0.05, 0.15))).iloc[0]
    assert (row["started_per_month"], row["owner"], row["status"]) == (100, "Ann", "planned")
    worth = row[["lost_per_month", "worth_at_most", "worth_low", "worth_high"]].to_list()
    assert worth == pytest.approx([10, 1000, 500, 1500])
    assert np.isnan(row["worth_contacts"])
    assert row["place"] == ""


def test_contacts_and_exits_are_added_with_their_intervals():
    """20 contacts at 5 are 100; 10 lost journeys of which 20 % more leave are 2 exits of 50, another 100."""
    contacts = pd.DataFrame(
        {
            "journey": ["buy"],
            "contacts_per_month": 20.0,
            "contacts_low": 10.0,
            "contacts_high": 30.0,
            "contact_cost": 5.0,
        }
    )
    exits = pd.DataFrame({"journey": ["buy"], "estimate": 0.2, "conf_low": 0.1, "conf_high": 0.3})
    references = gaps(buy=(0.1, 0.05, 0.15))
    row = ranked({"buy": entry()}, references, contacts=contacts, exits=exits, revenue=50.0).iloc[0]
    assert row[["worth_completion", "worth_contacts", "worth_revenue"]].to_list() == pytest.approx([1000, 100, 100])
    assert row["exits_per_month"] == pytest.approx(2)
    assert row["worth_at_most"] == pytest.approx(1200)
    half = np.sqrt(500**2 + 50**2 + 50**2)
    assert row[["worth_low", "worth_high"]].to_list() == pytest.approx([1200 - half, 1200 + half])


def test_a_journey_better_than_its_reference_is_worth_nothing():
    row = ranked({"buy": entry()}, gaps(buy=(-0.1, -0.15, -0.05))).iloc[0]
    assert row[["worth_at_most", "worth_low", "worth_high", "lost_per_month"]].to_list() == [0, 0, 0, 0]
    assert row["gap"] == -0.1


def test_without_values_journeys_rank_by_what_is_lost():
    table = ranked({"a": entry(None), "b": entry(None)}, gaps(a=(0.1, 0, 0.2), b=(0.2, 0.1, 0.3)))
    assert table["journey"].tolist() == ["b", "a"]
    assert table["worth_at_most"].isna().all()
    assert table["lost_per_month"].tolist() == pytest.approx([20, 10])


def test_a_journey_without_a_reference_comes_last_and_stays_in_the_table():
    table = ranked({"a": entry(), "b": entry()}, gaps(b=(0.2, 0.1, 0.3)))
    assert table["journey"].tolist() == ["b", "a"]
    assert table["worth_at_most"].isna().tolist() == [False, True]


@given(st.floats(0, 0.5), st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 1e4))
def test_the_worth_lies_in_its_limits_and_grows_with_value(gap, down, up, value):
    row = ranked({"buy": entry(value)}, gaps(buy=(gap, gap - down, gap + up))).iloc[0]
    assert row["worth_low"] <= row["worth_at_most"] * (1 + 1e-9) <= row["worth_high"] * (1 + 1e-9) + 1e-9
    double = ranked({"buy": entry(2 * value)}, gaps(buy=(gap, gap - down, gap + up))).iloc[0]
    assert double["worth_at_most"] == pytest.approx(2 * row["worth_at_most"])


# --- places


def incident(**changes: object) -> pd.DataFrame:
    row = {
        "journey": "buy",
        "touchpoint": "form",
        "value": "mobile",
        "first_day": pd.Timestamp("2024-05-01"),
        "last_day": pd.Timestamp("2024-05-01") + 29 * DAY,
        "n": 200,
        "difference": -0.4,
        "conf_low": -0.5,
        "conf_high": -0.3,
        "p_adjusted": 0.001,
    }
    return pd.DataFrame([{**row, **changes}])


def handoff(*rows: dict[str, object]) -> pd.DataFrame:
    first = {"journey": "buy", "from_channel": "chat", "to_channel": "phone", "n_journeys": 150, "completed_share": 0.5}
    first |= {"hazard_ratio": 0.5, "conf_low": 0.4, "conf_high": 0.8, "p_adjusted": 0.01}
    return pd.DataFrame([{**first, **row} for row in rows or ({},)])


def placed(incidents=None, handoffs=None, value: float | None = 10.0) -> pd.DataFrame:
    return places(months={"buy": 5.0}, values={"buy": value}, incidents=incidents, handoffs=handoffs)


def test_an_incident_counts_by_the_month_that_it_lasted():
    """200 steps in 30 days, 40 points fewer go on: 80 journeys in 30 days."""
    row = placed(incident()).iloc[0]
    assert (row["kind"], row["place"], row["segment"], row["is_clear"]) == ("touchpoint", "form", "mobile", True)
    assert row["lost_per_month"] == pytest.approx(80 / 30 * 365.25 / 12)
    assert row["worth_per_month"] == pytest.approx(10 * row["lost_per_month"])


def test_a_handoff_counts_by_the_months_of_the_log():
    """Half of 150 are completed at half the rate; at the full rate 1 - .5^2 = 75 % would be: 37.5 lost in 5 months."""
    row = placed(handoffs=handoff()).iloc[0]
    assert (row["place"], row["hazard_ratio"]) == ("chat → phone", 0.5)
    assert row["difference"] == pytest.approx(-0.25)
    assert row["lost_per_month"] == pytest.approx(7.5)
    assert row["conf_low"] == pytest.approx(0.5 - (1 - 0.5**2.5))
    assert row["conf_high"] == pytest.approx(0.5 - (1 - 0.5**1.25))


def test_what_may_be_chance_is_not_clear_and_comes_after():
    chance = {"from_channel": "web", "to_channel": "store", "n_journeys": 5000, "conf_high": 1.01}
    many_looked_at = {"from_channel": "web", "to_channel": "app", "n_journeys": 5000, "p_adjusted": 0.2}
    table = placed(incident(), handoff({}, chance, many_looked_at))
    assert table["is_clear"].tolist() == [True, True, False, False]
    assert set(table.loc[table["is_clear"], "place"]) == {"form", "chat → phone"}


def test_without_a_value_places_have_no_worth_but_an_order():
    table = placed(incident(), handoff(), value=None)
    assert table["worth_per_month"].isna().all()
    assert table["lost_per_month"].is_monotonic_decreasing


def test_no_places_at_all_is_an_empty_table():
    assert placed().empty


def test_the_worst_clear_place_stands_beside_its_journey():
    row = ranked({"buy": entry()}, gaps(buy=(0.1, 0.05, 0.15)), places=placed(incident(), handoff())).iloc[0]
    assert (row["kind"], row["place"], row["segment"]) == ("touchpoint", "form", "mobile")


# --- contacts, links, actions


def test_contacts_that_self_service_could_have_saved_by_eye():
    """110 journeys judged in 11 months; 30 % went on to a person, of the 50 % solved 20 % came back: 3 + 1 a month."""
    measures = {"solved": 0.5, "escalated": 0.3, "repeat_contact": 0.2}
    table = pd.DataFrame(
        [
            {"journey": "buy", "channel": "all", "measure": name, "n": 110, "share": share}
            | {"conf_low": share - 0.1, "conf_high": share + 0.1}
            for name, share in measures.items()
        ]
    )
    events = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a"],
            "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "touchpoint": ["visit", "call", "call"],
            "mode": ["self_service", "assisted", "assisted"],
            "cost": [1.0, 4.0, 6.0],
        }
    )
    source = ibis.duckdb.connect().create_table("events", events)
    steps = build_steps(source, definitions=DEFINITIONS, as_of=AS_OF)
    months = {"buy": 11 + 17 / (365.25 / 12)}  # 10 days to complete, 7 to come back
    row = avoidable_contacts(table, steps=steps, definitions=DEFINITIONS, months=months).iloc[0]
    assert row["contact_cost"] == 5
    assert row["contacts_per_month"] == pytest.approx(4)
    assert row["contacts_high"] - row["contacts_per_month"] == pytest.approx(np.hypot(1, 0.5))


def test_links_take_over_what_others_found():
    drivers = pd.DataFrame(
        {"factor": ["outcome", "outcome"], "case": ["completed", "abandoned"], "difference": [0, -20.0]}
        | {"conf_low": [0, -30.0], "conf_high": [0, -10.0], "n": [500, 100], "n_customers": [450, 95]}
    )
    retention = pd.DataFrame({"group": ["promoters", "passives", "detractors"], "share": [0.95, 0.93, 0.9]})
    retention = retention.assign(
        conf_low=retention["share"] - 0.03, conf_high=retention["share"] + 0.04, n=[100, 50, 80]
    )
    exits = pd.DataFrame(
        {"estimate": [0.03], "conf_low": [0.01], "conf_high": [0.05], "n": [900], "n_customers": [700]}
    )
    table = links(drivers=drivers, retention=retention, exits=exits).set_index("from_to")
    assert table.loc["journey to score", ["estimate", "conf_low", "n"]].tolist() == [-20, -30, 100]
    assert table.loc["journey to leaving", "estimate"] == pytest.approx(3)
    staying = table.loc["score to staying"]
    assert staying[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx([-5, -10, 0])
    assert staying["n"] == 180
    assert links().empty


def test_actions_name_places_and_gaps_with_owner_and_review():
    entries = {"buy": entry(owner="Ann", status="open")}
    where = placed(incident(), handoff({"conf_high": 1.1}))
    ranking = ranked(entries, gaps(buy=(0.1, 0.05, 0.15)), places=where)
    table = actions(ranking, places=where, entries=entries, as_of=pd.Timestamp("2024-12-31 18:00"))
    assert table["action"].tolist() == ["close the gap", "mend the step"]
    assert table["worth_at_most"].is_monotonic_decreasing
    assert table["review_on"].eq(pd.Timestamp("2025-03-31")).all()
    assert table["owner"].eq("Ann").all()
    assert table["version"].eq(1).all()
    assert table.loc[0, ["difference", "conf_low", "conf_high"]].tolist() == pytest.approx([-0.1, -0.15, -0.05])


def test_no_clear_place_and_no_sure_gap_is_no_action():
    ranking = ranked({"buy": entry()}, gaps(buy=(0.1, -0.05, 0.15)))
    assert actions(ranking, places=placed(), entries={"buy": entry()}, as_of=AS_OF).empty
