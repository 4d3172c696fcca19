"""Words for readers: one formatter, templates, columns, translation."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from babel.messages import mofile, pofile
from hypothesis import example, given
from hypothesis import strategies as st

from cj_helpers.contract import ConfigError
from cj_helpers.text import (
    KINDS,
    _,
    column_kind,
    csv_text,
    fill,
    fill_each,
    format_value,
    interval,
    is_missing,
    label,
    languages,
    local_time,
    placeholders,
    set_currency,
    set_language,
    set_time_zone,
    table_kinds,
    table_labels,
    value_label,
)
from cj_helpers.text.labels import BESIDE, LABELS, VALUES, merge_words
from cj_helpers.text.messages import Message, find_messages, sources, write_template


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    set_language("en")
    set_currency("")
    set_time_zone("UTC")


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.5887, "percent", "58.9 %"),
        (0, "percent", "0.0 %"),
        (1.0, "percent", "100.0 %"),
        (0.0004, "percent", "< 0.1 %"),
        (0.0005, "percent", "0.1 %"),
        (0.99951, "percent", "> 99.9 %"),
        (0.9995, "percent", "100.0 %"),
        (-0.00001, "percent", "0.0 %"),
        (-0.123, "percent", "-12.3 %"),
        (12345, "count", "12,345"),
        (np.int64(7), "count", "7"),
        (3.0, "count", "3"),
        (1234.25, "count", "1,234.2"),
        (2**60, "count", "1,152,921,504,606,846,976"),
        (39.8397, "points", "39.8"),
        (-5.25, "points", "-5.2"),
        (-0.01, "points", "0.0"),
        (0.0321, "p_value", "0.032"),
        (0.0009, "p_value", "< 0.001"),
        (0.001, "p_value", "0.001"),
        (1.2345, "ratio", "1.23"),
        (7, "number", "7"),
        (0.58974, "number", "0.590"),
        (7.8, "number", "7.80"),
        (9.996, "number", "10.0"),
        (12.3456, "number", "12.3"),
        (77.84, "number", "77.8"),
        (99.97, "number", "100"),
        (123.456, "number", "123"),
        (1234.5, "number", "1,234"),
        (0.00012, "number", "0.00012"),
        (Decimal("2.5"), "number", "2.50"),
        (12.5, "money", "12.50"),
        (1234.56, "money", "1,235"),
        ("2026-03-31", "date", "2026-03-31"),
        (date(2026, 3, 31), "date", "2026-03-31"),
        (True, "text", "yes"),
        (np.False_, "text", "no"),
        (7, "text", "7"),
        ("00123", "id", "00123"),
    ],
)
def test_values_become_text(value: object, kind: str, expected: str) -> None:
    assert format_value(value, kind) == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "0 days"),
        (0.0, "0 days"),
        (0.1 / 86400, "< 1 s"),
        (45 / 86400, "45 s"),
        (59.7 / 86400, "1 min"),
        (25 / 1440, "25 min"),
        (59.6 / 1440, "1 h"),
        (4 / 24, "4 h"),
        (1.4 / 24, "1.4 h"),
        (9.97 / 24, "10 h"),
        (23.4 / 24, "23 h"),
        (23.6 / 24, "1.0 days"),
        (1.0, "1.0 days"),
        (6.0, "6.0 days"),
        (412.4, "412 days"),
        (-1.5, "-1.5 days"),
        (14, "14 days"),
        (1, "1 day"),
        (timedelta(days=14), "14 days"),
        (timedelta(hours=36), "1.5 days"),
        (np.timedelta64(6, "h"), "6 h"),
        (pd.Timedelta("90min"), "1.5 h"),
    ],
)
def test_durations_use_the_largest_unit_they_fill(days: object, expected: str) -> None:
    assert format_value(days, "days") == expected


def test_hours_and_days_of_one_duration_read_the_same() -> None:
    assert format_value(36.0, "hours") == format_value(1.5, "days") == "1.5 days"
    assert format_value(48, "hours") == "2 days"
    assert format_value(timedelta(hours=5), "hours") == "5 h"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, pd.NA, pd.NaT, np.float64("nan")])
def test_missing_is_not_available_in_every_kind(kind: str, value: object) -> None:
    assert format_value(value, kind) == "n/a"


@example(1.797693134862316e306, "percent")
@example(-1.797693134862316e306, "pp")
@given(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(sorted(set(KINDS) - {"date", "month", "datetime"}))
)
def test_any_float_gives_one_short_line(value: float, kind: str) -> None:
    text = format_value(value, kind)
    assert text
    assert text == text.strip()
    assert not re.fullmatch(r"-0(\.0+)?( .*)?", text)
    assert "nan" not in text
    assert "inf" not in text


@given(st.floats(0, 1), st.floats(0, 1))
def test_percent_keeps_the_order_of_shares(a: float, b: float) -> None:
    def shown(x: float) -> float:
        return float(re.sub(r"[<> %]", "", interval(x, x, "percent").split(" to ")[0]))

    low, high = sorted((a, b))
    assert shown(low) <= shown(high)


def test_digits_overrule_the_usual_decimals() -> None:
    assert format_value(0.58974, "percent", digits=0) == "59 %"
    assert format_value(0.58974, "number", digits=5) == "0.58974"
    assert format_value(5, "number", digits=2) == "5.00"
    assert format_value(6.04, "days", digits=2) == "6.04 days"
    assert format_value(0.00001, "p_value", digits=4) == "< 0.0001"


def test_a_difference_of_shares_is_told_in_percentage_points() -> None:
    assert format_value(-0.0342, "pp") == "-3.4 pp"
    assert interval(0.0, 0.1234, "pp") == "0.0 pp to 12.3 pp"
    assert fill("{gap:pp} less", gap=0.5) == "50.0 pp less"


def test_wrong_units_and_types_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unit 'procent' is unknown; one of percent, pp, count"):
        format_value(1, "procent")
    with pytest.raises(ValueError, match="a number was expected, not str"):
        format_value("0.5", "percent")
    with pytest.raises(ValueError, match="a date or time was expected, not int"):
        format_value(5, "date")


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0.56, 0.618, "percent", "56.0 % to 61.8 %"),
        (0.0001, 0.004, "percent", "0.0 % to 0.4 %"),
        (-3, 4.26, "points", "-3.0 to 4.3"),
        (4 / 24, 6.0, "days", "4 h to 6.0 days"),
        (6.0, math.nan, "days", "6.0 days to n/a"),
        (None, 0.5, "percent", "n/a to 50.0 %"),
        (None, math.nan, "percent", "n/a"),
    ],
)
def test_intervals(low: object, high: object, kind: str, expected: str) -> None:
    assert interval(low, high, kind) == expected


def test_money_carries_the_currency() -> None:
    set_currency("EUR")
    assert format_value(1234.5, "money") == "1,234 EUR"
    assert format_value(-12.5, "money") == "-12.50 EUR"
    with pytest.raises(ConfigError, match="currency: 'euro' is not an ISO 4217 code"):
        set_currency("euro")
    assert format_value(0.5, "money") == "0.50 EUR"  # a refused code changes nothing


def test_times_are_shown_in_the_zone_of_the_data() -> None:
    set_time_zone("Europe/Berlin")
    end_of_march = pd.Timestamp("2026-03-31 21:59:59.999999999")
    assert format_value(end_of_march, "datetime") == "2026-03-31 23:59"
    assert format_value(datetime(2026, 1, 31, 23, 30), "date") == "2026-02-01"
    assert format_value(np.datetime64("2026-01-31T23:30:00", "ns"), "datetime") == "2026-02-01 00:30"
    assert format_value(datetime(2026, 1, 31, 12, tzinfo=UTC), "datetime") == "2026-01-31 13:00"
    assert format_value("2026-01-31T12:00:00Z", "datetime") == "2026-01-31 13:00"
    assert local_time(datetime(2026, 7, 1, 12)).isoformat() == "2026-07-01T14:00:00+02:00"


def test_a_day_does_not_move_west() -> None:
    set_time_zone("America/New_York")
    assert format_value(pd.Timestamp("2026-03-31"), "date") == "2026-03-31"
    assert format_value(date(2026, 3, 31), "datetime") == "2026-03-31"
    assert format_value(pd.Timestamp("2026-03-01"), "month") == "2026-03"
    assert format_value(pd.Timestamp("2026-03-31"), "datetime") == "2026-03-30 20:00"


def test_open_ended_dates_survive_the_zone() -> None:
    set_time_zone("Europe/Berlin")
    assert format_value(datetime(9999, 12, 31, 23, 59), "datetime") == "9999-12-31 23:59"


def test_an_unknown_zone_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'Europe/Berln' is not an IANA zone .* Did you mean 'Europe/Berlin'\?"):
        set_time_zone("Europe/Berln")


def test_missing_is_recognised_in_every_library() -> None:
    assert all(is_missing(x) for x in (None, math.nan, math.inf, pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")))
    assert not any(is_missing(x) for x in (0, "", False, (1, 2), np.datetime64("2026-01-01"), pd.Timestamp(0), "nan"))


# --- templates


def test_a_template_is_filled_by_kind() -> None:
    text = fill(
        "{share:percent} of {n:count} {what} within {d:days}, {ci:percent}.",
        share=0.5887,
        n=12345,
        what="journeys",
        d=6.0,
        ci=(0.56, 0.618),
    )
    assert text == "58.9 % of 12,345 journeys within 6.0 days, 56.0 % to 61.8 %."


def test_braces_and_templates_in_values_stay_as_they_are() -> None:
    assert fill("{a} {{literal}}", a="{b:count} {0.__class__}") == "{b:count} {0.__class__} {literal}"
    assert fill("{template} {values}", template="x", values="y") == "x y"
    assert fill("") == ""


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("{n:count}", {}, r"no value for \['n'\]"),
        ("none", {"n": 1}, r"no placeholder for \['n'\]"),
        ("{n}", {"n": 12345}, r"'n' is a number and needs a kind, such as \{n:count\}"),
        ("{n:counts}", {"n": 1}, "unknown kind 'counts' of 'n'; one of percent"),
        ("{n.__class__}", {"n": 1}, "is not a plain name"),
        ("{n[0]}", {"n": 1}, "is not a plain name"),
        ("{}", {}, "is not a plain name"),
        ("{n!r}", {"n": "x"}, "is not a plain name"),
        ("{n:{width}}", {"n": 1, "width": 3}, "unknown kind"),
    ],
)
def test_wrong_templates_are_refused(template: str, values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fill(template, **values)


def test_several_templates_share_values_but_each_is_used() -> None:
    assert fill_each(("{a:count}", "{a:count} {b}", ""), {"a": 1, "b": "x"}) == ("1", "1 x", "")
    with pytest.raises(ValueError, match="page_on: neither an option nor a placeholder"):
        fill_each(("{a}",), {"a": "x", "page_on": True})


@given(st.text())
def test_text_values_pass_unchanged(value: str) -> None:
    assert fill("<{value}>", value=value) == f"<{value}>"


def test_placeholders_name_kinds() -> None:
    assert placeholders("{a} {b:percent} {{c}}") == {"a": "text", "b": "percent"}


# --- columns


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("n_journeys", "count"),
        ("n_customers", "count"),
        ("n_handoffs", "count"),
        ("promoters", "count"),
        ("share", "percent"),
        ("completed_share", "percent"),
        ("completed_within", "percent"),
        ("drop_off", "percent"),
        ("hazard", "percent"),
        ("probability", "percent"),
        ("wait_median_hours", "hours"),
        ("p90_days", "days"),
        ("time_days", "days"),
        ("answered_at", "datetime"),
        ("revenue_eur", "money"),
        ("monthly_revenue", "money"),
        ("p_adjusted", "p_value"),
        ("hazard_ratio", "ratio"),
        ("journey_id", "id"),
        ("mean", "number"),
        ("stage", "text"),
        ("from_channel", "text"),
        ("contract_type", "text"),
    ],
)
def test_kinds_follow_from_names(name: str, kind: str) -> None:
    assert column_kind(name) == kind


def test_unknown_names_can_be_told_apart() -> None:
    assert column_kind("contract_type", default="") == ""
    assert column_kind("segment", default="") == "text"


def test_labels_are_headings() -> None:
    assert label("n_journeys") == "Journeys"
    assert label("conf_low") == "95 % from"
    assert label("contract_type") == "Contract type"
    assert label("n_things") == "Things"
    assert label("Already a heading") == "Already a heading"
    assert label("median_days", unit=True) == "Median time (days)"
    assert label("share", unit=True) == "Share (%)"
    assert label("cost", unit=True) == "Cost"
    set_currency("CHF")
    assert label("cost", unit=True) == "Cost (CHF)"


def test_headings_depend_on_the_table_where_they_must() -> None:
    assert table_labels(["source", "target"]) == {"source": "From", "target": "To"}
    assert table_labels(["source", "n"]) == {"source": "Source", "n": "n"}
    assert table_labels(["n", "promoters"])["n"] == "Answers"


@pytest.mark.parametrize(
    ("columns", "estimate", "conf_low"),
    [
        (["segment", "time_days", "estimate", "conf_low", "n_at_risk"], "percent", "percent"),
        (["segment", "estimate", "conf_low", "n", "promoters"], "points", "points"),
        (["term", "estimate", "std_error", "conf_low", "p_value"], "number", "number"),
        (["driver", "share", "conf_low", "coefficient"], None, "percent"),
        (["label", "completed_within", "conf_low", "p90_days"], None, "percent"),
        (["segment", "median_days", "conf_low"], None, "days"),
    ],
)
def test_an_interval_is_of_the_kind_of_its_estimate(columns: list[str], estimate: str | None, conf_low: str) -> None:
    kinds = table_kinds(columns)
    assert kinds.get("estimate") == estimate
    assert kinds["conf_low"] == conf_low


def test_one_name_has_words_in_one_room_only() -> None:
    assert merge_words({"nps": {"vif": "VIF"}, "churn": {"lift": "Lift"}}) == {"vif": "VIF", "lift": "Lift"}
    with pytest.raises(ValueError, match="'lift' has words in nps and in churn; move it to shared"):
        merge_words({"nps": {"lift": "Lift"}, "churn": {"lift": "Lift"}})


def test_given_kinds_win() -> None:
    kinds = table_kinds(
        ["estimate", "conf_low", "conf_high", "std_error"], {"estimate": "money", "std_error": "number"}
    )
    assert kinds == {"estimate": "money", "conf_low": "money", "conf_high": "money", "std_error": "number"}


def test_fixed_values_have_words() -> None:
    assert value_label("outcome", "abandoned") == "given up"
    assert value_label("target", "(abandoned)") == "(given up)"
    assert value_label("path", "visit>quote") == "visit\u00a0› quote"
    assert value_label("touchpoint", "abandoned") == "abandoned"
    assert value_label("segment", "North") == "North"


# --- CSV


def test_csv_is_exact() -> None:
    rows = [["a,b", 1, 0.1, None, True], ['say "hi"\nthere', -2, -0.5, "", False]]
    text = csv_text(["t", "n", "x", "y", "b"], rows)
    assert text == 't,n,x,y,b\n"a,b",1,0.1,,true\n"say ""hi""\nthere",-2,-0.5,,false\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formulas_are_defused_in_cells_and_headings(start: str) -> None:
    cells = list(csv.reader(StringIO(csv_text([f"{start}h"], [[f"{start}1+1"]]), newline="")))
    assert cells == [[f"'{start}h"], [f"'{start}1+1"]]


def test_whole_floats_are_written_as_json_may_rewrite_them() -> None:
    assert csv_text(["x"], [[38.0], [38], [1e16], [0.5]]) == "x\n38\n38\n1e+16\n0.5\n"


def test_numbers_are_no_formulas() -> None:
    assert csv_text(["x"], [[-1.5], ["a=1"]]) == "x\n-1.5\na=1\n"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
def test_csv_reads_back(rows: list[list[str]]) -> None:
    read = list(csv.reader(StringIO(csv_text(["a", "b"], rows), newline="")))[1:]
    guarded = [[f"'{cell}" if cell[:1] in tuple("=+-@\t\r\n") and cell else cell for cell in row] for row in rows]
    assert read == guarded


# --- translation

GERMAN = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

msgid "{share:percent} of {n:count} journeys ended within {d:days}."
msgstr "Innerhalb von {d:days} endeten {share:percent} von {n:count} Reisen."

msgid "Journeys"
msgstr "Reisen"

msgid "{value} days"
msgstr "{value} Tage"

msgid "{low} to {high}"
msgstr "{low} bis {high}"

msgid "n/a"
msgstr "k. A."

msgid "yes"
msgstr "ja"

msgid "given up"
msgstr "aufgegeben"

msgctxt "decimal mark"
msgid "."
msgstr ","

msgctxt "thousands mark"
msgid ","
msgstr "."

msgctxt "date format"
msgid "%Y-%m-%d"
msgstr "%d.%m.%Y"
"""


