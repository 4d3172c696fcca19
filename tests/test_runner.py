"""The runner: parameters, how notebooks end, what is published, and that nothing is left behind."""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_notebooks as tiny

from cj_helpers.contract import CommandError, ConfigError, DataError
from cj_helpers.runner import Limits, Locked, publish, run, runs, supervise, worker
from cj_helpers.runner.alerts import check_alerts
from cj_helpers.runner.bundles import Bundle, BundleError, write_files
from cj_helpers.runner.limits import stop_reason
from cj_helpers.runner.naming import name_run
from cj_helpers.runner.notebooks import discover, find_folder, read_notebook, select
from cj_helpers.runner.parameters import Parameter, assign, convert, read_parameters
from cj_helpers.runner.processes import descendants, kill_tree
from cj_helpers.runner.records import write_private_logs
from cj_helpers.runner.runs import exit_code
from cj_helpers.runner.verdict import Verdict, judge
from cj_helpers.runner.worker import Outcome

SKIP = "from cj_helpers.report import NotebookSkipped\nraise NotebookSkipped('This data set has no survey answers.')"
# Ignores the interrupt and never gives other threads a turn.
HANG = "import re, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nre.match('(a+)+$', 'a' * 60 + 'b')"


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Folder for the notebooks of one test."""
    return tmp_path / "notebooks"


@pytest.fixture
def start(tmp_path: Path, books: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the notebooks of the test on a stand-in for a data set."""
    state = SimpleNamespace(source=tiny.source(tmp_path / "tiny"))
    monkeypatch.setattr(runs, "open_source", lambda dataset, **_: state.source)

    def _start(**options):
        state.source = options.pop("source", state.source)
        return run("tiny", out=tmp_path / "reports", notebooks_dir=books, **options)

    return _start


# ---- parameters -------------------------------------------------------------------------------------------------


def test_parameters_are_read_without_running_the_cell(books):
    path = tiny.write(books, "01_first", parameters='a: str = "x"  # what, with "#"\nb: float = 2\nc: int = -3\n')
    assert read_notebook(path).parameters == (
        Parameter("a", "str", "x", 'what, with "#"'),
        Parameter("b", "float", 2.0, ""),
        Parameter("c", "int", -3, ""),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a = 1", "one annotated literal per line"),
        ("import os", "one annotated literal per line"),
        ("a: int", "one annotated literal per line"),
        ("a: str | None = None", "type str | None is not allowed"),
        ("a: list = []", "type list is not allowed"),
        ("a: int = 1.5", "not of its type int"),
        ("a: bool = 1", "not of its type bool"),
        ("a: str = b'x'", "not of its type str"),
        ("a: str = str(1)", "must be a literal"),
        ("a: int = 1\na: int = 2", "declared twice"),
        ("a: int = 1; b: int = 2", "one per line"),
        ("api_key: str = ''", "looks like a secret"),
        ("a: int =", "not valid Python"),
    ],
)
def test_a_parameters_cell_holds_annotated_literals_only(books, line, message):
    path = tiny.write(books, "01_first", parameters=line)
    with pytest.raises(ConfigError, match=f"01_first.ipynb.*{re.escape(message)}"):
        read_notebook(path)


