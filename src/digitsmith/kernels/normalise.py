"""BatchNorm and the ReLU behind it in two passes over memory, forward and back each.

PyTorch takes three forward (statistics, normalising, ReLU) and four back; between convolutions they took a quarter of a
step. Ioffe and Szegedy: "Batch Normalization", ICML 2015, algorithm 1; its gradients are those of section 3.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from digitsmith.kernels.native import bfloat16s, float32s, kernel, load, next_piece, part_of_kernel, store
from digitsmith.kernels.team import run

_PIECE = 1 << 14  # numbers of a piece of work, about
_TILE = 256  # numbers of neighbouring rows that one loop passes over: enough for wide registers


def normalise_and_rectify(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    *,
    momentum: float,
    epsilon: float,
) -> Tensor:
    """max(0, weight * (x - mean) / sqrt(variance + epsilon) + bias), as in training; moves the running statistics.

    Args:
        x: float32 or bfloat16 [B, C, h, w], fastest with channels last in memory; on the CPU.
        weight, bias, running_mean, running_var: float32 [C].

    Returns:
        Of x's type and shape. NaN stays NaN.
    """
    result: Tensor = _NormaliseAndRectify.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, running_mean, running_var, momentum, epsilon
    )
    return result


class _NormaliseAndRectify(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        epsilon: float,
    ) -> Tensor:
        x = _channels_last(x)
        shape = _shape(x)
        moments = weight.new_empty(shape.pieces, 2, shape.channels)
        used = weight.new_empty(4, shape.channels)  # mean, what x is multiplied by, what is then added, 1 / deviation
        y = torch.empty_like(x)
        run(_moments, *shape, x.data_ptr(), moments.data_ptr())
        learned = (weight, bias, running_mean, running_var, _pair(momentum, epsilon))
        run(_settle, *shape, moments.data_ptr(), used.data_ptr(), *(one.data_ptr() for one in learned), alone=True)
        run(_apply, *shape, x.data_ptr(), used.data_ptr(), y.data_ptr())
        ctx.save_for_backward(x, used)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, used = ctx.saved_tensors
        gradient = _channels_last(gradient.to(x.dtype))
        shape = _shape(x)
        sums, factors = used.new_empty(shape.pieces, 2, shape.channels), used.new_empty(2, shape.channels)
        to_weight, to_bias, to_x = used.new_empty(shape.channels), used.new_empty(shape.channels), torch.empty_like(x)
        here = (x.data_ptr(), used.data_ptr(), gradient.data_ptr())
        run(_sums, *shape, *here, sums.data_ptr())
        found = (sums, used, factors, to_weight, to_bias)
        run(_settle_back, *shape, *(one.data_ptr() for one in found), alone=True)
        run(_apply_back, *shape, *here, factors.data_ptr(), to_x.data_ptr())
        return to_x, to_weight, to_bias, None, None, None, None


@functools.cache
def _pair(one: float, two: float) -> Tensor:
    return torch.tensor([one, two], dtype=torch.float32, device="cpu")


class _Shape(NamedTuple):
    """The first words of every kernel here."""

    rows: int
    channels: int
    piece: int  # rows of a piece of work
    pieces: int
    halved: bool  # whether x, y and gradients are bfloat16


def _shape(x: Tensor) -> _Shape:
    rows, channels = x.numel() // x.shape[1], x.shape[1]
    piece = max(_TILE // channels, 1) * max(_PIECE // max(_TILE, channels), 1)
    return _Shape(rows, channels, piece, -(-rows // piece), x.dtype == torch.bfloat16)


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


# The loops. x, y and gradients are [rows * channels], float32 or bfloat16; everything else is float32.


@part_of_kernel
def _tile(channels: int) -> int:
    return max(_TILE // channels, 1) * channels


@part_of_kernel
def _tiled(row: Any, tile: int) -> Any:
    """`row` over and over, `tile` numbers: several rows of x are one loop then."""
    repeated = np.empty(tile, np.float32)
    for place in range(tile):
        repeated[place] = row[place % len(row)]
    return repeated


@part_of_kernel
def _added_up(sums: Any, channel: int, channels: int) -> Any:
    total = np.float32(0)
    for place in range(channel, len(sums), channels):
        total += sums[place]
    return total


@part_of_kernel
def _moments_of(words: Any, x: Any, moments: Any) -> None:
    """Of each piece: the mean of each channel and the sum of squared distances from it, [pieces, 2, channels].

    Sums are taken of distances from the piece's first row: a mean far from 0 costs no digits. Four tiles at a time are
    added before they meet the sums, which stay in memory.
    """
    rows, channels, piece, pieces = words[1], words[2], words[3], words[4]
    tile = _tile(channels)
    total, squares = np.empty(tile, np.float32), np.empty(tile, np.float32)
    origin = np.empty(tile, np.float32)
    mine = next_piece(words)
    while mine < pieces:
        begin, end = mine * piece * channels, min((mine + 1) * piece, rows) * channels
        for place in range(tile):
            origin[place] = load(x, begin + place % channels)
            total[place] = 0
            squares[place] = 0
        together = begin + (end - begin) // (4 * tile) * (4 * tile)
        for start in range(begin, together, 4 * tile):
            for place in range(tile):
                here = origin[place]
                one = load(x, start + place) - here
                two = load(x, start + place + tile) - here
                three = load(x, start + place + 2 * tile) - here
                four = load(x, start + place + 3 * tile) - here
                total[place] += (one + two) + (three + four)
                squares[place] += (one * one + two * two) + (three * three + four * four)
        for start in range(together, end, tile):
            for place in range(min(tile, end - start)):
                distance = load(x, start + place) - origin[place]
                total[place] += distance
                squares[place] += distance * distance
        count = np.float32((end - begin) // channels)
        for channel in range(channels):
            one, two = _added_up(total, channel, channels), _added_up(squares, channel, channels)
            moments[2 * mine * channels + channel] = origin[channel] + one / count
            moments[(2 * mine + 1) * channels + channel] = two - one * one / count
        mine = next_piece(words)


@part_of_kernel
def _apply_of(words: Any, x: Any, used: Any, y: Any) -> None:
    rows, channels, piece, pieces = words[1], words[2], words[3], words[4]
    tile = _tile(channels)
    factor, shift = _tiled(used[channels : 2 * channels], tile), _tiled(used[2 * channels : 3 * channels], tile)
    mine = next_piece(words)
    while mine < pieces:
        begin, end = mine * piece * channels, min((mine + 1) * piece, rows) * channels
        for start in range(begin, end, tile):
            for place in range(min(tile, end - start)):
                number = load(x, start + place) * factor[place] + shift[place]
                store(y, start + place, np.float32(0) if number <= 0 else number)  # so that NaN stays
        mine = next_piece(words)


@part_of_kernel
def _passed(number: Any, factor: Any, shift: Any, gradient: Any) -> Any:
    """What comes back through the ReLU."""
    return np.float32(0) if number * factor + shift <= 0 else gradient


@part_of_kernel
def _sums_of(words: Any, x: Any, used: Any, gradient: Any, sums: Any) -> None:
    """Of each piece: what comes back through the ReLU, and that times x's distance from its mean, added up."""
    rows, channels, piece, pieces = words[1], words[2], words[3], words[4]
    tile = _tile(channels)
    mean, factor = _tiled(used[:channels], tile), _tiled(used[channels : 2 * channels], tile)
    shift = _tiled(used[2 * channels : 3 * channels], tile)
    total, products = np.empty(tile, np.float32), np.empty(tile, np.float32)
    mine = next_piece(words)
    while mine < pieces:
        begin, end = mine * piece * channels, min((mine + 1) * piece, rows) * channels
        total[:] = 0
        products[:] = 0
        together = begin + (end - begin) // (4 * tile) * (4 * tile)
        for start in range(begin, together, 4 * tile):
            for place in range(tile):
                f, s, m = factor[place], shift[place], mean[place]
                x1, x2 = load(x, start + place), load(x, start + place + tile)
                x3, x4 = load(x, start + place + 2 * tile), load(x, start + place + 3 * tile)
                g1, g2 = load(gradient, start + place), load(gradient, start + place + tile)
                g3, g4 = load(gradient, start + place + 2 * tile), load(gradient, start + place + 3 * tile)
                g1, g2 = _passed(x1, f, s, g1), _passed(x2, f, s, g2)
                g3, g4 = _passed(x3, f, s, g3), _passed(x4, f, s, g4)
                total[place] += (g1 + g2) + (g3 + g4)
                products[place] += (g1 * (x1 - m) + g2 * (x2 - m)) + (g3 * (x3 - m) + g4 * (x4 - m))
        for start in range(together, end, tile):
            for place in range(min(tile, end - start)):
                number = load(x, start + place)
                passed = _passed(number, factor[place], shift[place], load(gradient, start + place))
                total[place] += passed
                products[place] += passed * (number - mean[place])
        for channel in range(channels):
            sums[2 * mine * channels + channel] = _added_up(total, channel, channels)
            sums[(2 * mine + 1) * channels + channel] = _added_up(products, channel, channels)
        mine = next_piece(words)


