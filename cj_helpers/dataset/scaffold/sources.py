"""Where the files of a new data set lie: copied below its folder or used in place, each group under one source."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
from pathlib import Path

from cj_helpers.contract import ConfigError

CONFIG = "dataset.yml"
LARGE = 1 << 30  # bytes from which a copy is worth a word


def check_folder(folder: Path) -> None:
    """Refuse a folder that already is a data set, or whose name no report's path could hold.

    Raises
    ------
    ConfigError
    """
    if (folder / CONFIG).exists():
        raise ConfigError(
            f"{folder}: there is a {CONFIG} already, and it is never overwritten; give another folder or move the file."
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; give the name of a folder.")
    name = folder.resolve().name
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) is None:
        raise ConfigError(
            f"{folder}: the name {name!r} must have letters, digits, _ or - only; it is part of every path."
        )


def plan(folder: Path, groups: list[list[Path]], *, in_place: bool = False) -> list[list[Path]]:
    """Say where each file will lie: where it is when it lies below the folder, else copied under its own name.

    With `in_place` every file stays where it is. Copied files of one group share a subfolder named after theirs, so
    that one glob finds them and nothing else.

    Raises
    ------
    ConfigError
        When two different files would get the same place.
    """
    if in_place:
        return [[path.resolve() for path in group] for group in groups]
    taken: dict[Path, Path] = {}
    planned = []
    for group in groups:
        targets = [_target(folder, path, several=len(group) > 1) for path in group]
        for path, target in zip(group, targets, strict=True):
            other = taken.setdefault(target, path)
            if other != path or (target.exists() and target.resolve() != path.resolve()):
                raise ConfigError(
                    f"{path} and {other if other != path else target}: both would be {target}; rename one."
                )
        planned.append(targets)
    return planned


def copy(groups: list[list[Path]], targets: list[list[Path]]) -> int:
    """Copy what does not lie below the folder yet; returns how many bytes were copied."""
    n_bytes = 0
    for group, placed in zip(groups, targets, strict=True):
        for path, target in zip(group, placed, strict=True):
            if path.resolve() != target.resolve():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                n_bytes += target.stat().st_size
    return n_bytes


def outside(folder: Path, targets: list[list[Path]]) -> list[str]:
    """Return the folders besides the data set's own that hold files used in place, as ``allow`` names them."""
    parents = {path.parent for group in targets for path in group if not _lies_below(path, folder)}
    return sorted(_seen_from(folder, parent) for parent in parents)


def source_text(folder: Path, targets: list[Path]) -> str:
    """Return what ``source:`` says: the file, or the glob of exactly these files.

    Raises
    ------
    ConfigError
        When files lie beside others that every glob would take, too.
    """
    if len(targets) == 1:
        return _seen_from(folder, targets[0])
    parent, first = targets[0].parent, targets[0].name
    glob = re.sub(r"(?:\d+[-_.]?)*\d+", "*", first.removesuffix(".gz")) + (".gz" if first.endswith(".gz") else "")
    below = {path.name for path in parent.iterdir() if path.is_file()} if parent.is_dir() else set()
    wanted = {path.name for path in targets}
    globs = [glob, f"*{targets[0].suffix}"]
    found = next((g for g in globs if {name for name in below | wanted if fnmatch.fnmatch(name, g)} == wanted), "")
    if not found:
        raise ConfigError(
            f"{parent}: {glob} names more files than the {len(targets)} given; give all of them, or put those you mean "
            "into a folder of their own."
        )
    return f"{_seen_from(folder, parent)}/{found}".removeprefix("./")


def _lies_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _seen_from(folder: Path, path: Path) -> str:
    """Return the way to a file or folder as dataset.yml writes it."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _target(folder: Path, path: Path, *, several: bool) -> Path:
    if _lies_below(path, folder):
        return folder / path.resolve().relative_to(folder.resolve())
    return folder / path.resolve().parent.name / path.name if several else folder / path.name
