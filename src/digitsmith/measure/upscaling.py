"""Images four times as large, as Morpho-MNIST makes them, in arithmetic without rounding.

Bicubic interpolation, cut to the range of the pixels, then a Gaussian of 4/3 of a small pixel, then the fraction
cut off. All weights are multiples of a power of two, so that each sum is exact in float64: what is ink does not
depend on the block an image is in, on the number of threads or on the machine.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SCALE = 4  # small pixels to a pixel, along each axis
_SIGMA = 4 / 3
_RADIUS = 5  # of the Gaussian, which is cut at 4 sigma
_BITS = 12  # of the Gaussian's weights: 8 of a pixel + 2 x 10 of the interpolation + 2 x 12 = 52 of float64's 53
_BAND = 28  # lines made in one product

Matrix = NDArray[np.float64]


def upscale(images: NDArray[np.uint8]) -> Matrix:
    """Images uint8 [N, H, W] -> whole numbers 0..255 as float64 [4 H, 4 W, N], the images side by side.

    At its border an image is mirrored, as the authors' program does.
    """
    _, height, width = images.shape
    pixels = images.transpose(1, 2, 0).astype(np.float64)  # [H, W, N]
    large = _down_columns(_interpolation(width), _down_columns(_interpolation(height), pixels))
    np.clip(large, 0, 255, out=large)  # [4 H, 4 W, N]
    large = _down_columns(_gaussian(SCALE * width), _down_columns(_gaussian(SCALE * height), large))
    return np.floor(large, out=large)


def _down_columns(matrix: Matrix, images: Matrix) -> Matrix:
    """[A, H] times [H, W, N] along H, and the axes swapped: [W, A, N]. So a second call works along W.

    Most of the matrix is zero, and it is taken in bands without most of that. The products are so small that a
    BLAS does each in one thread, which is best: whole blocks of images are what is shared among threads.
    """
    found = np.empty((images.shape[1], len(matrix), images.shape[2]))
    for start in range(0, len(matrix), _BAND):
        band = matrix[start : start + _BAND]
        used = np.flatnonzero(band.any(axis=0))
        reach = slice(used[0], used[-1] + 1)
        np.matmul(band[:, reach], images[reach].swapaxes(0, 1), out=found[:, start : start + _BAND])
    return found


@lru_cache(maxsize=8)
def _interpolation(size: int) -> Matrix:
    """[4 size, size]: Keys's cubic convolution with a = -1/2, whose weights are here multiples of 2^-10.

    Keys: "Cubic convolution interpolation for digital image processing", IEEE Transactions on Acoustics, Speech,
    and Signal Processing 29(6), 1981, equation 15.
    """
    place = (np.arange(SCALE * size) + 0.5) / SCALE - 0.5
    source = np.pad(np.arange(size), 2, mode="reflect")  # without the border pixel a second time
    matrix = np.zeros((SCALE * size, size))
    for tap in (-1, 0, 1, 2):
        pixel = np.floor(place) + tap
        s = np.abs(place - pixel)
        weights = np.where(s < 1, (1.5 * s - 2.5) * s**2 + 1, ((-0.5 * s + 2.5) * s - 4) * s + 2)
        np.add.at(matrix, (np.arange(len(place)), source[pixel.astype(np.int64) + 2]), weights)
    return matrix


@lru_cache(maxsize=8)
def _gaussian(size: int) -> Matrix:
    """[size, size], weights multiples of 2^-12 that sum to 1."""
    taps = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-0.5 * (taps / _SIGMA) ** 2)
    weights = np.round(weights / weights.sum() * 2**_BITS) / 2**_BITS
    weights[_RADIUS] += 1 - weights.sum()
    source = np.pad(np.arange(size), _RADIUS, mode="symmetric")  # with the border pixel a second time
    matrix = np.zeros((size, size))
    for tap, weight in enumerate(weights):
        np.add.at(matrix, (np.arange(size), source[tap : tap + size]), weight)
    return matrix
