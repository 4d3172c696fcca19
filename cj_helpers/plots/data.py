"""Every figure remembers the table it was drawn from, so that a report can offer it as a file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def remember_data(plot: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a ``plot_...`` function: the figure of the axes it returns gets its table as ``cj_data``."""

    @functools.wraps(plot)
    def draw(table: Any, *args: Any, **options: Any) -> Any:
        axes = plot(table, *args, **options)
        figure = getattr(axes, "figure", None)
        if figure is not None and hasattr(table, "columns"):
            figure.cj_data = table
        return axes

    return draw
