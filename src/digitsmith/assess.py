"""What `evaluate` and `compare` do, as functions: measure generated digits, and set several models side by side.

Beside `api.py`, above all rooms: models are loaded or trained, images drawn or read, measured, and shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import digitsmith
from digitsmith.config import IN_MEMORY, MAX_SEED
from digitsmith.data.digits import Digits
from digitsmith.data.images import Images
from digitsmith.data.reading import KNOWN, read_digits, read_images, read_test, require_apart
from digitsmith.data.resize import resized
from digitsmith.data.stacked import STACKED_MNIST, STACKS
from digitsmith.drawing.loading import is_model, load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.requests import balanced_labels, proportional_labels
from digitsmith.errors import DataError, InputError
from digitsmith.measure.evaluation import FAMILIES, NEED_LABELS, Evaluator, OnStage
from digitsmith.measure.inception_weights import HOW_TO_GET, find_inception_weights
from digitsmith.measure.mode_evaluation import STACK_SHAPE, evaluate_modes
from digitsmith.measure.results import Evaluation
from digitsmith.report.evaluation_page import write_evaluation_page
from digitsmith.storage import refuse_other_page

AT_HAND = "a model at hand"
COUNT = 10_000
"""How many images a model draws to be measured, unless asked for another number."""


@dataclass(frozen=True)
class Generated:
    """Images to be measured, wherever they come from.

    Attributes:
        name: what they are, for the record.
        images: uint8 [N, C, H, W].
        labels: the classes asked for, int64 [N]; None where none were.
        classes: what the labels are called, where they have names.
        facts: JSON values for the record.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    subject: str | Path | DigitModel | Digits | NDArray[np.uint8],
    *,
    labels: NDArray[np.integer] | Sequence[int] | None = None,
    against: str | Path | Digits | None = None,
    test: str | Path | Digits | None = None,
    count: int | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
    inception_weights: Path | None = None,
    resize: bool = False,
    report: str | Path | None = None,
    on_stage: OnStage = lambda stage, done, total: None,
) -> Evaluation:
    """Measure generated images: how close to real ones, how varied, how well labelled, how useful.

    Args:
        subject: a shipped model's name, the folder of a run or of weights, a model at hand; or images: a path
            that `read_images` understands, a `Digits`, or uint8 [N, H, W] or [N, C, H, W] with `labels`.
        labels: of an array's images, whole numbers [N].
        against: the real training images: a known name, a path, or images at hand. Without it: what the model was
            trained on, where that is still there; `mnist` for images of another origin.
        test: real images that no model has seen: the test split, where there is one. A known name brings its own.
        count: how many images a model draws (10,000; 25,600 for stacked MNIST), or how many of a set are measured
            (all).
        seed: of drawing, of splits and of resampling.
        only: families of figures, of `measure.evaluation.FAMILIES`; without it, all.
        inception_weights: the file of the standard Inception weights; without it, those in the cache, if any.
        resize: bring images of another size or colour, generated ones and the test set, to the form of the real
            training images by `data.resize.resized`.
        report: a folder for the page, the figures and the JSON.
        on_stage: is told how far it is.

    Returns:
        Every figure with its counts, floors and intervals.

    Raises:
        InputError: a subject that is none, images of another form, too few, all the same, or without the labels
            that a figure in `only` needs; a `report` that is a file, or holds a page which is no evaluation's.
        StorageError: the disk refused the report.
    """
    if isinstance(only, str):
        only = only.split(",")
    if report is not None:
        refuse_other_page(Path(report), record="evaluation.json")
    if only is not None and "inception" in only and inception_weights is None and find_inception_weights() is None:
        raise InputError(f"the inception family needs the standard weights; {HOW_TO_GET}")
    if not (against is None or isinstance(against, str | Path | Digits)):
        raise InputError(f"against must be a name, a path or Digits, not {type(against).__name__}")
    name = str(subject) if isinstance(subject, str | Path) else AT_HAND
    if isinstance(subject, str | Path) and is_model(subject):
        subject = load(subject)
    if report is not None:
        require_apart(Path(report), subject, against, test)
    if against is None and isinstance(subject, DigitModel):
        against = _trained_on(subject, name=name, resize=resize)
    generated = generated_images(subject, labels=labels, count=count, seed=seed, name=name, like=against)
    needy = [family for family in only or () if family in NEED_LABELS]
    if needy and generated.labels is None:
        raise InputError(
            f"{generated.name}: has no labels, which {needy[0]} needs; give a labelled set, or leave it out"
        )
    reference = against if against is not None else _for_any(generated.images.shape[1:], generated.name, resize=resize)
    facts = dict(generated.facts) | {"resized": resize}
    if reference == STACKED_MNIST:
        if only is not None or test is not None:
            raise InputError(f"{STACKED_MNIST} has its own test set, and its modes alone are measured; leave both out")
        images = resized(generated.images, STACK_SHAPE) if resize else generated.images
        real = (read_digits(STACKED_MNIST, split=split) for split in ("train", "test"))
        evaluation = evaluate_modes(images, *real, name=generated.name, seed=seed, facts=facts)
    else:
        evaluator = evaluator_for(reference, test, seed=seed, inception_weights=inception_weights, resize=resize)
        training = evaluator.training
        evaluation = evaluator.evaluate(
            resized(generated.images, evaluator.shape) if resize else generated.images,
            _in_terms_of(training, generated.labels, generated.classes, name=generated.name),
            name=generated.name,
            only=FAMILIES if only is None else only,
            facts=facts,
            on_stage=on_stage,
        )
    if report is not None:
        write_evaluation_page(Path(report), evaluation)
    return evaluation


