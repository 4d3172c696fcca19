"""The files that a source names: inside the data set unless dataset.yml allows more, and never a program."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from pathlib import Path

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.scan import is_parquet
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.schema_tables import Allow

_SPREADSHEET = "save the sheet as CSV in UTF-8, or as Parquet"
_REFUSED = {
    ".pkl": "a pickle can run programs when it is opened; save the table as Parquet",
    ".pickle": "a pickle can run programs when it is opened; save the table as Parquet",
    ".zip": "unpack it and name the file inside",
    ".7z": "unpack it and name the file inside",
    ".tar": "unpack it and name the file inside",
    ".tgz": "unpack it and name the file inside",
    ".xlsx": _SPREADSHEET,
    ".xls": _SPREADSHEET,
    ".ods": _SPREADSHEET,
    ".rds": "save it as CSV or Parquet",
    ".rda": "save it as CSV or Parquet",
    ".feather": "save it as Parquet",
    ".json": "save the table as CSV or Parquet",
}


def find_files(folder: Path, source: str, allow: Allow, private: Path, where: str) -> list[tuple[Path, str]]:
    """Return the files a source names with the name to show, sorted.

    Raises
    ------
    ConfigError
        When the path leaves the folders that may be read, nothing matches, or the kind is refused.
    DataError
        When a file is empty.
    """
    if "://" in source:
        found = [(_fetch(source, allow, private, where), source)]
    else:
        found = _local(folder, source, allow, where)
    for path, shown in found:
        remedy = _REFUSED.get(path.suffix.lower())
        if remedy:
            raise ConfigError(f"{where}: {shown} is {path.suffix.lower()}, which is not read; {remedy}.")
        if path.stat().st_size == 0:
            raise DataError(f"{where}: {shown} is empty (0 bytes); export it again or take it out of the source.")
    kinds = {is_parquet(path) for path, _ in found}
    if len(kinds) > 1:
        raise ConfigError(f"{where}: the glob mixes Parquet and text files; give each kind its own source.")
    odd = [shown for path, shown in found if set("*?[]") & set(str(path))]
    if odd:  # the engine would read such a path as a pattern
        raise ConfigError(
            f"{where}: the path of {Path(odd[0]).name} holds one of * ? [ ]; the engine would take it for a pattern. "
            "Rename the file or the folders above it."
        )
    return found


def allowed_folders(folder: Path, allow: Allow) -> list[Path]:
    """Return the data set's folder and those outside it that dataset.yml allows."""
    return [folder, *((folder / other).resolve() for other in allow.outside)]


def size_of_files(folder: Path, config: DatasetConfig) -> int:
    """Return the bytes of all files that dataset.yml names and may read."""
    tables = config.tables
    patterns = {s.source for s in (*tables.events, *tables.surveys, *tables.customers, *tables.identities)}
    patterns |= {raw.source for raw in config.raw.values()}
    local = [p for p in patterns if p and "://" not in p and (config.allow.outside or not _leaves(p))]
    return sum(path.stat().st_size for pattern in local for path in _matches(folder, pattern))


def _local(folder: Path, source: str, allow: Allow, where: str) -> list[tuple[Path, str]]:
    folders = allowed_folders(folder, allow)
    leaves = _leaves(source)
    found = _matches(folder, source) if not leaves or allow.outside else []
    if leaves and not allow.outside:
        raise ConfigError(
            f"{where}: source {source!r} points outside the data set; allowed are files and globs below the folder "
            "of dataset.yml. Copy the file there, or name its folder under `allow: {outside: [...]}`."
        )
    if not found:
        known = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        raise ConfigError(f"{where}: source {source!r} matches no file; {nearest(source, known or ['(no files)'])}")
    for path in found:
        if not any(path.resolve().is_relative_to(other) for other in folders):
            verb = "lies" if leaves else "is a link"
            raise ConfigError(
                f"{where}: {path.name} {verb} out of the data set's folder; copy the file there, or name its folder "
                "under `allow: {outside: [...]}`."
            )
    return [(path, _shown(path, folder, source)) for path in found]


def _leaves(source: str) -> bool:
    """Whether a path does not start in the data set's folder, or goes up from it."""
    return Path(source).is_absolute() or ".." in Path(source).parts


def _matches(folder: Path, source: str) -> list[Path]:
    absolute = Path(source).is_absolute()
    base, pattern = (Path("/"), str(Path(source).relative_to("/"))) if absolute else (folder, source)
    return sorted(path for path in base.glob(pattern) if path.is_file())


def _shown(path: Path, folder: Path, source: str) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) and ".." not in source else path.name


def _fetch(url: str, allow: Allow, private: Path, where: str) -> Path:
    """Download a file whose address dataset.yml allows."""
    http = url.startswith(("https://", "http://"))
    if not http or not any(url.startswith(prefix) for prefix in allow.urls):
        raise ConfigError(
            f"{where}: source {url!r} is an address; allowed are files in the data set's folder. Download the file, or "
            "list the start of its http address under `allow: {urls: [...]}`."
        )
    target = private / (Path(url.partition("?")[0]).name or "download.csv")
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, target.open("wb") as out:  # noqa: S310 - http only
            shutil.copyfileobj(answer, out)
    except (urllib.error.URLError, OSError) as error:
        raise DataError(f"{where}: {url} cannot be fetched ({type(error).__name__}); check the address.") from None
    return target
