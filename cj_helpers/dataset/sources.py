"""One declared source -> typed columns under the contract's names, not computed yet.

Text is read as text and converted by what dataset.yml declares, so that nothing is guessed. Whether a value did
not convert is kept beside the row.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import ibis
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, Column, ConfigError, DataError
from cj_helpers.dataset.columns import INTERNAL_PREFIX, map_columns
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.convert import IDS, Notation, convert, moments, present, times
from cj_helpers.dataset.engine import Engine
from cj_helpers.dataset.files import find_files
from cj_helpers.dataset.points import point_bits
from cj_helpers.dataset.problems import Conversion, Loaded
from cj_helpers.dataset.readers import read_raw
from cj_helpers.dataset.recode import answers_side_by_side, filter_rows, recode
from cj_helpers.dataset.scan import Scan, scan_file
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.schema_tables import Manifest, Read, Source
from cj_helpers.dataset.surveys import ratings
from cj_helpers.dataset.zones import define_to_utc

# Names of columns that only the reading sees: no header holds a control character.
BAD, AWARE, HASH, ORIGIN, POINT = "\x1fbad", "\x1faware", "\x1fhash", "\x1forigin", "\x1fpoint"
_MAIN_TIME = {"events": "timestamp", "surveys": "answered_at", "customers": "started_at"}


def load_source(
    engine: Engine, folder: Path, config: DatasetConfig, source: Source, *, kind: str, where: str
) -> Loaded:
    """Map and type one source.

    Returns
    -------
    Loaded
        Its table has the contract's columns, the attributes as text, ratings as numbers, and the marks
        ``BAD``, ``AWARE`` and ``HASH``; unreadable values are null and their row is marked.
    """
    scans = _scan(engine, folder, config, source.source, source, source.read, where) if source.source else []
    raw = _rows(engine, source, scans, where)
    names = {name: name.strip() for name in raw.columns}
    local = engine.numbers_rows
    raw = filter_rows(raw.rename({new: old for old, new in names.items() if new != old}), source, where, local=local)
    if source.long:
        raw = answers_side_by_side(raw, source.long, where, local=local)
    notation = Notation(source.read, config.time_zone, config.time_fold, engine.con.name)
    if engine.con.name == "duckdb":
        define_to_utc(engine.con, config.time_zone, config.time_fold)
    mapped = recode(map_columns(raw, source, kind, where), source, where)
    mapped = {name: present(value) for name, value in mapped.items()}
    raw, typed, aware = _typed(raw, mapped, notation, kind)
    kinds = {name: _kind(name, value, kind) for name, value in mapped.items()}
    checked = [Conversion(n, _found_as(n, source), k, mapped[n], typed[n]) for n, k in kinds.items() if k]
    if kind == "surveys":
        typed, rated = ratings(mapped, typed, config.survey, notation, where)
        checked += rated
    typed |= _marks(raw, checked, aware, source.read, digest=source.duplicates == "drop" and local, local=local)
    loaded = Loaded(source, kind, where, raw, raw.select(**typed), checked, scans)
    loaded.inputs = [{"path": scan.shown, "sha256": scan.sha256} for scan in scans]
    return loaded


def _rows(engine: Engine, source: Source, scans: list[Scan], where: str) -> ir.Table:
    """Return the rows of a source as the engine has them."""
    if scans:
        return read_raw(engine.con, scans, source.read, where)
    try:
        if source.table:
            database, _, name = source.table.rpartition(".")
            found = engine.con.table(name, database=tuple(database.split(".")) if database else None)
        else:
            found = engine.con.sql(source.sql)
        return engine.with_moments(found)
    except Exception as error:  # noqa: BLE001 - each engine has errors of its own
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ConfigError(f"{where}: the engine cannot give {source.table or 'this query'}: {reason}") from None


def scan_raw(engine: Engine, folder: Path, config: DatasetConfig, where: str) -> tuple[list[Scan], list[Any]]:
    """Give every file under ``raw`` to the engine under its name, for ``sql:``."""
    scans: list[Scan] = []
    inputs: list[dict[str, Any]] = []
    for name, raw in config.raw.items():
        found = _scan(engine, folder, config, raw.source, raw, raw.read, f"{where}.{name}")
        rows = read_raw(engine.con, found, raw.read, f"{where}.{name}")
        table = engine.con.create_table(name, rows, temp=True)
        inputs += [{"path": s.shown, "sha256": s.sha256} for s in found]
        n_rows = int(table.count().execute())
        check_rows(raw, found, [n_rows] if len(found) == 1 else [], f"{where}.{name}")
        if len(found) == 1:
            inputs[-1]["rows"] = n_rows
        scans += found
    return scans, inputs


def _scan(
    engine: Engine, folder: Path, config: DatasetConfig, pattern: str, manifest: Manifest, read: Read, where: str
) -> list[Scan]:
    files = find_files(folder, pattern, config.allow, engine.private, where)
    scans = [scan_file(path, shown, read, engine.private, where) for path, shown in files]
    for key in (*manifest.sha256, *manifest.rows):
        if key and key not in {scan.shown for scan in scans} | {Path(scan.shown).name for scan in scans}:
            known = sorted(scan.shown for scan in scans)
            raise ConfigError(f"{where}: sha256 and rows name the file {key!r}; {nearest(key, known)}")
    for scan in scans:
        wanted = _of_file(manifest.sha256, scan, len(scans), where)
        if wanted and str(wanted).lower() != scan.sha256:
            raise DataError(
                f"{where}: {scan.shown} is not the file that was declared (sha256 {scan.sha256[:12]}..., expected "
                f"{str(wanted)[:12]}...); get it again, or declare the new one."
            )
    return scans


def check_rows(manifest: Manifest, scans: Sequence[Scan], counts: Sequence[int], where: str) -> None:
    """Compare the rows found with those declared.

    Raises
    ------
    DataError
        When a file has more or fewer.
    """
    for scan, found in zip(scans, counts, strict=False):
        wanted = _of_file(manifest.rows, scan, len(scans), where)
        if wanted is not None and int(wanted) != found:
            raise DataError(
                f"{where}: {scan.shown} has {found:,} rows, {int(wanted):,} were declared; get the whole file again, "
                "or declare the new number."
            )


def _of_file(declared: dict[str, Any], scan: Scan, n_files: int, where: str) -> Any:
    """Return what is declared of a file: by its name, or alone when the source is one file."""
    if "" in declared and n_files > 1:
        raise ConfigError(f"{where}: sha256 and rows of a glob go by file name, such as `rows: {{a.csv: 100}}`.")
    return declared.get(scan.shown, declared.get(Path(scan.shown).name, declared.get("")))


def _typed(
    raw: ir.Table, mapped: dict[str, ir.Value], notation: Notation, kind: str
) -> tuple[ir.Table, dict[str, ir.Value], ir.BooleanValue | None]:
    """Convert every column.

    Returns
    -------
    (the source with its times half read, the typed columns, whether the main time has an offset of its own)
    """
    columns = {name: TABLES[kind].get(name, Column("text")) for name in mapped}
    dated = {n: times(mapped[n], notation) for n, column in columns.items() if column.kind == "timestamp"}
    half = {f"\x1flocal_{name}": found.local for name, found in dated.items() if found.local is not None}
    raw = raw.mutate(**half) if half else raw
    typed = {}
    for name, value in mapped.items():
        if name not in dated:
            typed[name] = convert(value, name, columns[name], notation)
            continue
        found = dated[name]
        if found.local is not None:
            found = replace(found, local=raw[f"\x1flocal_{name}"])
        typed[name] = moments(found, notation)
    main = dated.get(_MAIN_TIME.get(kind, ""))
    return raw, typed, main.aware if main else None


def _kind(name: str, value: ir.Value, table: str) -> str:
    """Return the kind of a column that is checked; empty for text."""
    column = TABLES[table].get(name)
    if column and column.kind != "text":
        return column.kind
    return "id" if name in IDS and value.type().is_floating() else ""


def _found_as(name: str, source: Source) -> str:
    """Say where a reader finds the values of a column."""
    return f"constant {name!r}" if name in source.constants else f"column {source.columns.get(name, name)!r}"


def _marks(
    raw: ir.Table, checked: list[Conversion], aware: ir.BooleanValue | None, read: Read, *, digest: bool, local: bool
) -> dict[str, ir.Value]:
    """Return what the checks need beside the values: what could be read, offsets, a digest, use of the point."""
    bad = reduce(lambda a, b: a | b, (column.unreadable for column in checked), ibis.literal(False))
    written = [raw[name] for name in raw.columns if not name.startswith(INTERNAL_PREFIX)]
    hashed = row_digest(written) if digest else ibis.null("int64" if not local else "uint64")
    aware = ibis.null("boolean") if aware is None else aware
    return {BAD: bad, AWARE: aware, HASH: hashed, POINT: point_bits(checked, read)}


def row_digest(values: Sequence[ir.Value]) -> ir.IntegerValue:
    """Return DuckDB's 64-bit hash over all columns of a row."""

    def digest(*_values):  # type: ignore[no-untyped-def]
        """Hash of a row."""

    one = inspect.Parameter
    digest.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [one(f"v{i}", one.POSITIONAL_OR_KEYWORD) for i in range(len(values))]
    )
    kinds = tuple(value.type() for value in values)
    return ibis.udf.scalar.builtin(digest, name="hash", signature=(kinds, dt.uint64))(*values)
