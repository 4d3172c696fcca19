"""What can go wrong in a run, with the real tools: docs/faults.md lists every line with its test."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_notebooks as tiny
from test_cli import BUSY, CONFIG, LOG, ROOT, is_running, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="uses name spaces, signals and /proc of Linux")
SHOW = "from IPython.display import HTML\nHTML({!r})"
SKIP = "from cj_helpers.report import NotebookSkipped\nraise NotebookSkipped('This data set has no survey answers.')"
KILLS = 50
GIL = "import re, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nre.match('(a+)+$', 'a' * 60 + 'b')"


@dataclass(frozen=True)
class Fault:
    """A cell and how its notebook must end."""

    cell: str
    status: str
    reason: str = ""


NOTEBOOK_FAULTS = {
    "raises": Fault("raise KeyError('nnamretsuM akirE'[::-1])", "failed", "KeyError"),
    "sys-exit": Fault("import sys\nsys.exit(0)", "failed", "SystemExit"),
    "os-exit": Fault("import os\nos._exit(0)", "lost", "the kernel died"),
    "kernel-sigkill": Fault("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "lost", "the kernel died"),
    "kernel-sigterm": Fault("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "lost", "the kernel died"),
    "segfault": Fault("import ctypes\nctypes.string_at(0)", "lost", "the kernel died"),
    "cell-timeout": Fault("import time\ntime.sleep(600)", "timeout", "the cell ran longer than 20 s"),
    "cell-timeout-gil": Fault(GIL, "timeout", "the cell ran longer than 20 s"),
    "memory": Fault(
        "import time\nkept = [bytearray(b'x' * 10_000_000) for _ in range(150)]\ntime.sleep(600)",
        "lost",
        "it used more than 1.00 GB of memory",
    ),
    "script": Fault(SHOW.format("<script>alert(1)</script>"), "failed", "its page was not published"),
    "e-mail": Fault("print('.'.join(['erika@example', 'org']))", "failed", "to protect customers: e-mail address in"),
    "skipped": Fault(SKIP, "skipped", "This data set has no survey answers."),
    "huge-output": Fault("for _ in range(40):\n    print('x' * 100_000)", "ok"),
    "empty": Fault("", "ok"),
    "child-left": Fault("import subprocess\np = subprocess.Popen(['sleep', '4321'], start_new_session=True)", "ok"),
    "kernel-name": Fault("print('ran')", "ok"),
}


def numbered(name: str) -> str:
    """File name of a fault's notebook."""
    return f"{10 + list(NOTEBOOK_FAULTS).index(name)}_{name}"


@dataclass
class Place:
    """A data set, its notebooks and its reports in a folder of their own."""

    base: Path

    @property
    def reports(self) -> Path:
        """Folder of the data set's reports."""
        return self.base / "reports" / "tinylog"

    def cj(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run the real command to its end."""
        options = {"capture_output": True, "text": True, "check": False, "timeout": 300} | options
        return subprocess.run(self.command(*arguments), cwd=self.base, env=self.environment, **options)

    def command(self, *arguments: str) -> list[str]:
        """The real command."""
        return [sys.executable, "-m", "cj_helpers", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Environment with a TMPDIR in which anything left behind is seen."""
        return os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.base / "tmp")}

    def left_behind(self) -> list[Path]:
        """Connection files and other private files that no run should leave."""
        return [path for path in (self.base / "tmp").rglob("*") if path.is_file() or path.is_socket()]

    def latest(self) -> dict[str, str]:
        """Digest of every file of the latest reports."""
        folder = (self.reports / "latest").resolve()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return found | {"run": folder.name}


def make_place(base: Path) -> Place:
    """Write a data set and one good notebook."""
    data = base / "tinylog"
    data.mkdir(parents=True)
    shutil.copy(LOG, data / "log.csv")
    (data / "dataset.yml").write_text(CONFIG.replace("privacy: {public: true}\n", ""))
    (base / "tmp").mkdir()
    tiny.write(base / "notebooks", "01_first", tiny.code("print(1 + 1)"))
    return Place(base)


