"""One look at the bytes of a file before the engine reads it: its digest, its lines, and whether it is text.

Files that are packed or not in UTF-8 are written to a private folder as plain UTF-8, so that the engine reads
every text in one way.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cj_helpers.contract import DataError
from cj_helpers.dataset.schema_tables import Read

_CHUNK = 1 << 22
_GIB = 1 << 30
# A packed file of more than a GiB that is a hundred times smaller packed is a bomb or a broken export.
MOST_UNPACKED, MOST_RATIO = _GIB, 100
_UTF8 = ("utf-8", "utf8", "utf-8-sig", "ascii")


@dataclass(frozen=True)
class Scan:
    """One input file as it was found.

    Attributes
    ----------
    path : Path
        What the engine reads: the file itself, or its plain copy.
    origin : Path
        The file itself.
    shown : str
        Name in messages and manifests.
    sha256 : str
    n_lines : int
        Lines of text; 0 for Parquet.
    is_open : bool
        Whether the last line of text has no line break, as in a file that was cut off.
    state : tuple of int
        Size and time of the last change, to notice a change while reading.
    """

    path: Path
    origin: Path
    shown: str
    sha256: str
    n_lines: int
    state: tuple[int, int]
    is_open: bool = False

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet by its name."""
        return is_parquet(self.origin)


def is_parquet(path: Path) -> bool:
    return path.name.endswith((".parquet", ".pq"))


def state_of(path: Path) -> tuple[int, int]:
    """Return size and time of the last change."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def refuse_changed(scans: list[Scan], where: str) -> None:
    """A file that changed between its digest and the end of reading is neither the old nor the new one."""
    for scan in scans:
        if not scan.origin.exists() or state_of(scan.origin) != scan.state:
            raise DataError(f"{where}: {scan.shown} changed while it was read; wait for the export and run again.")


def scan_file(path: Path, shown: str, read: Read, private: Path, where: str) -> Scan:
    """Look at every byte of a file once.

    Raises
    ------
    DataError
        When the file is cut, packed beyond measure, or not the text that ``read`` declares.
    """
    state, place = state_of(path), f"{where}: {shown}"
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        if is_parquet(path):
            _refuse_cut_parquet(stream, place)
            for chunk in iter(lambda: stream.read(_CHUNK), b""):
                digest.update(chunk)
            return Scan(path, path, shown, digest.hexdigest(), 0, state)
        packed = path.suffix == ".gz"
        if packed:
            digest = hashlib.file_digest(stream, "sha256")  # type: ignore[assignment]
            stream.seek(0)
        plain = not packed and read.encoding.lower() in _UTF8
        copy = private / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.csv"
        chunks = _unpacked(stream, state[0], place) if packed else _hashed(stream, digest)
        if plain:
            n_lines = sum(text.count(b"\n") for text in _text(chunks, read, place))
        else:
            with copy.open("wb") as out:
                n_lines = sum(text.count(b"\n") for text in _text(chunks, read, place) if out.write(text))
    is_open = _last_byte(path if plain else copy) not in b"\r\n"
    return Scan(path if plain else copy, path, shown, digest.hexdigest(), n_lines + is_open, state, is_open)


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(-1 if stream.seek(0, 2) else 0, 2)
        return stream.read(1)


def _refuse_cut_parquet(stream: IO[bytes], place: str) -> None:
    size = stream.seek(0, 2)
    stream.seek(max(size - 4, 0))
    tail = stream.read(4)
    stream.seek(0)
    if stream.read(4) != b"PAR1" or tail != b"PAR1":
        raise DataError(f"{place} is cut off or no Parquet file; export it again.")
    stream.seek(0)


def _hashed(stream: IO[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        digest.update(chunk)
        yield chunk


def _unpacked(stream: IO[bytes], size: int, place: str) -> Iterator[bytes]:
    """Unpack gzip, but no bomb."""
    total = 0
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            for chunk in iter(lambda: unpacked.read(_CHUNK), b""):
                total += len(chunk)
                if total > MOST_UNPACKED and total > MOST_RATIO * size:
                    raise DataError(
                        f"{place} unpacks to more than {MOST_UNPACKED / _GIB:.0f} GiB, over {MOST_RATIO} times its "
                        "size; unpack it yourself if that is meant."
                    )
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{place} is cut off or no gzip file ({error}); export it again.") from None


def _text(chunks: Iterator[bytes], read: Read, place: str) -> Iterator[bytes]:
    """Check and hand on a file's text as UTF-8."""
    plain = read.encoding.lower() in _UTF8
    decoder = codecs.getincrementaldecoder("utf-8" if plain else read.encoding)()
    guess, guessable, beyond_ascii = codecs.getincrementaldecoder("utf-8")(), True, False
    line, last, n_quotes, quote = 1, b"", 0, read.quote.encode()
    for chunk in chunks:
        if line == 1 and not last:
            _refuse_utf16(chunk, read, place)
        try:
            # ASCII needs no decoding, which is most of the work, unless a letter is cut by the end of a chunk.
            text = "" if plain and chunk.isascii() and not decoder.getstate()[0] else decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise _not_encoded(error, read, line, place) from None
        if not plain:
            _refuse_control_codes(text, read, line, place)
            guessable, beyond_ascii = _still_utf8(guess, chunk, guessable), beyond_ascii or not chunk.isascii()
        whole = chunk if plain else text.encode("utf-8")
        if b"\0" in whole:
            row = line + whole[: whole.index(b"\0")].count(b"\n")
            raise DataError(
                f"{place}, line {row:,} holds a NUL byte, at which tools cut the value; remove it at source "
                "(or declare `read: {encoding: utf-16}` if every other byte is one)."
            )
        line, last = line + whole.count(b"\n"), whole
        n_quotes += whole.count(quote) if quote else 0
        yield whole
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_encoded(error, read, line, place) from None
    if n_quotes % 2 and read.escape in ("", read.quote):
        raise DataError(
            f"{place} has an odd number of quotes {read.quote} ({n_quotes:,}), so one of them is stray; mend it at "
            "source, or declare `read: {quote: ''}` if the file does not put values in quotes."
        )
    if guessable and beyond_ascii and not read.encoding.lower().startswith("utf"):
        raise DataError(
            f"{place} is UTF-8 but declared as {read.encoding}, which would turn ä into Ã¤; "
            "remove `encoding`, or declare utf-8."
        )


