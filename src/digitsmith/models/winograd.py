"""Convolutions between many channels in float32, by minimal filtering (`kernels.winograd`).

    down:  F.conv2d(maps, weight, stride=2, padding=1), weight [O, I, 4, 4]
    up:    F.conv_transpose2d(maps, weight, stride=2, padding=1), weight [I, O, 4, 4]
    same:  F.conv2d(maps, weight, padding=1), weight [O, I, 3, 3]; can be differentiated any number of times

A third of the multiplications are left, of maps of 14x14 as of 7x7. Rounding is some ten times PyTorch's in float32
(tests/test_models_winograd.py), so layers take this way in training alone.
"""

from __future__ import annotations

import functools
import math
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from digitsmith import kernels

_LANES = 8
_TILES = 24  # of a piece of work, about: its points are a few hundred KiB
_SPARE = 4  # rows behind the tiles, kernels.multiply.ROWS of them
_GROUPS = 8  # of images, whose gradients are added up in order, whichever thread had which: the same bits every time


def fits(maps: Tensor, weight: Tensor, dtype: torch.dtype) -> bool:
    """Whether `down`, `up` and `same` can compute with these in `dtype`, and are faster than PyTorch."""
    return (
        dtype == torch.float32
        and weight.shape[0] % _LANES == weight.shape[1] % _LANES == 0
        and kernels.multiply_at_hand(maps, weight)
    )


def compile_now(*, styled: bool, image_side: int) -> None:
    """Compile what `same`, or `down` and `up`, need for images of that side: some five seconds, once on a machine."""
    nothing = torch.empty(0)
    if kernels.multiply_at_hand(nothing, nothing):
        _keeping() if styled else _halving(image_side // 4, image_side // 4)


def down(maps: Tensor, weight: Tensor) -> Tensor:
    """[B, I, 2h, 2w] -> [B, O, h, w], channels last."""
    result: Tensor = _Down.apply(maps, weight)  # type: ignore[no-untyped-call]
    return result


def up(maps: Tensor, weight: Tensor) -> Tensor:
    """[B, I, h, w] -> [B, O, 2h, 2w], channels last."""
    result: Tensor = _Up.apply(maps, weight)  # type: ignore[no-untyped-call]
    return result


def same(maps: Tensor, weight: Tensor) -> Tensor:
    """[B, I, h, w] -> [B, O, h, w], channels last."""
    result: Tensor = _Same.apply(maps, weight)  # type: ignore[no-untyped-call]
    return result


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        result, points = _down(maps, weight)
        ctx.save_for_backward(points, weight)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        points, weight = ctx.saved_tensors
        to_maps, of_gradient = _up(gradient, weight)
        to_weight = _weight_of_down(points, of_gradient, gradient) if ctx.needs_input_grad[1] else None
        return to_maps, to_weight


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        result, points = _up(maps, weight)
        ctx.save_for_backward(points, weight)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        points, weight = ctx.saved_tensors
        to_maps, of_gradient = _down(gradient, weight)
        to_weight = _weight_of_down(of_gradient, points, to_maps) if ctx.needs_input_grad[1] else None
        return to_maps, to_weight


class _Same(torch.autograd.Function):
    """The way back to the maps is a convolution too, with the weights turned round and transposed."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(maps, weight)
        return _same(maps, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        maps, weight = ctx.saved_tensors
        to_maps = same(gradient, _turned(weight)) if ctx.needs_input_grad[0] else None
        to_weight: Tensor | None = None
        if ctx.needs_input_grad[1]:
            to_weight = _WeightOfSame.apply(maps, gradient)  # type: ignore[no-untyped-call]
        return to_maps, to_weight


class _WeightOfSame(torch.autograd.Function):
    """What comes back to the weights of `same`: linear in its maps and in what comes back to its result."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(maps, gradient)
        return _weight_of_same(maps, gradient)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, Tensor | None]:
        maps, gradient = ctx.saved_tensors
        to_maps = same(gradient, _turned(weight)) if ctx.needs_input_grad[0] else None
        to_gradient = same(maps, weight) if ctx.needs_input_grad[1] else None
        return to_maps, to_gradient


def _turned(weight: Tensor) -> Tensor:
    return weight.flip(2, 3).transpose(0, 1)


# The computations. A filter's taps are numbered as the blocks of pixels that they fall on, the pixels of a block as
# channels: [O, I, y, x] is [taps, O, pixels * I], or [taps, pixels * I, O].


