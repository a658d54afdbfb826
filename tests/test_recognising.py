"""The recogniser that a semi-supervised run leaves: saved, loaded, read with, exported; and every refusal."""

from __future__ import annotations

import csv
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load

import digitsmith
from digitsmith.cli import run as run_command
from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.drawing.model import DigitModel
from digitsmith.errors import CheckpointError, InputError
from digitsmith.models.sgan import SganDiscriminator
from digitsmith.recognising.answers import recognise
from digitsmith.recognising.recogniser import Recogniser, load_recogniser
from digitsmith.training.batches import to_float
from digitsmith.training.loop import train_gan
from digitsmith.weights.folder import GeneratorConfig, weights_checksum


def coarse_images(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Random images of 4x4 px squares, uint8 [230, C, H, W]: more than one pass."""
    channels, side, _ = shape
    coarse = np.random.default_rng(0).integers(0, 256, (230, channels, side // 4, side // 4), dtype=np.uint8)
    return coarse.repeat(4, axis=2).repeat(4, axis=3)


def random_recogniser(image_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> Recogniser:
    """One with statistics, scales and shifts far from 0 and 1."""
    torch.manual_seed(0)
    module = SganDiscriminator(image_shape, classes)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.3, 3.0)
        elif tensor.dim() == 1:
            tensor.normal_(0.1, 0.5)
        elif tensor.dim() > 1:
            tensor.mul_(4.0)  # strong contrasts: not all images are of one class
    with torch.no_grad():  # no class is likelier than another for such images
        features = module.eval()(to_float(torch.from_numpy(coarse_images(image_shape)))).features
        module.classes.bias.copy_(-module.classes(features).mean(0) + module.classes.bias)
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    training = {
        "settings": {"model": "sgan", "labelled": 100, "learning_rate": 0.002},
        "data": {"source": "mnist (train)", "images": 60_000},
        "images_seen": 480_000,
    }
    config = GeneratorConfig("sgan", image_shape, tuple(map(str, range(classes))), weights_checksum(weights), training)
    return Recogniser._of(config, weights, where="a test")


def by_torch(recogniser: Recogniser, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the readable network makes of uint8 [N, C, H, W], float32 [N, K]."""
    module = SganDiscriminator(recogniser.config.image_shape, len(recogniser.classes)).eval()
    module.load_state_dict({name: torch.tensor(array) for name, array in recogniser.weights.items()})
    with torch.no_grad():
        found: NDArray[np.float32] = module(to_float(torch.from_numpy(images))).classes.softmax(1).numpy()
    return found


@pytest.fixture(scope="module")
def sgan_run(tmp_path_factory: pytest.TempPathFactory, few_digits: Digits, quick: Callable[..., TrainSettings]) -> Path:
    """A finished small run, made once and only read."""
    out = tmp_path_factory.mktemp("runs") / "sgan"
    train_gan(quick("sgan", epochs=0.5), few_digits, out=out)
    return out


@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 10), ((3, 32, 32), 47)])
def test_it_reads_as_the_torch_module_does(shape: tuple[int, int, int], classes: int, tmp_path: Path) -> None:
    recogniser = random_recogniser(shape, classes)
    images = coarse_images(shape)
    expected = by_torch(recogniser, images)
    found = recogniser.probabilities(images)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert len(np.unique(expected.argmax(1))) > 3
    assert np.array_equal(recogniser.read(images), found.argmax(1))
    file = tmp_path / "model.onnx"
    file.write_bytes(recogniser.onnx())
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    probabilities, labels = session.run(["probabilities", "labels"], {"pixels": images})
    np.testing.assert_allclose(probabilities, expected, atol=2e-6)
    assert labels.dtype == np.int64
    assert np.array_equal(labels, probabilities.argmax(1))


def test_images_in_every_form_that_draw_gives(few_digits: Digits) -> None:
    gray, colour = random_recogniser(), random_recogniser((3, 28, 28))
    images = few_digits.images[:5]
    assert np.array_equal(gray.probabilities(images[:, 0]), gray.probabilities(images))
    in_colour = images.repeat(3, axis=1)
    assert np.array_equal(colour.probabilities(in_colour.transpose(0, 2, 3, 1)), colour.probabilities(in_colour))
    assert gray.probabilities(images[:0]).shape == (0, 10)
    assert gray.read(images[:0]).dtype == np.int64


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 1, 28, 28), np.float32), np.zeros((2, 32, 32), np.uint8), np.zeros((28, 28), np.uint8)],
)
def test_other_images_are_refused(images: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match=r"reads uint8 images \[N, 28, 28\], these are"):
        random_recogniser().read(images)


def test_a_run_a_saved_one_and_the_checkpoint_are_the_same(sgan_run: Path, tmp_path: Path, few_digits: Digits) -> None:
    of_run = load_recogniser(sgan_run)
    saved = of_run.save_pretrained(tmp_path / "saved")
    again = digitsmith.load_recogniser(saved)
    assert again.config == of_run.config
    assert np.array_equal(again.probabilities(few_digits.images), of_run.probabilities(few_digits.images))
    newest = max((sgan_run / "checkpoints").glob("*.safetensors"))
    tensors = load(newest.read_bytes())
    assert all(np.array_equal(again.weights[name], tensors[f"recogniser.{name}"]) for name in again.weights)
    np.testing.assert_allclose(again.probabilities(few_digits.images), by_torch(again, few_digits.images), atol=2e-6)