@pytest.mark.parametrize("tags", [(), ("parameters", "parameters")])
def test_exactly_one_cell_has_the_tag(tags):
    cells = [tiny.code("a: int = 1", tag) for tag in tags] or [tiny.code("a: int = 1")]
    with pytest.raises(ConfigError, match=f"{len(tags)} cells have the tag 'parameters'"):
        read_parameters(cells, where="01")


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("str", "007", "007"),
        ("str", "NO", "NO"),
        ("str", "", ""),
        ("str", '"); import os  # \\', '"); import os  # \\'),
        ("int", "007", 7),
        ("int", "-5", -5),
        ("int", 5, 5),
        ("float", "1e-3", 0.001),
        ("float", "3", 3.0),
        ("bool", "true", True),
        ("bool", "False", False),
        ("bool", True, True),
    ],
)
def test_values_become_the_declared_type(kind, given, value):
    found = convert(Parameter("p", kind, value, ""), given, where="01")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int", "1.5"),
        ("int", "1_000"),
        ("int", ""),
        ("int", True),
        ("int", "five"),
        ("float", "nan"),
        ("float", "1e999"),
        ("float", "1,5"),
        ("bool", "NO"),
        ("bool", "1"),
        ("bool", "yes"),
        ("str", 5),
    ],
)
def test_a_value_of_another_type_is_refused(kind, given):
    with pytest.raises(ConfigError, match=rf"-p p .*01 declares it as {kind}; give"):
        convert(Parameter("p", kind, "", ""), given, where="01")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x=1;open('/tmp/owned','w');y", "not a parameter name"),
        ("class", "not a parameter name"),
        ("a.b", "not a parameter name"),
        ("journy", "did you mean 'journey'"),
        ("db_password", "looks like a secret"),
        ("apiKey", "looks like a secret"),
        ("dataset", "DATASET of the command"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(name, message):
    declared = {"01": [Parameter("journey", "str", "", ""), Parameter("dataset", "str", "", "")]}
    with pytest.raises(ConfigError, match=re.escape(message)):
        assign([(name, "1")], declared)


def test_a_value_goes_to_every_notebook_that_declares_the_name():
    journey, days = Parameter("journey", "str", "", ""), Parameter("days", "int", 1, "")
    found = assign([("journey", "x"), ("days", "9")], {"01": [journey], "02": [journey, days], "03": []})
    assert found == {"01": {"journey": "x"}, "02": {"journey": "x", "days": 9}, "03": {}}


def test_the_same_name_twice_is_refused():
    with pytest.raises(ConfigError, match="given twice"):
        assign([("a", "1"), ("a", "2")], {"01": [Parameter("a", "int", 0, "")]})


# ---- notebooks --------------------------------------------------------------------------------------------------


def test_notebooks_are_found_by_name(books):
    for name in ("01_first", "10_mine", "02_second"):
        tiny.write(books, name)
    (books / "draft.ipynb").write_text("{}")
    assert [path.stem for path in discover(books)] == ["01_first", "02_second", "10_mine"]
    assert find_folder(books.parent / "deeper" / "down") == books


@pytest.mark.parametrize("word", ["1", "01", "01_first", "first", "01_first.ipynb"])
def test_notebooks_are_selected_by_number_or_name(books, word):
    paths = [tiny.write(books, name) for name in ("01_first", "11_other")]
    assert select(paths, [word]) == [paths[0]]


def test_an_unknown_notebook_gives_the_nearest(books):
    paths = [tiny.write(books, "01_journey_mapping"), tiny.write(books, "02_dropoff")]
    with pytest.raises(ConfigError, match="no notebook '01_journey_maping'; did you mean '01_journey_mapping'"):
        select(paths, ["01_journey_maping"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"nbformat": 3}'])
def test_a_file_that_is_no_notebook_is_named(tmp_path, content):
    path = tmp_path / "01_x.ipynb"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"01_x\.ipynb: not a notebook"):
        read_notebook(path)


def test_parameters_of_an_earlier_run_are_dropped(books):
    path = tiny.write(books, "01_first", tiny.code("horizon_days = 7", "injected-parameters"), tiny.code("1"))
    assert [cell["source"] for cell in read_notebook(path).content["cells"][2:]] == ["1"]


def test_outputs_do_not_change_what_a_notebook_is(books):
    path = tiny.write(books, "01_first", tiny.code("1 + 1"))
    before = read_notebook(path)
    raw = json.loads(path.read_text())
    raw["cells"][2] |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}], "execution_count": 7}
    path.write_text(json.dumps(raw))
    assert read_notebook(path) == before


# ---- verdicts ---------------------------------------------------------------------------------------------------


def executed(*cells, end_time="2024-01-01", tags=1):
    """A notebook as papermill would leave it: cells are (execution count, error name or "")."""
    made = [tiny.code("a: int = 1", "parameters") | {"execution_count": 1} for _ in range(tags)]
    for count, name in cells:
        error = {"output_type": "error", "ename": name, "evalue": "message", "traceback": []}
        made.append(tiny.code("x") | {"execution_count": count, "outputs": [error] if name else []})
    return {"cells": made, "metadata": {"papermill": {"end_time": end_time}}}


@pytest.mark.parametrize(
    ("notebook", "crash", "expected"),
    [
        (executed((2, ""), (3, "")), "", Verdict("ok")),
        (executed((2, ""), (None, "")), "", Verdict("failed", "not every cell ran", 3)),
        (executed((2, ""), end_time=None), "", Verdict("failed", "it did not come to its end", 2)),
        (executed((2, ""), tags=2), "", Verdict("failed", "not exactly one cell has the tag parameters")),
        (executed((2, "SystemExit"), (None, "")), "", Verdict("failed", "SystemExit", 2)),
        (executed((2, "KeyError")), "", Verdict("failed", "KeyError", 2)),
        (executed((2, "DataError")), "", Verdict("failed", "DataError: message", 2)),
        (executed((2, "NotebookSkipped")), "", Verdict("skipped", "message", 2)),
        (executed((2, "")), "DeadKernelError", Verdict("lost", "the kernel died", 2)),
        (executed((2, "")), "CellTimeoutError", Verdict("timeout", "no answer from the kernel", 2)),
    ],
)
def test_a_notebook_is_judged_by_what_it_left(notebook, crash, expected):
    assert judge(notebook, crash=crash, started=2) == expected


