"""Wall time of a whole run of the sample and CPU time of `cj --help`.

    python tests/benchmarks/run.py [--runs 3]

Prints every figure beside the machine's size; compares with the targets of the project (90 s, 0.5 s).
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CJ = [sys.executable, "-P", "-m", "cj_helpers"]


def wall_and_cpu(command: list[str]) -> tuple[float, float]:
    """Run a command to its end; return wall seconds and CPU seconds of it and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    helps = [wall_and_cpu([*CJ, "--help"])[1] for _ in range(runs + 1)][1:]
    print(f"cj --help: {statistics.median(helps):.2f} s of CPU (target 0.5)")
    walls = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as out:
            walls.append(wall_and_cpu([*CJ, "run", "data/sample", "--jobs", "2", "--out", out])[0])
    listed = ", ".join(f"{wall:.0f}" for wall in walls)
    print(f"cj run data/sample --jobs 2: median {statistics.median(walls):.0f} s of {listed} (target 90)")


if __name__ == "__main__":
    main()
