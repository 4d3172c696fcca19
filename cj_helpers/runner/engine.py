"""papermill's engine, but a large notebook is not written anew before and after every cell."""

from __future__ import annotations

import time
from typing import Any

from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

ENGINE = "cj_sparing"
_MOST = 0.1  # of the time may go into saving
_CHEAP_SECONDS = 0.01  # a save so short is never left out


class SparingManager(NotebookExecutionManager):  # type: ignore[misc]
    """Saves at most as often as that saving takes a tenth of the time; the end of the notebook is always saved.

    What a killed notebook shows may lack the outputs of its last moments, never more than ten times what a save takes.
    """

    _cost, _ended = 0.0, 0.0

    def save(self, **kwargs: Any) -> None:
        """Write the notebook, unless the last time is too close."""
        begun = time.monotonic()
        if self._cost > _CHEAP_SECONDS and begun - self._ended < self._cost / _MOST:
            return
        super().save(**kwargs)
        self._ended = time.monotonic()
        self._cost = self._ended - begun

    def notebook_complete(self, **kwargs: Any) -> None:
        """Write the notebook as it ended."""
        self._cost = 0.0
        super().notebook_complete(**kwargs)


class SparingEngine(NBClientEngine):  # type: ignore[misc]
    """Executes with a `SparingManager`."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, output_path: Any = None, **kwargs: Any) -> Any:
        """Execute all cells; the errors of cells are in the notebook, others are raised."""
        manager = SparingManager(nb, output_path=output_path, progress_bar=kwargs.pop("progress_bar", False))
        kwargs.pop("autosave_cell_every", None)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, **kwargs)
        finally:
            manager.notebook_complete()
        return manager.nb


papermill_engines.register(ENGINE, SparingEngine)
