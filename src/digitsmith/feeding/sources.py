"""What a stream is mixed from: images in memory in ever new orders, and digits that are drawn as they are asked for.

Both number their images without end: number k of an epoch is the same whoever asks for it, alone or among others, so
that workers that share a stream need not know of each other.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.feeding.generated import draw_pieces
from digitsmith.randomness import Stream, derived_seed, uniform_rows

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images uint8 [n, C, H, W] and their labels int64 [n]."""

EPOCHS, NUMBERS = 1 << 22, 1 << 40  # image number k of epoch e has the index e * NUMBERS + k, below 2**62


class Source(Protocol):
    """Labelled images, numbered from 0."""

    def take(self, first: int, count: int, *, epoch: int = 0) -> Batch:
        """Images `first` .. `first + count - 1` of an epoch."""
        ...


class Shuffled:
    """Images in memory, pass after pass over them, each in an order of its own, which (seed, epoch, pass) decides."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], *, seed: int) -> None:
        self.images = np.asarray(images)  # a mapped file becomes a plain array, which travels to other processes
        self.labels = labels
        self.seed = seed
        self._last: tuple[tuple[int, int], NDArray[np.int64]] | None = None

    def take(self, first: int, count: int, *, epoch: int = 0) -> Batch:
        """As `Source`."""
        places = self.places(first, count, epoch=epoch)
        return self.images[places], self.labels[places]

    def places(self, first: int, count: int, *, epoch: int = 0) -> NDArray[np.int64]:
        """Where in `images` those of `take` stand, int64 [count]."""
        found, end, size = [], first + count, len(self.images)
        while first < end:
            turn, place = divmod(first, size)
            part = self._order(epoch, turn)[place : place + end - first]
            found.append(part)
            first += len(part)
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _order(self, epoch: int, turn: int) -> NDArray[np.int64]:
        """The places of all images in the order of a pass, int64 [N]; the last one is remembered."""
        if self._last is None or self._last[0] != (epoch, turn):
            of_epoch = derived_seed(self.seed, Stream.ORDER, epoch)
            keys = uniform_rows(of_epoch + turn, np.arange(len(self.images)), 1, stream=Stream.ORDER)
            self._last = (epoch, turn), np.argsort(keys[:, 0], kind="stable")
        return self._last[1]


class Fresh:
    """Digits that are drawn when they are asked for, none of them twice, in any epoch.

    Number k of epoch e is image e * NUMBERS + k of `DigitModel.draw` with this seed, redrawn where it is not readable.
    Its class is drawn too: uniformly from the model's, or from `labels`, to be as frequent as there.
    """

    def __init__(self, model: DigitModel, *, seed: int, reject: bool, labels: NDArray[np.int64] | None = None) -> None:
        self.model = model
        self.seed = seed
        self.reject = reject
        self.of = np.arange(len(model.config.classes)) if labels is None else labels
        self._last: tuple[int, Batch] | None = None

    def take(self, first: int, count: int, *, epoch: int = 0) -> Batch:
        """As `Source`. It draws in passes of CHUNK images, and remembers the last: what is taken in order is drawn
        once."""
        start, end = epoch * NUMBERS + first, epoch * NUMBERS + first + count
        parts = []
        for number in range(start // CHUNK, -(-end // CHUNK)):
            images, labels = self._pass(number)
            rows = slice(max(start - number * CHUNK, 0), end - number * CHUNK)
            parts.append((images[rows], labels[rows]))
        return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])

    def _pass(self, number: int) -> Batch:
        if self._last is None or self._last[0] != number:
            indices = np.arange(number * CHUNK, (number + 1) * CHUNK)
            lots = uniform_rows(derived_seed(self.seed, Stream.ORDER), indices, 1, stream=Stream.ORDER)[:, 0]
            labels = self.of[(lots * len(self.of)).astype(np.int64)]
            (images,) = draw_pieces(self.model, labels, seed=self.seed, start=number * CHUNK, reject=self.reject)
            self._last = number, (images, labels)
        return self._last[1]


class Mixture:
    """Real and generated images in turns, so that of the first n images floor(n * ratio) are generated, for every n."""

    def __init__(self, real: Source | None, generated: Source | None, *, ratio: Fraction) -> None:
        """Either may be None where the ratio leaves it out: `real` at 1, `generated` at 0."""
        self.real = real
        self.generated = generated
        self.ratio = ratio

    def take(self, first: int, count: int, *, epoch: int = 0) -> Batch:
        """As `Source`."""
        generated = generated_turns(first, count, ratio=self.ratio)
        before = first * self.ratio.numerator // self.ratio.denominator
        parts = []
        for source, places, start in (
            (self.generated, np.flatnonzero(generated), before),
            (self.real, np.flatnonzero(~generated), first - before),
        ):
            if source is not None and len(places):
                parts.append((places, source.take(start, len(places), epoch=epoch)))
        if len(parts) == 1:
            return parts[0][1]
        images = np.empty((count, *parts[0][1][0].shape[1:]), np.uint8)
        labels = np.empty(count, np.int64)
        for places, batch in parts:
            images[places], labels[places] = batch
        return images, labels


def generated_turns(first: int, count: int, *, ratio: Fraction) -> NDArray[np.bool_]:
    """Which of the images `first` .. `first + count - 1` of a mixture are generated, bool [count]."""
    before = np.arange(first, first + count + 1) * ratio.numerator // ratio.denominator
    return np.diff(before) > 0
