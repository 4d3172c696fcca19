"""Tables of the data-quality report, on data one can check by eye, and the faults planted in the sample."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cj_helpers import plots
from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset import invitation_frame, open_dataset
from cj_helpers.dataset.quality import (
    clock_profile,
    customer_truncation,
    likely_robots,
    overall_verdict,
    report_verdicts,
    suggested_timeouts,
    survey_links,
    survey_response,
    suspected_leaks,
    ties,
    tracked_visits,
)
from cj_helpers.dataset.schema import Tracked
from cj_helpers.dataset.schema_survey import Survey
from cj_helpers.journeys import build_journeys, build_steps, journey_frame, left_truncation
from cj_helpers.mapping import journey_summary, stitching_effect
from cj_helpers.nps import response_rates

DAY = datetime(2024, 5, 1)


def events(*rows: tuple[str, str, str], source: str = "web.csv", **more) -> ibis.Table:
    """A log of (customer, time as 'HH:MM' of 1 May or a whole timestamp, touchpoint)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    moments = [text if len(text) > 8 else f"2024-05-01 {text}" for text in frame["timestamp"]]
    frame["timestamp"] = pd.to_datetime(moments, format="ISO8601").astype("datetime64[us]")
    frame = frame.assign(source=source, row_number=range(len(frame)), **more)
    return ibis.memtable(frame)


def customers(**columns) -> ibis.Table:
    frame = pd.DataFrame(columns)
    for name in ("started_at", "ended_at", "notice_at"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return ibis.memtable(frame)


# --- ties


def test_ties_are_counted_by_source():
    log = events(
        ("a", "10:00", "visit"),
        ("a", "10:00", "search"),
        ("a", "10:00", "search"),
        ("a", "10:05", "buy"),
        ("b", "10:00", "visit"),
    )
    row = ties(log).iloc[0]
    assert (row.n_events, row.n_tied, row.n_repeated, row.decided_by) == (5, 3, 2, "row")
    assert row.share == pytest.approx(0.6)
    assert ties(log.mutate(order=ibis.literal(1))).decided_by.tolist() == ["order"]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from("xy")), min_size=1, max_size=12))
def test_ties_agree_with_pandas(rows):
    log = events(*[(who, f"10:0{minute}", what) for who, minute, what in rows])
    frame = pd.DataFrame(rows)
    expected = int(frame.duplicated([0, 1], keep=False).sum()), int(frame.duplicated([0, 1, 2], keep=False).sum())
    found = ties(log).iloc[0]
    assert (found.n_tied, found.n_repeated) == expected


# --- robots


def test_a_program_is_told_from_people():
    people = [(f"p{i}", f"{9 + i % 9:02}:15", "visit") for i in range(40)]
    crawler = [("crawler", f"{hour:02}:{minute:02}", "visit") for hour in range(24) for minute in (0, 30)]
    clicker = [("clicker", f"12:00:{second:02}", "visit") for second in range(60)]
    found = likely_robots(events(*people, *crawler, *clicker)).set_index("kind")
    assert found["n_robots"].to_dict() == {"hours": 1, "minute": 1, "volume": 0, "any": 2}
    assert found["n_events"].to_dict() == {"hours": 48, "minute": 60, "volume": 0, "any": 108}
    assert found.loc["any", "share"] == pytest.approx(108 / 148)


def test_mail_of_the_company_makes_no_robot():
    rows = [("a", f"12:00:{second:02}", "newsletter") for second in range(60)]
    assert likely_robots(events(*rows, actor="company"))["n_robots"].sum() == 0
    assert likely_robots(events(*rows, actor="customer")).set_index("kind").loc["any", "n_robots"] == 1


# --- clocks


def test_the_hour_of_the_day_is_local_and_dates_without_a_time_stand_out():
    log = events(("a", "06:30", "x"), ("a", "07:10", "x"), ("a", "07:20", "x"), ("b", "22:00", "x"))
    row = clock_profile(log, _no_clocks(), time_zone="Europe/Berlin").iloc[0]  # two hours ahead in May
    assert (row.busiest_hour, row.n_events) == (9, 4)
    assert row.night_share == pytest.approx(0.25)
    assert row.midnight_share == pytest.approx(0.25)


def _no_clocks() -> pd.DataFrame:
    return pd.DataFrame(columns=["source", "n_with_offset", "n_folded"])


# --- truncation


