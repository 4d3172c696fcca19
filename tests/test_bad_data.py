"""The catalogue of bad data: each case has a number and a declared outcome.

Cases that are not about reading are named in ELSEWHERE with the test that holds them.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import customer_frame, open_dataset, scan, survey_frame
from cj_helpers.dataset.scan import scan_file
from cj_helpers.dataset.schema_tables import Read

ROOT = Path(__file__).resolve().parent.parent
HEAD = "version: 1\nname: Test\n"
MAP = "columns: {customer_id: who, timestamp: at, touchpoint: what}"
N = 400
ROWS = [f"c{i},2024-01-{i % 28 + 1:02} {i // 28:02}:00:00,visit" for i in range(N)]
EVENTS = "who,at,what\n" + "\n".join(ROWS) + "\n"


def events(read: str = "", *, name: str = "events.csv", head: str = "", more: str = "", columns: str = MAP) -> str:
    read = f"\n      read: {read}" if read else ""
    more = "".join(f"\n      {line}" for line in more.splitlines())
    return f"{HEAD}{head}tables:\n  events:\n    - source: '{name}'\n      {columns}{read}{more}\n"


def surveys(missing: str = "") -> str:
    missing = f"\n  missing: {missing}" if missing else ""
    return HEAD + "tables:\n  surveys:\n    - source: s.csv\nsurvey:\n  nps: nps" + missing + "\n"


def customers(columns: str = "{customer_id: id, started_at: a, ended_at: b}", more: str = "") -> str:
    return HEAD + f"as_of: 2024-06-01\ntables:\n  customers:\n    - source: c.csv\n      columns: {columns}\n" + more


def make(folder: Path, yml: str, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "dataset.yml").write_text(yml, encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def frame(**changed) -> pd.DataFrame:
    at = pd.date_range("2024-01-01", periods=N, freq="h")
    return pd.DataFrame({"who": [f"c{i}" for i in range(N)], "at": at, "what": "visit"} | changed)


def edit(old: str, new: str, text: str = EVENTS) -> str:
    assert old in text
    return text.replace(old, new)


def swap(row: int, new: str) -> str:
    lines = EVENTS.splitlines()
    lines[row - 1] = new
    return "\n".join(lines) + "\n"


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, EVENTS)
    return out.getvalue()


def shifted() -> str:
    """Every row has one field more than the header."""
    lines = EVENTS.splitlines()
    return "\n".join([lines[0], *(line + ",x" for line in lines[1:])]) + "\n"


def stray_quotes(first: int, last: int, column: int) -> str:
    """A quote opens in one row and closes in a later one, in the same column."""
    lines = EVENTS.splitlines()
    cells = [line.split(",") for line in lines]
    cells[first - 1][column] = '"' + cells[first - 1][column]
    cells[last - 1][column] += '"'
    return "\n".join(",".join(row) for row in cells) + "\n"


TWO_FILES = {"a.parquet": parquet(frame()), "b.parquet": parquet(frame(who=list(range(N))))}
EPOCH_S = "who,at,what\n" + "".join(f"c{i},{1_704_067_200 + 3600 * i},visit\n" for i in range(N))
EPOCH_MS = "who,at,what\n" + "".join(f"c{i},{(1_704_067_200 + 3600 * i) * 1000},visit\n" for i in range(N))
EXCEL = "who,at,what\n" + "".join(f"c{i},{45_292 + i / 24:.5f},visit\n" for i in range(N))
COSTS = "columns: {customer_id: who, timestamp: at, touchpoint: what, cost: cost}"


def with_cost(*values: str) -> str:
    cells = [f'{row},"{values[i % len(values)]}"' for i, row in enumerate(ROWS)]
    return "who,at,what,cost\n" + "\n".join(cells) + "\n"


# case: (what dataset.yml says, files, the message)
STOPS: dict[str, tuple[str, dict[str, str | bytes], str]] = {
    "1 empty": (events(), {"events.csv": ""}, r"events\.csv is empty \(0 bytes\); export it again"),
    "2 header only": (events(), {"events.csv": "who,at,what\n"}, "holds a header and no rows; export it again"),
    "3 wrong delimiter": (events(), {"events.csv": EVENTS.replace(",", ";")}, r'declare `read: \{delimiter: ";"\}`'),
    "5 Latin-1": (
        events(),
        {"events.csv": swap(302, "c1,2024-01-01,Störung").encode("latin-1")},
        r"events\.csv, line 302 is not utf-8 \(byte 0xF6\); declare `read: \{encoding: latin-1\}`",
    ),
    "5 cp1252": (
        events(),
        {"events.csv": swap(302, "c1,2024-01-01,100 €").encode("cp1252")},
        r"line 302 is not utf-8 \(byte 0x80\); declare `read: \{encoding: cp1252\}`",
    ),
    "5 cp1252 declared as Latin-1": (
        events("{encoding: latin-1}"),
        {"events.csv": swap(302, "c1,2024-01-01,100 €").encode("cp1252")},
        r"line 302 holds the byte 0x80, .*; declare `read: \{encoding: cp1252\}`",
    ),
    "6 UTF-8 declared as Latin-1": (
        events("{encoding: latin-1}"),
        {"events.csv": swap(302, "c1,2024-01-01,Störung")},
        r"events\.csv is UTF-8 but declared as latin-1, .*remove `encoding`",
    ),
    "7 UTF-16": (events(), {"events.csv": EVENTS.encode("utf-16")}, r"is UTF-16; declare `read: \{encoding: utf-16\}`"),
    "8 NUL": (events(), {"events.csv": swap(302, "c1,2024-01-01,vi\0sit")}, r"line 302 holds a NUL byte, .*remove it"),
    "9 ragged row": (
        events(),
        {"events.csv": swap(302, "c1,2024-01-01,visit,x")},
        r"events\.csv, line 302 has 4 columns where the header has 3; mend the row",
    ),
    "10 every row too long": (events(), {"events.csv": shifted()}, r"line 2 has 4 columns where the header has 3"),
    "11 short row": (events(), {"events.csv": swap(302, "c1,2024-01-01")}, r"line 302 has 2 columns where the header"),
    "12 unterminated quote": (
        events(),
        {"events.csv": swap(302, '"c1,2024-01-01,visit')},
        r'events\.csv has an odd number of quotes " \(1\), so one of them is stray; mend it at source',
    ),
    "13 stray quotes, many rows": (
        events(),
        {"events.csv": stray_quotes(3, 390, 2)},
        r"1 field holds whole rows of the file, .*; mend the quotes at source",
    ),
    "13 stray quotes, next row, first column": (
        events(),
        {"events.csv": stray_quotes(3, 4, 0)},
        "1 field holds whole rows of the file",
    ),
    "13 stray quotes, next row, middle column": (
        events(),
        {"events.csv": stray_quotes(3, 4, 1)},
        "1 field holds whole rows of the file",
    ),
    "15 column twice": (events(), {"events.csv": edit("who,at,what", "who,at,who")}, "the columns who twice"),
    "17 missing column": (
        events(),
        {"events.csv": edit("who,at,what", "who,at,wat")},
        r"columns\.touchpoint: no column 'what' in the file; did you mean 'wat'",
    ),
    "18 rows": (
        events(more=f"rows: {N}"),
        {"events.csv": EVENTS[: len(EVENTS) // 2].rpartition("\n")[0] + "\n"},
        r"events\.csv has \d+ rows, 400 were declared; get the whole file again",
    ),
    "18 digest": (
        events(more=f"sha256: {'ab' * 32}"),
        {"events.csv": EVENTS},
        r"events\.csv is not the file that was declared \(sha256 .*, expected abababababab",
    ),
    "19 truncated Parquet": (
        events(name="e.parquet"),
        {"e.parquet": parquet(frame())[:-30]},
        r"e\.parquet is cut off or no Parquet file; export it again",
    ),
    "19 mixed schemas": (
        events(name="*.parquet"),
        TWO_FILES,
        r"b\.parquet and a\.parquet differ in who \(int64\), who \(.*string\); files of one glob need the same",
    ),
    "21 zip": (
        events(name="e.zip"),
        {"e.zip": zipped("a.csv", "b.csv")},
        r"e\.zip is \.zip, which is not read; unpack",
    ),
    "22 pickle": (events(name="e.pkl"), {"e.pkl": pickle.dumps(1)}, r"e\.pkl is \.pkl.*a pickle can run programs"),
    "23 address": (
        events(name="https://example.org/e.csv"),
        {},
        r"is an address; .*list the start of its http address under `allow: \{urls",
    ),
    "24 ..": (events(name="../e.csv"), {}, r"points outside the data set; .*`allow: \{outside"),
    "24 absolute": (events(name="/etc/passwd"), {}, "points outside the data set"),
    "27 ids above 2^53": (
        events(name="e.parquet"),
        {"e.parquet": parquet(frame(who=[float(2**53 + 2), *[1.0] * (N - 1)]))},
        r"column 'who' \(id\): 1 of 400 values is no whole number.*export ids as text",
    ),
    "31 null ids": (
        events(),
        {"events.csv": EVENTS + "".join(f",2024-01-01 00:00:{i:02},visit\n" for i in range(10))},
        r"10 of 410 rows \(2\.4%\) have no customer_id \(first: row 402\); up to 1 % are dropped",
    ),
    "32 duplicate customers": (
        customers(),
        {"c.csv": "id,a,b\n1,2024-01-01,\n1,2024-01-02,\n"},
        "1 of 2 customers stands in more than one row; keep one row each",
    ),
    "33 join keys": (
        events() + "  customers:\n    - source: c.csv\n      columns: {customer_id: id}\n",
        {
            "events.csv": EVENTS.replace("\nc", "\n00"),
            "c.csv": "id,tariff\n" + "".join(f"{i},x\n" for i in range(1, N)),
        },
        r"events: none of 400 customer ids occurs in customers; they differ in leading zeros or decimals",
    ),
    "37 decimal comma": (
        events(columns=COSTS),
        {"events.csv": with_cost("1,5")},
        r"400 of 400 values are no numbers \(first: row 2, found '1,5'\); declare `read: \{decimal: ','\}`",
    ),
    "38 German thousand": (
        events(columns=COSTS),
        {"events.csv": with_cost("1.234", "12.500", "950")},
        r"column 'cost': every number with a point looks like a thousand \(such as 1\d?\.\d+\); declare",
    ),
    "39 text in a number column": (
        events(columns=COSTS),
        {"events.csv": with_cost("1", "n/a")},
        r"column 'cost' \(number\): 200 of 400 values are no numbers \(first: row 3\)",
    ),
    "40 inf": (events(columns=COSTS), {"events.csv": with_cost("1", "inf")}, "200 of 400 values are no numbers"),
    "40 inf in Parquet": (
        events(name="e.parquet", columns=COSTS),
        {"e.parquet": parquet(frame(cost=[np.inf, *[1.0] * (N - 1)]))},
        r"column 'cost' \(number\): 1 of 400 values is no number",
    ),
    "41 undeclared day-first": (
        events(),
        {"events.csv": swap(302, "c1,03.04.2024,visit")},
        r"1 of 400 values is no timestamp such as .*found '03\.04\.2024'\); declare `read: \{timestamp_format",
    ),
    "42 mixed day and month": (
        events("{timestamp_format: '%d/%m/%Y'}"),
        {"events.csv": "who,at,what\nc1,13/04/2024,visit\nc2,04/14/2024,visit\n"},
        r"1 of 2 values does not match '%d/%m/%Y' \(first: row 3, found '04/14/2024'\)",
    ),
    "44 aware and naive": (
        events(),
        {"events.csv": swap(302, "c1,2024-01-01 10:00:00+02:00,visit")},
        r"1 times carry an offset such as \+02:00 and 399 do not; write all of them in one way",
    ),
    "45 gap": (
        events(head="time_zone: Europe/Berlin\n"),
        {"events.csv": swap(302, "c1,2024-03-31 02:30:00,visit")},
        r"found '2024-03-31 02:30:00'\); the day or the hour does not exist",
    ),
    "46 epoch seconds": (events(), {"events.csv": EPOCH_S}, "looks like a count.*timestamp_format: epoch_s}"),
    "46 epoch milliseconds": (events(), {"events.csv": EPOCH_MS}, "looks like a count.*timestamp_format: epoch_ms}"),
    "46 Excel": (events(), {"events.csv": EXCEL}, "looks like a count.*timestamp_format: excel}"),
    "46 epoch in Parquet": (
        events(name="e.parquet"),
        {"e.parquet": parquet(frame(at=np.arange(1_704_067_200, 1_704_067_200 + N)))},
        "looks like a count.*timestamp_format: epoch_s}",
    ),
    "47 ms read as s": (
        events("{timestamp_format: epoch_s}"),
        {"events.csv": EPOCH_MS},
        r"400 of 400 (rows|values).*(epoch_ms|before 1980 or after 2099)",
    ),
    "47 s read as ms": (
        events("{timestamp_format: epoch_ms}"),
        {"events.csv": EPOCH_S},
        r"400 of 400 rows .* have a timestamp before 1980 or after 2099.*Declare `read: \{timestamp_format: epoch_s\}`",
    ),
    "46 year 0000": (
        events(),
        {"events.csv": EVENTS + "".join(f"c{i},0000-01-01 00:00:00,visit\n" for i in range(9))},
        r"9 of 409 rows .*have a timestamp before 1980",
    ),
    "49 30 February": (
        events(),
        {"events.csv": swap(302, "c1,2024-02-30,visit")},
        "1 of 400 values is no timestamp.*found '2024-02-30'",
    ),
    "49 24:00": (
        events(),
        {"events.csv": swap(302, "c1,2024-02-01 24:00:00,visit")},
        "1 of 400 values is no timestamp.*found '2024-02-01 24:00:00'",
    ),
    "50 future": (
        events(),
        {"events.csv": EVENTS + "".join(f"z{i},9999-12-31,visit\n" for i in range(9))},
        r"9 of 409 events lie more than 30 days after the 99\.9 % quantile .*, the last on 9999-12-31; up to 1 %",
    ),
    "54 negative duration": (
        events(columns="columns: {customer_id: who, timestamp: at, touchpoint: what, duration_s: cost}"),
        {"events.csv": with_cost("5", "-1")},
        "200 of 400 rows .* have a duration_s below 0",
    ),
    "54 ended before started": (
        customers(),
        {"c.csv": "id,a,b\n1,2024-02-01,2024-01-01\n"},
        "1 of 1 customers ended before they started; mend the dates",
    ),
    "56 reversed window": (
        customers("{customer_id: id, started_at: a, observed_from: b, observed_until: c}"),
        {"c.csv": "id,a,b,c\n1,2020-01-01,2024-02-01,2024-01-01\n"},
        "1 of 1 rows .*has an observed_until before its observed_from",
    ),
    "57 off the scale": (
        surveys(),
        {"s.csv": "nps,x\n99,1\n-1,2\n11,3\n5,4\n"},
        r"3 of 4 answers to the NPS question are not a whole number from 0 to 10 \(first: row 2; found -1 to 99\)",
    ),
}


@pytest.mark.parametrize("case", STOPS)
def test_bad_data_stops_with_place_finding_and_remedy(tmp_path, case):
    yml, files, message = STOPS[case]
    with pytest.raises((DataError, ConfigError), match=f"(?s){message}") as caught:
        open_dataset(make(tmp_path / "set", yml, files))
    assert str(tmp_path) not in str(caught.value)


def checks(data) -> dict[str, tuple[str, int]]:
    return {row.check: (row.outcome, row.n_rows) for row in data.quality.itertuples()}


def opened(folder: Path, yml: str, files: dict[str, str | bytes], **options):
    return open_dataset(make(folder / "set", yml, files), **options)


def test_4_a_byte_order_mark_is_repaired(tmp_path):
    data = opened(tmp_path, events(), {"events.csv": "\ufeff" + EVENTS})
    assert data.events.customer_id.nunique().execute() == N


def test_14_a_quoted_line_break_is_accepted(tmp_path):
    text = EVENTS.replace("what", "what,note", 1).replace("visit", 'visit,"Good, but slow\nThanks, bye"')
    data = opened(tmp_path, events(), {"events.csv": text})
    assert data.events.note.nunique().execute() == 1
    assert data.events.count().execute() == N
    assert data.inputs[0]["rows"] == N


def test_13_lines_in_text_can_be_declared(tmp_path):
    text = EVENTS.replace("what", "what,a", 1).replace("visit", 'visit,"1,2,3,4\n5,6,7,8\n9"')
    with pytest.raises(DataError, match=r"400 fields hold whole rows .*lines_in_text: true"):
        opened(tmp_path, events(), {"events.csv": text})
    assert opened(tmp_path, events("{lines_in_text: true}"), {"events.csv": text}).fit


def test_16_blanks_in_the_header_are_repaired(tmp_path):
    data = opened(tmp_path, events(), {"events.csv": edit("who,at,what", " who , at ,what\t")})
    assert data.events.count().execute() == N


def test_17_an_extra_column_is_kept_as_attribute(tmp_path):
    data = opened(
        tmp_path, events(), {"events.csv": EVENTS.replace("what", "what,shop", 1).replace("visit", "visit,Ulm")}
    )
    assert data.events.shop.nunique().execute() == 1


def test_20_a_gzip_bomb_stops_by_size_and_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "MOST_UNPACKED", 1000)
    yml = events(name="e.csv.gz")
    with pytest.raises(DataError, match=r"e\.csv\.gz unpacks to more than .* GiB, over 100 times its size; unpack it"):
        opened(tmp_path, yml, {"e.csv.gz": gzip.compress(b"who,at,what\n" + b"a" * 200_000, mtime=0)})
    assert opened(tmp_path, yml, {"e.csv.gz": gzip.compress(EVENTS.encode(), mtime=0)}).fit  # large, but no bomb


def test_18_a_truncated_gzip_stops(tmp_path):
    packed = gzip.compress(EVENTS.encode(), mtime=0)[:-20]
    with pytest.raises(DataError, match=r"e\.csv\.gz is cut off or no gzip file .*; export it again"):
        opened(tmp_path, events(name="e.csv.gz"), {"e.csv.gz": packed})


def test_18_a_whole_file_with_its_manifest_opens(tmp_path):
    import hashlib

    digest = hashlib.sha256(EVENTS.encode()).hexdigest()
    more = f"rows: {{a.csv: {N}, b.csv: {N}}}\nsha256: {{a.csv: {digest}}}"
    data = opened(tmp_path, events(name="*.csv", more=more), {"a.csv": EVENTS, "b.csv": EVENTS.replace("c", "d")})
    assert [entry["rows"] for entry in data.inputs] == [N, N]


def test_24_a_link_out_of_the_data_set_stops_unless_allowed(tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "e.csv").write_text(EVENTS)
    folder = make(tmp_path / "set", events(name="link.csv"), {})
    (folder / "link.csv").symlink_to(tmp_path / "else" / "e.csv")
    with pytest.raises(ConfigError, match=r"link\.csv is a link out of the data set's folder; .*`allow: \{outside"):
        open_dataset(folder)
    for name in ("link.csv", "../else/e.csv", str(tmp_path / "else" / "*.csv")):
        make(folder, events(name=name, head="allow: {outside: [../else]}\n"), {})
        assert open_dataset(folder).events.count().execute() == N


def test_23_an_address_is_read_when_allowed(tmp_path):
    import http.server
    import threading

    make(tmp_path / "web", "", {"e.csv": EVENTS})
    handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=str(tmp_path / "web"))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        data = opened(tmp_path, events(name=url + "e.csv", head=f"allow: {{urls: ['{url}']}}\n"), {})
        server.shutdown()
    assert data.events.count().execute() == N
    assert data.inputs[0]["path"] == url + "e.csv"


def test_25_a_file_that_changes_while_it_is_read_stops(tmp_path):
    path = make(tmp_path / "set", events(), {"events.csv": EVENTS}) / "events.csv"
    found = scan_file(path, "events.csv", Read(), tmp_path, "tables.events[0]")
    scan.refuse_changed([found], "tables.events[0]")
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError, match=r"events\.csv changed while it was read; wait for the export and run again"):
        scan.refuse_changed([found], "tables.events[0]")


@pytest.mark.parametrize("value", ["007", "1E5", "NA", "None", "null", "1.0", "a-1"])
def test_26_to_30_ids_stay_text(tmp_path, value):
    data = opened(tmp_path, events(), {"events.csv": swap(302, f"{value},2024-01-01,visit")})
    assert data.events.filter(data.events.customer_id == value).count().execute() == 1


def test_27_ids_with_nulls_in_parquet_are_no_decimals(tmp_path):
    who = [1.0, 2.0, None, *[float(i) for i in range(3, N)]]
    data = opened(tmp_path, events(name="e.parquet"), {"e.parquet": parquet(frame(who=who))})
    assert sorted(data.events.customer_id.execute())[:3] == ["1", "10", "100"]
    assert checks(data)["missing_customer_id"] == ("dropped", 1)


def test_30_missing_codes_are_declared(tmp_path):
    data = opened(tmp_path, events("{missing: [NA]}"), {"events.csv": swap(302, "NA,2024-01-01,visit")})
    assert checks(data) == {"missing_customer_id": ("dropped", 1)}


def test_31_a_few_null_ids_are_dropped_and_counted(tmp_path):
    data = opened(tmp_path, events(), {"events.csv": EVENTS + ",2024-01-01,visit\n"})
    assert checks(data) == {"missing_customer_id": ("dropped", 1)}
    assert "first: row 402" in data.quality.message[0]


def test_34_a_null_segment_is_a_segment(tmp_path):
    rows = "id,a,b,plan\n1,2024-01-01,,x\n2,2024-01-01,,\n"
    data = opened(tmp_path, customers(), {"c.csv": rows})
    assert customer_frame(data, segment_col="plan").segment.tolist() == ["x", "(missing)"]


SPELLINGS = ["Café besucht", "Cafe\u0301 besucht", "Café\u00a0besucht", "Ca\u200bfé besucht", "CAFÉ besucht"]


@pytest.mark.parametrize("spelling", SPELLINGS[1:])
def test_35_spellings_of_a_touchpoint_are_unified_and_listed(tmp_path, spelling):
    text = EVENTS.replace("visit", "Café besucht") + f"z,2024-01-02,{spelling}\n"
    data = opened(tmp_path, events(), {"events.csv": text})
    assert data.events.touchpoint.execute().unique().tolist() == ["Café besucht"]
    assert checks(data)["touchpoint_spelling"] == ("repaired", 1)
    assert "unified: " in data.quality.message[0]


@pytest.mark.parametrize(("written", "plain"), [("vis\u202eit", "visit"), ("👍 gut", "👍 gut"), ("👨‍👩‍👧", "👨‍👩‍👧")])
def test_36_overrides_of_direction_go_and_emoji_stay(tmp_path, written, plain):
    data = opened(tmp_path, events(), {"events.csv": EVENTS + f"z,2024-01-02,{written}\n"})
    last = data.events.filter(data.events.customer_id == "z").touchpoint.execute()
    assert last.tolist() == [plain]


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        ("{decimal: ','}", "1,5", 1.5),
        ("{thousands: '.', decimal: ','}", "1.234,5", 1234.5),
        ("{thousands: '.', decimal: ','}", "12.345.678", 12_345_678.0),
        ('{thousands: "\'"}', "1'234.5", 1234.5),
        ("{thousands: ','}", "1,234.5", 1234.5),
        ("{decimal: '.'}", "1.234", 1.234),
    ],
)
def test_37_38_declared_notations_are_read(tmp_path, read, written, value):
    data = opened(tmp_path, events(read, columns=COSTS), {"events.csv": with_cost(written)})
    assert data.events.cost.execute().unique().tolist() == [value]


@pytest.mark.parametrize(
    ("form", "written", "utc"),
    [
        ("%d.%m.%Y", "03.04.2024", "2024-04-02 22:00"),
        ("%d.%m.%Y %H:%M", "03.04.2024 10:00", "2024-04-03 08:00"),
        ("%m/%d/%Y %I:%M %p", "04/03/2024 01:30 PM", "2024-04-03 11:30"),
        ("%Y%m%d", "20240403", "2024-04-02 22:00"),
        ("%d.%m.%Y %H:%M %z", "03.04.2024 10:00 -0500", "2024-04-03 15:00"),
        ("epoch_s", "1712131200", "2024-04-03 08:00"),
        ("epoch_ms", "1712131200000", "2024-04-03 08:00"),
        ("epoch_us", "1712131200000000", "2024-04-03 08:00"),
        ("excel", "45385.5", "2024-04-03 10:00"),
        ("", "2024-04-03T10:00:00.123", "2024-04-03 08:00:00.123"),
        ("", "2024-04-03T10:00:00Z", "2024-04-03 10:00"),
        ("", "2024-04-03 10:00:00+02:00", "2024-04-03 08:00"),
    ],
)
def test_41_declared_times_are_read(tmp_path, form, written, utc):
    text = "who,at,what\n" + f"a,{written},visit\n"
    head = "time_zone: Europe/Berlin\n"
    data = opened(tmp_path, events(f"{{timestamp_format: '{form}'}}", head=head), {"events.csv": text})
    assert data.events.timestamp.execute().tolist() == [pd.Timestamp(utc)]


def test_43_mixed_offsets_land_in_utc(tmp_path):
    text = "who,at,what\na,2024-01-01T10:00:00+02:00,x\na,2024-01-01T10:00:00-05:00,x\na,2024-01-01T10:00:00Z,x\n"
    data = opened(tmp_path, events(), {"events.csv": text})
    assert sorted(data.events.timestamp.hour().execute()) == [8, 10, 15]
    assert data.clocks.n_with_offset.tolist() == [3]


@pytest.mark.parametrize(("fold", "utc"), [("first", "2024-10-27 00:30"), ("second", "2024-10-27 01:30")])
def test_45_an_hour_that_occurs_twice_is_read_by_the_rule_and_counted(tmp_path, fold, utc):
    text = "who,at,what\na,2024-10-27 02:30:00,x\na,2024-10-27 12:00:00,x\n"
    head = f"time_zone: Europe/Berlin\ntime_fold: {fold}\n"
    data = opened(tmp_path, events(head=head), {"events.csv": text})
    assert data.events.timestamp.min().execute() == pd.Timestamp(utc)
    assert checks(data)["clock_fold"] == ("repaired", 1)
    assert data.clocks.n_folded.tolist() == [1]


def test_46_a_few_implausible_years_are_dropped_and_counted(tmp_path):
    data = opened(tmp_path, events(), {"events.csv": EVENTS + "z,0000-01-01 00:00:00,visit\n"})
    assert checks(data) == {"implausible_timestamp": ("dropped", 1)}


def test_48_year_9999_of_a_contract_is_open_ended(tmp_path):
    data = opened(tmp_path, customers(), {"c.csv": "id,a,b\n1,2024-01-01,9999-12-31\n"})
    assert checks(data) == {"open_ended_ended_at": ("repaired", 1)}
    assert customer_frame(data).event.tolist() == [False]


def test_50_a_few_future_events_are_dropped_and_counted(tmp_path):
    text = "who,at,what\n" + "".join(f"c{i},2024-01-01 00:{i // 60:02}:{i % 60:02},visit\n" for i in range(2000))
    data = opened(tmp_path, events(), {"events.csv": text + "z,2031-01-01,visit\n"})
    assert checks(data) == {"future_events": ("dropped", 1)}


def test_51_52_ties_and_order_do_not_change_with_the_order_of_other_rows(tmp_path):
    from cj_helpers.journeys import build_steps

    journey = "journeys:\n  j: {label: J, success: [b], timeout: 7d}\n"
    rows = ["x,2024-01-01,a", "x,2024-01-01,b", "y,2024-01-02,b", "y,2024-01-01,a"]
    found = []
    for order in ([0, 1, 2, 3], [3, 2, 0, 1]):
        text = "who,at,what\n" + "\n".join(rows[i] for i in order) + "\n"
        data = open_dataset(make(tmp_path / f"{order[0]}", events() + journey, {"events.csv": text}))
        steps = build_steps(data.events, definitions=data.journeys, as_of=data.as_of)
        found.append(steps.order_by("customer_id", "position").execute()[["customer_id", "position", "touchpoint"]])
    pd.testing.assert_frame_equal(*found)
    assert found[0].touchpoint.tolist() == ["a", "b", "a", "b"]


def test_53_equal_rows_are_dropped_or_kept_as_declared(tmp_path):
    text = EVENTS + ROWS[0] + "\n" + ROWS[1] + "\n"
    data = opened(tmp_path, events(), {"events.csv": text})
    assert checks(data) == {"duplicate_rows": ("dropped", 2)}
    assert data.events.count().execute() == N
    assert opened(tmp_path, events(more="duplicates: keep"), {"events.csv": text}).events.count().execute() == N + 2


def test_55_durations_as_timedelta_are_seconds(tmp_path):
    lasted = pd.to_timedelta([90] * N, unit="s")
    columns = "columns: {customer_id: who, timestamp: at, touchpoint: what, duration_s: lasted}"
    data = opened(tmp_path, events(name="e.parquet", columns=columns), {"e.parquet": parquet(frame(lasted=lasted))})
    assert data.events.duration_s.execute().unique().tolist() == [90.0]


def test_56_an_as_of_before_the_log_stops(tmp_path):
    with pytest.raises(ConfigError, match=r"as_of: .* lies before the first event .*Give a later as_of"):
        opened(tmp_path, events(), {"events.csv": EVENTS}, as_of="2020-01-01")


def test_57_58_declared_codes_are_blanks_and_not_in_the_denominator(tmp_path):
    data = opened(tmp_path, surveys("{nps: [99]}"), {"s.csv": "nps,x\n99,1\n10,3\n,4\n"})
    assert survey_frame(data).nps.dropna().tolist() == [10.0]


def test_70_sql_in_values_and_names_is_text(tmp_path):
    evil = "x'); DROP TABLE events; --"
    text = EVENTS.replace("what", f'what,"{evil}"', 1).replace("visit", f'"{evil}",1')
    data = opened(tmp_path, events(), {"events.csv": text})
    assert data.events.touchpoint.execute().unique().tolist() == [evil]
    assert evil in data.events.columns
    assert data.events.count().execute() == N


@pytest.mark.parametrize("query", ["select * from read_csv('/etc/passwd')", "select * from secrets"])
def test_70_71_queries_reach_neither_files_nor_python(tmp_path, query):
    secrets = pd.DataFrame({"customer_id": ["x"]})
    assert len(secrets) == 1
    yml = HEAD + f'tables:\n  events:\n    - sql: "{query}"\n'
    with pytest.raises(ConfigError, match=r"the engine cannot give this query: .*(disabled|does not exist)"):
        opened(tmp_path, yml, {})
    data = opened(tmp_path, events(), {"events.csv": EVENTS})
    with pytest.raises(Exception, match="locked"):
        data.con.raw_sql("SET enable_external_access=true")


# Cases that another room holds, and the tests that show them.
ELSEWHERE = {
    59: ("test_nps.py::test_no_answers_give_a_row_without_estimate",),
    60: ("test_survival.py::test_all_censored_and_one_subject",),
    61: ("test_survival.py::test_separation_names_the_term", "test_nps_models.py::test_separation_names_the_term"),
    62: ("test_nps.py::test_collinear_drivers_are_named_and_others_are_not",),
    63: (
        "test_nps.py::test_airport_answers_left_out_are_explained",
        "test_churn.py::test_missing_covariates_are_counted",
    ),
    64: ("test_churn_prediction.py::test_one_class_and_separation_are_refused",),
    65: ("test_churn_prediction.py::test_one_class_and_separation_are_refused",),
    66: ("test_survival.py::test_no_rows_give_no_curve",),
    67: (
        "test_inference.py::test_small_groups_are_dropped_and_counted",
        "test_survival.py::test_all_censored_and_one_subject",
    ),
    68: ("test_mapping_depth.py::test_ten_thousand_touchpoints_are_folded_to_the_frequent_ones",),
    69: ("test_nps.py::test_constant_drivers_and_outcomes_are_named",),
    72: ("test_text.py::test_formulas_are_defused_in_cells_and_headings",),
    73: ("test_report.py::test_scripts_in_data_stay_text", "test_html.py::test_the_policy_stops_a_script_that_got_in"),
    74: (
        "test_report.py::test_names_that_are_no_file_names_are_refused",
        "test_report.py::test_an_export_does_not_follow_a_link_out_of_the_run",
    ),
}


def test_every_case_of_the_catalogue_has_a_test():
    import re

    here = Path(__file__).read_text(encoding="utf-8")
    named = {int(n) for case in STOPS for n in re.findall(r"^\d+", case)}
    for found in re.findall(r"^def test_((?:\d+_)+(?:to_\d+_)?)", here, flags=re.MULTILINE):
        numbers = [int(n) for n in re.findall(r"\d+", found)]
        named |= set(range(numbers[0], numbers[-1] + 1)) if "to" in found else set(numbers)
    assert named | set(ELSEWHERE) == set(range(1, 75))
    for place in sum(ELSEWHERE.values(), ()):
        file, _, test = place.partition("::")
        assert f"\ndef {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), place
