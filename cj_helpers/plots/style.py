"""One theme for every figure: sizes, colours, and how a value from the data becomes a word on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter

from cj_helpers.contract import ABANDONED, ALL, COMPLETED, OPEN
from cj_helpers.text import format_value, interval, value_label

WIDTH_IN = 7.3  # 700 px at 96 dpi: the text column of a report, and of an A4 page
TEXT_PT = 9.5
NOTE_PT = 9.0  # the smallest type: 12 px when the figure is shown 700 px wide

_ROUNDED = ("percent", "pp", "points", "number", "money")  # kinds with as many decimals on an axis as its steps need

INK = "#1F2933"
MUTED = "#56616B"
GRID = "#E4E8EB"
PANEL = "#F3F5F7"

# Okabe & Ito (2008), told apart with any colour vision; yellow and black left out.
BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
LINE_STYLES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (7, 1.5, 1.5, 1.5)), (0, (3, 3)), (0, (9, 2)))

# Dark, middle and light, so that the three also differ on a grey print.
OUTCOME_COLORS = {COMPLETED: BLUE, ABANDONED: ORANGE, OPEN: "#D5DADF"}
TEXT_ON = {COMPLETED: "white", ABANDONED: INK, OPEN: INK}


def set_style() -> None:
    """Set the theme of every figure drawn afterwards.

    Text is at least 9 pt (12 px) when a figure is shown 700 px wide, type is the DejaVu Sans that
    matplotlib brings along, and equal tables give equal pictures.
    """
    sns.set_theme(style="white", palette=list(PALETTE), rc=_theme())


def _theme() -> dict[str, Any]:
    sizes = {f"{name}.labelsize": TEXT_PT for name in ("axes", "xtick", "ytick")}
    colors = {f"{name}.color": MUTED for name in ("xtick", "ytick")}
    return {
        **sizes,
        **colors,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": TEXT_PT,
        "legend.fontsize": NOTE_PT,
        "legend.title_fontsize": NOTE_PT,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.edgecolor": "#AEB7BF",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "figure.figsize": (WIDTH_IN, 3.4),
        "figure.dpi": 96,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 192,
        "savefig.facecolor": "white",
        "svg.hashsalt": "cj_helpers",
        "agg.path.chunksize": 20_000,
    }


def new_axes(ax: Axes | None = None, *, height: float = 3.4, width: float = WIDTH_IN) -> Axes:
    """Return `ax`, or when it is None the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def new_panels(*heights: float, width: float = WIDTH_IN) -> list[Axes]:
    """Return axes one below the other in a new figure, each of its height in inches."""
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(width, sum(heights)), layout="constrained", height_ratios=heights, squeeze=False
    )
    figure.get_layout_engine().set(hspace=0.06)  # type: ignore[union-attr, call-arg]
    return [ax for row in axes for ax in row]


def plain(value: object, *, limit: int = 0) -> str:
    """Make text from the data safe to draw: one line, no mathematics, at most `limit` characters.

    A dollar sign stays a dollar sign (a pair of them would start a formula), a character the font
    lacks becomes a box, and a long text loses its middle, because long names differ at both ends.
    """
    text = " ".join(str(value).split())
    known = _glyphs(tuple(mpl.rcParams["font.family"]), tuple(mpl.rcParams["font.sans-serif"]))
    text = "".join(sign if ord(sign) in known else "□" for sign in text)
    if limit and len(text) > limit:
        tail = (limit - 1) * 2 // 5
        text = f"{text[: limit - 1 - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"
    return re.sub(r"(?<!\\)\$", r"\\$", text)


@lru_cache(maxsize=8)
def _glyphs(family: tuple[str, ...], fonts: tuple[str, ...]) -> frozenset[int]:
    """Return the characters of the font in use; the arguments only tell one theme from another."""
    return frozenset(FT2Font(font_manager.findfont(font_manager.FontProperties())).get_charmap())


