"""Images of another size or colour, brought to one shape by one route, and only when a user asks (`--resize`).

Figures move with the filter, most with one that does not antialias: Parmar, Zhang and Zhu, "On Aliased Resizing
and Surprising Subtleties in GAN Evaluation", CVPR 2022 (clean-fid). What they recommend is done here: Pillow's
bicubic filter (a = -1/2), which widens as the image shrinks. Their pixels stay floats; these are rounded to whole
gray levels, as Pillow rounds 8-bit images, because images are uint8 wherever they are handed over.

Pillow takes one picture at a time. Here its filter is a matrix for each axis, made once, and its fixed-point
numbers are whole numbers in float64, where products and sums of this size are exact: each pass gives Pillow's own
pixels, bit for bit, for all images at once. The width comes first, as in Pillow up to version 12; from 13 on Pillow
begins with the height where that shrinks much more, and no figure shall depend on Pillow's version.
"""

from __future__ import annotations

from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import check_images
from digitsmith.data.files import MAX_BYTES
from digitsmith.errors import InputError

Shape = tuple[int, int, int]  # C, H, W

_BLOCK_BYTES = 2**17  # of images at a time: what is computed of them, eight times as large, stays in the cache
_UNIT = 2.0**22  # a weight of 1 in Pillow's fixed-point numbers for 8-bit images
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)  # ITU-R 601's 0.299, 0.587, 0.114, times 2**16, as Pillow's


def resized(images: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """All images in another shape; those that have it are returned as they are.

    Colour becomes gray first, by ITU-R 601's luma as Pillow's mode "L" has it, rounded. Then the width is changed,
    then the height, each by Pillow's bicubic filter with antialiasing, rounded (halves upwards) and clipped to
    0..255. Gray becomes colour last, by repeating it.

    Args:
        images: uint8 [N, 1 or 3, H, W].
        shape: (1 or 3, H', W').

    Returns:
        uint8 [N, C', H', W'].

    Raises:
        InputError: for other images, another number of channels, or a result of more than 4 GiB.
    """
    check_images("the images to resize", images)
    channels, height, width = shape
    if channels not in (1, 3) or min(height, width) < 1 or len(images) * prod(shape) > MAX_BYTES:
        raise InputError(
            f"{len(images)} images cannot be resized to {list(shape)}; give 1 or 3 channels, and sides "
            f"from 1 up, with at most {MAX_BYTES:,} pixels in all"
        )
    if images.shape[1:] == shape:
        return images
    result = np.empty((len(images), *shape), dtype=np.uint8)
    block = max(1, _BLOCK_BYTES // max(prod(shape), images[0].size))
    for start in range(0, len(images), block):
        part = images[start : start + block]
        if channels < part.shape[1]:
            part = _gray(part)
        result[start : start + block] = _with_height(_with_width(part, width), height)  # one channel fills three
    return result


def require_shape(images: NDArray[np.uint8], shape: Shape, *, source: str) -> None:
    """Nothing, when `images` [N, C, H, W] are of `shape` (C, H, W).

    Raises:
        InputError: they are not; names both shapes and the remedy.
    """
    if images.shape[1:] != shape:
        raise InputError(
            f"{source}: its images are {in_words(images.shape[1:])}, and {in_words(shape)} is needed; "
            "add --resize to have them resized"
        )


def in_words(shape: tuple[int, ...]) -> str:
    """The shape as channels × height × width, "1 × 28 × 28 (gray)"."""
    return f"{' × '.join(map(str, shape))} ({'gray' if shape[0] == 1 else 'colour'})"


def _gray(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[n, 3, H, W] -> [n, 1, H, W]."""
    luma: NDArray[np.uint32] = np.einsum("nchw,c->nhw", images, _LUMA)
    return ((luma + 2**15) >> 16).astype(np.uint8)[:, None]


def _with_width(images: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """[n, C, H, W] -> [n, C, H, width]."""
    if width == images.shape[3]:
        return images
    return _rounded(images.astype(np.float64) @ _bicubic(images.shape[3], width).T)


def _with_height(images: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """[n, C, H, W] -> [n, C, height, W]."""
    if height == images.shape[2]:
        return images
    return _rounded(_bicubic(images.shape[2], height) @ images.astype(np.float64))


def _rounded(sums: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Whole multiples of 1 / _UNIT to gray levels."""
    return np.clip(np.floor(sums / _UNIT + 0.5), 0, 255).astype(np.uint8)


@cache
def _bicubic(old: int, new: int) -> NDArray[np.float64]:
    """The weight of each old pixel in each new one, times _UNIT and rounded: [new, old], read-only.

    A row sums to 1, so at the border the weights of the pixels that are there stand in for those that are not.
    """
    scale = old / new
    stretch = max(scale, 1.0)  # the antialiasing: a filter as wide as the pixels that it merges
    weights = np.zeros((new, old))
    for row in range(new):
        centre = (row + 0.5) * scale
        first, end = max(int(centre - 2 * stretch + 0.5), 0), min(int(centre + 2 * stretch + 0.5), old)
        near = _cubic((np.arange(first, end) - centre + 0.5) / stretch)
        weights[row, first:end] = near / near.sum()
    whole = np.trunc(weights * _UNIT + np.copysign(0.5, weights))
    whole.flags.writeable = False
    return whole


def _cubic(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Keys' cubic convolution with a = -1/2 ("Cubic convolution interpolation ...", 1981, equation 15)."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))
