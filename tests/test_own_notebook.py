"""A notebook dropped into notebooks/ becomes a report without another line of configuration."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_example_of_an_own_notebook_runs_once_it_is_dropped_in(tmp_path):
    notebooks = tmp_path / "notebooks"
    shutil.copytree(ROOT / "notebooks", notebooks, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copyfile(ROOT / "docs" / "10_mine.ipynb", notebooks / "10_mine.ipynb")
    out = tmp_path / "reports"
    command = [sys.executable, "-m", "cj_helpers", "run", "data/sample", "--notebook", "10_mine"]
    command += ["--notebooks-dir", str(notebooks), "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    run = out / "sample" / "latest"
    manifest = json.loads((run / "manifest.json").read_text())
    assert {name: entry["status"] for name, entry in manifest["notebooks"].items()} == {"10_mine": "ok"}
    assert "On which days do customers come?" in (run / "10_mine.html").read_text()
    table = (run / "tables" / "10_mine" / "weekdays.csv").read_text().splitlines()
    assert table[0] == "channel,weekday,n_events"
    assert len(table) == 1 + 6 * 7
