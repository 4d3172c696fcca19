"""Figures as pictures with an alternative text."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

from cj_helpers.report.display import publish
from cj_helpers.report.state import claim_name, state
from cj_helpers.report.statements import not_estimable
from cj_helpers.report.tables import carried_data, n_not_publishable
from cj_helpers.text import fill, fill_each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DPI = 150  # sharp on paper at the width of a page
CSS_DPI = 96
_COLOURS = 256


def figure(
    name: str,
    fig: Figure,
    alt: str,
    *,
    page_one: bool = False,
    caption: str = "",
    data: pd.DataFrame | None = None,
    **values: Any,
) -> None:
    """Show a figure as PNG with the text that stands for it and the data behind it, and close it.

    A figure that a ``plot_...`` function drew from a table with groups of fewer than ``min_group`` customers is left
    out, and the report says so: draw what `publishable` returns.

    Parameters
    ----------
    name : str
    fig : matplotlib Figure, or Axes of it
    alt : str
        Literal template of what the figure shows and its main number, for readers who cannot see it; `values`
        fill it: ``"Completion by journey; lowest: {journey}, {share:percent}."`` One without any number gets
        the number that the ``plot_...`` function declares as its main one, else the largest value of the data.
    page_one : bool
        Whether the figure belongs on the first page of the report.
    caption : str
        Literal template of a line below the figure, filled by the same `values`.
    data : DataFrame, optional
        What is drawn, for the CSV beside the figure, such as whole days of a curve that is drawn event by event;
        without it the table that the ``plot_...`` function drew.

    Raises
    ------
    TypeError
        When `fig` is not a matplotlib figure.
    ValueError
        When there is no alternative text, or the name will not do.
    """
    drawn: Any = fig if hasattr(fig, "savefig") else getattr(fig, "figure", None)
    if not hasattr(drawn, "savefig"):
        raise TypeError(f"figure {name!r}: a matplotlib Figure was expected, not {type(fig).__name__}.")
    alt_text, caption_text = fill_each((alt, caption), values)
    if not alt_text.strip():
        raise ValueError(f"figure {name!r}: alt is empty; say in words what the figure shows.")
    claim_name("figure", name)
    table = getattr(drawn, "cj_data", None)
    if n_not_publishable(table) or n_not_publishable(data):
        _close(drawn)
        reason = "the picture would show groups of fewer than {least:count} customers"
        not_estimable(name, reason, least=state().min_group)
        return
    table = table if data is None else data
    png, (width, height) = _draw(drawn)
    carried = carried_data(name, table, getattr(drawn, "cj_main", None))
    alt_text = _with_number(alt_text, carried)
    payload: dict[str, Any] = {"name": name, "alt": alt_text, "caption": caption_text, "page_one": page_one}
    payload |= {"width": width, "height": height, "data": carried}
    metadata = {"image/png": {"alt": alt_text, "width": round(width * CSS_DPI / DPI)}}
    plain = fill("Figure: {alt}", alt=alt_text)
    publish("figure", payload, png=png, plain=plain, metadata=metadata)


def _with_number(alt: str, carried: dict[str, Any] | None) -> str:
    """An alternative text that names no number gets the main one of the data."""
    main = carried["main"] if carried else ""
    if not main or any(sign.isdigit() for sign in alt):
        return alt
    return f"{alt}{'' if alt.rstrip().endswith(('.', '!', '?')) else '.'} {main}"


def _close(fig: Any) -> None:
    import matplotlib.pyplot as plt

    plt.close(fig)


def _draw(fig: Any) -> tuple[bytes, tuple[int, int]]:
    from PIL import Image

    drawn, buffer = BytesIO(), BytesIO()
    loose = {"compress_level": 1}  # it is read again at once
    fig.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", facecolor="white", pil_kwargs=loose)
    _close(fig)
    # A palette makes the file a third; written without the entry Software, so that any release gives the same file.
    picture = (
        Image.open(drawn).convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )
    # The most that can be squeezed out takes eight times as long and saves one byte in fourteen.
    picture.save(buffer, format="png", compress_level=6, dpi=(DPI, DPI))
    png = buffer.getvalue()
    return png, struct.unpack(">II", png[16:24])
