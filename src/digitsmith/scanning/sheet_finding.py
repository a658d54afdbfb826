"""Where a sheet lies on a picture: its code read through the perspective of its corner marks, then the best map."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from digitsmith.scanning.components import Mask
from digitsmith.scanning.homography import Homography, Points, fit_homography, laid_flat, mapped
from digitsmith.scanning.illumination import Gray, darkness
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sheet_code import layout_of, rows_of
from digitsmith.scanning.sheet_layout import CELL_MM, CELLS_IN_ROW, MARK_MM, TICK_MM, SheetLayout
from digitsmith.scanning.sheet_marks import Squares, find_squares, likely_corners, middle_of_square

PX_PER_MM = 8.0  # of the sheet laid flat: 203 dpi, 90 pixels to a box
_TRIED = 20  # papers that may be the sheet
_MOST_ROWS = 12  # of the code
_WINDOW_MM = 13.0  # wider than a box that was blacked out: what is wider is a shadow
_NEAR_MM = 2.5  # as far as a square may lie from where four corners say
_OFF_MM = 1.0  # as far as one may lie from where all others say, or else it is none of the sheet's
_FEWEST = 6  # squares to be found


@dataclass(frozen=True, eq=False)
class FoundSheet:
    """A sheet on a picture.

    Attributes:
        layout: what was printed on it.
        homography: from mm on the sheet to pixels of the picture.
        bends: how far from there the squares at both ends of each row lie, float64 [rows, 2, 2] in mm: left and right
            end, x and y. Paper is not quite flat, and a lens not quite straight.
    """

    layout: SheetLayout
    homography: Homography
    bends: NDArray[np.float64]


def find_sheet(picture: Gray) -> FoundSheet | None:
    """The sheet on a picture, uint8 [H, W], or None if there is none.

    Raises:
        Refused: it is one, but a corner or the code cannot be seen.
    """
    found = _decoded(picture, find_squares(picture))
    return None if found is None else FoundSheet(found[0], *_refined(picture, *found))


def sheet_darkness(flat: Gray) -> NDArray[np.float32]:
    """`darkness` of a sheet laid flat."""
    return darkness(flat, window_px=round(_WINDOW_MM * PX_PER_MM), blur_px=0.7)


def blackness(dark: NDArray[np.float32], layout: SheetLayout) -> float:
    """How dark the print is on a sheet laid flat: the median over places in its solid corner marks."""
    places = [at for mark in layout.marks[1:] for at in (mark, (mark[0] - 1, mark[1] - 1), (mark[0] + 1, mark[1] + 1))]
    columns, rows = (np.array(places) * PX_PER_MM).astype(int).T
    return float(np.median(dark[rows, columns]))


def _decoded(picture: Gray, squares: Squares) -> tuple[SheetLayout, Homography] | None:
    """The layout that the code says, and the map from mm to pixels by the corner marks alone."""
    tried = 0
    for paper, homography in islice(likely_corners(squares), _TRIED):
        tried += 1
        layout = _read_code(picture, homography, paper)
        if layout is not None:
            beside = squares.outside(homography, layout.size)
            if any(_read_code(picture, other, paper) for paper, other in islice(likely_corners(beside), _TRIED)):
                raise Refused("shows two sheets of boxes; take a picture of each")
            return layout, homography
    if tried and squares.like_a_sheet:
        raise Refused(
            "looks like a sheet of boxes, but its code cannot be read; take a sharper picture of it, flat, or give "
            "--no-sheet if it is none"
        )
    if squares.like_a_sheet:
        raise Refused(
            "looks like a sheet of boxes, but not all four corner marks can be seen; take a picture of all, or "
            "give --no-sheet if it is none"
        )
    return None


def _read_code(picture: Gray, homography: Homography, paper: str) -> SheetLayout | None:
    """What the code says, from its upper copy, its lower one, or both together; None if the check fails for all."""
    probe = SheetLayout(paper, ("",), 1)
    first = [_cells(picture, homography, probe, rows=1, copy=copy) for copy in (0, 1)]
    for evidence in (first[0], first[1], first[0] + first[1]):
        rows = rows_of(evidence[0] > 0)
        if rows > _MOST_ROWS:
            continue
        both = [_cells(picture, homography, probe, rows=rows, copy=copy) for copy in (0, 1)]
        for cells in (both[0], both[1], both[0] + both[1]):
            layout = layout_of(cells > 0)
            if layout is not None and layout.paper == paper:
                return layout
    return None


def _cells(picture: Gray, homography: Homography, layout: SheetLayout, *, rows: int, copy: int) -> NDArray[np.float64]:
    """How black each cell of a copy is, float64 [rows, 64]: above 0 is rather black, below rather white.

    White is what the paper is right outside the code, at each column of cells; black is as much darker as the darkest
    cells are.
    """
    middles = np.array([[layout.cell(row, column, copy=copy) for column in range(CELLS_IN_ROW)] for row in range(rows)])
    outside = np.array([layout.cell(-1, column, copy=copy) for column in range(CELLS_IN_ROW)])
    seen, paper = (_sampled(picture, homography, points) for points in (middles, outside))
    taken = 1 - seen / np.maximum(paper, 1)
    light, dark = np.percentile(taken, [10, 90])
    blackness: NDArray[np.float64] = taken - (light + dark) / 2
    return blackness


def _sampled(picture: Gray, homography: Homography, points: Points) -> NDArray[np.float64]:
    """The gray of the picture around points of the sheet [..., 2]: the mean over nine places in a cell's middle."""
    steps = np.array([-1, 0, 1]) * CELL_MM / 5
    around = points[..., None, None, :] + np.stack(np.meshgrid(steps, steps), axis=-1)
    x, y = np.moveaxis(mapped(homography, around), -1, 0)
    height, width = picture.shape
    inside = picture[np.clip(y, 0, height - 1).astype(int), np.clip(x, 0, width - 1).astype(int)]
    means: NDArray[np.float64] = inside.mean(axis=(-1, -2), dtype=np.float64)
    return means


