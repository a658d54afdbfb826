"""Can a classifier tell generated images from real ones? The 1-nearest-neighbour two-sample test.

Generated and equally many real images are pooled, and each is guessed to be what its nearest neighbour among all
others is (leave-one-out). An accuracy of 50 % says that they cannot be told apart, 100 % that they are worlds
apart; below 50 % the generated images lie on top of real ones, as copies do (Lopez-Paz and Oquab, "Revisiting
classifier two-sample tests", ICLR 2017; Xu et al., "An empirical study on evaluation metrics of generative
adversarial networks", 2018, section 2). Low accuracy on the real images alone is mode collapse: real images
surround the few kinds that are drawn, while the generated ones keep to themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.checks import check_dimensions, check_features
from digitsmith.measure.estimate import Estimate, within_standard_error
from digitsmith.measure.neighbours import nearest


@dataclass(frozen=True)
class TwoSample:
    """The share of images that their nearest neighbour names rightly.

    Attributes:
        accuracy: of all; 0.5 is best.
        on_generated: of the generated images.
        on_real: of the real images.
    """

    accuracy: Estimate
    on_generated: Estimate
    on_real: Estimate


def two_sample_accuracy(generated: NDArray[np.float32], real: NDArray[np.float32]) -> TwoSample:
    """The leave-one-out accuracy of a 1-nearest-neighbour classifier between two sets.

    An image as near to the other set as to its own counts half.

    Args:
        generated: float32 [N, D].
        real: float32 [N, D], as many.

    Raises:
        InputError: features that cannot be measured, or of another length or count.
    """
    check_features(generated, what="the generated images")
    check_features(real, what="the real images")
    check_dimensions(generated.shape[1], real.shape[1])
    count = len(generated)
    if count != len(real):
        raise InputError(
            f"the two-sample test got {count} generated and {len(real)} real images; give it equally many, "
            "or guessing the larger set would already be right more often than not"
        )
    right, neighbours = (
        np.concatenate(parts)
        for parts in zip(
            _guesses(generated, real, first=0, others_first=count),
            _guesses(real, generated, first=count, others_first=0),
            strict=True,
        )
    )
    mutual = neighbours[neighbours] == np.arange(2 * count)
    return TwoSample(
        accuracy=_accuracy(right, right[neighbours], mutual),
        on_generated=_accuracy(right[:count], right[neighbours[:count]], mutual[:count] & (neighbours[:count] < count)),
        on_real=_accuracy(right[count:], right[neighbours[count:]], mutual[count:] & (neighbours[count:] >= count)),
    )


def _guesses(
    own: NDArray[np.float32], others: NDArray[np.float32], *, first: int, others_first: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How right each of `own` is guessed (1, ½ or 0), and its nearest neighbour's place in the pool, [N] each.

    `first` and `others_first` are where the two sets begin in the pool.
    """
    to_own, places = nearest(own, own, 1, skip_self=True)
    to_others, others_places = nearest(own, others, 1)
    right = np.where(to_own < to_others, 1.0, np.where(to_own > to_others, 0.0, 0.5))
    neighbours = np.where(to_own <= to_others, places + first, others_places + others_first)
    return right[:, 0], neighbours[:, 0]


def _accuracy(
    right: NDArray[np.float64], right_of_neighbour: NDArray[np.float64], mutual: NDArray[np.bool_]
) -> Estimate:
    """The mean of `right` with its 95 % interval.

    Two images that are each other's nearest neighbours are right or wrong together, so they do not count as two:
    `mutual` says which have such a partner within the same mean.
    """
    mean = float(right.mean())
    deviation, partner = right - mean, right_of_neighbour - mean
    error = math.sqrt(max(0.0, float((deviation**2 + mutual * deviation * partner).sum()))) / len(right)
    return within_standard_error(mean, error, spread="95 %, over images, mutual neighbours as one")
