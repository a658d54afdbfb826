"""The training loop, top to bottom: settings and images in, a run's folder and a generator out."""

from __future__ import annotations

import dataclasses
import math
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from digitsmith.config import SEMI_SUPERVISED_MODELS, STYLED_MODELS, UNCONDITIONAL_MODELS, TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.partly_labelled import TrainingImages
from digitsmith.errors import CheckpointError, TrainingDiverged, TrainingInterrupted
from digitsmith.models.blocks import Generator
from digitsmith.models.penman import PenmanGenerator
from digitsmith.randomness import Stream, normal_rows
from digitsmith.training.batches import BatchSource, to_uint8
from digitsmith.training.checkpoint import newest_checkpoint, save_checkpoint
from digitsmith.training.ema import half_life_in_images
from digitsmith.training.health import SETTLED_AFTER_IMAGES, HealthWatch, measure
from digitsmith.training.labelled import with_labelled
from digitsmith.training.machine import describe, keep_freed_memory, resolve, versions
from digitsmith.training.observers import Moment, Observer, Observers, RunLog
from digitsmith.training.run_files import rows_until
from digitsmith.training.run_folder import RunFolder, identity
from digitsmith.training.signals import StopRequest
from digitsmith.training.state import TrainingState
from digitsmith.training.step import StepResult
from digitsmith.training.styles import keep_styles, training_styles, with_style
from digitsmith.training.tensorboard import TensorBoard

SAMPLE_ROWS = 10
SHORTEST_IN_WARM_UPS = 6  # sgan on 5,100 images: read wrongly 5 % after one warm-up of images, 1 % after six
LOSS_LIMIT = 1e4  # a healthy run of these models stays below 100


