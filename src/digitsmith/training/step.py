"""The adversarial step: one update of D on real and generated images, then one of G through the new D."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from digitsmith.models.blocks import Discriminator, Generator, Verdict
from digitsmith.training.adam import Adam
from digitsmith.training.losses import class_loss, discriminator_loss


@dataclass(frozen=True)
class Players:
    """Both networks with their optimisers, how G's loss is written, and the precision of the forward passes."""

    generator: Generator
    discriminator: Discriminator
    generator_optimiser: Adam
    discriminator_optimiser: Adam
    generator_loss: Callable[[Tensor], Tensor]
    device: str
    bfloat16: bool

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device, torch.bfloat16, enabled=self.bfloat16)


class Batch(NamedTuple):
    """One step's input. The classes asked of G are drawn uniformly, as in equation 2's expectation over y."""

    real: Tensor  # float [B, C, H, W] in [-1, 1]
    labels: Tensor  # int64 [B]
    z: Tensor  # float [B, z_dim]
    fake_labels: Tensor  # int64 [B]


class Reading(NamedTuple):
    """How a model that learns from few labels read a step's real images; tensors on the device."""

    labelled_accuracy: Tensor  # share of the labelled images that D read right, moved as they were; a scalar
    sure: Tensor  # share of the others of whose class the averaged D is sure; a scalar
    guess: Tensor  # the class that it reads in each of those, int64 [B]


class StepResult(NamedTuple):
    """What a step leaves to look at; tensors on the device, so that looking is the caller's choice."""

    loss_d: Tensor
    loss_g: Tensor
    real_source: Tensor  # D's logits of the real images, [B]
    fake_source: Tensor  # D's logits of the generated images before its update, [B]
    fake: Tensor  # the generated images [B, C, H, W]
    reading: Reading | None = None


def adversarial_step(players: Players, batch: Batch) -> StepResult:
    """Update D, then G, on one batch; the same generated images serve both, as in DCGAN."""
    _, labels, z, fake_labels = batch
    generator, discriminator = players.generator, players.discriminator

    with players.autocast():
        fake = generator(z, fake_labels)
        on_real, on_fake = judge(discriminator, batch, fake.detach())
    loss_d = discriminator_loss(on_real, on_fake, labels, fake_labels)
    players.discriminator_optimiser.zero_grad()
    loss_d.backward()
    players.discriminator_optimiser.step()

    with frozen(players.discriminator_optimiser.parameters):  # only the way through D is needed, not D's own gradients
        with players.autocast():
            if discriminator.judges_together:
                _, on_fake_again = judge(discriminator, batch, fake)
            else:
                on_fake_again = in_float32(discriminator(fake, fake_labels))
        loss_g = players.generator_loss(on_fake_again.source) + class_loss(on_fake_again, fake_labels)
        players.generator_optimiser.zero_grad()
        loss_g.backward()
    players.generator_optimiser.step()

    return StepResult(loss_d.detach(), loss_g.detach(), on_real.source.detach(), on_fake.source.detach(), fake.detach())


def judge(discriminator: Discriminator, batch: Batch, fake: Tensor) -> tuple[Verdict, Verdict]:
    """D's verdicts on the real and on the generated images, in a batch of each or in one of both."""
    if not discriminator.judges_together:
        on_real = discriminator(batch.real, batch.labels)
        return in_float32(on_real), in_float32(discriminator(fake, batch.fake_labels))
    real = batch.real.to(fake.dtype)  # that of D's products, to which it would be rounded once it is twice as much
    together = discriminator(torch.cat([real, fake]), torch.cat([batch.labels, batch.fake_labels]))
    source, classes = in_float32(together)
    size = len(fake)
    return (
        Verdict(source[:-size], None if classes is None else classes[:-size]),
        Verdict(source[-size:], None if classes is None else classes[-size:]),
    )


def in_float32(verdict: Verdict) -> Verdict:
    """The logits in float32: a loss computed in bfloat16 has two or three digits."""
    return Verdict(verdict.source.float(), None if verdict.classes is None else verdict.classes.float())


@contextmanager
def frozen(parameters: Sequence[Tensor]) -> Iterator[None]:
    """Within the block, gradients flow through these parameters' network and not into them."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
