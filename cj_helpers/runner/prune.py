"""Old runs make room for new ones."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from cj_helpers.contract import ConfigError
from cj_helpers.runner import publish
from cj_helpers.runner.naming import RUN_ID, UNDATED
from cj_helpers.runner.plan import report_folders
from cj_helpers.runner.published import MANIFEST
from cj_helpers.runner.records import LOGS


def prune_runs(target: Path, *, keep: int) -> list[Path]:
    """Delete all but the newest runs of a data set, and of each of its markets, and return what was deleted.

    Parameters
    ----------
    target : Path
        Folder of the data set's reports.
    keep : int
        Published runs, and failed runs, to keep in each folder: those on the latest data, of equal data those
        published last. The run that ``latest`` names is never deleted.

    Raises
    ------
    ConfigError
        When nothing is kept or there are no reports.
    publish.Locked
        When a run is writing there.
    """
    if keep < 1:
        raise ConfigError(f"--keep {keep}: keep at least one run")
    if not target.is_dir():
        raise ConfigError(f"{target}: there are no reports; give the data set, and --out as it was given to cj run")
    gone: list[Path] = []
    for folder in report_folders(target):
        if _runs(folder) or _runs(folder / "failed"):
            with publish.locked(folder):
                gone += _prune(folder, keep)
    return gone


def _prune(folder: Path, keep: int) -> list[Path]:
    latest = (folder / "latest").resolve()
    runs = _runs(folder)
    others = [run for run in runs if run.resolve() != latest]
    gone = [*_all_but(others, keep - (len(runs) - len(others))), *_all_but(_runs(folder / "failed"), keep)]
    for run in gone:
        shutil.rmtree(run)
        shutil.rmtree(folder / LOGS / run.name, ignore_errors=True)
    return gone


def _runs(folder: Path) -> list[Path]:
    """Folders of runs, also of damaged ones, the oldest data first, of equal data the first published."""
    found = [path for path in folder.iterdir() if RUN_ID.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=_order)


def _order(run: Path) -> tuple[str, float, str]:
    day, manifest = run.name.rpartition("-")[0], run / MANIFEST
    when = manifest if manifest.is_file() else run
    return "" if day == UNDATED else day, when.stat().st_mtime, run.name


def _all_but(runs: Sequence[Path], spared: int) -> list[Path]:
    return list(runs[: len(runs) - spared]) if spared > 0 else list(runs)
