"""One table with a row for each image, as Kaggle's digit recogniser has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.writers.interface import Add, Shape
from digitsmith.errors import InputError

_TEXT = [str(value) for value in range(256)]


@contextmanager
def csv_writer(folder: Path, *, classes: Sequence[str], count: int, shape: Shape) -> Iterator[Add]:
    """Writes digits.csv: label,pixel0,...: the label's number, then the pixels row by row, colour in planes.

    Class names stand in the manifest.

    Raises:
        InputError: for images that are not square, as a row of numbers cannot say how wide its image is.
    """
    channels, height, width = shape
    if height != width:
        raise InputError(
            f"a CSV row holds a square image only, these are {width} × {height}; choose npz, idx or parquet"
        )
    # newline="\n": the same bytes on every system
    with (folder / "digits.csv").open("w", encoding="ascii", newline="\n") as file:
        file.write(",".join(["label", *(f"pixel{i}" for i in range(channels * height * width))]) + "\n")

        def add(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
            for image, label in zip(images, labels.tolist(), strict=True):
                file.write(f"{label},{','.join(map(_TEXT.__getitem__, image.tobytes()))}\n")

        yield add
