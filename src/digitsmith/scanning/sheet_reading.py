"""A scan or a photograph of a filled-in sheet -> the ink of each box, and the class that it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.scanning.cleaning import outlined, tight
from digitsmith.scanning.components import Mask, pieces
from digitsmith.scanning.finding import one_digit
from digitsmith.scanning.homography import Points, laid_flat
from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sheet_finding import PX_PER_MM, blackness, find_sheet, sheet_darkness
from digitsmith.scanning.sheet_layout import BOX_MM, LINE_MM, Box, SheetLayout

_REACH_MM = 1.0  # beyond a box's line, for strokes that leave it
_FAINTEST = 0.25  # of the marks' darkness: lighter is no ink
_ABOVE_LINE = 0.1  # and ink is darker than the boxes' lines by this much
_SHORTEST_MM = 1.5  # less ink is a dot that a pen left
_STRUCK_OUT = 0.55  # of a box
_INSIDE = 0.5  # of a digit's ink: with less of it in the box, it is rather what a neighbour's stroke left there


@dataclass(frozen=True, eq=False)
class Filled:
    """What one box holds.

    Attributes:
        box: which one.
        cover: float32 [h, w] in [0, 1], the tight box of its ink; None if there is no image in it.
        reason: why not; None where there is one, and for a box that was blacked out.
        scan: uint8 [H, W], the box as it came, laid flat.
        mask: bool [H, W], what of `scan` was taken.
    """

    box: Box
    cover: NDArray[np.float32] | None
    scan: Gray
    mask: Mask
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class ReadSheet:
    """A page that was read.

    Attributes:
        layout: what was printed on it.
        filled: the boxes that have ink, in the order of the page.
        flat: uint8 [H, W], the page laid flat at PX_PER_MM.
        places: the upper left corner of each box of the layout on `flat`, float64 [N, 2] in mm.
    """

    layout: SheetLayout
    filled: list[Filled]
    flat: Gray
    places: Points


def read_sheet(picture: Gray) -> ReadSheet | None:
    """The sheet on a picture, or None if there is none.

    It is laid flat, and what the squares beside a row still lie off moves the row's boxes. Ink is what is darker than
    the boxes' own lines, which are light for that.

    Args:
        picture: uint8 [H, W]; a scan in any of the four directions, or a photograph.

    Raises:
        Refused: it is one, but a corner or the code cannot be seen.
    """
    found = find_sheet(picture)
    if found is None:
        return None
    layout = found.layout
    flat = laid_flat(picture, found.homography, layout.size, PX_PER_MM)
    dark = sheet_darkness(flat)
    black = blackness(dark, layout)
    places = _places(layout, found.bends)
    faintest = max(_FAINTEST * black, _line_darkness(dark, places) + _ABOVE_LINE)
    filled = [_filled(box, corner, flat, dark, faintest) for box, corner in zip(layout.boxes, places, strict=True)]
    return ReadSheet(layout, [each for each in filled if each is not None], flat, places)


def _places(layout: SheetLayout, bends: NDArray[np.float64]) -> Points:
    """The upper left corner of each box, float64 [N, 2] in mm of the sheet laid flat, bent as its row is."""
    (first, _), (last, _) = layout.ticks[0]
    row_of = {top: row for row, (_, top) in enumerate(layout.row_tops)}
    corners = []
    for box in layout.boxes:
        left_end, right_end = bends[row_of[box.top]]
        share = (box.left + BOX_MM / 2 - first) / (last - first)
        corners.append(np.array([box.left, box.top]) + left_end * (1 - share) + right_end * share)
    return np.array(corners)


def _line_darkness(dark: NDArray[np.float32], places: Points) -> float:
    """Of the boxes' own lines: the median over all of their four sides."""
    middle, half = BOX_MM / 2, BOX_MM / 2 - LINE_MM / 2
    sides = np.array(
        [(middle - half, middle), (middle + half, middle), (middle, middle - half), (middle, middle + half)]
    )
    columns, rows = ((places[:, None] + sides).reshape(-1, 2) * PX_PER_MM).astype(int).T
    height, width = dark.shape
    return float(np.median(dark[rows.clip(0, height - 1), columns.clip(0, width - 1)]))


def _filled(
    box: Box, corner: NDArray[np.float64], flat: Gray, dark: NDArray[np.float32], faintest: float
) -> Filled | None:
    """What a box holds, None if nothing."""
    left, top = (max(0, round((at - _REACH_MM) * PX_PER_MM)) for at in corner)
    side = round((BOX_MM + 2 * _REACH_MM) * PX_PER_MM)
    scan, part = flat[top : top + side, left : left + side], dark[top : top + side, left : left + side]
    inked = part > faintest
    inside = round((_REACH_MM + LINE_MM) * PX_PER_MM)
    within = np.s_[inside:-inside, inside:-inside]
    if inked[within].mean() > _STRUCK_OUT:
        return Filled(box, None, scan, np.zeros_like(inked))
    found = pieces(inked)
    mass = np.where(found.extent >= _SHORTEST_MM * PX_PER_MM, found.sums(part), 0)
    chosen = one_digit(found, mass)
    if not chosen.any():
        return None
    own = found.mask(chosen)
    if own[within].sum() < _INSIDE * own.sum():  # an image of it would bear this box's label
        return Filled(box, None, scan, own, "has most of its ink outside its lines, as a neighbour's has; look at it")
    try:
        cover = outlined(part, own)
    except Refused as refusal:
        return Filled(box, None, scan, own, str(refusal))
    return Filled(box, tight(cover), scan, cover >= 0.5)
