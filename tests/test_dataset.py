"""dataset.yml -> Dataset: what is read, what is repaired and counted, and what stops with a clear message."""

from __future__ import annotations

import gzip
import shutil
import textwrap
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import channel_days, customer_frame, durations_left_out, feed_gaps, open_dataset, survey_frame
from cj_helpers.dataset.quality import ties
from cj_helpers.dataset.unify import same_spelling
from cj_helpers.journeys import build_journeys, build_steps

ROOT = Path(__file__).resolve().parent.parent
EVENTS = "who,at,what\n" + "".join(f"c{i % 20:02},2024-01-{i % 28 + 1:02} 10:00:00,visit\n" for i in range(300))
HEAD = "version: 1\nname: Test\ntables:\n"
SOURCE = "  events:\n    - source: events.csv\n      columns: {customer_id: who, timestamp: at, touchpoint: what}\n"
JOURNEY = textwrap.dedent("""\
    journeys:
      look:
        label: Look around
        success: [visit]
        timeout: 7d
    """)


def make(folder: Path, yml: str, **files: str | bytes) -> Path:
    """Write a data set; file names have `__` for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.yml").write_text(yml, encoding="utf-8")
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def checks(data):
    return {row.check: (row.outcome, row.n_rows) for row in data.quality.itertuples()}


def test_reads_a_plain_file(tmp_path):
    data = open_dataset(make(tmp_path / "shop", HEAD + SOURCE + JOURNEY, events__csv=EVENTS))
    assert data.key == "shop"
    assert data.events.count().execute() == 140  # 20 customers and 28 days repeat together after 140 rows
    assert checks(data) == {"duplicate_rows": ("dropped", 160)}
    assert data.as_of == pd.Timestamp("2024-01-28 10:00:00")
    assert data.inputs[0]["path"] == "events.csv"
    assert data.inputs[0]["rows"] == 300
    assert data.fit
    assert dict(zip(data.verdict.analysis, data.verdict.verdict, strict=True)) == {
        "journey mapping": "fit with repairs",
        "drop-off survival": "fit with repairs",
        "NPS drivers": "not available",
        "churn": "not available",
        "priorities": "fit with repairs",
    }


def test_journeys_end_with_the_observation_of_their_customer(tmp_path):
    """An event's own end of observation counts too; the earlier of both ends the journey."""
    rows = ["a,2024-01-01,look,", "b,2024-01-01,look,2024-01-03", "c,2024-01-01,look,", "d,2024-01-09,look,"]
    events = "\n".join(["who,at,what,end", *rows, "e,2024-01-02,buy,", ""])
    source = SOURCE.replace("touchpoint: what", "touchpoint: what, observed_until: end")
    source += "  customers:\n    - source: people.csv\n      columns: {customer_id: who, observed_until: until}\n"
    people = "who,until\na,2024-01-05\nb,2024-01-05\nc,\nd,2025-01-01\n"
    yml = HEAD + source + JOURNEY.replace("[visit]", "[buy]").replace("timeout: 7d", "start: [look]\n    timeout: 30d")
    data = open_dataset(make(tmp_path, yml, events__csv=events, people__csv=people))
    steps = build_steps(data.events, definitions=data.journeys, as_of=data.as_of)
    journeys = build_journeys(steps, definitions=data.journeys, as_of=data.as_of)
    assert journeys.order_by("customer_id").duration.execute().tolist() == [4.0, 2.0, 8.0, 0.0, 0.0]


def test_duplicates_can_be_kept(tmp_path):
    yml = HEAD + SOURCE + "      duplicates: keep\n"
    data = open_dataset(make(tmp_path, yml, events__csv=EVENTS))
    assert data.events.count().execute() == 300
    assert checks(data) == {}


def test_german_csv_in_latin_1_lands_in_utc(tmp_path):
    text = "Kunde;Zeit;Was;Kosten\n007;15.07.2024 12:30;Störung;1,50\n008;15.01.2024 12:30;Störung;2,00\n"
    yml = HEAD + (
        "  events:\n    - source: calls.csv\n"
        "      read: {delimiter: ';', decimal: ',', timestamp_format: '%d.%m.%Y %H:%M', encoding: latin-1}\n"
        "      columns: {customer_id: Kunde, timestamp: Zeit, touchpoint: Was, cost: Kosten}\n"
        "      constants: {channel: phone}\n"
        "time_zone: Europe/Berlin\n"
    )
    data = open_dataset(make(tmp_path, yml, calls__csv=text.encode("latin-1")))
    got = data.events.order_by("customer_id").execute()
    assert got.customer_id.tolist() == ["007", "008"]  # leading zeros kept
    assert got.timestamp.tolist() == [pd.Timestamp("2024-07-15 10:30"), pd.Timestamp("2024-01-15 11:30")]
    assert got.touchpoint.tolist() == ["Störung", "Störung"]
    assert got.cost.tolist() == [1.5, 2.0]
    assert got.channel.tolist() == ["phone", "phone"]


