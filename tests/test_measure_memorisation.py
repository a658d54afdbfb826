"""Copied training images are caught, real ones are not; the probability and its interval against what they mean."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure.memorisation import _near_copies, _probability_nearer, memorisation

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images, Images]:
    """3,000 training images, and 800 of the same writers' that are in no training set, twice."""
    images = load_mnist("train").images[np.random.default_rng(0).permutation(60_000)[:4_600]]
    return images[:3_000], images[3_000:3_800], images[3_800:]


def noise(count: int, *, seed: int = 0, high: int = 256) -> Images:
    return np.random.default_rng(seed).integers(0, high, (count, 1, 6, 6), np.uint8)


def test_real_images_that_were_held_out_are_no_copies(digits: tuple[Images, Images, Images]) -> None:
    training, held_out, unseen = digits
    found = memorisation(held_out, training, unseen)
    assert found.closeness.low < 0.5 < found.closeness.high
    assert found.copies.low < 0.01 < found.copies.high


def test_copied_training_images_are_caught(digits: tuple[Images, Images, Images]) -> None:
    training, _, unseen = digits
    found = memorisation(training[100:300], training, unseen)
    assert found.closeness.value == found.copies.value == 1
    assert not found.pairs.distances.any()
    np.testing.assert_array_equal(found.pairs.generated, found.pairs.training)


def test_training_images_with_a_little_noise_are_caught(digits: tuple[Images, Images, Images]) -> None:
    training, _, unseen = digits
    noisy = np.clip(training[:200] + np.random.default_rng(0).normal(0, 12, (200, 1, 28, 28)), 0, 255).astype(np.uint8)
    found = memorisation(noisy, training, unseen)
    assert found.closeness.low > 0.95 and found.copies.low > 0.3


def test_a_few_copies_among_real_images_are_counted(digits: tuple[Images, Images, Images]) -> None:
    training, held_out, unseen = digits
    found = memorisation(np.concatenate([held_out[:450], training[:50]]), training, unseen)
    assert 0.1 <= found.copies.value < 0.14


def test_pairs_come_closest_first_and_no_training_image_twice(digits: tuple[Images, Images, Images]) -> None:
    training, held_out, unseen = digits
    generated = np.concatenate([held_out[:100], training[[5, 5, 5, 9]]])
    pairs = memorisation(generated, training, unseen, pairs=12).pairs
    assert pairs.indices[:2].tolist() == [[100, 5], [103, 9]]
    assert len(set(pairs.indices[:, 1].tolist())) == 12
    assert (np.diff(pairs.distances) >= 0).all()
    np.testing.assert_array_equal(pairs.generated, generated[pairs.indices[:, 0]])
    np.testing.assert_array_equal(pairs.training, training[pairs.indices[:, 1]])
    difference = pairs.generated.astype(np.float64) / 255 - pairs.training / 255
    np.testing.assert_allclose(pairs.distances, np.sqrt((difference**2).sum(axis=(1, 2, 3))), rtol=1e-6)


def test_one_image_for_every_z_gives_one_pair() -> None:
    found = memorisation(noise(1).repeat(30, axis=0), noise(40, seed=1), noise(50, seed=2), pairs=5)
    assert len(found.pairs.indices) == 1
    assert 50 * found.closeness.value == pytest.approx(round(50 * found.closeness.value))  # a share of the unseen


def test_blank_images_all_round_say_nothing_against_the_generator() -> None:
    blank = np.zeros((20, 1, 6, 6), np.uint8)
    found = memorisation(blank, blank, blank)
    assert found.closeness.value == 0.5
    assert found.copies.value == 1  # as it is of the unseen images


def test_a_single_image_has_no_interval() -> None:
    found = memorisation(noise(1), noise(5, seed=1), noise(5, seed=2))
    assert np.isnan(found.closeness.margin) and not np.isnan(found.closeness.value)


def test_the_probability_is_the_mann_whitney_statistic() -> None:
    random = np.random.default_rng(0)
    one, other = (random.integers(0, top, count).astype(np.float32) for top, count in ((20, 300), (25, 200)))
    expected = mannwhitneyu(other, one).statistic / (300 * 200)
    assert _probability_nearer(one, other).value == pytest.approx(expected, rel=1e-12)


def test_its_interval_is_as_wide_as_its_spread() -> None:
    random = np.random.default_rng(0)
    samples = [(random.exponential(1, 60), random.exponential(1.7, 90)) for _ in range(2_000)]
    estimates = [_probability_nearer(one.astype(np.float32), other.astype(np.float32)) for one, other in samples]
    claimed = np.mean([estimate.margin for estimate in estimates]) / 1.959964
    assert claimed == pytest.approx(np.std([estimate.value for estimate in estimates]), rel=0.05)


@pytest.mark.parametrize(("generated", "unseen"), [(400, 2_000), (5_000, 1_000)])
def test_one_in_a_hundred_real_images_is_a_near_copy(generated: int, unseen: int) -> None:
    """Two samples of one distribution, 1,000 times: 95 of 100 intervals hold the 1 % that is true of both."""
    random = np.random.default_rng(0)
    draws = [(random.random(generated, np.float32), np.sort(random.random(unseen, np.float32))) for _ in range(1_000)]
    found = [_near_copies(one, other) for one, other in draws]
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(0.01, rel=0.05)
    assert 0.93 <= np.mean([estimate.low <= 0.01 <= estimate.high for estimate in found]) <= 0.99


def test_the_limit_is_within_reach_of_a_few_unseen_images() -> None:
    """With fewer than 100 the nearest one is the limit, and the interval says how little that is worth."""
    found = _near_copies(np.linspace(0, 1, 1_000, dtype=np.float32), np.float32([0.1, 0.5, 0.9]))
    assert found.value == pytest.approx(0.1) and found.high <= 1


@pytest.mark.parametrize(
    ("generated", "message"),
    [
        (noise(5).astype(np.float32), r"the generated images must be uint8 \[N, C, H, W\]"),
        (noise(5)[:, 0], r"the generated images must be uint8 \[N, C, H, W\]"),
        (noise(0), "with N > 0"),
        (noise(5)[:, :, :5], r"the generated images are \[1, 5, 6\] and the training images \[1, 6, 6\]"),
    ],
)
def test_what_cannot_be_measured_is_refused(generated: Images, message: str) -> None:
    with pytest.raises(InputError, match=message):
        memorisation(generated, noise(9), noise(9))
