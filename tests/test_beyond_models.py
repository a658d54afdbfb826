"""Every architecture on 28x28 and 32x32, in one and in three channels, with 10, 26 and 47 named classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from beyond_data import BALANCED, CLOTHES, LETTERS, PETS, photographs, strokes
from digitsmith.config import REPORT_MODELS, UNCONDITIONAL_MODELS, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.network import Network, weight_shapes
from digitsmith.drawing.penman_network import Make
from digitsmith.errors import CheckpointError
from digitsmith.models.penman import PenmanDiscriminator, PenmanGenerator
from digitsmith.models.registry import build_networks
from digitsmith.randomness import normal_rows
from digitsmith.report.samples import read_samples
from digitsmith.training.batches import to_uint8
from digitsmith.training.loop import train_gan

Settings = Callable[..., TrainSettings]
MODELS = (*REPORT_MODELS, "penman")
SHAPES = [(1, 28, 28), (1, 32, 32), (3, 28, 28), (3, 32, 32)]
NAMES = {(1, 28, 28): BALANCED, (1, 32, 32): CLOTHES, (3, 28, 28): LETTERS, (3, 32, 32): PETS}


pytestmark = pytest.mark.usefixtures("own_cache")


def of_shape(shape: tuple[int, int, int]) -> Digits:
    """Letters are strokes, the others are not."""
    make = strokes if NAMES[shape] in (LETTERS, BALANCED) else photographs
    return make(2 * len(NAMES[shape]), shape, NAMES[shape])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_it_trains_keeps_its_samples_and_draws_as_its_module(
    model: str, shape: tuple[int, int, int], tmp_path: Path, quick: Settings
) -> None:
    digits = of_shape(shape)
    train_gan(quick(model, epochs=1.0, batch_size=32), digits, out=tmp_path / "run")
    drawn = DigitModel.from_run(tmp_path / "run")
    assert drawn.config.classes == digits.classes and drawn.config.image_shape == shape
    columns = 10 if model in UNCONDITIONAL_MODELS else len(digits.classes)
    assert read_samples(tmp_path / "run" / "samples")[1].shape == (10, columns, *shape)

    labels = np.arange(60) % len(digits.classes)
    z, style = normal_rows(3, np.arange(60), drawn.z_dim), drawn.styles_of(labels, seed=3)
    assert (style is not None) == (model == "penman" and digits.source.startswith("letters"))
    conditions = [torch.from_numpy(labels), *([] if style is None else [torch.from_numpy(style)])]
    with torch.no_grad():
        expected = drawn.generator(torch.from_numpy(z), *conditions)
    assert np.abs(drawn.network.images(z, labels, style) - expected.numpy()).max() <= 1e-4
    assert np.abs(drawn.render(z, labels, style).astype(int) - to_uint8(expected).numpy()).max() <= 1
    kept = DigitModel.from_pretrained(drawn.save_pretrained(tmp_path / "kept"))
    assert np.array_equal(kept.draw(labels, seed=3), drawn.draw(labels, seed=3))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("channels", "styled"), [(24, False), (40, False), (8, True)])
@torch.no_grad()
def test_penman_of_another_make_draws_as_its_module(
    shape: tuple[int, int, int], channels: int, *, styled: bool
) -> None:
    torch.manual_seed(0)
    module = PenmanGenerator(shape, 7, width=channels, styled=styled).eval()
    for name, tensor in module.state_dict().items():
        measured = name in ("style_mean", "style_deviation", "style_table")
        tensor.uniform_(0.5, 2.0) if measured else tensor.add_(0.02 * torch.randn_like(tensor))
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    assert Make.of(weights) == (channels, styled)
    assert weight_shapes("penman", shape, 7, Make.of(weights)) == {name: each.shape for name, each in weights.items()}
    network = Network("penman", shape, 7, weights, where="here")
    assert network.styled is styled
    z, labels = normal_rows(1, np.arange(50), network.z_dim), np.arange(50) % 7
    style = np.random.default_rng(0).uniform(1, 3, (50, 4)).astype(np.float32) if styled else None
    expected = module(torch.from_numpy(z), torch.from_numpy(labels), None if style is None else torch.from_numpy(style))
    assert 0.1 < expected.std() < 0.9  # not in tanh's flat ends, where its argument's rounding would be all there is
    assert np.abs(network.images(z, labels, style) - expected.numpy()).max() <= 2e-5


def test_weights_between_two_makes_are_refused() -> None:
    module = PenmanGenerator((1, 28, 28), 3, styled=False)
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    for wrong in ({"style_mean": np.zeros(4, np.float32)}, {"last.weight": np.zeros((4, 25, 3, 3), np.float32)}):
        with pytest.raises(CheckpointError, match=r"^here: holds no weights of penman; get or train them again$"):
            Network("penman", (1, 28, 28), 3, weights | wrong, where="here")


def test_a_make_is_the_same_in_both_networks_and_changes_no_other_model() -> None:
    generator, discriminator = build_networks("penman", (3, 32, 32), 10, seed=0, channels=16, styled=False)
    assert isinstance(generator, PenmanGenerator) and isinstance(discriminator, PenmanDiscriminator)
    assert (generator.last.in_channels, discriminator.first.out_channels) == (16, 16)
    verdict = discriminator(torch.zeros(2, 3, 32, 32), torch.arange(2))
    assert verdict.style is None and verdict.classes.shape == (2, 10)
    usual, asked = (build_networks("acgan", (1, 28, 28), 10, seed=0, **make) for make in ({}, {"channels": 16}))
    assert all(torch.equal(a, b) for a, b in zip(usual[0].parameters(), asked[0].parameters(), strict=True))
