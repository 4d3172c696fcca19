"""The reports of the sample name what was planted in its journeys, in their own sentences, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from cj_helpers.inference import wilson_interval
from cj_helpers.sample.world import World

WORLD = World()
OUTAGE, MOVE = "“Internet back after an outage”", "“Moving to a new home”"
Findings = list[dict[str, str]]


@pytest.fixture(scope="module")
def findings(sample_run: Path) -> Findings:
    return json.loads((sample_run / "results.json").read_text())["findings"]


@pytest.fixture(scope="module")
def table(sample_run: Path):
    return lambda name: pd.read_csv(sample_run / "tables" / "01_journey_mapping" / f"{name}.csv")


def said(findings: Findings, pattern: str, notebook: str = "01") -> tuple[str, ...]:
    """Return the groups of the one sentence of a report that the pattern describes."""
    found = [re.search(pattern, row["text"]) for row in findings if row["notebook"].startswith(notebook)]
    (match,) = [match for match in found if match]
    return match.groups()


def test_truth_1_the_report_names_the_rate_of_outages(findings):
    low, high = said(findings, rf"journeys of {OUTAGE} are completed within 14 days \(95 % interval (.+) % to (.+) %\)")
    assert float(low) <= 100 * WORLD.outage_completed_14d <= float(high)


def test_truth_2_the_report_names_the_hand_off_from_chat_to_phone(findings, table):
    pattern = (
        rf"Going from (\w+) to (\w+) takes (.+) days in the median, other moves (.+) h; it occurs in (.+) % of "
        rf"the journeys of {OUTAGE}. Of those running on day 3, (.+) % are completed with it and (.+) % without"
    )
    start, end, wait, elsewhere, share, with_it, without = said(findings, pattern)
    assert (start, end) == ("chat", "phone")
    assert 24 * float(wait) == pytest.approx(WORLD.handoff_wait_hours, rel=0.1)
    assert float(elsewhere) == pytest.approx(WORLD.elsewhere_wait_hours, rel=0.15)
    n = table("outcomes").query("journey == 'outage_recovery'")["n_journeys"].sum()
    low, high = wilson_interval(float(share) / 100 * n, n, conf_level=0.99)
    assert low <= WORLD.handoff_share <= high
    assert float(with_it) < float(without)


def test_truth_3_the_report_names_the_broken_form_and_its_weeks(findings):
    pattern = rf"From (\S+) to (\S+) only (.+) % went on after (\w+) with (\w+) (\w+) in {MOVE}.*\((\S+) customers, "
    first, last, share, *what, n = said(findings, pattern)
    assert what == ["address_form", "device", "mobile"]
    begin, end = (pd.Timestamp("2024-12-31") + pd.Timedelta(7 * week, "D") for week in WORLD.form_broken_weeks)
    assert abs(pd.Timestamp(first) - (begin - pd.Timedelta(6, "D"))) <= pd.Timedelta(7, "D")
    assert abs(pd.Timestamp(last) - end) <= pd.Timedelta(7, "D")
    size = int(n.replace(",", ""))
    low, high = wilson_interval(float(share) / 100 * size, size)
    assert low <= WORLD.form_next_broken <= high


def test_truth_4_the_report_names_the_wait_for_the_technician(findings, table):
    pattern = (
        rf"After (\w+) customers of {OUTAGE} wait (.+) days in the median, one in ten longer than (.+) days, "
        r"where the wait has ended; .* end within the promised (.+) days, and (.+) % of these journeys are completed"
    )
    touchpoint, median, p90, promised, completed = said(findings, pattern)
    assert (touchpoint, float(promised)) == ("technician_booked", 10)
    assert float(median) == pytest.approx(WORLD.visit_wait_days, abs=0.4)
    assert float(p90) == pytest.approx(WORLD.visit_wait_p90_days, abs=1.0)
    n = table("promises")["n_journeys"].iloc[0]
    low, high = wilson_interval(float(completed) / 100 * n, n, conf_level=0.99)
    assert low <= WORLD.visit_completed <= high


def test_truth_5_the_report_names_what_the_chat_bot_truly_contains(findings, table):
    pattern = (
        rf"In (\w+), self-service seems to solve (.+) % of the journeys of {OUTAGE} .*; (.+) % of these turn to a "
        r"person within 7 days: truly contained are (.+) %"
    )
    channel, *_shares = said(findings, pattern)
    assert channel == "chat"
    rows = table("containment").query("journey == 'outage_recovery' and channel == 'chat'").set_index("measure")
    truth = {"solved": WORLD.bot_solved, "repeat_contact": WORLD.bot_called_after, "contained": WORLD.bot_contained}
    for measure, value in truth.items():
        assert rows.loc[measure, "conf_low"] <= value <= rows.loc[measure, "conf_high"], measure


def test_the_null_hand_offs_in_stores_are_named_by_no_report(findings, table):
    told = " ".join(row["text"] for row in findings)
    pairs = re.findall(r"Going from (\w+) to (\w+) takes|hand-off (\w+) → (\w+)", told)
    named = {tuple(name for name in pair if name) for pair in pairs}
    assert ("chat", "phone") in named
    assert not [pair for pair in named if "store" in pair]
    success = table("handoff_success").query("journey == 'outage_recovery'")
    store = success[success["from_channel"].eq("store") | success["to_channel"].eq("store")]
    assert len(store)
    assert not store["p_adjusted"].lt(0.05).any()


def test_a_change_is_told_with_parts_that_add_up_to_it(findings):
    """The shares before and after are those of the whole, so the change at the same mix alone would not fit them."""
    pattern = (
        r"went from ([\d.]+) % to ([\d.]+) %, by (-?[\d.]+) pp: (-?[\d.]+) pp because .*?, (-?[\d.]+) pp at the same"
    )
    told = [re.search(pattern, finding["text"]) for finding in findings if "went from" in finding["text"]]
    assert told
    for match in told:
        before, after, total, mix, true = (float(number) for number in match.groups())
        assert after - before == pytest.approx(total, abs=0.11)
        assert mix + true == pytest.approx(total, abs=0.11)
