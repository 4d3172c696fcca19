"""Report 05 on the sample: no number of its own, the planted faults on top, the nulls not among them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cj_helpers.sample.world import World

WORLD = World()


@pytest.fixture(scope="module")
def table(sample_run):
    return lambda place: pd.read_csv(sample_run / "tables" / f"{place}.csv", keep_default_na=False, na_values=[""])


def test_rates_and_sizes_are_those_of_report_01(table):
    ours = table("05_priorities/priorities").set_index("journey").sort_index()
    theirs = table("01_journey_mapping/journeys").set_index("journey").sort_index()
    names = ["completed_within", "conf_low", "conf_high", "n_journeys", "n_customers"]
    pd.testing.assert_frame_equal(ours[names], theirs[names], check_exact=True)


def test_incidents_are_those_of_report_01(table):
    ours = table("05_priorities/places").query("kind == 'touchpoint'")
    theirs = table("01_journey_mapping/incidents")
    names = ["difference", "conf_low", "conf_high", "n"]
    pd.testing.assert_frame_equal(ours[names].reset_index(drop=True), theirs[names], check_exact=True)


def test_handoffs_are_those_of_report_02(table):
    ours = table("05_priorities/places").query("kind == 'hand-off'").set_index(["journey", "place"])["hazard_ratio"]
    theirs = table("02_dropoff_survival/handoff_ratios")
    theirs = theirs.set_index(["journey", theirs["from_channel"] + " → " + theirs["to_channel"]])["hazard_ratio"]
    assert len(ours) >= 1  # 05 names the clear ones only
    assert ours.to_dict() == theirs.loc[ours.index].to_dict()


def test_links_are_those_of_reports_03_and_04(table):
    links = table("05_priorities/links").set_index("from_to")
    drivers = table("03_nps_drivers/journey_drivers")
    given_up = drivers[drivers["factor"].eq("outcome") & drivers["case"].eq("abandoned")].iloc[0]
    names = ["conf_low", "conf_high", "n"]
    assert links.loc["journey to score", ["estimate", *names]].tolist() == given_up[["difference", *names]].tolist()
    exits = table("04_churn/exit_differences")
    both = exits[exits["journey"].eq("all")].iloc[0]
    assert links.loc["journey to leaving", "estimate"] / 100 == pytest.approx(both["difference"], rel=1e-9)
    assert links.loc["journey to leaving", "n"] == both["n"]


def test_the_contact_list_is_that_of_report_04(table):
    pd.testing.assert_frame_equal(table("05_priorities/waterfall"), table("04_churn/waterfall"), check_exact=True)


def test_the_planted_faults_come_first_with_their_truth_in_the_interval(table):
    """Truth 3: P(next) of the form fell from .85 to .45 on mobile; truth 2: completion at .60 of the rate."""
    places = table("05_priorities/places")
    form, chat = places.iloc[0], places.iloc[1]
    assert (form["journey"], form["place"], form["segment"]) == ("move_home", "address_form", "mobile")
    assert -form["conf_high"] <= WORLD.form_next - WORLD.form_next_broken <= -form["conf_low"]
    assert (chat["journey"], chat["place"]) == ("outage_recovery", "chat → phone")
    ratios = table("02_dropoff_survival/handoff_ratios")
    pair = (
        ratios["journey"].eq("outage_recovery") & ratios["from_channel"].eq("chat") & ratios["to_channel"].eq("phone")
    )
    row = ratios[pair].iloc[0]
    assert row["conf_low"] <= WORLD.handoff_hazard_ratio <= row["conf_high"]


def test_the_nulls_are_not_named(table, sample_run):
    """Hand-offs to a store change nothing; Switzerland is like Germany."""
    places = table("05_priorities/places")
    assert not places.loc[places["is_clear"], "place"].str.contains("store").any()
    findings = json.loads((sample_run / "results.json").read_text())["findings"]
    texts = " ".join(entry["text"] for entry in findings if entry["notebook"].startswith("05"))
    assert "chat → phone" in texts
    assert "store" not in texts
    assert "CH" not in texts.split()


def test_the_mended_form_is_called_better_and_an_open_question_stays_open(table):
    changes = table("05_priorities/changes").set_index("what_changed")
    assert changes.loc["address form mended", "result"] == "better"
    assert changes["conf_low"].le(changes["adjusted_difference"]).all()


def test_actions_are_versioned_and_owned(table):
    actions = table("05_priorities/actions")
    assert actions["version"].eq(1).all()
    assert actions["worth_at_most"].is_monotonic_decreasing
    assert actions["owner"].notna().all()
    assert actions.loc[0, "place"] == "address_form"
