"""Usefulness: what a recogniser learns from generated digits, and what one that learned from real ones makes of them.

The classification accuracy score trains on generated images only and tests on the real test set (Ravuri and Vinyals,
"Classification Accuracy Score for Conditional Generative Models", NeurIPS 2019). GAN-test trains on real images and
tests on generated ones (Shmelkov, Schmid and Alahari, "How good is my GAN?", ECCV 2018). The first falls when the
generator lacks variety or mixes classes up, the second when its images do not look like their class.

Both come with what real images score in the generated ones' place: the same network, steps, seeds and number of
images. The test set is looked at once per recogniser, after its last step, and chooses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import MAX_SEED
from digitsmith.data.digits import Digits
from digitsmith.data.files import shown
from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate, seeds_estimate
from digitsmith.measure.reader import OnProgress
from digitsmith.measure.recogniser import STEPS, Recogniser, accuracy, train_recogniser

SEEDS = (0, 1, 2)
MINIMUM_PER_CLASS = 10  # on average: from fewer, a recogniser learns those very images and little of the class


@dataclass(frozen=True)
class Usefulness:
    """Both scores and what real images score, as shares of images in [0, 1]: means over seeds with their deviation.

    Attributes:
        cas: trained on generated images, tested on the real test set.
        cas_real: trained on as many real training images, tested on the real test set. GAN-test's recognisers are
            these, so it is also how they do on images by other writers.
        gan_test: those trained on real images, tested on the generated ones.
        gan_test_held_out: the same ones, tested on real training images they were not trained on, at most as many
            as generated ones; None where fewer than `MINIMUM_PER_CLASS` a class are left.
        images: how many each recogniser was trained on.
    """

    cas: Estimate
    cas_real: Estimate
    gan_test: Estimate
    gan_test_held_out: Estimate | None
    images: int


def usefulness(
    generated: Digits,
    training: Digits,
    test: Digits,
    *,
    seeds: Sequence[int] = SEEDS,
    steps: int = STEPS,
    on_progress: OnProgress | None = None,
) -> Usefulness:
    """Train two recognisers per seed, on generated and on equally many real images, and test each on the other kind.

    Args:
        generated: labelled by the class asked for. A class without an image is no error: the score shows it.
        training: the real images that the generator may have seen.
        test: real images that it has not.
        seeds: of the recognisers; each also chooses which images are used of the larger set.
        steps: of each recogniser.
        on_progress: called with the steps done by all recognisers and their number.

    Raises:
        InputError: sets with other classes or image shapes, too few images, a training class without an image,
            no seeds or one given twice.
    """
    _require_like(training, generated)
    smaller = min(generated, training, key=len)
    _require_enough(len(smaller), classes=len(training.classes), source=smaller.source)
    total = 2 * len(seeds) * steps
    real = RealSide.train(
        training, test, count=len(smaller), seeds=seeds, steps=steps, on_progress=_within(on_progress, 0, total)
    )
    return real.compare(generated.images, generated.labels, on_progress=_within(on_progress, total // 2, total))


@dataclass(frozen=True, eq=False)
class RealSide:
    """The recognisers trained on real images: the half of the work that serves every generator of as many images.

    Attributes:
        training, test: the real images.
        count: how many training images each recogniser was trained on.
        seeds: one per recogniser.
        steps: of each.
        recognisers: in the order of `seeds`.
        accuracy: on the test set.
        on_held_out: on training images that they were not trained on; None where too few are left.
    """

    training: Digits
    test: Digits
    count: int
    seeds: tuple[int, ...]
    steps: int
    recognisers: tuple[Recogniser, ...]
    accuracy: Estimate
    on_held_out: Estimate | None

    @classmethod
    def train(
        cls,
        training: Digits,
        test: Digits,
        *,
        count: int,
        seeds: Sequence[int] = SEEDS,
        steps: int = STEPS,
        on_progress: OnProgress | None = None,
    ) -> RealSide:
        """Train one recogniser per seed on `count` random images of `training`.

        Raises:
            InputError: as `usefulness` does, of the real images and the seeds.
        """
        _require_like(training, test)
        training.require_every_class()
        _require_enough(count, classes=len(training.classes), source=training.source)
        if len(training) < count:
            raise InputError(f"{training.source}: has {len(training)} images, not the {count} asked for; ask for fewer")
        _require_seeds(seeds)
        recognisers = _train_each(training, count, seeds=seeds, steps=steps, on_progress=on_progress)
        left = min(count, len(training) - count)
        on_held_out = None
        if left >= MINIMUM_PER_CLASS * len(training.classes):
            others = (_some(training, left, seed=seed, skip=count) for seed in seeds)
            on_held_out = seeds_estimate(list(map(accuracy, recognisers, others)))
        on_test = seeds_estimate([accuracy(recogniser, test) for recogniser in recognisers])
        return cls(training, test, count, tuple(seeds), steps, recognisers, on_test, on_held_out)

    def compare(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], *, on_progress: OnProgress | None = None
    ) -> Usefulness:
        """Train as many recognisers in the same way on generated images, and test both kinds.

        Args:
            images: uint8 [N, C, H, W], N at least `count`; of more, each seed uses `count` random ones.
            labels: int64 [N], the classes asked for.
            on_progress: called with the steps done by all recognisers and their number.

        Raises:
            InputError: images of another shape than the real ones, fewer than `count`, labels outside the classes.
        """
        generated = Digits(images, labels, self.training.classes, source="the generated images")
        _require_like(self.training, generated)
        if len(generated) < self.count:
            raise InputError(
                f"{len(generated)} generated images cannot be compared with recognisers trained on {self.count} real "
                "ones; draw as many"
            )
        taught = _train_each(generated, self.count, seeds=self.seeds, steps=self.steps, on_progress=on_progress)
        used = (_some(generated, self.count, seed=seed) for seed in self.seeds)
        return Usefulness(
            cas=seeds_estimate([accuracy(recogniser, self.test) for recogniser in taught]),
            cas_real=self.accuracy,
            gan_test=seeds_estimate(list(map(accuracy, self.recognisers, used))),
            gan_test_held_out=self.on_held_out,
            images=self.count,
        )


def _train_each(
    digits: Digits, count: int, *, seeds: Sequence[int], steps: int, on_progress: OnProgress | None
) -> tuple[Recogniser, ...]:
    """One recogniser per seed, each taught by `count` images of its seed's choice."""
    total = len(seeds) * steps
    return tuple(
        train_recogniser(
            _some(digits, count, seed=seed),
            seed=seed,
            steps=steps,
            on_progress=_within(on_progress, place * steps, total),
        )
        for place, seed in enumerate(seeds)
    )


