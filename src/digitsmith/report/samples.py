"""Grids from the disk: those a run keeps at its sample epochs, and a first look into a drawn data set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.arrays import in_class_order
from digitsmith.data.files import entries, named, read_bytes
from digitsmith.data.pictures import MAX_FILE_BYTES, stacked
from digitsmith.errors import DataError

_SAMPLE = re.compile(r"epoch-(\d+)\.npy")
_LOOSE_COLUMNS = 10


def sample_files(folder: Path) -> dict[int, Path]:
    """epoch -> file of a run's `samples/`; empty where there is none yet."""
    files = entries(folder) if folder.exists() else []
    return {int(match[1]): file for file in files if (match := _SAMPLE.fullmatch(file.name))}


def read_sample(path: Path) -> NDArray[np.uint8]:
    """One sample grid, uint8 [R, K, C, H, W], from a NumPy file.

    Raises:
        DataError: no such array; a header that promises more than the file holds is refused unread.
    """
    try:
        grid = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # NumPy's header parser raises a dozen types on damaged bytes, none documented
        grid = None
    if not isinstance(grid, np.memmap) or grid.dtype != np.uint8 or grid.ndim != 5:
        raise DataError(f"{named(path)}: is no sample grid (uint8, 5 dimensions, NumPy file); remove the file")
    return np.array(grid)


def folder_grid(folder: Path, *, rows: int = 4) -> tuple[NDArray[np.uint8], Sequence[str] | None]:
    """The first images of a drawn data set: a folder of pictures for each class, or one folder of pictures.

    Returns:
        uint8 [R, K, C, H, W] with at most `rows` of each class, and the K class names; for pictures without
        classes up to ten columns, and None.

    Raises:
        DataError: a folder without pictures, or a picture that cannot be read or differs in size or colour.
    """
    classes = {path.name: path for path in entries(folder) if path.is_dir()}
    if classes:
        names = in_class_order(set(classes))
        columns = [_pictures(classes[name]) for name in names]
    else:
        names = None
        loose = _pictures(folder)
        columns = [loose[k::_LOOSE_COLUMNS] for k in range(min(_LOOSE_COLUMNS, len(loose)))]
    rows = min(rows, *map(len, columns))
    chosen = [column[row] for row in range(rows) for column in columns]
    images = stacked((named(path), read_bytes(path, at_most=MAX_FILE_BYTES)) for path in chosen)
    return images.reshape(rows, len(columns), *images.shape[1:]), names


def _pictures(folder: Path) -> list[Path]:
    pictures = [path for path in entries(folder) if path.suffix.lower() != ".json"]  # the set's manifest
    if not pictures:
        raise DataError(f"{named(folder)}: holds no pictures; give the folder of a drawn data set")
    return pictures
