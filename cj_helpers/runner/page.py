"""What of a notebook's results stands on page one, and what its place in the annex says instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cj_helpers.runner.bundles import Bundle
from cj_helpers.text import _, fill

MOST_FINDINGS = 3
MOST_TILES = 3
MOST_FIGURES = 2
MOST_ROWS = 7


@dataclass(frozen=True)
class PageOne:
    """Results chosen for page one, each with the anchor under which it stands there.

    ``table`` is a fragment with at most seven rows; ``moved`` maps the place of an output to (anchor, words).
    A longer table stays in the annex as well, so it is not moved.
    """

    findings: list[dict[str, str]] = field(default_factory=list)
    tiles: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    table: str = ""
    moved: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the notebook gave nothing for page one."""
        return not (self.findings or self.tiles or self.figures or self.table)


def choose(bundles: Sequence[Bundle]) -> PageOne:
    """Choose what stands on page one.

    The three findings of the highest weight (ties in the order of the notebook), the first three tiles, and
    the first two figures and the first table that asked for it.
    """
    findings = [bundle for bundle in bundles if bundle.kind == "finding"]
    findings.sort(key=lambda bundle: -float(bundle.payload.get("weight") or 0))
    tiles = [bundle for bundle in bundles if bundle.kind == "metric" and bundle.payload.get("tile")]
    figures = [b for b in bundles if b.kind == "figure" and b.payload.get("page_one")]
    tables = [b for b in bundles if b.kind == "table" and b.payload.get("page_one")]
    page = PageOne(table=first_rows(tables[0]) if tables else "")
    for number, bundle in enumerate(findings[:MOST_FINDINGS], start=1):
        page.findings.append(finding_parts(bundle.payload) | {"anchor": f"finding-{number}"})
        page.moved[bundle.place] = (f"finding-{number}", fill("Finding {n:count}", n=number))
    for number, bundle in enumerate(tiles[:MOST_TILES], start=1):
        page.tiles.append(tile_parts(bundle.payload) | {"anchor": f"tile-{number}"})
        page.moved[bundle.place] = (f"tile-{number}", str(bundle.payload["label"]))
    for number, bundle in enumerate(figures[:MOST_FIGURES], start=1):
        page.figures.append(figure_parts(bundle) | {"anchor": f"figure-{number}"})
        words = str(bundle.payload.get("caption") or fill("Figure {n:count}", n=number))
        page.moved[bundle.place] = (f"figure-{number}", words)
    if tables and tables[0].payload["n_rows"] <= MOST_ROWS:
        page.moved[tables[0].place] = ("table-1", str(tables[0].payload["caption"]))
    return page


def finding_parts(payload: Mapping[str, Any]) -> dict[str, str]:
    """Level, the word for the level and the sentence of a finding."""
    words = {"critical": _("Critical"), "warning": _("Warning")}
    level = payload["level"] if payload["level"] in words else "info"
    return {"level": level, "word": words.get(level, _("Finding")), "text": unbroken(str(payload["text"]))}


def tile_parts(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Ready texts of a tile: label, value, and the lines below it."""
    shown = payload["display"]
    lines = [shown["journey"]] if shown["journey"] else []
    if payload["segment"] != "all":
        lines.append(shown["segment"])
    if shown["interval"]:
        lines.append(fill("95 % interval {interval}", interval=shown["interval"]))
    if shown["n"]:
        lines.append(fill("n = {n}", n=shown["n"]))
    if payload["note"]:
        lines.append(payload["note"])
    return {
        "label": unbroken(payload["label"]),
        "value": unbroken(shown["estimate"]),
        "lines": [unbroken(line) for line in lines],
    }


def unbroken(text: str) -> str:
    """Keep a number and its short unit on one line."""
    return re.sub(r"(?<=\d) (?=(%|pp|h|min|s|days?|[A-Z]{3})(?!\w))", "\u00a0", text)


def figure_parts(bundle: Bundle) -> dict[str, Any]:
    """Picture, alternative text, caption, width in CSS pixels and data file of a figure."""
    payload, output = bundle.payload, bundle.output
    shown = output.get("metadata", {}).get("image/png", {})
    return {
        "png": re.sub(r"[^A-Za-z0-9+/=]", "", str(output["data"].get("image/png", ""))),
        "alt": str(payload.get("alt", "")),
        "caption": str(payload.get("caption", "")),
        "width": shown.get("width") if isinstance(shown.get("width"), int) else None,
        "data": f"{payload['name']}.csv" if payload.get("data") else "",
    }


def first_rows(bundle: Bundle) -> str:
    """Return the HTML of a table cut after seven rows, saying so in its caption."""
    fragment, total = str(bundle.output["data"].get("text/html", "")), bundle.payload["n_rows"]
    if total <= MOST_ROWS:
        return fragment
    head, body = re.split(r"(?<=<tbody>)", fragment, maxsplit=1)
    rows = re.findall(r"<tr\b.*?</tr>", body, flags=re.DOTALL)[:MOST_ROWS]
    note = fill(" (first {shown:count} of {all:count} rows)", shown=MOST_ROWS, all=total)
    head = re.sub(r'(aria-label="[^"]*)(?=")', lambda match: match.group(1) + note, head, count=1)
    head = head.replace("</caption>", f"{note}</caption>", 1)
    return f"{head}{''.join(rows)}</tbody></table></div>"