def test_sources_of_several_kinds_become_one_log(tmp_path):
    folder = make(tmp_path, "", **{"b__csv.gz": gzip.compress(b"who,at,what,shop\nx,2024-01-02,buy,Ulm\n", mtime=0)})
    for month in (1, 2):
        frame = pd.DataFrame({"who": ["x"], "at": [pd.Timestamp(2024, month, 1)], "what": ["visit"], "n": [month]})
        frame.to_parquet(folder / f"a{month}.parquet")
    columns = "      columns: {customer_id: who, timestamp: at, touchpoint: what}\n"
    (folder / "dataset.yml").write_text(
        "max_lag: 9w\n" + HEAD + f"  events:\n    - source: a*.parquet\n{columns}    - source: b.csv.gz\n{columns}",
    )
    data = open_dataset(folder, as_of="2024-03-01")
    got = data.events.order_by("timestamp").execute()
    assert got.touchpoint.tolist() == ["visit", "buy", "visit"]
    assert got["shop"].fillna("").tolist() == ["", "Ulm", ""]
    assert got["n"].fillna("").tolist() == ["1", "", "2"]
    assert data.feeds.source.tolist() == ["a*.parquet", "b.csv.gz"]
    assert data.feeds.lag_days.tolist() == [0.0, 30.0]


def test_aliases_are_stitched_and_counted(tmp_path):
    yml = HEAD + SOURCE + "  identities:\n    - source: ids.csv\n      columns: {alias: cookie, customer_id: person}\n"
    data = open_dataset(make(tmp_path, yml, events__csv=EVENTS, ids__csv="cookie,person\nc01,c02\nzz,c03\n"))
    assert data.events.customer_id.nunique().execute() == 19
    assert checks(data)["stitched"] == ("stitched", 7)


def test_spelling_variants_of_a_touchpoint_become_the_most_frequent():
    names = pd.Series(
        ["Order placed", "order placed", "Order\u00a0 placed ", "Order\u200b placed", "Cafe\u0301", "Café"]
    )
    got = same_spelling(names, pd.Series([9, 2, 1, 1, 1, 5]))
    assert got == {
        "order placed": "Order placed",
        "Order\u00a0 placed ": "Order placed",
        "Order\u200b placed": "Order placed",
        "Cafe\u0301": "Café",
    }


def test_impossible_future_rows_are_removed_and_counted(tmp_path):
    rows = "".join(f"c{i},2024-01-01 10:00:00,v{i % 3}\n" for i in range(2000))
    data = open_dataset(make(tmp_path, HEAD + SOURCE, events__csv="who,at,what\n" + rows + "x,2031-01-01,v1\n"))
    assert checks(data) == {"future_events": ("dropped", 1)}
    assert data.as_of == pd.Timestamp("2024-01-01 10:00:00")


def test_as_of_is_the_end_of_a_local_day_and_cuts_what_lies_after(tmp_path):
    yml = HEAD + SOURCE + "      duplicates: keep\ntime_zone: Europe/Berlin\n"
    folder = make(tmp_path, yml, events__csv=EVENTS)
    data = open_dataset(folder, as_of="2024-01-10")
    assert data.as_of == pd.Timestamp("2024-01-10 22:59:59.999999")
    assert data.events.timestamp.max().execute() == pd.Timestamp("2024-01-10 09:00:00")
    assert checks(data)["after_as_of"][0] == "not used"
    assert "rows lie after as_of (2024-01-10 23:59 Europe/Berlin) and are not used" in data.quality.message[0]
    assert open_dataset(folder, as_of="2024-01-10 10:00:00").as_of == pd.Timestamp("2024-01-10 09:00:00")


