"""Labelled images, and beside them more of their kind without labels: what a semi-supervised model learns from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.data.images import Images
from digitsmith.data.resize import in_words
from digitsmith.errors import DataError


@dataclass(frozen=True, eq=False)
class PartlyLabelled:
    """For training what `Digits` are, but that only the first images have labels. Neither part is copied.

    Attributes:
        labelled: the first images, with their labels.
        unlabelled: the others; labels that these have are nowhere looked at.

    Raises:
        DataError: images of two sizes, or gray ones and colour ones.
    """

    labelled: Digits
    unlabelled: Images

    def __post_init__(self) -> None:
        theirs, ours = self.unlabelled.images.shape[1:], self.labelled.image_shape
        if theirs != ours:
            raise DataError(
                f"{self.unlabelled.source}: its images are {in_words(theirs)}, and those with labels, of "
                f"{self.labelled.source}, are {in_words(ours)}; bring both to one form, scans with `digitsmith import`"
            )

    def __len__(self) -> int:
        """Of all images, with and without labels."""
        return len(self.labelled) + len(self.unlabelled)

    @property
    def images(self) -> NDArray[np.uint8]:
        """All images, uint8 [N, C, H, W]: put together anew at each call."""
        return np.concatenate([self.labelled.images, self.unlabelled.images])

    @property
    def labels(self) -> NDArray[np.int64]:
        """Of the first images, int64 [len(labelled)]."""
        return self.labelled.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """A name for each label."""
        return self.labelled.classes

    @property
    def source(self) -> str:
        """Where the labelled images came from."""
        return self.labelled.source

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return self.labelled.image_shape

    def require_every_class(self) -> None:
        """As of `Digits`: DataError when a class has no labelled image."""
        self.labelled.require_every_class()

    def unlabelled_fingerprint(self) -> str:
        """SHA-256 of the pixels of the images without labels."""
        digest = hashlib.sha256(repr(self.unlabelled.images.shape).encode())
        digest.update(np.ascontiguousarray(self.unlabelled.images).data)
        return digest.hexdigest()


TrainingImages = Digits | PartlyLabelled
"""What a run learns from: the second for a semi-supervised model alone."""
