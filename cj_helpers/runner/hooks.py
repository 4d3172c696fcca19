"""Commands of the user that are called after a run: to tell someone."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping

from cj_helpers.contract import ConfigError

_SECONDS = 60


def check_command(command: str, *, option: str) -> None:
    """Refuse a command that cannot be split into words, before anything runs.

    Raises
    ------
    ConfigError
        With the option that was given.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"{option}: {command!r} is no command ({error}); close the quotes") from error
    if command and not words:
        raise ConfigError(f"{option}: the command is empty; give one, or leave the option out")


def call_command(command: str, facts: Mapping[str, str]) -> str:
    """Call a command without a shell and return what went wrong, in words; empty when it did its work.

    Parameters
    ----------
    command : str
        Program and arguments; for pipes and redirection: ``sh -c "..."``.
    facts : mapping
        What it is told, as environment variables ``CJ_...``; nothing of the data set's rows is among them.
    """
    environment = os.environ | {f"CJ_{name.upper()}": value for name, value in facts.items()}
    try:
        process = subprocess.Popen(
            shlex.split(command), env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return error.strerror or type(error).__name__
    try:
        code = process.wait(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"was stopped after {_SECONDS} s"
    finally:
        if process.poll() is None:  # with everything that it started
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return f"ended with exit code {code}" if code else ""
