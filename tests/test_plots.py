"""Figures draw exactly their tables: marks equal values, names are safe and legible, nothing else is touched."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import churn_tables
import mapping_tables
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import priority_tables
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import cbook
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text

from cj_helpers import plots
from cj_helpers.plots import curves, flow_layout, style
from cj_helpers.plots import variants as paths
from cj_helpers.plots.parts import spread
from cj_helpers.text import set_currency

HOSTILE = "$cost$ & 100 $ <b>touchpoint</b> 🦄 with a very, very long name_that_never_ends\nat all"


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    plots.set_style()
    set_currency("EUR")
    yield
    plt.close("all")
    set_currency("")
    mpl.rcdefaults()
    mpl.use("Agg")


# --- tables as the analyses return them ---------------------------------------------------------------------


def channel_days() -> pd.DataFrame:
    """Web without a gap, chat with six empty days, phone four days late, app that starts late."""
    days = pd.date_range("2025-01-01", periods=60, freq="D")
    counts = pd.DataFrame({"web": 50, "chat": 20, "phone": 30, "app": 10}, index=days)
    counts.loc["2025-01-20":"2025-01-25", "chat"] = 0
    counts.loc["2025-02-26":, "phone"] = 0
    counts.loc[:"2025-01-10", "app"] = 0
    table = counts.rename_axis("day").reset_index().melt("day", var_name="channel", value_name="n_events")
    return table[table["n_events"] > 0].reset_index(drop=True)


def feeds() -> pd.DataFrame:
    last = pd.to_datetime(["2025-03-01 23:00", "2025-02-25 12:00"])
    return pd.DataFrame(
        {"source": ["web.csv", "calls.csv"], "first": pd.Timestamp("2025-01-01"), "last": last, "lag_days": [0.0, 4.5]}
    )


def suggested_timeouts() -> pd.DataFrame:
    rows = [
        ("Internet back", "", 0.2, 9.0, 7.0, 9.0),
        ("Internet back", "technician_booked", 2.0, 21.0, np.nan, 21.0),
        ("Moving home", "", 1.5, 14.0, 14.0, 14.0),
    ]
    names = ["label", "touchpoint", "median_days", "p99_days", "timeout_days", "suggested_days"]
    return pd.DataFrame(rows, columns=names)


def survey_response() -> pd.DataFrame:
    months = pd.date_range("2025-01-01", periods=6, freq="MS")
    return pd.DataFrame({"month": months, "n_invited": [500, 450, 480, 510, 90, 600], "share": [0.2, 0.22, 0.19] * 2})


def outcomes() -> pd.DataFrame:
    counts = {"outage": (700, 200, 100), "moving": (40, 50, 10)}
    rows = [
        (journey, outcome, n, n / sum(numbers))
        for journey, numbers in counts.items()
        for outcome, n in zip(("completed", "abandoned", "open"), numbers, strict=True)
    ]
    return pd.DataFrame(rows, columns=["journey", "outcome", "n_journeys", "share"])


def transitions() -> pd.DataFrame:
    """A line of five touchpoints with a way back, a repeat, a short cut and ends."""
    rows = [
        ("visit", "search", 80, 0.5),
        ("visit", "visit", 10, 2.0),
        ("visit", "(abandoned)", 20, np.nan),
        ("search", "quote", 50, 30.0),
        ("search", "visit", 10, 2.0),
        ("search", "(abandoned)", 20, np.nan),
        ("quote", "basket", 30, 200.0),
        ("quote", "purchase", 5, 3.0),
        ("quote", "(open)", 15, np.nan),
        ("basket", "purchase", 30, 1.0),
        ("purchase", "(completed)", 35, np.nan),
    ]
    table = pd.DataFrame(rows, columns=["source", "target", "n_transitions", "wait_median_hours"])
    probability = table["n_transitions"] / table.groupby("source")["n_transitions"].transform("sum")
    return table.assign(journey="shop", n_journeys=table["n_transitions"], probability=probability)


def variants() -> pd.DataFrame:
    paths = ["visit>search>quote>quote>purchase", "visit", ">".join(f"touchpoint_{n}" for n in range(20))]
    return pd.DataFrame(
        {"path": paths, "n_journeys": [60, 30, 10], "share": [0.6, 0.3, 0.1], "completed_share": [1.0, 0.0, 0.5]}
    )


def funnel() -> pd.DataFrame:
    kinds = []
    for kind, cut in (("ordered", 0), ("reached", 5)):
        reached, before = np.array([100, 80, 20]) - cut, np.array([100, 100, 80]) - cut
        share = reached / before
        kinds.append(
            pd.DataFrame(
                {"kind": kind, "stage": ["report", "repair", "done"], "n_reached": reached, "share": share}
            ).assign(n_previous=before, conf_low=share - 0.05, conf_high=np.minimum(share + 0.05, 1))
        )
    return pd.concat(kinds, ignore_index=True).assign(journey="outage")


def journeys() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "journey": ["outage", "moving"],
            "label": ["Internet back", "Moving home"],
            "n_journeys": [8000, 1200],
            "completed_within": [0.72, 0.61],
            "conf_low": [0.71, 0.58],
            "conf_high": [0.73, 0.64],
        }
    )


def stages() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "journey": "outage",
            "stage": ["report", "diagnose", "repair", "restored"],
            "n_journeys": [1000, 900, 600, 500],
            "share_reached": [1.0, 0.9, 0.6, 0.5],
            "drop_off": [0.1, 0.3, 0.05, np.nan],
            "conf_low": [0.08, 0.27, 0.03, np.nan],
            "conf_high": [0.12, 0.33, 0.07, np.nan],
            "time_median_hours": [0.5, 4, 144, np.nan],
            "time_p90_hours": [2, 30, 288, np.nan],
            "satisfaction": [3.4, 2.7, np.nan, 4.3],
            "effort": np.nan,
            "top_channel": ["app", "chat", "phone", None],
        }
    )


def handoffs() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "journey": "outage",
            "from_channel": ["web", "web", "chat"],
            "to_channel": ["chat", "phone", "phone"],
            "n_handoffs": [120, 30, 80],
            "n_journeys": [110, 30, 75],
            "wait_median_hours": [0.5, np.nan, 26.0],
        }
    )


def survival_curve(segments: tuple[str, ...] = ("all", "Austria", "Germany")) -> pd.DataFrame:
    parts = []
    for number, name in enumerate(segments):
        times = np.array([0.0, 1, 2, 5, 8, 13, 21, 30])
        estimate = np.exp(-times / (10 + number))
        part = pd.DataFrame({"segment": name, "time_days": times, "estimate": estimate})
        at_risk = (1000 - 10 * number - 30 * times).astype(int)
        parts.append(part.assign(conf_low=estimate * 0.9, conf_high=np.minimum(estimate * 1.1, 1), n_at_risk=at_risk))
    return pd.concat(parts, ignore_index=True)


def cumulative_incidence(segments: tuple[str, ...] = ("all", "Austria")) -> pd.DataFrame:
    parts = []
    for outcome, most in (("completed", 0.6), ("abandoned", 0.3)):
        part = survival_curve(segments)
        estimate = most * (1 - part["estimate"])
        parts.append(part.assign(outcome=outcome, estimate=estimate, conf_low=estimate * 0.9, conf_high=estimate * 1.1))
    return pd.concat(parts, ignore_index=True).assign(journey="outage")


def nps_scores(n: int = 4) -> pd.DataFrame:
    segments = ["all", *(f"segment {number}" for number in range(n - 1))]
    estimate, answers = 30.0 + np.arange(n), 1000 - 20 * np.arange(n)
    table = pd.DataFrame({"segment": segments, "estimate": estimate, "n": answers, "estimate_weighted": np.nan})
    counts = {"promoters": answers // 2, "detractors": answers // 5, "passives": answers - answers // 2 - answers // 5}
    return table.assign(conf_low=estimate - 6, conf_high=estimate + 6, **counts)


def nps_trend() -> pd.DataFrame:
    estimate = np.array([35.0, 33, np.nan, 24, 26])
    table = pd.DataFrame({"period": pd.date_range("2025-01-01", periods=5, freq="MS"), "estimate": estimate})
    return table.assign(conf_low=estimate - 9, conf_high=estimate + 9, n=[120, 140, 0, 90, 130])


def drivers_worth() -> pd.DataFrame:
    """Points of the score by driver, the last one without an association of its own."""
    ends = {"estimate": [4.6, 2.0, -0.1], "conf_low": [4.0, 1.5, -0.6], "conf_high": [5.2, 2.5, 0.4]}
    return pd.DataFrame({"driver": ["q1", "q2", "q3"], **ends, "direction": ["+", "+", "unclear"]})


def journey_drivers() -> pd.DataFrame:
    """Two factors with their reference first."""
    nothing = float("nan")
    ends = {"difference": [nothing, -30.0, nothing, 3.0], "conf_low": [nothing, -40, nothing, -4]}
    cases = {"factor": ["outcome", "outcome", "wait", "wait"], "case": ["completed", "abandoned", "short", "long"]}
    return pd.DataFrame({**cases, **ends, "conf_high": [nothing, -20, nothing, 10]})


def response_rates() -> pd.DataFrame:
    """Overall and by two attributes."""
    rows = {"attribute": ["all", "country", "country", "kind"], "segment": ["all", "AT", "DE", "business"]}
    ends = {
        "share": [0.3, 0.29, 0.31, 0.26],
        "conf_low": [0.29, 0.26, 0.3, 0.24],
        "conf_high": [0.31, 0.32, 0.32, 0.28],
    }
    return pd.DataFrame({**rows, **ends, "n": [900, 300, 600, 200]})


def drivers() -> pd.DataFrame:
    share = np.array([0.3, 0.1, 0.35, 0.05, 0.2])
    performance = np.array([40.0, 80, 60, 61, 30])
    return pd.DataFrame(
        {
            "driver": ["q1", "q2", "q3", "q4", "q5"],
            "dimension": ["ease", "ease", "information", "helpfulness", "information"],
            "share": share,
            "conf_low": share - 0.05,
            "conf_high": share + 0.05,
            "direction": ["+", "-", "+", "unclear", "+"],
            "performance": performance,
            "performance_low": performance - 2,
            "performance_high": performance + 2,
        }
    )


def retention_curve() -> pd.DataFrame:
    return survival_curve().rename(columns={"time_days": "time"}).assign(time_unit="months")


def churn_incidence() -> pd.DataFrame:
    names = {"completed": "voluntary", "abandoned": "involuntary"}
    table = cumulative_incidence().rename(columns={"time_days": "time"}).drop(columns="journey")
    return table.assign(outcome=table["outcome"].map(names), time_unit="months")


def churn_model() -> pd.DataFrame:
    estimate = np.array([0.9, -1.1, 0.02])
    table = pd.DataFrame({"term": ["open_complaint", "bound_contract", "newsletter"], "estimate": estimate})
    return table.assign(conf_low=estimate - 0.2, conf_high=estimate + 0.2, p_value=0.5)


def revenue_at_risk() -> pd.DataFrame:
    values = np.array([60000.0, 40000, 20000])
    table = pd.DataFrame({"segment": ["all", "North", "South"], "revenue_at_risk": values})
    return table.assign(conf_low=values * 0.8, conf_high=values * 1.2)


def hazard_over_time() -> pd.DataFrame:
    kinds = (("completed", 0.2), ("abandoned", 0.05))
    rows = [(o, "all", d, d + 1, h, h * 0.8, h * 1.2, 90) for o, h in kinds for d in range(6)]
    names = ["outcome", "segment", "from_days", "to_days", "hazard", "conf_low", "conf_high", "n_at_risk"]
    return pd.DataFrame(rows, columns=names)


def stage_hazard() -> pd.DataFrame:
    rows = [("report", 0.02, 0.01, 0.03, 900), ("diagnose", 0.22, 0.2, 0.24, 800), ("repair", 0.1, 0.08, 0.12, 500)]
    return pd.DataFrame(rows, columns=["stage", "estimate", "conf_low", "conf_high", "n"])


def hazard_ratios() -> pd.DataFrame:
    rows = [
        ("completed", "country: AT", "whole", 0.8, 0.72, 0.89),
        ("completed", "customer_type: business", "early", 1.6, 1.4, 1.8),
        ("completed", "customer_type: business", "late", 0.8, 0.7, 0.93),
        ("abandoned", "country: AT", "whole", 1.05, 0.9, 1.2),
    ]
    return pd.DataFrame(rows, columns=["outcome", "term", "period", "hazard_ratio", "conf_low", "conf_high"])


def hazard_ratio_over_time() -> pd.DataFrame:
    ratios = ((0, 1.6), (2, 0.9), (4, 0.8))
    rows = [(t, d, d + 2, r, r * 0.8, r * 1.25, 1.1) for t in ("business", "austria") for d, r in ratios]
    names = ["term", "from_days", "to_days", "hazard_ratio", "conf_low", "conf_high", "constant"]
    return pd.DataFrame(rows, columns=names)


def restricted_mean_differences() -> pd.DataFrame:
    rows = [("Austria", "Germany", 0.9, 0.4, 1.4), ("Switzerland", "Germany", 0.1, -0.5, 0.7)]
    return pd.DataFrame(rows, columns=["segment", "reference", "difference_days", "conf_low", "conf_high"])


CASES: dict[str, tuple[Callable[..., Axes], Callable[[], pd.DataFrame], str]] = {
    "channel_days": (plots.plot_channel_days, channel_days, "channel"),
    "feeds": (plots.plot_feeds, feeds, "source"),
    "suggested_timeouts": (plots.plot_suggested_timeouts, suggested_timeouts, "label"),
    "survey_response": (plots.plot_survey_response, survey_response, ""),
    "outcomes": (plots.plot_outcomes, outcomes, "journey"),
    "transitions": (plots.plot_transitions, transitions, "source"),
    "variants": (plots.plot_variants, variants, "path"),
    "funnel": (plots.plot_funnel, funnel, "stage"),
    "journeys": (plots.plot_journeys, journeys, "label"),
    "stages": (plots.plot_stages, stages, "stage"),
    "return_curve": (plots.plot_return_curve, mapping_tables.return_curve, "journey"),
    "containment": (plots.plot_containment, mapping_tables.containment, "channel"),
    "channel_use": (plots.plot_channel_use, mapping_tables.channel_use, "channel"),
    "differences": (plots.plot_differences, mapping_tables.differences, "name"),
    "frictions": (plots.plot_frictions, mapping_tables.frictions, "name"),
    "removal_effects": (plots.plot_removal_effects, mapping_tables.removal_effects, "touchpoint"),
    "scores": (plots.plot_scores, mapping_tables.scores, "journey"),
    "flows": (plots.plot_flows, mapping_tables.flows, "source"),
    "positions": (plots.plot_positions, mapping_tables.positions, "touchpoint"),
    "handoffs": (plots.plot_handoffs, handoffs, "from_channel"),
    "survival_curve": (plots.plot_survival_curve, survival_curve, "segment"),
    "cumulative_incidence": (plots.plot_cumulative_incidence, cumulative_incidence, ""),
    "incidence_by_segment": (plots.plot_incidence_by_segment, cumulative_incidence, "segment"),
    "hazard_over_time": (plots.plot_hazard_over_time, hazard_over_time, ""),
    "stage_hazard": (plots.plot_stage_hazard, stage_hazard, "stage"),
    "hazard_ratios": (plots.plot_hazard_ratios, hazard_ratios, "term"),
    "hazard_ratio_over_time": (plots.plot_hazard_ratio_over_time, hazard_ratio_over_time, "term"),
    "restricted_mean_differences": (plots.plot_restricted_mean_differences, restricted_mean_differences, "segment"),
    "nps_scores": (plots.plot_nps_scores, nps_scores, "segment"),
    "nps_trend": (plots.plot_nps_trend, nps_trend, "period"),
    "nps_distribution": (plots.plot_nps_distribution, nps_scores, "segment"),
    "invest_first": (plots.plot_invest_first, drivers_worth, "driver"),
    "journey_drivers": (plots.plot_journey_drivers, journey_drivers, "case"),
    "response_rates": (plots.plot_response_rates, response_rates, "segment"),
    "drivers": (plots.plot_drivers, drivers, "driver"),
    "importance_performance": (plots.plot_importance_performance, drivers, "driver"),
    "retention_curve": (plots.plot_retention_curve, retention_curve, "segment"),
    "churn_incidence": (plots.plot_churn_incidence, churn_incidence, "outcome"),
    "churn_model": (plots.plot_churn_model, churn_model, "term"),
    "revenue_at_risk": (plots.plot_revenue_at_risk, revenue_at_risk, "segment"),
    "calibration_curve": (plots.plot_calibration_curve, churn_tables.calibration_curve, ""),
    "lift": (plots.plot_lift, churn_tables.lift, ""),
    "net_benefit": (plots.plot_net_benefit, churn_tables.net_benefit, ""),
    "profit_curve": (plots.plot_profit_curve, churn_tables.profit_curve, ""),
    "waterfall": (plots.plot_waterfall, churn_tables.waterfall, "step"),
    "retention_cohorts": (plots.plot_retention_cohorts, churn_tables.retention_cohorts, ""),
    "exits_after_journeys": (plots.plot_exits_after_journeys, churn_tables.exits_after_journeys, "journey"),
    "inactivity_rule": (plots.plot_inactivity_rule, churn_tables.inactivity_rule, ""),
    "purchase_check": (plots.plot_purchase_check, churn_tables.purchase_check, "group"),
    "priorities": (plots.plot_priorities, priority_tables.priorities, "label"),
    "links": (plots.plot_links, priority_tables.links, ""),
}
all_cases = pytest.mark.parametrize(("plot", "make", "name"), CASES.values(), ids=CASES)


# --- looking into a figure ----------------------------------------------------------------------------------


def drawn(ax: Axes, gid: str) -> list[Any]:
    return ax.findobj(lambda artist: artist.get_gid() == gid)


def texts(ax: Axes) -> list[Text]:
    """Texts that a reader sees, after the figure is laid out."""
    figure = ax.get_figure(root=True)
    figure.canvas.draw()
    hidden = set()
    for panel in [*figure.axes, *ax.child_axes]:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            beyond = [tick for tick in axis.get_major_ticks() if not low - 1e-9 <= tick.get_loc() <= high + 1e-9]
            hidden |= {label for tick in beyond for label in (tick.label1, tick.label2)}
    return [
        text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in hidden
    ]


def words(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in texts(ax))


def row_names(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def xy(ax: Axes, gid: str) -> np.ndarray:
    """Positions of the dots of a figure."""
    (points,) = drawn(ax, gid)
    return np.ma.filled(points.get_offsets(), np.nan)


def ends(ax: Axes, gid: str = "interval") -> np.ndarray:
    """(x0, y0, x1, y1) of each interval."""
    return np.array([line.ravel() for part in drawn(ax, gid) for line in part.get_segments() if len(line) == 2])


# --- what holds for every figure ----------------------------------------------------------------------------


def test_every_public_plot_is_among_the_cases():
    public = {name.removeprefix("plot_") for name in plots.__all__ if name.startswith("plot_")}
    assert public == set(CASES)


@all_cases
def test_given_axes_are_used_and_the_table_stays(plot, make, name):
    table = make()
    before = table.copy(deep=True)
    ax = plt.figure(figsize=(7.3, 4)).add_subplot()
    assert plot(table, ax=ax) is ax
    assert len(plt.get_fignums()) == 1
    pd.testing.assert_frame_equal(table, before)


@all_cases
def test_the_figure_knows_its_table_and_the_number_that_says_most(plot, make, name):
    table = make()
    figure = plot(table).get_figure(root=True)
    assert figure.cj_data is table
    assert figure.cj_main.column in table
    assert {*figure.cj_main.where, *filter(None, [figure.cj_main.time])} <= set(table.columns)


@all_cases
def test_own_figure_is_700_px_wide_with_all_text_legible(plot, make, name):
    ax = plot(make())
    figure = ax.get_figure(root=True)
    assert len(plt.get_fignums()) == 1
    assert figure.get_size_inches()[0] == pytest.approx(7.3)
    shown = texts(ax)
    assert min(text.get_fontsize() for text in shown) >= 9
    width, height = figure.canvas.get_width_height()
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    for text, box in boxes:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{text!r} is cut off at {box}"
    for (one, box), (other, second) in combinations(boxes, 2):
        width = min(box.x1, second.x1) - max(box.x0, second.x0)
        height = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert min(width, height) < 3, f"{one!r} and {other!r} overlap"


@all_cases
def test_nothing_to_draw_says_so(plot, make, name):
    ax = plot(make().iloc[:0])
    assert words(ax) == "no data"
    given_ax = plt.figure().add_subplot()
    assert plot(make().iloc[:0], ax=given_ax) is given_ax


@all_cases
def test_one_row_is_drawn(plot, make, name):
    table = make()
    if plot is plots.plot_journey_drivers:
        table = table[table["difference"].notna()]  # the reference of a factor is no row of the figure
    shown = words(plot(table.iloc[[0]]))
    assert shown
    assert "no data" not in shown


@all_cases
def test_unknown_intervals_are_left_out(plot, make, name):
    table = make()
    bounds = [column for column in table if column.endswith(("_low", "_high"))]
    ax = plot(table.assign(**dict.fromkeys(bounds, np.nan)))
    assert "nan" not in words(ax).lower()
    if bounds and name != "stage":
        assert not np.isfinite(ends(ax)).any()


@all_cases
def test_names_from_the_data_are_plain_text(plot, make, name):
    table = make()
    if name:
        names = {value: f"{number} {HOSTILE}" for number, value in enumerate(table[name].unique()) if value != "all"}
        table[name] = table[name].map(lambda value: names.get(value, value))
        if name == "source" and "target" in table:
            table["target"] = table["target"].map(lambda value: names.get(value, value))
    shown = texts(plot(table))
    assert not [text.get_text() for text in shown if cbook.is_math_text(text.get_text())]
    assert not any("🦄" in text.get_text() for text in shown)
    if name:
        assert any("$" in text.get_text() for text in shown)
    assert max(len(line) for text in shown for line in text.get_text().splitlines()) <= 110


@pytest.mark.parametrize("case", ["transitions", "stages", "cumulative_incidence", "importance_performance"])
def test_equal_tables_give_equal_pictures(case):
    plot, make, _name = CASES[case]
    pictures = []
    for _turn in range(2):
        target = io.BytesIO()
        plot(make()).get_figure().savefig(target, format="png")
        pictures.append(target.getvalue())
        plt.close("all")
    assert pictures[0] == pictures[1]


@all_cases
def test_missing_column_names_itself(plot, make, name):
    needed = {"stages": "stage", "variants": "path"}.get(make.__name__, make().columns[0])
    table = make()
    for column in table.columns:
        if column in ("journey", "n_journeys", "probability"):
            continue
        needed = column
        break
    with pytest.raises(ValueError, match=rf"missing: {needed}"):
        plot(table.drop(columns=needed))


@all_cases
def test_several_journeys_are_refused_unless_they_are_the_rows(plot, make, name):
    table = make()
    two = pd.concat([table.assign(journey="outage"), table.assign(journey="moving")], ignore_index=True)
    rows = (plots.plot_exits_after_journeys, plots.plot_outcomes, plots.plot_journeys, plots.plot_priorities)
    rows += (plots.plot_differences, plots.plot_frictions, plots.plot_return_curve, plots.plot_scores)
    if plot in (*rows, plots.plot_suggested_timeouts):
        plot(two)
    else:
        with pytest.raises(ValueError, match=r"several journeys \(outage, moving\); draw one at a time"):
            plot(two)


@pytest.mark.parametrize("case", ["survival_curve", "nps_scores", "nps_distribution", "revenue_at_risk", "outcomes"])
def test_forty_segments_are_folded_with_a_note(case):
    plot, make, name = CASES[case]
    table = make()
    first = table[table[name] == table[name].iloc[-1]]
    more = [first.assign(**{name: f"group {number}"}) for number in range(40)]
    ax = plot(pd.concat([table, *more], ignore_index=True))
    assert "Not drawn: " in words(ax)
    assert ax.get_figure().get_size_inches()[1] < 10
    colors = {to_hex(line.get_color()) for line in ax.get_lines()}
    assert len(colors) <= 7


# --- quality ------------------------------------------------------------------------------------------------


def test_gaps_and_late_feeds_stand_out():
    ax = plots.plot_channel_days(channel_days())
    boxes = [(box.get_x(), round(box.get_y() + box.get_height() / 2), box.get_width()) for box in drawn(ax, "gap")]
    day = mdates.date2num
    # rows by number of events: web, phone, chat, app
    assert row_names(ax) == ["web", "phone", "chat", "app"]
    assert boxes == [(day(dt.date(2025, 2, 26)), 1, 4), (day(dt.date(2025, 1, 20)), 2, 6)]
    assert [label.get_text() for label in drawn(ax, "gap label")] == ["4 days late", "6 days"]


def test_a_day_without_events_differs_from_a_day_with_few():
    table = channel_days().query("channel == 'web'").reset_index(drop=True)
    table.loc[3, "n_events"] = 1
    table = table.drop(index=7)
    (image,) = plots.plot_channel_days(table).get_images()
    shades = image.to_rgba(image.get_array())[0]
    assert tuple(shades[7]) == (0, 0, 0, 0)  # nothing painted: the paper shows
    assert to_hex(shades[3]) == to_hex(image.cmap(1 / 50))
    assert to_hex(shades[0]) == to_hex(image.cmap(1.0))


def test_one_mailing_does_not_bleach_the_other_days():
    table = channel_days().query("channel == 'web'").reset_index(drop=True)
    table.loc[5, "n_events"] = 100_000
    (image,) = plots.plot_channel_days(table).get_images()
    shades = image.to_rgba(image.get_array())[0]
    assert to_hex(shades[0]) == to_hex(image.cmap(1.0)) == to_hex(shades[5])


def test_as_of_prolongs_the_days():
    ax = plots.plot_channel_days(channel_days(), as_of="2025-03-11")
    assert ax.get_xlim()[1] == mdates.date2num(dt.date(2025, 3, 12))
    assert "14 days late" in words(ax)


def test_late_feed_has_the_warning_colour():
    ax = plots.plot_feeds(feeds(), as_of="2025-02-25 12:00")
    (lines,) = drawn(ax, "range")
    assert [to_hex(color) for color in lines.get_colors()] == [style.BLUE.lower(), style.VERMILION.lower()]
    starts_and_ends = np.array(lines.get_segments())[:, :, 0]
    assert starts_and_ends[1, 1] == pytest.approx(mdates.date2num(pd.Timestamp("2025-02-25 12:00")))
    assert "4.5 days" in words(ax)
    assert drawn(ax, "as_of")


# --- mapping ------------------------------------------------------------------------------------------------


def test_outcomes_stack_to_the_whole_in_fixed_colours():
    ax = plots.plot_outcomes(outcomes())
    widths = {name: [bar.get_width() for bar in drawn(ax, name)] for name in ("completed", "open", "abandoned")}
    assert widths["completed"] == pytest.approx([0.7, 0.4])
    assert widths["open"] == pytest.approx([0.1, 0.1])
    assert widths["abandoned"] == pytest.approx([0.2, 0.5])
    for name, color in style.OUTCOME_COLORS.items():
        assert {to_hex(bar.get_facecolor()) for bar in drawn(ax, name)} == {color.lower()}
    assert [bar.get_x() + bar.get_width() for bar in drawn(ax, "abandoned")] == pytest.approx([1, 1])
    assert "n 1,000" in words(ax)


def test_journeys_carry_rate_interval_and_number():
    ax = plots.plot_journeys(journeys())
    assert xy(ax, "estimate").tolist() == [[0.72, 0], [0.61, 1]]
    assert ends(ax)[:, [0, 2]].tolist() == [[0.71, 0.73], [0.58, 0.64]]
    assert row_names(ax) == ["Internet back", "Moving home"]
    assert "72.0 % (n 8,000)" in words(ax)


def test_segments_of_a_journey_are_named():
    table = journeys().assign(label="Internet back", segment=["all", "Austria"])
    assert row_names(plots.plot_journeys(table)) == ["Internet back: all", "Internet back: Austria"]


def test_variants_are_written_out_above_bars_of_their_share():
    ax = plots.plot_variants(variants(), top=2)
    assert [text.get_text() for text in drawn(ax, "path")] == ["visit › search › quote ×2 › purchase", "visit"]
    share = [bar.get_width() for bar in drawn(ax, "share")]
    completed = [bar.get_width() for bar in drawn(ax, "completed")]
    assert share[0] / share[1] == pytest.approx(2)
    assert completed == pytest.approx([share[0], 0])
    assert "Not drawn: 1 less frequent paths." in words(ax)
    assert "60.0 % of journeys (n 60), 100.0 % completed" in words(ax)


@pytest.mark.parametrize(
    ("path", "width", "text"),
    [
        ("a>b>c", 500, "a › b › c"),
        ("a>a>a>b", 500, "a ×3 › b"),
        ("a>b>b>c", 1, "a ›\n… 2 more steps … ›\nc"),
        ("", 500, ""),
    ],
)
def test_path_text_keeps_both_ends(path, width, text):
    assert paths.path_text(path, width=width) == text


@pytest.mark.parametrize("name", ["wide_NAME_", "i", "technician_"])
def test_long_path_fits_two_lines(name):
    lines = paths.path_text(">".join(f"{name}{number}" for number in range(150))).splitlines()
    assert len(lines) == 2
    assert max(style.text_width(line) for line in lines) <= 500
    assert lines[0].startswith(f"{name}0 › ")
    assert lines[1].endswith(f"{name}149")
    assert "more steps" in "".join(lines)


def test_funnel_draws_one_kind_with_the_share_of_the_stage_before():
    ax = plots.plot_funnel(funnel())
    assert [bar.get_width() for bar in drawn(ax, "reached")] == [100, 80, 20]
    assert [bar.get_width() for bar in drawn(ax, "previous")] == [100, 100, 80]
    (side,) = ax.child_axes
    assert xy(side, "estimate")[:, 0] == pytest.approx([1, 0.8, 0.25])
    assert ends(side)[:, [0, 2]] == pytest.approx(np.array([[0.95, 1], [0.75, 0.85], [0.2, 0.3]]))
    assert "25.0 % (20.0 % to 30.0 %)" in words(ax)
    assert [bar.get_width() for bar in drawn(plots.plot_funnel(funnel(), kind="reached"), "reached")] == [95, 75, 15]
    assert words(plots.plot_funnel(funnel(), kind="window")) == "no data"


def test_named_paths_are_drawn_however_rare_and_say_what_they_are():
    table = variants().assign(kind=["typical, best", None, "worst"])
    ax = plots.plot_variants(table, top=1)
    assert drawn(ax, "path")[0].get_text() == "visit › search › quote ×2 › purchase"
    assert len(drawn(ax, "path")) == 2
    assert "◂ typical ◂ best: quickest to the goal" in words(ax)
    assert "◂ worst: loses most journeys" in words(ax)


def test_names_of_the_sankey_diagram_keep_to_their_column():
    table = mapping_tables.flows().replace({"visit": "a_very_long_name_of_a_touchpoint"})
    texts = [text.get_text() for text in drawn(plots.plot_flows(table), "box")]
    assert any("a_very_long" in text for text in texts)
    assert max(len(line) for text in texts for line in text.split("\n")) <= 16


def test_a_friction_says_what_it_is_worth_where_that_is_known():
    table = mapping_tables.frictions()
    assert "worth up to" not in words(plots.plot_frictions(table.drop(columns="value_per_month", errors="ignore")))
    shown = words(plots.plot_frictions(table.assign(value_per_month=[1_234.5] + [float("nan")] * (len(table) - 1))))
    assert shown.count("worth up to 1,234") + shown.count("worth up to 1,235") == 1


def test_segments_of_one_journey_are_named_once():
    rows = [("mobile", "mobile", 0.5, 0.4, 0.6, 90), ("(missing)", "(missing)", 0.3, 0.2, 0.4, 30)]
    names = ["label", "segment", "completed_within", "conf_low", "conf_high", "n_journeys"]
    assert row_names(plots.plot_journeys(pd.DataFrame(rows, columns=names))) == ["mobile", "(missing)"]


def test_long_names_of_journeys_are_broken_and_not_cut():
    rows = [("From the first visit to the first bill", name, 10, 1 / 3) for name in ("completed", "abandoned", "open")]
    ax = plots.plot_outcomes(pd.DataFrame(rows, columns=["journey", "outcome", "n_journeys", "share"]))
    assert row_names(ax) == ["From the first visit to the\nfirst bill"]


def test_points_of_a_score_add_up_to_it():
    ax = plots.plot_scores(mapping_tables.scores())
    bars = [(bar.get_x(), bar.get_width()) for bar in drawn(ax, "points")]
    assert bars == [(0, 40), (0, 60), (40, 10), (60, 15)]
    assert ends(ax)[:, [0, 2]].tolist() == [[47, 53], [72, 78]]


def test_bands_of_the_sankey_diagram_have_the_size_of_their_moves():
    ax = plots.plot_flows(mapping_tables.flows())
    heights = sorted(np.ptp(band.get_path().vertices[[0, -2], 1]) for band in drawn(ax, "move"))
    assert heights == pytest.approx([0.2, 0.3, 0.5, 0.5, 0.7])
    boxes = {to_hex(box.get_facecolor()) for box in ax.patches if box.get_gid() is None}
    ends = {color.lower() for color in style.OUTCOME_COLORS.values()}
    names = set(mapping_tables.flows()["source"])
    assert len(boxes - ends) == len(names)  # no touchpoint has the colour of an outcome
    shown = [text.get_text() for text in drawn(plots.plot_positions(mapping_tables.positions()), "share")]
    assert shown == ["100.0 %", "70.0 %", "50.0 %", "30.0 %", "30.0 %", "20.0 %"]


def test_handoffs_stand_in_their_cells():
    ax = plots.plot_handoffs(handoffs())
    names = row_names(ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    cells = {
        (names[int(text.get_position()[1])], names[int(text.get_position()[0])]): text.get_text()
        for text in drawn(ax, "n")
    }
    assert cells == {("web", "chat"): "120\n30 min", ("web", "phone"): "30", ("chat", "phone"): "80\n1.1 days"}


def test_handoffs_of_devices_and_modes_have_their_own_words():
    table = handoffs().replace({"web": "self_service", "chat": "assisted", "phone": "other"})
    ax = plots.plot_handoffs(table, dimension="mode")
    assert row_names(ax) == ["assisted", "self-service", "other"]
    assert (ax.get_ylabel(), ax.get_xlabel()[:8]) == ("from mode", "to mode ")
    assert plots.plot_handoffs(handoffs()).get_ylabel() == "from channel"


def test_a_small_matrix_is_no_wider_than_its_cells_need():
    two = handoffs().query("from_channel == 'web' and to_channel == 'chat'")
    axes = [plots.plot_handoffs(each) for each in (two, handoffs())]
    for ax in axes:
        ax.figure.draw_without_rendering()
    small, large = (ax.get_window_extent() for ax in axes)
    assert small.width < 0.85 * large.width < 0.85 * axes[0].figure.bbox.width
    assert small.x0 < 0.25 * axes[0].figure.bbox.width  # flush left


def test_smaller_channels_are_counted_in_the_note():
    ax = plots.plot_handoffs(handoffs(), max_channels=2)
    assert row_names(ax) == ["chat", "web"]
    assert "Not drawn: 110 hand-offs" in words(ax)


# --- the journey map ----------------------------------------------------------------------------------------


def test_rows_of_the_map_follow_the_columns():
    full = row_names(plots.plot_stages(stages()))
    assert full == [
        "Journeys\nthat got here",
        "Lost here\n(95 % interval)",
        "Time until they went\non: median, 90 % within",
        "Satisfaction",
        "Main channel",
    ]
    bare = plots.plot_stages(stages()[["stage", "n_journeys"]])
    assert row_names(bare) == full[:1]
    assert not drawn(bare, "drop_off")


def test_marks_of_the_map_have_the_heights_of_their_values():
    ax = plots.plot_stages(stages())
    volume = np.array([-bar.get_height() for bar in drawn(ax, "volume")])
    assert volume / volume[0] == pytest.approx([1, 0.9, 0.6, 0.5])
    lost = np.array([-bar.get_height() for bar in drawn(ax, "drop_off")])
    assert lost / lost[0] == pytest.approx([1, 3, 0.5, 0])
    spans = ends(ax)
    scale = lost[0] / 0.1
    assert (spans[:3, 1] - spans[:3, 3]) / scale == pytest.approx([0.04, 0.06, 0.04])
    (mood,) = drawn(ax, "satisfaction")
    x, y = mood.get_data()
    assert x.tolist() == [0, 1, 3]
    assert (y[1] - y[0]) / (y[1] - y[2]) == pytest.approx(0.7 / 1.6)  # downwards is larger
    assert {"1,000", "30.0 %", "6.0 days", "12.0 days", "2.7"} <= set(words(ax).splitlines())


def test_small_differences_of_satisfaction_look_small():
    (mood,) = drawn(plots.plot_stages(stages().assign(satisfaction=[2.75, 2.7, 2.8, 2.75])), "satisfaction")
    assert np.ptp(mood.get_ydata()) < 0.1  # of 0.85 inches


def test_stages_beyond_the_limit_are_counted():
    ax = plots.plot_stages(stages(), max_stages=3)
    assert len(drawn(ax, "stage")) == 3
    assert "Not drawn: 1 further stages." in words(ax)


# --- the journey graph --------------------------------------------------------------------------------------


def test_graph_holds_touchpoints_moves_and_ends():
    ax = plots.plot_transitions(transitions())
    boxes = {tuple(box.get_bbox().bounds[:2]) for box in drawn(ax, "touchpoint")}
    assert len(boxes) == 5
    assert len(drawn(ax, "move")) == len(drawn(ax, "tip")) == 6  # repeats and ends are not arrows
    assert {name: len(drawn(ax, name)) for name in style.OUTCOME_COLORS} == {"completed": 1, "abandoned": 2, "open": 1}
    (done,) = drawn(ax, "completed")
    width = drawn(ax, "touchpoint")[0].get_width()
    assert done.get_width() == pytest.approx(width)  # every journey ends at purchase
    assert drawn(ax, "open")[0].get_width() == pytest.approx(width * 15 / 50)
    assert "110  ↻ 10" in words(ax)
    assert "Drawn:" not in words(ax)


def test_arrows_show_volume_wait_and_way_back():
    moves = drawn(plots.plot_transitions(transitions()), "move")  # in the order of volume: 80, 50, 30, 30, 10, 5
    widths = [move.get_linewidth() for move in moves]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] - widths[1] == pytest.approx(6 * 30 / 80)
    colors = [to_hex(move.get_edgecolor()) for move in moves]
    assert len({colors[0], colors[1], colors[4]}) == 3  # under an hour, over a day, hours
    assert [move.get_linestyle() != "-" for move in moves] == [False, False, False, False, True, False]


def test_graph_runs_from_left_to_right():
    table = transitions()
    places = flow_layout.typical_positions(table)
    assert sorted(places, key=places.get) == ["visit", "search", "quote", "basket", "purchase"]
    columns = ["source", "target", "n_transitions", "wait_median_hours"]
    moves = [flow_layout.Move(*row) for row in table[columns].itertuples(index=False)]
    moves = [move for move in moves if not move.target.startswith("(") and move.source != move.target]
    layout = flow_layout.arrange(moves, places, max_layers=6)
    assert layout.layer == {"visit": 0, "search": 1, "quote": 2, "basket": 3, "purchase": 4}
    assert [number for number, _height in layout.lanes[("quote", "purchase")]] == [3]
    fewer = flow_layout.arrange(moves, places, max_layers=3)
    assert sorted(set(fewer.layer.values())) == [0, 1, 2]
    assert fewer.layer["visit"] == 0
    assert fewer.layer["purchase"] == 2


def test_where_journeys_end_stands_last_however_early_most_arrive():
    rows = [("start", "done", 90), ("start", "call", 10), ("call", "visit", 10), ("visit", "done", 10)]
    table = pd.DataFrame([*rows, ("done", "(completed)", 100)], columns=["source", "target", "n_transitions"])
    places = flow_layout.typical_positions(table)
    assert sorted(places, key=places.get) == ["start", "call", "visit", "done"]
    moves = [flow_layout.Move(*row, 1.0) for row in rows]
    assert flow_layout.arrange(moves, places, max_layers=6).layer == {"start": 0, "call": 1, "visit": 2, "done": 3}


def test_the_goal_stands_in_the_last_layer_however_short_the_way_to_it():
    rows = [("start", "done", 90), ("start", "call", 30), ("call", "visit", 20), ("visit", "letter", 20)]
    rows += [("call", "call", 3), ("letter", "call", 4)]
    ends = [("done", "(completed)", 90), ("letter", "(abandoned)", 16), ("call", "(abandoned)", 14)]
    table = pd.DataFrame([*rows, *ends], columns=["source", "target", "n_transitions"])
    places = flow_layout.typical_positions(table)
    moves = [flow_layout.Move(*row, 1.0) for row in rows if row[0] != row[1]]
    without = flow_layout.arrange(moves, places, max_layers=6).layer
    assert (without["done"], without["letter"]) == (1, 3)
    layer = flow_layout.arrange(moves, places, max_layers=6, goals={"done"}).layer
    assert layer == {"start": 0, "call": 1, "visit": 2, "letter": 3, "done": 3}  # the letter ends journeys, too
    layer = flow_layout.arrange(moves, places, max_layers=2, goals={"done"}).layer
    assert layer["done"] == max(layer.values()) == 1
    assert flow_layout.arrange([], {"done": 0.0}, max_layers=6, goals={"done"}).layer == {"done": 0}

    ax = plots.plot_transitions(table.assign(wait_median_hours=1.0))
    (done,) = drawn(ax, "completed")
    assert done.get_x() == max(box.get_x() for box in drawn(ax, "touchpoint"))


def large_graph(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    rows = []
    for number in range(n):
        for other in range(n):
            if rng.random() < 0.4:
                far = abs(other - number - 1)
                rows.append((f"touchpoint_{number}", f"touchpoint_{other}", int(1 + 500 * rng.random() * np.exp(-far))))
        rows.append((f"touchpoint_{number}", "(abandoned)", 10))
    rows.append((f"touchpoint_{n - 1}", "(completed)", 400))
    table = pd.DataFrame(rows, columns=["source", "target", "n_transitions"])
    return table.assign(wait_median_hours=1.0)


@pytest.mark.parametrize("n", [30, 250])
def test_large_graph_is_folded_and_its_boxes_stay_apart(n):
    ax = plots.plot_transitions(large_graph(n))
    boxes = [box.get_bbox() for box in drawn(ax, "touchpoint")]
    assert len(boxes) == 16
    assert not [1 for one, other in combinations(boxes, 2) if one.overlaps(other)]
    assert len(drawn(ax, "move")) == 24
    assert "Drawn: 24 of " in words(ax)
    assert f"16 of {n} touchpoints" in words(ax)
    assert len(drawn(ax, "completed")) == 1  # the goal is drawn however rare


def test_arrows_may_show_the_drop_off_of_the_step_they_lead_to():
    """Of 110 visits and of 80 searches 20 are given up, of 50 quotes none: .18, .25 and 0."""
    ax = plots.plot_transitions(transitions(), color="drop_off")
    colors = [to_hex(move.get_edgecolor()) for move in drawn(ax, "move")]
    to_search, to_quote, to_basket, to_purchase, back_to_visit, _short_cut = colors
    assert to_search == back_to_visit != to_quote
    assert to_quote == to_basket == to_purchase
    assert "leads to a step at which under 5 % give up" in words(ax)
    assert "median wait" not in words(ax)
    with pytest.raises(ValueError, match="allowed are wait, drop_off"):
        plots.plot_transitions(transitions(), color="volume")


# --- survival and churn -------------------------------------------------------------------------------------


def test_curves_are_the_table_as_steps():
    table = survival_curve()
    ax = plots.plot_survival_curve(table)
    for name in ("all", "Austria", "Germany"):
        (line,) = drawn(ax, name)
        rows = table[table["segment"] == name]
        assert line.get_drawstyle() == "steps-post"
        assert line.get_xdata().tolist() == rows["time_days"].tolist()
        assert line.get_ydata().tolist() == rows["estimate"].tolist()
    assert to_hex(drawn(ax, "all")[0].get_color()) == style.INK.lower()
    assert len(drawn(ax, "band")) == 3
    low = drawn(ax, "band")[0].get_paths()[0].vertices[:, 1]
    assert low.min() == pytest.approx(table.loc[table["segment"] == "all", "conf_low"].min())
    assert {"all", "Austria", "Germany"} <= set(words(ax).splitlines())


def test_numbers_at_risk_stand_below_their_ticks():
    ax = plots.plot_survival_curve(survival_curve(("all",)))
    ticks = ax.get_xticks().tolist()
    shown = [text.get_text() for text in drawn(ax, "at risk")]
    assert ticks == [0, 5, 10, 15, 20, 25, 30]
    # 1000 - 30 t at the next time in the table: 0, 5, 13, 21, 21, 30, 30
    assert shown == ["at risk", "all", "1,000", "850", "610", "370", "370", "100", "100"]


def test_axis_ends_at_twice_the_horizon():
    ax = plots.plot_survival_curve(survival_curve(), within_days=7)
    assert ax.get_xlim() == (0, 14)
    assert drawn(ax, "horizon")[0].get_xdata() == [7, 7]
    assert "within 7 days" in words(ax)
    assert plots.plot_survival_curve(survival_curve(), within_days=7, until_days=30).get_xlim() == (0, 30)


def test_a_curve_that_goes_on_reaches_the_edge():
    table = survival_curve(("all",))
    (line,) = drawn(plots.plot_survival_curve(table, until_days=10), "all")
    assert line.get_xdata().tolist() == [0, 1, 2, 5, 8, 10]
    assert line.get_ydata()[-1] == line.get_ydata()[-2] == table["estimate"][4]
    (whole,) = drawn(plots.plot_survival_curve(table, within_days=40), "all")
    assert whole.get_xdata()[-1] == 30  # nothing is known beyond


def test_a_million_steps_are_thinned_without_moving_the_curve():
    times = np.linspace(0, 100, 60_000)
    table = pd.DataFrame({"segment": "all", "time_days": times, "estimate": np.exp(-times / 30), "n_at_risk": 1})
    table = table.assign(conf_low=table["estimate"], conf_high=table["estimate"])
    (line,) = drawn(plots.plot_survival_curve(table), "all")
    assert len(line.get_xdata()) < 2000
    assert np.interp(line.get_xdata(), times, table["estimate"]) == pytest.approx(line.get_ydata())
    assert line.get_xdata()[[0, -1]].tolist() == [0, 100]


def area_at(ax: Axes, outcome: str, x: float) -> tuple[float, float]:
    """Lowest and highest point of an area just right of x."""
    vertices = drawn(ax, outcome)[0].get_paths()[0].vertices
    grid = np.unique(vertices[:, 0])
    after = grid[np.searchsorted(grid, x, side="right")]
    heights = vertices[vertices[:, 0] == after, 1]
    return float(heights.min()), float(heights.max())


def test_areas_of_all_journeys_fill_the_whole():
    table = cumulative_incidence()
    ax = plots.plot_cumulative_incidence(table, within_days=8)
    rows = table[(table["segment"] == "all") & (table["time_days"] == 8)].set_index("outcome")["estimate"]
    (line,) = drawn(ax, "edge of completed")
    at = line.get_xdata().tolist().index(8.0)
    assert line.get_ydata()[at] == pytest.approx(rows["completed"])
    tops = {name: drawn(ax, name)[0].get_paths()[0].vertices[:, 1].max() for name in ("completed", "open", "abandoned")}
    assert tops["abandoned"] == tops["open"] == 1
    assert area_at(ax, "abandoned", 8)[1] == 1
    assert area_at(ax, "completed", 8)[0] == 0
    for name, color in style.OUTCOME_COLORS.items():
        assert to_hex(drawn(ax, name)[0].get_facecolor()) == color.lower()
    assert len(drawn(ax, "band")) == 2
    shown = words(ax)
    assert "after 8 days:" in shown
    assert f"completed {100 * rows['completed']:.1f} %" in shown
    assert f"open {100 * (1 - rows.sum()):.1f} %" in shown


@pytest.mark.parametrize(("within", "end"), [(8, 16), (29, 30), (90, 90)])
def test_horizon_beyond_the_data_is_still_shown(within, end):
    ax = plots.plot_cumulative_incidence(cumulative_incidence(), within_days=within)
    assert ax.get_xlim() == (0, end)
    shown = {text.get_text(): text.get_window_extent() for text in texts(ax)}
    assert not shown[f"within {within} days"].overlaps(shown[f"after {within} days:"])


def test_other_segment_and_outcome_can_be_drawn():
    table = cumulative_incidence()
    ax = plots.plot_incidence_by_segment(table, outcome="abandoned")
    wanted = table[(table["outcome"] == "abandoned") & (table["segment"] == "Austria")]
    assert drawn(ax, "Austria")[0].get_ydata().tolist() == wanted["estimate"].tolist()
    assert "Given up" in ax.get_ylabel()
    assert words(plots.plot_cumulative_incidence(table, segment="Peru")) == "no data"


def test_retention_says_its_unit():
    assert plots.plot_retention_curve(retention_curve()).get_xlabel() == "Months as a customer"
    assert plots.plot_retention_curve(retention_curve().assign(time_unit="days")).get_xlabel() == "Days as a customer"


def test_one_extreme_covariate_does_not_flatten_the_others():
    table = hazard_ratio_over_time()
    far = table[table["term"] == "austria"].assign(term="rare", hazard_ratio=30.0, conf_low=8.0, conf_high=90.0)
    more = [far.assign(term=f"rare {number}") for number in range(8)]
    ax = plots.plot_hazard_ratio_over_time(pd.concat([table, far, *more]))
    panels = ax.get_figure().axes
    assert panels[0].get_ylim() == panels[1].get_ylim()
    assert panels[0].get_ylim()[1] < 4
    assert panels[2].get_ylim()[1] > 30
    assert panels[0].get_title(loc="left") == "business"  # and the note stands above it
    assert "Not drawn: 3 more." in words(ax)


def test_forest_keeps_both_outcomes_when_there_are_many_rows():
    table = hazard_ratios()
    many = [table[table["outcome"] == "completed"].assign(term=f"term {number}") for number in range(10)]
    ax = plots.plot_hazard_ratios(pd.concat([*many, table[table["outcome"] == "abandoned"]]))
    assert row_names(ax)[-1] == "Country: AT"
    assert len(row_names(ax)) == 15
    assert "Not drawn: 16 more." in words(ax)


def test_heading_of_the_stacked_picture_stands_clear_of_its_labels():
    table = cumulative_incidence()
    lost = table["outcome"] == "abandoned"
    columns = ["estimate", "conf_low", "conf_high"]
    table.loc[lost, columns] = table.loc[lost, columns] / 1000
    shown = [(text.get_text(), text.get_window_extent()) for text in texts(plots.plot_cumulative_incidence(table))]
    heading = next(box for text, box in shown if text.startswith("after "))
    assert not [text for text, box in shown if box is not heading and box.overlaps(heading)]


def test_reasons_to_leave_are_curves_of_their_own():
    table = churn_incidence()
    ax = plots.plot_churn_incidence(table)
    wanted = table[(table["outcome"] == "voluntary") & (table["segment"] == "all")]["estimate"]
    assert drawn(ax, "voluntary")[0].get_ydata().tolist() == wanted.tolist()
    assert len(drawn(ax, "band")) == 2
    assert not drawn(ax, "at risk")


def test_hazard_ratios_are_exponentials_around_one():
    ax = plots.plot_churn_model(churn_model())
    assert ax.get_xscale() == "log"
    assert xy(ax, "estimate")[:, 0] == pytest.approx(np.exp([0.9, -1.1, 0.02]))
    assert ends(ax)[1, [0, 2]] == pytest.approx(np.exp([-1.3, -0.9]))
    assert drawn(ax, "reference")[0].get_xdata() == [1, 1]
    (points,) = drawn(ax, "estimate")
    filled = [to_hex(color) != "#ffffff" for color in points.get_facecolors()]
    assert filled == [True, True, False]  # the interval of newsletter holds 1
    assert "2.46 (2.01 to 3.00)" in words(ax)


def test_revenue_bars_leave_the_total_to_the_note():
    ax = plots.plot_revenue_at_risk(revenue_at_risk())
    assert [bar.get_width() for bar in drawn(ax, "revenue")] == [40000, 20000]
    assert row_names(ax) == ["North", "South"]
    assert "All segments together: 60,000 EUR (48,000 EUR to 72,000 EUR)." in words(ax)


def test_revenue_interval_is_not_that_of_the_share():
    table = revenue_at_risk().assign(share=0.1, conf_low=0.08, conf_high=0.12)
    table = table.assign(revenue_low=table["revenue_at_risk"] - 5, revenue_high=table["revenue_at_risk"] + 5)
    assert ends(plots.plot_revenue_at_risk(table))[:, [0, 2]].tolist() == [[39995, 40005], [19995, 20005]]
    with pytest.raises(ValueError, match="missing: revenue_low"):
        plots.plot_revenue_at_risk(table.drop(columns="revenue_low"))


# --- NPS ----------------------------------------------------------------------------------------------------


def test_scores_have_dots_intervals_and_a_benchmark():
    table = nps_scores()
    ax = plots.plot_nps_scores(table, benchmark=32.0, benchmark_label="study $5$")
    assert xy(ax, "estimate")[:, 0].tolist() == table["estimate"].tolist()
    assert ends(ax)[:, [0, 2]].tolist() == table[["conf_low", "conf_high"]].to_numpy().tolist()
    assert drawn(ax, "benchmark")[0].get_xdata() == [32, 32]
    assert r"study \$5\$: 32.0" in words(ax)
    assert "30.0 (n 1,000)" in words(ax)


def test_largest_segments_and_the_overall_row_are_kept():
    table = nps_scores(30)
    table["n"] = table["n"].to_numpy()[::-1]  # the overall row has the fewest
    names = row_names(plots.plot_nps_scores(table, max_rows=3))
    assert names == ["all", "segment 27", "segment 28"]


def test_trend_leaves_a_period_without_answers_empty():
    table = nps_trend()
    ax = plots.plot_nps_trend(table, benchmark=30)
    (line,) = drawn(ax, "estimate")
    np.testing.assert_array_equal(line.get_ydata(), table["estimate"])
    assert np.isnan(line.get_ydata()[2])
    assert "2025-01\n120" in [label.get_text() for label in ax.get_xticklabels()]
    assert drawn(ax, "benchmark")[0].get_ydata() == [30, 30]


def test_distribution_is_the_share_of_answers():
    table = nps_scores(2)
    ax = plots.plot_nps_distribution(table)
    for name in ("detractors", "passives", "promoters"):
        assert [bar.get_width() for bar in drawn(ax, name)] == pytest.approx((table[name] / table["n"]).tolist())
    assert [bar.get_x() for bar in drawn(ax, "detractors")] == [0, 0]


def test_drivers_are_grouped_by_dimension_with_sign():
    ax = plots.plot_drivers(drivers())
    assert row_names(ax) == ["information", "q3", "q5", "ease", "q1", "q2", "helpfulness", "q4"]
    points = xy(ax, "estimate")
    assert points.tolist() == [[0.35, 1], [0.2, 2], [0.3, 4], [0.1, 5], [0.05, 7]]
    (dots,) = drawn(ax, "estimate")
    edges = [to_hex(color) for color in dots.get_edgecolors()]
    assert edges[0] == edges[1] != edges[2] == edges[3]
    assert [to_hex(color) == "#ffffff" for color in dots.get_facecolors()] == [False, False, False, False, True]
    assert {"35.0 %  +", "10.0 %  −", "5.0 %  ?"} <= {
        text.replace("% ", "%  ").replace("   ", "  ") for text in words(ax).splitlines()
    }


def test_one_driver_a_dimension_needs_no_headings():
    table = drivers().assign(dimension=lambda frame: frame["driver"])
    assert row_names(plots.plot_drivers(table)) == ["q3", "q1", "q5", "q2", "q4"]


def test_importance_performance_marks_what_to_improve_first():
    table = drivers()
    ax = plots.plot_importance_performance(table, split=(50, 0.25))
    points = xy(ax, "estimate")
    assert points.tolist() == table[["performance", "share"]].to_numpy().tolist()
    colors = [to_hex(color) for color in drawn(ax, "estimate")[0].get_facecolors()]
    assert [color == style.VERMILION.lower() for color in colors] == [True, False, False, False, False]
    sideways = [end for end in ends(ax) if end[1] == end[3]]
    assert sideways[0][[0, 2]].tolist() == [38, 42]
    assert sorted(label.get_text() for label in drawn(ax, "label")) == ["q1", "q2", "q3", "q4", "q5"]


def test_names_of_crowded_points_keep_apart():
    rng = np.random.default_rng(3)
    performance, share = 60 + rng.normal(0, 1, 15), 0.07 + rng.normal(0, 0.01, 15)
    table = pd.DataFrame({"driver": [f"a fairly long name {n}" for n in range(15)], "share": share})
    table = table.assign(conf_low=share - 0.001, conf_high=share + 0.001, performance=performance)
    ax = plots.plot_importance_performance(
        table.assign(performance_low=performance - 0.1, performance_high=performance + 0.1)
    )
    ax.get_figure().canvas.draw()
    boxes = [Text.get_window_extent(label) for label in drawn(ax, "label")]
    assert len(boxes) == 15
    covered = [box for box in combinations(boxes, 2) if box[0].overlaps(box[1])]
    assert len(covered) <= 2


# --- style --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        ("plain", 0, "plain"),
        ("two\n lines", 0, "two lines"),
        ("$a$", 0, r"\$a\$"),
        (r"\$a", 0, r"\$a"),
        ("a 🦄", 0, "a □"),
        ("abcdefghij", 6, "abc…ij"),
        (None, 0, "None"),
        (3.0, 0, "3.0"),
    ],
)
def test_plain(value, limit, text):
    assert style.plain(value, limit=limit) == text


@given(st.text(max_size=60), st.integers(min_value=5, max_value=30))
def test_plain_never_starts_a_formula(value, limit):
    text = style.plain(value, limit=limit)
    assert not cbook.is_math_text(text)
    assert len(text.replace(r"\$", "$")) <= limit
    assert style.plain(text, limit=2 * limit) == text


@pytest.mark.parametrize(
    ("name", "width", "lines", "text"),
    [
        ("visit", 10, 2, "visit"),
        ("technician_booked", 12, 2, "technician_\nbooked"),
        ("a b c d e f g h", 5, 2, "a b c\nd e…h"),
        ("restoration", 7, 3, "restor-\nation"),
        ("x" * 40, 6, 2, "xxx…xx"),
    ],
)
def test_wrap_name(name, width, lines, text):
    assert style.wrap_name(name, width=width, lines=lines) == text


def test_outcome_colours_differ_on_a_grey_print():
    grey = {}
    for name, color in style.OUTCOME_COLORS.items():
        red, green, blue = mpl.colors.to_rgb(color)
        grey[name] = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert all(abs(grey[one] - grey[other]) > 0.15 for one, other in combinations(grey, 2))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12).map(sorted), st.floats(0.1, 30))
def test_spread_keeps_order_gaps_and_centre(wanted, gap):
    places = spread(wanted, [gap] * (len(wanted) - 1))
    assert (np.diff(places) >= gap - 1e-6).all()
    assert places.mean() == pytest.approx(np.mean(wanted), abs=1e-6)
    if len(wanted) == 1 or np.diff(wanted).min() >= gap:
        assert places == pytest.approx(np.asarray(wanted))


def test_percent_axis_has_no_needless_decimals():
    ax = plots.new_axes()
    ax.set_ylim(0, 1)
    style.format_axis(ax.yaxis, "percent")
    ax.get_figure().canvas.draw()
    assert row_names(ax) == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    ax.set_ylim(0, 0.01)
    ax.get_figure().canvas.draw()
    assert row_names(ax)[1] == "0.2 %"


@pytest.mark.parametrize(("end", "ticks"), [(28, [0, 7, 14, 21, 28]), (30, [0, 5, 10, 15, 20, 25, 30]), (0.4, [0])])
def test_ticks_of_time_are_round(end, ticks):
    ax = plots.new_axes()
    assert curves.time_axis(ax, end, label="days").tolist()[: len(ticks)] == ticks
