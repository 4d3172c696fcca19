"""Where tables live: DuckDB in the process, or a warehouse behind a connection."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import ibis
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError

ROW = "row_number"
# What tables may hold in memory before they spill to disk: some for every data set, more for large files.
_LEAST_MEMORY, _MOST_MEMORY, _PER_BYTE = 5 << 28, 4 << 30, 2.5


class Engine:
    """A connection, and what differs between engines.

    Attributes
    ----------
    con : ibis backend
    private : Path
        Folder of this process alone, for plain copies of packed files and for what spills; removed at its end.
    numbers_rows : bool
        Whether a kept table knows the order in which its rows came.
    """

    def __init__(self, con: Any, private: Path, *, numbers_rows: bool) -> None:
        self.con, self.private, self.numbers_rows = con, private, numbers_rows
        self.is_spark = con.name == "pyspark"
        self._mark = secrets.token_hex(4)

    def keep(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once, so that no later query does it again."""
        if self.is_spark:
            return self._keep_on_spark(name, table)
        if self.numbers_rows:  # Ibis overwrites a table of DuckDB by writing all rows twice
            self.drop(name)
        kept = self.con.create_table(f"cj_{name}", table, temp=True, overwrite=not self.numbers_rows)
        if self.con.name == "postgres":  # it never looks at temporary tables by itself, and plans badly
            with self.con.begin() as cursor:
                cursor.execute(f'ANALYZE "cj_{name}"')
        return kept

    def _keep_on_spark(self, name: str, table: ir.Table) -> ir.Table:
        """Keep a table as a view that is computed already.

        Spark has no temporary tables, and a cached one carries the whole plan of what it came from: plans that grow
        with every step fill the memory. A checkpoint forgets them. The names of views are those of the session, which
        data sets share, so each engine has its own.
        """
        kept = f"cj_{self._mark}_{name}"
        self.con.raw_sql(self.con.compile(table)).localCheckpoint().createOrReplaceTempView(kept)
        return self.con.table(kept)

    def drop(self, name: str) -> None:
        """Forget a kept table."""
        if self.is_spark:
            self.con.drop_view(f"cj_{self._mark}_{name}", force=True)
        elif self.numbers_rows:
            self.con.drop_table(f"cj_{name}", force=True)

    def receive(self, name: str, rows: Any) -> ir.Table:
        """Take over an Arrow table that was read from files."""
        table = self.con.create_view(f"cj_{name}", ibis.memtable(rows), overwrite=True)
        if self.is_spark:  # Ibis hands rows over by pandas, where an empty number is NaN
            floats = [n for n in table.columns if table[n].type().is_floating()]
            table = table.mutate(**{n: table[n].isnan().ifelse(ibis.null("float64"), table[n]) for n in floats})
        return self.keep(name, table)

    def with_moments(self, table: ir.Table) -> ir.Table:
        """Give columns that hold moments their type.

        Ibis takes both of Spark's types of time for clock time without a zone. TIMESTAMP is a moment, which Ibis shows
        in UTC; only TIMESTAMP_NTZ is what a clock said somewhere.
        """
        if not self.is_spark:
            return table
        kinds = self.con.raw_sql(self.con.compile(table)).schema
        moments = [field.name for field in kinds if field.dataType.typeName() == "timestamp"]
        return table.mutate(**{name: table[name].cast("timestamp('UTC')") for name in moments}) if moments else table

    def numbered(self, table: ir.Table) -> ir.Table:
        """Add ``row_number``, from 0 in the order of the sources, where the engine knows it."""
        return table.mutate(**{ROW: table.rowid()}) if self.numbers_rows else table


def start_duckdb(folders: list[Path], n_bytes: int = 0) -> Engine:
    """Start DuckDB in the process: it reads these folders and nothing else, and loads no extensions.

    Values and queries of the data set can neither reach other files nor Python's variables.

    Parameters
    ----------
    folders : list of Path
    n_bytes : int
        Size of the files to read, from which the memory follows that tables may hold before they spill to disk.
    """
    private = Path(tempfile.mkdtemp(prefix="cj-"))
    con = ibis.duckdb.connect(
        temp_directory=str(private),
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
        python_enable_replacements=False,
    )
    weakref.finalize(con, shutil.rmtree, private, ignore_errors=True)
    con.raw_sql("SET TimeZone='UTC'")
    con.con.execute("SET memory_limit = $1", [f"{_memory(n_bytes) >> 20}MiB"])
    con.con.execute("SET allowed_directories = $1", [[f"{folder}/" for folder in (*folders, private)]])
    con.raw_sql("SET enable_external_access=false")
    return Engine(con, private, numbers_rows=True)


def lock(engine: Engine) -> None:
    """Let no later query change a setting."""
    engine.con.raw_sql("SET lock_configuration=true")


def _memory(n_bytes: int) -> int:
    """Some for every data set, more for large files, at most 4 GiB or half of the machine's memory."""
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return min(max(_LEAST_MEMORY, int(_PER_BYTE * n_bytes)), _MOST_MEMORY, half)


def connect(url: str) -> Any:
    """Connect to the engine that dataset.yml names.

    Raises
    ------
    ConfigError
        When the engine's package is missing or it does not answer; a password in the URL is not repeated.
    """
    name = url.partition("://")[0]
    try:
        con = ibis.connect(os.path.expandvars(url))
        if con.name == "postgres":  # it takes tables that it has not looked at for tiny, and would loop over them
            with con.begin() as cursor:
                cursor.execute("SET enable_nestloop = off")
        return con
    except ModuleNotFoundError as error:
        raise ConfigError(f"engine: {name} needs the package {error.name}; install ibis-framework[{name}].") from None
    except Exception as error:  # noqa: BLE001 - each engine has errors of its own
        reason = type(error).__name__
        raise ConfigError(
            f"engine: {name} does not answer ({reason}); check host, user and password of the connection. "
            "Write ${NAME} in it for what the environment holds."
        ) from None
