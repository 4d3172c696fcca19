"""Files -> raw tables of the engine: text as text, Parquet with its types, plus the row number."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.engine_errors import unreadable_file
from cj_helpers.dataset.schema_tables import Read

WHITESPACE = "whitespace"
ROW = "row_number"
# Names of the columns added to a raw table: no header holds a control character.
RAW_ROW = "\x1frow"
FILE = "\x1ffile"
INTERNAL = (RAW_ROW, FILE)
_BLANKS = " \t\r\n\xa0\ufeff"


def find_files(folder: Path, source: str, where: str) -> list[Path]:
    """Return the files a source names, sorted by name.

    Raises
    ------
    ConfigError
        When the path leaves the data set's folder, or nothing matches.
    """
    if Path(source).is_absolute() or ".." in Path(source).parts or "://" in source:
        raise ConfigError(
            f"{where}: source {source!r} points outside the data set; allowed are files and globs below the folder "
            "of dataset.yml. Copy the file there."
        )
    files = sorted(path for path in folder.glob(source) if path.is_file())
    if not files:
        known = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        raise ConfigError(f"{where}: source {source!r} matches no file; {nearest(source, known or ['(no files)'])}")
    outside = [path for path in files if not path.resolve().is_relative_to(folder.resolve())]
    if outside:
        raise ConfigError(f"{where}: {outside[0].name} is a link out of the data set's folder; copy the file there.")
    empty = [path.name for path in files if path.stat().st_size == 0]
    if empty:
        raise DataError(f"{where}: {empty[0]} is empty (0 bytes); export it again or take it out of the source.")
    return files


def fingerprint(path: Path, folder: Path) -> dict[str, Any]:
    """Return path (relative) and SHA-256 of one input file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"path": path.relative_to(folder).as_posix(), "sha256": digest}


def read_raw(con: Any, files: list[Path], read: Read, where: str) -> ir.Table:
    """Read files into the engine: Parquet with its types, text as text, plus the row number in the source."""
    paths = [str(path) for path in files]
    odd = [path.name for path in files if set("*?[]") & set(str(path))]
    if odd:  # the engine would read such a path as a pattern
        raise ConfigError(
            f"{where}: the path of {odd[0]} holds one of * ? [ ]; the engine would take it for a pattern. "
            "Rename the file or the folders above it."
        )
    parquet = [path.name.endswith((".parquet", ".pq")) for path in files]
    if any(parquet) and not all(parquet):
        raise ConfigError(f"{where}: the glob mixes Parquet and text files; give each kind its own source.")
    options: dict[str, Any] = {
        "all_varchar": True,
        "header": True,
        "auto_detect": False,
        "quote": read.quote,
        "escape": read.quote,
        "encoding": read.encoding,
        "delim": "\x1f" if read.delimiter == WHITESPACE else read.delimiter,
        "nullstr": ["", *read.missing],
        "strict_mode": True,
        "filename": FILE,
    }
    try:
        if all(parquet):
            table = con.read_parquet(paths, filename=FILE)
        else:
            names = _common_header(files, read, where)
            options["columns"] = dict.fromkeys(names, "VARCHAR")
            table = con.read_csv(paths, **options)
        table = table.rename({_clean(name): name for name in table.columns if _clean(name) not in table.columns})
        table = table.mutate(**{RAW_ROW: ibis.row_number()})
        return _split_whitespace(table, files[0], read) if read.delimiter == WHITESPACE else table
    except duckdb.Error as error:
        raise unreadable_file(error, files, read, where) from None


def _common_header(files: list[Path], read: Read, where: str) -> list[str]:
    """Return the column names that all files of a glob share."""
    names = _header(files[0], read, where)
    for path in files[1:]:
        other = _header(path, read, where)
        if other != names:
            raise DataError(
                f"{where}: {path.name} has the columns {', '.join(other)}, {files[0].name} has {', '.join(names)}; "
                "files of one glob need the same columns in the same order."
            )
    return names


def _first_line(path: Path, encoding: str) -> str:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        return str(stream.readline()).rstrip("\r\n")


def _clean(name: str) -> str:
    """Return a column name without the blanks and the byte order mark around it."""
    return name.strip(_BLANKS)


def _header(path: Path, read: Read, where: str) -> list[str]:
    """Return the column names of a text file, checked for doubles; a column without a name gets its position."""
    try:
        line = _first_line(path, read.encoding)
    except (UnicodeError, OSError) as error:
        raise DataError(
            f"{where}: {path.name} is not readable as {read.encoding} ({error}); declare `read: {{encoding: latin-1}}` "
            "or export it in UTF-8."
        ) from None
    if read.delimiter == WHITESPACE:
        return ["line"]
    names = [_clean(name) for name in _cells(line, read.delimiter, read)]
    if len(names) == 1:
        _refuse_other_delimiter(line, read, f"{where}: {path.name}")
    names = [name or f"column_{i}" for i, name in enumerate(names, start=1)]
    lower = [name.lower() for name in names]
    double = sorted({name for name in names if lower.count(name.lower()) > 1})
    if double or not names:
        found = f"the columns {', '.join(double)} twice" if double else "no header"
        raise DataError(
            f"{where}: {path.name} has {found}; every column needs one name (upper and lower case are the same). "
            "Rename it at source."
        )
    return names


def _cells(line: str, delimiter: str, read: Read) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, quotechar=read.quote), [])


def _refuse_other_delimiter(line: str, read: Read, where: str) -> None:
    """A header of one column that another delimiter would part is a delimiter not declared."""
    others = [mark for mark in ";\t|," if mark != read.delimiter]
    best = max(others, key=lambda mark: len(_cells(line, mark, read)))
    if len(_cells(line, best, read)) > 1:
        shown = line if len(line) <= 60 else line[:57] + "..."
        mark = "\\t" if best == "\t" else best
        raise DataError(f'{where}: the header is one column {shown!r}; declare `read: {{delimiter: "{mark}"}}`.')


def _split_whitespace(table: ir.Table, path: Path, read: Read) -> ir.Table:
    names = _first_line(path, read.encoding).split()
    parts = table.line.strip().re_replace(r"\s+", " ").split(" ")
    return table.select(RAW_ROW, FILE, **{name: parts[i].nullif("") for i, name in enumerate(names)})
