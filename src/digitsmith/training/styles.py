"""The styles of the training images, which penman is asked for: measured once, and kept in its generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digitsmith.config import STYLED_MODELS, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.partly_labelled import TrainingImages
from digitsmith.data.strokes import drawn_in_strokes, in_gray
from digitsmith.errors import InputError
from digitsmith.measure.feature_cache import remembered
from digitsmith.measure.morphometry import measure_style
from digitsmith.models.penman import PenmanDiscriminator, PenmanGenerator
from digitsmith.randomness import Stream, torch_generator
from digitsmith.style import STYLE_COLUMNS, table_rows
from digitsmith.training.state import TrainingState

_MEASURE = "style of morphometry 1"  # another number for other figures: the cache goes by it


def with_style(settings: TrainSettings, digits: TrainingImages) -> TrainSettings:
    """`settings` with the choice made that was left to the images: whether they have a style to be asked for.

    Raises:
        ConfigError: the images have a style, and are to be moved in a way that would change it.
    """
    if settings.style != "auto" or settings.model not in STYLED_MODELS:
        return settings
    return dataclasses.replace(settings, style="strokes" if drawn_in_strokes(digits.images) else "none")


def training_styles(digits: Digits, *, on_progress: Callable[[int], None] | None = None) -> Tensor:
    """The style of each image, float32 [N, 4] in px and degrees; from the user's cache where it was measured before.

    Colour images are measured on the mean of their channels. A blank image gets the mean style of its class, or of
    all images where its class has no other.

    Args:
        digits: the training images.
        on_progress: called with the number of images measured so far, if they have to be.

    Raises:
        InputError: nothing is drawn on any of the images.
    """

    def measured(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        style = measure_style(in_gray(images), on_progress=on_progress)
        return np.stack([getattr(style, name) for name in STYLE_COLUMNS], axis=1).astype(np.float32)

    return torch.from_numpy(_with_blanks_filled(remembered(digits.images, measured, network=_MEASURE), digits))


def _with_blanks_filled(styles: NDArray[np.float32], digits: Digits) -> NDArray[np.float32]:
    blank = np.isnan(styles).any(axis=1)
    if blank.all():
        raise InputError(f"{digits.source}: nothing is drawn on any image, so there is no style to learn; add digits")
    filled = styles.copy()
    for label in np.unique(digits.labels[blank]):
        of_class = digits.labels == label
        known = styles[of_class & ~blank]
        filled[of_class & blank] = (known if len(known) else styles[~blank]).mean(axis=0)
    return filled


def keep_styles(state: TrainingState, styles: Tensor, labels: Tensor, *, seed: int) -> None:
    """Fill the networks' buffers: the scale of `styles` [N, 4], and rows of each class's, chosen by `seed`.

    A class with fewer images has some of its styles several times.
    """
    deviation = styles.std(dim=0, correction=0)
    deviation[deviation < 1e-3] = 1.0  # what never varies stays at 0 when normalised
    classes = int(labels.max()) + 1
    rows = table_rows(classes)
    table = [
        styles[labels == label][_rows(int((labels == label).sum()), rows, seed=seed, label=label)]
        for label in range(classes)
    ]
    for network in (state.players.generator, state.players.discriminator, state.averaged.network):
        assert isinstance(network, PenmanGenerator | PenmanDiscriminator)
        network.style_mean.copy_(styles.mean(dim=0))
        network.style_deviation.copy_(deviation)
        if isinstance(network, PenmanGenerator):
            network.style_table.copy_(torch.stack(table))


def _rows(images: int, count: int, *, seed: int, label: int) -> Tensor:
    """Which of a class's images have their style in the table, int64 [count]."""
    randomness = torch_generator(seed, Stream.WEIGHTS, 1 + label)  # at 0 stand the networks' own weights
    if images >= count:
        return torch.randperm(images, generator=randomness)[:count]
    return torch.randint(images, (count,), generator=randomness)
