"""Ink of any size -> MNIST's form: a box of 20 × 20 pixels, centred by its mass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.errors import InputError
from digitsmith.scanning.cleaning import tight

SIZES = (28, 32)
BOX_PX = 20
_STEEPEST = 1.0  # a digit that leans by more than 45 degrees is meant so


def check_size(size: int) -> None:
    """InputError unless `size` is one of SIZES."""
    if size not in SIZES:
        raise InputError(f"there is no size {size}; choose 28, as MNIST, or 32: the same with a wider margin")


def mnist_form(cover: NDArray[np.float32], *, size: int = 28, deskew: bool = False) -> NDArray[np.uint8]:
    """The image as MNIST has it.

    "The original black and white (bilevel) images were size normalized to fit in a 20x20 pixel box while preserving
    their aspect ratio. The resulting images contain grey levels as result of the antialiasing (image interpolation)
    technique used by the normalization algorithm. [...] the images were centered in a 28x28 image by computing the
    center of mass of the pixels, and translating the image so as to position this point at the center of the 28x28
    field." LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings
    of the IEEE, 1998, section III.A. That centre is pixel 14, counted from 0: so are the 70,000 images, to within the
    half pixel of whole translations.

    Args:
        cover: float32 [h, w] in [0, 1], the tight box of the ink.
        size: 28; or 32, where the digit is as large and the margin 2 pixels wider, as in LeNet-5's input.
        deskew: set upright first, by the moments of the ink.

    Returns:
        uint8 [1, size, size], 0 is the ground and 255 ink.
    """
    upright = tight(_deskewed(cover)) if deskew else cover
    height, width = upright.shape
    scale = BOX_PX / max(height, width)
    box = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = Image.fromarray(np.rint(upright * 255).astype(np.uint8))
    fitted = np.asarray(pixels.resize(box, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR))
    field = np.zeros((1, size, size), np.uint8)
    top, left = (min(max(size // 2 - round(_centre(fitted, axis)), 0), size - fitted.shape[axis]) for axis in (0, 1))
    field[0, top : top + box[1], left : left + box[0]] = fitted
    return field


def _centre(image: NDArray[np.uint8], axis: int) -> float:
    """The centre of mass along an axis, as an index."""
    along = image.sum(axis=1 - axis, dtype=np.float64)
    return float((along * np.arange(len(along))).sum() / along.sum())


def _deskewed(cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sheared along the rows so that the ink's second moments have no mixed part, mu11 = 0."""
    height, width = cover.shape
    rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    mass = float(cover.sum(dtype=np.float64))
    down, across = cover.sum(axis=1, dtype=np.float64), cover.sum(axis=0, dtype=np.float64)
    rows -= (down * rows).sum() / mass
    columns -= (across * columns).sum() / mass
    varied = float((down * rows**2).sum())
    skew = float(rows @ cover.astype(np.float64) @ columns) / varied if varied else 0.0
    skew = float(np.clip(skew, -_STEEPEST, _STEEPEST))
    room = int(np.ceil(abs(skew) * height)) + 1
    source = (1.0, skew, -room + skew * (rows[0] - 0.5), 0.0, 1.0, 0.0)  # x in the source of a pixel of the result
    sheared = Image.fromarray(cover).transform(
        (width + 2 * room, height), Image.Transform.AFFINE, source, Image.Resampling.BILINEAR
    )
    return np.asarray(sheared)
