"""What each key of a source does to its rows, from dataset.yml to the tables that the analyses read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import Dataset, customer_frame, open_dataset, survey_frame

HEAD = "version: 1\nname: Test\n"
PLAIN = "{customer_id: who, timestamp: at, touchpoint: what}"
ROWS = """\
who,at,what,kind
a,2024-01-01,/shop/42?x=1,web
b,2024-01-02,/help/7,web
c,2024-01-03,pay,bot
d,2024-01-04,pay,
"""


def opened(folder: Path, yml: str, **files: str) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.yml").write_text(HEAD + yml, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8", newline="")
    return open_dataset(folder)


def log(folder: Path, keys: str, text: str = ROWS, columns: str = PLAIN) -> Dataset:
    lines = "".join(f"      {line}\n" for line in keys.splitlines())
    return opened(folder, f"tables:\n  events:\n    - source: e.csv\n      columns: {columns}\n{lines}", e=text)


def rows(data: Dataset, *columns: str) -> list[tuple]:
    table = data.events.order_by("customer_id", "timestamp").execute()
    return [tuple(row) for row in table[list(columns)].itertuples(index=False)]


def checks(data: Dataset) -> dict[str, tuple[str, int]]:
    return {row.check: (row.outcome, row.n_rows) for row in data.quality.itertuples()}


# --- recoding ---------------------------------------------------------------------------------------------------------


def test_patterns_turn_addresses_into_touchpoints_and_the_first_that_fits_wins(tmp_path):
    data = log(tmp_path, "patterns:\n  touchpoint: {'^/shop/': product, '\\d': other_page}")
    assert rows(data, "customer_id", "touchpoint") == [
        ("a", "product"),
        ("b", "other_page"),
        ("c", "pay"),
        ("d", "pay"),
    ]


def test_whole_values_are_recoded_before_patterns_see_them(tmp_path):
    data = log(tmp_path, "values: {touchpoint: {pay: /shop/till}}\npatterns: {touchpoint: {'^/shop/': shop}}")
    assert [t for (t,) in rows(data, "touchpoint")] == ["shop", "/help/7", "shop", "shop"]


def test_thousands_of_addresses_become_forty_touchpoints(tmp_path):
    lines = [f"c{i},2024-01-{i % 28 + 1:02},/s{i % 40}/{i}" for i in range(4_000)]
    patterns = "".join(f"\n    '^/s{i}/': section_{i}" for i in range(40))
    text = "who,at,what\n" + "\n".join(lines) + "\n"
    data = log(tmp_path, f"patterns:\n  touchpoint:{patterns}", text)
    found = data.events.touchpoint.value_counts().execute()
    assert len(found) == 40
    assert set(found.iloc[:, 1]) == {100}


def test_a_pattern_that_is_none_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"'\[a': .*no regular expression|'\[a' is no regular expression"):
        log(tmp_path, "patterns: {touchpoint: {'[a': x}}")
    with pytest.raises(ConfigError, match=r"patterns: no column 'page'"):
        log(tmp_path, "patterns: {page: {a: x}}")


# --- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "left", "n_out"),
    [
        ("keep: {kind: [web]}", "ab", 2),
        ("leave_out: {kind: [bot]}", "abd", 1),
        ("keep: {kind: [web, '']}", "abd", 1),
        ("leave_out: {kind: ['']}", "abc", 1),
        ("keep: {kind: [web, bot]}\nleave_out: {who: [a]}", "bc", 2),
    ],
)
def test_filters_keep_and_leave_out_rows_and_count_them(tmp_path, keys, left, n_out):
    data = log(tmp_path, keys)
    assert "".join(who for (who,) in rows(data, "customer_id")) == left
    assert checks(data) == {"filtered": ("not used", n_out)}
    assert data.inputs[0]["rows"] == 4


def test_a_filter_that_leaves_nothing_or_names_no_column_stops(tmp_path):
    with pytest.raises(DataError, match=r"no rows that `keep` and `leave_out` leave"):
        log(tmp_path, "keep: {kind: [phone]}")
    with pytest.raises(ConfigError, match=r"keep: no column 'knd'; did you mean 'kind'"):
        log(tmp_path, "keep: {knd: [web]}")


def test_declared_rows_are_those_of_the_file_and_not_of_what_is_kept(tmp_path):
    assert log(tmp_path / "a", "rows: 4\nkeep: {kind: [web]}").events.count().execute() == 2
    with pytest.raises(DataError, match="has 4 rows, 2 were declared"):
        log(tmp_path / "b", "rows: 2\nkeep: {kind: [web]}")


# --- how a file is written --------------------------------------------------------------------------------------------


def test_lines_above_the_header_are_skipped_and_not_counted(tmp_path):
    data = log(tmp_path, "read: {skip: 2}\nrows: 4", "Export of 4 rows\n(secret)\n" + ROWS)
    assert data.events.count().execute() == 4
    assert data.inputs[0]["rows"] == 4


def test_a_file_without_header_gets_the_names_given(tmp_path):
    data = log(tmp_path, "read: {header: [who, at, what, kind]}\nrows: 4", ROWS.split("\n", 1)[1])
    assert rows(data, "customer_id", "kind")[0] == ("a", "web")
    assert data.events.count().execute() == 4


def test_an_escape_of_its_own_lets_quotes_stand_in_text(tmp_path):
    text = 'who,at,what\na,2024-01-01,"say \\"hi\\", twice"\nb,2024-01-02,"plain"\n'
    data = log(tmp_path, "read: {escape: '\\'}", text)
    assert [t for (t,) in rows(data, "touchpoint")] == ['say "hi", twice', "plain"]


def test_doubled_quotes_stand_in_text_without_an_escape(tmp_path):
    data = log(tmp_path, "", 'who,at,what\na,2024-01-01,"say ""hi"", twice"\n')
    assert rows(data, "touchpoint") == [('say "hi", twice',)]


# --- surveys in the long form -----------------------------------------------------------------------------------------

LONG = """\
person,day,item,score,wave
p,2024-01-05,nps,9,1
p,2024-01-05,ease,4,1
q,2024-01-06,nps,3,1
r,2024-01-07,ease,5,1
"""
LONG_YML = (
    "tables:\n  surveys:\n    - source: s.csv\n      columns: {customer_id: person, answered_at: day}\n"
    "      long: {by: [person, day], question: item, answer: score}\n"
    "survey: {nps: nps, drivers: {ease: [ease]}, driver_scale: [1, 5]}\n"
)


def test_one_row_per_answer_becomes_one_row_per_response(tmp_path):
    data = opened(tmp_path, LONG_YML, s=LONG)
    table = survey_frame(data).sort_values("answered_at")
    assert table.nps.fillna(-1).tolist() == [9, 3, -1]
    assert table.ease.fillna(-1).tolist() == [4, -1, 5]
    assert data.inputs[0]["rows"] == 4


def test_an_answer_given_twice_or_a_column_of_the_name_of_a_question_stops(tmp_path):
    with pytest.raises(DataError, match="1 questions are answered twice in a response"):
        opened(tmp_path / "a", LONG_YML, s=LONG + "p,2024-01-05,nps,2,1\n")
    with pytest.raises(ConfigError, match="the question 'wave' has the name of a column"):
        opened(tmp_path / "b", LONG_YML, s=LONG + "p,2024-01-05,wave,2,1\n")


# --- queries over raw files -------------------------------------------------------------------------------------------

RAW = """\
raw:
  visits: {source: v.csv, rows: 3}
  people: {source: p.csv}
