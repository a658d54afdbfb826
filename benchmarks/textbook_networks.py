"""The networks of both reports as tutorials write them: every row of a table is a layer of torch.nn, Sigmoid included.

The weights are digitsmith's in number, shape and order, and so is what they compute (tests/test_benchmarks.py); none
of its code is imported here. Images are [B, 1, 28, 28], classes 0 to 9.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_generator(inputs: int) -> nn.Module:
    """Second report, Tables 1 (100 inputs), 3 and 5 (110: z and the class's one-hot vector)."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, 64, 7, 1, 0, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
        nn.Tanh(),
    ).apply(initialise)


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """Conv2D 4x4 / 2 - BatchNorm2D - ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class GanDiscriminator(nn.Module):
    """Table 2: image -> probability [B] of being real."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(conv_block(1, 32), conv_block(32, 64), nn.Conv2d(64, 1, 7), nn.Sigmoid())
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers(images)
        return scores.view(-1)


class CganDiscriminator(nn.Module):
    """Table 4: image and class plane, each through a convolution, stacked -> probability [B] of being real.

    The plane of each class is digitsmith's (docs/models.md): its one-hot vector in a 4x4 cell, tiled.
    """

    planes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("planes", torch.eye(10, 16).view(10, 1, 4, 4).repeat(1, 1, 7, 7))  # [10, 1, 28, 28]
        self.image_block = conv_block(1, 32)
        self.class_conv = nn.Conv2d(1, 32, 4, 2, 1)
        self.stacked = nn.Sequential(conv_block(64, 64), nn.Conv2d(64, 1, 7), nn.Sigmoid())
        self.apply(initialise)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        class_maps = self.class_conv(self.planes[labels])  # [B, 32, 14, 14]
        scores: Tensor = self.stacked(torch.cat([self.image_block(images), class_maps], 1))
        return scores.view(-1)


class AcganDiscriminator(nn.Module):
    """Table 6: image -> probability [B] of being real, and logits [B, 10] of its class."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(conv_block(1, 32), conv_block(32, 64))
        self.source = nn.Sequential(nn.Conv2d(64, 1, 7), nn.Sigmoid())
        self.auxiliary = nn.Sequential(nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))
        self.apply(initialise)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(images)
        return self.source(features).view(-1), self.auxiliary(features)


class MlpGenerator(nn.Module):
    """First report, 4.1.1 and 5.1.1: z and one-hot class [B, 110] -> image."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(110, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU()),
            *(nn.Linear(256, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU()),
            *(nn.Linear(512, 1024, bias=False), nn.BatchNorm1d(1024), nn.ReLU()),
            *(nn.Linear(1024, 784), nn.Tanh()),
        )

    def forward(self, code: Tensor) -> Tensor:
        pixels: Tensor = self.layers(code)
        return pixels.view(-1, 1, 28, 28)


class MlpDiscriminator(nn.Module):
    """First report, 4.1.2 and 5.1.2: pixels and one-hot class -> probability [B] of being real."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(794, 512), nn.LeakyReLU(0.01), nn.BatchNorm1d(512)),
            *(nn.Linear(512, 256), nn.LeakyReLU(0.01), nn.BatchNorm1d(256)),
            *(nn.Linear(256, 1), nn.Sigmoid()),
        )

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        scores: Tensor = self.layers(torch.cat([images.flatten(1), F.one_hot(labels, 10).float()], 1))
        return scores.view(-1)


def initialise(module: nn.Module) -> None:
    """DCGAN's: weights N(0, 0.02), BatchNorm scales N(1, 0.02), biases 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


NETWORKS: dict[str, Callable[[], tuple[nn.Module, nn.Module]]] = {
    "gan": lambda: (conv_generator(100), GanDiscriminator()),
    "cgan": lambda: (conv_generator(110), CganDiscriminator()),
    "acgan": lambda: (conv_generator(110), AcganDiscriminator()),
    "cgan-mlp": lambda: (MlpGenerator(), MlpDiscriminator()),
}
"""The generator and the discriminator of each model, newly made."""
