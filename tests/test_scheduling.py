"""The files of docs/scheduling: they parse, and every `cj` command in them is one that exists."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml

from cj_helpers import cli

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "scheduling"


def read_unit(name: str) -> configparser.ConfigParser:
    """A systemd unit; option names keep their capitals."""
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((FOLDER / name).read_text())
    return unit


def commands_of(text: str) -> list[list[str]]:
    """Every call of cj in a text, as words."""
    text = re.sub(r"\{\{.*?\}\}", "2026-01-31", text)
    found = re.findall(r"(?:\.venv/bin/|^\s*)cj ((?:run|prune) [^\n|&>\"]*)", text, flags=re.M)
    return [shlex.split(command) for command in found]


def check(words: list[str]) -> None:
    """Let click parse a command without running it."""
    command = cli.app.commands[words[0]]
    with command.make_context(words[0], list(words[1:]), resilient_parsing=False) as context:
        assert context.params["dataset"] == Path("my_shop")


@pytest.mark.parametrize("name", ["crontab", "cj.service", "github-actions.yml", "airflow_dag.py"])
def test_every_command_exists_with_its_options(name):
    found = commands_of((FOLDER / name).read_text())
    assert {words[0] for words in found} >= {"run"}
    for words in found:
        check(words)


def test_a_wrong_option_would_be_found():
    with pytest.raises(click.NoSuchOption):
        check(["run", "my_shop", "--job", "2", "--no-such"])


def test_cron_lines_have_five_times_and_a_command():
    lines = [line for line in (FOLDER / "crontab").read_text().splitlines() if line and not line.startswith("#")]
    assert lines.pop(0).startswith("MAILTO=")
    ranges = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    for line in lines:
        *times, command = line.split(maxsplit=5)
        for time, (low, high) in zip(times, ranges, strict=True):
            assert time == "*" or low <= int(time) <= high
        assert "%" not in command  # cron would turn it into a line break
        assert command.startswith("cd ")


def test_systemd_units_name_each_other_and_take_secrets_from_a_file():
    service, timer = read_unit("cj.service"), read_unit("cj.timer")
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["EnvironmentFile"].startswith("%h/")
    assert service["Service"]["SuccessExitStatus"] == "4"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_timer_s_calendar():
    calendar = read_unit("cj.timer")["Timer"]["OnCalendar"]
    done = subprocess.run(["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_workflow_has_its_parts():
    flow = yaml.safe_load((FOLDER / "github-actions.yml").read_text())
    assert flow[True]["schedule"][0]["cron"] == "15 5 * * *"  # YAML reads the key `on` as true
    (job,) = flow["jobs"].values()
    assert "secrets.CJ_KEY" in job["env"]["CJ_KEY"]
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    assert job["steps"][-1]["if"] == "always()"


def test_the_dag_is_built_and_calls_cj(monkeypatch):
    """Run against stand-ins for the three names of Airflow that it uses."""
    tasks: dict[str, dict[str, object]] = {}

    class Dag:
        def __init__(self, **options):
            tasks["dag"] = options

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    class Operator:
        def __init__(self, *, task_id, **options):
            self.task_id, tasks[task_id] = task_id, options

        def __rshift__(self, other):
            tasks[self.task_id]["then"] = other.task_id

    for name in ("airflow", "airflow.operators", "airflow.operators.bash"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["airflow"].DAG = Dag  # type: ignore[attr-defined]
    sys.modules["airflow.operators.bash"].BashOperator = Operator  # type: ignore[attr-defined]
    exec(compile((FOLDER / "airflow_dag.py").read_text(), "airflow_dag.py", "exec"), {})  # noqa: S102
    assert tasks["dag"]["dag_id"] == "customer_journeys"
    assert tasks["dag"]["max_active_runs"] == 1
    assert tasks["reports"]["then"] == "prune"
    assert "cj run my_shop" in str(tasks["reports"]["bash_command"])
    assert "KEY" not in str(tasks["reports"])