class _Tiles(NamedTuple):
    down: int
    across: int

    @classmethod
    def of(cls, outputs: Tensor | tuple[int, ...], step: int) -> _Tiles:
        """That cover maps [..., h, w], each `step` px high and wide."""
        height, width = outputs[-2:] if isinstance(outputs, tuple) else outputs.shape[-2:]
        return cls(-(-height // step), -(-width // step))

    def images(self, batch: int) -> int:
        """How many images are a piece of work, so that all threads have as many pieces."""
        threads = torch.get_num_threads()
        rounds = max(1, round(batch * self.down * self.across / (_TILES * threads)))
        return -(-batch // (rounds * threads))


def _down(maps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """With the points of the maps."""
    batch, _, height, width = maps.shape
    chosen = _halving(height // 2, width // 2)
    results = _empty(batch, len(weight), height // 2, width // 2)
    tiles, taps = _Tiles.of(results, chosen.step), _taps(weight, phase=2, inputs_first=True)
    points = maps.new_empty(len(chosen.matrix), batch * tiles.down * tiles.across + _SPARE, 4 * maps.shape[1])
    _convolve(chosen.module.forward, maps, tiles, taps, results, points)
    return results, points


def _up(maps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """With the points of the maps."""
    batch, channels, height, width = maps.shape
    chosen = _halving(height, width)
    results = _empty(batch, weight.shape[1], 2 * height, 2 * width)
    tiles, taps = _Tiles.of(maps, chosen.step), _taps(weight, phase=2, inputs_first=False)
    points = maps.new_empty(len(chosen.matrix), batch * tiles.down * tiles.across + _SPARE, channels)
    _convolve(chosen.module.back, maps, tiles, taps, results, points)
    return results, points


def _same(maps: Tensor, weight: Tensor) -> Tensor:
    batch, _, height, width = maps.shape
    chosen = _keeping()
    results = _empty(batch, len(weight), height, width)
    tiles, taps = _Tiles.of(maps, chosen.step), _taps(weight, phase=1, inputs_first=True)
    _convolve(chosen.module.forward, maps, tiles, taps, results, None)
    return results


def _convolve(kernel: Any, maps: Tensor, tiles: _Tiles, taps: Tensor, results: Tensor, points: Tensor | None) -> None:
    """Fill `results`, and the points of `maps` where they are to be kept."""
    from digitsmith.kernels.team import run

    maps = maps.contiguous(memory_format=torch.channels_last)
    shape = (len(maps), tiles.images(len(maps)), *tiles, *_shape(maps), *_shape(results))
    kept = (0, 0) if points is None else (points.data_ptr(), points.shape[1])
    run(kernel, *shape, maps.data_ptr(), taps.data_ptr(), results.data_ptr(), *kept)


def _weight_of_down(inputs: Tensor, outputs: Tensor, like: Tensor) -> Tensor:
    """[O, I, 4, 4], of the points of the maps and of those of what comes back; `like` has the height and width of that.

    These are as many numbers as tiles and channels here, and are left to PyTorch's product.
    """
    inputs, outputs = inputs[:, :-_SPARE], outputs[:, :-_SPARE]
    taps = _halving(*like.shape[2:]).matrix.T @ (outputs.mT @ inputs).flatten(1)
    return _of_taps(taps, inputs.shape[2] // 4, phase=2)


def _weight_of_same(maps: Tensor, gradient: Tensor) -> Tensor:
    """[O, I, 3, 3], of maps [B, I, h, w] and what comes back to [B, O, h, w]."""
    from digitsmith.kernels.team import run

    chosen = _keeping()
    tiles = _Tiles.of(maps, chosen.step)
    maps = maps.contiguous(memory_format=torch.channels_last)
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    channels, kinds = maps.shape[1], gradient.shape[1]
    groups = min(_GROUPS, len(maps))
    at_points = maps.new_empty(groups, len(chosen.matrix), channels * kinds)
    images = max(1, _TILES // (tiles.down * tiles.across))
    shape = (len(maps), groups, images, *tiles, *_shape(maps), *_shape(gradient))
    run(chosen.module.to_weight, *shape, maps.data_ptr(), gradient.data_ptr(), at_points.data_ptr())
    taps = chosen.matrix.T @ at_points.sum(0)
    return taps.view(3, 3, channels, kinds).permute(3, 2, 0, 1)


def _empty(batch: int, channels: int, height: int, width: int) -> Tensor:
    """Channels last in memory, and no view, which could not be changed in place."""
    shape = (batch, channels, height, width)
    return torch.empty(shape, dtype=torch.float32, device="cpu", memory_format=torch.channels_last)


def _shape(maps: Tensor) -> tuple[int, int, int]:
    """Height, width, channels."""
    _, channels, height, width = maps.shape
    return height, width, channels


def _taps(weight: Tensor, *, phase: int, inputs_first: bool) -> Tensor:
    """[O, I, phase * r, phase * r] -> [r * r, phase * phase * I, O], or [r * r, O, phase * phase * I]."""
    outputs, inputs, side, _ = weight.shape
    taps = side // phase
    apart = weight.reshape(outputs, inputs, taps, phase, taps, phase)
    order = (2, 4, 3, 5, 1, 0) if inputs_first else (2, 4, 0, 3, 5, 1)
    return apart.permute(order).reshape(taps**2, -1).contiguous()


def _of_taps(taps: Tensor, inputs: int, *, phase: int) -> Tensor:
    """The inverse: [r * r, O * phase * phase * I] -> [O, I, phase * r, phase * r], channels last."""
    side = math.isqrt(len(taps))
    outputs = taps.shape[1] // (phase**2 * inputs)
    apart = taps.view(side, side, outputs, phase, phase, inputs)
    return apart.permute(2, 0, 3, 1, 4, 5).reshape(outputs, phase * side, phase * side, inputs).permute(0, 3, 1, 2)


class _Chosen(NamedTuple):
    """A filtering's kernels, the step of its tiles, and its matrix [n * n, r * r] from a filter's taps to points."""

    module: ModuleType
    step: int
    matrix: Tensor


def _halving(height: int, width: int) -> _Chosen:
    """For 4x4 / 2 with such outputs: what takes fewer multiplications."""

    def multiplications(step: int) -> int:
        return (step + 1) ** 2 * -(-height // step) * -(-width // step)

    if multiplications(7) <= multiplications(4):
        from digitsmith.kernels import winograd_7_2 as chosen
    else:
        from digitsmith.kernels import winograd_4_2 as chosen  # type: ignore[no-redef]
    return _chosen(chosen)


def _keeping() -> _Chosen:
    """For 3x3."""
    from digitsmith.kernels import winograd_4_3

    return _chosen(winograd_4_3)


@functools.cache
def _chosen(module: ModuleType) -> _Chosen:
    weights = module.MATRICES.weights
    return _Chosen(module, module.OUTPUTS.step, torch.from_numpy(np.kron(weights, weights)).float())
