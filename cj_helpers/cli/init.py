"""`cj init`: from files to a data set."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cj_helpers.cli.shared import NOT_FIT, columns, complain, short


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--date-order",
    "date_orders",
    multiple=True,
    metavar="ORDER",
    help="dmy, mdy or ymd, where dates such as 03.04.2024 can be read in two ways; FILE=dmy for one file. Repeatable.",
)
@click.option("--name", default="", help="What a reader sees; default: the folder's name.")
@click.option("--time-zone", default="", metavar="ZONE", help="Of timestamps that do not say theirs: Europe/Berlin.")
@click.option("--currency", default="EUR", show_default=True, help="Of every amount.")
@click.option("--language", default="en", show_default=True, help="Of the reports.")
@click.option("--in-place", is_flag=True, help="Copy nothing: use FILEs where they lie, as `allow` then says.")
@click.pass_context
def init(
    context: click.Context,
    folder: Path,
    files: tuple[Path, ...],
    date_orders: tuple[str, ...],
    name: str,
    time_zone: str,
    currency: str,
    language: str,
    in_place: bool,
) -> None:
    """Look at FILEs and write a commented dataset.yml into the folder DIR.

    FILEs are CSV (also .gz) or Parquet; those outside DIR are copied into it, unless --in-place says to use them where
    they lie. Nothing is overwritten. Dates that can be read in two ways are asked for: at the terminal, or by
    --date-order.

    \b
    Exit codes: 0 the data set runs    2 usage, or a question left open (nothing is written)
                3 dataset.yml is written, and the data are not fit yet
    """
    from cj_helpers.dataset.scaffold import Settings, init_dataset

    settings = Settings(name, time_zone, currency, language, date_orders, in_place)
    draft = init_dataset(folder, files, settings=settings, ask=_ask if sys.stdin.isatty() else None)
    columns([[source, table, f"{rows:,} rows"] for source, table, rows in draft.placed])
    for journey in draft.journeys:
        click.echo(f"journey {journey}")
    for note in draft.notes:
        click.echo(f"- {note}")
    click.echo(f"Written: {short(draft.file)}. Read its comments, then: cj check {short(folder)}")
    if draft.problem:
        complain(f"not fit yet: {draft.problem}")
        context.exit(NOT_FIT)


def _ask(file: str, column: str, example: str, orders: tuple[str, ...]) -> str:
    """Ask for the order of day, month and year."""
    click.echo(f"{file}: the dates of {column!r}, such as {example}, can be read as {' or '.join(orders)}.")
    return str(click.prompt("Which is it?", type=click.Choice(orders)))
