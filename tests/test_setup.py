"""The way to an environment: which one make takes, and that a failed attempt leaves nothing half-made."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")
MISSING = "python3-venv is missing: sudo apt install python3-venv, or install uv"
PYTHON = shlex.quote(sys.executable)
# A uv that makes an environment without pip, and one whose installation fails half-way.
WORKING_UV = f'[ "$1" != venv ] || {PYTHON} -m venv --without-pip .venv'
FAILING_UV = f'{WORKING_UV}; [ "$1" != pip ]'


@pytest.fixture
def project(tmp_path):
    """A folder with the set-up script, an empty lock and the package's version."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "requirements.lock").touch()
    package = tmp_path / "cj_helpers"
    package.mkdir()
    (package / "__main__.py").write_text("print('cj here')\n")
    return tmp_path


def set_up(project, **tools):
    """Run the set-up script with these tools (shell code each) before all others on PATH."""
    folder = project / "tools"
    folder.mkdir(exist_ok=True)
    for name, code in tools.items():
        tool = folder / name.replace("_", "-")
        tool.write_text(f"#!/bin/sh\n{code}\n")
        tool.chmod(0o755)
    return subprocess.run(
        ["sh", ".ci/setup", ".venv", "requirements.lock", ".venv/.runtime-ready"],
        cwd=project,
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_success_writes_the_stamp_and_the_command(project):
    assert set_up(project, uv=WORKING_UV).returncode == 0
    assert (project / ".venv" / ".runtime-ready").exists()
    done = subprocess.run([project / ".venv" / "bin" / "cj"], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout == "cj here\n"


def test_failure_leaves_nothing(project):
    assert set_up(project, uv=FAILING_UV).returncode != 0
    assert not (project / ".venv").exists()


def test_leftover_of_a_killed_attempt_is_replaced(project):
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "leftover").touch()
    assert set_up(project, uv=WORKING_UV).returncode == 0
    assert not (project / ".venv" / "leftover").exists()


def test_failed_update_keeps_the_finished_environment_and_its_old_stamp(project):
    set_up(project, uv=WORKING_UV)
    stamp = project / ".venv" / ".runtime-ready"
    os.utime(stamp, (1, 1))
    assert set_up(project, uv=FAILING_UV).returncode != 0
    assert stamp.stat().st_mtime == 1


def test_missing_ensurepip_is_named(project):
    without = f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {PYTHON} "$@"'
    done = set_up(project, uv="exit 1", apt_get="exit 100", **dict.fromkeys(PYTHONS, without))
    assert (done.returncode, done.stderr) == (2, f"setup: {MISSING}\n")
    assert not (project / ".venv").exists()


def test_missing_python_is_named(project):
    done = set_up(project, uv="exit 1", **dict.fromkeys(PYTHONS, "exit 1"))
    assert done.returncode == 2
    assert "Python 3.11 or newer is missing" in done.stderr


@pytest.mark.parametrize(
    ("active", "command"),
    [("cj", "/opt/conda/envs/cj/bin/cj"), ("base", ".venv/bin/cj"), ("other", ".venv/bin/cj"), ("", ".venv/bin/cj")],
)
def test_only_the_named_conda_environment_counts(active, command):
    environment = os.environ | {"CONDA_DEFAULT_ENV": active, "CONDA_PREFIX": "/opt/conda/envs/cj"}
    done = subprocess.run(
        ["make", "--dry-run", "report"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert f"{command} run data/sample" in done.stdout
