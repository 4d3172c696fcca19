"""Errors of YAML's syntax as the line to mend and what to do there."""

from __future__ import annotations

import re

import yaml

_SCALAR_HINTS = (
    ("found character '\\t'", "use spaces, not tabs, to indent"),
    ("that cannot start any token", "put the value in quotes"),
    ("unexpected end of stream", "close the quote"),
    ("expected ',' or", "close the bracket or brace, and put values that hold a colon, comma or brace in quotes"),
    ("could not find expected ':'", "write `key: value`, and align with the line above"),
    ("undefined alias", "put the value in quotes"),
)


def explain_syntax(error: yaml.YAMLError, text: str, file: str) -> str:
    """Return ``file, line n: what was found; hint.`` for an error of the parser.

    Parameters
    ----------
    error : YAMLError
    text : str
        The whole file, to look at the line.
    file : str
        Its name.
    """
    found = getattr(error, "problem", None) or "not readable as YAML"
    mark = _mark(error, str(found))
    if mark is None:
        return f"{file}: {' '.join(str(error).split())}; remove the character, or put the value in quotes."
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = _hint(str(found), line)
    return f"{file}, line {mark.line + 1}: {found}" + (f"; {hint}." if hint else ".")


def _mark(error: yaml.YAMLError, found: str) -> yaml.Mark | None:
    """Return where to mend: a quote or a key is noticed late, and stands where the parser began it."""
    late = "unexpected end of stream" in found or "could not find expected" in found
    begun = getattr(error, "context_mark", None)
    return begun if late and begun is not None else getattr(error, "problem_mark", None)


def _hint(found: str, line: str) -> str:
    if line[: len(line) - len(line.lstrip())].count("\t"):
        return "use spaces, not tabs, to indent"
    for part, hint in _SCALAR_HINTS:
        if part in found:
            return hint
    if "mapping values are not allowed" in found and len(re.findall(r":(?:\s|$)", line)) > 1:
        return "put the value in quotes"
    if "mapping values are not allowed" in found or "expected <" in found:
        return "align with the line above"
    return ""
