"""Around the score: groups, real change or noise, the mix, who answered, journeys before and contracts after."""

from __future__ import annotations

import json
import math
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from tiny import AS_OF, buy, tiny_log

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.dataset import invitation_frame, open_dataset, survey_frame
from cj_helpers.journeys import build_journeys, build_steps, last_ended
from cj_helpers.nps import (
    before_contract,
    followed_answers,
    journey_drivers,
    linked_answers,
    nps_adjusted_trend,
    nps_control_chart,
    nps_differences,
    nps_over_time,
    nps_score,
    rating_shares,
    response_rates,
    retention_after_survey,
    revenue_after_survey,
    scale_is_suspicious,
)
from cj_helpers.nps.differences import nps_difference


def answers_of(promoters: int, passives: int, detractors: int) -> pd.DataFrame:
    return pd.DataFrame({"nps": [10.0] * promoters + [8.0] * passives + [2.0] * detractors})


# --- groups -------------------------------------------------------------------------------------------------


def test_difference_of_two_groups_agrees_with_r(oracles: Path):
    # R 4.2.2: sqrt(v1/n1 + v2/n2) with divisors n; here n - 1, so both groups of 100 differ by sqrt(99/100).
    case = json.loads((oracles / "proportions_nps_r.json").read_text())["nps_two_sample"]
    groups = [answers_of(*reversed(case[name])).assign(group=name) for name in "ab"]
    table = nps_differences(pd.concat(groups), segment_col="group").set_index("segment")
    row = table.loc["a"]
    assert row["difference"] == pytest.approx(100 * case["diff"])
    assert row["std_error"] * math.sqrt(0.99) == pytest.approx(100 * case["se"], rel=1e-9)
    half = 1.959963984540054 * row["std_error"] * math.sqrt(0.99)
    assert_allclose([row["difference"] - half, row["difference"] + half], 100 * np.array(case["ci"]), rtol=1e-8)
    assert row["conf_low"] < 0 < row["conf_high"]
    assert row["p_value"] == pytest.approx(case["p"], abs=0.003)
    assert table.loc["b", "difference"] == -row["difference"]
    assert (row["n"], row["n_other"]) == (100, 100)


def test_interval_of_a_difference_covers_in_small_groups():
    # All pairs of samples of 8 and 12 answers, weighed by their probability.
    from scipy.stats import multinomial

    first, second = (0.5, 0.3, 0.2), (0.3, 0.3, 0.4)
    truth, covered = 100 * ((0.5 - 0.2) - (0.3 - 0.4)), 0.0
    samples = {n: [(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)] for n in (6, 8)}
    for one in samples[6]:
        for other in samples[8]:
            table = pd.concat([answers_of(*one), answers_of(*other)], ignore_index=True)
            found = nps_difference(table, np.repeat([1.0, 0.0], [6, 8]))
            if found["conf_low"] <= truth <= found["conf_high"]:
                covered += multinomial.pmf(one, 6, first) * multinomial.pmf(other, 8, second)
    assert 0.93 <= covered <= 0.99


def test_customers_in_both_groups_are_allowed_for():
    random = np.random.default_rng(0)
    one = pd.DataFrame({"nps": random.choice([2.0, 8, 10], 150), "customer": range(150), "when": "first"})
    both = pd.concat([one, one.assign(when="then")], ignore_index=True)
    paired = nps_differences(both, segment_col="when", cluster_col="customer").iloc[0]
    assert paired["difference"] == 0
    assert paired["std_error"] == pytest.approx(0, abs=1e-6)
    assert nps_differences(both, segment_col="when").iloc[0]["std_error"] > 5


def test_kinds_of_missing_scores_are_counted_apart():
    table = pd.DataFrame({"nps": [9, np.nan, np.nan, np.nan], "nps__missing_code": [False, True, False, False]})
    row = nps_score(table.assign(nps__not_applicable=[False, False, True, False])).iloc[0]
    assert row[["n", "n_blank", "n_missing_coded", "n_not_applicable"]].tolist() == [1, 1, 1, 1]


