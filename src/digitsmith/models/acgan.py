"""The auxiliary classifier GAN: second report, section 2.3, Tables 5 and 6."""

from __future__ import annotations

from torch import Tensor, nn

from digitsmith.models.blocks import (
    Discriminator,
    Verdict,
    conv_block,
    initialise_as_dcgan,
)
from digitsmith.models.cgan import CganGenerator
from digitsmith.models.products import of_whole_maps


class AcganGenerator(CganGenerator):
    """Table 5, which is Table 3 row for row."""


class AcganDiscriminator(Discriminator):
    """Table 6: the image alone -> one logit (2) and, from the second block's features (1), the class (3).

    The class is an answer here, not an input: `labels` is not looked at.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, _ = image_shape
        side = height // 4
        self.block1 = conv_block(channels, 32)  # [B, 32, 14, 14]
        self.block2 = conv_block(32, 64)  # (1) [B, 64, 7, 7]
        self.source = nn.Conv2d(64, 1, side)  # (2) [B, 1, 1, 1]
        self.auxiliary = nn.Sequential(  # (3)
            nn.Flatten(),  # [B, 3136]
            nn.Linear(64 * side * side, 128),
            nn.ReLU(),
            nn.Linear(128, classes),
        )
        initialise_as_dcgan(self)

    def forward(self, images: Tensor, labels: Tensor) -> Verdict:
        linear = self.auxiliary[1]
        assert isinstance(linear, nn.Linear)
        source, hidden = of_whole_maps(self.block2(self.block1(images)), self.source, linear)
        return Verdict(source.flatten(), self.auxiliary[2:](hidden))
