"""One measured number with its uncertainty: the form in which every figure of this room comes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z_95 = 1.959964  # of the normal distribution, two-sided


@dataclass(frozen=True)
class Estimate:
    """A value and how far it may be off.

    Attributes:
        value: what was measured.
        low, high: the interval around it; NaN where none can be given.
        spread: what the interval is, in words: "95 %, bootstrap over images", "deviation of 3 seeds".
    """

    value: float
    low: float
    high: float
    spread: str

    @property
    def margin(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def within_standard_error(value: float, standard_error: float, *, spread: str) -> Estimate:
    """`value` with its 95 % normal interval."""
    return Estimate(value, value - _Z_95 * standard_error, value + _Z_95 * standard_error, spread)


def mean_estimate(scores: NDArray[np.floating]) -> Estimate:
    """The mean of one score per image, [N], with the 95 % interval of a mean."""
    error = float(scores.std(ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
    return within_standard_error(float(scores.mean(dtype=np.float64)), error, spread="95 %, over images")


def share_estimate(hits: float, count: int) -> Estimate:
    """The share of `hits` in `count` with Wilson's 95 % interval, which stays within [0, 1]."""
    share, z2 = hits / count, _Z_95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    margin = _Z_95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return Estimate(share, min(share, middle - margin), max(share, middle + margin), "95 %, Wilson, over images")


def seeds_estimate(values: Sequence[float]) -> Estimate:
    """The mean of one value per seed, with the standard deviation among the seeds either way."""
    mean = float(np.mean(values))
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Estimate(mean, mean - deviation, mean + deviation, f"deviation of {len(values)} seeds")


def bootstrap_estimate(
    value: float,
    statistic: Callable[[NDArray[np.int64]], float],
    count: int,
    *,
    resamples: int,
    seed: int,
) -> Estimate:
    """`value` with a 95 % interval from the spread of `statistic` over resampled images.

    The interval is the normal one around `value` with the resamples' standard deviation. Their percentiles
    will not do: a distance between distributions is biased upwards in every resample, because drawing with
    replacement leaves fewer different images, so the percentiles may lie wholly above the value itself.

    Args:
        value: the statistic of the images as they are.
        statistic: maps the indices of a resample, int64 [count], to its value.
        count: how many images there are to draw from.
        resamples: how many times.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, count, count)) for _ in range(resamples)]
    return within_standard_error(value, float(np.std(values, ddof=1)), spread="95 %, bootstrap over images")
