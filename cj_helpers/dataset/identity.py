"""Aliases -> one customer across channels: connected components of the ids that belong together.

The same expressions run on every engine: labels travel along the pairs until none gets smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import DataError
from cj_helpers.dataset.engine import Engine
from cj_helpers.dataset.model import IDENTITY_COLUMNS
from cj_helpers.dataset.problems import Problem, verb

# More ids than one customer has devices and accounts: a shared terminal, a test account, a default value.
MOST_IDS = 50
_MOST_ROUNDS = 40
ALIAS = "\x1falias"


@dataclass(frozen=True)
class Identities:
    """Which customer each id belongs to, and how clean the pairs are.

    Attributes
    ----------
    names : ibis table
        node, customer: every id that stands for another.
    n_aliases, n_conflicts, n_over_merged, n_merged, largest : int
        Distinct aliases; those paired with several customers; customers with more than ``MOST_IDS`` ids; customers'
        own ids that became one with another; ids of the largest customer.
    """

    names: ir.Table
    n_aliases: int
    n_conflicts: int
    n_over_merged: int
    n_merged: int
    largest: int


def resolve(engine: Engine, pairs: ir.Table, problems: list[Problem]) -> Identities:
    """Find the customer of every id.

    Parameters
    ----------
    pairs : ibis table
        alias, customer_id: one row per known pair; chains (cookie, account, customer) are followed.

    Notes
    -----
    Each component of the graph of pairs is one customer, named by its smallest id that is nobody's alias (or the
    smallest of all, where pairs go in a circle). Components by the smallest label of the neighbours, with a jump to
    the label's label each round, need about log2 of the longest chain rounds (Shiloach and Vishkin, 1982).

    Examples
    --------
    Pairs (cookie, account), (account, C1) and (app, C1) make cookie, account and app one customer, C1.
    """
    edges = pairs.select(node=pairs["alias"], customer=pairs.customer_id).distinct().filter(_.node != _.customer)
    edges = engine.keep("identity_edges", edges)
    own = edges.group_by("node").aggregate(n=_.count(), customer=_.customer.min())
    facts = own.aggregate(n=_.count(), conflicts=(own.n > 1).sum().fill_null(0)).execute().iloc[0]
    chained = int(edges.semi_join(own, edges.customer == own.node).count().execute())
    n_conflicts = int(facts.conflicts)
    simple = n_conflicts == 0 and chained == 0
    names = own.select("node", "customer") if simple else _components(engine, edges)
    names = engine.keep("identity_names", names.filter(_.node != _.customer))
    n_merged = 0 if simple else int(_own_ids(edges).semi_join(names, "node").count().execute())
    sizes = names.group_by("customer").aggregate(n=_.count() + 1)
    size = sizes.aggregate(largest=_.n.max(), over=(sizes.n > MOST_IDS).sum().fill_null(0)).execute().iloc[0]
    largest = 0 if pd.isna(size.largest) else int(size.largest)
    found = Identities(names, int(facts.n), n_conflicts, int(size.over), n_merged, largest)
    _report(found, problems)
    return found


def _own_ids(edges: ir.Table) -> ir.Table:
    """Ids of customers that are nobody's alias."""
    customers = edges.select(node=edges.customer).distinct()
    return customers.anti_join(edges.select("node").distinct(), "node")


def _components(engine: Engine, edges: ir.Table) -> ir.Table:
    """Label every id with the customer of its component."""
    both = edges.select(a="node", b="customer").union(edges.select(a="customer", b="node"))
    both = engine.keep("identity_both", both.distinct())
    nodes = both.select(node=both.a).distinct()
    own = _own_ids(edges).mutate(is_own=ibis.literal(0))
    nodes = nodes.left_join(own, "node").select(nodes.node, rank=own.is_own.fill_null(1))
    # A customer's own id sorts before every alias, so that it becomes the label.
    labels = engine.keep("identity_0", nodes.select("node", label=_.rank.cast("string").concat(_.node)))
    for turn in range(1, _MOST_ROUNDS + 1):
        nearer = engine.keep(f"identity_{turn}", _round(labels, both))
        both_labels = nearer.join(labels.select("node", was="label"), "node")
        n_changed = int(both_labels.filter(_.label != _.was).count().execute())
        engine.drop(f"identity_{turn - 1}")
        labels = nearer
        if n_changed == 0:
            return labels.select("node", customer=labels.label.substr(1))
    raise DataError(
        f"identities: ids still join after {_MOST_ROUNDS} rounds; chains of aliases are too long. List for each alias "
        "the customer it belongs to."
    )


