"""What the checks of the data are called for readers."""

from __future__ import annotations

from cj_helpers.text.language import N_, _
from cj_helpers.text.templates import fill

_WORDS = {
    "alias_conflicts": N_("aliases that several customers claim"),
    "clock_fold": N_("times in the hour that the clock change repeats"),
    "duplicate_customers": N_("customers listed twice"),
    "duplicate_rows": N_("rows that occur twice"),
    "filtered": N_("rows left out by the filters of dataset.yml"),
    "future_events": N_("events in an impossible future"),
    "join_keys": N_("tables that share no customers"),
    "mixed_offsets": N_("times with and without an offset"),
    "negative_duration": N_("durations below zero"),
    "no_early_exits": N_("customers who left early are missing"),
    "no_line_break_at_end": N_("files that end within a line"),
    "odd_ids": N_("odd customer ids"),
    "over_merged": N_("customers with too many ids"),
    "reversed_window": N_("windows of observation that end before they begin"),
    "stitched": N_("rows joined to a customer by an alias"),
    "touchpoint_spelling": N_("touchpoints spelt in several ways"),
}
# a check of one column: the start of its name, and words that name the column
_OF_COLUMN = {
    "after_as_of": N_("dates in {column} after the last day used"),
    "ambiguous": N_("numbers in {column} that can be read in two ways"),
    "implausible": N_("impossible dates in {column}"),
    "missing": N_("rows without {column}"),
    "open_ended": N_("open-ended dates in {column}, a year from 9000 on"),
    "unreadable": N_("unreadable values in {column}"),
}
_OFF_SCALE = "_range"


def check_words(check: str) -> str:
    """Say in plain words what a check found; the name of an unknown check becomes readable words.

    Examples
    --------
    >>> [check_words("duplicate_rows"), check_words("missing_customer_id"), check_words("nps_range")]
    ['rows that occur twice', 'rows without customer_id', 'answers off the scale in nps']
    """
    if check in _WORDS:
        return _(_WORDS[check])
    if check == "after_as_of":
        return _("rows after the last day used")
    if check.endswith(_OFF_SCALE):
        return fill("answers off the scale in {column}", column=check.removesuffix(_OFF_SCALE))
    for start, words in _OF_COLUMN.items():
        if check.startswith(f"{start}_"):
            return fill(words, column=check.removeprefix(f"{start}_"))
    return check.replace("_", " ")