def compile_catalogue(folder: Path, code: str, po: str) -> Path:
    """Compile a catalogue the way a translator would."""
    target = folder / code / "LC_MESSAGES"
    target.mkdir(parents=True)
    with (target / "cj.mo").open("wb") as stream:
        mofile.write_mo(stream, pofile.read_po(BytesIO(po.encode())))
    return folder


@pytest.fixture
def german(tmp_path: Path) -> Path:
    return compile_catalogue(tmp_path, "de", GERMAN)


def test_a_catalogue_translates_words_order_and_numbers(german: Path) -> None:
    set_language("de", folder=german)
    template = "{share:percent} of {n:count} journeys ended within {d:days}."
    assert fill(template, share=0.589, n=12345, d=6.5) == "Innerhalb von 6,5 Tage endeten 58,9 % von 12.345 Reisen."
    assert interval(0.56, 0.618, "percent") == "56,0 % bis 61,8 %"
    assert label("n_journeys") == "Reisen"
    assert value_label("outcome", "abandoned") == "aufgegeben"
    assert format_value(date(2026, 3, 31), "date") == "31.03.2026"
    assert format_value(None, "count") == "k. A."
    assert format_value(0.000031, "number") == "3,1e-05"
    assert format_value(True, "text") == "ja"


def test_what_a_catalogue_lacks_stays_english(german: Path) -> None:
    set_language("de", folder=german)
    assert _("Never translated") == "Never translated"
    assert _("") == ""  # gettext would give the catalogue's header


