"""Connected ink: which pixels of a mask hang together, and how large each piece is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""bool [H, W], True is ink."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """The 8-connected pieces of a mask, in no particular order.

    Attributes:
        shape: (H, W) of the mask.
        area: pixels of each, int64 [N].
        left, top, right, bottom: the box around each, int64 [N]; right and bottom are just outside.
    """

    shape: tuple[int, int]
    area: NDArray[np.int64]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    right: NDArray[np.int64]
    bottom: NDArray[np.int64]
    _piece: NDArray[np.int64]  # of each run of ink along a row
    _starts: NDArray[np.int64]  # of each run, as an index into the flat mask
    _ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.area)

    @property
    def extent(self) -> NDArray[np.int64]:
        """The longer side of each box, int64 [N]."""
        longer: NDArray[np.int64] = np.maximum(self.right - self.left, self.bottom - self.top)
        return longer

    @property
    def at_border(self) -> Mask:
        """Whether each touches the border of the picture, bool [N]."""
        height, width = self.shape
        touching: Mask = (self.left == 0) | (self.top == 0) | (self.right == width) | (self.bottom == height)
        return touching

    def sums(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of `values` [H, W] over each piece, float64 [N]."""
        total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        runs: NDArray[np.float64] = total[self._ends] - total[self._starts]
        return np.bincount(self._piece, runs, len(self)).astype(np.float64, copy=False)

    def mask(self, chosen: Mask) -> Mask:
        """The pixels of the pieces that `chosen` [N] is True for, bool [H, W]."""
        runs = chosen[self._piece]
        edges = np.zeros(self.shape[0] * self.shape[1] + 1, np.int8)
        edges[self._starts[runs]] += 1
        edges[self._ends[runs]] -= 1
        return np.cumsum(edges[:-1], dtype=np.int8).astype(bool).reshape(self.shape)

    def cut(self, number: int) -> Mask:
        """One piece in its own box, bool [bottom - top, right - left]."""
        runs = self._piece == number
        top, left = int(self.top[number]), int(self.left[number])
        cut = np.zeros((int(self.bottom[number]) - top, int(self.right[number]) - left), bool)
        rows, starts = np.divmod(self._starts[runs], self.shape[1])
        for row, start, length in zip(rows - top, starts - left, self._ends[runs] - self._starts[runs], strict=True):
            cut[row, start : start + length] = True
        return cut


def pieces(mask: Mask) -> Pieces:
    """The pieces of `mask`: runs of ink along the rows, joined to those that they touch in the row above."""
    height, width = mask.shape
    stride = width + 1  # a gap after each row, so that no run goes on into the next
    flat = np.zeros(height * stride + 1, np.int8)
    flat[:-1].reshape(height, stride)[:, :width] = mask
    steps = np.diff(flat, prepend=np.int8(0))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)

    first = np.searchsorted(ends, starts - stride, side="left")  # diagonal neighbours touch: hence no < or > below
    last = np.searchsorted(starts, ends - stride, side="right")
    touching = np.maximum(last - first, 0)
    below = np.repeat(np.arange(len(starts)), touching)
    above = np.arange(touching.sum()) - np.repeat(np.cumsum(touching) - touching, touching) + np.repeat(first, touching)

    names = _joined(len(starts), below, above)
    _, piece = np.unique(names, return_inverse=True)
    count = int(piece.max()) + 1 if len(piece) else 0
    row, column = np.divmod(starts, stride)
    lengths = ends - starts
    nowhere = {"left": width, "top": height, "right": 0, "bottom": 0}
    box = {edge: np.full(count, beyond) for edge, beyond in nowhere.items()}
    np.minimum.at(box["left"], piece, column)
    np.minimum.at(box["top"], piece, row)
    np.maximum.at(box["right"], piece, column + lengths)
    np.maximum.at(box["bottom"], piece, row + 1)
    area = np.bincount(piece, lengths, count).astype(np.int64)
    return Pieces((height, width), area, **box, _piece=piece, _starts=starts - row, _ends=ends - row)


def _joined(count: int, ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """One name for all of `count` things that are joined by pairs, directly or through others: the least of them.

    Each round both of a pair take the lesser name, and each name the name of what it names, so that a chain of n is
    done in about log n rounds.
    """
    names = np.arange(count)
    while True:
        least = np.minimum(names[ones], names[others])
        before = names.copy()
        for ends in (ones, others):
            np.minimum.at(names, before[ends], least)
            np.minimum.at(names, ends, least)
        names = names[names]
        if (names == before).all():
            return names
