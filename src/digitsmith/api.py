"""What every command does, as functions: train, the demonstration, and from `drawing/making.py` make and draw a number.

Here the rooms meet: training does not know of pages, drawing not of training loops. `cli.py` only parses,
calls these, and prints.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import IN_MEMORY, SEMI_SUPERVISED_MODELS, TrainSettings, with_overrides
from digitsmith.data.digits import Digits
from digitsmith.data.files import reading
from digitsmith.data.images import Images
from digitsmith.data.partly_labelled import PartlyLabelled, TrainingImages
from digitsmith.data.reading import KNOWN, read_digits, read_images, require_apart
from digitsmith.drawing.making import draw_number, make
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.numbers import save_image
from digitsmith.drawing.requests import balanced_labels
from digitsmith.errors import DataError, InputError, MissingSplitError
from digitsmith.measure.reader import READER, read
from digitsmith.presets import settings_for
from digitsmith.recognising.card import test_words
from digitsmith.recognising.recogniser import FOLDER, Recogniser
from digitsmith.report.page import write_run_page
from digitsmith.training.budget import seconds_in, within
from digitsmith.training.loop import train_gan
from digitsmith.training.observers import Observer, Observers
from digitsmith.training.run_folder import RunFolder

__all__ = ["FinishedRun", "default_folder", "demo", "draw_number", "make", "read_as_asked", "train", "write_page"]

DEMO_BUDGET = "3m"  # three epochs were two minutes with bfloat16, and thirteen without
READ_COUNT = 10_000
PAIRS_SHOWN = 4
MNIST_SOURCE = "mnist (train)"  # the reader was trained on these digits, and is no judge of others
_LEFT_TO_THE_MACHINE = (("threads", 0), ("precision", "auto"), ("device", "auto"))
"""Choices that a run made when it began, and keeps when it is resumed."""


@dataclass(frozen=True)
class FinishedRun:
    """What training leaves.

    Attributes:
        folder: the run's folder.
        model: the generator, ready to draw.
        page: the HTML page that shows the run.
        read_as_asked: share of 10,000 generated digits that the shipped reader reads as the class asked
            for, in [0, 1]; None for an unconditional model, for other data than MNIST, and where there were images
            without labels beside it.
        recogniser: of a model that learned to read from a few labels, ready to read; None for the others.
    """

    folder: Path
    model: DigitModel
    page: Path
    read_as_asked: float | None
    recogniser: Recogniser | None = None


def train(
    model: str | None = None,
    *,
    out: str | Path | None = None,
    data: str | Path | Digits | None = None,
    unlabelled: str | Path | Digits | NDArray[np.uint8] | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    resume: bool = False,
    preset: str | None = None,
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    budget: str | None = None,
    observers: Sequence[Observer] = (),
) -> FinishedRun:
    """Train a GAN, export its weights, and write the figures and the page that show it.

    Args:
        model: `gan`, `cgan`, `acgan`, `cgan-mlp`, `penman` or `sgan`; without one, the settings file's or the
            preset's.
        out: the run's folder; `runs/MODEL-DATA-seedN` where none is given. Images at hand need one.
        data: a name (`mnist`, `cifar10`, ...) or a path that `read_digits` understands, or images at hand.
        unlabelled: for `sgan`, more images to learn from: a name or a path that `read_images` understands, or images at
            hand, uint8 [N, H, W] or [N, C, H, W]. Labels that they have are not learned from, but must be whole.
        epochs, seed: as in `TrainSettings`, for convenience.
        resume: go on with the run in `out` (or begin it, where there is none yet), with its own settings.
        preset, config, overrides: as in `settings_for`; `overrides` has `TrainSettings`' fields as keys.
        budget: instead of epochs, how long it may take here, as `90s`, `12m` or `1.5h`. The machine's speed is
            measured when a run begins; one that is resumed goes on to the epochs that were found then.
        observers: are told of every step (`training.observers.Observer`).

    Raises:
        InputError: a setting or data that cannot be right, or an `out` that holds something else or lies within the
            data.
        TrainingInterrupted, TrainingDiverged, StorageError: as `train_gan` says; what was saved is intact.

    Warns:
        UserWarning: the recogniser that `sgan` leaves was not tested, and why.
    """
    named = {"epochs": epochs, "seed": seed, "data": _name_of(data), "unlabelled": _name_of(unlabelled)}
    asked = dict(overrides or {}) | {key: value for key, value in named.items() if value is not None}
    if budget is not None and asked.get("epochs") is not None:
        raise InputError("epochs and a budget both say how long the run is; give one of them")
    budget_s = None if budget is None else seconds_in(budget)
    if resume and config is not None:
        raise InputError("a run is resumed with its own settings; leave out the settings file")
    of_a_new_run = partial(settings_for, model, preset=preset, file=config, overrides=asked)
    if out is None and isinstance(data, Digits):
        raise InputError("say where the run goes: images at hand have no name to call its folder by")
    folder = Path(out) if out is not None else default_folder(of_a_new_run())
    goes_on = resume and RunFolder(folder).is_run()
    if resume and not goes_on and (model, preset, config, data) == (None,) * 4:
        raise InputError(f"{folder}: holds no run to go on with; check --out, or name a model to begin one")
    if goes_on:
        of_the_run = {key: value for key, value in asked.items() if (key, value) not in _LEFT_TO_THE_MACHINE}
        settings = with_overrides(RunFolder(folder).saved_settings(), model, of_the_run | {"preset": preset})
    else:
        settings = of_a_new_run()
        require_apart(folder, settings.data, settings.unlabelled or None)
    if settings.data == IN_MEMORY and not isinstance(data, Digits):
        raise InputError(f"{folder}: was trained on images in memory; hand over the same ones as data")
    at_hand = unlabelled if isinstance(unlabelled, Digits | np.ndarray) else None
    if settings.unlabelled == IN_MEMORY and at_hand is None:
        raise InputError(f"{folder}: was trained on images in memory; hand over the same ones as unlabelled")
    digits = data if isinstance(data, Digits) else read_digits(settings.data)
    learned_from: TrainingImages = digits
    if settings.unlabelled:
        recorded = goes_on and asked.get("unlabelled") is None
        given = settings.unlabelled if at_hand is None else at_hand
        more = _of_the_run(settings.unlabelled) if recorded else _without_labels(given)
        learned_from = PartlyLabelled(digits, more)
    if budget_s is not None and not RunFolder(folder).is_run():
        may_narrow = asked.get("channels") is None and config is None and settings.channels == TrainSettings.channels
        settings = within(budget_s, settings, learned_from, Observers(observers), may_narrow=may_narrow)

    train_gan(settings, learned_from, out=folder, resume=resume, observers=observers)
    drawn = DigitModel.from_run(folder)
    drawn.save_pretrained(RunFolder(folder).weights)
    of_mnist_alone = learned_from is digits and digits.source == MNIST_SOURCE
    share = read_as_asked(drawn) if drawn.conditional and of_mnist_alone else None
    semi_supervised = settings.model in SEMI_SUPERVISED_MODELS
    recogniser = _tested_recogniser(folder, settings, learned_from) if semi_supervised else None
    page = write_page(folder, drawn, digits, share, recogniser=recogniser)
    return FinishedRun(folder, drawn, page, share, recogniser)


def _tested_recogniser(folder: Path, settings: TrainSettings, learned_from: TrainingImages) -> Recogniser:
    """The run's recogniser, saved; where the data has a test set, it was read once, now, and chose nothing.

    Test images that it learned from, with their labels or without, are left out of the test.

    A test set that is none is a warning: the run has ended well, and an error here would meet every resume of it, too.
    """
    recogniser = Recogniser.from_run(folder)
    if settings.data != IN_MEMORY:
        try:
            test = read_digits(settings.data, split="test")
            unseen = _unseen_of(test, learned_from)
            if len(unseen) < len(test):
                left_out = f"{len(test) - len(unseen):,} of the {len(test):,} test images were learned from"
                warnings.warn(f"{left_out}; the recogniser was tested on the others", stacklevel=2)
            recogniser = recogniser.tested(unseen)
        except MissingSplitError:
            pass  # most data of one's own has none
        except InputError as error:
            warnings.warn(f"the recogniser was not tested: {error}", stacklevel=2)
    recogniser.save_pretrained(RunFolder(folder).weights / FOLDER)
    return recogniser


def _unseen_of(test: Digits, learned_from: TrainingImages) -> Digits:
    """The images of `test` that are not among those that were learned from, pixel for pixel.

    Raises:
        DataError: there are none.
    """
    of_test = {image.tobytes() for image in test.images}
    seen = {pixels for image in learned_from.images if (pixels := image.tobytes()) in of_test}
    unseen = [place for place, image in enumerate(test.images) if image.tobytes() not in seen]
    if not unseen:
        raise DataError("all test images were learned from")
    return test if not seen else test.take(np.array(unseen))


def _of_the_run(path: str) -> Images:
    """The images without labels of a run that goes on, from where they lay.

    Raises:
        InputError: they cannot be read; if they are gone, with the option that names another place.
    """
    try:
        return _without_labels(path)
    except DataError as error:
        with reading(Path(path)):
            gone = path not in KNOWN and not Path(path).exists()
        if not gone:
            raise
        raise DataError(f"{error}; this run's images without labels lay there: name them with --unlabelled") from error


def _without_labels(images: str | Digits | NDArray[np.uint8]) -> Images:
    """Images from where they lie, or at hand."""
    if isinstance(images, np.ndarray):
        return Images(images[:, None] if images.ndim == 3 else images, source=IN_MEMORY)
    return (Images.of(images) if isinstance(images, Digits) else read_images(images)).without_labels()


def _name_of(data: str | Path | Digits | NDArray[np.uint8] | None) -> str | None:
    """What a run records of where its images lie."""
    if isinstance(data, Digits | np.ndarray):
        return IN_MEMORY
    if isinstance(data, Path) and not data.is_absolute():
        return f"./{data}"  # a folder called mnist is not the name "mnist"
    return None if data is None else str(data)


def default_folder(settings: TrainSettings) -> Path:
    """Where a run goes that was given no place. Data in "." are called by their folder's own name."""
    stem = settings.data if settings.data in KNOWN else Path(os.path.abspath(settings.data)).stem  # noqa: PTH100  # resolve() would rename a link
    return Path("runs") / f"{settings.model}-{stem}-seed{settings.seed}"


