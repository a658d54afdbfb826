"""Clothes and pets by their names: drawn side by side, made into data sets of every format, told of on pages."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import digitsmith
from beyond_data import CLOTHES, PETS, photographs
from digitsmith import api, cli
from digitsmith.config import settings_to_dict
from digitsmith.data.folder import folder_names
from digitsmith.data.pictures import stacked
from digitsmith.data.reading import read_digits
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.numbers import parse_number
from digitsmith.drawing.pictures import draw_pictures, parse_labels, side_by_side
from digitsmith.drawing.requests import parse_counts
from digitsmith.errors import InputError
from digitsmith.presets import settings_for
from digitsmith.weights.folder import model_card

pytestmark = pytest.mark.usefixtures("own_cache")

SETTINGS = {"batch_size": 32, "threads": 1, "log_every_steps": 1, "sample_epochs": [1]}


def trained(out: Path, model: str, classes: tuple[str, ...], shape: tuple[int, int, int]) -> Path:
    digits = photographs(60, shape, classes)
    api.train(model, data=digits, epochs=1.0, out=out, overrides=SETTINGS)
    return out


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "pets", "penman", PETS, (3, 32, 32))


@pytest.fixture(scope="module")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "clothes", "acgan", CLOTHES, (1, 28, 28))


def test_classes_are_asked_for_by_number_or_by_name(pets: Path) -> None:
    model = load(pets)
    assert np.array_equal(model.draw(["cat", "dog", "cat"], seed=3), model.draw([3, 5, 3], seed=3))
    assert np.array_equal(load("cgan").draw(["7", "0"]), load("cgan").draw([7, 0]))
    for wrong in (["cat", "bat"], ["3"], ["cat", 3]):
        with pytest.raises(InputError, match=r"there is no class '(bat|3)'; choose from airplane, .*, truck$"):
            model.draw(wrong)


def test_pictures_stand_side_by_side_as_the_model_draws_them(pets: Path) -> None:
    model, asked = load(pets), ["cat", "dog", "cat"]
    picture = draw_pictures(asked, model=model, seed=3, size_px=100)  # three times 32
    assert picture.shape == (3, 116, 3 * 106 + 10)
    assert (picture[:, :10] == 255).all() and (picture[:, :, 106:116] == 255).all()
    drawn = model.draw(asked, seed=3)
    for number, image in enumerate(drawn):
        left = 10 + 106 * number
        assert np.array_equal(picture[:, 10:106:3, left : left + 96 : 3], image.transpose(2, 0, 1))


def test_more_than_ten_are_set_in_lines() -> None:
    images = np.arange(23, dtype=np.uint8).reshape(23, 1, 1, 1).repeat(8, axis=2).repeat(8, axis=3)
    picture = side_by_side(images, size_px=8)
    assert picture.shape == (1, 3 * 9 + 1, 10 * 9 + 1)
    assert picture[0, 1 + 9, 1] == 10 and picture[0, 20, 20] == 22 and picture[0, 20, 30] == 255


def test_digits_side_by_side_are_proofread_like_all_others() -> None:
    model = load("acgan")
    labels = np.arange(300) % 10
    plain, proofread = (draw_pictures(labels.tolist(), model=model, size_px=28, reject=way) for way in (False, True))
    changed = sum(
        (plain[:, y : y + 28, x : x + 28] != proofread[:, y : y + 28, x : x + 28]).any()
        for y in range(3, 900, 31)
        for x in range(3, 300, 31)
    )
    assert 0 < changed < 30


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"labels": []}, "ask for 1 to 1000"),
        ({"labels": ["cat"] * 1001}, "ask for 1 to 1000"),
        ({"labels": ["cat"], "size_px": 31}, "ask for a size of 32 or more"),
        ({"labels": ["cat"] * 1000, "size_px": 10_000}, "choose a smaller size"),
        ({"labels": ["cat"], "slant": 3.0}, "trained without style"),
        ({"labels": ["0"], "model": "gan"}, "gan cannot be asked for a class"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(pets: Path, asked: dict, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        draw_pictures(**({"model": load(pets)} | asked))
    assert "\n" not in str(error.value)


def test_names_have_commas_between_them() -> None:
    assert parse_labels("cat, T-shirt/top ,cat", ["cat", "T-shirt/top"]) == ["cat", "T-shirt/top", "cat"]
    for wrong in ("", "cat,", ",,"):
        with pytest.raises(InputError, match="write their names with commas between"):
            parse_labels(wrong, ["cat"])


def test_a_name_may_have_commas_itself() -> None:
    classes = ("jeans, blue", "jeans", "a,b,c", "x=y")
    text = "jeans, blue,jeans,a,b,c,jeans,red"
    assert parse_labels(text, classes) == ["jeans, blue", "jeans", "a,b,c", "jeans", "red"]
    assert parse_number("a,b,c, jeans, blue", classes).tolist() == [2, 0]
    assert parse_counts("jeans, blue=3,jeans=1, a,b,c=2,x=y=5", classes) == {0: 3, 1: 1, 2: 2, 3: 5}


def test_the_command_draws_by_name(pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = ["--model", str(pets)], ["-o", str(tmp_path / "pets.png")]
    assert cli.run(["draw", "--labels", "cat,dog", *model, *out, "--seed", "2"]) == 0
    (kept,) = stacked([("pets.png", (tmp_path / "pets.png").read_bytes())])
    assert np.array_equal(kept, draw_pictures(["cat", "dog"], model=load(pets), seed=2))
    (tmp_path / "pets.png").unlink()
    assert cli.run(["draw", "cat,dog", *model, *out, "--seed", "2"]) == 0  # no ink: no line to set them in
    assert np.array_equal(stacked([("", (tmp_path / "pets.png").read_bytes())])[0], kept)
    (tmp_path / "pets.png").unlink()
    wrong = {
        "say what to draw": [],
        "there is no class 'bat'": ["bat"],
        "leave out --hand": ["cat", "--hand", "3"],
        "it was trained without style": ["--labels", "cat", "--thickness", "3"],
        "say what to draw: either": ["2026", "--labels", "cat"],
    }
    for words, arguments in wrong.items():
        assert cli.run(["draw", *arguments, *model, *out]) == 2
        told = capsys.readouterr().err
        assert words in told and told.count("\n") == 1
    assert not (tmp_path / "pets.png").exists()


def test_a_line_of_handwriting_is_not_made_of_photographs(pets: Path) -> None:
    with pytest.raises(InputError, match=r"like those of photographs \(train\) are no ink .* with --labels"):
        digitsmith.draw_number("cat,dog", model=load(pets))


@pytest.mark.parametrize("format", ["png", "idx", "npz", "csv", "parquet"])
def test_every_format_holds_them(clothes: Path, pets: Path, tmp_path: Path, format: str) -> None:
    for name, run in (("clothes", clothes), ("pets", pets)):
        out = digitsmith.make(20, out=tmp_path / name, model=run, format=format)
        back, model = read_digits(out), load(run)
        drawn = model.draw(np.arange(20) % 10)
        drawn = drawn[:, None] if drawn.ndim == 3 else drawn.transpose(0, 3, 1, 2)
        names = [back.classes[label] for label in back.labels]
        if format == "png":  # a folder is read class by class
            order = [
                k
                for name in sorted(model.config.classes)
                for k in np.flatnonzero(np.arange(20) % 10 == model.config.classes.index(name))
            ]
            drawn = drawn[order]
            assert names == sorted(model.config.classes * 2)
        else:
            assert names == list(model.config.classes * 2)
        assert np.array_equal(back.images, drawn)
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["classes"] == list(model.config.classes) and "style" not in manifest
        if format in ("png", "parquet"):
            card = (out / "README.md").read_text()
            assert "# Images drawn by digitsmith" in card and "andwriting" not in card and "digits =" not in card


def test_a_folder_is_found_for_every_class(tmp_path: Path) -> None:
    assert folder_names(["T-shirt/top", "a\\b", "A", "b", "a"]) == ["T-shirt-top", "a-b", "A", "b", "a (4)"]
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(4, axis=2).repeat(4, axis=3)
    from digitsmith.drawing.writers import write_data_set

    classes = ("T-shirt/top", "A", "a", "B/C", "b-c")
    write_data_set(
        tmp_path / "set",
        [(images, np.arange(5))],
        format="png",
        classes=classes,
        count=5,
        manifest={},
        handwriting=False,
    )
    back = read_digits(tmp_path / "set")
    assert {back.classes[label]: int(image.max()) for label, image in zip(back.labels, back.images, strict=True)} == {
        name: value for value, name in enumerate(classes)
    }
    (tmp_path / "set" / "manifest.json").write_text("[1, 2")  # someone else's, or cut off: the folders' names remain
    assert "T-shirt-top" in read_digits(tmp_path / "set").classes


def test_the_page_of_a_run_speaks_of_what_it_draws(clothes: Path, pets: Path) -> None:
    for run, names in ((clothes, CLOTHES), (pets, PETS)):
        page = (run / "index.html").read_text()
        assert "photographed" in page and "person wrote" not in page and "one hand" not in page
        assert f"--labels {','.join(names[:3])}" in page
        for name in names:
            assert name in page
    assert "thickness, slant" not in (pets / "index.html").read_text()


def test_the_card_of_a_model_speaks_of_what_it_draws(pets: Path, clothes: Path) -> None:
    for run in (pets, clothes):
        card = model_card(load(run).config)
        assert "handwriting" not in card and "writers" not in card and "## Style" not in card
    penman = load("penman").config
    assert "## Style" in model_card(penman) and "handwriting" in model_card(penman)


def test_a_model_from_before_draws_ink() -> None:
    assert load("cgan").strokes and load("penman").strokes
    config = load("cgan").config
    data = config.training["data"] | {"strokes": False}
    model = dataclasses.replace(load("cgan"), config=dataclasses.replace(config, training={"data": data}))
    assert isinstance(model, DigitModel) and not model.strokes
    assert settings_to_dict(settings_for("penman"))["style"] == "auto"
