"""Prose that speaks of results, left out where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Tag of a markdown cell that is only worth reading when the code below it shows something.
WITH_RESULTS = "with_results"


def without_empty_sections(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out each text with the tag ``with_results`` below which nothing is shown.

    Parameters
    ----------
    cells : sequence of notebook cells
        In order. What counts are the outputs of the code cells up to the next text without the tag.

    Returns
    -------
    list of notebook cells
        Code stays; it then belongs to the text before.
    """
    return [cell for place, cell in enumerate(cells) if not _is_tagged(cell) or _shows(cells[place + 1 :])]


def _shows(following: Sequence[dict[str, Any]]) -> bool:
    for cell in following:
        if cell["cell_type"] == "markdown" and not _is_tagged(cell):
            return False
        if cell.get("outputs"):
            return True
    return False


def _is_tagged(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "markdown" and WITH_RESULTS in cell["metadata"].get("tags", ())
