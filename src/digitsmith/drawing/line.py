"""Digits in a line as a person sets them: feet near the line, gaps that look alike, none exactly like another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median  # NumPy's loads its masked arrays first, which takes longer than a number

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.hands import Manner
from digitsmith.drawing.ink import FINE, Box, Ink
from digitsmith.randomness import Stream, normal_rows

_MEMORY = 0.7  # of a digit's distance from the line, the next one's share: a hand drifts more than it jumps
_REACH = 0.15  # in heights of a digit: strokes whose lines are this close can touch, to the eye


@dataclass(frozen=True, eq=False)
class Glyph:
    """Something that stands in a line.

    Attributes:
        ink: its image.
        foot: the row of the image that stands on the line, in the image's pixels.
        space: extra room before it, in the image's pixels.
    """

    ink: Ink
    foot: float
    space: float = 0.0

    @classmethod
    def of_digit(cls, image: NDArray[np.uint8]) -> Glyph:
        """A digit stands on its lowest ink.

        MNIST's are centred by their mass, which lifts a 6 and lowers a 9; where they stood is not known any more.
        """
        ink = Ink(image)
        return cls(ink, foot=ink.box[3])


@dataclass(frozen=True, eq=False)
class Placed:
    """A glyph with its image's upper left corner at (left, top) and its pixels `scale` wide."""

    glyph: Glyph
    left: float
    top: float
    scale: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the ink."""
        first, low, last, high = self.glyph.ink.box
        s = self.scale
        return self.left + first * s, self.top + low * s, self.left + last * s, self.top + high * s

    def coverage(self, window: Box) -> NDArray[np.float32]:
        """As `Ink.coverage`, of this part of the picture."""
        return self.glyph.ink.coverage(left=self.left, top=self.top, scale=self.scale, window=window)

    def colours(self, window: Box) -> NDArray[np.float32]:
        """As `Ink.colours`, of this part of the picture."""
        return self.glyph.ink.colours(left=self.left, top=self.top, scale=self.scale, window=window)

    def moved(self, x: float, y: float, scale: float) -> Placed:
        """All lengths `scale` times as long, and then (x, y) added to its place."""
        return Placed(self.glyph, x + self.left * scale, y + self.top * scale, self.scale * scale)


def digit_height(glyphs: Sequence[Glyph]) -> float:
    """The middle height of their ink, in pixels of their images."""
    return median(glyph.ink.box[3] - glyph.ink.box[1] for glyph in glyphs)


def set_line(glyphs: Sequence[Glyph], manner: Manner, *, height: float, seed: int, start: int = 0) -> list[Placed]:
    """Where each glyph goes, in pixels of their images: the first ink begins at x = 0, the line is y = 0.

    Args:
        glyphs: at least one.
        manner: whose lengths are in `height`s.
        height: of a digit, in pixels of its image.
        seed: of the small differences; those of glyph i follow from (seed, start + i) and the differences before.
        start: the number of the first glyph.
    """
    jitter = _jitter(seed, start, len(glyphs))
    placed: list[Placed] = []
    left = -glyphs[0].ink.box[0]
    rise = 0.0
    for number, (glyph, (gap, foot, size)) in enumerate(zip(glyphs, jitter, strict=True)):
        scale = 1 + manner.size * size
        rise = _MEMORY * rise + np.sqrt(1 - _MEMORY**2) * foot
        if number:
            gap_px = manner.gap * height * (1 + manner.uneven * gap)
            left += _touching(glyphs[number - 1], glyph, reach=_REACH * height) + gap_px + glyph.space
        placed.append(Placed(glyph, left, manner.wander * height * rise - glyph.foot * scale, scale))
    return placed


def set_in_cells(glyphs: Sequence[Glyph], manner: Manner, *, height: float, seed: int, start: int = 0) -> list[Placed]:
    """As `set_line` for glyphs that each have a frame of their own, whose middle is x = 0."""
    placed: list[Placed] = []
    for glyph, (aside, foot, size) in zip(glyphs, _jitter(seed, start, len(glyphs)), strict=True):
        scale = 1 + manner.size * size
        left, _, right, _ = glyph.ink.box
        x = manner.gap * manner.uneven * height * aside - scale * (left + right) / 2
        placed.append(Placed(glyph, x, manner.wander * height * foot - glyph.foot * scale, scale))
    return placed


def _jitter(seed: int, start: int, count: int) -> NDArray[np.float64]:
    """Standard normal numbers [count, 3], none of them far out: to the side, up or down, size."""
    rows = normal_rows(seed, np.arange(start, start + count), 3, stream=Stream.LINE)
    return rows.clip(-2, 2).astype(np.float64)


def _touching(one: Glyph, next_: Glyph, *, reach: float) -> float:
    """How far apart the left edges of two images are when, to the eye, their inks touch.

    Halfway between the boxes around the inks touching and the inks themselves: a person who writes 74 lets the 4
    slip under the arm of the 7, but not as far as it could go.
    """
    last, first = one.ink.outline[1], next_.ink.outline[0]
    boxes = one.ink.box[2] - next_.ink.box[0]
    shift = round((one.foot - next_.foot) * FINE)  # line y of `one` is beside line y - shift of `next_`
    lines = np.arange(len(last))
    closest = -np.inf
    for off in range(-round(reach * FINE), round(reach * FINE) + 1):
        beside = lines - shift + off
        inside = (beside >= 0) & (beside < len(first))
        closest = max(closest, float((last[inside] - first[beside[inside]]).max(initial=-np.inf)))
    return (boxes + closest) / 2 if np.isfinite(closest) else boxes
