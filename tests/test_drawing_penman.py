"""penman as it draws: equal to its module, in the style asked for, the same in any company, and with no PyTorch."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import digitsmith
from digitsmith.data.reading import read_digits
from digitsmith.drawing.loading import SHIPPED, load
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.drawing.network import Network, weight_shapes
from digitsmith.errors import CheckpointError, ConfigError, InputError
from digitsmith.randomness import normal_rows
from digitsmith.style import STYLE_COLUMNS, StyleRange, given_style
from digitsmith.training.batches import to_uint8
from digitsmith.weights.folder import model_card
from random_penman import penman_model, penman_module

SIZES = {(1, 28, 28): 10, (3, 32, 32): 7, (1, 8, 8): 3}
LABELS = np.arange(300) % 10
FORMATS = ("png", "idx", "npz", "csv", "parquet")


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return penman_model()


def asked_of(model: DigitModel, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise, labels and styles of `count` images."""
    labels = np.arange(count) % len(model.config.classes)
    style = model.styles_of(labels, seed=3)
    assert style is not None
    return normal_rows(1, np.arange(count), model.z_dim), labels, style


@pytest.mark.parametrize("image_shape", SIZES, ids=str)
@torch.no_grad()
def test_the_network_is_the_module_in_evaluation_mode(image_shape: tuple[int, int, int]) -> None:
    classes = SIZES[image_shape]
    model = penman_model(image_shape, classes)
    z, labels, style = asked_of(model, 200)
    expected = penman_module(image_shape, classes)(*map(torch.from_numpy, (z, labels, style)))
    assert np.abs(model.network.images(z, labels, style) - expected.numpy()).max() <= 1e-4
    pixels, grays = model.render(z, labels, style), to_uint8(expected).numpy()
    assert len(np.unique(grays)) > 200  # all grays, not a blank
    assert np.abs(pixels.astype(int) - grays).max() <= 1
    assert (pixels == grays).mean() >= 0.999


@pytest.mark.parametrize("image_shape", SIZES, ids=str)
def test_its_weights_are_the_modules(image_shape: tuple[int, int, int]) -> None:
    state = penman_module(image_shape, 5).state_dict()
    assert weight_shapes("penman", image_shape, 5) == {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize("image_shape", [(1, 28, 32), (1, 30, 30), (1, 4, 4)], ids=str)
def test_images_it_cannot_draw_are_refused(image_shape: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="squares whose side is a multiple of 4 px from 8"):
        weight_shapes("penman", image_shape, 10)


@pytest.mark.parametrize("name", ["style_table", "high.1.conv2.bias"])
def test_weights_of_something_else_are_refused(model: DigitModel, name: str) -> None:
    weights = {key: array for key, array in model.weights.items() if key != name}
    with pytest.raises(CheckpointError, match=r"^here: holds no weights of penman; get or train them again$"):
        Network("penman", (1, 28, 28), 10, weights, where="here")


@pytest.mark.parametrize("given", [{}, given_style(slant=5.0), {"thickness": StyleRange(2, 3.5)}], ids=str)
@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, 299])
def test_an_image_is_the_same_at_any_batch_size(model: DigitModel, size: int, given: dict) -> None:
    drawn = model.draw(LABELS, seed=3, **given)
    for start in range(0, 300, size) if size > 1 else (0, CHUNK, 299):
        part = model.draw(LABELS[start : start + size], seed=3, start=start, **given)
        assert np.array_equal(part, drawn[start : start + size])


def test_values_for_each_image_go_with_their_image(model: DigitModel) -> None:
    thickness = np.linspace(2, 3.5, 300)
    drawn = model.draw(LABELS, seed=3, thickness=thickness, width=12)
    assert np.array_equal(model.draw(LABELS[170:], seed=3, start=170, thickness=thickness[170:], width=12), drawn[170:])
    assert np.array_equal(model.draw(LABELS[9:10], seed=3, start=9, thickness=thickness[9], width=12)[0], drawn[9])


@pytest.mark.parametrize("name", ["thickness", "slant", "width", "height"])
def test_what_is_asked_reaches_the_network(model: DigitModel, name: str) -> None:
    low, high = np.quantile(model.weights["style_table"][..., STYLE_COLUMNS.index(_column(name))], [0.05, 0.95])
    drawn = model.draw([7], seed=1, **{name: low})
    assert not np.array_equal(model.draw([7], seed=1, **{name: high}), drawn)
    style = model.styles_of(np.array([7]), seed=1, given=given_style(**{name: low}))
    assert np.array_equal(model.render(normal_rows(1, np.arange(1), 64), np.array([7]), style)[:, 0], drawn)


def _column(name: str) -> str:
    return next(column for column in STYLE_COLUMNS if column.startswith(name))


def test_an_image_from_noise_at_hand_depends_on_its_row(model: DigitModel) -> None:
    z, labels, style = asked_of(model, 2 * CHUNK + 40)
    drawn = model.render(z, labels, style)
    others = z.copy()
    others[np.arange(len(z)) != CHUNK + 5] += 1
    assert np.array_equal(model.render(others, labels, style)[CHUNK + 5], drawn[CHUNK + 5])
    assert np.array_equal(model.render(z[CHUNK:], labels[CHUNK:], style[CHUNK:]), drawn[CHUNK:])


def test_a_model_without_style_draws_from_noise_too() -> None:
    plain = load("cgan")
    z = normal_rows(4, np.arange(300), plain.z_dim)
    assert plain.z_dim == 100
    assert np.array_equal(plain.render(z, LABELS)[:, 0], plain.draw(LABELS, seed=4))
    assert plain.styles_of(LABELS, seed=4) is None


