"""Runs beside each other: the same run again, past periods, markets, changes, trends, pruning."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_notebooks as tiny
from test_cli import CONFIG, LOG, is_running, wait_until
from test_html import FACTS, Structure, open_page

from cj_helpers import cli
from cj_helpers.contract import ConfigError
from cj_helpers.inference import difference_of
from cj_helpers.runner import RunResult, hooks, publish, run, runs
from cj_helpers.runner import markets as markets_of_runner
from cj_helpers.runner.compare import compare_runs, metric_lines
from cj_helpers.runner.history import Point, change_between, comparable_runs, signed, trend_of
from cj_helpers.runner.hooks import call_command, check_command
from cj_helpers.runner.key_figures import key_figures, numbered
from cj_helpers.runner.pictures import HEIGHT, WIDTH, draw_trend
from cj_helpers.runner.plan import Market
from cj_helpers.runner.prune import prune_runs
from cj_helpers.runner.published import find_run, good_runs, is_whole, read_run
from cj_helpers.runner.run_index import Surroundings, ranked_findings, render_index
from cj_helpers.runner.scan import scan_html
from cj_helpers.runner.several import period_ends, worst
from cj_helpers.runner.verdict import Verdict
from cj_helpers.runner.worker import Outcome

KEY = ("01_first", "completed_within", "outage_recovery")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Run the notebooks of the test on a stand-in for a data set."""
    source = tiny.source(tmp_path / "tiny")
    monkeypatch.setattr(runs, "open_source", lambda dataset, **_: source)
    monkeypatch.setattr(runs, "locate", lambda dataset: (tmp_path / "tiny", "tiny"))

    def _start(**options):
        return run("tiny", out=tmp_path / "reports", notebooks_dir=tmp_path / "notebooks", **options)

    return _start


def metric(estimate, low=None, high=None, **more):
    """One row of results.json."""
    row = {"notebook": KEY[0], "name": KEY[1], "journey": KEY[2], "segment": "all", "n": 900, "unit": "percent"}
    return row | {"estimate": estimate, "conf_low": low, "conf_high": high} | more


def publish_by_hand(target: Path, day: str, digits: str, *metrics, when: float = 0, **changes) -> Path:
    """Write the records of a run without running it."""
    folder = target / f"{day}-{digits * 10}"
    folder.mkdir(parents=True)
    manifest = {"run_id": folder.name, "dataset": "tiny", "day": day, "parameters": {}, "inputs": [], "versions": {}}
    manifest |= {"notebooks": {"01_first": {"status": "ok", "reason": ""}}, "exit_code": 0, "alerts": []} | changes
    (folder / "results.json").write_text(json.dumps({"metrics": list(metrics), "findings": []}))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    os.utime(folder / "manifest.json", (when, when))
    return folder


# ---- the same run again ---------------------------------------------------------------------------------------------


def test_the_same_run_is_skipped_unless_forced(start, tmp_path):
    tiny.write(tmp_path / "notebooks", "10_mine", tiny.code(tiny.OPEN), tiny.code(tiny.OUTCOMES))
    first = start()
    pages = {
        path: path.read_bytes() for path in first.folder.rglob("*.*") if path.suffix in (".html", ".ipynb", ".csv")
    }
    before = (first.folder / "run.log").stat().st_mtime_ns
    again = start()
    assert (again.unchanged, again.run_id, again.exit_code) == (True, first.run_id, 0)
    assert again.notebooks == first.notebooks
    assert (first.folder / "run.log").stat().st_mtime_ns == before
    forced = start(force=True)
    assert (forced.unchanged, forced.run_id) == (False, first.run_id)
    assert (first.folder / "run.log").stat().st_mtime_ns > before
    for path, content in pages.items():
        assert path.name == "index.html" or path.read_bytes() == content, path


def test_a_damaged_run_is_done_again(start, tmp_path):
    tiny.write(tmp_path / "notebooks", "10_mine", tiny.code("1"))
    first = start()
    (first.folder / "10_mine.html").write_text("torn")
    assert not is_whole(read_run(first.folder))
    assert not start().unchanged
    assert is_whole(read_run(first.folder))


