"""Ratings that cannot be: off their scale, or weights below 0. Any of them stops, because it moves the result."""

from __future__ import annotations

from typing import Any

from ibis.expr import types as ir

from cj_helpers.dataset.problems import Loaded, row_in_file, verb
from cj_helpers.dataset.schema_survey import Survey

ENDING = "_range"


def rating_flags(table: ir.Table, survey: Survey) -> dict[str, ir.BooleanValue]:
    """Mark ratings off their scale, by the name of the check; missing values are none."""
    flags = {}
    if survey.nps and "nps" in table.columns:
        low, high = (int(end) for end in sorted(survey.scale))
        flags["nps"] = ~table.nps.isin([float(x) for x in range(low, high + 1)])
    for role, scale in _scales(survey).items():
        if role in table.columns:
            flags[role] = (table[role] < min(scale)) | (table[role] > max(scale))
    if survey.weight and "weight" in table.columns:
        flags["weight"] = table.weight < 0
    return {f"{role}{ENDING}": flag.fill_null(False) & table[role].notnull() for role, flag in flags.items()}


def report_ratings(table: ir.Table, loaded: Loaded, found: Any, offset: int, survey: Survey) -> None:
    """Turn the counts of one source into errors with their first row, the range found and the remedy.

    Parameters
    ----------
    table : ibis table
        Rows of the source.
    found : Series
        n_<check>, and row_<check> where rows have numbers, for the checks of `rating_flags`.
    offset : int
        Running number of the source's first row.
    """
    for check in rating_flags(table, survey):
        n, role = int(found.get(f"n_{check}", 0)), check.removesuffix(ENDING)
        if not n:
            continue
        ends = table.aggregate(low=table[role].min(), high=table[role].max()).execute().iloc[0]
        what, remedy = _words(role, survey)
        row = found.get(f"row_{check}")
        first = f"first: {row_in_file(loaded, row - offset)}; " if row is not None else ""
        loaded.found(
            check,
            "error",
            n,
            f"{loaded.where}: {n:,} of {loaded.n_total:,} {what.format(are=verb(n, 'is', 'are'))} "
            f"({first}found {ends.low:g} to {ends.high:g}). {remedy}",
        )


def _scales(survey: Survey) -> dict[str, tuple[float, float]]:
    scales = {role: rating.scale for role, rating in (("csat", survey.csat), ("ces", survey.ces)) if rating}
    return scales | {name: survey.driver_scale for name in survey.driver_columns if survey.driver_scale}


def _words(role: str, survey: Survey) -> tuple[str, str]:
    """What is wrong, and the remedy."""
    if role == "nps":
        low, high = survey.scale
        what = f"answers to the NPS question {{are}} not a whole number from {low:g} to {high:g}"
        return what, "List codes for no answer under `survey: {missing: ...}`."
    if role == "weight":
        return "weights {are} below 0", f"A weight is at least 0: correct {survey.weight}, or remove survey.weight."
    low, high = sorted(_scales(survey)[role])
    column = {"csat": survey.csat, "ces": survey.ces}.get(role)
    name = column.column if column else role
    remedy = f"List codes for no answer under `survey: {{missing: {{{name}: [...]}}}}`, or correct the scale."
    return f"ratings in {name} {{are}} outside the scale {low:g} to {high:g}", remedy