@pytest.fixture(scope="module")
def place() -> Place:
    """A place with a complete report; its path is short, for the sockets of kernels."""
    base = Path(tempfile.mkdtemp(prefix="f"))
    found = make_place(base)
    done = found.cj("run", "tinylog")
    assert (done.returncode, done.stderr) == (0, "")
    yield found
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def broken(place) -> SimpleNamespace:
    """One run with every fault of a notebook, after the good one."""
    before = place.latest()
    for name, fault in NOTEBOOK_FAULTS.items():
        tiny.write(place.base / "notebooks", numbered(name), *([tiny.code(fault.cell)] if fault.cell else []))
    path = place.base / "notebooks" / f"{numbered('kernel-name')}.ipynb"
    raw = json.loads(path.read_text())
    raw["metadata"]["kernelspec"]["name"] = "no-such-kernel"
    path.write_text(json.dumps(raw))
    limits = ("--cell-timeout", "20", "--memory", "1")
    done = place.cj("run", "tinylog", "--jobs", "2", "--on-failure", "sh -c 'echo $CJ_EXIT_CODE > told'", *limits)
    for file in path.parent.glob("[1-9]*.ipynb"):
        file.unlink()
    (folder,) = (place.reports / "failed").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    return SimpleNamespace(done=done, folder=folder, manifest=manifest, before=before, after=place.latest())


@linux
@pytest.mark.parametrize("name", NOTEBOOK_FAULTS)
def test_notebook_fault(broken, name):
    fault, found = NOTEBOOK_FAULTS[name], broken.manifest["notebooks"][numbered(name)]
    assert found["status"] == fault.status
    assert fault.reason in found["reason"]
    page = (broken.folder / f"{numbered(name)}.html").read_text()
    assert ('<div class="notice status-' in page) is (fault.status != "ok")


@linux
def test_one_bad_notebook_keeps_the_last_good_reports(broken, place):
    assert broken.done.returncode == 5
    assert broken.before == broken.after
    assert broken.manifest["notebooks"]["01_first"]["status"] == "ok"
    failure = (place.reports / "failure.html").read_text()
    assert re.search(r"Not renewed since \d{4}-\d\d-\d\d \d\d:\d\d", failure)
    assert "Title of 10_raises</strong>: failed (KeyError)" in failure
    assert f'href="failed/{broken.folder.name}/index.html"' in failure
    assert 'href="latest/index.html"' in failure
    assert (place.base / "told").read_text() == "5\n"
    shown = broken.done.stderr
    assert "10_raises: failed in cell 3: KeyError" in shown
    assert "01_first" not in shown  # quiet about what is well


@linux
def test_nothing_of_a_bad_run_is_left(broken, place):
    assert place.left_behind() == []
    assert [path.name for path in place.reports.glob(".staging-*")] == []
    assert not [line for line in _commands() if "sleep 4321" in line or str(place.base) in line]
    published = [path for path in broken.folder.rglob("*") if path.is_file()]
    assert not [path for path in published if re.search("Mustermann|erika@", path.read_text(errors="replace"))]


def _commands() -> list[str]:
    return [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]


# ---- before a notebook starts --------------------------------------------------------------------------------------


def _lost_tag(place):
    path = tiny.write(place.base / "notebooks", "10_mine")
    path.write_text(path.read_text().replace('"parameters"', '"other"'))


def _torn_notebook(place):
    (place.base / "notebooks" / "10_mine.ipynb").write_text('{"cells": [')


def _real_latest(place):
    (place.base / "other" / "tinylog" / "latest").mkdir(parents=True)


def _broken_config(place):
    (place.base / "tinylog" / "dataset.yml").write_text(CONFIG.replace("stages:", "stage:"))


def _missing_file(place):
    (place.base / "tinylog" / "log.csv").unlink()


def _bad_data(place):
    (place.base / "tinylog" / "log.csv").write_text(LOG.read_text().replace("\nc01,", "\n,"))


# name -> what is done before, arguments, exit code, message
EARLY_FAULTS = {
    "parameters-tag-lost": (_lost_tag, [], 2, "0 cells have the tag 'parameters'"),
    "torn-notebook": (_torn_notebook, [], 2, "10_mine.ipynb: not a notebook"),
    "unknown-parameter": (None, ["-p", "journy", "x"], 2, "did you mean 'journey'"),
    "wrong-type": (None, ["-p", "horizon_days", "007x"], 2, "declares it as int"),
    "code-as-name": (None, ["-p", "x=1;open('owned','w');y", "1"], 2, "not a parameter name"),
    "secret": (None, ["-p", "db_password", "s3cret"], 2, "looks like a secret"),
    "missing-notebooks": (None, ["--notebooks-dir", "nowhere"], 2, "has no notebook"),
    "folder-is-a-file": (None, ["--out", "tinylog/log.csv"], 2, "cannot be written"),
    "read-only": (None, ["--out", "/sys/reports"], 2, "cannot be written"),
    "latest-is-a-folder": (_real_latest, ["--out", "other"], 2, "latest: is in the way and no link"),
    "broken-config": (_broken_config, [], 2, "stage"),
    "missing-file": (_missing_file, [], 2, "log.csv"),
    "data-not-fit": (_bad_data, [], 3, "rows without customer_id"),
}


