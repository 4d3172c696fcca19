"""Figures of drop-off survival: who is still under way, who finished and who gave up, over time."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from cj_helpers.contract import COMPLETED
from cj_helpers.plots.curves import plot_curves
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked
from cj_helpers.plots.style import outcome_text
from cj_helpers.text import N_, _, fill

_TIME = "time_days"


@draws(
    "estimate",
    pick="smallest",
    about=("segment", "time_days"),
    time="time_days",
    words=N_("share still running"),
    kind="percent",
)
def plot_survival_curve(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    within_days: float | None = None,
    until_days: float | None = None,
    ylabel: str = "",
) -> Axes:
    """Draw survival curves by segment as steps with 95 % bands and the numbers at risk.

    Parameters
    ----------
    table : DataFrame
        One row per segment and time: segment, time_days, estimate, conf_low, conf_high, n_at_risk.
    within_days : float, optional
        Horizon to mark; the axis then ends at twice the horizon unless `until_days` says otherwise.
    until_days : float, optional
        Right end of the time axis.
    ylabel : str
        What the share is of; the default says that the event has not happened yet.

    Notes
    -----
    At most six curves: the overall one and the largest segments; a note counts the others.
    """
    table = checked(table, "segment", _TIME, "estimate", "conf_low", "conf_high")
    labels = (_("Days since the start of the journey"), ylabel or _("Not yet ended (share of journeys)"))
    return plot_curves(table, ax=ax, time=_TIME, labels=labels, within=within_days, until=until_days)


@draws("estimate", about=("segment", "outcome", "time_days"), time="time_days", words=N_("share"), kind="percent")
def plot_incidence_by_segment(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    outcome: str = COMPLETED,
    within_days: float | None = None,
    until_days: float | None = None,
) -> Axes:
    """Draw the cumulative incidence of one outcome by segment, with 95 % bands.

    `table` has one row per outcome, segment and time: outcome, segment, time_days, estimate,
    conf_low, conf_high and, for the numbers below the axis, n_at_risk.
    """
    table = checked(table, "outcome", "segment", _TIME, "estimate", "conf_low", "conf_high")
    rows = table[table["outcome"].astype(str) == outcome]
    share = fill("{outcome} (share of started journeys)", outcome=outcome_text(outcome))
    labels = (_("Days since the start of the journey"), share[:1].upper() + share[1:])
    return plot_curves(rows, ax=ax, time=_TIME, labels=labels, within=within_days, until=until_days, fit=True)
