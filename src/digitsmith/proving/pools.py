"""The generated digits of a proof: of GANs trained on few images, kept as they come, and of the shipped model."""

from __future__ import annotations

import io
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import DEFAULT_MODEL
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.data.npz import DAMAGES
from digitsmith.drawing.loading import load
from digitsmith.errors import InputError
from digitsmith.feeding.generated import drawn_digits
from digitsmith.measure.reader import OnProgress, read
from digitsmith.proving.sets import copies
from digitsmith.storage import write_bytes_atomically
from digitsmith.training.few import repeats_itself

SHIPPED = DEFAULT_MODEL
LEAST_GENERATED = 1_000
"""Generated digits of each class, at the least."""
_LARGEST_SHARE_TIMES = 3  # generated digits for each real one at the largest share, 3/4
_ARE_DIGITS = 0.5  # the share of images that the reader has to read as labelled; it reads a tenth of any others
_LOOKED_AT = 1_000


class DrawsFew(Protocol):
    """What training on few images gives."""

    @property
    def stopped_at_images(self) -> int:
        """Real images that it has seen, each counted as often as it was."""

    def draw(self, labels: NDArray[np.int64], *, seed: int) -> NDArray[np.uint8]:
        """One image for each label, uint8 [N, C, H, W]."""


class TrainsOnFew(Protocol):
    """`training.few.train_on_few`, or what stands in for it."""

    def __call__(
        self,
        digits: Digits,
        *,
        seed: int,
        budget_images: int | None,
        threads: int,
        on_progress: OnProgress | None,
    ) -> DrawsFew:
        """Train a generator on `digits` alone."""


def generated_per_class(per_class: int) -> int:
    """How many digits of each class are drawn: a multiple of three times the real ones, and at least 1,000.

    So each of the shares 1/4, 1/2 and 3/4 is also that of a set in which every real image stands equally often.
    """
    unit = _LARGEST_SHARE_TIMES * per_class
    return unit * math.ceil(LEAST_GENERATED / unit)


def asked_labels(classes: int, per_class: int) -> NDArray[np.int64]:
    """Labels to draw, classes taking turns, int64 [N]."""
    return np.tile(np.arange(classes), generated_per_class(per_class))


@dataclass(frozen=True)
class Trained:
    """A GAN's digits, and what the record says of it.

    Attributes:
        repeats_itself: it draws one image of a class over and over, as `training.few.repeats_itself` tells.
    """

    digits: Digits
    seconds: float
    stopped_at_images: int
    repeats_itself: bool


@dataclass(frozen=True, eq=False)
class Pools:
    """Where generated digits come from, and where a GAN's are kept.

    Attributes:
        folder: of the files.
        train: makes a generator.
        budget_images: for each GAN; None: as many as it takes.
        threads: of its training.
    """

    folder: Path
    train: TrainsOnFew = field(repr=False)
    budget_images: int | None
    threads: int

    def has(self, name: str) -> bool:
        """Whether digits are kept under this name."""
        return self._path(name).exists()

    def kept(self, name: str, few: Digits) -> Digits | None:
        """The digits that were drawn under this name; None where there are none, or a damaged file."""
        path = self._path(name)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return Digits(arrays["images"], arrays["labels"], few.classes, source=name)
        except DAMAGES:
            return None

    def trained(
        self, name: str, few: Digits, *, per_class: int, seed: int, on_progress: OnProgress | None = None
    ) -> Trained:
        """Digits of a GAN that is trained on `few`, and kept."""
        began = time.perf_counter()
        model = self.train(
            few, seed=seed, budget_images=self.budget_images, threads=self.threads, on_progress=on_progress
        )
        labels = asked_labels(len(few.classes), per_class)
        digits = Digits(model.draw(labels, seed=seed), labels, few.classes, source=name)
        content = io.BytesIO()
        np.savez_compressed(content, images=digits.images, labels=digits.labels)
        write_bytes_atomically(self._path(name), content.getvalue())
        repeats = repeats_itself(digits.images, labels, few)
        return Trained(digits, time.perf_counter() - began, model.stopped_at_images, repeats)

    def forget(self, name: str) -> None:
        """Remove the digits kept under this name."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


def shipped_digits(like: Digits, *, per_class: int, seed: int) -> Digits:
    """Digits of the shipped model, none turned down by the proofreader."""
    labels = asked_labels(len(like.classes), per_class)
    images = drawn_digits(load(SHIPPED), labels, seed=seed, reject=False)
    return Digits(images, labels, like.classes, source=SHIPPED)


def shipped_checksum() -> str:
    """Of the shipped model's weights: a later release may draw other digits."""
    return load(SHIPPED).config.weights_sha256


def why_not_shipped(pool: Digits) -> str:
    """Why the shipped model's digits are none of these images' kind; "" where they are."""
    config = load(SHIPPED).config
    if config.classes != pool.classes:
        return f"{SHIPPED} draws the classes {', '.join(config.classes)}, and these are others"
    if config.image_shape != pool.image_shape:
        channels, height, width = config.image_shape
        colour = "gray" if channels == 1 else "colour"
        return f"{SHIPPED} draws {height}x{width} {colour} images, and these are {list(pool.image_shape)} (C, H, W)"
    some = pool.take(np.linspace(0, len(pool) - 1, min(len(pool), _LOOKED_AT)).astype(np.int64))
    share = float((read(some.images) == some.labels).mean())
    if share < _ARE_DIGITS:
        return f"{SHIPPED} draws digits, and a reader of digits reads {share:.0%} of these images as they are labelled"
    return ""


def seen_by_shipped(digits: Digits) -> int:
    """How many of `digits` the shipped model was trained on: those that are MNIST training images."""
    return copies(digits, load_mnist("train"))


def check_budget(budget_images: int | None) -> None:
    """Raises InputError for a GAN that may not see an image."""
    if budget_images is not None and budget_images < 1:
        raise InputError(f"a GAN that sees {budget_images} images learns nothing; give a budget of 1 or more")
