"""The pages: page one, prose, cleaning, the last scan, and what a browser makes of them."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_notebooks as tiny
from PIL import Image

from cj_helpers.runner import naming, run, runs
from cj_helpers.runner.bundles import Bundle
from cj_helpers.runner.clean import clean_message, clean_notebook, private_text
from cj_helpers.runner.html import render_notebook, split_opening
from cj_helpers.runner.markdown import Headings, render_markdown
from cj_helpers.runner.notebooks import read_notebook
from cj_helpers.runner.page import choose, first_rows, unbroken
from cj_helpers.runner.run_index import Surroundings, render_index
from cj_helpers.runner.scan import CSP, links_of, scan_html
from cj_helpers.runner.sections import without_empty_sections
from cj_helpers.runner.verdict import Verdict
from cj_helpers.runner.worker import Outcome

FACTS = {
    "dataset": "Tiny & <made>",
    "key": "tiny",
    "day": "2024-01-31",
    "run_id": "2024-01-31-0123456789",
    "language": "en",
    "time_zone": "UTC",
    "currency": "EUR",
    "commit": "0123456789ab",
    "market": "",
}
GOOD = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{CSP}"><p>text</p>'


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One report with every kind of result and one that failed, run twice into two folders."""
    base = tmp_path_factory.mktemp("html")
    tiny.write(base / "notebooks", "01_journey_mapping", *tiny.report_cells())
    tiny.write(base / "notebooks", "02_fails", tiny.markdown("## A section"), tiny.code("print(1)\n1 / 0"))
    alerts = [{"metric": "completed_within", "journey": "outage_recovery", "below": 0.6}]
    source = tiny.source(base / "tiny", alerts=alerts)
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(naming, "package_digests", list)  # someone may edit the package meanwhile
        patch.setattr(naming, "commit", lambda folder: "0123456789ab")
        patch.setattr(runs, "open_source", lambda dataset, **_: source)
        for out in ("one", "two"):
            results.append(run("tiny", out=base / out, notebooks_dir=base / "notebooks", jobs=2))
    return SimpleNamespace(folder=results[0].folder, again=results[1].folder, base=base)


