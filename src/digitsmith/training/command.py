"""The command that trains such a run, for pages that say where a model comes from."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from digitsmith.config import BY_LENGTH, IN_MEMORY, Augmentation, TrainSettings, digit_safe
from digitsmith.presets import settings_for
from digitsmith.training.ema import half_life_in_images

OPTIONS = (
    "batch_size",
    "learning_rate",
    "decay_from",
    "generator_loss",
    "ema_half_life_images",
    "style",
    "channels",
    "labelled",
    "unlabelled",
)
"""Settings of a training, beside its data, epochs, seed and augmentation, that `digitsmith train` has an option for."""
_MOVE_NO_WEIGHT = ("threads", "precision", "device")  # but for rounding: each machine chooses for itself
_KEEP = ("sample_epochs", "checkpoint_every_images", "keep_checkpoints", "log_every_steps")


def command_of(settings: TrainSettings, *, images: int) -> str:
    """`digitsmith train ...` of a run's settings.

    Args:
        settings: as the run recorded them.
        images: how many it was trained on.

    Returns:
        "" where no command would do: images in memory, or a setting that only a file can give.
    """
    if IN_MEMORY in (settings.data, settings.unlabelled):
        return ""
    usual, preset = settings_for(settings.model), settings_for(settings.model, preset=settings.preset)
    words = ["digitsmith", "train", settings.model, "--seed", str(settings.seed), "--epochs", _shown(settings.epochs)]
    if settings.data != preset.data:
        words += ["--data", settings.data]
    if settings.preset != usual.preset:
        words += ["--preset", settings.preset]
    for item in dataclasses.fields(TrainSettings):
        name, value = item.name, getattr(settings, item.name)
        if name in ("model", "data", "preset", "epochs", "seed", *_MOVE_NO_WEIGHT, *_KEEP, *settings.unread):
            continue
        if name == "augmentation":
            words += _augmented(value, preset.augmentation)
        elif name == "labelled" and settings.unlabelled:  # beside these, all labels are the usual
            words += [f"--{name}", _shown(value)]
        elif value != getattr(preset, name) and not _follows(name, settings, preset, images):
            if name not in OPTIONS:
                return ""
            words += [f"--{name.replace('_', '-')}", _shown(value)]
    return shlex.join(words)


def _follows(name: str, settings: TrainSettings, preset: TrainSettings, images: int) -> bool:
    """Whether the run itself made the preset's choice into this value."""
    if name == "style":
        return preset.style == "auto" and settings.style == "strokes"
    if name == "ema_half_life_images" and preset.ema_half_life_images == BY_LENGTH:
        by_length = dataclasses.replace(settings, ema_half_life_images=BY_LENGTH)
        return settings.ema_half_life_images == half_life_in_images(by_length, images)
    return False


def _augmented(augmentation: Augmentation, usual: Augmentation) -> list[str]:
    if augmentation == digit_safe() != usual:
        return ["--augment"]
    words = []
    for name, value in dataclasses.asdict(augmentation).items():
        if value != getattr(usual, name):  # no preset mirrors images, so that flip is only ever switched on
            option = f"--{name.replace('_', '-')}"
            words += [option] if value is True else [option, _shown(value)]
    return words


def _shown(value: Any) -> str:
    """A number in as few digits as say it: 20 and not 20.0."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
