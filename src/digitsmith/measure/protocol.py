"""Who is compared with whom, at which counts: the part of a figure that is most often left unsaid.

A distance between samples depends on how many there are on both sides. So the generated images are measured
in a seat that real images take too:

    seat (n images)                 against
    generated                       the training images without the held-out ones
    held-out training images        the same        <- the floor: what real images score
    real test images                the same        <- other writers: how far real images of others are

n is as large as the generated set, at most 10,000 and at most half of the training images. Where more
images were generated, fidelity, diversity and style are measured once more, of all of them against all
training images, without a floor; but for the figures that keep to the seat (`seated_only`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.sample import Sample

LARGEST_SEAT = 10_000  # as many as MNIST's test set has


@dataclass(frozen=True)
class Reference:
    """Real images, split for one size of seat.

    Attributes:
        training: all real training images.
        rest: those that stand as the reference: all but the held-out ones.
        held_out: n training images.
        test: n real test images; None where there is no test set as large.
        source: the name of the training images.
        classes: the class names.
        seed: of the split.
        new_to_reader: whether the reader has not learned from the held-out images: then they are read as unseen ones.
    """

    training: Sample
    rest: Sample
    held_out: Sample
    test: Sample | None
    source: str
    classes: tuple[str, ...]
    seed: int
    new_to_reader: bool = False

    @classmethod
    def split(
        cls,
        training: Sample,
        test: Sample | None,
        *,
        seat: int,
        source: str,
        classes: tuple[str, ...],
        seed: int,
        unlearned: NDArray[np.int64] | None = None,
    ) -> Reference:
        """Hold `seat` random training images out, and take as many of the test set.

        Args:
            unlearned: at least `seat` training images that the reader has not learned from; those held out are
                among them then. None for a reader that has learned from all or none of them.
        """
        order = np.random.default_rng(seed).permutation(len(training))
        if unlearned is not None:
            new = np.isin(order, unlearned)
            order = np.concatenate([order[new], order[~new]])
        chosen = None
        if test is not None and len(test) >= seat:
            chosen = test if len(test) == seat else random_part(test, seat, seed=seed)
        return cls(
            training=training,
            rest=training.take(np.sort(order[seat:])),
            held_out=training.take(np.sort(order[:seat])),
            test=chosen,
            source=source,
            classes=classes,
            seed=seed,
            new_to_reader=unlearned is not None,
        )


@dataclass(frozen=True)
class Subject:
    """The generated images: those in the seat, and all of them.

    Attributes:
        seated: as many as `Reference.held_out`.
        everything: all of them; None where the seated ones are all.
    """

    seated: Sample
    everything: Sample | None

    @property
    def whole(self) -> Sample:
        """All generated images."""
        return self.seated if self.everything is None else self.everything

    @classmethod
    def of(cls, generated: Sample, *, seat: int, seed: int) -> Subject:
        """Seat `seat` random ones of `generated`."""
        if seat == len(generated):
            return cls(generated, None)
        return cls(random_part(generated, seat, seed=seed), generated)


def seat_for(generated: int, training: int, *, minimum: int, why: str) -> int:
    """How many images are compared at equal counts.

    Raises:
        InputError: too few on either side.
    """
    if generated < minimum:
        raise InputError(f"{generated} images are too few to measure: at least {minimum} are needed, because {why}")
    if training < 2 * minimum:
        raise InputError(
            f"{training} real images are too few to measure against: at least {2 * minimum} are needed, half of them "
            f"held out as the floor, because {why}"
        )
    return min(generated, LARGEST_SEAT, training // 2)


def random_part(sample: Sample, count: int, *, seed: int) -> Sample:
    """`count` random images of `sample`, in their order."""
    chosen = np.random.default_rng([seed, len(sample)]).permutation(len(sample))[:count]
    return sample.take(np.sort(chosen))
