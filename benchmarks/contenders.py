"""The two who race to quality: digitsmith's training loop, and the textbook loop of the second report's ACGAN."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import TrainingDiverged
from digitsmith.models.blocks import Generator
from digitsmith.training.batches import BatchSource
from digitsmith.training.loop import LOSS_LIMIT, prepared, set_pace, steps_in
from digitsmith.training.machine import keep_freed_memory
from digitsmith.training.observers import Observer
from digitsmith.training.state import TrainingState
from racing import Contender
from textbook import Pictures, acgan_steps
from textbook_networks import AcganDiscriminator, conv_generator

TEXTBOOK_BATCH = 128


def digitsmith_steps(settings: TrainSettings, digits: Digits) -> Iterator[Generator]:
    """The work of every step in `training/loop.py`, to the end of its epochs; the averaged generator draws.

    All that comes before the first step is done when this returns.

    Raises:
        InputError: images that the model cannot learn from.
        TrainingDiverged: as that loop would, at a step.
    """
    keep_freed_memory()
    state, source = prepared(settings, digits, Observer())
    return _played(state, source, settings, steps_in(settings, digits))


def _played(
    state: TrainingState, source: BatchSource, settings: TrainSettings, total_steps: int
) -> Iterator[Generator]:
    """The steps themselves, as `digitsmith_steps` hands them out."""
    while state.step < total_steps:
        set_pace(state, settings, total_steps)
        result = state.play(source.batch(state.step))
        state.step += 1
        state.averaged.update(images_seen=state.step * settings.batch_size, batch_size=settings.batch_size)
        if settings.device == "cpu" and not (
            abs(float(result.loss_d)) < LOSS_LIMIT and abs(float(result.loss_g)) < LOSS_LIMIT
        ):
            raise TrainingDiverged(f"the losses left every sensible range at step {state.step}")
        yield state.averaged.network


class TextbookGenerator(Generator):
    """The textbook's generator behind digitsmith's interface, so that both are drawn from in the same way."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = conv_generator(self.z_dim + 10)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        code = torch.cat([z, nn.functional.one_hot(labels, 10).float()], 1)
        images: Tensor = self.layers(code[:, :, None, None])
        return images


def textbook_steps(settings: TrainSettings, digits: Digits) -> Iterator[Generator]:
    """The second report's ACGAN, without end, of which only seed and device can be set; the last weights draw.

    The networks are built when this returns. Its random numbers are PyTorch's own, from the seed on.
    """
    torch.manual_seed(settings.seed)
    generator, discriminator = TextbookGenerator().to(settings.device), AcganDiscriminator().to(settings.device)
    pictures = Pictures(digits.images, digits.labels, batch_size=TEXTBOOK_BATCH, device=settings.device)
    return (generator for _ in acgan_steps(generator.layers, discriminator, pictures))


def digitsmith_contender(settings: TrainSettings) -> Contender:
    """digitsmith with `settings`."""
    return Contender(f"digitsmith {settings.model}", digitsmith_steps, settings.batch_size)


TEXTBOOK = Contender("textbook acgan", textbook_steps, TEXTBOOK_BATCH)
