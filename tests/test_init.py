"""`cj init`: what it finds in files, what it asks for and what it writes."""

from __future__ import annotations

import gzip
import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cj_helpers import cli
from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import open_dataset
from cj_helpers.dataset.scaffold import Settings, init_dataset
from cj_helpers.dataset.scaffold.dates import readings, shape
from cj_helpers.dataset.scaffold.dialect import sniff
from cj_helpers.dataset.scaffold.names import score

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"


def files_of_the_sample() -> list[Path]:
    return sorted(path for path in SAMPLE.rglob("*.*") if path.name not in ("README.md", "dataset.yml"))


def write_log(folder: Path, *, pattern: str = "%Y-%m-%d %H:%M", days: range = range(40), delimiter: str = ",") -> Path:
    """A shop's log of 60 customers: visit, basket, paid."""
    rows = [delimiter.join(["client", "when", "action", "amount"])]
    draw = random.Random(1)
    for customer in range(60):
        at = datetime(2024, 3, 1) + timedelta(days=draw.choice(days), hours=9)
        steps = ["visit", "basket", "paid"][: draw.choice([1, 2, 3, 3])]
        for step in steps:
            rows.append(delimiter.join([f"0{customer:03}", at.strftime(pattern), step, "1.5"]))
            at += timedelta(minutes=30)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "shop_log.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def draft(tmp_path: Path, *files: Path, **settings):
    return init_dataset(tmp_path / "mine", list(files), settings=Settings(**settings))


# --- the sample: its own dataset.yml is the truth


@pytest.fixture(scope="module")
def of_sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("init") / "nordnetz"
    return init_dataset(folder, files_of_the_sample(), settings=Settings(time_zone="Europe/Berlin"))


def test_the_draft_of_the_sample_runs_and_reads_what_its_own_dataset_yml_reads(of_sample):
    assert of_sample.problem == ""
    drafted, own = open_dataset(of_sample.file), open_dataset(SAMPLE)
    for table in ("events", "surveys", "customers"):
        counts = [getattr(data, table).count().execute() for data in (drafted, own)]
        assert counts[0] == counts[1] > 4_000
    totals = [
        data.events.aggregate(c=data.events.cost.sum(), t=data.events.timestamp.max()).execute()
        for data in (drafted, own)
    ]
    assert totals[0].t[0] == totals[1].t[0]
    assert drafted.as_of == own.as_of


def test_the_draft_of_the_sample_names_tables_dialect_and_columns(of_sample):
    config = yaml.safe_load(of_sample.file.read_text())
    own = yaml.safe_load((SAMPLE / "dataset.yml").read_text())
    assert {key: len(value) for key, value in config["tables"].items()} == {
        "events": 6, "surveys": 1, "customers": 1, "identities": 1,
    }  # fmt: skip
    calls = next(entry for entry in config["tables"]["events"] if entry["source"] == "calls.csv")
    theirs = next(entry for entry in own["tables"]["events"] if entry["source"] == "calls.csv")
    assert calls["read"] == theirs["read"]
    assert {key: calls["columns"][key] for key in ("customer_id", "timestamp", "touchpoint")} == {
        key: theirs["columns"][key] for key in ("customer_id", "timestamp", "touchpoint")
    }
    assert [entry["source"] for entry in config["tables"]["events"] if "*" in entry["source"]] == [
        "email/*.csv",
        "web/*-q*.parquet",
    ]
    assert config["survey"]["nps"] == own["survey"]["nps"]
    assert config["survey"]["missing"] == own["survey"]["missing"]


def test_the_journeys_that_were_planted_in_the_sample_are_proposed(of_sample):
    config = yaml.safe_load(of_sample.file.read_text())["journeys"]
    own = yaml.safe_load((SAMPLE / "dataset.yml").read_text())["journeys"]
    planted = {entry["success"][0]: entry for entry in own.values()}
    assert {entry["success"][0] for entry in config.values()} == set(planted)
    for entry in config.values():
        truth = planted[entry["success"][0]]
        assert entry["start"] == truth["start"]
        assert entry.get("abandon", []) == truth.get("abandon", [])
        members = {name for names in truth["stages"].values() for name in names}
        assert {name for names in entry["stages"].values() for name in names} <= members


