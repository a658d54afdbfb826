"""The statistics of a proof, against values known from elsewhere, and the verdicts that follow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from digitsmith.proving.records import Run
from digitsmith.proving.teaching import Lesson
from digitsmith.proving.verdict import compare, findings, t_estimate, t_quantile
from digitsmith.report.proof_words import cut, points, recommendation, verdict, verdicts

LARGE = 10**9  # a test that rounds nothing


def runs(arm: str, right: list[int], *, per_class: int = 10, first_seed: int = 0) -> list[Run]:
    return [Run(per_class, first_seed + seed, arm, count, 1000, 0.0, 0.0, 1.0) for seed, count in enumerate(right)]


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 30, 101])
@pytest.mark.parametrize("probability", [0.5, 0.8, 0.975, 0.9995])
def test_quantiles_are_students(degrees: int, probability: float) -> None:
    assert t_quantile(degrees, probability) == pytest.approx(stats.t.ppf(probability, degrees), rel=1e-9, abs=1e-12)


def test_the_interval_is_that_of_a_t_test() -> None:
    values = [0.951, 0.948, 0.955, 0.953, 0.946]
    found = t_estimate(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-10), pytest.approx(high, rel=1e-10))
    assert found.spread == "95 %, t over 5 seeds"
    alone = t_estimate([0.9])
    assert alone.value == 0.9 and math.isnan(alone.low) and math.isnan(alone.high)


def test_differences_are_of_pairs_and_not_of_means() -> None:
    """Seeds that differ widely, and a small gain in each: the pairs tell it, two intervals would not."""
    own, other = {0: 0.70, 1: 0.80, 2: 0.90, 3: 0.95}, {2: 0.89, 1: 0.79, 0: 0.69, 9: 0.10}
    found = compare("b", "a", 10, own, other, images=LARGE)
    assert found.pairs == 3 and found.difference.value == pytest.approx(0.01)
    assert found.difference.margin == pytest.approx(0, abs=1e-8) and found.verdict == "adds"
    assert found.error_cut == pytest.approx(1 - 0.60 / 0.63)


def test_a_verdict_is_where_the_interval_lies() -> None:
    base = dict.fromkeys(range(5), 0.9)
    noise = np.array([0.002, -0.001, 0.0, 0.001, -0.002])

    def of(gain: float) -> str:
        return compare("d", "b", 10, {seed: 0.9 + gain + noise[seed] for seed in base}, base, images=LARGE).verdict

    margin = t_estimate(list(noise)).margin
    assert (of(1.01 * margin), of(0.99 * margin), of(-0.99 * margin), of(-1.01 * margin)) == (
        *("adds", "not told apart", "not told apart", "costs"),
    )
    assert compare("d", "b", 10, base, base, images=LARGE).verdict == "not told apart"
    assert (
        compare("d", "b", 10, {0: 0.99}, {0: 0.5}, images=LARGE).verdict == "not told apart"
    )  # one pair tells nothing


def test_seeds_that_agree_to_the_image_are_not_sure_of_it() -> None:
    """Two of 60 images more right, for two seeds alike: that is chance, and the interval says so."""
    own, other = {0: 57 / 60, 1: 57 / 60}, {0: 55 / 60, 1: 55 / 60}
    assert compare("d", "b", 10, own, other, images=60).verdict == "not told apart"
    rounding = math.sqrt(2 / 12) / 60
    margin = stats.t.ppf(0.975, 1) * rounding / math.sqrt(2)
    assert compare("d", "b", 10, own, other, images=60).difference.margin == pytest.approx(margin)
    assert compare("d", "b", 10, own, other, images=10_000).verdict == "adds"


def test_an_error_that_is_not_there_cannot_be_cut() -> None:
    perfect = compare("d", "b", 10, {0: 1.0, 1: 0.99}, {0: 1.0, 1: 1.0}, images=LARGE)
    assert math.isnan(perfect.error_cut) and cut(perfect) == "–"
    assert cut(compare("d", "b", 10, {0: 0.94, 1: 0.94}, {0: 0.92, 1: 0.92}, images=LARGE)) == "−25 %"
    assert cut(compare("d", "b", 10, {0: 0.9, 1: 0.9}, {0: 0.92, 1: 0.92}, images=LARGE)) == "+25 %"


def test_generated_digits_are_recommended_only_where_they_add() -> None:
    plain = runs("a", [700, 710, 720]) + runs("b", [900, 910, 920])
    unclear = runs("d", [930, 900, 960])
    assert findings(plain).recommended == {10: "b"}
    assert findings(plain + unclear).recommended == {10: "b"}
    better = plain + runs("d", [910, 921, 930])
    assert findings(better).recommended == {10: "d"}
    with_shipped = better + runs("e", [950, 960, 971])
    assert findings(with_shipped).recommended == {10: "e"}
    assert findings(with_shipped, not_recommended=("e",)).recommended == {10: "d"}
    worse_moved = runs("a", [900, 910, 920]) + runs("b", [700, 710, 720]) + runs("c", [880, 890, 900])
    assert findings(worse_moved).recommended == {10: "a"}


def test_findings_keep_the_numbers_of_images_apart() -> None:
    found = findings(
        runs("b", [900, 910]) + runs("b", [950, 960], per_class=30) + runs("d", [940, 941], per_class=30, first_seed=1)
    )
    assert sorted(found.accuracies) == [(10, "b"), (30, "b"), (30, "d")]
    assert found.accuracies[30, "b"].value == pytest.approx(0.955)
    (only,) = found.comparisons
    assert (only.arm, only.against, only.per_class, only.pairs) == ("d", "b", 30, 1)
    assert only.difference.value == pytest.approx(0.940 - 0.960)  # seed 1's


def test_the_verdict_in_words() -> None:
    noise = [0, 1, 2, 3, 4]
    every = []
    for per_class, gain in ((10, -20), (30, 8), (100, 0)):
        every += runs("b", [900 + n for n in noise], per_class=per_class)
        every += runs("d", [900 + gain + n + n % 2 for n in noise], per_class=per_class)
    found = findings(every)
    words = verdict(found.of("d"))
    assert words == (
        "adds 0.84 ± 0.08 points at 30 a class; costs 1.96 ± 0.08 points at 10 a class; no difference told at 100 a "
        "class (+0.04 ± 0.08); no help shown beyond 30 a class"
    ).replace("± ", "±\N{NO-BREAK SPACE}")
    assert verdicts(found) == [f"Digits of a GAN trained on the same images, on top of augmentation: {words}."]
    assert verdict([one for one in found.of("d") if one.per_class == 10]).endswith("at 10 a class; does not help")
    hurts = runs("b", [900, 901], per_class=1000) + runs("d", [800, 801], per_class=1000)
    assert verdict(findings(every + hurts).of("d")).endswith("no help shown beyond 30 a class")
    known = [run for run in every + hurts if run.per_class != 100]
    assert verdict(findings(known).of("d")).endswith("does not help beyond 30 a class")
    assert "beyond" not in verdict([one for one in found.of("d") if one.per_class == 30])
    assert points(found.of("d")[0].difference, signed=True).startswith("−1.96")


def test_a_recommendation_says_what_to_do() -> None:
    assert "nothing that was tried is better" in recommendation("a", Lesson())
    moved = recommendation("b", Lesson(strength=1.5))
    assert "rotate up to 15°" in moved and "no generated digits" in moved
    assert "three generated digits to each real one, of a GAN" in recommendation("d", Lesson(1.0, 0.75))
    assert "one generated digit to each real one, of the shipped model" in recommendation("e", Lesson(1.0, 0.5))
