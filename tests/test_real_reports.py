"""The real reports, as the run of the sample publishes them, in a browser: what no example page can show."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from test_html import open_page

from cj_helpers.runner.failure import note_failure
from cj_helpers.runner.market_overview import write_overview
from cj_helpers.runner.plan import Market

NAMES = (
    "index",
    "00_data_quality",
    "01_journey_mapping",
    "02_dropoff_survival",
    "03_nps_drivers",
    "04_churn",
    "05_priorities",
)
OTHERS = ("failure", "markets")
LARGEST = 2_000_000
FACTS = {"dataset": "Nordnetz (sample)", "key": "sample", "language": "en", "time_zone": "UTC", "currency": "EUR"}


@pytest.fixture(scope="module")
def pages(sample_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the sample run, and the two kinds that such a run does not write, with its numbers."""
    base = tmp_path_factory.mktemp("others")
    markets = [Market("country", value) for value in ("AT", "DE")]
    for market in markets:
        (base / market.name).mkdir()
        (base / market.name / "latest").symlink_to(sample_run)
    write_overview(base, markets, hidden=2, facts=FACTS)
    (base / "latest").symlink_to(sample_run)
    reasons = [("Run", "events: calls.csv is missing."), ("Where do journeys break?", "failed (KeyError)")]
    note_failure(base, facts=FACTS, reasons=reasons, place=base / "failed" / "x")
    found = {name: sample_run / f"{name}.html" for name in NAMES}
    return found | {"failure": base / "failure.html", "markets": base / "index.html"}


def test_every_report_of_the_run_is_looked_at(sample_run):
    assert sorted(path.stem for path in sample_run.glob("*.html")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_small_enough_to_send(pages, name):
    assert pages[name].stat().st_size < LARGEST


@pytest.mark.parametrize("name", NAMES[1:])
def test_every_figure_says_a_number_and_has_its_data_beside_it(pages, name):
    page = pages[name].read_text()
    alts = [unescape(alt) for alt in re.findall(r'<img[^>]* alt="([^"]*)"', page)]
    assert [alt for alt in alts if not re.search(r"\d", alt)] == []
    assert len(alts) == len(set(alts))
    links = re.findall(rf'href="(figures/{name}/[^"]+\.csv)"', page)
    assert len(links) == len(alts)
    assert all((pages[name].parent / link).is_file() for link in links)


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_a_real_page_is_accessible_fits_a_phone_and_asks_for_nothing(browser, pages, name):
    from axe_playwright_python.sync_playwright import Axe

    page, seen = open_page(browser, pages[name], viewport={"width": 375, "height": 800}, bypass_csp=True)
    assert [url for url in seen.requests[1:] if not url.startswith("data:")] == []
    assert seen.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()
