"""The `cj` command, one module per group of commands. Everything heavy is imported by the commands that need it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cj_helpers import __version__
from cj_helpers.cli.data import check, params, sample
from cj_helpers.cli.erase import erase
from cj_helpers.cli.history import diff, prune
from cj_helpers.cli.init import init
from cj_helpers.cli.run import run
from cj_helpers.cli.shared import INTERNAL, LOCKED, NOT_FIT, SIGNAL, USAGE, code_of, complain

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, "--version", message="cj %(version)s")
def app() -> None:
    """Customer-journey reports from your own data.

    A data set is a folder with a dataset.yml; DATASET is that folder or the file.
    """


for _command in (init, check, run, diff, prune, sample, params, erase):
    app.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; whatever goes wrong is one message on stderr."""
    try:
        code = app.main(args=None if arguments is None else list(arguments), prog_name="cj", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return SIGNAL + 2
    except Exception as error:  # noqa: BLE001 - one message, no traceback that may quote the data
        code, message = code_of(error)
        complain(message)
        return code


__all__ = ["INTERNAL", "LOCKED", "NOT_FIT", "USAGE", "app", "main"]
