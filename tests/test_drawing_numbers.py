"""Requests in words and numbers -> labels, and digits -> one picture in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import digitsmith
from digitsmith.drawing.hands import Hand
from digitsmith.drawing.numbers import parse_number, save_image, write_number
from digitsmith.drawing.requests import balanced_labels, labels_from_counts, parse_counts, proportional_labels
from digitsmith.errors import DigitsmithError, InputError, StorageError
from digitsmith.measure.reader import read

TEN = tuple("0123456789")


def one_line(error: pytest.ExceptionInfo[DigitsmithError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def strokes(*columns: tuple[int, int], height: int = 28, width: int = 28) -> np.ndarray:
    """A digit for each (first, last) column of ink, uint8 [n, 1, height, width]."""
    digits = np.zeros((len(columns), 1, height, width), dtype=np.uint8)
    for digit, (first, last) in zip(digits, columns, strict=True):
        digit[0, 5:20, first : last + 1] = 200
    return digits


# --- labels


@pytest.mark.parametrize(("count", "classes"), [(1, 10), (10, 10), (23, 10), (7, 3), (5, 1)])
def test_balanced_labels_cycle_through_the_classes(count: int, classes: int) -> None:
    labels = balanced_labels(count, classes)
    assert labels.dtype == np.int64
    assert labels.tolist() == [i % classes for i in range(count)]


@pytest.mark.parametrize("count", [0, -1, 100_000_001])
def test_balanced_labels_refuse_senseless_counts(count: int) -> None:
    with pytest.raises(InputError, match="asked for") as error:
        balanced_labels(count, 10)
    one_line(error)


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 60), min_size=1).filter(lambda c: sum(c.values()) > 0))
def test_labels_from_counts_are_exact_and_every_beginning_is_proportional(counts: dict[int, int]) -> None:
    labels = labels_from_counts(counts, 10)
    total = sum(counts.values())
    assert labels.dtype == np.int64
    assert np.bincount(labels, minlength=10).tolist() == [counts.get(label, 0) for label in range(10)]
    asked = sum(count > 0 for count in counts.values())
    for label, count in counts.items():
        so_far = np.cumsum(labels == label)
        fair = np.arange(1, total + 1) * count / total
        assert np.abs(so_far - fair).max() <= 0.5 + asked / 2 * count / total + 1e-9


def test_equal_counts_are_drawn_in_the_order_of_balanced_labels() -> None:
    assert labels_from_counts({2: 5, 0: 5, 1: 5}, 3).tolist() == balanced_labels(15, 3).tolist()


@given(st.lists(st.integers(0, 7000), min_size=1, max_size=12).filter(sum), st.integers(1, 500))
def test_proportional_labels_are_as_frequent_as_asked_to_within_one(frequencies: list[int], count: int) -> None:
    labels = proportional_labels(np.array(frequencies), count)
    exact = np.array(frequencies) * count / sum(frequencies)
    assert len(labels) == count
    assert (np.abs(np.bincount(labels, minlength=len(frequencies)) - exact) < 1).all()


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({10: 5}, "label 10 has no class; labels are 0..9"),
        ({-1: 5}, "label -1"),
        ({3: -5}, "label 3: cannot draw -5"),
        ({}, "ask for at least 1"),
        ({3: 0}, "ask for at least 1"),
        ({3: 60_000_000, 4: 60_000_000}, "120,000,000 images"),
    ],
)
def test_counts_that_cannot_be_drawn_are_refused(counts: dict[int, int], says: str) -> None:
    with pytest.raises(InputError) as error:
        labels_from_counts(counts, 10)
    assert says in one_line(error)


def test_parse_counts_reads_names_with_spaces_and_equal_signs() -> None:
    assert parse_counts("0=500,7=1500", TEN) == {0: 500, 7: 1500}
    assert parse_counts(" two = 3 , a=b=4,x=0", ("x", "two", "a=b")) == {1: 3, 2: 4, 0: 0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not CLASS=COUNT"),
        ("7", "'7' in '7' is not CLASS=COUNT; write it like 0=500"),
        ("0=5,", "'' in '0=5,' is not CLASS=COUNT"),
        ("x=5", "unknown class 'x'; the classes are 0, 1, 2"),
        ("1=5,1=6", "class '1' is asked for twice"),
        ("1=-5", "'-5' is not a count"),
        ("1=2.5", "'2.5' is not a count"),
        ("1=٣", "is not a count"),
        ("1=²", "is not a count"),
        ("1=", "'' is not a count"),
        ("1=0,2=0", "0 images asked for"),
        ("1=100000001", "100,000,001 images asked for"),
        ("1=" + "9" * 5000, "more than 100,000,000 images"),
    ],
)
def test_parse_counts_names_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_counts(text, TEN)
    assert says in one_line(error)


# --- numbers


def test_a_number_is_a_character_a_digit_or_names_with_commas() -> None:
    assert parse_number("2026", TEN).tolist() == [2, 0, 2, 6]
    assert parse_number("ba", ("a", "b")).tolist() == [1, 0]
    assert parse_number("ten, two,ten", ("two", "ten")).tolist() == [1, 0, 1]
    assert parse_number("7", TEN).dtype == np.int64


@pytest.mark.parametrize(
    ("text", "classes", "says"),
    [
        ("20x6", TEN, "cannot draw 'x' (number 3 of 4); use 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ("2 6", TEN, "cannot draw ' '"),
        ("2\n6", TEN, "cannot draw '\\n'"),
        ("٣", TEN, "cannot draw '٣'"),
        ("", TEN, "nothing to draw"),
        ("  ", TEN, "nothing to draw"),
        ("1" * 1001, TEN, "1001 digits to draw, more than 1000"),
        (
            "two,,ten",
            ("two", "ten"),
            "cannot draw '' (number 2 of 3); use two, ten, with commas between them",
        ),
    ],
)
def test_numbers_that_cannot_be_drawn_are_refused(text: str, classes: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_number(text, classes)
    assert says in one_line(error)


HAND = Hand(2)


@pytest.mark.parametrize("size", [1, 16, 160, 333])
def test_a_number_is_as_high_as_asked_and_filled_but_for_a_margin(size: int) -> None:
    picture = write_number(strokes((3, 4), (3, 12)), HAND, size_px=size)
    assert picture.dtype == np.uint8
    assert picture.shape[:2] == (1, size)
    if size >= 16:
        inked = np.argwhere(picture[0] < 128)
        for first, last, length in zip(inked.min(axis=0), inked.max(axis=0), picture.shape[1:], strict=True):
            assert abs(first - 0.15 / 1.3 * size) < 0.02 * size + 1
            assert abs(length - last - 0.15 / 1.3 * size) < 0.02 * size + 1


def test_one_hand_is_one_spacing_and_another_is_another() -> None:
    digits = strokes(*[(10, 13)] * 6)
    widths = {hand: write_number(digits, Hand(hand)).shape[2] for hand in range(6)}
    assert len(set(widths.values())) > 3
    assert widths[2] == write_number(digits, Hand(2)).shape[2]
    assert not np.array_equal(write_number(digits, HAND, seed=1), write_number(digits, HAND, seed=2))


def test_a_number_in_colour_and_on_every_ground() -> None:
    gray, colour = strokes((3, 9)), strokes((3, 9)).repeat(3, axis=1)
    colour[:, 1:] = 0  # red
    assert write_number(gray, HAND).shape[0] == 1
    assert write_number(gray, HAND, ink=(1, 2, 3)).shape[0] == 3
    assert write_number(gray, HAND, ground="transparent").shape[0] == 4
    black = write_number(gray, HAND, ground="black")
    assert (black[0, 0, 0], black.max()) == (0, 255)
    red = write_number(colour, HAND)
    middle = red.shape[1] // 2
    assert red[:, middle, red.shape[2] // 2].tolist() == [255, 0, 0]
    assert red[:, 0, 0].tolist() == [255, 255, 255]


def test_digits_without_ink_are_blank_paper() -> None:
    picture = write_number(np.zeros((3, 1, 28, 28), np.uint8), HAND)
    assert (picture == 255).all()
    assert picture.shape[2] > picture.shape[1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"size_px": 0}, "the picture's height must be 1 to 100,000,000 pixels, not 0"),
        ({"size_px": -3}, "not -3"),
        ({"size_px": 10**400}, "the picture's height must be 1 to"),
        ({"size_px": 50_000}, "over 100,000,000; choose a smaller size, or fewer digits"),
        ({"ground": "paper"}, "there is no ground 'paper'; choose one of white, black, transparent"),
    ],
)
def test_pictures_that_cannot_be_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        write_number(strokes((3, 4), (3, 4)), HAND, **settings)
    assert says in one_line(error)


# --- numbers by a model


def test_a_number_is_readable_and_the_same_again() -> None:
    picture = digitsmith.draw_number("2026", seed=3, hand=1, size_px=28, ground="black")
    assert picture.shape[:2] == (1, 28)
    assert np.array_equal(picture, digitsmith.draw_number("2026", seed=3, hand=1, size_px=28, ground="black"))
    columns = np.flatnonzero((picture[0] > 40).any(axis=0))
    parts = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    assert len(parts) == 4
    digits = np.zeros((4, 1, 28, 28), np.uint8)
    for digit, part in zip(digits, parts, strict=True):
        left = 14 - round(part.mean() - part[0] + 0.5)
        digit[0, :, left : left + len(part)] = picture[0, :, part[0] : part[-1] + 1]
    assert read(digits).tolist() == [2, 0, 2, 6]


def test_seed_and_hand_each_matter_and_the_hand_is_the_seeds_by_default() -> None:
    drawn = {
        (seed, hand): digitsmith.draw_number("48", seed=seed, hand=hand).tobytes() for seed in (0, 5) for hand in (0, 5)
    }
    assert len(set(drawn.values())) == 4
    assert digitsmith.draw_number("48", seed=5).tobytes() == drawn[5, 5]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hand": -1}, "hand must be 0 to 2**63 - 1, not -1"),
        ({"seed": 2**63}, "seed must be 0 to 2**63 - 1, not 9223372036854775808"),
        ({"ink": "blue"}, "'blue' is no colour; write it as #1a2b6d"),
    ],
)
def test_numbers_nobody_can_write_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        digitsmith.draw_number("7", **settings)
    assert says in one_line(error)


# --- files


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_saved_picture_has_the_same_pixels(tmp_path: Path, suffix: str, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (channels, 9, 14), dtype=np.uint8)
    path = tmp_path / f"new folder/a picture{suffix}"
    save_image(path, image)
    with Image.open(path) as picture:
        colours = picture.convert("RGBA" if channels == 4 else "RGB")
        saved = np.asarray(colours).transpose(2, 0, 1)[:channels]
        seen = np.ones((9, 14), bool) if channels < 4 else image[3] > 0  # WebP drops the colour of what is not seen
        assert np.array_equal(saved[:, seen], image[:, seen])
        assert suffix == ".webp" or picture.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_jpeg_is_close_and_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "year.jpg"
    path.write_text("old")
    image = write_number(strokes((3, 9), (3, 9)), HAND)
    save_image(path, image)
    with Image.open(path) as picture:
        assert picture.format == "JPEG"
        assert np.abs(np.asarray(picture).astype(int) - image[0]).mean() < 3


@pytest.mark.parametrize("name", ["year.jpg", "year.JPEG"])
def test_a_jpeg_cannot_be_transparent(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be transparent; use \.png, or a white or black ground$") as error:
        save_image(tmp_path / name, np.zeros((4, 5, 6), np.uint8))
    one_line(error)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["year.gif", "year", "year.", ".png"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"use one of \.png, \.jpg, \.jpeg, \.webp") as error:
        save_image(tmp_path / name, strokes((3, 4))[0])
    one_line(error)
    assert not list(tmp_path.iterdir())


def test_webp_is_not_offered_where_pillow_cannot_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.SAVE, "WEBP")
    with pytest.raises(InputError, match=r"use one of \.png, \.jpg, \.jpeg$"):
        save_image(tmp_path / "year.webp", strokes((3, 4))[0])


@pytest.mark.parametrize(("name", "width"), [("wide.webp", 16_384), ("wide.jpg", 65_501)])
def test_a_picture_too_wide_for_its_format_is_refused(tmp_path: Path, name: str, width: int) -> None:
    with pytest.raises(InputError, match=f"{width} × 1 pixels do not go into") as error:
        save_image(tmp_path / name, np.zeros((1, 1, width), dtype=np.uint8))
    one_line(error)
    save_image(tmp_path / name, np.zeros((1, 1, width - 1), dtype=np.uint8))


def test_paths_that_cannot_be_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.png").mkdir()
    for path, says in [
        (tmp_path / "file/year.png", "is a file, not a folder"),
        (tmp_path / "folder.png", "is a folder; name a file"),
        (tmp_path / ("n" * 300 + ".png"), "name is too long"),
    ]:
        with pytest.raises(InputError, match=says) as error:
            save_image(path, strokes((3, 4))[0])
        one_line(error)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_failed_save_keeps_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "year.png"
    path.write_text("old")

    def full(_self: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="the disk is full; free some space") as error:
        save_image(path, strokes((3, 4))[0])
    one_line(error)
    with pytest.raises(StorageError):
        save_image(tmp_path / "new/deep/year.png", strokes((3, 4))[0])
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["year.png"]
