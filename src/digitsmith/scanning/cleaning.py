"""A picture of one digit -> its ink alone: the light evened out, paper, lines and specks left behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.errors import InputError
from digitsmith.scanning.components import Mask, pieces
from digitsmith.scanning.finding import Found, find_digit, reduced
from digitsmith.scanning.illumination import Gray, darkness, otsu_threshold, widened
from digitsmith.scanning.refusals import Refused

INKS = ("auto", "dark", "light")

_FINE_PX = 480  # the longer side of the digit's part of the picture, in which its outline is found
_SMALLEST_PX = 8
_ENLARGED_PX = 160  # smaller pictures are enlarged beyond this: an outline runs between their pixels

_WINDOW = 0.4  # of the digit's part: wider than its strokes
_BLUR = 0.004  # of it: a tenth of a pixel of the image to be
_MARGIN = 0.2  # around the digit, of its longer side
_HALO = 0.03  # of its part: as far as its outline may lie from where it was found
_SPECK = 0.01  # of the largest piece


@dataclass(frozen=True, eq=False)
class Ink:
    """The ink of one digit.

    Attributes:
        cover: float32 [h, w] in [0, 1], how much of each pixel is ink; the box around what is at least half ink.
        scan: uint8 [H, W], the part of the picture with the digit and some paper around, as it came.
        mask: bool [H, W], what of `scan` is ink.
    """

    cover: NDArray[np.float32]
    scan: Gray
    mask: Mask


def check_ink(ink: str) -> None:
    """InputError unless `ink` is one of INKS."""
    if ink not in INKS:
        raise InputError(f"there is no ink {ink!r}; choose one of {', '.join(INKS)}")


def find_ink(gray: Gray, *, ink: str = "auto") -> Ink:
    """The ink of the one digit that a picture shows.

    The digit is found at low resolution; then its outline in its own part of the picture, by Otsu's threshold between
    its ink and the paper right beside it.

    Args:
        gray: uint8 [H, W].
        ink: dark (on lighter paper), light, or auto, which looks.

    Raises:
        Refused: the picture is too small, or has no ink.
    """
    if min(gray.shape) < _SMALLEST_PX:
        raise Refused(f"has {gray.shape[1]} × {gray.shape[0]} pixels, too few to show a digit")
    found = find_digit(_enlarged(gray), ink=ink)
    part, near = _part_of(found)
    side = max(part.shape)
    cover = outlined(darkness(part, window_px=round(_WINDOW * side), blur_px=_BLUR * side), near)
    return Ink(tight(cover), 255 - part if found.inverted else part, cover >= 0.5)


def outlined(dark: NDArray[np.float32], near: Mask) -> NDArray[np.float32]:
    """How much of each pixel is ink, float32 [H, W] in [0, 1], for ink of which every piece touches `near`.

    Half is at Otsu's threshold; from bare to full it takes half the step from paper to ink, so that an edge blurred
    over several pixels becomes a sharper one in the same place.

    Raises:
        Refused: there is no step.
    """
    around = _grown(near, max(2, round(_HALO * max(near.shape))))
    threshold, _ = otsu_threshold(dark[around])
    inked = around & (dark > threshold)
    bare = around & ~inked
    step = float(np.median(dark[inked]) - np.median(dark[bare])) if inked.any() and bare.any() else 0.0
    if step <= 0:
        raise Refused("has ink that cannot be told from the paper; take the picture in more light")
    found = pieces(inked)
    kept = (found.sums(near.astype(np.float32)) > 0) & (found.area >= _SPECK * found.area.max())
    cover = np.clip(0.5 + (dark - threshold) / (step / 2), 0, 1)
    return np.where(_grown(found.mask(kept), 1), cover, 0).astype(np.float32)


def tight(cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box around all pixels that are at least half ink."""
    inked = cover >= 0.5
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _enlarged(gray: Gray) -> Gray:
    times = -(-_ENLARGED_PX // max(gray.shape))
    if times == 1:
        return gray
    size = (gray.shape[1] * times, gray.shape[0] * times)
    return np.asarray(Image.fromarray(gray).resize(size, Image.Resampling.BICUBIC))


def _part_of(found: Found) -> tuple[Gray, Mask]:
    """The digit's part of its picture with a margin, and on it the pixels that were found to be the digit's."""
    left, top, right, bottom = found.box
    margin = round(_MARGIN * max(right - left, bottom - top)) + 2
    height, width = found.picture.shape
    first_y, first_x = max(0, top - margin) * found.factor, max(0, left - margin) * found.factor
    end_y, end_x = min(height, (bottom + margin) * found.factor), min(width, (right + margin) * found.factor)
    part, shrunk = reduced(found.picture[first_y:end_y, first_x:end_x], _FINE_PX)
    rows, columns = (
        ((first + (np.arange(count) + 0.5) * shrunk) / found.factor).astype(int).clip(0, last - 1)
        for first, count, last in zip((first_y, first_x), part.shape, found.mask.shape, strict=True)
    )
    return part, found.mask[np.ix_(rows, columns)]


def _grown(mask: Mask, radius_px: int) -> Mask:
    """The mask and all pixels within a square of 2 radius_px + 1 around its own."""
    return widened(mask.astype(np.uint8), radius_px) > 0
