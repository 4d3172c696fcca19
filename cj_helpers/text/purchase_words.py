"""Words of report 04 without contracts: nobody leaves there, customers buy nothing or are called gone by a rule."""

from __future__ import annotations

from cj_helpers.text.language import N_

#: What the report says of contracts, and what it says instead where purchases are all there is. Prediction is of "no
#: purchase within the horizon", curves and money are of "called gone by the inactivity rule".
PURCHASE_WORDS = {
    # the curve and the money: the inactivity rule
    "Still there after {age:days}": N_("Not called gone after {age:days}"),
    "After {age:days} {estimate:percent} of customers are still there (95 % interval {conf_low:percent} to "
    "{conf_high:percent}; {n:count} customers in all), if those followed for a short time go on like the others.": N_(
        "After {age:days} {estimate:percent} of customers are not called gone by the inactivity rule (95 % interval "
        "{conf_low:percent} to {conf_high:percent}; {n:count} customers in all), if those followed for a short time go "
        "on like the others."
    ),
    "Share of customers still there over time": N_("Share of customers not called gone over time"),
    "Share of customers still there at selected times": N_("Share of customers not called gone at selected times"),
    "Share of customers still there over time, with interval.": N_(
        "Share of customers not called gone by the inactivity rule over time, with interval."
    ),
    "Still customers (share)": N_("Not called gone (share)"),
    "Share still there by start": N_("Share not called gone by start"),
    "Share still there by start (rows) and age (columns).": N_("Share not called gone by start (rows), age (columns)."),
    "Customers who left": N_("Customers called gone by the inactivity rule"),
    "{exits:count} of {n_active:count} active customers are expected to leave within {days:days}, with "
    "{revenue_at_risk:money} a month ({revenue_low:money} to {revenue_high:money}), if customers of the same age go on "
    "leaving as they have so far.": N_(
        "{exits:count} of {n_active:count} customers not called gone so far are expected to be called gone within "
        "{days:days}, with {revenue_at_risk:money} a month ({revenue_low:money} to {revenue_high:money}), if customers "
        "of the same age go on falling silent as they have so far."
    ),
    "Monthly revenue expected to leave": N_("Monthly revenue of those expected to be called gone"),
    "Monthly revenue at risk within {days:days}": N_("Monthly revenue of those to be called gone within {days:days}"),
    "Expected exits": N_("Expected to be called gone"),
    # the prediction: no purchase within the horizon
    "Left after each landmark": N_("No purchase within the horizon after each landmark"),
    "voluntary": N_("no purchase"),
    "Left": N_("Bought nothing"),
    "share who left": N_("share who bought nothing"),
    "Tried on the last {days:days}, {predicted:percent} of {n:count} customers were predicted to leave and "
    "{observed:percent} did: {verdict} (calibration slope {slope:number}, {low:number} to {high:number}; 1 is "
    "right).": N_(
        "Tried on the last {days:days}, {predicted:percent} of {n:count} customers were predicted to buy nothing and "
        "{observed:percent} bought nothing: {verdict} (calibration slope {slope:number}, {low:number} to "
        "{high:number}; 1 is right)."
    ),
    "Share who left against predicted risk, by tenths of the customers.": N_(
        "Share who bought nothing against predicted risk, by tenths of the customers."
    ),
    "Predicted risk of leaving within the horizon": N_("Predicted risk of buying nothing within the horizon"),
    "Left (share)": N_("Bought nothing (share)"),
    "Leavers found by the top of the list": N_("Those who bought nothing, found by the top of the list"),
    "Left, of those listed": N_("Bought nothing, of those listed"),
    "Found of those who left": N_("Found of those who bought nothing"),
    "Found of those who left (share)": N_("Found of those who bought nothing (share)"),
    "Share of all who left": N_("Share of all who bought nothing"),
    "Share of the leavers found by the top of the list, with interval.": N_(
        "Share of those who bought nothing found by the top of the list, with interval."
    ),
    "Net benefit (leavers per customer)": N_("Net benefit (found, per customer)"),
    "{feature} alone would sort leavers with an area of {auc:number}: it is known only afterwards and stays out.": N_(
        "{feature} alone would sort those who buy nothing with an area of {auc:number}: it is known only afterwards "
        "and stays out."
    ),
    "Logarithm of the ratio of leaving": N_("Logarithm of the odds ratio of buying nothing"),
    "Ratio of leaving for each property, with interval.": N_(
        "Odds ratio of buying nothing for each property, with interval."
    ),
    "Odds ratio of leaving: left of 1 stays, right of 1 leaves": N_(
        "Odds ratio of buying nothing: left of 1 buys again, right of 1 does not"
    ),
    "Goes most with leaving: {property}, ratio {value:ratio} ({low:ratio} to {high:ratio}), the other properties held "
    "equal.": N_(
        "Goes most with buying nothing: {property}, odds ratio {value:ratio} ({low:ratio} to {high:ratio}), the other "
        "properties held equal."
    ),
    "Margin that exits within the horizon are expected to cost": N_(
        "Margin at stake with those who buy nothing within the horizon"
    ),
}
