"""Convolutions by Winograd's minimal filtering: to points, where they are products of matrices, and back.

Lavin and Gray: "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. F(m, r) computes m neighbouring outputs
of a filter with r taps from n = m + r - 1 inputs with n multiplications instead of m * r: the inputs are taken for the
coefficients of a polynomial, and multiplied by the filter's at n points. In two dimensions a tile of n x n inputs takes
n * n multiplications for each pair of channels, which over many tiles are n * n matrix products.

    maps [B, C, H, W] -> points [n * n, T, C] -> products [n * n, T, O] -> maps [B, O, h, w]

All of it is linear, so the way back of a gradient is the transposed matrices on the transposed way. A filter of stride
2 is one of stride 1 and half the taps between blocks of 2x2 pixels, whose four pixels count as channels (`phase`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from digitsmith.kernels.multiply import LANES, PANEL, ROWS, multiply, multiply_and_add
from digitsmith.kernels.native import copy, float32s, next_piece, part_of_kernel

_SKEW = 16  # numbers between one point's matrix and the next; a power of two would put all into one place of a cache
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # and infinity; the fewer and the nearer to 1, the less is lost


class Filtering(NamedTuple):
    """F(m, r), its matrices in float64; correlations, as convolutional layers are.

    outputs @ ((weights @ filter) * (inputs @ signal)) = the m outputs.
    """

    inputs: NDArray[np.float64]  # [n, n]
    weights: NDArray[np.float64]  # [n, r]
    outputs: NDArray[np.float64]  # [m, n]


def filtering(outputs: int, taps: int) -> Filtering:
    """F(outputs, taps) by Toom and Cook, for at most 8 points.

    Lagrange's polynomials have the rows of `inputs` for coefficients. Each is divided by the sum of its numbers, and
    `weights` multiplied by it: so no point is far larger than the signal.
    """
    count = outputs + taps - 1
    points = _POINTS[: count - 1]
    inputs = np.zeros((count, count))
    for row, point in enumerate(points):
        others = [other for other in points if other != point]
        inputs[row, :-1] = np.poly(others)[::-1] / np.prod([point - other for other in others])
    inputs[-1] = np.poly(points)[::-1]
    size = np.abs(inputs).sum(1, keepdims=True)
    return Filtering(inputs / size, _powers(points, taps) * size, _powers(points, outputs).T)


def _powers(points: Sequence[float], count: int) -> NDArray[np.float64]:
    """Of each point and of infinity, at which a polynomial is its last coefficient: [points + 1, count]."""
    last = np.zeros((1, count))
    last[0, -1] = 1.0
    return np.concatenate([np.array(points)[:, None] ** np.arange(count), last])


class Cut(NamedTuple):
    """How the maps at one end of a convolution, its inputs or its outputs, are cut into tiles.

    side, step: of a tile, and from one tile to the next, in blocks.
    phase: pixels of a block along a side.
    before: pixels of zeros before the first.
    """

    side: int
    step: int
    phase: int = 1
    before: int = 0


# The loops, of one image each. A tile's channels are those of its first pixel, then those of its second, and so on.


def spreading(matrix: NDArray[np.float64], cut: Cut) -> Any:
    """From maps to points: `matrix` [n, side] times each tile, from the left and from the right."""
    points, combine = len(matrix), _combination(matrix)
    side, step, phase, before = cut

    @part_of_kernel
    def spread(maps: Any, image: int, shape: Any, into: Any, first: int, apart: int, padded: Any, half: Any) -> None:
        """Of maps[image] to into[point * apart + (first + tile) * phase * phase * channels]."""
        height, width, channels, down, across = shape
        line = max(before + width, phase * (step * (across - 1) + side)) * channels
        for row in range(height):
            begin = (image * height + row) * width * channels
            copy(padded, (before + row) * line + before * channels, maps, begin, width * channels)
        for tile in range(down * across):
            corner = phase * step * ((tile // across) * line + (tile % across) * channels)
            for pixel in range(phase * phase):
                begin = corner + (pixel // phase) * line + (pixel % phase) * channels
                place = ((first + tile) * phase * phase + pixel) * channels
                for channel in range(0, channels, LANES):
                    for column in range(side):
                        source = begin + channel + column * phase * channels
                        combine(half, column * LANES, side * LANES, padded, source, phase * line)
                    for row in range(points):
                        target = place + channel + row * points * apart
                        combine(into, target, apart, half, row * side * LANES, LANES)

    return spread


def collecting(matrix: NDArray[np.float64], cut: Cut) -> Any:
    """From points to maps: `matrix` [side, n] times each tile's, both ways. Where tiles overlap, they are added up."""
    points, overlap = matrix.shape[1], cut.side > cut.step
    combine, put = _combination(matrix), _combination(matrix, add=overlap)
    side, step, phase, before = cut

    @part_of_kernel
    def collect(maps: Any, image: int, shape: Any, source: Any, first: int, apart: int, padded: Any, half: Any) -> None:
        """The transpose of `spread`."""
        height, width, channels, down, across = shape
        line = max(before + width, phase * (step * (across - 1) + side)) * channels
        if overlap:
            padded[:] = 0
        for tile in range(down * across):
            corner = phase * step * ((tile // across) * line + (tile % across) * channels)
            for pixel in range(phase * phase):
                target = corner + (pixel // phase) * line + (pixel % phase) * channels
                begin = ((first + tile) * phase * phase + pixel) * channels
                for channel in range(0, channels, LANES):
                    for column in range(points):
                        here = begin + channel + column * apart
                        combine(half, column * LANES, points * LANES, source, here, points * apart)
                    for row in range(side):
                        there = target + channel + row * phase * line
                        put(padded, there, phase * channels, half, row * points * LANES, LANES)
        for row in range(height):
            begin = (before + row) * line + before * channels
            copy(maps, (image * height + row) * width * channels, padded, begin, width * channels)

    return collect


def padding(cut: Cut) -> Any:
    """What `spread` and `collect` work in: the image with its zeros around, and the half-transformed tile."""
    side, step, phase, before = cut

    @part_of_kernel
    def padded(shape: Any) -> Any:
        height, width, channels, down, across = shape
        lines = max(before + height, phase * (step * (down - 1) + side))
        line = max(before + width, phase * (step * (across - 1) + side)) * channels
        return np.zeros(lines * line, np.float32)

    return padded


def convolution(
    there: NDArray[np.float64], one: Cut, back: NDArray[np.float64], other: Cut, weights: NDArray[np.float64]
) -> Any:
    """A kernel's loop: from the maps at one end to those at the other, some images at a time, whose points and products
    stay in a core's cache. `weights` are a filtering's.

    Its words: counter, batch, images of a piece, tiles down and across, height, width and channels of the given maps,
    the same of the results; the addresses of maps, of taps [r * r, channels given, channels of a result], of results;
    and where to keep the points of the maps, [n * n, T, channels given] with T at least ROWS more than there are tiles,
    or 0, with T.
    """
    spread, collect, points = spreading(there, one), collecting(back, other), len(there)
    of_taps, taps_count = _combination(np.kron(weights, weights).astype(np.float64)), weights.shape[1] ** 2
    zeros, zeros_beyond = padding(one), padding(other)
    size, size_beyond, side, side_beyond = one.phase**2, other.phase**2, one.side, other.side

    @part_of_kernel
    def loop(words: Any) -> None:
        batch, piece, down, across = words[1], words[2], words[3], words[4]
        shape, beyond = (words[5], words[6], words[7], down, across), (words[8], words[9], words[10], down, across)
        inputs, outputs, tiles = size * words[7], size_beyond * words[10], down * across
        maps = float32s(words[11], batch * words[5] * words[6] * words[7])
        taps = float32s(words[12], taps_count * inputs * outputs)
        results = float32s(words[13], batch * words[8] * words[9] * words[10])
        keeps = words[14] != 0
        rows = (piece * tiles + ROWS - 1) // ROWS * ROWS
        apart, apart_beyond = rows * inputs + _SKEW, rows * outputs + _SKEW
        if keeps:
            apart = words[15] * inputs
            given = float32s(words[14], points * points * apart)
        else:
            given = np.zeros(points * points * apart, np.float32)  # zeros: rows that make ROWS full are multiplied too
        product = np.empty(points * points * apart_beyond, np.float32)
        padded, half = zeros(shape), np.empty(points * side * LANES, np.float32)
        padded_beyond, half_beyond = zeros_beyond(beyond), np.empty(points * side_beyond * LANES, np.float32)
        panel = inputs * PANEL
        apart_weights = (outputs + PANEL - 1) // PANEL * panel + _SKEW
        at_points = np.empty(points * points * apart_weights, np.float32)
        for row in range(inputs):
            for column in range(0, outputs, LANES):
                place = column // PANEL * panel + row * PANEL + column % PANEL
                of_taps(at_points, place, apart_weights, taps, row * outputs + column, inputs * outputs)
        mine = next_piece(words)
        while mine * piece < batch:
            begin, end = mine * piece, min((mine + 1) * piece, batch)
            start = begin * tiles if keeps else 0
            for image in range(begin, end):
                spread(maps, image, shape, given, start + (image - begin) * tiles, apart, padded, half)
            rows = ((end - begin) * tiles + ROWS - 1) // ROWS * ROWS
            for point in range(points * points):
                to = (point * apart_beyond, outputs)
                left, right = (point * apart + start * inputs, inputs, 1), (point * apart_weights, PANEL, panel)
                multiply(product, to, given, left, at_points, right, (rows, outputs, inputs))
            for image in range(begin, end):
                first = (image - begin) * tiles
                collect(results, image, beyond, product, first, apart_beyond, padded_beyond, half_beyond)
            mine = next_piece(words)

    return loop


def weight_gradient(inputs: NDArray[np.float64], one: Cut, outputs: NDArray[np.float64], other: Cut) -> Any:
    """A kernel's loop: maps and what comes back to the results, of each group of images the gradient at the points.

    Its words: counter, batch, groups, images of a piece, tiles down and across, height and width of the given maps,
    their channels, height and width of the results, their channels, the addresses of maps, of what comes back, and of
    gradients [groups, n * n, phase * phase * channels given, channels of results].
    """
    spread, spread_beyond, points = spreading(inputs, one), spreading(outputs, other), len(inputs)
    zeros, zeros_beyond = padding(one), padding(other)
    size, side, side_beyond = one.phase**2, one.side, other.side

    @part_of_kernel
    def loop(words: Any) -> None:
        batch, groups, piece, down, across = words[1], words[2], words[3], words[4], words[5]
        shape, beyond = (words[6], words[7], words[8], down, across), (words[9], words[10], words[11], down, across)
        channels, kinds, tiles = size * words[8], words[11], down * across
        maps = float32s(words[12], batch * words[6] * words[7] * words[8])
        returned = float32s(words[13], batch * words[9] * words[10] * words[11])
        gradients = float32s(words[14], groups * points * points * channels * kinds)
        apart, apart_beyond = piece * tiles * channels + _SKEW, piece * tiles * kinds + _SKEW
        given = np.empty(points * points * apart, np.float32)
        back = np.empty(points * points * apart_beyond, np.float32)
        padded, half = zeros(shape), np.empty(points * side * LANES, np.float32)
        padded_beyond, half_beyond = zeros_beyond(beyond), np.empty(points * side_beyond * LANES, np.float32)
        mine = next_piece(words)
        while mine < groups:
            place = mine * points * points * channels * kinds
            gradients[place : place + points * points * channels * kinds] = 0
            for begin in range(mine * batch // groups, (mine + 1) * batch // groups, piece):
                end = min(begin + piece, (mine + 1) * batch // groups)
                for image in range(begin, end):
                    first = (image - begin) * tiles
                    spread(maps, image, shape, given, first, apart, padded, half)
                    spread_beyond(returned, image, beyond, back, first, apart_beyond, padded_beyond, half_beyond)
                depth = (end - begin) * tiles
                for point in range(points * points):
                    to = (place + point * channels * kinds, kinds)
                    left, right = (point * apart, 1, channels), (point * apart_beyond, kinds, PANEL)
                    multiply_and_add(gradients, to, given, left, back, right, (channels, kinds, depth))
            mine = next_piece(words)

    return loop


def _combination(matrix: NDArray[np.float64], *, add: bool = False) -> Any:
    """`matrix` [rows, columns] times as many vectors of `LANES` numbers, all in registers, zeros left out.

    combine(into, place, apart, source, begin, between): vectors are at source[begin + i * between], results at
    into[place + i * apart]; with `add` they are added to what is there. As instructions and not as loops, because a
    compiler cannot know that the arrays do not overlap.
    """
    vector = ir.VectorType(ir.FloatType(), LANES)
    fused = ("contract",)  # a product and its sum may be one instruction

    def constant(number: float) -> ir.Constant:
        return ir.Constant(vector, [float(np.float32(number))] * LANES)

    @intrinsic  # type: ignore[untyped-decorator]
    def combine(context: Any, into: Any, place: Any, apart: Any, source: Any, begin: Any, between: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def pointer(array: int, first: int, distance: int, index: int) -> Any:
                data = context.make_array(signature.args[array])(context, builder, args[array]).data
                offset = builder.mul(args[distance], ir.Constant(ir.IntType(64), index))
                place = builder.gep(data, [builder.add(args[first], offset)])
                return builder.bitcast(place, vector.as_pointer())

            given = [builder.load(pointer(3, 4, 5, index), align=4) for index in range(matrix.shape[1])]
            for index, row in enumerate(matrix):
                target = pointer(0, 1, 2, index)
                total = builder.load(target, align=4) if add else None
                for number, one in zip(row, given, strict=True):
                    if number == 0:
                        continue
                    term = one if number == 1 else builder.fmul(one, constant(number), flags=fused)
                    total = term if total is None else builder.fadd(total, term, flags=fused)
                builder.store(constant(0) if total is None else total, target, align=4)
            return context.get_dummy_value()

        return types.void(into, types.int64, types.int64, source, types.int64, types.int64), generate

    return combine
