"""What dataset.yml says of journeys, and what they were proposed from."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cj_helpers.dataset.scaffold.journeys import Proposal
from cj_helpers.dataset.scaffold.layout import inline, key, line, words

_MANY_TOUCHPOINTS = 100
_LISTED = 25


def journey_lines(proposals: Sequence[Proposal], touchpoints: pd.DataFrame) -> list[str]:
    """Return the proposed journeys, and the touchpoints that they were proposed from."""
    lines = [
        "# Touchpoints: events, customers, and for how many of these it is the last step.",
        *_frequencies(touchpoints),
    ]
    lines += [
        "# Journeys are proposals: a goal is a touchpoint with such a name or that ends most histories, and its stages",
        "# are what mostly comes before it. Rename, split and complete them; labels are what readers see.",
    ]
    lines.append(
        "journeys:" if proposals else "# journeys: none could be proposed; name a start, a success and a timeout"
    )
    for one in proposals:
        lines += _journey(one)
    return lines


def _journey(one: Proposal) -> list[str]:
    lines = [f"  {inline(one.key)}:", line(f"label: {inline(words(one.key))}", "please reword", indent=4)]
    if one.start:
        lines.append(line(f"start: {inline(list(one.start))}", "four of five such ways begin with it", indent=4))
    lines.append(line(f"success: {inline([one.success])}", one.reason, indent=4))
    if one.abandon:
        lines.append(line(f"abandon: {inline(list(one.abandon))}", "guessed from the name", indent=4))
    if one.stages:
        lines.append(line("stages:", "the usual order", indent=4))
        lines += [f"      {inline(key(name))}: {inline([name])}" for name in one.stages]
        lines.append(f"      {inline(key(one.success))}: {inline([one.success])}")
    return [
        *lines,
        line(f"timeout: {one.timeout_days}d", "99 % of those who came back did so within this time", indent=4),
        line(f"within: {one.within_days}d", "nine of ten who got there did so within this time", indent=4),
    ]


def _frequencies(touchpoints: pd.DataFrame) -> list[str]:
    shown = touchpoints.head(_LISTED)
    width = max((len(str(name)) for name in shown["touchpoint"]), default=0)
    lines = [
        f"#   {row.touchpoint!s:<{width}}  {row.n_events:>9,}  {row.n_customers:>9,}  {row.last_share:>5.0%}"
        for row in shown.itertuples()
    ]
    left = len(touchpoints) - len(shown)
    if left > 0:
        lines.append(f"#   ... and {left:,} more")
    if len(touchpoints) > _MANY_TOUCHPOINTS:
        lines.append("# These are many: bring them to a few dozen with `patterns:` or `values:` on the source.")
    return lines