def generated_images(
    subject: str | Path | DigitModel | Digits | NDArray[np.uint8],
    *,
    labels: NDArray[np.integer] | Sequence[int] | None = None,
    count: int | None = None,
    seed: int = 0,
    name: str = AT_HAND,
    like: str | Path | Digits | None = None,
) -> Generated:
    """The images of `subject`, drawn or read; the arguments are those of `evaluate`, `name` a model's at hand.

    A model is asked for each class as often as the images `like` have it: other shares would put a set further off,
    however good its images. Without `like` it is asked for all alike.

    Raises:
        InputError: as `evaluate` says.
    """
    _check_seed(seed)
    if labels is not None and not isinstance(subject, np.ndarray):
        raise InputError("labels are given for an array of images only; models and data sets bring their own")
    if isinstance(subject, str | Path) and is_model(subject):
        subject, name = load(subject), str(subject)
    if isinstance(subject, DigitModel):
        return _drawn(subject, name, count=count, seed=seed, like=like)
    if isinstance(subject, Digits):
        found = Images.of(subject)
    elif isinstance(subject, np.ndarray):
        found = Images(subject[:, None] if subject.ndim == 3 else subject, source=IN_MEMORY)
        return _some(found, _as_labels(labels, len(subject)), count, seed=seed)
    else:
        found = read_images(subject)
    return _some(found, found.labels, count, seed=seed)


def evaluator_for(
    against: str | Path | Digits,
    test: str | Path | Digits | None = None,
    *,
    seed: int = 0,
    inception_weights: Path | None = None,
    resize: bool = False,
) -> Evaluator:
    """Real images to measure against; the arguments are those of `evaluate`."""
    _check_seed(seed)
    training = against if isinstance(against, Digits) else read_digits(against)
    unseen = _unseen(test, against)
    if unseen is not None:
        labels = _in_terms_of(training, unseen.labels, unseen.classes, name=unseen.source)
        assert labels is not None, "real images have labels"
        unseen = replace(unseen, labels=labels, classes=training.classes)
    if resize and unseen is not None:
        unseen = replace(unseen, images=resized(unseen.images, training.image_shape))
    return Evaluator(training, unseen, seed=seed, inception_weights=inception_weights)


def _unseen(test: str | Path | Digits | None, against: str | Path | Digits) -> Digits | None:
    """The test set: the one given, or the one that a known name brings."""
    if isinstance(test, Digits):
        return test
    if test is not None:  # data that mark no test split may not be their own test
        return read_digits(test, split="test") if str(test) == str(against) else read_test(test)
    return read_digits(against, split="test") if isinstance(against, str) and against in KNOWN else None