def test_a_scale_without_zeros_is_suspicious_from_hundreds_of_answers_on():
    tens = pd.DataFrame({"nps": list(range(1, 11)) * 30})
    assert scale_is_suspicious(tens)
    assert not scale_is_suspicious(tens.iloc[:190])
    assert not scale_is_suspicious(pd.concat([tens, pd.DataFrame({"nps": [0]})]))


def test_shares_of_good_ratings_by_eye():
    table = pd.DataFrame({"csat": [5, 4, 1, np.nan], "good": pd.array([True, True, False, None], dtype="boolean")})
    row = rating_shares(table, good_cols={"csat": "good"}).iloc[0]
    assert (row["share"], row["mean"], row["n"], row["n_blank"]) == (pytest.approx(2 / 3), pytest.approx(10 / 3), 3, 1)


# --- real change or noise -----------------------------------------------------------------------------------


def months(levels: list[float], n: int, seed: int, **columns: object) -> pd.DataFrame:
    """Answers of consecutive months whose promoters exceed detractors by these points."""
    random = np.random.default_rng(seed)
    parts = []
    for i, level in enumerate(levels):
        shares = [0.35 + level / 200, 0.3, 0.35 - level / 200]
        when = pd.Timestamp("2024-01-15") + pd.DateOffset(months=i)
        parts.append(pd.DataFrame({"nps": random.choice([10.0, 8, 2], n, p=shares), "answered_at": when}))
    return pd.concat(parts, ignore_index=True).assign(**columns)


def test_a_fall_that_stays_is_found_and_dated():
    found, dated, covered = 0, 0, 0
    for seed in range(20):
        chart = nps_control_chart(nps_over_time(months([30] * 8 + [18] * 10, 300, seed)))
        steps = chart.dropna(subset=["level_change"])
        found += len(steps) == 1
        if len(steps) == 1:
            row = steps.iloc[0]
            dated += row["first_from"] <= pd.Timestamp("2024-09-01") <= row["first_to"]
            covered += row["change_low"] <= -12 <= row["change_high"]
            assert row["verdict"] == "real change"
    assert found >= 16
    assert dated >= 16
    assert covered >= 14


def test_a_level_that_stays_is_noise():
    charts = [nps_control_chart(nps_over_time(months([25] * 18, 200, seed))) for seed in range(40)]
    assert sum(bool(chart["verdict"].eq("real change").any()) for chart in charts) <= 7
    steps = sum(bool(chart["level_change"].notna().any()) for chart in charts)
    assert steps <= 5


def test_one_wild_month_is_a_real_change_and_moves_no_level():
    chart = nps_control_chart(nps_over_time(months([30] * 5 + [-25] + [30] * 6, 250, 1)))
    assert chart["verdict"].eq("real change").to_numpy().nonzero()[0].tolist() == [5]
    assert chart["level_change"].isna().all()
    assert np.ptp(chart["level"]) == 0


def test_months_that_scatter_more_than_their_answers_widen_the_limits():
    calm = nps_control_chart(nps_over_time(months([30] * 12, 300, 2)))
    wild = nps_control_chart(nps_over_time(months([45, 15] * 6, 300, 2)))
    width = [float((chart["limit_high"] - chart["limit_low"]).mean()) for chart in (calm, wild)]
    assert width[1] > 1.7 * width[0]
    assert not wild["verdict"].eq("real change").any()


def test_months_with_few_answers_are_not_judged():
    trend = nps_over_time(pd.concat([months([30] * 4, 50, 3), months([30] * 5, 4, 3).iloc[-4:]]))
    chart = nps_control_chart(trend)
    assert chart["verdict"].tolist() == ["noise"] * 4 + [""]
    assert nps_control_chart(trend.iloc[:0]).empty


def test_a_change_of_mix_alone_is_no_change_at_the_same_mix():
    within = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        month = np.repeat([0, 1, 2], 400)
        business = random.random(1200) < np.where(month == 2, 0.6, 0.2)
        up, down = np.where(business, 0.3, 0.55), np.where(business, 0.4, 0.15)
        draw = random.random(1200)
        nps = np.where(draw < up, 10.0, np.where(draw < up + down, 2, 8))
        when = pd.Timestamp("2024-01-10") + pd.to_timedelta(31 * month, unit="D")
        table = pd.DataFrame({"nps": nps, "answered_at": when, "kind": np.where(business, "b", "r")})
        row = nps_adjusted_trend(table, mix_cols=["kind"]).iloc[-1]
        within += row["change_low"] <= 0 <= row["change_high"]
        assert row["change"] == pytest.approx(row["change_mix"] + row["change_adjusted"])
        assert row["change_mix"] < -10
    assert within >= 16