def read_as_asked(model: DigitModel, *, count: int = READ_COUNT, seed: int = 1) -> float:
    """The share of `count` generated digits, balanced over the classes, read as the class asked for."""
    labels = balanced_labels(count, len(model.config.classes))
    # all drawn before the first is read: the reader's threads and those that draw ahead would be in each other's way
    drawn = np.concatenate([images for images, _ in model.draw_chunks(labels, seed=seed)])
    return float((read(drawn) == labels).mean())


def write_page(
    folder: Path,
    model: DigitModel,
    digits: Digits,
    share: float | None,
    *,
    drawn: Path | None = None,
    downloads: Sequence[tuple[str, str]] = (),
    recogniser: Recogniser | None = None,
) -> Path:
    """The page of the run in `folder`, as it stands now."""
    columns = list(model.config.classes) if model.conditional else None
    real = real_rows(digits, by_class=model.conditional)
    labels = np.tile(np.arange(real.shape[1]) % len(digits.classes), PAIRS_SHOWN)
    generated = np.concatenate([images for images, _ in model.draw_chunks(labels, seed=1)]).reshape(real.shape)
    facts = [] if recogniser is None else _facts_of(recogniser)
    facts += [] if share is None else [("Read as the digit asked for", f"{share:.1%} of {READ_COUNT:,}, by {READER}")]
    return write_run_page(
        folder, real=real, generated=generated, columns=columns, drawn=drawn, facts=facts, downloads=downloads
    )


