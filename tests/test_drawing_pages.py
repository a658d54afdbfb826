"""Pages: right sums, real dates, and boxes that hold exactly the ink that they say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digitsmith.drawing.forms import FIELDS, MOST, form_page
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.pages import Page
from digitsmith.drawing.sums import LARGEST, choose_sums, sums_page
from digitsmith.errors import InputError
from digitsmith.measure.reader import read
from random_penman import penman_model

Box = list[int]


@pytest.fixture(scope="module")
def cgan() -> DigitModel:
    return load("cgan")


@pytest.fixture(scope="module")
def answered(cgan: DigitModel) -> Page:
    return sums_page(24, largest=500, answers=True, model=cgan, hand=3, seed=1)


@pytest.fixture(scope="module")
def form(cgan: DigitModel) -> Page:
    return form_page(MOST, model=cgan, hand=3, seed=1, dpi=300)


def inside(canvas: np.ndarray, box: Box) -> np.ndarray:
    left, top, right, bottom = box
    part: np.ndarray = canvas[top:bottom, left:right]
    return part


# --- where the ink is


@pytest.mark.parametrize("name", ["answered", "form"])
def test_all_ink_lies_in_the_boxes_and_the_boxes_are_tight(name: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(name)
    left_over = page.ink.cover.copy()
    for mark in page.digits + page.signs:
        ink = inside(page.ink.cover, mark["box"])
        for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
            assert edge.any()
        inside(left_over, mark["box"])[:] = 0
    assert not left_over.any()
    for number, item in enumerate(page.items):
        boxes = np.array([mark["box"] for mark in page.digits + page.signs if mark["item"] == number])
        assert list(item["box"]) == [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]


@pytest.mark.parametrize("name", ["answered", "form"])
def test_what_a_box_says_can_be_read_in_it(name: str, request: pytest.FixtureRequest) -> None:
    """Each box cut out, brought to MNIST's 20 pixels and centred, is read as the digit that it is said to hold."""
    page: Page = request.getfixturevalue(name)
    images = []
    for digit in page.digits:
        ink = Image.fromarray(inside(page.ink.cover, digit["box"]))
        ink.thumbnail((20, 20), Image.Resampling.LANCZOS)
        framed = Image.new("L", (28, 28))
        gray = np.asarray(ink).astype(float)
        middle_y, middle_x = (
            np.average(np.arange(n) + 0.5, weights=gray.sum(axis=a)) for n, a in zip(gray.shape, (1, 0), strict=True)
        )
        framed.paste(ink, (round(14 - middle_x), round(14 - middle_y)))
        images.append(np.asarray(framed))
    wanted = np.array([int(digit["digit"]) for digit in page.digits])
    assert (read(np.stack(images)[:, None]) == wanted).mean() > 0.93


def test_ink_over_print_is_what_the_page_shows(form: Page) -> None:
    picture = form.picture()
    assert picture.shape == (1, 3508, 2480)
    bare = form_page(MOST, model=form.writer.model, hand=3, seed=1, dpi=300)
    bare.ink.cover[:] = 0
    printed = bare.picture()[0]
    assert (picture[0][form.ink.cover == 255] == 0).all()
    assert np.array_equal(picture[0][form.ink.cover == 0], printed[form.ink.cover == 0])
    assert 0.001 < (printed < 200).mean() < 0.03


# --- sums


@pytest.mark.parametrize("largest", [1, 2, 20, 100, LARGEST])
def test_sums_are_right_and_none_is_too_large(largest: int) -> None:
    sums = choose_sums(60, largest=largest, seed=4)
    assert len(sums) == 60
    for each in sums:
        assert each.sign in "+-"
        assert each.answer == (each.first + each.second if each.sign == "+" else each.first - each.second)
        assert 0 <= min(each.first, each.second, each.answer) <= max(each.first, each.second, each.answer) <= largest
    possible = (largest + 1) * (largest + 2)
    assert len(set(sums)) == min(60, possible)
    assert {each.sign for each in sums} == {"+", "-"}
    assert choose_sums(20, largest=largest, seed=4) == sums[:20]


def test_all_sums_of_small_numbers_come_before_one_comes_twice() -> None:
    assert len(set(choose_sums(132, largest=10, seed=0))) == 132
    counts = np.unique([hash(each) for each in choose_sums(2000, largest=3, seed=0)], return_counts=True)[1]
    assert counts.tolist() == [100] * 20


def test_the_record_of_a_sheet_spells_its_sums(answered: Page) -> None:
    written = [""] * 24
    marks = [
        (mark["item"], mark["box"][0], mark.get("digit") or mark["sign"]) for mark in answered.digits + answered.signs
    ]
    for item, _, character in sorted(marks):
        written[item] += character
    assert written == [item["text"] for item in answered.items]
    for item in answered.items:
        left, right = item["text"].split("=")
        assert eval(re.sub(r"\b0+(\d)", r"\1", left)) == int(right) == item["answer"]
        assert item["answered"]


