"""MNIST, which travels with the package: unpacked once into the user's cache, then mapped, not read."""

from __future__ import annotations

import hashlib
import lzma
import warnings
import zlib
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.errors import ConfigError, DataError, InputError
from digitsmith.storage import cache_folder, write_bytes_atomically

# Printed by tools/build_mnist.py: the stream is all pixels (train, then test), then all labels.
STREAM_SHA256 = "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83"
STREAM_CRC32 = 0x34A89C1D
IMAGES, TRAIN_IMAGES, SIDE = 70_000, 60_000, 28
STREAM_BYTES = IMAGES * SIDE * SIDE + IMAGES

_ROWS = {"train": slice(0, TRAIN_IMAGES), "test": slice(TRAIN_IMAGES, IMAGES), "all": slice(0, IMAGES)}


def load_mnist(split: str = "train") -> Digits:
    """MNIST's 60,000 training images, its 10,000 test images, or all 70,000, each uint8 [1, 28, 28].

    The first call unpacks the package's copy into `cache_file()` (55 MB) and checks its SHA-256;
    later ones map that file read-only after checking its size and CRC-32 (about 20 ms). A cache file that is
    missing or fails the check is made anew. Where it cannot be written, MNIST is unpacked in memory, with
    one warning.

    Raises:
        ConfigError: for another split.
        DataError: when the package's own copy is damaged.
    """
    if split not in _ROWS:
        raise ConfigError(f"split {split!r} is unknown; MNIST has {', '.join(_ROWS)}")
    stream = _stream(cache_file())
    rows = _ROWS[split]
    pixels = stream[: IMAGES * SIDE * SIDE].reshape(IMAGES, 1, SIDE, SIDE)
    labels = stream[IMAGES * SIDE * SIDE :]
    return Digits(
        pixels[rows],
        np.array(labels[rows], dtype=np.int64),
        tuple(str(digit) for digit in range(10)),
        source=f"mnist ({split})",
    )


def cache_file() -> Path:
    """Where the unpacked stream is kept.

    The name carries the content's SHA-256, so that two versions of the package never share a file.
    """
    return cache_folder() / f"mnist-{STREAM_SHA256[:16]}.bin"


@cache  # one mapping a process; and where the cache cannot be written, one unpacking and one warning
def _stream(path: Path) -> NDArray[np.uint8]:
    """The stream, uint8 [STREAM_BYTES], read-only."""
    try:
        if _is_whole(path):
            return np.memmap(path, dtype=np.uint8, mode="r")
    except OSError:
        pass  # whatever stands there cannot be read: what follows replaces it, or says why it cannot
    content = _unpacked()
    try:
        write_bytes_atomically(path, content)
        return np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, InputError) as error:
        warnings.warn(
            f"MNIST is unpacked in memory, as its cache cannot be kept ({error}); set DIGITSMITH_CACHE to a folder "
            "that can be written",
            stacklevel=3,  # the caller of load_mnist: the cache's own wrapper has no Python frame
        )
        return np.frombuffer(content, dtype=np.uint8)


def _is_whole(path: Path) -> bool:
    """Whether the file has the stream's size and CRC-32: no truncation and no stray write goes unseen."""
    return (
        path.is_file()
        and path.stat().st_size == STREAM_BYTES
        and zlib.crc32(np.memmap(path, mode="r").data) == STREAM_CRC32
    )


def _unpacked() -> bytes:
    """The package's copy, unpacked and checked against its SHA-256."""
    try:
        packed = resources.files("digitsmith.data").joinpath("mnist", "mnist.xz").read_bytes()
        content = lzma.LZMADecompressor().decompress(packed, max_length=STREAM_BYTES + 1)
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise DataError("digitsmith's own copy of MNIST cannot be unpacked; reinstall digitsmith") from error
    if hashlib.sha256(content).hexdigest() != STREAM_SHA256:
        raise DataError("digitsmith's own copy of MNIST is damaged (its SHA-256 differs); reinstall digitsmith")
    return content
