"""Grids from the disk: those a run keeps at its sample epochs, and a first look into a drawn data set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.arrays import in_class_order
from digitsmith.data.files import entries, named, read_bytes
from digitsmith.data.pictures import MAX_FILE_BYTES, stacked
from digitsmith.errors import DataError

_SAMPLE = re.compile(r"epoch-(\d+)\.npy")


def read_samples(folder: Path) -> dict[int, NDArray[np.uint8]]:
    """epoch -> sample grid uint8 [R, K, C, H, W], of a run's `samples/`; empty where there is none yet.

    Raises:
        DataError: a file that is no such array; a header that promises more than the file holds is refused unread.
    """
    files = entries(folder) if folder.exists() else []
    return {int(match[1]): _read_sample(file) for file in files if (match := _SAMPLE.fullmatch(file.name))}


def first_middle_last(grids: Mapping[int, NDArray[np.uint8]]) -> dict[int, NDArray[np.uint8]]:
    """The three epochs that a page has room for, or fewer."""
    first, last = min(grids, default=0), max(grids, default=0)
    middle = min(sorted(grids), key=lambda epoch: abs(epoch - last / 2), default=0)
    return {epoch: grids[epoch] for epoch in sorted({first, middle, last} & grids.keys())}


def _read_sample(path: Path) -> NDArray[np.uint8]:
    try:
        grid = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # NumPy's header parser raises a dozen types on damaged bytes, none documented
        grid = None
    if not isinstance(grid, np.memmap) or grid.dtype != np.uint8 or grid.ndim != 5:
        raise DataError(f"{named(path)}: is no sample grid (uint8, 5 dimensions, NumPy file); remove the file")
    return np.array(grid)


def folder_grid(folder: Path, *, rows: int = 4) -> tuple[NDArray[np.uint8], list[str]]:
    """The first images of a drawn data set: a folder of pictures for each class.

    Returns:
        uint8 [R, K, C, H, W] with at most `rows` of each class, and the K class names.

    Raises:
        DataError: no folder of a class, one without pictures, or a picture that cannot be read or differs in
            size or colour.
    """
    classes = {path.name: path for path in entries(folder) if path.is_dir()}
    if not classes:
        raise DataError(f"{named(folder)}: holds no folder of a class; give the folder of a drawn data set")
    names = in_class_order(set(classes))
    columns = [_pictures(classes[name]) for name in names]
    rows = min(rows, *map(len, columns))
    chosen = [column[row] for row in range(rows) for column in columns]
    images = stacked((named(path), read_bytes(path, at_most=MAX_FILE_BYTES)) for path in chosen)
    return images.reshape(rows, len(columns), *images.shape[1:]), names


def _pictures(folder: Path) -> list[Path]:
    pictures = entries(folder)
    if not pictures:
        raise DataError(f"{named(folder)}: holds no pictures; give the folder of a drawn data set")
    return pictures
