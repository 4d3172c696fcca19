"""The page that says since when reports are not renewed and why; the last good reports stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cj_helpers.contract import CjError
from cj_helpers.runner.html import environment, style, use_words_of
from cj_helpers.runner.publish import locked, replace_file
from cj_helpers.runner.published import latest_run
from cj_helpers.runner.scan import CSP
from cj_helpers.runner.signals import Interrupted
from cj_helpers.runner.source import place_of
from cj_helpers.runner.words import words
from cj_helpers.text import _, format_value

PAGE = "failure.html"
STATE = ".failure.json"
_NO_FACTS = {"language": "en", "time_zone": "UTC", "currency": ""}


def note_failure(
    target: Path, *, facts: Mapping[str, str], reasons: Sequence[tuple[str, str]], place: Path | None = None
) -> None:
    """Write ``failure.html`` beside the published runs of a data set.

    Parameters
    ----------
    target : Path
        Folder of the data set's reports.
    facts : mapping
        As for `render_notebook`; ``key`` is enough when the data could not be read.
    reasons : sequence of (what, why)
        What failed, such as a notebook's title, and why.
    place : Path, optional
        Where the failed run was published.
    """
    facts = _NO_FACTS | {"dataset": facts["key"]} | dict(facts)
    use_words_of(facts)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    state = _read(target) or {"since": now, "runs": 0}
    state = {"since": state["since"], "runs": int(state["runs"]) + 1, "last": now}
    good = latest_run(target)
    page = (
        environment()
        .get_template("failure.html.j2")
        .render(
            facts=facts,
            words=words(),
            csp=CSP,
            css=style(),
            since=format_value(state["since"], "datetime"),
            last=format_value(state["last"], "datetime"),
            runs=format_value(state["runs"], "count"),
            reasons=reasons,
            failed=f"failed/{place.name}" if place else "",
            good={"day": good.day, "run_id": good.run_id} if good else None,
        )
    )
    replace_file(target / PAGE, page)
    replace_file(target / STATE, json.dumps(state))


def clear_failure(target: Path) -> None:
    """Take the page away: the reports are up to date again."""
    for name in (PAGE, STATE):
        (target / name).unlink(missing_ok=True)


def note_error(target: Path, key: str, error: BaseException) -> None:
    """Write the page for a run that ended before it could publish, when there are reports that stay old.

    Raises
    ------
    Locked
        When another run is writing there: it will say itself how it ended.
    """
    if not (target / "latest").is_symlink():
        return
    if isinstance(error, Interrupted):
        why = f"{_('The run was stopped')} ({error})"
    elif isinstance(error, CjError):
        why = _short(str(error))
    else:
        why = f"{_('An error in this program')} ({place_of(error)})"
    with locked(target):
        note_failure(target, facts={"key": key}, reasons=[(_("Run"), why)])


def _short(message: str) -> str:
    """An error's message without the folders of this machine."""
    from cj_helpers.runner.clean import clean_message

    return clean_message(message, {})


def _read(target: Path) -> dict[str, Any] | None:
    try:
        state = json.loads((target / STATE).read_text(encoding="utf-8"))
        return state if {"since", "runs"} <= set(state) else None
    except (OSError, ValueError, TypeError):
        return None
