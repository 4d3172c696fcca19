"""Files -> a folder with a dataset.yml that runs: look, ask, copy, read, propose, write."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import pandas as pd

from cj_helpers.contract import CjError
from cj_helpers.dataset.checks import channel_days, feed_gaps
from cj_helpers.dataset.opening import open_dataset
from cj_helpers.dataset.scaffold import sources, writing
from cj_helpers.dataset.scaffold.dates_asked import Ask, parse_orders, settle
from cj_helpers.dataset.scaffold.dialect import check_kind
from cj_helpers.dataset.scaffold.journeys import Proposal, propose, touchpoint_table
from cj_helpers.dataset.scaffold.layout import line
from cj_helpers.dataset.scaffold.profile import group_files, profile
from cj_helpers.dataset.scaffold.roles import Placed, place
from cj_helpers.dataset.scaffold.writing_journeys import journey_lines
from cj_helpers.dataset.scaffold.writing_questions import churn_lines, survey_lines

_TABLES = ("events", "surveys", "customers", "identities")
_LONGEST_LAG_DAYS = 14
_DRAFT = "dataset.draft.yml"


@dataclass(frozen=True)
class Settings:
    """What no file can tell."""

    name: str = ""
    time_zone: str = ""
    currency: str = "EUR"
    language: str = "en"
    date_orders: Sequence[str] = ()
    in_place: bool = False


@dataclass
class Draft:
    """What `init_dataset` did, in words.

    Attributes
    ----------
    file : Path
        The dataset.yml that was written.
    placed : list of (source, table, rows)
    notes : list of str
        What to look at first.
    problem : str
        Why the data could not be opened yet; empty: they can.
    """

    file: Path
    notes: list[str] = field(default_factory=list)
    placed: list[tuple[str, str, int]] = field(default_factory=list)
    journeys: list[str] = field(default_factory=list)
    problem: str = ""


def init_dataset(folder: Path, files: Sequence[Path], *, settings: Settings, ask: Ask | None = None) -> Draft:
    """Look at files and write a commented dataset.yml into a folder.

    Parameters
    ----------
    folder : Path
        The data set; made when it is not there.
    files : sequence of Path
        CSV (also .gz) or Parquet. Those outside the folder are copied into it, or used where they lie
        (``settings.in_place``).
    settings : Settings
    ask : function, optional
        Asked for the order of day, month and year where every value of a column fits several; without it such a
        column is an error.

    Returns
    -------
    Draft

    Raises
    ------
    ConfigError
        A file is not there or of another kind, the folder is a data set already, or dates can be read in two ways.
        Nothing is written then.
    DataError
        A file cannot be read. Nothing is written then.
    """
    sources.check_folder(folder)
    for path in files:
        check_kind(path)
    orders = parse_orders(settings.date_orders)
    con = ibis.duckdb.connect()
    try:
        groups = group_files([Path(path) for path in dict.fromkeys(files)])
        targets = sources.plan(folder, groups, in_place=settings.in_place)
        texts = [sources.source_text(folder, paths) for paths in targets]
        profiles = [profile(con, group) for group in groups]
        settle(profiles, orders, ask)
        placed = [place(source) for source in profiles]
        draft = Draft(folder / sources.CONFIG, _copy(groups, targets))
        return _write(draft, list(zip(placed, texts, strict=True)), settings, sources.outside(folder, targets))
    finally:
        con.disconnect()


def _copy(groups: list[list[Path]], targets: list[list[Path]]) -> list[str]:
    """Copy what must be; returns a note when it is much."""
    n_bytes = sources.copy(groups, targets)
    if n_bytes < sources.LARGE:
        return []
    return [f"{n_bytes / 2**30:.1f} GiB were copied; `cj init --in-place` uses files where they lie"]


def _write(draft: Draft, named: list[tuple[Placed, str]], settings: Settings, outside: list[str]) -> Draft:
    """Write the sources first, read the log with them, then write the whole file."""
    file, folder = draft.file, draft.file.parent
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / _DRAFT
    for one, text in named:
        draft.placed.append((text, one.table or "no place", one.source.n_rows))
        draft.notes += [f"{text}: {reason}" for reason in one.missing]
    head, body = [*_head(folder, settings), *writing.allow_lines(outside)], _body(named)
    try:
        first.write_text("\n".join([*head, *body, "max_lag: 36500d", ""]), encoding="utf-8")
        found, lag = _look(first, draft)
    finally:
        first.unlink(missing_ok=True)
    text = "\n".join([*head, *lag, *body, *found, *writing.closing_lines()])
    temporary = file.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
    if not any(one.table for one, _text in named):
        draft.problem = "no file could be placed; write a query under `tables:`, see the comments in dataset.yml."
    elif not draft.problem:
        draft.problem = _problem(file)
    return draft


def _head(folder: Path, settings: Settings) -> list[str]:
    return writing.heading(
        name=settings.name or folder.resolve().name,
        schema=_schema_path(folder),
        time_zone=settings.time_zone or "UTC",
        currency=settings.currency,
        language=settings.language,
        zone_known=bool(settings.time_zone),
    )


def _schema_path(folder: Path) -> str:
    """Return the way from the folder to the schema that editors read, when it is there."""
    schema = Path(__file__).resolve().parents[3] / "data" / "dataset.schema.json"
    return Path(os.path.relpath(schema, folder.resolve())).as_posix() if schema.is_file() else ""


def _body(named: list[tuple[Placed, str]]) -> list[str]:
    lines = ["tables:"]
    several = sum(one.table == "events" for one, _text in named) > 1
    for table in _TABLES:
        entries = [(one, text) for one, text in named if one.table == table]
        if entries:
            lines.append(f"  {table}:")
        for one, text in entries:
            guess = several and table == "events" and "channel" not in one.columns
            lines += writing.source_lines(one, text, writing.channel_of(one.source) if guess else "")
    if len(lines) == 1:
        lines = ["tables: {}" + "  # no file could be placed; see below"]
    lines += writing.unplaced_lines([(one, text) for one, text in named if not one.table])
    for table, words in (("surveys", survey_lines), ("customers", churn_lines)):
        lines += next((words(one) for one, _text in named if one.table == table), [])
    return lines


def _look(file: Path, draft: Draft) -> tuple[list[str], list[str]]:
    """Read the log by the draft; returns lines on journeys and on the lag of its sources."""
    try:
        data = open_dataset(file, strict=False)
    except CjError as error:
        draft.problem = str(error)
        return [], []
    try:
        if data.events is None or data.received is None:
            return [], []
        touchpoints = touchpoint_table(data.events)
        proposals = propose(data.events, touchpoints)
        draft.journeys = [_journey_words(one) for one in proposals]
        draft.notes += _gap_notes(feed_gaps(channel_days(data.received, time_zone=data.time_zone)))
        return journey_lines(proposals, touchpoints), _lag_lines(data.feeds, draft)
    finally:
        data.con.disconnect()


def _journey_words(one: Proposal) -> str:
    way = " > ".join([*one.stages[:6], one.success])
    return f"{one.key}: {way} (timeout {one.timeout_days}d)"


def _gap_notes(gaps: pd.DataFrame) -> list[str]:
    return [
        f"the channel {gap.channel} has no events for {gap.n_days} days, {gap.first_day:%Y-%m-%d} to "
        f"{gap.last_day:%Y-%m-%d}"
        for gap in gaps.itertuples()
    ]


def _lag_lines(feeds: pd.DataFrame, draft: Draft) -> list[str]:
    """Allow for the lag that the files have, when it is one of days, and say so."""
    late = feeds[feeds["lag_days"] > 3]
    if late.empty:
        return []
    listed = ", ".join(f"{row.source} ends {row.lag_days:.1f} days before the others" for row in late.itertuples())
    draft.notes.append(listed)
    longest = math.ceil(late["lag_days"].max())
    if longest > _LONGEST_LAG_DAYS:
        return [f"# {listed}: the data are not fit until this source is complete, taken out, or as_of is given."]
    return [line(f"max_lag: {longest}d", f"{listed}; is it always this late?")]


def _problem(file: Path) -> str:
    """Return why the data set that was written is not fit; empty when it is."""
    try:
        data = open_dataset(file)
    except CjError as error:
        return str(error)
    data.con.disconnect()
    return ""