@linux
@pytest.mark.parametrize("name", EARLY_FAULTS)
def test_early_fault(place, name):
    prepare, arguments, code, message = EARLY_FAULTS[name]
    config, log, before = (place.base / "tinylog" / "dataset.yml").read_text(), LOG.read_text(), place.latest()
    try:
        if prepare:
            prepare(place)
        done = place.cj("run", "tinylog", *arguments)
    finally:
        (place.base / "tinylog" / "dataset.yml").write_text(config)
        (place.base / "tinylog" / "log.csv").write_text(log)
        (place.base / "notebooks" / "10_mine.ipynb").unlink(missing_ok=True)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
    assert place.latest() == before
    assert not (place.base / "owned").exists()
    if name in ("broken-config", "missing-file", "data-not-fit"):
        assert "Not renewed since" in (place.reports / "failure.html").read_text()


@linux
def test_a_good_run_takes_the_failure_page_away(place):
    _broken_config(place)
    done = place.cj("run", "tinylog")
    (place.base / "tinylog" / "dataset.yml").write_text(CONFIG.replace("privacy: {public: true}\n", ""))
    assert done.returncode == 2
    assert (place.reports / "failure.html").exists()
    done = place.cj("run", "tinylog")
    assert done.returncode == 0
    assert "is published already" in done.stderr
    assert not (place.reports / "failure.html").exists()


@linux
def test_a_symlink_in_the_place_of_a_run_is_not_followed(place):
    name = place.latest()["run"]
    elsewhere = place.base / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    (place.base / "linked" / "tinylog").mkdir(parents=True)
    (place.base / "linked" / "tinylog" / name).symlink_to(elsewhere)
    done = place.cj("run", "tinylog", "--out", "linked")
    assert done.returncode == 2
    assert "is in the way and no folder" in done.stderr
    assert [path.name for path in elsewhere.iterdir()] == ["kept"]


@linux
def test_a_full_disk_leaves_the_last_good_reports(place):
    """A real one: a file system of 600 kB that the second run does not fit into."""
    disk = place.base / "disk"
    disk.mkdir()
    big = (
        "import pandas as pd\nfrom cj_helpers import report\nopen('big', 'w') if False else None\nprint('y' * 700_000)"
    )
    command = " ".join(place.command("run", "tinylog", "--out", str(disk)))
    write = f"cp {place.base}/10_big.ipynb {place.base}/notebooks/"
    tiny.write(place.base / "aside", "10_big", tiny.code(big))
    shutil.move(place.base / "aside" / "10_big.ipynb", place.base / "10_big.ipynb")
    script = (
        f"mount -t tmpfs -o size=600k none {disk} && {command} && {write} && sha256sum {disk}/tinylog/latest/*.*; "
        f"{command}; echo code $?; sha256sum {disk}/tinylog/latest/*.*; ls -A {disk}/tinylog"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        cwd=place.base,
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    (place.base / "notebooks" / "10_big.ipynb").unlink(missing_ok=True)
    if "unshare" in done.stderr:
        pytest.skip("no name spaces here")
    assert "code 2" in done.stdout, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    before, after = done.stdout.split("code 2")
    sums = re.findall(r"[0-9a-f]{64}", before)
    assert len(sums) >= 4
    assert re.findall(r"[0-9a-f]{64}", after) == sums
    assert ".staging" not in after


@linux
def test_a_run_needs_no_network(place):
    """In a name space without any interface, not even that of the machine itself."""
    command = ["unshare", "-rn", *place.command("run", "tinylog", "--force", "--out", "alone")]
    done = subprocess.run(
        command, cwd=place.base, env=place.environment, capture_output=True, text=True, check=False, timeout=300
    )
    if "unshare" in done.stderr:
        pytest.skip("no name spaces here")
    assert (done.returncode, done.stderr) == (0, "")
    alone = place.base / "alone" / "tinylog" / "latest"
    pages = [folder / "01_first.html" for folder in (alone, place.reports / "latest")]
    assert pages[0].read_bytes() == pages[1].read_bytes()


@linux
def test_a_run_has_a_time_limit_of_its_own(place):
    for number in (10, 11):
        tiny.write(place.base / "slow", f"{number}_slow", tiny.code("import time\ntime.sleep(600)"))
    options = ("--notebooks-dir", "slow", "--out", "late", "--run-timeout", "12")
    done = place.cj("run", "tinylog", *options)
    assert done.returncode == 5
    (manifest,) = (place.base / "late" / "tinylog" / "failed").glob("*/manifest.json")
    reasons = {name: item["reason"] for name, item in json.loads(manifest.read_text())["notebooks"].items()}
    assert reasons["10_slow"] == "the run took longer than 12 s"
    assert reasons["11_slow"] == "not started: the run took longer than 12 s"


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_to_the_runner_leaves_nothing(place, number):
    """The kernel holds the GIL all the while."""
    file = place.base / f"pid-{number.name}"
    tiny.write(place.base / "busy", "10_busy", tiny.code(BUSY.format(file=str(file))))
    before = place.latest()
    process = subprocess.Popen(
        place.command("run", "tinylog", "--notebooks-dir", "busy"),
        cwd=place.base,
        env=place.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: file.exists() and file.read_text(), 120)
    process.send_signal(number)
    _out, shown = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}" in shown
    wait_until(lambda: not is_running(int(file.read_text())), 20)
    assert place.latest() == before
    assert place.left_behind() == []
    assert f"The run was stopped</strong> ({number.name})" in (place.reports / "failure.html").read_text().replace(
        "<strong>Run</strong>: The run was stopped", "The run was stopped</strong>"
    )


