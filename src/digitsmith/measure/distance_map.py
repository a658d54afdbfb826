"""How far pixels of ink are from the paper: the exact Euclidean distance, computed only where it is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distances_to_paper(ink: NDArray[np.bool_], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The distance from pixels of ink to the nearest pixel of paper, centre to centre.

    Two steps, as in Meijster, Roerdink and Hesselink: "A general algorithm for computing distance transforms in
    linear time", 2000: first along the columns for all pixels, then across them, here for the asked pixels only.

    Args:
        ink: bool [H, W, N], N images side by side; the first and last row and column are paper.
        places: int64 [P], flat indices into `ink`.

    Returns:
        float64 [P], 0 on paper.
    """
    along = _distances_along_columns(ink).reshape(-1)
    nearest = along[places].astype(np.int64) ** 2
    waiting, dx = np.arange(len(places)), 1
    while len(waiting := waiting[nearest[waiting] > dx**2]):  # the margin ends each search within its own line
        here, aside = places[waiting], dx * ink.shape[2]
        closer = np.minimum(along[here - aside], along[here + aside]).astype(np.int64)
        nearest[waiting] = np.minimum(nearest[waiting], closer**2 + dx**2)
        dx += 1
    return np.sqrt(nearest)


def _distances_along_columns(ink: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """To the nearest paper in the same column, uint16 [H, W, N]: the smaller of the distances up and down."""
    up, down = np.zeros(ink.shape, np.uint16), np.zeros(ink.shape, np.uint16)
    for row in range(1, len(ink)):
        np.multiply(up[row - 1] + np.uint16(1), ink[row], out=up[row])
        np.multiply(down[-row] + np.uint16(1), ink[-row - 1], out=down[-row - 1])
    return np.minimum(up, down, out=up)
