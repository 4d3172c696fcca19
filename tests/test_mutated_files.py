"""Files that were changed in one place: what is read silently otherwise than before, and what a manifest notices."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cj_helpers.contract import CjError
from cj_helpers.dataset import Dataset, open_dataset

N_ROWS = 60
YML = """\
version: 1
name: Test
time_zone: UTC
as_of: 2024-03-01
tables:
  events:
    - source: events.csv
      columns: {customer_id: who, timestamp: at, touchpoint: what, cost: cost}
      duplicates: keep
"""
WORDS = ["home", "search", "order", "help", "call"]


def original() -> bytes:
    rows = [
        f'c{i % 17:03},2024-01-{i % 28 + 1:02} {i % 24:02}:{i % 60:02}:00,{WORDS[i % 5]},{i * 7 % 50}.{i % 9}5,"a note"'
        for i in range(N_ROWS)
    ]
    return ("who,at,what,cost,note\n" + "\n".join(rows) + "\n").encode()


def structural(data: bytes, seed: int) -> bytes:
    """Damage as files suffer it on their way: cut, doubled, shifted, re-encoded, quotes and delimiters gone astray."""
    pick = random.Random(seed)
    lines = data.splitlines(keepends=True)
    i, at = pick.randrange(1, len(lines)), pick.randrange(len(data))
    line = lines[i]
    cut = pick.randrange(1, max(len(line) - 1, 2))

    def with_line(new: bytes) -> bytes:
        return b"".join([*lines[:i], new, *lines[i + 1 :]])

    kinds = [
        lambda: data[: at // 2 + 1],  # cut in the middle of a row
        lambda: data[:at] + b'"' + data[at:],  # a stray quote
        lambda: data[:at] + b"\0" + data[at:],
        lambda: data[:at] + bytes([pick.randrange(128, 256)]) + data[at:],  # another encoding
        lambda: with_line(line[:cut] + b"," + line[cut:]),
        lambda: with_line(line[:cut] + b"\n" + line[cut:]),
        lambda: with_line(line.replace(b",", b";")),
        lambda: with_line(line.replace(b",", b"", 1)),
        lambda: with_line(line[:cut]),  # the end of a row and its line break are gone
        lambda: data.replace(b"\n", b"\r"),
        lambda: data.decode().encode("utf-16"),
        lambda: data.replace(b",", b"\t"),
        lambda: with_line(line.replace(b".", b",")),
        lambda: with_line(line.replace(b"2024-", b"", 1)),
        lambda: with_line(line.replace(b"2024-01", b"0000-01", 1)),
        lambda: with_line(line.replace(b"2024-01", b"2024-13", 1)),
        lambda: data.replace(b"who,at,what", b"who,what,at"),
        lambda: data.replace(b"2024-", b"20240"),
        lambda: b"".join(lines[1:]),  # no header
        lambda: _two_quotes(data, pick),
    ]
    return pick.choice(kinds)()


def _two_quotes(data: bytes, pick: random.Random) -> bytes:
    """A quote opens in one row and closes at the end of the same column of a later one."""
    rows = [line.split(b",") for line in data.splitlines()]
    first, last = sorted(pick.sample(range(1, len(rows)), 2))
    column = pick.randrange(4)
    rows[first][column] = b'"' + rows[first][column]
    rows[last][column] += b'"'
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def outcome(folder: Path, data: bytes, expected: pd.DataFrame, yml: str = YML) -> str:
    """Say what opening a changed file does: refused, counted, unchanged, or silently something else."""
    folder.mkdir(exist_ok=True)
    (folder / "dataset.yml").write_text(yml)
    (folder / "events.csv").write_bytes(data)
    try:
        got = open_dataset(folder)
    except CjError:
        return "refused"
    if len(got.quality):
        return "counted"
    return "unchanged" if results(got).equals(expected) else "silent"


def results(data: Dataset) -> pd.DataFrame:
    """Return what the analyses work with; a free text that changed is the same text to them."""
    columns = ["customer_id", "timestamp", "touchpoint", "cost"]
    return data.events.order_by("row_number").select(*columns).execute()


def fuzz(folder: Path, seeds: Iterable[int], manifest: str = "") -> dict[str, list[int]]:
    """Open the original, changed once by each seed; return the seeds by outcome."""
    data = original()
    assert outcome(folder, data, pd.DataFrame()) == "silent"  # nothing to compare with yet
    expected = results(open_dataset(folder))
    found: dict[str, list[int]] = {"refused": [], "counted": [], "unchanged": [], "silent": []}
    for seed in seeds:
        changed = structural(data, seed)
        same = changed == data
        found["unchanged" if same else outcome(folder, changed, expected, YML + manifest)].append(seed)
    return found


def test_a_change_that_nothing_shows_has_lost_whole_rows_and_their_number_shows_it(tmp_path):
    """Without a manifest only what leaves a sound file passes: with seed 113, a file cut off right after a line.

    The share of such changes is measured by benchmarks/mutations.py.
    """
    found = fuzz(tmp_path / "set", [*range(60), 113])
    assert len(found["refused"]) > 48
    assert found["silent"] == [113]
    again = fuzz(tmp_path / "set", found["silent"], f"      rows: {N_ROWS}\n")
    assert again["refused"] == found["silent"]


def test_no_change_passes_a_digest(tmp_path):
    manifest = f"      sha256: {hashlib.sha256(original()).hexdigest()}\n"
    found = fuzz(tmp_path / "set", range(500, 530), manifest)
    assert found["silent"] == found["counted"] == []
