"""A proof's ingredients in small: real digits of three classes, and a generator that takes no training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist

CLASSES = 3


def digits(start: int, per_class: int, *, classes: int = CLASSES, split: str = "train") -> Digits:
    """The first `per_class` of each of the first classes, from image `start` on."""
    mnist = load_mnist(split)
    places = [np.flatnonzero(mnist.labels[start:] == label)[:per_class] + start for label in range(classes)]
    chosen = np.sort(np.concatenate(places))
    return Digits(mnist.images[chosen], mnist.labels[chosen], mnist.classes[:classes], source="a few digits")


@dataclass
class Copyist:
    """Draws what it was shown, a pixel further to the right."""

    shown: Digits
    stopped_at_images: int = 7

    def draw(self, labels: NDArray[np.int64], *, seed: int) -> NDArray[np.uint8]:
        random = np.random.default_rng(seed)
        own = [np.flatnonzero(self.shown.labels == label) for label in range(len(self.shown.classes))]
        chosen = np.array([random.choice(own[label]) for label in labels])
        return np.roll(self.shown.images[chosen], 1, axis=3)


@dataclass
class Trainer:
    """What stands in for `train_on_few`: keeps what it was given, and does something before the call of a number."""

    given: list[Digits] = field(default_factory=list)
    budgets: list[int | None] = field(default_factory=list)
    before: Callable[[int], None] = lambda number: None

    def __call__(
        self,
        digits: Digits,
        *,
        seed: int,
        budget_images: int | None,
        threads: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> Copyist:
        self.before(len(self.given))
        self.given.append(digits)
        self.budgets.append(budget_images)
        if on_progress is not None:
            on_progress(7, 10)  # stopped early: the last word is not "all"
        return Copyist(digits)
