"""Before and after a dated change: followed by eye, against other calculations, and on the sample's planted change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset import open_dataset
from cj_helpers.dataset.schema import Change
from cj_helpers.inference import combined_interval, newcombe_difference, wilson_interval
from cj_helpers.journeys import build_journeys, build_steps
from cj_helpers.priorities import change_columns, changes_compared

ROOT = Path(__file__).resolve().parent.parent
AT = pd.Timestamp("2024-06-01")
AS_OF = pd.Timestamp("2024-09-30")


def buy(days: int = 10) -> dict[str, JourneyDefinition]:
    within = timedelta(days=days)
    return {"buy": JourneyDefinition("buy", "Buy", start=("visit",), success=("paid",), timeout=within, within=within)}


def log(starts: list[tuple[str, bool]], **columns: list[str]) -> pd.DataFrame:
    """One customer per start; the successful ones pay a day later."""
    rows = []
    for number, (day, pays) in enumerate(starts):
        facts = {"customer_id": f"c{number}", **{name: values[number] for name, values in columns.items()}}
        rows.append({**facts, "timestamp": pd.Timestamp(day), "touchpoint": "visit"})
        if pays:
            rows.append({**facts, "timestamp": pd.Timestamp(day) + pd.Timedelta(days=1), "touchpoint": "paid"})
    return pd.DataFrame(rows)


def compared(events: pd.DataFrame, *changes: Change, as_of: pd.Timestamp = AS_OF, days: int = 10) -> pd.DataFrame:
    table = ibis.duckdb.connect().create_table("events", events)
    steps = build_steps(table, definitions=buy(days), as_of=as_of, keep=change_columns(changes))
    journeys = build_journeys(steps, definitions=buy(days), as_of=as_of)
    return changes_compared(journeys, changes=changes, definitions=buy(days), as_of=as_of, time_zone="UTC", steps=steps)


def group(day: str, n: int, paid: int) -> list[tuple[str, bool]]:
    return [(day, number < paid) for number in range(n)]


def test_the_rates_before_and_after_by_eye():
    """Of 40 before 20 pay, of 40 after 32: 30 points more, and with nothing censored the interval is Newcombe's."""
    row = compared(log(group("2024-05-10", 40, 20) + group("2024-06-20", 40, 32)), Change(date=AT, label="bot")).iloc[0]
    assert (row["n_before"], row["n_after"], row["before"], row["after"]) == (40, 40, 0.5, 0.8)
    assert row["difference"] == row["adjusted_difference"] == pytest.approx(0.3)
    assert row["horizon_days"] == 10
    assert row["result"] == "better"
    assert row["conf_low"] > 0.05
    assert row["conf_high"] < 0.5


def test_what_came_after_the_change_does_not_colour_the_time_before():
    """Journeys begun on the eve of the change and paid after it are open, not completed, before it."""
    eve = [("2024-05-31 12:00", True)] * 30
    row = compared(log(group("2024-05-10", 40, 20) + eve + group("2024-06-20", 40, 20)), Change(date=AT, label="x"))
    assert row.loc[0, "n_before"] == 70
    assert row.loc[0, "before"] == pytest.approx(0.5)


def test_a_window_ends_at_the_next_change_of_the_journey():
    events = log(group("2024-04-10", 20, 20) + group("2024-05-20", 20, 5) + group("2024-06-20", 20, 15))
    broken, mended = Change(date="2024-05-01", label="broken"), Change(date="2024-06-01", label="mended")
    table = compared(events, mended, broken)
    assert table["what_changed"].tolist() == ["broken", "mended"]
    assert table["before"].tolist() == [1, 0.25]
    assert table["after"].tolist() == [0.25, 0.75]
    assert compared(events, mended).loc[0, "before"] == pytest.approx(25 / 40)


def test_a_comparison_takes_off_what_happened_to_all():
    """Mobile rises by 30 points, desktop by 20: what is left to the change is 10."""
    sizes = [("2024-05-10", 50), ("2024-05-10", 60), ("2024-06-20", 80), ("2024-06-20", 80)]
    starts = [start for day, paid in sizes for start in group(day, 100, paid)]
    devices = [name for name in ("mobile", "desktop") * 2 for _ in range(100)]
    change = Change(date=AT, label="form", segment={"device": "mobile"}, comparison={"device": "desktop"})
    row = compared(log(starts, device=devices), change).iloc[0]
    assert (row["segment"], row["comparison"]) == ("mobile", "desktop")
    assert row["difference"] == pytest.approx(0.3)
    assert row["adjusted_difference"] == pytest.approx(0.1)
    assert row["result"] == "too early to tell"


def test_a_change_of_mix_is_no_change_of_the_journey():
    """Both countries keep their rate; more journeys from the country with the lower one pull the raw rate down."""
    starts = group("2024-05-10", 100, 80) + group("2024-05-10", 100, 40)
    starts += group("2024-06-20", 40, 32) + group("2024-06-20", 160, 64)
    countries = ["AT"] * 100 + ["CH"] * 100 + ["AT"] * 40 + ["CH"] * 160
    row = compared(log(starts, country=countries), Change(date=AT, label="x", mix="country")).iloc[0]
    assert row["difference"] == pytest.approx(-0.12)
    assert row["adjusted_difference"] == pytest.approx(0, abs=1e-12)


