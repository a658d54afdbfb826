"""Real and generated digits in one data set of fixed length, item by item as `DigitDataset` gives them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from digitsmith.config import DEFAULT_MODEL
from digitsmith.data.digits import Digits
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.requests import MAX_IMAGES
from digitsmith.errors import InputError
from digitsmith.feeding.dataset import DigitDataset, Transform, warn_of
from digitsmith.feeding.ingredients import ingredients
from digitsmith.feeding.sources import generated_turns


class MixedDigits(DigitDataset):
    """Real digits among generated ones, at a ratio; a drop-in for torchvision.datasets.MNIST like `DigitDataset`.

    The generated ones are drawn when it is made, by all cores, or come from the cache: `data` holds them all, so that
    DataLoader workers share them and none draws. Item i depends on (data, model, ratio, seed, i) alone: a longer set
    begins with the shorter one.

    Attributes:
        generated: bool tensor [N], which items are. The others are those of `DigitDataset`.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
        *,
        data: str | Path | Digits | None = None,
        model: str | Path | DigitModel = DEFAULT_MODEL,
        ratio: float = 0.5,
        length: int | None = None,
        balanced: bool = True,
        seed: int = 0,
        reject: bool = True,
    ) -> None:
        """The first five and `data` are those of `DigitDataset`.

        Args:
            model: what draws: a name or path that `load` understands, or a model at hand. Not looked at where the ratio
                is 0; as is `data` where it is 1.
            ratio: the generated share of all items, 0 (only real) to 1 (only generated). Real and generated ones take
                turns, so that every stretch of items has this share.
            length: how many items. Left out: every real image once, and as many generated ones as the ratio asks for.
                One that asks for more real images than there are repeats them, all alike often.
            balanced: every class is generated alike often, and the generated digits are those of `make` with this seed;
                False: each as often as among the real images.
            seed: of the digits drawn, and of the order of the real ones.
            reject: draw digits again that the proofreader does not read as asked, as `make` does.

        Raises:
            InputError: a ratio, length or seed out of range, data that cannot be read, a model that draws other classes
                or sizes than the data has, or one that draws digits without labels.
        """
        if data is None:
            warn_of(root, stacklevel=3)
        data = "mnist" if data is None else data
        parts = ingredients(
            data=data, train=train, model=model, ratio=ratio, balanced=balanced, seed=seed, reject=reject
        )
        real_count = 0 if parts.real is None else len(parts.real.images)
        turns = generated_turns(0, _length(length, ratio=parts.ratio, real=real_count), ratio=parts.ratio)
        batches = []
        if turns.any():
            batches.append((turns, parts.drawn(int(turns.sum()))))
        if parts.real is not None and not turns.all():
            batches.append((~turns, parts.real.take(0, int((~turns).sum()))))
        shape = batches[0][1][0].shape[1:]
        images, labels = np.empty((len(turns), *shape), np.uint8), np.empty(len(turns), np.int64)
        for places, (some, their_labels) in batches:
            images[places], labels[places] = some, their_labels
        mixed = Digits(images, labels, parts.classes, parts.source)
        super().__init__(root, train, transform, target_transform, download, data=mixed)
        self.generated = torch.from_numpy(turns)


def _length(asked: int | None, *, ratio: Fraction, real: int) -> int:
    """How many items there are; without a number, the most of which `real` are not generated."""
    if asked is None and ratio == 1:
        raise InputError("only generated digits have no end; say how many, as length=60_000")
    length = int(real / (1 - ratio)) if asked is None else asked
    if not 1 <= length <= MAX_IMAGES:
        raise InputError(f"a data set has 1 to {MAX_IMAGES:,} items, not {length:,}; give another length")
    return length
