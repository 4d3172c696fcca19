"""What is fixed before a notebook starts: data set, notebooks, parameters, the name of the run."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.runner import naming
from cj_helpers.runner.clean import clean_message
from cj_helpers.runner.notebooks import DATA_QUALITY, Notebook
from cj_helpers.runner.parameters import Value
from cj_helpers.runner.source import Source
from cj_helpers.runner.worker import Job
from cj_helpers.text import label

SEGMENTS = "segments"


def _path_part(text: str) -> str:
    """A text as part of a path; one with other characters than `naming.NAME` allows is told apart by a digest."""
    if naming.NAME.fullmatch(text):
        return text
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:48]
    return f"{plain or 'value'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def market_folder(column: str) -> Path:
    """Where the reports of all markets of a column lie below those of the data set."""
    return Path(SEGMENTS, _path_part(column))


@dataclass(frozen=True)
class Market:
    """The customers with one value of a column, such as those of one country."""

    column: str
    value: str

    @property
    def name(self) -> str:
        """The value as part of a path."""
        return _path_part(self.value)

    @property
    def folder(self) -> Path:
        """Where its reports lie below those of the data set."""
        return market_folder(self.column) / self.name


@dataclass(frozen=True)
class Plan:
    """One run before it starts.

    Attributes
    ----------
    source : Source
        The data set.
    notebooks : list of Notebook
        Those asked for; of data that are not fit only `to_run` runs.
    folder : Path
        Folder of the notebooks, their working directory.
    values : dict of notebook name to dict of parameter name to value
        What each notebook gets.
    given : dict of parameter name to value
        What was asked for, for the manifest.
    run_id : str
        Name of the run.
    commit : str
        Git commit of the notebooks' folder.
    market : Market or None
        The only customers it is about.
    """

    source: Source
    notebooks: list[Notebook]
    folder: Path
    values: dict[str, dict[str, Value]]
    given: dict[str, Value]
    run_id: str
    commit: str = ""
    market: Market | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What the pages say about the run."""
        source = self.source
        return {
            "dataset": source.name,
            "key": source.key,
            "day": source.day,
            "run_id": self.run_id,
            "language": source.language,
            "time_zone": source.time_zone,
            "currency": source.currency,
            "commit": self.commit,
            "market": f"{label(self.market.column)}: {self.market.value}" if self.market else "",
        }

    @property
    def to_run(self) -> list[Notebook]:
        """All notebooks, or the one on data quality when the data are not fit."""
        return [book for book in self.notebooks if self.source.fit or book.number == DATA_QUALITY]

    @property
    def left_out(self) -> list[Notebook]:
        """The other notebooks."""
        return [book for book in self.notebooks if book not in self.to_run]


def make_plan(
    source: Source,
    notebooks: list[Notebook],
    *,
    folder: Path,
    values: dict[str, dict[str, Value]],
    asked: Sequence[tuple[str, Any]],
    market: Market | None = None,
) -> Plan:
    """Fix a run; its name depends on inputs, parameters and code, not on the clock or the machine."""
    source = dataclasses.replace(source, problem=clean_message(source.problem, _paths(source, folder)))
    values = {book.name: values.get(book.name, {}) for book in notebooks}
    given = {name: next(v[name] for v in values.values() if name in v) for name, _value in asked}
    commit = naming.commit(folder)
    run_id = naming.name_run(
        source.day,
        [source.key, source.name, source.fingerprint, source.inputs, source.as_of],
        {book.name: [book.sources, values[book.name]] for book in notebooks},
        naming.package_digests(),
        naming.versions(),
        [commit, [market.column, market.value] if market else None],
    )
    return Plan(source, notebooks, folder, values, given, run_id, commit, market)


def with_as_of(parameters: Sequence[tuple[str, Any]], as_of: str) -> list[tuple[str, Any]]:
    """Add ``as_of`` to the parameters; giving it twice is a ConfigError."""
    given = list(parameters)
    if as_of and "as_of" in dict(given):
        raise ConfigError("as_of: given twice, as --as-of and as a parameter; give it once")
    return [*given, ("as_of", as_of)] if as_of else given


def report_folders(target: Path) -> list[Path]:
    """Return the folders below which a data set's runs lie and that have a lock each: its own, those of its markets."""
    return [place for place in (target, *sorted(target.glob(f"{SEGMENTS}/*/*"))) if place.is_dir()]


def make_job(plan: Plan, book: Notebook, *, stage: Path, scratch: Path) -> Job:
    """Return the job of one notebook of a run that is staged in ``stage``."""
    declared = {parameter.name for parameter in book.parameters}
    values: dict[str, Any] = {"dataset": str(plan.source.path)} if "dataset" in declared else {}
    shown: dict[str, Any] = {"dataset": plan.source.key} if "dataset" in declared else {}
    work = stage / "work" / book.name
    return Job(
        notebook=book,
        values=values | plan.values[book.name],
        shown=shown | plan.values[book.name],
        site=stage / "site",
        work=work,
        scratch=scratch / book.number,
        folder=plan.folder,
        facts=plan.facts,
        only=dataclasses.asdict(plan.market) if plan.market else {},
        paths=_paths(plan.source, plan.folder) | {str(work): "work", str(scratch): "tmp"},
    )


def _paths(source: Source, folder: Path) -> dict[str, str]:
    """Machine paths that messages and printed text may hold, and what stands for them."""
    inside = source.path.parent if source.path.is_file() else source.path
    return {
        str(source.path): source.key,
        str(inside): source.key,
        str(folder): "notebooks",
        str(Path(__file__).resolve().parents[2]): "project",
        sys.prefix: "python",
    }
