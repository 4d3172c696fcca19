"""`cj check`, `cj sample` and `cj params`: before a run."""

from __future__ import annotations

from pathlib import Path

import click

from cj_helpers.cli.shared import NOT_FIT, columns, complain, short


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--as-of", default="", metavar="DATE", help="Use data up to this day only.")
@click.pass_context
def check(context: click.Context, dataset: Path, as_of: str) -> None:
    """Read a data set and say whether it is fit for the reports (exit code 3: it is not)."""
    from cj_helpers.runner.source import open_source

    source = open_source(dataset, as_of=as_of)
    click.echo(f"{source.name}: " + (f"data up to {source.day}" if source.day else "data without dates"))
    columns([list(row.values()) for row in source.verdict])
    for line in source.remarks:
        click.echo(f"- {line}")
    if not source.fit:
        complain(f"data not fit: {source.problem}")
        context.exit(NOT_FIT)
    click.echo("The data are fit.")


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--customers", default=8000, show_default=True, metavar="N", help="Customers in the contract file.")
@click.option("--seed", default=7, show_default=True, metavar="S", help="The same seed gives the same bytes.")
def sample(out: Path, customers: int, seed: int) -> None:
    """Write the sample data set of a fictional internet provider into the new folder OUT."""
    from cj_helpers.sample import make_sample

    make_sample(out, customers=customers, seed=seed)
    click.echo(short(out))


@click.command()
@click.option("--notebooks-dir", default="", metavar="FOLDER", help="Default: the nearest folder notebooks/.")
def params(notebooks_dir: str) -> None:
    """List the notebooks and the parameters that -p can set."""
    from cj_helpers.runner.notebooks import discover, find_folder, read_notebook
    from cj_helpers.runner.parameters import RESERVED

    folder = Path(notebooks_dir) if notebooks_dir else find_folder()
    for path in discover(folder):
        notebook = read_notebook(path)
        click.echo(f"{notebook.name}: {notebook.title}")
        shown = [p for p in notebook.parameters if p.name not in RESERVED]
        columns([["", p.name, p.type, repr(p.default), p.comment] for p in shown])
