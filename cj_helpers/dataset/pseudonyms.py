"""Pseudonyms: the only names under which customers leave the engine one by one."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.model import Dataset
from cj_helpers.dataset.schema import Privacy


def pseudonym(customer_id: str, key: bytes) -> str:
    """Keyed pseudonym of an id: the first 16 hex digits of its HMAC-SHA256 (RFC 2104).

    Examples
    --------
    >>> pseudonym("C0000001", b"secret")
    '42d00bfb7bfe2d6f'
    """
    return hmac.new(key, customer_id.encode(), hashlib.sha256).hexdigest()[:16]


def find_key(privacy: Privacy, folder: Path) -> bytes:
    """Return the key from the environment or from a file that only its owner can read; empty when there is none.

    Raises
    ------
    ConfigError
        When others may read the file.
    """
    key = os.environ.get(privacy.pseudonym_key_env, "").encode() if privacy.pseudonym_key_env else b""
    if not key and privacy.pseudonym_key_file:
        path = folder / Path(privacy.pseudonym_key_file).expanduser()
        if path.is_file() and os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigError(f"privacy.pseudonym_key_file: others may read {path.name}; say `chmod 600` on it.")
        key = path.read_bytes().strip() if path.is_file() else b""
    return key


def pseudonym_key(data: Dataset) -> bytes:
    """Return the key of a data set.

    Raises
    ------
    ConfigError
        When there is no key, or others may read its file.
    """
    key = find_key(data.config.privacy, data.folder)
    if not key:
        raise ConfigError(
            "pseudonyms: there is no key; name its environment variable in dataset.yml (privacy: pseudonym_key_env) "
            "and put the key there before the run, or name a file (pseudonym_key_file)."
        )
    return key


def key_id(key: bytes) -> str:
    """Return the name of a key for logs, from which the key cannot be found: eight digits of a digest of it."""
    return hashlib.sha256(b"cj key id:" + key).hexdigest()[:8]


def key_name(data: Dataset) -> str:
    """Return the name of the key by which a run makes pseudonyms; empty for public data and without a key.

    Raises
    ------
    ConfigError
        When others may read the file of the key.
    """
    key = b"" if data.public else find_key(data.config.privacy, data.folder)
    return key_id(key) if key else ""


def customer_pseudonyms(data: Dataset, table: ir.Table | None) -> pd.DataFrame:
    """Pseudonym of every customer beside the running number that frames carry.

    Parameters
    ----------
    table : ibis table or None
        Whose customer_id the running number counts, such as the customers' table.

    Returns
    -------
    DataFrame, one row per customer
        customer (position in the order of ids, as in `customer_frame`), pseudonym; the id itself where the data are
        public.

    Raises
    ------
    ConfigError
        When the data are not public and there is no key.
    """
    if table is None:
        return pd.DataFrame({"customer": pd.Series(dtype="int64"), "pseudonym": pd.Series(dtype=str)})
    ids = table.select("customer_id").distinct().order_by("customer_id").execute()["customer_id"]
    if data.public:
        names = [str(name) for name in ids]
    else:
        key = pseudonym_key(data)
        names = [pseudonym(str(name), key) for name in ids]
    return pd.DataFrame({"customer": range(len(names)), "pseudonym": names})
