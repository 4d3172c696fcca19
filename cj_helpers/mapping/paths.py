"""Paths through a journey: what follows what, and which sequences occur."""

from __future__ import annotations

from collections.abc import Iterator

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, OTHER
from cj_helpers.mapping.clustered import customer_sums, share_intervals

_JOURNEY = ["journey", "journey_id"]
_DIGITS = 9  # of a position within a journey: with a sign of three bytes a text that engines keep in place
FIRST_SIGN, MOST_SIGNS = 0x4E00, 20_000  # far from the wildcards of LIKE
_QUARTILES = [0.25, 0.5, 0.75]


def outcomes(journeys: ir.Table) -> pd.DataFrame:
    """Count how journeys ended.

    Returns
    -------
    DataFrame, one row per journey definition and outcome
        journey, outcome (completed | abandoned | open), n_journeys, share of all started journeys, n_customers.

    Notes
    -----
    These shares treat journeys that are still open as their own group. They are not the headline rate, which
    is ``journey_summary``'s ``completed_within``.
    """
    counts = journeys.group_by("journey", "outcome").aggregate(
        n_journeys=_.count(), n_customers=_.customer_id.nunique()
    )
    table = counts.order_by("journey", "outcome").execute()
    table["share"] = table["n_journeys"] / table.groupby("journey")["n_journeys"].transform("sum")
    return table[["journey", "outcome", "n_journeys", "share", "n_customers"]]


def one_by_one(steps: ir.Table, journeys: ir.Table) -> Iterator[tuple[str, ir.Table, ir.Table]]:
    """Yield each definition with its steps and journeys: memory goes by the largest one, not by all of them."""
    keys = journeys.select("journey").distinct().execute()["journey"]
    for key in sorted(keys):
        yield key, steps.filter(_.journey == key), journeys.filter(_.journey == key)


def transitions(steps: ir.Table, *, journeys: ir.Table, intervals: bool = False) -> pd.DataFrame:
    """Count what follows each touchpoint, the ways a journey ends included.

    Parameters
    ----------
    steps, journeys : ibis tables
        What ``build_steps`` and ``build_journeys`` return.
    intervals : bool
        Whether to add conf_low and conf_high of the probability: Wilson (1927) clustered by customer, whose trials are
        all rows of the source and whose successes those that went to the target.

    Returns
    -------
    DataFrame, one row per journey definition, source and target touchpoint
        journey, source, target, n_transitions, n_journeys, n_customers, probability, wait_median_hours,
        wait_p25_hours, wait_p75_hours. Each journey's last event adds a row to the target ``(completed)``,
        ``(abandoned)`` or ``(open)``, without waits. Ordered by journey and falling n_transitions.

    Notes
    -----
    ``n_transitions`` counts occurrences, ``n_journeys`` distinct journeys, and ``probability`` divides by all
    rows of the source, ends included: three different numbers.
    """
    parts = [_transitions_of(*tables).assign(journey=key) for key, *tables in one_by_one(steps, journeys)]
    names = ["journey", "source", "target", "n_transitions", "n_journeys", "n_customers"]
    names += ["probability", "wait_median_hours", "wait_p25_hours", "wait_p75_hours"]
    if not parts:
        return pd.DataFrame(columns=names)
    table = pd.concat(parts, ignore_index=True)
    total = table.groupby(["journey", "source"])["n_transitions"].transform("sum")
    table["probability"] = table["n_transitions"] / total
    if intervals:
        table = table.merge(_intervals(steps, journeys), how="left", on=names[:3])
        names[4:4] = ["probability", "conf_low", "conf_high", "wait_median_hours"]
        names = list(dict.fromkeys(names))
    order = ["journey", "n_transitions", "source", "target"]
    return table[names].sort_values(order, ascending=[True, False, True, True]).reset_index(drop=True)


def _moves(steps: ir.Table, journeys: ir.Table) -> ir.Table:
    """List every step with what follows it, the end of the journey included."""
    ends = journeys.select("journey_id", end=ibis.literal("(").concat(journeys.outcome, ")"))
    last = steps.filter(_.next_touchpoint.isnull()).inner_join(ends, "journey_id")
    columns = ["journey_id", "customer_id", "wait"]
    inner = steps.filter(_.next_touchpoint.notnull())
    return ibis.union(
        inner.select(*columns, source=_.touchpoint, target=_.next_touchpoint),
        last.select(*columns, source=_.touchpoint, target=_.end),
    )


def _transitions_of(steps: ir.Table, journeys: ir.Table) -> pd.DataFrame:
    table = (
        _moves(steps, journeys)
        .group_by("source", "target")
        .aggregate(
            n_transitions=_.count(),
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            _waits=_.wait.quantile(_QUARTILES),
        )
        .execute()
    )
    return table.drop(columns="_waits").join(quartiles(table["_waits"]))


