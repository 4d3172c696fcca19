"""What a notebook hands over: one output per call, with data for machines and HTML for readers."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibis
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

from cj_helpers import report, text
from cj_helpers.contract import ConfigError, DataError, JourneyDefinition, MainNumber
from cj_helpers.dataset.schema import Privacy
from cj_helpers.dataset.schema_churn import Churn
from cj_helpers.report import state
from cj_helpers.text import csv_text

SCRIPTS = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><b>', "javascript:alert(1)", "a & b"]

pytestmark = pytest.mark.usefixtures("ipython_shell")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No run folder and no data set."""
    monkeypatch.delenv("CJ_OUT", raising=False)
    mpl.use("Agg")
    state.reset()
    yield
    state.reset()
    text.set_language("en")
    text.set_currency("")
    text.set_time_zone("UTC")
    text.set_wording({})


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a run sets."""
    folder = tmp_path / "out"
    monkeypatch.setenv("CJ_OUT", str(folder))
    return folder


def stand_in(**changes: Any) -> Any:
    """What `open_dataset` returns, as far as a report looks at it."""
    con = ibis.duckdb.connect()
    events = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "timestamp": pd.to_datetime(
                ["2026-01-01 08:00", "2026-01-02", "2026-01-03", "2026-03-31 20:00"], format="ISO8601"
            ),
            "touchpoint": ["start", "end", "start", "start"],
            "channel": ["web", "phone", "web", "app"],
            "row_number": [1, 2, 3, 4],
        }
    )
    customers = pd.DataFrame({"customer_id": ["a", "b", "c"], "tariff": ["x", "y", "y"]})
    quality = pd.DataFrame(
        {
            "table": ["events", "events", "surveys", "events"],
            "outcome": ["dropped", "dropped", "dropped", "repaired"],
            "n_rows": [2, 3, 100, 50],
        }
    )
    fields: dict[str, Any] = {
        "key": "tiny",
        "folder": Path("/data/tiny"),
        "name": "Tiny <b>& co</b>",
        "con": con,
        "events": con.create_table("e", events),
        "surveys": None,
        "customers": con.create_table("c", customers),
        "journeys": {
            "repair": JourneyDefinition("repair", "Internet back"),
            "order": JourneyDefinition("order", "Buy"),
        },
        "as_of": pd.Timestamp("2026-03-31 21:59:59.999999"),
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "language": "en",
        "public": False,
        "min_group": 10,
        "quality": quality,
        "inputs": [
            {"path": "events.csv", "sha256": "0123456789abcdef" * 4, "rows": 1234},
            {"path": "/home/someone/secret/x.csv", "sha256": "f" * 64},
        ],
        "fingerprint": "ab" * 32,
        "config": SimpleNamespace(privacy=Privacy(pseudonym_key_env="CJ_TEST_KEY"), churn=Churn()),
    }
    return SimpleNamespace(**(fields | changes))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`opened(public=True)` lets report.open find such a data set."""

    def serve(**changes: Any) -> Any:
        data = stand_in(**changes)
        monkeypatch.setattr("cj_helpers.dataset.open_dataset", lambda path, *, as_of="", strict=True: data)
        return data

    return serve


def shown(function: Any, *arguments: Any, **options: Any) -> Any:
    """The one output of a call."""
    with capture_output() as captured:
        assert function(*arguments, **options) is None
    assert len(captured.outputs) == 1
    assert captured.stdout == captured.stderr == ""
    return captured.outputs[0]


def bundle(output: Any) -> dict[str, Any]:
    payload = output.data[report.MIME_TYPE]
    assert payload["version"] == 1
    json.dumps(payload, allow_nan=False)  # strict JSON
    return payload


