"""What dataset.yml says of surveys and of customers."""

from __future__ import annotations

from typing import Any

from cj_helpers.dataset.scaffold.layout import inline, key, line
from cj_helpers.dataset.scaffold.profile import Column
from cj_helpers.dataset.scaffold.roles import Placed


def survey_lines(placed: Placed) -> list[str]:
    """Return ``survey:`` for a source of answers; nothing for another."""
    if not placed.survey:
        return []
    found: dict[str, Any] = placed.survey
    lines = ["survey:"]
    if "nps" in found:
        lines.append(line(f"nps: {inline(found['nps'])}", "asked from 0 to 10", indent=2))
    for rating in ("csat", "ces"):
        if rating in found:
            lines.append(_rating(rating, found[rating]))
    drivers: list[Column] = found["drivers"]
    if drivers:
        lines.append(line("drivers:", "one dimension for each question; group them as you like", indent=2))
        lines += [f"    {inline(key(c.name))}: {inline([c.name])}" for c in drivers]
    missing = _codes(placed, found)
    if missing:
        lines.append(line(f"missing: {inline(missing)}", "guessed: off the scale, so no answer", indent=2))
    odd = [c.name for c in drivers if len({d.high for d in drivers}) > 1 and c.high > min(d.high for d in drivers)]
    if odd:
        lines.append(
            f"  # CHECK: {', '.join(odd)} go higher than the other questions; if the highest code means 'not used',"
        )
        lines.append(f"  # not_applicable: {inline({c.name: [int(c.high)] for c in drivers if c.name in odd})}")
    if "weight" in found:
        lines.append(line(f"weight: {inline(found['weight'])}", indent=2))
    return lines if len(lines) > 1 else []


def _codes(placed: Placed, found: dict[str, Any]) -> dict[str, list[int]]:
    if "missing" not in found:
        return {}
    name = str(found["missing"])
    values = placed.source.table[name].cast("string").strip().try_cast("float64").name("v").as_table()
    codes = values.filter(values.v > 10).distinct().order_by("v").execute()["v"]
    return {name: [int(code) for code in codes]}


def _rating(rating: str, column: Column) -> str:
    low, high = int(column.low), int(column.high)
    entry: dict[str, Any] = {"column": column.name, "scale": [low, high]}
    if rating == "csat":
        entry["top"] = [high - 1, high]
        return line(f"csat: {inline(entry)}", "CHECK the scale, and which answers are good", indent=2)
    return line(f"ces: {inline(entry | {'easy_is': 'high'})}", "CHECK whether high means easy", indent=2)


def churn_lines(placed: Placed) -> list[str]:
    """Return ``churn:`` for a source of customers."""
    lines = ["churn:", "  contractual: true"]
    if "monthly_revenue" in placed.columns:
        lines.append("  revenue: monthly_revenue")
    if "exit_reason" in placed.columns:
        lines.append("  reason: exit_reason")
    attributes = [
        c.name for c in placed.source.columns if c.name not in placed.columns.values() and 1 < c.n_distinct <= 30
    ]
    if attributes:
        lines.append(f"  # static: {inline(attributes)}")
        lines.append("  # Take out of `static` what may have changed since the start, and put it under `snapshot`.")
    return lines
