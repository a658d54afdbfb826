"""An exponential moving average of a network: of its weights and of its BatchNorm statistics alike.

`torch.optim.swa_utils.AveragedModel` copies buffers instead of averaging them, so that averaged weights
would meet the statistics of the last few batches only.
"""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

from digitsmith.config import BY_LENGTH, TrainSettings

Network = TypeVar("Network", bound=nn.Module)

_SHARE = 0.05  # of a run's images is its half-life by length,
_EPOCHS = 2.0  # and at most so many epochs


def half_life_in_images(settings: TrainSettings, images: int) -> float:
    """The average's half-life for a run on `images` training images; that of `settings`, unless it goes by length."""
    if settings.ema_half_life_images != BY_LENGTH:
        return settings.ema_half_life_images
    return min(_SHARE * settings.epochs, _EPOCHS) * images


class Averaged(Generic[Network]):
    """The generator that draws, or the recogniser that reads: a slow average of the one that plays.

    After n images a weight's past counts 2 ** (-n / half_life). At the start the half-life is cut to a tenth
    of the images seen so far, so that the first random weights are soon forgotten, whatever the budget.
    """

    def __init__(self, network: Network, *, half_life_images: float) -> None:
        self.half_life_images = half_life_images
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self._slow = _float_tensors(self.network)
        self._fast = _float_tensors(network)

    @torch.no_grad()
    def update(self, *, images_seen: int, batch_size: int) -> None:
        """Take in the network's present weights, `images_seen` counted after this step."""
        half_life = min(self.half_life_images, images_seen / 10)
        weight = 1.0 - 0.5 ** (batch_size / half_life) if half_life > 0 else 1.0
        torch._foreach_lerp_(self._slow, self._fast, weight)


def _float_tensors(network: nn.Module) -> list[torch.Tensor]:
    """Parameters and statistics; BatchNorm's count of batches is an integer that nothing reads."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