class Reader(HTMLParser):
    """Elements, attributes and texts of a fragment; refuses what is not well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[list[str]] = []
        self.caption = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.cells.append([])
        if tag in ("th", "td"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "caption" in self._open:
            self.caption += data
        elif self._open and self._open[-1] in ("th", "td"):
            self.cells[-1][-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def html_of(output: Any) -> Reader:
    html = output.data["text/html"]
    reader = Reader(html)
    known = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "strong", "span", "style"}
    assert {tag for tag, _ in reader.tags} <= known
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert "0x" not in html  # no addresses of objects
    return reader


OUTCOMES = pd.DataFrame(
    {"outcome": ["completed", "abandoned", "open"], "n_journeys": [70, 30, 30], "share": [7 / 13, 3 / 13, math.nan]}
)


# --- tables


def test_a_table_for_readers_and_machines() -> None:
    output = shown(report.show, "outcomes", OUTCOMES, "How {n:count} journeys ended", n=1300)
    payload = bundle(output)
    assert payload["kind"] == "table"
    assert payload["caption"] == "How 1,300 journeys ended"
    assert payload["columns"] == [
        {"name": "outcome", "label": "Outcome", "kind": "text"},
        {"name": "n_journeys", "label": "Journeys", "kind": "count"},
        {"name": "share", "label": "Share", "kind": "percent"},
    ]
    assert payload["rows"] == [["completed", 70, 0.5384615385], ["abandoned", 30, 0.2307692308], ["open", 30, None]]
    assert (payload["n_rows"], payload["n_displayed"], payload["truncated"]) == (3, 3, False)
    assert (payload["external"], payload["file"], payload["suppressed"]) == (False, "", 0)
    reader = html_of(output)
    assert reader.caption == "How 1,300 journeys ended"
    assert reader.cells == [
        ["Outcome", "Journeys", "Share"],
        ["completed", "70", "53.8 %"],
        ["given up", "30", "23.1 %"],
        ["open", "30", "n/a"],
    ]
    assert [cell.get("scope") for cell in reader.of("th")] == ["col"] * 3 + ["row"] * 3
    assert [cell.get("class") for cell in reader.of("td")] == ["num"] * 6
    assert output.data["text/plain"].splitlines()[:2] == ["How 1,300 journeys ended", "Outcome    Journeys  Share"]


def test_the_digest_is_that_of_the_csv() -> None:
    payload = bundle(shown(report.show, "t", OUTCOMES.assign(note="=1+1"), "T"))
    csv_file = csv_text([column["name"] for column in payload["columns"]], payload["rows"])
    assert payload["sha256"] == hashlib.sha256(csv_file.encode()).hexdigest()
    assert csv_file.splitlines()[1] == "completed,70,0.5384615385,'=1+1"


def test_the_same_table_gives_the_same_output() -> None:
    first, second = (shown(report.show, f"t{i}", OUTCOMES, "T") for i in (1, 2))
    assert first.data["text/html"] == second.data["text/html"]
    assert bundle(first) | {"name": ""} == bundle(second) | {"name": ""}


def test_the_table_given_is_not_changed() -> None:
    table = OUTCOMES.copy(deep=True)
    shown(report.show, "t", table, "T")
    pd.testing.assert_frame_equal(table, OUTCOMES)


def test_an_interval_is_one_cell_of_the_kind_of_its_estimate() -> None:
    table = pd.DataFrame(
        {
            "segment": ["all", "b"],
            "estimate": [39.8, math.nan],
            "conf_low": [38, math.nan],
            "conf_high": [41.6, math.nan],
        }
    )
    output = shown(report.show, "t", table, "T", kinds={"estimate": "points"})
    assert html_of(output).cells == [
        ["Segment", "Estimate", "95 % interval"],
        ["all", "39.8", "38.0 to 41.6"],
        ["b", "n/a", "n/a"],
    ]
    assert [column["kind"] for column in bundle(output)["columns"]] == ["text", "points", "points", "points"]
    assert [attributes.get("class") for attributes in html_of(output).of("tr")] == [None, "cj-total", None]
    alone = shown(report.show, "u", table, "T", columns=["segment", "conf_low"])
    assert html_of(alone).cells[1] == ["all", "38.0"]


def test_values_that_json_cannot_hold() -> None:
    table = pd.DataFrame(
        {
            "x": [math.nan, math.inf, -math.inf, 1 / 3, -0.0],
            "n_things": [2**60, -(2**60), 2**53, 0, 1],
            "journey_id": [1.0, math.nan, 3.0, 2.0**60, 5.0],
            "at": pd.to_datetime(
                ["2026-01-01 12:00", None, "2026-01-02", "1999-12-31 23:59:59", "2026-01-01"], format="ISO8601"
            ),
            "timestamp": pd.to_datetime(["2026-07-01 12:00Z"] * 5).tz_convert("Europe/Berlin"),
            "flag": [True, False, None, True, False],
            "gap": pd.to_timedelta([1, 2, None, 0.5, 0], unit="D"),
            "wait_median_hours": pd.to_timedelta([1, 2, None, 0.5, 0], unit="D"),
        }
    )
    payload = bundle(shown(report.show, "t", table, "T"))
    kinds = {column["name"]: column["kind"] for column in payload["columns"]}
    assert kinds == {
        "x": "number",
        "n_things": "count",
        "journey_id": "id",
        "at": "datetime",
        "timestamp": "datetime",
        "flag": "text",
        "gap": "days",
        "wait_median_hours": "hours",
    }
    columns = dict(zip(kinds, zip(*payload["rows"], strict=True), strict=True))
    assert columns["x"] == (None, None, None, 0.3333333333, 0.0)
    assert math.copysign(1, columns["x"][4]) == 1
    assert columns["n_things"] == (str(2**60), str(-(2**60)), 2**53, 0, 1)
    assert columns["journey_id"][:3] == ("1", None, "3")
    assert columns["at"][:3] == ("2026-01-01T12:00:00Z", None, "2026-01-02T00:00:00Z")
    assert columns["timestamp"][0] == "2026-07-01T12:00:00Z"
    assert columns["flag"] == (True, False, None, True, False)
    assert columns["gap"] == (1.0, 2.0, None, 0.5, 0.0)
    assert columns["wait_median_hours"] == (24.0, 48.0, None, 12.0, 0.0)


def test_names_do_not_force_a_kind_on_other_values() -> None:
    table = pd.DataFrame(
        {
            "share": ["high", "low"],
            "day": [1, 2],
            "started_at": ["<script>", "2026-01-01"],
            "stage": [1, 2],
            "n_rows": pd.Categorical(["a", "b"]),
            "whatever": ["x", 5],
            "last": [pd.NaT, pd.NaT],
        }
    )
    output = shown(report.show, "t", table, "T")
    kinds = {column["name"]: column["kind"] for column in bundle(output)["columns"]}
    assert kinds == {
        "share": "text",
        "day": "count",
        "started_at": "text",
        "stage": "text",
        "n_rows": "text",
        "whatever": "text",
        "last": "datetime",
    }
    assert html_of(output).cells[1] == ["high", "1", "<script>", "1", "a", "x", "n/a"]


def test_journeys_and_fixed_values_are_shown_in_words() -> None:
    state.begin(stand_in(public=True))
    table = pd.DataFrame({"journey": ["repair", "gone"], "source": ["start"] * 2, "target": ["(abandoned)", "end"]})
    output = shown(report.show, "t", table, "T")
    assert html_of(output).cells == [
        ["Journey", "From", "To"],
        ["Internet back", "start", "(given up)"],
        ["gone", "start", "end"],
    ]
    assert bundle(output)["rows"][0] == ["repair", "start", "(abandoned)"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_in_data_stay_text(script: str) -> None:
    table = pd.DataFrame({"segment": [script], script: [script], "share": [0.5]})
    output = shown(report.show, "t", table, "About {what}", what=script)
    reader = html_of(output)
    assert reader.caption == f"About {script}"
    assert reader.cells == [["Segment", script, "Share"], [script, script, "50.0 %"]]
    assert bundle(output)["rows"] == [[script, script, 0.5]]


@settings(max_examples=50)
@given(st.lists(st.text(), min_size=1, max_size=3))
def test_any_text_reads_back_from_the_html(values: list[str]) -> None:
    state.reset()
    output = shown(report.show, "t", pd.DataFrame({"stage": values}), "T")
    plain = [re.sub("\r\n?", "\n", value) for value in values]
    found = [re.sub("\r\n?", "\n", row[0]) for row in html_of(output).cells[1:]]
    assert [x.replace("\x00", "\ufffd") for x in found] == [x.replace("\x00", "\ufffd") for x in plain]


def test_an_empty_table_says_so() -> None:
    output = shown(report.show, "t", OUTCOMES.head(0), "T")
    payload = bundle(output)
    assert (payload["rows"], payload["n_rows"]) == ([], 0)
    assert "There are no rows." in output.data["text/html"]
    assert html_of(output).cells == [["Outcome", "Journeys", "Share"]]


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "columns a occur more than once"),
        (pd.DataFrame([[1, 2]]), ValueError, "every column needs one name of text"),
        (pd.DataFrame(), ValueError, "there are no columns"),
        (OUTCOMES.set_index("outcome"), ValueError, r"would be lost; call \.reset_index\(\) first"),
        ([1, 2], TypeError, "a pandas DataFrame was expected, not list"),
        (ibis.memtable({"a": [1]}), TypeError, r"call \.to_pandas\(\) first"),
    ],
)
def test_what_is_no_result_table_is_refused(table: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        report.show("t", table, "T")


def test_misspelt_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no placeholder for \['page_on'\]"):
        report.show("t", OUTCOMES, "T", page_on=True)
    with pytest.raises(ValueError, match=r"columns \['shares'\] are not among \['outcome'"):
        report.show("t", OUTCOMES, "T", columns=["outcome", "shares"])
    with pytest.raises(ValueError, match="size_col 'n' is not one of its columns"):
        report.show("t", OUTCOMES, "T", size_col="n")
    with pytest.raises(ValueError, match="kinds: 'shares': 'percent' is not a column"):
        report.show("t", OUTCOMES, "T", kinds={"shares": "percent"})
    with pytest.raises(ValueError, match="kinds: 'share': 'pct' is not a column of the table with a kind of percent"):
        report.show("t", OUTCOMES, "T", kinds={"share": "pct"})


def test_at_most_eight_columns_are_displayed_and_all_are_kept() -> None:
    wide = pd.DataFrame(
        {f"c{i}": ["x"] for i in range(8)} | {"std_error": [0.1], "conf_low": [0.1], "conf_high": [0.2]}
    )
    output = shown(report.show, "t", wide, "T")
    assert len(html_of(output).cells[0]) == 8
    assert "Columns shown: 8 of 11; the data file has all." in output.data["text/html"]
    assert len(bundle(output)["rows"][0]) == 11
    chosen = [f"c{i}" for i in range(7)] + ["conf_low", "conf_high"]
    picked = shown(report.show, "u", wide, "T", columns=chosen)
    assert bundle(picked)["displayed"] == chosen
    assert html_of(picked).cells[0][-1] == "95 % interval"
    with pytest.raises(ValueError, match="9 columns to display; at most 8 fit"):
        report.show("v", wide, "T", columns=[*chosen, "c7"])


def test_the_least_telling_columns_leave_first() -> None:
    table = pd.DataFrame({"std_error": [1.0]} | {f"c{i}": ["x"] for i in range(8)})
    assert bundle(shown(report.show, "t", table, "T"))["displayed"] == [f"c{i}" for i in range(8)]


# --- large tables


def long_table(n: int) -> pd.DataFrame:
    return pd.DataFrame({"stage": [f"stage {i}" for i in range(n)], "n_visits": range(n)})


def test_up_to_two_hundred_rows_are_displayed() -> None:
    output = shown(report.show, "t", long_table(1000), "T")
    payload = bundle(output)
    assert (payload["n_rows"], payload["n_displayed"], payload["truncated"]) == (1000, 200, True)
    assert (payload["external"], len(payload["rows"])) == (False, 1000)
    assert len(html_of(output).cells) == 201
    assert "Rows shown: 200 of 1,000; the data file has all." in output.data["text/html"]
    assert bundle(shown(report.show, "u", long_table(200), "T"))["truncated"] is False


def test_a_folded_table_opens_on_demand():
    table = pd.DataFrame({"segment": ["a"], "n": [1_000]})
    html = shown(report.show, "folded", table, "Every <move>", folded=True).data["text/html"]
    assert html.startswith('<details class="fold"><summary>Every &lt;move&gt;</summary>')
    assert html.endswith("</details>")
    plain = shown(report.show, "open", table, "Every <move>").data["text/html"]
    assert plain in html


def test_a_large_table_goes_to_the_folder_of_the_run(out: Path) -> None:
    payload = bundle(shown(report.show, "long_one", long_table(10_000), "T", page_one=True))
    assert (payload["external"], payload["rows"], payload["n_rows"]) == (True, [], 10_000)
    assert (payload["file"], payload["page_one"]) == ("long_one.csv", True)
    written = (out / "long_one.csv").read_bytes()
    assert hashlib.sha256(written).hexdigest() == payload["sha256"]
    assert len(written.splitlines()) == 10_001
    assert written.splitlines()[-1] == b"stage 9999,9999"
    assert [path.name for path in out.iterdir()] == ["long_one.csv"]  # nothing half-written beside it


def test_a_large_table_outside_a_run_keeps_its_size_and_digest() -> None:
    output = shown(report.show, "t", long_table(10_000), "T")
    payload = bundle(output)
    assert (payload["external"], payload["rows"], payload["file"], payload["n_rows"]) == (True, [], "", 10_000)
    assert "too large for this document" in output.data["text/html"]
    assert len(html_of(output).cells) == 201
    assert len(json.dumps(payload)) < 2_000


def test_few_rows_of_much_text_are_large_too(out: Path) -> None:
    table = pd.DataFrame({"stage": ["ä" * 60_000] * 2})
    payload = bundle(shown(report.show, "t", table, "T"))
    assert payload["external"] is True  # 240 kB in UTF-8, half of that in characters
    assert (out / "t.csv").stat().st_size > 200_000


def test_a_failed_write_leaves_the_old_file(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out.mkdir()
    (out / "t.csv").write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        report.show("t", long_table(1001), "T")
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("t.csv", "old")]


# --- names


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "x" * 65, "ü", "a.csv", "a\n", "-\x00"])
def test_names_that_are_no_file_names_are_refused(name: str, out: Path) -> None:
    fig = Figure()
    for call in (
        lambda: report.show(name, OUTCOMES, "T"),
        lambda: report.metric(name, 0.5, label="L"),
        lambda: report.figure(name, fig, "A"),
        lambda: report.not_estimable(name, "R"),
    ):
        with pytest.raises(ValueError, match="a name has 1 to 64 letters"):
            call()
    assert not out.exists()


def test_a_name_is_used_once_in_a_run(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(report.show, "x", OUTCOMES, "T")
    shown(report.figure, "x", Figure(), "Alt")  # figures and tables have names of their own
    shown(report.metric, "x", 0.5, label="L")
    shown(report.metric, "x", 0.5, label="L", segment="North")
    shown(report.metric, "x", 0.5, label="L", journey="repair")
    monkeypatch.setattr(InteractiveShell.instance(), "execution_count", 99)
    with pytest.raises(ValueError, match="table 'x' exists already in this notebook"):
        report.show("x", OUTCOMES, "T")
    with pytest.raises(ValueError, match="figure 'x' exists already"):
        report.figure("x", Figure(), "Alt")
    with pytest.raises(ValueError, match="metric 'repair/all/x' exists already"):
        report.metric("x", 0.5, label="L", journey="repair")


def test_a_cell_may_run_again_in_jupyterlab(monkeypatch: pytest.MonkeyPatch) -> None:
    shown(report.show, "x", OUTCOMES, "T")
    with pytest.raises(ValueError, match="exists already"):
        report.show("x", OUTCOMES, "T")  # twice in one execution is a mistake anywhere
    monkeypatch.setattr(InteractiveShell.instance(), "execution_count", 99)
    shown(report.show, "x", OUTCOMES, "T")


def test_a_refused_table_does_not_use_up_its_name(out: Path) -> None:
    with pytest.raises(ValueError, match="not among"):
        report.show("x", OUTCOMES, "T", columns=["nope"])
    shown(report.show, "x", OUTCOMES, "T")


# --- suppression


SEGMENTS = pd.DataFrame({"segment": ["all", "a", "b", "c", "d"], "n": [204, 4, 100, 60, 40], "share": [0.5] * 5})


def test_small_groups_leave_tables_of_data_that_is_not_public() -> None:
    state.begin(stand_in())
    output = shown(report.show, "t", SEGMENTS, "T")
    payload = bundle(output)
    kept = [row[0] for row in payload["rows"]]
    assert "a" not in kept
    assert "all" in kept
    assert payload["suppressed"] == len(SEGMENTS) - len(kept)
    assert payload["size_col"] == "n"
    note = f"rows with fewer than 10 customers, or from which those could be worked out ({payload['suppressed']})."
    assert note in output.data["text/html"]
    assert '"a"' not in json.dumps(payload["rows"])


def test_public_data_is_shown_whole() -> None:
    state.begin(stand_in(public=True))
    payload = bundle(shown(report.show, "t", SEGMENTS, "T"))
    assert (payload["n_rows"], payload["suppressed"]) == (5, 0)


def test_nothing_is_public_before_a_data_set_is_open() -> None:
    assert bundle(shown(report.show, "t", SEGMENTS, "T"))["suppressed"] >= 1


def test_the_size_column_is_the_most_telling_or_the_given() -> None:
    table = pd.DataFrame({"stage": ["x", "y"], "n_journeys": [50, 60], "n_customers": [5, 60], "n_visits": [80, 7]})
    assert bundle(shown(report.show, "t", table, "T"))["rows"] == [["y", 60, 60, 7]]
    assert bundle(shown(report.show, "u", table, "T", size_col="n_visits"))["rows"] == []  # each counts too few of one
    assert bundle(shown(report.show, "w", table, "T", size_col="n_journeys"))["rows"] == [["y", 60, 60, 7]]
    untold = pd.DataFrame({"stage": ["x"], "share": [0.5]})
    assert bundle(shown(report.show, "v", untold, "T"))["size_col"] == ""


def test_small_groups_leave_large_tables_and_their_files_too(out: Path) -> None:
    table = pd.DataFrame({"stage": [f"s{i}" for i in range(3000)], "n_customers": [3, 30] * 1500})
    payload = bundle(shown(report.show, "t", table, "T"))
    assert (payload["n_rows"], payload["suppressed"]) == (1500, 1500)
    assert ",3\n" not in (out / "t.csv").read_text()


def test_small_groups_leave_metrics() -> None:
    state.begin(stand_in())
    output = shown(report.metric, "m", 0.25, label="L", conf_low=0.1, conf_high=0.5, n=9, tile=True)
    payload = bundle(output)
    assert payload["suppressed"] is True
    assert [payload[key] for key in ("estimate", "conf_low", "conf_high", "n")] == [None] * 4
    assert "25" not in output.data["text/html"] + output.data["text/plain"]
    assert "not shown for fewer than 10 customers" in output.data["text/html"]
    assert bundle(shown(report.metric, "m2", 0.25, label="L", n=10))["estimate"] == 0.25
    assert bundle(shown(report.not_estimable, "x", "too few", n=9))["n"] is None
    state.begin(stand_in(public=True))
    assert bundle(shown(report.metric, "m", 0.25, label="L", n=9))["n"] == 9


# --- metrics, findings, what could not be estimated


def test_a_metric_states_number_interval_and_size() -> None:
    state.begin(stand_in())
    output = shown(
        report.metric,
        "completed_within",
        0.5887,
        label="Completed within {days:days}",
        note="All started journeys",
        days=14,
        conf_low=0.56,
        conf_high=0.618,
        n=1234,
        journey="repair",
        segment="North",
    )
    payload = bundle(output)
    assert {key: payload[key] for key in ("journey", "name", "segment", "estimate", "n", "unit")} == {
        "journey": "repair",
        "name": "completed_within",
        "segment": "North",
        "estimate": 0.5887,
        "n": 1234,
        "unit": "percent",
    }
    assert payload["display"] == {
        "estimate": "58.9 %",
        "interval": "56.0 % to 61.8 %",
        "n": "1,234",
        "journey": "Internet back",
        "segment": "North",
    }
    details = "Internet back, North; 95 % interval 56.0 % to 61.8 %; n = 1,234; All started journeys"
    assert output.data["text/plain"] == f"Completed within 14 days: 58.9 % ({details})"
    assert [attributes["class"] for attributes in html_of(output).of("p")] == ["cj-metric"]


def test_labels_and_reasons_may_name_the_size() -> None:
    state.begin(stand_in())
    large = shown(report.metric, "m", 0.5, label="Of {n:count} {what}", what="answers", n=1234, note="n is {n:count}")
    assert (bundle(large)["label"], bundle(large)["note"]) == ("Of 1,234 answers", "n is 1,234")
    small = shown(report.metric, "m", 0.5, label="Of {n:count} {what}", what="answers", n=9, segment="North")
    assert bundle(small)["label"] == "Of n/a answers"
    reason = shown(report.not_estimable, "x", "only {n:count} answers", n=12)
    assert bundle(reason)["text"] == "only 12 answers"


def test_a_tile_is_a_tile() -> None:
    output = shown(report.metric, "nps", -5.2, label="NPS", unit="points", conf_low=-7, conf_high=-3, n=200, tile=True)
    assert output.data["text/html"] == (
        '<div class="cj-tile"><p class="cj-tile-label">NPS</p><p class="cj-tile-value">-5.2</p>'
        '<p class="cj-note">95 % interval -7.0 to -3.0; n = 200</p></div>'
    )


def test_a_metric_may_be_unknown() -> None:
    output = shown(report.metric, "m", math.nan, label="L", n=None)
    assert bundle(output)["estimate"] is None
    assert output.data["text/plain"] == "L: n/a"
    bundle(shown(report.metric, "m2", 0.5, label="L", conf_low=math.nan, conf_high=math.nan))
    open_ended = bundle(shown(report.metric, "m3", 12.0, unit="days", label="L", conf_low=8.0, conf_high=math.inf))
    assert (open_ended["conf_high"], open_ended["display"]["interval"]) == (None, "8.0 days to n/a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conf_low": 0.6, "conf_high": 0.7}, "found conf_low 0.6, estimate 0.5, conf_high 0.7; they must be in this"),
        ({"conf_low": 0.3, "conf_high": 0.4}, "must be in this order"),
        ({"conf_low": 0.3}, "give conf_low and conf_high, or none"),
        ({"unit": "pct"}, "unit 'pct' is unknown; one of percent"),
        ({"unit": "date"}, "unit 'date' is unknown"),
        ({"tiles": True}, "tiles: neither an option nor a placeholder"),
    ],
)
def test_wrong_metrics_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        report.metric("m", 0.5, label="L", **options)


def test_rounding_noise_does_not_break_an_interval() -> None:
    shown(report.metric, "m", 0.1 + 0.2, label="L", conf_low=0.3, conf_high=0.3)


@pytest.mark.parametrize(("level", "word"), [("info", "Finding"), ("warning", "Warning"), ("critical", "Critical")])
def test_a_finding_is_a_sentence_with_a_level(level: str, word: str) -> None:
    output = shown(report.finding, "{share:percent} at {where}", level, 2, share=0.2, where="<script>")
    assert bundle(output) == {
        "kind": "finding",
        "version": 1,
        "text": "20.0 % at <script>",
        "level": level,
        "weight": 2.0,
    }
    assert output.data["text/html"] == (
        f'<p class="cj-finding cj-{level}"><strong class="cj-level">{word}:</strong> 20.0 % at &lt;script&gt;</p>'
    )


def test_wrong_findings_are_refused() -> None:
    with pytest.raises(ValueError, match="level 'severe' is unknown; one of info, warning, critical"):
        report.finding("x", "severe", 1)
    for weight in (math.nan, None, "3"):
        with pytest.raises(ValueError, match="is not a number; the three highest open the report"):
            report.finding("x", "info", weight)  # type: ignore[arg-type]


def test_a_section_may_be_not_estimable() -> None:
    output = shown(report.not_estimable, "model", "only {n_events:count} left", n=120, n_events=0)
    assert bundle(output) == {"kind": "not_estimable", "version": 1, "name": "model", "text": "only 0 left", "n": 120}
    assert output.data["text/plain"] == "Not estimable: only 0 left (n = 120)"


# --- figures


def drawing() -> Figure:
    fig, axes = plt.subplots(figsize=(6, 3))
    axes.plot([1, 2, 3])
    axes.set_title("x < 3")
    return fig


def test_a_figure_has_an_alternative_text_and_is_closed() -> None:
    fig = drawing()
    output = shown(report.figure, "f", fig, "Line: {n:count} points <b>", n=3, page_one=True, caption="Cap {n:count}")
    payload = bundle(output)
    assert (payload["kind"], payload["name"], payload["page_one"]) == ("figure", "f", True)
    assert (payload["alt"], payload["caption"]) == ("Line: 3 points <b>", "Cap 3")
    assert output.metadata["image/png"]["alt"] == "Line: 3 points <b>"
    assert output.metadata["image/png"]["width"] == round(payload["width"] * 96 / 150)
    assert 500 < payload["width"] < 1000
    assert "text/html" not in output.data
    assert not plt.fignum_exists(fig.number)


def test_a_figure_carries_its_data_and_its_main_number(out: Path) -> None:
    fig = drawing()
    fig.cj_data = OUTCOMES.rename_axis("row")  # as the plot functions leave it
    output = shown(report.figure, "f", fig, "Bars of outcomes.")
    payload = bundle(output)
    assert payload["alt"] == "Bars of outcomes. Largest share: 53.8 % (completed)."
    assert output.metadata["image/png"]["alt"] == payload["alt"]
    names = [column["name"] for column in payload["data"]["columns"]]
    assert names == ["row", "outcome", "n_journeys", "share"]
    assert len(payload["data"]["rows"]) == 3
    given = bundle(shown(report.figure, "g", drawing(), "Line to {n:count}", n=3, data=pd.DataFrame({"n": [19]})))
    assert given["alt"] == "Line to 3"
    assert given["data"]["rows"] == [[19]]
    large = pd.DataFrame({"day": range(1500), "share": 0.5})
    far = bundle(shown(report.figure, "h", drawing(), "Alt", data=large))["data"]
    assert (far["rows"], far["file"]) == ([], "figures/h.csv")
    assert len((out / "figures" / "h.csv").read_text().splitlines()) == 1501


@pytest.mark.parametrize(
    ("main", "sentence"),
    [
        (MainNumber("share", about=("step",)), "Largest share: 90.0 % (a)."),
        (MainNumber("share", "smallest", ("step",)), "Smallest share: 10.0 % (c)."),
        (MainNumber("share", "last"), "Last share: 10.0 %."),
        (MainNumber("loss", "extreme", ("step",), kind="points"), "Most striking loss: -9.0 (b)."),
        (MainNumber("hazard_ratio", "extreme", ("step",)), "Most striking hazard ratio: 0.25 (c)."),
        (MainNumber("log", "exp", words="ratio"), "Most striking ratio: 0.50."),
        (MainNumber("share", where={"step": "b"}, words="part done"), "Largest part done: 40.0 %."),
        (
            MainNumber("share", "smallest", ("time_days",), time="time_days", until=8.0),
            "Smallest share: 40.0 % (7 days).",
        ),
        (MainNumber("share", where={"step": "nowhere"}), "Largest share: 90.0 %."),
        (MainNumber("absent"), ""),
    ],
)
def test_the_main_number_is_the_one_that_the_plot_declares(main: MainNumber, sentence: str) -> None:
    table = pd.DataFrame(
        {
            "step": ["a", "b", "c"],
            "time_days": [1, 7, 9],
            "share": [0.9, 0.4, 0.1],
            "loss": [3.0, -9.0, 5.0],
            "hazard_ratio": [1.1, 2.0, 0.25],
            "log": [0.1, math.log(0.5), 0.2],
        }
    )
    fig = drawing()
    fig.cj_data, fig.cj_main = table, main
    alt = bundle(shown(report.figure, "f", fig, "Bars"))["alt"]
    assert alt == (f"Bars. {sentence}" if sentence else "Bars")


def test_a_figure_of_a_small_group_is_left_out() -> None:
    fig, other = drawing(), drawing()
    table = pd.DataFrame({"step": ["a", "b"], "share": [0.9, 0.4], "n": [3, 500]})
    fig.cj_data, fig.cj_main = table, MainNumber("share", about=("step",))
    for output in (shown(report.figure, "f", fig, "Bars."), shown(report.figure, "g", other, "Bars.", data=table)):
        assert "image/png" not in output.data
        assert bundle(output)["text"] == "the picture would show groups of fewer than 10 customers"
    assert plt.get_fignums() == []
    state.begin(stand_in(public=True))
    assert bundle(shown(report.figure, "f", fig, "Bars."))["alt"] == "Bars. Largest share: 90.0 % (a)."


def test_a_figure_is_the_same_file_every_time() -> None:
    first, second = (shown(report.figure, f"f{i}", drawing(), "Alt").data["image/png"] for i in (1, 2))
    assert first == second
    png = BytesIO(first)
    assert png.read(8) == b"\x89PNG\r\n\x1a\n"
    assert not {b"tEXt", b"tIME", b"iTXt"} & {first[at : at + 4] for at in range(len(first))}
    assert b"pHYs" in first  # the size on paper


def test_axes_will_do_and_other_things_will_not() -> None:
    shown(report.figure, "f", drawing().axes[0], "Alt")
    with pytest.raises(TypeError, match="a matplotlib Figure was expected, not str"):
        report.figure("g", "fig", "Alt")  # type: ignore[arg-type]
    for alt in ("", "  "):
        with pytest.raises(ValueError, match="alt is empty; say in words what the figure shows"):
            report.figure("g", Figure(), alt)
    with pytest.raises(ValueError, match="n: neither an option nor a placeholder"):
        report.figure("g", Figure(), "Alt", n=3)


# --- export


ROWS = pd.DataFrame({"customer_id": ["p1", "=cmd()"], "risk": [0.5, 0.25]})


def test_row_level_data_goes_to_a_private_file_only(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.begin(stand_in())
    monkeypatch.setenv("CJ_TEST_KEY", "secret")
    output = shown(report.export, "contacts", ROWS)
    payload = bundle(output)
    assert (payload["kind"], payload["n_rows"], payload["file"]) == ("export", 2, "export/contacts.csv")
    target = out / "export" / "contacts.csv"
    assert target.read_text() == "customer_id,risk\np1,0.5\n'=cmd(),0.25\n"
    assert payload["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    everything = json.dumps(output.data)
    assert "p1" not in everything
    assert "secret" not in everything


def test_an_export_is_refused_without_a_key(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CJ_TEST_KEY", raising=False)
    with pytest.raises(ConfigError, match="export 'contacts': open a data set first"):
        report.export("contacts", ROWS)
    state.begin(stand_in())
    with pytest.raises(ConfigError, match="the environment variable CJ_TEST_KEY is not set"):
        report.export("contacts", ROWS)
    monkeypatch.setenv("CJ_TEST_KEY", "")
    with pytest.raises(ConfigError, match="CJ_TEST_KEY is not set"):
        report.export("contacts", ROWS)
    state.begin(stand_in(config=SimpleNamespace(privacy=Privacy())))
    with pytest.raises(ConfigError, match=r"privacy: pseudonym_key_env: CJ_KEY\), or declare the data public"):
        report.export("contacts", ROWS)
    assert not out.exists()


def test_a_private_file_may_hold_the_key_and_the_report_names_the_key_by_its_id(out: Path, tmp_path: Path) -> None:
    private = Privacy(pseudonym_key_file="secret.key")
    state.begin(stand_in(config=SimpleNamespace(privacy=private), folder=tmp_path))
    with pytest.raises(ConfigError, match=r"the file that privacy.pseudonym_key_file names holds no key"):
        report.export("contacts", ROWS)
    (tmp_path / "secret.key").write_text("0123456789abcdef\n")
    (tmp_path / "secret.key").chmod(0o644)
    assert "others may read secret.key" in report.export_refusal("contacts")
    (tmp_path / "secret.key").chmod(0o600)
    payload = bundle(shown(report.export, "contacts", ROWS))
    assert (out / "export" / "contacts.csv").is_file()
    assert payload["key_id"] == hashlib.sha256(b"cj key id:0123456789abcdef").hexdigest()[:8]
    assert "0123456789abcdef" not in json.dumps(payload)


def test_public_data_needs_no_key_and_no_run_folder_means_no_file(tmp_path: Path) -> None:
    state.begin(stand_in(public=True))
    output = shown(report.export, "contacts", ROWS)
    assert (bundle(output)["file"], bundle(output)["n_rows"]) == ("", 2)
    assert "files are written in unattended runs only" in output.data["text/html"]


def test_an_export_does_not_follow_a_link_out_of_the_run(out: Path, tmp_path: Path) -> None:
    state.begin(stand_in(public=True))
    (tmp_path / "elsewhere").mkdir()
    out.mkdir()
    (out / "export").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"export/contacts\.csv: lies outside the folder of the run"):
        report.export("contacts", ROWS)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_replaced(out: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("untouched")
    out.mkdir()
    (out / "t.csv").symlink_to(tmp_path / "victim")
    shown(report.show, "t", long_table(1001), "T")
    assert (tmp_path / "victim").read_text() == "untouched"
    assert not (out / "t.csv").is_symlink()


# --- opening and provenance


def opened_output(*arguments: Any, **options: Any) -> tuple[Any, Any]:
    with capture_output() as captured:
        data = report.open(*arguments, **options)
    assert len(captured.outputs) == 1
    return data, captured.outputs[0]


def test_opening_shows_what_is_analysed(opened: Any) -> None:
    expected = opened()
    data, output = opened_output("x", journey="repair", segment_col="tariff", needs=("events", "customers"))
    assert data is expected
    payload = bundle(output)
    assert payload["kind"] == "analysed"
    assert payload["tables"] == [
        {
            "table": "events",
            "rows": 4,
            "customers": 3,
            "first": "2026-01-01T08:00:00Z",
            "last": "2026-03-31T20:00:00Z",
            "removed": 5,
        },
        {"table": "customers", "rows": 3, "customers": 3, "first": None, "last": None, "removed": 0},
    ]
    assert (payload["as_of"], payload["as_of_text"]) == ("2026-03-31T21:59:59Z", "2026-03-31 23:59")
    assert (payload["dataset"], payload["public"], payload["min_group"]) == ("tiny", False, 10)
    assert payload["notes"] == [
        "Journey: Internet back.",
        "Compared by: Tariff.",
        "Groups of fewer than 10 customers are not shown.",
    ]
    reader = html_of(output)
    assert reader.caption == "What is analysed: Tiny <b>& co</b>, data up to 2026-03-31 23:59 (Europe/Berlin)"
    assert reader.cells[1] == ["events", "4", "3", "2026-01-01 09:00", "2026-03-31 22:00", "5"]
    style = re.search("<style>(.*)</style>", output.data["text/html"])
    assert style is not None
    selectors = [
        selector for rule in style[1].split("}") if rule for selector in re.split(r",(?![^(]*\))", rule.split("{")[0])
    ]
    assert all(selector.startswith(".jp-RenderedHTMLCommon ") for selector in selectors)


def test_opening_sets_language_currency_and_zone(opened: Any) -> None:
    opened()
    opened_output("x")
    assert text.format_value(1234, "money") == "1,234 EUR"
    assert text.format_value(datetime(2026, 7, 1, 12), "datetime") == "2026-07-01 14:00"
    opened(language="xx")
    with pytest.raises(ConfigError, match="language: 'xx' has no translation; available: en"):
        report.open("x")


def test_opening_again_frees_the_names(opened: Any, out: Path) -> None:
    opened(public=True)
    opened_output("x")
    shown(report.show, "t", OUTCOMES, "T")
    opened_output("x")
    shown(report.show, "t", OUTCOMES, "T")


def test_public_data_says_that_protection_is_off(opened: Any) -> None:
    opened(public=True)
    _, output = opened_output("x")
    assert "Public data: suppression of small groups and pseudonyms are off." in output.data["text/html"]
    assert bundle(output)["public"] is True


def test_data_without_dates_can_be_opened(opened: Any) -> None:
    opened(as_of=pd.NaT)
    _, output = opened_output("x", needs=["customers"])
    assert bundle(output)["as_of"] is None
    assert html_of(output).caption == "What is analysed: Tiny <b>& co</b>"


def test_parameters_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def record(path: str, *, as_of: str = "", strict: bool = True) -> Any:
        seen.append((path, as_of, strict))
        return stand_in()

    monkeypatch.setattr("cj_helpers.dataset.open_dataset", record)
    opened_output("data/x", as_of="2026-01-31", strict=False)
    assert seen == [("data/x", "2026-01-31", False)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"journey": "repairs"},
            r"journey: 'repairs' is not defined in dataset.yml; did you mean 'repair'\? Allowed: ",
        ),
        (
            {"segment_col": "chanel"},
            r"segment_col: 'chanel' is not a column; did you mean 'channel'\? Allowed: channel,",
        ),
        ({"segment_col": "customer_id"}, "segment_col: 'customer_id' tells single customers, cases or moments apart"),
        ({"segment_col": "timestamp"}, "tells single customers"),
        ({"segment_col": "channel", "needs": ["customers"]}, "segment_col: 'channel' is not a column"),
    ],
)
def test_wrong_parameters_name_the_nearest(opened: Any, options: dict[str, Any], message: str) -> None:
    opened()
    with pytest.raises(ConfigError, match=message):
        report.open("x", **options)


def test_events_may_be_compared_by_attributes_of_their_customers(opened: Any) -> None:
    opened()
    assert bundle(opened_output("x", segment_col="tariff")[1])["segment_col"] == "tariff"


def test_an_unknown_need_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs: \['survey'\] unknown; allowed are events, surveys"):
        report.open("x", needs=["survey"])


@pytest.mark.parametrize(
    ("need", "changes", "reason"),
    [
        ("surveys", {}, "This data set has no survey answers"),
        ("events", {"events": None}, "This data set has no events"),
        ("customers", {"customers": None}, "This data set has no customers"),
        ("journeys", {"journeys": {}}, "This data set defines no journey"),
    ],
)
def test_a_notebook_without_its_tables_is_skipped(opened: Any, need: str, changes: dict[str, Any], reason: str) -> None:
    opened(**changes)
    with pytest.raises(report.NotebookSkipped, match=reason) as caught:
        report.open("x", needs=[need], journey="unknown")  # skipping comes first
    assert not isinstance(caught.value, ValueError)
    assert report.NotebookSkipped.__name__ == "NotebookSkipped"  # the runner knows it by this name


def test_a_notebook_is_skipped_when_no_journey_has_customers_enough(opened: Any) -> None:
    opened()
    report.open("x")
    counts = pd.DataFrame({"journey": ["a", "b"], "segment": "all", "n_customers": [9, 10]})
    report.need_customers(counts)
    with pytest.raises(report.NotebookSkipped, match=r"no journey has 10 customers or more to report on"):
        report.need_customers(counts.head(1))


def test_a_skipped_notebook_shows_one_line_in_place_of_a_traceback() -> None:
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        result = shell.run_cell("from cj_helpers.report import NotebookSkipped\nraise NotebookSkipped('No surveys.')")
    assert isinstance(result.error_in_exec, report.NotebookSkipped)
    assert captured.stdout.strip().splitlines() == ["Skipped: No surveys."]


def test_provenance_says_what_the_numbers_came_from(opened: Any) -> None:
    opened()
    opened_output("x")
    output = shown(report.provenance)
    payload = bundle(output)
    assert payload["kind"] == "provenance"
    assert (payload["dataset"], payload["as_of"], payload["fingerprint"]) == ("tiny", "2026-03-31T21:59:59Z", "ab" * 32)
    assert payload["inputs"] == [
        {"path": "events.csv", "sha256": "0123456789ab", "rows": 1234},
        {"path": "x.csv", "sha256": "ffffffffffff", "rows": None},
    ]
    assert payload["versions"]["pandas"] == pd.__version__
    assert list(payload["versions"])[:2] == ["python", "cj-helpers"]
    reader = html_of(output)
    assert ["events.csv", "0123456789ab", "1,234"] in reader.cells
    assert ["Data up to", "2026-03-31 23:59"] in reader.cells
    everything = json.dumps(output.data)
    assert "someone" not in everything  # paths of the machine
    assert os.uname().nodename not in everything


def test_provenance_needs_a_data_set() -> None:
    with pytest.raises(ConfigError, match=r"provenance: no data set is open; call report\.open"):
        report.provenance()


def test_outside_ipython_nothing_is_displayed(monkeypatch: pytest.MonkeyPatch, capsys: Any, out: Path) -> None:
    monkeypatch.setattr(InteractiveShell, "initialized", classmethod(lambda cls: False))
    report.show("t", long_table(1001), "T")
    report.finding("x", "info", 1)
    assert capsys.readouterr().out == ""
    assert len(list(csv.reader(StringIO((out / "t.csv").read_text())))) == 1002


def test_numbers_of_numpy_are_numbers() -> None:
    output = shown(
        report.metric, "m", np.float32(0.5), label="L", n=np.int64(20), conf_low=np.float64(0.25), conf_high=1
    )
    assert [bundle(output)[key] for key in ("estimate", "n", "conf_low", "conf_high")] == [0.5, 20, 0.25, 1]


def test_only_groups_that_may_be_published_are_drawn_and_counted() -> None:
    """Before a data set is open the strict rule holds: groups of fewer than ten are left out."""
    table = pd.DataFrame({"path": ["a>b", "a>c"], "n_customers": [40, 3]})
    kept = report.publishable(table)
    assert kept["path"].tolist() == ["a>b"]
    assert len(table) == 2
    payload = bundle(shown(report.show, "paths", kept, "Paths"))
    assert payload["suppressed"] == 1
    assert len(payload["rows"]) == 1


def test_a_finding_without_its_number_is_not_published() -> None:
    payload = bundle(shown(report.finding, "Half have ended after {days:days}.", "info", 60, days=float("nan")))
    assert payload["kind"] == "not_estimable"
    assert "n/a" not in payload["text"]


def test_an_analysis_that_the_data_do_not_allow_is_said_and_the_rest_goes_on() -> None:
    def fails() -> None:
        raise DataError("q1 is constant")

    output = shown(report.attempt, "drivers", fails)
    assert bundle(output)["text"] == "q1 is constant"
    with pytest.raises(ZeroDivisionError):
        report.attempt("drivers", lambda: 1 / 0)


def test_the_ground_of_a_figure_stays_white() -> None:
    """Many blues must not tint the paper when the picture gets its palette."""
    from PIL import Image

    fig, axes = plt.subplots(figsize=(6, 3))
    axes.imshow(np.linspace(0, 1, 900).reshape(30, 30), cmap="Blues", interpolation="bilinear")
    png = shown(report.figure, "f", fig, "Alt").data["image/png"]
    picture = Image.open(BytesIO(png)).convert("RGB")
    assert picture.getpixel((1, 1)) == (255, 255, 255)
