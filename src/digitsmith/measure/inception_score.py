"""The inception score (Salimans et al. 2016, section 4): exp of the mean KL divergence of p(y | x) from p(y)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate

_SUM_TOLERANCE = 1e-3  # a float32 softmax over 1008 classes is within 1e-5; logits are nowhere near


def inception_score(
    probabilities: NDArray[np.floating], *, splits: int = 10, seed: int = 0, what: str = "the generated images"
) -> Estimate:
    """The mean score of `splits` equal parts of the shuffled images, with their standard deviation either way.

    1 when every image is read alike, K at most: each image read with certainty, all classes equally often. It
    grows with the number of images in a part, so compare it at equal counts and splits only.

    Args:
        probabilities: float [N, K], what a classifier says of each image; a row sums to 1.
        splits: into how many parts the images are divided; the deviation is NaN for one.
        seed: of the shuffling.
        what: names the images in a message.

    Raises:
        InputError: probabilities of another form, fewer images than splits, or no split.
    """
    _check_probabilities(probabilities, what=what)
    if not 1 <= splits <= len(probabilities):
        raise InputError(
            f"{what}: {len(probabilities)} cannot be divided into {splits} splits; "
            "each split needs an image: give more images or another number of splits"
        )
    order = np.random.default_rng(seed).permutation(len(probabilities))
    scores = [_score(probabilities[part].astype(np.float64)) for part in np.array_split(order, splits)]
    mean = float(np.mean(scores))
    deviation = float(np.std(scores, ddof=1)) if splits > 1 else math.nan
    return Estimate(mean, mean - deviation, mean + deviation, f"deviation of {splits} splits")


def _score(probabilities: NDArray[np.float64]) -> float:
    """exp(H(y) - H(y | x)), which is the same as the mean divergence and has no logarithm of 0 to divide by."""
    return float(np.exp(_entropy(probabilities.mean(axis=0)) - _entropy(probabilities).mean()))


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """-Σ p log p over the last axis, in nats; a p of 0 adds nothing."""
    logarithms = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    entropy: NDArray[np.float64] = -(probabilities * logarithms).sum(axis=-1)
    return entropy


def _check_probabilities(probabilities: NDArray[np.floating], *, what: str) -> None:
    if not np.issubdtype(probabilities.dtype, np.floating) or probabilities.ndim != 2:
        raise InputError(
            f"{what}: probabilities must be float [N, K], these are "
            f"{probabilities.dtype} {list(probabilities.shape)}; give one row per image"
        )
    sums = probabilities.sum(axis=1, dtype=np.float64)
    lowest = probabilities.min(axis=1, initial=np.inf)
    wrong = np.flatnonzero(~((np.abs(sums - 1) <= _SUM_TOLERANCE) & (lowest >= 0)))  # NaN compares as wrong
    if len(wrong):
        image = int(wrong[0])
        raise InputError(
            f"{what}: the probabilities of image {image} sum to {sums[image]:.6g}, the lowest is "
            f"{lowest[image]:.6g}; give a softmax's output, not logits, without NaN"
        )
