"""An executed notebook as one self-contained page."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from cj_helpers import text
from cj_helpers.runner.bundles import Bundle, collect
from cj_helpers.runner.markdown import Heading, Headings, render_markdown
from cj_helpers.runner.notebooks import INJECTED, Notebook
from cj_helpers.runner.page import PageOne, choose, figure_parts, tile_parts, unbroken
from cj_helpers.runner.scan import CSP, SCRIPT
from cj_helpers.runner.sections import without_empty_sections
from cj_helpers.runner.verdict import OK, SKIPPED, Verdict
from cj_helpers.runner.words import banner, words
from cj_helpers.text import _, fill

TEMPLATES = Path(__file__).resolve().parents[1] / "template"
_DECISION = re.compile(r"^\*\*Decision\b", flags=re.IGNORECASE)


def render_notebook(
    notebook: Mapping[str, Any], source: Notebook, *, verdict: Verdict, facts: Mapping[str, str]
) -> str:
    """Render a cleaned notebook: page one, table of contents, annex, parameters and provenance.

    Parameters
    ----------
    notebook : mapping
        From `clean_notebook`.
    source : Notebook
        The same as it was read: title and declared parameters.
    verdict : Verdict
        Anything but *ok* gives a banner instead of page one, and the annex ends where the notebook did.
    facts : mapping
        ``dataset`` (its name), ``key``, ``day``, ``run_id``, ``language``, ``time_zone``, ``currency``.

    Returns
    -------
    str
        One HTML document that loads nothing and runs nothing.
    """
    use_words_of(facts)
    view = copy.deepcopy(dict(notebook))
    found = collect(view)
    page = choose(found) if verdict.status == OK else PageOne()
    headings = Headings()
    decision, rest = split_opening(view["cells"])
    decision_html = render_markdown(decision, headings) if decision else ""
    answer = headings.add(_("In short"), 2) if not page.is_empty else None
    origin = [str(b.output["data"].get("text/html", "")) for b in found if b.kind == "provenance"]
    _replace_results(found, page, book=source.name if verdict.status == OK else "")
    _set_opening(view["cells"], rest)
    view["cells"] = [cell for cell in _ran(view["cells"], verdict) if cell["cell_type"] != "raw"]
    view["cells"] = without_empty_sections(view["cells"]) if verdict.status == OK else view["cells"]
    _prepare_cells(view["cells"], headings)
    last = headings.add(_("Parameters and provenance"), 2)
    parts = {
        "source": source,
        "facts": facts,
        "words": words(),
        "csp": CSP,
        "css": style(),
        "script": SCRIPT,
        "figures": f"figures/{source.name}/" if verdict.status == OK else "",
        "banner": banner(verdict),
        "decision": decision_html,
        "page": page,
        "answer": answer,
        "contents": [heading for heading in headings.found if heading.level <= 3],
        "last": last,
        "parameters": _parameter_rows(source, notebook),
        "provenance": origin,
    }
    return _convert(view, parts)


def render_notice(source: Notebook, *, verdict: Verdict, facts: Mapping[str, str]) -> str:
    """Render a page that holds nothing of the notebook but its title and how it ended."""
    use_words_of(facts)
    parts = {
        "source": source,
        "facts": facts,
        "words": words(),
        "csp": CSP,
        "css": style(),
        "banner": banner(verdict),
    }
    return environment().get_template("notice.html.j2").render(parts)


def use_words_of(facts: Mapping[str, str]) -> None:
    """Set language, time zone and currency of everything written from here on."""
    text.set_language(facts["language"])
    text.set_time_zone(facts["time_zone"])
    if facts["currency"]:
        text.set_currency(facts["currency"])


@cache
def environment() -> jinja2.Environment:
    """Return the templates of the parts we write ourselves; every value is escaped."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )


@cache
def style() -> str:
    """Return the style sheet, without its comments."""
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/\n?", "", css, flags=re.DOTALL)


def split_opening(cells: list[dict[str, Any]]) -> tuple[str, str]:
    """Return the decision that a notebook serves and the rest of its first markdown cell, without the title."""
    first = next((cell for cell in cells if cell["cell_type"] == "markdown"), None)
    if first is None:
        return "", ""
    body = re.sub(r"^#\s.*\n?", "", first["source"], count=1, flags=re.MULTILINE).strip()
    paragraphs = re.split(r"\n\s*\n", body)
    chosen = next((p for p in paragraphs if _DECISION.match(p)), paragraphs[0])
    return chosen, "\n\n".join(p for p in paragraphs if p is not chosen)


def _set_opening(cells: list[dict[str, Any]], rest: str) -> None:
    first = next((cell for cell in cells if cell["cell_type"] == "markdown"), None)
    if first is not None:
        first["source"] = f"## {_('About this report')}\n\n{rest}" if rest else ""


