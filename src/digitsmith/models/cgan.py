"""The conditional convolutional GAN: second report, section 2.2, Tables 3 and 4."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith.errors import ConfigError
from digitsmith.models.blocks import (
    Discriminator,
    Generator,
    Layers,
    Verdict,
    conv_block,
    conv_generator,
    initialise_as_dcgan,
    require_quartered,
    with_one_hot,
)
from digitsmith.models.image_ends import ConvFromImage
from digitsmith.models.products import ConvOfImageAndClass, of_whole_maps


class CganGenerator(Generator):
    """Table 3: 100-d normal z and the class's one-hot vector, concatenated (110) -> image."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        require_quartered(image_shape)
        self.classes = classes
        self.layers = conv_generator(self.z_dim + classes, image_shape)
        initialise_as_dcgan(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.layers(with_one_hot(z, labels, self.classes)[:, :, None, None])
        return images


def class_planes(classes: int, height: int, width: int) -> Tensor:
    """How each class becomes a 1 x H x W plane: float [classes, 1, H, W] of 0 and 1.

    Table 4 lists the class input as 1x28x28 and does not say how it is filled. Here the one-hot vector is
    written into a square cell (4x4 for up to 16 classes) and the cell is tiled over the plane. Reasons: a
    plane filled with the class number would put the classes on one line, with 4 forever between 3 and 5;
    bands or one corner per class would show the class only to the few positions near it, as nothing above
    the second block mixes positions and classes any more. Tiled, each 4x4 window of the table's convolution
    that lies inside the frame holds every bit of the one-hot vector exactly once, for up to 16 classes; more
    classes need a larger cell, of which a window sees a part. No parameter is added to the table.

    Raises:
        ConfigError: the cell is larger than the plane, so that some classes would look like no class.
    """
    side = max(4, math.ceil(math.sqrt(classes)))
    if side > min(height, width):
        raise ConfigError(
            f"cgan writes the class into a plane of {height}x{width}, which has no room for {classes} classes; "
            "train acgan, or gan, which is asked for none"
        )
    cells = F.one_hot(torch.arange(classes), side * side).float().view(classes, 1, side, side)
    return cells.repeat(1, 1, -(-height // side), -(-width // side))[:, :, :height, :width]


class CganDiscriminator(Discriminator):
    """Table 4: the image through a Conv-BN-ReLU block (3), the class plane through one convolution (4),
    stacked and through the second block -> one logit."""

    planes: Tensor

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.register_buffer("planes", class_planes(classes, height, width), persistent=False)
        self.block1 = conv_block(channels, 32)  # (3) [B, 32, 14, 14]
        self.class_conv = ConvFromImage(1, 32, bias=True)  # (4) [B, 32, 14, 14]
        self.block2 = Layers(  # [B, 64, 7, 7]
            ConvOfImageAndClass(32, 64), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        )
        self.source = nn.Conv2d(64, 1, height // 4)  # [B, 1, 1, 1]
        initialise_as_dcgan(self)

    def forward(self, images: Tensor, labels: Tensor) -> Verdict:
        # K planes go through the convolution, not B: equal labels give equal maps.
        class_maps = self.class_conv(self.planes)  # [K, 32, 14, 14]
        stacked = self.block2[0](self.block1(images), class_maps, labels)
        (source,) = of_whole_maps(self.block2[1:](stacked), self.source)
        return Verdict(source.flatten())
