"""Reports of the public data sets, from their descriptors to HTML, with their published numbers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow

OK, SKIPPED = "ok", "skipped"
STATUS = {
    "cdnow": [OK, SKIPPED, SKIPPED, SKIPPED, OK, SKIPPED],
    "customer_sat_bayesm": [OK, SKIPPED, SKIPPED, OK, SKIPPED, SKIPPED],
    "oulad": [OK, OK, OK, SKIPPED, OK, OK],
    "sfo_survey_2017": [OK, SKIPPED, SKIPPED, OK, SKIPPED, SKIPPED],
    "telco_churn_ibm": [OK, SKIPPED, SKIPPED, SKIPPED, OK, SKIPPED],
    "traffic_fines": [OK, OK, OK, SKIPPED, SKIPPED, OK],
}


@pytest.fixture(scope="module", params=sorted(STATUS))
def published(request, real_data, tmp_path_factory) -> tuple[str, Path]:
    """One run of all notebooks on a public data set."""
    base = tmp_path_factory.mktemp("public")
    folder = base / request.param
    shutil.copytree(real_data / request.param, folder, copy_function=shutil.copyfile)
    shutil.copyfile(ROOT / "data" / "examples" / request.param / "dataset.yml", folder / "dataset.yml")
    command = [sys.executable, "-m", "cj_helpers", "run", str(folder), "--jobs", "2", "--out", str(base / "reports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return request.param, (base / "reports" / request.param / "latest").resolve()


def test_a_public_data_set_gives_reports_with_its_known_numbers(published):
    name, run = published
    manifest = json.loads((run / "manifest.json").read_text())
    assert [entry["status"] for _, entry in sorted(manifest["notebooks"].items())] == STATUS[name]
    check = CHECKS.get(name)
    if check is not None:
        check(lambda place: pd.read_csv(run / "tables" / f"{place}.csv"))


def check_telco(table):
    curve = table("04_churn/retention_curve").set_index("time")["estimate"]
    assert curve[[12, 24, 48, 72]].round(7).tolist() == [0.8431996, 0.7887364, 0.7088402, 0.5927902]


def check_oulad(table):
    curve = table("04_churn/retention_curve").set_index("time")["estimate"]
    expected = [0.9648621, 0.9183190, 0.8791232, 0.8421714, 0.7740719, 0.6994118]
    assert curve[[30, 60, 90, 120, 180, 300]].round(7).tolist() == expected
    inner = table("01_journey_mapping/transitions")
    assert inner.loc[~inner["target"].str.startswith("("), "n_transitions"].sum() == 182_036


def check_fines(table):
    inner = table("01_journey_mapping/transitions")
    inner = inner[~inner["target"].str.startswith("(")]
    assert (len(inner), inner["n_transitions"].sum()) == (40, 24_724)
    assert len(table("01_journey_mapping/variants")) == 44
    # one journey without a value, surveys or customers: ranked by what is lost
    ranking = table("05_priorities/priorities")
    assert len(ranking) == 1
    assert ranking["worth_at_most"].isna().all()
    assert ranking["lost_per_month"].notna().all()


def check_sfo(table):
    score = table("03_nps_drivers/nps_scores").iloc[0]
    assert (round(score["estimate"], 2), score["n"]) == (39.84, 2_746)
    assert round(score["estimate_weighted"], 2) == 40.40
    drivers = table("03_nps_drivers/drivers_complete").set_index("driver")
    assert round(drivers.loc["Q9BOARDING", "share"], 5) == 0.14429
    assert drivers["n"].unique().tolist() == [1_726]


def check_bayesm(table):
    drivers = table("03_nps_drivers/drivers_complete").set_index("driver")
    assert drivers.loc[["q4", "q6"], "coefficient"].round(3).tolist() == [0.334, 0.330]
    assert round(drivers["r_squared"].iloc[0], 4) == 0.7167


def check_cdnow(table):
    # half-way: 39 weeks of purchases foretell the 39 after them, in the order of the purchases before
    check = table("04_churn/purchase_check").set_index("group")
    assert check.loc["all", "n"] == 23_570
    assert check["expected"].drop("all").is_monotonic_increasing
    assert 0.8 < check.loc["all", "expected"] / check.loc["all", "estimate"] < 1.2
    model = table("04_churn/bgnbd").iloc[0]
    assert (model[["r", "alpha", "a", "b"]] > 0).all()
    rule = table("04_churn/inactivity_rule")
    assert rule["returned_share"].is_monotonic_decreasing
    assert rule["inactive_share"].is_monotonic_decreasing


CHECKS = {
    "cdnow": check_cdnow,
    "customer_sat_bayesm": check_bayesm,
    "oulad": check_oulad,
    "sfo_survey_2017": check_sfo,
    "telco_churn_ibm": check_telco,
    "traffic_fines": check_fines,
}
