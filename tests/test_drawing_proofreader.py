"""The proofreader is its PyTorch module without PyTorch, reads real digits, and turns few of them down."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

import digitsmith.drawing
from digitsmith.data.mnist import load_mnist
from digitsmith.drawing.proofreader import PROOFREADER, SHARE_OF_REAL, THRESHOLD, Proofreader, load_proofreader
from digitsmith.errors import CheckpointError
from digitsmith.measure.reader import to_unit
from digitsmith.measure.recogniser import Recogniser

CONTENT = resources.files(digitsmith.drawing).joinpath(f"{PROOFREADER}.safetensors").read_bytes()
UNLEARNED = load_mnist("train").take(np.arange(50_000, 60_000))


def lively() -> Recogniser:
    """A recogniser with statistics, scales and shifts far from 0 and 1, and strong contrasts."""
    torch.manual_seed(0)
    recogniser = Recogniser(1, 10)
    with torch.no_grad():
        for name, tensor in recogniser.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.3, 3.0)
            elif tensor.dim() == 1:
                tensor.normal_(0.1, 0.5)
            elif tensor.dim() > 1:
                tensor.mul_(4.0)
    return recogniser.eval()


def shipped() -> Recogniser:
    recogniser = Recogniser(1, 10)
    recogniser.load_state_dict(load(CONTENT))
    return recogniser.eval()


@pytest.mark.parametrize("make", [shipped, lively])
def test_it_is_the_module_in_evaluation_mode(make: type, tmp_path: Path) -> None:
    recogniser = make()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save(dict(recogniser.state_dict())))
    images = UNLEARNED.images[:300]
    with torch.no_grad():
        expected = recogniser(to_unit(torch.from_numpy(images.copy()))).softmax(1).numpy()
    found = Proofreader.from_file(path).probabilities(images)
    assert (found.dtype, found.shape) == (np.float32, (300, 10))
    assert expected.max(1).std() > 0.01  # not one answer to everything
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_it_reads_real_digits_and_turns_one_in_a_hundred_down() -> None:
    probabilities = load_proofreader().probabilities(UNLEARNED.images)
    assert (probabilities.argmax(1) == UNLEARNED.labels).mean() > 0.99
    turned_down = (probabilities[np.arange(10_000), UNLEARNED.labels] < THRESHOLD).mean()
    assert turned_down == pytest.approx(SHARE_OF_REAL, rel=0.15)


def test_sureness_is_the_probability_of_the_label() -> None:
    reader, labels = load_proofreader(), np.array([3, 9, 0])
    probabilities = reader.probabilities(UNLEARNED.images[:3])
    assert reader.sureness(UNLEARNED.images[:3], labels).tolist() == [probabilities[i, k] for i, k in enumerate(labels)]


def test_the_frozen_weights_are_those_that_its_version_names() -> None:
    assert load_proofreader().sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert load_proofreader().sha256 == "738a110f7354ac740363e12e4bba60255d5e5e6d9c0086c50039e247b9b95627"


@pytest.mark.parametrize("content", [None, b"", CONTENT[:-1], save({"classes.bias": torch.zeros(10)})])
def test_a_missing_or_damaged_file_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "proofreader.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"proofreader\.safetensors: is missing or damaged") as error:
        Proofreader.from_file(path)
    assert "\n" not in str(error.value)
