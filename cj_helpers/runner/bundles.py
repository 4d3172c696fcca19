"""The results that a notebook's outputs carry, and the files behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cj_helpers.runner.naming import NAME
from cj_helpers.text import csv_text

MIME = "application/vnd.cj.result+json"
METRIC_FIELDS = ("journey", "name", "segment", "estimate", "conf_low", "conf_high", "n", "unit")
_EXPORT_MODE = 0o600
_FOLDERS = {"table": "tables", "figure": "figures", "export": "export"}


class BundleError(Exception):
    """A result that cannot be published; the message names it and carries no value of the data."""


@dataclass(frozen=True)
class Bundle:
    """One typed result: its kind, its JSON payload and the output (cell and position) that shows it."""

    kind: str
    payload: Mapping[str, Any]
    output: dict[str, Any]
    place: tuple[int, int]


def collect(notebook: Mapping[str, Any]) -> list[Bundle]:
    """Return the results of an executed notebook in the order in which it shows them."""
    return list(_collect(notebook))


def _collect(notebook: Mapping[str, Any]) -> Iterator[Bundle]:
    for index, cell in enumerate(notebook["cells"]):
        for position, output in enumerate(cell.get("outputs", [])):
            payload = output.get("data", {}).get(MIME)
            if isinstance(payload, Mapping) and payload.get("version") == 1:
                yield Bundle(str(payload.get("kind", "")), payload, output, (index, position))


def metric_rows(bundles: list[Bundle], *, notebook: str) -> list[dict[str, Any]]:
    """Return one row of results.json per metric."""
    payloads = [bundle.payload for bundle in bundles if bundle.kind == "metric"]
    return [{"notebook": notebook} | {key: item.get(key) for key in METRIC_FIELDS} for item in payloads]


def metric_labels(bundles: list[Bundle]) -> dict[tuple[str, str], str]:
    """Return what readers call each overall metric, by name and journey."""
    found = [b.payload for b in bundles if b.kind == "metric" and b.payload.get("segment") == "all"]
    words = {(m["name"], m.get("journey") or ""): (m["label"], m["display"]["journey"]) for m in found}
    return {key: f"{label} ({journey})" if journey else label for key, (label, journey) in words.items()}


def finding_rows(bundles: list[Bundle], *, notebook: str) -> list[dict[str, Any]]:
    """Return one row of results.json per finding, in the order of the notebook."""
    payloads = [bundle.payload for bundle in bundles if bundle.kind == "finding"]
    keys = ("level", "text", "weight")
    return [{"notebook": notebook} | {key: item.get(key) for key in keys} for item in payloads]


def write_files(bundles: list[Bundle], *, given: Path, ready: Path) -> None:
    """Write the table of every result and the data of every figure as CSV; move what the notebook wrote itself.

    Parameters
    ----------
    bundles : list of Bundle
        Results of one notebook.
    given : Path
        The notebook's ``CJ_OUT``: tables too large for a bundle, and exports.
    ready : Path
        Gets the folders tables, figures and export of this notebook when there is something to put in.

    Raises
    ------
    BundleError
        When a name cannot be a file name or comes twice, or a file is missing or not what was announced.
    """
    seen: set[tuple[str, str]] = set()
    for bundle in bundles:
        if bundle.kind not in _FOLDERS or (bundle.kind == "figure" and not bundle.payload.get("data")):
            continue
        name = str(bundle.payload.get("name", ""))
        if not NAME.fullmatch(name) or (bundle.kind, name) in seen:
            raise BundleError(f"{bundle.kind} name not allowed or used twice; use letters, digits, _ and -")
        seen.add((bundle.kind, name))
        content = _content(bundle, given=given)
        folder = ready / _FOLDERS[bundle.kind]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_bytes(content)
        if bundle.kind == "export":
            (folder / f"{name}.csv").chmod(_EXPORT_MODE)


def _content(bundle: Bundle, *, given: Path) -> bytes:
    name = bundle.payload["name"]
    data = bundle.payload["data"] if bundle.kind == "figure" else bundle.payload
    if bundle.kind != "export" and not data["external"]:
        names = [column["name"] for column in data["columns"]]
        content = csv_text(names, data["rows"]).encode()
    else:
        # The place follows from the kind and the checked name, not from a path in the notebook.
        below = {"table": f"{name}.csv", "figure": f"figures/{name}.csv", "export": f"export/{name}.csv"}
        file = given / below[bundle.kind]
        if not file.is_file() or file.is_symlink():
            raise BundleError(f"{bundle.kind} {name}: its file is missing")
        content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != data["sha256"]:
        raise BundleError(f"{bundle.kind} {name}: its rows are not those the notebook announced")
    return content
