"""The shipped reader on real digits that it was not trained on, and what it refuses to read."""

from __future__ import annotations

import numpy as np
import pytest

from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure.reader import read


def test_it_reads_the_real_test_set() -> None:
    test = load_mnist("test")
    right = read(test.images) == test.labels
    assert right.mean() >= 0.995
    assert min(right[test.labels == digit].mean() for digit in range(10)) > 0.985


def test_blank_images_are_read_as_something() -> None:
    assert read(np.zeros((3, 1, 28, 28), np.uint8)).shape == (3,)
    assert read(np.zeros((0, 1, 28, 28), np.uint8)).shape == (0,)


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 28, 28), np.uint8), np.zeros((2, 3, 28, 28), np.uint8), np.zeros((2, 1, 28, 28), np.float32)],
)
def test_other_images_are_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"\[N, 1, 28, 28\]"):
        read(images)
