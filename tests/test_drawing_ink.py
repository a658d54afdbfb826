"""Pixels as ink: as thick, as wide and as readable as they were, at any size; and digits set in a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitsmith.data.digits import Digits
from digitsmith.drawing.canvas import Canvas, parse_colour
from digitsmith.drawing.hands import Hand
from digitsmith.drawing.ink import Ink
from digitsmith.drawing.line import Glyph, Placed, digit_height, set_in_cells, set_line
from digitsmith.drawing.signs import SIGNS, draw_sign
from digitsmith.errors import InputError
from digitsmith.measure.morphometry import measure_style
from digitsmith.measure.reader import read


def block(left: int, top: int, right: int, bottom: int, *, side: int = 28, value: int = 255) -> np.ndarray:
    """An image with a rectangle of ink."""
    image = np.zeros((1, side, side), np.uint8)
    image[0, top:bottom, left:right] = value
    return image


def enlarged(image: np.ndarray, scale: float) -> np.ndarray:
    """The whole of an image as ink, uint8."""
    side = round(image.shape[1] * scale)
    cover = Ink(image).coverage(left=0, top=0, scale=scale, window=(0, 0, side, side))
    return np.rint(cover * 255).astype(np.uint8)


# --- ink


def test_enlarged_strokes_are_as_thick_wide_and_high_as_before(few_digits: Digits) -> None:
    images = few_digits.images[:40]
    large = measure_style(np.stack([enlarged(image, 4) for image in images])[:, None])
    small = measure_style(images)
    assert abs(np.median(large.thickness_px / 4 - small.thickness_px)) < 0.2
    assert np.abs(large.thickness_px / 4 - small.thickness_px).max() < 0.6
    assert abs(np.median(large.height_px / 4 - small.height_px)) < 0.8
    assert np.abs(large.slant_deg - small.slant_deg).max() < 4
    estimated = np.array([Ink(image).thickness_px for image in images])
    assert abs(np.median(estimated - small.thickness_px)) < 0.25


@pytest.mark.parametrize("scale", [0.5, 1, 2.3])
def test_ink_of_any_size_is_read_as_the_digit(few_digits: Digits, scale: float) -> None:
    images = np.stack([enlarged(image, scale) for image in few_digits.images[:200]])
    if scale != 1:  # the reader takes 28 x 28
        back = 28 / images.shape[1]
        images = np.stack([enlarged(image[None], back)[:28, :28] for image in images])
    assert (read(images[:, None]) == few_digits.labels[:200]).mean() > (0.85 if scale < 1 else 0.98)


def test_large_ink_has_edges_of_a_few_pixels_and_no_squares() -> None:
    cover = enlarged(block(10, 5, 14, 23), 20)
    line = cover[14 * 20]
    assert line[: 9 * 20].max() == 0
    assert line[11 * 20 : 13 * 20].min() == 255
    assert 1 <= ((line > 0) & (line < 255)).sum() / 2 <= 6
    slanted = np.zeros((1, 28, 28), np.uint8)
    for row in range(4, 24):
        slanted[0, row, row // 2 + 4 : row // 2 + 7] = 255  # a staircase of steps two pixels high
    edge = (enlarged(slanted, 20)[6 * 20 : 22 * 20] > 127).argmax(axis=1)
    straight = np.polyval(np.polyfit(np.arange(len(edge)), edge, 1), np.arange(len(edge)))
    assert np.abs(edge - straight).max() < 0.25 * 20  # the steps themselves are half a pixel away from it


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 6), st.floats(-20, 20), st.floats(-20, 20), st.tuples(*[st.integers(-10, 60) for _ in range(2)]))
def test_a_window_is_cut_out_of_the_whole(scale: float, left: float, top: float, corner: tuple[int, int]) -> None:
    ink = Ink(block(9, 3, 17, 21))
    x, y = corner
    whole = ink.coverage(left=left, top=top, scale=scale, window=(-20, -20, 90, 90))
    part = ink.coverage(left=left, top=top, scale=scale, window=(x, y, x + 30, y + 20))
    assert np.abs(whole[y + 20 : y + 40, x + 20 : x + 50] - part).max() < 1e-5
    assert 0 <= whole.min() <= whole.max() <= 1


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 8), st.floats(0, 1), st.floats(0, 1))
def test_ink_covers_its_area_wherever_it_lies(scale: float, left: float, top: float) -> None:
    side = int(30 * scale) + 3
    cover = Ink(block(8, 4, 18, 22)).coverage(left=left, top=top, scale=scale, window=(0, 0, side, side))
    assert abs(cover.sum() / scale**2 / (10 * 18) - 1) < 0.06


def test_faint_ink_is_ink_and_a_breath_is_none() -> None:
    assert np.array_equal(enlarged(block(9, 3, 17, 21, value=90), 3), enlarged(block(9, 3, 17, 21), 3))
    breath = Ink(block(9, 3, 17, 21, value=30))
    assert not breath.gray.any()
    assert breath.box == (0, 0, 28, 28)
    assert breath.thickness_px == 1
    assert Canvas(50, 50).write(Placed(Glyph(breath, 28), 0, 0, 1)) is None


def test_the_box_is_where_the_ink_ends() -> None:
    assert np.abs(np.array(Ink(block(9, 3, 17, 21)).box) - (9, 3, 17, 21)).max() <= 0.25
    assert np.abs(np.array(Ink(block(0, 0, 28, 28)).box) - (0, 0, 28, 28)).max() <= 0.25


# --- canvas


@settings(max_examples=40, deadline=None)
@given(st.floats(-30, 50), st.floats(-30, 50), st.floats(0.3, 4))
def test_the_box_of_written_ink_is_exact(left: float, top: float, scale: float) -> None:
    canvas = Canvas(60, 40)
    box = canvas.write(Placed(Glyph(Ink(block(9, 3, 17, 21)), 21), left, top, scale))
    rows, columns = np.nonzero(canvas.cover)
    if box is None:
        assert not len(rows)
    else:
        assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_a_picture_is_computed_in_bands_without_seams() -> None:
    canvas = Canvas(700, 700)
    canvas.write(Placed(Glyph(Ink(block(9, 3, 17, 21)), 21), 0, 0, 25))
    whole = np.rint(Ink(block(9, 3, 17, 21)).coverage(left=0, top=0, scale=25, window=(0, 0, 700, 700)) * 255)
    assert np.array_equal(canvas.cover, whole)
    assert np.array_equal(canvas.picture()[0], 255 - canvas.cover)


def test_grounds_and_inks() -> None:
    canvas = Canvas(3, 1)
    canvas.cover[0] = 0, 51, 255
    assert canvas.picture().tolist() == [[[255, 204, 0]]]
    assert canvas.picture(ground="black").tolist() == [[[0, 51, 255]]]
    assert canvas.picture(ground="transparent")[:, 0].T.tolist() == [[0, 0, 0, 0], [0, 0, 0, 51], [0, 0, 0, 255]]
    blue = canvas.picture(ink=(0, 55, 255))[:, 0].T.tolist()
    assert blue == [[255, 255, 255], [204, 215, 255], [0, 55, 255]]
    assert canvas.picture(ground="black", ink=(7, 7, 7)).tolist() == [[[0, 1, 7]]]
    with pytest.raises(InputError, match="there is no ground 'grey'; choose one of white, black, transparent"):
        canvas.picture(ground="grey")


def test_ink_of_a_model_in_colour_keeps_its_colours() -> None:
    image = np.zeros((3, 28, 28), np.uint8)
    image[0, 4:24, 4:14], image[2, 4:24, 14:24] = 255, 200  # red beside blue
    canvas = Canvas(112, 112, coloured=True)
    canvas.write(Placed(Glyph(Ink(image), 24), 0, 0, 4))
    for ground, behind in (("white", 255), ("black", 0)):
        picture = canvas.picture(ground=ground)
        assert picture[:, 56, 24].tolist() == [255, 0, 0]
        assert picture[:, 56, 88].tolist() == [0, 0, 255]
        assert picture[:, 2, 2].tolist() == [behind] * 3
    assert canvas.picture(ground="transparent").shape == (4, 112, 112)
    assert canvas.picture(ink=(9, 9, 9)).shape[0] == 1  # what was asked for counts


@pytest.mark.parametrize("text", ["blue", "#12345", "#1234567", "123456", "#12345g", "", "#１２３４５６"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    assert parse_colour("#1a2B6d") == (26, 43, 109)
    with pytest.raises(InputError, match="is no colour; write it as #1a2b6d"):
        parse_colour(text)


# --- lines


def glyphs_of(digits: Digits, count: int = 40) -> list[Glyph]:
    return [Glyph.of_digit(image) for image in digits.images[:count]]


@pytest.mark.parametrize("hand", range(8))
def test_digits_stand_near_the_line_and_do_not_run_into_each_other(few_digits: Digits, hand: int) -> None:
    glyphs = glyphs_of(few_digits)
    height = digit_height(glyphs)
    manner = Hand(hand).manner
    placed = set_line(glyphs, manner, height=height, seed=hand)
    feet = np.array([each.box[3] for each in placed])
    assert np.abs(feet).max() < 0.15 * height
    assert feet.std() > 0.2 * manner.wander * height
    canvases = []
    for each in placed:
        canvas = Canvas(2000, 80)
        canvas.write(each.moved(10, 60, 1.5))
        canvases.append(canvas.cover > 127)
    assert not (np.sum(canvases, axis=0) > 1).any()
    lefts = [each.box[0] for each in placed]
    assert (np.diff(lefts) > 0).all()
    assert abs(lefts[0]) < 0.5


def test_where_a_digit_stands_does_not_depend_on_what_follows(few_digits: Digits) -> None:
    glyphs, manner = glyphs_of(few_digits), Hand(1).manner
    whole = set_line(glyphs, manner, height=20, seed=3)
    beginning = set_line(glyphs[:7], manner, height=20, seed=3)
    assert [each.box for each in beginning] == [each.box for each in whole[:7]]
    assert [each.box for each in set_line(glyphs, manner, height=20, seed=4)] != [each.box for each in whole]


def test_a_digit_slips_under_the_arm_of_another() -> None:
    """Two blocks side by side stand apart by the gap; below an arm that reaches out, a low one comes nearer."""
    arm = block(10, 4, 13, 24) | block(10, 4, 22, 7)
    tall, low = block(10, 4, 15, 24), block(10, 18, 15, 24)
    distance = {}
    for name, following in (("tall", tall), ("low", low)):
        one, other = set_line([Glyph.of_digit(arm), Glyph.of_digit(following)], Hand(0).manner, height=20, seed=0)
        distance[name] = other.box[0] - one.box[2]
    assert distance["low"] < distance["tall"] - 3
    assert distance["tall"] > 1


def test_a_gap_has_room_for_what_was_asked() -> None:
    one = Glyph.of_digit(block(10, 4, 15, 24))
    lines = [one, replace(one, space=9.0)], [one, one]
    wide, narrow = (set_line(line, Hand(0).manner, height=20, seed=0)[1].box[0] for line in lines)
    assert wide - narrow == pytest.approx(9)


def test_in_cells_digits_stand_around_their_middle(few_digits: Digits) -> None:
    glyphs = glyphs_of(few_digits)
    placed = set_in_cells(glyphs, Hand(2).manner, height=20, seed=0)
    middles = np.array([(each.box[0] + each.box[2]) / 2 for each in placed])
    assert np.abs(middles).max() < 0.2 * 20
    assert middles.std() > 0.1
    assert np.abs([each.box[3] for each in placed]).max() < 0.1 * 20


def test_a_line_of_nothing_is_set_all_the_same() -> None:
    blank = Glyph.of_digit(np.zeros((1, 28, 28), np.uint8))
    lefts = [each.left for each in set_line([blank] * 3, Hand(0).manner, height=28, seed=0)]
    assert (np.diff(lefts) >= 28).all()


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("thickness", [1.0, 2.5, 4.0])
def test_signs_are_strokes_of_the_pen(sign: str, thickness: float) -> None:
    glyphs = [draw_sign(sign, height=20, thickness_px=thickness, space=0, seed=0, index=index) for index in range(30)]
    measured = measure_style(np.stack([glyph.ink.image for glyph in glyphs]))
    assert abs(np.median(measured.thickness_px) - thickness) < 0.5
    boxes = np.array([(*glyph.ink.box, glyph.foot) for glyph in glyphs])
    middle = boxes[:, 4] - (boxes[:, 1] + boxes[:, 3]) / 2  # above the line
    assert np.abs(middle - 9).max() < 1.5
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert width.min() >= 8
    assert width.max() <= 18
    assert height.min() >= {"+": 8, "-": 1, "=": 3 + 2 * thickness - 1}[sign]
    assert len({glyph.ink.image.tobytes() for glyph in glyphs}) == 30
