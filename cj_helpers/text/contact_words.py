"""Words of the contact list: why a customer is on it, what to do, and why not to call."""

from __future__ import annotations

import re

from cj_helpers.text.columns import label, value_label
from cj_helpers.text.language import N_, _
from cj_helpers.text.templates import fill

#: What a term of the model means to the person who calls.
REASONS = {
    "failed": N_("a journey was given up recently"),
    "open_journeys": N_("a journey is still under way"),
    "overdue": N_("has waited for us longer than promised"),
    "price_rises": N_("the price was raised recently"),
    "price": N_("pays a high price"),
    "price_change": N_("the price has changed over the year"),
    "open_complaints": N_("a complaint is open"),
    "recent_complaints": N_("complained recently"),
    "escalations": N_("had to turn to a person recently"),
    "handoffs": N_("was passed between channels recently"),
    "repeats": N_("had to repeat steps recently"),
    "assisted": N_("needed help often"),
    "frequency": N_("has been in touch often"),
    "recency_days": N_("the time since the last contact"),
    "last_nps": N_("the last answer on recommending"),
    "tenure_days": N_("the time as a customer"),
    "is_bound": N_("the minimum term is over"),
    "completed": N_("completed no journey recently"),
}
ACTIONS = {
    "failed": N_("finish what the customer gave up, then ask"),
    "open_journeys": N_("help to finish the journey"),
    "overdue": N_("deliver what was promised"),
    "price_rises": N_("explain the price, find a fitting tariff"),
    "price": N_("find a fitting tariff"),
    "price_change": N_("explain the price, find a fitting tariff"),
    "open_complaints": N_("close the complaint first"),
    "recent_complaints": N_("ask whether the complaint was settled well"),
    "is_bound": N_("offer a renewal"),
}
DEFAULT_ACTION = N_("call and listen")
NO_REASON = N_("no single reason stands out")
OPEN_PROBLEM = N_("open problem: service first, no up-sell")
NO_CONSENT = N_("no consent to be contacted")
RECENTLY = N_("contacted recently")
BOUND = N_("bound by contract beyond the horizon")
HOLD_OUT = N_("hold-out group, left alone to measure the effect")


def reason_words(term: str) -> str:
    """Why a customer is at risk, in words, from the term of the model that says most."""
    if not term:
        return _(NO_REASON)
    return _(REASONS[term]) if term in REASONS else property_words(term)


def action_words(term: str) -> str:
    """What to do about it."""
    return _(ACTIONS.get(term, DEFAULT_ACTION))


def property_words(term: str) -> str:
    """A term of a model in words: the feature, and the level where it is one."""
    level = re.fullmatch(r"(.+)\[(.*)\]", term)
    if level is None:
        return label(term)
    return fill("{feature}: {level}", feature=label(level[1]), level=value_label("segment", level[2]))


def suppression_words(reason: str) -> str:
    """Why a customer is not contacted; "" for one who is."""
    return _(reason) if reason else ""
