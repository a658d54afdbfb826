from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digitsmith.config import MAX_SEED
from digitsmith.randomness import Stream, derived_seed, normal_rows, torch_generator


@given(st.integers(0, MAX_SEED), st.lists(st.integers(0, 10**9), min_size=1, max_size=6), st.integers(1, 130))
def test_a_row_depends_on_its_index_alone(seed: int, indices: list[int], columns: int) -> None:
    together = normal_rows(seed, np.array(indices), columns)
    alone = [normal_rows(seed, np.array([index]), columns)[0] for index in indices]
    assert np.array_equal(together, np.stack(alone))
    assert np.isfinite(together).all()


def test_rows_are_standard_normal_and_uncorrelated() -> None:
    rows = normal_rows(7, np.arange(20_000), 100)
    assert abs(rows.mean()) < 0.003
    assert abs(rows.std() - 1) < 0.003
    assert abs((rows**4).mean() - 3) < 0.03  # the kurtosis of a normal distribution
    correlation = np.corrcoef(rows.T) - np.eye(100)
    assert np.abs(correlation).max() < 6 / np.sqrt(20_000)  # six standard errors
    assert abs(np.corrcoef(rows[:-1, 0], rows[1:, 0])[0, 1]) < 0.04  # neighbouring images


def test_known_rows_stay_as_they_are() -> None:
    """The numbers are part of the format: a data set made last year must come out again."""
    assert normal_rows(0, np.array([0, 5]), 3).tolist() == KNOWN_ROWS


KNOWN_ROWS = [
    [-0.055938832461833954, -1.2133231163024902, -0.23727074265480042],
    [0.3715068995952606, -0.303190141916275, 0.11113888025283813],
]


@pytest.mark.parametrize("other", [(1, Stream.NOISE, 3), (0, Stream.ORDER, 3), (0, Stream.NOISE, 4)])
def test_seed_stream_and_position_each_matter(other: tuple[int, Stream, int]) -> None:
    assert derived_seed(0, Stream.NOISE, 3) != derived_seed(*other)


def test_derived_seeds_do_not_meet() -> None:
    seeds = {derived_seed(seed, stream, step) for seed in range(20) for stream in Stream for step in range(200)}
    assert len(seeds) == 20 * len(Stream) * 200


def test_torch_generators_repeat() -> None:
    import torch

    first, again = (torch.randn(5, generator=torch_generator(3, Stream.NOISE, 9)) for _ in range(2))
    assert torch.equal(first, again)
