"""Loading and drawing: image i is image i, however it is asked for; weights come back or are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import digitsmith
from digitsmith.drawing.loading import SHIPPED, load
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.errors import CheckpointError, InputError
from digitsmith.training.run_folder import RunFolder

LABELS = np.arange(300) % 10


@pytest.fixture(scope="module")
def model(trained_run: Path) -> DigitModel:
    return load(trained_run)


@pytest.fixture(scope="module")
def drawn(model: DigitModel) -> np.ndarray:
    return model.draw(LABELS, seed=3)


def test_images_are_uint8_with_ink_on_black(drawn: np.ndarray) -> None:
    assert drawn.shape == (300, 28, 28)
    assert drawn.dtype == np.uint8
    assert len(np.unique(drawn)) > 20  # a run of 20 steps draws faint shapes, not blanks


@pytest.mark.parametrize("size", [1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 299])
def test_an_image_is_the_same_at_any_batch_size(model: DigitModel, drawn: np.ndarray, size: int) -> None:
    starts = range(0, 300, size) if size > 1 else (0, 5, CHUNK - 1, CHUNK, 299)
    for start in starts:
        part = model.draw(LABELS[start : start + size], seed=3, start=start)
        assert np.array_equal(part, drawn[start : start + size])


@pytest.mark.parametrize("threads", [1, 3])
def test_an_image_is_the_same_at_any_thread_count(model: DigitModel, drawn: np.ndarray, threads: int) -> None:
    chunks = [images[:, 0] for images, _ in model.draw_chunks(LABELS, seed=3, threads=threads)]
    assert np.array_equal(np.concatenate(chunks), drawn)


def test_other_images_in_the_batch_do_not_matter(model: DigitModel, drawn: np.ndarray) -> None:
    others = (LABELS + 1) % 10
    others[42] = LABELS[42]
    assert np.array_equal(model.draw(others, seed=3)[42], drawn[42])


def test_seed_label_and_index_each_matter(model: DigitModel, drawn: np.ndarray) -> None:
    assert not np.array_equal(model.draw(LABELS[:1], seed=4)[0], drawn[0])
    assert not np.array_equal(model.draw([5], seed=3)[0], drawn[0])
    assert not np.array_equal(model.draw([0], seed=3, start=1)[0], drawn[0])


def test_nothing_asked_for_is_nothing_drawn(model: DigitModel) -> None:
    assert model.draw([]).shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("labels", "seed", "words"),
    [
        ([10], 0, "there is no class 10"),
        ([-1], 0, "there is no class -1"),
        ([0.5], 0, "whole numbers"),
        ([[1, 2]], 0, "in one row"),
        ([1], -1, "seed"),
        ([1], 2**63, "seed"),
    ],
)
def test_what_cannot_be_drawn_is_refused(model: DigitModel, labels: list[int], seed: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        model.draw(labels, seed=seed)


def test_pretrained_folder_round_trip(model: DigitModel, drawn: np.ndarray, tmp_path: Path) -> None:
    folder = model.save_pretrained(tmp_path / "saved")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    again = DigitModel.from_pretrained(folder)
    assert again.config == model.config
    assert np.array_equal(again.draw(LABELS, seed=3), drawn)
    assert np.array_equal(digitsmith.load(folder).draw([7], seed=3), model.draw([7], seed=3))


def test_the_same_weights_are_the_same_bytes(model: DigitModel, tmp_path: Path) -> None:
    one, two = model.save_pretrained(tmp_path / "one"), model.save_pretrained(tmp_path / "two")
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_what_draws_is_the_average(trained_run: Path, model: DigitModel) -> None:
    newest = max(RunFolder(trained_run).checkpoints.glob("*.safetensors"))
    tensors = load_file(newest)
    name = "layers.3.weight"
    assert torch.equal(model.generator.state_dict()[name], tensors[f"ema.{name}"])
    assert not torch.equal(tensors[f"ema.{name}"], tensors[f"generator.{name}"])


@pytest.mark.parametrize("position", [100, -1])
def test_a_changed_byte_in_the_weights_is_refused(model: DigitModel, tmp_path: Path, position: int) -> None:
    weights = model.save_pretrained(tmp_path) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[position] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "cgan-mlp"}, "holds no weights of cgan-mlp"),
        ({"model": "other"}, "there is no model 'other'"),
        ({"image_shape": [1, 32, 32]}, "holds no weights"),
        ({"weights_sha256": "0" * 64}, "do not match their checksum"),
        ({"format": 99}, "not a digitsmith model"),
        ({"classes": None}, "not a digitsmith model"),
        ({"image_shape": [1, 280_000, 280_000]}, "no image has the shape"),
        ({"image_shape": [1, 1e400, 28]}, "no image has the shape"),
        ({"image_shape": [0, 28, 28]}, "no image has the shape"),
    ],
)
def test_a_config_of_something_else_is_refused(
    model: DigitModel, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    config = model.save_pretrained(tmp_path) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(InputError, match=words):
        load(tmp_path)


def test_missing_files_are_named(model: DigitModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"is no shipped model and no folder; shipped are .*cgan"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="holds neither a run nor a saved model"):
        load(tmp_path / "empty")


def test_a_run_can_draw_before_it_has_ended(trained_run: Path, tmp_path: Path) -> None:
    """Users stop a run and ask how to generate: the folder alone is enough."""
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        load(run)
    shutil.copytree(trained_run / "checkpoints", run / "checkpoints")
    assert load(run).draw([1, 2]).shape == (2, 28, 28)


def test_the_model_card_says_what_a_hub_asks_for(model: DigitModel, tmp_path: Path) -> None:
    card = (model.save_pretrained(tmp_path) / "README.md").read_text()
    assert card.startswith("---\n")
    assert "license: cc-by-sa-3.0" in card
    assert "digitsmith train acgan" in card
    assert model.config.weights_sha256 in card


@pytest.mark.parametrize(("name", "share"), [("penman", 0.99), ("cgan", 0.97)])
def test_digits_of_a_shipped_model_are_read_as_asked(name: str, share: float) -> None:
    from digitsmith.api import read_as_asked

    assert read_as_asked(load(name), count=2000) > share


def test_the_flagship_s_file_is_small() -> None:
    assert (SHIPPED / "penman" / "model.safetensors").stat().st_size < 4_000_000