def test_a_lagging_source_is_not_fit_until_as_of_is_given(tmp_path):
    columns = "      columns: {customer_id: who, timestamp: at, touchpoint: what}\n"
    yml = HEAD + f"  events:\n    - source: a.csv\n{columns}    - source: b.csv\n{columns}" + JOURNEY
    folder = make(tmp_path, yml, a__csv="who,at,what\nx,2024-01-20,visit\n", b__csv="who,at,what\nx,2024-01-10,visit\n")
    data = open_dataset(folder, strict=False)
    assert not data.fit
    assert data.as_of == pd.Timestamp("2024-01-10")
    with pytest.raises(
        DataError,
        match=r"not fit for journey mapping, drop-off survival, priorities:\nb\.csv is 10\.0 days behind; up to max",
    ):
        open_dataset(folder)
    assert open_dataset(folder, as_of="2024-01-10").fit


@pytest.mark.parametrize(("n_bad", "fit"), [(2, True), (5, False)])
def test_missing_ids_are_dropped_up_to_one_percent(tmp_path, n_bad, fit):
    rows = "".join(f",2024-01-01 00:00:{i:02},visit\n" for i in range(n_bad))
    good = "".join(f"c{i},2024-01-02,visit\n" for i in range(300 - n_bad))
    data = open_dataset(
        make(tmp_path, HEAD + SOURCE + JOURNEY, events__csv="who,at,what\n" + good + rows), strict=False
    )
    assert data.fit is fit
    outcome, n = checks(data)["missing_customer_id"]
    assert (outcome, n) == ("dropped" if fit else "error", n_bad)
    assert f"first: row {302 - n_bad}" in data.quality.message[0]


