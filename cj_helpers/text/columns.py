"""What the columns of result tables are called for readers, and of which kind their values are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cj_helpers.text.labels import BESIDE, LABELS, VALUES
from cj_helpers.text.language import N_, _
from cj_helpers.text.numbers import current_currency
from cj_helpers.text.templates import fill

_NAMES_BY_KIND = {
    "count": "landmark_days rank rank_low rank_high band customers detractors df n passives position promoters "
    "removed rows",
    "percent": "completed_a completed_b completed_apart completed_low completed_high csat_top "
    "ease_top removal_effect utility "
    "all_contacted base_rate completed_within abandoned_within drop_off gain gain_high gain_low hazard "
    "importance inactive_share predicted probability rate returned_share save_rate score_from score_to "
    "share threshold",
    "number": "auc auc_high auc_low ces coefficient concordance conf_high conf_low correlation csat difference "
    "duration duration_s effort estimate expected expected_exits mean median months performance satisfaction score "
    "statistic std_error time weight",
    "points": "estimate_weighted nps",
    "money": "value_per_month cost_with cost_without "
    "cost expected_loss expected_margin mean_revenue monthly_revenue profit revenue revenue_at_risk",
    "datetime": "as_of first last timestamp",
    "p_value": "p_value p_adjusted",
    "ratio": "hazard_ratio lift",
    "id": "customer fingerprint sha256 version",
    "date": "date day first_day last_day period week",
    "month": "month",
}
_KINDS = {name: kind for kind, names in _NAMES_BY_KIND.items() for name in names.split()}
# (pattern of the whole name, kind), the first that fits; units live in names
_PATTERNS = (
    (r"n_\w+", "count"),
    (r"\w*(_share|_rate|_within)|share_\w+", "percent"),
    (r"\w+_days|days", "days"),
    (r"\w+_hours|hours", "hours"),
    (r"\w+_at", "datetime"),
    (r"\w+_date", "date"),
    (r"\w+_(eur|usd|gbp|chf)|\w+_(cost|revenue)|(cost|revenue)_\w+", "money"),
    (r"\w+_ratio", "ratio"),
    (r"\w+_id|id", "id"),
)
_UNITS = {"days": N_("days"), "hours": N_("hours"), "percent": "%", "points": N_("points")}
_COLUMNS_WITH_VALUES = {
    "segment",
    "outcome",
    "source",
    "target",
    "exit_reason",
    "direction",
    "kind",
    "table",
    "verdict",
    "measure",
    "role",
    "decided_by",
    "declared",
    "link",
    "period",
    "problem",
    "reason",
    "reference",
    "factor",
    "case",
    "advice",
    "order",
    "group",
    "attribute",
    "metric",
    "rule",
    "trait",
    "part",
    "component",
    "dimension",
    "method",
    "model",
    "reference_kind",
}
# an interval belongs to the first of these that a table has
_LEADS = (
    "estimate",
    "share",
    "completed_within",
    "probability",
    *("drop_off", "abandoned_share", "removal_effect", "completed_share"),
    "difference",
    "median_days",
    "hazard",
    "hazard_ratio",
    "difference_days",
    "mean_days",
)


def label(name: str, *, unit: bool = False) -> str:
    """Heading of a column for readers; an unknown name becomes readable words.

    Parameters
    ----------
    name : str
        Column of a result table.
    unit : bool
        Whether to add the unit, as an axis of plain numbers needs: ``Time (days)``.

    Examples
    --------
    >>> [label("n_journeys"), label("contract_type"), label("time_days", unit=True)]
    ['Journeys', 'Contract type', 'Time (days)']
    """
    text = _(LABELS[name]) if name in LABELS else _readable(name)
    if not unit:
        return text
    kind = column_kind(name)
    shown = current_currency() if kind == "money" else _(_UNITS.get(kind, ""))
    return _("{label} ({unit})").replace("{label}", text).replace("{unit}", shown) if shown else text


def column_kind(name: str, default: str = "text") -> str:
    """Kind of a column's values (see `format_value`), decided by its name and the unit in it.

    Examples
    --------
    >>> [column_kind("n_journeys"), column_kind("wait_median_hours"), column_kind("contract_type")]
    ['count', 'hours', 'text']
    """
    if name in _KINDS:
        return _KINDS[name]
    matching = (kind for pattern, kind in _PATTERNS if re.fullmatch(pattern, name))
    return next(matching, "text" if name in LABELS else default)


def table_kinds(names: Iterable[str], kinds: Mapping[str, str] | None = None, default: str = "text") -> dict[str, str]:
    """Kind of each column of one table.

    An ``estimate`` is in points beside ``promoters``, a plain number beside ``term``, and a share in curves
    and incidences; its interval and standard error are of the same kind. `kinds` overrules by column.
    """
    columns, given = list(names), dict(kinds or {})
    result = {name: column_kind(name, default) for name in columns}
    if "estimate" in result:
        result["estimate"] = _estimate_kind(set(columns))
    result.update(given)
    lead = next((result[name] for name in _LEADS if name in result), "number")
    for name in ("conf_low", "conf_high", "std_error"):
        if name in result and name not in given:
            result[name] = lead
    return result


def table_labels(names: Iterable[str]) -> dict[str, str]:
    """Heading of each column of one table; a few mean something else beside others."""
    columns = list(names)
    labels = {name: label(name) for name in columns}
    for beside, others in BESIDE.items():
        if all(name in labels for name in beside):
            labels |= {name: _(text) for name, text in others.items() if name in labels}
    return labels


def value_label(column: str, value: str) -> str:
    """Words for fixed values of a column such as an outcome, for attributes and terms of models; others stay."""
    if column == "term":
        return _term_words(value)
    if column == "path":
        return value.replace(">", "\u00a0› ")  # a long path breaks after the mark
    if column in _COLUMNS_WITH_VALUES and value in VALUES:
        return _(VALUES[value])
    return label(value) if column == "attribute" else value


def _term_words(term: str) -> str:
    """A covariate of journeys in words: contacts so far, after a hand-off, or a level of a customer's property."""
    if term == "contacts":
        return _("each contact with a person so far")
    handed = re.fullmatch(r"after (.+) > (.+)", term)
    if handed:
        return fill("after {from_channel} to {to_channel}", from_channel=handed[1], to_channel=handed[2])
    level = re.fullmatch(r"(\w+): (.*)", term)
    if level:
        return fill("{feature}: {level}", feature=label(level[1]), level=value_label("segment", level[2]))
    return term


def _estimate_kind(columns: set[str]) -> str:
    if columns & {"promoters", "nps"}:
        return "points"
    if "term" in columns:
        return "number"
    return "percent" if columns & {"time_days", "time", "outcome", "n_at_risk", "within_days"} else "number"


def _readable(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return name
    words = re.sub(r"^n_|_(days|hours|eur|at)$", "", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]
