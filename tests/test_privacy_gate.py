"""What must never be published: addresses, numbers and ids of customers, and anything that runs."""

from __future__ import annotations

import csv
import json
import random
import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_notebooks as tiny
from test_cli import CONFIG
from test_html import open_page

from cj_helpers import cli
from cj_helpers.dataset import find_raw_ids, open_dataset, raw_id_hashes
from cj_helpers.dataset.raw_ids import _hashed_here
from cj_helpers.runner.privacy import _problem, find_personal, is_iban, public_verdict
from cj_helpers.runner.progress import Logging, Silence
from cj_helpers.runner.said import words_like_ids
from cj_helpers.runner.verdict import Verdict

STAGES = "stages: {visit: [visit], search: [search], quote: [quote], purchase: [purchase]}"

# ---- what is looked for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to erika.mustermann+x@mail.example.org now", "e-mail address"),
        ("DE89 3704 0044 0532 0130 00", "IBAN"),
        ("GB82WEST12345698765432", "IBAN"),
        ("NL91ABNA0417164300,", "IBAN"),
        ("+49 30 1234567", "phone number"),
        ("0049-171-2345678", "phone number"),
        ("call (030) 1234567", "phone number"),
        ("0171 234 56 78", "phone number"),
        ("01711234567", "phone number"),
        ("from 192.168.7.23", "IP address"),
        ("2001:db8:0:0:8:800:200c:417a", "IP address"),
    ],
)
def test_what_is_personal_is_found(text, kind):
    assert kind in {found for found, _value in find_personal(text)}


@pytest.mark.parametrize(
    "text",
    [
        "58.9 % of 12,345 (95 % interval 56.0 % to 61.8 %), n = 3,672",
        "2026-03-31 08:30:00, 08:30 to 17:45, within 14 days",
        "0.589744,0.0123456789,1234567890,-0.0012",
        "python 3.11.7, pandas 2.3.1, ibis-framework 12.0.0",
        "DE88370400440532013000",  # wrong check digits
        "+1.2 pp, +12,345, 3-5 steps, 1-2-3",
        "run 2026-06-26-a3e31ab96c",
        "grid-template-columns: 6.2rem minmax(0, 1fr); #0b5873",
    ],
)
def test_what_reports_are_full_of_is_let_through(text):
    assert find_personal(text) == []


def test_check_digits_of_ibans():
    """Examples of the registry of SWIFT, and each with two digits exchanged."""
    good = ["DE89370400440532013000", "FR1420041010050500013M02606", "CH9300762011623852957", "NO9386011117947"]
    assert all(is_iban(text) for text in good)
    swapped = [text[:-2] + text[-1] + text[-2] for text in good if text[-1] != text[-2]]
    assert not any(is_iban(text) for text in swapped)


def test_words_that_could_be_ids():
    text = "C0001234, kunde-77a; 1234567 and 123456 or touchpoint_a 2.5 a1 x@y.de"
    assert words_like_ids(text) == {"C0001234", "kunde-77a", "1234567"}


# ---- 200 canaries ------------------------------------------------------------------------------------------------

LEAKS = {
    "10_ids": "print(data.events.limit(3).customer_id.execute().tolist())",
    "11_table": (
        "t = data.customers.select('customer_id').limit(20).execute().assign(n=99)\n"
        "report.show('people', t, 'People', kinds={'customer_id': 'text'})"
    ),
    "12_figure": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n"
        "t = data.customers.select('customer_id').limit(20).execute().assign(n=99)\n"
        "report.figure('f', fig, 'Alt of {n:count}', n=3, data=t)"
    ),
    "13_verbatim": "report.finding('{said}', level='info', weight=1, said=data.surveys.verbatim.max().execute())",
    "14_error": "raise ValueError(data.customers.customer_id.max().execute())",
    "15_warning": "import warnings\nwarnings.warn(data.surveys.verbatim.max().execute(), stacklevel=1)",
    "16_skipped": "raise report.NotebookSkipped(data.surveys.verbatim.min().execute())",
    "17_alt": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n"
        "report.figure('f', fig, 'Alt of {who}', who=data.customers.customer_id.min().execute())"
    ),
}
OWN = "report.metric('n', int(data.customers.count().execute()), n=200, unit='count', label='Customers', tile=True)"


