"""`cj erase`: what a data set and its reports hold of one customer."""

from __future__ import annotations

from pathlib import Path

import pytest

from cj_helpers import cli
from cj_helpers.dataset.erasing import find_customer
from cj_helpers.dataset.pseudonyms import pseudonym
from cj_helpers.runner import publish
from cj_helpers.runner.traces import find_traces, remove_traces

CONFIG = """\
version: 1
name: Shop
tables:
  events:
    - source: web/*.csv
      columns: {customer_id: visitor, timestamp: at, touchpoint: page}
  customers: [{source: customers.csv}]
  identities:
    - source: ids.csv
      columns: {alias: visitor, customer_id: owner}
privacy: {pseudonym_key_env: TEST_KEY}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Customer C0007 has a cookie, which has an older cookie; a bystander has none."""
    monkeypatch.setenv("TEST_KEY", "secret")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "a.csv").write_text(
        "visitor,at,page\ncookie-2,2024-01-01,home\ncookie-1,2024-01-01,home\nC0008,2024-01-02,home\n"
    )
    (folder / "web" / "b.csv").write_text(
        "visitor,at,page\nC0007,2024-02-01,paid\nC0007,2024-02-01,paid\nC0008,2024-02-02,home\n"
    )
    (folder / "customers.csv").write_text("customer_id,started_at\nC0007,2023-01-01\nC0008,2023-01-01\n")
    (folder / "ids.csv").write_text("visitor,owner\ncookie-1,C0007\ncookie-2,cookie-1\ncookie-9,C0008\n")
    (folder / "dataset.yml").write_text(CONFIG)
    export = tmp_path / "reports" / "shop" / "run1" / "export"
    export.mkdir(parents=True)
    (export / "contacts.csv").write_text(f"customer,risk\n{pseudonym('C0007', b'secret')},0.4\nsomebody,0.3\n")
    # Ids of others that hold the customer's own, as do a file's name and a header.
    (tmp_path / "reports" / "shop" / "run1" / "run.log").write_text("C00071 XC0007 cookie-22 cookie-1-a my-cookie-1\n")
    (tmp_path / "reports" / "shop" / "trace.log").write_text("KeyError: cookie-2\n")
    return folder


@pytest.mark.parametrize("asked", ["C0007", "cookie-2", "cookie-1"])
def test_every_row_is_found_by_any_of_the_ids(shop, asked):
    found = find_customer(shop, asked)
    assert set(found.ids) == {"C0007", "cookie-1", "cookie-2"}
    assert [tuple(row) for row in found.rows.itertuples(index=False)] == [
        ("events", "web/a.csv", "visitor", 2),
        ("events", "web/b.csv", "visitor", 2),  # equal rows count, for each must go
        ("customers", "customers.csv", "customer_id", 1),
        ("identities", "ids.csv", "visitor, owner", 2),
    ]


def test_nothing_changes_without_yes(shop, capsys):
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert cli.main(["erase", "shop", "--customer", "C0007"]) == 0
    shown = capsys.readouterr().out
    assert "web/b.csv" in shown
    assert "contacts.csv" in shown
    assert "Nothing was changed" in shown
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_yes_cleans_the_reports_and_leaves_the_sources_and_other_customers(shop, capsys):
    sources = {path: path.read_bytes() for path in shop.rglob("*.csv")}
    assert cli.main(["erase", "shop", "--customer", "C0007", "--yes"]) == 0
    assert "rows taken out: 1" in capsys.readouterr().out
    assert Path("reports/shop/run1/export/contacts.csv").read_text() == "customer,risk\nsomebody,0.3\n"
    assert not Path("reports/shop/trace.log").exists()
    assert Path("reports/shop/run1/run.log").exists()
    assert {path: path.read_bytes() for path in shop.rglob("*.csv")} == sources


def test_an_unknown_id_has_an_exit_code_of_its_own(shop, capsys):
    assert cli.main(["erase", "shop", "--customer", "C9999"]) == 1
    assert "found in no source and in no report" in capsys.readouterr().err


