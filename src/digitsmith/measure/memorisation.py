"""Did the generator learn to draw, or does it hand out training images?

Each generated image's distance to its nearest training image is set against the same distance of real images that
the generator never saw. A generator that has learned the distribution is as far from the training images as unseen
real images are; one that copies is nearer (Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect
data-copying in generative models", AISTATS 2020, sections 3 and 4; their test is the z-score of the probability
given here, averaged over regions).

Distances are in pixel space, where a copy is a copy: no network decides what counts as alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate, share_estimate, within_standard_error
from digitsmith.measure.neighbours import nearest
from digitsmith.measure.results import Pairs

NEAREST = 0.01  # of the unseen real images set the distance below which an image is a near copy
_WHITE = 255


@dataclass(frozen=True)
class Memorisation:
    """How near generated images are to the training images.

    Attributes:
        closeness: the probability that a generated image is nearer to its nearest training image than an unseen real
            one is to its own, ties counting half (Mann-Whitney). 0.5: no nearer; 1: copies.
        copies: the share of generated images at most as far from a training image as the nearest 1 % of the unseen
            real images; about 1 % of real ones are. With fewer than 100 unseen images the nearest one is the measure.
        pairs: the generated images closest to a training image.
    """

    closeness: Estimate
    copies: Estimate
    pairs: Pairs


def memorisation(
    generated: NDArray[np.uint8], training: NDArray[np.uint8], unseen: NDArray[np.uint8], *, pairs: int = 8
) -> Memorisation:
    """Whether generated images are nearer to the training images than unseen real images are.

    Blank or repeated images are images like any other: what equals a training image is at distance 0 from it.

    Args:
        generated: uint8 [M, C, H, W].
        training: uint8 [N, C, H, W], what the generator was trained on.
        unseen: uint8 [U, C, H, W], real images that it was not trained on.
        pairs: how many pairs to show at most.

    Raises:
        InputError: images of another dtype or shape, or none.
    """
    sets = {"generated": generated, "training": training, "unseen": unseen}
    _check_images(sets)
    vectors = {name: images.reshape(len(images), -1) for name, images in sets.items()}
    distances, places = nearest(vectors["generated"], vectors["training"], 1)
    usual = np.sort(nearest(vectors["unseen"], vectors["training"], 1)[0], axis=None)
    return Memorisation(
        closeness=_probability_nearer(distances[:, 0], usual),
        copies=_near_copies(distances[:, 0], usual),
        pairs=_closest(generated, training, distances=distances[:, 0], places=places[:, 0], count=pairs),
    )


def _check_images(sets: dict[str, NDArray[np.uint8]]) -> None:
    shape = sets["training"].shape[1:]
    for name, images in sets.items():
        if images.dtype != np.uint8 or images.ndim != 4 or len(images) == 0:
            raise InputError(
                f"the {name} images must be uint8 [N, C, H, W] with N > 0, these are {images.dtype} "
                f"{list(images.shape)}; convert them"
            )
        if images.shape[1:] != shape:
            raise InputError(
                f"the {name} images are {list(images.shape[1:])} and the training images {list(shape)} (C, H, W); "
                "bring them to one form first"
            )


def _probability_nearer(distances: NDArray[np.float32], usual: NDArray[np.float32]) -> Estimate:
    """P(distance < usual distance) + P(equal) / 2, with the interval of DeLong et al. (Biometrics 1988, equation 6).

    Each image's placement among those of the other set is had from ranks, as in Sun and Xu ("Fast implementation of
    DeLong's algorithm", IEEE Signal Processing Letters 2014).
    """
    nearer = 1 - _placements(distances, usual)  # [M], the share of unseen images that are further away
    further = _placements(usual, distances)  # [U], the share of generated images that are nearer
    both = (nearer, further)
    error = math.sqrt(sum(part.var(ddof=1) / len(part) for part in both)) if min(map(len, both)) > 1 else math.nan
    return within_standard_error(float(nearer.mean()), error, spread="95 %, DeLong, over images of both sets")


def _near_copies(distances: NDArray[np.float32], usual: NDArray[np.float32]) -> Estimate:
    """The share of `distances` up to the limit that the nearest of `usual`, sorted, set.

    The limit is an order statistic and moves from sample to sample by what the binomial of its rank does. So the
    interval joins Wilson's with the shares at the limits of the ranks 1.96 deviations lower and higher, as Zou and
    Donner join intervals of two sources ("Construction of confidence limits about effect measures", Statistics in
    Medicine 2008).
    """
    rank, deviation = NEAREST * len(usual), math.sqrt(NEAREST * (1 - NEAREST) * len(usual))
    ranks = np.ceil([rank - 1.96 * deviation, rank, rank + 1.96 * deviation]).astype(np.int64)
    fewer, hits, more = (distances[:, None] <= usual[np.clip(ranks, 1, len(usual)) - 1]).sum(axis=0)
    count = len(distances)
    at_limit = share_estimate(int(hits), count)
    low = at_limit.value - math.hypot(at_limit.value - at_limit.low, (hits - fewer) / count)
    high = at_limit.value + math.hypot(at_limit.high - at_limit.value, (more - hits) / count)
    return Estimate(at_limit.value, max(0.0, low), min(1.0, high), "95 %, over images of both sets")


def _placements(values: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share of `others` that are smaller than each value, equal ones counting half."""
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * len(others)), np.float64)


def _closest(
    generated: NDArray[np.uint8],
    training: NDArray[np.uint8],
    *,
    distances: NDArray[np.float32],
    places: NDArray[np.int64],
    count: int,
) -> Pairs:
    """The `count` generated images closest to a training image, each training image with its closest only."""
    order = np.argsort(distances, kind="stable")
    _, first = np.unique(places[order], return_index=True)
    chosen = order[np.sort(first)[:count]]
    return Pairs(
        generated=generated[chosen],
        training=training[places[chosen]],
        distances=(distances[chosen] / _WHITE).astype(np.float32),
        indices=np.stack([chosen, places[chosen]], axis=1).astype(np.int64),
    )
