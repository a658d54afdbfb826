"""The semi-supervised GAN: its discriminator is a recogniser of K classes with one class more, for generated images.

Odena, "Semi-Supervised Learning with Generative Adversarial Networks", 2016 (arXiv 1606.01583); Salimans, Goodfellow,
Zaremba, Cheung, Radford, Chen, "Improved Techniques for Training GANs", NIPS 2016, section 5. A K+1-way softmax has one
logit too many, so the last one is fixed at 0, as section 5 does: with Z = sum of exp(logit) over the K real classes,
p(real) = Z / (Z + 1), whose own logit is log Z.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from digitsmith.models.blocks import Discriminator, require_quartered
from digitsmith.models.cgan import CganGenerator
from digitsmith.models.image_ends import ConvFromImage

FEATURES = 128


class SganVerdict(NamedTuple):
    """What the discriminator says of a batch. It parallels `Verdict`, with none of its parts optional.

    source: logits [B] of "this image is real", of any class: log Z.
    classes: logits [B, K] of the real classes; that of the generated one is 0.
    features: [B, 128], what the classes are read from.
    """

    source: Tensor
    classes: Tensor
    features: Tensor


class SganGenerator(CganGenerator):
    """The generator of Table 3 (second report): 100-d normal z and the class's one-hot vector -> image.

    Odena's and Salimans' draws what it likes. K+1 classes can ask for more than "real": for one of the K. So this one
    is told a class, and is wrong where it is not read as that class.
    """


class SganDiscriminator(Discriminator):
    """Image -> K logits, through 128 features that no shift of the image moves much: each is a largest response.

    Real and generated images stand in one batch (`judges_together`), so that every BatchNorm sees both, and what
    it remembers of them (its running statistics) is right for either. The class is an answer here, not an input:
    `labels` is not looked at.
    """

    judges_together = True

    def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        require_quartered(image_shape, smallest_px=12)  # a quarter of it is what the last convolution slides over
        channels, _, _ = image_shape
        self.layers = nn.Sequential(
            ConvFromImage(channels, 32),  # [B, 32, 14, 14] of 28x28
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),  # [B, 64, 7, 7]
            nn.Conv2d(64, FEATURES, 3, bias=False),  # [B, 128, 5, 5]
            nn.BatchNorm2d(FEATURES),
            nn.ReLU(inplace=True),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),  # [B, 128]
        )
        self.classes = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> SganVerdict:
        features = self.layers((images + 1) / 2)  # from 0, so that the padding around an image is background
        logits = self.classes(features)
        return SganVerdict(logits.float().logsumexp(1), logits, features)
