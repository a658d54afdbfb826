"""The unconditional convolutional GAN: second report, section 2.1, Tables 1 and 2."""

from __future__ import annotations

from torch import Tensor, nn

from digitsmith.models.blocks import (
    Discriminator,
    Generator,
    Verdict,
    conv_block,
    conv_generator,
    initialise_as_dcgan,
    require_quartered,
)
from digitsmith.models.products import of_whole_maps


class GanGenerator(Generator):
    """Table 1: 100-d normal z -> image. It takes no class: which digit comes out is up to z."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        require_quartered(image_shape)
        self.layers = conv_generator(self.z_dim, image_shape)
        initialise_as_dcgan(self)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.layers(z[:, :, None, None])
        return images


class GanDiscriminator(Discriminator):
    """Table 2: image -> one logit; the table's Sigmoid is part of the loss, where it is stable."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, _ = image_shape
        self.block1 = conv_block(channels, 32)  # [B, 32, 14, 14]
        self.block2 = conv_block(32, 64)  # [B, 64, 7, 7]
        self.source = nn.Conv2d(64, 1, height // 4)  # [B, 1, 1, 1]
        initialise_as_dcgan(self)

    def forward(self, images: Tensor, labels: Tensor) -> Verdict:
        (source,) = of_whole_maps(self.block2(self.block1(images)), self.source)
        return Verdict(source.flatten())
