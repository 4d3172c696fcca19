"""Write environment.yml (conda-forge) from the bounds in pyproject.toml; a test holds the two together."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
NAME = "cj"
CONDA_NAMES = {
    "axe-playwright-python": "",  # not on conda-forge: its tests skip there
    "duckdb": "python-duckdb",
    "ibis-framework": "ibis-duckdb",  # the extra is a package of its own
    "jupyter-client": "jupyter_client",
    "matplotlib": "matplotlib-base",  # without a window toolkit
    "playwright": "playwright-python",
    "seaborn": "seaborn-base",  # without matplotlib's window toolkit
}
HEADER = """\
# Made from pyproject.toml by `make environment`; edit the bounds there.
# conda env create -f environment.yml && conda activate {name}
"""


def conda_requirement(requirement: str) -> str:
    """``name bounds`` as conda writes it, empty for a package that conda-forge does not have."""
    parsed = Requirement(requirement)
    name = CONDA_NAMES.get(parsed.name, parsed.name)
    bounds = sorted((str(part) for part in parsed.specifier), reverse=True)
    return f"{name} {','.join(bounds)}".strip() if name else ""


def environment(pyproject: dict) -> str:
    """Text of environment.yml: Python, what the project needs, what its tests need."""
    python = f"python {pyproject['project']['requires-python']}"
    wanted = [*pyproject["project"]["dependencies"], *pyproject["dependency-groups"]["test"]]
    lines = [python, *filter(None, map(conda_requirement, wanted))]
    listed = "".join(f'  - "{line}"\n' for line in lines)
    return f"{HEADER.format(name=NAME)}name: {NAME}\nchannels: [conda-forge, nodefaults]\ndependencies:\n{listed}"


if __name__ == "__main__":
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (ROOT / "environment.yml").write_text(environment(settings), encoding="utf-8")