def outcome(status, name="01", **more):
    return Outcome(name, name, Verdict(status), **more)


@pytest.mark.parametrize(
    ("statuses", "fit", "crossed", "code"),
    [
        (["ok", "skipped"], True, False, 0),
        (["ok", "failed"], True, False, 1),
        (["failed", "timeout"], True, True, 5),
        (["failed", "lost"], True, False, 5),
        (["ok"], True, True, 4),
        (["ok", "failed"], True, True, 1),
        (["ok", "skipped"], False, True, 3),
        (["failed"], False, False, 3),
    ],
)
def test_exit_codes(statuses, fit, crossed, code):
    alerts = [SimpleNamespace(crossed=crossed)]
    assert exit_code([outcome(status) for status in statuses], fit=fit, alerts=alerts) == code


def metric(estimate, **more):
    row = {"name": "completed_within", "journey": "outage", "segment": "all", "estimate": estimate, "unit": "percent"}
    return row | more


@pytest.mark.parametrize(
    ("alert", "rows", "level", "known"),
    [
        ({"below": 0.6}, [metric(0.59)], "red", True),
        ({"below": 0.6}, [metric(0.59, conf_low=0.58, conf_high=0.599)], "red", True),
        ({"below": 0.6}, [metric(0.59, conf_low=0.57, conf_high=0.61)], "amber", True),
        ({"below": 0.6}, [metric(0.61, conf_low=0.57, conf_high=0.64)], "", True),
        ({"above": 0.5}, [metric(0.59, conf_low=0.51, conf_high=0.61)], "red", True),
        ({"above": 0.5}, [metric(0.59, conf_low=0.49, conf_high=0.61)], "amber", True),
        ({"below": 0.6}, [metric(0.6)], "", True),
        ({"above": 0.5}, [metric(0.59)], "red", True),
        ({"below": 0.6, "above": None}, [metric(0.1, segment="vip"), metric(0.7)], "", True),
        ({"below": 0.6}, [metric(0.1, journey="other")], "", False),
        ({"below": 0.6}, [metric(None)], "", False),
        ({"below": 0.6}, [], "", False),
    ],
)
def test_alerts_look_at_the_overall_value_of_their_journey(alert, rows, level, known):
    wanted = [{"metric": "completed_within", "journey": "outage", **alert}]
    (found,) = check_alerts(wanted, rows, labels={("completed_within", "outage"): "Completed in time"})
    assert (found.level, found.crossed, found.known) == (level, bool(level), known)
    assert found.text.startswith("Completed in time: ")


def test_the_name_of_a_run_depends_on_everything_but_the_clock():
    assert re.fullmatch(r"2024-01-31-[0-9a-f]{10}", name_run("2024-01-31", ["a"], {"b": 1}))
    assert name_run("2024-01-31", {"a": 1, "b": 2}) == name_run("2024-01-31", {"b": 2, "a": 1})
    assert name_run("2024-01-31", ["a"]) != name_run("2024-01-31", ["b"])
    assert name_run("", ["a"]).startswith("undated-")


@pytest.mark.parametrize(("exitcode", "status"), [(1, "failed"), (-9, "lost")])
def test_a_worker_that_ends_early_gives_a_verdict(exitcode, status):
    item = SimpleNamespace(stop=None, process=SimpleNamespace(exitcode=exitcode), cell=4)
    found = supervise._early_end(item)
    assert (found.status, found.cell) == (status, 4)


@pytest.mark.parametrize(
    ("limits", "cell", "status", "reason"),
    [
        (Limits(notebook=90), 4, "timeout", "stopped after 2 min"),
        (Limits(notebook=900, cell=50), 4, "timeout", "the cell ran longer than 50 s"),
        (Limits(notebook=900, cell=50), 0, None, ""),  # starting is no cell
        (Limits(notebook=900, cell=500, run=80), 4, "timeout", "the run took longer than 1 min"),
        (Limits(notebook=900, memory=1e-9), 4, "lost", "it used more than"),
        (Limits(notebook=900, memory=1e3), 4, None, ""),
    ],
)
def test_every_limit_gives_its_own_reason(limits, cell, status, reason):
    now = time.monotonic()
    with subprocess.Popen(["sleep", "60"]) as below:  # someone whose memory counts
        found = stop_reason(
            limits,
            end=now - 1 if limits.run else now + 60,
            pid=os.getpid(),
            cell=cell,
            since={"notebook": now - 100, "cell": now - 60},
        )
        below.kill()
    assert (found.status if found else None) == status
    assert reason in (found.reason if found else "")


