"""NumPy's .npz: x_train/y_train as Keras writes them, images/labels, x/y; never anything pickled."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.arrays import images_from, labels_from_names, labels_from_numbers
from digitsmith.data.digits import Digits
from digitsmith.data.files import MAX_BYTES, can_deflate_to, check_split, named, read_bytes, shown
from digitsmith.data.images import Images
from digitsmith.errors import DataError, MissingSplitError

# (images, labels), the first pair that is there counts. Arrays without a split's name are the train split.
_KEYS = {
    "train": (
        ("x_train", "y_train"),
        ("train_images", "train_labels"),
        ("images", "labels"),
        ("x", "y"),
        ("X", "y"),
        ("arr_0", "arr_1"),  # what numpy.savez(file, images, labels) calls them
    ),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
# What zipfile and NumPy's header parser raise on damaged input, by their documentation and by fuzzing.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
_HEADER_ERRORS = (ValueError, TypeError, SyntaxError, KeyError, RecursionError, MemoryError, tokenize.TokenError)
DAMAGES = (*_ZIP_ERRORS, *_HEADER_ERRORS)
"""What `numpy.load` raises on a file that is missing or damaged, for those who then make their own file anew."""


def read_npz(path: Path, *, split: str = "train") -> Digits:
    """Labelled images of an .npz file: what `read_npz_images` reads, where labels are there.

    Raises:
        DataError: as that says, or when there are no labels.
    """
    return read_npz_images(path, split=split).labelled()


def read_npz_images(path: Path, *, split: str = "train") -> Images:
    """Images from an .npz file, its labels if it has any, and its class names if "classes" is an array of strings.

    Images without labels stand under one of the known keys, or are the only array in the file.

    Images: [N, H, W], [N, C, H, W], [N, H, W, C] or flat [N, side²]; integers in 0..255 or floats in 0..1.
    Labels: [N] or [N, 1]; integers or integral floats from 0 upwards, or strings.

    Raises:
        DataError: for missing keys, damaged or pickled content, or values outside their range. A header that
            promises more than its member can hold is refused before anything is allocated.
    """
    check_split(split)
    where = named(path)
    data = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            images_key, labels_key, missing = _keys(where, members, split)
            keys = [images_key] if labels_key is None else [images_key, labels_key, *({"classes"} & members.keys())]
            arrays = {key: _array(where, archive, members[key], len(data)) for key in keys}
    except DataError:
        raise
    except _ZIP_ERRORS as error:
        raise DataError(
            f"{where}: is not a whole .npz file ({type(error).__name__}); write or copy it again"
        ) from error
    source = f"{where}: {shown(images_key)}"
    if labels_key is None:
        return Images(images_from(source, arrays[images_key]), source=source, unlabelled=missing)
    names = _names(f"{where}: classes", arrays.get("classes"))
    labels, classes = _labels(f"{where}: {labels_key}", arrays[labels_key], names)
    return Images(images_from(source, arrays[images_key]), labels, classes, source=source)


def read_npy_images(path: Path) -> Images:
    """The images of a .npy file, which has no place for labels: the layouts and values of `read_npz_images`.

    Raises:
        DataError: for damaged or pickled content, or values outside their range.
    """
    where = named(path)
    pixels = _parsed(where, read_bytes(path))
    missing = f"{where}: a .npy file has no labels; save images and labels together with numpy.savez"
    return Images(images_from(where, pixels), source=where, unlabelled=missing)


def _keys(where: str, members: dict[str, zipfile.ZipInfo], split: str) -> tuple[str, str | None, str]:
    """The keys of the images and of their labels; or None for those, and why."""
    for images, labels in _KEYS[split]:
        if members.keys() >= {images, labels}:
            return images, labels, ""
    looked_for = " or ".join("/".join(pair) for pair in _KEYS[split])
    there = ", ".join(shown(name) for name in list(members)[:10]) or "nothing"
    missing = f"{where}: has no {split} images and labels: looked for {looked_for}, there is {there}"
    for images, _ in _KEYS[split]:
        if images in members:
            return images, None, missing
    taken = {key for pairs in _KEYS.values() for pair in pairs for key in pair}  # labels, or another split's images
    if split == "train" and len(members) == 1 and taken.isdisjoint(members):
        return next(iter(members)), None, missing
    raise MissingSplitError(missing)


def _array(where: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, archive_bytes: int) -> NDArray[Any]:
    """One member as an array, after its sizes were checked against what the zip can hold at all."""
    where = f"{where}: {shown(member.filename)}"
    if member.compress_type == zipfile.ZIP_STORED:
        possible = member.file_size == member.compress_size
    else:
        possible = member.compress_type == zipfile.ZIP_DEFLATED and can_deflate_to(
            member.compress_size, member.file_size
        )
    if not possible or member.file_size > MAX_BYTES or member.compress_size > archive_bytes:
        raise DataError(f"{where}: its size in the zip folder cannot be true; write it again with numpy.savez")
    return _parsed(where, archive.read(member))


def _parsed(where: str, content: bytes) -> NDArray[Any]:
    """The array of one .npy file that is whole in memory."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran_order, dtype = read(stream)
    except _HEADER_ERRORS as error:
        raise DataError(f"{where}: is not a NumPy array; write it again with numpy.savez") from error
    if dtype.kind not in "biufU" or dtype.itemsize == 0:
        raise DataError(f"{where}: holds {dtype}; save plain numbers (or strings), not objects")
    if 0 in shape or min(shape, default=0) < 0:
        raise DataError(f"{where}: is empty, its shape is {list(shape)}; give at least one image of each class")
    body = len(content) - stream.tell()
    if len(shape) > 4 or prod(shape) * dtype.itemsize != body:
        raise DataError(
            f"{where}: its header promises {dtype} {list(shape)}, but {body:,} bytes are there; write it again"
        )
    flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _names(where: str, names: NDArray[Any] | None) -> list[str] | None:
    if names is None:
        return None
    if names.dtype.kind != "U" or names.ndim != 1:
        raise DataError(f"{where}: must be strings [classes], these are {names.dtype} {list(names.shape)}")
    return _strings(where, names)


def _strings(where: str, values: NDArray[Any]) -> list[str]:
    try:
        return [str(value) for value in values]
    except ValueError as error:
        raise DataError(f"{where}: holds what is not Unicode text; write it again") from error


def _labels(where: str, values: NDArray[Any], names: list[str] | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if values.dtype.kind == "U" and values.ndim == 1:
        if names is not None:
            raise DataError(f"{where}: are strings already; leave 'classes' out, or number the labels")
        return labels_from_names(where, _strings(where, values))
    return labels_from_numbers(where, values, names)