def test_exits_expected_before_the_first_one_follow_a_constant_rate():
    # 100 customers since 2020-01-01; ten leave, the first after 1,000 days; as_of is 1,100 days after the start
    start, first = datetime(2020, 1, 1), datetime(2020, 1, 1) + timedelta(days=1000)
    ends = [first + timedelta(days=10 * i) for i in range(10)] + [pd.NaT] * 90
    table = customers(customer_id=[str(i) for i in range(100)], started_at=[start] * 100, ended_at=ends)
    row = customer_truncation(table, as_of=pd.Timestamp(start + timedelta(days=1100))).iloc[0]
    at_risk = 90 * 100 + sum(range(0, 100, 10))
    assert row.n_expected == pytest.approx(10 / at_risk * 100 * 1000)
    assert (row.n_started_before, row.n_exits, row.has_entry, row.is_truncated) == (100, 10, False, True)


def test_a_file_from_its_first_customer_on_is_not_truncated():
    rng = np.random.default_rng(3)
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.uniform(0, 700, 400), unit="D")
    end = start + pd.to_timedelta(rng.exponential(400, 400), unit="D")
    as_of = pd.Timestamp("2024-01-01")
    ends = [moment if moment < as_of else pd.NaT for moment in end]
    table = customers(customer_id=[str(i) for i in range(400)], started_at=start, ended_at=ends)
    row = customer_truncation(table, as_of=as_of).iloc[0]
    assert not row.is_truncated
    assert row.n_expected < 5


def test_journeys_that_began_before_the_log_are_counted():
    stages = {"all": ("visit", "pay", "paid")}
    week = timedelta(days=7)
    definition = JourneyDefinition("buy", "Buy", start=("visit",), success=("paid",), stages=stages, timeout=week)
    log = events(("a", "10:00", "pay"), ("a", "10:05", "paid"), ("b", "10:10", "visit"), ("b", "10:20", "paid"))
    steps = build_steps(log, definitions={"buy": definition}, as_of=DAY + timedelta(days=30))
    journeys = build_journeys(steps, definitions={"buy": definition}, as_of=DAY + timedelta(days=30))
    assert left_truncation(journeys).to_dict("records") == [
        {"journey": "buy", "n_journeys": 2, "n_left_truncated": 1, "share": 0.5}
    ]


def test_a_journey_that_goes_on_under_another_id_is_completed_only_when_both_are_one():
    within, timeout = timedelta(days=2), timedelta(days=3)
    definition = JourneyDefinition("buy", "Buy", start=("visit",), success=("paid",), timeout=timeout, within=within)
    definitions = {"buy": definition}
    as_of = DAY + timedelta(days=30)

    def summary(*rows):
        steps = build_steps(events(*rows), definitions=definitions, as_of=as_of)
        frame = journey_frame(build_journeys(steps, definitions=definitions, as_of=as_of))
        return journey_summary(frame, definitions=definitions, as_of=as_of)

    other = [("z", "2024-04-01 10:00", "visit"), ("b", "10:00", "visit"), ("b", "11:00", "paid")]
    joined = summary(("a", "10:00", "visit"), ("a", "12:00", "paid"), *other)
    apart = summary(("cookie", "10:00", "visit"), ("a", "12:00", "paid"), *other)
    (row,) = stitching_effect(joined, apart).to_dict("records")
    assert [row[name] for name in ("label", "n_customers", "n_journeys", "n_journeys_apart")] == ["Buy", 3, 3, 3]
    rates = [row[name] for name in ("completed_within", "completed_apart", "difference")]
    assert rates == [pytest.approx(2 / 3), pytest.approx(1 / 3), pytest.approx(1 / 3)]


# --- surveys


ASKED = events(
    ("a", "2024-05-01 09:00", "asked"), ("a", "2024-05-20 09:00", "asked"), ("b", "2024-05-02 09:00", "asked"),
    ("c", "2024-05-31 23:00", "asked"), ("d", "2024-06-29 09:00", "asked"),
)  # fmt: skip
ANSWERS = ibis.memtable(
    pd.DataFrame(
        {
            "customer_id": ["a", "c", None, "z"],
            "answered_at": pd.to_datetime(["2024-05-22", "2024-06-20", "2024-05-03", None]).astype("datetime64[us]"),
        }
    )
)


