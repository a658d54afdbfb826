"""A GAN trained on a few labelled images a class, in memory and in minutes: what `digitsmith prove` asks for.

Three things keep it from learning the few by heart: every image is moved before D sees it (`differentiable.py`), a
tenth of the images is held out and says which generator to keep (`holding_out.py`), and G is asked for more styles than
the few images have. And one keeps it from failing: a generator that draws one image over and over, or whose losses are
no numbers any more, is thrown away, and training begins again from other weights, twice at the most. `repeats_itself`
says whether what came out in the end is one image over and over all the same.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import TrainingDiverged
from digitsmith.models.penman import PenmanGenerator
from digitsmith.presets import few
from digitsmith.randomness import Stream, derived_seed, normal_rows, torch_generator, uniform_rows
from digitsmith.training.batches import BatchSource, to_float, to_uint8
from digitsmith.training.differentiable import moved_style, random_stretch
from digitsmith.training.health import COLLAPSED_BELOW, spread_within_classes
from digitsmith.training.holding_out import energy_score, held_out
from digitsmith.training.loop import LOSS_LIMIT, prepared, set_pace, steps_in
from digitsmith.training.machine import keep_freed_memory, resolve
from digitsmith.training.observers import Observer
from digitsmith.training.state import TrainingState
from digitsmith.training.styles import with_style

OnProgress = Callable[[int, int], None]
"""Told how many images have been seen, and of how many."""

BUDGET_IMAGES = 120_000
LOOKS = 12  # at the held-out images, evenly over the budget
PATIENCE = 4  # looks without a better one before it stops
ATTEMPTS = 3  # at a generator that is alive
SETTLED_AFTER = 30_000  # images: a generator that repeats itself then, stays so; before it, many do
_DRAWN_PER_CLASS = 200  # for a look
_PASS = 128  # images drawn at once


@dataclass(frozen=True)
class Look:
    """At the held-out images: real images seen so far, each counted as often as it was, and the energy score then."""

    images_seen: int
    energy_score: float


@dataclass(frozen=True, eq=False)
class FewModel:
    """A generator trained on a few images.

    Attributes:
        generator: the averaged weights that were kept, in evaluation mode, on the CPU.
        settings: of the run, with all choices made.
        classes: their names.
        stopped_at_images: real images that the kept weights have seen, each counted as often as it was.
        validation: every look, in order; empty where no image could be held out.
    """

    generator: PenmanGenerator = field(repr=False)
    settings: TrainSettings
    classes: tuple[str, ...]
    stopped_at_images: int
    validation: tuple[Look, ...]

    def draw(self, labels: NDArray[np.int64], *, seed: int) -> NDArray[np.uint8]:
        """One image for each label, uint8 [N, C, H, W].

        Args:
            labels: int64 [N], each in 0 .. K-1.
            seed: image i depends on (weights, seed, i, its label), but for the rounding of passes of other sizes.
        """
        return _drawn(self.generator, labels, seed=seed)


def few_settings(count_per_class: int, *, classes: int = 10, budget_images: int = BUDGET_IMAGES) -> TrainSettings:
    """The preset `few` for so many images of each of so many classes, to see `budget_images` in all."""
    return dataclasses.replace(few(count_per_class), epochs=budget_images / (count_per_class * classes))


def train_on_few(
    digits: Digits,
    *,
    seed: int,
    budget_images: int | None = None,
    threads: int = 1,
    on_progress: OnProgress | None = None,
) -> FewModel:
    """Train a GAN on `digits` alone, in memory.

    Equal arguments give equal bits on the same machine.

    Args:
        digits: all that it may see: a few labelled images of every class.
        seed: all randomness follows from it, which images are held out too.
        budget_images: real images to see at the most, each counted as often as it is seen; None: 120,000.
        threads: of the CPU.
        on_progress: called after each step with the images seen, and their number if it does not stop early.

    Raises:
        DataError: a class has no image.
        InputError: images of a size that penman cannot take.
        TrainingDiverged: none of three attempts lived, and the last one diverged before it could be kept.
    """
    learning, judging = held_out(digits, seed=seed)
    settings = few_settings(
        max(1, round(len(learning) / len(digits.classes))),
        classes=len(digits.classes),
        budget_images=budget_images or BUDGET_IMAGES,
    )
    settings = with_style(resolve(dataclasses.replace(settings, seed=seed, threads=threads, device="cpu")), digits)
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    for attempt in range(1, ATTEMPTS):
        model = _trained(settings, learning, judging, on_progress=on_progress, may_fail=True)
        if model is not None:
            return model
        settings = dataclasses.replace(settings, seed=derived_seed(seed, Stream.WEIGHTS, attempt))
    model = _trained(settings, learning, judging, on_progress=on_progress, may_fail=False)
    assert model is not None
    return model


def _trained(
    settings: TrainSettings,
    learning: Digits,
    judging: Digits | None,
    *,
    on_progress: OnProgress | None,
    may_fail: bool,
) -> FewModel | None:
    """The generator of the best look, or of the last step where nothing is held out; None for one that has died.

    Without `may_fail` one that repeats itself is returned, and one that diverged as it was at its best look before.
    """
    state, source = prepared(settings, learning, Observer())
    size, total = settings.batch_size, steps_in(settings, learning)
    every = max(1, total // LOOKS)
    looks: list[Look] = []
    kept, kept_at = state.averaged.network, total * size
    while state.step < total:
        set_pace(state, settings, total)
        result = state.play(source.batch(state.step))
        state.step += 1
        if not (abs(float(result.loss_d)) < LOSS_LIMIT and abs(float(result.loss_g)) < LOSS_LIMIT):  # NaN fails either
            if may_fail:
                return None
            if not looks:
                tried = f"a GAN of {len(learning)} images did not live in {ATTEMPTS} attempts"
                raise TrainingDiverged(f"{tried}; give more images a class, or leave out what learns from it")
            break
        state.averaged.update(images_seen=state.step * size, batch_size=size)
        if on_progress is not None:
            on_progress(state.step * size, total * size)
        if may_fail and state.step == SETTLED_AFTER // size and _drawn_repeat(state, learning, seed=settings.seed):
            return None
        if judging is not None and (state.step % every == 0 or state.step == total):
            looks.append(Look(state.step * size, _judged(state, judging, seed=settings.seed)))
            best = min(looks, key=lambda look: look.energy_score)
            if best is looks[-1]:
                kept, kept_at = copy.deepcopy(state.averaged.network), best.images_seen
            elif len(looks) - looks.index(best) > PATIENCE:
                break
    assert isinstance(kept, PenmanGenerator)
    if kept.styled:
        _widen_styles(kept, source, seed=settings.seed, strength=settings.differentiable)
    return FewModel(kept, settings, learning.classes, kept_at, tuple(looks))


def _drawn_repeat(state: TrainingState, learning: Digits, *, seed: int) -> bool:
    labels = np.tile(np.arange(len(learning.classes)), _DRAWN_PER_CLASS)
    assert isinstance(state.averaged.network, PenmanGenerator)
    return repeats_itself(_drawn(state.averaged.network, labels, seed=seed), labels, learning)


def repeats_itself(drawn: NDArray[np.uint8], labels: NDArray[np.int64], real: Digits) -> bool:
    """Whether images of a class, uint8 [N, C, H, W], are far more alike than those of `real`; a few may be."""
    classes = len(real.classes)
    of_drawn = spread_within_classes(to_float(torch.tensor(drawn)), torch.tensor(labels), classes)
    of_real = spread_within_classes(to_float(torch.tensor(real.images)), torch.tensor(real.labels), classes)
    return bool(of_drawn < COLLAPSED_BELOW * of_real)


def _judged(state: TrainingState, judging: Digits, *, seed: int) -> float:
    """The energy score of the averaged generator, always from the same noise."""
    labels = np.tile(np.arange(len(judging.classes)), _DRAWN_PER_CLASS)
    generator = state.averaged.network
    assert isinstance(generator, PenmanGenerator)
    return energy_score(_drawn(generator, labels, seed=seed), labels, judging)


def _widen_styles(generator: PenmanGenerator, source: BatchSource, *, seed: int, strength: float) -> None:
    """Put other styles into the generator's table than the few that it learned from: stretched and sheared at random,
    as G was asked for them in training, and as thick as an image of any class is among its own."""
    assert source.styles is not None
    random = torch_generator(seed, Stream.STYLE)
    thickness, classes = source.styles[:, 0].log(), range(len(generator.style_table))
    usual = torch.stack([thickness[source.labels == label].mean() for label in classes])
    relative = thickness - usual[source.labels]
    for label in classes:
        table = generator.style_table[label]
        relatively = relative[torch.randint(len(relative), (len(table),), generator=random)]
        table[:, 0] = (usual[label] + relatively).exp()
        table.copy_(moved_style(table, *random_stretch(len(table), strength, random)))


@torch.no_grad()
def _drawn(generator: PenmanGenerator, labels: NDArray[np.int64], *, seed: int) -> NDArray[np.uint8]:
    """As `FewModel.draw`."""
    images = np.empty((len(labels), *_shape_of(generator)), np.uint8)
    for first in range(0, len(labels), _PASS):
        part = slice(first, min(first + _PASS, len(labels)))
        rows, asked = np.arange(part.start, part.stop), torch.from_numpy(labels[part])
        z = torch.from_numpy(normal_rows(seed, rows, generator.z_dim))
        style = None
        if generator.styled:
            table = generator.style_table
            chosen = torch.from_numpy(uniform_rows(seed, rows, 1, stream=Stream.STYLE)[:, 0] * table.shape[1])
            style = table[asked, chosen.long()]
        images[part] = to_uint8(generator(z, asked, style)).numpy()
    return images


def _shape_of(generator: PenmanGenerator) -> tuple[int, int, int]:
    side = 4 * generator.side
    return generator.last.out_channels // 4, side, side