@part_of_kernel
def _apply_back_of(words: Any, x: Any, used: Any, gradient: Any, factors: Any, to_x: Any) -> None:
    rows, channels, piece, pieces = words[1], words[2], words[3], words[4]
    tile = _tile(channels)
    mean, factor = _tiled(used[:channels], tile), _tiled(used[channels : 2 * channels], tile)
    shift = _tiled(used[2 * channels : 3 * channels], tile)
    constant, slope = _tiled(factors[:channels], tile), _tiled(factors[channels:], tile)
    mine = next_piece(words)
    while mine < pieces:
        begin, end = mine * piece * channels, min((mine + 1) * piece, rows) * channels
        for start in range(begin, end, tile):
            for place in range(min(tile, end - start)):
                number = load(x, start + place)
                passed = _passed(number, factor[place], shift[place], load(gradient, start + place))
                lost = constant[place] + (number - mean[place]) * slope[place]
                store(to_x, start + place, passed * factor[place] - lost)
        mine = next_piece(words)


@kernel
def _moments(words: Any) -> None:
    moments = float32s(words[7], 2 * words[4] * words[2])
    if words[5]:
        _moments_of(words, bfloat16s(words[6], words[1] * words[2]), moments)
    else:
        _moments_of(words, float32s(words[6], words[1] * words[2]), moments)


