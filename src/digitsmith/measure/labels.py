"""Labels kept: whether a generated digit is read as the class that was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate, share_estimate


def confusion(asked: NDArray[np.int64], read: NDArray[np.int64], *, classes: int) -> NDArray[np.int64]:
    """How often an image asked for as one class was read as another.

    Args:
        asked: int64 [N], the class asked for, in 0 .. classes - 1.
        read: int64 [N], the class that a reader saw, in the same range.
        classes: K.

    Returns:
        int64 [K, K], row = class asked for, column = class read; it adds up to N.

    Raises:
        InputError: arrays that do not belong together, or a class outside the range.
    """
    for name, labels in (("asked for", asked), ("read", read)):
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise InputError(
                f"the classes {name} must be whole numbers [N], these are {labels.dtype} {list(labels.shape)}; "
                "give one class per image"
            )
        outside = np.flatnonzero((labels < 0) | (labels >= classes))
        if len(outside):
            first = int(outside[0])
            raise InputError(
                f"image {first}: the class {name} is {int(labels[first])}, outside 0..{classes - 1}; "
                "number the classes from 0 without gaps"
            )
    if len(asked) != len(read):
        raise InputError(f"{len(asked)} classes asked for but {len(read)} read; give one of each per image")
    pairs = asked.astype(np.int64) * classes + read.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def read_as_asked(confusion: NDArray[np.int64]) -> Estimate:
    """The share of all images in a confusion matrix [K, K] that were read as asked, with Wilson's interval.

    Raises:
        InputError: there is no image in it.
    """
    count = int(confusion.sum())
    if count == 0:
        raise InputError("there are no images, so no share of them was read as asked; give at least one")
    return share_estimate(int(confusion.trace()), count)