def train_gan(
    settings: TrainSettings,
    digits: TrainingImages,
    *,
    out: Path,
    resume: bool = False,
    observers: Sequence[Observer] = (),
) -> None:
    """Train a GAN on `digits` into the folder `out`.

    Killed at any moment and resumed with `resume=True`, it ends in the same bits as if left alone, on the same
    CPU at the same thread count: every random number follows from (seed, step), the rest is in the checkpoint.

    Raises:
        InputError: a class has no image, for a model that is asked for classes; the images have a size that the
            model cannot take; `out` holds a run and `resume` is false, or another run, or other files.
        TrainingInterrupted: Ctrl-C or SIGTERM; the finished step is saved.
        TrainingDiverged: a loss is NaN, infinite or beyond 10,000; the last checkpoint is good.
        StorageError: the disk refused; the last checkpoint is good.
    """
    settings = with_labelled(with_style(resolve(settings), digits), digits)
    settings = dataclasses.replace(settings, ema_half_life_images=half_life_in_images(settings, len(digits)))
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    folder, run = RunFolder(out), identity(settings, digits)
    if resume and folder.is_run():  # before anything else is said of images that are not the run's
        folder.require_same(settings, digits, images_seen=0)
    state, source = prepared(settings, digits, Observers(observers))  # before anything is written: it may refuse
    facts: dict[str, Mapping[str, str | int]] = {"versions": versions(), "machine": describe(settings)}
    with folder.locked(), StopRequest() as stop:
        told: list[tuple[str, str]] = []  # (kind, line)
        if resume and folder.record.exists():
            checkpoint = newest_checkpoint(
                folder.checkpoints, warn=lambda line: told.append(("damaged-checkpoint", line))
            )
            folder.require_same(settings, digits, images_seen=checkpoint.images if checkpoint else 0)
            if checkpoint is not None:
                if checkpoint.run != run:
                    raise CheckpointError(
                        f"{folder.record}: is not what it was when {checkpoint.path.name} was saved; restore it, or "
                        "train again into another --out"
                    )
                state.load(checkpoint)
            elif rows_until(folder.log, steps_in(settings, digits)):
                line = f"{folder.checkpoints}: holds no checkpoint; beginning again at the first step"
                told.append(("lost-checkpoints", line))
            goes_on = 0 < state.step < steps_in(settings, digits)
            others = folder.update(settings, digits, facts if goes_on else {})
            if others:
                line = f"goes on with {'; '.join(others)}: it may not end in the bits of a run left alone"
                told.append(("another-machine", line))
        else:
            folder.begin(settings, digits, facts)
            told += _too_short(settings, digits)
        if settings.model in SEMI_SUPERVISED_MODELS:
            folder.keep_labelled(source.labelled.tolist(), digits)

        rows = rows_until(folder.log, state.step)
        listeners = Observers([RunLog(folder, rows), TensorBoard(folder.tensorboard), *observers])
        try:
            moment = _moment(state.step, settings, digits)
            listeners.started(moment)
            for kind, line in told:
                listeners.warning(moment, kind, line)
            watch = HealthWatch(settled_after_images=min(SETTLED_AFTER_IMAGES, moment.total_images // 3))
            watch.replay(rows)
            _play(settings, digits, state, source, run, folder, listeners, watch, stop)
        finally:
            listeners.close()


def prepared(settings: TrainSettings, digits: TrainingImages, listeners: Observer) -> tuple[TrainingState, BatchSource]:
    """Players who have not begun, and their batches; `settings` are resolved.

    For a model that is asked for styles those of the images are measured first, once for these images.

    Raises:
        InputError: a class has no image, or the images have a size that the model cannot take.
    """
    settings = with_labelled(with_style(settings, digits), digits)
    if settings.model not in UNCONDITIONAL_MODELS:  # the others are asked for every class
        digits.require_every_class()
    state = TrainingState(settings, digits, device=settings.device)
    styles = None
    if settings.model in STYLED_MODELS and settings.style == "strokes":
        assert isinstance(digits, Digits), "images without labels are for semi-supervised models"
        styles = training_styles(digits, on_progress=lambda done: listeners.measuring_styles(done, len(digits)))
        keep_styles(state, styles, torch.from_numpy(digits.labels), seed=settings.seed)
    z_dim = state.players.generator.z_dim
    return state, BatchSource(digits, settings, z_dim=z_dim, device=settings.device, styles=styles)


def _play(
    settings: TrainSettings,
    digits: TrainingImages,
    state: TrainingState,
    source: BatchSource,
    run: str,
    folder: RunFolder,
    listeners: Observer,
    watch: HealthWatch,
    stop: StopRequest,
) -> None:
    """All steps that are left, with what is logged, drawn and saved on the way."""
    size, total_steps = settings.batch_size, steps_in(settings, digits)
    sample_steps = {-(-epoch * len(digits) // size): epoch for epoch in settings.sample_epochs}
    sample_steps[total_steps] = math.ceil(settings.epochs)  # the last grid always, in its unfinished epoch's name
    save_every = -(-settings.checkpoint_every_images // size)
    classes = 1 if settings.model in UNCONDITIONAL_MODELS else len(digits.classes)
    begun, last_row = time.perf_counter(), (time.perf_counter(), state.step)

    def save() -> None:
        tensors = state.tensors()
        _require_finite_weights(tensors, state.step, folder)
        images, keep = state.step * size, settings.keep_checkpoints
        save_checkpoint(folder.checkpoints, step=state.step, images=images, run=run, tensors=tensors, keep=keep)

    moment = _moment(state.step, settings, digits)
    while state.step < total_steps:
        set_pace(state, settings, total_steps)
        batch = source.batch(state.step)
        result = state.play(batch)
        state.step += 1
        state.averaged.update(images_seen=state.step * size, batch_size=size)

        moment = _moment(state.step, settings, digits)
        looks = state.step % settings.log_every_steps == 0 or state.step == total_steps
        if looks or settings.device == "cpu":  # on a GPU, asking every step would make it wait
            _require_finite_losses(result, state.step, folder)
        listeners.stepped(moment)
        if looks:
            measured = measure(result, batch.real, batch.labels, batch.fake_labels, classes=classes)
            now = time.perf_counter()
            rate = (state.step - last_row[1]) * size / (now - last_row[0])
            listeners.row(moment, measured, images_per_s=rate, seconds=now - begun)
            for kind, message in watch.look(moment.images, measured):
                listeners.warning(moment, kind, message)
            last_row = (time.perf_counter(), state.step)
        if state.step in sample_steps:
            grid = fixed_noise_grid(state.averaged.network, settings, digits)
            listeners.samples(moment, sample_steps[state.step], grid)
        signal_number = stop.signal_number  # once: a signal between two looks would be one without a save
        if state.step % save_every == 0 or state.step == total_steps or signal_number:
            save()
        if signal_number:
            raise TrainingInterrupted(
                f"stopped after step {state.step} of {total_steps}, saved; "
                f"go on with: digitsmith train --out {shlex.quote(str(folder.root))} --resume",
                signal_number=signal_number,
            )
    listeners.finished(moment, seconds=time.perf_counter() - begun)


def steps_in(settings: TrainSettings, digits: TrainingImages) -> int:
    """Steps in the whole run: enough to see `epochs` times the images, those without labels too."""
    return math.ceil(settings.epochs * len(digits) / settings.batch_size)


def set_pace(state: TrainingState, settings: TrainSettings, total_steps: int) -> None:
    """What changes from step to step, for the step that comes next."""
    state.set_learning_rate(learning_rate_at(settings, state.step, total_steps))
    left = (1 - state.step / total_steps) / max(1 - settings.decay_from, 1e-9)
    state.reading_share = min(1.0, left)  # falls together with the learning rate


def _too_short(settings: TrainSettings, digits: TrainingImages) -> list[tuple[str, str]]:
    """A warning, as (kind, line), where a preset for many images ends on a few of them before it has learned."""
    seen, enough = settings.epochs * len(digits), SHORTEST_IN_WARM_UPS * settings.warm_up_images
    if seen >= enough:
        return []
    line = (
        f"the learning rate rises over the first {settings.warm_up_images:,.0f} images, and this run ends after "
        f"{seen:,.0f}: give --epochs {math.ceil(enough / len(digits))} or more"
    )
    return [("short-run", line)]


def learning_rate_at(settings: TrainSettings, step: int, total_steps: int) -> float:
    """Of step `step`, counted from 0: straight up over the warm-up, constant up to `decay_from` of the run, then
    straight down towards zero."""
    seen = (step + 1) * settings.batch_size
    if seen < settings.warm_up_images:
        return settings.learning_rate * seen / settings.warm_up_images
    progress = step / total_steps
    if progress < settings.decay_from:
        return settings.learning_rate
    return settings.learning_rate * (1 - progress) / (1 - settings.decay_from)


@torch.no_grad()
def fixed_noise_grid(generator: Generator, settings: TrainSettings, digits: TrainingImages) -> NDArray[np.uint8]:
    """The run's sample grid: uint8 [10, K, C, H, W], one column per class and the same noise along a row.

    An unconditional generator has no classes to show: each of its 10 columns is other noise. One that is asked
    for styles draws those of ten training images of each class.
    """
    conditional = settings.model not in UNCONDITIONAL_MODELS
    columns = len(digits.classes) if conditional else 10
    if conditional:
        rows = normal_rows(settings.seed, np.arange(SAMPLE_ROWS), generator.z_dim, stream=Stream.FIXED)
        z = np.repeat(rows, columns, axis=0)
    else:
        z = normal_rows(settings.seed, np.arange(SAMPLE_ROWS * columns), generator.z_dim, stream=Stream.FIXED)
    labels = torch.arange(columns).repeat(SAMPLE_ROWS)
    conditions = [labels.to(settings.device)]
    if isinstance(generator, PenmanGenerator) and generator.styled:  # row r has each class's r-th style
        conditions.append(generator.style_table[labels, torch.arange(SAMPLE_ROWS).repeat_interleave(columns)])
    images = generator(torch.from_numpy(z).to(settings.device), *conditions)
    return to_uint8(images).cpu().numpy().reshape(SAMPLE_ROWS, columns, *digits.image_shape)


def _moment(step: int, settings: TrainSettings, digits: TrainingImages) -> Moment:
    images = step * settings.batch_size
    return Moment(step, images, images / len(digits), steps_in(settings, digits) * settings.batch_size)


def _require_finite_losses(result: StepResult, step: int, folder: RunFolder) -> None:
    loss_d, loss_g = float(result.loss_d), float(result.loss_g)
    if not (abs(loss_d) < LOSS_LIMIT and abs(loss_g) < LOSS_LIMIT):  # NaN fails every comparison
        raise TrainingDiverged(
            f"the losses left every sensible range at step {step} (discriminator {loss_d:g}, generator {loss_g:g}); "
            f"checkpoints in {folder.checkpoints} are from before it; try a lower --learning-rate or another --seed"
        )


def _require_finite_weights(tensors: dict[str, torch.Tensor], step: int, folder: RunFolder) -> None:
    """A step can leave NaN weights behind finite losses; such a state must not replace a good checkpoint."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise TrainingDiverged(
                f"{name} is no longer finite after step {step}; checkpoints in {folder.checkpoints} are from "
                "before it; try a lower --learning-rate or another --seed"
            )
