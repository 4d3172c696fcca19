"""How a text file is written: encoding, delimiter and header, decided on its bytes."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cj_helpers.contract import ConfigError, DataError

_HEAD_LINES = 200
_CHUNK = 1 << 20
_DELIMITERS = ";\t|,"
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_VALUE = re.compile(r"[+-]?\d+([.,]\d+)?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*")
PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class Dialect:
    """What ``read:`` must say of a text file, and its columns.

    Attributes
    ----------
    encoding : str
        utf-8, latin-1 or utf-16.
    delimiter : str
        One character, or ``whitespace``.
    header : tuple of str
        Names of the columns as they stand in the file.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]


def check_kind(path: Path) -> None:
    """Refuse a file that dataset.yml could not read.

    Raises
    ------
    ConfigError
        When it is not there or of another kind; says what to do with it.
    DataError
        When it is empty.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; give CSV or Parquet files, such as `cj init my_data export/*.csv`.")
    name = path.name.lower().removesuffix(".gz")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty (0 bytes); export it again.")
    if not name.endswith((*PARQUET, *TEXT)):
        raise ConfigError(
            f"{path.name}: this kind of file is not read; allowed are {', '.join((*TEXT, *PARQUET))}, text also as "
            ".gz. Save a spreadsheet as CSV; unpack an archive first."
        )


def is_parquet(path: Path) -> bool:
    """Whether a file brings its own types."""
    return path.name.lower().endswith(PARQUET)


def sniff(path: Path) -> Dialect:
    """Find out how a text file is written; the whole file is looked at for its encoding.

    Raises
    ------
    DataError
        When there is a header only, none, or the file is neither text nor gzip.
    """
    encoding = _encoding(path)
    lines = _head(path, encoding)
    if len(lines) < 2:
        raise DataError(
            f"{path.name} holds {len(lines)} line; a header and at least one row are needed. Export it again."
        )
    delimiter = _delimiter(lines)
    first = lines[0].split() if delimiter == "whitespace" else next(csv.reader([lines[0]], delimiter=delimiter))
    header = tuple(name.strip(" \t\r\n\xa0\ufeff") for name in first)
    if sum(bool(_VALUE.fullmatch(name)) for name in header) * 2 >= len(header):
        raise DataError(
            f"{path.name}: the first line looks like data, not like the names of columns; put a line with names "
            "above it."
        )
    return Dialect(encoding, delimiter, header)


def _open(path: Path) -> BinaryIO:
    opener: Callable[..., Any] = gzip.open if path.name.lower().endswith(".gz") else open
    return opener(path, "rb")  # type: ignore[no-any-return]


def _encoding(path: Path) -> str:
    """UTF-8 when every byte fits it; else Latin-1, in which every byte is a character."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _open(path) as stream:
            chunk = stream.read(_CHUNK)
            if chunk[:2] in _BOMS:
                return _BOMS[chunk[:2]]
            while chunk:
                decoder.decode(chunk)
                chunk = stream.read(_CHUNK)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    except (OSError, EOFError) as error:
        raise DataError(f"{path.name}: cannot be unpacked ({error}); export it again.") from None
    return "utf-8"


def _head(path: Path, encoding: str) -> list[str]:
    with _open(path) as stream:
        text = stream.read(_CHUNK).decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="ignore")
    lines = text.splitlines()
    return [line for line in lines[: _HEAD_LINES + 1] if line.strip()]


def _delimiter(lines: list[str]) -> str:
    """Return the character that parts most lines into the same number of columns, more than one."""
    best, found = ",", (0.0, 1)
    for mark in _DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=mark) if row)
        width, n = widths.most_common(1)[0]
        if width > 1 and (n / sum(widths.values()), width) > found:
            best, found = mark, (n / sum(widths.values()), width)
    if found[1] == 1 and len({len(line.split()) for line in lines}) == 1 and len(lines[0].split()) > 1:
        return "whitespace"
    return best
