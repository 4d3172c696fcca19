"""What dataset.yml does to the rows and values of a source before they are typed: filters, reshaping, recoding."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.convert import trimmed
from cj_helpers.dataset.schema_tables import Long, Source


def filter_rows(raw: ir.Table, source: Source, where: str, *, local: bool) -> ir.Table:
    """Keep the rows that ``keep`` and ``leave_out`` say; "" stands for an empty value."""
    for key, rules, wanted in (("keep", source.keep, True), ("leave_out", source.leave_out, False)):
        for column, codes in rules.items():
            _refuse_unknown(column, raw.columns, f"{where}.{key}")
            found = trimmed(raw[column].cast("string"), local=local).fill_null("").isin(codes)
            raw = raw.filter(found if wanted else ~found)
    return raw


def recode(mapped: dict[str, ir.Value], source: Source, where: str) -> dict[str, ir.Value]:
    """Replace values by ``values`` (whole values) and ``patterns`` (the first regular expression found wins)."""
    mapped = dict(mapped)
    for column, table in source.values.items():
        _refuse_unknown(column, mapped, f"{where}.values")
        mapped[column] = mapped[column].cast("string").substitute(table)
    for column, rules in source.patterns.items():
        _refuse_unknown(column, mapped, f"{where}.patterns")
        text = mapped[column].cast("string")
        branches = [(text.re_search(pattern), ibis.literal(name)) for pattern, name in rules.items()]
        mapped[column] = ibis.cases(*branches, else_=text)
    return mapped


def answers_side_by_side(raw: ir.Table, long: Long, where: str, *, local: bool) -> ir.Table:
    """Turn one row per answer into one row per response with a column per question.

    Raises
    ------
    ConfigError
        When a column is not there.
    DataError
        When a response answers a question twice.
    """
    for column in (*long.by, long.question, long.answer):
        _refuse_unknown(column, raw.columns, f"{where}.long")
    asked = trimmed(raw[long.question].cast("string"), local=local)
    table = raw.mutate(**{long.question: asked})
    counts = table.group_by([*long.by, long.question]).aggregate(n=table.count())
    n_twice = int(counts.filter(counts.n > 1).count().execute())
    if n_twice:
        raise DataError(
            f"{where}.long: {n_twice:,} questions are answered twice in a response; name every column that tells "
            "responses apart under `by`, or mend the export."
        )
    questions = sorted(str(name) for name in table[long.question].as_table().distinct().execute()[long.question])
    others = [name for name in raw.columns if name not in {*long.by, long.question, long.answer}]
    clash = sorted({*questions} & {*long.by, *others})
    if clash:
        raise ConfigError(f"{where}.long: the question {clash[0]!r} has the name of a column; rename one at source.")
    wide = {name: table[long.answer].max(where=table[long.question] == name) for name in questions}
    return table.group_by(long.by).aggregate(**{name: table[name].min() for name in others}, **wide)


def _refuse_unknown(column: str, known: Iterable[str], where: str) -> None:
    if column not in known:
        raise ConfigError(f"{where}: no column {column!r}; {nearest(column, sorted(known))}")