def test_same_mix_by_eye():
    # Two kinds at 100 and 0 points; 3 : 1, then 1 : 3. Each kind stays, so nothing is left at the same mix.
    rows = [("a", 1, 10)] * 6 + [("b", 1, 8)] * 2 + [("a", 2, 10)] * 2 + [("b", 2, 8)] * 6
    table = pd.DataFrame(rows, columns=["kind", "month", "nps"])
    table["answered_at"] = pd.to_datetime({"year": 2024, "month": table["month"], "day": 5})
    found = nps_adjusted_trend(table, mix_cols=["kind"])
    assert_allclose(found["estimate_raw"], [75, 25])
    assert_allclose(found["estimate"], [50, 50], atol=1e-9)
    assert_allclose(found.loc[1, ["change", "change_mix", "change_adjusted"]].astype(float), [-50, -50, 0], atol=1e-9)


# --- who answered -------------------------------------------------------------------------------------------


def test_response_rates_by_eye():
    table = pd.DataFrame(
        {"answered": [True] * 30 + [False] * 70, "kind": ["x"] * 20 + ["y"] * 80, "customer": range(100)}
    )
    found = response_rates(table, attributes=["kind"], cluster_col="customer").set_index("segment")
    assert found.loc["all", ["share", "n", "n_answered"]].tolist() == [0.3, 100, 30]
    assert found.loc["x", "share"] == 1
    assert found.loc["y", "share"] == 0.125
    assert found.loc["x", "difference"] == 0.875
    assert found.loc["x", "difference_low"] > 0.6
    assert found.loc["x", "p_adjusted"] < 0.001


@pytest.fixture(scope="module")
def sample():
    return open_dataset(Path(__file__).resolve().parent.parent / "data" / "sample")


@pytest.fixture(scope="module")
def linked(sample):
    return linked_answers(sample, segment_col="customer_type")


def test_invitations_of_the_sample_against_plain_pandas(sample):
    found = invitation_frame(sample, attributes=["country"])
    folder = sample.folder
    mails = pd.concat([pd.read_csv(path, parse_dates=["sent_at"]) for path in sorted((folder / "email").glob("*.csv"))])
    cut = sample.as_of.tz_localize("UTC").tz_convert("Europe/Berlin").tz_localize(None)
    sent = mails[mails["mail"].eq("survey_sent") & mails["sent_at"].le(cut)].sort_values(["recipient", "sent_at"])
    answers = pd.read_csv(folder / "surveys.csv", parse_dates=["answered_at"])
    answers = answers[answers["answered_at"].le(cut)]
    times = answers.groupby("customer")["answered_at"].apply(lambda t: np.sort(t.to_numpy()))
    following = sent.groupby("recipient")["sent_at"].shift(-1)
    hits = 0
    for who, begin, next_one in zip(sent["recipient"], sent["sent_at"], following, strict=True):
        end = begin + pd.Timedelta(14, "D")
        own = times.get(who, np.array([], dtype="datetime64[ns]"))
        inside = (own >= begin) & (own <= end) & ((own < next_one) if pd.notna(next_one) else True)
        hits += bool(inside.any())
    assert len(found) == len(sent)
    assert int(found["answered"].sum()) == hits
    assert set(found["country"]) == {"DE", "AT", "CH"}
    assert "customer_id" not in found


def test_truth_9_response_rates_hold_the_planted_ones(sample):
    mature = invitation_frame(sample)
    row = response_rates(mature[mature["is_mature"]], cluster_col="customer").iloc[0]
    assert 0.25 <= row["conf_low"] <= row["conf_high"] <= 0.35  # .35 of promoters, .30 of passives, .25 of detractors


# --- journeys before ----------------------------------------------------------------------------------------


