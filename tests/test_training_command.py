"""The command that a page names for a run trains that run."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from digitsmith import cli
from digitsmith.config import IN_MEMORY, MODELS, Augmentation, TrainSettings, digit_safe
from digitsmith.presets import settings_for
from digitsmith.training.command import OPTIONS, command_of
from digitsmith.training.ema import half_life_in_images


def recorded(settings: TrainSettings, *, images: int) -> TrainSettings:
    """As a run on strokes records them."""
    style = "strokes" if settings.model == "penman" and settings.style == "auto" else settings.style
    labelled = images if settings.unlabelled and not settings.labelled else settings.labelled
    by_length = half_life_in_images(settings, images)
    return replace(settings, style=style, ema_half_life_images=by_length, labelled=labelled, threads=2)


@pytest.mark.parametrize(
    ("model", "asked", "words"),
    [
        *((model, {}, "") for model in MODELS),
        ("acgan", {"learning_rate": 2e-4, "batch_size": 64}, "--batch-size 64 --learning-rate 0.0002"),
        ("acgan", {"augmentation": digit_safe()}, "--augment"),
        ("cgan", {"augmentation": Augmentation(shift_px=1.5, flip=True)}, "--shift-px 1.5 --flip"),
        ("cgan", {"data": "my digits", "seed": 3, "epochs": 2.5}, ""),
        ("penman", {"channels": 24, "style": "none"}, "--style none --channels 24"),
        ("penman", {"ema_half_life_images": 5000.0}, "--ema-half-life-images 5000"),
        ("sgan", {"labelled": 50}, "--labelled 50"),
        ("sgan", {"unlabelled": "scans"}, "--unlabelled scans --labelled 1000"),
        ("sgan", {"unlabelled": "scans", "labelled": 100}, "--unlabelled scans --labelled 100"),
    ],
)
def test_it_names_what_is_not_the_presets(model: str, asked: Mapping[str, Any], words: str) -> None:
    settings = recorded(settings_for(model, overrides=asked), images=1000)
    begin = f"digitsmith train {model} --seed {settings.seed} --epochs {settings.epochs:g}"
    data = f" --data {shlex.quote(settings.data)}" if settings.data != "mnist" else ""
    assert command_of(settings, images=1000) == f"{begin}{data} {words}".strip()


def test_what_the_model_does_not_read_is_left_out() -> None:
    """Runs from before there was such a setting have another value there."""
    old = replace(recorded(settings_for("acgan"), images=1000), channels=24)
    assert command_of(old, images=1000) == "digitsmith train acgan --seed 0 --epochs 20"


def test_another_preset_is_named() -> None:
    settings = recorded(settings_for("penman", preset="few"), images=1000)
    assert command_of(settings, images=1000).endswith(" --preset few")


def test_what_no_command_can_do_has_none() -> None:
    for changed in ({"penalty_gamma": 1.0}, {"data": IN_MEMORY}, {"adam_beta1": 0.9}):
        assert command_of(recorded(settings_for("penman", overrides=changed), images=1000), images=1000) == ""


def test_every_option_that_it_names_is_one() -> None:
    known = set(inspect.signature(cli.train).parameters)
    assert {*OPTIONS, "augment", *asdict(Augmentation())} <= known
    assert set(OPTIONS) <= {field.name for field in fields(TrainSettings)}