@pytest.fixture(scope="module")
def canaries() -> tuple[list[str], Path, dict[str, dict[str, str]]]:
    """200 marks in ids, e-mail addresses and verbatims; notebooks that publish them by mistake, and a good one."""
    base = Path(tempfile.mkdtemp(prefix="c"))
    draw, marks = random.Random(3), []
    data = base / "canaries"
    data.mkdir()
    with (data / "events.csv").open("w", newline="") as events, (data / "answers.csv").open("w", newline="") as answers:
        log, said = csv.writer(events), csv.writer(answers)
        log.writerow(["customer_id", "timestamp", "step"])
        said.writerow(["customer_id", "answered_at", "recommend", "comment"])
        for number in range(100):
            who, mail = f"kd{draw.getrandbits(40):010x}7", f"canary{draw.getrandbits(40):010x}@example.org"
            marks += [who, mail]
            log.writerow([who if number % 2 else mail, f"2024-01-{1 + number % 28:02} 10:00", "visit"])
            log.writerow([who if number % 2 else mail, f"2024-01-{1 + number % 28:02} 11:00", "purchase"])
            said.writerow([who if number % 2 else mail, "2024-01-09 12:00", number % 11, f"call me: {mail} or {who}"])
    people = [marks[2 * n] if n % 2 else marks[2 * n + 1] for n in range(100)]
    rows = "".join(f"{who},2023-01-01\n" for who in people)
    (data / "people.csv").write_text(f"customer_id,started_at\n{rows}")
    config = CONFIG.replace("log.csv", "events.csv").replace(", order: seq", "").replace("Tiny log", "Canaries")
    config = config.replace(
        "journeys:\n",
        "  surveys:\n    - {source: answers.csv, columns: {verbatim: comment}}\n"
        "  customers:\n    - {source: people.csv}\nsurvey: {nps: recommend}\njourneys:\n",
    )
    config = config.replace(
        "stages: {visit: [visit], search: [search], quote: [quote], purchase: [purchase]}", "start: [visit]"
    )
    (data / "dataset.yml").write_text(config.replace("{public: true}", "{min_group: 10}"))
    opened = tiny.code("from cj_helpers import report\ndata = report.open(dataset, as_of=as_of, needs=[])")
    tiny.write(base / "notebooks", "01_good", opened, tiny.code(OWN), tiny.code("report.provenance()"))
    for name, cell in LEAKS.items():
        tiny.write(base / "notebooks", name, opened, tiny.code(cell))
    code = cli.main(
        ["run", str(data), "--notebooks-dir", str(base / "notebooks"), "--out", str(base / "reports"), "--jobs", "2"]
    )
    assert code == 1
    (manifest,) = (base / "reports" / "canaries" / "failed").glob("*/manifest.json")
    yield marks, manifest.parent, json.loads(manifest.read_text())["notebooks"]
    shutil.rmtree(base)


def test_no_canary_is_in_any_published_file(canaries):
    marks, folder, notebooks = canaries
    assert len(marks) == 200
    assert notebooks["01_good"]["status"] == "ok"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 14
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in files}
    texts[folder / "failure"] = (folder.parents[1] / "failure.html").read_text()
    found = [(path.name, mark) for path, text in texts.items() for mark in marks if mark in text]
    assert found == []
    assert not [path.name for path in files if any(mark in path.name for mark in marks)]


@pytest.mark.parametrize("name", ["10_ids", "11_table", "12_figure", "13_verbatim", "17_alt"])
def test_a_notebook_that_would_publish_them_fails_and_says_why(canaries, name):
    _marks, folder, notebooks = canaries
    assert notebooks[name]["status"] == "failed"
    assert "it was not published to protect customers: " in notebooks[name]["reason"]
    assert "to protect customers" in (folder / f"{name}.html").read_text()
    assert not (folder / "tables" / name).exists()
    assert not (folder / "figures" / name).exists()


