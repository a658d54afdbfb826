"""The kernel distance against torchmetrics' and against its formula, its interval against repeated draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure import kernel
from digitsmith.measure.kernel import KernelReference, kernel_distance
from oracles import torchmetrics_image

BOTH_WAYS = pytest.mark.parametrize("dimensions", [12, 128, 300])  # third moment, third moment, pairs


def features(count: int, dimensions: int, *, seed: int = 0, shift: float = 0.0) -> NDArray[np.float32]:
    """Half of them 0, as behind a ReLU."""
    drawn = np.random.default_rng(seed).standard_normal((count, dimensions)) + shift
    return np.maximum(drawn, 0).astype(np.float32)


def by_the_formula(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Unbiased MMD² as it is written."""

    def kernels(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
        return (a.astype(np.float64) @ b.astype(np.float64).T / a.shape[1] + 1) ** 3

    def mean_of_pairs(a: NDArray[np.float32]) -> float:
        k = kernels(a, a)
        return (k.sum() - np.trace(k)) / (len(a) * (len(a) - 1))

    return mean_of_pairs(x) + mean_of_pairs(y) - 2 * kernels(x, y).mean()


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
@BOTH_WAYS
@pytest.mark.parametrize("shift", [0.0, 0.02, 1.0])
def test_it_equals_torchmetrics(dimensions: int, shift: float) -> None:
    """To 1e-5 of itself, though at shift 0 it is a ten-thousandth of the kernel's values."""
    x, y = features(400, dimensions, shift=shift), features(400, dimensions, seed=1)
    module = torchmetrics_image("kid")
    theirs = module.KernelInceptionDistance(feature=torch.nn.Identity(), subsets=1, subset_size=400)
    theirs.update(torch.from_numpy(y).double(), real=True)
    theirs.update(torch.from_numpy(x).double(), real=False)
    expected = float(theirs.compute()[0])
    assert kernel_distance(x, KernelReference.of(y)).value == pytest.approx(expected, rel=1e-5)


@BOTH_WAYS
def test_it_equals_its_formula_for_unequal_counts(dimensions: int) -> None:
    x, y = features(150, dimensions), features(230, dimensions, seed=1, shift=0.03)
    assert kernel_distance(x, KernelReference.of(y)).value == pytest.approx(by_the_formula(x, y), rel=1e-9)


def test_both_ways_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(150, 20), features(230, 20, seed=1)
    by_moment = kernel_distance(x, KernelReference.of(y))
    monkeypatch.setattr(kernel, "_MOMENT_DIMENSIONS", 0)
    by_pairs = kernel_distance(x, KernelReference.of(y))
    assert (by_pairs.value, by_pairs.margin) == pytest.approx((by_moment.value, by_moment.margin), rel=1e-9)


@pytest.mark.parametrize("dimensions", [6, 300])
def test_blocks_do_not_matter(dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(60, dimensions), features(90, dimensions, seed=1, shift=0.1)
    found = []
    for images, pairs in ((1, 3), (7, 1), (512, 512)):
        monkeypatch.setattr(kernel, "_BLOCK", images)
        monkeypatch.setattr(kernel, "_PAIRS", pairs)
        found.append(kernel_distance(x, KernelReference.of(y)))
    for estimate in found[1:]:
        assert (estimate.value, estimate.margin) == pytest.approx((found[0].value, found[0].margin), rel=1e-9)


def test_one_reference_serves_many() -> None:
    reference = KernelReference.of(features(200, 10, seed=1))
    for seed in (2, 3):
        x = features(100, 10, seed=seed, shift=0.1)
        assert kernel_distance(x, reference).value == pytest.approx(by_the_formula(x, reference.features), rel=1e-9)


def test_it_grows_as_a_distribution_moves_away() -> None:
    reference = KernelReference.of(features(500, 16, seed=1))
    moved = [kernel_distance(features(500, 16, shift=shift), reference).value for shift in (0, 0.1, 0.2, 0.5)]
    assert moved == sorted(moved)


def test_it_is_around_zero_for_one_distribution() -> None:
    """Unbiased: below 0 about as often as above."""
    values = [
        kernel_distance(features(60, 8, seed=seed), KernelReference.of(features(80, 8, seed=1_000 + seed))).value
        for seed in range(200)
    ]
    assert 60 < sum(value < 0 for value in values) < 150
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)


@pytest.mark.parametrize(
    ("shift", "too_wide"),
    [(0.5, 1.0), (0.0, 2**0.5)],  # what the docstring says of samples of two distributions, and of one
)
def test_the_interval_is_as_wide_as_repeated_draws(shift: float, too_wide: float) -> None:
    estimates = [
        kernel_distance(
            features(120, 8, seed=seed, shift=shift), KernelReference.of(features(200, 8, seed=1_000 + seed))
        )
        for seed in range(300)
    ]
    values = np.array([estimate.value for estimate in estimates])
    margins = np.array([estimate.margin for estimate in estimates])
    assert np.sqrt(np.mean(margins**2)) == pytest.approx(1.96 * too_wide * values.std(), rel=0.15)
    held = sum(estimate.low <= values.mean() <= estimate.high for estimate in estimates)
    assert held >= 0.90 * 300


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.full((40, 4), np.nan, np.float32), "feature 0 of image 0 is nan"),
        (np.ones((40, 4), np.float32), "all 40 are the same image"),
        (features(1, 4), "1 are too few, this figure needs at least 2"),
        (features(40, 4)[0], r"float32 \[N, D\], these are float32 \[4\]"),
    ],
)
def test_bad_features_are_refused_in_one_line(bad: NDArray[np.float32], says: str) -> None:
    reference = KernelReference.of(features(40, 4))
    with pytest.raises(InputError, match=f"^the generated images: .*{says}") as caught:
        kernel_distance(bad, reference)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=f"^the reference images: .*{says}"):
        KernelReference.of(bad)


def test_two_networks_are_not_compared() -> None:
    with pytest.raises(InputError, match="the images have 4 features each and the reference 5"):
        kernel_distance(features(40, 4), KernelReference.of(features(40, 5)))
