"""Tiled pictures with names around them, laid out on a figure in whole figure pixels.

Each pixel of an image becomes a square of the same size everywhere, so that nothing is blurred and no row of
pixels is wider than its neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath
from numpy.typing import NDArray

from digitsmith.report.images import GAP_PX
from digitsmith.report.style import DPI, FONT, blank_figure, house_style

_TEXT_PT, _HEADING_PT, _TITLE_PT = 10.0, 11.0, 13.0
_MARGIN_PX = 16
_WIDTH_PX = 1800  # aimed at: 9 inches at 200 dpi; a page shrinks it, and the heads are still read
_LONGEST_HEAD = 16  # letters; a folder's name can be a sentence


@dataclass(frozen=True)
class Panel:
    """One tiled picture, uint8 [C, height, width], and what is written around it in `drawable_names`' letters."""

    picture: NDArray[np.uint8]
    heads: tuple[str, ...] | None = None
    heading: str | None = None
    rows: tuple[str, ...] = ()


@cache
def _letters() -> frozenset[int]:
    """The code points that the figures' font can draw; it has no Japanese, for instance."""
    return frozenset(get_font(findfont(FONT)).get_charmap())


def drawable_names(names: Sequence[str]) -> tuple[str, ...]:
    """The class names as figures can show them: cut where long, and a number, 0 .. K-1, for one without letters."""
    short = [name if len(name) <= _LONGEST_HEAD else f"{name[: _LONGEST_HEAD - 1]}…" for name in names]
    return tuple(name if _letters().issuperset(map(ord, name)) else str(k) for k, name in enumerate(short))


def with_known_letters(text: str) -> str:
    """`text` with a question mark in a box for each letter that the figures' font lacks."""
    return "".join(letter if ord(letter) in _letters() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _px(points: float) -> int:
    return round(points * DPI / 72)


def _text_width_px(text: str, size_pt: float) -> int:
    prop = FontProperties(family=FONT, size=size_pt)
    return _px(TextToPath().get_text_width_height_descent(text, prop, ismath=False)[0])


def widest_in(names: Sequence[str], size_pt: float) -> float:
    """How wide the widest of `names` is on a figure, in inches."""
    return max(_text_width_px(name, size_pt) for name in names) / DPI


def sheet(panels: Sequence[Panel], *, title: str | None, per_line: int = 1) -> Figure:
    """Panels of one size (the last may be smaller), `per_line` beside each other, on a figure about 9 inches wide."""
    per_line = min(per_line, len(panels))
    height, width = panels[0].picture.shape[1:]
    title = with_known_letters(title or "")
    scale = max(1, min(8, _WIDTH_PX // (per_line * width)))  # figure pixels per pixel of an image
    upright = any(_heads_stand_upright(panel.heads, panel.picture.shape[2] * scale) for panel in panels)

    left = _MARGIN_PX + max((_text_width_px(name, _TEXT_PT) + _px(5) for name in panels[0].rows), default=0)
    top = _MARGIN_PX + (_px(2 * _TITLE_PT) if title else 0)
    right = left
    corners = []  # of each panel's picture
    for start in range(0, len(panels), per_line):
        line = panels[start : start + per_line]
        top += max(_above_px(panel, upright=upright) for panel in line)
        corners += [(left + place * (width * scale + _px(14)), top) for place in range(len(line))]
        right = max(right, corners[-1][0] + width * scale)
        top += height * scale + _px(6)
    total_width = max(right, left + _text_width_px(title, _TITLE_PT)) + _MARGIN_PX
    with house_style():
        page = _Page(total_width, top - _px(6) + _MARGIN_PX)
        if title:
            page.text(title, left, _MARGIN_PX + _px(_TITLE_PT), size_pt=_TITLE_PT)
        for panel, (x, y) in zip(panels, corners, strict=True):
            page.panel(panel, x, y, scale=scale, upright=upright)
    return page.figure


def _heads_stand_upright(heads: tuple[str, ...] | None, width_px: int) -> bool:
    """Whether one of the heads is too wide for its column, so that all of them are turned."""
    return heads is not None and max(_text_width_px(head, _TEXT_PT) for head in heads) > width_px / len(heads)


def _heads_px(panel: Panel, *, upright: bool) -> int:
    if panel.heads is None:
        return 0
    if upright:
        return max(_text_width_px(head, _TEXT_PT) for head in panel.heads) + _px(5)
    return _px(1.5 * _TEXT_PT)


def _above_px(panel: Panel, *, upright: bool) -> int:
    """The room for what is written over a panel's picture."""
    return _heads_px(panel, upright=upright) + (_px(1.6 * _HEADING_PT) if panel.heading else 0)


class _Page:
    """A figure addressed in its own pixels, from the top left corner."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.width_px, self.height_px = width_px, height_px
        self.figure = blank_figure(width_in=width_px / DPI, height_in=height_px / DPI)

    def text(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size_pt: float,
        ha: str = "left",
        va: str = "baseline",
        turned: bool = False,
    ) -> None:
        self.figure.text(
            x / self.width_px,
            1 - y / self.height_px,
            text,
            fontsize=size_pt,
            ha=ha,
            va=va,
            rotation=90 if turned else 0,
        )

    def panel(self, panel: Panel, x: int, y: int, *, scale: int, upright: bool) -> None:
        """The picture with its top left corner at (x, y), and what belongs around it."""
        height, width = (side * scale for side in panel.picture.shape[1:])
        self._picture(panel.picture, x, y, height=height, width=width)
        if panel.heading:
            self.text(panel.heading, x, y - _heads_px(panel, upright=upright) - _px(5), size_pt=_HEADING_PT)
        gap = GAP_PX * scale
        for number, head in enumerate(panel.heads or ()):
            middle = x + (number + 0.5) * (width + gap) / len(panel.heads or ()) - gap / 2
            self.text(
                head,
                middle,
                y - _px(3),
                size_pt=_TEXT_PT,
                ha="center",
                va="bottom" if upright else "baseline",
                turned=upright,
            )
        for number, name in enumerate(panel.rows):
            middle = y + (number + 0.5) * (height + gap) / len(panel.rows) - gap / 2
            self.text(name, x - _px(5), middle, size_pt=_TEXT_PT, ha="right", va="center")

    def _picture(self, picture: NDArray[np.uint8], x: int, y: int, *, height: int, width: int) -> None:
        place = (
            x / self.width_px,
            1 - (y + height) / self.height_px,
            width / self.width_px,
            height / self.height_px,
        )
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        pixels = np.broadcast_to(picture, (3, *picture.shape[1:])).transpose(1, 2, 0)
        axes.imshow(pixels, aspect="auto", interpolation="none")  # "none": an SVG keeps its own pixels
