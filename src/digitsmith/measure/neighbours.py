"""Exact nearest neighbours by brute force, streamed in blocks: a quick ranking first, then the truth by differences.

A matrix product ranks all points at once, |q - p|² = |q|² + |p|² - 2 q·p, but it cancels: for close points little
more than rounding error is left, and a copy is not at distance 0. So the product, in float32, only proposes a few
candidates; their distances are sums of squared differences in float64. How far a product of n terms can be off is
known (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1), so is whether a point that was not
proposed could be nearer than the neighbours found. The few queries where it could are ranked again in float64.

Vectors of many dimensions are ranked by fewer coordinates: their leading principal axes, and the length of what
remains. A distance in these coordinates is never longer than the true one (Cauchy-Schwarz), so what holds above
for rounding holds for the missing axes too: the answer is exact (the "filter and refine" of Faloutsos et al.,
"Fast subsequence matching in time-series databases", SIGMOD 1994).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Vectors = NDArray[np.float32] | NDArray[np.uint8]

_BLOCK = 1 << 23  # ranks held at a time: 32 MiB, about what a last-level cache holds
_CHUNK = 256  # vectors turned to float64 at a time
GROUP = 64  # neighbouring columns of ranks that share one minimum
_AXES = 128  # 94 % of the variance of MNIST's pixels
_ENOUGH = 0.9  # of the variance: with less the axes propose too badly to be worth their product
_SAMPLE = 10_000  # points that the axes are made of


def nearest(
    queries: Vectors, points: Vectors, k: int, *, skip_self: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The `k` points nearest to each query, in Euclidean distance, the nearest first.

    Args:
        queries: float32 or uint8 [M, D].
        points: float32 or uint8 [N, D], at least `k` (one more with `skip_self`).
        k: how many.
        skip_self: the queries are the points, and none is its own neighbour.

    Returns:
        The distances, float32 [M, k], exact but for their rounding to float32, so 0 for a copy and for nothing else;
        and the places of those points, int64 [M, k]. Of points at the same distance any may be named.
    """
    own = np.arange(len(queries)) if skip_self else None
    distances, indices, sure = _search(queries, points, k, space=Space.sketch(queries, points), own=own)
    doubtful = np.flatnonzero(~sure)
    if len(doubtful):
        own = doubtful if skip_self else None
        space = Space.full(points, torch.float64)
        distances[doubtful], indices[doubtful], _ = _search(queries[doubtful], points, k, space=space, own=own)
    return distances, indices


def distances_between(one: Vectors, other: Vectors) -> Tensor:
    """The distance of each vector of `other`, [..., D], to that of `one`, which may be broadcast -> float32 [...].

    From differences in float64, so the same two vectors have the same distance wherever it is asked for.
    """
    difference = torch.tensor(other).double().sub_(torch.tensor(one).double())
    distances: Tensor = torch.linalg.vector_norm(difference, dim=-1).float()
    return distances


