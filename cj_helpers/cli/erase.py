"""`cj erase`: forget a customer."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cj_helpers.cli.shared import columns, complain, short

NOWHERE = 1


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--customer", required=True, metavar="ID", help="Id or alias; - reads it from standard input.")
@click.option("--yes", is_flag=True, help="Clean the reports; without it nothing is changed.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder of all reports."
)
@click.pass_context
def erase(context: click.Context, dataset: Path, customer: str, yes: bool, out: Path) -> None:
    """Say what to delete of a customer at source, and clean the reports.

    Lists every file and table that holds the customer or an alias, with its number of rows: delete these where the
    data come from, since cj never changes a source. With --yes it takes the customer out of contact lists and removes
    every other file of the reports that names the customer; run the reports again afterwards.

    \b
    Exit codes: 0 listed, or cleaned with --yes    2 usage or configuration
                1 found nowhere
    """
    from cj_helpers.dataset.erasing import find_customer
    from cj_helpers.runner.source import locate
    from cj_helpers.runner.traces import find_traces, remove_trace

    customer = sys.stdin.readline().strip() if customer == "-" else customer
    _path, key = locate(dataset)
    found = find_customer(dataset, customer)
    names = [*found.ids, *found.pseudonyms]
    traces = find_traces(out / key, names)
    if found.rows.empty and not traces:
        complain("found in no source and in no report; check the id")
        context.exit(NOWHERE)
    click.echo(f"To delete at source, by these ids: {', '.join(found.ids)}")
    columns(
        [["", *map(str, row[:3]), f"{row[3]:,} rows"] for row in found.rows.itertuples(index=False)] or [["  nothing"]]
    )
    if not found.pseudonyms:
        complain("there is no key of pseudonyms, so reports were searched for the ids only")
    click.echo("In reports:")
    done = [remove_trace(one, names) if yes else f"{one.n_lines:,} lines" for one in traces]
    columns([["", short(one.path), what] for one, what in zip(traces, done, strict=True)] or [["  nothing"]])
    if traces and not yes:
        click.echo("Nothing was changed. Clean the reports with --yes.")
