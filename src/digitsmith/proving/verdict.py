"""What the results say: means with their intervals, differences of pairs, and verdicts that follow from them alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from digitsmith.measure.estimate import Estimate
from digitsmith.proving.arms import ARMS
from digitsmith.proving.records import Run

CONFIDENCE = 0.95
Verdict = Literal["adds", "costs", "not told apart"]


def t_quantile(degrees: int, probability: float) -> float:
    """The quantile of Student's t distribution, for `probability` in [0.5, 1).

    Found by halving an interval, by the distribution's closed form for whole degrees of freedom (Abramowitz and
    Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4).
    """
    low, high = 0.0, math.pi / 2  # of the angle, whose tangent times sqrt(degrees) is t
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(degrees, middle) < 2 * probability - 1 else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _within(degrees: int, angle: float) -> float:
    """The probability that |t| is below sqrt(degrees) * tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = degrees % 2
    total, term = 0.0, cosine if odd else 1.0
    for factor in range(2 + odd, degrees + 1, 2):
        total += term
        term *= cosine**2 * (factor - 1) / factor
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def t_estimate(values: Sequence[float], *, rounding: float = 0.0) -> Estimate:
    """The mean of one value per seed with its 95 % interval by Student's t; ends are NaN for a single value.

    Args:
        values: at least one.
        rounding: the deviation that counting in whole test images adds to each value. It is part of the interval:
            a few seeds of a small test can agree to the image by chance, and would seem to be sure.
    """
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Estimate(mean, math.nan, math.nan, "one seed")
    error = math.sqrt((float(np.var(values, ddof=1)) + rounding**2) / count)
    margin = t_quantile(count - 1, (1 + CONFIDENCE) / 2) * error
    return Estimate(mean, mean - margin, mean + margin, f"95 %, t over {count} seeds")


@dataclass(frozen=True)
class Comparison:
    """An arm against the same arm without its last ingredient, at one number of images a class.

    Attributes:
        arm, against: their letters.
        per_class: real images of each class.
        difference: of accuracy, in [-1, 1], over the seeds that both have: each pair has its images, initial weights
            and order in common.
        error_cut: the share of the other arm's errors that this one does not make, by the means over seeds; negative
            where it makes more. NaN where the other makes none.
        pairs: how many.
    """

    arm: str
    against: str
    per_class: int
    difference: Estimate
    error_cut: float
    pairs: int

    @property
    def verdict(self) -> Verdict:
        """Whether the interval lies above zero, below, or holds it; one pair tells nothing."""
        if self.difference.low > 0:
            return "adds"
        return "costs" if self.difference.high < 0 else "not told apart"


@dataclass(frozen=True)
class Findings:
    """All that follows from the runs.

    Attributes:
        accuracies: (images a class, arm) -> its accuracy over seeds.
        comparisons: in the arms' order, then by images a class.
        recommended: images a class -> the arm.
    """

    accuracies: dict[tuple[int, str], Estimate]
    comparisons: list[Comparison]
    recommended: dict[int, str]

    def of(self, arm: str) -> list[Comparison]:
        """The comparisons of an arm, by images a class."""
        return [found for found in self.comparisons if found.arm == arm]


def findings(runs: Sequence[Run], *, not_recommended: Sequence[str] = ()) -> Findings:
    """What `runs` say.

    Args:
        runs: at least one.
        not_recommended: arms that had more than the images of the data, and are left out of the recommendation.
    """
    table: dict[tuple[int, str], dict[int, float]] = {}
    for run in runs:
        table.setdefault((run.per_class, run.arm), {})[run.seed] = run.accuracy
    numbers = sorted({run.per_class for run in runs})
    images = min(run.images for run in runs)
    accuracies = {
        key: t_estimate(list(by_seed.values()), rounding=_rounding(images)) for key, by_seed in sorted(table.items())
    }
    comparisons = [
        compare(arm.key, arm.against, number, table[number, arm.key], table[number, arm.against], images=images)
        for arm in ARMS.values()
        for number in numbers
        if (number, arm.key) in table and (number, arm.against) in table
        if table[number, arm.key].keys() & table[number, arm.against].keys()
    ]
    recommended = {
        number: _recommended(
            {arm: by_seed for (own, arm), by_seed in table.items() if own == number and arm not in not_recommended},
            images=images,
        )
        for number in numbers
        if any(own == number and arm not in not_recommended for own, arm in table)
    }
    return Findings(accuracies, comparisons, recommended)


def compare(
    arm: str, against: str, per_class: int, own: dict[int, float], other: dict[int, float], *, images: int
) -> Comparison:
    """Of accuracies by seed on a test of so many images; the seeds that both have are the pairs, at least one."""
    seeds = sorted(own.keys() & other.keys())
    ours, theirs = (np.array([by_seed[seed] for seed in seeds]) for by_seed in (own, other))
    errors = float((1 - theirs).mean())
    cut = 1 - float((1 - ours).mean()) / errors if errors else math.nan
    difference = t_estimate(list(ours - theirs), rounding=math.sqrt(2) * _rounding(images))
    return Comparison(arm, against, per_class, difference, cut, len(seeds))


def _rounding(images: int) -> float:
    """The deviation of a share of `images` that is rounded to whole ones: of a uniform error of one image."""
    return 1 / (images * math.sqrt(12))


def _recommended(by_arm: dict[str, dict[int, float]], *, images: int) -> str:
    """The better arm without generated digits, or, of those with them that are shown to add to it, the best.

    By mean accuracy. Moves cost nothing, so the better of two such arms needs no proof; a generator does.
    """
    means = {arm: float(np.mean(list(by_seed.values()))) for arm, by_seed in by_arm.items()}
    plain = [arm for arm in by_arm if not ARMS[arm].generated]
    base = max(plain, key=lambda arm: means[arm])
    better = [
        arm
        for arm in by_arm
        if arm not in plain and by_arm[arm].keys() & by_arm[base].keys()
        if compare(arm, base, 0, by_arm[arm], by_arm[base], images=images).verdict == "adds"
    ]
    return max(better, key=lambda arm: means[arm], default=base)