def test_only_journeys_that_had_ended_count():
    con = ibis.duckdb.connect()
    events = con.create_table("events", tiny_log())
    definitions = buy()
    steps = build_steps(events, definitions=definitions, as_of=AS_OF)
    journeys = build_journeys(steps, definitions=definitions, as_of=AS_OF)
    whole = journeys.execute()
    for offset in (-1, 0, 1):
        ended = whole[whole["ended_at"].notna()]
        moments = pd.DataFrame(
            {"customer_id": ended["customer_id"], "answered_at": ended["ended_at"] + pd.Timedelta(offset, "s")}
        )
        moments = pd.concat([moments, moments.assign(customer_id=None).iloc[:1]])
        table = con.create_table(f"asked{offset + 1}", moments)
        found = last_ended(table, journeys=journeys, steps=steps).execute()
        assert len(found) == len(moments)
        for row in found.itertuples():
            before = ended[ended["customer_id"].eq(row.customer_id) & ended["ended_at"].le(row.answered_at)]
            if before.empty:
                assert pd.isna(row.last_outcome)
                continue
            last = before.sort_values("ended_at").iloc[-1]
            assert (row.last_outcome, int(row.last_handoffs)) == (last["outcome"], int(last["n_handoffs"]))
            assert row.last_ended_days == pytest.approx((row.answered_at - last["ended_at"]).total_seconds() / 86400)


def journeys_before(n: int, seed: int, *, abandoned: float) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    recent = random.random(n) < 0.5
    gave_up = recent & (random.random(n) < 0.3)
    opinion = abandoned * gave_up + random.logistic(size=n)
    outcome = np.where(gave_up, "abandoned", "completed").astype(object)
    return pd.DataFrame(
        {
            "nps": np.searchsorted(np.array([-4.1, -3.6, -3.1, -2.6, -2.1, -1.4, -0.85, -0.2, 0.75, 1.65]), opinion),
            "last_outcome": outcome,
            "last_journey": random.choice(["move", "repair"], n),
            "last_ended_days": np.where(recent, random.uniform(0, 30, n), 90),
            "last_wait_hours": random.exponential(40, n),
            "last_handoffs": random.poisson(0.7, n),
            "last_repeats": random.poisson(0.7, n),
        }
    )


def test_an_abandoned_journey_is_recovered_and_the_nulls_are_not_flagged():
    covered, flags = 0, 0
    for seed in range(20):
        found = journey_drivers(journeys_before(1500, seed, abandoned=-1.0)).set_index(["factor", "case"])
        row = found.loc[("outcome", "abandoned")]
        covered += row["log_odds"] - 1.96 * row["std_error"] <= -1 <= row["log_odds"] + 1.96 * row["std_error"]
        assert row["conf_high"] < 0
        nulls = found.drop(("outcome", "abandoned"))
        flags += bool(nulls["p_adjusted"].lt(0.05).any())
    assert covered >= 16
    assert flags <= 4


def test_journeys_that_ended_long_ago_count_as_none_and_small_cases_are_left_out():
    table = journeys_before(400, 3, abandoned=-1)
    found = journey_drivers(table, window_days=10).set_index(["factor", "case"])
    late = table["last_ended_days"].gt(10)
    assert found.loc[("outcome", "no journey"), "n"] == late.sum()
    few = table.assign(last_repeats=0)
    few.loc[few.index[:5], "last_repeats"] = 1
    few.loc[few.index[:5], "last_ended_days"] = 1
    row = journey_drivers(few).set_index(["factor", "case"]).loc[("repeats", "1")]
    assert row["n"] == 5
    assert math.isnan(row["difference"])
    with pytest.raises(DataError, match=r"none of 400 follows a journey that ended in the 30 days before it"):
        journey_drivers(table.assign(last_ended_days=99))


def test_sample_joins_answers_customers_and_journeys(sample, linked):
    plain = survey_frame(sample)
    assert len(linked) == len(plain)
    assert linked["nps"].equals(plain["nps"])
    assert set(linked["segment"]) == {"business", "residential"}
    assert linked["last_outcome"].dropna().isin(["completed", "abandoned"]).all()
    assert linked["last_ended_days"].dropna().ge(0).all()
    with pytest.raises(ConfigError, match="segment_col: found no column 'nothing'"):
        survey_frame(sample, segment_col="nothing")


