"""Features that take an hour are kept on the disk: those of the real images, which every evaluation needs again."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.npz import DAMAGES
from digitsmith.errors import DigitsmithError
from digitsmith.storage import cache_folder, write_bytes_atomically

Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def remembered(images: NDArray[np.uint8], compute: Features, *, network: str) -> NDArray[np.float32]:
    """`compute(images)`, float32 [N, D], from the cache where it was computed before.

    The file's name carries the images' checksum and the network's name, so nothing stale is ever found. It takes
    8 KB an image for Inception: 573 MB for MNIST's 70,000.
    """
    path = _place(images, network)
    try:
        kept = np.load(path, allow_pickle=False)
        if kept.dtype == np.float32 and kept.ndim == 2 and len(kept) == len(images):
            return np.asarray(kept)
    except DAMAGES:
        pass  # not there, or damaged: what follows makes it anew
    features = compute(images)
    content = io.BytesIO()
    np.save(content, features, allow_pickle=False)
    try:
        write_bytes_atomically(path, content.getvalue())
    except DigitsmithError as error:
        warnings.warn(f"{error}; the features of the real images will be computed again next time", stacklevel=2)
    return features


def _place(images: NDArray[np.uint8], network: str) -> Path:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    return cache_folder() / "features" / f"{re.sub(r'[^a-z0-9]+', '-', network)}-{digest.hexdigest()[:32]}.npy"
