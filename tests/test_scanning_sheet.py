"""Sheets of boxes: what is printed says what it is, and filled in it comes back from scanners and cameras."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.scanning.centring import mnist_form
from digitsmith.scanning.homography import fit_homography, laid_flat, mapped
from digitsmith.scanning.pictures import decode_gray
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sheet_code import cells_of, layout_of, rows_of
from digitsmith.scanning.sheet_layout import BOX_MM, PAPERS, SheetLayout, sheet_layout
from digitsmith.scanning.sheet_print import draw_page, sheet
from digitsmith.scanning.sheet_reading import read_sheet
from scanning import known_digits, measure_sheet, written_in
from scanning_scenes import encoded, filled_sheet, photographed, scanned

Gray = NDArray[np.uint8]
Page = tuple[Gray, Gray, NDArray[np.int64]]
LAYOUT = sheet_layout()
MIXED_WITH = bytes.fromhex("a53c5a96c369e17b")  # as the code has it since version 1: printed sheets stay readable


@pytest.fixture(scope="module")
def filled() -> Callable[[int], Page]:
    """A page of some dpi; what was written into each box, and each box's label."""
    digits, labels = known_digits(500)
    own = np.array([box.label for box in LAYOUT.boxes])

    def page(dpi: int) -> Page:
        written = written_in(own, digits, labels, seed=dpi)
        return filled_sheet(LAYOUT, written, dpi=dpi, seed=dpi), written, own

    return page


# --- what is printed