# ---- scripts in 22 places ------------------------------------------------------------------------------------------

PWNED = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
PLANTED = {
    "markdown output": "from IPython.display import Markdown\nMarkdown(bad)",
    "html output": "from IPython.display import HTML\nHTML(bad)",
    "svg output": "from IPython.display import SVG\nSVG(f'<svg xmlns=\"http://www.w3.org/2000/svg\">{bad}</svg>')",
    "javascript output": "from IPython.display import Javascript\nJavascript('window.pwned=1')",
    "iframe": "from IPython.display import HTML\nHTML('<iframe srcdoc=\"<script>top.pwned=1</script>\"></iframe>')",
    "refresh": (
        "from IPython.display import HTML\n"
        "HTML('<meta http-equiv=refresh content=\"0;url=javascript:window.pwned=1\">')"
    ),
    "link": "from IPython.display import Markdown\nMarkdown('[x](javascript:window.pwned=1)')",
    "styler": "import pandas as pd\npd.DataFrame({bad: [bad]}).style",
    "frame": "import pandas as pd\npd.DataFrame({bad: [bad]}, index=[bad])",
    "printed": "print(bad)",
    "repr": "class Bad:\n    def __repr__(self): return bad\nBad()",
    "table cell": "report.show('t', pd.DataFrame({'x': [bad], 'n_customers': [99]}), 'T')",
    "column name": "report.show('t', pd.DataFrame({bad: ['x'], 'n_customers': [99]}), 'T')",
    "caption": "report.show('t', pd.DataFrame({'x': [1]}), 'T {b}', b=bad)",
    "finding": "report.finding('F {b}', level='critical', weight=9, b=bad)",
    "metric label": "report.metric('m', 1, n=99, unit='count', label='M {b}', note='N {b}', b=bad, tile=True)",
    "metric segment": "report.metric('m', 1, n=99, unit='count', label='M', segment=bad, tile=True)",
    "alternative text": "report.figure('f', plt.subplots()[0], 'A {b}', caption='C {b}', b=bad, page_one=True)",
    "not estimable": "report.not_estimable('x', 'because {b}', b=bad)",
    "skip reason": "raise report.NotebookSkipped(bad)",
    "error message": "from cj_helpers.contract import DataError\nraise DataError(bad)",
    "parameter": "print(journey)",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    """One run with a script in each of 22 places."""
    base = Path(tempfile.mkdtemp(prefix="s"))
    for number, cell in enumerate(PLANTED.values(), start=10):
        first = f"{tiny.OPEN}\nimport matplotlib.pyplot as plt\nbad = {PWNED!r}"
        tiny.write(base / "notebooks", f"{number}_x", tiny.code(first), tiny.code(cell))
    (base / "tinylog").mkdir()
    (base / "tinylog" / "log.csv").write_text("customer_id,timestamp,step\n" + "c1,2024-01-01,purchase\n" * 2)
    config = CONFIG.replace(", order: seq", "").replace("Tiny log", f"'{PWNED}'")
    config = config.replace(
        "stages: {visit: [visit], search: [search], quote: [quote], purchase: [purchase]}", "start: [purchase]"
    )
    (base / "tinylog" / "dataset.yml").write_text(config.replace("start: [purchase]", "touchpoints: [purchase]"))
    arguments = ["--notebooks-dir", str(base / "notebooks"), "--out", str(base / "reports"), "--jobs", "2"]
    cli.main(["run", str(base / "tinylog"), *arguments, "-p", "journey", ""])
    (index,) = (base / "reports" / "tinylog").rglob("*/index.html")
    yield index.parent
    shutil.rmtree(base)


def test_no_planted_script_runs(planted, browser):
    assert len(PLANTED) == 22
    pages = sorted(planted.glob("*.html"))
    assert len(pages) == 23
    pages += [planted.parents[1] / "failure.html"]
    for path in pages:
        page, seen = open_page(browser, path)
        page.wait_for_timeout(30)
        assert page.evaluate("window.pwned === undefined"), path.name
        assert [url for url in seen.requests[1:] if not url.startswith("data:")] == [], path.name
        page.close()


# ---- what the gate reads -------------------------------------------------------------------------------------------

RAW = ["KD00417", "871766c5855e863f6eccc05f988b23cb", "7f3d2c1a-0b1e-4c2d-9a5f-1234567890ab", "1234567"]


def problem_of(folder: Path, name: str, content: str, *, allowed: frozenset[str] = frozenset()) -> str:
    """What the gate says of one published file, when RAW are the ids."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    hashes = np.unique(_hashed_here(pd.DataFrame({"position": range(len(RAW)), "id": RAW})))
    return _problem([file], folder, set(allowed), hashes)


@pytest.mark.parametrize("who", RAW)
def test_ids_that_look_like_digests_and_ids_after_a_line_break_are_found(tmp_path, who):
    assert problem_of(tmp_path, "a.csv", f"customer,n\n{who},1\n") == "raw customer id in a.csv"
    for text in (f"worst customer:\n{who}", f"worst customer:{who}", f"\t{who}"):
        assert problem_of(tmp_path, "a.ipynb", json.dumps({"cells": [{"text": text}]})) == "raw customer id in a.ipynb"
    assert problem_of(tmp_path, "a.html", f"<p>of {who}</p>") == "raw customer id in a.html"


def test_a_count_that_equals_an_id_is_a_count(tmp_path):
    assert problem_of(tmp_path, "a.csv", "table,n_rows,share\nevents,1234567,0.5\n") == ""
    bundle = {"columns": [{"name": "n_rows", "kind": "count"}], "rows": [[1234567]]}
    assert problem_of(tmp_path, "a.ipynb", json.dumps(bundle)) == ""
    assert problem_of(tmp_path, "a.csv", "kunde,n_rows\n1234567,12\n") == "raw customer id in a.csv"


def test_an_authors_address_after_a_line_break_is_the_authors(tmp_path):
    cell = {"cell_type": "markdown", "source": "Questions:\nbi@firma.de"}
    content = json.dumps({"cells": [cell]})
    assert problem_of(tmp_path, "a.ipynb", content, allowed=frozenset({"bi@firma.de"})) == ""
    assert problem_of(tmp_path, "a.ipynb", content) == "e-mail address in a.ipynb"


def test_a_reason_is_told_only_after_the_gate():
    told = []

    class Watcher(Silence):
        def ended(self, name, verdict, seconds):
            told.append(verdict.reason)

    log = Logging(Watcher())
    hashes = np.unique(_hashed_here(pd.DataFrame({"position": [0], "id": ["KD00417"]})))
    log.gate = partial(public_verdict, hashes=hashes)
    for reason in ("ValueError: KD00417", "write to a@b.de", "division by zero"):
        log.ended("x", Verdict("failed", reason), 1.0)
    assert told == [
        "the reason is withheld: raw customer id",
        "the reason is withheld: e-mail address",
        "division by zero",
    ]


def test_aliases_are_ids_too(tmp_path):
    (tmp_path / "log.csv").write_text(
        "customer_id,timestamp,touchpoint\ncookie-1005,2024-01-02,home\nC00005,2024-02-02,paid\n"
    )
    (tmp_path / "ids.csv").write_text("alias,customer_id\ncookie-1005,C00005\nmail-77,C00005\n")
    tables = "tables:\n  events: [{source: log.csv}]\n  identities: [{source: ids.csv}]\n"
    (tmp_path / "dataset.yml").write_text("version: 1\nname: S\ntime_zone: UTC\n" + tables)
    hashes = raw_id_hashes(open_dataset(tmp_path, strict=False))
    assert find_raw_ids(["cookie-1005", "C00005", "mail-77", "paid"], hashes) == {"cookie-1005", "C00005", "mail-77"}
