"""`cj run`: notebooks become reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cj_helpers.cli.shared import SIGNAL, apply, code_of, complain, short

if TYPE_CHECKING:
    from cj_helpers.runner import RunResult

_SECONDS: dict[str, Any] = {"default": 0.0, "metavar": "SECONDS"}

_WHAT = apply(
    click.option(
        "--notebook", "notebooks", multiple=True, metavar="NAME", help="Only this one: 01 or its name. Repeatable."
    ),
    click.option(
        "-p",
        "--parameter",
        "parameters",
        type=(str, str),
        multiple=True,
        metavar="NAME VALUE",
        help="For every notebook that declares it; `cj params` lists them. Repeatable.",
    ),
    click.option("--as-of", default="", metavar="DATE", help="Use data up to this day only."),
    click.option("--notebooks-dir", default="", metavar="FOLDER", help="Default: the nearest folder notebooks/."),
    click.option("--force", is_flag=True, help="Run again what is published already under the same run id."),
)
_SEVERAL = apply(
    click.option("--each-segment", default="", metavar="COLUMN", help="One report per value, with an overview."),
    click.option("--from", "first", default="", metavar="DATE", help="Reports for past periods: the first day."),
    click.option("--to", "last", default="", metavar="DATE", help="... and the last day."),
    click.option(
        "--every",
        type=click.Choice(["day", "week", "month", "quarter", "year"]),
        default="month",
        show_default=True,
        help="... with data up to the end of each of these.",
    ),
)
_HOW = apply(
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=Path("reports"),
        show_default=True,
        help="Folder of all reports.",
    ),
    click.option("--jobs", default=1, show_default=True, metavar="N", help="Notebooks that run at the same time."),
    click.option(
        "--timeout", default=3600.0, show_default=True, metavar="SECONDS", help="Longest time for one notebook."
    ),
    click.option("--cell-timeout", **_SECONDS, help="Longest time for one cell (default: none)."),
    click.option("--run-timeout", **_SECONDS, help="Longest time for all notebooks together (default: none)."),
    click.option("--memory", default=0.0, metavar="GB", help="Most memory for one notebook (default: no limit)."),
)
_TELL = apply(
    click.option("--on-failure", default="", metavar="CMD", help="Call this when there is no complete report."),
    click.option("--on-alert", default="", metavar="CMD", help="Call this when an alert was crossed."),
    click.option("-v", "--verbose", is_flag=True, help="A line for every notebook, also outside a terminal."),
    click.option("-q", "--quiet", is_flag=True, help="Print nothing unless something is wrong."),
)


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@_WHAT
@_SEVERAL
@_HOW
@_TELL
@click.pass_context
def run(context: click.Context, dataset: Path, **options: Any) -> None:
    """Run the notebooks on a data set and publish their reports.

    \b
    Exit codes: 0 all reports complete or skipped    4 an alert was crossed
                1 a notebook failed                  5 a notebook took too long or lost its kernel
                2 usage or configuration             6 another run writes the same reports
                3 the data are not fit               7 an error of cj itself
    Of several, the first of: 7, 2, 6, 3, then the highest of 1 and 5, then 4.

    The same inputs, parameters and code are the same run: it is skipped when it is published already, unless
    --force is given. CMD is called without a shell and finds CJ_EXIT_CODE, CJ_MESSAGE, CJ_DATASET and CJ_REPORT in
    its environment.
    """
    from cj_helpers.runner.hooks import check_command

    quiet = options.pop("quiet")
    commands = {"--on-failure": options.pop("on_failure"), "--on-alert": options.pop("on_alert")}
    for option, command in commands.items():
        check_command(command, option=option)
    results, code, message = _run(dataset, options, quiet=quiet)
    if message:
        complain(message)
    _tell(dataset, results, code, message, commands)
    context.exit(code)


def _run(dataset: Path, options: dict[str, Any], *, quiet: bool) -> tuple[list[RunResult], int, str]:
    """Do all that was asked for; returns the results, the exit code and what ended it early."""
    from cj_helpers.runner import Interrupted, Limits
    from cj_helpers.runner.progress import shown_on_stderr
    from cj_helpers.runner.several import SomeFailed, run_several, worst

    names = {"timeout": "notebook", "cell_timeout": "cell", "run_timeout": "run", "memory": "memory"}
    options["limits"] = Limits(**{field: options.pop(option) for option, field in names.items()})
    results: list[RunResult] = []
    try:
        with shown_on_stderr(verbose=options.pop("verbose")) as watcher:
            for result in run_several(dataset, watcher=watcher, **options):
                results.append(result)
                _show(result, quiet=quiet)
    except Interrupted as error:
        return results, SIGNAL + error.number, f"stopped by {error}; nothing was published"
    except SomeFailed as failed:
        codes, told = [result.exit_code for result in results], dict[str, list[str]]()
        for market, cause in failed.errors:
            code, message = code_of(cause)
            codes.append(code)
            told.setdefault(message, []).append(market)
        return results, worst(codes), "; ".join(f"{', '.join(names)}: {message}" for message, names in told.items())
    except Exception as error:  # noqa: BLE001 - told by its code, so that --on-failure is called
        return results, *code_of(error)
    return results, worst([result.exit_code for result in results]), ""


def _show(result: RunResult, *, quiet: bool) -> None:
    """Say on stderr what is wrong, and on stdout where the report is."""
    if result.problem:
        complain(f"data not fit: {result.problem}")
    if not result.unchanged:
        for alert in result.alerts:
            if alert.crossed or not alert.known:
                complain(f"alert ({alert.level}): {alert.text}" if alert.crossed else f"alert: {alert.text}")
    if not quiet or result.exit_code not in (0, 4):
        click.echo(short(result.page))
    if result.unchanged and not quiet:
        complain(f"{result.run_id} is published already with the same inputs, parameters and code; --force runs it")


def _tell(dataset: Path, results: list[RunResult], code: int, message: str, commands: dict[str, str]) -> None:
    """Call the commands that were given for failures and alerts."""
    from cj_helpers.runner.hooks import call_command

    last = results[-1].page if results else None
    facts = {"exit_code": str(code), "dataset": str(dataset), "report": str(last) if last else ""}
    crossed = [alert for result in results if not result.unchanged for alert in result.alerts if alert.crossed]
    calls = []
    if code not in (0, 4):
        reasons = [f"{n}: {v.status} ({v.reason})" for r in results for n, v in r.notebooks.items() if v.is_bad]
        problems = [result.problem for result in results if result.problem]
        calls.append(("--on-failure", facts | {"message": message or "; ".join([*problems, *reasons])}))
    if crossed:
        red = any(alert.level == "red" for alert in crossed)
        texts = " ".join(alert.text for alert in crossed)
        calls.append(("--on-alert", facts | {"message": texts, "alert_level": "red" if red else "amber"}))
    for option, told in calls:
        problem = call_command(commands[option], told) if commands[option] else ""
        if problem:
            complain(f"{option} {commands[option]!r} {problem}")
