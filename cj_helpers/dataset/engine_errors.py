"""What the engine says of a file that it cannot read, in the words of dataset.yml."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cj_helpers.contract import DataError
from cj_helpers.dataset.scan import Scan
from cj_helpers.dataset.schema_tables import Read


def unreadable_file(error: Exception, scans: Sequence[Scan], read: Read, where: str) -> DataError:
    """Return the error to raise: file, line, what was found and the remedy; never a row's text or a full path."""
    text = str(error)
    line = re.search(r"\bLine: (\d+)", text)
    named = re.search(r"^\s*file = (.+)$", text, re.MULTILINE)
    known = {str(scan.path): scan.shown for scan in scans}
    file = known.get(named[1].strip(), "") if named else ""
    file = file or ", ".join(scan.shown for scan in scans[:3])
    place = f"{where}: cannot be read as declared: {file}" + (f", line {int(line[1]):,}" if line else "")
    return DataError(f"{place} {_finding(text, scans, read)}")


def _finding(text: str, scans: Sequence[Scan], read: Read) -> str:
    columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if columns:
        expected, found = columns.groups()
        return (
            f"has {found} columns where the header has {expected}; mend the row at source, put values that hold "
            f"the delimiter {read.delimiter!r} in quotes, or declare another `read: {{delimiter: ...}}`."
        )
    if "unterminated quote" in text:
        return (
            f"has a quote {read.quote} that does not end; mend the row at source, or declare "
            "`read: {quote: ...}` with the character that the file quotes with."
        )
    if re.search(r"invalid unicode|not utf-8 encoded|encoded", text, re.IGNORECASE):
        other = "latin-1" if read.encoding == "utf-8" else "utf-8"
        return f"is not {read.encoding}; declare `read: {{encoding: {other}}}`, or export the file in UTF-8."
    if "CSV Error" in text:
        return "is not written as `read:` declares; compare delimiter, quote and encoding with the file."
    return f"({_first_sentence(text, scans)}); export the file again."


def _first_sentence(text: str, scans: Sequence[Scan]) -> str:
    for scan in scans:
        text = text.replace(str(scan.path), scan.shown)
    lines = text.strip().splitlines() or ["no reason given"]
    first = re.split(r"(?<=[.!?])\s|\s*Possible ", lines[0])[0].rstrip(".")
    return first.split("Error: ", 1)[-1][:200]
