"""The tutorial's commands, run as they stand there on the raw files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cj_helpers import cli
from cj_helpers.dataset import open_dataset

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "tutorial_oulad.md"
FILE = ROOT / "docs" / "tutorial" / "oulad.yml"
RAW = ("assessment", "course", "student", "student_assessment", "student_registration")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # ibis 12 asks the engine for its tables
def test_the_commands_of_the_tutorial_give_what_it_shows(real_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    for name in RAW:
        shutil.copyfile(real_data / "oulad" / f"{name}.csv.gz", Path("raw") / f"{name}.csv.gz")
    text = TUTORIAL.read_text(encoding="utf-8")
    files = [f"raw/{name}.csv.gz" for name in RAW]
    assert "    cj init oulad raw/*.csv.gz --time-zone UTC\n" in text
    assert cli.main(["init", "oulad", *files, "--time-zone", "UTC"]) == cli.NOT_FIT
    shown = capsys.readouterr()
    assert [line for line in (shown.out + shown.err).splitlines() if line not in text] == []
    shutil.copyfile(FILE, "oulad/dataset.yml")
    assert cli.main(["check", "oulad"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line not in text] == []
    _known_numbers(open_dataset("oulad"))


def _known_numbers(data):
    """Rows and customers of the log and of the contracts that the authors' tables give (computed with R)."""
    log = data.events.aggregate(n=data.events.count(), who=data.events.customer_id.nunique()).execute().iloc[0]
    assert (int(log.n), int(log.who)) == (214_623, 32_587)
    own = data.customers.filter(data.customers.tenure > 0)
    assert (int(own.count().execute()), int(own.churned.sum().execute())) == (32_529, 10_014)


def test_the_tutorial_quotes_the_file_that_it_ships():
    text, lines = TUTORIAL.read_text(encoding="utf-8"), FILE.read_text(encoding="utf-8").splitlines()
    start, end = lines.index("tables:"), lines.index("privacy: {public: true}")
    assert [line for line in lines[start:end] if line not in text] == []