def asked(surveys, *, invited=("asked",)) -> SimpleNamespace:
    """What ``survey_response`` reads of a data set."""
    survey = Survey(invited=list(invited), answer_within="7d")
    facts = {"as_of": pd.Timestamp("2024-07-01"), "time_zone": "Europe/Berlin", "customers": None}
    return SimpleNamespace(config=SimpleNamespace(survey=survey), events=ASKED, surveys=surveys, **facts)


def test_invitations_are_counted_by_the_local_month():
    table = survey_response(asked(ANSWERS))
    assert table["month"].tolist() == [pd.Timestamp("2024-05-01"), pd.Timestamp("2024-06-01")]
    assert table["n_invited"].tolist() == [3, 1]  # c was asked on 1 June in Berlin; d too late to judge
    assert table["n_customers"].tolist() == [2, 1]
    assert table["n_answered"].tolist() == [1, 0]  # c answered after 19 days
    assert table["share"].tolist() == [pytest.approx(1 / 3), 0]


def test_the_months_add_up_to_the_rate_of_report_03(sample):
    table, invited = survey_response(sample), invitation_frame(sample)
    rate = response_rates(invited[invited["is_mature"]], cluster_col="customer").iloc[0]
    assert (table["n_invited"].sum(), table["n_answered"].sum()) == (rate["n"], rate["n_answered"])
    assert len(table) > 12


def test_answers_are_joined_to_what_came_before():
    links = survey_links(ANSWERS, ASKED, None).set_index("link")["n_answers"].to_dict()
    assert links == {"answers": 4, "dated": 3, "customer": 3, "in_events": 2}


@pytest.mark.parametrize(
    "data", [asked(ANSWERS, invited=()), asked(None), asked(ANSWERS.drop("customer_id"))], ids=["who", "what", "whose"]
)
def test_nobody_knows_who_was_asked(data):
    assert survey_response(data).empty


# --- leaks


def test_an_offer_made_after_notice_is_a_leak_and_a_tariff_is_not():
    n = 200
    left = [i < 50 for i in range(n)]
    table = customers(
        customer_id=[str(i) for i in range(n)],
        ended_at=[DAY if gone else None for gone in left],
        offer=["yes" if i < 48 or i == 199 else "no" for i in range(n)],
        tariff=["a" if i % 2 else "b" for i in range(n)],
    )
    found = suspected_leaks(table, static=["tariff"], snapshot=["offer"])
    assert found["column"].tolist() == ["offer", "tariff"]
    assert found["is_leak"].tolist() == [True, False]
    assert found["declared"].tolist() == ["snapshot", "static"]
    row = found.iloc[0]
    assert (row.value, row.n, row.left_share) == ("yes", 49, pytest.approx(48 / 49))
    assert row.left_share_others == pytest.approx(2 / 151)


# --- timeouts


def test_the_suggested_timeout_counts_returns_within_a_journey():
    definition = JourneyDefinition("buy", "Buy", start=("visit",), success=("paid",), timeout=timedelta(days=2),
                                   stages={"all": ("visit", "basket", "paid", "booked")},
                                   waiting_on_company=("booked",))  # fmt: skip
    log = events(
        ("a", "2024-05-01 09:00", "visit"), ("a", "2024-05-02 09:00", "basket"), ("a", "2024-05-05 09:00", "paid"),
        ("a", "2024-06-20 09:00", "visit"), ("a", "2024-06-20 21:00", "booked"), ("a", "2024-07-10 09:00", "paid"),
    )  # fmt: skip
    row = suggested_timeouts(log, [definition]).iloc[0]
    # 1 day, 3 days and half a day; not the silence after paid, before a new visit, and after booked
    assert (row.n_waits, row.n_customers, row.median_days, row.timeout_days) == (3, 1, 1.0, 2.0)
    assert row.later_share == pytest.approx(1 / 3)
    assert row.suggested_days == 3


def test_a_touchpoint_with_a_timeout_of_its_own_has_a_row():
    limits = {"quote": timedelta(days=10)}
    definition = JourneyDefinition("buy", "Buy", success=("paid",), timeout=timedelta(days=2), timeouts=limits)
    log = events(
        ("a", "2024-05-01 09:00", "visit"), ("a", "2024-05-02 09:00", "quote"), ("a", "2024-05-08 09:00", "paid"),
    )  # fmt: skip
    rows = suggested_timeouts(log, [definition]).set_index("touchpoint")
    assert rows.loc["", ["n_waits", "timeout_days", "later_share"]].tolist() == [1, 2.0, 0.0]
    assert rows.loc["quote", ["n_waits", "timeout_days", "later_share", "suggested_days"]].tolist() == [1, 10.0, 0.0, 6]


