"""Encoded pictures (PNG, JPEG, ...) -> pixels, through Pillow: for folders and for Parquet columns."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.files import MAX_BYTES
from digitsmith.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # named, as Pillow's others start Ghostscript
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")  # of their usual names
MAX_SIDE = 4096  # pixels; a digit is far smaller, a decompression bomb is not
MAX_FILE_BYTES = 64 * 2**20  # an uncompressed picture of 4096 × 4096 in RGB has 48 MiB


def stacked(pictures: Iterable[tuple[str, bytes]]) -> NDArray[np.uint8]:
    """Decode (where, encoded bytes) pairs to one uint8 array [N, C, H, W].

    Raises:
        DataError: names the first picture that cannot be read or differs from the first in size or colour.
    """
    images: list[NDArray[np.uint8]] = []
    first = ""
    total = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow has to say of a file ends in pixels or in an error here
        for where, encoded in pictures:
            image = _decoded(where, encoded)
            first = first or where
            _check_like(where, image, first, images[0] if images else image)
            total += image.nbytes
            if total > MAX_BYTES:
                raise DataError(f"{where}: here the pixels pass {MAX_BYTES:,} bytes; give fewer or smaller images")
            images.append(image)
    return np.stack(images) if images else np.empty((0, 1, 1, 1), dtype=np.uint8)


def _check_like(where: str, image: NDArray[np.uint8], first: str, model: NDArray[np.uint8]) -> None:
    if image.shape[1:] != model.shape[1:]:
        raise DataError(
            f"{where}: is {_size(image)} pixels, but {first} is {_size(model)}; bring all images to one size"
        )
    if image.shape != model.shape:
        kinds = {1: "gray", 3: "colour"}
        raise DataError(
            f"{where}: is {kinds[image.shape[0]]}, but {first} is {kinds[model.shape[0]]}; "
            "save all images as gray, or all as RGB"
        )


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[2]} × {image.shape[1]}"


def _decoded(where: str, encoded: bytes) -> NDArray[np.uint8]:
    """One picture's pixels, uint8 [1 or 3, H, W]."""
    from PIL import Image, ImageOps

    with _pillow_errors(where), Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
        _check_plain(where, image)
        upright = ImageOps.exif_transpose(image) if "exif" in image.info else image
        if upright.mode == "1":
            upright = upright.convert("L")
        elif upright.mode == "P":
            upright = upright.convert("RGB")
        pixels = np.array(upright, dtype=np.uint8)  # [H, W] or [H, W, 3]
    if pixels.ndim == 2:
        return pixels[None]
    if image.mode == "P" and (pixels == pixels[:, :, :1]).all():
        return np.ascontiguousarray(pixels[None, :, :, 0])  # a palette of grays is gray
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _check_plain(where: str, image: Image.Image) -> None:
    """Refuse what cannot become 8-bit gray or RGB without deciding something for the user."""
    if max(image.size) > MAX_SIDE:
        width, height = image.size
        raise DataError(f"{where}: is {width} × {height} pixels, more than {MAX_SIDE} a side; scale it down")
    if getattr(image, "n_frames", 1) > 1:
        raise DataError(f"{where}: holds several frames; save each as a file of its own")
    if "transparency" in image.info or image.mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        raise DataError(f"{where}: has an alpha channel; flatten it onto its background and save it as gray or RGB")
    # Pillow opens 16-bit RGB as plain "RGB"; only the raw mode of its tile tells.
    if image.mode.startswith(("I", "F")) or re.search(r";16[BLN]", str(getattr(image, "tile", ""))):
        raise DataError(f"{where}: has more than 8 bits a channel; save it as 8-bit gray or RGB")
    if image.mode not in {"1", "L", "P", "RGB"}:
        raise DataError(f"{where}: is a {image.mode} picture; save it as gray or RGB")


@contextmanager
def _pillow_errors(where: str) -> Iterator[None]:
    from PIL import UnidentifiedImageError

    try:
        yield
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(f"{where}: is not a {', '.join(FORMATS)} picture; remove it or convert it") from error
    except Exception as error:  # a damaged file trips Pillow's decoders anywhere: a dozen types, none documented
        raise DataError(
            f"{where}: is a damaged picture ({type(error).__name__}); save it again or remove it"
        ) from error
