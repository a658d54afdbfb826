"""The one in-memory form of labelled images that everything in digitsmith reads and writes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import DataError


def check_images(where: str, images: NDArray[Any]) -> None:
    """Nothing, when `images` are at least one image, uint8 [N, 1 or 3, H, W].

    Raises:
        DataError: they are not.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise DataError(
            f"{where}: images must be uint8 [N, 1 or 3, H, W], these are {images.dtype} {list(images.shape)}"
        )
    if images.size == 0:
        raise DataError(f"{where}: holds no images; give at least one image of each class")


@dataclass(frozen=True, eq=False)
class Digits:
    """Labelled images: what every reader returns and every model is trained on.

    Attributes:
        images: uint8 [N, C, H, W], 0 is the background, C is 1 (gray) or 3 (RGB).
        labels: int64 [N], each in 0 .. len(classes) - 1.
        classes: a name for each label, `("0", ..., "9")` for MNIST.
        source: where they came from, for messages and manifests.

    Raises:
        DataError: when the arrays do not fit together: another dtype or rank, no images, counts that
            differ, a label without a class.

    A class may be without an image here (a subset in IDX, npz, CSV or parquet keeps its labels' numbers);
    `require_every_class` is for whoever needs each.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    source: str = "memory"

    def __post_init__(self) -> None:
        images, labels, where = self.images, self.labels, self.source
        check_images(where, images)
        if labels.dtype != np.int64 or labels.ndim != 1:
            raise DataError(f"{where}: labels must be int64 [N], these are {labels.dtype} {list(labels.shape)}")
        if len(images) != len(labels):
            raise DataError(f"{where}: {len(images)} images but {len(labels)} labels; each image needs one label")
        outside = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
        if len(outside):
            first = int(outside[0])
            raise DataError(
                f"{where}: image {first} has label {int(labels[first])}, outside 0..{len(self.classes) - 1}; "
                "number the classes from 0 without gaps"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many images each class has, int64 [len(classes)]."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def require_every_class(self) -> None:
        """Nothing, when each class has an image.

        Raises:
            DataError: one has none.
        """
        empty = np.flatnonzero(self.counts == 0)
        if len(empty):
            raise DataError(
                f"{self.source}: class {self.classes[int(empty[0])]!r} has no image (the labels go up to "
                f"{int(self.labels.max())}, at image {int(self.labels.argmax())}); add some, or leave the class out"
            )

    def take(self, indices: NDArray[np.int64]) -> Digits:
        """The images at `indices`, in that order."""
        return Digits(self.images[indices], self.labels[indices], self.classes, self.source)

    def fingerprint(self) -> str:
        """SHA-256 of all pixels, labels and class names: the same data has the same one, wherever it lies."""
        digest = hashlib.sha256(repr((self.images.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()