def _drawn(
    model: DigitModel, name: str, *, count: int | None, seed: int, like: str | Path | Digits | None
) -> Generated:
    """`count` images, each class as often as among the images `like`."""
    data = model.config.training.get("settings", {}).get("data")
    usual = STACKS["test"] if data == STACKED_MNIST else COUNT
    asked = _asked(model.config.classes, usual if count is None else count, like=like)
    images = np.concatenate([images for images, _ in model.draw_chunks(asked, seed=seed)])
    facts = {
        "model": model.config.model,
        "weights_sha256": model.config.weights_sha256,
        "images_seen": model.config.training.get("images_seen"),
        "drawing_seed": seed,
        "digitsmith": digitsmith.__version__,
    }
    more = model.config.training.get("data", {}).get("unlabelled")
    if more is not None:
        facts["not_measured_against"] = (
            f"{more['images']:,} images of {more['source']}, which it learned from without labels"
        )
    labels = asked if model.conditional else None
    return Generated(name, images, labels, model.config.classes, facts=facts)


def _asked(classes: tuple[str, ...], count: int, *, like: str | Path | Digits | None) -> NDArray[np.int64]:
    """`count` labels, as frequent as the classes of their names are among the images `like`; balanced without any."""
    if like is None or like == STACKED_MNIST:  # a thousand classes, balanced by how they are stacked
        return balanced_labels(count, len(classes))
    real = like if isinstance(like, Digits) else read_digits(like)
    frequencies = dict(zip(real.classes, real.counts.tolist(), strict=True))
    asked = np.array([frequencies.get(name, 0) for name in classes])
    return proportional_labels(asked, count) if asked.any() else balanced_labels(count, len(classes))


def _some(images: Images, labels: NDArray[np.int64] | None, count: int | None, *, seed: int) -> Generated:
    """`count` random images of a set, or all of them."""
    total = len(images)
    if count is not None and not 0 < count <= total:
        raise InputError(
            f"{images.source}: holds {total:,} images, and {count:,} were asked for; ask for 1 to {total:,}"
        )
    chosen = slice(None)
    if count is not None and count < total:
        # A stream of its own: that of the split would choose of the training images just those that are held out.
        random = np.random.default_rng([seed, total, count])
        chosen = np.sort(random.permutation(total)[:count])  # type: ignore[assignment]
    facts = {"images_in_the_set": total}
    own = None if labels is None else labels[chosen]
    return Generated(images.source, images.images[chosen], own, images.classes, facts=facts)


def _in_terms_of(
    training: Digits, labels: NDArray[np.int64] | None, classes: tuple[str, ...] | None, *, name: str
) -> NDArray[np.int64] | None:
    """The labels counted as the reference counts them: a set without some class numbers the others on."""
    if labels is None or classes in (None, training.classes):
        return labels
    assert classes is not None
    unknown = next((own for own in classes if own not in training.classes), None)
    if unknown is not None:
        raise InputError(
            f"{name}: has a class {unknown!r}, which {training.source} has not; measure it against data of its classes"
        )
    return np.array([training.classes.index(own) for own in classes])[labels]


def _for_any(shape: tuple[int, ...], name: str, *, resize: bool) -> str:
    """What to measure images [..., C, H, W] of any origin against where nobody said it."""
    if shape != (1, 28, 28) and not resize:
        raise InputError(
            f"{name}: these are no images like MNIST's, 28 × 28 and gray; say with --against which real images to "
            "measure them against, or add --resize"
        )
    return KNOWN[0]


def _trained_on(model: DigitModel, *, name: str, resize: bool) -> str | Digits:
    """The images that a model learned from, or a known set that they are a part of."""
    data, recorded = model.config.training.get("settings", {}).get("data"), model.config.training.get("data", {})
    source = str(recorded.get("source", ""))
    if data is None:
        return _for_any(model.config.image_shape, name, resize=resize)
    if data in KNOWN:
        return str(data)
    if source.startswith("mnist ("):  # a part of it, at hand
        return KNOWN[0]
    try:
        digits = None if data == IN_MEMORY else read_digits(data)
    except DataError:
        digits = None
    if digits is None or digits.fingerprint() != recorded.get("fingerprint"):
        raise InputError(
            f"{name}: the images it was trained on ({source or data}) are not at hand as they were; say with --against "
            "which real images to measure it against"
        )
    return digits


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"seed must be 0 to 2**63 - 1, not {seed}")


def _as_labels(labels: NDArray[np.integer] | Sequence[int] | None, count: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    labels = np.asarray(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"{count} images need {count} whole-number labels, these are {labels.dtype} {list(labels.shape)}"
        )
    return labels.astype(np.int64)