def test_a_region_takes_its_language_and_english_needs_no_catalogue(german: Path) -> None:
    assert languages(german) == ["de", "en"]
    for code in ("de-AT", "de_AT"):
        set_language(code, folder=german)
        assert label("n_journeys") == "Reisen"
    set_language("en_GB", folder=german)
    assert label("n_journeys") == "Journeys"


def test_an_unknown_language_names_the_available(german: Path) -> None:
    set_language("de", folder=german)
    for code in ("fr", "../de", "german", ""):
        with pytest.raises(ConfigError, match=r"has no translation; available: de, en\. A new one is a compiled"):
            set_language(code, folder=german)
    assert label("n_journeys") == "Reisen"  # the language before stays


def test_english_is_what_the_package_ships() -> None:
    assert languages() == ["en"]


def test_a_broken_catalogue_says_how_to_mend_it(tmp_path: Path) -> None:
    target = tmp_path / "de" / "LC_MESSAGES"
    target.mkdir(parents=True)
    (target / "cj.mo").write_bytes(b"not a catalogue")
    with pytest.raises(ConfigError, match=r"cj\.mo cannot be read .* pybabel compile"):
        set_language("de", folder=tmp_path)


@pytest.mark.parametrize("translation", ["{n:percent} Reisen", "Reisen", "{n:count} {m:count}", "{n:count", "{n.real}"])
def test_a_translation_with_other_placeholders_is_refused(tmp_path: Path, translation: str) -> None:
    po = GERMAN + f'\nmsgid "{{n:count}} journeys"\nmsgstr "{translation}"\n'
    set_language("de", folder=compile_catalogue(tmp_path, "de", po))
    with pytest.raises(ConfigError, match=r"language de: the translation of '\{n:count\} journeys'"):
        fill("{n:count} journeys", n=3)


