"""Everything that changes while a run trains, and how it goes into tensors and comes back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import CheckpointError
from digitsmith.models.registry import build_networks
from digitsmith.training.checkpoint import Checkpoint, load_optimiser_tensors, optimiser_tensors
from digitsmith.training.ema import AveragedGenerator
from digitsmith.training.losses import GENERATOR_LOSSES
from digitsmith.training.step import Players


class TrainingState:
    """Both players, the averaged generator, and the count of steps taken."""

    def __init__(self, settings: TrainSettings, digits: Digits, *, device: str) -> None:
        generator, discriminator = build_networks(
            settings.model, digits.image_shape, len(digits.classes), seed=settings.seed
        )
        # channels_last is the layout in which the processor's and the GPU's convolutions are fastest
        generator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        discriminator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

        def adam(network: nn.Module) -> torch.optim.Adam:
            betas = (settings.adam_beta1, settings.adam_beta2)
            return torch.optim.Adam(network.parameters(), settings.learning_rate, betas, fused=True)

        self.players = Players(
            generator,
            discriminator,
            adam(generator),
            adam(discriminator),
            GENERATOR_LOSSES[settings.generator_loss],
            device,
            settings.precision == "bfloat16",
        )
        self.averaged = AveragedGenerator(generator, half_life_images=settings.ema_half_life_images)
        self.step = 0

    def set_learning_rate(self, learning_rate: float) -> None:
        """For both players, from the next step on."""
        for optimiser in (self.players.generator_optimiser, self.players.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate

    def tensors(self) -> dict[str, Tensor]:
        """All of it under flat names, for a checkpoint."""
        players = self.players
        return {
            **_prefixed("generator", players.generator.state_dict()),
            **_prefixed("discriminator", players.discriminator.state_dict()),
            **_prefixed("ema", self.averaged.network.state_dict()),
            **optimiser_tensors(players.generator_optimiser, "adam_generator"),
            **optimiser_tensors(players.discriminator_optimiser, "adam_discriminator"),
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
        except RuntimeError:
            raise CheckpointError(
                f"{checkpoint.path}: is another model's; resume with the settings of its own run"
            ) from None
        load_optimiser_tensors(players.generator_optimiser, tensors, "adam_generator")
        load_optimiser_tensors(players.discriminator_optimiser, tensors, "adam_discriminator")
        self.step = checkpoint.step


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under `prefix.`, by their own names."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
