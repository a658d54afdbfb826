"""A digit's few pixels as smooth ink of any size, anywhere on a picture.

Enlarged as they are, 28 × 28 pixels become squares, or a blur. Here they are samples of a surface, as smooth as the pen
that they show, and ink is where the surface is high: its outline is a curve at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

_WIDTH = 0.6  # standard deviation of the Gaussian around each pixel: less shows the pixels, more fills the loops
_LEVEL = 0.45  # where ink ends: an edge keeps its place at 0.5, and strokes of a pixel hold together a little below
_SOFTNESS = 0.12  # of the surface, from bare ground to full ink, at least: a fifth of a pixel at an edge
_STEEPEST = 1 / (_WIDTH * sqrt(2 * pi))  # rise of the surface at an edge, to a pixel
_FAINTEST = 32  # of 255: an image that reaches no more shows what a network leaves on the ground, and no ink
FINE = 4  # outlines are measured in quarters of a pixel

Plane = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels of a picture; right and bottom are the first ones outside."""


@dataclass(frozen=True, eq=False)
class Ink:
    """An image as ink. Lengths are in its own pixels, from its upper left corner.

    Attributes:
        image: uint8 [C, H, W], C is 1 (gray) or 3 (RGB); bright ink on a ground of 0.
    """

    image: NDArray[np.uint8]

    @cached_property
    def gray(self) -> Plane:
        """float32 [H, W] from 0 to 1, the brightest channel over the brightest pixel; 0 where nothing is drawn."""
        brightest = self.image.max(axis=0).astype(np.float32)
        highest = brightest.max()
        return brightest / highest if highest > _FAINTEST else np.zeros_like(brightest)

    @cached_property
    def outline(self) -> NDArray[np.float64]:
        """The first and last ink of each quarter of a line, float64 [2, 4 H]: inf and -inf where there is none."""
        height, width = self.gray.shape
        inked = _surface(self.gray, _fine(height), _fine(width)) >= _LEVEL
        empty = ~inked.any(axis=1)
        first = inked.argmax(axis=1) / FINE
        last = (width * FINE - inked[:, ::-1].argmax(axis=1)) / FINE
        return np.stack([np.where(empty, np.inf, first), np.where(empty, -np.inf, last)])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the ink; of the whole image where there is none."""
        first, last = self.outline
        lines = np.flatnonzero(np.isfinite(first))
        if not len(lines):
            return 0.0, 0.0, float(self.image.shape[2]), float(self.image.shape[1])
        return float(first.min()), lines[0] / FINE, float(last.max()), (lines[-1] + 1) / FINE

    @cached_property
    def thickness_px(self) -> float:
        """Of the strokes, at least 1: a stroke of length l and thickness t has the area l t and the outline 2 l."""
        down, across = np.diff(self.gray, axis=0, prepend=0), np.diff(self.gray, axis=1, prepend=0)
        outline = float(np.hypot(down, across).sum())
        return max(1.0, 2 * float(self.gray.sum()) / outline) if outline else 1.0

    def coverage(self, *, left: float, top: float, scale: float, window: Box) -> Plane:
        """How much of each pixel of a picture this ink covers.

        Args:
            left, top: where the image's upper left corner comes to lie, in pixels of the picture.
            scale: pixels of the picture to one of the image's.
            window: the part of the picture that is asked for.

        Returns:
            float32 [bottom - top, right - left] from 0 to 1.
        """
        rows, columns, times = _places(left, top, scale, window)
        softness = np.float32(max(_SOFTNESS, _STEEPEST / (scale * times)))  # an edge takes a pixel at least
        ink = ((_surface(self.gray, rows, columns) - np.float32(_LEVEL)) / softness + np.float32(0.5)).clip(0, 1)
        return _means(ink, times)

    def colours(self, *, left: float, top: float, scale: float, window: Box) -> Plane:
        """The ink's colour at each pixel of the picture, float32 [3, bottom - top, right - left] from 0 to 1.

        It is as bright as can be: how bright the image is says how much ink there is.
        """
        rows, columns, times = _places(left, top, scale, window)
        channels = (channel.astype(np.float32) for channel in self.image)
        planes = np.stack([_means(_surface(channel, rows, columns), times) for channel in channels])
        highest: Plane = planes.max(axis=0)
        return np.divide(planes, highest, out=np.zeros_like(planes), where=highest > 0)


def _places(left: float, top: float, scale: float, window: Box) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """The rows and columns of the image at which the picture's are looked at, and how many times each of these is."""
    times = max(1, int(np.ceil(2 / scale)))  # through the pixels of a small picture, thin strokes would slip
    first_x, first_y, end_x, end_y = window
    rows = (np.arange((end_y - first_y) * times) + 0.5) / times + first_y - top
    columns = (np.arange((end_x - first_x) * times) + 0.5) / times + first_x - left
    return rows / scale, columns / scale, times


def _surface(gray: Plane, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Plane:
    """The surface's height [len(rows), len(columns)] at these places; 0 around the image.

    Not by NumPy's own product, whose last bits depend on the number of threads.
    """
    across = np.einsum("yx,cx->yc", gray, _weights(columns, gray.shape[1]))
    surface: Plane = np.einsum("ry,yc->rc", _weights(rows, gray.shape[0]), across)
    return surface


def _weights(places: NDArray[np.float64], count: int) -> Plane:
    """How much each of `count` pixels, whose middles are 0.5, 1.5 and so on, counts at each place, [n, count]."""
    distance = (places[:, None] - np.arange(count) - 0.5) / _WIDTH
    return (_STEEPEST * np.exp(-0.5 * distance**2)).astype(np.float32)


def _fine(count: int) -> NDArray[np.float64]:
    """The middles of the quarters of `count` pixels."""
    return (np.arange(count * FINE) + 0.5) / FINE


def _means(plane: Plane, times: int) -> Plane:
    """Each square of `times` × `times` values as one."""
    height, width = plane.shape
    means: Plane = plane.reshape(height // times, times, width // times, times).mean(axis=(1, 3))
    return means
