"""Words and units of the published reports of the sample, as a reader meets them."""

from __future__ import annotations

import re
from pathlib import Path

import churn_tables
import pandas as pd

from cj_helpers import plots


def rows(run: Path, report: str, caption: str) -> list[list[str]]:
    """Cells of the table with this caption on a published page."""
    page = (run / f"{report}.html").read_text(encoding="utf-8")
    table = re.search(rf"<caption>{caption}.*?<tbody>(.*?)</tbody>", page, flags=re.DOTALL)
    assert table, f"no table {caption!r} in {report}"
    found = re.findall(r"<tr.*?</tr>", table[1], flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in found]


def test_months_are_months(sample_run):
    months = [row[0] for row in rows(sample_run, "00_data_quality", "Invitations and how many")]
    assert months[0] == "2025-01"
    assert all(re.fullmatch(r"20\d\d-\d\d", month) for month in months)


def test_a_difference_of_exits_is_in_percentage_points(sample_run):
    shares = rows(sample_run, "04_churn", "Left within 90 days after a journey")
    gaps = rows(sample_run, "04_churn", "Left more often after giving up")
    assert {row[1] for row in shares} == {"given up", "completed"}
    assert all(row[1].endswith(" pp") and row[2].count(" pp") == 2 for row in gaps)
    table = pd.read_csv(sample_run / "tables" / "04_churn" / "exit_differences.csv").set_index("journey")
    whole = pd.read_csv(sample_run / "tables" / "04_churn" / "exits_after_journeys.csv")
    whole = whole.pivot_table(index="journey", columns="outcome", values="estimate")
    pd.testing.assert_series_equal(
        (whole["abandoned"] - whole["completed"])[table.index], table["difference"], check_names=False, atol=1e-9
    )


def test_with_contracts_there_is_no_section_without(sample_run):
    page = (sample_run / "04_churn.html").read_text(encoding="utf-8")
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert "What was known before" in headings
    assert "Customers without a contract" not in headings
    assert "first half of the time" not in page


def test_the_top_of_the_list_is_a_whole_number():
    texts = [text.get_text() for text in plots.plot_lift(churn_tables.lift()).texts]
    assert [text for text in texts if text.startswith("top 10 %: ")]
    assert not [text for text in texts if ".0 %:" in text]
