"""An executed notebook as it is published: no times, no machine paths, no warnings, no quoted values."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cj_helpers.runner.bundles import MIME
from cj_helpers.runner.notebooks import INJECTED
from cj_helpers.runner.verdict import Verdict
from cj_helpers.text import fill

_MARKER = "papermill-error-cell-tag"
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
_ABSOLUTE = re.compile(r"(?<![\w/.:<-])/([\w.+-]+)((?:/[\w.+-]+)+)")
_MOST_PRINTED = 1_000_000  # characters of one cell; a browser does not open more
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
            cleaned = [_clean_output(output, verdict=verdict, paths=paths) for output in kept]
            cell["outputs"] = _cut_printed(cleaned)
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


def clean_message(message: str, paths: Mapping[str, str]) -> str:
    """Return the message of an error as readers may see it: of absolute paths of this machine only the last part.

    Parameters
    ----------
    message : str
        Of one of our own errors.
    paths : mapping of str to str
        Known paths and what stands for them; any other path counts when its first folder exists here, so that
        an address within a website stays.
    """

    def shorten(match: re.Match[str]) -> str:
        return f"…/{match[2].rpartition('/')[2]}" if Path(f"/{match[1]}").is_dir() else match[0]

    return _ABSOLUTE.sub(shorten, _without_paths(message, paths))


def _cut_printed(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cut what a cell has printed where it gets too long, and say so there."""
    left, kept = _MOST_PRINTED, []
    for output in outputs:
        if output["output_type"] != "stream" or len(output["text"]) <= left:
            left -= len(output["text"]) if output["output_type"] == "stream" else 0
            kept.append(output)
            continue
        if left >= 0:
            said = fill("[cut here: a cell may print {limit:count} characters]", limit=_MOST_PRINTED)
            kept.append({**output, "text": f"{output['text'][:left].rstrip()}\n{said}\n"})
        left = -1
    return kept


def _clean_output(output: dict[str, Any], *, verdict: Verdict, paths: Mapping[str, str]) -> dict[str, Any]:
    if output["output_type"] == "error":
        name = output["ename"]
        message = verdict.reason.removeprefix(f"{name}: ") if verdict.reason != name else ""
        return {**output, "evalue": clean_message(message, paths), "traceback": []}
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
