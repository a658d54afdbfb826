"""Ink from pictures: found in bad light, whatever its shade, without lines and specks; refused where none is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.scanning.centring import mnist_form
from digitsmith.scanning.cleaning import check_ink, find_ink
from digitsmith.scanning.paper import without_ruled_lines
from digitsmith.scanning.refusals import Refused
from scanning import SCENES, known_digits, measure_scene
from scanning_scenes import on_paper, on_table, ruled

Gray = NDArray[np.uint8]
BROKEN_FIVE = 8  # of the test digits: its bar does not touch it


@pytest.fixture(scope="module")
def digits() -> tuple[Gray, NDArray[np.int64]]:
    """The first 40 test digits that the reader reads right."""
    images, labels = known_digits(45)
    return images[:40], labels[:40]


def inked(picture: Gray, *, ink: str = "auto") -> Gray:
    return mnist_form(find_ink(picture, ink=ink).cover)[0]


@pytest.mark.parametrize("scene", [name for name in SCENES if "megapixel" not in name])
def test_digits_come_back_from_paper(scene: str, digits: tuple[Gray, NDArray[np.int64]]) -> None:
    found = measure_scene(SCENES[scene], *digits)
    # a digit that is refused is not read: a 1 that fills its picture has no paper to stand out from
    assert found["read"] > (0.94 if "without any paper" in scene else 0.97)
    assert found["off"] < 12  # gray levels of 255; two different digits of a class are 40 apart


def test_a_small_digit_on_a_large_page_is_found() -> None:
    five = np.array(load_mnist("test").images[15, 0])
    small = inked(on_paper(five, side_px=1000, room=0.12))
    assert np.abs(small.astype(int) - five).mean() < 15


def test_the_bar_of_a_five_stays_and_specks_go() -> None:
    five = np.array(load_mnist("test").images[BROKEN_FIVE, 0])
    picture = on_paper(five, side_px=300, shadow=0.2)
    clean = inked(picture)
    assert clean[:10, 14:].sum() > 5000  # the bar
    specked = picture.copy()
    for row, column in ((20, 30), (260, 40), (150, 290), (30, 150)):
        specked[row : row + 4, column : column + 4] = 20
    assert np.abs(inked(specked).astype(int) - clean).mean() < 1


def test_ruled_lines_go_and_strokes_across_them_stay() -> None:
    mask = np.zeros((200, 300), bool)
    mask[50:150, 140:152] = True  # a 1
    mask[150:156, 100:200] = True  # its foot, as level as a line, but not from border to border
    stroke = mask.copy()
    for column in range(300):
        for top in (20, 100, 180):
            mask[top + column // 40 : top + column // 40 + 2, column] = True
    left = without_ruled_lines(mask)
    assert (left[stroke]).mean() > 0.99
    assert left[~stroke].sum() < 20


def test_what_lies_beyond_the_paper_is_not_ink() -> None:
    seven = np.array(load_mnist("test").images[0, 0])
    alone = inked(on_paper(seven, side_px=300, room=0.5))
    for degrees in (0, 45, 110, 200, 290):
        beside = on_table(on_paper(seven, side_px=300, room=0.5), degrees=degrees)
        assert np.abs(inked(beside).astype(int) - alone).mean() < 8


def test_a_small_sheet_in_the_middle_of_a_table_is_read_when_the_ink_is_said_to_be_dark() -> None:
    seven = np.array(load_mnist("test").images[0, 0])
    picture = on_paper(seven, side_px=300, room=0.3, shadow=0.1)
    alone = inked(picture)
    for degrees in (0, 90, 180, 270):
        picture = on_table(picture, degrees=degrees + 10, share=0.3, table=50)
    assert np.abs(inked(picture, ink="dark").astype(int) - alone).mean() < 8


@pytest.mark.parametrize("index", [84, 110, 123, 146, 177, 281])
def test_the_ground_between_light_strokes_is_no_dark_ink(index: int) -> None:
    picture = on_paper(np.array(load_mnist("test").images[index, 0]), seed=index)
    assert np.abs(inked(255 - picture).astype(int) - inked(picture)).mean() < 6


def test_a_light_sheet_on_a_dark_table_is_no_light_ink(digits: tuple[Gray, NDArray[np.int64]]) -> None:
    def on_a_sheet(digit: Gray, seed: int) -> Gray:
        picture = on_paper(digit, side_px=300, room=0.4, shadow=0.1, seed=seed)
        for degrees in (10, 100, 190, 280):
            picture = on_table(picture, degrees=degrees, share=0.35, table=50)
        return picture

    assert measure_scene(on_a_sheet, *digits)["read"] > 0.9


def test_a_neighbour_that_the_border_cuts_is_left_out() -> None:
    digits = load_mnist("test").images
    picture = np.concatenate([on_paper(np.array(digits[n, 0]), side_px=200, shadow=0) for n in (0, 2)], axis=1)
    with_a_strip = picture[:, :290]  # a 7, and the left half of a 1's room with the stroke cut by the border
    assert np.abs(inked(with_a_strip[:, :285]).astype(int) - inked(picture[:, :200])).mean() < 8


@pytest.mark.parametrize("ink", ["auto", "dark", "light"])
def test_paper_without_ink_is_refused(ink: str) -> None:
    blank = np.zeros((28, 28), np.uint8)
    for picture in (
        on_paper(blank, side_px=300),
        on_paper(blank, side_px=300, shadow=0.8, noise=12),
        ruled(on_paper(blank, side_px=300), squared=True),
        np.full((200, 300), 255, np.uint8),
        np.zeros((200, 300), np.uint8),
    ):
        with pytest.raises(Refused, match="no ink"):
            find_ink(picture, ink=ink)


def test_a_few_pixels_are_refused() -> None:
    with pytest.raises(Refused, match="too few"):
        find_ink(np.zeros((7, 40), np.uint8))


def test_an_unknown_ink_is_refused() -> None:
    with pytest.raises(InputError, match="dark, light"):
        check_ink("blue")