@pytest.mark.parametrize("limits", [Limits(notebook=0), Limits(cell=-1), Limits(memory=-1)])
def test_limits_under_which_nothing_runs_are_refused(books, start, limits):
    tiny.write(books, "10_mine", tiny.code("1"))
    with pytest.raises(ConfigError, match="give a notebook a time above 0"):
        start(limits=limits)


# ---- runs with real kernels ---------------------------------------------------------------------------------------


def test_every_way_to_end_is_told_apart_and_the_others_still_run(books, start, tmp_path):
    tiny.write(
        books, "10_raises", tiny.code("x = 1"), tiny.code("raise KeyError('nnamretsuM akirE'[::-1])"), tiny.code("x")
    )
    tiny.write(books, "11_exits", tiny.code("import sys\nsys.exit(0)"), tiny.code("1"))
    tiny.write(books, "12_dies", tiny.code("import os\nos._exit(0)"))
    tiny.write(books, "13_killed", tiny.code("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), tiny.code("1"))
    tiny.write(books, "14_skips", tiny.code(SKIP), tiny.code("1"))
    raised = "raise DataError('/usr/share/x/events: 3 of 9 rows have no customer_id')"
    message = f"from cj_helpers.contract import DataError\n{raised}"
    tiny.write(books, "15_data", tiny.code(message))
    tiny.write(books, "16_ok", tiny.code(tiny.OPEN), tiny.code(tiny.OUTCOMES))
    result = start(jobs=2)
    assert {name: (v.status, v.reason, v.cell) for name, v in result.notebooks.items()} == {
        "10_raises": ("failed", "KeyError", 4),
        "11_exits": ("failed", "SystemExit", 3),
        "12_dies": ("lost", "the kernel died", 3),
        "13_killed": ("lost", "the kernel died", 3),
        "14_skips": ("skipped", "This data set has no survey answers.", 3),
        "15_data": ("failed", "DataError: …/events: 3 of 9 rows have no customer_id", 3),
        "16_ok": ("ok", "", 0),
    }
    assert result.exit_code == 5
    assert result.folder == tmp_path / "reports" / "tiny" / "failed" / result.run_id
    assert not (tmp_path / "reports" / "tiny" / "latest").exists()
    page = (result.folder / "10_raises.html").read_text()
    assert "This notebook failed in cell 4." in page
    assert "lost its kernel in cell 3" in (result.folder / "12_dies.html").read_text()
    assert "This data set has no survey answers." in (result.folder / "14_skips.html").read_text()
    assert [path.name for path in (result.folder / "tables").iterdir()] == ["16_ok"]
    published = [path for path in result.folder.rglob("*") if path.is_file()]
    assert not [path for path in published if "Mustermann" in path.read_text()]
    log = [json.loads(line) for line in (result.folder / "run.log").read_text().splitlines()]
    (ended,) = [entry for entry in log if entry["event"] == "verdict" and entry["notebook"] == "10_raises"]
    assert (ended["status"], ended["reason"], ended["cell"]) == ("failed", "KeyError", 4)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["time"]) for entry in log)
    private = f".logs/{result.run_id}/10_raises.log"
    assert {"notebook": "10_raises", "file": private}.items() <= next(e for e in log if "file" in e).items()
    assert "Erika Mustermann" in (tmp_path / "reports" / "tiny" / private).read_text()
    assert (tmp_path / "reports" / "tiny" / private).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "reports" / "tiny" / ".logs").stat().st_mode & 0o777 == 0o700
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest["exit_code"] == 5
    assert manifest["notebooks"]["16_ok"] == {"status": "ok", "reason": ""}


def test_a_notebook_that_takes_too_long_is_ended_with_all_its_processes(books, start):
    tiny.write(books, "10_hangs", tiny.code("print('before')"), tiny.code(HANG), tiny.code("1"))
    tiny.write(books, "11_skips", tiny.code(SKIP))
    result = start(limits=Limits(notebook=20))
    assert result.exit_code == 5
    assert result.notebooks["10_hangs"].status == "timeout"
    assert result.notebooks["11_skips"].status == "skipped"
    page = (result.folder / "10_hangs.html").read_text()
    assert "took too long and was stopped" in page
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]


