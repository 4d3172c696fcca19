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
def run(tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("faults")
    (base / "faults").mkdir()
    (base / "faults" / "dataset.yml").write_text(YML, encoding="utf-8")
    faults().to_csv(base / "faults" / "events.csv", index=False)
    command = [sys.executable, "-m", "cj_helpers", "run", str(base / "faults"), "--notebook", "01"]
    done = subprocess.run([*command, "--out", str(base / "out")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (base / "out" / "faults" / "latest").resolve()


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
    findings = [row["text"] for row in json.loads((run / "results.json").read_text())["findings"]]
    assert [text for text in findings if sentence in text], findings


def test_the_rest_is_reported(run):
    journeys = pd.read_csv(run / "tables" / "01_journey_mapping" / "journeys.csv").set_index("journey")
    assert journeys.loc[["single", "running", "tied"], "n_journeys"].tolist() == [60, 60, 60]
    paths = pd.read_csv(run / "tables" / "01_journey_mapping" / "variants.csv")
    assert paths.loc[paths["journey"].eq("tied"), "path"].tolist() == ["t1>t2>t3"]