@pytest.mark.parametrize("kept", [True, False])
def test_a_past_period_leaves_newer_reports_the_latest(start, tmp_path, kept):
    reports = tmp_path / "reports" / "tiny"
    newer = publish_by_hand(reports, "2025-01-31", "a")
    (reports / "latest").symlink_to(newer.name)
    tiny.write(tmp_path / "notebooks", "10_mine", tiny.code("1"))
    done = start(keep_newer=kept)
    assert (reports / "latest").readlink().name == (newer.name if kept else done.run_id)


# ---- several runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "every", "days"),
    [
        ("2024-01-15", "2024-04-29", "month", ["2024-01-31", "2024-02-29", "2024-03-31"]),
        ("2024-01-31", "2024-01-31", "month", ["2024-01-31"]),
        ("2023-12-01", "2024-07-01", "quarter", ["2023-12-31", "2024-03-31", "2024-06-30"]),
        ("2023-12-31", "2024-12-31", "year", ["2023-12-31", "2024-12-31"]),
        ("2024-01-01", "2024-01-15", "week", ["2024-01-07", "2024-01-14"]),
        ("2024-02-28", "2024-03-01", "day", ["2024-02-28", "2024-02-29", "2024-03-01"]),
    ],
)
def test_periods_end_on_their_last_day(first, last, every, days):
    assert [day.isoformat() for day in period_ends(first, last, every)] == days


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2024-01-01", "2024-01-30", "no month ends between"),
        ("2024-02-01", "2024-01-01", "no month ends between"),
        ("", "2024-01-31", "--from: found ''"),
        ("2024-01-01", "soon", "--to: found 'soon'"),
    ],
)
def test_wrong_periods_are_refused(first, last, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        period_ends(first, last, "month")


@pytest.mark.parametrize(("codes", "code"), [([0, 4], 4), ([4, 1], 1), ([1, 5], 5), ([5, 3], 3), ([], 0), ([0], 0)])
def test_the_worst_of_several_runs_is_their_exit_code(codes, code):
    assert worst(codes) == code


@pytest.fixture
def markets(tmp_path, monkeypatch):
    """A data set of two countries, and one of too few customers."""
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = [
        f"c{n:03},2024-01-{1 + n % 28:02} 10:00,visit,{'DE' if n < 40 else 'A T' if n < 70 else 'CH'}"
        for n in range(73)
    ]
    rows += [f"c{n:03},2024-01-{1 + n % 28:02} 11:00,purchase,{'DE' if n < 40 else 'A T'}" for n in range(30, 60)]
    (folder / "log.csv").write_text("\n".join(["customer_id,timestamp,step,country", *rows]) + "\n")
    config = CONFIG.replace(", order: seq", "").replace("privacy: {public: true}", "privacy: {min_group: 10}")
    config = re.sub(r"stages: \{.*?\}\}", "stages: {visit: [visit], purchase: [purchase]}}", config)
    (folder / "dataset.yml").write_text(config)
    counted = (
        "from cj_helpers import report\ndata = report.open(dataset, as_of=as_of)\n"
        "n = int(data.events.customer_id.nunique().execute())\n"
        "report.metric('customers', n, n=n, unit='count', label='Customers', tile=True)"
    )
    tiny.write(tmp_path / "notebooks", "01_first", tiny.code(counted))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_market_has_a_report_and_all_an_overview(markets, capsys):
    assert cli.main(["run", "shop", "--each-segment", "country", "--jobs", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    segments = markets / "reports" / "shop" / "segments" / "country"
    # CH has 3 customers; with it alone hidden, the sum over all would tell, so the next smallest goes too
    assert len(shown.out.splitlines()) == 1
    assert sorted(path.name for path in segments.iterdir()) == ["DE", "index.html"]
    results = json.loads((segments / "DE" / "latest" / "results.json").read_text())
    assert [row["estimate"] for row in results["metrics"]] == [40]
    page = (segments / "DE" / "latest" / "01_first.html").read_text()
    assert "Only Country: DE." in page
    assert "Country: DE" in page.split("<main")[0]
    overview = (segments / "index.html").read_text()
    assert scan_html(overview) == []
    assert 'href="DE/latest/index.html"' in overview
    assert "as they are too few: 2" in overview


def test_a_market_may_have_any_name():
    odd = Market("country", "../A\u00d6 <b>").name
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", odd)
    assert odd != Market("country", "../A\u00d6 <i>").name
    assert str(Market("country", "DE").folder) == "segments/country/DE"
    parts = Market("../../../evil", "DE").folder.parts
    assert parts[::2] == ("segments", "DE")
    assert re.fullmatch(r"evil-[0-9a-f]{8}", parts[1])


def test_an_error_in_one_market_costs_no_other_market_its_report(tmp_path, monkeypatch, capsys):
    """AT and BE cannot be written, CH is being written by another run; DE and the overview are there."""
    errors = {name: ConfigError("disk hiccup") for name in ("AT", "BE")}
    errors["CH"] = publish.Locked("a run is already writing here")
    facts = {"dataset": "shop", "language": "en", "time_zone": "UTC", "currency": ""}
    found = SimpleNamespace(values=["AT", "BE", "CH", "DE"], n_hidden=0, facts=facts)

    def run_one(dataset, *, market, **_):
        if market.value in errors:
            raise errors[market.value]
        folder = tmp_path / "reports" / "shop" / market.folder
        done = publish_by_hand(folder, "2024-01-31", "d", metric(0.5))
        (folder / "latest").symlink_to(done.name)
        return RunResult(0, done, done.name, {}, [])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(markets_of_runner, "list_markets", lambda *_, **__: found)
    monkeypatch.setattr(markets_of_runner, "locate", lambda dataset: (tmp_path, "shop"))
    monkeypatch.setattr(markets_of_runner, "run", run_one)
    hook = ["--on-failure", "sh -c 'echo $CJ_EXIT_CODE $CJ_MESSAGE > told'"]
    assert cli.main(["run", "shop", "--each-segment", "country", *hook]) == 2
    shown = capsys.readouterr()
    assert shown.out == "reports/shop/segments/country/DE/2024-01-31-dddddddddd/index.html\n"
    assert shown.err == "cj: AT, BE: disk hiccup; CH: a run is already writing here\n"
    assert Path("told").read_text() == "2 AT, BE: disk hiccup; CH: a run is already writing here\n"
    overview = (tmp_path / "reports" / "shop" / "segments" / "country" / "index.html").read_text()
    assert 'href="DE/latest/index.html"' in overview


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--each-segment", "contry"], "did you mean 'country'"),
        (["--each-segment", "country", "--notebook", "9"], "no notebook '9'"),
        (["--each-segment", "country", "-p", "journey", "bui"], "did you mean 'buy'"),
        (["--each-segment", "customer_id"], "not a column of customers or events whose values are markets"),
        (["--from", "2024-01-01", "--to", "2024-03-31", "--as-of", "2024-01-31"], "leave out --as-of"),
        (["--from", "2024-01-01"], "--from and --to take a day each"),
        (["--on-failure", "'"], "is no command"),
    ],
)
def test_wrong_wishes_are_one_message(markets, capsys, arguments, message):
    assert cli.main(["run", "shop", *arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.count(message) == 1
    assert not (markets / "reports").exists()


def test_past_periods_are_filled_in_order(markets, capsys):
    assert cli.main(["run", "shop", "--from", "2024-01-01", "--to", "2024-01-21", "--every", "week"]) == 0
    days = [Path(line).parent.name[:10] for line in capsys.readouterr().out.splitlines()]
    assert days == ["2024-01-07", "2024-01-14", "2024-01-21"]
    latest = markets / "reports" / "shop" / "latest"
    assert latest.readlink().name.startswith("2024-01-21")
    assert "since 2024-01-14" in (latest / "index.html").read_text().replace("\n", " ")


# ---- hooks -----------------------------------------------------------------------------------------------------------


def test_a_command_is_told_and_does_not_run_in_a_shell(tmp_path):
    script = f"import os; open({str(tmp_path / 'told')!r}, 'w').write(os.environ['CJ_MESSAGE'])"
    assert call_command(f'{sys.executable} -c "{script}"', {"message": "a; touch owned $(touch owned)"}) == ""
    assert (tmp_path / "told").read_text() == "a; touch owned $(touch owned)"
    assert call_command("false", {}) == "ended with exit code 1"
    assert call_command("no-such-command", {}) == "No such file or directory"
    check_command("", option="--on-alert")


def test_a_command_that_takes_too_long_is_stopped_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "_SECONDS", 1)
    child = tmp_path / "child"
    assert call_command(f"sh -c 'sleep 60 & echo $! > {child}; wait'", {}) == "was stopped after 1 s"
    wait_until(lambda: not is_running(int(child.read_text())), 20)


def test_alerts_and_failures_call_their_commands(markets, capsys):
    config = markets / "shop" / "dataset.yml"
    config.write_text(config.read_text() + "alerts: [{metric: customers, below: 100}]\n")
    hooks = ["--on-alert", "sh -c 'echo $CJ_ALERT_LEVEL $CJ_MESSAGE >> alert'", "--on-failure", "touch failed"]
    assert cli.main(["run", "shop", *hooks]) == 4
    assert "alert (red): Customers: 73, below 100." in capsys.readouterr().err
    assert (markets / "alert").read_text() == "red Customers: 73, below 100.\n"
    assert cli.main(["run", "shop", *hooks]) == 4  # published already: nobody is told twice
    assert (markets / "alert").read_text().count("\n") == 1
    assert not (markets / "failed").exists()
    assert cli.main(["run", "shop", *hooks, "-p", "nonsense", "1"]) == 2
    assert (markets / "failed").exists()


# ---- changes and trends ----------------------------------------------------------------------------------------


def test_a_difference_is_that_of_newcombe():
    """Newcombe (1998), table II, method 10: 56/70 - 48/80 and 9/10 - 3/10."""
    change = difference_of((48 / 80, 0.4904, 0.7001), (56 / 70, 0.6917, 0.8770))
    assert change == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)
    small = difference_of((3 / 10, 0.1078, 0.6032), (9 / 10, 0.5958, 0.9821))
    assert small == pytest.approx((0.6, 0.1705, 0.8090), abs=2e-4)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (metric(0.5, 0.49, 0.51), metric(0.53, 0.52, 0.54), "real"),
        (metric(0.5, 0.47, 0.53), metric(0.53, 0.50, 0.56), "within error"),
        (metric(0.5), metric(0.9, 0.8, 0.95), "unknown"),
    ],
)
def test_a_change_is_real_beyond_both_errors(old, new, verdict):
    assert change_between(old, new).verdict == verdict


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.012, "percent", "+1.2 pp"), (-0.5, "percent", "−50.0 pp"), (0, "count", "±0"), (-3, "count", "−3")],
)
def test_a_change_has_a_sign_and_its_unit(value, unit, text):
    assert signed(value, unit) == text