class Structure(HTMLParser):
    """Headings, ids and links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.levels, self.ids, self.links = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values.get("href", ""))


# ---- prose ------------------------------------------------------------------------------------------------------


def test_headings_form_a_tree_with_ids_of_their_own():
    headings = Headings()
    html = render_markdown("# A\n\n## B `x`\n\n#### Too *deep*\n\n## B `x`\n\n## Größe", headings)
    found = [(heading.level, heading.anchor, heading.text) for heading in headings.found]
    assert found == [
        (2, "s-a", "A"),
        (2, "s-b-x", "B x"),
        (3, "s-too-deep", "Too deep"),
        (2, "s-b-x-2", "B x"),
        (2, "s-gr-e", "Größe"),
    ]
    assert '<h3 id="s-too-deep">Too <em>deep</em></h3>' in html


def test_prose_has_tables_and_code_that_scroll_and_no_live_links():
    html = render_markdown("| a |\n|---|\n| 1 |\n\n```\n1 < 2\n```\n\n[x](javascript:alert(1)) $a_b$", Headings())
    assert '<div class="cj-scroll" tabindex="0"><table class="cj-table">' in html
    assert '<pre tabindex="0"><code>1 &lt; 2\n</code></pre>' in html
    assert "javascript" not in html
    assert "$a_b$" in html


def test_markdown_that_code_has_written_is_escaped():
    assert "<script>" in render_markdown("<script>x</script>", Headings())
    assert "&lt;script&gt;" in render_markdown("<script>x</script>", Headings(), trusted=False)


@pytest.mark.parametrize(
    ("source", "decision", "rest"),
    [
        ("# T\n\nIntro.\n\n**Decision**: which?\n\nNeeds events.", "**Decision**: which?", "Intro.\n\nNeeds events."),
        ("# T\n\nFirst.\n\nSecond.", "First.", "Second."),
        ("# T\nDirectly below.", "Directly below.", ""),
        ("# T", "", ""),
    ],
)
def test_the_decision_is_taken_from_the_first_cell(source, decision, rest):
    assert split_opening([tiny.code("1"), tiny.markdown(source)]) == (decision, rest)


# ---- page one ---------------------------------------------------------------------------------------------------


def bundle(kind, place, **payload):
    return Bundle(kind, payload, {"data": {}}, place)


def finding(place, weight, level="info"):
    return bundle("finding", (place, 0), text=f"finding {place}", level=level, weight=weight)


def test_the_three_weightiest_findings_open_the_page():
    page = choose([finding(1, 1), finding(2, 3, "critical"), finding(3, 2, "warning"), finding(4, 2), finding(5, 0)])
    assert [(item["text"], item["word"]) for item in page.findings] == [
        ("finding 2", "Critical"),
        ("finding 3", "Warning"),
        ("finding 4", "Finding"),
    ]
    assert set(page.moved) == {(2, 0), (3, 0), (4, 0)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("58.9 % of 13", "58.9\u00a0% of 13"),
        ("within 14.0 days, 5 hours", "within 14.0\u00a0days, 5 hours"),
        ("12 EUR in 3 steps", "12\u00a0EUR in 3 steps"),
    ],
)
def test_numbers_stay_beside_their_units(text, expected):
    assert unbroken(text) == expected


def test_a_notebook_without_results_has_no_page_one():
    assert choose([]).is_empty


@pytest.mark.parametrize(("n_rows", "shown", "moved"), [(7, 7, True), (9, 7, False)])
def test_page_one_has_at_most_seven_rows(n_rows, shown, moved):
    rows = "".join(f'<tr class="x"><th scope="row">{i}</th></tr>' for i in range(n_rows))
    html = (
        '<div class="cj-scroll" role="region" tabindex="0" aria-label="A &amp; B"><table class="cj-table">'
        "<caption>A &amp; B</caption><thead><tr><th>i</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div><p>note</p>"
    )
    table = Bundle(
        "table", {"n_rows": n_rows, "caption": "A & B", "page_one": True}, {"data": {"text/html": html}}, (3, 0)
    )
    cut = first_rows(table)
    assert cut.count('<tr class="x">') == shown
    assert ("first 7 of 9 rows" in cut) is (n_rows == 9)
    assert ((3, 0) in choose([table]).moved) is moved


# ---- cleaning ---------------------------------------------------------------------------------------------------


def test_a_published_notebook_has_no_times_paths_warnings_or_values():
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": "Warning: /nas/erika/x"},
        {"output_type": "stream", "name": "stdout", "text": "in /data/sample at 0x7f00ff"},
        {"output_type": "display_data", "data": {"text/html": "<b>/data/sample</b>"}, "metadata": {}},
        {"output_type": "error", "ename": "KeyError", "evalue": "'Erika'", "traceback": ["\x1b[31mErika\x1b[0m"]},
    ]
    cells = [
        {"cell_type": "markdown", "id": "m", "metadata": {"tags": ["papermill-error-cell-tag"]}, "source": "x"},
        {
            **tiny.code('dataset = "/data/sample"', "injected-parameters"),
            "id": "random",
        },
        {**tiny.code("x"), "id": "a", "metadata": {"papermill": {"duration": 1.5}}, "outputs": outputs},
    ]
    notebook = {"cells": cells, "metadata": {"papermill": {"end_time": "now", "input_path": "/data"}}}
    shown = {"dataset": "sample", "note": 'a "quote" \\'}
    verdict = Verdict("failed", "KeyError", 2)
    clean = clean_notebook(notebook, verdict=verdict, shown=shown, paths={"/data": "no", "/data/sample": "sample"})
    text = json.dumps(clean)
    assert [cell["id"] for cell in clean["cells"]] == ["injected-parameters", "a"]
    assert clean["cells"][0]["source"] == "# Parameters\ndataset = 'sample'\nnote = 'a \"quote\" \\\\'"
    for secret in ("/data", "erika", "Erika", "duration", "now", "0x7f"):
        assert secret not in text
    assert clean["cells"][1]["outputs"][0]["text"] == "in sample at 0x…"
    private = "\n".join(private_text(notebook))
    assert "/nas/erika/x" in private
    assert "Erika" in private
    assert "\x1b" not in private
    assert cells[2]["outputs"] == outputs


def test_the_message_of_our_own_errors_stays():
    error = {"output_type": "error", "ename": "DataError", "evalue": "events: /data/x is empty", "traceback": ["x"]}
    notebook = {"cells": [{**tiny.code("x"), "id": "a", "outputs": [error]}], "metadata": {}}
    verdict = Verdict("failed", "DataError: events: /data/x is empty", 1)
    clean = clean_notebook(notebook, verdict=verdict, shown={}, paths={"/data": "data"})
    assert clean["cells"][0]["outputs"][0]["evalue"] == "events: data/x is empty"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("/data/sample/log.csv: row 7", "sample/log.csv: row 7"),
        ("'/usr/share/erika/calls.csv' is empty", "'…/calls.csv' is empty"),
        ("touchpoint '/cart/checkout' never occurs", "touchpoint '/cart/checkout' never occurs"),
        ("see https://usr/share/x and 3/4", "see https://usr/share/x and 3/4"),
    ],
)
def test_messages_name_no_folder_of_the_machine(message, expected):
    assert clean_message(message, {"/data/sample": "sample"}) == expected


def test_printed_text_of_a_cell_is_cut():
    printed = [{"output_type": "stream", "name": "stdout", "text": letter * 600_000} for letter in "abc"]
    result = {"output_type": "display_data", "data": {"text/plain": "kept"}, "metadata": {}}
    cell = {**tiny.code("x"), "id": "a", "outputs": [*printed, result]}
    clean = clean_notebook({"cells": [cell], "metadata": {}}, verdict=Verdict("ok"), shown={}, paths={})
    first, second, last = clean["cells"][0]["outputs"]
    assert first["text"] == "a" * 600_000
    assert second["text"] == "b" * 400_000 + "\n[cut here: a cell may print 1,000,000 characters]\n"
    assert last == result


# ---- the last scan ----------------------------------------------------------------------------------------------


def test_a_page_with_nothing_live_passes():
    assert (
        scan_html(GOOD + '<a href="tables/x.csv">x</a><img src="data:image/png;base64,AA" alt="javascript: no">') == []
    )


@pytest.mark.parametrize(
    ("live", "found"),
    [
        ("<script>1</script>", "<script>"),
        ("<SCRIPT src=x>", "<script>"),
        ("<svg><script/></svg>", "<script>"),
        ("< script>", "<script>"),
        ('<meta http-equiv="refresh" content="0;url=x">', "<meta http-equiv>"),
        (f'<meta http-equiv="Content-Security-Policy" content="{CSP}">', "2 content security policies"),
        ("<base href=x>", "<base>"),
        ("<iframe src=x>", "<iframe>"),
        ("<object data=x>", "<object>"),
        ("<embed src=x>", "<embed>"),
        ("<form action=x>", "<form>"),
        ("<link rel=stylesheet href=x>", "<link>"),
        ("<img src=x onerror=alert(1)>", "onerror"),
        ("<p ONCLICK='x'>", "onclick"),
        ("<svg/onload=alert(1)>", "onload"),
        ('<a href="javascript:alert(1)">', "runs code"),
        ('<a href=" java\tscript:alert(1)">', "runs code"),
        ('<a href="&#106;avascript:alert(1)">', "runs code"),
        ('<a href="data:text/html,x">', "runs code"),
        ('<svg><a xlink:href="javascript:x">', "runs code"),
        ('<button formaction="javascript:x">', "runs code"),
        ('<img src="https://example.org/x.png">', "a src outside the page in <img>"),
        ('<img src="x.png">', "a src outside the page in <img>"),
        ("<img src>", "a src outside the page in <img>"),
        ('<img src="data:," srcset="x.png 2x">', "a srcset outside the page in <img>"),
        ('<img srcset="data:,a 1x, //example.org/x 2x">', "a srcset outside the page in <img>"),
        ('<video poster="//example.org/x">', "a poster outside the page in <video>"),
        ('<svg><image href="x.png"/></svg>', "a reference outside the page in <image>"),
        ('<a href="https://example.org">', "a link to elsewhere in <a>"),
        ('<a href="//example.org">', "a link to elsewhere in <a>"),
        ('<a href="\\\\\\\\example.org">', "a link to elsewhere in <a>"),
        ('<area href=" HTTPS://example.org">', "a link to elsewhere in <area>"),
    ],
)
def test_anything_live_is_found(live, found):
    assert any(found in problem for problem in scan_html(GOOD + live))


def test_links_of_the_author_pass():
    own = links_of('<a href="https://example.org/a?b=1&amp;c=2">x</a><a href="ftp://x">y</a><a href="x.html">z</a>')
    assert own == {"https://example.org/a?b=1&c=2"}
    assert scan_html(GOOD + '<a href="https://example.org/a?b=1&amp;c=2">x</a>', links=own) == []
    assert scan_html(GOOD + '<a href="https://example.org/b">x</a>', links=own) != []


def test_a_page_needs_our_policy():
    assert scan_html("<p>text</p>") == ["0 content security policies instead of one"]


# ---- rendering --------------------------------------------------------------------------------------------------


def render(folder: Path, *cells, verdict=None, name="02_x"):
    source = read_notebook(tiny.write(folder, name, *cells))
    notebook = clean_notebook(source.content, verdict=Verdict("ok"), shown={}, paths={})
    for number, cell in enumerate((c for c in notebook["cells"] if c["cell_type"] == "code"), start=1):
        cell["execution_count"] = number
    return render_notebook(notebook, source, verdict=verdict or Verdict("ok"), facts=FACTS)


def test_values_are_escaped_and_code_is_there_but_folded(tmp_path):
    page = render(tmp_path, tiny.code("if 1 < 2: print('<b>&')"), tiny.markdown("## Next"), tiny.code("x = 1"))
    assert "Tiny &amp; &lt;made&gt;" in page
    assert "if 1 &lt; 2: print('&lt;b&gt;&amp;')" in page
    assert page.count('<details class="fold">') == 2
    assert "Code [1]–[2]" in page
    assert scan_html(page) == []


def test_prose_about_results_goes_where_there_are_none(tmp_path):
    shows = tiny.code("1") | {"outputs": [{"output_type": "display_data", "metadata": {}, "data": {}}]}
    empty = [tiny.markdown("## Without", "with_results"), tiny.code("a = 1"), tiny.markdown("More", "with_results")]
    plain = [tiny.code("b = 1"), tiny.markdown("## Set up"), tiny.code("c = 1")]
    full = [tiny.markdown("## With", "with_results"), tiny.markdown("And so", "with_results"), shows]
    kept = [cell["source"] for cell in without_empty_sections([*empty, *plain, *full])]
    assert kept == ["a = 1", "b = 1", "## Set up", "c = 1", "## With", "And so", "1"]
    page = render(tmp_path, *empty, *plain)
    assert "Without" not in page
    assert "More" not in page
    assert "Set up</h2>" in page
    assert "Without</h2>" in render(tmp_path, *empty, *plain, verdict=Verdict("failed", "ZeroDivisionError", 4))


def test_a_skipped_notebook_shows_its_reason_and_not_its_sections(tmp_path):
    page = render(tmp_path, tiny.markdown("## A section"), verdict=Verdict("skipped", "No <surveys> here.", 2))
    assert "This notebook was skipped." in page
    assert "No &lt;surveys&gt; here." in page
    assert "A section" not in page


def test_a_failed_notebook_ends_where_it_failed(tmp_path):
    cells = [tiny.code("before = 1"), tiny.markdown("## Reached"), tiny.code("1 / 0"), tiny.markdown("## Not reached")]
    page = render(tmp_path, *cells, verdict=Verdict("failed", "ZeroDivisionError", 3))
    assert "This notebook failed in cell 3." in page
    assert "Reached</h2>" in page
    assert "Not reached" not in page
    assert "In short" not in page


def test_pictures_of_other_tools_get_an_alternative_text(tmp_path):
    source = read_notebook(tiny.write(tmp_path, "02_x", tiny.code("x")))
    notebook = clean_notebook(source.content, verdict=Verdict("ok"), shown={}, paths={})
    picture = {"output_type": "display_data", "data": {"image/png": "iVBORw0K\n"}, "metadata": {}}
    named = {**picture, "metadata": {"image/png": {"alt": "Bars <of> journeys"}}}
    notebook["cells"][-1]["outputs"] = [picture, named]
    page = render_notebook(notebook, source, verdict=Verdict("ok"), facts=FACTS)
    assert re.findall(r'<img[^>]*alt="([^"]*)"', page) == ["Figure without a description", "Bars &lt;of&gt; journeys"]


@pytest.mark.parametrize(
    ("statuses", "problem", "sentence"),
    [
        (["ok", "ok"], "", "All 2 reports are complete."),
        (["ok", "skipped"], "", "1 of 2 reports are complete, 1 skipped."),
        (["ok", "lost"], "", "1 of 2 reports did not come to an end."),
        (["ok", "skipped"], "calls.csv is late", "The data are not fit for these reports."),
    ],
)
def test_the_index_says_how_the_run_ended(statuses, problem, sentence):
    outcomes = [Outcome(f"0{i}_x", f"Title {i} <b>", Verdict(s, "why <i>")) for i, s in enumerate(statuses)]
    page = render_index(outcomes, facts=FACTS, alerts=[], around=Surroundings(problem=problem))
    assert sentence in page
    assert problem in page
    assert "Title 0 &lt;b&gt;" in page
    assert "<i>" not in page
    assert scan_html(page) == []


# ---- whole reports ----------------------------------------------------------------------------------------------

PAGES = ["index.html", "01_journey_mapping.html", "02_fails.html"]


def test_the_same_run_twice_gives_the_same_bytes(reports):
    files = sorted(path.relative_to(reports.folder) for path in reports.folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(reports.again) for path in reports.again.rglob("*") if path.is_file())
    assert reports.folder.name == reports.again.name
    for file in files:
        if file.name not in ("run.log", "index.html"):  # they know the time
            assert (reports.folder / file).read_bytes() == (reports.again / file).read_bytes(), file


def test_nothing_published_names_the_machine(reports):
    files = [path for path in reports.folder.rglob("*") if path.is_file() and path.name != "run.log"]
    assert {*PAGES, "manifest.json", "results.json", "01_journey_mapping.ipynb"} <= {path.name for path in files}
    for path in files:
        text = path.read_text()
        assert str(reports.base) not in text, path
        assert str(Path.home()) + "/" not in text, path


def test_page_one_holds_what_was_moved_and_the_annex_links_to_it(reports):
    page = (reports.folder / "01_journey_mapping.html").read_text()
    one, annex = page.split('id="annex"')
    for words in ("23.1\u00a0% of 13 journeys are given up", "59.0\u00a0%", "12.4\u00a0days", "(first 7 of 9 rows)"):
        assert words in one
    assert "412 events lie outside journeys" in annex
    assert "23.1 % of 13 journeys" not in annex
    structure = Structure(page)
    inner = [link[1:] for link in structure.links if link.startswith("#")]
    assert {"finding-1", "finding-2", "finding-3", "tile-1", "tile-2", "tile-3", "figure-1", "figure-2"} <= set(inner)
    assert set(inner) <= set(structure.ids)
    for link in structure.links:
        if not link.startswith("#"):
            assert (reports.folder / link).is_file(), link


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_headings_hierarchical(reports, name):
    structure = Structure((reports.folder / name).read_text())
    assert len(structure.ids) == len(set(structure.ids)) > 0
    assert structure.levels[0] == 1
    assert structure.levels.count(1) == 1
    assert len(structure.levels) > 1
    steps = zip(structure.levels, structure.levels[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)


def test_parameters_and_provenance_come_last(reports):
    page = (reports.folder / "01_journey_mapping.html").read_text()
    last = page.split('aria-labelledby="s-parameters-and-provenance"')[1]
    assert "<code>dataset</code>" in last
    assert "0123456789abcdef" in last
    assert "folder of a data set" in last
    assert "only for the log" not in page
    assert "only for the log" not in (reports.folder / "run.log").read_text()
    private = reports.folder.parents[1] / ".logs" / reports.folder.name / "01_journey_mapping.log"
    assert "only for the log" in private.read_text()


# ---- in a browser -----------------------------------------------------------------------------------------------


def open_page(browser, path, **options):
    """Open a page; collects requests and what the browser complains about."""
    page = browser.new_page(**options)
    seen = SimpleNamespace(requests=[], complaints=[])
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.goto(path.as_uri())
    return page, seen


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing(browser, reports, name):
    page, seen = open_page(browser, reports.folder / name)
    others = [url for url in seen.requests[1:] if not url.startswith("data:")]
    assert others == []
    assert seen.complaints == []
    assert page.locator("img").count() == (3 if name.startswith("01") else 0)
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    page.close()


def test_the_policy_stops_a_script_that_got_in(browser, reports, tmp_path):
    text = (
        (reports.folder / "02_fails.html").read_text().replace("</main>", "<script>document.title='x'</script></main>")
    )
    (tmp_path / "live.html").write_text(text)
    page, seen = open_page(browser, tmp_path / "live.html")
    assert page.title() != "x"
    assert any("Content Security Policy" in complaint for complaint in seen.complaints)
    page.close()


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_wide_tables_scroll_by_themselves(browser, reports, name, width):
    page, _seen = open_page(browser, reports.folder / name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if name.startswith("01") and width == 375:
        assert page.evaluate("[...document.querySelectorAll('.cj-scroll')].some(t => t.scrollWidth > t.clientWidth)")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser, reports, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page, _seen = open_page(browser, reports.folder / name, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_the_code_can_be_unfolded_with_the_keyboard(browser, reports):
    page, _seen = open_page(browser, reports.folder / "01_journey_mapping.html")
    assert not page.locator("details pre").first.is_visible()
    page.locator("details summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details pre").first.is_visible()
    page.close()


def test_a_page_prints_on_paper_without_code(browser, reports):
    page, _seen = open_page(browser, reports.folder / "01_journey_mapping.html")
    page.emulate_media(media="print")
    assert not page.locator("details").first.is_visible()
    assert page.locator("h1").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12]", pdf)
    page.close()


def test_tables_sort_by_keyboard_and_say_so(browser, reports):
    page, seen = open_page(browser, reports.folder / "01_journey_mapping.html")
    table = page.locator("#table-1 table")
    buttons = table.locator("thead button")
    heading = table.locator("thead th").nth(4)
    column = "[...document.querySelectorAll('#table-1 tbody tr')].map(row => row.cells[4].textContent)"
    in_hours = {"min": 1 / 60, "h": 1, "days": 24}

    def read() -> list[float]:
        return [float(text.split()[0]) * in_hours[text.split()[1]] for text in page.evaluate(column)]

    buttons.nth(4).focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert read() == sorted(read())
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert read() == sorted(read(), reverse=True)
    buttons.nth(0).click()
    assert heading.get_attribute("aria-sort") is None
    names = table.locator("tbody th").all_inner_texts()
    assert names == sorted(names, key=str.lower)
    assert len(names) == 7
    assert (seen.requests[1:], seen.complaints) == ([], [])
    page.close()


def test_a_figure_opens_at_full_size_and_closes_by_keyboard(browser, reports):
    from axe_playwright_python.sync_playwright import Axe

    page, _seen = open_page(browser, reports.folder / "01_journey_mapping.html", bypass_csp=True)
    button = page.locator(".cj-figure .enlarge").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog.large")
    assert dialog.is_visible()
    natural = page.evaluate("document.querySelector('dialog img').naturalWidth")
    assert dialog.locator("img").bounding_box()["width"] == natural
    assert Axe().run(page).violations_count == 0
    page.keyboard.press("Escape")
    assert page.locator("dialog").count() == 0
    assert page.evaluate("document.activeElement.className") == "enlarge"
    page.close()


def edge_of(frame) -> int:
    """Darkest level of the right edge of an element, in its upper and lower corner where figures are white."""
    picture = Image.open(io.BytesIO(frame.screenshot())).convert("L")
    places = [(picture.width - 2, y) for y in (2, picture.height - 3)]
    return min(picture.getpixel(place) for place in places)


def test_text_in_figures_stays_readable_on_a_phone(browser, reports):
    page, _seen = open_page(browser, reports.folder / "01_journey_mapping.html", viewport={"width": 375, "height": 800})
    shown = page.evaluate(
        "[...document.querySelectorAll('.cj-figure img')].map(i => [i.clientWidth, +i.getAttribute('width')])"
    )
    assert shown
    assert all(width >= 0.8 * natural for width, natural in shown)
    assert page.evaluate("[...document.querySelectorAll('.frame')].some(f => f.scrollWidth > f.clientWidth)")
    frame = page.locator(".frame").first
    frame.scroll_into_view_if_needed()
    at_start = edge_of(frame)
    frame.evaluate("f => { f.scrollLeft = f.scrollWidth; }")
    assert at_start < edge_of(frame) == 255  # a shadow says that there is more, until there is no more
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()


def test_the_data_of_a_figure_are_a_file_beside_it(browser, reports):
    page, _seen = open_page(browser, reports.folder / "01_journey_mapping.html")
    links = page.locator(".cj-figure a.data").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert sorted(links) == [f"figures/01_journey_mapping/{name}.csv" for name in ("details", "outcomes", "over_time")]
    assert (reports.folder / links[0]).read_text().startswith("journey,outcome,n_journeys,share")
    page.close()


def test_no_figure_is_cut_by_a_page_of_paper(browser, reports):
    """A4 less its margins is 178 mm by 266 mm: every figure fits and may not be broken."""
    millimetre = 96 / 25.4
    width = int(178 * millimetre)
    page, _seen = open_page(
        browser, reports.folder / "01_journey_mapping.html", viewport={"width": width, "height": 900}
    )
    page.emulate_media(media="print")
    shown = page.evaluate(
        "[...document.querySelectorAll('figure')].map(f => [getComputedStyle(f).breakInside, f.offsetHeight])"
    )
    assert len(shown) == 3
    assert all(rule == "avoid" and height < 266 * millimetre for rule, height in shown)
    assert not page.locator(".enlarge").first.is_visible()
    page.close()


def test_the_keyboard_reaches_everything_that_can_be_used(browser, reports):
    page, _seen = open_page(browser, reports.folder / "01_journey_mapping.html")
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, summary, [tabindex=\"0\"]')]"
        ".filter(e => e.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached - {-1}) >= wanted
    page.close()