@dataclass(frozen=True)
class Space:
    """The coordinates that vectors are ranked by.

    Attributes:
        centre: their origin, float64 [D]: a product loses the fewer digits the shorter the vectors are.
        axes: orthonormal, float64 [D, A]; None where all D coordinates are kept.
        dtype: that of the ranking product.
        spare: how many candidates it proposes beyond those asked for.
    """

    centre: Tensor
    axes: Tensor | None
    dtype: torch.dtype
    spare: int

    @classmethod
    def full(cls, points: Vectors, dtype: torch.dtype) -> Space:
        """All coordinates: no distance is shortened."""
        return cls(torch.from_numpy(points.mean(axis=0, dtype=np.float64)), None, dtype, spare=4)

    @classmethod
    def sketch(cls, queries: Vectors, points: Vectors) -> Space:
        """The leading axes of the points, where these are few beside D and hold most of the variance."""
        full = cls.full(points, torch.float32)
        dimensions = points.shape[1]
        if dimensions < 2 * _AXES or min(len(queries), len(points)) < dimensions:  # finding them would cost more
            return full
        sample = full.of(points[:: -(-len(points) // _SAMPLE)])
        variances, axes = torch.linalg.eigh(sample.T @ sample)  # ascending
        if variances[-_AXES:].sum() < _ENOUGH * variances.sum():
            return full
        return cls(full.centre, axes[:, -_AXES:], torch.float32, spare=24)

    @property
    def unit(self) -> float:
        """The most that a squared distance here can be off by rounding, for vectors whose lengths add up to 1."""
        terms = (len(self.centre) if self.axes is None else self.axes.shape[1] + 1) + 8  # 8: coordinates, lengths
        return terms * torch.finfo(self.dtype).eps / 2

    def of(self, vectors: Vectors) -> Tensor:
        """The coordinates of vectors [n, D]: float64 [n, D], or [n, A + 1] with the length off the axes last."""
        centred = torch.tensor(vectors).double() - self.centre
        if self.axes is None:
            return centred
        along = centred @ self.axes
        rest = torch.linalg.vector_norm(centred - along @ self.axes.T, dim=1, keepdim=True)
        return torch.cat([along, rest], dim=1)


class Ranking:
    """Blocks of |p|² - 2 q·p - offset for queries q and points p, as one product with one column more.

    Args:
        points: [N, D].
        space: the coordinates.
        offsets: float64 [N], one per point; None for 0.
    """

    def __init__(self, points: Vectors, space: Space, offsets: Tensor | None = None) -> None:
        self.space = space
        self.groups = -(-len(points) // GROUP)
        width = len(space.centre) + 1 if space.axes is None else space.axes.shape[1] + 2
        self._factors = torch.zeros(self.groups * GROUP, width, dtype=space.dtype)  # [N', W]
        self._factors[len(points) :, -1] = torch.inf  # so what pads the last group is never the nearest
        self.longest = 0.0  # of the points, from the centre
        for start in range(0, len(points), _CHUNK):
            rows = slice(start, min(start + _CHUNK, len(points)))
            coordinates = space.of(points[rows])
            squares = coordinates.square().sum(1)
            self.longest = max(self.longest, float(squares.max().sqrt()))
            self._factors[rows, :-1] = -2 * coordinates  # rounded to the product's dtype here
            self._factors[rows, -1] = squares if offsets is None else squares - offsets[rows]

    def blocks(self, queries: Vectors) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """(rows, ranks [B, N'], |q|² float64 [B, 1]) of block after block of queries; N' is N padded with infinity.

        The ranks are overwritten by the next block's: fresh pages for each would cost a tenth more.
        """
        size = max(1, min(_CHUNK, _BLOCK // len(self._factors)))
        ranks = torch.empty(min(size, len(queries)), len(self._factors), dtype=self.space.dtype)
        for start in range(0, len(queries), size):
            rows = slice(start, min(start + size, len(queries)))
            coordinates = self.space.of(queries[rows])
            ones = torch.ones(len(coordinates), 1, dtype=torch.float64)
            factors = torch.cat([coordinates, ones], dim=1).to(self.space.dtype)
            block = torch.mm(factors, self._factors.T, out=ranks[: len(factors)])
            yield rows, block, coordinates.square().sum(1, keepdim=True)


def _search(
    queries: Vectors, points: Vectors, k: int, *, space: Space, own: NDArray[np.int64] | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """Neighbours as `nearest` returns them, and of which queries, bool [M], they are certainly the nearest.

    `own` is the place of each query among the points, which is left out.
    """
    ranking = Ranking(points, space)
    others = len(points) - (own is not None)
    proposed = min(k + space.spare, others)
    # Written in place: small arrays kept from each block would split the memory that the next block's ranks need.
    distances = np.empty((len(queries), k), np.float32)
    indices = np.empty((len(queries), k), np.int64)
    certain = np.empty(len(queries), np.bool_)
    for rows, ranks, squares in ranking.blocks(queries):
        if own is not None:
            ranks[torch.arange(len(ranks)), torch.from_numpy(own[rows])] = torch.inf
        best, places = _smallest(ranks, proposed)
        places = places.sort(dim=1).values  # so that of equally near candidates the first in the set is named
        candidates = distances_between(queries[rows, None], points[places.numpy()])
        found, order = candidates.sort(dim=1, stable=True)
        furthest = found[:, k - 1 : k].double()
        # A nearer point that was not proposed is no longer than |q| + furthest, so its rank is off by this at most.
        error = space.unit * (2 * squares.sqrt() + furthest).square()
        unproposed = squares + best.amax(1, keepdim=True)  # the squared distance of the others, or less
        sure = (unproposed - error >= furthest.square()) | (proposed == others)
        distances[rows], indices[rows] = found[:, :k].numpy(), places.gather(1, order[:, :k]).numpy()
        certain[rows] = sure[:, 0].numpy()
    return distances, indices, certain


def _smallest(ranks: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest of each row of [B, N'], unsorted, and their columns.

    They lie in the `count` groups of columns with the smallest minima, and to find those is one pass over the
    ranks; `topk` over whole rows takes as long as the product that made them.
    """
    groups = ranks.view(len(ranks), -1, GROUP)  # [B, N' / group, group]
    chosen = groups.amin(2).topk(min(count, groups.shape[1]), largest=False, sorted=False).indices  # [B, c]
    within = groups.gather(1, chosen[:, :, None].expand(-1, -1, GROUP))  # [B, c, group]
    best, places = within.flatten(1).topk(count, largest=False, sorted=False)
    return best, chosen.gather(1, places // GROUP) * GROUP + places % GROUP
