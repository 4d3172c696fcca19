"""Old runs make room for new ones."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from cj_helpers.contract import ConfigError
from cj_helpers.runner import publish
from cj_helpers.runner.naming import RUN_ID
from cj_helpers.runner.plan import SEGMENTS
from cj_helpers.runner.published import good_runs, latest_run
from cj_helpers.runner.records import LOGS


def prune_runs(target: Path, *, keep: int) -> list[Path]:
    """Delete all but the newest runs of a data set, and of each of its markets, and return what was deleted.

    Parameters
    ----------
    target : Path
        Folder of the data set's reports.
    keep : int
        Complete runs, and failed runs, to keep in each folder: those on the latest data, of equal data those
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
    markets = sorted(link.parent for link in target.glob(f"{SEGMENTS}/*/*/latest"))
    gone: list[Path] = []
    for folder in [target, *markets]:
        if any(RUN_ID.fullmatch(path.name) for path in folder.iterdir()):
            with publish.locked(folder):
                gone += _prune(folder, keep)
    return gone


def _prune(folder: Path, keep: int) -> list[Path]:
    named = latest_run(folder)
    good = [run.folder for run in good_runs(folder) if named is None or run.run_id != named.run_id]
    spared = keep - (named is not None)
    failed = [run.folder for run in good_runs(folder / "failed")]
    gone = [*_all_but(good, spared), *_all_but(failed, keep)]
    for run in gone:
        shutil.rmtree(run)
        shutil.rmtree(folder / LOGS / run.name, ignore_errors=True)
    return gone


def _all_but(runs: Sequence[Path], spared: int) -> list[Path]:
    return list(runs[: len(runs) - spared]) if spared > 0 else list(runs)
