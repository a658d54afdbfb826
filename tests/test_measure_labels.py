"""Labels kept: what was asked for against what was read."""

from __future__ import annotations

import numpy as np
import pytest

from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure.labels import confusion, read_as_asked
from digitsmith.measure.reader import read


def test_rows_are_asked_for_and_columns_are_read() -> None:
    matrix = confusion(np.array([0, 0, 0, 1, 2]), np.array([0, 2, 2, 1, 1]), classes=4)
    assert matrix.tolist() == [[1, 0, 2, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert matrix.dtype == np.int64


def test_shares_come_with_wilsons_interval() -> None:
    matrix = confusion(np.repeat([0, 1], 10), np.array([0] * 9 + [1] + [1] * 10), classes=3)
    whole = read_as_asked(matrix)
    assert whole.value == 0.95
    for end in (whole.low, whole.high):  # where 19 of 20 lies just 1.96 standard errors off
        assert abs(0.95 - end) == pytest.approx(1.959964 * (end * (1 - end) / 20) ** 0.5, rel=1e-6)
    assert 0 < whole.low < 0.95 < whole.high < 1


def test_narrow_integers_do_not_overflow() -> None:
    labels = np.arange(100, dtype=np.uint8)
    assert (confusion(labels, labels, classes=100) == np.eye(100)).all()


def test_labels_shifted_by_one_are_caught() -> None:
    test = load_mnist("test").take(np.arange(300))
    answers = read(test.images)
    kept, shifted = (confusion(labels, answers, classes=10) for labels in (test.labels, (test.labels + 1) % 10))
    assert read_as_asked(kept).value > 0.98
    assert read_as_asked(shifted).value < 0.02


@pytest.mark.parametrize(
    ("asked", "answers", "message"),
    [
        ([0, 1], [0, 1, 1], "2 classes asked for but 3 read"),
        ([0, 3], [0, 1], "image 1: the class asked for is 3, outside 0..2"),
        ([0, 1], [-1, 1], "image 0: the class read is -1, outside 0..2"),
        ([0.0, 1.0], [0, 1], "the classes asked for must be whole numbers"),
        ([[0], [1]], [0, 1], "the classes asked for must be whole numbers"),
    ],
)
def test_what_does_not_belong_together_is_refused(asked: list[int], answers: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        confusion(np.array(asked), np.array(answers), classes=3)


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="no images"):
        read_as_asked(np.zeros((10, 10), np.int64))
