"""How good a generator is at one moment of its training, and the marks that a time to quality is quoted for.

Two figures, both by the shipped reader, both of the same drawn digits: the share read as the class asked for,
and the Frechet distance to training images, as a multiple of what held-out training images score in the same
seat (`digitsmith.measure.protocol`). For MNIST 10,000 digits are drawn, and 10,000 training images are held out
of the 60,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.drawing.requests import proportional_labels
from digitsmith.measure.frechet import Moments, frechet_distance, minimum_images
from digitsmith.measure.protocol import Reference, seat_for
from digitsmith.measure.reader import FEATURES, READER, features_and_probabilities
from digitsmith.measure.sample import Sample
from digitsmith.models.blocks import Generator
from digitsmith.models.penman import PenmanGenerator
from digitsmith.randomness import normal_rows
from digitsmith.style import StyleTable
from digitsmith.training.batches import to_uint8

DRAW_SEED = 1  # api.read_as_asked's, so that both speak of the same digits
SPLIT_SEED = 0  # of the held-out images, as `digitsmith evaluate` has it
_CHUNK = 500  # digits drawn at once


@dataclass(frozen=True)
class Reading:
    """One look at a generator.

    Attributes:
        images: real images seen by then.
        seconds: of training by then.
        read_as_asked: share of the drawn digits that are read as asked, in [0, 1].
        distance_over_floor: their Frechet distance in multiples of the floor; 1 is as good as real.
    """

    images: int
    seconds: float
    read_as_asked: float
    distance_over_floor: float


@dataclass(frozen=True)
class Mark:
    """A quality worth a time."""

    figure: Literal["read_as_asked", "distance_over_floor"]
    bound: float

    def __str__(self) -> str:
        if self.figure == "read_as_asked":
            return f"{100 * self.bound:g} % read as asked"
        return f"distance {self.bound:g}x the floor"

    def first(self, readings: Sequence[Reading]) -> Reading | None:
        """The first of `readings`, in the order of training, that is as good as the mark; None where none is."""
        return next((reading for reading in readings if self._is_reached(reading)), None)

    def _is_reached(self, reading: Reading) -> bool:
        value: float = getattr(reading, self.figure)
        return value >= self.bound if self.figure == "read_as_asked" else value <= self.bound


MARKS = (
    Mark("read_as_asked", 0.97),
    Mark("read_as_asked", 0.99),
    Mark("distance_over_floor", 20.0),
    Mark("distance_over_floor", 5.0),
    Mark("distance_over_floor", 2.0),
)


@dataclass(frozen=True)
class Ruler:
    """What every look is compared with; computed once, before any clock runs.

    Attributes:
        reference: the moments of the training images that were not held out.
        floor: the Frechet distance of the held-out ones to it.
        count: digits drawn for a look, as many as are held out.
        labels: the classes of the digits that are drawn, int64 [count], as often each as among the training images:
            a set with other shares would lie further off, however good its digits.
    """

    reference: Moments
    floor: float
    count: int
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, training: Digits, *, count: int) -> Ruler:
        """The ruler for at most `count` digits, and at most half as many as there are training images.

        Raises:
            InputError: too few digits or training images, or images that the reader cannot read.
        """
        why = f"the covariance of {READER}'s {FEATURES} features has full rank only with more images than features"
        seat = seat_for(count, len(training), minimum=minimum_images(FEATURES), why=why)
        split = Reference.split(
            Sample(training.images, training.labels),
            None,
            seat=seat,
            source=training.source,
            classes=training.classes,
            seed=SPLIT_SEED,
        )
        floor = frechet_distance(split.held_out.moments, split.rest.moments)
        return cls(split.rest.moments, floor, seat, proportional_labels(training.counts, seat))

    @torch.no_grad()
    def look(self, generator: Generator, *, images: int, seconds: float) -> Reading:
        """Draw from `generator`, in evaluation mode whatever its mode is now, and read what it drew.

        Raises:
            InputError: all drawn digits are the same.
        """
        labels = self.labels
        z = torch.from_numpy(normal_rows(DRAW_SEED, np.arange(self.count), generator.z_dim))
        device = next(generator.parameters()).device
        conditions = [torch.from_numpy(labels)]
        if isinstance(generator, PenmanGenerator) and generator.styled:
            kept = (generator.style_mean, generator.style_deviation, generator.style_table)
            styles = StyleTable(*(tensor.cpu().numpy() for tensor in kept)).sample(labels, seed=DRAW_SEED)
            conditions.append(torch.from_numpy(styles))
        was_training = generator.training
        generator.eval()
        chunks = zip(*(column.to(device).split(_CHUNK) for column in (z, *conditions)), strict=True)
        drawn = [to_uint8(generator(*chunk)).cpu().numpy() for chunk in chunks]
        generator.train(was_training)

        features, probabilities = features_and_probabilities(np.concatenate(drawn))
        return Reading(
            images=images,
            seconds=seconds,
            read_as_asked=float((probabilities.argmax(1) == labels).mean()),
            distance_over_floor=frechet_distance(Moments.of(features, what="the drawn digits"), self.reference)
            / self.floor,
        )


def looks(first_images: int, ratio: float) -> Iterator[int]:
    """After how many images to look: `first_images`, then each `ratio` times the one before, so that a mark is
    caught at most that factor too late, be it early or late."""
    at = float(first_images)
    while True:
        yield round(at)
        at *= ratio
