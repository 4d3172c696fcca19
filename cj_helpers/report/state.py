"""What the running notebook has opened and which names it has used."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OUT_VARIABLE = "CJ_OUT"
DEFAULT_MIN_GROUP = 10


@dataclass
class State:
    """The data set of the notebook; before `open` nothing is known to be public."""

    dataset: Any = None
    public: bool = False
    min_group: int = DEFAULT_MIN_GROUP
    journeys: dict[str, str] = field(default_factory=dict)
    used: dict[tuple[str, str], int | None] = field(default_factory=dict)


_state = State()


def state() -> State:
    """State of the running notebook."""
    return _state


def begin(dataset: Any) -> None:
    """Start over with a data set: names are free again, its rules on privacy hold."""
    global _state
    labels = {key: definition.label for key, definition in dataset.journeys.items()}
    _state = State(dataset, bool(dataset.public), int(dataset.min_group), labels)


def reset() -> None:
    """Forget the data set and the names."""
    global _state
    _state = State()


def out_folder() -> Path | None:
    """Folder for files of this notebook, or None outside a run."""
    folder = os.environ.get(OUT_VARIABLE, "")
    return Path(folder) if folder else None


def claim_name(kind: str, name: str, key: str = "") -> None:
    """Check a result's name and that it is used once.

    Running a cell again in JupyterLab is normal, so without a run folder only a name used twice by one
    execution of a cell is refused.

    Raises
    ------
    ValueError
        When the name would not do as a file name or was used before.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"{kind} {name!r}: a name has 1 to 64 letters a-z, A-Z, digits, _ or -, such as 'outcomes'.")
    execution = _execution_count()
    entry = (kind, key or name)
    if entry in _state.used and (out_folder() is not None or _state.used[entry] == execution):
        raise ValueError(f"{kind} {entry[1]!r} exists already in this notebook; give each {kind} a name of its own.")
    _state.used[entry] = execution


def _execution_count() -> int | None:
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell.instance().execution_count if InteractiveShell.initialized() else None