def _round(labels: ir.Table, both: ir.Table) -> ir.Table:
    """Give every id, and the id it is labelled with, the smallest label near; then the label of that label."""
    mine = labels.select(a=labels.node, own="label")
    theirs = labels.select(b=labels.node, label="label")
    edges = both.join(mine, "a").join(theirs, "b")
    near = edges.select(node=edges.a, label=edges.label)
    hooked = edges.select(node=edges.own.substr(1), label=edges.label)
    every = ibis.union(near, hooked, labels.select("node", "label"))
    least = every.group_by("node").aggregate(label=every.label.min())
    other = labels.select(named=labels.node, jump=labels.label)
    joined = least.left_join(other, least.label.substr(1) == other.named)
    return joined.select(node=joined.node, label=ibis.least(joined.label, joined.jump.fill_null(joined.label)))


def _report(found: Identities, problems: list[Problem]) -> None:
    n = found.n_aliases
    if found.n_conflicts:
        text = (
            f"identities: {found.n_conflicts:,} of {n:,} aliases {verb(found.n_conflicts, 'is', 'are')} paired with "
            f"more than one customer, which joins {found.n_merged:,} of them "
            "to others: a shared device, or an error of matching. Leave such aliases out if they are different people."
        )
        problems.append(Problem("identities", "identities", "alias_conflicts", "repaired", found.n_conflicts, n, text))
    if found.n_over_merged:
        text = (
            f"identities: {found.n_over_merged:,} {verb(found.n_over_merged, 'customer has', 'customers have')} more "
            f"than {MOST_IDS} ids (the largest {found.largest:,}): likely a shared terminal, a test account or a "
            "default value. Leave these aliases out with `leave_out`."
        )
        count = found.n_over_merged
        problems.append(Problem("identities", "identities", "over_merged", "noted", count, n, text))


def stitch(table: ir.Table, identities: Identities | None) -> ir.Table:
    """Replace aliases by their customer; the id that a row came with stays beside it where it differs."""
    if identities is None or "customer_id" not in table.columns:
        return table
    joined = table.left_join(identities.names, table.customer_id == identities.names.node)
    known = joined.customer.fill_null(joined.customer_id)
    came = joined.customer.notnull().ifelse(joined.customer_id, ibis.null("string"))
    columns = {name: known if name == "customer_id" else joined[name] for name in table.columns}
    return joined.select(**columns, **{ALIAS: came})


def stitched_message(table: ir.Table, kind: str) -> Problem | None:
    """Say how many rows came under an alias; None when none did."""
    found = table.aggregate(n=table[ALIAS].count(), total=table.count()).execute().iloc[0]
    n, total = int(found.n), int(found.total)
    if n == 0:
        return None
    text = (
        f"{n:,} of {total:,} rows came under an alias and now {verb(n, 'carries', 'carry')} the customer it belongs to."
    )
    return Problem(kind, "identities", "stitched", "stitched", n, total, text)


def unstitched(events: ir.Table) -> ir.Table:
    """Return the events under the ids they came with."""
    came = events[ALIAS].fill_null(events.customer_id)
    return events.mutate(customer_id=came).drop(ALIAS)


def identity_table(events: ir.Table, found: Identities) -> pd.DataFrame:
    """Tell what stitching changed.

    Returns
    -------
    DataFrame, one row per measure
        measure, before, after, share; see ``Dataset.identity``.
    """
    came = events[ALIAS].fill_null(events.customer_id)
    counts = events.aggregate(
        n=events.count(),
        stitched=events[ALIAS].count(),
        before=came.nunique(),
        after=events.customer_id.nunique(),
        used=events[ALIAS].nunique(),
    )
    now = counts.execute().iloc[0]
    share = float(now.stitched) / float(now.n) if now.n else 0.0
    rows = [
        ("customers_of_events", now.before, now.after, None),
        ("events_stitched", 0, now.stitched, share),
        ("aliases", found.n_aliases, now.used, float(now.used) / found.n_aliases if found.n_aliases else 0.0),
        ("conflicts", found.n_conflicts, None, found.n_conflicts / found.n_aliases if found.n_aliases else 0.0),
        ("customers_joined", None, found.n_merged, None),
        ("over_merged", None, found.n_over_merged, None),
        ("largest_cluster", None, found.largest, None),
    ]
    table = pd.DataFrame(rows, columns=IDENTITY_COLUMNS)
    return table.astype({"before": "Int64", "after": "Int64", "share": "float64"})
