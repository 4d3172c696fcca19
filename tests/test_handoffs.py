"""Hand-offs are the customer's: across what the company sends and steps without a channel, in every dimension."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from tiny import AS_OF, buy

from cj_helpers import mapping
from cj_helpers.churn.known import steps_known_at
from cj_helpers.contract import DataError
from cj_helpers.journeys import build_journeys, build_steps, contact_spells, frequent_handoffs, handoff_ratios

START = datetime(2023, 1, 1)
# customer, day, touchpoint, channel, device, mode, actor: the company answers and the robot logs before a calls
LOG = [
    ("a", 0, "visit", "web", "mobile", "self_service", "customer"),
    ("a", 1, "mail", "email", "server", "assisted", "company"),
    ("a", 2, "note", None, None, None, "customer"),
    ("a", 3, "search", "phone", "mobile", "assisted", "customer"),
    ("a", 4, "logged", "crm", "server", "self_service", "system"),
    ("a", 5, "purchase", "phone", "desktop", "assisted", None),
]
COLUMNS = ["customer_id", "day", "touchpoint", "channel", "device", "mode", "actor"]


def built(rows, columns=COLUMNS, **changes):
    """Steps and journeys of a log."""
    frame = pd.DataFrame(rows, columns=columns)
    frame["timestamp"] = pd.Timestamp(START) + pd.to_timedelta(frame.pop("day"), "D").dt.round("s")
    events = ibis.duckdb.connect().create_table("events", frame.assign(row_number=range(len(frame))))
    definitions = buy(**{"stages": {}, **changes})
    steps = build_steps(events, definitions=definitions, as_of=AS_OF).cache()
    return steps, build_journeys(steps, definitions=definitions, as_of=AS_OF).cache()


@pytest.fixture(scope="module")
def across():
    return built(LOG)


def pairs(table):
    return dict(zip(zip(table["from_channel"], table["to_channel"], strict=True), table["n_handoffs"], strict=True))


def test_what_the_company_does_in_between_hides_no_hand_off(across):
    """Web, a mail of the company, a note without a channel, phone: one hand-off from web to phone, after three days."""
    steps, journeys = across
    table = mapping.handoffs(steps, journeys=journeys)
    assert pairs(table) == {("web", "phone"): 1}
    assert table["wait_median_hours"].tolist() == [72]
    assert table["wait_elsewhere_hours"].tolist() == [48]  # from the call to the purchase, by phone
    assert journeys.execute()["n_handoffs"].tolist() == [1]
    marked = steps.filter(steps.is_handoff).execute()
    assert marked["touchpoint"].tolist() == ["visit"]
    # the very next step stays what it is
    assert marked[["next_touchpoint", "next_channel", "wait"]].to_numpy().tolist() == [["mail", "email", 24]]


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [("device", {("mobile", "desktop"): 1}), ("mode", {("self_service", "assisted"): 1})],
)
def test_devices_and_modes_of_the_company_do_not_count(across, dimension, expected):
    steps, journeys = across
    assert pairs(mapping.handoffs(steps, journeys=journeys, dimension=dimension)) == expected


def test_without_an_actor_every_step_is_the_customers_and_unknown_channels_are_skipped():
    rows = [row[:-1] for row in LOG]
    steps, journeys = built(rows, COLUMNS[:-1])
    assert pairs(mapping.handoffs(steps)) == dict.fromkeys(
        [("web", "email"), ("email", "phone"), ("phone", "crm"), ("crm", "phone")], 1
    )
    assert journeys.execute()["n_handoffs"].tolist() == [4]


def test_start_stop_rows_and_ratios_take_the_same_hand_offs(across):
    steps, journeys = across
    assert frequent_handoffs(steps, least=1) == [("web", "phone")]
    rows = contact_spells(steps, journeys=journeys, handoffs=[("web", "phone")])
    after = rows.groupby("after web > phone")[["entry_days", "duration_days"]].agg(["min", "max"])
    assert after.loc[0, ("duration_days", "max")] == after.loc[1, ("entry_days", "min")] == 3
    options = {"definitions": buy(stages={}), "as_of": AS_OF}
    assert handoff_ratios(steps, journeys=journeys, **options, least=2).empty  # one journey has it


def test_a_hand_off_is_known_when_the_customer_has_arrived(across):
    """On day 2 nobody knows yet that the customer will call."""
    steps, _journeys = across
    for day, known in ((2, 0), (3, 1)):
        seen = steps_known_at(steps, START + timedelta(days=day)).execute()
        assert seen["is_handoff"].sum() == known
        assert seen.sort_values("position")["next_touchpoint"].isna().tolist()[-1]


def test_success_at_the_landmark_counts_the_arrival(across):
    steps, journeys = across
    options = {"journeys": journeys, "definitions": buy(stages={}), "as_of": AS_OF}
    early = mapping.handoff_success(steps, **options, days=(1, 4))
    assert early.query("from_channel == 'web'")["landmark_days"].tolist() == [4]


def test_channels_whose_names_hold_an_arrow_stay_apart():
    """From x to y>z takes a day, from x>y to z ten."""
    rows = [("a", 0, "visit", "x"), ("a", 1, "search", "y>z"), ("b", 0, "visit", "x>y"), ("b", 10, "search", "z")]
    steps, journeys = built(rows, COLUMNS[:4])
    table = mapping.handoffs(steps).set_index("from_channel")
    assert table["wait_median_hours"].to_dict() == {"x": 24, "x>y": 240}
    assert table["wait_elsewhere_hours"].to_dict() == {"x": 240, "x>y": 24}
    with pytest.raises(DataError, match="cannot be told apart"):
        contact_spells(steps, journeys=journeys, handoffs=[("x", "y > z"), ("x > y", "z")])


# --- What is said of them


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_change_of_device_that_changes_nothing_is_told_for_its_wait_alone(seed):
    """30 of 100 change the device, which takes 19 instead of 2 hours; the others are as successful, seed by seed."""
    rng = np.random.default_rng(seed)
    n = 1_000
    changed, wins = rng.random(n) < 0.3, rng.random(n) < 0.6
    device = np.where(changed, "desktop", "mobile")
    rows = [(f"c{i}", 0.0, "visit", "web", "mobile") for i in range(n)]
    rows += [(f"c{i}", 0.8 if changed[i] else 0.1, "search", "web", device[i]) for i in range(n)]
    rows += [(f"c{i}", 5.0, "purchase", "web", device[i]) for i in np.flatnonzero(wins)]
    assert not told(rows)["fewer_succeed"].any()
    # and where those who change do succeed less often, it is said
    rows = [row for row in rows if row[2] != "purchase" or not changed[int(row[0][1:])] or rng.random() < 0.7]
    row = told(rows).iloc[0]
    assert row["fewer_succeed"]
    assert row["conf_low"] < row["difference"] < row["conf_high"] < 0


def test_a_hand_off_is_a_way_on_where_more_succeed():
    """Who calls waits a day longer and buys more often: nothing to mend."""
    table = pd.DataFrame({"journey": "buy", "from_channel": "web", "to_channel": ["phone", "store", "chat"]})
    table = table.assign(
        n_journeys=[3, 2, 1], journeys_share=0.3, wait_median_hours=[24, 24, 5], wait_elsewhere_hours=3
    )
    success = table[["journey", "from_channel", "to_channel"]].assign(landmark_days=3, share=0.5, share_others=0.4)
    success = success.assign(difference=0.1, conf_low=[0.05, -0.02, -0.02], conf_high=0.2, p_adjusted=0.01)
    kept = mapping.notable_handoffs(table, success)
    assert kept[["to_channel", "fewer_succeed"]].to_numpy().tolist() == [["store", False]]


def told(rows):
    steps, journeys = built(rows, COLUMNS[:5])
    options = {"journeys": journeys, "dimension": "device"}
    success = mapping.handoff_success(steps, **options, definitions=buy(stages={}), as_of=AS_OF)
    return mapping.notable_handoffs(mapping.handoffs(steps, **options), success)
