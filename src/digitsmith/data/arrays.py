"""What every reader ends with: pixels of any layout -> uint8 [N, C, H, W], any labels -> int64 [N]."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.files import shown
from digitsmith.errors import DataError

_MAX_CLASSES = 65_536  # so that no single label of 10**15 asks for as many class names
_LONGEST_NUMBER = 18  # digits that always fit in 64 bits


def images_from(where: str, pixels: NDArray[Any], *, images_before: int = 0) -> NDArray[np.uint8]:
    """Images of any common layout as uint8 [N, C, H, W].

    Args:
        where: the file and the part of it, for messages.
        pixels: [N, H, W], [N, C, H, W], [N, H, W, C], or flat: [N, side²] gray or [N, 3 side²] in planes.
            Integers in 0..255, or floats in 0..1, which are multiplied by 255 and rounded.
        images_before: how many images of the same file came in batches before, for messages.

    Raises:
        DataError: for another shape, another dtype, or a value outside its range; names the first image with a
            pixel that is NaN or infinite.
    """
    if pixels.size == 0:
        raise DataError(f"{where}: holds no pixels, its shape is {list(pixels.shape)}; give at least one image")
    return _to_uint8(where, _planes(where, pixels), images_before)


def flat_shape(pixels: int) -> tuple[int, int, int] | None:
    """(C, side, side) of a square image flattened to `pixels` numbers, or None where there is none."""
    for channels in (1, 3) if pixels > 0 else ():
        side = isqrt(pixels // channels)
        if channels * side * side == pixels:
            return channels, side, side
    return None


def _planes(where: str, pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 2:
        shape = flat_shape(pixels.shape[1])
        if shape is None:
            raise DataError(
                f"{where}: {pixels.shape[1]} pixels an image are neither side² (gray) "
                "nor 3 × side² (colour planes); give the images as [N, H, W]"
            )
        return pixels.reshape(len(pixels), *shape)
    if pixels.ndim == 3:
        return pixels[:, None]
    if pixels.ndim != 4:
        raise DataError(f"{where}: images must be [N, H, W] or [N, C, H, W], these are {list(pixels.shape)}")
    first, last = pixels.shape[1] in (1, 3), pixels.shape[3] in (1, 3)
    if first == last:
        why = "both the second and the last" if first else "neither the second nor the last"
        raise DataError(
            f"{where}: of the shape {list(pixels.shape)}, {why} dimension can be channels (1 or 3); "
            "give [N, H, W] for gray, or [N, 3, H, W]"
        )
    return pixels if first else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _to_uint8(where: str, pixels: NDArray[Any], images_before: int) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind not in "iuf":
        raise DataError(f"{where}: pixels are {pixels.dtype}; give integers in 0..255 or floats in 0..1")
    low, high = pixels.min().item(), pixels.max().item()
    top = 1 if pixels.dtype.kind == "f" else 255
    if not (low >= 0 and high <= top):  # NaN fails both comparisons
        raise DataError(
            f"{where}: pixels are {pixels.dtype} in {low:g}..{high:g}{_first_not_finite(pixels, images_before)}; "
            "give integers in 0..255 or floats in 0..1"
        )
    return (np.rint(pixels * 255.0) if top == 1 else pixels).astype(np.uint8)


def _first_not_finite(pixels: NDArray[Any], images_before: int) -> str:
    """Where the first pixel stands that is NaN or infinite, as part of a sentence; "" where all are finite."""
    finite = np.isfinite(pixels)
    if finite.all():
        return ""
    first = int(finite.argmin())
    return f", image {images_before + first // pixels[0].size} (from 0) holds {pixels.flat[first]:g}"


def labels_from_numbers(
    where: str, values: NDArray[Any], classes: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels that are numbers, int64 [N], and the names of their classes: `classes`, or "0" .. str(max).

    Args:
        where: the file and the part of it, for messages.
        values: [N] or [N, 1], integers or integral floats, from 0 upwards.
        classes: a name for each label, where the file has them.

    Raises:
        DataError: for another shape or dtype, a label below 0 or beyond the class names (or 65,535).
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise DataError(f"{where}: labels must be integers [N], these are {values.dtype} {list(values.shape)}")
    names = None if classes is None else _checked_names(where, classes)
    top = _MAX_CLASSES if names is None else len(names)
    wrong = np.flatnonzero(~((values >= 0) & (values < top) & (values == np.trunc(values))))
    if len(wrong):
        first = int(wrong[0])
        raise DataError(
            f"{where}: label {values[first].item()} of image {first} (from 0) is no whole number in 0..{top - 1}; "
            "number the classes 0, 1, 2, ... without gaps"
        )
    labels = values.astype(np.int64)
    if names is None:
        names = tuple(str(label) for label in range(int(labels.max(initial=-1)) + 1))
    return labels, names


def labels_from_names(where: str, values: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels that are class names: int64 [N] and the classes, in the order of `in_class_order`."""
    classes = _checked_names(where, in_class_order(set(values)))
    number = {name: label for label, name in enumerate(classes)}
    return np.fromiter((number[value] for value in values), dtype=np.int64, count=len(values)), classes


def in_class_order(names: set[str]) -> list[str]:
    """Class names sorted as numbers when all are whole numbers ("2" before "10"), else by name."""
    if all(is_whole_number(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def is_whole_number(text: str) -> bool:
    """Whether `text` is a number in plain digits that fits in 64 bits."""
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _checked_names(where: str, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not name.strip() or not name.isprintable():
            raise DataError(f"{where}: '{shown(name)}' cannot be a class name; use plain, visible characters")
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise DataError(f"{where}: the class name '{shown(twice)}' stands twice; give every class a name of its own")
    return tuple(names)
