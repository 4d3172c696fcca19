"""Files that grow block by block, the same bytes each time: no clock, no names of machines, bundled compression."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

ROWS_BEFORE_WRITING = 100_000  # row groups worth reading, and a bound on memory


class ParquetFile:
    """A Parquet file written in row groups of about ROWS_BEFORE_WRITING rows."""

    def __init__(self, path: Path) -> None:
        self._path, self._waiting, self._rows = path, [], 0  # type: ignore[var-annotated]
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Take rows; they reach the disk when enough have come together."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd", store_schema=False)
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= ROWS_BEFORE_WRITING:
            self._flush()

    def _flush(self) -> None:
        if self._writer is not None and self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        if self._writer is not None:
            self._writer.close()


class CsvFile:
    """A CSV file, gzip-compressed when its name ends in .gz; text is quoted only where `quoted` says so."""

    def __init__(self, path: Path, *, delimiter: str = ",", encoding: str = "utf-8", quoted: bool = False) -> None:
        compression = "gzip" if path.suffix == ".gz" else None
        self._file = pa.output_stream(path, compression=compression)
        self._encoding, self._header = encoding, True
        self._options = {"delimiter": delimiter, "quoting_style": "needed" if quoted else "none"}

    def write(self, table: pa.Table) -> None:
        """Append rows, after the header the first time."""
        sink = io.BytesIO()
        if self._header:
            header = str(self._options["delimiter"]).join(table.column_names) + "\n"
            self._file.write(header.encode(self._encoding))
            self._header = False
        pa.csv.write_csv(table, sink, pa.csv.WriteOptions(include_header=False, **self._options))
        data = sink.getvalue()
        self._file.write(data if self._encoding == "utf-8" else data.decode().encode(self._encoding))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def open_file(path: Path) -> ParquetFile | CsvFile:
    """Open a file of the sample for writing in the format its feed is known for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        return ParquetFile(path)
    if path.name == "calls.csv":
        return CsvFile(path, delimiter=";", encoding="latin-1")
    return CsvFile(path, quoted=path.name == "surveys.csv")
