"""What surrounds a notebook: private folders, no settings of the user, one thread."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path


def redirect_output(file: Path) -> None:
    """Send what the kernel, a library or a crash prints to a file instead of between the progress lines."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def set_environment(*, scratch: Path, out: Path, only: Mapping[str, str]) -> None:
    """Give this process and its kernel a private TMPDIR, ``CJ_OUT``, ``CJ_ONLY``, and what makes results steady."""
    scratch.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(scratch)
    os.environ.update(
        TMPDIR=str(scratch),
        IPYTHONDIR=str(scratch / "ipython"),  # no start-up files and no history of the user
        JUPYTER_RUNTIME_DIR=str(scratch / "runtime"),
        CJ_OUT=str(out),
        CJ_ONLY=json.dumps(dict(only)) if only else "",
        PYTHONHASHSEED="0",
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        TQDM_DISABLE="1",
    )
    # One thread each: the same digits whatever the machine and the number of jobs.
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