def test_runs_are_compared_with_earlier_data_and_the_same_parameters(tmp_path):
    publish_by_hand(tmp_path, "2024-01-31", "a", metric(0.5, 0.4, 0.6), when=1)
    publish_by_hand(tmp_path, "2024-01-31", "b", metric(0.51, 0.4, 0.6), when=2, parameters={"as_of": "2024-01-31"})
    publish_by_hand(tmp_path, "2024-02-29", "c", metric(0.7, 0.6, 0.8), parameters={"journey": "x"})
    publish_by_hand(tmp_path, "2024-03-31", "d", metric(0.7, 0.6, 0.8))
    (tmp_path / "2024-02-29-0123456789").mkdir()  # torn
    found = comparable_runs(tmp_path, day="2024-03-31", run_id="x", parameters={"as_of": "2024-03-31"})
    assert [item.run_id[11] for item in found] == ["b"]
    assert trend_of(KEY, found) == [Point("2024-01-31", 0.51, 0.4, 0.6)]
    assert len(good_runs(tmp_path)) == 4


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("manifest.json", {"run_id": "2024-01-31-aaaaaaaaaa", "day": "2024-01-31"}),
        ("manifest.json", []),
        ("results.json", {}),
        ("results.json", {"metrics": [{"name": "n"}], "findings": []}),
        ("results.json", {"metrics": [], "findings": ["text"]}),
    ],
)
def test_a_run_whose_records_are_not_complete_is_none(tmp_path, file, content):
    folder = publish_by_hand(tmp_path, "2024-01-31", "a", metric(0.5))
    assert [item.folder for item in comparable_runs(tmp_path, day="2024-02-29", run_id="x", parameters={})] == [folder]
    (folder / file).write_text(json.dumps(content))
    assert comparable_runs(tmp_path, day="2024-02-29", run_id="x", parameters={}) == []
    with pytest.raises(ConfigError, match="or not all of its records"):
        find_run(folder)


