"""An executed notebook as it is published: no times, no machine paths, no warnings, no quoted values."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from cj_helpers.runner.bundles import MIME
from cj_helpers.runner.notebooks import INJECTED
from cj_helpers.runner.verdict import Verdict

_MARKER = "papermill-error-cell-tag"
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
_LANGUAGE_KEYS = ("name", "file_extension", "mimetype", "pygments_lexer", "nbconvert_exporter")


def clean_notebook(
    notebook: Mapping[str, Any],
    *,
    verdict: Verdict,
    shown: Mapping[str, Any],
    paths: Mapping[str, str],
) -> dict[str, Any]:
    """Return a copy of an executed notebook that is the same for the same inputs and tells no secrets.

    Parameters
    ----------
    notebook : mapping
        As papermill left it.
    verdict : Verdict
        How it ended; its reason stands where the error was.
    shown : mapping
        Parameters as readers see them: the data set by its key instead of its path.
    paths : mapping of str to str
        Machine paths and what stands for them in printed text.

    Returns
    -------
    dict
        Notebook of format 4.5. Warnings, error values and tracebacks are left out; `private_text` gives them.
    """
    cells = [copy.deepcopy(cell) for cell in notebook["cells"] if _MARKER not in _tags(cell)]
    for cell in cells:
        cell["metadata"] = {"tags": _tags(cell)} if _tags(cell) else {}
        if INJECTED in _tags(cell):
            cell["id"], cell["source"] = INJECTED, injected_source(shown)
        if cell["cell_type"] == "code":
            kept = [output for output in cell["outputs"] if output.get("name") != "stderr"]
            cell["outputs"] = [_clean_output(output, verdict=verdict, paths=paths) for output in kept]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    info = notebook["metadata"].get("language_info", {})
    metadata["language_info"] = {key: info[key] for key in _LANGUAGE_KEYS if key in info} or {"name": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def injected_source(values: Mapping[str, Any]) -> str:
    """Return the source of the cell that sets the given parameters."""
    return "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in values.items())])


def private_text(notebook: Mapping[str, Any]) -> list[str]:
    """Return what only the log of the run keeps: warnings and tracebacks, by cell."""
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                found.append(f"[{cell['execution_count']}] {output['text'].rstrip()}")
            elif output["output_type"] == "error" and output["ename"] != "NotebookSkipped":
                trace = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
                found.append(f"[{cell['execution_count']}] {_without_colour(trace).rstrip()}")
    return found


def _clean_output(output: dict[str, Any], *, verdict: Verdict, paths: Mapping[str, str]) -> dict[str, Any]:
    if output["output_type"] == "error":
        name = output["ename"]
        message = verdict.reason.removeprefix(f"{name}: ") if verdict.reason != name else ""
        return {**output, "evalue": _without_paths(message, paths), "traceback": []}
    if output["output_type"] == "stream":
        return {**output, "text": _steady(output["text"], paths)}
    data = {mime: _clean_data(mime, value, paths) for mime, value in output["data"].items()}
    return {**output, "data": data}


def _clean_data(mime: str, value: Any, paths: Mapping[str, str]) -> Any:
    text = mime != MIME and mime.startswith("text/") and isinstance(value, str)
    return _steady(value, paths) if text else value


def _steady(text: str, paths: Mapping[str, str]) -> str:
    # object addresses differ from run to run
    return _ADDRESS.sub("at 0x…", _without_paths(text, paths))


def _without_paths(text: str, paths: Mapping[str, str]) -> str:
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, paths[path])
    return text


def _without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))
