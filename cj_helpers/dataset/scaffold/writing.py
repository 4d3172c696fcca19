"""The text of a dataset.yml: what was found as keys, what was guessed and what was not as comments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cj_helpers.dataset.scaffold.layout import inline, key, line
from cj_helpers.dataset.scaffold.profile import Column, Profile
from cj_helpers.dataset.scaffold.roles import Placed


def heading(*, name: str, schema: str, time_zone: str, currency: str, language: str, zone_known: bool) -> list[str]:
    """Return the first lines: what editors need, and what no file could tell."""
    return [
        *([f"# yaml-language-server: $schema={schema}"] if schema else []),
        "# Drafted by `cj init` from the files themselves. A comment says what was guessed and what could not be told;",
        "# read it once from top to bottom, correct it, and take the comments out. data/README.md explains every key.",
        "version: 1",
        line(f"name: {inline(name)}", "what a reader sees"),
        line(
            f"time_zone: {inline(time_zone)}",
            "of timestamps that do not say theirs" + ("" if zone_known else "; NOT KNOWN from the files, please check"),
        ),
        line(f"currency: {inline(currency)}", "of every amount"),
        line(f"language: {inline(language)}", "of the reports"),
    ]


def allow_lines(outside: Sequence[str]) -> list[str]:
    """Return what lets a data set read files where they lie, outside its own folder."""
    if not outside:
        return []
    return [
        "allow:",
        line(f"outside: {inline(list(outside))}", "folders whose files are used where they lie", indent=2),
    ]


def source_lines(placed: Placed, text: str, channel: str) -> list[str]:
    """Return the entry of one source under its table."""
    source = placed.source
    rows = f"{source.n_rows:,} rows" + (f" in {len(source.paths)} files" if len(source.paths) > 1 else "")
    lines = [line(f"- source: {inline(text)}", rows, indent=4)]
    lines += [f"      # could not be told: {reason}" for reason in placed.missing]
    read, remarks = read_entry(placed)
    if read:
        lines.append(line(f"read: {inline(read)}", "; ".join(remarks), indent=6))
    lines += _column_lines(placed)
    constants = {"channel": channel} if channel else {}
    if placed.table == "events" and "touchpoint" not in placed.columns:
        constants["touchpoint"] = "event"
    if constants:
        lines.append(line(f"constants: {inline(constants)}", "guessed from the file's name", indent=6))
    if "tenure" in placed.columns:
        lines.append(line("tenure_unit: months", "NOT KNOWN: months or days", indent=6))
    taken = {*placed.columns.values(), *placed.questions}
    rest = [c.name for c in source.columns if c.name not in taken]
    if rest and placed.table != "identities":
        lines.append(f"      # kept as attributes to compare by: {', '.join(rest)}")
    return lines


def _column_lines(placed: Placed) -> list[str]:
    if all(role == column for role, column in placed.columns.items()):
        return []
    lines = ["      columns:"]
    for role, column in placed.columns.items():
        if role != column:
            lines.append(line(f"{role}: {inline(column)}", placed.guesses.get(role, ""), indent=8))
    return lines


def read_entry(placed: Placed) -> tuple[dict[str, Any], list[str]]:
    """Return what ``read:`` must say, and remarks on it."""
    source = placed.source
    read: dict[str, Any] = {}
    remarks: list[str] = []
    if source.dialect is None:
        return {}, []
    if source.dialect.delimiter != ",":
        read["delimiter"] = source.dialect.delimiter
    if source.decimal != ".":
        read["decimal"] = source.decimal
    if source.dialect.encoding != "utf-8":
        read["encoding"] = source.dialect.encoding
        remarks.append("not UTF-8, so taken for Latin-1" if source.dialect.encoding == "latin-1" else "")
    patterns = list(dict.fromkeys(c.dates[0].pattern for c in _mapped(placed, "timestamp") if c.dates))
    if patterns and patterns[0]:
        read["timestamp_format"] = patterns[0]
    if len(patterns) > 1:
        remarks.append(f"NOT ALL: the dates have several notations ({', '.join(p or 'ISO' for p in patterns)})")
    blanks = sorted({code for c in source.columns for code in c.blanks if c.kind != "text"})
    if blanks:
        read["missing"] = blanks
    doubtful = [c.name for c in source.columns if c.grouped]
    if doubtful:
        remarks.append(f"CHECK: {', '.join(doubtful)} could have groups of thousands instead of decimals")
    return read, [remark for remark in remarks if remark]


def _mapped(placed: Placed, kind: str) -> list[Column]:
    columns = [placed.source.column(name) for name in placed.columns.values()]
    return [column for column in columns if column.kind == kind]


def unplaced_lines(placed: Sequence[tuple[Placed, str]]) -> list[str]:
    """Return the files that found no place, named for ``sql:``, and why they found none."""
    if not placed:
        return []
    lines = [
        "# These files found no place. A query under `sql:` of a table can join them by the names below; docs/",
        "# tutorial_oulad.md shows how. Every column of a text file is text there.",
    ]
    names: dict[str, int] = {}
    lines.append("raw:")
    for one, text in placed:
        name = key(text.split("/")[-1].split(".")[0])
        names[name] = names.get(name, 0) + 1
        name += f"_{names[name]}" if names[name] > 1 else ""
        read, remarks = read_entry(one)
        entry = {"source": text} | ({"read": read} if read else {})
        lines.append(
            line(f"{inline(name)}: {inline(entry)}", "; ".join([f"{one.source.n_rows:,} rows", *remarks]), indent=2)
        )
        lines += [f"    # {reason}" for reason in one.missing]
        lines.append(f"    # columns: {', '.join(c.name for c in one.source.columns)}")
    return lines


def closing_lines() -> list[str]:
    """Return the last lines: privacy."""
    return [
        "privacy:",
        line("min_group: 10", "groups of fewer customers are not published", indent=2),
        line("pseudonym_key_env: CJ_KEY", "environment variable with the key of pseudonyms", indent=2),
        "",
    ]


def channel_of(source: Profile) -> str:
    """Return a channel by the file's name: ``calls.csv`` is phone."""
    known = {
        "phone": ("call", "phone", "telefon", "hotline"),
        "web": ("web", "click", "page"),
        "app": ("app",),
        "chat": ("chat", "bot"),
        "store": ("store", "shop", "filial"),
        "email": ("mail",),
    }
    path = source.paths[0]
    for text in (path.name.lower(), path.parent.name.lower()):
        for channel, words in known.items():
            if any(word in text for word in words):
                return channel
    return key(path.name.split(".")[0])