def _refuse_utf16(chunk: bytes, read: Read, place: str) -> None:
    if chunk[:2] in (b"\xff\xfe", b"\xfe\xff") and not read.encoding.lower().startswith("utf-16"):
        raise DataError(f"{place} is UTF-16; declare `read: {{encoding: utf-16}}`, or export it in UTF-8.")


def _not_encoded(error: UnicodeDecodeError, read: Read, line: int, place: str) -> DataError:
    found, at = error.object, error.start
    row = line + found[:at].count(b"\n")
    byte = found[at] if at < len(found) else 0
    other = "cp1252" if 0x80 <= byte <= 0x9F else "latin-1"
    other = other if read.encoding.lower() in _UTF8 else "utf-8"
    return DataError(
        f"{place}, line {row:,} is not {read.encoding} (byte 0x{byte:02X}); declare `read: {{encoding: {other}}}`, "
        "or export the file in UTF-8."
    )


def _refuse_control_codes(text: str, read: Read, line: int, place: str) -> None:
    """Latin-1 has control codes where cp1252 has the euro sign and curly quotes."""
    if codecs.lookup(read.encoding).name != "iso8859-1":
        return
    found = next((i for i, sign in enumerate(text) if "\x80" <= sign <= "\x9f"), None) if not text.isascii() else None
    if found is not None:
        row = line + text[:found].count("\n")
        raise DataError(
            f"{place}, line {row:,} holds the byte 0x{ord(text[found]):02X}, which is no letter in {read.encoding}; "
            "declare `read: {encoding: cp1252}`."
        )


def _still_utf8(guess: codecs.IncrementalDecoder, chunk: bytes, so_far: bool) -> bool:
    try:
        guess.decode(chunk)
    except UnicodeDecodeError:
        return False
    return so_far
