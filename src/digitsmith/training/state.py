"""Everything that changes while a run trains, and how it goes into tensors and comes back."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from digitsmith import kernels
from digitsmith.config import STYLED_MODELS, TrainSettings
from digitsmith.data.partly_labelled import TrainingImages
from digitsmith.errors import CheckpointError
from digitsmith.models import winograd
from digitsmith.models.penman import PenmanGenerator
from digitsmith.models.registry import build_networks
from digitsmith.models.sgan import SganDiscriminator
from digitsmith.training.adam import Adam
from digitsmith.training.batches import to_float
from digitsmith.training.checkpoint import Checkpoint
from digitsmith.training.ema import Averaged, half_life_in_images
from digitsmith.training.losses import GENERATOR_LOSSES
from digitsmith.training.recorded import RecordedStep
from digitsmith.training.relativistic import Rules, StyledBatch, relativistic_step
from digitsmith.training.semi_supervised import SemiSupervisedBatch, SemiSupervisedRules, semi_supervised_step
from digitsmith.training.step import Batch, Players, StepResult, adversarial_step

RECOGNISER = "recogniser"  # what the names of its weights in a checkpoint begin with


class TrainingState:
    """Both players, the averaged generator, and the count of steps taken.

    `recogniser` is the averaged discriminator of a model that learns to read from a few labels, None for the others.
    """

    def __init__(self, settings: TrainSettings, digits: TrainingImages, *, device: str) -> None:
        generator, discriminator = build_networks(
            settings.model,
            digits.image_shape,
            len(digits.classes),
            seed=settings.seed,
            channels=settings.channels,
            styled=settings.style != "none",
        )
        if settings.starts_at_mean and isinstance(generator, PenmanGenerator):
            generator.start_at(to_float(torch.tensor(digits.images.mean(axis=(0, 2, 3)))))
        if device == "cpu":
            _compile_kernels(settings, digits.image_shape)
        # channels_last is the layout in which the processor's and the GPU's convolutions are fastest
        generator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        discriminator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

        def adam(network: nn.Module) -> Adam:
            betas = (settings.adam_beta1, settings.adam_beta2)
            return Adam(network.parameters(), settings.learning_rate, betas, clip=settings.gradient_clip)

        self.players = Players(
            generator,
            discriminator,
            adam(generator),
            adam(discriminator),
            GENERATOR_LOSSES[settings.generator_loss],
            device,
            settings.precision == "bfloat16",
        )
        step = partial(adversarial_step, self.players)
        self._adversarial_step = RecordedStep(step, record=True) if device == "cuda" else step
        half_life = half_life_in_images(settings, len(digits))
        self.averaged = Averaged(generator, half_life_images=half_life)
        self.recogniser: Averaged[SganDiscriminator] | None = None
        if isinstance(discriminator, SganDiscriminator):
            self.recogniser = Averaged(discriminator, half_life_images=half_life)
        self.rules = Rules.of(settings)
        self.semi_supervised_rules = SemiSupervisedRules.of(settings)
        self.reading_share = 1.0
        self.step = 0

    def play(self, batch: Batch | StyledBatch | SemiSupervisedBatch) -> StepResult:
        """Update both players on the batch of step `step`, by the rules of their game."""
        if isinstance(batch, StyledBatch):
            return relativistic_step(self.players, batch, self.step, self.rules, reading_share=self.reading_share)
        if isinstance(batch, SemiSupervisedBatch):
            assert self.recogniser is not None
            result = semi_supervised_step(self.players, self.recogniser.network, batch, self.semi_supervised_rules)
            size = len(batch.real)
            self.recogniser.update(images_seen=(self.step + 1) * size, batch_size=size)
            return result
        return self._adversarial_step(batch)

    def set_learning_rate(self, learning_rate: float) -> None:
        """For both players, from the next step on."""
        for optimiser in (self.players.generator_optimiser, self.players.discriminator_optimiser):
            optimiser.learning_rate.fill_(learning_rate)

    def tensors(self) -> dict[str, Tensor]:
        """All of it under flat names, for a checkpoint."""
        players = self.players
        return {
            **_prefixed("generator", players.generator.state_dict()),
            **_prefixed("discriminator", players.discriminator.state_dict()),
            **_prefixed("ema", self.averaged.network.state_dict()),
            **({} if self.recogniser is None else _prefixed(RECOGNISER, self.recogniser.network.state_dict())),
            **players.generator_optimiser.tensors("adam_generator"),
            **players.discriminator_optimiser.tensors("adam_discriminator"),
        }

    def load(self, checkpoint: Checkpoint) -> None:
        """Continue from `checkpoint`.

        Raises:
            CheckpointError: it is another architecture's, or of another image size or class count.
        """
        tensors, players = checkpoint.tensors, self.players
        try:
            players.generator.load_state_dict(without_prefix(tensors, "generator"))
            players.discriminator.load_state_dict(without_prefix(tensors, "discriminator"))
            self.averaged.network.load_state_dict(without_prefix(tensors, "ema"))
            if self.recogniser is not None:
                self.recogniser.network.load_state_dict(without_prefix(tensors, RECOGNISER))
        except RuntimeError:
            raise CheckpointError(
                f"{checkpoint.path}: is another model's; resume with the settings of its own run"
            ) from None
        players.generator_optimiser.load(tensors, "adam_generator")
        players.discriminator_optimiser.load(tensors, "adam_discriminator")
        self.step = checkpoint.step


def _compile_kernels(settings: TrainSettings, image_shape: tuple[int, int, int]) -> None:
    """Now, and not within the first step, which is timed."""
    styled, float32 = settings.model in STYLED_MODELS, settings.precision == "float32"
    if not styled:
        kernels.compile_now(float32=float32)
    if float32:
        winograd.compile_now(styled=styled, image_side=image_shape[1])


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under `prefix.`, by their own names."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
