"""All sources of one table -> one typed table, computed in one pass, and what the checks find in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, DataError
from cj_helpers.dataset.columns import INTERNAL_PREFIX
from cj_helpers.dataset.engine import ROW, Engine
from cj_helpers.dataset.engine_errors import unreadable_file
from cj_helpers.dataset.points import all_bits, report_points
from cj_helpers.dataset.problems import Loaded, row_in_file, tolerated, verb
from cj_helpers.dataset.scan import refuse_changed
from cj_helpers.dataset.schema_survey import Survey
from cj_helpers.dataset.sources import AWARE, BAD, HASH, ORIGIN, POINT, check_rows
from cj_helpers.dataset.survey_checks import rating_flags, report_ratings
from cj_helpers.dataset.swallowed import refuse_swallowed_rows
from cj_helpers.dataset.unreadable import explain_unreadable

OPEN_ENDED = 9999  # a date in this year means "no end", or is a mistake of the clock: never a wrong unit
# Before and from these years a time is a count in the wrong unit or a typing error.
PLAUSIBLE = {"events": (1980, 2100), "surveys": (1980, 2100), "customers": (1900, 2200), "identities": (1900, 2200)}


def collect(engine: Engine, parts: list[Loaded], kind: str, n_with_offset: dict[str, int], survey: Survey) -> ir.Table:
    """Compute the sources of one table in one pass, check them, and leave out what may be dropped.

    Returns
    -------
    ibis table
        The contract's columns, then attributes; ``source``, and ``row_number`` where the engine knows it.
    """
    table = engine.numbered(_compute(engine, parts, kind))
    found = _findings(table, kind, survey)
    _count(found["n"], parts)
    for loaded in parts:
        refuse_changed(loaded.scans, loaded.where)
        _rows_of_files(loaded)
    offset = 0
    for i, loaded in enumerate(parts):
        if i in found.index:
            row: Any = found.loc[i]
            _report(loaded, row, offset)
            if kind == "events":
                n_with_offset[loaded.name] = n_with_offset.get(loaded.name, 0) + int(row["n_aware"])
            report_points(loaded, int(row["points"]))
            if kind == "surveys":
                report_ratings(table.filter(table[ORIGIN] == i), loaded, row, offset, survey)
        offset += loaded.n_before
    kept = _drop_duplicates(engine, table, parts, kind)
    for usable in _usable(kept, kind):
        kept = kept.filter(usable)
    names = [(kept[ORIGIN] == i, loaded.name) for i, loaded in enumerate(parts)]
    columns = [name for name in kept.columns if not name.startswith(INTERNAL_PREFIX)]
    source = ibis.literal(parts[0].name) if len(parts) == 1 else ibis.cases(*names, else_=ibis.null("string"))
    return kept.select(*columns, source=source)


def _compute(engine: Engine, parts: list[Loaded], kind: str) -> ir.Table:
    for loaded in parts:
        if not engine.numbers_rows and loaded.source.duplicates == "drop":
            loaded.n_before = int(loaded.table.count().execute())
            loaded.table = loaded.table.distinct()
    try:
        return engine.keep(f"{kind}_read", _stack(parts, kind))
    except duckdb.Error as error:
        blamed = next((loaded for loaded in parts if _mentions(error, loaded)), parts[0])
        raise unreadable_file(error, blamed.scans, blamed.source.read, blamed.where) from None


def _mentions(error: Exception, loaded: Loaded) -> bool:
    return any(str(scan.path) in str(error) for scan in loaded.scans)


def _stack(parts: list[Loaded], kind: str) -> ir.Table:
    """Stack the sources of one table; a column that a source lacks is empty there.

    Attributes whose names differ in case only are one column, under the first spelling.
    """
    types: dict[str, Any] = {}
    spelling: dict[str, str] = {}
    for part in parts:
        for name, dtype in part.table.schema().items():
            name = spelling.setdefault(name.lower(), name)
            types[name] = dtype if name not in types or types[name] == dtype else ibis.dtype("string")
    stacked = []
    for i, part in enumerate(parts):
        have = {spelling[name.lower()]: part.table[name] for name in part.table.columns}
        columns = {name: have[name].cast(t) if name in have else ibis.null(t) for name, t in types.items()}
        stacked.append(part.table.select(**columns, **{ORIGIN: ibis.literal(i, type="int16")}))
    table = stacked[0] if len(stacked) == 1 else ibis.union(*stacked)
    contract = [name for name in TABLES[kind] if name in table.columns]
    return table.select(*contract, *sorted(name for name in table.columns if name not in contract))


def _count(counts: pd.Series, parts: list[Loaded]) -> None:
    """Note how many rows each source has."""
    for i, loaded in enumerate(parts):
        n = int(counts.get(i, 0))
        double = loaded.n_before - n if loaded.n_before else 0
        loaded.n_total = loaded.n_before = loaded.n_before or n
        if double:
            _note_duplicates(loaded, double)
        if loaded.n_total == 0:
            what = "rows that `keep` and `leave_out` leave" if loaded.source.keep or loaded.source.leave_out else "rows"
            name = loaded.scans[0].shown if loaded.scans else loaded.name
            raise DataError(f"{loaded.where}: {name} holds a header and no {what}; export it again.")


def _rows_of_files(loaded: Loaded) -> None:
    """Note the rows of each file, compare them with what was declared, and look for rows that a quote swallowed."""
    scans, source = loaded.scans, loaded.source
    if not scans:
        return
    header = source.read.skip + (0 if source.read.header else 1)
    lines = [scan.n_lines - header for scan in scans]
    whole = not (source.keep or source.leave_out or source.long)
    if scans[0].is_parquet:
        import pyarrow.parquet

        lines = [pyarrow.parquet.read_metadata(scan.path).num_rows for scan in scans]
    elif not whole or sum(lines) != loaded.n_total:
        lines = refuse_swallowed_rows(loaded, lines, loaded.n_total if whole else None)
    for entry, rows in zip(loaded.inputs, lines, strict=True):
        entry["rows"] = rows
    check_rows(source, scans, lines, loaded.where)
    cut = [scan.shown for scan in scans if scan.is_open]
    if cut and not source.rows and not source.sha256:
        text = (
            f"{loaded.where}: the last line of {cut[0]} has no line break; if the file was cut off there, the rest is "
            "missing. Declare `rows:` or `sha256:`, or let the export end with a line break."
        )
        loaded.found("no_line_break_at_end", "noted", len(cut), text)
    n_left = sum(lines) - loaded.n_total
    if not whole and not source.long and n_left > 0:
        text = f"{n_left:,} of {sum(lines):,} rows are left out as `keep` and `leave_out` say."
        loaded.found("filtered", "not used", n_left, text)


def _required(table: ir.Table, kind: str) -> list[str]:
    return [name for name, column in TABLES[kind].items() if column.required and name in table.columns]


def _times(table: ir.Table, kind: str) -> list[str]:
    return [n for n, column in TABLES[kind].items() if column.kind == "timestamp" and n in table.columns]


def _empty(value: ir.Value) -> ir.BooleanValue:
    return value.isnull() | (value == "") if value.type().is_string() else value.isnull()


def _implausible(value: ir.TimestampValue, kind: str) -> ir.BooleanValue:
    first, last = (ibis.literal(datetime(year, 1, 1), type="timestamp") for year in PLAUSIBLE[kind])
    year = [ibis.literal(datetime(y, m, d), type="timestamp") for y, m, d in ((OPEN_ENDED - 1, 12, 31), (9999, 12, 31))]
    open_ended = (value >= year[0]) & (value < year[1] + ibis.interval(days=1))
    return ((value < first) | ((value >= last) & ~open_ended)).fill_null(False)


def _usable(table: ir.Table, kind: str) -> list[ir.BooleanValue]:
    """Rows that analyses can use; the others were counted."""
    usable = [~_empty(table[name]) for name in _required(table, kind)]
    if kind in ("events", "surveys"):
        usable += [~_implausible(table[name], kind) for name in _times(table, kind)[:1]]
    return usable


def _findings(table: ir.Table, kind: str, survey: Survey) -> pd.DataFrame:
    """Count everything that can be wrong with a row, in one pass, by source."""
    flags = {f"missing_{name}": _empty(table[name]) for name in _required(table, kind)}
    flags |= {f"implausible_{name}": _implausible(table[name], kind) for name in _times(table, kind)}
    if "duration_s" in table.columns:
        flags["negative_duration"] = table.duration_s < 0
    if {"observed_from", "observed_until"} <= set(table.columns):
        flags["reversed_window"] = table.observed_until < table.observed_from
    flags |= rating_flags(table, survey) if kind == "surveys" else {}
    flags["unreadable"] = table[BAD]
    measures = {f"n_{name}": flag.sum().fill_null(0) for name, flag in flags.items()}
    if ROW in table.columns:
        measures |= {f"row_{name}": table[ROW].min(where=flag) for name, flag in flags.items()}
    aware = table[AWARE]
    measures["n"] = table.count()
    measures["points"] = all_bits(table[POINT]).fill_null(0)
    measures |= {"n_aware": aware.sum().fill_null(0), "n_naive": (~aware).sum().fill_null(0)}
    return table.group_by(ORIGIN).aggregate(**measures).execute().set_index(ORIGIN)


_TEXTS = {
    "missing": ("has no {name}", "have no {name}", "up to 1 % are dropped and counted. Fill the column at source."),
    "implausible": (
        "has a {name} before {first} or after {last}",
        "have a {name} before {first} or after {last}",
        "a count in another unit, or a typing error. Declare `read: {{timestamp_format: epoch_s}}` (or epoch_ms, "
        "epoch_us, excel), or mend the values at source{drop}.",
    ),
    "negative_duration": ("has a duration_s below 0", "have a duration_s below 0", "mend it at source."),
    "reversed_window": (
        "has an observed_until before its observed_from",
        "have an observed_until before their observed_from",
        "mend the window at source.",
    ),
}


def _report(loaded: Loaded, row: pd.Series, offset: int) -> None:
    """Turn the counts of one source into findings."""
    if int(row["n_unreadable"]):
        explain_unreadable(loaded)
    if row["n_aware"] and row["n_naive"]:
        text = (
            f"{loaded.where}: {int(row['n_aware']):,} times carry an offset such as +02:00 and "
            f"{int(row['n_naive']):,} do not; write all of them in one way at source."
        )
        loaded.found("mixed_offsets", "error", int(min(row["n_aware"], row["n_naive"])), text)
    unreadable = {problem.check for problem in loaded.problems}
    for column, count in row.items():
        check = str(column).removeprefix("n_")
        kind = check if check in _TEXTS else check.partition("_")[0]
        n = int(count) if str(column).startswith("n_") and kind in _TEXTS else 0
        name = check.removeprefix(f"{kind}_")
        if n and f"unreadable_{name}" not in unreadable:
            _report_rows(loaded, check, kind, n, row.get(f"row_{check}"), offset)


def _report_rows(loaded: Loaded, check: str, kind: str, n: int, row: Any, offset: int) -> None:
    first, last = PLAUSIBLE[loaded.kind]
    main = check.endswith(("_timestamp", "_answered_at"))
    droppable = kind == "missing" or (kind == "implausible" and main)
    words = {"name": check.removeprefix(f"{kind}_"), "first": first, "last": last - 1}
    words["drop"] = "; up to 1 % are dropped and counted" if main else ""
    one, many, rest = (text.format(**words) for text in _TEXTS[kind])
    place = f" (first: {row_in_file(loaded, row - offset)})" if row is not None and not pd.isna(row) else ""
    share = f" ({n / loaded.n_total:.1%})"
    text = f"{loaded.where}: {n:,} of {loaded.n_total:,} rows{share} {verb(n, one, many)}{place}; {rest}"
    loaded.found(check, tolerated(n, loaded.n_total) if droppable else "error", n, text)


def _note_duplicates(loaded: Loaded, n: int) -> None:
    text = (
        f"{n:,} of {loaded.n_total:,} rows {verb(n, 'is', 'are')} equal to an earlier row in every "
        f"column; {verb(n, 'it was', 'they were')} dropped. Say `duplicates: keep` if each is a real event."
    )
    loaded.found("duplicate_rows", "dropped", n, text)


# Rows whose digests are grouped at once; more than this many are taken in turns, to bound the memory.
_AT_ONCE = 6_000_000


def _drop_duplicates(engine: Engine, table: ir.Table, parts: list[Loaded], kind: str) -> ir.Table:
    """Leave out rows equal to an earlier one of their source in every column.

    Rows are compared by the digest of what was written, then by every typed value.
    """
    total = sum(loaded.n_total for loaded in parts)
    if not engine.numbers_rows or all(loaded.source.duplicates == "keep" for loaded in parts):
        return table
    turns = -(-total // _AT_ONCE)
    twice = []
    for turn in range(turns):
        part = table.filter(table[HASH] % turns == turn) if turns > 1 else table.filter(table[HASH].notnull())
        groups = part.group_by(HASH, ORIGIN).aggregate(n=_.count())
        twice += groups.filter(_.n > 1).execute()[HASH].tolist()
    if not twice:
        return table
    digests = engine.keep(f"{kind}_twice", ibis.memtable(pd.DataFrame({HASH: pd.Series(twice, dtype="uint64")})))
    same = table.semi_join(digests, HASH)
    order = ibis.window(group_by=[same[name] for name in same.columns if name != ROW], order_by=same[ROW])
    marked = same.mutate(nth=ibis.row_number().over(order)).filter(_.nth > 0)
    later = engine.keep(f"{kind}_later", marked.select(ROW, ORIGIN))
    counts = later.group_by(ORIGIN).aggregate(n=_.count()).execute().set_index(ORIGIN)["n"]
    for i, n in counts.items():
        _note_duplicates(parts[int(i)], int(n))
    return table.anti_join(later, ROW) if len(counts) else table
