"""Precision, recall, density and coverage against the `prdc` package, at the edges of balls, and of broken sets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from prdc import compute_prdc

from digitsmith.errors import InputError
from digitsmith.measure import neighbours
from digitsmith.measure.prdc import Manifold, Prdc, prdc


def gaussians(count: int, dimensions: int = 16, *, seed: int = 0, spread: float = 1.0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal((count, dimensions)) * spread).astype(np.float32)


def values(found: Prdc) -> dict[str, float]:
    return {name: getattr(found, name).value for name in ("precision", "recall", "density", "coverage")}


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("generated", "real", "dimensions"), [(300, 500, 4), (500, 300, 64), (130, 130, 600)])
def test_they_equal_the_prdc_package(generated: int, real: int, dimensions: int, k: int) -> None:
    fake = gaussians(generated, dimensions, seed=1, spread=0.9) + 0.1
    reference = gaussians(real, dimensions)
    oracle = compute_prdc(reference, fake, nearest_k=k)
    assert values(prdc(fake, Manifold.of(reference, k))) == pytest.approx(oracle, rel=1e-5)


def test_five_neighbours_is_the_default() -> None:
    reference, fake = gaussians(300), gaussians(200, seed=1)
    assert values(prdc(fake, Manifold.of(reference))) == pytest.approx(compute_prdc(reference, fake, nearest_k=5))


def test_intervals_hold_their_values() -> None:
    found = prdc(gaussians(200, seed=1), Manifold.of(gaussians(300)))
    for estimate in (found.precision, found.recall, found.density, found.coverage):
        assert estimate.low < estimate.value < estimate.high


def test_the_reference_itself_is_on_every_edge_and_not_beyond() -> None:
    """Each ball holds its own image and k - 1 neighbours; the k-th, which makes the radius, is on the edge."""
    reference = gaussians(700, 128) * 30 + 100
    assert values(prdc(reference, Manifold.of(reference))) == {"precision": 1, "recall": 1, "density": 1, "coverage": 1}


def test_other_images_are_in_no_ball() -> None:
    found = values(prdc(gaussians(100, seed=1) + 100, Manifold.of(gaussians(100))))
    assert found == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_a_dropped_mode_lowers_recall_and_coverage_only() -> None:
    modes = np.repeat([-20.0, 20.0], 200).astype(np.float32)[:, None]
    real, fake = gaussians(400) + modes, gaussians(400, seed=1) - 20
    found = values(prdc(fake, Manifold.of(real)))
    assert found["precision"] > 0.8
    assert found["recall"] < 0.5 and found["coverage"] <= 0.5


def test_repeated_images_have_empty_balls() -> None:
    """Two real images drawn over and over: all radii are 0, recall is 0, and the other figures are those of the two."""
    real = gaussians(300)
    repeated = real[[3, 4]].repeat(50, axis=0)
    assert not Manifold.of(repeated).radii.any()
    found, two = values(prdc(repeated, Manifold.of(real))), values(prdc(real[:6], Manifold.of(real)))
    assert found["recall"] == 0 and found["precision"] == two["precision"] == 1
    assert 0 < found["coverage"] < 0.2


def test_one_image_drawn_over_and_over_is_refused() -> None:
    with pytest.raises(InputError, match="the generated images: all 50 are the same image"):
        prdc(gaussians(1).repeat(50, axis=0), Manifold.of(gaussians(300)))


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_blocks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    real = gaussians(320)
    fake = np.concatenate([real[:100], gaussians(100, seed=1)])
    whole = prdc(fake, Manifold.of(real))
    monkeypatch.setattr(neighbours, "_BLOCK", rows * 320)
    monkeypatch.setattr(neighbours, "_CHUNK", rows)
    assert prdc(fake, Manifold.of(real)) == whole


def test_what_cannot_be_measured_is_refused() -> None:
    reference = Manifold.of(gaussians(50))
    broken = gaussians(50)
    broken[7, 3] = np.nan
    with pytest.raises(InputError, match="the real images: 5 are too few, this figure needs at least 6"):
        Manifold.of(gaussians(5))
    with pytest.raises(InputError, match="the generated images: 5 are too few"):
        prdc(gaussians(5), reference)
    with pytest.raises(InputError, match="feature 3 of image 7"):
        prdc(broken, reference)
    with pytest.raises(InputError, match="8 features each and the reference 16"):
        prdc(gaussians(50, 8), reference)