def test_the_card_and_config_say_how_it_was_tested(tmp_path: Path, few_digits: Digits) -> None:
    recogniser = random_recogniser()
    wrong = int((recogniser.read(few_digits.images) != few_digits.labels).sum())
    folder = recogniser.tested(few_digits).save_pretrained(tmp_path / "saved")
    card = (folder / "README.md").read_text()
    assert f"({wrong} of 640 images of mnist (train))" in card
    assert "of which 100 had a label that was looked at" in " ".join(card.split())
    assert "cc-by-sa-3.0" in card
    assert json.loads((folder / "config.json").read_text())["training"]["test"]["errors"] == wrong
    assert "## Test" not in (recogniser.save_pretrained(tmp_path / "other") / "README.md").read_text()


def test_labels_go_by_the_names_of_their_classes(few_digits: Digits) -> None:
    recogniser = random_recogniser()
    backwards = Digits(few_digits.images, 9 - few_digits.labels, few_digits.classes[::-1])
    own, other = recogniser.tested(few_digits), recogniser.tested(backwards)
    assert own.config.training["test"]["errors"] == other.config.training["test"]["errors"]
    letters = Digits(few_digits.images[:2], np.array([1, 2]), ("0", "1", "a"))
    with pytest.raises(InputError, match="image 1 is of class 'a', which this recogniser has never seen"):
        recogniser.tested(letters)


def test_what_is_no_recogniser_is_named(sgan_run: Path, trained_run: Path, tmp_path: Path) -> None:
    generator = DigitModel.from_run(sgan_run).save_pretrained(tmp_path / "generator")
    (tmp_path / "empty").mkdir()
    for path, words in [
        (tmp_path / "none", "is no folder"),
        (tmp_path / "empty", "holds neither a run nor a saved recogniser"),
        (trained_run, "is a run of acgan, which leaves no recogniser; give one of sgan"),
        (generator, "holds no recogniser"),
    ]:
        with pytest.raises(CheckpointError, match=words) as caught:
            load_recogniser(path)
        assert "\n" not in str(caught.value)
    saved = random_recogniser().save_pretrained(tmp_path / "damaged")
    content = bytearray((saved / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (saved / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="do not match their checksum"):
        load_recogniser(saved)


def test_a_run_without_a_checkpoint_is_told(sgan_run: Path, tmp_path: Path) -> None:
    shutil.copytree(sgan_run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    (tmp_path / "run" / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="has no checkpoint yet"):
        load_recogniser(tmp_path / "run")


def test_its_generator_draws(sgan_run: Path) -> None:
    model = digitsmith.load(sgan_run)
    assert model.draw([2, 0, 2, 6]).shape == (4, 28, 28)


def test_the_command_reads_labelled_and_unlabelled_images(
    sgan_run: Path, tmp_path: Path, few_digits: Digits, capsys: pytest.CaptureFixture[str]
) -> None:
    recogniser = load_recogniser(sgan_run)
    images = few_digits.images[:12]
    answers = recogniser.read(images)
    np.savez(tmp_path / "set.npz", images=images[:, 0], labels=few_digits.labels[:12])
    wrong = int((answers != few_digits.labels[:12]).sum())
    assert run_command(["recognise", str(tmp_path / "set.npz"), "--model", str(sgan_run)]) == 0
    said = capsys.readouterr().out
    assert f"(all but {wrong})" in said and "12 of " in said and "set.npz" in said  # which images, of which split

    (tmp_path / "scans").mkdir()
    for number, image in enumerate(images[:, 0]):
        Image.fromarray(image).save(tmp_path / "scans" / f"digit {number}.png")
    out = tmp_path / "answers.csv"
    assert run_command(["recognise", str(tmp_path / "scans"), "--model", str(sgan_run), "-o", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [f"digit {number}.png" for number in range(12)]
    assert [int(row["label"]) for row in rows] == answers.tolist()
    assert [float(row["probability"]) for row in rows] == pytest.approx(
        recogniser.probabilities(images).max(1), abs=1e-4
    )
    assert run_command(["recognise", str(tmp_path / "scans"), "--model", str(sgan_run)]) == 0
    assert capsys.readouterr().out == out.read_text()


def test_other_sizes_are_read_when_asked_for(sgan_run: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "large.npz", images=np.zeros((3, 32, 32), np.uint8))
    with pytest.raises(InputError, match="these are uint8"):
        recognise(tmp_path / "large.npz", model=sgan_run)
    answers = recognise(tmp_path / "large.npz", model=sgan_run, resize=True)
    assert answers.names == ("0", "1", "2")
    assert answers.errors is None


def test_the_command_exports(sgan_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model.onnx"
    assert run_command(["export", str(sgan_run), "-o", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert out.read_bytes() == load_recogniser(sgan_run).onnx()
    assert run_command(["export", str(tmp_path), "-o", str(out)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_whose_name_is_no_text_is_named_all_the_same(sgan_run: Path, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    picture = Image.new("L", (28, 28))
    for name in (b"a.png", b"b\xff.png"):
        picture.save(os.fsencode(tmp_path / "scans") + b"/" + name)
    out = tmp_path / "answers.csv"
    assert run_command(["recognise", str(tmp_path / "scans"), "--model", str(sgan_run), "-o", str(out)]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["a.png", "b\\udcff.png"]


def test_it_travels_to_other_processes(sgan_run: Path, few_digits: Digits) -> None:
    recogniser = load_recogniser(sgan_run)
    other = pickle.loads(pickle.dumps(recogniser))
    assert other.config == recogniser.config
    assert (other.probabilities(few_digits.images) == recogniser.probabilities(few_digits.images)).all()
