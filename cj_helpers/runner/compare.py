"""What differs between two published runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cj_helpers.runner.history import Change, change_between, numbers, signed
from cj_helpers.runner.published import PublishedRun
from cj_helpers.text import format_value, interval


def compare_runs(old: PublishedRun, new: PublishedRun) -> dict[str, Any]:
    """Return everything in which two runs differ, as JSON values.

    Returns
    -------
    dict
        ``runs``; ``settings`` (parameters, versions, code commit) with both values; ``inputs`` (files whose content
        differs); ``notebooks`` whose status differs; ``metrics``: one entry per overall number that both or only
        one has, with estimates, change, its interval and ``verdict`` (real, within error, unknown); ``findings``
        ``gone`` and ``new``.
    """
    return {
        "runs": [{"run_id": run.run_id, "day": run.day, "dataset": run.manifest["dataset"]} for run in (old, new)],
        "settings": _settings(old.manifest, new.manifest),
        "inputs": _inputs(old.manifest, new.manifest),
        "notebooks": _statuses(old.manifest, new.manifest),
        "metrics": _metrics(old.results, new.results),
        "findings": _findings(old.results, new.results),
    }


def metric_lines(metrics: list[dict[str, Any]]) -> list[list[str]]:
    """Rows of text of the numbers that differ: report, number, before, after, change, its interval, verdict."""
    return [_line(row) for row in metrics if row["old"] != row["new"]]


def _line(row: Mapping[str, Any]) -> list[str]:
    unit = row["unit"]
    name = f"{row['name']} ({row['journey']})" if row["journey"] else row["name"]
    shown = ["–" if value is None else format_value(value, unit) for value in (row["old"], row["new"])]
    if row["change"] is None:
        return [row["notebook"], name, *shown, "", "", "only in one run"]
    ends = row["conf_low"], row["conf_high"]
    scale, kind = (100, "points") if unit == "percent" else (1, unit)
    around = "" if None in ends else interval(ends[0] * scale, ends[1] * scale, kind)
    return [row["notebook"], name, *shown, signed(row["change"], unit), around, row["verdict"]]


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for kind in ("parameters", "versions"):
        for name in sorted({*old[kind], *new[kind]}):
            found.append((f"{kind}: {name}", old[kind].get(name), new[kind].get(name)))
    found.append(("commit", old.get("commit"), new.get("commit")))
    return [{"name": name, "old": before, "new": after} for name, before, after in found if before != after]


def _inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    before, after = ({item["path"]: item for item in manifest["inputs"]} for manifest in (old, new))
    names = sorted({*before, *after})
    changed = [n for n in names if before.get(n, {}).get("sha256") != after.get(n, {}).get("sha256")]
    return [{"path": n, "old": before.get(n, {}).get("rows"), "new": after.get(n, {}).get("rows")} for n in changed]


def _statuses(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    before, after = ({n: item["status"] for n, item in m["notebooks"].items()} for m in (old, new))
    names = sorted({*before, *after})
    return [{"name": n, "old": before.get(n), "new": after.get(n)} for n in names if before.get(n) != after.get(n)]


def _metrics(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    before, after = numbers(old), numbers(new)
    found = []
    for key in sorted({*before, *after}):
        rows = before.get(key), after.get(key)
        change: Change | None = None
        if rows[0] and rows[1] and rows[0]["unit"] == rows[1]["unit"]:
            change = change_between(rows[0], rows[1])
        known = rows[1] or rows[0] or {}
        found.append(
            {
                "notebook": key[0],
                "name": key[1],
                "journey": key[2],
                "unit": known["unit"],
                "old": rows[0]["estimate"] if rows[0] else None,
                "new": rows[1]["estimate"] if rows[1] else None,
                "change": change.estimate if change else None,
                "conf_low": change.conf_low if change else None,
                "conf_high": change.conf_high if change else None,
                "verdict": change.verdict if change else "",
            }
        )
    return found


def _findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[str]]:
    before, after = ([row["text"] for row in results["findings"]] for results in (old, new))
    return {"gone": [t for t in before if t not in after], "new": [t for t in after if t not in before]}
