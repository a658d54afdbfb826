"""The windows of a 4x4 / 2 convolution with padding 1, to and from images of few channels.

What `models.image_ends.gather` and `scatter` define, in one pass each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from digitsmith.kernels.native import bfloat16s, copy, float32s, kernel, load, next_piece, part_of_kernel, store
from digitsmith.kernels.team import run

_PIECE = 1 << 13  # pixels of a piece of work, about


def gathered(images: Tensor) -> Tensor:
    """Images [B, C, 2h, 2w] -> windows [B * h * w, C * 16]; float32 or bfloat16, on the CPU."""
    images = images.contiguous()
    batch, channels, height, width = images.shape
    windows = images.new_empty(batch * (height // 2) * (width // 2), channels * 16)
    _run(_gather, batch, channels, height // 2, width // 2, images, windows)
    return windows


def scattered(planes: Tensor, *, batch: int, height: int, width: int) -> Tensor:
    """Planes [C * 16, B * h * w] -> images [B, C, 2h, 2w], sums in float32."""
    planes = planes.contiguous()
    images = planes.new_empty(batch, len(planes) // 16, 2 * height, 2 * width)
    _run(_scatter, batch, len(planes) // 16, height, width, images, planes)
    return images


def _run(kernel: Any, batch: int, channels: int, height: int, width: int, images: Tensor, taps: Tensor) -> None:
    if images.dtype not in (torch.float32, torch.bfloat16):
        raise TypeError(f"there is no kernel for {images.dtype}")
    piece = max(1, _PIECE // (4 * channels * height * width))
    shape = (batch, channels, height, width, piece, images.dtype == torch.bfloat16)
    run(kernel, *shape, images.data_ptr(), taps.data_ptr())


# The loops: images [B * C * 2h * 2w], windows [B * h * w * C * 16], planes [C * 16 * B * h * w], float32 or bfloat16.


@part_of_kernel
def windows_of(
    images: Any, image: int, channels: int, height: int, width: int, padded: Any, windows: Any, first: int
) -> None:
    """Those of images[image], from row `first` on. `padded` [(2h + 2) * (2w + 2)] has an edge of zeros, which stays."""
    across = 2 * width + 2
    for channel in range(channels):
        for row in range(2 * height):
            begin = ((image * channels + channel) * 2 * height + row) * 2 * width
            copy(padded, (row + 1) * across + 1, images, begin, 2 * width)
        for row in range(height):
            for column in range(width):
                into = ((first + row * width + column) * channels + channel) * 16
                for down in range(4):
                    copy(windows, into + 4 * down, padded, (2 * row + down) * across + 2 * column, 4)


@part_of_kernel
def _gather_of(words: Any, images: Any, windows: Any) -> None:
    batch, channels, height, width, piece = words[1], words[2], words[3], words[4], words[5]
    padded = np.zeros((2 * height + 2) * (2 * width + 2), images.dtype)  # a channel; 0 is 0 in both types
    mine = next_piece(words)
    while mine * piece < batch:
        for image in range(mine * piece, min((mine + 1) * piece, batch)):
            windows_of(images, image, channels, height, width, padded, windows, image * height * width)
        mine = next_piece(words)


@part_of_kernel
def _scatter_of(words: Any, images: Any, planes: Any) -> None:
    """Even and odd columns of the padded image are added up apart, so that neighbours in memory meet neighbours."""
    batch, channels, height, width, piece = words[1], words[2], words[3], words[4], words[5]
    size, across = height * width, width + 1
    total = np.empty(2 * (2 * height + 2) * across, np.float32)  # [column % 2, row, column / 2]
    half = (2 * height + 2) * across
    mine = next_piece(words)
    while mine * piece < batch:
        for image in range(mine * piece, min((mine + 1) * piece, batch)):
            for channel in range(channels):
                total[:] = 0
                for tap in range(16):
                    down, right = tap // 4, tap % 4
                    begin = (channel * 16 + tap) * batch * size + image * size
                    plane = planes[begin : begin + size]
                    for row in range(height):
                        begin = (right % 2) * half + (2 * row + down) * across + right // 2
                        onto, line = total[begin : begin + width], plane[row * width : (row + 1) * width]
                        for place in range(width):
                            onto[place] += load(line, place)
                begin = (image * channels + channel) * 4 * size
                pixels = images[begin : begin + 4 * size]
                for row in range(2 * height):
                    line = pixels[row * 2 * width : (row + 1) * 2 * width]
                    even = total[(row + 1) * across : (row + 2) * across]
                    odd = total[half + (row + 1) * across : half + (row + 2) * across]
                    for place in range(width):
                        store(line, 2 * place, odd[place])  # the padded image begins one column before
                        store(line, 2 * place + 1, even[place + 1])
        mine = next_piece(words)


@kernel
def _gather(words: Any) -> None:
    count = words[1] * words[2] * words[3] * words[4]
    if words[6]:
        _gather_of(words, bfloat16s(words[7], 4 * count), bfloat16s(words[8], 16 * count))
    else:
        _gather_of(words, float32s(words[7], 4 * count), float32s(words[8], 16 * count))


@kernel
def _scatter(words: Any) -> None:
    count = words[1] * words[2] * words[3] * words[4]
    if words[6]:
        _scatter_of(words, bfloat16s(words[7], 4 * count), bfloat16s(words[8], 16 * count))
    else:
        _scatter_of(words, float32s(words[7], 4 * count), float32s(words[8], 16 * count))
