"""`cj erase`: forget a customer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cj_helpers.cli.shared import columns, complain, short

NOWHERE = 1


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--customer", required=True, metavar="ID", help="Id or alias; - reads it from standard input.")
@click.option("--yes", is_flag=True, help="Clean the reports; without it nothing changes.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder of all reports."
)
@click.pass_context
def erase(context: click.Context, dataset: Path, customer: str, yes: bool, out: Path) -> None:
    """Say what to delete of a customer at source, and clean the reports.

    Lists every file and table that holds the customer or an alias, with its number of rows: delete these where the
    data come from, since cj never changes a source. With --yes it takes the customer's rows out of CSV files, such as
    contact lists, and deletes every other file of the reports that names the customer: pages, notebooks, logs. Run the
    reports again afterwards.

    Ids and pseudonyms are looked for as whole values and whole words. An id that could be any word or number (only
    letters, fewer than 7 digits, under 4 characters) is looked for in the columns of ids of CSV files and in the
    private logs only; the command then says so.

    \b
    Exit codes: 0 listed, or cleaned with --yes    2 usage or configuration
                1 found nowhere                    6 a run is writing these reports
    """
    from cj_helpers.dataset.erasing import find_customer
    from cj_helpers.runner.source import locate
    from cj_helpers.runner.traces import find_traces, remove_traces

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
    for limit in _limits(found.ids, found.pseudonyms):
        complain(limit)
    done = [(one.path, f"{one.n:,} rows" if one.has_rows else f"named {one.n:,} times") for one in traces]
    if yes and traces:
        done = remove_traces(out / key, names)
    click.echo("In reports:")
    columns([["", short(path), what] for path, what in done] or [["  nothing"]])
    if traces and not yes:
        click.echo("Nothing was changed. With --yes the rows are taken out, and files without rows are deleted.")


def _limits(ids: Sequence[str], pseudonyms: Sequence[str]) -> list[str]:
    """What was not looked for in the reports, in words."""
    from cj_helpers.runner.traces import is_plain

    found = [] if pseudonyms else ["there is no key of pseudonyms, so reports were searched for the ids only"]
    plain = ", ".join(name for name in ids if is_plain(name))
    if plain:
        found.append(
            f"{plain}: could be any word or number, so reports were searched for it only in the columns of ids of CSV "
            "files and in the private logs; pages, notebooks and other tables were not"
        )
    return found
