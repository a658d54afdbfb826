"""sgan's step: D learns the class from a few labels, and what a digit is from all images, real and generated.

D's loss is that of Salimans et al. (NIPS 2016, section 5): cross-entropy on the labelled images, and on all others
whether they are real. To it comes consistency: what the averaged D is sure of in an image as it is, D has to read in
the same image moved (Sajjadi, Javanmardi, Tasdizen, NIPS 2016; the average is that of Tarvainen and Valpola, NIPS 2017;
the threshold that of Sohn et al., "FixMatch", NeurIPS 2020).

G's loss has two parts: the cross-entropy of D's K+1 classes to the class that was asked for, and feature matching, the
distance of the mean features of generated images from those of real ones (Salimans et al., section 3.1). The real ones'
features are those that D gave before its update, by the batch's statistics; the generated ones' are those that it gives
after it, by the running ones.

All images are moved before D learns from them, the generated ones too, with G's gradient through the moves (Zhao et
al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020): were only the real ones moved, G
would learn to draw moved images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.config import Augmentation, TrainSettings
from digitsmith.models.sgan import SganDiscriminator, SganVerdict
from digitsmith.training.augment import augment
from digitsmith.training.step import Players, Reading, StepResult, frozen

LABELLED_SHARE = 1 / 4  # of the images without a label, in a step
GENERATED_SHARE = 1 / 2


class SemiSupervisedBatch(NamedTuple):
    """One step's input. The real images bring no labels: nothing here could look at them."""

    real: Tensor  # float [B, C, H, W] in [-1, 1], as they are
    labelled: Tensor  # float [B / 4, C, H, W]
    labels: Tensor  # int64 [B / 4], of the labelled images
    z: Tensor  # float [B / 2, z_dim]
    fake_labels: Tensor  # int64 [B / 2]
    moves: torch.Generator  # how all of them are moved


@dataclass(frozen=True)
class SemiSupervisedRules:
    """How the parts of both losses are weighed; the fields are those of `TrainSettings`."""

    adversarial_weight: float
    matching_weight: float
    consistency_weight: float
    sure_from: float
    augmentation: Augmentation

    @classmethod
    def of(cls, settings: TrainSettings) -> SemiSupervisedRules:
        return cls(
            settings.adversarial_weight,
            settings.matching_weight,
            settings.consistency_weight,
            settings.sure_from,
            settings.augmentation,
        )


def semi_supervised_step(
    players: Players, recogniser: SganDiscriminator, batch: SemiSupervisedBatch, rules: SemiSupervisedRules
) -> StepResult:
    """Update D, then G, on one batch. `recogniser` is the averaged D as it was before this step."""
    generator, discriminator = players.generator, players.discriminator
    assert isinstance(discriminator, SganDiscriminator)
    labelled, real, generated = len(batch.labelled), len(batch.real), len(batch.z)

    with torch.no_grad(), players.autocast():
        sureness, guess = recogniser(batch.real).classes.float().softmax(1).max(1)
    sure = (sureness >= rules.sure_from).float()
    with players.autocast():
        fake = generator(batch.z, batch.fake_labels)
    moved = augment(torch.cat([batch.labelled, batch.real, fake.float()]), rules.augmentation, batch.moves)
    moved = moved.contiguous(memory_format=torch.channels_last)

    with players.autocast():
        together = discriminator(moved.detach())
    on_labelled, on_real, on_fake = parts(together, [labelled, real, generated])
    loss_d = (
        F.cross_entropy(on_labelled.classes, batch.labels)
        + rules.consistency_weight * (sure * F.cross_entropy(on_real.classes, guess, reduction="none")).mean()
        + rules.adversarial_weight * (F.softplus(-on_real.source).mean() + F.softplus(on_fake.source).mean())
    )
    players.discriminator_optimiser.zero_grad()
    loss_d.backward()
    players.discriminator_optimiser.step()

    discriminator.eval()  # each image by what D remembers of real and generated ones: without the real ones beside it
    with frozen(players.discriminator_optimiser.parameters):
        with players.autocast():
            on_fake_again = discriminator(moved[labelled + real :])
        matched = on_fake_again.features.float().mean(0) - on_real.features.detach().mean(0)
        loss_g = asked_for(on_fake_again, batch.fake_labels) + rules.matching_weight * matched.abs().mean()
        players.generator_optimiser.zero_grad()
        loss_g.backward()
    players.generator_optimiser.step()
    discriminator.train()

    right = (on_labelled.classes.argmax(1) == batch.labels).float()
    return StepResult(
        loss_d.detach(),
        loss_g.detach(),
        on_real.source.detach(),
        on_fake.source.detach(),
        fake.detach(),
        Reading(right.mean(), sure.mean(), guess),
    )


def asked_for(verdict: SganVerdict, labels: Tensor) -> Tensor:
    """-E log p(class = the one asked for) over D's K+1 classes: real, and of that class."""
    return F.cross_entropy(F.pad(verdict.classes.float(), (0, 1)), labels)


def parts(verdict: SganVerdict, sizes: list[int]) -> list[SganVerdict]:
    """A verdict on several batches that stood in one, as one on each, in float32."""
    columns = (column.float().split(sizes) for column in verdict)
    return [SganVerdict(*rows) for rows in zip(*columns, strict=True)]
