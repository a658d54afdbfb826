"""styles.csv, beside the images in any format: the style that was asked of each."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.folder import folder_names
from digitsmith.drawing.writers.interface import Add
from digitsmith.drawing.writers.png import index_width
from digitsmith.style import STYLE_COLUMNS

STYLES = "styles.csv"
StylesOf = Callable[[NDArray[np.int64], int], NDArray[np.float32]]
"""(labels int64 [n], the index of the first) -> the style asked of each, float32 [n, 4]."""


@contextmanager
def style_writer(
    folder: Path, *, format: str, classes: Sequence[str], count: int, styles_of: StylesOf
) -> Iterator[Add]:
    """Writes styles.csv: a row for each image, in the order drawn.

    The first column is the image's file below the folder for PNGs, its index from 0 for other formats; then comes the
    label's number, then the style in px and degrees, in as few digits as give the same float32 again.
    """
    width = index_width(count)
    folders = folder_names(classes) if format == "png" else []
    # newline="": the csv module ends the lines itself, as it is told to
    with (folder / STYLES).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file" if format == "png" else "index", "label", *STYLE_COLUMNS])
        written = 0

        def add(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
            nonlocal written
            indices = range(written, written + len(labels))
            for index, label, style in zip(indices, labels.tolist(), styles_of(labels, written), strict=True):
                place = f"{folders[label]}/{index:0{width}d}.png" if format == "png" else index
                table.writerow([place, label, *map(str, style)])
            written += len(labels)

        yield add
