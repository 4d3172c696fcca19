"""The `cj` command: messages, exit codes, and that signals leave nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_notebooks as tiny

from cj_helpers import __version__, cli
from cj_helpers.contract import DataError
from cj_helpers.runner import publish

ROOT = Path(__file__).resolve().parent.parent
LOG = Path(__file__).parent / "data" / "tiny_journey_log.csv"
CONFIG = """\
version: 1
name: Tiny log
time_zone: UTC
tables:
  events:
    - source: log.csv
      columns: {customer_id: customer_id, timestamp: timestamp, touchpoint: step, order: seq}
journeys:
  buy: {label: From visit to purchase, goal: bought, success: [purchase], timeout: 14d, within: 14d,
        stages: {visit: [visit], search: [search], quote: [quote], purchase: [purchase]}}
privacy: {public: true}
"""
# Says who it is, then holds on without giving any other thread a turn.
BUSY = "import os, re\nopen({file!r}, 'w').write(str(os.getpid()))\nre.match('(a+)+$', 'a' * 60 + 'b')"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small real data set."""
    folder = tmp_path / "tinylog"
    folder.mkdir()
    shutil.copy(LOG, folder / "log.csv")
    (folder / "dataset.yml").write_text(CONFIG)
    return folder


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notebooks of the current folder: one that runs on the data set and one of the user's own."""
    folder = tmp_path / "notebooks"
    opened = "from cj_helpers import report\ndata = report.open(dataset, as_of=as_of)\nreport.provenance()"
    tiny.write(folder, "01_first", tiny.code(opened))
    tiny.write(folder, "10_mine", tiny.code("print(2 + 2)"), parameters="threshold: float = 0.5  # where to cut\n")
    monkeypatch.chdir(tmp_path)
    return folder


HEAVY = {"pandas", "numpy", "scipy", "ibis", "duckdb", "pydantic", "papermill", "nbconvert", "matplotlib", "jinja2"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["erase", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    """A list of the modules that Python itself says it loaded."""
    command = [sys.executable, "-X", "importtime", "-m", "cj_helpers", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert {"click", "cj_helpers"} <= loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--version"], f"cj {__version__}"),
        (["-h"], "Usage: cj [OPTIONS] COMMAND"),
        (["run", "--help"], "Usage: cj run [OPTIONS] DATASET"),
        (["erase", "-h"], "Usage: cj erase [OPTIONS] DATASET"),
    ],
)
def test_what_asks_for_words_gets_them(capsys, arguments, words):
    assert cli.main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "No such command 'rum'"),
        (["run"], "Missing argument 'DATASET'"),
        (["run", "nowhere"], "nowhere: no dataset.yml there"),
        (["run", "tinylog", "--notebook", "2"], "no notebook '2'; .*there are: 01_first, 10_mine"),
        (["run", "tinylog", "--jobs", "0"], "at least one job"),
        (["run", "tinylog", "--jobs", "two"], "'two' is not a valid integer"),
        (["run", "tinylog", "-p", "journy", "x"], "did you mean 'journey'"),
        (["run", "tinylog", "-p", "horizon_days", "soon"], "declares it as int; give a whole number"),
        (["run", "tinylog", "-p", "x=1;open('owned','w');y", "1"], "not a parameter name"),
        (["run", "tinylog", "-p", "token", "s3cret"], "looks like a secret"),
        (["run", "tinylog", "--as-of", "soon"], "as_of.*soon"),
        (["run", "tinylog", "--as-of", "2024-01-31", "-p", "as_of", "2024-01-30"], "given twice"),
        (["run", "tinylog", "--notebook", "10", "--as-of", "2024-01-31"], "no selected notebook declares it"),
        (["run", "tinylog", "--notebooks-dir", "tinylog"], "has no notebook"),
        (["run", "tinylog", "-p", "journey", "bui"], "no such journey; did you mean 'buy'"),
        (["check", "nowhere"], "nowhere: no dataset.yml there"),
        (["sample", "new", "--customers", "0"], "customers is 0"),
    ],
)
def test_a_wrong_command_is_one_message_and_runs_nothing(capsys, data, books, tmp_path, arguments, message):
    assert cli.main(arguments) == cli.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cj: ")
    assert shown.err.count("\n") == 1
    assert re.search(message, shown.err)
    assert "s3cret" not in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "reports").exists()
    assert not (tmp_path / "owned").exists()


