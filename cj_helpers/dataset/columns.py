"""The columns of a source under the contract's names; what else it holds are attributes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import ibis
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, ConfigError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.engine import ROW
from cj_helpers.dataset.schema_tables import Source

# Names of columns that only the reading sees begin with a control character: no header holds one.
INTERNAL_PREFIX = "\x1f"
# The last is the first parameter of ibis' own methods, which take columns as keywords.
_RESERVED = ("source", ROW, "segment", "customer", "duration", "entry", "event", "self")
# Columns that steps and journeys add to what events hold.
_OF_STEPS = (
    "journey",
    "position",
    "stage",
    "next_touchpoint",
    "next_channel",
    "wait",
    "is_repeat",
    "is_handoff",
    "is_left_truncated",
)


def map_columns(raw: ir.Table, source: Source, kind: str, where: str) -> dict[str, ir.Value]:
    """Name each source column by the contract; the others stay as attributes.

    A column that already has the contract's name need not be mapped.

    An attribute whose name is taken gets a trailing underscore (upper and lower case are one name to the engine).

    Raises
    ------
    ConfigError
        When a mapped column is not in the file, a name is almost one of the contract's, or a required one is
        not mapped.
    """
    known, present = TABLES[kind], list(raw.columns)
    columns = {name: column.strip() for name, column in source.columns.items()}
    for name, column in columns.items():
        _refuse_misspelling(name, list(known), f"{where}.columns")
        if column not in present:
            raise ConfigError(f"{where}.columns.{name}: no column {column!r} in the file; {nearest(column, present)}")
    for name in source.constants:
        _refuse_misspelling(name, list(known), f"{where}.constants")
    rest = [name for name in present if name not in set(columns.values())]
    given: dict[str, ir.Value] = {name: raw[column] for name, column in columns.items()}
    given |= {name: ibis.literal(value) for name, value in source.constants.items()}
    direct = [name for name in rest if name in known and name not in given]
    given |= {name: raw[name] for name in direct}
    missing = [name for name, c in known.items() if c.required and name not in given]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        listed = ", ".join(missing)
        raise ConfigError(f"{where}.columns: {listed} {verb} required and not mapped; name the source column.")
    mapped = {name: value for name, value in given.items() if name in known}
    others = [(name, value) for name, value in given.items() if name not in known]
    others += [(name, raw[name]) for name in rest if name not in direct]
    for name, value in others:
        mapped[attribute_name(name, mapped, kind)] = value
    return mapped


def attribute_name(name: str, taken: Iterable[str], kind: str) -> str:
    """Return a name for an attribute that is not taken: ``stage`` of events becomes ``stage_``."""
    reserved = {*_RESERVED, *(_OF_STEPS if kind == "events" else ())} - set(TABLES[kind])
    used = {other.lower() for other in (*taken, *reserved)}
    if kind == "events" and name.startswith("_"):
        name = f"{name.strip('_') or 'column'}_"
    while name.lower() in used:
        name += "_"
    return name


def _refuse_misspelling(name: str, known: list[str], where: str) -> None:
    """A name that is almost one of the contract's is a typing error; any other new name is an attribute."""
    if name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.8):
        raise ConfigError(f"{where}: unknown name {name!r}; {nearest(name, sorted(known))}")