def _refined(picture: Gray, layout: SheetLayout, rough: Homography) -> tuple[Homography, NDArray[np.float64]]:
    """A better map from mm to pixels, by all squares of the sheet that can be seen; and how far from it the squares
    at both ends of each row lie, float64 [rows, 2, 2] in mm.
    """
    flat = laid_flat(picture, rough, layout.size, PX_PER_MM)
    dark = sheet_darkness(flat)
    expected = np.array([*layout.marks, *(end for ends in layout.ticks for end in ends)])
    sides = [MARK_MM] * 4 + [TICK_MM] * (len(expected) - 4)
    black = blackness(dark, layout)
    inked = dark > black / 2
    places = [_seen(inked, middle, side) for middle, side in zip(expected, sides, strict=True)]
    seen: Points = np.array(places).astype(np.float64)
    known: Mask = np.isfinite(seen[:, 0])
    on_picture = mapped(rough, seen)
    for _ in range(2):
        if known.sum() < _FEWEST:
            raise Refused("is a sheet of boxes, but too bent or too blurred; take a sharper picture of it, flat")
        homography = fit_homography(expected[known], on_picture[known])
        back: Homography = np.linalg.inv(homography).astype(np.float64)
        off = mapped(back, on_picture) - expected
        known = known & (np.hypot(*np.nan_to_num(off, nan=np.inf).T) < _OFF_MM)
    bends = np.where(known[4:, None], off[4:], np.nan).reshape(-1, 2, 2)
    return homography, np.nan_to_num(np.where(np.isnan(bends), bends[:, ::-1], bends))


def _seen(mask: Mask, middle: NDArray[np.float64], side_mm: float) -> tuple[float, float]:
    """Where a square of the sheet is, in mm of the sheet laid flat; NaN where it is not."""
    reach = side_mm / 2 + _NEAR_MM
    left, top = (max(0, int((at - reach) * PX_PER_MM)) for at in middle)
    right, bottom = (int((at + reach) * PX_PER_MM) for at in middle)
    found = middle_of_square(mask[top:bottom, left:right], side_mm * PX_PER_MM)
    return (np.nan, np.nan) if found is None else ((found[0] + left) / PX_PER_MM, (found[1] + top) / PX_PER_MM)
