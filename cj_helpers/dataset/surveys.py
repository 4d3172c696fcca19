"""Survey answers: ratings as numbers, missing apart from not applicable."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.convert import to_number
from cj_helpers.dataset.files import ROW
from cj_helpers.dataset.problems import Loaded, Problem, row_in_file, verb
from cj_helpers.dataset.schema import Survey
from cj_helpers.dataset.schema_tables import Read
from cj_helpers.dataset.unreadable import Conversion, count_unreadable

NOT_APPLICABLE = "__not_applicable"


def _roles(survey: Survey) -> dict[str, str]:
    """Name the survey column behind each rating."""
    roles = {"nps": survey.nps, "weight": survey.weight}
    roles |= {
        "csat": survey.csat.column if survey.csat else "",
        "ces": survey.ces.column if survey.ces else "",
    }
    roles = {role: column for role, column in roles.items() if column}
    return {**roles, **{name: name for name in survey.driver_columns}}


def read_ratings(loaded: Loaded, survey: Survey, read: Read, where: str) -> Loaded:
    """Turn the columns named under ``survey`` into numbers.

    Missing codes become empty; "not used" becomes empty too, with a flag ``<driver>__not_applicable``.

    Raises
    ------
    ConfigError
        When a named column is not in the file.
    """
    table, roles = loaded.table, _roles(survey)
    for column in [*roles.values(), *survey.missing, *survey.not_applicable]:
        if column not in table.columns:
            raise ConfigError(f"survey: no column {column!r} in {where}; {nearest(column, sorted(table.columns))}")
    ratings: dict[str, ir.Value] = {}
    raw: dict[str, ir.Value] = {}
    for role, column in roles.items():
        text = table[column].cast("string").strip().nullif("")
        unused = _is_code(text, read, survey.not_applicable.get(column, []))
        answered = (_is_code(text, read, survey.missing.get(column, [])) | unused).ifelse(ibis.null("string"), text)
        ratings[role], raw[role] = to_number(answered, read), answered
        if column in survey.driver_columns and column in survey.not_applicable:
            ratings[role + NOT_APPLICABLE] = unused
    checked = [
        Conversion(role, f"column {column!r}", "number", raw[role], ratings[role], _remedy(column))
        for role, column in roles.items()
    ]
    count_unreadable(table, table[ROW], checked, loaded, kind="surveys", read=read)
    kept = {name: table[name] for name in table.columns if name not in set(roles.values()) - set(roles)}
    loaded.table = table.select(**{**kept, **ratings})
    _check_nps(loaded)
    return loaded


def _is_code(text: ir.StringValue, read: Read, codes: list[str]) -> ir.BooleanValue:
    """Say whether an answer is one of the codes, as written or as a number (6 and 6.0)."""
    if not codes:
        return ibis.literal(False)
    numbers = [float(code) for code in codes if code.replace(".", "", 1).replace("-", "", 1).isdigit()]
    same = text.isin(codes)
    if numbers:
        same = same | to_number(text, read).isin(numbers)
    return same.fill_null(False)


def _remedy(column: str) -> str:
    codes = f"`survey: {{missing: {{{column}: [...]}}}}`"
    return f"list a code for no answer under {codes}, or declare `read: {{decimal: ...}}`."


def _check_nps(loaded: Loaded) -> None:
    """Anything but whole numbers from 0 to 10 stops: a code left in moves the score."""
    table = loaded.table
    if "nps" not in table.columns:
        return
    valid = table.nps.isnull() | table.nps.isin([float(x) for x in range(11)])
    found = table.aggregate(
        n=(~valid).sum().fill_null(0),
        row=table.row_number.min(where=~valid),
        low=_.nps.min(),
        high=_.nps.max(),
    ).execute()
    n = int(found.n.iloc[0])
    if n:
        first = row_in_file(loaded, found.row.iloc[0])
        text = (
            f"{loaded.where}: {n:,} of {loaded.n_total:,} answers to the NPS question {verb(n, 'is', 'are')} not "
            f"a whole number from 0 to 10 (first: {first}; found {found.low.iloc[0]:g} to {found.high.iloc[0]:g}). "
            "List codes for no answer under `survey: {missing: ...}`."
        )
        loaded.problems.append(Problem("surveys", loaded.name, "nps_range", "error", n, loaded.n_total, text))
