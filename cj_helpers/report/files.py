"""Files of a run: tables too large for a bundle, and the one door for row-level data."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cj_helpers.contract import ConfigError
from cj_helpers.report.cells import check_table, describe_columns, to_rows
from cj_helpers.report.display import paragraph, publish
from cj_helpers.report.state import claim_name, out_folder, state
from cj_helpers.text import csv_text, fill

if TYPE_CHECKING:
    import pandas as pd


def write_csv(folder: Path, relative: str, text: str, *, mode: int) -> None:
    """Write a file of a run whole or not at all.

    Raises
    ------
    ConfigError
        When the target lies outside the folder, such as through a symlink.
    """
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{relative}: lies outside the folder of the run; remove the link {target.parent.name!r}.")
    handle, staged = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        Path(staged).replace(target)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise


def digest(text: str) -> str:
    """SHA-256 of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def export(name: str, table: pd.DataFrame) -> None:
    """Hand over row-level data as a file that only its owner can read; the report shows the number of rows.

    Parameters
    ----------
    name : str
        The file is ``$CJ_OUT/export/<name>.csv``; outside a run nothing is written.
    table : DataFrame
        One row per customer or the like, under pseudonyms.

    Raises
    ------
    ConfigError
        When the data are not public and there is no key for pseudonyms, or others may read its file.
    ValueError
        When the name or the table will not do.
    """
    check_table(name, table)
    key = _require_key(name)
    claim_name("export", name)
    columns = describe_columns(table, None)
    csv = csv_text([column["name"] for column in columns], to_rows(table, columns))
    folder, file = out_folder(), ""
    if folder is not None:
        file = f"export/{name}.csv"
        (folder / "export").mkdir(mode=0o700, parents=True, exist_ok=True)
        write_csv(folder, file, csv, mode=0o600)
        text = fill("{name}: {n:count} rows were written to a file outside this report.", name=name, n=len(table))
    else:
        text = fill("{name}: {n:count} rows; files are written in unattended runs only.", name=name, n=len(table))
    payload = {"name": name, "n_rows": len(table), "sha256": digest(csv), "file": file, "key_id": key}
    publish("export", payload, html=paragraph(text), plain=text)


def export_refusal(name: str) -> str:
    """Why row-level data may not be exported, in words; "" when they may."""
    try:
        _require_key(name)
    except ConfigError as error:
        return str(error)
    return ""


def _require_key(name: str) -> str:
    """Return the name of the key of the pseudonyms; "" for public data, which need none."""
    from cj_helpers.dataset.pseudonyms import find_key, key_id

    current = state()
    if current.public:
        return ""
    if current.dataset is None:
        raise ConfigError(f"export {name!r}: open a data set first with report.open(...).")
    privacy = current.dataset.config.privacy
    key = find_key(privacy, current.dataset.folder)
    if key:
        return key_id(key)
    if privacy.pseudonym_key_file:
        raise ConfigError(
            f"export {name!r}: row-level data needs pseudonyms; the file that privacy.pseudonym_key_file names holds "
            "no key. Put their key there before the run."
        )
    if not privacy.pseudonym_key_env:
        raise ConfigError(
            f"export {name!r}: row-level data needs pseudonyms; name the environment variable with their key "
            "in dataset.yml (privacy: pseudonym_key_env: CJ_KEY), or declare the data public."
        )
    raise ConfigError(
        f"export {name!r}: row-level data needs pseudonyms; the environment variable {privacy.pseudonym_key_env} is "
        "not set. Put their key there before the run."
    )
