"""penman, digitsmith's own model: it draws the class that is asked for in the style that is asked for.

Without style it draws the class alone: for photographs and clothes, which have no strokes to measure.

Both networks follow Huang et al., "The GAN is dead; long live the GAN!" (NeurIPS 2024): residual blocks whose second
convolution starts at zero, leaky ReLUs, no normalisation layer. Nothing wide runs at full size: the generator's last
layer shuffles channels into pixels, the discriminator's first one pixels into channels. Every layer can be
differentiated twice, which the gradient penalties of `training/relativistic.py` need.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith.models.blocks import Discriminator, Generator, require_quartered
from digitsmith.models.products import ConvSame
from digitsmith.style import STYLE_NAMES, table_rows

STYLES = len(STYLE_NAMES)  # thickness (px), slant (degrees), width (px), height (px), in this order
_SLOPE = 0.2
_EMBEDDED = 64  # of the class and of the style, each
_FEATURES = 128  # of the discriminator
_SMALL = 0.1  # the last layers' weights to those of the others


class StyledVerdict(NamedTuple):
    """What penman's discriminator says of a batch. It parallels `Verdict`, with none of its parts optional.

    source: logits [B] of "this image came from the training data"; only differences mean something.
    classes: logits [B, K], the class that is read.
    style: [B, 4], the style that is read, in the deviations of `PenmanDiscriminator.normalised`; None without style.
    """

    source: Tensor
    classes: Tensor
    style: Tensor | None


class ResidualBlock(nn.Module):
    """x + conv2(lrelu(conv1(lrelu(x)))): at first x itself, because conv2 starts at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvSame(channels, channels)
        self.conv2 = ConvSame(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.conv2(_leaky(self.conv1(_leaky(x))))
        return x + inner


class PenmanGenerator(Generator):
    """(z [B, 64], labels [B], style float32 [B, 4] in px and degrees, or None) -> images [B, C, H, W].

    Buffers of one with style, filled from the training images before the first step (`training/styles.py`):
        style_mean, style_deviation: float32 [4], by which a style is normalised.
        style_table: float32 [K, R, 4], styles of training images of each class, for whoever asks for none.

    Args:
        width: channels at half the image's size; there are twice as many at a quarter.
        blocks: residual blocks at each of the two sizes.
        styled: whether it is asked for a style.
    """

    z_dim = 64
    style_mean: Tensor
    style_deviation: Tensor
    style_table: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        width: int = 32,
        blocks: int = 2,
        styled: bool = True,
    ) -> None:
        super().__init__()
        require_quartered(image_shape)
        channels, height, _ = image_shape
        self.side, self.wide, self.styled = height // 4, 2 * width, styled
        self.class_embedding = nn.Embedding(classes, _EMBEDDED)
        if styled:
            self.style_embedding = _style_embedding(_EMBEDDED)
        self.first = nn.Linear(self.z_dim + (1 + styled) * _EMBEDDED, self.wide * self.side**2)
        self.low = nn.Sequential(*(ResidualBlock(self.wide) for _ in range(blocks)))  # [B, 2 * width, 7, 7]
        self.up = ConvSame(self.wide, 4 * width)  # shuffled to [B, width, 14, 14]
        self.high = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.last = nn.Conv2d(width, 4 * channels, 3, padding=1)  # shuffled to [B, C, 28, 28]
        if styled:
            _register_scale(self)
            self.register_buffer("style_table", torch.zeros(classes, table_rows(classes), STYLES))
        _initialise(self, small=[self.last])

    def forward(self, z: Tensor, labels: Tensor, style: Tensor | None = None) -> Tensor:
        asked = [self.class_embedding(labels)]
        if self.styled:
            assert style is not None, "a generator with style is asked for one"
            asked.append(self.style_embedding((style - self.style_mean) / self.style_deviation).to(z.dtype))
        x = self.first(torch.cat([z, *asked], dim=1))
        x = x.view(-1, self.wide, self.side, self.side).contiguous(memory_format=torch.channels_last)
        x = F.pixel_shuffle(self.up(self.low(x)), 2)
        return torch.tanh(F.pixel_shuffle(self.last(_leaky(self.high(x))), 2))

    @torch.no_grad()
    def start_at(self, mean: Tensor) -> None:
        """Let images be about `mean`, float [C] in [-1, 1], everywhere, before anything has been learned."""
        assert self.last.bias is not None
        self.last.bias.copy_(mean.clamp(-0.9, 0.9).atanh().repeat_interleave(4))  # four maps of a channel are shuffled


