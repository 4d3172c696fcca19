"""What several commands need: exit codes and how a message or a table is printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cj_helpers.contract import CjError, DataError

USAGE, NOT_FIT, LOCKED, INTERNAL = 2, 3, 6, 7
SIGNAL = 128  # a process ended by a signal exits with 128 and its number


def complain(message: str) -> None:
    """Print one message on stderr."""
    click.echo(f"cj: {message}", err=True)


def short(path: Path) -> str:
    """Return a path below the current folder as a relative one."""
    path = path.resolve()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the last one as long as it is."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [str(cell).ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        click.echo("  ".join([*cells, str(row[-1])]).rstrip())


def code_of(error: Exception) -> tuple[int, str]:
    """Return exit code and message of an error; of one that nobody foresaw the place in the code and no value."""
    if isinstance(error, CjError):
        return (NOT_FIT if isinstance(error, DataError) else USAGE), str(error)
    if isinstance(error, OSError):
        return USAGE, f"{error.filename}: {error.strerror}" if error.filename else str(error)
    from cj_helpers.runner import Locked
    from cj_helpers.runner.source import place_of

    if isinstance(error, Locked):
        return LOCKED, str(error)
    return INTERNAL, f"an error of cj itself: {place_of(error)}; please report it"


def apply(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Put several click options on a command, listed in their order by --help."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
