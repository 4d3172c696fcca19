"""What reports hold of single customers: files to clean when one must be forgotten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TEXT = (".csv", ".json", ".html", ".ipynb", ".log", ".txt", ".md")


@dataclass(frozen=True)
class Trace:
    """One file that names a customer, and in how many lines."""

    path: Path
    n_lines: int


def find_traces(folder: Path, names: Sequence[str]) -> list[Trace]:
    """Return the files below a folder of reports that hold one of the names (pseudonyms or raw ids).

    Links are not followed, so that `latest` counts no file twice.
    """
    wanted = [name.encode() for name in names if len(name) > 3]  # shorter ids would be found everywhere
    found = []
    for root, _folders, files in os.walk(folder):
        for path in (Path(root) / name for name in sorted(files)):
            if path.suffix in _TEXT and not path.is_symlink():
                n = sum(any(name in line for name in wanted) for line in path.read_bytes().splitlines())
                found += [Trace(path, n)] if n else []
    return sorted(found, key=lambda trace: trace.path)


def remove_trace(trace: Trace, names: Sequence[str]) -> str:
    """Take the lines out of a CSV file, or remove any other file; returns what was done, in words."""
    if trace.path.suffix != ".csv":
        trace.path.unlink()
        return "removed"
    wanted = [name.encode() for name in names if len(name) > 3]
    lines = trace.path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not any(name in line for name in wanted)]
    temporary = trace.path.with_suffix(".csv.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, trace.path.stat().st_mode & 0o777)
    with os.fdopen(descriptor, "wb") as stream:
        stream.writelines(kept)
    temporary.replace(trace.path)
    return f"{trace.n_lines:,} lines taken out"