def test_what_cannot_be_drawn_is_one_line(model: DigitModel) -> None:
    plain = load("cgan")
    z, labels, style = asked_of(model, 3)
    for draws, words in (
        (lambda: plain.draw([1], slant=3), "cgan cannot be asked for a slant; use a model with style, like penman"),
        (lambda: plain.styles_of(LABELS, given=given_style(width=9)), "cgan cannot be asked for a width"),
        (lambda: plain.render(np.zeros((3, 100), np.float32), labels, style), r"cgan needs no style, this is \[3, 4\]"),
        (lambda: model.render(z, labels), r"penman needs \[3, 4\] style, this is none"),
        (lambda: model.render(z, labels, style[:2]), r"penman needs \[3, 4\] style, this is \[2, 4\]"),
        (lambda: model.render(z[:, :9], labels, style), r"noise must be \[3, 64\], this is \[3, 9\]"),
        (lambda: model.render(z, labels + 8, style), "there is no class 10"),
        (lambda: model.draw([1, 2, 3], height=[19, 19]), "height must be one number or one for each of 3 images"),
        (lambda: model.draw(LABELS, thickness=np.where(LABELS == 9, 99, 3)), "thickness 99 px is beyond"),
        (lambda: model.styles_of(LABELS, seed=-1), "seed must be"),
    ):
        with pytest.raises(InputError, match=words) as error:
            draws()
        assert "\n" not in str(error.value)


def test_it_comes_back_from_its_folder(model: DigitModel, tmp_path: Path) -> None:
    again = load(model.save_pretrained(tmp_path / "penman"))
    assert "can be asked for" in (tmp_path / "penman" / "README.md").read_text()
    assert np.array_equal(again.draw(LABELS, seed=3, slant=5), model.draw(LABELS, seed=3, slant=5))
    assert again.styles is not None
    state = again.generator.state_dict()
    assert all(np.array_equal(state[name].numpy(), array) for name, array in model.weights.items())


def test_the_card_says_whose_styles_the_weights_carry() -> None:
    shipped = load("penman").config
    card = model_card(shipped)
    style = card[card.index("## Style") : card.index("## Training")]
    assert "carry the styles of 50,000 training images, as many of each class" in style
    assert style in (SHIPPED / "penman" / "README.md").read_text(encoding="utf-8")
    few = dataclasses.replace(shipped, training=shipped.training | {"data": {"source": "mine", "images": 640}})
    assert "carry 50,000 styles of the 640 training images" in model_card(few)


@pytest.mark.parametrize("format", FORMATS)
def test_a_data_set_says_what_was_asked_of_each_image(model: DigitModel, tmp_path: Path, format: str) -> None:
    out = digitsmith.make(
        260, out=tmp_path / "set", model=model, format=format, seed=5, thickness=2.5, slant=(-10, 20), reject=False
    )
    labels = np.arange(260) % 10
    given = given_style(thickness=2.5, slant=StyleRange(-10, 20))
    styles = model.styles_of(labels, seed=5, given=given)
    first, *rows = csv.reader((out / "styles.csv").open(newline=""))
    assert first == ["file" if format == "png" else "index", "label", *STYLE_COLUMNS]
    assert np.array_equal(np.array([row[2:] for row in rows], np.float32), styles)
    assert [int(row[1]) for row in rows] == labels.tolist()
    if format == "png":
        assert all((out / row[0]).is_file() for row in rows)
    else:
        assert [row[0] for row in rows] == [str(index) for index in range(260)]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["style"] == {"thickness_px": 2.5, "slant_deg": [-10, 20]}
    assert manifest["files"]["styles.csv"] == hashlib.sha256((out / "styles.csv").read_bytes()).hexdigest()

    digits = read_digits(out)  # styles.csv is not taken for images
    order = np.argsort(labels, kind="stable") if format == "png" else np.arange(260)
    assert np.array_equal(digits.images[:, 0], model.draw(labels, seed=5, **given)[order])
    assert np.array_equal(digits.labels, labels[order])


def test_a_model_without_style_leaves_no_table(tmp_path: Path) -> None:
    out = digitsmith.make(3, out=tmp_path / "plain", model="cgan", format="idx")
    assert not (out / "styles.csv").exists()
    assert "style" not in json.loads((out / "manifest.json").read_text())


@pytest.mark.parametrize("wish", [{"thickness": 99}, {"slant": (20, -10)}, {"width": [9, 9]}], ids=str)
def test_a_style_that_cannot_be_leaves_no_folder(model: DigitModel, tmp_path: Path, wish: dict) -> None:
    with pytest.raises(InputError):
        digitsmith.make(10, out=tmp_path / "set", model=model, **wish)
    assert list(tmp_path.iterdir()) == []


def test_a_number_is_drawn_in_the_style_asked_for(model: DigitModel) -> None:
    plain = digitsmith.draw_number("2026", model=model, seed=1, hand=4)
    assert not np.array_equal(digitsmith.draw_number("2026", model=model, seed=1, hand=4, thickness=1.5), plain)


@pytest.mark.parametrize(
    "work",
    [
        "import digitsmith; digitsmith.make(100, out='set', model='./penman', format='idx', thickness=(2, 3))",
        "import digitsmith.cli as c; assert c.run('draw 7 -o 7.png --model ./penman --slant -5'.split()) == 0",
    ],
)
def test_drawing_in_a_style_loads_nothing_that_trains(model: DigitModel, tmp_path: Path, work: str) -> None:
    model.save_pretrained(tmp_path / "penman")
    script = f"{work}\nimport sys\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
