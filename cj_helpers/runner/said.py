"""What a published file says, for the privacy gate: its words without pictures, markup and counts."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from cj_helpers.text import column_kind

_PICTURE = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+")
_PICTURES = ("image/png", "image/jpeg")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.@:+-]{2,62}[A-Za-z0-9])")
_AMOUNTS = frozenset({"count", "percent", "number", "days", "hours", "money", "ratio", "points", "pp", "p_value"})
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def words_like_ids(text: str) -> set[str]:
    """Return the words of a text that can be told from prose and numbers: letters with digits, or 7 digits and more.

    A word with a colon counts in parts as well, as in ``customer:C0001234``.
    """
    words = set(_WORD.findall(text))
    parts = {part for word in words if ":" in word for part in word.split(":")}
    return {word for word in words | parts if _is_like_id(word)}


def published_text(file: Path) -> str:
    """Return what a published file says: of JSON and notebooks the strings, of a page no style and script."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix in (".ipynb", ".json"):
        text = _strings_of(text)
    text = _PICTURE.sub("", text)
    return html.unescape(re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.S)) if file.suffix == ".html" else text


def published_words(file: Path, text: str) -> set[str]:
    """Return the words of a file that could be ids; a number in a column of amounts of a CSV file is none.

    `text` is what `published_text` returns for the file.
    """
    return words_like_ids(_without_amounts(text) if file.suffix == ".csv" else text)


def _is_like_id(word: str) -> bool:
    digits = sum(sign.isdigit() for sign in word)
    letters = any(sign.isalpha() for sign in word)
    return (digits >= 2 and letters and len(word) >= 5) or (word.isdigit() and len(word) >= 7)


def _strings_of(text: str) -> str:
    """One string per line; a text that is no JSON stays as it is."""
    try:
        return "\n".join(strings(json.loads(text)))
    except ValueError:
        return text


def strings(content: Any) -> Iterator[str]:
    """Every text in the content of a JSON file, keys included, but no picture."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield str(key)
            if key not in _PICTURES:
                yield from strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from strings(value)
    elif isinstance(content, str):
        yield content


def _without_amounts(text: str) -> str:
    rows = list(csv.reader(StringIO(text)))
    if not rows:
        return ""
    amounts = {place for place, name in enumerate(rows[0]) if column_kind(name) in _AMOUNTS}
    kept = [
        [cell for place, cell in enumerate(row) if place not in amounts or not _NUMBER.fullmatch(cell)] for row in rows
    ]
    return "\n".join(" ".join(row) for row in kept)