def _replace_results(found: list[Bundle], page: PageOne, *, book: str) -> None:
    """Put finished HTML into every output that carries a result; one on page one leaves only its name.

    ``book`` is the notebook's name, empty when its files are not published.
    """
    for bundle in found:
        fragment = re.sub(r"^\s*<style>.*?</style>", "", bundle.output["data"].get("text/html", ""), flags=re.S)
        values = {"bundle": bundle, "fragment": fragment, "words": words()}
        values |= {"tables": f"tables/{book}/" if book else "", "figures": f"figures/{book}/" if book else ""}
        values["fragment"] = unbroken(fragment) if bundle.kind == "finding" else fragment
        values["moved"] = bundle.place in page.moved
        if bundle.kind == "figure":
            values["figure"] = figure_parts(bundle)
        if bundle.kind == "metric":
            values["tile"] = tile_parts(bundle.payload)
        html = environment().get_template("result.html.j2").render(values)
        bundle.output.clear()
        metadata = {"cj": {"moved": page.moved.get(bundle.place)}}
        bundle.output.update(output_type="display_data", metadata=metadata, data={"text/html": html})


def _ran(cells: list[dict[str, Any]], verdict: Verdict) -> list[dict[str, Any]]:
    """Cells up to the one in which the notebook ended; of a skipped one only its opening."""
    if verdict.status == SKIPPED:
        return cells[:1]
    code = [i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and cell["source"].strip()]
    return cells[: code[verdict.cell - 1] + 1] if 0 < verdict.cell <= len(code) else cells


def _prepare_cells(cells: list[dict[str, Any]], headings: Headings) -> None:
    """Render prose, and put the code between two texts into one fold after its results."""
    group: list[dict[str, Any]] = []
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        cell["metadata"]["cj"] = {}
        if cell["cell_type"] == "markdown":
            html = render_markdown(cell["source"], headings, attachments=cell.get("attachments"))
            cell["metadata"]["cj"]["html"] = html
            continue
        if cell["cell_type"] == "code":
            _prepare_outputs(cell, headings)
            group.append(cell)
        if following is None or following["cell_type"] == "markdown":
            cell["metadata"]["cj"]["fold"] = _fold(group)
            group = []


def _prepare_outputs(cell: dict[str, Any], headings: Headings) -> None:
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "text/markdown" in data and "text/html" not in data:
            data["text/html"] = render_markdown(data["text/markdown"], headings, trusted=False)
        if "text/html" in data and "cj" not in output["metadata"]:
            # the corner of a pandas table is an empty heading, which a screen reader would announce
            plain = data["text/html"].replace("<th></th>", "<td></td>")
            data["text/html"] = f'<div class="cj-scroll" tabindex="0">{plain}</div>'


def _fold(group: list[dict[str, Any]]) -> str:
    shown = [cell for cell in group if cell["source"].strip()]
    outputs = [output for cell in group for output in cell["outputs"]]
    marks = [output.get("metadata", {}).get("cj", {}).get("moved") for output in outputs]
    moved = [mark for mark in marks if mark]
    return environment().get_template("fold.html.j2").render(cells=shown, moved=moved, words=words())


def _parameter_rows(source: Notebook, notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    given: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if INJECTED in cell["metadata"].get("tags", []):
            assigned = [line for line in ast.parse(cell["source"]).body if isinstance(line, ast.Assign)]
            given = {ast.unparse(line.targets[0]): ast.literal_eval(line.value) for line in assigned}
    return [
        {
            "name": parameter.name,
            "value": str(given.get(parameter.name, parameter.default)),
            "given": parameter.name in given,
            "comment": parameter.comment,
        }
        for parameter in source.parameters
    ]


def _convert(view: dict[str, Any], parts: dict[str, Any]) -> str:
    import nbformat
    from nbconvert.exporters.html import HTMLExporter
    from traitlets.config import Config

    order = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]
    config = Config({"NbConvertBase": {"display_data_priority": order}})
    exporter = HTMLExporter(
        config=config,
        template_name=TEMPLATES.name,
        template_file="report.html.j2",
        extra_template_basedirs=[str(TEMPLATES.parent)],
    )
    slots = {
        "head": environment().get_template("head.html.j2").render(parts),
        "foot": environment().get_template("foot.html.j2").render(parts),
        "no_alt": _("Figure without a description"),
    }
    page, _resources = exporter.from_notebook_node(nbformat.from_dict(view), {"cj": slots})
    return page


__all__ = ["Heading", "environment", "fill", "render_notebook", "render_notice", "split_opening", "style"]