@linux
def test_a_run_under_nohup_outlives_a_logout(place):
    """Every process of the session gets SIGHUP, as when a terminal closes."""
    wait = "import os, time\nopen('began', 'w').close()\nwhile not os.path.exists('go'):\n    time.sleep(0.1)"
    folder = tiny.write(place.base / "long", "10_long", tiny.code(wait)).parent
    process = subprocess.Popen(
        ["nohup", *place.command("run", "tinylog", "--notebooks-dir", "long", "--out", "away")],
        cwd=place.base,
        env=place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    wait_until((folder / "began").exists, 120)
    os.killpg(process.pid, signal.SIGHUP)
    (folder / "go").touch()
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    assert (place.base / "away" / "tinylog" / "latest" / "10_long.html").exists()


@linux
@pytest.mark.slow
def test_fifty_kills_leave_no_torn_and_no_mixed_report(tmp_path_factory):
    """Runs are killed at random moments; what `latest` names is always one whole run."""
    base = Path(tempfile.mkdtemp(prefix="k"))
    place, moments = make_place(base), random.Random(11)
    assert place.cj("run", "tinylog").returncode == 0
    start = time.monotonic()
    assert place.cj("run", "tinylog", "--force").returncode == 0
    usual = time.monotonic() - start
    for number in range(KILLS):
        tiny.write(base / "notebooks", "01_first", tiny.code(f"print({number})"))
        tiny.write(base / "notebooks", "02_second", tiny.code(f"print({number})"))
        process = subprocess.Popen(
            place.command("run", "tinylog", "--jobs", "2", "--force"),
            cwd=base,
            env=place.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=moments.uniform(0.2, 1.15) * usual)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _check_whole(place.reports / "latest")
    wait_until(lambda: not [line for line in _commands() if str(base) in line], 30)
    assert place.cj("run", "tinylog").returncode == 0
    assert not list(place.reports.glob(".staging-*"))
    shutil.rmtree(base)


def _check_whole(latest: Path) -> None:
    from cj_helpers.runner.published import find_run, is_whole

    run = find_run(latest)
    assert is_whole(run)
    printed = set()
    for page in latest.glob("0*.html"):
        assert page.read_text().rstrip().endswith("</html>")
        printed |= set(re.findall(r'<pre class="printed" tabindex="0">(\d+)\n?</pre>', page.read_text()))
    assert len(printed) == 1  # both pages are of one run


# ---- the list ------------------------------------------------------------------------------------------------------


def test_every_fault_is_in_the_list_with_its_test():
    lines = [line for line in (ROOT / "docs" / "faults.md").read_text().splitlines() if line.startswith("| ")]
    named = {re.search(r"`(test_\w+)(?:\[([\w-]+)\])?`", line).groups() for line in lines if "`test_" in line}
    sources = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert {name for name, _case in named if f"def {name}(" not in sources} == set()
    cases = {case for _name, case in named if case}
    assert cases == {*NOTEBOOK_FAULTS, *EARLY_FAULTS}
    assert len(named) >= 24
