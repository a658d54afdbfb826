"""Which images' labels a semi-supervised run looks at."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import SEMI_SUPERVISED_MODELS, TrainSettings
from digitsmith.data.partly_labelled import TrainingImages
from digitsmith.errors import ConfigError
from digitsmith.randomness import Stream, torch_generator


def with_labelled(settings: TrainSettings, digits: TrainingImages) -> TrainSettings:
    """`settings` with the number of labels in place of the 0 that stands for all of them."""
    if settings.labelled or settings.model not in SEMI_SUPERVISED_MODELS:
        return settings
    return dataclasses.replace(settings, labelled=len(digits.labels))


def labelled_images(digits: TrainingImages, count: int, *, seed: int) -> NDArray[np.int64]:
    """The indices of `count` images that have labels, sorted, int64 [count]: the same for the same seed and labels.

    As many of each class as of any other, or one fewer; where a class has no more, the others make up for it. Those of
    a larger count are those of a smaller one and others.

    Raises:
        DataError: a class has no image.
        ConfigError: fewer than one image of each class, or more than there are.
    """
    digits.require_every_class()
    classes, images = len(digits.classes), len(digits.labels)
    if count < classes:
        raise ConfigError(
            f"labelled must be at least {classes}, one image of each class, not {count}; give --labelled {classes} or "
            "more"
        )
    if count > images:
        raise ConfigError(
            f"labelled must be at most {images}, the images of {digits.source}, not {count}; give --labelled {images} "
            "or fewer"
        )
    turns = np.empty(images, np.int64)  # when an image's label would be asked for: its class's first, second, ...
    for label in range(classes):
        members = np.flatnonzero(digits.labels == label)
        turns[members[_order(len(members), seed=seed, label=label)]] = np.arange(len(members))
    chosen: NDArray[np.int64] = np.sort(np.lexsort((digits.labels, turns))[:count])
    return chosen


def _order(images: int, *, seed: int, label: int) -> NDArray[np.int64]:
    import torch

    order: NDArray[np.int64] = torch.randperm(images, generator=torch_generator(seed, Stream.LABELLED, label)).numpy()
    return order