BAD_DATA = {
    "empty file": ({"events__csv": ""}, r"events\.csv is empty \(0 bytes\)"),
    "header only": ({"events__csv": "who,at,what\n"}, r"holds a header and no rows"),
    "wrong delimiter": (
        {"events__csv": EVENTS.replace(",", ";")},
        r"events\.csv: the header is one column 'who;at;what'; declare `read: \{delimiter: \";\"\}`",
    ),
    "tabs": ({"events__csv": EVENTS.replace(",", "\t")}, r"declare `read: \{delimiter: \"\\t\"\}`"),
    "ragged row": (
        {"events__csv": EVENTS + "c1,2024-01-01,visit,extra\n"},
        r"cannot be read as declared: events\.csv, line 302 has 4 columns where the header has 3; mend the row",
    ),
    "short row": (
        {"events__csv": EVENTS + "c1,2024-01-01\n"},
        r"events\.csv, line 302 has 2 columns where the header has 3",
    ),
    "unterminated quote": (
        {"events__csv": EVENTS + '"c1,2024-01-01,visit\n'},
        r'events\.csv has an odd number of quotes " \(1\), so one of them is stray; mend it at source',
    ),
    "Latin-1 read as UTF-8": (
        {"events__csv": (EVENTS + "c1,2024-01-01,Störung\n").encode("latin-1")},
        r"events\.csv, line 302 is not utf-8 \(byte 0xF6\); declare `read: \{encoding: latin-1\}`",
    ),
    "columns that differ in case": (
        {"events__csv": EVENTS.replace("who,at,what", "who,at,what,What")},
        r"the columns What, what twice; .*upper and lower case are the same",
    ),
    "column twice": ({"events__csv": EVENTS.replace("who,at,what", "who,at,who")}, "the columns who twice"),
    "German date": (
        {"events__csv": EVENTS + "c1,03.04.2024,visit\n"},
        r"tables\.events\[0\] \(events\.csv\): column 'at' \(timestamp\): 1 of 301 values is no timestamp such as "
        r".*first: row 302, found '03\.04\.2024'\); declare `read: \{timestamp_format",
    ),
    "30 February": ({"events__csv": EVENTS + "c1,2024-02-30,visit\n"}, "1 of 301 values is no timestamp.*'2024-02-30'"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_files_stop_with_place_finding_and_remedy(tmp_path, case):
    files, message = BAD_DATA[case]
    with pytest.raises((DataError, ConfigError), match=message) as caught:
        open_dataset(make(tmp_path, HEAD + SOURCE + JOURNEY, **files))
    for word in ("strict_mode", "null_padding", "Original Line", str(tmp_path)):
        assert word not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tables:", "tabels:", r"tabels: unknown key; did you mean 'tables'"),
        ("source: events.csv", "source: event.csv", r"matches no file; did you mean 'events\.csv'"),
        ("source: events.csv", "source: ../events.csv", "points outside the data set"),
        (
            "source: events.csv",
            "source: events.csv\n      sql: select 1",
            "found source and sql; a source is ex",
        ),
        ("customer_id: who", "customer_id: whom", r"columns\.customer_id: no column 'whom'.*did you mean 'who'"),
        ("customer_id: who", "costumer_id: who", "unknown name 'costumer_id'; did you mean 'customer_id'"),
        ("customer_id: who, ", "", "customer_id is required and not mapped"),
        (
            "success: [visit]",
            "success: [visti]",
            r"journeys\.look\.success: the touchpoint 'visti' never occurs; did you mean 'visit'\? "
            r"Allowed: visit; remove it or mend the feed\.",
        ),
        ("timeout: 7d", "timeout: 7", "a duration is a positive whole number and m, h, d or w"),
        ("success: [visit]", "success: [xyz]", r"'xyz' never occurs; allowed: visit; remove it or mend"),
        ("timeout: 7d", "timeout: 7d\n    timeout: 8d", r"dataset\.yml, line 12: the key 'timeout' stands twice"),
        ("timeout: 7d", "timeuot: 7d", r"^dataset\.yml: journeys\.look\.timeuot: unknown key; did you mean 'timeout'"),
        ("timeout: 7d", "goal: x", r"journeys\.look\.timeout: required key is missing"),
        ("    timeout: 7d", "   timeout: 7d", r"dataset\.yml, line 11: .*; align with the line above\."),
        ("    timeout: 7d", "     timeout: 7d", r"dataset\.yml, line 11: .*; align with the line above\."),
        ("label: Look around", "label: Look: around", r"dataset\.yml, line 9: .*; put the value in quotes\."),
        ("label: Look around", "label: %d.%m", r"dataset\.yml, line 9: .*; put the value in quotes\."),
        ("label: Look around", "label: 'Look around", r"dataset\.yml, line 9: .*; close the quote\."),
        ("    label: Look around", "\tlabel: Look around", r"dataset\.yml, line 9: .*; use spaces, not tabs"),
        ("timeout: 7d", "timeout: {quote: 3d}", "need a default"),
        ("timeout: 7d", "timeout: 7d\n    abandon: [visit]", "cannot end the journey as a success and as abandoned"),
        ("name: Test", "name: Test\ntime_zone: Berlin", "a time zone has a name such as Europe/Berlin"),
        ("name: Test", "name: Test\nengine: spark", "an engine is duckdb or a connection such as postgres://"),
        ("name: Test", "name: Test\nscore: {weights: {cost: 1}, target: {}, worst: {}}", "no value for 'cost'"),
        (
            "name: Test",
            "name: Test\nscore: {weights: {cost: 1}, target: {cost: 9}, worst: {cost: 1}}",
            "worst 1 must lie above target 9",
        ),
        (
            "name: Test",
            "name: Test\nscore: {weights: {ease: 1}, target: {ease: 1}, worst: {ease: 0}}",
            "completed_within",
        ),
        (
            "name: Test",
            "name: Test\nchanges: [{date: 2026-03-01, label: bot, journey: lok}]",
            r"changes: no journey 'lok'; allowed: look",
        ),
        ("name: Test", "name: Test\nchanges: [{date: soon, label: bot}]", r"changes\.0\.date: .*valid date"),
        (
            "name: Test",
            "name: Test\nchanges: [{date: 2026-03-01, label: bot, comparison: {device: desktop}}]",
            "another value of the column under `segment`",
        ),
        ("timeout: 7d", "timeout: 7d\n    reference: {kind: best_segment}", "`column` names the segments"),
        ("timeout: 7d", "timeout: 7d\n    reference: {kind: benchmark, value: 0.8}", "needs `value`.* and `source`"),
        ("name: Test", "name: Test\nprivacy: {min_group: 2}", r"privacy\.min_group: .*greater than or equal to 5"),
        ("version: 1", "version: 2", r"version: .*1.*\(found 2\)"),
    ],
)
def test_a_wrong_dataset_yml_names_the_key_and_the_remedy(tmp_path, old, new, message):
    yml = HEAD + SOURCE + JOURNEY
    assert old in yml
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        open_dataset(make(tmp_path, yml.replace(old, new), events__csv=EVENTS))


def test_a_misspelt_key_is_not_missing_too(tmp_path):
    yml = (HEAD + SOURCE + JOURNEY).replace("timeout: 7d", "timeuot: 7d")
    with pytest.raises(ConfigError) as caught:
        open_dataset(make(tmp_path, yml, events__csv=EVENTS))
    assert "missing" not in str(caught.value)


