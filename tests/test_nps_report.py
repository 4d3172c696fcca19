"""Report 03 from its first to its last cell on bad and small surveys: the reason is said, and the rest renders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from cj_helpers import report, text
from cj_helpers.contract import DataError
from cj_helpers.report import state

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "03_nps_drivers.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
ITEMS = ["ease", "help", "info"]

pytestmark = pytest.mark.usefixtures("ipython_shell")


@pytest.fixture(scope="module", autouse=True)
def _as_before() -> Iterator[None]:
    """Leave no data set, language, currency or zone behind."""
    yield
    state.reset()
    text.set_language("en")
    text.set_currency("")
    text.set_time_zone("UTC")


def answers_of(n: int, seed: int = 1, *, items: list[str] = ITEMS) -> pd.DataFrame:
    """Answers from 0 to 10 that rise with the first two items, of customers who answer once."""
    random = np.random.default_rng(seed)
    mood = random.normal(size=n)
    table = pd.DataFrame(
        {item: np.clip(np.round(3 + 0.6 * mood + random.normal(0, 0.9, n)), 1, 5).astype(int) for item in items}
    )
    opinion = 7.5 + 0.9 * (table[items[0]] - 3) + 0.6 * (table[items[-1]] - 3) + random.normal(0, 1.6, n)
    return table.assign(customer=[f"c{k:04}" for k in range(n)], nps=np.clip(np.round(opinion), 0, 10).astype(int))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """Write a data set and run the notebook on it; returns what it handed over."""

    def run(
        table: pd.DataFrame,
        *,
        survey: str = "",
        items: list[str] = ITEMS,
        more: str = "",
        parameters: dict[str, str] | None = None,
        **files: str,
    ) -> SimpleNamespace:
        table.to_csv(tmp_path / "s.csv", index=False)
        for name, content in files.items():
            (tmp_path / f"{name}.csv").write_text(content)
        lines = [
            "version: 1\nname: Tiny\ntime_zone: UTC\nas_of: 2024-12-31",
            "tables:\n  surveys:\n    - source: s.csv\n      columns: {customer_id: customer}",
            *([f"  customers:\n    - source: {name}.csv" for name in files]),
            f"survey:\n  nps: nps\n  drivers: {{all: [{', '.join(items)}]}}\n{survey}",
            more,
        ]
        (tmp_path / "dataset.yml").write_text("\n".join(lines))
        return run_cells({"dataset": str(tmp_path), "n_boot": 100} | (parameters or {}))

    return run


def run_cells(parameters: dict[str, object]) -> SimpleNamespace:
    """Run every cell and return what was handed over; the first error is raised."""
    shell, bundles = InteractiveShell.instance(), []
    shell.reset(new_session=False)
    for cell in CELLS:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
        with capture_output() as captured:
            done = shell.run_cell(source)
        bundles += [o.data[report.MIME_TYPE] for o in captured.outputs if report.MIME_TYPE in o.data]
        error = done.error_before_exec or done.error_in_exec
        if error is not None:
            raise error
    return SimpleNamespace(
        tables={b["name"]: frame_of(b) for b in bundles if b["kind"] == "table"},
        metrics={b["name"]: b for b in bundles if b["kind"] == "metric"},
        figures=[b["name"] for b in bundles if b["kind"] == "figure"],
        findings=[b["text"] for b in bundles if b["kind"] == "finding"],
        missing={b["name"]: b["text"] for b in bundles if b["kind"] == "not_estimable"},
    )


def frame_of(bundle: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(bundle["rows"], columns=[column["name"] for column in bundle["columns"]])


def weighted(values: list[float]) -> pd.DataFrame:
    return answers_of(300).assign(w=values)


@pytest.fixture(scope="module")
def base() -> pd.DataFrame:
    """Three hundred answers with zeros among them."""
    table = answers_of(300)
    return table.assign(nps=table["nps"].mask(table.index < 3, 0))


def test_a_scale_from_1_gives_no_score_but_drivers(read, base):
    found = read(base.assign(nps=base["nps"].clip(lower=1)), survey="  scale: [1, 10]")
    assert "declared on the scale 1 to 10" in found.missing["nps_scores"]
    assert "needs 0 to 10. Answers seen: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10." in found.missing["nps_scores"]
    assert "nps" not in found.metrics
    assert {"nps_scores", "invest_first"}.isdisjoint(found.tables)
    assert set(found.tables["driver_effects"]["model"]) == {"ordinal", "ols"}
    assert found.tables["drivers"]["driver"].iloc[0] == "ease"


def test_hundreds_of_answers_without_a_0_are_suspicious(read, base):
    found = read(base.assign(nps=base["nps"].clip(lower=1)))
    assert [text for text in found.findings if "Not one of 300 answers is a 0" in text]
    assert not [text for text in read(base).findings if "Not one of" in text]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t["nps"].mask(t.index == 7, 99).mask(t.index < 5, 11),
            "6 of 300 .* found 1 to 99.*missing",
        ),
        (
            lambda t: t["nps"].astype(float).mask(t.index == 3, 7.5),
            "1 of 300 answers .* not a whole number",
        ),
    ],
    ids=["undeclared 11 and 99", "decimals"],
)
def test_answers_off_the_scale_stop_the_report(read, change, message):
    table = answers_of(300)
    with pytest.raises(DataError, match=message):
        read(table.assign(nps=change(table)))


def test_text_in_a_driver_stops_the_report_and_is_not_quoted(read, base):
    with pytest.raises(
        DataError, match=r"column 'ease' \(number\): 3 of 300 values are no numbers \(first: row 2\)"
    ) as info:
        read(base.assign(ease=base["ease"].astype(object).mask(base.index < 3, "splendid")))
    assert "splendid" not in str(info.value)


@pytest.mark.parametrize(
    ("column", "reason"),
    [(3, "the same rating everywhere"), ("ease", "the same ratings as ease")],
    ids=["constant", "identical"],
)
def test_one_bad_driver_is_left_out_by_name(read, base, column, reason):
    found = read(base.assign(help=column if isinstance(column, int) else base[column]))
    assert f"Left out of the drivers ({reason}): help." in found.findings
    assert set(found.tables["drivers"]["driver"]) == {"ease", "info"}


def test_more_drivers_than_answers(read):
    many = [f"q{number}" for number in range(15)]
    found = read(answers_of(12, items=many), items=many)
    assert found.tables["nps_scores"]["n"].tolist() == [12]
    assert found.missing["drivers"] == "dataset.yml names no driver that can be used"
    assert f"Left out of the drivers (fewer than 30 ratings): {', '.join(many)}." in found.findings


def test_all_promoters_have_a_score_and_no_drivers(read, base):
    found = read(base.assign(nps=10))
    assert found.metrics["nps"]["estimate"] == 100
    assert 97 < found.metrics["nps"]["conf_low"] < 98
    assert "nps has the same value in all 300" in found.missing["drivers"]
    assert "invest_first" not in found.figures
    near = read(base.assign(nps=base["nps"].clip(lower=9)))
    assert near.metrics["nps"]["estimate"] == 100
    assert not [text for text in near.findings if text.startswith("Invest first")]  # nothing is left to win


def test_thirty_answers_in_all(read, base):
    found = read(base.head(30))
    size = found.metrics["nps"]
    assert size["conf_high"] - size["conf_low"] > 40
    assert "cuts of the scale have at least 15 answers on both sides" in found.missing["cut_differences"]
    shares = found.tables["drivers"]
    assert (shares["conf_high"] - shares["conf_low"]).max() > 0.3


def test_weights_of_nothing_and_below(read):
    some = read(weighted([0.0] * 10 + [1.0, 2.0] * 145), survey="  weight: w")
    row = some.tables["nps_scores"].iloc[0]
    assert (row["n"], round(row["n_effective"])) == (300, 261)  # Kish: (10 * 0 + 145 * 3)^2 / (145 * 5)
    nothing = read(weighted([0.0] * 300), survey="  weight: w")
    assert nothing.tables["nps_scores"]["estimate_weighted"].isna().all()
    assert nothing.metrics["nps"]["estimate"] == some.metrics["nps"]["estimate"]
    with pytest.raises(DataError, match=r"1 of 300 weights is below 0 \(first: row 2"):
        read(weighted([-1.0] + [1.0] * 299), survey="  weight: w")


def test_answers_before_the_contract_began_are_counted(read, base):
    dated = base.assign(answered_at=[f"2024-0{1 + number % 6}-15" for number in range(300)])
    starts = ["2024-06-01" if number < 40 else "2023-01-01" for number in range(300)]
    lines = [f"c{number:04},{start}," for number, start in enumerate(starts)]
    customers = "\n".join(["customer_id,started_at,ended_at", *lines]) + "\n"
    found = read(dated, more="churn: {contractual: true, horizon: 90d}", customers=customers)
    early = sum(number % 6 < 5 for number in range(40))
    assert [text for text in found.findings if text.startswith(f"{early} answers are dated before the contract")]
    assert found.tables["nps_scores"]["n"].tolist() == [300]


def test_a_column_to_compare_by(read, base):
    kinds = base.assign(region=np.where(base.index % 2, "north", "south"))
    found = read(kinds, parameters={"segment_col": "region"})
    assert set(found.tables["nps_differences"]["segment"]) == {"north", "south"}
    assert found.tables["nps_differences"]["detectable_difference"].gt(0).all()
    assert {"north", "south"} <= set(found.tables["driver_segments"]["segment"])
    assert "nps_scores" in found.figures
