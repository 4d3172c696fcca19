"""One report per market, and the overview above them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cj_helpers.contract import CommandError
from cj_helpers.runner.plan import Market, market_folder
from cj_helpers.runner.requests import RunResult, SomeFailed
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
        When the column is not there or has too many values, or the command is wrong.
    SomeFailed
        At the end, with the markets whose run ended with an error.
    Interrupted
        On a signal; the overview tells what was done before.
    """
    from cj_helpers.runner.market_overview import write_overview

    given = dict(options.get("parameters", ()))
    found = list_markets(dataset, column, as_of=str(options.get("as_of") or given.get("as_of", "")))
    reports = Path(options.get("out", "reports")).expanduser().resolve() / locate(dataset)[1]
    folder = reports / market_folder(column)
    markets = [Market(column, value) for value in found.values]
    errors: list[tuple[str, Exception]] = []
    for market in markets:
        result = None
        try:
            result = run(dataset, watcher=watcher, market=market, **options)
        except CommandError:
            raise
        except Exception as error:  # noqa: BLE001 - raised below, after the other markets
            errors.append((market.value, error))
        write_overview(folder, markets, hidden=found.n_hidden, facts=found.facts)
        if result is not None:
            yield result
    if errors:
        raise SomeFailed(errors)
