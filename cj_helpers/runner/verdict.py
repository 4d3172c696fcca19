"""How a notebook ended, decided by what it left behind and not by what papermill says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cj_helpers.contract import CjError, ConfigError, DataError
from cj_helpers.text import _

OK = "ok"
SKIPPED = "skipped"
FAILED = "failed"
TIMEOUT = "timeout"
LOST = "lost"

# Messages of these carry columns and counts, never values; those of any other error may quote the data.
_SAFE_ERRORS = {kind.__name__ for kind in (CjError, ConfigError, DataError)}
_SKIP = "NotebookSkipped"


@dataclass(frozen=True)
class Verdict:
    """Status of one notebook, the reason in words a reader may see, and the cell where it ended (0: none).

    ``cell`` is the number Jupyter shows in brackets beside the cell when the notebook runs top to bottom.
    """

    status: str
    reason: str = ""
    cell: int = 0

    @property
    def is_bad(self) -> bool:
        """Whether the notebook did not come to its end."""
        return self.status not in (OK, SKIPPED)


def judge(notebook: Mapping[str, Any], *, crash: str = "", started: int = 0) -> Verdict:
    """Decide how an executed notebook ended.

    A notebook is *ok* only when it has an end, every code cell that is not empty has run, none shows an error
    and exactly one cell has the tag ``parameters``.

    Parameters
    ----------
    notebook : mapping
        The executed notebook (nbformat 4).
    crash : str
        Name of the exception that ended the execution itself, ``""`` for none.
    started : int
        Code cells that were started: a kernel may die before it says which cell it runs.

    Notes
    -----
    papermill alone takes a notebook whose kernel died, or that called ``sys.exit(0)``, for complete.
    """
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["source"].strip()]
    for number, cell in enumerate(code, start=1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                return _judge_error(output, number)
    last = sum(cell["execution_count"] is not None for cell in code)
    if crash == "CellTimeoutError":
        return Verdict(TIMEOUT, _("no answer from the kernel"), started)
    if crash == "DeadKernelError" or (crash == "RuntimeError" and started == 0):
        return Verdict(LOST, _("the kernel died"), started)
    if crash:
        return Verdict(FAILED, crash, started)
    if last < len(code):
        return Verdict(FAILED, _("not every cell ran"), last + 1)
    if not notebook["metadata"].get("papermill", {}).get("end_time"):
        return Verdict(FAILED, _("it did not come to its end"), last)
    if _tagged(notebook) != 1:
        return Verdict(FAILED, _("not exactly one cell has the tag parameters"))
    return Verdict(OK)


def _judge_error(output: Mapping[str, Any], number: int) -> Verdict:
    name, message = output["ename"], output["evalue"]
    if name == _SKIP:
        return Verdict(SKIPPED, message, number)
    return Verdict(FAILED, f"{name}: {message}" if name in _SAFE_ERRORS else name, number)


def _tagged(notebook: Mapping[str, Any]) -> int:
    return sum("parameters" in cell["metadata"].get("tags", []) for cell in notebook["cells"])
