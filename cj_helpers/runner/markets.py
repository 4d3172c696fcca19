"""One report per market, and the overview above them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cj_helpers.runner.plan import SEGMENTS, Market
from cj_helpers.runner.requests import RunResult
from cj_helpers.runner.runs import run
from cj_helpers.runner.source import list_markets, locate
from cj_helpers.runner.supervise import Watcher


def run_markets(
    dataset: str | Path, column: str, *, watcher: Watcher | None = None, **options: Any
) -> Iterator[RunResult]:
    """Run once for every value of a column and write the overview after each of them.

    Raises
    ------
    ConfigError
        When the column is not there or has too many values; also whatever `run` raises.
    """
    from cj_helpers.runner.overview import write_overview

    given = dict(options.get("parameters", ()))
    found = list_markets(dataset, column, as_of=str(options.get("as_of") or given.get("as_of", "")))
    folder = Path(options.get("out", "reports")).expanduser().resolve() / locate(dataset)[1] / SEGMENTS / column
    markets = [Market(column, value) for value in found.values]
    for market in markets:
        yield run(dataset, watcher=watcher, market=market, **options)
    write_overview(folder, markets, hidden=found.n_hidden, facts=found.facts)
