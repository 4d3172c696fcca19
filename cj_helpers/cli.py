"""The `cj` command. Everything heavy is imported by the commands that need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cj_helpers import __version__
from cj_helpers.contract import ConfigError, DataError

USAGE, NOT_FIT, LOCKED = 2, 3, 6
_SIGNAL = 128  # a process ended by a signal exits with 128 and its number
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, "--version", message="cj %(version)s")
def app() -> None:
    """Customer-journey reports from your own data.

    A data set is a folder with a dataset.yml; DATASET is that folder or the file.
    """


@app.command()
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
        _complain(str(error))
        context.exit(LOCKED)
    except Interrupted as error:
        _complain(f"stopped by {error}; nothing was published")
        context.exit(_SIGNAL + error.number)
    if result.problem:
        _complain(f"data not fit: {result.problem}")
    for alert in result.alerts:
        if alert.crossed or not alert.known:
            _complain(f"alert: {alert.text}")
    click.echo(_short(result.folder / "index.html"))
    context.exit(result.exit_code)


@app.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--as-of", default="", metavar="DATE", help="Use data up to this day only.")
@click.pass_context
def check(context: click.Context, dataset: Path, as_of: str) -> None:
    """Read a data set and say whether it is fit for the reports (exit code 3: it is not)."""
    from cj_helpers.runner.source import open_source

    source = open_source(dataset, as_of=as_of)
    click.echo(f"{source.name}: " + (f"data up to {source.day}" if source.day else "data without dates"))
    _columns([list(row.values()) for row in source.verdict])
    for line in source.remarks:
        click.echo(f"- {line}")
    if not source.fit:
        _complain(f"data not fit: {source.problem}")
        context.exit(NOT_FIT)
    click.echo("The data are fit.")


@app.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--customers", default=8000, show_default=True, metavar="N", help="Customers in the contract file.")
@click.option("--seed", default=7, show_default=True, metavar="S", help="The same seed gives the same bytes.")
def sample(out: Path, customers: int, seed: int) -> None:
    """Write the sample data set of a fictional internet provider into the new folder OUT."""
    from cj_helpers.sample import make_sample

    make_sample(out, customers=customers, seed=seed)
    click.echo(_short(out))


@app.command()
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
        _columns([["", p.name, p.type, repr(p.default), p.comment] for p in shown])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; whatever a user can mend is one message on stderr."""
    try:
        code = app.main(args=None if arguments is None else list(arguments), prog_name="cj", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        return USAGE
    except (ConfigError, DataError) as error:
        _complain(str(error))
        return NOT_FIT if isinstance(error, DataError) else USAGE
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return _SIGNAL + 2


def _complain(message: str) -> None:
    click.echo(f"cj: {message}", err=True)


def _short(path: Path) -> str:
    path = path.resolve()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the last one as long as it is."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [str(cell).ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        click.echo("  ".join([*cells, str(row[-1])]).rstrip())