def test_without_answers_there_is_a_line_instead(cgan: DigitModel, answered: Page) -> None:
    page = sums_page(24, largest=500, model=cgan, hand=3, seed=1)
    assert [item["answer"] for item in page.items] == [item["answer"] for item in answered.items]
    assert not any(item["answered"] for item in page.items)
    assert len(page.digits) == sum(len(re.sub(r"\D", "", item["text"].split("=")[0])) for item in page.items)
    picture = page.picture()[0]
    for item in page.items:
        _, top, right, bottom = item["box"]
        beside = picture[top : bottom + 8, right + 5 : right + 90]
        assert ((beside < 200).sum(axis=1) > 60).sum() in (1, 2, 3)


def test_a_page_is_its_seeds_and_its_hands(cgan: DigitModel) -> None:
    def shown(**settings: Any) -> bytes:
        return sums_page(6, model=cgan, **settings).picture().tobytes()

    assert shown(seed=2, hand=7) == shown(seed=2, hand=7)
    assert len({shown(seed=2, hand=7), shown(seed=2, hand=8), shown(seed=3, hand=7), shown(seed=7)}) == 4
    assert shown(seed=7) == shown(seed=7, hand=7)


def test_as_many_sums_fit_as_the_message_says(cgan: DigitModel) -> None:
    with pytest.raises(InputError, match=r"500 sums do not fit on a page, \d+ of these would") as error:
        sums_page(500, largest=20, model=cgan)
    most = int(re.findall("[0-9]+", str(error.value))[1])
    page = sums_page(min(most, 200), largest=20, model=cgan)
    height, width = page.ink.cover.shape
    boxes = np.array([item["box"] for item in page.items])
    assert boxes.min() >= page.px(15)
    assert (boxes[:, 2:].max(axis=0) <= [width - page.px(15), height - page.px(15)]).all()
    for number, (left, top, right, bottom) in enumerate(boxes):
        others = np.delete(boxes, number, axis=0)
        apart = (others[:, 0] >= right) | (others[:, 2] <= left) | (others[:, 1] >= bottom) | (others[:, 3] <= top)
        assert apart.all()


# --- forms


def test_every_digit_of_a_form_stands_in_its_frame(form: Page) -> None:
    cells = [cell for item in form.items for cell in item["cells"]]
    assert len(cells) == len(form.digits)
    for (left, top, right, bottom), digit in zip(cells, form.digits, strict=True):
        box_left, box_top, box_right, box_bottom = digit["box"]
        assert left < (box_left + box_right) / 2 < right
        assert top < (box_top + box_bottom) / 2 < bottom
        assert box_bottom < bottom
        assert box_right - box_left < 1.4 * (right - left)


def test_what_stands_in_a_form_could_be_true() -> None:
    page = form_page(MOST, seed=9)
    assert [item["name"] for item in page.items[: len(FIELDS)]] == [field.name for field in FIELDS]
    shapes = {
        "Postcode": r"\d{5}",
        "Telephone": r"0\d{3} [1-9]\d{4}",
        "Amount": r"\d{4}\.\d{2}",
        "Customer number": r"[1-9]\d{7}",
        "Quantity": r"\d{3}",
        "Invoice number": r"20\d{2} \d{5}",
    }
    for item in page.items:
        if item["name"] == "Date":
            assert 1940 <= datetime.strptime(item["text"], "%d.%m.%Y").year <= 2029
        elif item["name"] == "Time":
            datetime.strptime(item["text"], "%H:%M")
        else:
            assert re.fullmatch(shapes[item["name"]], item["text"])
    texts = ["".join(digit["digit"] for digit in page.digits if digit["item"] == number) for number in range(MOST)]
    assert texts == [re.sub(r"\D", "", item["text"]) for item in page.items]
    assert len({item["text"] for item in page.items}) == MOST


# --- files


