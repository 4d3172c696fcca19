"""What reports hold of single customers: files to clean when one must be forgotten."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cj_helpers.runner import publish
from cj_helpers.runner.plan import report_folders
from cj_helpers.runner.records import LOGS
from cj_helpers.runner.said import strings

_TEXTS = (".json", ".html", ".ipynb", ".log", ".txt", ".md")
_ID_COLUMNS = frozenset({"customer", "customer_id", "alias", "pseudonym"})
_PICTURE = re.compile(r"data:[\w/.+-]+;base64,[A-Za-z0-9+/=]*")


@dataclass(frozen=True)
class Trace:
    """One file that names a customer.

    Attributes
    ----------
    path : Path
    n : int
        Rows of a CSV file; of any other file how often it names the customer.
    has_rows : bool
        Whether the rows can be taken out; any other file must go as a whole.
    """

    path: Path
    n: int
    has_rows: bool


def is_plain(name: str) -> bool:
    """Whether an id looks like any word or number: under 4 characters, only letters, or fewer than 7 digits.

    Examples
    --------
    >>> [is_plain(name) for name in ("1234", "x7", "Smith", "1234567", "KD-1", "871766c5855e863f")]
    [True, True, True, False, False, False]
    """
    digits = sum(sign.isdigit() for sign in name)
    return len(name) < 4 or name.isalpha() or (digits < 7 and not any(sign.isalpha() for sign in name))


def find_traces(folder: Path, names: Sequence[str]) -> list[Trace]:
    """Return the files below a folder of reports that hold one of the names (pseudonyms or raw ids).

    A name counts as a whole value of a CSV file and as a whole word of any other text; pictures are left out. Digits
    alone count in CSV columns of ids only (customer, customer_id, alias, pseudonym), since elsewhere they are numbers.
    A name that `is_plain` counts in these columns and in the private logs, nowhere else. Links are not followed, so
    that `latest` counts no file twice.
    """
    found = []
    for root, _folders, files in os.walk(folder):
        for path in (Path(root) / name for name in sorted(files)):
            if not path.is_symlink():
                found += [trace] if (trace := _trace(path, names)) else []
    return sorted(found, key=lambda trace: trace.path)


def remove_traces(folder: Path, names: Sequence[str]) -> list[tuple[Path, str]]:
    """Take the rows out of CSV files and remove every other file that holds a name; returns what was done, in words.

    Raises
    ------
    publish.Locked
        When a run is writing these reports or those of a market; nothing has changed then.
    """
    with contextlib.ExitStack() as locks:
        for place in report_folders(folder):
            locks.enter_context(publish.locked(place))
        return [(trace.path, _remove(trace, names)) for trace in find_traces(folder, names)]


def _trace(path: Path, names: Sequence[str]) -> Trace | None:
    told_apart = [name for name in names if not is_plain(name)]
    if path.suffix == ".csv":
        header, *rows = _rows(path) or [([], "")]
        n = sum(_names_customer(fields, header[0], names) for fields, _text in rows)
        if n or not _words(header[0], told_apart):
            return Trace(path, n, has_rows=True) if n else None
        return Trace(path, 1, has_rows=False)
    if path.suffix not in _TEXTS:
        return None
    n = _words(_texts(path), names if LOGS in path.parts else told_apart)
    return Trace(path, n, has_rows=False) if n else None


def _remove(trace: Trace, names: Sequence[str]) -> str:
    if not trace.has_rows:
        trace.path.unlink()
        return "removed"
    header, *rows = _rows(trace.path)
    kept = [header, *(row for row in rows if not _names_customer(row[0], header[0], names))]
    temporary = trace.path.with_suffix(".csv.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, trace.path.stat().st_mode & 0o777)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        stream.writelines(text for _fields, text in kept)
    temporary.replace(trace.path)
    return f"rows taken out: {trace.n:,}"


def _rows(path: Path) -> list[tuple[list[str], str]]:
    """Return the values of each row of a CSV file, header included, beside its text as it stands in the file."""
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    lines = list(io.StringIO(text, newline=""))
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(lines)
    rows, start = [], 0
    for fields in reader:
        rows.append((fields, "".join(lines[start : reader.line_num])))
        start = reader.line_num
    return rows


def _names_customer(fields: Sequence[str], header: Sequence[str], names: Sequence[str]) -> bool:
    told_apart = [name for name in names if not is_plain(name)]
    ids = [value for column, value in zip(header, fields, strict=False) if column.strip("\ufeff ") in _ID_COLUMNS]
    values = [value for value in fields if not value.strip().isdigit()]
    prose = [value for value in fields if " " in value]
    return bool(_same(ids, names) or _same(values, told_apart) or _words(prose, told_apart))


def _same(values: Iterable[str], names: Sequence[str]) -> bool:
    """Whether a value is a name, also behind the ``'`` that keeps spreadsheets from running it."""
    return any(value in names or value.removeprefix("'") in names for value in values)


def _words(texts: Iterable[str], names: Sequence[str]) -> int:
    """How often texts hold a name as a whole word; digits within a decimal or a grouped number are none."""
    if not names:
        return 0
    ends = [rf"(?<!\d[.,]){re.escape(name)}(?![.,]\d)" if name.isdigit() else re.escape(name) for name in names]
    word = re.compile(rf"(?<![\w@-])(?:{'|'.join(ends)})(?![\w@-])")
    return sum(len(word.findall(text)) for text in texts)


def _texts(path: Path) -> list[str]:
    """What a file says, without pictures; escapes of JSON and of HTML are undone."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        return [html.unescape(_PICTURE.sub("", text))]
    if path.suffix in (".json", ".ipynb"):
        with contextlib.suppress(ValueError):
            return [_PICTURE.sub("", found) for found in strings(json.loads(text))]
    return [re.sub(r"\\[nrt]", " ", text)]
