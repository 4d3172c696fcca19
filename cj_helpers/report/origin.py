"""What the numbers of a report came from."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any

import cj_helpers
from cj_helpers.contract import ConfigError
from cj_helpers.report.cells import to_cell
from cj_helpers.report.display import grid, plain_grid, publish
from cj_helpers.report.opening import privacy_note
from cj_helpers.report.state import state
from cj_helpers.text import _, format_value, label

_PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "ibis-framework",
    "duckdb",
    "lifelines",
    "statsmodels",
    "matplotlib",
    "seaborn",
)
_SHORT = 12


def provenance() -> None:
    """Show data set, fingerprint, input files and versions, without host names or clock.

    Raises
    ------
    ConfigError
        When no data set is open.
    """
    data = state().dataset
    if data is None:
        raise ConfigError("provenance: no data set is open; call report.open(...) first.")
    payload = {"dataset": data.key, "name": data.name, "as_of": to_cell(data.as_of, "datetime")}
    payload |= {"fingerprint": data.fingerprint, "public": data.public, "min_group": data.min_group}
    payload |= {"inputs": [_input(entry) for entry in data.inputs], "versions": versions()}
    facts = [[name, text] for name, text in _facts(payload)]
    files = [[entry["path"], entry["sha256"], format_value(entry["rows"], "count")] for entry in payload["inputs"]]
    fact_headings = [(_("Property"), False), (_("Value"), False)]
    file_headings = [(_("File"), False), (label("sha256"), False), (label("rows"), True)]
    html = grid(_("Origin of the numbers"), fact_headings, facts) + grid(_("Input files"), file_headings, files)
    plain = "\n".join(
        [
            plain_grid(_("Origin of the numbers"), [text for text, _numeric in fact_headings], facts, []),
            plain_grid(_("Input files"), [text for text, _numeric in file_headings], files, []),
        ]
    )
    publish("provenance", payload, html=html, plain=plain)


def versions() -> dict[str, str]:
    """Versions of Python, of this project and of the packages that compute."""
    found = {"python": platform.python_version(), "cj-helpers": cj_helpers.__version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # an engine-only installation lacks some
            continue
    return found


def _input(entry: dict[str, Any]) -> dict[str, Any]:
    path = PurePath(entry["path"])
    # An absolute path would carry names of people and machines.
    shown = path.name if path.is_absolute() else path.as_posix()
    return {"path": shown, "sha256": str(entry["sha256"])[:_SHORT], "rows": to_cell(entry.get("rows"), "count")}


def _facts(payload: dict[str, Any]) -> list[tuple[str, str]]:
    packages = ", ".join(f"{name} {number}" for name, number in payload["versions"].items())
    return [
        (_("Data set"), payload["name"]),
        (label("as_of"), format_value(payload["as_of"], "datetime")),
        (label("fingerprint"), payload["fingerprint"]),
        (_("Privacy"), privacy_note()),
        (_("Versions"), packages),
    ]
