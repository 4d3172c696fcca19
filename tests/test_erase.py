"""`cj erase`: what a data set and its reports hold of one customer."""

from __future__ import annotations

from pathlib import Path

import pytest

from cj_helpers import cli
from cj_helpers.dataset.erasing import find_customer
from cj_helpers.dataset.pseudonyms import pseudonym

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
    (tmp_path / "reports" / "shop" / "run1" / "run.log").write_text("nothing\n")
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
    assert "1 lines taken out" in capsys.readouterr().out
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
