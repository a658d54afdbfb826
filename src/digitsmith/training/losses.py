"""The reports' objectives, computed from logits: with D = sigmoid(s), -log D = softplus(-s) and
-log(1 - D) = softplus(s), exact where the sigmoid itself would round to 0 or 1."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from digitsmith.models.blocks import Verdict


def discriminator_loss(real: Verdict, fake: Verdict, labels: Tensor, fake_labels: Tensor) -> Tensor:
    """What D minimises: -L of equations 1 and 2, and for an ACGAN -(L_S + L_C) of equations 3 and 4.

    Equation 1 is also the first report's L_D (its section 5.3.3). `labels` and `fake_labels` are int64 [B].
    """
    loss = F.softplus(-real.source).mean() + F.softplus(fake.source).mean()
    return loss + class_loss(real, labels) + class_loss(fake, fake_labels)


def minimax(fake_source: Tensor) -> Tensor:
    """E log(1 - D(G(z))), which G minimises as the game is written (equation 1; first report, 4.2).

    Its gradient vanishes while D rejects the generated images with confidence.
    """
    return -F.softplus(fake_source).mean()


def non_saturating(fake_source: Tensor) -> Tensor:
    """-E log D(G(z)): the first report's L_G (5.3.3), and what DCGAN, the second report's protocol, minimises."""
    return F.softplus(-fake_source).mean()


GENERATOR_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": minimax,
    "non-saturating": non_saturating,
}


def class_loss(verdict: Verdict, labels: Tensor) -> Tensor | float:
    """-E log P(Class = c | X): one term of equation 4, and 0 where there is no auxiliary classifier.

    Both players minimise it. The second report has G "maximize L_S - L_C"; with its own equations that
    would reward G for being caught and for digits of the wrong class. Odena et al., whom it follows, have
    D maximise L_S + L_C and G maximise L_C - L_S, and that is what stands here.
    """
    if verdict.classes is None:
        return 0.0
    return F.cross_entropy(verdict.classes, labels)