def quartiles(values: pd.Series) -> pd.DataFrame:
    """Return lists of three quantiles as the columns of waits."""
    rows = [[float("nan")] * 3 if value is None or len(value) == 0 else list(value) for value in values]
    columns = ["wait_p25_hours", "wait_median_hours", "wait_p75_hours"]
    return pd.DataFrame(rows, columns=columns, index=values.index, dtype="float64")


def _intervals(steps: ir.Table, journeys: ir.Table) -> pd.DataFrame:
    """Give the probability of every transition its interval."""
    parts = []
    for key, own, ended in one_by_one(steps, journeys):
        moves = _moves(own, ended)
        hits = moves.group_by("source", "target", "customer_id").aggregate(x=_.count())
        tries = moves.group_by("source", "customer_id").aggregate(m=_.count())
        joined = hits.inner_join(tries, ["source", "customer_id"])
        found = joined.group_by("source", "target").aggregate(x=_.x.sum(), xx=(_.x * _.x).sum(), xm=(_.x * _.m).sum())
        base = tries.group_by("source").aggregate(m=_.m.sum(), k=_.count(), mm=(_.m * _.m).sum())
        sums = found.inner_join(base, "source").execute()
        parts.append(sums[["source", "target"]].join(share_intervals(sums)).assign(journey=key))
    return pd.concat(parts, ignore_index=True)[["journey", "source", "target", "conf_low", "conf_high"]]


def joined_in_order(steps: ir.Table, sign: ir.StringValue, *, by: list[str]) -> ir.Table:
    """Write one sign per step as one text ``path`` per journey, in the order of the steps."""
    # an ordered group_concat does not exist on every engine; sorting texts that begin with the position does
    placed = steps.position.cast("string").lpad(_DIGITS, "0").concat(sign)
    collected = steps.select(*by, _placed=placed).group_by(by).aggregate(_path=_._placed.collect())
    return collected.select(*by, path=collected._path.sort().map(lambda text: text.substr(_DIGITS)).join(""))


def signed_paths(steps: ir.Table) -> tuple[ir.Table, dict[str, str]]:
    """Return the path of each journey as signs, and the touchpoint each sign stands for.

    One sign per step keeps paths short in the engine: of names it would collect ten times the bytes.
    """
    counts = steps.group_by("touchpoint").aggregate(n=_.count()).order_by(_.n.desc(), "touchpoint")
    names = counts.limit(MOST_SIGNS).execute()["touchpoint"].tolist()
    signs = {chr(FIRST_SIGN + index): name for index, name in enumerate(names)}
    rare = chr(FIRST_SIGN + MOST_SIGNS)
    code = ibis.memtable(
        {"touchpoint": names, "_sign": list(signs)}, schema={"touchpoint": "string", "_sign": "string"}
    )
    coded = steps.left_join(code, "touchpoint")
    coded = coded.select("journey_id", "position", sign=coded["_sign"].fill_null(rare))
    return joined_in_order(coded, coded.sign, by=["journey_id"]), signs | {rare: OTHER}


def variants(steps: ir.Table, *, journeys: ir.Table) -> pd.DataFrame:
    """Count the distinct paths.

    Returns
    -------
    DataFrame, one row per journey definition and path, most frequent first
        journey, path (touchpoints joined with ``>``), n_journeys, share of the definition's journeys,
        completed_share (among the path's journeys, open ones included), conf_low, conf_high, n_customers, median_days.
    """
    parts = [_variants_of(*tables).assign(journey=key) for key, *tables in one_by_one(steps, journeys)]
    names = ["journey", "path", "n_journeys", "share", "completed_share", "conf_low", "conf_high"]
    names += ["n_customers", "median_days"]
    if not parts:
        return pd.DataFrame(columns=names)
    table = pd.concat(parts, ignore_index=True)
    table["share"] = table["n_journeys"] / table.groupby("journey")["n_journeys"].transform("sum")
    table = table.sort_values(["journey", "n_journeys", "path"], ascending=[True, False, True])
    return table[names].reset_index(drop=True)


def _variants_of(steps: ir.Table, journeys: ir.Table) -> pd.DataFrame:
    paths, signs = signed_paths(steps)
    joined = journeys.select("journey_id", "customer_id", "outcome", "duration").inner_join(paths, "journey_id")
    per_customer = joined.group_by("path", "customer_id").aggregate(
        x=(_.outcome == COMPLETED).ifelse(1, 0).sum(), m=_.count()
    )
    sums = per_customer.group_by("path").aggregate(**customer_sums(_.x, _.m))
    days = joined.group_by("path").aggregate(median_days=_.duration.median())
    table = sums.inner_join(days, "path").execute()
    shares = share_intervals(table).rename(columns={"share": "completed_share", "n": "n_journeys"})
    path = [">".join(signs[sign] for sign in text) for text in table["path"]]
    return shares.assign(path=path, median_days=table["median_days"])
