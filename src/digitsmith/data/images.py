"""Images with or without labels: what is measured, as `Digits` are what is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits, check_images
from digitsmith.errors import DataError


@dataclass(frozen=True, eq=False)
class Images:
    """What every reader finds: images, and their labels where there are any.

    Attributes:
        images: uint8 [N, C, H, W], as in `Digits`.
        labels: int64 [N], each in 0 .. len(classes) - 1; None where there are none.
        classes: a name for each label; None without labels.
        source: where they came from, for messages and manifests.
        unlabelled: why there are no labels, and what to do: the line that `labelled` raises.

    Raises:
        DataError: when the arrays do not fit together, as `Digits` says.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] | None = None
    source: str = "memory"
    unlabelled: str | None = None

    def __post_init__(self) -> None:
        if (self.labels is None) != (self.classes is None):
            raise DataError(f"{self.source}: labels and the names of their classes go together; give both or neither")
        if self.labels is None:
            check_images(self.source, self.images)
        else:
            self.labelled()

    @classmethod
    def of(cls, digits: Digits) -> Images:
        """The same images and labels."""
        return cls(digits.images, digits.labels, digits.classes, source=digits.source)

    def labelled(self) -> Digits:
        """The same as `Digits`.

        Raises:
            DataError: there are no labels; says why.
        """
        if self.labels is None or self.classes is None:
            raise DataError(self.unlabelled or f"{self.source}: has no labels; give labelled images")
        return Digits(self.images, self.labels, self.classes, source=self.source)

    def without_labels(self) -> Images:
        """The same images alone."""
        return Images(self.images, source=self.source)

    def __len__(self) -> int:
        return len(self.images)