def _facts_of(recogniser: Recogniser) -> list[tuple[str, str]]:
    """What the page says in large letters of a recogniser."""
    training = recogniser.config.training
    labels = f"{training['settings']['labelled']:,} of {training['data']['images']:,} images"
    test = training.get("test")
    tested = [] if test is None else [("Test images read wrongly", test_words(test))]
    return [("Learned to read from the labels of", labels), *tested]


def real_rows(digits: Digits, *, by_class: bool) -> NDArray[np.uint8]:
    """The first real images of each class, uint8 [4, K, C, H, W]; simply the first 4 x 10 for no classes.

    A class with fewer than four images shows them again, one without any stays black.
    """
    if not by_class:
        first = np.arange(PAIRS_SHOWN * 10) % len(digits)
        return digits.images[first].reshape(PAIRS_SHOWN, 10, *digits.image_shape)
    shown = np.zeros((PAIRS_SHOWN, len(digits.classes), *digits.image_shape), np.uint8)
    for label in range(len(digits.classes)):
        own = np.flatnonzero(digits.labels == label)
        if len(own):
            shown[:, label] = digits.images[np.resize(own, PAIRS_SHOWN)]
    return shown


def demo(out: str | Path = "demo", *, count: int = 1000, observers: Sequence[Observer] = ()) -> FinishedRun:
    """The whole way once: train the default model on MNIST for three minutes, whatever the machine, draw `count`
    labelled digits and a number, and show it all on one page. Run again on the same folder, it goes on where it was.

    Raises:
        As `train`.
    """
    folder = Path(out)
    run = train(preset="demo", out=folder, resume=RunFolder(folder).is_run(), budget=DEMO_BUDGET, observers=observers)
    digits_folder = folder / "digits"
    if not digits_folder.exists():
        make(count, out=digits_folder, model=run.model, format="png")
    save_image(folder / "2026.png", draw_number("2026", model=run.model))
    page = write_page(
        folder,
        run.model,
        read_digits("mnist"),
        run.read_as_asked,
        drawn=digits_folder,
        downloads=[
            (f"{count:,} labelled digits", "digits/"),
            ("2026, drawn", "2026.png"),
            ("weights", "weights/"),
        ],
    )
    return FinishedRun(folder, run.model, page, run.read_as_asked)
