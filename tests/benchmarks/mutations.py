"""Change a small file 3,000 times in one place and count what reading lets pass, without a manifest and with one.

    python tests/benchmarks/mutations.py [first seed] [number]

Of the changes at most 1 % may be read silently as something else; of those, none may pass the declared rows or digest.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from test_mutated_files import N_ROWS, fuzz, original

MANIFESTS = {
    "rows": f"      rows: {N_ROWS}\n",
    "sha256": f"      sha256: {hashlib.sha256(original()).hexdigest()}\n",
}


def count(seeds: range) -> tuple[dict[str, int], list[int], dict[str, int]]:
    """Return changes by outcome, the silent seeds, and how many of these pass each manifest."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "set"
        found = fuzz(place, seeds)
        passed = {name: len(fuzz(place, found["silent"], text)["silent"]) for name, text in MANIFESTS.items()}
    return {name: len(of) for name, of in found.items()}, found["silent"], passed


def main() -> int:
    """Print the counts; 1 when more than 1 % were silent or any passed a manifest."""
    first, number = (int(word) for word in (sys.argv[1:3] + ["0", "3000"][len(sys.argv) - 1 :]))
    start, half = time.perf_counter(), first + number // 2
    with Pool(2) as pool:
        parts = pool.map(count, [range(first, half), range(half, first + number)])
    total = {name: sum(part[0][name] for part in parts) for name in parts[0][0]}
    passed = {name: sum(part[2][name] for part in parts) for name in MANIFESTS}
    print(f"{number:,} changes in {time.perf_counter() - start:.0f} s: {total}; silent {total['silent'] / number:.2%}")
    print("silent seeds:", *parts[0][1], *parts[1][1])
    print("of these pass a manifest:", passed)
    return int(total["silent"] > number / 100 or any(passed.values()))


if __name__ == "__main__":
    sys.exit(main())