# --- messages for translators


def test_texts_are_collected_from_code_and_notebooks(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    module.write_text(
        'x = _("Word" " pair")\ny = fill(template, n=1)\nz = in_context("mark", ".")\nshow("no", 1, "No")\n'
    )
    notebook = tmp_path / "n.ipynb"
    calls = [
        "%matplotlib inline\n",
        'report.show("t", table, "Caption {n:count}", n=1)\n',
        'report.metric("m", 1, label="Label", note="Note")\n',
        'report.figure("f", fig, alt="Alt")\n',
        'report.finding(f"{1} typed", "info", 1)\n',
    ]
    cells = [{"cell_type": "markdown", "source": ["_('no')"]}, {"cell_type": "code", "source": calls}]
    notebook.write_text(json.dumps({"cells": cells}))
    found = find_messages([module, notebook])
    literals = {(m.context, m.text) for m in found if m.literal}
    assert literals == {
        ("", "Word pair"),
        ("mark", "."),
        ("", "Caption {n:count}"),
        ("", "Label"),
        ("", "Note"),
        ("", "Alt"),
    }
    assert [m.text for m in found if not m.literal] == ["f'{1} typed'"]


def test_the_template_for_translators_can_be_compiled(tmp_path: Path) -> None:
    target = tmp_path / "cj.pot"
    messages = [Message("", 'Say "hi" to {n:count}\nü', "a.py:1"), Message("mark", ".", "a.py:2")]
    write_template(target, [*messages, Message("", "", "a.py:3"), Message("", "f'x'", "a.py:4", literal=False)])
    catalogue = pofile.read_po(BytesIO(target.read_bytes()))
    assert {(m.context or "", m.id) for m in catalogue if m.id} == {(m.context, m.text) for m in messages}
    assert [m.locations for m in catalogue if m.context == "mark"] == [[("a.py", 2)]]


def test_every_literal_of_the_project_is_in_the_template_and_sound(tmp_path: Path) -> None:
    messages = find_messages(sources())
    assert [m.place for m in messages if not m.literal] == []
    texts = {m.text for m in messages}
    named = {text for others in BESIDE.values() for text in others.values()}
    assert {*LABELS.values(), *VALUES.values(), *named, "{low} to {high}", "n/a"} <= texts
    assert (sorted(m.text for m in messages if m.context)) == sorted({",", ".", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H:%M"})


def test_the_command_writes_the_template(tmp_path: Path) -> None:
    target = tmp_path / "cj.pot"
    done = subprocess.run([sys.executable, "-m", "cj_helpers.text", str(target)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert 'msgid "Journeys"' in target.read_text()
    wrong = subprocess.run([sys.executable, "-m", "cj_helpers.text"], capture_output=True, check=False, text=True)
    assert wrong.returncode == 2
    assert "usage: python -m cj_helpers.text TARGET.pot" in wrong.stderr
