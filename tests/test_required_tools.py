"""The tools that some tests need: found, started, stopped; missing ones skip or fail as CJ_REQUIRE says."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest
from required_tools import missing, required

TEN_ROWS = pd.DataFrame({"segment": list("aaabbbbccc"), "wait": [1.0, 2.0, 6.0, 3.0, 3.0, 5.0, 7.0, 0.0, 4.0, 8.0]})
MEDIANS = {"a": 2.0, "b": 4.0, "c": 4.0}


def medians(connection: ibis.BaseBackend) -> dict[str, float]:
    rows = connection.create_table("ten_rows", TEN_ROWS, overwrite=True)
    result = rows.group_by("segment").agg(median=rows.wait.median()).execute()
    return dict(zip(result["segment"], result["median"], strict=True))


def test_medians_on_postgres(postgres):
    assert medians(postgres) == MEDIANS


def test_medians_on_spark(spark):
    assert medians(spark) == MEDIANS


def test_browser_renders_and_stays_offline(browser):
    page = browser.new_page()
    page.set_content("<h1>Report</h1>")
    assert page.inner_text("h1") == "Report"
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.org")
    page.close()


def test_missing_tool_skips(monkeypatch):
    monkeypatch.setenv("CJ_REQUIRE", "browser")
    with pytest.raises(pytest.skip.Exception, match="spark: no java"):
        missing("spark", "no java is on PATH")


def test_missing_tool_fails_when_required(monkeypatch):
    monkeypatch.setenv("CJ_REQUIRE", "browser, spark")
    with pytest.raises(pytest.fail.Exception, match="required by CJ_REQUIRE, but no java"):
        missing("spark", "no java is on PATH")


def test_unknown_required_tool_is_refused(monkeypatch):
    monkeypatch.setenv("CJ_REQUIRE", "browser,sparc")
    with pytest.raises(ValueError, match="names sparc; known are browser, spark, postgres"):
        required()
