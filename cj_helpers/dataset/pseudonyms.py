"""Pseudonyms: the only names under which customers leave the engine one by one."""

from __future__ import annotations

import hashlib
import hmac
import os

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.model import Dataset


def pseudonym(customer_id: str, key: bytes) -> str:
    """Keyed pseudonym of an id: the first 16 hex digits of its HMAC-SHA256 (RFC 2104).

    Examples
    --------
    >>> pseudonym("C0000001", b"secret")
    '42d00bfb7bfe2d6f'
    """
    return hmac.new(key, customer_id.encode(), hashlib.sha256).hexdigest()[:16]


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
    variable = data.config.privacy.pseudonym_key_env
    key = os.environ.get(variable, "") if variable else ""
    if not data.public and not key:
        raise ConfigError(
            "pseudonyms: there is no key; name its environment variable in dataset.yml (privacy: pseudonym_key_env) "
            "and put the key there before the run."
        )
    names = [str(name) for name in ids] if data.public else [pseudonym(str(name), key.encode()) for name in ids]
    return pd.DataFrame({"customer": range(len(names)), "pseudonym": names})