def test_a_trend_is_drawn_to_scale_with_its_changes():
    points = [
        Point("2024-01-01", 0.2, 0.1, 0.3),
        Point("2024-01-11", 0.4, None, None),
        Point("2024-01-21", 0.5, 0.4, 0.5),
    ]
    changes = numbered(
        [
            {"date": "2024-01-11", "label": "new bot", "journey": ""},
            {"date": "2023-01-11", "label": "old bot", "journey": ""},
        ]
    )
    trend = draw_trend(points, changes)
    xs = [float(pair.split(",")[0]) for pair in trend.line.split()]
    ys = [float(pair.split(",")[1]) for pair in trend.line.split()]
    assert xs == [5, WIDTH / 2, WIDTH - 5]
    assert ys == sorted(ys, reverse=True)
    assert all(0 <= y <= HEIGHT for y in ys)
    assert [(mark["x"], mark["number"], mark["label"]) for mark in trend.marks] == [(WIDTH / 2, 2, "new bot")]
    assert draw_trend(points[:1], []) is None


def tile(estimate, low, high):
    """A metric on page one as its bundle has it."""
    shown = {
        "estimate": f"{estimate:.1%}",
        "interval": f"{low} to {high}",
        "n": "900",
        "journey": "Outage",
        "segment": "",
    }
    return metric(estimate, low, high) | {"label": "Completed <b>", "note": "", "tile": True, "display": shown}


