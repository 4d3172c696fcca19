"""A few ids unlike all the others are told: test accounts, default values, rows run together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cj_helpers.dataset import open_dataset
from cj_helpers.dataset.odd_ids import _may_be_odd

YML = """\
version: 1
name: Test
tables:
  events:
    - source: e.csv
      columns: {customer_id: who, timestamp: at, touchpoint: what}
"""


def noted(folder: Path, ids: list[str]) -> list[tuple[str, int]]:
    """Outcome and rows of the check on a log with these ids."""
    (folder / "dataset.yml").write_text(YML)
    rows = [f"{name},2024-01-{i % 28 + 1:02} {i // 28 % 24:02}:{i // 672:02}:00,visit" for i, name in enumerate(ids)]
    (folder / "e.csv").write_text("who,at,what\n" + "\n".join(rows) + "\n")
    found = open_dataset(folder).quality
    return [(row.outcome, row.n_rows) for row in found[found["check"].eq("odd_ids")].itertuples()]


USUAL = [f"c{i:03}" for i in range(60)]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([*USUAL, "c0c007"], [("noted", 1)]),  # the end of a row is lost, and the next one stuck to its id
        ([*USUAL, "0"], [("noted", 1)]),
        ([*[f"c{i:04}" for i in range(2000)], "test_account", "test_account"], [("noted", 2)]),
        ([*[f"c{i:04}" for i in range(2000)], *["test_account"] * 3], []),  # more than one in a thousand
        ([str(i) for i in range(995, 1100)], []),
        ([str(i) for i in range(3, 500)], []),
        ([*USUAL, "c1000"], []),  # the number of digits grows by itself
        ([*USUAL, "cc007"], [("noted", 1)]),
        ([*USUAL, "c7-1"], []),  # of the usual length, so never looked at
        ([*USUAL[:20], "anonymous"], []),  # too few to tell what is usual
        (USUAL, []),
    ],
)
def test_few_ids_of_another_make_are_noted(tmp_path, ids, expected):
    assert noted(tmp_path, ids) == expected


def test_the_message_tells_what_to_do(tmp_path):
    noted(tmp_path, [*USUAL, "c0c007"])
    (message,) = open_dataset(tmp_path).quality["message"]
    assert "1 of 61 rows has a customer_id unlike all others, which have 4 characters: a test account" in message
    assert "take them out with `leave_out`" in message


@settings(max_examples=200, deadline=None)
@given(st.integers(30, 60), st.integers(-7, 30).filter(bool))
def test_the_first_look_never_hides_what_the_second_would_find(n_usual, off):
    lengths = [8] * n_usual + [8 + off]
    n, mean = len(lengths), sum(lengths) / len(lengths)
    found = {"id_shortest": min(lengths), "id_longest": max(lengths)}
    found["id_variance"] = sum((one - mean) ** 2 for one in lengths) / n
    assert _may_be_odd(found, n, 1)
