"""The input of step n, from the seed and n alone: any step can be asked for, in any order."""

from __future__ import annotations

import torch
from torch import Tensor

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.randomness import Stream, torch_generator
from digitsmith.training.augment import augment
from digitsmith.training.relativistic import StyledBatch
from digitsmith.training.step import Batch


class BatchSource:
    """Real batches from memory and noise to go with them.

    The images stay uint8 on the device (MNIST: 47 MB) and become float a batch at a time. The clock is
    images seen: step n takes the images n * B .. n * B + B - 1 of an endless sequence of shuffled epochs,
    so an epoch that is no multiple of B loses no image and B may even exceed the data. With `styles` [N, 4] of
    the images a batch carries those of its own.
    """

    def __init__(
        self, digits: Digits, settings: TrainSettings, *, z_dim: int, device: str, styles: Tensor | None = None
    ) -> None:
        self.images = torch.tensor(digits.images).to(device)  # a copy: the memory map is read-only
        self.labels = torch.tensor(digits.labels).to(device)
        self.styles = None if styles is None else styles.to(device)
        self.classes = len(digits.classes)
        self.settings = settings
        self.z_dim = z_dim
        self.device = device
        self._orders: dict[int, Tensor] = {}

    def batch(self, step: int) -> Batch | StyledBatch:
        """The input of step `step`, counted from 0."""
        settings, size = self.settings, self.settings.batch_size
        chosen = self.indices(step * size, size)
        real = to_float(self.images[chosen])
        if not settings.augmentation.is_identity:
            moves = torch_generator(settings.seed, Stream.AUGMENT, step, device=self.device)
            real = augment(real, settings.augmentation, moves)
        noise = torch_generator(settings.seed, Stream.NOISE, step, device=self.device)
        z = torch.randn(size, self.z_dim, generator=noise, device=self.device)
        real, labels = real.contiguous(memory_format=torch.channels_last), self.labels[chosen]
        if self.styles is not None:
            return StyledBatch(real, labels, z, self.styles[chosen])
        return Batch(real, labels, z, torch.randint(self.classes, (size,), generator=noise, device=self.device))

    def indices(self, start: int, count: int) -> Tensor:
        """Which images stand at positions start .. start + count - 1 of the endless sequence, int64 [count]."""
        total = len(self.images)
        parts = []
        while count > 0:
            epoch, offset = divmod(start, total)
            taken = min(count, total - offset)
            parts.append(self._order(epoch)[offset : offset + taken])
            start, count = start + taken, count - taken
        return torch.cat(parts)

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            shuffle = torch_generator(self.settings.seed, Stream.ORDER, epoch)
            order = torch.randperm(len(self.images), generator=shuffle).to(self.device)
            self._orders = {epoch: order}  # the one before is not needed again
        return self._orders[epoch]


def to_float(images: Tensor) -> Tensor:
    """uint8 [..., C, H, W] -> float32 in [-1, 1]; 0, the background, becomes -1."""
    return images.float().div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> Tensor:
    """float [..., C, H, W] in [-1, 1] -> uint8, rounded to the nearest: the inverse of `to_float`."""
    return images.float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
