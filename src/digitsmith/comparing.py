"""What `compare` does: several models trained or taken, measured against the same real images, on one page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith import api
from digitsmith.assess import COUNT, evaluator_for, generated_images
from digitsmith.config import MODELS, UNCONDITIONAL_MODELS, TrainSettings, digit_safe, settings_to_dict
from digitsmith.data.digits import Digits
from digitsmith.data.reading import require_apart
from digitsmith.data.stacked import STACKED_MNIST
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.errors import InputError, TrainingInterrupted
from digitsmith.measure.evaluation import FAMILIES, OnStage, require_families
from digitsmith.models.registry import build_networks
from digitsmith.presets import settings_for
from digitsmith.report.comparison_page import ComparedModel, write_comparison_page
from digitsmith.report.samples import read_samples
from digitsmith.storage import refuse_other_page
from digitsmith.training.command import command_of
from digitsmith.training.observers import Observer
from digitsmith.training.run_files import read_log
from digitsmith.training.run_folder import RunFolder
from digitsmith.training.styles import with_style

AUGMENTED = ("acgan",)
"""Models that are trained a second time with augmentation: the second report's Figure 10."""
_THE_MACHINES = ("threads", "precision", "device")  # settings that each machine chooses for itself
_ROWS = 10


def compare(
    models: Sequence[str],
    *,
    out: str | Path,
    data: str = "mnist",
    test: str | None = None,
    epochs: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    count: int = COUNT,
    augmented: Collection[str] = AUGMENTED,
    only: Collection[str] = FAMILIES,
    inception_weights: Path | None = None,
    observers: Callable[[str], Sequence[Observer]] = lambda name: (),
    staging: Callable[[str], AbstractContextManager[OnStage]] = lambda name: nullcontext(_unwatched),
) -> Path:
    """Train or take several models, measure all against the same real images, and write one page.

    Interrupted, it goes on where it was: models trained before are not trained again.

    Args:
        models: architectures (`gan`, `cgan`, `acgan`, `cgan-mlp`, `penman`), trained at their own presets into
            `out/runs`; or paths of runs and of saved weights, taken as they are.
        out: the folder of the page, `comparison.json`, `table.md`, the figures and the runs.
        data: what the architectures are trained on and all are measured against.
        test: real images that no model has seen: the test split, where there is one. A known name in `data` brings its
            own.
        epochs, threads: of the training, instead of the settings' own.
        seed: of training, drawing and measuring.
        count: how many images each model draws to be measured.
        augmented: the architectures, of those trained here, that are trained once more with augmentation.
        only: families of figures, of `FAMILIES`.
        inception_weights: as in `evaluate`.
        observers: makes the observers of a training by its name.
        staging: what surrounds each measurement, by its name, and is told how far it is.

    Returns:
        The path of the page.

    Raises:
        InputError: no models, one named twice, one that is none or draws other images or classes than `data` has;
            a family or an architecture to augment that there is not; too few images; `out` has another page.
        TrainingInterrupted, TrainingDiverged, StorageError: as `train`; run the same command again.
    """
    _check_names(models, augmented=augmented)
    require_families(only)
    if data == STACKED_MNIST:
        raise InputError(f"{STACKED_MNIST} has its own figures; train each model on it, and `digitsmith evaluate` them")
    folder = Path(out)
    require_apart(folder, data, test)
    refuse_other_page(folder, record="comparison.json")
    evaluator = evaluator_for(data, test, seed=seed, inception_weights=inception_weights)
    evaluator.seat(count)
    settings_of = {
        model: settings_for(model, overrides={"data": data, "epochs": epochs, "seed": seed})
        for model in models
        if model in MODELS
    }
    for asked_for in models:
        if asked_for in settings_of:
            _check_trainable(settings_of[asked_for], evaluator.training, augment=asked_for in augmented)
        else:
            _check_fits(load(Path(asked_for)), evaluator.training, name=asked_for)

    def trained(architecture: str, *, augment: bool = False) -> Path:
        name = f"{architecture}-augmented" if augment else architecture
        settings = settings_of[architecture]
        if augment:
            settings = dataclasses.replace(settings, augmentation=digit_safe())
        run = RunFolder(folder / "runs" / name)
        # Every setting is asked for, so that a run of other settings in this place is refused, not taken.
        asked = {key: value for key, value in settings_to_dict(settings).items() if key not in _THE_MACHINES}
        try:
            overrides = asked | {"threads": threads}
            api.train(out=run.root, resume=run.is_run(), overrides=overrides, observers=observers(name))
        except TrainingInterrupted as error:
            message = f"{folder}: stopped while {name} was trained; the same command goes on where it was"
            raise TrainingInterrupted(message, signal_number=error.exit_code - 128) from None
        return run.root

    places = {_named(model): trained(model) if model in MODELS else Path(model) for model in models}
    twins = {model: trained(model, augment=True) for model in models if model in MODELS and model in augmented}
    compared = []
    for name, place in places.items():
        model = load(place)
        generated = generated_images(model, name=name, count=count, seed=seed, like=evaluator.training)
        with staging(name) as on_stage:
            evaluation = evaluator.evaluate(
                generated.images,
                generated.labels,
                name=name,
                only=only,
                facts=generated.facts,
                on_stage=on_stage,
            )
        columns = len(evaluator.training.classes)
        twin = None if name not in twins else _grid(load(twins[name]), columns=columns, seed=seed)
        real = api.real_rows(evaluator.training, by_class=model.conditional)
        compared.append(
            ComparedModel(
                name=name,
                evaluation=evaluation,
                samples=_grid(model, columns=columns, seed=seed),
                columns=list(model.config.classes) if model.conditional else None,
                real=real,
                generated=_grid(model, columns=real.shape[1], seed=seed)[: len(real)],
                augmented=twin,
                settings=model.config.training,
                **_learned(RunFolder(place)),
            )
        )
    return write_comparison_page(folder, compared)


