"""Modes of stacked digits: which are covered, and how far their shares are from equal ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import entropy

from digitsmith.data import load_mnist
from digitsmith.data.stacked import stack_digits
from digitsmith.errors import InputError
from digitsmith.measure import modes
from digitsmith.measure.modes import kl_from_uniform, mode_coverage, uniform_kl


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes each image's first pixel for its digit: thousands of modes in no time."""
    monkeypatch.setattr(modes, "read", lambda images: images[:, 0, 0, 0].astype(np.int64))


def images_of(labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    images = np.zeros((len(labels), 3, 28, 28), np.uint8)
    images[:, :, 0, 0] = np.stack([labels // 100, labels // 10 % 10, labels % 10], axis=1)
    return images


def test_real_stacks_are_read_as_what_they_are() -> None:
    stacks = stack_digits(load_mnist("test"), count=400, seed=0)
    measured = mode_coverage(stacks.images)
    assert np.abs(measured.counts - stacks.counts).sum() / 2 <= 0.03 * len(stacks)  # misread at most
    assert abs(measured.covered - np.count_nonzero(stacks.counts)) <= 12


@pytest.mark.usefixtures("marked")
def test_each_mode_once_is_full_coverage_at_no_distance() -> None:
    measured = mode_coverage(images_of(np.random.default_rng(0).permutation(1000)))
    assert measured.covered == 1000 and (measured.counts == 1).all() and measured.counts.dtype == np.int64
    assert measured.kl.value == pytest.approx(0, abs=1e-12)


def test_one_image_repeated_is_one_mode_at_the_largest_distance() -> None:
    stacks = stack_digits(load_mnist("test"), count=1, seed=0)
    measured = mode_coverage(stacks.images.repeat(50, axis=0))
    assert measured.covered == 1 and measured.counts[stacks.labels[0]] == 50
    assert measured.kl.value == measured.kl.low == measured.kl.high == pytest.approx(math.log(1000))


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("place", [100, 10, 1], ids=["red", "green", "blue"])
def test_a_digit_missing_in_one_channel_is_a_hundred_modes_missing(place: int) -> None:
    labels = np.arange(10_000) % 1000
    measured = mode_coverage(images_of(labels[labels // place % 10 != 7]))
    assert measured.covered == 900
    assert measured.kl.value == pytest.approx(math.log(10 / 9))
    assert (np.flatnonzero(measured.counts == 0) // place % 10 == 7).all()


@pytest.mark.usefixtures("marked")
def test_the_interval_is_around_the_value_and_follows_from_the_seed() -> None:
    images = images_of(np.random.default_rng(0).integers(0, 300, 2000))
    measured, again = mode_coverage(images), mode_coverage(images)
    assert measured.kl == again.kl != mode_coverage(images, seed=1).kl
    assert measured.kl.low < measured.kl.value < measured.kl.high
    assert mode_coverage(images.repeat(4, axis=0)).kl.margin == pytest.approx(measured.kl.margin / 2, rel=0.25)


def test_the_distance_is_the_relative_entropy_in_nats() -> None:
    counts = np.random.default_rng(0).integers(0, 5, 1000) ** 3
    assert kl_from_uniform(counts) == pytest.approx(entropy(counts, np.ones(1000)), rel=1e-12)


def test_equally_likely_modes_are_not_at_zero() -> None:
    random = np.random.default_rng(0)
    drawn = [kl_from_uniform(np.bincount(random.integers(0, 1000, 25_600), minlength=1000)) for _ in range(200)]
    assert uniform_kl(25_600) == pytest.approx(0.0195, abs=1e-4)
    assert np.mean(drawn) == pytest.approx(uniform_kl(25_600), rel=0.02)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 3, 28, 28), np.uint8),
        np.zeros((2, 1, 28, 28), np.uint8),
        np.zeros((2, 28, 28, 3), np.uint8),
        np.zeros((2, 3, 32, 32), np.uint8),
        np.zeros((2, 3, 28, 28), np.float32),
    ],
)
def test_other_images_are_refused(images: NDArray[np.generic]) -> None:
    with pytest.raises(InputError, match=r"^modes are counted on uint8 images \[N, 3, 28, 28\].*stacked-mnist$"):
        mode_coverage(images)
