"""Notebook parameters: declared in one cell, converted strictly by their type, never turned into code."""

from __future__ import annotations

import ast
import difflib
import io
import keyword
import math
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cj_helpers.contract import ConfigError

Value = str | int | float | bool

TYPES = {"str": str, "int": int, "float": float, "bool": bool}
SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "key", "apikey", "credential"}
)
RESERVED = {"dataset": "it is the DATASET of the command"}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: ``name: type = default  # comment``."""

    name: str
    type: str
    default: Value
    comment: str


def read_parameters(cells: Sequence[Mapping[str, Any]], *, where: str) -> tuple[Parameter, ...]:
    """Read what the cell with the tag ``parameters`` declares, without running it.

    Parameters
    ----------
    cells : sequence of dict
        Cells of a notebook (nbformat 4, sources as text).
    where : str
        Name of the notebook for messages.

    Raises
    ------
    ConfigError
        When not exactly one code cell has the tag, or a line is not one annotated literal of type
        str, int, float or bool. Anything derived there would keep its old value when a parameter is given.
    """
    tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    if len(tagged) != 1 or tagged[0]["cell_type"] != "code":
        raise ConfigError(
            f"{where}: {len(tagged)} cells have the tag 'parameters', exactly one code cell must have it; "
            "set the tag in JupyterLab under Property Inspector, Cell Tags"
        )
    source = tagged[0]["source"]
    try:
        lines = ast.parse(source).body
    except SyntaxError as error:
        raise ConfigError(f"{where}: the parameters cell is not valid Python (line {error.lineno})") from error
    comments = _comments(source)
    found = [_read_line(line, comments=comments, where=where) for line in lines]
    names = [parameter.name for parameter in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(f"{where}: parameter {twice[0]!r} is declared twice; keep one line")
    if len({line.lineno for line in lines}) < len(lines):
        raise ConfigError(f"{where}: two parameters share a line of the parameters cell; write one per line")
    return tuple(found)


def assign(
    given: Sequence[tuple[str, Any]], declared: Mapping[str, Sequence[Parameter]]
) -> dict[str, dict[str, Value]]:
    """Give every notebook the values of the parameters it declares.

    Parameters
    ----------
    given : sequence of (name, value)
        Values as text (from the command line) or already of the declared type.
    declared : mapping of notebook name to parameters
        The selected notebooks.

    Returns
    -------
    dict of notebook name to dict of parameter name to value

    Raises
    ------
    ConfigError
        For a name that is no identifier, looks like a secret, is given twice or that no selected notebook
        declares, and for a value that is not of the declared type.
    """
    values: dict[str, dict[str, Value]] = {notebook: {} for notebook in declared}
    for position, (name, value) in enumerate(given):
        check_name(name)
        if name in RESERVED:
            raise ConfigError(f"-p {name}: not a parameter to give, {RESERVED[name]}")
        if any(other == name for other, _ in given[:position]):
            raise ConfigError(f"-p {name}: given twice; give it once")
        takers = {book: p for book, ps in declared.items() for p in ps if p.name == name}
        if not takers:
            raise ConfigError(_unknown(name, declared))
        for book, parameter in takers.items():
            values[book][name] = convert(parameter, value, where=book)
    return values


def check_name(name: str) -> None:
    """Refuse names that are not identifiers, or that look like a secret and would end in the report."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ConfigError(f"-p {name!r}: not a parameter name; names are letters, digits and _, like segment_col")
    if _is_secret(name):
        raise ConfigError(
            f"-p {name}: looks like a secret, and parameters are printed in the report; "
            "pass secrets by an environment variable"
        )


def convert(parameter: Parameter, value: Any, *, where: str) -> Value:
    """Turn a given value into the declared type: ``007`` stays text for a str and is no bool, 1.5 is no int.

    Raises
    ------
    ConfigError
        When the value is not of the type, with what is allowed.
    """
    text = str(value).strip()
    allowed = {"int": "a whole number like 5", "float": "a number like 0.5", "bool": "true or false", "str": "text"}
    if parameter.type == "str" and isinstance(value, str):
        return value
    if parameter.type == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if parameter.type == "int" and not isinstance(value, bool) and re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    if parameter.type == "float" and not isinstance(value, bool) and _is_number(text):
        return float(text)
    raise ConfigError(
        f"-p {parameter.name} {value!r}: {where} declares it as {parameter.type}; give {allowed[parameter.type]}"
    )


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Return ``did you mean 'x'? `` for the nearest of ``allowed``, or an empty text."""
    close = difflib.get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}? " if close else ""


def _is_number(text: str) -> bool:
    pattern = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    return re.fullmatch(pattern, text) is not None and math.isfinite(float(text))


def _is_secret(name: str) -> bool:
    words = re.split(r"[_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return not SECRET_WORDS.isdisjoint(words)


def _unknown(name: str, declared: Mapping[str, Sequence[Parameter]]) -> str:
    names = sorted({parameter.name for ps in declared.values() for parameter in ps} - set(RESERVED))
    listed = ", ".join(names) or "none"
    return f"-p {name}: no selected notebook declares it; {nearest(name, names)}declared are: {listed}"


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = [token for token in tokens if token.type == tokenize.COMMENT]
    return {token.start[0]: token.string.lstrip("#").strip() for token in found}


def _read_line(line: ast.stmt, *, comments: Mapping[int, str], where: str) -> Parameter:
    place = f"{where}: parameters cell, line {line.lineno}"
    if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is None:
        raise ConfigError(f"{place}: write one annotated literal per line, like  horizon_days: int = 90  # why")
    kind = line.annotation.id if isinstance(line.annotation, ast.Name) else ast.unparse(line.annotation)
    if kind not in TYPES:
        raise ConfigError(f"{place}: type {kind} is not allowed; use str, int, float or bool ('' for none)")
    if _is_secret(line.target.id):
        raise ConfigError(f"{place}: {line.target.id} looks like a secret; read it from an environment variable")
    try:
        default: Any = ast.literal_eval(line.value)
    except ValueError as error:
        raise ConfigError(f"{place}: the default of {line.target.id} must be a literal") from error
    if kind == "float" and type(default) is int:
        default = float(default)
    if not isinstance(default, str | int | float | bool) or type(default) is not TYPES[kind]:
        raise ConfigError(f"{place}: the default of {line.target.id} is not of its type {kind}")
    return Parameter(line.target.id, kind, default, comments.get(line.end_lineno or line.lineno, ""))