def test_the_feed_faults_of_the_sample_are_named(of_sample):
    notes = "\n".join(of_sample.notes)
    assert "the channel chat has no events for 6 days" in notes
    assert "calls.csv ends 4.0 days before the others" in notes


# --- dates


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("2024-03-04", [""]),
        ("2024-03-04 10:00:00.123", [""]),
        ("04.03.2024 10:00", ["%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"]),
        ("4/3/2024", ["%d/%m/%Y", "%m/%d/%Y"]),
        ("04-03-24", ["%d-%m-%y", "%m-%d-%y", "%y-%m-%d"]),
        ("2024/03/04", ["%Y/%m/%d"]),
        ("4 Mar 2024", ["%d %b %Y", "%d %B %Y"]),
        ("Mar 4, 2024 3:05 PM", ["%b %d, %Y %I:%M %p", "%B %d, %Y %I:%M %p"]),
        ("04.03/2024", []),
        ("soon", []),
    ],
)
def test_a_date_can_be_read_by_these_patterns(text, patterns):
    assert [reading.pattern for reading in readings([shape(text)])] == patterns


@given(
    st.dates(min_value=datetime(1990, 1, 1).date()), st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%d-%m-%y", "%Y/%m/%d"])
)
def test_the_true_pattern_is_always_among_those_that_fit(day, pattern):
    assert pattern in [reading.pattern for reading in readings([shape(day.strftime(pattern))])]


def test_dates_that_fit_two_orders_are_asked_for_and_nothing_is_written(tmp_path):
    file = write_log(tmp_path, pattern="%d.%m.%Y %H:%M", days=range(10))
    message = (
        r"shop_log.csv: the dates of 'when' \(such as .*\) can be read as dmy .* and mdy .*\nNothing.*--date-order dmy"
    )
    with pytest.raises(ConfigError, match=message):
        draft(tmp_path, file)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(("order", "month"), [("dmy", 3), ("mdy", 1)])
def test_the_order_that_is_given_decides(tmp_path, order, month):
    file = write_log(tmp_path, pattern="%d.%m.%Y %H:%M", days=range(1))  # 1 March, or 3 January
    made = draft(tmp_path, file, date_orders=[f"shop_log.csv={order}"])
    assert made.problem == ""
    assert open_dataset(made.file).events.timestamp.min().execute().month == month


def test_the_order_is_taken_from_the_answer_and_from_a_day_past_the_twelfth(tmp_path):
    file = write_log(tmp_path, pattern="%m/%d/%Y %H:%M", days=range(10))
    asked = []

    def ask(file, column, example, orders):
        asked.append((file, column, orders))
        return "mdy"

    made = init_dataset(tmp_path / "mine", [file], settings=Settings(), ask=ask)
    assert asked == [("shop_log.csv", "when", ("dmy", "mdy"))]
    assert "%m/%d/%Y %H:%M" in made.file.read_text()
    certain = write_log(tmp_path / "b", pattern="%m/%d/%Y %H:%M", days=range(40))
    assert "%m/%d/%Y %H:%M" in draft(tmp_path / "b", certain).file.read_text()


def test_an_order_that_does_not_fit_is_refused(tmp_path):
    file = write_log(tmp_path, pattern="%d.%m.%Y %H:%M", days=range(10))
    with pytest.raises(ConfigError, match=r"'when' cannot be read as ymd; dmy .* and mdy .* fit"):
        draft(tmp_path, file, date_orders=["ymd"])
    with pytest.raises(ConfigError, match=r"--date-order 'ddmm': allowed are dmy, mdy, ymd"):
        draft(tmp_path, file, date_orders=["ddmm"])


