"""Every figure remembers the table it was drawn from and which number of it says most."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cj_helpers.contract import MainNumber


def draws(
    column: str,
    *,
    pick: str = "largest",
    about: tuple[str, ...] = (),
    where: Mapping[str, object] | None = None,
    time: str = "",
    words: str = "",
    kind: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a ``plot_...`` function: the figure of its axes gets its table (``cj_data``) and its `MainNumber`.

    The parameters are those of `MainNumber`; with `time` the horizon that the figure marks decides which rows count.
    """
    main = MainNumber(column, pick, about, where or {}, time, None, words, kind)

    def decorate(plot: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(plot)
        def draw(table: Any, *args: Any, **options: Any) -> Any:
            axes = plot(table, *args, **options)
            figure = getattr(axes, "figure", None)
            if figure is not None and hasattr(table, "columns"):
                figure.cj_data = table
                figure.cj_main = replace(main, until=options.get("within_days") or options.get("until_days"))
            return axes

        return draw

    return decorate
