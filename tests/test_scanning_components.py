"""Connected ink, against SciPy's labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from digitsmith.scanning.components import pieces


@pytest.mark.parametrize(
    ("share", "shape"),
    [(0.3, (50, 70)), (0.45, (120, 131)), (0.6, (64, 64)), (0.0, (9, 9)), (1.0, (9, 7)), (0.5, (1, 40))],
)
def test_pieces_are_those_of_scipy(share: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random(shape) < share
    values = rng.random(shape).astype(np.float32)
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    found = pieces(mask)
    assert len(found) == count
    sums = found.sums(values)
    for number in range(count):
        own = found.mask(np.arange(count) == number)
        theirs = labels == labels[own][0]
        assert (own == theirs).all()
        rows, columns = ndimage.find_objects(theirs.astype(int))[0]
        assert (found.top[number], found.bottom[number]) == (rows.start, rows.stop)
        assert (found.left[number], found.right[number]) == (columns.start, columns.stop)
        assert (found.cut(number) == own[rows, columns]).all()
        assert found.area[number] == own.sum()
        assert sums[number] == pytest.approx(values[own].sum(), abs=1e-3)


def test_a_long_winding_piece_is_one() -> None:
    mask = np.zeros((61, 61), bool)
    mask[::2] = True
    mask[1::4, -1] = mask[3::4, 0] = True
    assert len(pieces(mask)) == 1
