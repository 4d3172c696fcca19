"""Which notebooks there are: found by name, read once, identified by their source."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.runner.parameters import Parameter, nearest, read_parameters

FILE_NAME = re.compile(r"^\d\d_[A-Za-z0-9_-]{1,61}\.ipynb$")
DATA_QUALITY = "00"
INJECTED = "injected-parameters"


@dataclass(frozen=True)
class Notebook:
    """One notebook as it was read at the start of a run.

    Attributes
    ----------
    name : str
        File name without suffix, for example ``01_journey_mapping``.
    title : str
        First heading of the first markdown cell; the name when there is none.
    content : dict
        The notebook as JSON (nbformat 4) without outputs, every cell with an id.
    parameters : tuple of Parameter
        What its parameters cell declares, in order.
    """

    name: str
    title: str
    content: dict[str, Any]
    parameters: tuple[Parameter, ...]

    @property
    def number(self) -> str:
        """The two digits in front of the name."""
        return self.name[:2]

    @property
    def sources(self) -> list[list[str]]:
        """Type and source of every cell: what makes two notebooks the same code."""
        return [[cell["cell_type"], cell["source"]] for cell in self.content["cells"]]


def find_folder(start: Path | None = None) -> Path:
    """Return the folder ``notebooks`` nearest to ``start`` (default: the current folder), else the project's.

    Raises
    ------
    ConfigError
        When neither a folder above nor the package's project has one.
    """
    here = (start or Path.cwd()).resolve()
    project = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, project):
        if any(FILE_NAME.match(path.name) for path in (folder / "notebooks").glob("*.ipynb")):
            return folder / "notebooks"
    raise ConfigError(
        f"no folder notebooks/ with files like 01_name.ipynb in {here} or above it; "
        "run from the project's folder or give --notebooks-dir"
    )


def discover(folder: Path) -> list[Path]:
    """Return the paths of all ``NN_name.ipynb`` in ``folder``, sorted by name."""
    found = sorted(path for path in folder.glob("*.ipynb") if FILE_NAME.match(path.name))
    if not found:
        raise ConfigError(f"{folder} has no notebook; names are two digits, _ and letters, like 01_name.ipynb")
    return found


def select(paths: Sequence[Path], wanted: Sequence[str]) -> list[Path]:
    """Return the notebooks that ``wanted`` names by number (1, 01), by name, or by the name after the number.

    An empty ``wanted`` selects all. The order is that of the names, whatever the order asked for.

    Raises
    ------
    ConfigError
        When a word matches no notebook; the message gives the nearest spelling.
    """
    if not wanted:
        return list(paths)
    chosen: set[Path] = set()
    for word in wanted:
        matches = {path for path in paths if _matches(path.stem, word)}
        if not matches:
            stems = [path.stem for path in paths]
            raise ConfigError(f"no notebook {word!r}; {nearest(word, stems)}there are: {', '.join(stems)}")
        chosen |= matches
    return sorted(chosen)


def read_notebook(path: Path) -> Notebook:
    """Read one notebook, without its outputs, and what it declares.

    Raises
    ------
    ConfigError
        When the file is not a notebook of format 4 or its parameters cell breaks the rules.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path.name}: not a notebook ({error}); restore the file") from error
    if not isinstance(raw, dict) or raw.get("nbformat") != 4 or not isinstance(raw.get("cells"), list):
        raise ConfigError(f"{path.name}: not a notebook of format 4; open and save it in JupyterLab")
    cells = [_clean_cell(cell, index) for index, cell in enumerate(raw["cells"])]
    # left by an earlier papermill run: its values would silently replace the defaults
    cells = [cell for cell in cells if INJECTED not in cell["metadata"].get("tags", [])]
    kept = {key: raw.get("metadata", {})[key] for key in ("kernelspec",) if key in raw.get("metadata", {})}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": kept, "cells": cells}
    parameters = read_parameters(cells, where=path.name)
    return Notebook(path.stem, _title(cells) or path.stem, content, parameters)


def _matches(stem: str, word: str) -> bool:
    word = word.removesuffix(".ipynb")
    number = word.isdigit() and int(word) == int(stem[:2])
    return number or word in (stem, stem[3:])


def _clean_cell(cell: dict[str, Any], index: int) -> dict[str, Any]:
    # A cell without an id would get a random one on loading, and no two reports would be equal.
    tags = list(cell.get("metadata", {}).get("tags", []))
    clean = {
        "cell_type": cell.get("cell_type", "raw"),
        "id": cell.get("id") or f"cell-{index}",
        "metadata": {"tags": tags} if tags else {},
        "source": "".join(cell.get("source", "")),
    }
    if "attachments" in cell:
        clean["attachments"] = cell["attachments"]
    if clean["cell_type"] == "code":
        clean |= {"execution_count": None, "outputs": []}
    return clean


def _title(cells: Sequence[dict[str, Any]]) -> str:
    for cell in cells:
        if cell["cell_type"] == "markdown":
            match = re.search(r"^#\s+(.+?)\s*#*\s*$", cell["source"], flags=re.MULTILINE)
            return match.group(1).strip() if match else ""
    return ""