names = st.lists(
    st.text("abcxyz019 äß日", min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=9, unique=True
)


@settings(max_examples=40, deadline=None)
@given(names, st.integers(1, 900), st.sampled_from(sorted(PAPERS)), st.randoms())
def test_every_page_says_what_it_is(classes: list[str], per_class: int, paper: str, random: object) -> None:
    first = sheet_layout(classes=classes, per_class=per_class, paper=paper)
    for page in {0, first.pages // 2, first.pages - 1}:
        layout = replace(first, page=page)
        cells = cells_of(layout)
        assert len(cells) == rows_of(cells[0]) == layout.code_rows
        assert layout_of(cells) == layout
        spoilt = cells.copy()
        spoilt[0, 5 + 7 * page % 50] ^= True
        assert layout_of(spoilt) is None


@pytest.mark.parametrize("paper", sorted(PAPERS))
def test_all_pages_together_have_every_box_once_and_apart(paper: str) -> None:
    first = sheet_layout(classes=("a", "b", "c"), per_class=130, paper=paper)
    assert first.pages > 1
    pages = [replace(first, page=page) for page in range(first.pages)]
    assert sorted((box.label, box.number) for page in pages for box in page.boxes) == [
        (label, number) for label in range(3) for number in range(130)
    ]
    width, height = first.size
    for page in pages:
        corners = np.array([(box.left, box.top) for box in page.boxes])
        gaps = np.abs(corners[:, None] - corners[None]).max(axis=-1) + 100 * np.eye(len(corners))
        assert gaps.min() > BOX_MM
        assert (corners > 20).all() and (corners + BOX_MM < np.array([width, height]) - 14).all()


def test_a_pdf_has_all_pages_and_the_same_bytes_twice(tmp_path: Path) -> None:
    made = [tmp_path / name for name in ("one.pdf", "two.pdf")]
    for path in made:
        assert sheet(path, classes=("cat", "dog"), per_class=150).pages == 2
    content = made[0].read_bytes()
    assert content == made[1].read_bytes()
    pages = re.findall(rb"\xff\xd8\xff.*?\nendstream", content, re.DOTALL)
    layouts = [read_sheet(decode_gray(page)) for page in pages]
    assert [each.layout.page if each else None for each in layouts] == [0, 1]
    assert all(each is not None and not each.filled for each in layouts)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.jpg", {}, ".pdf, .png"),
        ("a", {}, "a name without suffix"),
        ("a.png", {"per_class": 1000}, "save it as .pdf"),
        ("a.pdf", {"paper": "a3"}, "a4, letter"),
        ("a.pdf", {"classes": ()}, "at least one class"),
        ("a.pdf", {"classes": ("a", " ")}, "at least one letter"),
        ("a.pdf", {"classes": ("a", "b", "a")}, "'a' is named twice"),
        ("a.pdf", {"classes": ["name" * 5 + str(n) for n in range(5)]}, "room for 87"),
        ("a.pdf", {"per_class": 0}, "1 to 65,535"),
        ("a.pdf", {"per_class": 60_000}, "more than 100"),
        ("a.pdf", {"classes": ("日", "本")}, "cannot be printed"),
        ("a.pdf", {"classes": ("e", "\u0301")}, "cannot be printed"),  # an accent alone
    ],
)
def test_a_sheet_that_cannot_be_is_refused(tmp_path: Path, name: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sheet(tmp_path / name, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", ["ab", "ßñ", "αб"])
def test_every_row_shows_its_own_name(names: str) -> None:
    page = draw_page(sheet_layout(classes=tuple(names), per_class=3), dpi=150)
    px = 150 / 25.4
    shown = [
        page[round(top * px) : round((top + BOX_MM) * px), round(17 * px) : round(24 * px)]
        for _, top in sheet_layout(classes=tuple(names), per_class=3).row_tops
    ]
    assert all(each.min() < 200 for each in shown)
    assert (shown[0] != shown[1]).any()


@pytest.mark.parametrize("wrong", [{"paper": 5}, {"per_class": 0}, {"page": 1}, {"names": b"\xff"}, {"names": b"aa"}])
def test_a_code_that_no_sheet_has_is_none_even_if_its_check_is_right(wrong: dict[str, int | bytes]) -> None:
    def cells(*, paper: int = 0, per_class: int = 26, page: int = 0, names: bytes = b"0123456789") -> NDArray[np.bool_]:
        code = bytes([1 << 4 | paper, *per_class.to_bytes(2, "big"), page, len(names)]) + names
        code += zlib.crc32(code).to_bytes(4, "big")
        mixed = np.frombuffer(code.ljust(24, b"\0"), np.uint8) ^ np.frombuffer(MIXED_WITH * 3, np.uint8)
        return np.unpackbits(mixed).reshape(-1, 64).astype(bool)

    assert layout_of(cells()) == LAYOUT
    assert layout_of(cells(**wrong)) is None  # type: ignore[arg-type]


# --- what comes back


@pytest.mark.parametrize(("dpi", "degrees", "turns"), [(100, 5.0, 1), (150, -4.0, 2), (300, 1.0, 3)])
def test_a_scan_in_any_direction_is_read(filled: Callable[[int], Page], dpi: int, degrees: float, turns: int) -> None:
    page, written, own = filled(dpi)
    found = measure_sheet(scanned(page, degrees=degrees, turns=turns), written, own)
    assert found["found"] == found["filled"] > 200
    assert found["extra"] == 0
    assert found["read"] >= 0.98 * found["filled"]


@pytest.mark.parametrize(
    ("width_px", "tilt", "shadow", "barrel", "seed"), [(1300, 0.1, 0.3, 0.0, 1), (1600, 0.16, 0.6, 0.012, 2)]
)
def test_a_photograph_at_a_slant_in_shadow_is_read(
    filled: Callable[[int], Page], width_px: int, tilt: float, shadow: float, barrel: float, seed: int
) -> None:
    page, written, own = filled(150)
    jpeg = photographed(page, width_px=width_px, tilt=tilt, shadow=shadow, barrel=barrel, seed=seed)
    found = measure_sheet(decode_gray(jpeg), written, own)
    assert found["found"] >= 0.99 * found["filled"]
    assert found["extra"] <= 2
    assert found["read"] >= 0.95 * found["filled"]


def test_a_box_that_was_blacked_out_gives_nothing_and_a_dot_is_none() -> None:
    page = draw_page(LAYOUT, dpi=150).copy()
    px = 150 / 25.4
    for box, inset, width in ((LAYOUT.boxes[3], 0.5, 10.2), (LAYOUT.boxes[7], 5.0, 1.0), (LAYOUT.boxes[40], 3.0, 5.0)):
        left, top, size = (round(at * px) for at in (box.left + inset, box.top + inset, width))
        page[top : top + size, left : left + size] = 50
    read = read_sheet(page)
    assert read is not None
    assert [(each.box, each.cover is None) for each in read.filled] == [
        (LAYOUT.boxes[3], True),
        (LAYOUT.boxes[40], False),
    ]
    cover = read.filled[1].cover
    assert cover is not None and cover.shape[0] == pytest.approx(5 * 8, abs=2)  # mm, pixels to each


def test_ink_that_leaves_its_box_a_little_is_kept_and_the_neighbours_is_not() -> None:
    page = draw_page(LAYOUT, dpi=200).copy()
    px = 200 / 25.4
    box = LAYOUT.boxes[20]
    row = round((box.top + 6) * px)
    page[row : row + 8, round((box.left + 2) * px) : round((box.left + BOX_MM + 0.6) * px)] = 30  # over its own line
    read = read_sheet(page)
    assert read is not None
    (only,) = read.filled
    assert only.box == box
    assert only.cover is not None and only.cover.shape[1] == pytest.approx((BOX_MM - 1.4) * 8, abs=3)
    assert mnist_form(only.cover).shape == (1, 28, 28)


def test_a_stroke_that_reaches_the_next_box_is_no_image_of_that_boxs_class() -> None:
    page = draw_page(LAYOUT, dpi=200).copy()
    px = 200 / 25.4
    box, below = LAYOUT.boxes[20], LAYOUT.boxes[20 + LAYOUT.columns]
    assert (below.left, below.label) == (box.left, box.label + 1)
    end = box.top + BOX_MM
    stem, foot = (5, 6, box.top + 2, end + 1.3), (3, 8, end + 0.6, end + 1.3)  # the foot lies between the two boxes
    for first, last, upper, lower in (stem, foot):
        columns = slice(round((box.left + first) * px), round((box.left + last) * px))
        page[round(upper * px) : round(lower * px), columns] = 30
    read = read_sheet(page)
    assert read is not None
    whole, reached = read.filled
    assert whole.box == box
    assert whole.cover is not None and whole.cover.shape[0] > 9 * 8  # mm, pixels to each
    assert reached.box == below and reached.cover is None
    assert reached.reason is not None and "most of its ink outside its lines" in reached.reason


def test_a_page_of_a_longer_sheet_keeps_its_boxes_numbers() -> None:
    layout = replace(sheet_layout(classes=("x", "long name"), per_class=200, paper="letter"), page=1)
    digits = np.zeros((len(layout.boxes), 28, 28), np.uint8)
    digits[::7, 6:22, 12:16] = 255
    read = read_sheet(scanned(filled_sheet(layout, digits, dpi=150), turns=2))
    assert read is not None and read.layout == layout
    assert [each.box for each in read.filled] == layout.boxes[::7]


def test_a_sheet_that_is_cut_or_unreadable_is_refused_with_the_reason() -> None:
    page = draw_page(LAYOUT, dpi=150)
    with pytest.raises(Refused, match="corner marks"):
        read_sheet(np.ascontiguousarray(page[:, :1000]))
    smeared = page.copy()
    smeared[: int(15 * 150 / 25.4), 300:900] = 128
    smeared[-int(15 * 150 / 25.4) :, 300:900] = 128
    with pytest.raises(Refused, match="code cannot be read"):
        read_sheet(smeared)


def test_two_sheets_on_one_picture_are_refused() -> None:
    others = draw_page(sheet_layout(classes=("a", "b"), per_class=20), dpi=100)
    for other in (others, draw_page(LAYOUT, dpi=100)):
        both = np.concatenate([draw_page(LAYOUT, dpi=100), other], axis=1)
        with pytest.raises(Refused, match="two sheets"):
            read_sheet(np.pad(both, 40, constant_values=90))


def test_one_smeared_copy_of_the_code_does_not_matter() -> None:
    page = draw_page(LAYOUT, dpi=150).copy()
    page[: int(15 * 150 / 25.4), 300:900] = 128
    read = read_sheet(page)
    assert read is not None and read.layout == LAYOUT


def test_what_is_no_sheet_is_none() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 700), np.uint8)
    assert read_sheet(noise) is None
    assert read_sheet(np.full((900, 700), 255, np.uint8)) is None


# --- the map


def test_a_homography_is_found_from_noisy_points() -> None:
    rng = np.random.default_rng(0)
    true = np.array([[4.1, 0.3, 100], [-0.2, 3.9, 50], [2e-4, -3e-4, 1]])
    source = rng.uniform(0, 300, (40, 2))
    exact = fit_homography(source, mapped(true, source))
    assert np.allclose(exact, true, rtol=1e-6)
    noisy = fit_homography(source, mapped(true, source) + rng.normal(0, 0.5, (40, 2)))
    assert np.abs(mapped(noisy, source) - mapped(true, source)).max() < 0.6


def test_a_sheet_laid_flat_is_where_its_layout_says() -> None:
    page = draw_page(LAYOUT, dpi=203)  # 8 pixels to a mm, nearly
    scale = 203 / 25.4
    flat = laid_flat(page, np.diag([scale, scale, 1.0]), LAYOUT.size, 8.0)
    assert flat.shape == (round(LAYOUT.size[1] * 8), round(LAYOUT.size[0] * 8))
    for x, y in LAYOUT.marks[1:]:
        assert flat[round(y * 8), round(x * 8)] < 30
    assert encoded(flat)
    assert isinstance(LAYOUT, SheetLayout)
