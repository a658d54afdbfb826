"""Grids of digits as figures, with heads over the columns and names beside the rows.

Everything is laid out in whole figure pixels: each pixel of an image becomes a square of the same size
everywhere, so that nothing is blurred and no row of pixels is wider than its neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath
from numpy.typing import NDArray

from digitsmith.errors import DataError
from digitsmith.report.images import GAP_PX, tile
from digitsmith.report.style import DPI, FONT, blank_figure, house_style

_TEXT_PT, _HEADING_PT, _TITLE_PT = 10.0, 11.0, 13.0
_MARGIN_PX = 16
_WIDTH_PX = 1800  # aimed at: 9 inches at 200 dpi; a page shrinks it, and the heads are still read
_LONGEST_HEAD = 16  # letters; a folder's name can be a sentence


def sample_grid(images: NDArray[np.uint8], *, columns: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """One grid: a column per class, the same noise along a row (the second report's Figures 6-9).

    Args:
        images: uint8 [R, K, C, H, W].
        columns: K class names to stand over the columns; None for a model without classes. A name that the
            figures' font has no letters for is replaced by the number of its class, 0 .. K-1.
        title: above the grid; a letter that the font lacks becomes a question mark in a box.

    Raises:
        DataError: images of another form, or not one name for each column.
    """
    return _sheet([_Panel(tile(images), _heads(columns, images))], title=title)


def epochs_side_by_side(
    grids: Mapping[int, NDArray[np.uint8]], *, columns: Sequence[str] | None = None, title: str | None = None
) -> Figure:
    """The same noise and classes after several epochs (the second report's Figures 6-8).

    Wide grids, of more than ten or so classes, stand below each other instead.

    Args:
        grids: epoch -> uint8 [R, K, C, H, W], all of one shape; drawn in the order of the epochs.
        columns, title: as in `sample_grid`.

    Raises:
        DataError: no grid, grids that differ in shape, or what `sample_grid` refuses.
    """
    if not grids:
        raise DataError("there is no epoch to show; hand over the grid of at least one")
    if len({grid.shape for grid in grids.values()}) > 1:
        shapes = ", ".join(f"epoch {epoch}: {list(grid.shape)}" for epoch, grid in sorted(grids.items()))
        raise DataError(f"grids side by side must have one shape ({shapes}); draw each from the same noise")
    panels = [
        _Panel(tile(grid), _heads(columns, grid), heading=f"Epoch {epoch}") for epoch, grid in sorted(grids.items())
    ]
    return _sheet(panels, title=title, per_line=max(1, 1200 // panels[0].picture.shape[2]))


def real_over_generated(
    real: NDArray[np.uint8],
    generated: NDArray[np.uint8],
    *,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Real images in the upper row, generated ones of the same classes below (the first report's Figure 3).

    Args:
        real, generated: uint8 [K, C, H, W], or [P, K, C, H, W] for P pairs of rows.
        columns, title: as in `sample_grid`; the heads stand over the first pair.

    Raises:
        DataError: two different shapes, or what `sample_grid` refuses.
    """
    pairs = paired_rows(real, generated)
    heads = _heads(columns, pairs[0])
    names = ("real", "generated")
    panels = [_Panel(tile(pair), heads if not number else None, rows=names) for number, pair in enumerate(pairs)]
    return _sheet(panels, title=title, per_line=1)


def paired_rows(real: NDArray[np.uint8], generated: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[K, C, H, W] or [P, K, C, H, W], twice -> [P, 2, K, C, H, W]: P pairs, each real over generated.

    Raises:
        DataError: the two differ in shape, or have another rank.
    """
    if real.shape != generated.shape or real.ndim not in (4, 5) or 0 in real.shape:
        raise DataError(
            f"real {list(real.shape)} and generated {list(generated.shape)} must have one shape: "
            "[classes, channels, height, width], or that with the number of pairs in front"
        )
    pairs = np.stack([real, generated], axis=-5)
    return pairs if real.ndim == 5 else pairs[None]


@dataclass(frozen=True)
class _Panel:
    """One tiled picture, uint8 [C, height, width], and what is written around it."""

    picture: NDArray[np.uint8]
    heads: tuple[str, ...] | None = None
    heading: str | None = None
    rows: tuple[str, ...] = ()


def _heads(columns: Sequence[str] | None, images: NDArray[np.uint8]) -> tuple[str, ...] | None:
    """The class names as they can be drawn above `images` [R, K, C, H, W]."""
    if columns is None:
        return None
    if len(columns) != images.shape[1]:
        raise DataError(f"{len(columns)} names for {images.shape[1]} columns of images; give one for each")
    short = [name if len(name) <= _LONGEST_HEAD else f"{name[: _LONGEST_HEAD - 1]}…" for name in columns]
    return tuple(name if _letters().issuperset(map(ord, name)) else str(k) for k, name in enumerate(short))


@cache
def _letters() -> frozenset[int]:
    """The code points that the figures' font can draw; it has no Japanese, for instance."""
    return frozenset(get_font(findfont(FONT)).get_charmap())


def _with_known_letters(text: str) -> str:
    return "".join(letter if ord(letter) in _letters() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _px(points: float) -> int:
    return round(points * DPI / 72)


def _text_width_px(text: str, size_pt: float) -> int:
    prop = FontProperties(family=FONT, size=size_pt)
    return _px(TextToPath().get_text_width_height_descent(text, prop, ismath=False)[0])


def _sheet(panels: Sequence[_Panel], *, title: str | None, per_line: int = 1) -> Figure:
    """Panels of one size, `per_line` beside each other, as a figure about `_WIDTH_PX` wide."""
    per_line = min(per_line, len(panels))
    height, width = panels[0].picture.shape[1:]
    title = _with_known_letters(title or "")
    scale = max(1, min(8, _WIDTH_PX // (per_line * width)))  # figure pixels per pixel of an image
    upright = _heads_stand_upright(panels[0].heads, width * scale)

    left = _MARGIN_PX + max((_text_width_px(name, _TEXT_PT) + _px(5) for name in panels[0].rows), default=0)
    top = _MARGIN_PX + (_px(2 * _TITLE_PT) if title else 0)
    right = left
    corners = []  # of each panel's picture
    for start in range(0, len(panels), per_line):
        top += _above_px(panels[start], upright=upright)
        places = range(min(per_line, len(panels) - start))
        corners += [(left + place * (width * scale + _px(14)), top) for place in places]
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


def _heads_px(panel: _Panel, *, upright: bool) -> int:
    if panel.heads is None:
        return 0
    if upright:
        return max(_text_width_px(head, _TEXT_PT) for head in panel.heads) + _px(5)
    return _px(1.5 * _TEXT_PT)


def _above_px(panel: _Panel, *, upright: bool) -> int:
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

    def panel(self, panel: _Panel, x: int, y: int, *, scale: int, upright: bool) -> None:
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