def test_without_a_key_it_says_what_was_not_searched(shop, capsys, monkeypatch):
    monkeypatch.delenv("TEST_KEY")
    assert cli.main(["erase", "shop", "--customer", "C0007"]) == 0
    shown = capsys.readouterr()
    assert "no key of pseudonyms" in shown.err
    assert "contacts.csv" not in shown.out


def test_a_missing_option_is_a_usage_error(shop, capsys):
    assert cli.main(["erase", "shop"]) == cli.USAGE
    assert "--customer" in capsys.readouterr().err


CONTACTS = """\
pseudonym,value,note
1234,10,first
12345,20,
91234,30,1234
777,51234,
5,1234,"two
lines"
"""


def test_only_whole_values_of_id_columns_go_when_an_id_could_be_a_number(tmp_path):
    files = {
        "export/contacts.csv": CONTACTS,
        "tables/shares.csv": "segment,share,n\na,0.1234,1234\nb,0.5,9\n",
        "index.html": "<p>51,234 of 1234, sha 0012341</p> data 91234",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert remove_traces(tmp_path, ["1234"]) == [(tmp_path / "export/contacts.csv", "rows taken out: 1")]
    left = {name: (tmp_path / name).read_text() for name in files}
    assert left == files | {"export/contacts.csv": CONTACTS.replace("1234,10,first\n", "")}


def test_short_ids_are_looked_for_and_the_command_says_where(shop, capsys):
    reports = Path("reports/shop/run1")
    (shop / "web" / "b.csv").write_text("visitor,at,page\n777,2024-02-01,paid\nC0008,2024-02-02,home\n")
    (reports / "export" / "contacts.csv").write_text("alias,risk\n777,0.4\n7775,777\n")
    (reports / "index.html").write_text("<p>777 journeys</p>")
    private = Path("reports/shop/.logs/run1/01.log")
    private.parent.mkdir(parents=True)
    private.write_text("KeyError: '777'")
    assert cli.main(["erase", "shop", "--customer", "777", "--yes"]) == 0
    assert "777: could be any word or number, so reports were searched for it only in" in capsys.readouterr().err
    assert (reports / "export" / "contacts.csv").read_text() == "alias,risk\n7775,777\n"
    assert (reports / "index.html").exists()
    assert not private.exists()


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.csv", "nps_score,KD-4711x\n5,99\n", 0),
        ("a.csv", "KD-4711,n\n5,99\n", 1),  # a column about the customer: the file goes
        ("a.csv", "note,n\n'KD-4711,9\nwrote KD-4711 a letter,9\nKD-4711-b,9\n", 2),
        ("a.html", "<img src='data:image/png;base64,aa+KD-4711+KD/'> KD-47110", 0),
        ("a.html", "<td>KD-4711</td>, KD-4711.", 2),
        ("a.ipynb", '{"source": "rows:\\nKD-4711", "image/png": "KD-4711"}', 1),
        ("a.log", '{"reason": "rows:\\nKD-4711\\n"}', 1),
        ("a.json", "torn KD-4711", 1),
        ("a.png", "KD-4711", 0),
    ],
)
def test_a_name_is_found_as_a_whole_word_outside_pictures(tmp_path, name, text, found):
    (tmp_path / name).write_text(text)
    assert sum(trace.n for trace in find_traces(tmp_path, ["KD-4711"])) == found
    remove_traces(tmp_path, ["KD-4711"])
    assert find_traces(tmp_path, ["KD-4711"]) == []


def test_digits_of_an_id_are_not_found_in_a_number(tmp_path):
    (tmp_path / "a.html").write_text("12345678 0.1234567 1,1234567 1234567,5")
    assert find_traces(tmp_path, ["1234567"]) == []
    (tmp_path / "a.html").write_text("customer 1234567.")
    assert len(find_traces(tmp_path, ["1234567"])) == 1


@pytest.mark.parametrize("place", ["", "segments/country/DE"])
def test_reports_that_a_run_is_writing_are_left_alone(shop, capsys, place):
    folder = Path("reports/shop") / place
    folder.mkdir(parents=True, exist_ok=True)
    before = {path: path.read_bytes() for path in Path("reports").rglob("*") if path.is_file()}
    with publish.locked(folder):
        assert cli.main(["erase", "shop", "--customer", "C0007", "--yes"]) == cli.LOCKED
    assert "a run is already writing here" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
