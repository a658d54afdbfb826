"""The real images of a proof: who is in the pool, who is the test, and which few each seed is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.data.files import shown
from digitsmith.data.reading import read_digits, read_test
from digitsmith.errors import InputError, MissingSplitError
from digitsmith.randomness import Stream, derived_seed

HELD_OUT = 0.2
"""The share of each class that is the test, where the data bring none."""
LEAST_HELD_OUT = 5
"""Images of each class that are held out at the least."""
LEAST_PER_CLASS = 3
"""One for each fold that settings are chosen by."""
_MOST_COPIES = 0.5  # the share of the test that may stand among the images to learn from, and is only told


@dataclass(frozen=True)
class RealSets:
    """Real images to learn from, and those that only ever test.

    Attributes:
        pool: what the few images are drawn from.
        test: of the pool's classes, in their order.
        held_out: whether the test was taken out of the data, which brought none.
    """

    pool: Digits
    test: Digits
    held_out: bool


def real_sets(data: str | Path | Digits, test: str | Path | Digits | None = None) -> RealSets:
    """The real images by name, from a path or at hand, and their test set.

    The test is, in this order: the one given (its test split, where it marks one), the data's own test split, a fifth
    of each class of the data (at least 5), chosen once and the same for every seed.

    Raises:
        InputError: data or test that cannot be read, of other classes or shapes, too few to hold any out, or a test
            most of which stands in the data too.
    """
    pool = data if isinstance(data, Digits) else read_digits(data)
    pool.require_every_class()
    unseen = _test_of(data, test)
    sets = _split(pool) if unseen is None else RealSets(pool, _in_terms_of(pool, unseen), held_out=False)
    if copies(sets.test, sets.pool) > _MOST_COPIES * len(sets.test):
        raise InputError(
            f"{sets.test.source}: most of the test images are also among those to learn from, and reading them would "
            "show nothing; give a test set of other images"
        )
    return sets


def copies(some: Digits, others: Digits) -> int:
    """How many of `some` are also among `others`, bit for bit."""
    if some.image_shape != others.image_shape:
        return 0
    known = {_digest(image) for image in others.images}
    return sum(_digest(image) in known for image in some.images)


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _test_of(data: str | Path | Digits, test: str | Path | Digits | None) -> Digits | None:
    if isinstance(test, Digits):
        return test
    if test is not None:
        return read_digits(test, split="test") if str(test) == str(data) else read_test(test)
    if isinstance(data, Digits):
        return None
    try:
        return read_digits(data, split="test")
    except MissingSplitError:
        return None


def _split(pool: Digits) -> RealSets:
    """A fifth of each class as the test, the rest as the pool."""
    order = _orders(pool, seed=0)
    held_out = [max(LEAST_HELD_OUT, round(HELD_OUT * len(places))) for places in order]
    for name, places, out in zip(pool.classes, order, held_out, strict=True):
        if len(places) < out + LEAST_PER_CLASS:
            raise InputError(
                f"{pool.source}: class {shown(name)!r} has {len(places)} images; there is no test set, so {out} of "
                f"each class are held out as one, and {LEAST_PER_CLASS} to learn from is the least: give "
                f"{LEAST_HELD_OUT + LEAST_PER_CLASS} of each, or a test set of its own"
            )
    testing = np.concatenate([places[:out] for places, out in zip(order, held_out, strict=True)])
    learning = np.concatenate([places[out:] for places, out in zip(order, held_out, strict=True)])
    return RealSets(pool.take(np.sort(learning)), pool.take(np.sort(testing)), held_out=True)


def _in_terms_of(pool: Digits, test: Digits) -> Digits:
    """The test labelled as the pool is: a set without some class numbers the others on."""
    unknown = next((name for name in test.classes if name not in pool.classes), None)
    if unknown is not None:
        raise InputError(
            f"{test.source}: has a class {shown(unknown)!r}, which {pool.source} has not; give a test set "
            "of its classes"
        )
    if test.image_shape != pool.image_shape:
        raise InputError(
            f"{test.source}: images are {list(test.image_shape)} (C, H, W), and those of {pool.source} are "
            f"{list(pool.image_shape)}; give images of one shape"
        )
    labels = np.array([pool.classes.index(name) for name in test.classes], np.int64)[test.labels]
    return replace(test, labels=labels, classes=pool.classes)


def check_per_class(pool: Digits, per_class: Sequence[int]) -> tuple[int, ...]:
    """The numbers of images a class, in ascending order.

    Raises:
        InputError: none, one twice, one below 3, or more than a class has, which is named.
    """
    numbers = tuple(sorted(per_class))
    if not numbers or len(set(numbers)) < len(numbers):
        raise InputError("per-class is a list of different numbers of images, as 10,30,100")
    if numbers[0] < LEAST_PER_CLASS:
        raise InputError(
            f"{numbers[0]} images a class are too few: settings are chosen by images that were held out of them; "
            f"{LEAST_PER_CLASS} is the least"
        )
    fewest = int(pool.counts.argmin())
    if pool.counts[fewest] < numbers[-1]:
        raise InputError(
            f"{pool.source}: class {shown(pool.classes[fewest])!r} has {pool.counts[fewest]} images to learn from, not "
            f"the {numbers[-1]} asked for; ask for {pool.counts[fewest]} or fewer, or give more"
        )
    return numbers


def few_of(pool: Digits, per_class: int, *, seed: int) -> Digits:
    """`per_class` images of each class, those of `seed`: class by class, and 30 a class begin with the 10 a class."""
    return pool.take(np.concatenate([places[:per_class] for places in _orders(pool, seed=seed + 1)]))


def folds_of(few: Digits, count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(learning, validating), the places of images in each of `count` folds: of every class the same share."""
    rank = np.concatenate([np.arange(size) for size in few.counts])  # `few` stands class by class
    validating = [np.flatnonzero(rank % count == fold) for fold in range(count)]
    return [(np.setdiff1d(np.arange(len(few)), places), places) for places in validating]


def _orders(pool: Digits, *, seed: int) -> list[NDArray[np.int64]]:
    """The places of each class's images in an order that belongs to `seed`."""
    random = np.random.default_rng(derived_seed(seed, Stream.PROOF))
    return [random.permutation(np.flatnonzero(pool.labels == label)) for label in range(len(pool.classes))]
