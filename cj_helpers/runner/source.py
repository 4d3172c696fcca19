"""What a run must know about its data set before a notebook starts."""

from __future__ import annotations

import datetime
import hashlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cj_helpers.contract import CjError, CommandError, ConfigError, DataError
from cj_helpers.runner.naming import check_name
from cj_helpers.runner.parameters import nearest

CONFIG_FILE = "dataset.yml"
_MOST_MARKETS = 50


@dataclass(frozen=True)
class Source:
    """A data set as the runner sees it: identity, settings of the words, verdict; no rows.

    Attributes
    ----------
    path : Path
        Absolute path that the notebooks get as their parameter ``dataset``.
    key : str
        Name of the folder: in the paths of the reports and in published notebooks.
    as_of : str
        Moment up to which data are used, UTC, ISO 8601; empty when the data could not be read.
    day : str
        The same as a day in the data set's time zone.
    fit : bool
        Whether the reports may be published as they are; ``problem`` says why not.
    journeys : tuple of str, or None
        Keys of the journeys; None when the data could not be read.
    alerts, changes : list of dict
        What dataset.yml watches, and what the company changed when.
    public : bool
        Whether dataset.yml declares the data public.
    raw_ids : array or None
        Hashes of the customers' ids, see `cj_helpers.dataset.raw_id_hashes`.
    key_id : str
        Name of the key of the pseudonyms, from which the key cannot be found; empty without one.
    verdict, remarks : list
        The data-quality verdict per report, as report 00 shows it, and what was repaired, dropped or wrong.
    """

    path: Path
    key: str
    name: str
    as_of: str = ""
    day: str = ""
    time_zone: str = "UTC"
    currency: str = ""
    language: str = "en"
    fit: bool = True
    problem: str = ""
    fingerprint: str = ""
    journeys: tuple[str, ...] | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    public: bool = False
    raw_ids: Any = field(default=None, compare=False, repr=False)
    key_id: str = ""
    verdict: list[dict[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def locate(dataset: str | Path) -> tuple[Path, str]:
    """Return the absolute path of a data set (folder or dataset.yml) and its key.

    Raises
    ------
    ConfigError
        When there is nothing, or the folder's name cannot be part of the reports' paths.
    """
    path = Path(dataset).expanduser().resolve()
    file = path / CONFIG_FILE if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(f"{dataset}: no {CONFIG_FILE} there; give the folder of a data set or its {CONFIG_FILE}")
    key = file.parent.name
    check_name(key, what=f"the data set's folder {key!r}", remedy="rename the folder")
    return path, key


def open_source(dataset: str | Path, *, as_of: str = "") -> Source:
    """Open a data set, take what the run needs and close it again.

    Data that cannot be analysed give a `Source` that is not fit, with the problem.

    Raises
    ------
    ConfigError
        When dataset.yml or ``as_of`` is wrong.
    DataError
        When reading fails in a way that nobody foresaw; names the place in the code and no value.
    """
    try:
        return _open(dataset, as_of=as_of)
    except CjError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename:
            raise  # says by itself which file cannot be read and why
        raise DataError(f"{dataset}: could not be read: {place_of(error)}; please report it") from None


@dataclass(frozen=True)
class Markets:
    """Values of a column that may have a report of their own, how many others there are, settings of the words."""

    values: list[str]
    n_hidden: int
    facts: dict[str, str]


def list_markets(dataset: str | Path, column: str, *, as_of: str = "") -> Markets:
    """Return the markets of a data set.

    Raises
    ------
    ConfigError
        When the column is not there or has more than 50 values.
    DataError
        When the data set cannot be read.
    """
    from cj_helpers.dataset import markets, open_dataset

    data = open_dataset(dataset, as_of=as_of, strict=False)
    try:
        values, hidden = markets(data, column)
    finally:
        data.con.disconnect()
    if len(values) > _MOST_MARKETS:
        raise ConfigError(
            f"--each-segment {column}: found {len(values)} values; at most {_MOST_MARKETS} get a report of their own. "
            "Choose a coarser column"
        )
    settings = {"language": data.language, "time_zone": data.time_zone, "currency": data.currency}
    return Markets(values, hidden, {"dataset": data.name, **settings})


def check_as_of(as_of: str) -> None:
    """Refuse what is neither a day nor a moment, before anything is read.

    Raises
    ------
    CommandError
        With what is allowed.
    """
    from cj_helpers.dataset import parse_as_of

    try:
        parse_as_of(as_of, "UTC")
    except ConfigError as error:
        raise CommandError(str(error)) from None


def check_journey(source: Source, value: Any) -> None:
    """Refuse a journey that the data set does not have; ``""`` stands for all of them.

    Raises
    ------
    CommandError
        With the nearest key and all keys.
    """
    if source.journeys is None or not value or value in source.journeys:
        return
    listed = ", ".join(source.journeys) or "none"
    near = nearest(str(value), source.journeys)
    raise CommandError(f"-p journey {value!r}: the data set has no such journey; {near}its journeys are: {listed}")


def place_of(error: BaseException) -> str:
    """Kind of an error that nobody foresaw and where it left our own code: its message may quote the data."""
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [place for place in frames if place[0].split(".")[0] == __name__.split(".")[0]]
    return "{} at {}:{}".format(type(error).__name__, *(ours or frames)[-1])


def _open(dataset: str | Path, *, as_of: str) -> Source:
    from cj_helpers.dataset import key_name, open_dataset, raw_id_hashes
    from cj_helpers.dataset.quality import report_verdicts

    path, key = locate(dataset)
    config = path / CONFIG_FILE if path.is_dir() else path
    config_digest = hashlib.sha256(config.read_bytes()).hexdigest()
    try:
        data = open_dataset(path, as_of=as_of, strict=False)
    except DataError as error:
        day = as_of[:10] if as_of else ""
        return Source(path, key, key, as_of=as_of, day=day, fit=False, problem=str(error), fingerprint=config_digest)
    try:
        return Source(
            path=path,
            key=key,
            name=data.name,
            as_of=_iso(data.as_of),
            day=_day(data.as_of, data.time_zone),
            time_zone=str(data.time_zone),
            currency=data.currency,
            language=data.language,
            fit=bool(data.fit),
            problem="" if data.fit else _problem(data),
            fingerprint=f"{config_digest}{data.fingerprint}",
            journeys=tuple(data.journeys),
            inputs=[dict(item) for item in data.inputs],
            alerts=[_plain(alert) for alert in data.config.alerts or []],
            public=data.public,
            raw_ids=None if data.public else raw_id_hashes(data),
            key_id=key_name(data),
            changes=[_plain(change) for change in data.config.changes or []],
            remarks=[f"{row['outcome']}: {row['source']}: {row['message']}" for row in data.quality.to_dict("records")],
            verdict=_texts(report_verdicts(data.verdict)),
        )
    finally:
        data.con.disconnect()


def _texts(table: Any) -> list[dict[str, str]]:
    return [{str(name): str(value) for name, value in row.items()} for row in table.to_dict("records")]


def _iso(moment: Any) -> str:
    """UTC in ISO 8601; empty for data without dates (NaT)."""
    return moment.isoformat(timespec="seconds") + "Z" if moment == moment else ""


def _day(moment: Any, zone: Any) -> str:
    return moment.tz_localize("UTC").tz_convert(str(zone)).date().isoformat() if moment == moment else ""


def _problem(data: Any) -> str:
    reasons = [str(reason) for reason in data.verdict.loc[data.verdict["verdict"] == "not fit", "reason"]]
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def _plain(alert: Any) -> dict[str, Any]:
    values: Mapping[str, Any] = alert if isinstance(alert, Mapping) else alert.model_dump()
    return {key: value.isoformat() if isinstance(value, datetime.date) else value for key, value in values.items()}
