"""Result tables of the journey map: published numbers, by eye, and by plain pandas."""

from __future__ import annotations

import json
import math
import shutil
from datetime import timedelta
from pathlib import Path

import ibis
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from tiny import AS_OF, STAGES, buy, tiny_log

from cj_helpers.dataset import open_dataset
from cj_helpers.journeys import build_journeys, build_steps, journey_frame
from cj_helpers.mapping import funnel, handoffs, journey_summary, outcomes, stages, touchpoints, transitions, variants

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tiny():
    """Steps and journeys of the tiny log."""
    events = ibis.duckdb.connect().create_table("events", tiny_log())
    steps = build_steps(events, definitions=buy(), as_of=AS_OF).cache()
    return steps, build_journeys(steps, definitions=buy(), as_of=AS_OF).cache()


@pytest.fixture(scope="module")
def published(oracles):
    return json.loads((oracles / "journey_mapping.json").read_text())


def test_outcomes(tiny):
    got = outcomes(tiny[1]).set_index("outcome")
    assert got["n_journeys"].to_dict() == {"abandoned": 3, "completed": 7, "open": 3}
    assert got["share"].to_dict() == {"abandoned": 3 / 13, "completed": 7 / 13, "open": 3 / 13}


def test_transitions_agree_with_the_published_counts_and_waits(tiny, published):
    got = transitions(tiny[0], journeys=tiny[1])
    inner = got[~got["target"].str.startswith("(")].sort_values(["source", "target"]).reset_index(drop=True)
    expected = pd.DataFrame(published["dfg"])
    assert inner["n_transitions"].sum() == 28
    names = {"step": "source", "next": "target", "occ": "n_transitions", "cases": "n_journeys"}
    names |= {"median_h": "wait_median_hours", "q25": "wait_p25_hours", "q75": "wait_p75_hours"}
    expected = expected.rename(columns=names)[list(names.values())]
    pd.testing.assert_frame_equal(inner[list(names.values())], expected, check_dtype=False)


def test_probability_divides_by_all_rows_of_the_source_with_ends(tiny):
    got = transitions(tiny[0], journeys=tiny[1]).set_index(["source", "target"])
    assert got.loc[("search", "(abandoned)"), "probability"] == 2 / 11
    assert got.loc[("search", "(abandoned)"), "n_transitions"] == 2
    assert pd.isna(got.loc[("search", "(abandoned)"), "wait_median_hours"])
    assert got.loc[("purchase", "(completed)"), "probability"] == 1.0
    assert got.groupby("source")["probability"].sum().round(12).eq(1).all()


def test_variants_agree_with_the_published_paths(tiny, published):
    got = variants(tiny[0], journeys=tiny[1])
    expected = {path.replace(" > ", ">"): n for path, n in published["variants"].items()}
    assert got.set_index("path")["n_journeys"].to_dict() == expected
    assert got["path"].iloc[0] == "visit>search>quote>purchase"
    assert got.set_index("path")["completed_share"]["visit>search>quote"] == 0.0
    assert got["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("ordered", "closed_ordered"),
        ("consecutive", "strict_consecutive"),
        ("window", "closed_ordered_within_72h"),
        ("reached", "open_any_order_reached"),
    ],
)
def test_the_four_funnels_agree_with_the_published_counts(tiny, published, kind, key):
    steps, journeys = tiny
    got = funnel(steps, journeys=journeys, definitions=buy(), as_of=AS_OF, window=timedelta(hours=72))
    part = got[got["kind"] == kind]
    assert part["stage"].tolist() == list(STAGES)
    assert part["n_reached"].tolist() == published["funnel"][key]
    previous = [13] * 4 if kind == "reached" else [13, *published["funnel"][key][:-1]]
    assert part["n_previous"].tolist() == previous


def test_the_shown_share_of_a_funnel_is_the_matured_one(tiny):
    """7 of 13 reach the purchase; of the 11 that started 14 days before as_of, 7 of 11 do."""
    got = funnel(tiny[0], journeys=tiny[1], definitions=buy(), as_of=AS_OF).set_index(["kind", "stage"])
    row = got.loc[("reached", "purchase")]
    assert (row["n_reached"], row["n_previous"], row["n_matured"]) == (7, 13, 11)
    assert row["share"] == 7 / 13
    assert row["matured_share"] == 7 / 11


def test_every_start_is_tried_in_the_window():
    """Visit at 0 h and 80 h, search 81 h, quote 82 h, purchase 83 h: four stages in 72 h."""
    start = pd.Timestamp("2024-01-01")
    hours = [(0, "visit"), (80, "visit"), (81, "search"), (82, "quote"), (83, "purchase")]
    log = pd.DataFrame([("a", start + pd.Timedelta(h, "h"), t) for h, t in hours])
    log.columns = ["customer_id", "timestamp", "touchpoint"]
    steps = build_steps(ibis.memtable(log), definitions=buy(), as_of=AS_OF)
    journeys = build_journeys(steps, definitions=buy(), as_of=AS_OF)
    got = funnel(steps, journeys=journeys, definitions=buy(), as_of=AS_OF, window=timedelta(hours=72))
    assert got.loc[got["kind"] == "window", "n_reached"].tolist() == [1, 1, 1, 1]