def test_no_timeout_has_no_later_returns():
    definition = JourneyDefinition("buy", "Buy", success=("paid",))
    row = suggested_timeouts(events(("a", "10:00", "x"), ("a", "11:00", "y")), [definition]).iloc[0]
    assert np.isnan(row.timeout_days)
    assert pd.isna(row.later_share)


# --- the rest


def test_only_declared_channels_have_a_share_of_visits_that_can_be_followed():
    log = events(("a", "10:00", "x"), ("b", "10:00", "x"), ("b", "11:00", "x"), channel="web")
    table = tracked_visits(log, customers(customer_id=["a"]), tracked={"web": Tracked(share=0.62, source="banner")})
    row = table.iloc[0]
    assert (row.channel, row.n_events, row.n_visitors, row.tracked_share, row.origin) == ("web", 3, 2, 0.62, "banner")
    assert row.known_share == pytest.approx(1 / 3)
    assert tracked_visits(log, None, tracked={}).empty


def test_the_worst_verdict_counts_and_each_analysis_has_its_report():
    verdict = pd.DataFrame(
        {"analysis": ["journey mapping", "churn"], "verdict": ["fit", "not available"], "reason": ["", ""]}
    )
    assert overall_verdict(verdict) == "fit"
    assert report_verdicts(verdict)["report"].tolist() == ["01", "04"]
    assert overall_verdict(verdict.assign(verdict=["fit", "not fit"])) == "not fit"
    assert overall_verdict(verdict.assign(verdict="not available")) == "not available"


def test_without_a_table_there_are_no_rows():
    nothing = [
        ties(None), likely_robots(None), clock_profile(None, _no_clocks(), time_zone="UTC"),
        survey_links(None, None, None),
        customer_truncation(None, as_of=pd.Timestamp(DAY)), suspected_leaks(None, static=[], snapshot=[]),
        suggested_timeouts(None, []), tracked_visits(None, None, tracked={}),
    ]  # fmt: skip
    assert [len(table) for table in nothing] == [0] * len(nothing)
    assert all(len(table.columns) for table in nothing)


def test_figures_draw_their_tables_and_say_when_there_is_nothing():
    waits = pd.DataFrame({"label": ["A", "A"], "touchpoint": ["", "b"], "median_days": [0.1, 0.0],
                          "p99_days": [3.0, 40.0],
                          "timeout_days": [7.0, np.nan], "suggested_days": [3, 40]})  # fmt: skip
    axes = plots.plot_suggested_timeouts(waits)
    assert [len(line.get_segments()) for line in axes.collections if line.get_gid() == "returns"] == [2]
    months = pd.DataFrame(
        {"month": pd.to_datetime(["2024-01-01", "2024-02-01"]), "n_invited": [10, 20], "share": [0.3, 0.2]}
    )
    drawn = plots.plot_survey_response(months)
    assert [line.get_ydata().tolist() for line in drawn.lines if line.get_gid() == "share"] == [[0.3, 0.2]]
    for empty in (plots.plot_suggested_timeouts(waits[:0]), plots.plot_survey_response(months[:0])):
        assert "no data" in [text.get_text() for text in empty.texts]


# --- planted truth 12


@pytest.fixture(scope="module")
def sample():
    return open_dataset("data/sample", strict=False)


def test_the_leak_of_the_sample_is_named_and_nothing_else(sample):
    churn = sample.config.churn
    table = suspected_leaks(sample.customers, static=churn.static, snapshot=churn.snapshot)
    assert table.loc[table["is_leak"], "column"].tolist() == ["retention_offer"]


def test_the_contract_file_of_the_sample_hides_early_leavers_and_says_from_when(sample):
    row = customer_truncation(sample.customers, as_of=sample.as_of).iloc[0]
    assert row.is_truncated
    assert row.has_entry


def test_no_customer_of_the_sample_is_a_robot(sample):
    assert likely_robots(sample.events)["n_robots"].sum() == 0


def test_declared_timeouts_of_the_sample_hold(sample):
    table = suggested_timeouts(sample.events, sample.journeys.values())
    assert table["journey"].nunique() == 4
    assert (table["later_share"] < 0.01).all()
    assert (table["suggested_days"] <= table["timeout_days"]).all()