def test_params_lists_what_can_be_given(capsys, books):
    assert cli.main(["params"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^10_mine: Title of 10_mine\n  threshold  float  0.5  where to cut$", shown, flags=re.MULTILINE)
    assert "dataset" not in shown


def test_check_tells_the_verdict(capsys, data, books):
    assert cli.main(["check", "tinylog"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "Tiny log: data up to 2024-01-28"
    assert re.search(r"^01 +journey mapping +fit$", shown, flags=re.MULTILINE)
    assert shown.splitlines()[-1] == "The data are fit."


def test_check_of_bad_data_has_its_own_exit_code(capsys, data, books):
    (data / "log.csv").write_text(LOG.read_text().replace("\nc01,", "\n,"))
    assert cli.main(["check", "tinylog"]) == cli.NOT_FIT
    assert re.search("not fit: .*rows without customer_id", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["check", "run"])
def test_what_nobody_foresaw_is_one_line_without_values(capsys, monkeypatch, data, books, tmp_path, command):
    import cj_helpers.dataset

    def fail(*_, **__):
        raise KeyError("Erika Mustermann")

    monkeypatch.setattr(cj_helpers.dataset, "open_dataset", fail)
    assert cli.main([command, "tinylog"]) == cli.NOT_FIT
    shown = capsys.readouterr().err
    pattern = r"cj: tinylog: could not be read: KeyError at cj_helpers\.runner\.source:\d+; please report it\n"
    assert re.fullmatch(pattern, shown)
    assert not (tmp_path / "reports").exists()


def test_the_order_of_exit_codes_is_told(capsys):
    assert cli.main(["run", "--help"]) == 0
    assert "7, 2, 6, 3, then the highest of 1 and 5, then 4" in " ".join(capsys.readouterr().out.split())


def test_sample_is_handed_on(capsys, monkeypatch, tmp_path):
    import cj_helpers.sample

    asked = {}
    monkeypatch.setattr(
        cj_helpers.sample, "make_sample", lambda folder, **options: asked.update(options, folder=folder)
    )
    assert cli.main(["sample", str(tmp_path / "new"), "--customers", "12", "--seed", "3"]) == 0
    assert asked == {"folder": tmp_path / "new", "customers": 12, "seed": 3}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (publish.Locked("reports/x: a run is already writing here (process 1)"), cli.LOCKED, "already writing"),
        (DataError("events: empty"), cli.NOT_FIT, "events: empty"),
        (PermissionError(13, "Permission denied", "reports"), cli.USAGE, "reports: Permission denied"),
        (KeyError("Erika Mustermann"), cli.INTERNAL, "an error of cj itself: KeyError at cj_helpers.runner.several:"),
    ],
)
def test_errors_of_a_run_have_their_exit_codes(capsys, monkeypatch, error, code, message):
    from cj_helpers.runner import several

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(several, "run", fail)
    assert cli.main(["run", "x"]) == code
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert "Mustermann" not in shown


def test_a_run_publishes_and_says_where(capsys, data, books, tmp_path):
    arguments = ["run", "tinylog/dataset.yml", "-p", "threshold", "0.7", "--as-of", "2024-01-31", "--jobs", "2"]
    assert cli.main(arguments) == 0
    shown = capsys.readouterr()
    assert re.fullmatch(r"reports/tinylog/2024-01-31-[0-9a-f]{10}/index\.html\n", shown.out)
    assert shown.err == ""
    latest = tmp_path / "reports" / "tinylog" / "latest"
    assert "threshold = 0.7" in (latest / "notebooks" / "10_mine.ipynb").read_text()
    assert "4" in (latest / "10_mine.html").read_text()
    assert "as_of = '2024-01-31'" in (latest / "01_first.html").read_text().replace("&#39;", "'")
    for file in ("01_first.html", "notebooks/01_first.ipynb", "manifest.json"):
        assert str(tmp_path) not in (latest / file).read_text()


def start_busy(tmp_path: Path, data: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a run whose kernel is busy; returns the run and the kernel's process id."""
    file = tmp_path / "kernel.pid"
    tiny.write(tmp_path / "busy", "10_busy", tiny.code(BUSY.format(file=str(file))))
    command = [sys.executable, "-m", "cj_helpers", "run", str(data), "--notebooks-dir", "busy"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
    wait_until(lambda: file.exists() and file.read_text(), 90)
    return process, int(file.read_text())


def wait_until(condition, seconds: float) -> None:
    """Wait for a condition; a test that waits in vain fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_that_is_asked_to_stop_leaves_nothing(tmp_path, data):
    process, kernel = start_busy(tmp_path, data)
    second = [sys.executable, "-m", "cj_helpers", "run", str(data), "--notebooks-dir", "busy"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    locked = subprocess.run(second, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert locked.returncode == cli.LOCKED
    assert f"process {process.pid} on " in locked.stderr
    process.send_signal(signal.SIGTERM)
    _out, shown = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped by SIGTERM; nothing was published" in shown
    assert "Traceback" not in shown
    wait_until(lambda: not is_running(kernel), 10)
    assert list((tmp_path / "reports").iterdir()) == []
    with publish.locked(tmp_path / "reports" / "tinylog"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
def test_a_kernel_does_not_outlive_a_killed_run(tmp_path, data):
    process, kernel = start_busy(tmp_path, data)
    process.kill()
    process.communicate(timeout=30)
    wait_until(lambda: not is_running(kernel), 20)
    reports = tmp_path / "reports" / "tinylog"
    (left,) = reports.glob(".staging-*")
    scratch = Path((left / "scratch").read_text())
    assert scratch.is_dir()
    with publish.locked(reports), publish.staging(reports):
        assert not left.exists()
        assert not scratch.exists()
