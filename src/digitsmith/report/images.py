"""Many small images as one picture. NumPy and Pillow only: importing it costs a training loop nothing."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.errors import DataError

GAP_PX = 2  # between the images of a grid
GAP_VALUE = 255  # white, so that a grid on paper or on a page falls apart into its images


def tile(images: NDArray[np.uint8], *, gap_px: int = GAP_PX) -> NDArray[np.uint8]:
    """One picture of R rows and K columns of images, with white gaps between them and none around.

    Args:
        images: uint8 [R, K, C, H, W], C is 1 (gray) or 3 (RGB).
        gap_px: width of the gaps, in pixels of the images, at least 0.

    Returns:
        uint8 [C, R*H + (R-1)*gap_px, K*W + (K-1)*gap_px].

    Raises:
        DataError: another dtype or rank, no image at all, or a negative gap.
    """
    if images.dtype != np.uint8 or images.ndim != 5 or images.shape[2] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"a grid must be uint8 [rows, columns, 1 or 3, height, width] and not empty, "
            f"this one is {images.dtype} {list(images.shape)}"
        )
    if gap_px < 0:
        raise DataError(f"gap_px must be 0 or more, not {gap_px}")
    rows, columns, channels, height, width = images.shape
    cells = np.full((channels, rows, height + gap_px, columns, width + gap_px), GAP_VALUE, dtype=np.uint8)
    cells[:, :, :height, :, :width] = images.transpose(2, 0, 3, 1, 4)
    picture = cells.reshape(channels, rows * (height + gap_px), columns * (width + gap_px))
    return picture[:, : picture.shape[1] - gap_px, : picture.shape[2] - gap_px]


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """The PNG file of a uint8 [C, H, W] image, C is 1 (gray) or 3 (RGB). Same image, same bytes.

    Raises:
        DataError: another dtype, rank or number of channels, or no pixel.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] not in (1, 3) or 0 in image.shape:
        raise DataError(
            f"an image must be uint8 [1 or 3, height, width], this one is {image.dtype} {list(image.shape)}"
        )
    pixels = image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG", optimize=True)
    return file.getvalue()
