"""A running notebook is saved while that is cheap, and always at its end."""

from __future__ import annotations

from types import SimpleNamespace

import nbformat
import papermill.engines
import pytest

from cj_helpers.runner import engine
from cj_helpers.runner.engine import SparingManager


@pytest.fixture
def saves(monkeypatch):
    """Notes every save and lets it take as long as a test says."""
    done = SimpleSaves()
    monkeypatch.setattr(papermill.engines, "write_ipynb", done)
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: done.clock))
    return done


class SimpleSaves:
    """Stands for `papermill.iorw.write_ipynb`, on a clock of its own."""

    def __init__(self) -> None:
        self.clock, self.seconds, self.count = 100.0, 0.0, 0

    def __call__(self, *_arguments: object) -> None:
        self.count += 1
        self.clock += self.seconds


def manager() -> SparingManager:
    cells = [nbformat.v4.new_code_cell("1", metadata={"papermill": {}})]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"papermill": {}})
    return SparingManager(notebook, output_path="x.ipynb", progress_bar=False)


def test_a_small_notebook_is_saved_around_every_cell(saves):
    running = manager()
    saves.seconds = 0.002
    for _ in range(20):
        running.save()
    assert saves.count == 20


def test_a_large_one_takes_a_tenth_of_the_time(saves):
    running, begun = manager(), saves.clock
    saves.seconds = 0.05
    while saves.clock < begun + 11:
        running.save()
        saves.clock += 0.01  # a quick cell
    assert saves.count == pytest.approx(11 / (0.05 + 0.5), abs=1)


def test_the_end_is_saved_whenever_it_comes(saves):
    running = manager()
    saves.seconds = 0.05
    running.save()
    running.save()
    assert saves.count == 1
    running.notebook_start()
    before = saves.count
    running.notebook_complete()
    assert saves.count == before + 1
