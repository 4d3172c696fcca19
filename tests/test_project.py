"""The project itself: locks, environments, hooks, style, types, spelling, imports, what is tracked."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from source_rules import PASS_ON, room, texts_not_literal, wrong_imports

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PYPROJECT["project"]["dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
MODULES = sorted((ROOT / "cj_helpers").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
# Places on one machine; such a path works nowhere else. /home/someone is made up.
MACHINE_PATH = re.compile(r"(?<![\w.~$}>/-])/(home|Users|root|work|mnt|srv)/(?!someone)\w|\b[A-Z]:\\Users")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment in the project's folder."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


# --- Locks and environments


def locked(name: str) -> dict[str, set[str]]:
    """Versions of each package in a lock file; several where markers choose."""
    versions: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([\w.!+-]+)", lock_text(name), flags=re.MULTILINE):
        versions.setdefault(package, set()).add(version)
    return versions


def lock_text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


LOCKS = {
    "requirements.lock": RUNTIME,
    "requirements-test.lock": [*RUNTIME, *GROUPS["test"]],
    "requirements-spark.lock": GROUPS["spark"],
}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_only_hashed_versions_and_no_host(lock):
    lines = lock_text(lock).replace("\\\n", "").splitlines()
    entry = re.compile(r"[\w.-]+==[\w.!+-]+( ; [^#]+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+")
    assert [line[:80] for line in lines if not entry.fullmatch(line)] == []


@pytest.mark.parametrize(("lock", "wanted"), LOCKS.items())
def test_lock_holds_every_direct_dependency_within_bounds(lock, wanted):
    versions = locked(lock)
    outside = [
        requirement
        for requirement in map(Requirement, wanted)
        if not versions.get(requirement.name)
        or not all(requirement.specifier.contains(version) for version in versions[requirement.name])
    ]
    assert outside == []


def test_test_lock_holds_the_runtime_lock():
    assert locked("requirements.lock").items() <= locked("requirements-test.lock").items()


def test_every_dependency_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^  "[\w\[\]-]+[><=].*$', text, flags=re.MULTILINE)
    assert len(lines) == len(RUNTIME) + len(GROUPS["test"])
    assert [line for line in lines if not re.search(r'",\s+# \w{2}', line)] == []


def test_environment_file_is_made_from_pyproject():
    made = runpy.run_path(str(ROOT / ".ci" / "environment.py"))["environment"](PYPROJECT)
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == made, "run make environment"


def test_environment_keeps_names_and_bounds():
    script = runpy.run_path(str(ROOT / ".ci" / "environment.py"))
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    listed = {line.split()[0]: set(line.split()[1].split(",")) for line in conda["dependencies"]}
    for requirement in map(Requirement, [*RUNTIME, *GROUPS["test"]]):
        name = script["CONDA_NAMES"].get(requirement.name, requirement.name)
        if name:
            assert listed.pop(name) == {str(bound) for bound in requirement.specifier}, name
    assert listed == {"python": {PYPROJECT["project"]["requires-python"]}}


# --- Style, types, spelling, hooks


@pytest.mark.parametrize(
    "command",
    ["ruff check --no-cache", "ruff format --check --no-cache", "mypy", "typos"],
    ids=lambda command: command.replace(" --no-cache", ""),
)
def test_checker_is_content(command):
    done = run(*command.split())
    assert done.returncode == 0, done.stdout + done.stderr


def hooks() -> dict[str, dict[str, str]]:
    return {hook["id"]: hook for repo in HOOKS for hook in repo["hooks"]}


def test_hooks_are_local_and_complete():
    assert {repo["repo"] for repo in HOOKS} == {"local"}
    assert set(hooks()) == {"ruff-check", "ruff-format", "nbstripout", "typos", "mypy"}
    assert {hook["language"] for hook in hooks().values()} == {"system"}


def strip_command() -> list[str]:
    return shlex.split(hooks()["nbstripout"]["entry"])[1:]


def test_makefile_strips_as_the_hook_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    assert shlex.split(re.search(r"^NBSTRIPOUT := (.*)$", makefile, flags=re.MULTILINE)[1]) == strip_command()


def test_notebooks_are_stored_stripped():
    assert NOTEBOOKS
    done = run(*strip_command(), "--verify", *map(str, NOTEBOOKS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_stripping_keeps_tagged_outputs_counts_and_ids(tmp_path):
    stream = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
    cells = [
        {"cell_type": "code", "id": name, "source": "1", "execution_count": 7, "outputs": [stream], "metadata": meta}
        for name, meta in {"kept": {"tags": ["keep_output"]}, "other": {"papermill": {}, "execution": {}}}.items()
    ]
    metadata = {"papermill": {}, "language_info": {"name": "python", "version": "3.11.2"}}
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}))
    assert run(*strip_command(), str(path)).returncode == 0
    after = json.loads(path.read_text())
    assert after["metadata"] == {"language_info": {"name": "python"}}
    assert [(cell["id"], cell["execution_count"], cell["outputs"], cell["metadata"]) for cell in after["cells"]] == [
        ("kept", 7, [stream], {"tags": ["keep_output"]}),
        ("other", 7, [], {}),
    ]


# --- Imports and texts


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    assert wrong_imports(path.relative_to(ROOT), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("mapping.py", "from cj_helpers.nps import nps_score", "mapping imports nps"),
        ("churn/models.py", "import cj_helpers.mapping.paths", "churn imports mapping"),
        ("plots/nps.py", "from ..survival import survival_curve", "plots imports survival"),
        ("plots.py", "def draw():\n    from . import journeys", "plots imports journeys"),
        ("runner/__init__.py", "from cj_helpers import churn", "runner imports churn"),
        ("runner/html/page.py", "from ...mapping import paths", "runner imports mapping"),
        ("survival/curves.py", "from cj_helpers.dataset import open_dataset", "survival imports dataset"),
        ("journeys.py", "import notebooks.util", "journeys imports notebooks"),
        ("__init__.py", "from .contract import CjError", "__init__ imports contract"),
        ("novelty.py", "import os", "novelty is new"),
    ],
)
def test_wrong_import_is_found(module, source, found):
    assert found in "; ".join(wrong_imports(Path("cj_helpers", module), source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("runner/html.py", "from .index import page\nfrom . import publish\nfrom ..text import fill"),
        ("runner/__init__.py", "from . import html\nfrom .html import page\nfrom cj_helpers import __version__"),
        ("mapping.py", "import numpy.linalg\nfrom cj_helpers.journeys import build_steps"),
    ],
)
def test_right_import_is_let_through(module, source):
    assert wrong_imports(Path("cj_helpers", module), source) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_are_literal_templates(path):
    if room(path.relative_to(ROOT)) not in PASS_ON:
        assert texts_not_literal(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        '_(f"{n} journeys")',
        'fill("a" + b, n=1)',
        "text.fill(template)",
        'report.finding("{n} lost".format(n=3), level="info")',
        'report.metric("a", 1, label=name)',
        'report.show("a", table, caption=f"of {n}")',
    ],
)
def test_text_that_is_no_literal_is_found(source):
    assert len(texts_not_literal(source)) == 1


def test_cli_imports_nothing_heavy():
    heavy = {"lifelines", "statsmodels", "papermill", "nbconvert", "ibis", "duckdb", "pandas", "numpy", "matplotlib"}
    code = f"import sys, cj_helpers.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = run("python", "-c", code)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


# --- What is in the repository


def tracked() -> list[Path]:
    """Files that are, or would be, in git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for path in map(ROOT.joinpath, filter(None, done.stdout.split("\0"))) if path.is_file()]


