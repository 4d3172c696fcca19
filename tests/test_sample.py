"""The sample: reproducible, stable as it grows, broken as declared, and true to the planted numbers."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from sample_truths import measure

from cj_helpers.contract import ConfigError
from cj_helpers.sample import make as make_module
from cj_helpers.sample import make_sample
from cj_helpers.sample.block import block_tables
from cj_helpers.sample.hazards import completion_times
from cj_helpers.sample.people import BLOCK
from cj_helpers.sample.steps import TOUCHPOINTS
from cj_helpers.sample.world import NULLS, SETTING, WORLD, World

COMMITTED = Path(__file__).resolve().parent.parent / "data" / "sample"
CSV_FILES = (
    "calls.csv",
    "chat.csv",
    "email/2025.csv",
    "email/2026.csv",
    "identities.csv",
    "surveys.csv",
    "customers.csv",
)

# What the independent calculation calls a truth, the parameter, and how far a calibrated one may be off besides chance.
EXPECTED = {
    "completed within 14 days": (WORLD.outage_completed_14d, 0.005),
    "completed of closed": (WORLD.outage_completed_of_closed, 0.015),
    "open at the end": (WORLD.outage_open_share, 0.005),
    "share with hand-off chat to phone": (WORLD.handoff_share, 0.003),
    "wait chat to phone, h": (WORLD.handoff_wait_hours, 0.3),
    "wait elsewhere, h": (WORLD.elsewhere_wait_hours, 0.15),
    "hazard ratio handoff": (WORLD.handoff_hazard_ratio, 0.0),
    "P(next) after address_form mobile, weeks 20-25": (WORLD.form_next_broken, 0.0),
    "P(next) after address_form mobile, other weeks": (WORLD.form_next, 0.0),
    "P(next) after address_form desktop, weeks 20-25": (WORLD.form_next, 0.0),
    "P(next) after address_form desktop, other weeks": (WORLD.form_next, 0.0),
    "technician: median days": (WORLD.visit_wait_days, 0.1),
    "technician: P90 days": (WORLD.visit_wait_p90_days, 0.2),
    "technician: completed": (WORLD.visit_completed, 0.005),
    "bot conversations solved": (WORLD.bot_solved, 0.005),
    "of these with assisted contact in 7 days": (WORLD.bot_called_after, 0.005),
    "contained": (WORLD.bot_contained, 0.005),
    "hazard ratio austria": (WORLD.austria_hazard_ratio, 0.0),
    "hazard ratio business_early": (WORLD.business_hazard_ratio_early, 0.0),
    "hazard ratio business_late": (WORLD.business_hazard_ratio_late, 0.0),
    "slope information": (WORLD.slope_information, 0.0),
    "slope ease": (WORLD.slope_ease, 0.0),
    "slope self_service": (WORLD.slope_self_service, 0.0),
    "slope personalisation": (WORLD.slope_personalisation, 0.0),
    "slope communication": (WORLD.slope_communication, 0.0),
    "slope helpfulness": (WORLD.slope_helpfulness, 0.0),
    "r(ease, self_service)": (WORLD.ease_self_service_r, 0.005),
    "r(ease, personalisation)": (WORLD.ease_personalisation_r, 0.005),
    "self-service not used": (WORLD.self_service_not_used, 0.003),
    "abandoned recently": (WORLD.abandoned_effect, 0.0),
    "NPS month 9 - month 8": (WORLD.fall_points, 0.5),
    "NPS months 9-18 without 14 - months 1-8": (WORLD.fall_points, 0.7),
    "NPS month 14 - month 13, same mix": (0.0, 0.0),
    "log-odds abandoned journey": (WORLD.churn_abandoned, 0.0),
    "log-odds complaint": (WORLD.churn_complaint, 0.0),
    "log-odds price rise": (WORLD.churn_price_rise, 0.0),
    "log-odds bound": (WORLD.churn_bound, 0.0),
    "share of exits involuntary": (WORLD.exits_involuntary, 0.003),
    "hazard ratio switzerland": (WORLD.switzerland_hazard_ratio, 0.0),
    "hazard ratio store": (WORLD.store_hazard_ratio, 0.0),
    **{f"hazard ratio weekday_{d}": (WORLD.weekday_hazard_ratio, 0.0) for d in range(1, 7)},
    "odds ratio newsletter, raw": (WORLD.newsletter_raw_odds_ratio, 0.01),
    "log-odds newsletter": (0.0, 0.0),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default sample, made anew."""
    folder = tmp_path_factory.mktemp("made") / "sample"
    make_sample(folder)
    return folder


@pytest.fixture(scope="module")
def truths(sample: Path) -> pd.DataFrame:
    """What an independent calculation finds in it."""
    return measure(sample).set_index("what")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _calls(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "calls.csv", sep=";", decimal=",", encoding="latin-1")


