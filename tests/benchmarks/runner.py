"""CPU that `cj run` needs beyond the cells of its notebooks, time of the index, size of reports.

    python tests/benchmarks/runner.py [--notebooks 4] [--real]

Prints every figure beside the machine's size and the target of the project (6 s of CPU a notebook, 1 s, 2 MB). `--real`
runs all notebooks on the sample, each of which notes the CPU that its own cells took; the sizes are those of that run.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import tiny_notebooks as tiny  # noqa: E402
from test_cli import CONFIG, LOG  # noqa: E402
from test_history import finding, metric, publish_by_hand, tile  # noqa: E402


def cpu_of(command: list[str], folder: Path) -> float:
    """CPU seconds of a command and of everything it started, orphans included (Linux)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    while True:  # the server of workers ends by itself when the run is gone
        try:
            os.wait()
        except ChildProcessError:
            break
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def overhead(notebooks: int) -> tuple[float, float]:
    """CPU a notebook and CPU of a run without any, from runs of 1 and of `notebooks` notebooks with one empty cell."""
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        (folder / "log").mkdir()
        (folder / "log" / "log.csv").write_text(LOG.read_text())
        (folder / "log" / "dataset.yml").write_text(CONFIG)
        for number in range(notebooks):
            tiny.write(folder / "notebooks", f"{10 + number}_x", tiny.code("1"))
        run = [sys.executable, "-m", "cj_helpers", "run", "log", "--force", "--quiet"]
        cpu_of(run, folder)  # fills the caches
        one, all_of_them = cpu_of([*run, "--notebook", "10"], folder), cpu_of(run, folder)
    each = (all_of_them - one) / (notebooks - 1)
    return each, one - each


def real_overhead(out: Path) -> tuple[float, float, int]:
    """CPU of a run of the sample, of the cells in it, and the number of notebooks."""
    import nbformat

    with tempfile.TemporaryDirectory() as base:
        notes, books = Path(base) / "notes", Path(base) / "notebooks"
        notes.mkdir()
        for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
            book = nbformat.read(path, 4)
            cells = [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]
            following = cells[1]  # the first one holds the parameters
            following.source = f"import time as clock_\nbegun_ = clock_.process_time()\n{following.source}"
            note = f"open({str(notes / path.stem)!r}, 'w').write(str(clock_.process_time() - begun_))"
            cells[-1].source += f"\n_ = {note}"
            books.mkdir(exist_ok=True)
            nbformat.write(book, books / path.name)
        run = [sys.executable, "-m", "cj_helpers", "run", "data/sample", "--jobs", "2", "--out", str(out)]
        total = cpu_of([*run, "--notebooks-dir", str(books), "--quiet"], ROOT)
        spent = {path.name: float(path.read_text()) for path in sorted(notes.iterdir())}
    for name, seconds in spent.items():
        print(f"{name}: {seconds:.1f} s of CPU in its cells")
    return total, sum(spent.values()), len(spent)


def index_seconds() -> float:
    """Wall seconds to read 36 past runs and to write the index."""
    from cj_helpers.runner.history import comparable_runs
    from cj_helpers.runner.run_index import Surroundings, render_index
    from cj_helpers.runner.verdict import Verdict
    from cj_helpers.runner.worker import Outcome

    facts = {"dataset": "x", "key": "x", "day": "2024-01-31", "run_id": "x", "language": "en", "time_zone": "UTC"}
    facts |= {"currency": "EUR", "commit": "", "market": ""}
    with tempfile.TemporaryDirectory() as base:
        for number in range(36):
            rows = [metric(0.5, 0.4, 0.6, name=f"m{n}") for n in range(60)]
            publish_by_hand(Path(base), f"{2021 + number // 12}-{1 + number % 12:02}-28", "a", *rows)
        tiles = [tile(0.7, 0.6, 0.8) | {"name": f"m{n}"} for n in range(18)]
        outcomes = [Outcome("01_first", "T", Verdict("ok"), tiles=tiles, findings=[finding(n, "x") for n in range(60)])]
        start = time.perf_counter()
        past = comparable_runs(Path(base), day="2024-01-31", run_id="x", parameters={})
        render_index(outcomes, facts=facts, alerts=[], around=Surroundings(past=past))
        return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", type=int, default=4)
    parser.add_argument("--real", action="store_true")
    given = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans become children of this process
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    print(f"index with 36 past runs: {index_seconds():.2f} s (target 1)")
    each, base = overhead(given.notebooks)
    print(f"cj run beyond its cells: {each:.1f} s of CPU a notebook (target 6), {base:.1f} s a run")
    if given.real:
        with tempfile.TemporaryDirectory() as out:
            total, cells, n = real_overhead(Path(out))
            beyond = (total - cells) / n
            print(f"sample: {total:.1f} s of CPU, {cells:.1f} in cells, {beyond:.1f} beyond a notebook (target 6)")
            for page in sorted((Path(out) / "sample" / "latest").glob("*.html")):
                print(f"{page.name}: {page.stat().st_size / 1e6:.2f} MB (target 2)")


if __name__ == "__main__":
    main()
