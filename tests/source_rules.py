"""Rules of the source code, read from its syntax trees: who may import whom, and that words are literals."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "cj_helpers"
BASE = {"contract", "inference", "text", "survival"}
DATA = {"dataset", "journeys"}
COMMANDS = {"contract", "dataset", "runner", "sample", "text"}
# Each room and the rooms that it may import: one way only. A new room must be entered here.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "contract": set(),
    "inference": {"contract"},
    "text": {"contract"},
    "survival": {"contract", "inference"},
    "dataset": BASE,
    "journeys": BASE,
    "mapping": BASE | DATA,
    "nps": BASE | DATA,
    "churn": BASE | DATA,
    "priorities": BASE | DATA,
    "plots": {"contract", "text"},
    "report": {"contract", "dataset", "inference", "text"},
    "runner": {"contract", "dataset", "inference", "text"},
    "sample": {"contract", "text"},
    "cli": COMMANDS,
}
# Where a readable text stands in a call: argument positions and keywords.
TEXTS: dict[str, tuple[int | str, ...]] = {"_": (0,), "N_": (0,), "fill": (0,)}
REPORT_TEXTS: dict[str, tuple[int | str, ...]] = {
    "show": (2, "caption"),
    "metric": ("label", "note"),
    "finding": (0, "template"),
    "figure": (2, "alt", "caption"),
    "not_estimable": (1, "reason_template"),
}
# These hand a caller's template on to the catalogue.
PASS_ON = {"report", "text"}


def room(path: Path) -> str:
    """Top-level name of a module in the package: ``runner`` for runner/html.py and for runner.py."""
    parts = path.with_suffix("").parts
    return parts[parts.index(PACKAGE) + 1]


def imported_rooms(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """(line, room) of every import of the package's own modules, relative ones included."""
    parts = path.with_suffix("").parts
    here = parts[parts.index(PACKAGE) : -1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = list(here[: len(here) - node.level + 1]) if node.level else []
            module = [*start, *(node.module or "").split(".")] if node.module else start
            targets = [[*module, alias.name] for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == PACKAGE and len(target) > 1 and not target[1].startswith("__version"):
                yield node.lineno, target[1]
            elif target[0] == "notebooks":
                yield node.lineno, "notebooks"


def wrong_imports(path: Path, source: str) -> list[str]:
    """Imports that go against the one direction."""
    own = room(path)
    if own not in MAY_IMPORT:
        return [f"{path}: {own} is new; say in MAY_IMPORT what it may import"]
    allowed = MAY_IMPORT[own] | {own}
    return [
        f"{path}:{line}: {own} imports {other}; it may import {', '.join(sorted(MAY_IMPORT[own])) or 'nothing'}"
        for line, other in imported_rooms(path, source)
        if other not in allowed
    ]


def text_arguments(call: ast.Call) -> Iterator[ast.expr]:
    """Arguments of a call that readers see as text and translators need as literals."""
    function, wanted = call.func, ()
    if isinstance(function, ast.Name):
        wanted = TEXTS.get(function.id, ())
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        wanted = {"report": REPORT_TEXTS, "text": TEXTS}.get(function.value.id, {}).get(function.attr, ())
    yield from (call.args[place] for place in wanted if isinstance(place, int) and place < len(call.args))
    yield from (keyword.value for keyword in call.keywords if keyword.arg in wanted)


def is_literal(node: ast.expr) -> bool:
    """A plain string, not an f-string, a sum, a variable or the result of a call."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def texts_not_literal(source: str) -> list[tuple[int, str]]:
    """(line, expression) of every readable text that no catalogue of translations could hold."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    arguments = [argument for call in calls for argument in text_arguments(call)]
    return [(node.lineno, ast.unparse(node)) for node in arguments if not is_literal(node)]
