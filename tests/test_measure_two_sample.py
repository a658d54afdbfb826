"""The 1-nearest-neighbour test: against all distances, at its three extremes, and how sure it may be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from digitsmith.errors import InputError
from digitsmith.measure.two_sample import two_sample_accuracy


def gaussians(count: int, dimensions: int = 8, *, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)


def test_it_equals_leave_one_out_over_the_pool() -> None:
    generated, real = gaussians(150) * 0.8, gaussians(150, seed=1)
    pool = np.concatenate([generated, real]).astype(np.float64)
    distances = cdist(pool, pool)
    np.fill_diagonal(distances, np.inf)
    is_real = np.arange(300) >= 150
    right = is_real[distances.argmin(1)] == is_real
    found = two_sample_accuracy(generated, real)
    assert found.accuracy.value == pytest.approx(right.mean())
    assert found.on_generated.value == pytest.approx(right[:150].mean())
    assert found.on_real.value == pytest.approx(right[150:].mean())


def test_worlds_apart_is_one() -> None:
    found = two_sample_accuracy(gaussians(50) + 100, gaussians(50, seed=1))
    assert (found.accuracy.value, found.on_generated.value, found.on_real.value) == (1, 1, 1)


def test_copies_are_zero() -> None:
    real = gaussians(50)
    found = two_sample_accuracy(real[::-1].copy(), real)
    assert (found.accuracy.value, found.on_generated.value, found.on_real.value) == (0, 0, 0)


def test_a_tie_counts_half() -> None:
    """On a line: 0 is in both sets, so wrong in both; drawn 2 and real -2 have both of these at one distance."""
    generated, real = np.float32([[0], [2]]), np.float32([[-2], [0]])
    found = two_sample_accuracy(generated, real)
    assert found.on_generated.value == found.on_real.value == found.accuracy.value == 0.25


def test_few_images_repeated_recognise_themselves() -> None:
    real = gaussians(100)
    found = two_sample_accuracy(gaussians(2, seed=1).repeat(50, axis=0), real)
    assert found.on_generated.value == 1


def test_the_order_of_the_images_does_not_matter() -> None:
    generated, real = gaussians(60) * 0.7, gaussians(60, seed=1)
    one, other = two_sample_accuracy(generated, real), two_sample_accuracy(real[::-1].copy(), generated[::-1].copy())
    assert one.accuracy.value == other.accuracy.value
    assert one.accuracy.margin == pytest.approx(other.accuracy.margin)
    assert one.on_generated.value == other.on_real.value


def test_its_interval_is_as_wide_as_its_spread() -> None:
    """Two samples of one distribution, 300 times: the errors claimed are those made, for all and for one set."""
    found = [two_sample_accuracy(gaussians(80, 2, seed=2 * i), gaussians(80, 2, seed=2 * i + 1)) for i in range(300)]
    for name in ("accuracy", "on_generated"):
        estimates = [getattr(result, name) for result in found]
        claimed = np.sqrt(np.mean([(estimate.margin / 1.959964) ** 2 for estimate in estimates]))
        made = np.std([estimate.value for estimate in estimates])
        assert claimed == pytest.approx(made, rel=0.12), name


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(InputError, match="got 40 generated and 50 real images; give it equally many"):
        two_sample_accuracy(gaussians(40), gaussians(50))
    with pytest.raises(InputError, match="4 features each and the reference 8"):
        two_sample_accuracy(gaussians(40, 4), gaussians(40))
    with pytest.raises(InputError, match="the generated images: all 40 are the same image"):
        two_sample_accuracy(gaussians(1).repeat(40, axis=0), gaussians(40))
