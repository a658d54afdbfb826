"""Nearest neighbours against all distances in float64: random, far from the origin, copied, tied, real digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from digitsmith.data.mnist import load_mnist
from digitsmith.measure import neighbours
from digitsmith.measure.neighbours import Space, nearest


def gaussians(count: int, dimensions: int, *, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)


def pixels(split: str, count: int) -> NDArray[np.uint8]:
    return load_mnist(split).images[:count].reshape(count, -1)


def expected(queries: NDArray, points: NDArray, k: int, *, skip_self: bool = False) -> NDArray[np.float64]:
    distances = cdist(queries.astype(np.float64), points.astype(np.float64))
    if skip_self:
        np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


@pytest.mark.parametrize(
    ("queries", "points", "dimensions"), [(1, 1, 1), (300, 700, 7), (65, 129, 64), (700, 600, 520)]
)
def test_all_distances_give_the_same_neighbours(queries: int, points: int, dimensions: int) -> None:
    one, other = gaussians(queries, dimensions), gaussians(points, dimensions, seed=1)
    k = min(6, points)
    distances, indices = nearest(one, other, k)
    assert distances.dtype == np.float32 and indices.dtype == np.int64
    np.testing.assert_allclose(distances, expected(one, other, k), rtol=1e-7)
    named = np.linalg.norm(one[:, None].astype(np.float64) - other[indices], axis=2)
    np.testing.assert_allclose(distances, named, rtol=1e-7)


def test_a_point_is_not_its_own_neighbour() -> None:
    points = gaussians(400, 16)
    distances, indices = nearest(points, points, 3, skip_self=True)
    np.testing.assert_allclose(distances, expected(points, points, 3, skip_self=True), rtol=1e-7)
    assert not (indices == np.arange(400)[:, None]).any()


def test_a_copy_is_at_distance_zero_and_named() -> None:
    points = gaussians(5_000, 128) * 100 + 10_000
    distances, indices = nearest(points[::7], points, 1)
    assert not distances.any()
    np.testing.assert_array_equal(indices[:, 0], np.arange(5_000)[::7])


def test_closeness_below_the_rounding_of_a_product_is_resolved() -> None:
    """Ten far clusters of points that differ in their last digits: a float32 product sees ten points."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((10, 64)) * 100
    points = (centres[random.integers(0, 10, 1_000)] + random.standard_normal((1_000, 64)) * 1e-4).astype(np.float32)
    distances, _ = nearest(points, points, 5, skip_self=True)
    np.testing.assert_allclose(distances, expected(points, points, 5, skip_self=True), rtol=1e-6)


def test_the_axes_of_real_digits_find_the_nearest_in_all_pixels() -> None:
    test, training = pixels("test", 790), pixels("train", 2_000)
    assert Space.sketch(test, training).axes is not None
    distances, indices = nearest(test, training, 6)
    truth = cdist(test.astype(np.float64), training.astype(np.float64))
    np.testing.assert_allclose(distances, np.sort(truth, axis=1)[:, :6], rtol=1e-7)
    np.testing.assert_array_equal(indices[:, 0], truth.argmin(1))


def test_the_axes_alone_would_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its second look the search by axes errs, so the test above tests something."""
    test, training = pixels("test", 790), pixels("train", 2_000)
    honest, _ = nearest(test, training, 1)
    monkeypatch.setattr(neighbours.Space, "unit", property(lambda space: -np.inf))
    monkeypatch.setattr(neighbours, "_AXES", 24)
    monkeypatch.setattr(neighbours, "_ENOUGH", 0.0)
    trusting, _ = nearest(test, training, 1)
    assert (trusting > honest).any()


def test_a_few_axes_are_still_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    test, training = pixels("test", 790), pixels("train", 2_000)
    honest, places = nearest(test, training, 1)
    monkeypatch.setattr(neighbours, "_AXES", 24)
    monkeypatch.setattr(neighbours, "_ENOUGH", 0.0)
    distances, indices = nearest(test, training, 1)
    np.testing.assert_array_equal(distances, honest)
    np.testing.assert_array_equal(indices, places)


def test_vectors_without_leading_axes_keep_all_coordinates() -> None:
    assert Space.sketch(gaussians(600, 520), gaussians(600, 520)).axes is None


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    points = gaussians(640, 32)
    whole = nearest(points, points, 4, skip_self=True)
    monkeypatch.setattr(neighbours, "_BLOCK", rows * 640)
    monkeypatch.setattr(neighbours, "_CHUNK", rows)
    for one, other in zip(nearest(points, points, 4, skip_self=True), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_the_same_point() -> None:
    points = np.full((300, 9), 0.1, np.float32)
    distances, indices = nearest(points, points, 5, skip_self=True)
    assert not distances.any()
    assert all(len(set(row)) == 5 and place not in row for place, row in enumerate(indices.tolist()))


def test_bytes_and_floats_agree() -> None:
    one, other = pixels("test", 50), pixels("train", 200)
    as_bytes = nearest(one, other, 2)
    as_floats = nearest(one.astype(np.float32), other.astype(np.float32), 2)
    np.testing.assert_array_equal(as_bytes[0], as_floats[0])
    np.testing.assert_array_equal(as_bytes[1], as_floats[1])


def test_a_ranking_is_off_by_no_more_than_it_says() -> None:
    points, queries = gaussians(500, 128) + 3, gaussians(200, 128, seed=1) * 5
    ranking = neighbours.Ranking(points, Space.full(points, torch.float32))
    truth = torch.from_numpy(cdist(queries.astype(np.float64), points.astype(np.float64)) ** 2)
    for rows, ranks, squares in ranking.blocks(queries):
        off = (ranks[:, :500] + squares - truth[rows]).abs()
        assert (off < ranking.space.unit * (squares.sqrt() + ranking.longest).square()).all()
        assert ranks[:, 500:].isinf().all()