def _check_names(models: Sequence[str], *, augmented: Collection[str]) -> None:
    if not models:
        raise InputError(f"name at least one model: an architecture ({', '.join(MODELS)}), a run, or saved weights")
    names = [_named(model) for model in models]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two of the models are called {twice}; name each once, and rename a folder if need be")
    unknown = next((name for name in augmented if name not in MODELS), None)
    if unknown is not None:
        raise InputError(f"there is no architecture {unknown!r} to augment; choose from {', '.join(MODELS)}")


def _check_trainable(settings: TrainSettings, training: Digits, *, augment: bool) -> None:
    """Before the first of several trainings: all of them can begin."""
    model = settings.model
    if model not in UNCONDITIONAL_MODELS:
        training.require_every_class()
    settings = with_style(settings, training)
    if augment and settings.style == "strokes":
        raise InputError(
            f"{model} is asked for the style of each image, which augmentation would change; augment others"
        )
    styled = settings.style != "none"
    build_networks(
        model, training.image_shape, len(training.classes), seed=0, channels=settings.channels, styled=styled
    )


def _check_fits(model: DigitModel, training: Digits, *, name: str) -> None:
    """Before hours of training: a model that is taken draws what the others draw."""
    config = model.config
    if config.image_shape != training.image_shape or (model.conditional and config.classes != training.classes):
        raise InputError(
            f"{name}: draws images {list(config.image_shape)} of {len(config.classes)} classes, and {training.source} "
            f"has {list(training.image_shape)} and its own {len(training.classes)}; compare it where it was trained"
        )


def _named(model: str) -> str:
    """What a column is headed with: an architecture's name, or a path's last part."""
    if model in MODELS:
        return model
    folder = Path(model).resolve()
    return folder.parent.name if folder.name == "weights" else folder.name  # as a run calls the folder of its weights


def _grid(model: DigitModel, *, columns: int, seed: int) -> NDArray[np.uint8]:
    """Ten rows, column k of class k where the model has classes: uint8 [R, columns, C, H, W]."""
    asked = np.tile(np.arange(columns) % len(model.config.classes), _ROWS)
    images = np.concatenate([images for images, _ in model.draw_chunks(asked, seed=seed)])
    return images.reshape(_ROWS, columns, *images.shape[1:])


def _learned(run: RunFolder) -> dict[str, Any]:
    """What a run tells of its training, as `ComparedModel`'s fields; nothing for saved weights."""
    if not run.is_run():
        return {}
    log = read_log(run.log)
    return {
        "log": log,
        "epochs": read_samples(run.root / "samples"),
        "command": command_of(run.saved_settings(), images=run.read_record()["data"]["images"]),
        "seconds": max((row.get("seconds", 0.0) for row in log), default=None),
    }


def _unwatched(stage: str, done: int, total: int) -> None:
    """What is told how far a measurement is, where no one asked."""