# --- dialects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_delimiter_and_encoding_are_found(tmp_path, delimiter, encoding):
    rows = [
        ["Kunde", "Straße", "Notiz"],
        ["1", "Große Gasse, 5" if delimiter != "," else "Gasse", "a"],
        ["2", "Weg", "b"],
    ]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(delimiter.join(row) for row in rows), encoding=encoding)
    found = sniff(file)
    assert (found.delimiter, found.encoding) == (delimiter, encoding.removesuffix("-sig"))
    assert found.header == ("Kunde", "Straße", "Notiz")


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        (
            "a.xlsx",
            b"PK..",
            ConfigError,
            r"a.xlsx: this kind of file is not read; allowed are .csv.*Save a spreadsheet as CSV",
        ),
        ("a.csv", b"", DataError, r"a.csv is empty \(0 bytes\)"),
        ("a.csv", b"a,b\n", DataError, "a.csv holds 1 line; a header and at least one row"),
        ("a.csv", b"1,2\n3,4\n", DataError, "the first line looks like data"),
        ("a.csv.gz", b"not gzip", DataError, r"a.csv.gz: cannot be unpacked"),
    ],
)
def test_a_file_that_cannot_be_a_source_is_refused(tmp_path, name, content, error, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        draft(tmp_path, tmp_path / name)
    assert not (tmp_path / "mine").exists()


def test_a_column_is_known_by_its_name():
    assert score("Kundennr", "customer_id") > 0
    assert score("visitorId", "customer_id") > 0
    assert score("event_time", "timestamp") > 0
    assert score("price", "customer_id") == 0
    assert score("customer_id", "customer_id") > score("user", "customer_id")


# --- the folder


def names_in(folder: Path) -> list[str]:
    """Every file below a folder, by its name."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_leading_zeros_stay_and_files_are_copied_once(tmp_path):
    file = write_log(tmp_path)
    made = draft(tmp_path, file)
    assert made.problem == ""
    assert names_in(tmp_path / "mine") == ["dataset.yml", "shop_log.csv"]
    assert open_dataset(made.file).events.customer_id.min().execute() == "0000"
    again = tmp_path / "in_place"
    shutil.copytree(tmp_path / "mine", again, ignore=shutil.ignore_patterns("dataset.yml"))
    init_dataset(again, [again / "shop_log.csv"], settings=Settings())
    assert names_in(again) == ["dataset.yml", "shop_log.csv"]


def test_files_can_be_used_where_they_lie(tmp_path):
    log = write_log(tmp_path / "export").read_text()
    (tmp_path / "export" / "shop_log.csv").unlink()
    months = [tmp_path / "export" / "web" / f"log-2024-0{month}.csv" for month in (1, 2)]
    months[0].parent.mkdir()
    for file in months:
        file.write_text(log)
    calls = write_log(tmp_path / "export" / "phone")
    made = draft(tmp_path, *months, calls, in_place=True)
    assert made.problem == ""
    assert names_in(made.file.parent) == ["dataset.yml"]
    config = yaml.safe_load(made.file.read_text())
    assert config["allow"] == {"outside": ["../export/phone", "../export/web"]}
    sources = sorted(entry["source"] for entry in config["tables"]["events"])
    assert sources == ["../export/phone/shop_log.csv", "../export/web/log-*.csv"]
    copied = init_dataset(tmp_path / "copied", [*months, calls], settings=Settings())
    counts = [open_dataset(file).events.count().execute() for file in (made.file, copied.file)]
    assert counts[0] == counts[1] > 100
    shutil.rmtree(tmp_path / "export" / "phone")
    with pytest.raises(ConfigError, match=r"\.\./export/phone/shop_log\.csv' matches no file"):
        open_dataset(made.file)


def test_files_beside_others_that_every_glob_would_take_are_refused(tmp_path):
    log = write_log(tmp_path / "export").read_text()
    files = [tmp_path / "export" / f"log-2024-0{month}.csv" for month in (1, 2, 3)]
    for file in files:
        file.write_text(log)
    with pytest.raises(ConfigError, match=r"log-\*\.csv names more files than the 2 given; give all of them, or put"):
        draft(tmp_path, *files[:2], in_place=True)
    assert not (tmp_path / "mine").exists()
    draft(tmp_path, *files[:2])
    assert names_in(tmp_path / "mine") == ["dataset.yml", *(file.name for file in files[:2])]


def test_a_large_copy_names_the_way_without(tmp_path, monkeypatch):
    file = write_log(tmp_path)
    assert "--in-place" not in str(draft(tmp_path, file).notes)
    monkeypatch.setattr("cj_helpers.dataset.scaffold.sources.LARGE", 1000)
    made = init_dataset(tmp_path / "again", [file], settings=Settings())
    assert "0.0 GiB were copied; `cj init --in-place` uses files where they lie" in made.notes


def test_a_data_set_is_never_overwritten(tmp_path):
    file = write_log(tmp_path)
    made = draft(tmp_path, file)
    before = made.file.read_bytes()
    with pytest.raises(ConfigError, match=r"there is a dataset.yml already, and it is never overwritten"):
        draft(tmp_path, file)
    assert made.file.read_bytes() == before


def test_two_files_of_one_name_are_refused(tmp_path):
    files = [write_log(tmp_path / name) for name in ("a", "b")]
    with pytest.raises(ConfigError, match=r"both would be .*shop_log.csv; rename one"):
        draft(tmp_path, *files)


def test_a_glob_holds_its_group_and_nothing_else(tmp_path):
    log = write_log(tmp_path).read_text()
    files = []
    for name in ("log-2024-01.csv", "log-2024-02.csv", "other.csv"):
        (tmp_path / name).write_text(log if name != "other.csv" else log.replace("amount", "price"))
        files.append(tmp_path / name)
    config = yaml.safe_load(draft(tmp_path, *files).file.read_text())
    assert sorted(entry["source"].split("/")[-1] for entry in config["tables"]["events"]) == ["log-*.csv", "other.csv"]


def test_codes_for_no_answer_are_declared_where_numbers_stand(tmp_path):
    file = write_log(tmp_path)
    file.write_text(file.read_text().replace(",1.5\n", ",NA\n", 5))
    made = draft(tmp_path, file)
    assert yaml.safe_load(made.file.read_text())["tables"]["events"][0]["read"] == {"missing": ["NA"]}


def test_what_cannot_be_placed_is_said(tmp_path):
    log, other = write_log(tmp_path), tmp_path / "codes.csv.gz"
    other.write_bytes(gzip.compress(b"code,meaning\n1,red\n2,blue\n3,green\n"))
    text = draft(tmp_path, log, other).file.read_text()
    assert yaml.safe_load(text)["raw"] == {"codes": {"source": "codes.csv.gz"}}
    assert "    # no column looks like the id of a customer\n    # no column holds dates\n" in text


# --- the command


def test_the_command_writes_and_says_what_it_found(tmp_path, capsys):
    file = write_log(tmp_path)
    assert cli.main(["init", str(tmp_path / "mine"), str(file), "--time-zone", "Europe/Berlin"]) == 0
    shown = capsys.readouterr().out
    assert "shop_log.csv  events" in shown
    assert "journey paid: visit > basket > paid" in shown
    text = (tmp_path / "mine" / "dataset.yml").read_text()
    assert "NOT KNOWN" not in text
    assert cli.main(["check", str(tmp_path / "mine")]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'DIR'"),
        (["mine"], "Missing argument 'FILE...'"),
        (["mine", "nowhere.csv"], "nowhere.csv: no such file"),
        (["my data", "shop_log.csv"], "letters, digits, _ or - only"),
        (["mine", "shop_log.csv"], "--date-order dmy"),
    ],
)
def test_a_wrong_command_is_one_message(tmp_path, capsys, monkeypatch, arguments, message):
    write_log(tmp_path, pattern="%d.%m.%Y %H:%M", days=range(10))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", *arguments]) == cli.USAGE
    assert message in capsys.readouterr().err


def test_data_that_are_not_fit_yet_give_a_dataset_yml_and_exit_code_3(tmp_path, capsys):
    file = write_log(tmp_path)
    lines = file.read_text().splitlines()
    file.write_text(
        "\n".join(
            [lines[0], *("," + line.partition(",")[2] if i % 9 == 0 else line for i, line in enumerate(lines[1:]))]
        )
    )
    assert cli.main(["init", str(tmp_path / "mine"), str(file)]) == cli.NOT_FIT
    assert "have no customer_id" in capsys.readouterr().err
    assert (tmp_path / "mine" / "dataset.yml").exists()
