"""What is printed on paper or lies around it and is no handwriting: ruled lines, squares, the table beyond the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitsmith.scanning.components import Mask, Pieces, pieces

_TANGENTS = np.linspace(-0.18, 0.18, 73)  # of a line's angle, up to 10 degrees to either side
_THICKEST = 0.03  # of the picture's height: what is thicker is drawn, not ruled
_COVERED = 0.5  # of its way over the picture, at least: a ruled line goes from border to border, under digits too
_ENDS = 0.03  # of the picture's width, that it may end before
_SHORTEST = 0.3  # of the width: a shorter way over a corner is not looked at
_MOST_LINES = 60
_AROUND = 3  # pixels up or down that a line's ink may lie off the straight

_EDGE_AREA = 0.01  # of the picture: less is no table
_SHEET = 0.88  # of its convex hull; of 100 drawn digits at most 0.86 was ink, of sheets with a digit at least 0.91
_INSIDE = 0.25  # of what lies at the border: if more of it is between parts of the paper, it is ink


def without_ruled_lines(mask: Mask) -> Mask:
    """The mask without thin straight lines that go from border to border, level or upright within 10 degrees.

    Where a stroke crosses a line, or goes along it but is thicker, it stays: of each column only a run of ink as thin
    as the line itself is taken away.
    """
    level = _without_level_lines(mask)
    return _without_level_lines(level.T).T


def _without_level_lines(mask: Mask) -> Mask:
    columns, tops, bottoms = _runs_down(mask)
    thin = bottoms - tops <= max(2, round(_THICKEST * len(mask)))
    columns, tops, bottoms = columns[thin], tops[thin], bottoms[thin]
    left = mask.copy()
    for _ in range(_MOST_LINES):
        on_line = _fullest_line(columns, (tops + bottoms) / 2, mask.shape)
        if not on_line.any():
            break
        thickness = bottoms - tops
        ruled = on_line & (thickness <= 1.5 * np.median(thickness[on_line]) + 1)
        for column, top, bottom in zip(columns[ruled], tops[ruled], bottoms[ruled], strict=True):
            left[top:bottom, column] = False
        columns, tops, bottoms = columns[~on_line], tops[~on_line], bottoms[~on_line]
    return left


def _runs_down(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The column, the top and the bottom (just outside) of each run of ink down a column."""
    height, width = mask.shape
    padded = np.zeros((width, height + 2), np.int8)
    padded[:, 1:-1] = mask.T
    steps = np.diff(padded, axis=1)
    columns, tops = np.nonzero(steps == 1)
    return columns, tops, np.nonzero(steps == -1)[1]


def _fullest_line(columns: NDArray[np.int64], middles: NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """Which runs lie on the straight line that is the fullest, bool [N]; none where no line is ruled.

    A Hough transform over the few angles: a line is its height in the middle of the picture, and its slope.
    """
    height, width = shape
    heights = middles[None] - _TANGENTS[:, None] * (columns - width / 2)[None]
    lowest = -round(_TANGENTS[-1] * width) - 2
    count = (height - 2 * lowest) // 2 + 1
    bins = ((heights - lowest) / 2).astype(np.int64)
    votes = np.bincount((bins + np.arange(len(_TANGENTS))[:, None] * count).ravel(), minlength=count * len(_TANGENTS))
    first, last = _ways(np.arange(count) * 2.0 + lowest + 1, shape)  # [angles, count] each
    ways = last - first
    shares = np.where(ways >= _SHORTEST * width, votes.reshape(ways.shape) / np.maximum(ways, 1), 0)
    angle, place = np.unravel_index(int(shares.argmax()), shares.shape)
    in_bin = bins[angle] == place
    if not in_bin.any():
        return np.zeros(len(columns), bool)
    on_line: Mask = np.abs(heights[angle] - np.median(heights[angle][in_bin])) <= _AROUND
    crossed = np.unique(columns[on_line])
    start, end = first[angle, place], last[angle, place]
    whole = len(crossed) >= _COVERED * (end - start)
    whole = bool(whole and crossed[0] <= start + _ENDS * width and crossed[-1] >= end - _ENDS * width)
    return on_line if whole else np.zeros(len(columns), bool)


def _ways(heights: NDArray[np.float64], shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first and last column at which the line with a slope and a height in the middle is on the picture,
    float64 [slopes, heights] each."""
    height, width = shape
    slopes = _TANGENTS[:, None] + 1e-9  # no line is quite level, so that there is nothing to divide by zero
    ends = np.stack([(edge - heights[None]) / slopes + width / 2 for edge in (0, height)])
    return ends.min(axis=0).clip(0, width), ends.max(axis=0).clip(0, width)


def beyond_paper(found: Pieces) -> Mask:
    """Which pieces are what the paper lies on, bool [N]: they reach the border and lie outside the paper's outline.

    Paper is convex, so little of the table lies between two points of the paper, and much of a digit does: most of a 0
    that fills the picture lies between its inside and the corners.
    """
    beyond = np.zeros(len(found), bool)
    height, width = found.shape
    for number in np.flatnonzero(found.at_border & (found.area > _EDGE_AREA * height * width)):
        piece = found.mask(np.arange(len(found)) == number)
        rest = pieces(~piece)
        paper = rest.mask(rest.area > _EDGE_AREA * height * width)
        if not paper.any():
            continue
        beyond[number] = (piece & _hull(paper)).sum() < _INSIDE * piece.sum()
    return beyond


def is_sheet(mask: Mask) -> bool:
    """Whether light ink is rather a sheet on something dark: but for what is written on it, it fills its hull."""
    return bool(mask.sum() > _SHEET * _hull(mask).sum())


def _hull(mask: Mask) -> Mask:
    """The convex hull of the mask's pixels, row by row."""
    width = mask.shape[1]
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = width - 1 - mask[rows, ::-1].argmax(axis=1)
    left = _convex(rows, first)
    right = width - 1 - _convex(rows, width - 1 - last)
    hull = np.zeros_like(mask)
    places = np.arange(width)
    hull[rows[0] : rows[-1] + 1] = (places >= left[:, None]) & (places <= right[:, None])
    return hull


def _convex(rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The largest convex function below `places` at `rows`, for every row from the first to the last."""
    chain: list[tuple[int, int]] = []
    for point in zip(rows.tolist(), places.tolist(), strict=True):
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    corners = np.array(chain)
    chained: NDArray[np.float64] = np.interp(np.arange(rows[0], rows[-1] + 1), corners[:, 0], corners[:, 1])
    return chained


def _turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    """Above 0 where the way from a over b to c bends towards larger places."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