def test_results_and_tables_are_published_and_the_link_moves(books, start, tmp_path):
    tiny.write(books, "01_first", *tiny.report_cells())
    given = [("journey", "007"), ("horizon_days", "30")]
    result = start(parameters=given, as_of="2024-01-31")
    assert result.exit_code == 0
    assert result.folder == tmp_path / "reports" / "tiny" / result.run_id
    link = tmp_path / "reports" / "tiny" / "latest"
    assert str(link.readlink()) == result.run_id
    names = {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}
    assert names == {
        *("index.html", "01_first.html", "notebooks/01_first.ipynb", "results.json", "manifest.json", "run.log"),
        *(f"tables/01_first/{name}.csv" for name in ("outcomes", "frictions", "by_day")),
        *(f"figures/01_first/{name}.csv" for name in ("outcomes", "over_time", "details")),
    }
    with (result.folder / "tables/01_first/outcomes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["n_journeys"] for row in rows] == ["7", "3", "3"]
    assert len((result.folder / "tables/01_first/by_day.csv").read_text().splitlines()) == 1501
    results = json.loads((result.folder / "results.json").read_text())
    assert results["metrics"][0] == {
        "notebook": "01_first",
        "journey": "outage_recovery",
        "name": "completed_within",
        "segment": "all",
        "estimate": 0.589744,
        "conf_low": 0.56,
        "conf_high": 0.618,
        "n": 1234,
        "unit": "percent",
    }
    assert [set(row) for row in results["findings"]] == [{"notebook", "level", "text", "weight"}] * 4
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert manifest["parameters"] == {"journey": "007", "horizon_days": 30, "as_of": "2024-01-31"}
    assert manifest["dataset"] == "tiny"
    assert manifest["pseudonym_key_id"] == ""
    assert manifest["as_of"] == "2024-01-31T22:59:59Z"
    stored = json.loads((result.folder / "notebooks/01_first.ipynb").read_text())
    (injected,) = [cell for cell in stored["cells"] if "injected-parameters" in cell["metadata"].get("tags", [])]
    expected = ["dataset = 'tiny'", "journey = '007'", "horizon_days = 30", "as_of = '2024-01-31'"]
    assert injected["source"].splitlines() == ["# Parameters", *expected]
    assert (result.folder.stat().st_mode & 0o077) == 0o055


def test_a_failed_run_leaves_the_good_one_in_place(books, start, tmp_path):
    path = tiny.write(books, "10_mine", tiny.code("1 + 1"))
    good = start()
    path.unlink()
    tiny.write(books, "10_mine", tiny.code("1 / 0"))
    bad = start()
    assert (good.exit_code, bad.exit_code) == (0, 1)
    reports = tmp_path / "reports" / "tiny"
    assert str((reports / "latest").readlink()) == good.run_id
    assert bad.folder == reports / "failed" / bad.run_id
    assert sorted(path.name for path in reports.iterdir()) == sorted(
        [".failure.json", ".lock", ".logs", "failed", "failure.html", "latest", good.run_id]
    )


def test_data_that_are_not_fit_run_the_quality_report_only(books, start, tmp_path):
    tiny.write(books, "00_data_quality", tiny.code("1"))
    tiny.write(books, "01_first", tiny.code("raise KeyError"))
    problem = "events: the source /usr/share/calls.csv is 9.0 days behind the others"
    result = start(notebooks=["01"], source=tiny.source(tmp_path, fit=False, problem=problem))
    assert result.exit_code == 3
    assert result.notebooks["00_data_quality"].status == "ok"
    assert result.notebooks["01_first"] == Verdict("skipped", "data not fit")
    assert result.folder.parent.name == "failed"
    assert problem.replace("/usr/share/", "…/") in (result.folder / "index.html").read_text()
    assert not (result.folder / "01_first.html").exists()


def test_a_crossed_alert_is_published_and_told(books, start, tmp_path):
    metric_cell = 'report.metric("completed_within", .5, n=99, label="Completed in time", journey="outage_recovery")'
    tiny.write(books, "01_first", tiny.code(tiny.OPEN), tiny.code(metric_cell))
    alerts = [{"metric": "completed_within", "journey": "outage_recovery", "below": 0.6, "above": None}]
    result = start(source=tiny.source(tmp_path, alerts=alerts))
    assert result.exit_code == 4
    assert (tmp_path / "reports" / "tiny" / "latest").exists()
    sentence = "Completed in time (Internet back after an outage): 50.0 %, below 60.0 %."
    assert sentence in (result.folder / "index.html").read_text()


def test_a_page_that_could_run_code_is_not_published(books, start):
    shown = "from IPython.display import HTML\nHTML({!r})"
    payload = {"kind": "table", "version": 1, "name": "t", "caption": "c", "columns": [{"name": "x"}], "rows": [[1]]}
    payload |= {"external": False, "sha256": "0" * 64, "n_rows": 1, "n_displayed": 1, "page_one": False}
    data = {"application/vnd.cj.result+json": payload, "text/html": "<p>t</p>"}
    cells = {
        "10_script": shown.format("<script>alert(1)</script>"),
        "11_handler": shown.format("<img src=x onerror=alert(1)>"),
        "12_name": "report.show('a/b', pd.DataFrame({'x': [1]}), 'A table')",
        "14_malformed": "from IPython.display import display\ndisplay({mime!r}, raw=True)".format(
            mime={"application/vnd.cj.result+json": {"kind": "metric", "version": 1, "tile": True}}
        ),
        "13_rows": f"from IPython.display import display\ndisplay({data!r}, raw=True)",
    }
    for name, cell in cells.items():
        tiny.write(books, name, tiny.code(tiny.OPEN), tiny.code(tiny.OUTCOMES), tiny.code(cell))
    result = start(jobs=2)
    assert {name: verdict.reason for name, verdict in result.notebooks.items()} == {
        "10_script": "its page was not published: it holds <script>",
        "11_handler": "its page was not published: it holds the attribute onerror of <img>",
        "12_name": "ValueError",
        "13_rows": "table t: its rows are not those the notebook announced",
        "14_malformed": "its page could not be written; see run.log",
    }
    assert result.exit_code == 1
    page = (result.folder / "10_script.html").read_text()
    assert "it holds &lt;script&gt;" in page
    assert "<script" not in page
    assert "onerror=" not in (result.folder / "11_handler.html").read_text()
    assert "its page could not be written" in (result.folder / "14_malformed.html").read_text()
    private = result.folder.parents[1] / ".logs" / result.run_id / "14_malformed.log"
    assert "KeyError: " in private.read_text()
    assert "KeyError: " not in (result.folder / "run.log").read_text()
    assert not (result.folder / "tables").exists()


def test_the_kernel_sees_a_private_and_steady_environment(books, start):
    names = ["CJ_OUT", "TMPDIR", "PYTHONHASHSEED", "MPLBACKEND", "OPENBLAS_NUM_THREADS", "IPYTHONDIR"]
    shown = f"import os\nfor n in {names}: print(n, os.environ[n])\nprint(os.getcwd(), ascii(journey))"
    tiny.write(books, "01_first", tiny.code(shown))
    odd = '");open("owned","w");("\\ \'é\n{x}'
    result = start(parameters=[("journey", odd)])
    stored = json.loads((result.folder / "notebooks/01_first.ipynb").read_text())
    printed = "".join("".join(o["text"]) for c in stored["cells"] for o in c.get("outputs", []))
    assert printed.splitlines() == [
        "CJ_OUT work/out",
        "TMPDIR tmp/01",
        "PYTHONHASHSEED 0",
        "MPLBACKEND module://matplotlib_inline.backend_inline",
        "OPENBLAS_NUM_THREADS 1",
        "IPYTHONDIR tmp/01/ipython",
        f"notebooks {odd!a}",
    ]
    assert not (books / "owned").exists()


def test_what_a_cell_left_running_ends_with_its_notebook(books, start, tmp_path):
    sleeper = "import subprocess\np = subprocess.Popen(['sleep', '7777'], start_new_session=True)\n"
    tiny.write(books, "10_leaves", tiny.code(f"{sleeper}open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))"))
    assert start().exit_code == 0
    pid = int((tmp_path / "pid").read_text())
    try:
        assert not Path(f"/proc/{pid}").exists() or _is_zombie(pid)
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)