@pytest.mark.parametrize(("ink", "mode"), [(None, "L"), ("#1a2b6d", "RGB")])
@pytest.mark.parametrize("dpi", [150, 300])
def test_a_page_is_a4_as_png_and_as_pdf(tmp_path: Path, cgan: DigitModel, ink: str | None, mode: str, dpi: int) -> None:
    page = form_page(3, model=cgan, dpi=dpi, ink=ink)
    labels = page.save(tmp_path / "new" / "form.png")
    assert labels == tmp_path / "new" / "form.json"
    with Image.open(tmp_path / "new" / "form.png") as picture:
        assert (picture.mode, picture.size) == (mode, {150: (1240, 1754), 300: (2480, 3508)}[dpi])
        assert round(picture.info["dpi"][0]) == dpi
        shown = np.asarray(picture).reshape(picture.height, picture.width, -1).transpose(2, 0, 1)
    assert np.array_equal(shown, page.picture())
    record = json.loads(labels.read_text())
    assert record["page"] == {"width_px": shown.shape[2], "height_px": shown.shape[1], "dpi": dpi}
    assert [digit["box"] for digit in record["digits"]] == [list(digit["box"]) for digit in page.digits]
    assert (record["kind"], record["model"], record["hand"], record["seed"]) == ("form", "cgan", 0, 0)
    assert record["weights_sha256"] == cgan.config.weights_sha256

    page.save(tmp_path / "form.PDF")
    content = (tmp_path / "form.PDF").read_bytes()
    page.save(tmp_path / "form.pdf")
    assert content == (tmp_path / "form.pdf").read_bytes()  # no date in it
    width, height = (float(size) for size in re.search(rb"MediaBox \[ 0 0 ([\d.]+) ([\d.]+)", content).groups())  # type: ignore[union-attr]
    assert abs(width - 210 / 25.4 * 72) < 0.5
    assert abs(height - 297 / 25.4 * 72) < 0.5


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"count": 0}, "0 sums asked for; ask for at least 1"),
        ({"count": 10**12}, "1000000000000 sums do not fit on a page"),
        ({"largest": 0}, "the largest number must be 1 to 999,999, not 0"),
        ({"largest": 10**6}, "not 1000000"),
        ({"dpi": 72}, "there is no page of 72 dpi; choose 150 or 300"),
        ({"ink": "blue"}, "'blue' is no colour"),
        ({"hand": -1}, "hand must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_sheets_that_cannot_be_are_refused_in_one_line(cgan: DigitModel, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        sums_page(**({"model": cgan} | settings))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_a_form_has_room_for_so_many_fields(cgan: DigitModel, count: int) -> None:
    with pytest.raises(InputError, match=f"a form has 1 to {MOST} fields on a page, not {count}"):
        form_page(count, model=cgan)


def test_a_page_needs_a_model_of_the_ten_digits() -> None:
    with pytest.raises(InputError, match="penman cannot be asked for the digits 0 to 9, of which a page is made"):
        sums_page(model=penman_model(classes=3))


def test_a_model_that_draws_no_strokes_writes_no_page(cgan: DigitModel) -> None:
    """Of photographs of numbers, every dark square was recorded as a digit."""
    data = cgan.config.training["data"] | {"strokes": False, "source": "svhn (train)"}
    photographs = replace(cgan, config=replace(cgan.config, training=cgan.config.training | {"data": data}))
    for page in (sums_page, form_page):
        with pytest.raises(InputError, match=r"images like those of svhn \(train\) are no ink to write a page with"):
            page(model=photographs)


def test_no_other_record_is_replaced_by_a_pages(tmp_path: Path, answered: Page) -> None:
    """As a run's own, by `digitsmith page sums --model runs/mine -o runs/mine/run.png`."""
    (tmp_path / "run.json").write_text('{"format": 1, "settings": {}}')
    (tmp_path / "run.png").write_bytes(b"a good picture")
    with pytest.raises(InputError, match=r"run\.json: is no page's record"):
        answered.save(tmp_path / "run.png")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match=r"folder\.json: is no page's record"):
        answered.save(tmp_path / "folder.png")
    assert (tmp_path / "run.png").read_bytes() == b"a good picture"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.json", "run.json", "run.png"]
    for _ in range(2):  # an earlier page of its own is replaced
        assert answered.save(tmp_path / "page.png").is_file()


def test_the_record_says_whether_a_proofreader_looked(cgan: DigitModel) -> None:
    classes = replace(cgan.config, training=cgan.config.training | {"data": {"source": "mine", "strokes": True}})
    assert sums_page(1, model=cgan).record()["reject"] is True
    assert sums_page(1, model=cgan, reject=False).record()["reject"] is False
    assert (
        sums_page(1, model=replace(cgan, config=classes)).record()["reject"] is False
    )  # it knows MNIST's digits alone


def test_an_untrained_model_writes_what_it_can(tmp_path: Path) -> None:
    """Its digits may be blank, or fill their image: the record holds what is there."""
    page = sums_page(3, model=penman_model(), answers=True)
    page.save(tmp_path / "page.png")
    for digit in page.digits:
        assert inside(page.ink.cover, digit["box"]).any()


def test_digits_without_ink_are_nowhere(cgan: DigitModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(DigitModel, "render", lambda model, z, labels, style: np.zeros((len(z), 1, 28, 28), np.uint8))
    page = form_page(2, model=cgan, reject=False)
    record = json.loads(page.save(tmp_path / "page.png").read_text())
    assert record["digits"] == []
    assert [item["box"] for item in record["items"]] == [None, None]


@pytest.mark.parametrize("name", ["page.jpg", "page", "page.json"])
def test_a_page_is_saved_as_png_or_pdf(tmp_path: Path, answered: Page, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot save a page as .*; use one of \.png, \.pdf$"):
        answered.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