CALLS = "Kunde;Zeit;Was;Kosten\n" + "".join(f"k{i};{i}.7.2024 12:30;Anruf;{i},50\n" for i in (1, 2, 3))
GERMAN = HEAD + (
    "  events:\n    - source: calls.csv\n      read: {READ}\n"
    "      columns: {customer_id: Kunde, timestamp: Zeit, touchpoint: Was, cost: Kosten}\n"
)


@pytest.mark.parametrize(
    ("read", "old", "new", "message"),
    [
        (
            "delimiter: ';', decimal: ',', timestamp_format: '%Y-%m-%d %H:%M'",
            "",
            "",
            r"^.*: not fit for journey mapping, drop-off survival, priorities:\ntables\.events\[0\] \(calls\.csv\): "
            r"column 'Zeit' \(timestamp\): 3 of 3 values do not match '%Y-%m-%d %H:%M' "
            r"\(first: row 2, found '1\.7\.2024 12:30'\); "
            r"mend timestamp_format, or the values at source\.$",
        ),
        (
            "delimiter: ';', decimal: ',', timestamp_format: '%d.%m.%Y %H:%M'",
            "3,50",
            "3.50",
            r"column 'Kosten' \(number\): 1 of 3 values is no number with the declared decimal ',' \(first: row 4, "
            r"found '3\.50'\); mend decimal, or list a code",
        ),
        (
            "delimiter: ';', timestamp_format: '%d.%m.%Y %H:%M'",
            "",
            "",
            r"3 of 3 values are no numbers \(first: row 2, found '1,50'\); declare `read: \{decimal: ','\}`, or list",
        ),
        (
            "delimiter: ';', decimal: ',', timestamp_format: '%d.%m.%Y %H:%M'",
            "3,50",
            "Anna Muster",
            r"column 'Kosten' \(number\): 1 of 3 values .* \(first: row 4\); mend",
        ),
    ],
)
def test_values_that_do_not_convert_name_file_column_and_notation(tmp_path, read, old, new, message):
    yml = GERMAN.replace("READ", read) + JOURNEY.replace("visit", "Anruf")
    folder = make(tmp_path, yml, calls__csv=CALLS.replace(old, new) if old else CALLS)
    with pytest.raises(DataError, match=message) as caught:
        open_dataset(folder)
    assert "Muster" not in str(caught.value)
    verdict = open_dataset(folder, strict=False).verdict
    assert verdict.reason[0] == f"unreadable values in {'timestamp' if 'Zeit' in message else 'cost'} (calls.csv)"


def test_a_bad_row_of_a_glob_is_named_by_its_file(tmp_path):
    yml = HEAD + SOURCE.replace("events.csv", "e*.csv") + JOURNEY
    files = {"e1__csv": EVENTS, "e2__csv": EVENTS + "c1,soon,visit\n"}
    with pytest.raises(DataError, match=r"tables\.events\[0\] \(e\*\.csv\): column 'at' .*first: row 302 of e2\.csv\)"):
        open_dataset(make(tmp_path, yml, **files))


@pytest.mark.parametrize("header", ["\ufeffwho,at,what", " who , at ,what ", '\ufeff" who",at,what'])
def test_blanks_and_a_byte_order_mark_in_the_header_are_repaired(tmp_path, header):
    data = open_dataset(make(tmp_path, HEAD + SOURCE + JOURNEY, events__csv=EVENTS.replace("who,at,what", header)))
    assert data.events.columns[:3] == ("customer_id", "timestamp", "touchpoint")
    assert data.events.count().execute() == 140
    assert data.events.customer_id.min().execute() == "c00"


def test_a_column_without_a_name_is_named_by_its_position(tmp_path):
    rows = ",who,at,what\n" + "".join(f"{i},c{i},2024-01-01,visit\n" for i in range(3))
    assert "column_1" in open_dataset(make(tmp_path, HEAD + SOURCE, events__csv=rows)).events.columns


