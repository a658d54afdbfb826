"""The fully connected conditional GAN: first report, sections 4.1 and 5.1.

The report gives the ends (110 -> 784 and 794 -> 1) and the kinds of layers, not the hidden widths. Chosen
here: 256, 512, 1024 up in the generator and 512, 256 down in the discriminator, the doubling and halving
most fully connected MNIST GANs use, with a discriminator kept smaller than the generator so that it does
not win. Initial weights are PyTorch's defaults: the report names no other, and its tables of numbers
depend on none.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from digitsmith.models.blocks import Discriminator, Generator, Verdict, with_one_hot


class CganMlpGenerator(Generator):
    """4.1.1 and 5.1.1: z and one-hot class (110) -> fully connected, BatchNorm, ReLU -> 784 -> tanh."""

    def __init__(
        self, image_shape: tuple[int, int, int], classes: int, widths: tuple[int, ...] = (256, 512, 1024)
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.classes = classes
        rows = [self.z_dim + classes, *widths]
        hidden: list[nn.Module] = []
        for inputs, outputs in pairwise(rows):
            hidden += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*hidden, nn.Linear(rows[-1], math.prod(image_shape)), nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        pixels: Tensor = self.layers(with_one_hot(z, labels, self.classes))  # [B, 784]
        return pixels.view(-1, *self.image_shape)


class CganMlpDiscriminator(Discriminator):
    """4.1.2 and 5.1.2: pixels and one-hot class (794) -> fully connected, LeakyReLU(0.01), BatchNorm -> 1.

    0.01 is the slope of the report's formula in 5.3.2; the order is the one its section 4.1.2 lists.

    With BatchNorm as the last layer before the output, the mean logit of a batch is the same whatever is in
    it: BatchNorm takes the mean away and the layer after it is linear. Judged in batches of their own, real
    and generated images would get the same mean logit for ever (measured: scores 0.50 and 0.50 from the
    first step to the last). So both stand in one batch here, and share its statistics.
    """

    judges_together = True

    def __init__(self, image_shape: tuple[int, int, int], classes: int, widths: tuple[int, ...] = (512, 256)) -> None:
        super().__init__()
        self.classes = classes
        rows = [math.prod(image_shape) + classes, *widths]
        hidden: list[nn.Module] = []
        for inputs, outputs in pairwise(rows):
            hidden += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.01), nn.BatchNorm1d(outputs)]
        self.layers = nn.Sequential(*hidden, nn.Linear(rows[-1], 1))

    def forward(self, images: Tensor, labels: Tensor) -> Verdict:
        pixels_and_class = with_one_hot(images.flatten(1), labels, self.classes)  # [B, 794]
        logits: Tensor = self.layers(pixels_and_class)
        return Verdict(torch.flatten(logits))
