"""Ink on a ground: what has been written so far, and the picture of it."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.ink import Box
from digitsmith.drawing.line import Placed
from digitsmith.errors import InputError

GROUNDS = ("white", "black", "transparent")
_BAND = 256  # lines of a picture that are computed at once, in wider numbers than they are kept in

Colour = tuple[int, int, int]


def parse_colour(text: str) -> Colour:
    """#1a2b6d as (26, 43, 109).

    Raises:
        InputError: anything else.
    """
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise InputError(f"{text!r} is no colour; write it as #1a2b6d: two hex digits each of red, green and blue")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


class Canvas:
    """What is written, as ink that covers each pixel more or less.

    Attributes:
        cover: uint8 [H, W], 255 where ink hides the ground.
        colours: uint8 [3, H, W] of the ink where the model draws in colour, else None.
    """

    def __init__(self, width: int, height: int, *, coloured: bool = False) -> None:
        self.cover = np.zeros((height, width), np.uint8)
        self.colours = np.zeros((3, height, width), np.uint8) if coloured else None

    def write(self, placed: Placed) -> Box | None:
        """Ink a glyph, as far as it lies on the canvas.

        Returns:
            The box of its ink, None where there is none: every pixel that the glyph covers at all lies inside, and
            each side touches one.
        """
        window = self._around(placed)
        if window is None:
            return None
        left, top, right, bottom = window
        cover = np.empty((bottom - top, right - left), np.uint8)
        for y in range(top, bottom, _BAND):
            band = (left, y, right, min(y + _BAND, bottom))
            cover[y - top : y - top + _BAND] = self._write_band(placed, band)
        return _inked(cover, left, top)

    def _write_band(self, placed: Placed, band: Box) -> NDArray[np.uint8]:
        """A part of a glyph on a part of the canvas; gives back its cover alone."""
        left, top, right, bottom = band
        cover = np.rint(placed.coverage(band) * 255).astype(np.uint8)
        below = self.cover[top:bottom, left:right]
        if self.colours is not None:
            own = np.rint(placed.colours(band) * 255).astype(np.uint8)
            np.copyto(self.colours[:, top:bottom, left:right], own, where=cover > below)
        np.maximum(below, cover, out=below)
        return cover

    def _around(self, placed: Placed) -> Box | None:
        """The part of the canvas that a glyph can reach: its image and a pixel of it around, where ink still fades."""
        height, width = self.cover.shape
        image_height, image_width = placed.glyph.ink.image.shape[1:]
        left, top = (max(0, int(edge - placed.scale)) for edge in (placed.left, placed.top))
        right = min(width, int(np.ceil(placed.left + (image_width + 1) * placed.scale)))
        bottom = min(height, int(np.ceil(placed.top + (image_height + 1) * placed.scale)))
        return (left, top, right, bottom) if left < right and top < bottom else None

    def picture(self, *, ground: str = "white", ink: Colour | None = None) -> NDArray[np.uint8]:
        """What it looks like, uint8 [1, H, W] where everything is gray, [3, H, W] in colour, [4, H, W] see-through.

        Args:
            ground: white, black or transparent.
            ink: its colour. None is what a model that draws in colour drew, else black, or white on black.

        Raises:
            InputError: another ground.
        """
        if ground not in GROUNDS:
            raise InputError(f"there is no ground {ground!r}; choose one of {', '.join(GROUNDS)}")
        if ground == "transparent":
            colours = self._inks(ink, plain=0)
            return np.concatenate([np.broadcast_to(colours, (3, *self.cover.shape)), self.cover[None]])
        plain, behind = (255, 0) if ground == "black" else (0, 255)
        return self._over(np.full((1, 1, 1), behind, np.uint8), self._inks(ink, plain=plain))

    def on_page(self, printed: NDArray[np.uint8], *, ink: Colour | None = None) -> NDArray[np.uint8]:
        """As `picture`, over what is printed on white, uint8 [H, W]."""
        return self._over(printed[None], self._inks(ink, plain=0))

    def _inks(self, ink: Colour | None, *, plain: int) -> NDArray[np.uint8]:
        """The colour of the ink everywhere [3, H, W], or one for all [3, 1, 1], or one gray [1, 1, 1]."""
        if ink is None and self.colours is not None:
            return self.colours
        channels = np.array(ink or (plain,) * 3, np.uint8)[:, None, None]
        return channels[:1] if len(set(channels.flat)) == 1 else channels

    def _over(self, behind: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = self.cover.shape
        channels = max(len(behind), len(colours))
        shape = (channels, height, width)
        behind, colours = np.broadcast_to(behind, shape), np.broadcast_to(colours, shape)
        picture = np.empty(shape, np.uint8)
        for y in range(0, height, _BAND):
            band = np.s_[:, y : y + _BAND]
            cover = self.cover[None][band].astype(np.uint16)  # two products of bytes that share 255 fit
            picture[band] = (behind[band] * (255 - cover) + colours[band] * cover + 127) // 255
        return picture


def _inked(cover: NDArray[np.uint8], left: int, top: int) -> Box | None:
    """The box of what is not 0, with (left, top) added."""
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    if not len(rows):
        return None
    return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1
