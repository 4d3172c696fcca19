"""The two texts in the sample's folder, filled from templates: dataset.yml and README.md."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from textwrap import indent

from cj_helpers.sample.feeds import FAULTS
from cj_helpers.sample.recorded import COMMAND, MEASURED
from cj_helpers.sample.world import NULLS, SETTING, World

HEADINGS = {
    1: "Outages: how many end well",
    2: "Outages: from chat to phone",
    3: "Moving home: the address form",
    4: "Outages: the technician",
    5: "Outages: the chat bot",
    6: "Outages: Austria against Germany",
    7: "Outages: business against residential customers",
    8: "Surveys: what moves the likelihood to recommend",
    9: "Surveys: abandoned journeys, and who answers",
    10: "Surveys: a fall, and a change of mix",
    11: "Contracts: who gives notice",
    12: "Faults in the feeds",
    NULLS: "Nulls, which an analysis should not call effects",
}


def dataset_yml() -> str:
    """Return the configuration of the sample."""
    return _template("dataset.yml")


def readme(world: World, customers: int, seed: int) -> str:
    """Return the description of the sample, with every parameter it is made from."""
    sections = []
    for truth, heading in HEADINGS.items():
        number = "" if truth == NULLS else f"{truth}. "
        sections.append(f"\n### {number}{heading}\n\n{_parameters(world, truth)}")
    return Template(_template("README.md")).substitute(
        customers=f"{customers:,}",
        number=customers,
        seed=seed,
        faults=_faults(),
        truths="".join(sections),
        command=indent(COMMAND, "    "),
        measured=_measured(),
        settings=_parameters(world, SETTING).rstrip(),
    )


def _template(name: str) -> str:
    return (files("cj_helpers.sample") / "templates" / name).read_text(encoding="utf-8")


def _parameters(world: World, truth: int) -> str:
    rows = [f"| {says} | {_shown(value)} | `{name}` |\n" for of, name, value, says in world.rows() if of == truth]
    return "| what | value | parameter |\n|---|---|---|\n" + "".join(rows)


def _shown(value: float | tuple[int, int]) -> str:
    return " to ".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"


def _measured() -> str:
    rows = [f"| {'' if of == NULLS else of} | {what} | {value} | {error} |\n" for of, what, value, error in MEASURED]
    return "| truth | what | value | standard error |\n|---|---|---|---|\n" + "".join(rows)


def _faults() -> str:
    """Return the shares of broken rows of each feed in words."""
    texts = []
    for channel, faults in FAULTS.items():
        shares = {"repeated": faults.repeated, "without id": faults.without_id, "misspelt": faults.misspelt}
        parts = [f"{100 * share:g} % {what}" for what, share in shares.items() if share]
        if faults.future:
            parts.append(f"{faults.future} for 4,000 customers with an impossible year")
        texts.append(f"- {channel.name.lower()} rows: {', '.join(parts)}")
    return "\n".join([*texts, "- contracts: two in 4,000 end on 9999-12-31"])
