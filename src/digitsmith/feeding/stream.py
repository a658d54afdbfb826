"""Digits without end: freshly drawn ones among real ones, in items or whole batches, dealt to DataLoader workers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as numbers_from
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from digitsmith.config import DEFAULT_MODEL
from digitsmith.data.digits import Digits
from digitsmith.drawing.model import CHUNK, DigitModel
from digitsmith.drawing.requests import MAX_IMAGES
from digitsmith.errors import InputError
from digitsmith.feeding.dataset import Transform, class_names
from digitsmith.feeding.ingredients import ingredients
from digitsmith.feeding.sources import EPOCHS, Fresh, Mixture, Shuffled, Source
from digitsmith.randomness import Stream, derived_seed

_DEALT = 2048  # images that a worker draws in a row: passes of CHUNK that two workers share are drawn by both


class DigitStream(IterableDataset[Any]):
    """Generated digits among shuffled real ones, endlessly, or in epochs of a length.

    Image k of epoch e depends on (data, model, ratio, pool, seed, e, k) alone. Each is given by one worker, so that all
    workers together give the same images, however many they are. With a `batch_size` and a `pool` (or with ratio 0)
    also their order is the same for any number of workers; else workers are dealt 2,048 images or a few more at a time.

    Attributes:
        classes: a name for each label, as of `DigitDataset`.
        batch_size, length, transform, target_transform: as given.
    """

    def __init__(
        self,
        *,
        data: str | Path | Digits = "mnist",
        train: bool = True,
        model: str | Path | DigitModel = DEFAULT_MODEL,
        ratio: float = 0.5,
        pool: int | None = None,
        batch_size: int | None = None,
        length: int | None = None,
        balanced: bool = True,
        seed: int = 0,
        reject: bool = True,
        dtype: torch.dtype = torch.float32,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        """`data`, `train`, `model`, `ratio`, `seed` and `reject` are those of `MixedDigits`.

        Args:
            pool: generated digits that are drawn once, now or from the cache, and then shown in ever new orders, as the
                real ones are: this is fast. None: every generated digit is a new one, drawn by the worker.
            batch_size: give whole batches: images [B, C, H, W] and labels int64 [B], for a loader with
                `batch_size=None`. None: items, `(PIL.Image, int)` as of `DigitDataset`.
            length: images in an epoch; the last batch may be smaller. None: no end.
            balanced: classes are generated alike often; False: as often as among the real images.
            dtype: of batches: torch.float32 in [0, 1], or torch.uint8.
            transform: makes of each PIL image, or of the images of each batch, what is given.
            target_transform: the same of each label, or of the labels of each batch.

        Raises:
            InputError: as `MixedDigits`; and a pool, batch size or length below 1, or another dtype.
        """
        super().__init__()
        for name, number in (("pool", pool), ("batch_size", batch_size), ("length", length)):
            if number is not None and not 1 <= number <= MAX_IMAGES:
                raise InputError(f"{name} must be 1 to {MAX_IMAGES:,}, not {number}; None is without")
        if dtype not in (torch.float32, torch.uint8):
            raise InputError(f"batches are torch.float32 in [0, 1] or torch.uint8, not {dtype}")
        parts = ingredients(
            data=data, train=train, model=model, ratio=ratio, balanced=balanced, seed=seed, reject=reject
        )
        generated: Source | None = None
        if parts.model is not None and pool is not None:
            generated = Shuffled(*parts.drawn(pool), seed=derived_seed(seed, Stream.ORDER))
        elif parts.model is not None:
            generated = Fresh(parts.model, seed=seed, reject=reject, labels=parts.frequencies)
        self.classes = class_names(parts.classes)
        self.source = parts.source
        self.batch_size = batch_size
        self.length = length
        self.dtype = dtype
        self.transform = transform
        self.target_transform = target_transform
        self._mixture = Mixture(parts.real if parts.ratio < 1 else None, generated, ratio=parts.ratio)
        self._together = batch_size or CHUNK  # images that are mixed at once
        in_a_row = _DEALT if batch_size is None or isinstance(generated, Fresh) else 1
        self._dealt = -(-in_a_row // self._together) * self._together
        # in shared memory, so that `set_epoch` also reaches workers that stay (persistent_workers)
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """From the next iteration on give the images of that epoch, 0 at first: other digits, other orders.

        Raises:
            InputError: no such epoch.
        """
        if not 0 <= epoch < EPOCHS:
            raise InputError(f"epochs are numbered 0 to {EPOCHS - 1:,}, not {epoch}")
        self._epoch.fill_(epoch)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """The share of this DataLoader worker; all of it outside of one."""
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        epoch = int(self._epoch)
        for first in self._firsts(worker, workers):
            size = self._together if self.length is None else min(self._together, self.length - first)
            images, labels = self._mixture.take(first, size, epoch=epoch)
            if self.batch_size is None:
                yield from self._items(images, labels)
            else:
                yield self._batch(images, labels)

    def __len__(self) -> int:
        """Batches, or items, in an epoch; TypeError without a length, as of everything that has none."""
        if self.length is None:
            raise TypeError("a DigitStream without a length has no end; give it one to have epochs")
        return self.length if self.batch_size is None else -(-self.length // self.batch_size)

    def __repr__(self) -> str:
        form = "items" if self.batch_size is None else f"batches of {self.batch_size}"
        end = "no end" if self.length is None else f"{self.length:,} images an epoch"
        return f"DigitStream({self.source}; {form}, {end})"

    def _firsts(self, worker: int, workers: int) -> Iterator[int]:
        """The numbers of the images that this worker's batches begin with."""
        for deal in numbers_from(worker, workers):
            for first in range(deal * self._dealt, (deal + 1) * self._dealt, self._together):
                if self.length is not None and first >= self.length:
                    return
                yield first

    def _items(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Iterator[tuple[Any, Any]]:
        channels_last = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
        for image, label in zip(channels_last, labels.tolist(), strict=True):
            picture = Image.fromarray(np.ascontiguousarray(image))
            yield (
                picture if self.transform is None else self.transform(picture),
                label if self.target_transform is None else self.target_transform(label),
            )

    def _batch(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[Any, Any]:
        pixels: Any = torch.from_numpy(images)
        targets: Any = torch.from_numpy(labels)
        if self.dtype == torch.float32:
            pixels = pixels.float().div_(255)
        return (
            pixels if self.transform is None else self.transform(pixels),
            targets if self.target_transform is None else self.target_transform(targets),
        )