def test_a_picture_or_a_link_that_data_brought_is_not_published(books, start):
    shown = "from IPython.display import HTML\nHTML({!r})"
    tiny.write(books, "10_picture", tiny.code(shown.format("<img src='//example.org/x.png'>")))
    tiny.write(books, "11_link", tiny.code(shown.format("<a href='https://example.org/x'>x</a>")))
    tiny.write(books, "12_own", tiny.markdown("See [the method](https://example.org/paper?a=1&b=2)."), tiny.code("1"))
    result = start(jobs=2)
    assert {name: verdict.status for name, verdict in result.notebooks.items()} == {
        "10_picture": "failed",
        "11_link": "failed",
        "12_own": "ok",
    }
    assert "example.org" not in (result.folder / "10_picture.html").read_text()
    assert "example.org" not in (result.folder / "11_link.html").read_text()
    assert 'href="https://example.org/paper' in (result.folder / "12_own.html").read_text()


@pytest.fixture
def no_jobs(monkeypatch):
    """A run in which no notebook may start."""

    def fail(*_, **__):
        raise AssertionError("a notebook ran")

    monkeypatch.setattr(runs, "run_jobs", fail)


def test_a_real_folder_called_latest_stops_a_run_before_it_starts(books, start, tmp_path, no_jobs):
    tiny.write(books, "10_mine", tiny.code("1"))
    (tmp_path / "reports" / "tiny" / "latest").mkdir(parents=True)
    with pytest.raises(ConfigError, match="latest: is in the way and no link; remove it"):
        start()
    assert sorted(path.name for path in (tmp_path / "reports" / "tiny").iterdir()) == [".lock", "latest"]


