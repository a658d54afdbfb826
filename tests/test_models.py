"""Each architecture against its report's table, row by row."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from digitsmith.config import MODELS, REPORT_MODELS
from digitsmith.errors import ConfigError
from digitsmith.models.blocks import ConvTransposeFromVector, Discriminator, Generator
from digitsmith.models.cgan import class_planes
from digitsmith.models.registry import ARCHITECTURES, build_networks

B = 4
Row = tuple[str, tuple[int, ...]]

# Second report, Tables 1, 3 and 5 (the tables give sizes without the batch).
CONV_GENERATOR: list[Row] = [
    ("ConvTranspose2d", (64, 7, 7)),
    ("BatchNorm2d", (64, 7, 7)),
    ("ReLU", (64, 7, 7)),
    ("ConvTranspose2d", (32, 14, 14)),
    ("BatchNorm2d", (32, 14, 14)),
    ("ReLU", (32, 14, 14)),
    ("ConvTranspose2d", (1, 28, 28)),
    ("Tanh", (1, 28, 28)),
]
# Tables 2, 4 and 6; the Sigmoid of each is in the loss.
BLOCK_1: list[Row] = [("Conv2d", (32, 14, 14)), ("BatchNorm2d", (32, 14, 14)), ("ReLU", (32, 14, 14))]
BLOCK_2: list[Row] = [("Conv2d", (64, 7, 7)), ("BatchNorm2d", (64, 7, 7)), ("ReLU", (64, 7, 7))]
SOURCE: list[Row] = [("Conv2d", (1, 1, 1))]
AUXILIARY: list[Row] = [("Flatten", (3136,)), ("Linear", (128,)), ("ReLU", (128,)), ("Linear", (10,))]
DISCRIMINATORS = {
    "gan": BLOCK_1 + BLOCK_2 + SOURCE,
    "cgan": [("Conv2d", (32, 14, 14)), *BLOCK_1, *BLOCK_2, *SOURCE],
    "acgan": BLOCK_1 + BLOCK_2 + SOURCE + AUXILIARY,
}
# First report, sections 4.1 and 5.1; the hidden widths are ours.
MLP_GENERATOR: list[Row] = [
    ("Linear", (256,)), ("BatchNorm1d", (256,)), ("ReLU", (256,)),
    ("Linear", (512,)), ("BatchNorm1d", (512,)), ("ReLU", (512,)),
    ("Linear", (1024,)), ("BatchNorm1d", (1024,)), ("ReLU", (1024,)),
    ("Linear", (784,)), ("Tanh", (784,)),
]  # fmt: skip
MLP_DISCRIMINATOR: list[Row] = [
    ("Linear", (512,)), ("LeakyReLU", (512,)), ("BatchNorm1d", (512,)),
    ("Linear", (256,)), ("LeakyReLU", (256,)), ("BatchNorm1d", (256,)),
    ("Linear", (1,)),
]  # fmt: skip


def rows_of(network: nn.Module, *inputs: Tensor) -> list[tuple[str, tuple[int, ...], int]]:
    """(layer, output size without its first dimension, that dimension) in the order of the forward pass."""
    rows: list[tuple[str, tuple[int, ...], int]] = []

    def note(module: nn.Module, args: object, output: Tensor) -> None:
        named = next(kind for kind in type(module).__mro__ if kind.__module__.startswith("torch.nn"))
        rows.append((named.__name__, tuple(output.shape[1:]), output.shape[0]))

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(note) for leaf in leaves]
    network.double()(*(x.double() if x.is_floating_point() else x for x in inputs))  # one by one: see blocks.Layers
    for handle in handles:
        handle.remove()
    return rows


def pair(name: str, shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> tuple[Generator, Discriminator]:
    return build_networks(name, shape, classes, seed=0)


def inputs(shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(B, 100), torch.arange(B) % classes, torch.randn(B, *shape)


@pytest.mark.parametrize("name", ["gan", "cgan", "acgan"])
def test_convolutional_generators_are_tables_1_3_and_5(name: str) -> None:
    generator, _ = pair(name)
    z, labels, _ = inputs()
    assert [row[:2] for row in rows_of(generator, z, labels)] == CONV_GENERATOR
    first = next(module for module in generator.modules() if isinstance(module, nn.ConvTranspose2d))
    assert first.in_channels == (100 if name == "gan" else 110)


@pytest.mark.parametrize("name", ["gan", "cgan", "acgan"])
def test_convolutional_discriminators_are_tables_2_4_and_6(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def layer_by_layer(maps: Tensor, source: nn.Conv2d, *linear: nn.Linear) -> tuple[Tensor, ...]:
        """What the one product stands for (proved in test_models_products.py)."""
        answers = [source(maps).flatten(1)]
        return *answers, *(layer(discriminator.auxiliary[0](maps)) for layer in linear)

    monkeypatch.setattr(f"digitsmith.models.{name}.of_whole_maps", layer_by_layer)
    _, discriminator = pair(name)
    _, labels, images = inputs()
    rows = [row[:2] for row in rows_of(discriminator, images, labels)]
    assert rows == DISCRIMINATORS[name]


@pytest.mark.parametrize("name", ["gan", "cgan", "acgan"])
def test_kernels_and_strides_are_the_tables(name: str) -> None:
    generator, discriminator = pair(name)
    up = [(m.kernel_size, m.stride) for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert up == [((7, 7), (1, 1)), ((4, 4), (2, 2)), ((4, 4), (2, 2))]
    down = [(m.kernel_size, m.stride) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert sorted(down) == sorted([((4, 4), (2, 2))] * (3 if name == "cgan" else 2) + [((7, 7), (1, 1))])


def test_cgan_stacks_image_and_class_maps() -> None:
    _, discriminator = pair("cgan")
    seen: list[Tensor] = []
    discriminator.block2[0].register_forward_pre_hook(lambda module, args: seen.extend(args))
    _, labels, images = inputs()
    discriminator(images, labels)
    of_image, of_class, _ = seen
    assert of_image.shape == (B, 32, 14, 14) and of_class.shape == (10, 32, 14, 14)  # (3) + (4) of Table 4
    assert discriminator.block2[0].in_channels == 64


def test_fully_connected_pair_is_the_first_reports() -> None:
    generator, discriminator = pair("cgan-mlp")
    z, labels, images = inputs()
    assert [row[:2] for row in rows_of(generator, z, labels)] == MLP_GENERATOR
    assert [row[:2] for row in rows_of(discriminator, images, labels)] == MLP_DISCRIMINATOR
    assert next(m.in_features for m in generator.modules() if isinstance(m, nn.Linear)) == 110
    assert next(m.in_features for m in discriminator.modules() if isinstance(m, nn.Linear)) == 794
    slopes = [m.negative_slope for m in discriminator.modules() if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.01, 0.01]  # the formula of section 5.3.2


@pytest.mark.parametrize("name", REPORT_MODELS)
@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 10), ((3, 32, 32), 10), ((1, 28, 28), 47)])
def test_the_reports_architectures_take_other_images(name: str, shape: tuple[int, int, int], classes: int) -> None:
    generator, discriminator = pair(name, shape, classes)
    z, labels, images = inputs(shape, classes)
    drawn = generator(z, labels)
    assert drawn.shape == (B, *shape)
    assert drawn.abs().max() <= 1
    verdict = discriminator(images, labels)
    assert verdict.source.shape == (B,)
    if name == "acgan":
        assert verdict.classes is not None
        assert verdict.classes.shape == (B, classes)
    else:
        assert verdict.classes is None


def test_the_first_layer_as_a_product_is_the_tables_convolution() -> None:
    layer = ConvTransposeFromVector(110, 64, 7).double()
    reference = nn.ConvTranspose2d(110, 64, 7, bias=False).double()
    reference.load_state_dict(layer.state_dict())
    x = torch.randn(B, 110, 1, 1, dtype=torch.float64, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    weights = torch.randn(B, 64, 7, 7, dtype=torch.float64)
    (layer(x) * weights).sum().backward()
    (reference(y) * weights).sum().backward()
    torch.testing.assert_close(layer(x), reference(y))
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(layer.weight.grad, reference.weight.grad)


@pytest.mark.parametrize("classes", [2, 10, 16, 26, 47])
def test_class_planes_tell_every_class_apart(classes: int) -> None:
    planes = class_planes(classes, 28, 28)
    assert planes.shape == (classes, 1, 28, 28)
    assert len({plane.numpy().tobytes() for plane in planes}) == classes


def test_every_window_of_the_class_convolution_sees_the_class_once() -> None:
    planes = class_planes(10, 28, 28)
    windows = planes.unfold(2, 4, 2).unfold(3, 4, 2)  # [10, 1, 13, 13, 4, 4]: those that lie inside
    assert torch.equal(windows.sum((-1, -2)), torch.ones(10, 1, 13, 13))


@pytest.mark.parametrize("name", MODELS)
def test_initial_weights_belong_to_the_seed(name: str) -> None:
    torch.manual_seed(1)
    state_before = torch.get_rng_state()
    first = build_networks(name, (1, 28, 28), 10, seed=5)
    torch.manual_seed(2)
    again = build_networks(name, (1, 28, 28), 10, seed=5)
    other = build_networks(name, (1, 28, 28), 10, seed=6)
    for one, two, three in zip(first, again, other, strict=True):
        same = [torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True)]
        assert all(same)
        assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), three.parameters(), strict=True))
    torch.manual_seed(1)
    build_networks(name, (1, 28, 28), 10, seed=5)
    assert torch.equal(torch.get_rng_state(), state_before)  # the caller's randomness is left alone


def test_convolutional_weights_start_as_dcgans() -> None:
    generator, discriminator = pair("acgan")
    for network in (generator, discriminator):
        weights = torch.cat(
            [m.weight.flatten() for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
            or [m.weight.flatten() for m in network.modules() if isinstance(m, nn.ConvTranspose2d)]
        )
        assert abs(weights.std().item() - 0.02) < 5e-4
        scales = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
        assert abs(scales.mean().item() - 1) < 0.01
        assert 0.01 < scales.std().item() < 0.03


@pytest.mark.parametrize("name", ["gan", "cgan", "acgan"])
@pytest.mark.parametrize("shape", [(1, 28, 32), (1, 30, 30), (1, 4, 4)])
def test_sizes_a_table_cannot_have_are_refused(name: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="multiple of 4"):
        pair(name, shape)


def test_an_unknown_model_is_refused_with_the_list() -> None:
    with pytest.raises(ConfigError, match="choose one of gan, cgan, acgan, cgan-mlp"):
        pair("began")


def test_settings_and_registry_name_the_same_models() -> None:
    assert tuple(ARCHITECTURES) == MODELS


@pytest.mark.parametrize("name", REPORT_MODELS)
def test_conditions_are_looked_at_where_they_should_be(name: str) -> None:
    generator, discriminator = (copy.deepcopy(network).eval() for network in pair(name))
    z, _, images = inputs()
    one, two = torch.zeros(B, dtype=torch.int64), torch.full((B,), 9)
    drawn_differs = not torch.equal(generator(z, one), generator(z, two))
    source_differs = not torch.equal(discriminator(images, one).source, discriminator(images, two).source)
    assert drawn_differs == (name != "gan")
    assert source_differs == (name in ("cgan", "cgan-mlp"))  # an ACGAN's class is an answer, not an input
    assert np.isfinite(discriminator(images, one).source.detach().numpy()).all()
