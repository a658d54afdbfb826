"""`--budget 90s`, `12m`, `1.5h`: the epochs that this machine gets through in that time.

All schedules of a run (the learning rate's fall, the average's half-life by length) are shares of its epochs, so
the number of epochs is nearly all there is to set. Where it comes to too few of them for penman's width, half the width
may get further (`docs/flagship.md` has both): a processor without bfloat16 trains it twice as fast. Both stand in the
run's settings: a resumed run asks for no budget.
"""

from __future__ import annotations

import dataclasses
import re
import time

import torch

from digitsmith.config import STYLED_MODELS, TrainSettings
from digitsmith.data.partly_labelled import TrainingImages
from digitsmith.errors import ConfigError
from digitsmith.training.loop import prepared
from digitsmith.training.machine import keep_freed_memory, resolve
from digitsmith.training.observers import Observer
from digitsmith.training.styles import with_style

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST_S, _LONGEST_S = 10.0, 10_000 * 3600.0
_MARGIN = 0.05  # of the time is kept for sample grids, checkpoints and the page
_MEASURED_S = 4.0  # or a twentieth of the budget, where that is less
_WARM_UP_STEPS = 8
NARROW = 16  # channels
NARROW_FROM_TIMES = 1.5  # as many images as the usual width sees make up for half of it,
WIDE_FROM_IMAGES = 300_000  # unless that sees so many


def seconds_in(budget: str) -> float:
    """A duration in seconds, from a number and its unit: `90s`, `12m` or `1.5h`.

    Raises:
        ConfigError: it is none, or shorter than 10 seconds or longer than 10,000 hours.
    """
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", budget.strip())
    if parts is None:
        raise ConfigError(f"the budget {budget!r} is no duration; write it as 90s, 12m or 1.5h")
    seconds = float(parts[1]) * _UNITS[parts[2]]
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise ConfigError(f"the budget must be at least 10s and at most 10000h, not {budget}")
    return seconds


def within(
    budget_s: float, settings: TrainSettings, digits: TrainingImages, listener: Observer, *, may_narrow: bool = False
) -> TrainSettings:
    """`settings` with as many epochs as fit into `budget_s` seconds from now, and the machine's choices made.

    A few seconds of it go by in measuring, and what the model needs to know of the images before its first step
    is found out on the way; both count. At the least there is time for one step.

    Args:
        may_narrow: whether penman may have `NARROW` channels where they get further than the usual ones.
    """
    began = time.perf_counter()
    settings = with_style(resolve(settings), digits)

    def speed(settings: TrainSettings) -> float:
        return images_per_second(settings, digits, listener, measured_s=min(_MEASURED_S, budget_s / 20))

    def fitting(images_per_s: float) -> float:
        return epochs_in(budget_s - (time.perf_counter() - began), images_per_s, images=len(digits))

    chosen, rate, instead = settings, speed(settings), ""
    if may_narrow and settings.model in STYLED_MODELS and settings.channels > NARROW:
        wide = fitting(rate)
        if wide * len(digits) < WIDE_FROM_IMAGES:
            narrow = dataclasses.replace(settings, channels=NARROW)
            narrow_rate = speed(narrow)
            if narrow_rate >= NARROW_FROM_TIMES * rate:
                instead = f"; {wide:.3g} of {settings.channels} would be too few"
                chosen, rate = narrow, narrow_rate
    epochs = fitting(rate)
    width = f" of {chosen.channels} channels" if settings.model in STYLED_MODELS else ""
    listener.planned(f"{epochs:.3g} epochs{width} fit into {budget_s:,.0f} s here{instead}")
    return dataclasses.replace(chosen, epochs=epochs)


def epochs_in(seconds: float, images_per_s: float, *, images: int) -> float:
    """How many epochs of `images` fit into `seconds`, the margin kept, to four digits; one image where none does."""
    seen = max(seconds * (1 - _MARGIN) * images_per_s, 1.0)
    return float(f"{seen / images:.4g}")


def images_per_second(
    settings: TrainSettings, digits: TrainingImages, listener: Observer, *, measured_s: float
) -> float:
    """How fast this machine trains, measured on players that are thrown away; `settings` are resolved."""
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    state, source = prepared(settings, digits, listener)
    cycle = settings.penalty_every if settings.model in STYLED_MODELS else 1  # steps of which one is the heaviest

    def play(steps: int) -> None:
        for _ in range(steps):
            result = state.play(source.batch(state.step))
            state.step += 1
            state.averaged.update(images_seen=state.step * settings.batch_size, batch_size=settings.batch_size)
        float(result.loss_d)  # a GPU answers when it has finished

    play(cycle * -(-_WARM_UP_STEPS // cycle))
    first, began = state.step, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < measured_s or state.step == first:
        play(cycle)
    return (state.step - first) * settings.batch_size / elapsed
