"""What a recogniser reads in images of any format, as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.folder import loose_pictures
from digitsmith.data.reading import read_images
from digitsmith.data.resize import resized
from digitsmith.recognising.recogniser import Recogniser, load_recogniser


@dataclass(frozen=True, eq=False)
class Answers:
    """What was read.

    Attributes:
        names: of the images: those of their files, where they are pictures in one folder, else their numbers from 0.
        labels: int64 [N].
        sureness: the probability of each label, float32 [N].
        classes: the names of the labels.
        errors: how many are not as the images' own labels say; None for images without labels.
        source: where the images came from, as in "mnist (train)".
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    sureness: NDArray[np.float32]
    classes: tuple[str, ...]
    errors: int | None
    source: str

    def csv(self) -> str:
        """A row for each image, under `image,label,probability`; labels by their names."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("image", "label", "probability"))
        for name, label, sure in zip(self.names, self.labels.tolist(), self.sureness.tolist(), strict=True):
            text = name.encode(errors="backslashreplace").decode()  # a file's name may be no text in any encoding
            writer.writerow((text, self.classes[label], f"{sure:.4f}"))
        return table.getvalue()


def recognise(
    images: str | Path, *, model: str | Path | Recogniser, split: str = "train", resize: bool = False
) -> Answers:
    """Read images of any format.

    Args:
        images: as for `read_images`: a name or a path, with labels or without.
        model: a recogniser, or a path that `load_recogniser` understands.
        split: of data that has splits: train, test or all.
        resize: bring images of another size or colour to the recogniser's by `data.resize.resized`.

    Raises:
        InputError: images or a recogniser that cannot be read, that do not fit together, or a label of a class that
            the recogniser does not know.
    """
    recogniser = model if isinstance(model, Recogniser) else load_recogniser(model)
    found = read_images(images, split=split)
    pixels = resized(found.images, recogniser.config.image_shape) if resize else found.images
    probabilities = recogniser.probabilities(pixels)
    labels = probabilities.argmax(1)
    errors = None
    if found.labels is not None and found.classes is not None:
        true = recogniser.labels_of(found.labels, found.classes, source=found.source)
        errors = int((labels != true).sum())
    return Answers(_names(images, len(found)), labels, probabilities.max(1), recogniser.classes, errors, found.source)


def _names(images: str | Path, count: int) -> tuple[str, ...]:
    files = loose_pictures(Path(images)) if Path(images).is_dir() else []
    return tuple(file.name for file in files) if len(files) == count else tuple(map(str, range(count)))
