"""The four-byte-header files of MNIST itself, which every MNIST loader reads."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.writers.interface import Add, Shape
from digitsmith.errors import InputError

_UNSIGNED_BYTE = 8


@contextmanager
def idx_writer(folder: Path, *, classes: Sequence[str], count: int, shape: Shape) -> Iterator[Add]:
    """Writes train-images-idx3-ubyte [N, H, W] and train-labels-idx1-ubyte [N]; class names stand in the manifest.

    Colour images go into train-images-idx4-ubyte [N, C, H, W]: the format allows any rank, though most
    MNIST loaders expect three.

    Raises:
        InputError: when there are more classes than a label's byte can tell apart.
    """
    if len(classes) > 256:
        raise InputError(f"{len(classes)} classes, but an IDX label is one byte (256 at most); choose npz or parquet")
    channels, height, width = shape
    sizes = (count, height, width) if channels == 1 else (count, *shape)
    with (
        (folder / f"train-images-idx{len(sizes)}-ubyte").open("wb") as image_file,
        (folder / "train-labels-idx1-ubyte").open("wb") as label_file,
    ):
        image_file.write(_header(*sizes))
        label_file.write(_header(count))

        def add(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
            image_file.write(images.tobytes())
            label_file.write(labels.astype(np.uint8).tobytes())

        yield add


def _header(*sizes: int) -> bytes:
    """Two zeros, the element type, the rank, then each size as a big-endian 32-bit word."""
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, _UNSIGNED_BYTE, len(sizes), *sizes)