def finding(weight, text):
    return {"notebook": "01_first", "level": "warning", "text": text, "weight": weight}


@pytest.fixture
def index(tmp_path):
    """An index over 36 past runs."""
    for number in range(36):
        low = 0.4 + number / 200
        day = f"{2021 + number // 12}-{1 + number % 12:02}-28"
        publish_by_hand(tmp_path, day, "0123456789abcdef"[number % 16], metric(low + 0.01, low, low + 0.02))
    past = comparable_runs(tmp_path, day="2024-01-31", run_id="x", parameters={})
    findings = [finding(n, f"finding {n} <i>") for n in range(9)]
    outcomes = [
        Outcome("01_first", "Journeys", Verdict("ok"), tiles=[tile(0.7, 0.69, 0.71)], findings=findings),
        Outcome("02_second", "Survival", Verdict("skipped", "no <u>events</u>")),
    ]
    changes = [
        {"date": "2022-03-01", "label": "new <bot>", "journey": "outage_recovery"},
        {"date": "2022-04-01", "label": "other", "journey": "move"},
    ]
    around = Surroundings(
        verdict=[{"analysis": "journey mapping", "verdict": "fit", "reason": ""}],
        changes=changes,
        past=past,
        now="2024-02-01T05:15:00Z",
        files=["tables/01_first/a.csv", "notebooks/01_first.ipynb"],
    )
    return SimpleNamespace(past=past, outcomes=outcomes, around=around, base=tmp_path)


def test_the_index_tells_change_trend_findings_and_data(index):
    page = render_index(index.outcomes, facts=FACTS, alerts=[], around=index.around)
    assert len(index.past) == 36
    assert scan_html(page) == []
    assert "<bot>" not in page
    assert "<i>" not in page
    (row,) = key_figures(index.outcomes, index.past, day="2024-01-31", changes=numbered(index.around.changes))
    assert (row["change"], row["verdict"]) == ("+11.5 pp", "a real change")
    assert "in 37 runs: 41.0 % with data up to 2021-01-28, 70.0 % up to 2024-01-31" in row["trend_text"]
    assert page.count('<line class="mark"') == 1  # the change of another journey is not drawn here
    assert "2022-03-01: new &lt;bot&gt;" in page
    assert "2022-04-01" not in page
    assert [item["text"] for item in ranked_findings(index.outcomes)][:2] == ["finding 8 <i>", "finding 7 <i>"]
    assert "Further findings (2)" in page
    for words in (
        "journey mapping",
        "2024-02-01 05:15",
        'href="tables/01_first/a.csv"',
        "no &lt;u&gt;events&lt;/u&gt;",
    ):
        assert words in page
    assert f'href="../{index.past[-1].run_id}/index.html"' in page