def test_no_path_of_one_machine_is_tracked():
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path.suffix not in {".parquet", ".png", ".gz", ".lock"}
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


# Written with | for /, or this file itself would be found.
@pytest.mark.parametrize("text", ["'|home|ann|x'", "(|Users|ann", "cd |root|x", "x=|work|y", "C:\\" + "Users\\ann"])
def test_machine_path_is_found(text):
    assert MACHINE_PATH.search(text.replace("|", "/"))


@pytest.mark.parametrize("text", ["reports/root/x", "https://a.org/home/x", "notebooks/work/x"])
def test_other_path_is_let_through(text):
    assert not MACHINE_PATH.search(text)


def test_version_is_in_the_changelog():
    version = runpy.run_path(str(ROOT / "cj_helpers" / "__init__.py"))["__version__"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_points_to_what_is_there() -> None:
    """Pictures, files and make targets that the README names exist, and no figure is left to fill in."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets
    assert re.findall(r"\b[A-Z]{3,}_[A-Z]{3,}\b", text) == []


def test_everything_that_runs_is_in_git() -> None:
    """A clean clone holds every module, notebook and file of the sample."""
    kept = {path.relative_to(ROOT).as_posix() for path in tracked()}
    here = [*ROOT.glob("cj_helpers/**/*.py"), *ROOT.glob("notebooks/*_*.ipynb"), *ROOT.glob("data/sample/**/*")]
    names = {path.relative_to(ROOT).as_posix() for path in here if path.is_file()}
    assert names - kept == set()
