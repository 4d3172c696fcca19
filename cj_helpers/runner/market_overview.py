"""The page above the reports of all markets: their headline numbers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cj_helpers.runner.failure import PAGE as FAILURE
from cj_helpers.runner.history import numbers
from cj_helpers.runner.html import environment, style, use_words_of
from cj_helpers.runner.plan import Market
from cj_helpers.runner.publish import replace_file
from cj_helpers.runner.published import PublishedRun, latest_run
from cj_helpers.runner.scan import CSP, SCRIPT
from cj_helpers.runner.words import words
from cj_helpers.text import format_value, interval, label

_MOST_NUMBERS = 12


def write_overview(folder: Path, markets: Sequence[Market], *, hidden: int, facts: Mapping[str, str]) -> Path:
    """Write ``index.html`` into the folder of all markets and return it.

    Parameters
    ----------
    folder : Path
        ``<reports of the data set>/segments/<column>``.
    markets : sequence of Market
        In the order of the page.
    hidden : int
        Markets without a report because they are too small.
    facts : mapping
        ``dataset``, ``language``, ``time_zone``, ``currency``.
    """
    use_words_of(facts)
    runs = {market.name: latest_run(folder / market.name) for market in markets}
    values = {
        "facts": facts,
        "words": words(),
        "csp": CSP,
        "css": style(),
        "script": SCRIPT,
        "column": label(markets[0].column) if markets else "",
        "markets": [_market(folder, market, runs[market.name]) for market in markets],
        "tables": _tables(markets, runs),
        "hidden": hidden,
    }
    page = environment().get_template("market_overview.html.j2").render(values)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "index.html", page)
    return folder / "index.html"


def _market(folder: Path, market: Market, run: PublishedRun | None) -> dict[str, Any]:
    alerts = [alert for alert in run.manifest["alerts"] if alert["level"]] if run else []
    failed = (folder / market.name / FAILURE).is_file()
    return {
        "value": market.value,
        "link": f"{market.name}/latest/index.html" if run else "",
        "day": run.day if run else "",
        "alerts": [alert["text"] for alert in alerts],
        "failed": f"{market.name}/{FAILURE}" if failed else "",
    }


def _tables(markets: Sequence[Market], runs: Mapping[str, PublishedRun | None]) -> list[dict[str, Any]]:
    """Return one table per headline number that several markets have, one row per market."""
    known = {market.name: numbers(run.results) for market in markets if (run := runs[market.name]) is not None}
    labels = _labels([run for run in runs.values() if run is not None])
    tables = []
    for key, text in labels.items():
        rows = [(market, known[market.name][key]) for market in markets if key in known.get(market.name, {})]
        if len(rows) > 1:
            tables.append({"label": text, "rows": [_row(market, row) for market, row in rows]})
    return tables[:_MOST_NUMBERS]


def _labels(runs: Sequence[PublishedRun]) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    for run in runs:
        for item in run.manifest.get("key_figures", []):
            found.setdefault((item["notebook"], item["name"], item["journey"]), item["label"])
    return found


def _row(market: Market, row: Mapping[str, Any]) -> dict[str, str]:
    ends = row["conf_low"], row["conf_high"]
    return {
        "value": market.value,
        "estimate": format_value(row["estimate"], row["unit"]),
        "interval": "" if None in ends else interval(*ends, row["unit"]),
        "n": "" if row["n"] is None else format_value(row["n"], "count"),
    }
