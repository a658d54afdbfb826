"""Plus, minus and equals as a pen draws them: strokes as thick as the digits', never quite straight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.ink import Ink
from digitsmith.drawing.line import Glyph
from digitsmith.randomness import Stream, normal_rows

# From (x, y) to (x, y) in heights of a digit, around the middle of the sign; y grows downwards.
_STROKES = {
    "+": ((-0.26, 0.0, 0.26, 0.0), (0.0, -0.26, 0.0, 0.26)),
    "-": ((-0.24, 0.0, 0.24, 0.0),),
    "=": ((-0.25, -0.08, 0.25, -0.08), (-0.25, 0.08, 0.25, 0.08)),
}
SIGNS = tuple(_STROKES)
_MIDDLE = 0.45  # above the line, in heights of a digit
_ROOM = 0.5  # from the middle to each side of the image: a stroke, its drift and its thickness
_DRIFT = 0.025  # standard deviation of where a stroke begins, bends and ends, in heights of a digit
_NUMBERS = 6  # to a stroke: two for each of its three points
_POINTS = 24  # along a stroke, near enough to each other for any picture of 28 pixels or so


def draw_sign(sign: str, *, height: float, thickness_px: float, space: float, seed: int, index: int) -> Glyph:
    """One of SIGNS, in the same pixels as the digits beside it.

    Args:
        sign: which.
        height: of a digit, in pixels of its image.
        thickness_px: of the pen.
        space: extra room before it, in pixels.
        seed, index: its small differences follow from these two alone.
    """
    side = int(np.ceil(2 * _ROOM * height + thickness_px))
    shape = np.array(_STROKES[sign]).reshape(-1, 2, 2)  # [strokes, ends, xy]
    strokes = shape * height + side / 2
    strokes[..., 1] += np.sign(shape[..., 1].sum(axis=1, keepdims=True)) * thickness_px / 2  # else a thick = closes
    drift = normal_rows(seed, np.array([index]), 2 * _NUMBERS, stream=Stream.SIGN)[0].clip(-2, 2) * _DRIFT * height
    drift = drift.reshape(2, 3, 2)[: len(strokes)].astype(np.float64)
    image = np.max([_stroke(ends, by, thickness_px, side) for ends, by in zip(strokes, drift, strict=True)], axis=0)
    ink = Ink(np.rint(image * 255).astype(np.uint8)[None])
    return Glyph(ink, foot=side / 2 + _MIDDLE * height, space=space)


def _stroke(
    ends: NDArray[np.float64], drift: NDArray[np.float64], thickness_px: float, side: int
) -> NDArray[np.float64]:
    """A stroke [side, side] from 0 to 1: a parabola through two ends and their middle, all three moved by `drift`."""
    begin, bend, end = ends[0] + drift[0], ends.mean(axis=0) + drift[1] / 2, ends[1] + drift[2]
    t = np.linspace(0, 1, _POINTS)[:, None]
    path = begin * (1 - t) * (1 - 2 * t) + bend * 4 * t * (1 - t) + end * t * (2 * t - 1)  # [points, xy]
    middles = np.arange(side) + 0.5
    away = np.hypot(middles[None, :, None] - path[:, 0], middles[:, None, None] - path[:, 1]).min(axis=2)
    stroke: NDArray[np.float64] = (thickness_px / 2 + 0.5 - away).clip(0, 1)
    return stroke
