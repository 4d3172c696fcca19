"""`cj diff` and `cj prune`: after a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cj_helpers.cli.shared import columns, short


@click.command()
@click.argument("old", metavar="RUN")
@click.argument("new", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Everything, for machines.")
def diff(old: str, new: str, as_json: bool) -> None:
    """Say what differs between two published runs: numbers, findings, inputs, settings.

    RUN is the folder of a run, such as reports/sample/latest. A change is called real when it is larger than the
    errors of both runs together.
    """
    from cj_helpers.runner.compare import compare_runs, metric_lines
    from cj_helpers.runner.published import find_run

    found = compare_runs(find_run(old), find_run(new))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(" -> ".join(f"{run['dataset']} {run['run_id']}" for run in found["runs"]))
    for title, rows in _sections(found, metric_lines(found["metrics"])):
        if rows:
            click.echo(f"\n{title}")
            columns([["", *map(str, row)] for row in rows])


def _sections(found: dict[str, Any], numbers: list[list[str]]) -> list[tuple[str, list[list[str]]]]:
    def pairs(rows: list[dict[str, Any]], name: str) -> list[list[str]]:
        return [[row[name], str(row["old"]), "->", str(row["new"])] for row in rows]

    sections = [
        ("Numbers that differ", numbers),
        ("Findings that are gone", [[text] for text in found["findings"]["gone"]]),
        ("New findings", [[text] for text in found["findings"]["new"]]),
        ("Notebooks", pairs(found["notebooks"], "name")),
        ("Input files that differ (rows)", pairs(found["inputs"], "path")),
        ("Settings", pairs(found["settings"], "name")),
    ]
    return sections if any(rows for _title, rows in sections) else [("The runs do not differ.", [[""]])]


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--keep", default=12, show_default=True, metavar="N", help="Runs to keep; the latest is always kept.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def prune(dataset: Path, keep: int, out: Path) -> None:
    """Delete old runs of a data set, and of its markets, with their logs."""
    from cj_helpers.runner.prune import prune_runs
    from cj_helpers.runner.source import locate

    for folder in prune_runs(out.expanduser().resolve() / locate(dataset)[1], keep=keep):
        click.echo(f"deleted {short(folder)}")
