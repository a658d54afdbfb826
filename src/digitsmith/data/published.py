"""The forms that the named data sets were published in: files -> pixels uint8 [N, C, H, W] and labels [N].

What comes in has the published SHA-256, so that these decoders meet a wrong byte only where a publisher or we erred;
that is a `DataError` all the same.
"""

from __future__ import annotations

import bz2
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.files import named, read_bytes
from digitsmith.data.idx import parse_idx
from digitsmith.data.mat5 import read_mat
from digitsmith.errors import DataError

Decoded = tuple[NDArray[np.uint8], NDArray[np.int64]]

_MOST_TEXT = 1 << 26  # bytes of a USPS file, unpacked: the larger has 7,291 rows of some 3 kB
_USPS_SIDE = 16
_CIFAR_PIXELS = 3 * 32 * 32
_SVHN_MOST = 1 << 29


def idx_pair(paths: Sequence[Path], *, transposed: bool = False, first_label: int = 0) -> Decoded:
    """MNIST's own form: an IDX file of images [N, H, W], one of labels [N].

    Args:
        paths: images, labels.
        transposed: the images are stored column by column, as EMNIST's are (they came out of MATLAB): each is
            turned back.
        first_label: the number of the first class; EMNIST letters count from 1.
    """
    pixels, labels = (parse_idx(path) for path in paths)
    if pixels.ndim != 3 or labels.ndim != 1:
        raise DataError(f"{named(paths[0])}: holds {pixels.ndim} dimensions and its labels {labels.ndim}, not 3 and 1")
    if transposed:
        pixels = np.ascontiguousarray(pixels.transpose(0, 2, 1))
    return pixels[:, None], labels.astype(np.int64) - first_label


def cifar_records(paths: Sequence[Path]) -> Decoded:
    """CIFAR-10's binary version: records of a label and 3,072 pixels, red, green and blue plane, each row by row."""
    records = []
    for path in paths:
        content = np.frombuffer(read_bytes(path), dtype=np.uint8)
        if len(content) % (1 + _CIFAR_PIXELS):
            raise DataError(f"{named(path)}: is not made of records of {1 + _CIFAR_PIXELS} bytes; download it again")
        records.append(content.reshape(-1, 1 + _CIFAR_PIXELS))
    labels = np.concatenate([part[:, 0] for part in records]).astype(np.int64)
    return np.concatenate([part[:, 1:] for part in records]).reshape(-1, 3, 32, 32), labels


def libsvm_rows(paths: Sequence[Path]) -> Decoded:
    """USPS as LIBSVM has it: bzip2 text, a row `label 1:v 2:v ... 256:v` an image of 16x16, label 1 for the digit 0.

    A value v in [-1, 1] becomes the gray level (v + 1) * 127.5, rounded; -1 is the ground. (torchvision cuts the
    fraction off instead, and is one level darker where it does.)
    """
    (path,) = paths
    try:
        with bz2.open(io.BytesIO(read_bytes(path))) as unpacking:
            text = unpacking.read(_MOST_TEXT)
    except (OSError, EOFError) as error:
        raise DataError(f"{named(path)}: its bzip2 data is damaged; download it again") from error
    columns = 1 + 2 * _USPS_SIDE**2  # the label, and (index, value) 256 times
    try:
        table = np.fromstring(text.replace(b":", b" "), dtype=np.float32, sep=" ").reshape(-1, columns)
    except ValueError as error:
        raise DataError(f"{named(path)}: its rows are not a label and 256 values; download it again") from error
    labels, index, values = table[:, 0], table[:, 1::2], table[:, 2::2]
    if not (len(table) and (index == np.arange(1, _USPS_SIDE**2 + 1)).all() and (np.abs(values) <= 1).all()):
        raise DataError(f"{named(path)}: its rows are not 256 values in -1..1; download it again")
    pixels = np.rint((values + 1) * 127.5).astype(np.uint8)
    return pixels.reshape(-1, 1, _USPS_SIDE, _USPS_SIDE), labels.astype(np.int64) - 1


def svhn_arrays(paths: Sequence[Path]) -> Decoded:
    """SVHN's cropped digits: a MAT-file with X [32, 32, 3, N] and y [N, 1], where label 10 is the digit 0."""
    (path,) = paths
    arrays = read_mat(path, ("X", "y"), at_most=_SVHN_MOST)
    pixels, labels = arrays["X"], arrays["y"]
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or labels.shape != (pixels.shape[3], 1):
        raise DataError(f"{named(path)}: X is {pixels.dtype} {list(pixels.shape)}, y {list(labels.shape)}; not SVHN's")
    return np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)), labels[:, 0].astype(np.int64) % 10
