"""The semi-supervised GAN's networks: K classes and one for generated images, in any of the sizes that data have."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from digitsmith.errors import ConfigError
from digitsmith.models.cgan import CganGenerator
from digitsmith.models.registry import build_networks
from digitsmith.models.sgan import FEATURES, SganDiscriminator, SganGenerator

B = 4


@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 10), ((3, 32, 32), 10), ((1, 28, 28), 47)])
def test_every_size_colour_and_number_of_classes(shape: tuple[int, int, int], classes: int) -> None:
    generator, discriminator = build_networks("sgan", shape, classes, seed=0)
    drawn = generator(torch.randn(B, generator.z_dim), torch.arange(B) % classes)
    assert drawn.shape == (B, *shape)
    assert drawn.abs().max() <= 1
    verdict = discriminator(drawn, torch.zeros(B, dtype=torch.int64))
    assert verdict.source.shape == (B,)
    assert verdict.classes.shape == (B, classes)
    assert verdict.features.shape == (B, FEATURES)


def test_real_is_what_the_k_classes_have_of_a_softmax_of_k_plus_1() -> None:
    """Salimans et al., section 5: the logit of the generated class is 0, p(real) = Z / (Z + 1)."""
    discriminator = SganDiscriminator((1, 28, 28), 10).eval()
    verdict = discriminator(torch.randn(B, 1, 28, 28).clamp(-1, 1))
    of_all = torch.cat([verdict.classes, torch.zeros(B, 1)], dim=1).softmax(1)  # [B, 11]
    torch.testing.assert_close(verdict.source.sigmoid(), 1 - of_all[:, 10])
    torch.testing.assert_close(verdict.source.sigmoid()[:, None] * verdict.classes.softmax(1), of_all[:, :10])


def test_the_layers_are_as_they_say() -> None:
    discriminator = SganDiscriminator((1, 28, 28), 10)
    shapes = []
    for layer in discriminator.layers:
        layer.register_forward_hook(lambda module, given, found: shapes.append((type(module), tuple(found.shape[1:]))))
    discriminator(torch.zeros(B, 1, 28, 28))
    sizes = [shape for kind, shape in shapes if kind not in (nn.BatchNorm2d, nn.ReLU)]
    assert sizes == [(32, 14, 14), (64, 14, 14), (64, 7, 7), (128, 5, 5), (128, 1, 1), (128,)]
    assert sum(kind is nn.BatchNorm2d for kind, _ in shapes) == 3


def test_the_generator_is_the_cgans() -> None:
    """So that `drawing/network.py` draws with it as it stands."""
    own, its = SganGenerator((1, 28, 28), 10).state_dict(), CganGenerator((1, 28, 28), 10).state_dict()
    assert {name: tensor.shape for name, tensor in own.items()} == {name: tensor.shape for name, tensor in its.items()}


def test_the_padding_around_an_image_is_background() -> None:
    """On a blank image the first convolution finds nothing, at the edges neither."""
    discriminator = SganDiscriminator((1, 28, 28), 10).eval()
    found = []
    discriminator.layers[0].register_forward_hook(lambda module, given, maps: found.append(maps))
    discriminator(torch.full((1, 1, 28, 28), -1.0))
    assert found[0].count_nonzero() == 0


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of 4"):
        build_networks("sgan", (1, 28, 32), 10, seed=0)
    with pytest.raises(ConfigError, match="at least 12 px, these are 8x8"):
        build_networks("sgan", (1, 8, 8), 10, seed=0)
    assert build_networks("sgan", (3, 12, 12), 4, seed=0)[1](torch.zeros(2, 3, 12, 12)).classes.shape == (2, 4)
