"""Published runs as they lie on disk: what each of them was, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.runner.naming import RUN_ID

MANIFEST = "manifest.json"
RESULTS = "results.json"
# These know the time of the run, so they differ between two runs of one name.
TIMED = frozenset({"index.html", "run.log"})
# What other runs read of it: a record without these is as good as none.
_TEXTS, _MAPPINGS = ("run_id", "dataset"), ("parameters", "versions", "notebooks")
_MANIFEST = (
    dict.fromkeys(_TEXTS, str) | dict.fromkeys(_MAPPINGS, dict) | {"inputs": list, "alerts": list, "exit_code": int}
)
_NOTEBOOK, _ALERT, _INPUT = ("status", "reason"), ("text", "level", "known"), ("path",)
_METRIC = ("notebook", "name", "journey", "segment", "estimate", "conf_low", "conf_high", "unit", "n")


@dataclass(frozen=True)
class PublishedRun:
    """One published run: its folder, its manifest.json and its results.json."""

    folder: Path
    manifest: Mapping[str, Any]
    results: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return str(self.manifest["run_id"])

    @property
    def day(self) -> str:
        """Day of the data, ISO 8601; empty when unknown."""
        return str(self.manifest.get("day") or "")

    @property
    def seconds(self) -> float:
        """When it was published, as seconds since 1970."""
        return (self.folder / MANIFEST).stat().st_mtime

    @property
    def order(self) -> tuple[str, float, str]:
        """Sorts runs by the day of their data, then by when they were published."""
        return self.day, self.seconds, self.run_id


def read_run(folder: Path) -> PublishedRun | None:
    """Read a published run; None when there is none, or its records cannot be read or are not complete."""
    try:
        manifest, results = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (MANIFEST, RESULTS))
    except (OSError, ValueError):
        return None
    return PublishedRun(folder, manifest, results) if _is_complete(manifest, results) else None


def _is_complete(manifest: Any, results: Any) -> bool:
    if not _has(manifest, _MANIFEST) or not _has(results, {"metrics": list, "findings": list}):
        return False
    rows = [
        *((row, _NOTEBOOK) for row in manifest["notebooks"].values()),
        *((row, _ALERT) for row in manifest["alerts"]),
        *((row, _INPUT) for row in manifest["inputs"]),
        *((row, _METRIC) for row in results["metrics"]),
        *((row, ("text",)) for row in results["findings"]),
    ]
    return all(isinstance(row, dict) and set(names) <= set(row) for row, names in rows)


def _has(record: Any, kinds: Mapping[str, type]) -> bool:
    return isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in kinds.items())


def find_run(place: str | Path) -> PublishedRun:
    """Read the run in a folder such as ``reports/sample/latest``.

    Raises
    ------
    ConfigError
        When there is no run in it, or its records are not complete.
    """
    folder = Path(place).expanduser()
    found = read_run(folder.parent if folder.name == "index.html" else folder)
    if found is None:
        found_none = f"{place}: no published run there, or not all of its records"
        raise ConfigError(f"{found_none}; give the folder of one, such as reports/sample/latest")
    return found


def good_runs(target: Path) -> list[PublishedRun]:
    """Return the complete runs below the reports of a data set, the oldest data first."""
    folders = [path for path in target.iterdir() if RUN_ID.fullmatch(path.name)] if target.is_dir() else []
    found = [run for run in map(read_run, folders) if run is not None]
    return sorted(found, key=lambda run: run.order)


def latest_run(target: Path) -> PublishedRun | None:
    """Return the run that ``latest`` names, or None."""
    return read_run(target / "latest")


def digests(site: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a run that its inputs decide, by path."""
    files = sorted(path for path in site.rglob("*") if path.is_file())
    names = {path.relative_to(site).as_posix(): path for path in files}
    kept = {name: path for name, path in names.items() if name not in TIMED and name != MANIFEST}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()}


def is_whole(run: PublishedRun) -> bool:
    """Whether every file of a run is there as it was published."""
    timed = all((run.folder / name).is_file() for name in TIMED)
    return timed and digests(run.folder) == run.manifest.get("files")
