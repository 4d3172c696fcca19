"""The literal texts of the package and the notebooks, collected for translators."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
# Where the literals stand: positions and keywords of each function's arguments.
_FUNCTIONS: dict[str, tuple[int | str, ...]] = {"_": (0,), "N_": (0,), "fill": (0,), "in_context": (1,)}
_REPORT_FUNCTIONS: dict[str, tuple[int | str, ...]] = {
    "show": (2, "caption"),
    "metric": ("label", "note"),
    "finding": (0, "template"),
    "figure": (2, "alt", "caption"),
    "not_estimable": (1, "reason_template"),
}


@dataclass(frozen=True, order=True)
class Message:
    """One text to translate: where it stands, and whether it is a literal that a catalogue can hold."""

    context: str
    text: str
    place: str
    literal: bool = True


def find_messages(paths: Iterable[Path]) -> list[Message]:
    """Texts in Python files and notebooks, in order of text and place.

    An f-string has ``literal=False``: no catalogue could ever hold its text.
    """
    found = {message for path in paths for message in _in_file(path)}
    return sorted(found)


def sources(root: Path = PACKAGE.parent) -> list[Path]:
    """Files whose texts readers see: the package and the notebooks beside it."""
    modules = (root / PACKAGE.name).rglob("*.py")
    return sorted([*modules, *(root / "notebooks").glob("*.ipynb")])


def write_template(target: Path, messages: Iterable[Message], root: Path = PACKAGE.parent) -> None:
    """Write a gettext template (.pot); paths in it are relative to the project."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for message in messages:
        if message.literal and message.text:
            places[message.context, message.text].append(message.place.removeprefix(f"{root}/"))
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    blocks = [header]
    for (context, text), where in sorted(places.items()):
        lines = [f"#: {place}" for place in where]
        lines += [f"msgctxt {_quoted(context)}"] if context else []
        blocks.append("\n".join([*lines, f"msgid {_quoted(text)}", 'msgstr ""', ""]))
    target.write_text("\n".join(blocks), encoding="utf-8")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_file(path: Path) -> Iterator[Message]:
    if path.suffix != ".ipynb":
        yield from _in_code(path.read_text(encoding="utf-8"), f"{path}")
        return
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            code = "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)
            yield from _in_code(code, f"{path}#cell{number}")


def _in_code(code: str, place: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            context = _context(node)
            for argument in _text_arguments(node):
                where = f"{place}:{argument.lineno}"
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield Message(context, argument.value, where)
                elif isinstance(argument, ast.JoinedStr):
                    yield Message(context, ast.unparse(argument), where, literal=False)


def _text_arguments(call: ast.Call) -> Iterator[ast.expr]:
    function = call.func
    wanted: tuple[int | str, ...] = ()
    if isinstance(function, ast.Name):
        wanted = _FUNCTIONS.get(function.id, ())
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        tables = {"report": _REPORT_FUNCTIONS, "text": _FUNCTIONS}
        wanted = tables.get(function.value.id, {}).get(function.attr, ())
    yield from (call.args[at] for at in wanted if isinstance(at, int) and at < len(call.args))
    yield from (keyword.value for keyword in call.keywords if keyword.arg in wanted)


def _context(call: ast.Call) -> str:
    is_marked = isinstance(call.func, ast.Name) and call.func.id == "in_context"
    first = call.args[0] if call.args else None
    return str(first.value) if is_marked and isinstance(first, ast.Constant) else ""
