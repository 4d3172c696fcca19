"""One output per call: the typed bundle, the HTML and the plain text."""

from __future__ import annotations

from html import escape
from typing import Any

MIME_TYPE = "application/vnd.cj.result+json"
VERSION = 1
# JupyterLab aligns and shrinks tables in its own way; reports have a stylesheet where no selector of these fits.
LAB_STYLE = (
    "<style>"
    ".jp-RenderedHTMLCommon .cj-table{font-size:inherit;margin:.5em 0}"
    ".jp-RenderedHTMLCommon .cj-table caption{text-align:left;font-weight:600;padding:.3em 0}"
    ".jp-RenderedHTMLCommon .cj-table :is(th,td){text-align:left;font-weight:inherit}"
    ".jp-RenderedHTMLCommon .cj-table :is(th,td).num{text-align:right;white-space:nowrap}"
    ".jp-RenderedHTMLCommon .cj-table thead th,.jp-RenderedHTMLCommon .cj-table .cj-total{font-weight:600}"
    ".jp-RenderedHTMLCommon .cj-note{font-size:.9em;opacity:.8;margin:.2em 0}"
    ".jp-RenderedHTMLCommon .cj-tile{display:inline-block;border:1px solid #8888;border-radius:4px;padding:.6em 1em}"
    ".jp-RenderedHTMLCommon .cj-tile p{margin:0}"
    ".jp-RenderedHTMLCommon .cj-tile .cj-tile-value{font-size:1.8em;font-weight:600;line-height:1.3}"
    ".jp-RenderedHTMLCommon .cj-finding{border-left:4px solid #3b6ea5;padding:.3em .8em}"
    ".jp-RenderedHTMLCommon .cj-finding.cj-warning{border-color:#b26a00}"
    ".jp-RenderedHTMLCommon .cj-finding.cj-critical{border-color:#b3261e}"
    "</style>"
)


def publish(
    kind: str,
    payload: dict[str, Any],
    *,
    plain: str,
    html: str = "",
    png: bytes = b"",
    metadata: dict[str, Any] | None = None,
) -> None:
    """Display one result in the running notebook; outside IPython there is nowhere to display."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import publish_display_data

    if not InteractiveShell.initialized():
        return
    data: dict[str, Any] = {MIME_TYPE: {"kind": kind, "version": VERSION, **payload}, "text/plain": plain}
    if html:
        data["text/html"] = html
    if png:
        data["image/png"] = png
    publish_display_data(data, metadata or {})


def element(tag: str, content: str, **attributes: str) -> str:
    """An HTML element around HTML; attribute values are escaped, ``class_`` is the attribute class."""
    pairs = (f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{''.join(pairs)}>{content}</{tag}>"


def paragraph(text: str, class_: str = "cj-note") -> str:
    """A paragraph of plain text, in small print unless its class says otherwise."""
    return element("p", escape(text), class_=class_)


def grid(
    caption: str,
    headings: list[tuple[str, bool]],
    rows: list[list[str]],
    *,
    total_rows: frozenset[int] = frozenset(),
) -> str:
    """A real table of plain texts.

    Parameters
    ----------
    caption : str
    headings : list of (text, is it a column of numbers)
    rows : list of lists of str
        The first cell of each row is its heading.
    total_rows : frozenset of int
        Positions of overall rows.
    """
    classes = [{"class_": "num"} if numeric else {} for _, numeric in headings]
    head = "".join(
        element("th", escape(text), scope="col", **extra) for (text, _), extra in zip(headings, classes, strict=True)
    )
    body = []
    for position, row in enumerate(rows):
        cells = [
            element("th", escape(text), scope="row", **extra) if index == 0 else element("td", escape(text), **extra)
            for index, (text, extra) in enumerate(zip(row, classes, strict=True))
        ]
        extra = {"class_": "cj-total"} if position in total_rows else {}
        body.append(element("tr", "".join(cells), **extra))
    table = element(
        "table",
        element("caption", escape(caption)) + element("thead", element("tr", head)) + element("tbody", "\n".join(body)),
        class_="cj-table",
    )
    return element("div", table, class_="cj-scroll", role="region", tabindex="0", aria_label=caption)


def plain_grid(caption: str, headings: list[str], rows: list[list[str]], notes: list[str]) -> str:
    """The same table as aligned text, at most ten rows."""
    lines = [headings, *rows[:10]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    aligned = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    more = ["..."] if len(rows) > 10 else []
    return "\n".join([caption, *aligned, *more, *notes])
