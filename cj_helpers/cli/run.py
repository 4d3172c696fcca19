"""`cj run`: notebooks become reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cj_helpers.cli.shared import LOCKED, SIGNAL, complain, short


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--notebook", "notebooks", multiple=True, metavar="NAME", help="Only this one: 01 or its name. Repeatable."
)
@click.option(
    "-p",
    "--parameter",
    "parameters",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="For every notebook that declares it; `cj params` lists them. Repeatable.",
)
@click.option("--as-of", default="", metavar="DATE", help="Use data up to this day only.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder of all reports."
)
@click.option("--jobs", default=1, show_default=True, metavar="N", help="Notebooks that run at the same time.")
@click.option("--timeout", default=3600.0, show_default=True, metavar="SECONDS", help="Time for one notebook.")
@click.option("--notebooks-dir", default="", metavar="FOLDER", help="Default: the nearest folder notebooks/.")
@click.pass_context
def run(
    context: click.Context,
    dataset: Path,
    notebooks: Sequence[str],
    parameters: Sequence[tuple[str, str]],
    as_of: str,
    out: Path,
    jobs: int,
    timeout: float,
    notebooks_dir: str,
) -> None:
    """Run the notebooks on a data set and publish their reports.

    \b
    Exit codes: 0 all reports complete or skipped    4 an alert was crossed
                1 a notebook failed                  5 a notebook took too long or lost its kernel
                2 usage or configuration             6 another run writes the same reports
                3 the data are not fit
    Of several, the first of: 3, then the highest of 1 and 5, then 4.
    """
    from cj_helpers.runner import Interrupted, Locked
    from cj_helpers.runner import run as run_notebooks
    from cj_helpers.runner.progress import shown_on_stderr

    options: dict[str, Any] = {
        "notebooks": notebooks,
        "parameters": parameters,
        "as_of": as_of,
        "out": out,
        "jobs": jobs,
    }
    options |= {"timeout": timeout, "notebooks_dir": notebooks_dir}
    try:
        with shown_on_stderr() as watcher:
            result = run_notebooks(dataset, watcher=watcher, **options)
    except Locked as error:
        complain(str(error))
        context.exit(LOCKED)
    except Interrupted as error:
        complain(f"stopped by {error}; nothing was published")
        context.exit(SIGNAL + error.number)
    if result.problem:
        complain(f"data not fit: {result.problem}")
    for alert in result.alerts:
        if alert.crossed or not alert.known:
            complain(f"alert: {alert.text}")
    click.echo(short(result.folder / "index.html"))
    context.exit(result.exit_code)
