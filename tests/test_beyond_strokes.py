"""What is drawn in strokes and what is not, and what follows for a model that is asked for styles."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beyond_data import BALANCED, CLOTHES, HANDWRITTEN, LETTERS, photographs, strokes
from digitsmith.config import Augmentation, TrainSettings, settings_to_dict
from digitsmith.data.digits import Digits
from digitsmith.data.strokes import drawn_in_strokes, in_gray
from digitsmith.drawing.model import DigitModel
from digitsmith.errors import InputError
from digitsmith.training.loop import train_gan
from digitsmith.training.run_folder import RunFolder
from digitsmith.training.styles import with_style

Settings = Callable[..., TrainSettings]


pytestmark = pytest.mark.usefixtures("own_cache")


def tightly_cut(images: np.ndarray) -> np.ndarray:
    """Each digit filling its frame, as USPS has them."""
    from PIL import Image

    cut = []
    for image in images[:, 0]:
        rows, columns = np.nonzero(image > 60)
        box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        scale = 16 / max(box.shape)
        size = max(1, round(box.shape[1] * scale)), max(1, round(box.shape[0] * scale))
        frame = Image.new("L", (16, 16))
        frame.paste(Image.fromarray(box).resize(size), ((16 - size[0]) // 2, (16 - size[1]) // 2))
        cut.append(np.asarray(frame))
    return np.stack(cut)[:, None]


def test_handwriting_is_drawn_in_strokes_in_any_colour_and_size() -> None:
    images = HANDWRITTEN[:800]
    assert drawn_in_strokes(images)
    assert drawn_in_strokes(images * np.uint8(0.6) + np.uint8(20))  # faint ink, gray paper
    assert drawn_in_strokes(np.concatenate([images, 0 * images, images // 3], axis=1))
    assert drawn_in_strokes(tightly_cut(images))


def test_photographs_and_clothes_are_not() -> None:
    assert not drawn_in_strokes(photographs(300).images)
    coats = np.zeros((300, 1, 28, 28), np.uint8)
    coats[:, :, 2:, 4:24] = np.random.default_rng(0).integers(120, 256, (300, 1, 26, 20), dtype=np.uint8)
    assert not drawn_in_strokes(coats)
    mixed = np.concatenate([coats[:60], HANDWRITTEN[:240]])  # a fifth of coats is too many
    assert not drawn_in_strokes(mixed)


def test_blank_images_count_neither_way() -> None:
    digits, blank = HANDWRITTEN[:50], np.zeros((200, 1, 28, 28), np.uint8)
    assert drawn_in_strokes(np.concatenate([digits, blank])) and drawn_in_strokes(blank)
    assert not drawn_in_strokes(np.concatenate([photographs(50, (1, 28, 28)).images, blank]))


def test_gray_is_the_mean_of_the_channels() -> None:
    images = np.array([0, 100, 202], np.uint8).reshape(1, 3, 1, 1)
    assert in_gray(images).tolist() == [[[[101]]]] and in_gray(images[:, :1]) is not images
    assert np.array_equal(in_gray(images[:, :1]), images[:, :1])


def test_the_images_decide_whether_penman_is_asked_for_a_style(quick: Settings) -> None:
    for digits, found in ((strokes(60), "strokes"), (photographs(60), "none")):
        assert with_style(quick("penman"), digits).style == found
        for asked in ("strokes", "none"):
            assert with_style(quick("penman", style=asked), digits).style == asked
        assert with_style(quick("cgan"), digits) == quick("cgan")
    mirrored = quick("penman", augmentation=Augmentation(flip=True))
    assert with_style(mirrored, photographs(60)).augmentation.flip
    with pytest.raises(InputError, match=r"mirroring the image would change it.*--style none"):
        with_style(mirrored, strokes(60))


@pytest.fixture
def without_style(tmp_path: Path, quick: Settings) -> Path:
    out = tmp_path / "penman"
    train_gan(quick("penman", epochs=1.0, batch_size=32, channels=8), photographs(64), out=out)
    return out


def test_a_run_without_style_says_so_and_refuses_one(without_style: Path) -> None:
    record = json.loads((without_style / "run.json").read_text())
    assert record["settings"]["style"] == "none" and record["settings"]["channels"] == 8
    assert record["data"]["strokes"] is False
    model = DigitModel.from_run(without_style)
    assert model.styles is None and not model.strokes and not any("style" in name for name in model.weights)
    assert model.draw([0, 9]).shape == (2, 32, 32, 3)
    for name in ("thickness", "slant", "width", "height"):
        with pytest.raises(InputError, match=f"cannot be asked for a {name}: it was trained without style") as error:
            model.draw([0], **{name: 3.0})
        assert "\n" not in str(error.value)


def test_a_run_without_style_goes_on_bit_for_bit(without_style: Path, tmp_path: Path, quick: Settings) -> None:
    settings = RunFolder(without_style).saved_settings()
    train_gan(dataclasses.replace(settings, epochs=1.5, decay_from=1.0), photographs(64), out=tmp_path / "whole")
    train_gan(dataclasses.replace(settings, epochs=0.5, decay_from=1.0), photographs(64), out=tmp_path / "halves")
    again = dataclasses.replace(settings, epochs=1.5, decay_from=1.0, style="auto")
    train_gan(again, photographs(64), out=tmp_path / "halves", resume=True)
    whole, halves = (max((tmp_path / run / "checkpoints").glob("*.safetensors")) for run in ("whole", "halves"))
    assert whole.name == halves.name and whole.read_bytes() == halves.read_bytes()


def test_a_penman_from_before_there_was_a_choice_goes_on(tmp_path: Path, quick: Settings, few_digits: Digits) -> None:
    """Its record knows neither setting, and its images had a style whatever they were."""
    digits = few_digits.take(np.arange(64))
    later = ("style", "channels")
    for images, style in ((digits, "auto"), (photographs(64, (1, 28, 28)), "strokes")):
        run = RunFolder(tmp_path / style)
        settings = quick("penman", epochs=1.0, batch_size=32, decay_from=1.0, style=style, channels=24)
        train_gan(settings, images, out=run.root)
        record = run.read_record()
        record["settings"] = {key: value for key, value in record["settings"].items() if key not in later}
        run.record.write_text(json.dumps(record))
        train_gan(dataclasses.replace(run.saved_settings(), epochs=2.0), images, out=run.root, resume=True)
        assert run.saved_settings().style == "strokes" and DigitModel.from_run(run.root).styles is not None


def test_both_settings_are_checked_and_kept(quick: Settings) -> None:
    assert settings_to_dict(quick("penman", style="none", channels=48))["channels"] == 48
    for wrong, words in (({"style": "bold"}, "there is no style 'bold'"), ({"channels": 0}, "channels must be")):
        with pytest.raises(InputError, match=words):
            quick("penman", **wrong)


def test_the_made_up_sets_are_what_they_say() -> None:
    assert drawn_in_strokes(strokes(60, (3, 32, 32), BALANCED).images)
    assert len(LETTERS) == 26 and len(BALANCED) == 47 and len(CLOTHES) == 10