def test_rare_strata_are_pooled_and_nothing_is_left_out():
    """Two countries with too few journeys count together: 3 of 6 before and 6 of 12 after, 60 of 100 on both sides."""
    starts = group("2024-05-10", 100, 60) + group("2024-05-10", 6, 3) + group("2024-05-10", 6, 3)
    starts += group("2024-06-20", 100, 60) + group("2024-06-20", 6, 0) + group("2024-06-20", 6, 6)
    countries = (["DE"] * 100 + ["AT"] * 6 + ["CH"] * 6) * 2
    row = compared(log(starts, country=countries), Change(date=AT, label="x", mix="country")).iloc[0]
    assert row["adjusted_difference"] == pytest.approx(0, abs=1e-12)


def test_a_horizon_not_reached_yet_is_shortened_and_said():
    """Three days after the change nobody could be followed for ten: both sides are compared at what was reached."""
    as_of = pd.Timestamp("2024-06-04")
    row = compared(
        log(group("2024-05-10", 40, 20) + group("2024-06-01", 40, 20)), Change(date=AT, label="x"), as_of=as_of
    )
    assert row.loc[0, "horizon_days"] == 3
    assert row.loc[0, "result"] == "too early to tell"


@pytest.mark.parametrize("starts", [[], group("2024-05-10", 40, 20), group("2024-06-20", 40, 20)], ids=len)
def test_too_few_journeys_on_a_side_are_too_early_to_tell(starts):
    row = compared(log([("2024-01-01", True), *starts]), Change(date=AT, label="x")).iloc[0]
    assert row["result"] == "too early to tell"
    assert np.isnan(row["adjusted_difference"])


def test_a_precise_interval_around_zero_is_no_change_of_note():
    starts = group("2024-05-10", 3000, 1500) + group("2024-06-20", 3000, 1500)
    assert compared(log(starts), Change(date=AT, label="x")).loc[0, "result"] == "no change of note"


def test_no_change_gives_an_empty_table_with_its_columns():
    table = compared(log(group("2024-05-10", 40, 20)))
    assert table.empty
    assert {"journey", "result", "adjusted_difference"} <= set(table)


def test_the_day_of_a_change_begins_in_the_zone_of_the_data():
    events = log([("2024-05-31 22:30", True)] * 20 + [("2024-05-31 21:30", False)] * 20)
    table = ibis.duckdb.connect().create_table("events", events)
    steps = build_steps(table, definitions=buy(), as_of=AS_OF)
    journeys = build_journeys(steps, definitions=buy(), as_of=AS_OF)
    row = changes_compared(
        journeys,
        changes=[Change(date=AT, label="x")],
        definitions=buy(),
        as_of=AS_OF,
        time_zone="Europe/Berlin",
        steps=steps,
    ).iloc[0]
    assert (row["n_before"], row["n_after"]) == (20, 20)


# --- the interval of a weighted sum


def test_the_difference_of_two_shares_is_newcombes():
    (a_low, b_low), (a_high, b_high) = wilson_interval([56, 48], [70, 80])
    got = combined_interval([1, -1], [0.8, 0.6], [a_low, b_low], [a_high, b_high])
    assert got == pytest.approx([float(value) for value in newcombe_difference(56, 70, 48, 80)])


estimates = st.tuples(st.floats(-3, 3), st.floats(0, 2), st.floats(0, 2), st.floats(-2, 2))


@given(st.lists(estimates, min_size=1, max_size=6))
def test_a_sum_lies_in_its_interval_and_turns_with_its_sign(terms):
    weights = np.array([term[3] for term in terms])
    x = np.array([term[0] for term in terms])
    low, high = x - [term[1] for term in terms], x + [term[2] for term in terms]
    total, lower, upper = combined_interval(weights, x, low, high)
    assert lower <= total <= upper
    assert combined_interval(-weights, x, low, high) == pytest.approx((-total, -upper, -lower))


@pytest.mark.parametrize(("paid_before", "paid_after"), [(0, 40), (40, 40), (7, 31)])
def test_without_censoring_the_rates_are_plain_shares(paid_before, paid_after):
    events = log(group("2024-05-10", 40, paid_before) + group("2024-06-20", 40, paid_after))
    row = compared(events, Change(date=AT, label="x")).iloc[0]
    assert row["before"] == pytest.approx(paid_before / 40)
    assert row["after"] == pytest.approx(paid_after / 40)
    assert row["conf_low"] <= row["adjusted_difference"] <= row["conf_high"]


# --- the sample


def test_the_mended_address_form_is_found_and_its_truth_lies_in_the_interval():
    """Planted: P(next) after the form was .45 on mobile until 2025-06-24 and is .85 since; desktop stayed.

    Who does not go on is not completed, so completion rises by the same factor, 1 - .45/.85 of the rate after.
    """
    data = open_dataset(ROOT / "data" / "sample")
    places = {"segment": {"device": "mobile"}, "comparison": {"device": "desktop"}}
    changes = [
        Change(date="2025-05-14", journey="move_home", label="broken", **places),
        Change(date="2025-06-25", journey="move_home", label="mended", **places),
    ]
    steps = build_steps(data.events, definitions=data.journeys, as_of=data.as_of, keep=change_columns(changes))
    journeys = build_journeys(steps.cache(), definitions=data.journeys, as_of=data.as_of)
    table = changes_compared(
        journeys,
        changes=changes,
        definitions=data.journeys,
        as_of=data.as_of,
        time_zone=data.time_zone,
        steps=steps,
        customers=data.customers,
    ).set_index("what_changed")
    mended = table.loc["mended"]
    assert mended["result"] == "better"
    assert mended["conf_low"] <= mended["after"] * (1 - 0.45 / 0.85) <= mended["conf_high"]
    assert mended["before"] / mended["after"] == pytest.approx(0.45 / 0.85, abs=0.12)
    assert table.loc["broken", "difference"] < 0