def test_the_index_of_36_past_runs_reads_well_in_a_browser(index, browser):
    from axe_playwright_python.sync_playwright import Axe

    target = index.base / "2024-01-31-0000000000"
    target.mkdir()
    page_file = target / "index.html"
    page_file.write_text(render_index(index.outcomes, facts=FACTS, alerts=[], around=index.around))
    for width in (375, 1280):
        page, seen = open_page(browser, page_file, viewport={"width": width, "height": 800}, bypass_csp=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.complaints == []
        assert Axe().run(page).violations_count == 0
        page.close()
    links = [link for link in Structure(page_file.read_text()).links if link.startswith("../")]
    assert links
    assert all((target / link).parent.is_dir() for link in links)


# ---- diff and prune --------------------------------------------------------------------------------------------


def test_diff_tells_what_changed_and_whether_it_is_real(tmp_path, capsys):
    old = publish_by_hand(tmp_path, "2024-01-31", "a", metric(0.5, 0.49, 0.51), metric(3, name="gone", unit="count"))
    new = publish_by_hand(
        tmp_path,
        "2024-02-29",
        "b",
        metric(0.55, 0.54, 0.56),
        parameters={"journey": "x"},
        inputs=[{"path": "calls.csv", "sha256": "1", "rows": 9}],
    )
    found = compare_runs(find_run(old), find_run(new))
    assert [(row["name"], row["verdict"]) for row in found["metrics"]] == [("completed_within", "real"), ("gone", "")]
    assert metric_lines(found["metrics"])[0][2:6] == ["50.0 %", "55.0 %", "+5.0 pp", "3.6 to 6.4"]
    assert cli.main(["diff", str(old), str(new / "index.html")]) == 0
    shown = capsys.readouterr().out
    for words in ("+5.0 pp", "real", "only in one run", "calls.csv", "parameters: journey"):
        assert words in shown
    assert cli.main(["diff", str(old), str(old)]) == 0
    assert "The runs do not differ." in capsys.readouterr().out
    assert cli.main(["diff", str(old), str(new), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][1]["day"] == "2024-02-29"
    assert cli.main(["diff", str(old), str(tmp_path)]) == 2


def test_prune_keeps_the_newest_data_and_the_latest(tmp_path, capsys, monkeypatch):
    target = tmp_path / "reports" / "tinylog"
    for month in range(1, 7):
        publish_by_hand(target, f"2024-{month:02}-28", "a")
        publish_by_hand(target / "failed", f"2024-{month:02}-28", "f")
        publish_by_hand(target / "segments" / "country" / "DE", f"2024-{month:02}-28", "d")
    (target / ".logs" / "2024-02-28-aaaaaaaaaa").mkdir(parents=True)
    (target / "latest").symlink_to("2024-01-28-aaaaaaaaaa")
    (target / "segments" / "country" / "DE" / "latest").symlink_to("2024-06-28-dddddddddd")
    (target / "mine").mkdir()
    data = tmp_path / "tinylog"
    data.mkdir()
    shutil.copy(LOG, data / "log.csv")
    (data / "dataset.yml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["prune", "tinylog", "--keep", "3"]) == 0
    assert "deleted reports/tinylog/2024-02-28-aaaaaaaaaa" in capsys.readouterr().out
    assert [item.day for item in good_runs(target)] == ["2024-01-28", "2024-05-28", "2024-06-28"]
    assert [item.day for item in good_runs(target / "failed")] == ["2024-04-28", "2024-05-28", "2024-06-28"]
    assert next(item.day for item in good_runs(target / "segments" / "country" / "DE")) == "2024-04-28"
    assert (target / "mine").is_dir()
    assert not (target / ".logs" / "2024-02-28-aaaaaaaaaa").exists()
    assert prune_runs(target, keep=3) == []
    assert prune_runs(target, keep=1)
    assert [item.day for item in good_runs(target)] == ["2024-01-28"]  # that of latest
    with pytest.raises(ConfigError, match="keep at least one"):
        prune_runs(target, keep=0)
    with pytest.raises(ConfigError, match="there are no reports"):
        prune_runs(tmp_path / "nowhere", keep=1)


def test_prune_reaches_where_every_run_failed_or_was_damaged(tmp_path):
    target = tmp_path / "reports"
    for folder in (target, target / "segments" / "country" / "DE"):
        for day in range(1, 6):
            run_folder = publish_by_hand(folder / "failed", f"2024-01-0{day}", "f")
            (run_folder / "manifest.json").write_text("{}")
    gone = prune_runs(target, keep=1)
    assert len(gone) == 8
    left = sorted(path.parent.name for path in target.rglob("manifest.json"))
    assert left == ["2024-01-05-ffffffffff"] * 2
