"""Every number the sample is made from: twelve planted truths, the nulls, and the settings behind them.

data/sample/README.md is written from this file, so the two cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

SETTING = 0  # shapes the sample, but no analysis is expected to recover it
NULLS = 13  # what an analysis should not call an effect


def planted(truth: int, value: Any, says: str) -> Any:
    """Declare a field of World: the number of its truth, its value, and what it means."""
    return field(default=value, metadata={"truth": truth, "says": says})


def setting(value: Any, says: str) -> Any:
    """Declare a field of World that only helps to reach a planted truth."""
    return planted(SETTING, value, says)


@dataclass(frozen=True)
class World:
    """Parameters of the fictional provider; times in days from 2025-01-01 00:00 unless the name says otherwise."""

    # Truth 1: outages. The four shares describe a residential customer in Germany without a hand-off;
    # with the mix of all customers they give .72 within 14 days, .80 of the closed and .08 open.
    outage_completed_14d: float = planted(1, 0.72, "outages completed within 14 days (all started, Aalen-Johansen)")
    outage_completed_of_closed: float = planted(1, 0.80, "completed share of the closed outages alone (about)")
    outage_open_share: float = planted(1, 0.08, "outages still open at the end of the phone export")
    outage_remote_share: float = setting(0.307, "reference: outages solved from afar")
    outage_visit_share: float = setting(0.4835, "reference: outages solved by a technician's visit")
    outage_never_share: float = setting(0.0147, "reference: technician booked, never came")
    outage_rate: float = setting(0.68, "outages a customer has in 18 months, before overlaps are left out")
    remote_median_hours: float = setting(11.0, "reference: median time to a solution from afar")
    remote_sigma: float = setting(1.15, "spread of the logarithm of that time")
    silent_after_median_hours: float = setting(20.0, "reference: last sign of life of customers who give up")
    storm_share: float = setting(0.108, "share of all outages that fall into the storm of 2026-06-20")

    # Truth 2: chat to phone.
    handoff_share: float = planted(2, 0.15, "outage journeys with a hand-off from chat to phone")
    handoff_wait_hours: float = planted(2, 26.0, "median wait from chat to phone in these")
    elsewhere_wait_hours: float = planted(2, 4.0, "median wait of all other transitions between touchpoints of outages")
    handoff_hazard_ratio: float = planted(2, 0.60, "hazard ratio of completion from the phone call on (time-varying)")
    handoff_potential: float = setting(0.323, "outages that would be handed off if they lasted")
    handoff_potential_wait_hours: float = setting(28.0, "median wait of these, before shorter outages end first")
    contact_median_hours: float = setting(3.65, "median wait of other contacts")

    # Truth 3: moving home.
    form_next: float = planted(3, 0.85, "P(next step) after address_form")
    form_next_broken: float = planted(3, 0.45, "the same on mobile while the form is broken")
    form_broken_weeks: tuple[int, int] = planted(3, (20, 25), "first and last broken week, counted from 2025-01-01")
    form_broken_starts: int = planted(3, 150, "mobile starts in the broken weeks, at least (8,000 customers)")
    move_rate: float = setting(0.33, "moves a customer begins in 18 months")
    move_season: float = setting(3.8, "moves a day in the season (weeks 18-27 of a year) against the rest")
    mobile_share: float = setting(0.60, "web visits on a mobile device")

    renewal_rate: float = setting(0.50, "renewals a customer begins in 18 months")

    # Truth 4: the technician.
    visit_wait_days: float = planted(4, 6.0, "median days from technician_booked to service_restored")
    visit_wait_p90_days: float = planted(4, 12.0, "90 % quantile of the same")
    visit_completed: float = planted(4, 0.93, "technician_booked journeys that end completed")
    visit_median_days: float = setting(5.03, "reference: median days from booking to visit")
    visit_sigma: float = setting(0.564, "spread of the logarithm: ln(12/6)/1.2816")
    booking_median_hours: float = setting(28, "reference: median time to the booking")

    # Truth 5: the chat bot.
    bot_solved: float = planted(5, 0.48, "bot conversations that end solved")
    bot_called_after: float = planted(5, 0.20, "of the solved: assisted contact within 7 days")
    bot_contained: float = planted(5, 0.384, "true containment: solved and no such contact")
    bot_potential: float = setting(0.945, "eligible outages (solved from afar, no person involved) that the bot solved")
    bot_call_drawn: float = setting(0.179, "drawn share of bot_called_after; the rest are chance contacts")

    # Truths 6 and 7: hazard ratios of completion of outages.
    austria_hazard_ratio: float = planted(6, 0.80, "Austria against Germany, completion of outages")
    business_hazard_ratio_early: float = planted(7, 1.6, "business against residential until day 2")
    business_hazard_ratio_late: float = planted(7, 0.8, "business against residential after day 2")
    business_until_days: float = planted(7, 2.0, "when the ratio changes")

    # Truth 8: slopes of the proportional-odds model, per scale point of the item (1-5).
    slope_ease: float = planted(8, 0.60, "ordinal slope of ease on likelihood to recommend")
    slope_helpfulness: float = planted(8, 0.45, "slope of helpfulness")
    slope_information: float = planted(8, 0.30, "slope of information")
    slope_self_service: float = planted(8, 0.30, "slope of self-service, where used")
    slope_communication: float = planted(8, 0.20, "slope of communication")
    slope_personalisation: float = planted(8, 0.0, "slope of personalisation (null)")
    ease_self_service_r: float = planted(8, 0.70, "Pearson correlation of the items ease and self-service")
    ease_personalisation_r: float = planted(8, 0.60, "Pearson correlation of the items ease and personalisation")
    self_service_not_used: float = planted(8, 0.25, "answers that code self-service 6, not used")
    latent_self_service_r: float = setting(0.7645, "correlation before rounding to five points, for .70 after")
    latent_personalisation_r: float = setting(0.660, "correlation before rounding, for .60 after")
    mood_r: float = setting(0.30, "correlation before rounding of all other pairs of items")

    # Truth 9: what an abandoned journey does to the answer, and who answers.
    abandoned_effect: float = planted(9, -1.0, "latent NPS after a journey abandoned in the 30 days before the answer")
    abandoned_window_days: float = planted(9, 30.0, "how long that lasts")
    response_promoter: float = planted(9, 0.35, "response rate of promoters")
    response_detractor: float = planted(9, 0.25, "response rate of detractors")
    response_passive: float = setting(0.30, "response rate of passives")
    invitations: float = setting(1.7, "invitations a customer gets in 18 months")
    invited_after_journey: float = setting(0.40, "ended journeys followed by one more invitation")

    # Truth 10: a real fall and an apparent one.
    fall_month: int = planted(10, 9, "month of the fall, 2025-09; the level stays")
    fall_points: float = planted(10, -12.0, "change of NPS in that month, points")
    mix_month: int = planted(10, 14, "month with another mix of customers, 2026-02; adjusted change 0")
    fall_latent: float = setting(-0.395, "latent shift that makes 12 points")
    business_latent: float = setting(-1.0, "latent NPS of business against residential customers")
    mix_kept: float = setting(0.35, "invitations of residential customers kept in the month of the other mix")

    # Truth 11: monthly log-odds of giving notice.
    churn_abandoned: float = planted(11, 0.9, "log-odds: a journey abandoned in the 90 days before the month")
    churn_complaint: float = planted(11, 0.7, "log-odds: a complaint open at the start of the month")
    churn_price_rise: float = planted(11, 0.5, "log-odds: a price rise announced in the 90 days before the month")
    churn_bound: float = planted(11, -3.0, "log-odds: bound beyond the start of the month")
    exits_involuntary: float = planted(11, 0.15, "share of exits that are involuntary")
    churn_loyal: float = setting(-1.2, "log-odds: member of the loyalty programme")
    churn_base: float = setting(-3.75, "log-odds of notice in a month with none of these")
    involuntary_monthly: float = setting(0.0028, "monthly probability of termination for unpaid bills")
    moved_monthly: float = setting(0.0016, "monthly probability of leaving because of a move abroad or in with someone")
    price_rise_share: float = setting(0.60, "customers with a price rise in 18 months")
    complaint_rate: float = setting(0.25, "complaints a customer files in 18 months")

    # Truth 12: faults in the feeds.
    phone_late_days: float = planted(12, 4.0, "the phone export ends this long before the others")
    chat_gap_days: float = planted(12, 6.0, "days without chat export, from 2025-11-10")
    retention_offer_true: float = planted(12, 0.95, "retention_offer set after notice (snapshot, a leak)")
    retention_offer_false: float = setting(0.01, "retention_offer set without notice")

    # Nulls: ratios of 1 that an analysis should not call effects.
    switzerland_hazard_ratio: float = planted(NULLS, 1.0, "null: Switzerland against Germany, completion of outages")
    weekday_hazard_ratio: float = planted(NULLS, 1.0, "null: weekday of the start")
    store_hazard_ratio: float = planted(NULLS, 1.0, "null: completion after a hand-off to a store")
    newsletter_raw_odds_ratio: float = planted(NULLS, 0.6, "newsletter on notice, unadjusted (sent to the loyal)")
    newsletter_adjusted_odds_ratio: float = planted(NULLS, 1.0, "null: the same, adjusted for the loyalty programme")
    newsletter_member: float = setting(0.80, "newsletter among members of the loyalty programme")
    newsletter_other: float = setting(0.269, "newsletter among the others")

    def rows(self) -> list[tuple[int, str, Any, str]]:
        """Truth number (or SETTING, NULLS), name, value and meaning of every parameter, in order."""
        return [(f.metadata["truth"], f.name, getattr(self, f.name), f.metadata["says"]) for f in fields(self)]


WORLD = World()
