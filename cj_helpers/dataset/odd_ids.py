"""Ids of customers unlike all the others: a test account, a default value, rows run together."""

from __future__ import annotations

from typing import Any

import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.dataset.problems import Loaded, verb

# At most this share of the rows is odd (or a single one); with more there are two kinds of ids.
ODD_SHARE = 0.001
FEWEST_ROWS = 30


def length_measures(table: ir.Table) -> dict[str, ir.Value]:
    """Return the spread of the lengths of ids, by which most tables need no second look."""
    if "customer_id" not in table.columns or not table.customer_id.type().is_string():
        return {}
    length = table.customer_id.length()
    return {"id_shortest": length.min(), "id_longest": length.max(), "id_variance": length.var(how="pop")}


def report_odd_ids(table: ir.Table, loaded: Loaded, found: Any) -> None:
    """Note the few rows of a source whose customer_id has another length and another make than all others.

    Parameters
    ----------
    table : ibis table
        Rows of the source.
    found : Series
        n, and what `length_measures` gave.

    Notes
    -----
    The make of an id is what is left when each run of digits counts as one sign: c99 and c100 are of one make, since
    numbers grow by themselves.

    Examples
    --------
    Of 60 rows 59 have ids such as ``c007`` and one has ``c0c007``: the row before it lost its end.
    """
    n = int(found["n"])
    most = max(1, int(ODD_SHARE * n))
    if n < FEWEST_ROWS or pd.isna(found.get("id_longest")) or not _may_be_odd(found, n, most):
        return
    ids = table.filter(_.customer_id.notnull()).select("customer_id", length=_.customer_id.length())
    counts = ids.group_by("length").aggregate(n=_.count()).order_by(_.n.desc(), _.length).execute()
    usual = int(counts["length"].iloc[0])
    if counts["n"].iloc[1:].sum() > most:
        return
    usual_make = ids.filter(_.length == usual).aggregate(usual=_make(_.customer_id.min()))
    odd = ids.filter(_.length != usual).cross_join(usual_make)
    k = int(odd.filter(_make(_.customer_id) != _.usual).count().execute())
    if k:
        text = (
            f"{loaded.where}: {k:,} of {loaded.n_total:,} rows {verb(k, 'has', 'have')} a customer_id unlike all "
            f"others, which have {usual} characters: a test account, a default value, or two rows run together. Look "
            "at them, and take them out with `leave_out` if they are no customers."
        )
        loaded.found("odd_ids", "noted", k, text)


def _make(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace("[0-9]+", "0")


def _may_be_odd(found: Any, n: int, most: int) -> bool:
    """Whether so few rows could have another length: a few rows give the lengths little variance."""
    spread = float(found["id_longest"]) - float(found["id_shortest"])
    return 0 < float(found["id_variance"]) * n <= most * spread**2
