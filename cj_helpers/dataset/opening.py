"""dataset.yml -> Dataset: every source read, checked and unified."""

from __future__ import annotations

from pathlib import Path

from cj_helpers.contract import DataError
from cj_helpers.dataset.checks import NOT_FIT
from cj_helpers.dataset.config import dataset_file, read_config
from cj_helpers.dataset.engine import Engine, connect, lock, start_duckdb
from cj_helpers.dataset.files import allowed_folders, size_of_files
from cj_helpers.dataset.model import Dataset
from cj_helpers.dataset.reading import Reading
from cj_helpers.dataset.validate import stale_message


def open_dataset(path: str | Path, *, as_of: str = "", strict: bool = True) -> Dataset:
    """Read a data set.

    Parameters
    ----------
    path : folder with a dataset.yml, or that file
    as_of : str
        ``YYYY-MM-DD`` (the end of that day in the data set's time zone) or an exact ``YYYY-MM-DD HH:MM:SS``;
        empty: what dataset.yml says, else the earliest of the event sources' last timestamps.
    strict : bool
        Raise when the data are not fit; False hands the verdict over instead, for the data-quality report.

    Raises
    ------
    ConfigError
        dataset.yml or ``as_of`` is wrong.
    DataError
        The data are not fit (strict), or a file cannot be read at all.
    """
    file = dataset_file(path)
    config = read_config(file)
    folder = file.parent.resolve()
    local = start_duckdb(allowed_folders(folder, config.allow), size_of_files(folder, config))
    engine = local if config.engine == "duckdb" else Engine(connect(config.engine), local.private, numbers_rows=False)
    try:
        data = Reading(engine, local, folder, config, as_of).read()
    except BaseException:
        engine.con.disconnect()
        raise
    lock(local)
    if strict and not data.fit:
        raise DataError(_why_not_fit(data, as_of_given=data.as_of_reason in {"given", "declared"}))
    return data


def _why_not_fit(data: Dataset, *, as_of_given: bool) -> str:
    """Name the analyses, then each distinct error on a line of its own."""
    analyses = data.verdict.loc[data.verdict["verdict"].eq(NOT_FIT), "analysis"]
    errors = data.quality.loc[data.quality["outcome"].eq("error"), "message"]
    stale = stale_message(data.config, data.feeds, as_of_given=as_of_given)
    lines = dict.fromkeys([*errors, *([stale] if stale else [])])
    return "\n".join([f"{data.key}: not fit for {', '.join(analyses)}:", *lines])
