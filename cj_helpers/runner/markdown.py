"""Prose as HTML: headings that form a tree with unique ids, tables and code that scroll by themselves."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mistune
from mistune.renderers.html import HTMLRenderer

_PLUGINS = ["table", "strikethrough"]


@dataclass(frozen=True)
class Heading:
    """One entry of the table of contents: level (2 is the highest below the title), id, plain text."""

    level: int
    anchor: str
    text: str


class Headings:
    """Gives every heading of a page its level and id, in the order in which they come."""

    def __init__(self) -> None:
        self.found: list[Heading] = []

    def add(self, text: str, level: int) -> Heading:
        """Register a heading; it is never more than one level below the heading before it."""
        above = self.found[-1].level if self.found else 1
        depth = min(max(level, 2), above + 1)
        plain = html.unescape(re.sub(r"<[^>]+>", "", text)).strip()
        heading = Heading(depth, self._anchor(plain), plain)
        self.found.append(heading)
        return heading

    def _anchor(self, plain: str) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "section"
        taken = {heading.anchor for heading in self.found}
        names = [f"s-{slug}", *(f"s-{slug}-{number}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken)


def render_markdown(
    source: str,
    headings: Headings,
    *,
    trusted: bool = True,
    attachments: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Render a markdown text.

    Parameters
    ----------
    source : str
        Markdown; ``$...$`` stays as it is.
    headings : Headings
        The page's headings so far; new ones are added.
    trusted : bool
        Written by an author (HTML in it is kept) or produced by code from data (HTML in it is escaped).
    attachments : mapping, optional
        Pictures stored in the cell, by name and type.
    """
    renderer = _Renderer(headings, escape=not trusted, attachments=attachments or {})
    return str(mistune.create_markdown(renderer=renderer, plugins=_PLUGINS)(source))


class _Renderer(HTMLRenderer):
    def __init__(self, headings: Headings, *, escape: bool, attachments: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(escape=escape)
        self.headings = headings
        self.attachments = attachments

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        heading = self.headings.add(text, level)
        return f'<h{heading.level} id="{heading.anchor}">{text}</h{heading.level}>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        return f'<pre tabindex="0"><code>{html.escape(code)}</code></pre>\n'

    def table(self, text: str) -> str:
        return f'<div class="cj-scroll" tabindex="0"><table class="cj-table">\n{text}</table></div>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        stored = self.attachments.get(url.removeprefix("attachment:"), {})
        for mime, content in stored.items():
            return f'<img src="data:{mime};base64,{content}" alt="{html.escape(text)}">'
        return str(super().image(text, url, title))
