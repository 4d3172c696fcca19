"""Survey answers: ratings as numbers, missing apart from not applicable."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.convert import Notation, to_number, trimmed
from cj_helpers.dataset.problems import Conversion
from cj_helpers.dataset.schema_survey import Survey

NOT_APPLICABLE = "__not_applicable"
CODED = "__missing_code"


def _roles(survey: Survey) -> dict[str, str]:
    """Name the survey column behind each rating."""
    roles = {"nps": survey.nps, "weight": survey.weight}
    roles |= {
        "csat": survey.csat.column if survey.csat else "",
        "ces": survey.ces.column if survey.ces else "",
    }
    roles = {role: column for role, column in roles.items() if column}
    return {**roles, **{name: name for name in survey.driver_columns}}


def ratings(
    mapped: Mapping[str, ir.Value], typed: Mapping[str, ir.Value], survey: Survey, notation: Notation, where: str
) -> tuple[dict[str, ir.Value], list[Conversion]]:
    """Turn the columns named under ``survey`` into numbers.

    Missing codes become empty, with a flag ``<rating>__missing_code``; "not used" becomes empty too, with a flag
    ``<rating>__not_applicable``. The flags are for the question on recommending and the drivers.

    Returns
    -------
    (all columns of the survey, the conversions to check)

    Raises
    ------
    ConfigError
        When a named column is not in the file.
    """
    roles = _roles(survey)
    for column in [*roles.values(), *survey.missing, *survey.not_applicable]:
        if column not in mapped:
            raise ConfigError(f"survey: no column {column!r} in {where}; {nearest(column, sorted(mapped))}")
    rated: dict[str, ir.Value] = {}
    checked = []
    for role, column in roles.items():
        text = trimmed(mapped[column].cast("string"), local=notation.local).nullif("")
        unused = _is_code(text, notation, survey.not_applicable.get(column, []))
        blank = _is_code(text, notation, survey.missing.get(column, []))
        answered = (blank | unused).ifelse(ibis.null("string"), text)
        rated[role] = to_number(answered, notation)
        checked.append(Conversion(role, f"column {column!r}", "number", answered, rated[role], _remedy(column)))
        if role == "nps" or column in survey.driver_columns:
            flags = {NOT_APPLICABLE: (unused, survey.not_applicable), CODED: (blank, survey.missing)}
            rated |= {role + ending: flag for ending, (flag, codes) in flags.items() if column in codes}
    kept = {name: value for name, value in typed.items() if name not in set(roles.values()) - set(roles)}
    return {**kept, **rated}, checked


def _is_code(text: ir.StringValue, notation: Notation, codes: list[str]) -> ir.BooleanValue:
    """Say whether an answer is one of the codes, as written or as a number (6 and 6.0)."""
    if not codes:
        return ibis.literal(False)
    numbers = [float(code) for code in codes if code.replace(".", "", 1).replace("-", "", 1).isdigit()]
    same = text.isin(codes)
    if numbers:
        same = same | to_number(text, notation).isin(numbers)
    return same.fill_null(False)


def _remedy(column: str) -> str:
    codes = f"`survey: {{missing: {{{column}: [...]}}}}`"
    return f"list a code for no answer under {codes}, or declare `read: {{decimal: ...}}`."
