"""Hands: one person's writing, in which every digit resembles the others and none is a copy.

What a generator draws from noise is as if each image had another writer. A hand is one point in the space of that
noise, and its digits lie close around it; it also has its own ways to space digits and to keep to the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import MAX_SEED
from digitsmith.drawing.hand_style import hand_styles
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.rejection import noise_again, proofread, why_not
from digitsmith.errors import InputError
from digitsmith.randomness import Stream, normal_rows
from digitsmith.style import STYLE_NAMES, Given

_SHAPE, _STYLE, _MANNER = range(3)  # rows of the hand's own random numbers


@dataclass(frozen=True)
class Variation:
    """How much of a person's writing changes from one digit to the next: 0 never changes, 1 is another person's.

    A share of the deviation between people: two digits of a hand correlate by 1 - share².
    """

    shape: float = 0.33
    """Of the noise: loops, corners, how strokes begin and end."""
    thickness: float = 0.15
    """Of the stroke: hardly, it is the same pen. This and the next three only where the model has style."""
    slant: float = 0.25
    width: float = 0.4
    height: float = 0.4

    @property
    def style(self) -> NDArray[np.float64]:
        """The last four in the order of STYLE_NAMES, [4]."""
        return np.array([getattr(self, name) for name in STYLE_NAMES])


@dataclass(frozen=True)
class Manner:
    """How a person sets digits in a line; lengths in heights of a digit.

    Attributes:
        gap: between the ink of one digit and the next, on average.
        uneven: standard deviation of a gap, as a share of it.
        wander: standard deviation of a digit's foot from the line.
        size: standard deviation of a digit's size, as a share of it.
    """

    gap: float
    uneven: float
    wander: float
    size: float


@dataclass(frozen=True)
class Hand:
    """One person's writing with any model.

    Attributes:
        seed: the person, 0 .. 2**63 - 1.
        variation: what changes from digit to digit, and by how much.
    """

    seed: int
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        check_seed(self.seed, of="hand")

    @property
    def manner(self) -> Manner:
        """How this person sets digits in a line."""
        gap, uneven, wander, size = np.tanh(self._own(_MANNER, 4)).tolist()  # bounded: nobody's digits lie in a heap
        return Manner(
            gap=0.17 + 0.06 * gap,
            uneven=0.25 + 0.1 * uneven,
            wander=0.025 + 0.012 * wander,
            size=0.03 + 0.015 * size,
        )

    def draw(
        self,
        model: DigitModel,
        labels: NDArray[np.int64],
        *,
        seed: int = 0,
        given: Given | None = None,
        reject: bool = True,
    ) -> NDArray[np.uint8]:
        """This person's digits.

        Args:
            model: one that can be asked for a class.
            labels: int64 [N], each in 0 .. K-1.
            seed: what is written, where `self.seed` is who writes. Image k depends on (weights, hand, seed, k, its
                label and what is given) alone.
            given: thickness, slant, width or height of all digits, for a model with style; the rest is the hand's.
            reject: digits that the proofreader does not read as asked are drawn again, by the same hand in the same
                style; see `drawing/rejection.py`.

        Returns:
            uint8 [N, C, H, W], 0 is the background.

        Raises:
            InputError: a label, seed or style out of range, or a model without style that is asked for one.
        """
        check_seed(seed)
        labels = model.checked_labels(labels)
        style = self._style(model, labels, seed, given)
        images = model.render(self._noise(normal_rows(seed, np.arange(len(labels)), model.z_dim)), labels, style)
        if not reject or why_not(model.config):
            return images
        return proofread(
            model,
            images,
            labels,
            noise=lambda place, attempts: self._noise(noise_again(seed, place, attempts, model.z_dim)),
            style=lambda place: None if style is None else style[place : place + 1],
        ).images

    def _noise(self, each: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points [N, z_dim] around this hand's own, each standard normal as noise is, from standard normal ones."""
        return _near(self._own(_SHAPE, each.shape[1]), each, self.variation.shape).astype(np.float32)

    def _style(
        self, model: DigitModel, labels: NDArray[np.int64], seed: int, given: Given | None
    ) -> NDArray[np.float32] | None:
        """float32 [N, 4], or None for a model without style."""
        model.check_style(given, count=len(labels))
        if model.styles is None:
            return None
        asked = np.full((len(labels), len(STYLE_NAMES)), np.nan)
        if given:
            columns = [STYLE_NAMES.index(name) for name in given]
            asked[:, columns] = model.styles.sample(labels, seed=seed, given=given)[:, columns]
        own = self._own(_STYLE, len(STYLE_NAMES))
        each = normal_rows(seed, np.arange(len(labels)), len(STYLE_NAMES), stream=Stream.STYLE)
        return hand_styles(model.styles, labels, _near(own, each, self.variation.style), asked)

    def _own(self, row: int, columns: int) -> NDArray[np.float64]:
        """Standard normal numbers [columns] that are this person's."""
        own: NDArray[np.float32] = normal_rows(self.seed, np.array([row]), columns, stream=Stream.HAND)[0]
        return own.astype(np.float64)


def check_seed(seed: int, *, of: str = "seed") -> None:
    """InputError unless it is one."""
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"{of} must be 0 to 2**63 - 1, not {seed}")


def _near(
    own: NDArray[np.float64], each: NDArray[np.float32], share: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standard normal rows [N, D] around `own` [D], a `share` of whose deviation is their own."""
    near: NDArray[np.float64] = np.sqrt(1 - np.square(share)) * own + share * each.astype(np.float64)
    return near
