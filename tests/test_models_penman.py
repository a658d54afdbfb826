"""penman's networks: the layers as designed, the style's way in, and two derivatives everywhere."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith.errors import ConfigError
from digitsmith.models.penman import PenmanDiscriminator, PenmanGenerator, ResidualBlock
from digitsmith.models.registry import build_networks

B = 6


def players(
    shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10
) -> tuple[PenmanGenerator, PenmanDiscriminator]:
    generator, discriminator = build_networks("penman", shape, classes, seed=0)
    assert isinstance(generator, PenmanGenerator) and isinstance(discriminator, PenmanDiscriminator)
    return generator, discriminator


def inputs(shape: tuple[int, int, int] = (1, 28, 28)) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z, labels, style and images."""
    randomness = torch.Generator().manual_seed(3)
    style = torch.randn(B, 4, generator=randomness) * 2
    images = torch.rand(B, *shape, generator=randomness) * 2 - 1
    return torch.randn(B, 64, generator=randomness), torch.arange(B) % 2, style, images


def learned(network: nn.Module) -> nn.Module:
    """With weights in place of the zeros that the residual blocks begin with."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            nn.init.normal_(module.conv2.weight, 0, 0.1)
    return network


def test_the_generator_has_the_layers_that_others_rebuild_it_from() -> None:
    """The ONNX graph and the torch-free network are written from these names and shapes."""
    shapes = {name: tuple(tensor.shape) for name, tensor in players()[0].state_dict().items()}
    expected = {
        "class_embedding.weight": (10, 64),
        "style_embedding.0.weight": (64, 4),
        "style_embedding.2.weight": (64, 64),
        "first.weight": (64 * 49, 192),
        "up.weight": (128, 64, 3, 3),
        "last.weight": (4, 32, 3, 3),
        "style_mean": (4,),
        "style_deviation": (4,),
        "style_table": (10, 5000, 4),
    }
    for room, width in (("low", 64), ("high", 32)):
        for block in (0, 1):
            expected |= {f"{room}.{block}.conv{n}.weight": (width, width, 3, 3) for n in (1, 2)}
    layers = {name.removesuffix(".weight") for name in expected if name.endswith(".weight")} - {"class_embedding"}
    expected |= {f"{name}.bias": expected[f"{name}.weight"][:1] for name in layers}
    assert shapes == expected
    halved = shapes.pop("style_table")  # in the shipped file (tools/ship_weights.py)
    assert sum(map(math.prod, shapes.values())) * 4 + math.prod(halved) * 2 < 4e6  # its bytes


def test_the_generator_is_its_layers_one_after_the_other() -> None:
    generator = learned(players()[0]).double()
    generator.style_mean.copy_(torch.tensor([2.5, 8.0, 13.0, 19.0]))
    generator.style_deviation.copy_(torch.tensor([0.7, 15.0, 4.0, 1.2]))
    z, labels, style, _ = (tensor.double() if tensor.is_floating_point() else tensor for tensor in inputs())
    w = generator.state_dict()

    def lrelu(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)

    def shuffled(x: Tensor) -> Tensor:
        b, c, h, width = x.shape
        return x.view(b, c // 4, 2, 2, h, width).permute(0, 1, 4, 2, 5, 3).reshape(b, c // 4, 2 * h, 2 * width)

    hidden = (style - w["style_mean"]) / w["style_deviation"] @ w["style_embedding.0.weight"].T
    hidden = lrelu(hidden + w["style_embedding.0.bias"])
    of_style = hidden @ w["style_embedding.2.weight"].T + w["style_embedding.2.bias"]
    code = torch.cat([z, w["class_embedding.weight"][labels], of_style], 1)
    x = (code @ w["first.weight"].T + w["first.bias"]).view(B, 64, 7, 7)
    for block in ("low.0", "low.1"):
        x = x + conv(lrelu(conv(lrelu(x), f"{block}.conv1")), f"{block}.conv2")
    x = shuffled(conv(x, "up"))
    for block in ("high.0", "high.1"):
        x = x + conv(lrelu(conv(lrelu(x), f"{block}.conv1")), f"{block}.conv2")
    torch.testing.assert_close(generator(z, labels, style), shuffled(conv(lrelu(x), "last")).tanh())


def test_the_discriminator_adds_how_well_the_image_fits_what_was_asked() -> None:
    discriminator = learned(players()[1]).double()
    _, labels, style, images = (tensor.double() if tensor.is_floating_point() else tensor for tensor in inputs())
    seen: list[Tensor] = []
    discriminator.classes.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    verdict = discriminator(images, labels, style)
    asked = discriminator.class_embedding(labels) + discriminator.style_embedding(style)
    logits = discriminator.source(seen[0])[:, 0] + torch.einsum("bf,bf->b", seen[0], asked) / math.sqrt(128)
    torch.testing.assert_close(verdict.source, logits)
    assert seen[0].shape == (B, 128)


def test_what_is_read_does_not_depend_on_what_was_asked() -> None:
    discriminator = learned(players()[1])
    _, labels, style, images = inputs()
    one, two = discriminator(images, labels, style), discriminator(images, labels + 1, style + 1)
    assert torch.equal(one.classes, two.classes) and torch.equal(one.style, two.style)
    for changed in (discriminator(images, labels + 1, style), discriminator(images, labels, style + 1)):
        assert not torch.isclose(one.source, changed.source).any()


def test_everything_that_is_asked_for_moves_the_drawing() -> None:
    generator = players()[0]
    z, labels, style, _ = inputs()
    drawn = generator(z, labels, style)
    others = [generator(z + 1, labels, style), generator(z, labels + 1, style)]
    others += [generator(z, labels, style + torch.eye(4)[column]) for column in range(4)]
    for other in others:
        assert (drawn - other).abs().amax((1, 2, 3)).min() > 1e-4


def test_style_is_taken_in_deviations_of_the_training_images() -> None:
    generator, discriminator = players()
    z, labels, style, images = inputs()
    plain = generator(z, labels, style), discriminator(images, labels, style).source
    mean, deviation = torch.tensor([2.0, -4.0, 8.0, 16.0]), torch.tensor([0.5, 8.0, 4.0, 2.0])
    for network in (generator, discriminator):
        network.style_mean.copy_(mean)
        network.style_deviation.copy_(deviation)
    real = style * deviation + mean  # in pixels and degrees
    torch.testing.assert_close(generator(z, labels, real), plain[0])
    torch.testing.assert_close(discriminator(images, labels, real).source, plain[1])
    torch.testing.assert_close(discriminator.normalised(real), style)


@pytest.mark.parametrize(
    ("shape", "classes"), [((1, 28, 28), 10), ((3, 32, 32), 10), ((1, 8, 8), 2), ((1, 28, 28), 47)]
)
def test_it_takes_other_images(shape: tuple[int, int, int], classes: int) -> None:
    generator, discriminator = players(shape, classes)
    z, labels, style, images = inputs(shape)
    drawn = generator(z, labels, style)
    assert drawn.shape == (B, *shape) and drawn.abs().max() <= 1
    verdict = discriminator(images, labels, style)
    assert verdict.source.shape == (B,) and verdict.classes.shape == (B, classes) and verdict.style.shape == (B, 4)


@pytest.mark.parametrize("shape", [(1, 28, 32), (1, 30, 30), (1, 4, 4)])
def test_sizes_it_cannot_have_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="multiple of 4"):
        players(shape)


def test_width_and_blocks_can_be_others() -> None:
    z, labels, style, images = inputs()
    wide = PenmanGenerator((1, 28, 28), 10, width=32, blocks=1)
    assert (wide.up.in_channels, wide.last.in_channels, len(wide.low)) == (64, 32, 1)
    assert wide(z, labels, style).shape == images.shape
    narrow = PenmanDiscriminator((1, 28, 28), 10, width=8, blocks=3)
    assert (narrow.first.out_channels, narrow.down.out_channels, len(narrow.high)) == (8, 16, 3)
    assert narrow(images, labels, style).source.shape == (B,)


def test_an_image_does_not_depend_on_its_batch() -> None:
    generator = learned(players()[0])
    z, labels, style, _ = inputs()
    together, alone = generator(z, labels, style), generator(z[2:3], labels[2:3], style[2:3])
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)


def test_it_begins_gray_without_an_opinion_and_with_idle_blocks() -> None:
    generator, discriminator = players()
    z, labels, style, images = inputs()
    drawn = generator(z, labels, style)
    assert 0.02 < drawn.std() < 0.5 and abs(drawn.mean()) < 0.1
    verdict = discriminator(images, labels, style)
    assert verdict.classes.std() < 0.5 and verdict.style.std() < 0.5
    for seed in range(10):  # asked for the mean style; one of 3.6 deviations, as above, may begin with any opinion
        discriminator = build_networks("penman", (1, 28, 28), 10, seed=seed)[1]
        assert discriminator(images, labels, torch.zeros_like(style)).source.abs().max() < 3
    x = torch.randn(2, 32, 5, 5)
    assert torch.equal(generator.high[0](x), x)


def test_the_discriminator_can_be_differentiated_twice() -> None:
    """In float64, against differences: what the gradient penalties stand on."""
    discriminator = learned(PenmanDiscriminator((1, 8, 8), 2, width=4, blocks=1)).double()
    labels, style = torch.arange(2), torch.randn(2, 4, dtype=torch.float64)
    images = torch.rand(2, 1, 8, 8, dtype=torch.float64)

    def of_images(images: Tensor) -> Tensor:
        source: Tensor = discriminator(images, labels, style).source
        return source

    assert torch.autograd.gradgradcheck(of_images, (images.requires_grad_(),))
    (gradient,) = torch.autograd.grad(of_images(images).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    silent = {name for name, weight in discriminator.named_parameters() if weight.grad is None}
    readers = {f"{name}.{kind}" for name in ("classes", "style") for kind in ("weight", "bias")}
    assert silent == readers | {"source.bias"}  # none of these decides how the source's logit changes with the image
