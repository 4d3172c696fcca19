"""Reports appear as a whole or not at all: one run at a time, staged aside, moved into place at the end."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cj_helpers.contract import ConfigError

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_STAGING = ".staging-"
_OLD = ".old-"
_SCRATCH_NOTE = "scratch"


class Locked(Exception):
    """Another run is writing the same reports (exit code 6)."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the one lock of a data set's reports; the system frees it however the process ends.

    Raises
    ------
    Locked
        When another process holds it; the message says which.
    ConfigError
        When the folder cannot be written.
    """
    lock = folder / ".lock"
    try:
        descriptor = _open_lock(lock)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder may be gone: what went wrong inside is what counts
            if [path.name for path in folder.iterdir()] == [lock.name]:
                lock.unlink()
                folder.rmdir()
        os.close(descriptor)


@contextlib.contextmanager
def written_below(folder: Path) -> Iterator[None]:
    """Turn a disk that is full or cannot be written into one message with the folder and the reason."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        place = f"{reason}: {error.filename}" if error.filename and str(error.filename) != str(folder) else reason
        remedy = "make room there or give another folder with --out"
        raise ConfigError(f"{folder}: the reports cannot be written ({place}); {remedy}") from error


def _open_lock(lock: Path) -> int:
    """Return the descriptor of the lock, held; a run that published nothing may take the file away meanwhile."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except FileNotFoundError:
            pass  # a lock on a file without a name holds nobody off
        except BlockingIOError as error:
            holder = os.pread(descriptor, 1000, 0).decode().strip() or "another process"
            os.close(descriptor)
            found = f"{lock.parent}: a run is already writing here ({holder})"
            raise Locked(f"{found}; wait until it has ended") from error
        os.close(descriptor)


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Give a private folder beside the published runs and a private TMPDIR; both are gone afterwards.

    What runs that were killed left behind is removed first: the lock of ``folder`` must be held.
    """
    for left in [*folder.glob(f"{_STAGING}*"), *folder.glob(f"{_OLD}*")]:
        _remove_scratch(left)
        shutil.rmtree(left, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
    try:
        # Not below the stage: the addresses of sockets in it must stay short.
        scratch = Path(tempfile.mkdtemp(prefix="cj-"))
    except OSError:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    try:
        (stage / _SCRATCH_NOTE).write_text(str(scratch), encoding="utf-8")
        yield stage, scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(stage, ignore_errors=True)


def check_places(folder: Path, run_id: str) -> None:
    """Refuse what would be in the way when the run of this name is published, before anything runs."""
    _check_link(folder / "latest")
    for place in (folder / "failed", folder / run_id, folder / "failed" / run_id):
        _check_folder(place)


def publish(site: Path, target: Path) -> None:
    """Make a finished folder visible as ``target``, in one step where the file system can.

    An older run of the same name is replaced; readers see either the old or the new one.
    """
    _make_readable(site)
    _to_disk(site)
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_folder(target)
    if not target.exists():
        site.replace(target)
    elif not _exchanged(site, target):
        old = target.parent / f"{_OLD}{target.name}"
        shutil.rmtree(old, ignore_errors=True)
        target.replace(old)
        site.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    _sync(target.parent)


def point_latest(folder: Path, run_id: str) -> None:
    """Let the relative link ``latest`` in ``folder`` name this run."""
    link, new = folder / "latest", folder / ".latest-new"
    _check_link(link)
    new.unlink(missing_ok=True)
    new.symlink_to(run_id)
    new.replace(link)
    _sync(folder)


def replace_file(file: Path, content: str) -> None:
    """Write a file whole or not at all."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    staged = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        staged.chmod(0o666 & ~mask)
        staged.replace(file)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def write_json(file: Path, content: Any) -> None:
    """Write JSON that every parser reads: UTF-8, no NaN, one order of keys."""
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _check_folder(place: Path) -> None:
    if place.is_symlink() or place.is_file():
        raise ConfigError(f"{place}: is in the way and no folder; remove it")


def _check_link(link: Path) -> None:
    if link.exists() and not link.is_symlink():
        raise ConfigError(f"{link}: is in the way and no link; remove it")


def _exchanged(one: Path, other: Path) -> bool:
    if sys.platform != "linux":
        return False
    swap = getattr(ctypes.CDLL(None), "renameat2", None)
    return swap is not None and swap(_AT_FDCWD, bytes(one), _AT_FDCWD, bytes(other), _RENAME_EXCHANGE) == 0


def _make_readable(site: Path) -> None:
    """The stage is private; what is published has the usual rights, but for exports."""
    mask = os.umask(0)
    os.umask(mask)
    for path in [site, *site.rglob("*")]:
        if path.is_dir():
            path.chmod(0o777 & ~mask)
        elif path.stat().st_mode & 0o077:
            path.chmod(0o666 & ~mask)


def _to_disk(site: Path) -> None:
    for path in [*site.rglob("*"), site]:
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_scratch(left: Path) -> None:
    note = left / _SCRATCH_NOTE
    if note.is_file():
        scratch = Path(note.read_text(encoding="utf-8"))
        if scratch.name.startswith("cj-") and scratch.is_dir() and scratch.stat().st_uid == os.getuid():
            shutil.rmtree(scratch, ignore_errors=True)
