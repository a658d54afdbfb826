"""The 4x4 / 2 convolutions between images of few channels and maps, in float32: windows and their product in one pass.

What `windows` lays out, and PyTorch then multiplies, never leaves a core's cache here. Maps have a multiple of
`multiply.LANES` channels, and one of `multiply.ROWS` positions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from digitsmith.kernels.multiply import PANEL, multiply, multiply_and_add
from digitsmith.kernels.native import copy, float32s, kernel, next_piece, part_of_kernel
from digitsmith.kernels.team import run
from digitsmith.kernels.windows import windows_of

_GROUPS = 8  # of images, whose gradients are added up in order, whichever thread had which: the same bits every time


def from_images(images: Tensor, weight: Tensor) -> Tensor:
    """`F.conv2d(images, weight, stride=2, padding=1)`: [B, C, 2h, 2w] and [O, C, 4, 4] -> [B, O, h, w]."""
    images, taps = images.contiguous(), weight.flatten(1).T.contiguous()
    batch, channels, height, width = images.shape
    maps = torch.empty(
        (batch, len(weight), height // 2, width // 2), dtype=torch.float32, memory_format=torch.channels_last
    )
    shape = (batch, channels, height // 2, width // 2, len(weight))
    run(_from_images, *shape, images.data_ptr(), taps.data_ptr(), maps.data_ptr())
    return maps


def to_images(maps: Tensor, weight: Tensor) -> Tensor:
    """`F.conv_transpose2d(maps, weight, stride=2, padding=1)`: [B, O, h, w] and [O, C, 4, 4] -> [B, C, 2h, 2w]."""
    maps, taps = maps.contiguous(memory_format=torch.channels_last), weight.flatten(1).contiguous()
    batch, kinds, height, width = maps.shape
    images = maps.new_empty(batch, weight.shape[1], 2 * height, 2 * width)
    shape = (batch, weight.shape[1], height, width, kinds)
    run(_to_images, *shape, images.data_ptr(), taps.data_ptr(), maps.data_ptr())
    return images


def weight_between(images: Tensor, maps: Tensor) -> Tensor:
    """What comes back to the weight [O, C, 4, 4] of either, of images [B, C, 2h, 2w] and maps [B, O, h, w]: one was
    given, the other came back."""
    images, maps = images.contiguous(), maps.contiguous(memory_format=torch.channels_last)
    batch, kinds, height, width = maps.shape
    groups, channels = min(_GROUPS, batch), images.shape[1]
    gradients = maps.new_empty(groups, channels * 16, kinds)
    shape = (batch, channels, height, width, kinds, groups)
    run(_weight_between, *shape, images.data_ptr(), gradients.data_ptr(), maps.data_ptr())
    return gradients.sum(0).T.reshape(kinds, channels, 4, 4)


# The kernels' words: counter, batch, channels of the images, height and width of the maps, their channels, and then
# addresses: images [B, C, 2h, 2w], taps, maps [B, h, w, O].


@kernel
def _from_images(words: Any) -> None:
    batch, channels, height, width, kinds = words[1], words[2], words[3], words[4], words[5]
    size, depth = height * width, 16 * channels
    images, taps = float32s(words[6], batch * channels * 4 * size), float32s(words[7], depth * kinds)
    maps = float32s(words[8], batch * size * kinds)
    padded, windows = np.zeros((2 * height + 2) * (2 * width + 2), np.float32), np.empty(size * depth, np.float32)
    mine = next_piece(words)
    while mine < batch:
        windows_of(images, mine, channels, height, width, padded, windows, 0)
        to = (mine * size * kinds, kinds)
        multiply(maps, to, windows, (0, depth, 1), taps, (0, kinds, PANEL), (size, kinds, depth))
        mine = next_piece(words)


@part_of_kernel
def _added_up(windows: Any, images: Any, image: int, channels: int, height: int, width: int, padded: Any) -> None:
    """The transpose of `windows_of`, for the first rows of `windows`."""
    across = 2 * width + 2
    for channel in range(channels):
        padded[:] = 0
        for row in range(height):
            for column in range(width):
                begin = ((row * width + column) * channels + channel) * 16
                for down in range(4):
                    place = (2 * row + down) * across + 2 * column
                    for right in range(4):
                        padded[place + right] += windows[begin + 4 * down + right]
        for row in range(2 * height):
            into = ((image * channels + channel) * 2 * height + row) * 2 * width
            copy(images, into, padded, (row + 1) * across + 1, 2 * width)


@kernel
def _to_images(words: Any) -> None:
    batch, channels, height, width, kinds = words[1], words[2], words[3], words[4], words[5]
    size, depth = height * width, 16 * channels
    images, taps = float32s(words[6], batch * channels * 4 * size), float32s(words[7], depth * kinds)
    maps = float32s(words[8], batch * size * kinds)
    padded, windows = np.zeros((2 * height + 2) * (2 * width + 2), np.float32), np.empty(size * depth, np.float32)
    mine = next_piece(words)
    while mine < batch:
        left = (mine * size * kinds, kinds, 1)
        multiply(windows, (0, depth), maps, left, taps, (0, depth, PANEL), (size, depth, kinds))
        _added_up(windows, images, mine, channels, height, width, padded)
        mine = next_piece(words)


@kernel
def _weight_between(words: Any) -> None:
    """In the place of taps the groups' gradients, [groups, 16 * C, O]; their number is the sixth word."""
    batch, channels, height, width, kinds, groups = words[1], words[2], words[3], words[4], words[5], words[6]
    size, depth = height * width, 16 * channels
    images, gradients = float32s(words[7], batch * channels * 4 * size), float32s(words[8], groups * depth * kinds)
    maps = float32s(words[9], batch * size * kinds)
    padded, windows = np.zeros((2 * height + 2) * (2 * width + 2), np.float32), np.empty(size * depth, np.float32)
    mine = next_piece(words)
    while mine < groups:
        place = mine * depth * kinds
        gradients[place : place + depth * kinds] = 0
        for image in range(mine * batch // groups, (mine + 1) * batch // groups):
            windows_of(images, image, channels, height, width, padded, windows, 0)
            right = (image * size * kinds, kinds, PANEL)
            multiply_and_add(gradients, (place, kinds), windows, (0, 1, depth), maps, right, (depth, kinds, size))
        mine = next_piece(words)