# --- the same bytes, the same customers


def test_committed_sample_is_made_again_byte_for_byte(sample: Path) -> None:
    made, committed = _files(sample), _files(COMMITTED)
    assert list(made) == list(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_another_seed_gives_another_sample(sample: Path, tmp_path: Path) -> None:
    make_sample(tmp_path / "other", customers=BLOCK, seed=8)
    assert not (sample / "calls.csv").read_bytes().startswith((tmp_path / "other" / "calls.csv").read_bytes())


def test_larger_sample_keeps_the_customers_of_the_first_block(sample: Path, tmp_path: Path) -> None:
    make_sample(tmp_path / "one", customers=BLOCK)
    for name in CSV_FILES:
        assert (sample / name).read_bytes().startswith((tmp_path / "one" / name).read_bytes()), name
    small, large = (gzip.decompress((p / "store.csv.gz").read_bytes()) for p in (tmp_path / "one", sample))
    assert large.startswith(small)
    for path in sorted((tmp_path / "one").rglob("*.parquet")):
        few = pq.read_table(path)
        assert few.num_rows > 100
        assert pq.read_table(sample / path.relative_to(tmp_path / "one")).slice(0, few.num_rows).equals(few)


def test_sample_of_part_of_a_block_holds_the_same_rows_of_these_customers(sample: Path, tmp_path: Path) -> None:
    make_sample(tmp_path / "part", customers=1500)
    few, all_ = _calls(tmp_path / "part"), _calls(sample)
    known = few["Kundennr"].str.startswith("C", na=False)
    kept = all_[all_["Kundennr"].str.startswith("C", na=False) & (all_["Kundennr"] < "C0001500")]
    pd.testing.assert_frame_equal(few[known].reset_index(drop=True), kept.reset_index(drop=True))
    assert pd.read_csv(tmp_path / "part" / "customers.csv")["customer_id"].iloc[[0, -1]].tolist() == [
        "C0000000",
        "C0001499",
    ]


# --- what is in it


def test_sample_has_8000_customers_and_stays_small(sample: Path) -> None:
    customers = pd.read_csv(sample / "customers.csv")
    assert len(customers) == customers["customer_id"].nunique() == 8000
    sizes = {name: len(data) for name, data in _files(sample).items()}
    assert sum(sizes.values()) < 5_000_000
    assert max(sizes.values()) < 1_400_000


def test_some_customers_have_several_journeys(truths: pd.DataFrame, sample: Path) -> None:
    kinds = ("outage", "move", "renewal", "order")
    assert all(truths.loc[f"{kind}: journeys", "value"] > 1000 for kind in kinds)
    app = pq.read_table(sample / "app").to_pandas()
    starts = Counter(app.loc[app["screen"].isin(["outage_reported", "renewal_opened"]), "user"])
    assert sum(count > 1 for count in starts.values()) > 100


def test_every_touchpoint_of_the_configuration_occurs_and_all_columns_exist(sample: Path) -> None:
    config = yaml.safe_load((sample / "dataset.yml").read_text())
    named = {
        touchpoint
        for journey in config["journeys"].values()
        for names in (journey["start"], journey["success"], journey.get("abandon", []), *journey["stages"].values())
        for touchpoint in names
    }
    web = pq.read_table(sample / "web").to_pandas()["page"]
    app = pq.read_table(sample / "app").to_pandas()["screen"]
    email = pd.concat([pd.read_csv(path)["mail"] for path in sorted((sample / "email").glob("*.csv"))])
    others = [pd.read_csv(sample / "chat.csv")["event"], pd.read_csv(sample / "store.csv.gz")["subject"]]
    seen = set(pd.concat([web, app, email, *others, _calls(sample)["Anliegen"]]).str.strip().str.lower())
    assert seen == set(TOUCHPOINTS)
    assert named <= seen
    for table in config["tables"]["events"] + config["tables"]["surveys"] + config["tables"]["identities"]:
        path = sorted(sample.glob(table["source"]))[0]
        read = table.get("read", {})
        columns = (
            pq.read_schema(path).names
            if path.suffix == ".parquet"
            else pd.read_csv(
                path, sep=read.get("delimiter", ","), encoding=read.get("encoding", "utf-8"), nrows=1
            ).columns
        )
        assert set(table["columns"].values()) <= set(columns), path


def test_surveys_hold_blanks_a_missing_code_and_not_used(sample: Path) -> None:
    answers = pd.read_csv(sample / "surveys.csv")
    scores = answers["recommend"].dropna()
    assert set(scores) == {*range(11), 99}
    assert 0.005 < answers["recommend"].isna().mean() < 0.02
    items = answers.filter(like="q_")
    assert items.shape[1] == 6
    assert items.drop(columns="q_self_service").stack().isin(range(1, 6)).all()  # noqa: PD013
    assert set(answers["q_self_service"].dropna()) == {1, 2, 3, 4, 5, 6}
    assert items.isna().mean().between(0.02, 0.06).all()
    assert answers["comment"].str.contains('"').any()


# --- truth 12: what is wrong with the feeds


def test_calls_are_broken_as_declared(sample: Path) -> None:
    calls = _calls(sample)
    share = len(calls) / 100
    assert 0.1 * share < calls["Kundennr"].isna().sum() < share
    repeated = calls.duplicated().sum()
    assert 0.1 * share < repeated < share
    misspelt = ~calls["Anliegen"].isin(TOUCHPOINTS)
    assert 0.2 * share < misspelt.sum() < 2 * share
    assert set(calls.loc[misspelt, "Anliegen"].str.strip().str.lower()) <= set(TOUCHPOINTS)
    years = pd.to_datetime(calls["Zeitpunkt"], format="%d.%m.%Y %H:%M").dt.year
    assert Counter(years)[2055] + Counter(years)[2056] == 2
    assert {"Störung", "Verträge"} < set(calls["Warteschlange"])
    assert b"\xc3" not in (sample / "calls.csv").read_bytes()  # Latin-1, not UTF-8


def test_phone_is_four_days_late_and_chat_has_a_gap(sample: Path) -> None:
    calls = pd.to_datetime(_calls(sample)["Zeitpunkt"], format="%d.%m.%Y %H:%M")
    assert calls[calls.dt.year < 2030].max().date() == pd.Timestamp("2026-06-26").date()
    chat = pd.to_datetime(pd.read_csv(sample / "chat.csv")["said_at"])
    assert chat.max() > pd.Timestamp("2026-06-30")
    gaps = chat.sort_values().diff()
    assert gaps.max() >= pd.Timedelta(days=WORLD.chat_gap_days)
    assert chat[gaps.idxmax()] >= pd.Timestamp("2025-11-16")
    assert (gaps > pd.Timedelta(days=2)).sum() == 1


def test_contracts_hold_open_ended_dates_and_a_leak(sample: Path) -> None:
    customers = pd.read_csv(sample / "customers.csv")
    assert (customers["ended_at"] == "9999-12-31").sum() == 4
    assert customers.loc[customers["ended_at"] == "9999-12-31", "exit_reason"].isna().all()
    offered = customers.groupby(customers["exit_reason"].fillna("stays"))["retention_offer"].mean()
    assert offered["voluntary"] > 0.9
    assert offered["stays"] < 0.03
    voluntary = customers[customers["exit_reason"] == "voluntary"]
    assert (voluntary["notice_at"] < voluntary["ended_at"]).all()
    assert set(customers["exit_reason"].dropna()) == {"voluntary", "involuntary", "moved"}


def test_web_visits_need_stitching_and_hold_ties(sample: Path) -> None:
    web = pq.read_table(sample / "web").to_pandas()
    known = pd.read_csv(sample / "identities.csv")
    assert known["visitor"].is_unique
    assert 0.4 < web["visitor"].isin(known["visitor"]).mean() < 0.95
    assert known["customer"].duplicated().any()  # a mobile device and a desktop
    visits = web.dropna().drop_duplicates()
    assert visits.duplicated(["visitor", "ts"]).sum() > 50


def test_times_avoid_the_gap_of_summer_time(sample: Path) -> None:
    for column in (pq.read_table(sample / "web").to_pandas()["ts"], pd.read_csv(sample / "chat.csv")["said_at"]):
        local = pd.to_datetime(column)
        for gap in ("2025-03-30 02:00", "2026-03-29 02:00"):
            assert not local.between(gap, pd.Timestamp(gap) + pd.Timedelta(minutes=59, seconds=59)).any()


# --- the planted truths


@pytest.mark.parametrize("what", sorted(EXPECTED))
def test_default_sample_shows_the_truth(truths: pd.DataFrame, what: str) -> None:
    planted, slack = EXPECTED[what]
    found = truths.loc[what]
    assert abs(found["value"] - planted) <= slack + 3 * found["std_error"], found.to_dict()


def test_truth_1_rounds_to_what_the_documents_say(truths: pd.DataFrame) -> None:
    assert truths.loc["completed within 14 days", "value"] == pytest.approx(0.72, abs=0.015)
    assert truths.loc["completed of closed", "value"] == pytest.approx(0.80, abs=0.025)
    assert truths.loc["open at the end", "value"] == pytest.approx(0.08, abs=0.01)


def test_truth_3_has_enough_starts(truths: pd.DataFrame) -> None:
    assert truths.loc["starts mobile, weeks 20-25", "value"] >= WORLD.form_broken_starts


@pytest.mark.slow
def test_large_sample_shows_every_truth(tmp_path: Path) -> None:
    make_sample(tmp_path / "large", customers=200_000, seed=11)
    found = measure(tmp_path / "large").set_index("what")
    off = {
        what: (planted, found.loc[what, "value"])
        for what, (planted, slack) in EXPECTED.items()
        if abs(found.loc[what, "value"] - planted) > slack + 3.5 * found.loc[what, "std_error"]
    }
    assert off == {}


def test_hazard_ratio_of_completion_times_is_the_planted_one() -> None:
    """Truths 6 and 7 before any rule: minus log of the share not completed by day 1 is proportional to the ratio."""
    rng, n = np.random.default_rng(3), 400_000
    waits = np.full(n, np.inf)

    def hazard(country: int, business: bool) -> float:
        times = completion_times(rng.standard_exponential(n), np.full(n, country), np.full(n, business), waits, WORLD)
        return -float(np.log(np.mean(times > 86400)))

    base = hazard(0, False)
    assert hazard(1, False) / base == pytest.approx(WORLD.austria_hazard_ratio, abs=0.01)
    assert hazard(2, False) / base == pytest.approx(1.0, abs=0.01)
    assert hazard(0, True) / base == pytest.approx(WORLD.business_hazard_ratio_early, abs=0.02)


def test_response_rates_of_promoters_and_detractors() -> None:
    """Truth 9 cannot be seen in the feeds: compare with a world in which everyone answers."""

    def scores(world: World) -> np.ndarray:
        tables = [
            table for first in (0, BLOCK) for name, table in block_tables(first, 7, world) if name == "surveys.csv"
        ]
        return np.concatenate([table["recommend"].drop_null().to_numpy() for table in tables])

    some = scores(WORLD)
    everyone = scores(World(response_promoter=1.0, response_passive=1.0, response_detractor=1.0))
    for low, high, rate in ((9, 10, WORLD.response_promoter), (0, 6, WORLD.response_detractor)):
        answered = np.sum((some >= low) & (some <= high)) / np.sum((everyone >= low) & (everyone <= high))
        assert answered == pytest.approx(rate, abs=0.02)


# --- the texts


def test_readme_states_every_parameter(sample: Path) -> None:
    text = (sample / "README.md").read_text()
    assert "8,000 customers" in text
    assert "--customers 8000 --seed 7" in text
    shown = dict(re.findall(r"\| ([^|]+) \| `(\w+)` \|", text)[i][::-1] for i in range(len(WORLD.rows())))
    for _, name, value, _ in WORLD.rows():
        expected = " to ".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"
        assert shown[name] == expected
    assert {truth for truth, *_ in WORLD.rows()} == {SETTING, *range(1, 13), NULLS}


def test_recorded_figures_agree_with_the_parameters() -> None:
    """The table of a million customers in the README was made with the parameters beside it."""
    from cj_helpers.sample.recorded import MEASURED

    recorded = {what: (float(value.replace(",", "")), float(error or "nan")) for _, what, value, error in MEASURED}
    assert set(EXPECTED) <= set(recorded)
    for what, (planted, slack) in EXPECTED.items():
        value, error = recorded[what]
        assert abs(value - planted) <= slack + 3.5 * error + 0.001, what


# --- wrong use


@pytest.mark.parametrize("customers", [0, -5, 10_000_001, 1.5, "many", True])
def test_number_of_customers_out_of_range_is_refused(tmp_path: Path, customers: object) -> None:
    with pytest.raises(ConfigError, match=r"customers is .*; allowed are whole numbers from 1 to 10,000,000\. Give"):
        make_sample(tmp_path / "x", customers=customers)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"seed is -1; allowed are whole numbers from 0"):
        make_sample(tmp_path / "x", seed=-1)


def test_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(
        ConfigError, match=r"holds 1 files or folders \(first: mine.txt\); allowed is a new or an empty"
    ):
        make_sample(tmp_path, customers=10)
    assert _files(tmp_path) == {"mine.txt": b"precious"}


def test_file_in_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("precious")
    with pytest.raises(ConfigError, match=r"taken is a file; allowed is a new or an empty folder"):
        make_sample(tmp_path / "taken", customers=10)
    assert (tmp_path / "taken").read_text() == "precious"


def test_empty_folder_is_filled_and_parents_are_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    make_sample(tmp_path / "empty", customers=1)
    make_sample(tmp_path / "new" / "deep", customers=1)
    assert _files(tmp_path / "empty") == _files(tmp_path / "new" / "deep")
    assert len(pd.read_csv(tmp_path / "empty" / "customers.csv")) == 1


def test_nothing_half_written_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(first: int, seed: int) -> object:
        if first:
            raise OSError("disk full")
        return block_tables(first, seed)

    monkeypatch.setattr(make_module, "block_tables", fails)
    with pytest.raises(OSError, match="disk full"):
        make_sample(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
