"""The Frechet distance against two independent ones, where it must be exactly 0, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from digitsmith.errors import InputError
from digitsmith.measure import frechet
from digitsmith.measure.estimate import bootstrap_estimate
from digitsmith.measure.frechet import Moments, frechet_by_class, frechet_distance, frechet_estimate, minimum_images
from oracles import torchmetrics_image


def features(count: int, dimensions: int, *, seed: int = 0, shift: float = 0.0, decay: float = 0.0) -> NDArray:
    """Correlated Gaussian features, float32; with `decay` the last direction has 10^-decay of the first's deviation."""
    random = np.random.default_rng(seed)
    mix = np.linalg.qr(random.standard_normal((dimensions, dimensions)))[0]
    drawn = random.standard_normal((count, dimensions)) * np.logspace(0, -decay, dimensions)
    return (drawn @ mix + shift).astype(np.float32)


class Identity(torch.nn.Module):
    """Lets torchmetrics take features for images."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


@pytest.mark.parametrize(("dimensions", "decay"), [(1, 0), (5, 0), (64, 1), (128, 2)])
def test_it_equals_sqrtm_and_torchmetrics(dimensions: int, decay: float) -> None:
    x = features(3 * dimensions + 2, dimensions, decay=decay)
    y = features(4 * dimensions + 2, dimensions, seed=1, shift=0.1, decay=decay)
    ours = frechet_distance(Moments.of(x), Moments.of(y))

    a, b = (np.cov(z.astype(np.float64), rowvar=False).reshape(dimensions, dimensions) for z in (x, y))
    shift = x.mean(0, dtype=np.float64) - y.mean(0, dtype=np.float64)
    assert ours == pytest.approx(shift @ shift + np.trace(a + b - 2 * sqrtm(a @ b).real), rel=1e-6, abs=1e-6)

    theirs = torchmetrics_image("fid").FrechetInceptionDistance(feature=Identity(dimensions)).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(x).double(), real=True)
    theirs.update(torch.from_numpy(y).double(), real=False)
    assert ours == pytest.approx(float(theirs.compute()), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("decay", [0, 3, 8])
@pytest.mark.parametrize("dead", [0, 60])
def test_a_set_is_nowhere_but_at_itself(decay: float, dead: int) -> None:
    """Also where features never vary, as those behind a dead ReLU."""
    x = 30 * features(400, 128, decay=decay)
    x[:, :dead] = 0
    distance = frechet_distance(Moments.of(x), Moments.of(x.copy()))
    assert abs(distance) < 1e-6


def test_it_is_the_same_both_ways() -> None:
    x, y = Moments.of(features(200, 20, decay=5)), Moments.of(features(300, 20, seed=1))
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-12)


def test_moments_are_exact_far_from_zero() -> None:
    x = features(500, 8) + np.float32(1000)
    moments = Moments.of(x)
    np.testing.assert_allclose(moments.covariance, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(moments.mean, x.mean(0, dtype=np.float64), rtol=1e-14)
    assert moments.count == 500


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(700, 16), features(600, 16, seed=1)
    found = []
    for block in (1, 7, 512, 4096):
        monkeypatch.setattr(frechet, "_BLOCK", block)
        found.append(frechet_estimate(x, Moments.of(y), seed=3, resamples=3))
    for estimate in found[1:]:
        assert estimate.value == pytest.approx(found[0].value, rel=1e-11)
        assert estimate.low == pytest.approx(found[0].low, rel=1e-11)


def test_it_grows_as_a_distribution_moves_away() -> None:
    reference = Moments.of(features(1_000, 16, seed=1))
    moved = [frechet_distance(Moments.of(features(1_000, 16, shift=shift)), reference) for shift in (0, 0.1, 0.2, 0.5)]
    assert moved == sorted(moved)
    assert moved[3] - moved[0] == pytest.approx(16 * 0.5**2, rel=0.1)


def test_counted_rows_are_drawn_rows() -> None:
    """The interval, made of weights, is that of the resampled images themselves."""
    x, reference = features(300, 4, shift=0.3), Moments.of(features(300, 4, seed=1))
    plain = bootstrap_estimate(
        frechet_distance(Moments.of(x), reference),
        lambda indices: frechet_distance(Moments.of(x[indices]), reference),
        len(x),
        resamples=8,
        seed=5,
    )
    ours = frechet_estimate(x, reference, seed=5, resamples=8)
    assert (ours.value, ours.low, ours.high) == pytest.approx((plain.value, plain.low, plain.high), rel=1e-10)


def test_the_interval_holds_the_distance_of_the_distributions() -> None:
    reference = Moments(np.zeros(3), np.eye(3), 1_000_000)
    truth = 3 * 0.5**2
    estimates = [
        frechet_estimate(features(500, 3, seed=seed, shift=0.5), reference, seed=seed, resamples=30)
        for seed in range(100)
    ]
    held = sum(estimate.low <= truth <= estimate.high for estimate in estimates)
    assert 85 <= held <= 99
    narrow = np.mean([estimate.margin for estimate in estimates])
    assert narrow == pytest.approx(1.96 * np.std([estimate.value for estimate in estimates]), rel=0.2)


def test_each_class_has_its_distance() -> None:
    x, labels = features(400, 6), np.arange(400) % 4
    x[labels == 1] += 2  # one class is drawn wrong
    x[labels == 2] = x[2]  # one is a single image
    labels[(labels == 3) & (np.arange(400) >= 24)] = 0  # one has six images, its covariance needs seven
    y, reference_labels = features(800, 6, seed=1), np.arange(800) % 4
    right, wrong, collapsed, few = (
        estimate and estimate.value for estimate in frechet_by_class(x, labels, y, reference_labels, classes=4, seed=0)
    )
    assert few is None
    assert right is not None and wrong is not None and collapsed is not None
    assert wrong == pytest.approx(6 * 2**2, rel=0.2)
    assert right < 0.5 < collapsed
    chosen = Moments.of(x[labels == 1]), Moments.of(y[reference_labels == 1])
    assert wrong == pytest.approx(frechet_distance(*chosen), rel=1e-12)


def test_a_class_needs_a_label_for_each_image() -> None:
    x, labels = features(50, 4), np.zeros(49, np.int64)
    with pytest.raises(InputError, match="50 generated images but labels"):
        frechet_by_class(x, labels, x, np.zeros(50, np.int64), classes=1, seed=0)


def test_the_minimum_is_one_more_than_the_features() -> None:
    x = features(9, 8)
    assert minimum_images(8) == 9
    assert np.linalg.matrix_rank(Moments.of(x).covariance) == 8
    with pytest.raises(InputError, match=r"the reference images: 8 are too few, .* at least 9, because .* 8 features"):
        Moments.of(x[:8])


def _with(value: float) -> NDArray[np.float32]:
    x = features(40, 4)
    x[17, 2] = value
    return x


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (_with(np.nan), "feature 2 of image 17 is nan"),
        (_with(np.inf), "feature 2 of image 17 is inf"),
        (_with(-np.inf), "feature 2 of image 17 is -inf"),
        (np.repeat(features(1, 4), 40, axis=0), "all 40 are the same image"),
        (np.zeros((40, 4), np.float32), "all 40 are the same image"),
        (np.zeros((0, 4), np.float32), "0 are too few"),
        (features(4, 4), "4 are too few, this figure needs at least 5"),
        (features(40, 4).astype(np.float64), r"float32 \[N, D\], these are float64 \[40, 4\]"),
        (features(40, 4)[:, :0], r"these are float32 \[40, 0\]"),
        (features(40, 4).reshape(40, 2, 2), r"these are float32 \[40, 2, 2\]"),
    ],
)
def test_bad_features_are_refused_in_one_line(bad: NDArray[np.float32], says: str) -> None:
    reference = Moments.of(features(40, 4))
    with pytest.raises(InputError, match=f"^the generated images: .*{says}") as caught:
        frechet_estimate(bad, reference, seed=0)
    assert "\n" not in str(caught.value)


def test_two_networks_are_not_compared() -> None:
    with pytest.raises(InputError, match="the images have 4 features each and the reference 5"):
        frechet_estimate(features(40, 4), Moments.of(features(40, 5)), seed=0)


def test_one_resample_makes_no_interval() -> None:
    with pytest.raises(InputError, match="resamples is 1"):
        frechet_estimate(features(40, 4), Moments.of(features(40, 4)), seed=0, resamples=1)