def test_truth_9_an_abandoned_journey_lowers_the_score(linked):
    found = journey_drivers(linked, controls=["customer_type", "month"], cluster_col="customer")
    row = found.set_index(["factor", "case"]).loc[("outcome", "abandoned")]
    assert row["p_adjusted"] < 0.001
    assert row["conf_high"] < -15


# --- contracts after ----------------------------------------------------------------------------------------


def contracts() -> pd.DataFrame:
    day = pd.Timestamp("2024-01-01")
    rows = [
        # customer, nps, answered, started, ended, notice (days from 2024-01-01)
        (1, 10, 0, -100, None, None),
        (1, 2, 50, -100, None, None),  # a second answer does not count
        (2, 2, 0, -100, 40, None),
        (3, 2, 0, 5, None, None),  # answered before the contract began
        (4, 8, 0, -100, -10, None),  # answered after it ended
        (5, 8, 0, -100, 60, -5),  # under notice already
        (6, 7, 0, -100, None, None),
        (7, None, 0, -100, None, None),
    ]
    table = pd.DataFrame(rows, columns=["customer", "nps", "answered_at", "started_at", "ended_at", "notice_at"])
    for name in ("answered_at", "started_at", "ended_at", "notice_at"):
        table[name] = day + pd.to_timedelta(table[name].astype(float), unit="D")
    return table.assign(monthly_revenue=10.0)


def test_followed_answers_by_eye():
    found = followed_answers(contracts(), as_of=pd.Timestamp("2024-04-10")).set_index("customer")
    assert sorted(found.index) == [1, 2, 6]
    assert found["group"].to_dict() == {1: "promoters", 2: "detractors", 6: "passives"}
    assert found["days"].to_dict() == {1: 100, 2: 40, 6: 100}
    assert found["left"].to_dict() == {1: False, 2: True, 6: False}
    assert before_contract(contracts()) == 1


def test_revenue_kept_by_eye():
    table = pd.concat([contracts(), contracts().assign(customer=lambda t: t["customer"] + 10)], ignore_index=True)
    followed = followed_answers(table, as_of=pd.Timestamp("2024-04-10"))
    found = revenue_after_survey(followed, horizon_days=80).set_index("group")
    assert found["kept_share"].to_dict() == {"promoters": 1.0, "passives": 1.0, "detractors": 0.5}
    with pytest.raises(DataError, match="no customer with a revenue was followed for 200 days"):
        revenue_after_survey(followed, horizon_days=200)
    with pytest.raises(DataError, match="no customer answered while under contract"):
        retention_after_survey(followed.iloc[:0], horizon_days=80)


def test_faster_leaving_of_detractors_is_recovered_and_confounding_is_removed():
    covered, raw = 0, []
    for seed in range(20):
        random = np.random.default_rng(seed)
        n = 1500
        kind = np.where(random.random(n) < 0.5, "a", "b")
        unhappy = random.random(n) < np.where(kind == "b", 0.7, 0.2)
        # Leaving depends on the kind (ratio 3) and not on the score; unhappy customers are mostly of kind b.
        days = random.exponential(400 / np.where(kind == "b", 3.0, 1.0))
        start = pd.Timestamp("2024-01-01")
        table = pd.DataFrame(
            {"customer": range(n), "nps": np.where(unhappy, 3.0, np.where(random.random(n) < 0.5, 8, 10))}
        )
        table = table.assign(answered_at=start, started_at=start - pd.Timedelta(200, "D"), kind=kind)
        table["ended_at"] = start + pd.to_timedelta(days, unit="D")
        followed = followed_answers(table, as_of=start + pd.Timedelta(300, "D"))
        found = retention_after_survey(followed, horizon_days=90, controls=["kind"]).set_index("group")
        covered += found.loc["detractors", "hazard_low"] <= 1 <= found.loc["detractors", "hazard_high"]
        raw.append(retention_after_survey(followed, horizon_days=90).loc[2, "hazard_low"])
    assert covered >= 16
    assert np.mean(np.array(raw) > 1) > 0.9
