"""The rows of new files in an engine of their own: text as text, Parquet with its types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis.expr import types as ir

from cj_helpers.contract import DataError
from cj_helpers.dataset.scaffold.dialect import Dialect

_NEVER = "\x1f"  # parts nothing: a line of a file in columns of blanks stays whole


def read_rows(con: Any, paths: list[Path], dialect: Dialect | None) -> ir.Table:
    """Read the files of one source into the engine.

    Raises
    ------
    DataError
        When the engine cannot read them as they seem to be written; says which line.
    """
    files = [str(path) for path in paths]
    try:
        table = con.read_parquet(files) if dialect is None else _read_text(con, files, dialect)
        return con.create_table(ibis.util.gen_name("look"), table, temp=True)  # type: ignore[no-any-return]
    except duckdb.Error as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        for path in paths:
            first = first.replace(str(path), path.name)
        raise DataError(
            f"{paths[0].name}: cannot be read ({first[:200]}); mend the file, or export it again."
        ) from None


def _read_text(con: Any, files: list[str], dialect: Dialect) -> ir.Table:
    blanks = dialect.delimiter == "whitespace"
    names = [name or f"column_{i}" for i, name in enumerate(dialect.header, start=1)]
    table = con.read_csv(
        files,
        header=True,
        auto_detect=False,
        delim=_NEVER if blanks else dialect.delimiter,
        quote='"',
        escape='"',
        encoding=dialect.encoding,
        columns=dict.fromkeys(["line"] if blanks else names, "VARCHAR"),
    )
    if not blanks:
        return table  # type: ignore[no-any-return]
    parts = table.line.strip().re_replace(r"\s+", " ").split(" ")
    return table.select(**{name: parts[i].nullif("") for i, name in enumerate(names)})  # type: ignore[no-any-return]