@kernel
def _apply(words: Any) -> None:
    count, used = words[1] * words[2], float32s(words[7], 4 * words[2])
    if words[5]:
        _apply_of(words, bfloat16s(words[6], count), used, bfloat16s(words[8], count))
    else:
        _apply_of(words, float32s(words[6], count), used, float32s(words[8], count))


@kernel
def _sums(words: Any) -> None:
    count, used, sums = (
        words[1] * words[2],
        float32s(words[7], 4 * words[2]),
        float32s(words[9], 2 * words[4] * words[2]),
    )
    if words[5]:
        _sums_of(words, bfloat16s(words[6], count), used, bfloat16s(words[8], count), sums)
    else:
        _sums_of(words, float32s(words[6], count), used, float32s(words[8], count), sums)


@kernel
def _apply_back(words: Any) -> None:
    count, used, factors = words[1] * words[2], float32s(words[7], 4 * words[2]), float32s(words[9], 2 * words[2])
    if words[5]:
        x, gradient, to_x = bfloat16s(words[6], count), bfloat16s(words[8], count), bfloat16s(words[10], count)
        _apply_back_of(words, x, used, gradient, factors, to_x)
    else:
        x, gradient, to_x = float32s(words[6], count), float32s(words[8], count), float32s(words[10], count)
        _apply_back_of(words, x, used, gradient, factors, to_x)


@kernel
def _settle(words: Any) -> None:
    """The pieces' moments to those of the batch (Chan, Golub, LeVeque 1979), and the running statistics after it."""
    rows, channels, piece, pieces = words[1], words[2], words[3], words[4]
    moments, used = float32s(words[6], 2 * pieces * channels), float32s(words[7], 4 * channels)
    weight, bias = float32s(words[8], channels), float32s(words[9], channels)
    running_mean, running_var = float32s(words[10], channels), float32s(words[11], channels)
    settings = float32s(words[12], 2)
    for channel in range(channels):
        count, mean, squares = 0.0, 0.0, 0.0
        for mine in range(pieces):
            more = float(min((mine + 1) * piece, rows) - mine * piece)
            distance = moments[2 * mine * channels + channel] - mean
            squares += moments[(2 * mine + 1) * channels + channel] + distance * distance * count * more / (
                count + more
            )
            mean += distance * more / (count + more)
            count += more
        inverse = 1 / np.sqrt(squares / count + settings[1])
        factor = weight[channel] * inverse
        used[channel] = mean
        used[channels + channel] = factor
        used[2 * channels + channel] = bias[channel] - mean * factor
        used[3 * channels + channel] = inverse
        running_mean[channel] += settings[0] * (mean - running_mean[channel])
        running_var[channel] += settings[0] * (squares / (count - 1) - running_var[channel])


@kernel
def _settle_back(words: Any) -> None:
    """Gradients of weight and bias, and what each x's gradient loses because it moves the mean and the variance."""
    rows, channels, pieces = words[1], words[2], words[4]
    sums, used = float32s(words[6], 2 * pieces * channels), float32s(words[7], 4 * channels)
    factors = float32s(words[8], 2 * channels)
    to_weight, to_bias = float32s(words[9], channels), float32s(words[10], channels)
    for channel in range(channels):
        total, products = 0.0, 0.0
        for mine in range(pieces):
            total += sums[2 * mine * channels + channel]
            products += sums[(2 * mine + 1) * channels + channel]
        factor, inverse = float(used[channels + channel]), float(used[3 * channels + channel])
        to_bias[channel] = total
        to_weight[channel] = products * inverse
        factors[channel] = factor * total / rows
        factors[channels + channel] = factor * products * inverse * inverse / rows