@lru_cache(maxsize=4096)
def text_width(text: str, *, size: float = NOTE_PT) -> float:
    """Return the width of a line of text in points."""
    font = font_manager.FontProperties(size=size)
    return float(text_to_path.get_text_width_height_descent(text.replace(r"\$", "$"), font, ismath=False)[0])


def wrap_name(value: object, *, width: int, lines: int = 2) -> str:
    """Break a name after blanks and separators into at most `lines` lines of `width` characters.

    A word too long for a line is parted with a hyphen while lines are left, else it loses its middle.
    """
    pieces = re.findall(r"[^\s_/.-]+[\s_/.-]*|[\s_/.-]+", " ".join(str(value).split()))
    parted = [part for piece in pieces for part in _parted(piece, width)]
    rows = _filled(parted, width)
    if len(rows) > lines:
        rows = _filled(pieces, width)
    rows = [*rows[: lines - 1], "".join(rows[lines - 1 :])] if len(rows) > lines else rows
    return "\n".join(plain(row, limit=width) for row in rows)


def _parted(piece: str, width: int) -> list[str]:
    """Return a word in parts of one line each; no part is shorter than three characters."""
    if len(piece.rstrip()) <= width or width < 5:
        return [piece]
    start = min(width - 1, len(piece) - 3)
    return [f"{piece[:start]}-", *_parted(piece[start:], width)]


def _filled(pieces: Iterable[str], width: int) -> list[str]:
    rows = [""]
    for piece in pieces:
        if rows[-1] and len(rows[-1] + piece.rstrip()) > width:
            rows.append("")
        rows[-1] += piece
    return rows


def value_text(value: object, unit: str, *, digits: int | None = None) -> str:
    """Format a value with its unit, safe to draw."""
    return plain(format_value(value, unit, digits=digits))


def interval_text(estimate: float, low: float, high: float, unit: str) -> str:
    """Format an estimate with its interval, or alone where the interval is not known."""
    if low != low or high != high:
        return value_text(estimate, unit)
    return f"{value_text(estimate, unit)} ({plain(interval(low, high, unit))})"


def days_text(days: float) -> str:
    """Format a horizon in days: whole days without a decimal."""
    return value_text(days, "days", digits=0 if float(days).is_integer() else None)


def segment_text(segment: object, *, limit: int = 22) -> str:
    """Return the name of a segment as it stands on a figure."""
    return plain(value_label("segment", str(segment)), limit=limit)


def outcome_text(outcome: object) -> str:
    """Return an outcome, or a reason to leave, in the reader's words."""
    return plain(value_label("outcome", str(outcome)), limit=22)


def segment_colors(segments: Iterable[object]) -> dict[str, str]:
    """Give each segment a colour, in order; the overall row is always in ink."""
    names = [str(segment) for segment in segments]
    others = [name for name in names if name != ALL]
    colors = {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(others)}
    return {name: colors.get(name, INK) for name in names}


def format_axis(axis: Axis, unit: str) -> None:
    """Let the numbers on an axis be written by the one formatter, without decimals the steps do not need."""

    def write(value: float, _position: int) -> str:
        if unit == "date":
            return value_text(mdates.num2date(value).date(), unit)
        if unit not in _ROUNDED:
            return value_text(round(float(value), 9), unit)
        steps = np.diff(axis.get_majorticklocs()) * (100 if unit in ("percent", "pp") else 1)
        digits = max(0, int(np.ceil(-np.log10(steps.min()) - 1e-6))) if len(steps) and steps.min() > 0 else None
        return value_text(round(float(value), 9), unit, digits=digits)

    axis.set_major_formatter(FuncFormatter(write))


def date_axis(ax: Axes) -> None:
    """Give the x axis at most seven dates, written by the one formatter."""
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=3, maxticks=6, interval_multiples=True))
    format_axis(ax.xaxis, "date")