TAKEN = [
    "source",
    "row_number",
    "_file",
    "position",
    "journey",
    "wait",
    "stage",
    "segment",
    "customer",
    "duration",
    "event",
    "_order_0",
    "_block",
    "is_repeat",
    "is_handoff",
    "is_left_truncated",
    "next_touchpoint",
    "next_channel",
    "_named",
    "_customer",
    "_stitched",
    "self",
    "Customer_ID",
    "Timestamp",
    "_",
    "entry",
    "count",
    "name",
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_with_names_that_the_analyses_use_stay_as_attributes(tmp_path, kind):
    values = [f"v{i}" for i in range(len(TAKEN))]
    rows = [["c1", f"2024-01-0{day} 10:00:00", "visit", *values] for day in (1, 2)]
    frame = pd.DataFrame(rows, columns=["who", "at", "what", *TAKEN])
    yml = (HEAD + SOURCE + JOURNEY).replace("events.csv", f"events.{kind}")
    folder = make(tmp_path, yml)
    frame.to_csv(folder / "events.csv", index=False)
    frame.to_parquet(folder / "events.parquet")
    data = open_dataset(folder)
    kept = [name for name in data.events.columns if name not in ("customer_id", "timestamp", "touchpoint")]
    assert {"source_", "row_number_", "file_", "stage_", "order_0_", "block_", "Customer_ID_", "count"} <= set(kept)
    options = {"definitions": data.journeys, "as_of": data.as_of}
    attributes = [name for name in kept if name not in ("source", "row_number")]
    steps = build_steps(data.events, **options, keep=attributes)
    found = steps.order_by("timestamp").execute()
    assert found["position"].tolist() == [1, 1]
    assert found["journey"].tolist() == ["look", "look"]
    assert sorted(found.loc[0, attributes]) == sorted(values)
    assert build_journeys(steps, **options).count().execute() == 2


def test_no_dataset_yml(tmp_path):
    with pytest.raises(ConfigError, match=r"found no dataset\.yml"):
        open_dataset(tmp_path)


def test_as_of_must_be_a_date(tmp_path):
    with pytest.raises(ConfigError, match=r"as_of: found 'yesterday'; allowed are a date"):
        open_dataset(make(tmp_path, HEAD + SOURCE, events__csv=EVENTS), as_of="yesterday")


SURVEY = HEAD + (
    "  surveys:\n    - source: answers.csv\n      columns: {customer_id: who}\n      duplicates: keep\n"
    "survey:\n  nps: recommend\n  drivers: {ease: [q1], help: [q2]}\n"
    "  missing: {recommend: [99], q1: [0]}\n  not_applicable: {q2: [6]}\n"
)
ANSWERS = "who,recommend,q1,q2,comment,verbatim\na,10,5,6,x,secret\nb,99,0,3,y,secret\na,,4,,z,secret\n"


def test_missing_and_not_applicable_codes_differ(tmp_path):
    data = open_dataset(make(tmp_path, SURVEY, answers__csv=ANSWERS))
    frame = survey_frame(data)
    assert np.array_equal(frame.nps, [10.0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(frame.q1, [5.0, np.nan, 4.0], equal_nan=True)
    assert np.array_equal(frame.q2, [np.nan, 3.0, np.nan], equal_nan=True)
    assert frame["q2__not_applicable"].tolist() == [True, False, False]
    assert frame.customer.tolist() == [0, 1, 0]
    assert "verbatim" not in frame
    assert "customer_id" not in frame


@pytest.mark.parametrize("value", ["11", "-1", "7.5"])
def test_an_nps_answer_off_the_scale_stops(tmp_path, value):
    with pytest.raises(DataError, match=r"1 of 4 answers to the NPS question.*first: row 5.*survey: \{missing"):
        open_dataset(make(tmp_path, SURVEY, answers__csv=ANSWERS + f"c,{value},1,1,w,v\n"))


def test_a_survey_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"survey: no column 'q1' in .*answers\.csv.*; allowed: comment"):
        open_dataset(make(tmp_path, SURVEY, answers__csv=ANSWERS.replace("q1", "p1")))


CUSTOMERS = HEAD + (
    "  customers:\n    - source: c.csv\n"
    "      columns: {customer_id: id, started_at: a, ended_at: b, monthly_revenue: m}\n"
    "as_of: 2024-03-01\n"
)


def test_contracts_know_nothing_after_as_of(tmp_path):
    rows = "id,a,b,m,plan\n1,2024-01-01,2024-02-01,10,x\n2,2024-01-01,2024-05-01,10,\n"
    rows += "3,2024-01-01,9999-12-31,10,x\n4,2024-04-01,,1,x\n"
    data = open_dataset(make(tmp_path, CUSTOMERS, c__csv=rows))
    frame = customer_frame(data, segment_col="plan")
    assert frame.event.tolist() == [True, False, False]
    assert frame.duration.round(3).tolist() == [31.0, 60 + 1.0, 61.0]
    assert frame.segment.tolist() == ["x", "(missing)", "x"]
    assert checks(data) == {
        "after_as_of": ("not used", 1),
        "after_as_of_ended_at": ("not used", 1),
        "open_ended_ended_at": ("repaired", 1),
    }


def test_customers_that_end_before_they_start_or_stand_twice_stop(tmp_path):
    rows = "id,a,b,m\n1,2024-02-01,2024-01-01,10\n2,2024-01-01,,1\n2,2024-01-02,,1\n"
    with pytest.raises(
        DataError, match=r"1 of 3 customers stands in more than one row.*\n.*1 of 3 customers ended before"
    ):
        open_dataset(make(tmp_path, CUSTOMERS, c__csv=rows))


def test_a_gap_and_a_late_feed_are_seen_by_channel_and_day(tmp_path):
    """Chat pauses for six days, phone ends four days early, the store is closed on Sundays."""
    days = pd.date_range("2024-01-01", "2024-03-31")
    open_on = {
        "chat": days[(days < "2024-02-10") | (days > "2024-02-15")],
        "phone": days[:-4],
        "store": days[days.dayofweek != 6],
        "web": days,
    }
    rows = [
        f"c{hour},{day:%Y-%m-%d} {hour}:00:00,talk,{channel}"
        for channel, part in open_on.items()
        for day in part
        for hour in (10, 11, 12, 13)
    ]
    source = (
        "  events:\n    - source: e.csv\n      columns: {customer_id: a, timestamp: b, touchpoint: c, channel: d}\n"
    )
    data = open_dataset(make(tmp_path, HEAD + source, e__csv="a,b,c,d\n" + "\n".join(rows) + "\n"))
    table = channel_days(data.events, time_zone="UTC")
    assert len(table) == 4 * len(days)
    assert table["n_events"].sum() == len(rows)
    gaps = feed_gaps(table)
    assert gaps["channel"].tolist() == ["chat", "phone"]
    assert gaps["n_days"].tolist() == [6, 4]
    assert gaps["is_last"].tolist() == [False, True]


def test_events_after_as_of_are_received_and_not_analysed(tmp_path):
    data = open_dataset(make(tmp_path, HEAD + SOURCE, events__csv=EVENTS), as_of="2024-01-10")
    assert data.received.count().execute() == 140
    assert data.events.count().execute() == 50  # 20 customers and 28 days: five customers a day


def test_the_fingerprint_changes_with_data_configuration_and_as_of(tmp_path):
    one = make(tmp_path / "a", HEAD + SOURCE, events__csv=EVENTS)
    first = open_dataset(one).fingerprint
    assert open_dataset(one).fingerprint == first
    assert open_dataset(one, as_of="2024-01-05").fingerprint != first
    assert (
        open_dataset(make(tmp_path / "b", HEAD + SOURCE, events__csv=EVENTS + "x,2024-01-01,y\n")).fingerprint != first
    )
    assert open_dataset(make(tmp_path / "c", HEAD + SOURCE + JOURNEY, events__csv=EVENTS)).fingerprint != first


def example(name: str, real_data: Path, tmp_path: Path) -> Path:
    """Put a descriptor of data/examples beside the files it describes."""
    folder = tmp_path / name
    shutil.copytree(real_data / name, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    shutil.copy(ROOT / "data" / "examples" / name / "dataset.yml", folder / "dataset.yml")
    return folder


@pytest.mark.parametrize(
    ("name", "table", "n"),
    [
        ("cdnow", "events", 69_659),
        ("customer_sat_bayesm", "surveys", 1_811),
        ("oulad", "events", 214_623),
        ("sfo_survey_2017", "surveys", 2_831),
        ("telco_churn_ibm", "customers", 7_043),
        ("traffic_fines", "events", 34_724),
    ],
)
def test_the_public_data_sets_load_whole(name, table, n, real_data, tmp_path):
    data = open_dataset(example(name, real_data, tmp_path))
    assert data.public
    assert getattr(data, table).count().execute() == n
    assert checks(data) == {}


def test_public_customers_without_time_under_contract_are_counted(real_data, tmp_path):
    data = open_dataset(example("oulad", real_data, tmp_path))
    frame = customer_frame(data)
    assert len(frame) == 32_529
    assert frame.event.sum() == 10_014
    assert durations_left_out(data) == 64


def test_cdnow_equal_rows_and_purchases_of_nothing_stay(real_data, tmp_path):
    bought = open_dataset(example("cdnow", real_data, tmp_path)).events
    n = bought.count().execute()
    assert n - bought.drop("row_number").distinct().count().execute() == 255
    assert n - bought.select("customer_id", "timestamp").distinct().count().execute() == 2_068  # on the same day
    assert bought.filter(bought.dollar_value.cast("float64") == 0).count().execute() == 80


def test_oulad_ties_are_counted_and_withdrawals_without_a_date_are_no_exits(real_data, tmp_path):
    data = open_dataset(example("oulad", real_data, tmp_path))
    (tied,) = ties(data.events).to_dict("records")
    moments = data.events.select("customer_id", "timestamp").distinct().count().execute()
    assert data.events.count().execute() - moments == 11_615
    assert (tied["n_tied"], tied["decided_by"]) == (18_895, "row")  # all events of those moments
    who = data.customers
    assert who.filter(who.tenure.isnull()).count().execute() == 45  # no date of registration
    assert who.filter(who.tenure == 0).count().execute() == 19
    withdrawn, failed = who.final_result == "Withdrawn", who.final_result == "Fail"
    assert who.filter(withdrawn & ~who.churned).count().execute() == 93
    assert who.filter(failed & who.churned).count().execute() == 9


def test_sfo_blanks_are_no_answers_and_not_used_is_told_apart(real_data, tmp_path):
    asked = survey_frame(open_dataset(example("sfo_survey_2017", real_data, tmp_path)))
    assert len(asked) - asked.nps.notna().sum() == 84 + 1
    assert asked.nps.max() == 10
    art = asked[["Q7ART", "Q7ART__not_applicable", "Q7ART__missing_code"]]
    assert art["Q7ART"].value_counts().to_dict() == {1: 18, 2: 77, 3: 553, 4: 892, 5: 744}
    assert (art["Q7ART__not_applicable"].sum(), art["Q7ART__missing_code"].sum()) == (445, 102)


def test_telco_tenure_0_is_no_time_at_risk_and_its_blank_charges_stay_blank(real_data, tmp_path):
    data = open_dataset(example("telco_churn_ibm", real_data, tmp_path))
    assert durations_left_out(data) == 11
    blank = data.customers.filter(data.customers.TotalCharges.isnull() | (data.customers.TotalCharges == ""))
    assert blank.select("tenure").execute()["tenure"].tolist() == [0] * 11


def test_fines_of_one_day_follow_the_column_of_the_order(real_data, tmp_path):
    fines = open_dataset(example("traffic_fines", real_data, tmp_path)).events
    assert fines.filter(fines.order.isnull()).count().execute() == 0
    tied = fines.group_by("journey_id", "timestamp").aggregate(n=fines.count(), orders=fines.order.nunique())
    assert tied.filter(tied.n != tied.orders).count().execute() == 0
    assert (tied.n - 1).sum().execute() == 475
    assert ties(fines)["decided_by"].tolist() == ["order"]


def test_yellow_pages_answers_are_complete(real_data, tmp_path):
    answers = survey_frame(open_dataset(example("customer_sat_bayesm", real_data, tmp_path)))
    questions = ["csat", *[f"q{i}" for i in range(2, 11)]]
    assert answers[questions].notna().all().all()
    assert (answers[questions].min().min(), answers[questions].max().max()) == (1, 10)


@pytest.mark.parametrize("name", ["e[1].csv", "e?.csv", "e*.csv"])
def test_a_file_name_that_reads_as_a_pattern_is_refused(tmp_path, name):
    folder = make(tmp_path, HEAD + SOURCE.replace("events.csv", "'e[[*?]*.csv'"), events__csv=EVENTS)
    (folder / name).write_text(EVENTS)
    with pytest.raises(ConfigError, match=r"holds one of \* \? \[ \]; the engine would take it for a pattern"):
        open_dataset(folder)


def test_no_query_reaches_a_file_outside_the_data_set(tmp_path):
    (tmp_path / "events.csv").write_text(EVENTS)
    data = open_dataset(make(tmp_path / "set", HEAD + SOURCE, events__csv=EVENTS))
    with pytest.raises(duckdb.Error, match="file system operations are disabled"):
        data.con.read_csv(tmp_path / "events.csv").count().execute()
    assert data.events.touchpoint.nunique().execute() == 1


def test_a_share_of_events_in_the_year_9999_is_an_error_and_no_crash(tmp_path):
    rows = EVENTS + "".join(f"z{i},9999-12-31 00:00:00,visit\n" for i in range(20))
    data = open_dataset(make(tmp_path, HEAD + SOURCE + JOURNEY, events__csv=rows), strict=False)
    assert checks(data)["future_events"] == ("error", 20)
    assert not data.fit