class PenmanDiscriminator(Discriminator):
    """(images, labels [B], style float32 [B, 4] in px and degrees, or None) -> StyledVerdict.

    The condition enters as a projection (Miyato and Koyama, "cGANs with Projection Discriminator", ICLR 2018): the
    inner product of the image's features with an embedding of what was asked for. Class and style are answers too,
    read from the same features without the condition.

    Args:
        width, blocks, styled: as in `PenmanGenerator`.
    """

    style_mean: Tensor
    style_deviation: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        width: int = 32,
        blocks: int = 2,
        styled: bool = True,
    ) -> None:
        super().__init__()
        require_quartered(image_shape)
        channels, height, _ = image_shape
        wide, self.styled = 2 * width, styled
        self.first = nn.Conv2d(4 * channels, width, 3, padding=1)  # of the image unshuffled: [B, width, 14, 14]
        self.high = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.down = nn.Conv2d(4 * width, wide, 1)  # of the maps unshuffled: [B, 2 * width, 7, 7]
        self.low = nn.Sequential(*(ResidualBlock(wide) for _ in range(blocks)))
        self.features = nn.Linear(wide * (height // 4) ** 2, _FEATURES)
        self.class_embedding = nn.Embedding(classes, _FEATURES)
        if styled:
            self.style_embedding = _style_embedding(_FEATURES)
        self.source = nn.Linear(_FEATURES, 1)
        self.classes = nn.Linear(_FEATURES, classes)
        if styled:
            self.style = nn.Linear(_FEATURES, STYLES)
            _register_scale(self)
        _initialise(self, small=[self.source, self.classes, *([self.style] if styled else [])])

    def normalised(self, style: Tensor) -> Tensor:
        """`style` [B, 4] in deviations from the training images' mean."""
        return (style - self.style_mean) / self.style_deviation

    def forward(self, images: Tensor, labels: Tensor, style: Tensor | None = None) -> StyledVerdict:
        x = self.high(self.first(F.pixel_unshuffle(images, 2)))
        x = self.low(self.down(F.pixel_unshuffle(x, 2)))
        features = _leaky(self.features(_leaky(x).flatten(1)))
        asked = self.class_embedding(labels)
        if self.styled:
            assert style is not None, "a discriminator with style is told what was asked for"
            asked = asked + self.style_embedding(self.normalised(style))
        source = self.source(features).flatten() + (features * asked).sum(1) / math.sqrt(_FEATURES)
        return StyledVerdict(source, self.classes(features), self.style(features) if self.styled else None)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE)


def _style_embedding(outputs: int) -> nn.Sequential:
    """Of a normalised style [B, 4]."""
    return nn.Sequential(nn.Linear(STYLES, outputs), nn.LeakyReLU(_SLOPE), nn.Linear(outputs, outputs))


def _register_scale(network: nn.Module) -> None:
    """Until the training images are measured a style is taken as it is."""
    network.register_buffer("style_mean", torch.zeros(STYLES))
    network.register_buffer("style_deviation", torch.ones(STYLES))


def _initialise(network: nn.Module, *, small: list[nn.Module]) -> None:
    """Weights N(0, gain² / inputs) with the gain of the leaky ReLU (He et al. 2015), biases zero.

    Two exceptions: a residual block's second convolution is zero, and the `small` layers, which are the last ones,
    have a tenth of it: G begins at mid-gray and not in tanh's flat ends, D without an opinion.
    """
    gain = nn.init.calculate_gain("leaky_relu", _SLOPE)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            inputs = module.weight[0].numel()
            nn.init.normal_(module.weight, 0.0, (_SMALL if module in small else 1.0) * gain / math.sqrt(inputs))
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.conv2.weight)
