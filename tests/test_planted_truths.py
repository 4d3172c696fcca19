"""What was planted in the sample is what the template finds in it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cj_helpers.contract import COMPLETED
from cj_helpers.dataset import open_dataset
from cj_helpers.inference import clustered_share
from cj_helpers.journeys import build_journeys, build_steps, journey_frame
from cj_helpers.mapping import journey_summary
from cj_helpers.sample.world import World

ROOT = Path(__file__).resolve().parent.parent
WORLD = World()


@pytest.fixture(scope="module")
def data():
    return open_dataset(ROOT / "data" / "sample")


@pytest.fixture(scope="module")
def steps(data):
    return build_steps(data.events, definitions=data.journeys, as_of=data.as_of).cache()


@pytest.fixture(scope="module")
def frame(data, steps):
    return journey_frame(build_journeys(steps, definitions=data.journeys, as_of=data.as_of))


def test_truth_1_outages_completed_within_14_days(data, frame):
    """The headline interval holds .72; of closed outages alone about .80 are completed; .08 are open."""
    outages = frame[frame["journey"].eq("outage_recovery")]
    definitions = {"outage_recovery": data.journeys["outage_recovery"]}
    row = journey_summary(outages, definitions=definitions, as_of=data.as_of).iloc[0]
    assert row["within_days"] == 14
    assert row["conf_low"] <= WORLD.outage_completed_14d <= row["conf_high"]
    assert row["conf_high"] - row["conf_low"] < 0.05
    closed = outages[outages["outcome"].ne("open")]
    assert closed["outcome"].eq(COMPLETED).mean() == pytest.approx(WORLD.outage_completed_of_closed, abs=0.02)
    assert outages["outcome"].eq("open").mean() == pytest.approx(WORLD.outage_open_share, abs=0.012)


def form_steps(steps) -> pd.DataFrame:
    """Starts of a move: device, broken weeks or not, and whether a next step came."""
    rows = steps.filter((steps.journey == "move_home") & (steps.touchpoint == "address_form") & (steps.position == 1))
    found = rows.select("customer_id", "timestamp", "device", "next_touchpoint").execute()
    weeks = (found["timestamp"] - pd.Timestamp("2024-12-31 23:00")).dt.days // 7 + 1
    first, last = WORLD.form_broken_weeks
    return found.assign(is_broken=weeks.between(first, last), went_on=found["next_touchpoint"].notna())


def test_truth_3_the_address_form_breaks_on_mobile_only(steps):
    shares = clustered_share(
        form_steps(steps), success_col="went_on", cluster_col="customer_id", group_cols=["device", "is_broken"]
    ).set_index(["device", "is_broken"])
    broken = shares.loc[("mobile", True)]
    assert broken["n"] >= WORLD.form_broken_starts
    assert broken["conf_low"] <= WORLD.form_next_broken <= broken["conf_high"]
    assert broken["conf_high"] < 0.6
    for place in [("mobile", False), ("desktop", True), ("desktop", False)]:
        assert shares.loc[place, "conf_low"] <= WORLD.form_next <= shares.loc[place, "conf_high"], place


def test_truth_4_a_booked_technician_takes_six_days_and_nearly_always_succeeds(data, steps):
    booked = steps.filter((steps.journey == "outage_recovery") & (steps.touchpoint == "technician_booked"))
    rows = booked.select("customer_id", "timestamp", "next_touchpoint", "wait").execute()
    old_enough = rows[rows["timestamp"] <= data.as_of - pd.Timedelta(45, "D")]
    came = old_enough.assign(came=old_enough["next_touchpoint"].eq("service_restored"))
    share = clustered_share(came, success_col="came", cluster_col="customer_id").iloc[0]
    assert share["conf_low"] <= WORLD.visit_completed <= share["conf_high"]
    days = came.loc[came["came"], "wait"] / 24
    assert days.median() == pytest.approx(WORLD.visit_wait_days, abs=0.4)
    assert days.quantile(0.9) == pytest.approx(WORLD.visit_wait_p90_days, abs=1.0)


def test_a_run_publishes_every_report_with_its_fixed_tables(sample_run):
    """The columns that machines rely on, in the files of one run."""
    manifest = json.loads((sample_run / "manifest.json").read_text())
    assert manifest["exit_code"] == 0
    assert {entry["status"] for entry in manifest["notebooks"].values()} == {"ok"}
    assert len(manifest["notebooks"]) == 6
    for place, columns in TABLES.items():
        notebook, table = place.split("/")
        folder = next((sample_run / "tables").glob(f"{notebook}_*"))
        found = (folder / f"{table}.csv").read_text().splitlines()[0].split(",")
        missing = [name for name in columns.split() if name not in found]
        assert not missing, f"{place} lacks {missing}"
        if notebook == "01":
            assert found[0] == "journey"


TABLES = {
    "01/transitions": "source target n_transitions n_journeys probability wait_median_hours wait_p25_hours "
    "wait_p75_hours",
    "01/variants": "path n_journeys share completed_share",
    "01/outcomes": "outcome n_journeys share",
    "01/funnel": "kind stage n_reached n_previous share conf_low conf_high n_matured matured_share",
    "01/journeys": "label n_journeys n_customers completed_within conf_low conf_high p90_days",
    "02/survival_curve": "segment time_days estimate conf_low conf_high n_at_risk",
    "02/cumulative_incidence": "outcome segment time_days estimate conf_low conf_high",
    "03/nps_scores": "segment estimate conf_low conf_high n promoters passives detractors estimate_weighted",
    "03/drivers": "driver dimension share conf_low conf_high coefficient correlation direction method",
    "04/retention_curve": "segment time time_unit estimate conf_low conf_high n_at_risk",
    "04/churn_model": "term estimate std_error conf_low conf_high p_value",
}


def test_the_headline_is_the_same_number_in_both_reports(sample_run):
    results = json.loads((sample_run / "results.json").read_text())
    rates: dict[str, set[float]] = {}
    for metric in results["metrics"]:
        if metric["name"] == "completed_within":
            rates.setdefault(metric["journey"], set()).add(round(metric["estimate"], 10))
    assert len(rates) == 4
    assert all(len(values) == 1 for values in rates.values())
    names = ["notebook", "journey", "name", "segment", "estimate", "conf_low", "conf_high", "n", "unit"]
    assert set(names) <= set(results["metrics"][0])
    assert set(results["findings"][0]) == {"notebook", "level", "text", "weight"}
