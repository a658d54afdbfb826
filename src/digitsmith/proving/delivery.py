"""The augmented data set, ready to use: what the recommended arm was given, as images that any program can shuffle.

A set of files knows no shares of a batch and no moves. So every real image stands in it as often as makes the share of
generated digits, once as it is and then moved anew each time; the generated digits are moved too. A recogniser that
learns the set as it lies there, in plain shuffled batches, comes close to the arm itself, and how close is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from digitsmith.config import Augmentation
from digitsmith.data.digits import Digits
from digitsmith.drawing.writers import write_data_set
from digitsmith.proving.pools import generated_per_class
from digitsmith.proving.teaching import Lesson, moves_of
from digitsmith.randomness import Stream, derived_seed, torch_generator
from digitsmith.training.augment import augment
from digitsmith.training.batches import to_float, to_uint8

_AT_ONCE = 1_000


@dataclass(frozen=True)
class Mix:
    """An augmented set.

    Attributes:
        digits: the real images as they are, then all others in random order.
        real: how many real images there are.
        copies: how often each of them stands in it.
        generated: how many generated digits.
    """

    digits: Digits
    real: int
    copies: int
    generated: int


def mix_of(few: Digits, lesson: Lesson, generated: Digits | None, *, per_class: int, seed: int) -> Mix:
    """The set that gives plain batches what `lesson` gives.

    Args:
        few: `per_class` real images of each class.
        lesson: the arm's.
        generated: the arm's, as many as `generated_per_class` says of each class, where it has a share of them.
        per_class: real images of each class.
        seed: of the moves and of the order.
    """
    copies = 1
    if lesson.share:
        assert generated is not None, "a share of generated digits needs some"
        copies = round(len(generated) / len(few) * (1 - lesson.share) / lesson.share)
    elif lesson.strength:
        copies = generated_per_class(per_class) // per_class
    again = np.tile(np.arange(len(few)), copies - 1)
    images, labels = few.images[again], few.labels[again]
    if generated is not None:
        images, labels = np.concatenate([images, generated.images]), np.concatenate([labels, generated.labels])
    order = np.random.default_rng(derived_seed(seed, Stream.PROOF, 1)).permutation(len(labels))
    moved = _moved(images[order], moves_of(lesson.strength), seed=seed)
    digits = Digits(
        np.concatenate([few.images, moved]), np.concatenate([few.labels, labels[order]]), few.classes, few.source
    )
    return Mix(digits, len(few), copies, 0 if generated is None else len(generated))


def _moved(images: NDArray[np.uint8], moves: Augmentation, *, seed: int) -> NDArray[np.uint8]:
    if moves.is_identity or not len(images):
        return images
    parts = [
        to_uint8(augment(to_float(torch.from_numpy(images[start : start + _AT_ONCE])), moves, random)).numpy()
        for start in range(0, len(images), _AT_ONCE)
        for random in [torch_generator(seed, Stream.AUGMENT, start)]
    ]
    return np.concatenate(parts)


def write_mix(out: Path, mix: Mix, *, format: str, manifest: Mapping[str, Any]) -> Path:
    """Write the set as the new folder `out`.

    Raises:
        InputError, StorageError: as `write_data_set` says.
    """
    digits = mix.digits

    def chunks() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        for start in range(0, len(digits), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            yield np.ascontiguousarray(digits.images[rows]), digits.labels[rows]

    counts = {"real": mix.real, "copies_of_each_real": mix.copies, "generated": mix.generated}
    return write_data_set(
        out,
        chunks(),
        format=format,
        classes=digits.classes,
        count=len(digits),
        manifest={**manifest, **counts, "the_first_are_the_real_ones": mix.real},
        handwriting=False,  # whatever they show
        origin=_origin(mix),
    )


def _origin(mix: Mix) -> str:
    """Where the images come from, for the README of the set."""
    words = f"{mix.real:,} real ones, which come first"
    if mix.copies > 1:
        words += f", each {mix.copies} times in all"
    if mix.generated:
        words += f", and {mix.generated:,} that a generative network drew for the label they carry"
    return words
