"""Aliases become one customer across channels: chains, conflicts and clusters too large to be a person."""

from __future__ import annotations

from pathlib import Path

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cj_helpers.dataset import open_dataset
from cj_helpers.dataset.engine import Engine, start_duckdb
from cj_helpers.dataset.identity import MOST_IDS, Identities, resolve

YML = """\
version: 1
name: Test
tables:
  events:
    - source: e.csv
      columns: {customer_id: who, timestamp: at, touchpoint: what}
  identities:
    - source: i.csv
"""


def names(found: Identities) -> dict[str, str]:
    table = found.names.execute()
    return dict(zip(table["node"], table["customer"], strict=True))


def pairs_of(engine: Engine, pairs: list[tuple[str, str]]):
    frame = pd.DataFrame(pairs, columns=["alias", "customer_id"])
    return engine.con.create_table("pairs", ibis.memtable(frame), temp=True, overwrite=True)


def brute_force(pairs: list[tuple[str, str]]) -> set[frozenset[str]]:
    """Components by merging sets."""
    groups: list[set[str]] = []
    for pair in pairs:
        touched = [g for g in groups if g & set(pair)]
        groups = [g for g in groups if not g & set(pair)] + [set(pair).union(*touched)]
    return {frozenset(g) for g in groups}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return start_duckdb([])


def test_a_chain_of_aliases_leads_to_the_customer(engine):
    found = resolve(engine, pairs_of(engine, [("cookie", "account"), ("account", "C1"), ("app", "C1")]), [])
    assert names(found) == {"cookie": "C1", "account": "C1", "app": "C1"}
    assert (found.n_aliases, found.n_conflicts, found.n_merged, found.largest) == (3, 0, 0, 4)


def test_an_alias_of_two_customers_joins_them_and_is_counted(engine):
    problems = []
    found = resolve(engine, pairs_of(engine, [("tablet", "C1"), ("tablet", "C2"), ("phone", "C2")]), problems)
    assert names(found) == {"tablet": "C1", "C2": "C1", "phone": "C1"}
    assert (found.n_conflicts, found.n_merged) == (1, 1)
    assert [(p.check, p.outcome, p.n_rows) for p in problems] == [("alias_conflicts", "repaired", 1)]
    assert (
        "1 of 2 aliases is paired with more than one customer, which joins 1 of them to others" in problems[0].message
    )


def test_a_cluster_with_more_ids_than_a_customer_has_is_flagged(engine):
    problems = []
    found = resolve(engine, pairs_of(engine, [(f"cookie{i}", "kiosk") for i in range(MOST_IDS)]), problems)
    assert (found.n_over_merged, found.largest) == (1, MOST_IDS + 1)
    assert [(p.check, p.outcome) for p in problems] == [("over_merged", "noted")]


def test_pairs_in_a_circle_become_the_smallest(engine):
    assert names(resolve(engine, pairs_of(engine, [("b", "a"), ("a", "b")]), [])) == {"b": "a"}


def test_a_long_chain_needs_few_rounds(engine):
    chain = [(f"n{i:04}", f"n{i + 1:04}") for i in range(1000)]
    assert set(names(resolve(engine, pairs_of(engine, chain), [])).values()) == {"n1000"}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("efghijkl")), min_size=1, max_size=12))
def test_components_are_those_of_brute_force(pairs):
    engine = start_duckdb([])
    found = names(resolve(engine, pairs_of(engine, pairs), []))
    groups: dict[str, set[str]] = {}
    for name, customer in found.items():
        groups.setdefault(customer, {customer}).add(name)
    assert {frozenset(g) for g in groups.values()} == {g for g in brute_force(pairs) if len(g) > 1}


def test_what_stitching_changes_is_told(tmp_path: Path):
    (tmp_path / "dataset.yml").write_text(YML)
    (tmp_path / "e.csv").write_text(
        "who,at,what\ncookie,2024-01-01,a\nC1,2024-01-02,b\napp,2024-01-03,a\nC2,2024-01-03,a\n"
    )
    (tmp_path / "i.csv").write_text("alias,customer_id\ncookie,account\naccount,C1\napp,C1\nnever,C2\n")
    data = open_dataset(tmp_path)
    table = data.identity.set_index("measure")
    assert table.loc["customers_of_events", ["before", "after"]].tolist() == [4, 2]
    assert table.loc["events_stitched", ["after", "share"]].tolist() == [2, 0.5]
    assert table.loc["aliases", ["before", "after"]].tolist() == [4, 2]
    assert data.events.customer_id.nunique().execute() == 2
    assert data.unstitched.customer_id.nunique().execute() == 4
    assert data.unstitched.columns == data.events.columns


@pytest.mark.parametrize("name", ["postgres", pytest.param("spark", marks=pytest.mark.slow)])
def test_other_engines_find_the_same_components(name, request, tmp_path):
    con = request.getfixturevalue(name)
    frame = pd.DataFrame(
        [("tablet", "C1"), ("tablet", "C2"), ("phone", "C2"), ("cookie", "account"), ("account", "C3")],
        columns=["alias", "customer_id"],
    )
    pairs = con.create_table("pairs", ibis.memtable(frame).to_pyarrow(), overwrite=True)
    found = resolve(Engine(con, tmp_path, numbers_rows=False), pairs, [])
    assert names(found) == {"tablet": "C1", "C2": "C1", "phone": "C1", "cookie": "C3", "account": "C3"}
    assert (found.n_conflicts, found.n_merged, found.largest) == (1, 1, 4)
