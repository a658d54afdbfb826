"""The input of step n, from the seed and n alone: any step can be asked for, in any order."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from digitsmith.config import SEMI_SUPERVISED_MODELS, STYLED_MODELS, TrainSettings
from digitsmith.data.partly_labelled import PartlyLabelled, TrainingImages
from digitsmith.randomness import Stream, torch_generator
from digitsmith.training.augment import augment
from digitsmith.training.differentiable import moved, random_moves
from digitsmith.training.labelled import labelled_images
from digitsmith.training.relativistic import StyledBatch
from digitsmith.training.semi_supervised import GENERATED_SHARE, LABELLED_SHARE, SemiSupervisedBatch
from digitsmith.training.step import Batch


class BatchSource:
    """Real batches from memory and noise to go with them.

    The images stay uint8 on the device (MNIST: 47 MB) and become float a batch at a time. The clock is
    images seen: step n takes the images n * B .. n * B + B - 1 of an endless sequence of shuffled epochs,
    so an epoch that is no multiple of B loses no image and B may even exceed the data. Batches for pairs (penman's)
    carry the `styles` [N, 4] of their images, where there are any.
    """

    def __init__(
        self, digits: TrainingImages, settings: TrainSettings, *, z_dim: int, device: str, styles: Tensor | None = None
    ) -> None:
        # a copy: the memory map is read-only; those of both kinds have been copied once when they were put together
        images = digits.images if isinstance(digits, PartlyLabelled) else np.array(digits.images)
        self.images = torch.from_numpy(images).contiguous().to(device)
        self.labels = torch.tensor(digits.labels).to(device)  # of the first images, where not all have one
        self.styles = None if styles is None else styles.to(device)
        self.classes = len(digits.classes)
        self.settings = settings
        self.z_dim = z_dim
        self.device = device
        self._orders: dict[int, Tensor] = {}
        if settings.model in SEMI_SUPERVISED_MODELS:
            chosen = labelled_images(digits, settings.labelled, seed=settings.seed)
            self.labelled = torch.from_numpy(chosen).to(device)

    def batch(self, step: int) -> Batch | StyledBatch | SemiSupervisedBatch:
        """The input of step `step`, counted from 0."""
        settings, size = self.settings, self.settings.batch_size
        if settings.model in SEMI_SUPERVISED_MODELS:
            return self._semi_supervised_batch(step)
        chosen = self.indices(step * size, size)
        real = to_float(self.images[chosen])
        if not settings.augmentation.is_identity:
            moves = torch_generator(settings.seed, Stream.AUGMENT, step, device=self.device)
            real = augment(real, settings.augmentation, moves)
        noise = torch_generator(settings.seed, Stream.NOISE, step, device=self.device)
        z = torch.randn(size, self.z_dim, generator=noise, device=self.device)
        real, labels = real.contiguous(memory_format=torch.channels_last), self.labels[chosen]
        if settings.model in STYLED_MODELS:
            style = None if self.styles is None else self.styles[chosen]
            if not settings.differentiable:
                return StyledBatch(real, labels, z, style)
            alike = torch_generator(settings.seed, Stream.MOVES, step, device=self.device)
            of_pair = random_moves(real.shape, style, settings.differentiable, alike)
            return StyledBatch(moved(real, of_pair.of_real), labels, z, of_pair.style, of_pair.of_fake)
        return Batch(real, labels, z, torch.randint(self.classes, (size,), generator=noise, device=self.device))

    def _semi_supervised_batch(self, step: int) -> SemiSupervisedBatch:
        """All images in turn, without their labels, and at random some of those whose labels may be looked at."""
        seed, size = self.settings.seed, self.settings.batch_size
        real = to_float(self.images[self.indices(step * size, size)]).contiguous(memory_format=torch.channels_last)
        # the stream's first positions are the classes', when the images were chosen
        draw = torch_generator(seed, Stream.LABELLED, self.classes + step, device=self.device)
        labelled, generated = (max(1, round(share * size)) for share in (LABELLED_SHARE, GENERATED_SHARE))
        some = torch.randint(len(self.labelled), (labelled,), generator=draw, device=self.device)
        chosen = self.labelled[some]
        noise = torch_generator(seed, Stream.NOISE, step, device=self.device)
        return SemiSupervisedBatch(
            real,
            to_float(self.images[chosen]),
            self.labels[chosen],
            torch.randn(generated, self.z_dim, generator=noise, device=self.device),
            torch.randint(self.classes, (generated,), generator=noise, device=self.device),
            torch_generator(seed, Stream.AUGMENT, step, device=self.device),
        )

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
