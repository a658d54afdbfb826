"""Comparing styles: the distance against SciPy's, its interval, and what a change of style shows up in."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import wasserstein_distance

from digitsmith.data.digits import Digits
from digitsmith.errors import InputError
from digitsmith.measure.morphometry import Style, measure_style
from digitsmith.measure.style import MEASURES, blank_note, compare_style, wasserstein_estimate


@pytest.fixture(scope="module")
def style(few_digits: Digits) -> Style:
    return measure_style(few_digits.images)


@pytest.mark.parametrize(("count", "others"), [(1, 1), (7, 500), (400, 133), (250, 250)])
def test_the_distance_is_scipys(count: int, others: int) -> None:
    random = np.random.default_rng(count)
    values, reference = random.normal(size=count), random.normal(0.3, 2, others).round(1)  # ties on one side
    estimate = wasserstein_estimate(values, reference, seed=0, resamples=2)
    assert estimate.value == pytest.approx(wasserstein_distance(values, reference), rel=1e-12)


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    values, reference = np.random.default_rng(0).normal(size=80), np.random.default_rng(1).normal(0.5, 1, 130)
    estimate = wasserstein_estimate(values, reference, seed=5, resamples=30)
    draws = np.random.default_rng(5)
    plain = [wasserstein_distance(np.sort(values)[draws.integers(0, 80, 80)], reference) for _ in range(30)]
    assert estimate.margin == pytest.approx(1.96 * np.std(plain, ddof=1), rel=1e-4)


def test_a_set_is_at_no_distance_from_itself(style: Style) -> None:
    assert {estimate.value for estimate in compare_style(style, style, seed=0).values()} == {0.0}


def test_moving_every_value_is_a_distance_of_that_much(style: Style) -> None:
    leaning = Style(**{**vars(style), "slant_deg": style.slant_deg + 7.5})
    found = compare_style(leaning, style, seed=0)
    assert found["slant_deg"].value == pytest.approx(7.5)
    assert found["slant_deg"].low < 7.5 < found["slant_deg"].high
    assert found["width_px"].value == 0


def test_bold_digits_differ_in_thickness_beyond_chance(few_digits: Digits, style: Style) -> None:
    halves = np.arange(320), np.arange(320, 640)
    chance = compare_style(style.take(halves[0]), style.take(halves[1]), seed=0)
    bold = measure_style(ndimage.grey_dilation(few_digits.images[:320], (1, 1, 3, 3)))
    found = compare_style(bold, style.take(halves[1]), seed=0)
    assert found["thickness_px"].low > 5 * chance["thickness_px"].high
    assert found["slant_deg"].low < 2 * chance["slant_deg"].high


def test_blank_images_are_left_out_and_counted(few_digits: Digits, style: Style) -> None:
    with_blank = measure_style(np.concatenate([np.zeros((3, 1, 28, 28), np.uint8), few_digits.images]))
    other = style.take(np.arange(100))
    assert compare_style(with_blank, other, seed=1) == compare_style(style, other, seed=1)
    assert blank_note(with_blank) == "3 of 643 images are blank and left out"
    assert blank_note(style) == ""


@pytest.mark.parametrize("whose", ["generated", "reference"])
def test_nothing_but_blank_images_is_refused(style: Style, whose: str) -> None:
    blank = measure_style(np.zeros((4, 1, 28, 28), np.uint8))
    sets = {"generated": style, "reference": style} | {whose: blank}
    with pytest.raises(InputError, match=f"none of the 4 {whose} images"):
        compare_style(**sets, seed=0)


def test_the_seed_decides_the_interval_and_nothing_else(style: Style) -> None:
    one, other = style.take(np.arange(300)), style.take(np.arange(300, 640))
    assert compare_style(one, other, seed=1) == compare_style(one, other, seed=1)
    first, second = compare_style(one, other, seed=1)["area_px2"], compare_style(one, other, seed=2)["area_px2"]
    assert first.value == second.value and first.low != second.low


def test_every_measure_has_its_words() -> None:
    assert [measure.key for measure in MEASURES] == [field.name for field in fields(Style)]
    assert all(measure.key.endswith(measure.unit.replace("²", "2")) for measure in MEASURES)
