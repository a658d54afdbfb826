"""MNIST's form: MNIST's own digits come back as they are, and any ink gets their box and their centre."""

from __future__ import annotations

import numpy as np
import pytest

from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.scanning.centring import BOX_PX, check_size, mnist_form


def box_of(image: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1


def centre_of(image: np.ndarray) -> np.ndarray:
    places = np.indices(image.shape).reshape(2, -1)
    return (places * image.reshape(-1)).sum(axis=1) / image.sum()


def test_mnists_own_digits_are_left_as_they_are() -> None:
    images = load_mnist("test").images[:200, 0]
    same = 0
    for image in images:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if max(ink.shape) == BOX_PX:
            same += int((mnist_form(ink.astype(np.float32) / 255)[0] == image).all())
    assert same == 200  # each is in a box of 20 already, and its centre of mass is pixel 14 to within a half


@pytest.mark.parametrize("shape", [(300, 100), (37, 211), (20, 20), (9, 5), (400, 2)])
def test_any_ink_fills_the_box_and_is_centred_by_its_mass(shape: tuple[int, int]) -> None:
    cover = np.zeros(shape, np.float32)
    cover[:, : max(1, shape[1] // 3)] = 1
    cover[: max(1, shape[0] // 3)] = 1
    image = mnist_form(cover)
    assert image.shape == (1, 28, 28)
    assert max(box_of(image[0])) == BOX_PX
    assert box_of(image[0]) == tuple(max(1, round(side * BOX_PX / max(shape))) for side in shape)
    assert (np.abs(centre_of(image[0]) - 14) <= 0.51).all()


def test_32_pixels_are_the_same_digit_with_a_wider_margin() -> None:
    ink = load_mnist("test").images[3, 0, 4:24, 4:24].astype(np.float32) / 255
    assert (mnist_form(ink, size=32)[0, 2:-2, 2:-2] == mnist_form(ink)[0]).all()
    with pytest.raises(InputError, match="28"):
        check_size(30)


@pytest.mark.parametrize("slope", [-0.6, 0.3, 0.6])
def test_deskewing_sets_a_slanted_stroke_upright(slope: float) -> None:
    rows, columns = np.mgrid[:120, :120]
    cover = (np.abs(columns - 60 - slope * (rows - 60)) < 8).astype(np.float32)
    upright, slanted = mnist_form(cover, deskew=True)[0], mnist_form(cover)[0]
    assert box_of(upright)[1] <= 4 < box_of(slanted)[1]
    assert np.abs(centre_of(upright) - 14).max() <= 0.51


def test_deskewing_leaves_what_is_upright() -> None:
    cover = np.zeros((60, 40), np.float32)
    cover[:, 15:25] = 1
    cover[:10] = 1
    assert (mnist_form(cover, deskew=True) == mnist_form(cover)).all()
