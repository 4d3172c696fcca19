"""`cj check` and report 00 give the same verdict: they are read by the scheduler and by people."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cj_helpers import cli

ROOT = Path(__file__).resolve().parent.parent


def printed(text: str) -> list[list[str]]:
    """The rows of the verdict that `cj check` prints: report, analysis, verdict, reason."""
    rows = re.findall(r"^(0\d) +(\S.*)$", text, flags=re.MULTILINE)
    return [[number, *[*re.split(r"  +", rest), ""][:3]] for number, rest in rows]


def stored(run: Path) -> list[list[str]]:
    """The rows of the verdict that report 00 shows."""
    with (run / "tables" / "00_data_quality" / "verdict.csv").open(encoding="utf-8") as file:
        return [
            [row["report"].zfill(2), row["analysis"], row["verdict"], row["reason"]] for row in csv.DictReader(file)
        ]


def test_a_fit_data_set_has_one_verdict(capsys, sample_run):
    assert cli.main(["check", str(ROOT / "data" / "sample")]) == 0
    shown = printed(capsys.readouterr().out)
    assert [row[0] for row in shown] == ["01", "02", "03", "04", "05"]
    assert shown == stored(sample_run)


def test_a_data_set_that_is_not_fit_has_one_verdict_and_exit_code_3(capsys, tmp_path):
    folder = tmp_path / "late"
    shutil.copytree(ROOT / "data" / "sample", folder)
    config = (folder / "dataset.yml").read_text(encoding="utf-8")
    (folder / "dataset.yml").write_text(config.replace("max_lag: 7d", "max_lag: 2d"), encoding="utf-8")
    assert cli.main(["check", str(folder)]) == cli.NOT_FIT
    output = capsys.readouterr()
    assert re.search(r"data not fit: calls\.csv is \d\.\d days behind", output.err)
    shown = printed(output.out)
    assert [row[2] for row in shown] == ["not fit", "not fit", "fit", "fit with repairs", "not fit"]
    command = [sys.executable, "-m", "cj_helpers", "run", str(folder), "--notebook", "00"]
    run = subprocess.run([*command, "--out", str(tmp_path / "reports"), "--quiet"], cwd=ROOT, check=False)
    assert run.returncode == 3
    (published,) = (tmp_path / "reports" / "late" / "failed").glob("20*")
    assert shown == stored(published)
