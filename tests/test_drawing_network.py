"""The networks that draw are the readable ones, folded, and draw with no PyTorch loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import digitsmith
from digitsmith.config import MODELS, STYLED_MODELS
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.drawing.network import Z_DIM, Network
from digitsmith.errors import CheckpointError
from digitsmith.models.blocks import Generator
from digitsmith.models.registry import architecture
from digitsmith.randomness import normal_rows
from digitsmith.training.batches import to_uint8

REPORTS_MODELS = [model for model in MODELS if model not in STYLED_MODELS]  # for penman see test_drawing_penman.py
SIZES = [(1, 28, 28), (3, 28, 28), (1, 32, 32), (3, 32, 32)]


def lively(model: str, image_shape: tuple[int, int, int], classes: int) -> Generator:
    """A generator in evaluation mode with statistics, scales and shifts far from 0 and 1, and strong contrasts."""
    torch.manual_seed(0)
    generator = architecture(model).generator(image_shape, classes)
    with torch.no_grad():
        for name, tensor in generator.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.3, 3.0)
            elif tensor.dim() == 1:
                tensor.normal_(0.1, 0.5)
            elif tensor.dim() > 1:
                tensor.mul_(2.0 if model == "cgan-mlp" else 8.0)
    return generator.eval()


def folded(model: str, generator: Generator, image_shape: tuple[int, int, int], classes: int) -> Network:
    weights = {name: tensor.numpy() for name, tensor in generator.state_dict().items()}
    return Network(model, image_shape, classes, weights, where="here")


@torch.no_grad()
def images_of(generator: Generator, z: np.ndarray, labels: np.ndarray) -> Tensor:
    images: Tensor = generator(torch.from_numpy(z), torch.from_numpy(labels))
    return images


def assert_one_picture(pixels: np.ndarray, of_module: Tensor) -> None:
    """At most a gray level apart, where a value lies between two: in one pixel of a thousand at most."""
    expected = to_uint8(of_module).numpy()
    assert len(np.unique(expected)) > 200  # all grays, not a blank
    assert np.abs(pixels.astype(int) - expected).max() <= 1
    assert (pixels == expected).mean() >= 0.999


@pytest.mark.parametrize("image_shape", SIZES, ids=str)
@pytest.mark.parametrize("model", REPORTS_MODELS)
def test_the_folded_network_is_the_module_in_evaluation_mode(model: str, image_shape: tuple[int, int, int]) -> None:
    generator = lively(model, image_shape, classes=7)
    labels = np.arange(40) % 7
    z = normal_rows(5, np.arange(40), Z_DIM)
    expected = images_of(generator, z, labels)
    network = folded(model, generator, image_shape, 7)
    assert np.abs(network.images(z, labels) - expected.numpy()).max() < 1e-5
    assert_one_picture(network.pixels(z, labels), expected)


@pytest.mark.parametrize("name", ["cgan"])
def test_a_shipped_model_draws_what_its_module_gives(name: str) -> None:
    model = load(name)
    labels = np.arange(3 * CHUNK + 5) % 10
    expected = images_of(model.generator, normal_rows(2, np.arange(len(labels)), Z_DIM), labels)
    assert_one_picture(model.draw(labels, seed=2)[:, None], expected)


def test_pixels_are_rounded_as_in_training() -> None:
    network = load("cgan").network
    z, labels = normal_rows(1, np.arange(400), Z_DIM), np.arange(400) % 10
    images, pixels = network.images(z, labels), network.pixels(z, labels)
    assert np.array_equal(to_uint8(torch.from_numpy(images)).numpy(), pixels)
    assert {0, 255} <= set(pixels.flat)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
@pytest.mark.parametrize("model", ["acgan", "cgan-mlp"])
def test_weights_of_something_else_are_refused(model: str, change: str) -> None:
    state = lively(model, (1, 28, 28), 10).state_dict()
    weights = {name: tensor.numpy() for name, tensor in state.items()}
    name = "layers.4.running_mean"
    if change == "missing":
        del weights[name]
    else:
        weights |= {"more": weights[name]} if change == "extra" else {name: weights[name][:1]}
    with pytest.raises(CheckpointError, match=f"^here: holds no weights of {model}; get or train them again$"):
        Network(model, (1, 28, 28), 10, weights, where="here")


def test_the_module_goes_back_into_the_same_file(tmp_path: Path) -> None:
    """What PyTorch people save is what digitsmith shipped: names, types, order and bytes."""
    from safetensors.torch import save

    model = load("cgan")
    model.save_pretrained(tmp_path)
    shipped = Path(digitsmith.__file__).parent / "weights" / "shipped" / "cgan" / "model.safetensors"
    assert (tmp_path / "model.safetensors").read_bytes() == shipped.read_bytes()
    assert save(dict(model.generator.state_dict())) == shipped.read_bytes()


def test_weights_in_a_type_without_numpy_are_one_line(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = load("cgan")
    model.save_pretrained(tmp_path)
    state = {name: tensor.bfloat16() for name, tensor in model.generator.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is damaged"):
        DigitModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "work",
    [
        "import digitsmith.cli as c; assert c.run(['draw', '7', '-o', '7.png']) == 0",
        "import digitsmith; digitsmith.make(100, out='digits', format='idx')",
        "import digitsmith; digitsmith.load('cgan').draw([1, 2, 3])",
    ],
)
def test_drawing_loads_nothing_that_trains(tmp_path: Path, work: str) -> None:
    script = (
        f"{work}\nimport sys\nprint([name for name in ('torch', 'matplotlib', 'tensorboard') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