def test_funnel_intervals_are_clustered_by_customer():
    """Ten customers with five equal journeys each: the interval is that of ten, not of fifty."""
    rows = []
    for customer in range(10):
        for journey in range(5):
            at = pd.Timestamp("2020-01-01") + pd.Timedelta(60 * journey, "D")
            rows.append((f"c{customer}", at, "visit"))
            if customer < 5:
                rows.append((f"c{customer}", at + pd.Timedelta(1, "h"), "search"))
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    steps = build_steps(ibis.memtable(log), definitions=buy(), as_of=AS_OF)
    journeys = build_journeys(steps, definitions=buy(), as_of=AS_OF)
    got = funnel(steps, journeys=journeys, definitions=buy(), as_of=AS_OF).set_index(["kind", "stage"])
    row = got.loc[("ordered", "search")]
    assert (row["n_reached"], row["n_previous"], row["n_customers"]) == (25, 50, 10)
    # n_eff = p(1-p) / (K/(K-1) * sum (x - p m)^2 / n^2) = .25 / (10/9 * 62.5 / 2500) = 9
    low, high = proportion_confint(4.5, 9, method="wilson")
    assert (row["conf_low"], row["conf_high"]) == (pytest.approx(low), pytest.approx(high))


def test_handoffs_agree_with_the_published_matrix(tiny, published):
    got = handoffs(tiny[0])
    expected = {(r["channel"], r["nch"]): r["n"] for r in published["channel_handoffs"]}
    assert got.set_index(["from_channel", "to_channel"])["n_handoffs"].to_dict() == expected
    assert got["n_handoffs"].sum() == 10


def test_the_headline_is_the_aalen_johansen_rate(tiny, published):
    got = journey_summary(journey_frame(tiny[1]), definitions=buy(), as_of=AS_OF).iloc[0]
    assert got["completed_within"] == pytest.approx(published["aj_converted"][4][1], abs=1e-12)
    assert got["completed_within"] == pytest.approx(0.589744, abs=1e-6)
    assert got["conf_low"] < got["completed_within"] < got["conf_high"]
    assert (got["n_journeys"], got["n_customers"], got["n_open"]) == (13, 11, 3)
    assert got["p90_days"] == pytest.approx(5.8)  # of 1, 2, 2, 4, 5, 5, 7 days


@pytest.fixture(scope="module")
def later():
    """The tiny log seen two weeks later: what was open has been given up, eleven journeys are old enough."""
    as_of = AS_OF + timedelta(days=14)
    events = ibis.duckdb.connect().create_table("events", tiny_log())
    steps = build_steps(events, definitions=buy(), as_of=as_of).cache()
    return steps, {"journeys": build_journeys(steps, definitions=buy(), as_of=as_of).cache(), "as_of": as_of}


def test_stages_by_eye(later):
    """Eleven journeys started 28 days before the end: c06 was lost at the visit, c03 and c07 at the search, c09 then.

    Those who went on left the visit after 0, 1, 1, 1, 24, 24, 72 and 336 hours, the search after 0, 6, 23, 24, 47 and
    96, the quote after 18, 24, 24, 48, 72 and 168; c04 visited only after searching.
    """
    steps, options = later
    got = stages(steps, **options, definitions=buy()).set_index("stage")
    assert got["n_journeys"].tolist() == [12, 9, 8, 7]
    assert got["share_reached"].tolist() == [12 / 13, 9 / 13, 8 / 13, 7 / 13]
    assert got["n_matured"].tolist() == [10, 8, 7, 7]
    assert got["drop_off"].tolist() == [1 / 10, 2 / 8, 1 / 7, 0.0]
    assert got["time_median_hours"].tolist()[:3] == [12.5, 23.5, 36.0]
    assert got["time_p90_hours"].tolist()[:3] == pytest.approx([72 + 0.3 * 264, 47 + 0.5 * 49, 72 + 0.5 * 96])
    assert pd.isna(got["time_median_hours"]["purchase"])
    assert got["top_channel"].tolist() == ["web", "web", "call", "web"]
    assert got["repeat_share"].tolist() == [2 / 14, 2 / 11, 1 / 9, 0.0]
    # c07 has two of the ten visits; v = 9/8 * (.9^2 + 7 * .1^2 + .2^2) / 10^2, n_eff = .09 / v = 8.70
    n = 0.09 / (9 / 8 * (0.81 + 0.07 + 0.04) / 100)
    low, high = proportion_confint(0.1 * n, n, method="wilson")
    assert (got["conf_low"]["visit"], got["conf_high"]["visit"]) == (pytest.approx(low), pytest.approx(high))
    # nobody repeats at the quote: the plain interval of one in seven
    low, high = proportion_confint(1, 7, method="wilson")
    assert (got["conf_low"]["quote"], got["conf_high"]["quote"]) == (pytest.approx(low), pytest.approx(high))


