"""penman's step: D learns to tell which image of a pair is the real one, G to have it choose the generated one.

Huang, Gokaslan, Kuleshov, Tompkin: "The GAN is dead; long live the GAN! A Modern Baseline GAN", NeurIPS 2024
(relativistic pairing loss, Jolicoeur-Martineau 2019, with a gradient penalty at real and at generated images). The
two images of a pair are of one class and one style: what was measured on the real one is asked of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.config import TrainSettings
from digitsmith.models.penman import PenmanDiscriminator, StyledVerdict
from digitsmith.training.differentiable import moved
from digitsmith.training.step import Players, StepResult, frozen


class StyledBatch(NamedTuple):
    """One step's input. Generated image i is asked for the class and the style of real image i; `style` is None for
    images without."""

    real: Tensor  # float [B, C, H, W] in [-1, 1]
    labels: Tensor  # int64 [B]
    z: Tensor  # float [B, z_dim]
    style: Tensor | None  # float32 [B, 4], in px and degrees
    grid: Tensor | None = None  # float32 [B, H, W, 2], by which the generated images are moved; the real ones are

    @property
    def fake_labels(self) -> Tensor:
        """The classes asked of G, under the name that `Batch` has for them."""
        return self.labels


@dataclass(frozen=True)
class Rules:
    """How the parts of both losses are weighed; the fields are those of `TrainSettings`."""

    penalty_gamma: float
    penalty_every: int
    class_weight: float
    style_weight: float

    @classmethod
    def of(cls, settings: TrainSettings) -> Rules:
        return cls(settings.penalty_gamma, settings.penalty_every, settings.class_weight, settings.style_weight)


def relativistic_step(
    players: Players, batch: StyledBatch, step: int, rules: Rules, *, reading_share: float = 1.0
) -> StepResult:
    """Update D, then G, on one batch; the same generated images serve both. `step` counts from 0.

    `reading_share` is how much of the reading loss G still feels. It is what gets G going, and in the end it would
    have G write more legibly than people do.

    The logits of the result are those of each pair: that the real image, or the generated one, is the real one.
    """
    generator, discriminator = players.generator, players.discriminator
    assert isinstance(discriminator, PenmanDiscriminator)
    real, labels, z, style, grid = batch
    asked = None if style is None else discriminator.normalised(style)

    with players.autocast():
        fake = generator(z, labels, style) if grid is None else moved(generator(z, labels, style), grid)
        on_real = discriminator(real, labels, style)
        on_fake = discriminator(fake.detach(), labels, style)
    margin = on_real.source.float() - on_fake.source.float()
    loss_d = pairing_loss(on_real.source, on_fake.source) + reading_loss(on_real, labels, asked, rules)
    players.discriminator_optimiser.zero_grad()
    loss_d.backward()
    if rules.penalty_gamma > 0 and step % rules.penalty_every == 0:  # at a few steps, and there as heavy as at all
        half = slice(len(labels) // 2)
        for images in (real, fake.detach().to(real.dtype)):
            of_half = None if style is None else style[half]
            penalty = gradient_penalty(discriminator, images[half], labels[half], of_half)
            (rules.penalty_every * rules.penalty_gamma / 2 * penalty).backward()
    players.discriminator_optimiser.step()

    with frozen(players.discriminator_optimiser.parameters):
        with players.autocast():
            real_again = discriminator(real, labels, style).source.detach()
            fake_again = discriminator(fake, labels, style)
        loss_g = pairing_loss(fake_again.source, real_again)
        loss_g = loss_g + reading_share * reading_loss(fake_again, labels, asked, rules)
        players.generator_optimiser.zero_grad()
        loss_g.backward()
    players.generator_optimiser.step()

    return StepResult(loss_d.detach(), loss_g.detach(), margin.detach(), -margin.detach(), fake.detach())


def pairing_loss(winner: Tensor, loser: Tensor) -> Tensor:
    """Of logits [B] and [B]: how far `winner` is from being the larger one of each pair."""
    return F.softplus(loser.float() - winner.float()).mean()


def reading_loss(verdict: StyledVerdict, labels: Tensor, style: Tensor | None, rules: Rules) -> Tensor:
    """How far D reads another class and another style (normalised, [B, 4]) than `labels` and `style`, if there is one.

    D learns to read from real images alone, so that it never gets used to how G writes.
    """
    of_class = rules.class_weight * F.cross_entropy(verdict.classes.float(), labels)
    if style is None:
        return of_class
    assert verdict.style is not None, "a discriminator with style reads one"
    return of_class + rules.style_weight * F.mse_loss(verdict.style.float(), style)


def gradient_penalty(
    discriminator: PenmanDiscriminator, images: Tensor, labels: Tensor, style: Tensor | None
) -> Tensor:
    """E |d source / d image|², R1 at real images and R2 at generated ones; in float32, outside autocast.

    Mescheder, Geiger, Nowozin: "Which Training Methods for GANs do actually Converge?", ICML 2018.
    """
    images = images.detach().requires_grad_()
    source = discriminator(images, labels, style).source
    (gradient,) = torch.autograd.grad(source.sum(), images, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()
