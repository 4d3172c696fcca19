"""Lines of YAML with their comments."""

from __future__ import annotations

from typing import Any

import yaml

_COMMENT_AT = 48


def inline(value: Any) -> str:
    """Return a value as YAML on one line, quoted where it must be."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def line(text: str, comment: str = "", *, indent: int = 0) -> str:
    """Return one line, the comment after it in a column of its own."""
    text = " " * indent + text
    if not comment:
        return text
    return f"{text:<{_COMMENT_AT}}  # {comment}" if len(text) < _COMMENT_AT else f"{' ' * indent}# {comment}\n{text}"


def key(name: str) -> str:
    """Return a name as a key: lower case, _ between words."""
    return "_".join("".join(letter if letter.isalnum() else " " for letter in name).split()).lower() or "other"


def words(key: str) -> str:
    """Return a key as words for a reader."""
    text = " ".join(key.replace("-", "_").split("_"))
    return text[:1].upper() + text[1:]
