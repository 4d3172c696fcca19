"""Names that become part of a path, and the name of a run."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from cj_helpers import __version__
from cj_helpers.contract import ConfigError

NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
UNDATED = "undated"
RUN_ID = re.compile(r"(\d{4}-\d\d-\d\d|undated)-[0-9a-f]{10}")
# What the numbers and the pages depend on.
PACKAGES = (
    *("pandas", "numpy", "scipy", "pyarrow", "duckdb", "ibis-framework", "statsmodels", "lifelines"),
    *("matplotlib", "seaborn", "papermill", "nbconvert", "ipykernel"),
)


def check_name(name: str, *, what: str, remedy: str) -> str:
    """Return a name that is safe in a path, else raise a ConfigError with the remedy."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{what}: only letters, digits, _ and - are allowed (at most 64); {remedy}")
    return name


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the packages that the results depend on."""
    found = {"python": python_version(), "cj-helpers": __version__}
    return found | {name: metadata.version(name) for name in PACKAGES}


def commit(folder: Path) -> str:
    """Return the git commit of a folder, with ``-dirty`` when tracked files are changed; empty outside git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def name_run(day: str, *parts: Any) -> str:
    """Return the name of a run: the day of the data and ten hex digits of everything that decides its results.

    Parameters
    ----------
    day : str
        Day of ``as_of``, such as ``2026-03-31``; empty when the data could not be read.
    *parts
        Inputs, parameters and code as JSON values. The clock is not among them: the same run has one name.
    """
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{day or UNDATED}-{hashlib.sha256(canonical.encode()).hexdigest()[:10]}"


def package_digests(folder: Path | None = None) -> Sequence[tuple[str, str]]:
    """Return path and SHA-256 of every source file of this package, sorted."""
    root = folder or Path(__file__).resolve().parents[1]
    files = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [(path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
