"""What the columns of exports are called, and which of the project's names they stand for."""

from __future__ import annotations

import re

# Words of English, German, French and Spanish exports. The first word of a list is the likeliest.
_NAMES = {
    "customer_id": "customer client kunde kunden user visitor member account subscriber person contact student patient "
    "card recipient party usuario cliente abonne",
    "timestamp": "timestamp datetime ts time zeitpunkt zeit event_time occurred created date datum when said sent "
    "at fecha hora horodatage",
    "touchpoint": "touchpoint event activity action step event_name event_type page url path screen subject mail "
    "anliegen ereignis vorgang aktion seite interaction topic type category name",
    "channel": "channel kanal canal medium",
    "mode": "mode handled",
    "device": "device platform geraet gerät os",
    "session_id": "session visit sitzung",
    "journey_id": "case journey ticket vorgangsnummer fall order_id application",
    "cost": "cost costs kosten amount_cost coste cout",
    "duration_s": "duration seconds dauer dauer_sek duration_s",
    "effort": "effort aufwand",
    "satisfaction": "satisfaction zufriedenheit",
    "order": "order seq sequence sequence_number position",
    "answered_at": "answered submitted responded answered_at date datum timestamp time created",
    "verbatim": "verbatim comment comments kommentar feedback text remark",
    "started_at": "started start signup joined since contract_start begin beginn von vertragsbeginn registered "
    "registration activation",
    "ended_at": "ended end exit churn_date cancelled canceled termination bis ende vertragsende unregistration left",
    "notice_at": "notice kuendigung kündigung",
    "bound_until": "bound minimum_term mindestlaufzeit",
    "observed_from": "observed_from",
    "last_contacted_at": "last_contacted last_contact",
    "tenure": "tenure months_active",
    "churned": "churned churn is_churned",
    "consent": "consent opt_in einwilligung",
    "exit_reason": "exit_reason reason churn_reason grund",
    "monthly_revenue": "monthly_revenue monthlycharges monthly_charges mrr arpu monthly_fee umsatz revenue",
    "alias": "alias cookie visitor device anonymous",
}


def plain(name: str) -> str:
    """Return a column's name in lower case with _ between words, ``customerId`` as ``customer_id``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9äöüßéñ]+", "_", parted.lower()).strip("_")


def score(name: str, role: str) -> int:
    """Return how well a column's name fits a role: 0 not at all, more is better."""
    given, words = plain(name), _NAMES.get(role, "").split()
    if given == role:
        return 100
    bare = re.sub(r"_(id|nr|no|num|number|key|at|on|date|ts|time|eur|usd|gbp|chf|sek|s)$", "", given)
    for position, word in enumerate(words):
        if given == word or bare == word:
            return 90 - position
        if role.endswith("_id") and re.fullmatch(
            rf"({word}(s|n|en)?)_?(id|nr|no|num|number|nummer|key|code)|id_?{word}", given
        ):
            return 80 - position
    parts = set(given.split("_"))
    return next((40 - position for position, word in enumerate(words) if word in parts), 0)
