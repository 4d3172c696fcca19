"""make_sample: write the blocks one after the other, and put the finished folder where it was asked for."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from cj_helpers.contract import ConfigError
from cj_helpers.sample.block import block_tables
from cj_helpers.sample.files import CsvFile, ParquetFile, open_file
from cj_helpers.sample.guide import dataset_yml, readme
from cj_helpers.sample.people import BLOCK
from cj_helpers.sample.world import WORLD

MOST_CUSTOMERS = 10_000_000


def make_sample(folder: str | os.PathLike[str], *, customers: int = 8000, seed: int = 7) -> None:
    """Write the sample data set of a fictional internet provider, with its planted truth, into a new folder.

    Parameters
    ----------
    folder : path
        Must not exist, or be an empty folder. Nothing is left behind when writing fails.
    customers : int
        Customers in the contract file, 1 to 10 million. A larger sample of the same seed keeps the earlier
        customers and all their events. With fewer than about 1,000 a feed may end so early that the data are
        not fit for a report.
    seed : int
        Not negative. The same seed, customers and library versions give the same bytes.

    Raises
    ------
    ConfigError
        When the folder is in use or a number is out of range.

    Notes
    -----
    Memory is bounded whatever the size: blocks of 4,000 customers are drawn and written one at a time.
    """
    _check_number("customers", customers, 1, MOST_CUSTOMERS)
    _check_number("seed", seed, 0, 2**63 - 1)
    target = _checked_folder(Path(folder).resolve())
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.parent / f".{target.name}-partial-{os.getpid()}"
    staging.mkdir()
    try:
        _write(staging, customers, seed)
        staging.rename(target)  # replaces an empty folder, fails when files have come into it meanwhile
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _check_number(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(
            f"sample: {name} is {value!r}; allowed are whole numbers from {least:,} to {most:,}. "
            f"Give one with --{name}."
        )


def _checked_folder(target: Path) -> Path:
    if target.exists() and not target.is_dir():
        raise ConfigError(
            f"sample: {target} is a file; allowed is a new or an empty folder. Name another place for the sample."
        )
    entries = sorted(entry.name for entry in target.iterdir()) if target.is_dir() else []
    if entries:
        raise ConfigError(
            f"sample: the folder {target} holds {len(entries):,} files or folders (first: {entries[0]}); allowed is "
            "a new or an empty folder, because nothing of yours is overwritten. Name another folder, or empty it."
        )
    return target


def _write(folder: Path, customers: int, seed: int) -> None:
    """Write all files; one block is written on a thread while the next is drawn."""
    files: dict[str, ParquetFile | CsvFile] = {}
    with ExitStack() as stack, ThreadPoolExecutor(max_workers=1) as writer:
        written: Future[None] | None = None
        for first in range(0, customers, BLOCK):
            tables = list(block_tables(first, seed))
            for name, _ in tables:
                if name not in files:
                    files[name] = stack.enter_context(closing(open_file(folder / name)))
            if written is not None:
                written.result()
            written = writer.submit(_append, files, tables, customers - first)
        if written is not None:
            written.result()
    (folder / "dataset.yml").write_text(dataset_yml(), encoding="utf-8")
    (folder / "README.md").write_text(readme(WORLD, customers, seed), encoding="utf-8")


def _append(files: dict[str, ParquetFile | CsvFile], tables: list[tuple[str, pa.Table]], owners: int) -> None:
    """Append the rows of the first owners of a block to their files."""
    for name, table in tables:
        kept = table if owners >= BLOCK else table.filter(pc.field("owner") < owners)
        files[name].write(kept.drop_columns(["owner"]))
