"""Report 01 on a log that has every fault at once: what is wrong is said in a sentence, the rest is reported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow

YML = """\
version: 1
name: Every fault
time_zone: UTC
as_of: 2025-03-01
tables:
  events:
    - source: events.csv
      read: {timestamp_format: "%Y-%m-%d %H:%M:%S"}
journeys:
  pages: {label: Ten thousand pages, success: [bought], timeout: 14d, within: 14d}
  single: {label: One touchpoint, success: [ping], touchpoints: [ping], timeout: 7d, within: 7d}
  running:
    label: All open
    start: [begun]
    success: [finished]
    stages: {begin: [begun], done: [finished]}
    timeout: none
  tied: {label: Ties everywhere, stages: {one: [t1], two: [t2], three: [t3]}, success: [t3], timeout: 7d, within: 7d}
privacy: {public: true}
"""


def faults() -> pd.DataFrame:
    """Ten thousand pages, a robot, one touchpoint, journeys that are all open, three steps at one moment."""
    rng = np.random.default_rng(1)
    rows = [(f"c{i % 2_500}", 20 + i // 2_500, f"page {i}") for i in range(10_000)]
    rows += [(f"c{i}", 20 + day, f"page {rng.integers(60)}") for i in range(2_000) for day in range(3)]
    rows += [(f"c{i}", 25, "bought") for i in range(0, 2_000, 4)]
    rows += [("robot", 20 + i / 500, "page 1") for i in range(5_000)]
    rows += [(f"s{i}", 10 + i % 30, "ping") for i in range(60)]
    rows += [(f"o{i}", 50 + i % 5, "begun") for i in range(60)] + [("o1", 40, "finished")]
    rows += [(f"t{i}", 5 + i % 20, name) for i in range(60) for name in ("t1", "t2", "t3")]
    log = pd.DataFrame(rows, columns=["customer_id", "day", "touchpoint"])
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(log.pop("day") * 86_400, "s").dt.round("s")
    return log.assign(timestamp=at.dt.strftime("%Y-%m-%d %H:%M:%S"), channel="web")


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "faults"
    folder.mkdir()
    (folder / "dataset.yml").write_text(YML, encoding="utf-8")
    faults().to_csv(folder / "events.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(log) -> Path:
    return mapped(log, log.parent / "out")


@pytest.fixture(scope="module")
def without_robots(log) -> Path:
    return mapped(log, log.parent / "without", "-p", "keep_robots", "false")


def mapped(data: Path, out: Path, *options: str) -> Path:
    """Run report 01; return the folder of the run."""
    command = [sys.executable, "-m", "cj_helpers", "run", str(data), "--notebook", "01", "--out", str(out), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (out / data.name / "latest").resolve()


def table(run: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(run / "tables" / "01_journey_mapping" / f"{name}.csv")


def sentences(run: Path) -> list[str]:
    return [row["text"] for row in json.loads((run / "results.json").read_text())["findings"]]


@pytest.mark.parametrize(
    "sentence",
    [
        "“Ten thousand pages” has 10,007 touchpoints; 9,907 rare ones (",
        "Customers who behave like programs: 1 (report 00 has the rules), with 22.9 % of all events.",
        "None of the 60 journeys of “All open” was completed: 0 were given up, 60 are open.",
        "100.0 % of the steps of “Ties everywhere” have the same time as the next one",
        "An estimated 100.0 % of the journeys of “One touchpoint” are completed within 7 days",
        "An estimated 100.0 % of the journeys of “Ties everywhere” are completed within 7 days",
    ],
)
def test_the_report_says_what_is_wrong(run, sentence):
    assert [text for text in sentences(run) if sentence in text], sentences(run)


def test_the_rest_is_reported(run):
    journeys = table(run, "journeys").set_index("journey")
    assert journeys.loc[["single", "running", "tied"], "n_journeys"].tolist() == [60, 60, 60]
    paths = table(run, "variants")
    assert paths.loc[paths["journey"].eq("tied"), "path"].tolist() == ["t1>t2>t3"]


def test_page_one_says_that_there_are_no_hand_offs(run):
    page = (run / "01_journey_mapping.html").read_text(encoding="utf-8")
    assert "the hand-offs of “”" not in page
    assert "The frictions that cost most, in journeys a month." in page


def test_the_robot_alone_is_left_out_on_demand(run, without_robots):
    robot = faults()["customer_id"].eq("robot")
    said = f"Left out are 1 customers who behave like programs (report 00 has the rules), with {robot.sum():,} events, "
    assert [text for text in sentences(without_robots) if said in text]
    assert not [text for text in sentences(run) if "Left out are" in text]
    assert not [text for text in sentences(without_robots) if "The parameter keep_robots" in text]

    with_it, without = (table(each, "outcomes").set_index(["journey", "outcome"]) for each in (run, without_robots))
    fewer = with_it["n_journeys"] - without["n_journeys"]
    assert fewer[fewer.ne(0)].to_dict() == {("pages", "abandoned"): 1}
    others = ["running", "single", "tied"]
    pd.testing.assert_frame_equal(with_it.loc[others], without.loc[others])

    with_it, without = (
        table(each, "transitions").set_index(["journey", "source", "target"])["n_transitions"]
        for each in (run, without_robots)
    )
    gone = with_it.sub(without, fill_value=0)
    assert gone[gone.ne(0)].to_dict() == {
        ("pages", "page 1", "page 1"): robot.sum() - 1,
        ("pages", "page 1", "(abandoned)"): 1,
    }
    rates = [table(each, "journeys").set_index("journey").loc["pages"] for each in (run, without_robots)]
    assert [row["n_journeys"] for row in rates] == [2_681, 2_680]
    assert rates[0]["completed_within"] * 2_681 == pytest.approx(rates[1]["completed_within"] * 2_680)


def test_nothing_is_left_out_where_nobody_is_a_robot(sample_run, tmp_path):
    run = mapped(ROOT / "data" / "sample", tmp_path, "-p", "keep_robots", "false")
    for name in ("outcomes", "journeys", "transitions"):
        pd.testing.assert_frame_equal(table(run, name), table(sample_run, name))
    assert not [text for text in sentences(run) if "behave like programs" in text]


def test_a_market_of_six_customers_is_skipped_and_no_report_fails(tmp_path):
    folder = tmp_path / "six"
    folder.mkdir()
    head, journeys = YML.split("journeys:\n")
    tied = next(line for line in journeys.splitlines() if line.startswith("  tied:"))
    (folder / "dataset.yml").write_text(f"{head}journeys:\n{tied}\n", encoding="utf-8")
    log = faults()
    log[log["customer_id"].isin([f"t{i}" for i in range(6)])].to_csv(folder / "events.csv", index=False)
    reports = [f"--notebook={name}" for name in ("01", "02", "05")]
    command = [sys.executable, "-m", "cj_helpers", "run", str(folder), *reports, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((tmp_path / "out" / "six" / "latest" / "manifest.json").read_text())
    reasons = {entry["status"]: entry["reason"] for entry in manifest["notebooks"].values()}
    assert reasons == {"skipped": "Up to this day no journey has 10 customers or more to report on."}
