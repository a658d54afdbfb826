"""Decoded images beside the files they came from, for the forms that take longer than a second to decode.

One file a split: all pixels, all labels (a byte each), and their CRC-32 (big-endian). It is mapped, not read.
"""

from __future__ import annotations

import hashlib
import warnings
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.publication import DataFile
from digitsmith.data.published import Decoded
from digitsmith.errors import InputError
from digitsmith.storage import write_bytes_atomically

_FORM = b"1"  # counts up when the decoders' output changes, so that what older ones kept is not taken for it
_CRC_BYTES = 4


def decoded_file(folder: Path, name: str, files: Sequence[DataFile]) -> Path:
    """Where the decoded content of `files` is kept: its name says of which content."""
    key = hashlib.sha256(_FORM + "".join(file.sha256 for file in files).encode()).hexdigest()
    return folder / f"{name}-{key[:16]}.decoded"


def read_decoded(path: Path, shape: tuple[int, int, int, int]) -> Decoded | None:
    """What is kept at `path`, of this shape; None where nothing is, or it is damaged."""
    size = prod(shape) + shape[0] + _CRC_BYTES
    try:
        if not path.is_file() or path.stat().st_size != size:
            return None
        content = np.memmap(path, dtype=np.uint8, mode="r")
    except OSError:
        return None
    if zlib.crc32(content[:-_CRC_BYTES].data) != int.from_bytes(content[-_CRC_BYTES:].tobytes()):
        return None
    return content[: prod(shape)].reshape(shape), content[prod(shape) : -_CRC_BYTES].astype(np.int64)


def keep_decoded(path: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Keeps pixels uint8 [N, C, H, W] and labels in 0..255; where the cache refuses, one warning."""
    content = np.concatenate([pixels.reshape(-1), labels.astype(np.uint8), np.zeros(_CRC_BYTES, dtype=np.uint8)])
    crc = zlib.crc32(content[:-_CRC_BYTES].data)
    content[-_CRC_BYTES:] = np.frombuffer(crc.to_bytes(_CRC_BYTES), dtype=np.uint8)
    try:
        write_bytes_atomically(path, content.data)
    except (OSError, InputError) as error:
        warnings.warn(f"the decoded images cannot be kept ({error}); they are decoded again next time", stacklevel=2)
