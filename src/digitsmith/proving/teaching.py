"""One recogniser of the experiment: batches of real and generated digits, moved or not, and the same recipe for all.

The network and the recipe are those of `measure/recogniser.py`. Whatever an arm is given, it takes as many steps on
batches of the same size, from the same initial weights, and meets the real images in the same order: two arms of one
seed differ in what the arms differ in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.config import Augmentation, digit_safe
from digitsmith.data.digits import Digits
from digitsmith.measure.reader import OnProgress, unit_batches
from digitsmith.measure.recogniser import Recogniser, fresh_recogniser, learn, shuffled
from digitsmith.randomness import Stream, derived_seed, torch_generator
from digitsmith.training.augment import augment
from digitsmith.training.batches import to_float

STEPS, BATCH = 700, 64
"""On MNIST 99.1 % of the test set from all training images, in about 10 s on one core."""
_EXAMINED_AT_ONCE = 50


@dataclass(frozen=True)
class Lesson:
    """What is chosen for an arm.

    Attributes:
        strength: of the moves, in multiples of those of `moves_of(1)`; 0: none.
        share: of generated digits in every batch; 0: none.
    """

    strength: float = 0.0
    share: float = 0.0


STRETCH, SHEAR_DEG = 0.2, 15.0
"""At strength 1: what a GAN's digits may owe to the moves it is trained with, an arm without a GAN is given too."""


def moves_of(strength: float) -> Augmentation:
    """`digit_safe`'s shift, rotation, scale and elastic bend, and a stretch and a shear, each times `strength`."""
    safe = digit_safe()
    return Augmentation(
        shift_px=safe.shift_px * strength,
        rotate_deg=safe.rotate_deg * strength,
        scale=safe.scale * strength,
        stretch=STRETCH * strength,
        shear_deg=SHEAR_DEG * strength,
        elastic_px=safe.elastic_px * strength,
    )


def teach(
    real: Digits,
    lesson: Lesson,
    generated: Digits | None = None,
    *,
    seed: int,
    steps: int = STEPS,
    on_progress: OnProgress | None = None,
) -> Recogniser:
    """Train a recogniser on real images, and on generated ones for `lesson.share` of every batch.

    Args:
        real: the few images.
        lesson: what is done with them.
        generated: where the lesson has a share of them.
        seed: of the initial weights, of both orders, and of the moves.
        steps: of the optimiser, each on `BATCH` images.
        on_progress: called after each step with the steps done and their number.

    Returns:
        The recogniser after the last step, in evaluation mode.
    """
    recogniser = fresh_recogniser(real, seed=seed)
    learn(recogniser, _batches(real, lesson, generated, seed=seed), steps=steps, on_progress=on_progress)
    return recogniser


def _batches(real: Digits, lesson: Lesson, generated: Digits | None, *, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless (images float [B, C, H, W] in [0, 1], labels int64 [B]), the real ones first."""
    drawn = round(lesson.share * BATCH)
    parts = [_endless(real, BATCH - drawn, seed=seed)]
    if drawn:
        assert generated is not None, "a share of generated digits needs some"
        parts.append(_endless(generated, drawn, seed=derived_seed(seed, Stream.PROOF)))
    moves = moves_of(lesson.strength)
    for step, batch in enumerate(zip(*parts, strict=True)):
        images, labels = (torch.cat(tensors) for tensors in zip(*batch, strict=True))
        moved = augment(to_float(images), moves, torch_generator(seed, Stream.AUGMENT, step))
        yield moved.add(1).div(2).contiguous(memory_format=torch.channels_last), labels


def _endless(digits: Digits, size: int, *, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    images, labels = torch.tensor(digits.images), torch.tensor(digits.labels)
    return ((images[some], labels[some]) for some in shuffled(len(digits), size, seed=seed))


@dataclass(frozen=True)
class Examined:
    """How a recogniser did: images read as their labels say, of how many, and the mean cross-entropy in nats."""

    right: int
    images: int
    cross_entropy: float

    def __add__(self, other: Examined) -> Examined:
        """Both together."""
        images = self.images + other.images
        total = self.cross_entropy * self.images + other.cross_entropy * other.images
        return Examined(self.right + other.right, images, total / images)


@torch.inference_mode()
def examine(recogniser: Recogniser, digits: Digits) -> Examined:
    """Let the recogniser read `digits`; computed in float32."""
    right, nats = 0, 0.0
    for rows, batch in unit_batches(digits.images, _EXAMINED_AT_ONCE):
        logits, labels = recogniser(batch), torch.from_numpy(digits.labels[rows])
        right += int((logits.argmax(1) == labels).sum())
        nats += float(F.cross_entropy(logits, labels, reduction="sum"))
    return Examined(right, len(digits), nats / len(digits))