def test_touchpoints_by_eye(later):
    """Six journeys were given up: c03 and c07 after a search, c06 and c08 after a visit, c06 and c09 after a quote."""
    steps, options = later
    got = touchpoints(steps, **options, definitions=buy(value=10.0)).set_index("touchpoint")
    assert got["abandoned_after"].dropna().to_dict() == {"search": 2, "visit": 2, "quote": 2}
    assert got["n_matured"].dropna().to_dict() == {"search": 8, "visit": 10, "quote": 7}
    assert got["abandoned_share"]["search"] == 2 / 8
    assert pd.isna(got["abandoned_share"]["purchase"])
    # every loss after 14 days of silence is known of the 30 days until the end of January
    months = (pd.Timestamp(AS_OF) - pd.Timestamp("2024-01-01 09:00")).total_seconds() / 86_400 / (365.25 / 12)
    row = got.loc["search"]
    factor = math.exp(1.96 * math.sqrt(2) / 2)  # two customers with one loss each
    rates = [row[name] for name in ("abandoned_per_month", "per_month_low", "per_month_high")]
    assert rates == pytest.approx([2 / months, 2 / factor / months, 2 * factor / months])
    worth = [row[name] for name in ("value_per_month", "value_low", "value_high")]
    assert worth == pytest.approx([10 * rate for rate in rates])


def test_a_loss_counts_for_the_step_before_the_event_that_ends_the_journey():
    """The customer was lost by the quote; closing the complaint only says so."""
    rows = [("a", 0, "visit"), ("a", 1, "quote"), ("a", 2, "closed"), ("b", 0, "visit"), ("b", 1, "purchase")]
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    log["timestamp"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(log["timestamp"], "D")
    definitions = buy(abandon=("closed",))
    steps = build_steps(ibis.memtable(log), definitions=definitions, as_of=AS_OF)
    journeys = build_journeys(steps, definitions=definitions, as_of=AS_OF)
    got = touchpoints(steps, journeys=journeys, definitions=definitions, as_of=AS_OF).set_index("touchpoint")
    assert got["abandoned_after"].dropna().to_dict() == {"quote": 1, "visit": 0}
    assert got["abandoned_share"]["quote"] == 1.0


def test_a_definition_without_stages_has_no_funnel(tiny):
    got = funnel(tiny[0], journeys=tiny[1], definitions=buy(stages={}), as_of=AS_OF)
    assert got.empty
    assert "matured_share" in got.columns


@pytest.fixture(scope="module", params=["traffic_fines", "oulad"])
def public(request, real_data, tmp_path_factory):
    """A public log as its descriptor reads it."""
    folder = tmp_path_factory.mktemp("public") / request.param
    shutil.copytree(real_data / request.param, folder)
    (folder / "dataset.yml").unlink(missing_ok=True)
    shutil.copyfile(ROOT / "data" / "examples" / request.param / "dataset.yml", folder / "dataset.yml")
    data = open_dataset(folder)
    as_of = data.as_of.to_pydatetime()
    steps = build_steps(data.events, definitions=data.journeys, as_of=as_of).cache()
    return request.param, steps, build_journeys(steps, definitions=data.journeys, as_of=as_of).cache()


def test_public_logs_give_their_known_numbers(public):
    name, steps, journeys = public
    table = transitions(steps, journeys=journeys)
    inner = table[~table["target"].str.startswith("(")]
    paths = variants(steps, journeys=journeys)
    edges = inner.set_index(["source", "target"])["n_transitions"]
    if name == "traffic_fines":
        assert (len(inner), inner["n_transitions"].sum(), len(paths)) == (40, 24_724, 44)
        assert edges[("Create Fine", "Send Fine")] == 6_557
        assert edges[("Send Fine", "Insert Fine Notification")] == 4_633
        assert edges[("Insert Fine Notification", "Add penalty")] == 4_417
        assert edges[("Create Fine", "Payment")] == 3_443
        assert edges[("Payment", "Payment")] == 264
        assert (paths["path"][0], paths["n_journeys"][0]) == ("Create Fine>Payment", 3_428)
        ends = table[table["target"].str.startswith("(")].groupby("source")["n_transitions"].sum()
        assert ends[["Payment", "Send for Credit Collection", "Send Fine"]].tolist() == [4_535, 3_384, 1_893]
    else:
        assert (len(inner), inner["n_transitions"].sum(), len(paths)) == (16, 182_036, 1_408)
        assert edges[("register", "unregister")] == 5_765
        assert journeys.count().execute() == 32_587
