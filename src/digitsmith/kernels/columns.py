"""The windows of a 4x4 / 2 convolution with padding 1 between maps of many channels, each window as one row.

As `windows.py`, but a pixel's channels stay together, as they lie in memory (channels last), and are copied or added up
together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from digitsmith.kernels.native import bfloat16s, copy, float32s, kernel, load, next_piece, part_of_kernel, store
from digitsmith.kernels.team import run

_TAPS = 16


def columns(maps: Tensor) -> Tensor:
    """Maps [B, C, 2h, 2w] -> windows [B * h * w, 16 * C], tap by tap; float32 or bfloat16, on the CPU."""
    maps = maps.contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = maps.shape
    windows = maps.new_empty(batch * (height // 2) * (width // 2), _TAPS * channels)
    _run(_columns, (batch, channels, height // 2, width // 2), maps, windows)
    return windows


def added_up(windows: Tensor, *, batch: int, height: int, width: int) -> Tensor:
    """The transpose: windows [B * h * w, 16 * C] -> maps [B, C, 2h, 2w], channels last; sums in float32."""
    windows = windows.contiguous()
    shape = (batch, windows.shape[1] // _TAPS, height, width)
    maps = windows.new_empty(batch, 2 * height, 2 * width, shape[1]).permute(0, 3, 1, 2)
    _run(_added_up, shape, maps, windows)
    return maps


def _run(kernel: Any, shape: tuple[int, ...], maps: Tensor, windows: Tensor) -> None:
    if maps.dtype not in (torch.float32, torch.bfloat16):
        raise TypeError(f"there is no kernel for {maps.dtype}")
    run(kernel, *shape, maps.dtype == torch.bfloat16, maps.data_ptr(), windows.data_ptr())


# The loops: maps [B * 2h * 2w * C] and windows [B * h * w * 16 * C], each float32 or bfloat16; a piece is an image.


@part_of_kernel
def _columns_of(words: Any, maps: Any, windows: Any) -> None:
    batch, channels, height, width = words[1], words[2], words[3], words[4]
    line, across, four = 2 * width * channels, (2 * width + 2) * channels, 4 * channels
    padded = np.zeros((2 * height + 2) * across, maps.dtype)  # an image, whose edge stays 0: 0 in both types
    mine = next_piece(words)
    while mine < batch:
        for row in range(2 * height):
            copy(padded, (row + 1) * across + channels, maps, (mine * 2 * height + row) * line, line)
        place = mine * height * width * _TAPS * channels
        for row in range(height):
            for column in range(width):
                for down in range(4):
                    copy(windows, place, padded, (2 * row + down) * across + 2 * column * channels, four)
                    place += four
        mine = next_piece(words)


@part_of_kernel
def _sum_into(maps: Any, into: int, windows: Any, one: int, two: int, count: int) -> None:
    for place in range(count):
        store(maps, into + place, load(windows, one + place) + load(windows, two + place))


@part_of_kernel
def _added_up_of(words: Any, maps: Any, windows: Any) -> None:
    """Pixel by pixel, so that each is written once. It has a part of two windows each way, and of one along the edge.

    Two pixels that lie side by side in the same windows are added up together.
    """
    batch, channels, height, width = words[1], words[2], words[3], words[4]
    line, size, pair = 2 * width * channels, _TAPS * channels, 2 * channels
    mine = next_piece(words)
    while mine < batch:
        for row in range(2 * height):
            below, down = (row + 1) // 2, (row + 1) % 2
            into = (mine * 2 * height + row) * line
            low = (mine * height + below) * width * size + down * 4 * channels  # of the windows' lines on this row
            high = (mine * height + below - 1) * width * size + (down + 2) * 4 * channels
            low, high = (high if below == height else low), (low if below == 0 else high)
            if low == high:
                copy(maps, into, windows, low + channels, channels)
                for column in range(1, width):
                    left, right = low + (column - 1) * size + pair, low + column * size
                    _sum_into(maps, into + (2 * column - 1) * channels, windows, left, right, pair)
                copy(maps, into + line - channels, windows, low + (width - 1) * size + pair, channels)
            else:
                _sum_into(maps, into, windows, low + channels, high + channels, channels)
                for column in range(1, width):
                    here = into + (2 * column - 1) * channels
                    one, two = low + (column - 1) * size + pair, low + column * size
                    three, four = high + (column - 1) * size + pair, high + column * size
                    for place in range(pair):
                        upper = load(windows, one + place) + load(windows, two + place)
                        lower = load(windows, three + place) + load(windows, four + place)
                        store(maps, here + place, upper + lower)
                last = (width - 1) * size + pair
                _sum_into(maps, into + line - channels, windows, low + last, high + last, channels)
        mine = next_piece(words)


@kernel
def _columns(words: Any) -> None:
    count = words[1] * words[2] * words[3] * words[4]
    if words[5]:
        _columns_of(words, bfloat16s(words[6], 4 * count), bfloat16s(words[7], _TAPS * count))
    else:
        _columns_of(words, float32s(words[6], 4 * count), float32s(words[7], _TAPS * count))


@kernel
def _added_up(words: Any) -> None:
    count = words[1] * words[2] * words[3] * words[4]
    if words[5]:
        _added_up_of(words, bfloat16s(words[6], 4 * count), bfloat16s(words[7], _TAPS * count))
    else:
        _added_up_of(words, float32s(words[6], 4 * count), float32s(words[7], _TAPS * count))