def _some(digits: Digits, count: int, *, seed: int, skip: int = 0) -> Digits:
    """`count` images of a random order that belongs to `seed`, after the first `skip`.

    At random and not class by class: a generator that draws one class too rarely is to be caught at it.
    """
    return digits.take(np.random.default_rng(seed).permutation(len(digits))[skip : skip + count])


def _within(on_progress: OnProgress | None, before: int, total: int) -> OnProgress | None:
    """The progress of a part that begins when `before` of `total` are done."""
    return None if on_progress is None else lambda done, _: on_progress(before + done, total)


def _require_like(training: Digits, other: Digits) -> None:
    if other.classes != training.classes:
        raise InputError(
            f"{other.source} has the classes {_listed(other.classes)}, and {training.source} has "
            f"{_listed(training.classes)}; give sets of the same classes in the same order"
        )
    if other.image_shape != training.image_shape:
        raise InputError(
            f"{other.source}: images are {list(other.image_shape)} (C, H, W), and those of {training.source} are "
            f"{list(training.image_shape)}; give images of one shape"
        )


def _listed(classes: Sequence[str]) -> str:
    return shown(", ".join(classes), at_most=60)


def _require_enough(count: int, *, classes: int, source: str) -> None:
    minimum = MINIMUM_PER_CLASS * classes
    if count < minimum:
        raise InputError(
            f"{source}: {count} images are too few to learn {classes} classes from, usefulness needs at least "
            f"{minimum} ({MINIMUM_PER_CLASS} a class); give more"
        )


def _require_seeds(seeds: Sequence[int]) -> None:
    if not seeds or len(set(seeds)) < len(seeds) or not 0 <= min(seeds) <= max(seeds) <= MAX_SEED:
        raise InputError(
            f"seeds are {', '.join(map(str, seeds)) or 'none'}; give at least one, each once, in 0..{MAX_SEED}"
        )
