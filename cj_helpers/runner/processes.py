"""Processes that must not outlive a run: they die with their parent, and whole trees can be ended."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# Loaded here: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask Linux to kill this process when the *thread* that started it ends; elsewhere do nothing."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends, so that none gets lost (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def guard_worker() -> None:
    """Make a worker end, with all it started, on SIGTERM or when the run's process is gone.

    A terminal's Ctrl-C reaches the worker too; it is left to the run, which ends its workers itself.
    """
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end_self())
    threading.Thread(target=_end_with_run, daemon=True).start()


def kill_tree(pid: int) -> None:
    """Kill a process and everything below it, the leaves first."""
    kill_below(pid)
    _kill(pid)


def kill_below(pid: int) -> None:
    """Kill everything below a process, the leaves first, and leave the process itself alone."""
    for _ in range(20):  # a process may start another while it is being ended
        below = descendants(pid)
        if not below:
            break
        for child in reversed(below):
            _kill(child)
        time.sleep(0.02)


def descendants(pid: int) -> list[int]:
    """Return the running processes below ``pid``, parents before children."""
    parents = dict(_parents())
    found = [pid]
    for parent in found:  # grows while it is read: breadth first
        found.extend(child for child, above in parents.items() if above == parent)
    return found[1:]


def memory_below(pid: int) -> int:
    """Return the bytes of memory that the processes below ``pid`` hold."""
    return sum(_resident(child) for child in descendants(pid))


def _resident(pid: int) -> int:
    if not Path("/proc/self/statm").exists():
        listing = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return int(listing.stdout or 0) * 1024
    with contextlib.suppress(OSError):  # it ended meanwhile
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _parents() -> Iterator[tuple[int, int]]:
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True)
        yield from ((int(pid), int(parent)) for pid, parent in map(str.split, listing.stdout.splitlines()))
        return
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            # the name in brackets may hold blanks: state and parent follow the last bracket
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(folder.name), int(parent)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _end_self() -> None:
    for child in reversed(descendants(os.getpid())):
        _kill(child)
    os._exit(128 + signal.SIGTERM)


def _end_with_run() -> None:
    run = multiprocessing.parent_process()
    if run is not None:
        multiprocessing.connection.wait([run.sentinel])
        _end_self()