tables:
  events:
    - sql: >-
        select p.id as customer_id, v.at as timestamp, v.page as touchpoint
        from visits v join people p on p.cookie = v.cookie
"""
VISITS = "cookie,at,page\nk1,2024-01-01 08:00:00,home\nk2,2024-01-02 09:00:00,home\nk1,2024-01-03 10:00:00,pay\n"


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # ibis 12 asks the engine for its tables
def test_a_query_joins_raw_files_to_a_log(tmp_path):
    data = opened(tmp_path, RAW, v=VISITS, p="cookie,id\nk1,007\nk2,008\n")
    assert rows(data, "customer_id", "touchpoint") == [("007", "home"), ("007", "pay"), ("008", "home")]
    assert data.as_of == pd.Timestamp("2024-01-03 10:00:00")
    assert [(i["path"], i["rows"]) for i in data.inputs] == [("v.csv", 3), ("p.csv", 2)]


def test_a_raw_file_is_held_to_what_was_declared(tmp_path):
    with pytest.raises(DataError, match=r"raw.visits: v.csv has 2 rows, 3 were declared"):
        opened(tmp_path, RAW, v=VISITS.rsplit("\n", 2)[0] + "\n", p="cookie,id\nk1,007\n")


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # ibis 12 asks the engine for its tables
def test_a_query_that_cannot_run_says_why(tmp_path):
    with pytest.raises(ConfigError, match=r"tables.events\[0\] \(sql\): .*(cookies|Binder|not found)"):
        opened(tmp_path, RAW.replace("p.cookie =", "p.cookies ="), v=VISITS, p="cookie,id\nk1,007\n")


def test_a_table_of_a_real_server_becomes_the_log(postgres, postgres_url, tmp_path):
    at = pd.to_datetime(["2024-01-01 08:00", "2024-01-02 09:00"], utc=True)
    visits = pd.DataFrame({"who": ["a", "b"], "at": at, "what": ["home", "pay"], "kind": ["web", "bot"]})
    postgres.create_table("shop_visits", visits, overwrite=True)

    def on_server(folder: str, origin: str) -> Dataset:
        yml = f"engine: {postgres_url}\ntables:\n  events:\n    - {origin}\n      columns: {PLAIN}\n"
        return opened(tmp_path / folder, yml)

    by_name = on_server("a", "table: public.shop_visits")
    by_query = on_server("b", "sql: select * from shop_visits where kind = 'web'")
    assert rows(by_name, "customer_id", "touchpoint") == [("a", "home"), ("b", "pay")]
    assert rows(by_query, "customer_id", "touchpoint") == [("a", "home")]
    by_name.con.disconnect()
    by_query.con.disconnect()
    with pytest.raises(ConfigError, match=r"the engine cannot give shop_visit"):
        on_server("c", "table: shop_visit")


# --- attributes that change -------------------------------------------------------------------------------------------

HISTORY = """\
id,from,start,end,plan
a,2024-01-01,2024-01-01,,basic
a,2024-03-01,2024-01-01,,max
a,2024-09-01,2024-01-01,2024-08-31,gone
b,2024-02-01,2024-02-01,,basic
"""
DATED = (
    "as_of: {}\ntables:\n  customers:\n    - source: c.csv\n"
    "      columns: {{customer_id: id, valid_from: from, started_at: start, ended_at: end}}\n"
)


@pytest.mark.parametrize(
    ("as_of", "plans"),
    [("2024-01-15", ["basic"]), ("2024-02-28", ["basic", "basic"]), ("2024-06-01", ["max", "basic"])],
)
def test_dated_attributes_are_those_of_as_of(tmp_path, as_of, plans):
    data = opened(tmp_path, DATED.format(as_of), c=HISTORY)
    customers = customer_frame(data)
    assert customers.plan.tolist() == plans
    assert not customers.event.any()
    assert data.history.count().execute() == 4