def test_a_journey_that_the_data_set_does_not_have_is_refused(books, start, tmp_path, no_jobs):
    tiny.write(books, "10_mine", tiny.code("1"))
    with pytest.raises(ConfigError, match=r"journey 'outge': .*did you mean 'outage'\? its journeys are: outage, buy"):
        start(parameters=[("journey", "outge")], source=tiny.source(tmp_path, journeys=("outage", "buy")))
    assert not (tmp_path / "reports").exists()


@pytest.fixture
def old_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of reports whose ``latest`` names something."""
    monkeypatch.setattr(runs, "locate", lambda dataset: (tmp_path / "tiny", "tiny"))
    target = tmp_path / "reports" / "tiny"
    target.mkdir(parents=True)
    (target / "latest").symlink_to("2024-01-31-0123456789")
    return target


@pytest.mark.parametrize("options", [{"parameters": [("journey", "outge")]}, {"as_of": "nonsense"}])
def test_a_mistyped_command_is_no_failure_of_the_reports(books, start, tmp_path, old_reports, no_jobs, options):
    tiny.write(books, "10_mine", tiny.code("1"))
    with pytest.raises(CommandError, match=r"outge|nonsense"):
        start(source=tiny.source(tmp_path, journeys=("outage",)), **options)
    assert [path.name for path in old_reports.iterdir()] == ["latest"]


def test_the_failure_page_is_written_by_nobody_else_while_a_run_writes(books, start, old_reports, monkeypatch):
    def fail(*_, **__):
        raise DataError("calls.csv: empty")

    tiny.write(books, "10_mine", tiny.code("1"))
    monkeypatch.setattr(runs, "make_plan", fail)
    with publish.locked(old_reports), pytest.raises(DataError):
        start()
    assert not (old_reports / "failure.html").exists()
    with pytest.raises(DataError):
        start()
    assert "calls.csv: empty" in (old_reports / "failure.html").read_text()


def test_an_error_of_the_program_itself_is_told_on_the_page_without_values(books, start, old_reports, monkeypatch):
    def fail(*_, **__):
        raise KeyError("Erika Mustermann")

    tiny.write(books, "10_mine", tiny.code("1"))
    monkeypatch.setattr(runs, "make_plan", fail)
    with pytest.raises(KeyError):
        start()
    page = (old_reports / "failure.html").read_text()
    assert "An error in this program (KeyError at cj_helpers.runner.runs:" in page
    assert "Mustermann" not in page


@pytest.mark.parametrize("place", ["run_jobs", "write_records"])
def test_a_full_disk_is_one_message_and_leaves_nothing(books, start, tmp_path, monkeypatch, place):
    tiny.write(books, "10_mine", tiny.code("1"))

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "run_jobs", lambda *_, **__: [])
    monkeypatch.setattr(runs, place, fail)
    with pytest.raises(ConfigError, match=r"tiny: the reports cannot be written \(No space left on device\); make"):
        start()
    assert not (tmp_path / "reports" / "tiny").exists()


def test_a_worker_that_meets_a_full_disk_ends_the_run():
    with pytest.raises(OSError, match="No space left"):
        supervise._take(SimpleNamespace(), ("disk", 28), None)


def test_a_worker_tells_of_a_full_disk(monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker, "guard_worker", lambda: None)
    monkeypatch.setattr(worker, "kill_below", lambda pid: None)
    monkeypatch.setattr(worker, "_work", fail)
    sent = []
    with pytest.raises(OSError, match="No space left"):
        worker.work(None, SimpleNamespace(send=sent.append))
    assert sent == [("disk", 28)]


def test_logs_of_the_last_runs_are_kept(tmp_path):
    for number in range(25):
        write_private_logs(tmp_path, f"run{number:02}", [outcome("ok", log=["a warning"])])
        os.utime(tmp_path / ".logs" / f"run{number:02}", (number, number))
    write_private_logs(tmp_path, "quiet", [outcome("ok")])
    assert sorted(path.name for path in (tmp_path / ".logs").iterdir()) == [f"run{n:02}" for n in range(5, 25)]


# ---- files of results -------------------------------------------------------------------------------------------


def result_of(kind, name, content=b"a\n1\n", **more):
    """A result whose rows lie in a file."""
    payload = {"name": name, "external": True, "file": f"{name}.csv", "sha256": hashlib.sha256(content).hexdigest()}
    return Bundle(kind, payload | more, {}, (0, 0))


def test_files_of_a_notebook_are_moved_to_their_place(tmp_path):
    (tmp_path / "out" / "export").mkdir(parents=True)
    for file in ("big.csv", "export/contacts.csv"):
        (tmp_path / "out" / file).write_bytes(b"a\n1\n")
    write_files([result_of("table", "big"), result_of("export", "contacts")], given=tmp_path / "out", ready=tmp_path)
    assert (tmp_path / "tables" / "big.csv").read_bytes() == b"a\n1\n"
    assert (tmp_path / "export" / "contacts.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([result_of("table", "missing")], "table missing: its file is missing"),
        ([result_of("table", "link")], "table link: its file is missing"),
        ([result_of("table", "big", sha256="0")], "table big: its rows are not those"),
        ([result_of("table", "../big")], "table name not allowed"),
        ([result_of("table", "big"), result_of("table", "big")], "used twice"),
        ([result_of("export", "big")], "export big: its file is missing"),
    ],
)
def test_files_that_are_not_what_was_announced_are_refused(tmp_path, found, message):
    (tmp_path / "big.csv").write_bytes(b"a\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "big.csv")
    with pytest.raises(BundleError, match=message):
        write_files(found, given=tmp_path, ready=tmp_path)


# ---- publication ------------------------------------------------------------------------------------------------


def test_a_second_run_is_told_who_holds_the_lock(tmp_path):
    with publish.locked(tmp_path), pytest.raises(Locked, match=f"process {os.getpid()} on "), publish.locked(tmp_path):
        pass
    with publish.locked(tmp_path):
        pass


def test_a_lock_leaves_no_empty_folder_and_no_second_holder(tmp_path, monkeypatch):
    folder = tmp_path / "reports"
    with publish.locked(folder):
        (folder / ".lock").unlink()  # as the run before does, right after this one has opened the file
        (folder / "other").write_text("")
        with publish.locked(folder):
            assert (folder / ".lock").exists()
        (folder / "other").unlink()
    assert not folder.exists()


def test_a_folder_that_vanishes_hides_no_error_and_leaves_no_open_file(tmp_path):
    def meet_an_error():
        with publish.locked(tmp_path / "reports"):
            shutil.rmtree(tmp_path / "reports")
            raise ValueError("the real one")

    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(ValueError, match="the real one"):
        meet_an_error()
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be written.*--out"), publish.locked(tmp_path / "file" / "tiny"):
        pass


def test_what_a_killed_run_left_is_removed(tmp_path):
    left = tmp_path / ".staging-old"
    scratch = Path(tmp_path / "cj-scratch")
    scratch.mkdir()
    left.mkdir()
    (left / "scratch").write_text(str(scratch))
    with publish.staging(tmp_path) as (stage, private):
        assert not left.exists()
        assert not scratch.exists()
        assert stage.stat().st_mode & 0o077 == 0
        assert private.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []
    assert not private.exists()


@pytest.mark.parametrize("exchange", [True, False])
def test_a_run_of_the_same_name_is_replaced_as_a_whole(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(publish, "_exchanged", lambda one, other: False)
    for content in ("first", "second"):
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        (site / content).write_text(content)
        publish.publish(site, tmp_path / "run")
        if site.exists():  # exchanged: what was there before is now in the stage
            assert [path.name for path in site.iterdir()] == ["first"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["second"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".old")]


def test_exports_stay_private(tmp_path):
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    for name, mode in (("page", 0o644), ("export", 0o600)):
        (site / name).write_text("")
        (site / name).chmod(mode)
    publish.publish(site, tmp_path / "run")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()}
    assert modes["export"] == 0o600
    assert modes["page"] & 0o044


def test_a_real_folder_called_latest_is_not_overwritten(tmp_path):
    (tmp_path / "latest").mkdir()
    with pytest.raises(ConfigError, match="latest: is in the way"):
        publish.point_latest(tmp_path, "run")


def test_a_whole_tree_of_processes_is_ended():
    script = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    process = subprocess.Popen([sys.executable, "-c", script + " time.sleep(60)"], start_new_session=True)
    while not (below := descendants(process.pid)):
        time.sleep(0.05)
    kill_tree(process.pid)
    assert process.wait(timeout=10) == -signal.SIGKILL
    assert not [pid for pid in below if Path(f"/proc/{pid}/cmdline").is_file() and not _is_zombie(pid)]


def _is_zombie(pid: int) -> bool:
    return " Z " in Path(f"/proc/{pid}/stat").read_text()
