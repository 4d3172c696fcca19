"""All sources of one table -> one typed table, computed in one pass, and what the checks find in it."""

from __future__ import annotations

from typing import Any

import duckdb
import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, DataError
from cj_helpers.dataset.columns import INTERNAL_PREFIX
from cj_helpers.dataset.duplicates import drop_duplicates, note_duplicates
from cj_helpers.dataset.engine import Engine
from cj_helpers.dataset.engine_errors import unreadable_file
from cj_helpers.dataset.odd_ids import report_odd_ids
from cj_helpers.dataset.points import report_points
from cj_helpers.dataset.problems import Loaded
from cj_helpers.dataset.row_checks import findings, report_rows, usable_rows
from cj_helpers.dataset.scan import refuse_changed
from cj_helpers.dataset.schema_survey import Survey
from cj_helpers.dataset.sources import ORIGIN, check_rows
from cj_helpers.dataset.survey_checks import report_ratings
from cj_helpers.dataset.swallowed import refuse_swallowed_rows


def collect(engine: Engine, parts: list[Loaded], kind: str, n_with_offset: dict[str, int], survey: Survey) -> ir.Table:
    """Compute the sources of one table in one pass, check them, and leave out what may be dropped.

    Returns
    -------
    ibis table
        The contract's columns, then attributes; ``source``, and ``row_number`` where the engine knows it.
    """
    table = engine.numbered(_compute(engine, parts, kind))
    found = findings(table, kind, survey)
    _count(found["n"], parts)
    for loaded in parts:
        refuse_changed(loaded.scans, loaded.where)
        _rows_of_files(loaded)
    offset = 0
    for i, loaded in enumerate(parts):
        if i in found.index:
            row: Any = found.loc[i]
            report_rows(loaded, row, offset)
            report_odd_ids(table.filter(table[ORIGIN] == i), loaded, row)
            if kind == "events":
                n_with_offset[loaded.name] = n_with_offset.get(loaded.name, 0) + int(row["n_aware"])
            report_points(loaded, int(row["points"]))
            if kind == "surveys":
                report_ratings(table.filter(table[ORIGIN] == i), loaded, row, offset, survey)
        offset += loaded.n_before
    kept = drop_duplicates(engine, table, parts, kind)
    for usable in usable_rows(kept, kind):
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
            note_duplicates(loaded, double)
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
