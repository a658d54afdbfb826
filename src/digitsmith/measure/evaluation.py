"""The evaluation of generated images: every family of figures, each with its floors, as one record."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.data.resize import require_shape
from digitsmith.data.strokes import drawn_in_strokes
from digitsmith.errors import InputError
from digitsmith.measure import families
from digitsmith.measure.feature_cache import remembered
from digitsmith.measure.frechet import minimum_images
from digitsmith.measure.inception import INCEPTION, inception_features
from digitsmith.measure.own_reader import own_reader, shipped_reader_reads, unlearned
from digitsmith.measure.protocol import Reference, Subject, seat_for
from digitsmith.measure.reader import FEATURES, READER, Answers, Reader, answers_of, load_reader
from digitsmith.measure.recogniser import STEPS
from digitsmith.measure.results import Evaluation
from digitsmith.measure.sample import Sample
from digitsmith.measure.seats import Part, Seats
from digitsmith.measure.usefulness import SEEDS, RealSide
from digitsmith.training.machine import keep_freed_memory
from digitsmith.weights.folder import Weights, weights_checksum

FAMILIES: dict[str, Callable[[Seats], Part]] = {
    "fidelity": families.fidelity,
    "diversity": families.diversity,
    "labels": families.labels,
    "usefulness": families.usefulness,
    "novelty": families.novelty,
    "style": families.style,
    "inception": families.inception,
}
NEED_LABELS = ("labels", "usefulness")
_ROWS_SHOWN = 10


class OnStage(Protocol):
    """Told what is measured now, how many stages are done, and how many there are."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


class Evaluator:
    """Real images to measure against. What is computed of them is kept from one evaluation to the next.

    The shipped reader reads the images where it can (`shipped_reader_reads`); all others get a reader of their own,
    which is trained when the first figure needs it (`own_reader`). Every figure names the one it rests on.

    Args:
        training: the reference. The floor is made of images held out of it.
        test: real images that no generator has seen; without them the figures that need them say so.
        seed: of the split, the subsets and the resampling.
        inception_weights: the file of the standard weights; without it that row says how to get them.
        seeds, steps: of the recognisers that are trained for usefulness.

    Raises:
        InputError: two sets of different forms or classes.
    """

    def __init__(
        self,
        training: Digits,
        test: Digits | None,
        *,
        seed: int = 0,
        inception_weights: Path | None = None,
        seeds: Sequence[int] = SEEDS,
        steps: int = STEPS,
    ) -> None:
        if test is not None:
            require_shape(test.images, training.image_shape, source=test.source)
        if test is not None and test.classes != training.classes:
            raise InputError(
                f"{test.source} and {training.source} have different classes; give a test set of the same classes in "
                "the same order"
            )
        self.training, self.test, self.seed, self.seeds, self.steps = training, test, seed, seeds, steps
        self.inception_weights = inception_weights
        self._real = self._sample(training.images, training.labels, real=True)
        self._unseen = None if test is None else self._sample(test.images, test.labels, real=True)
        self._references: dict[int, Reference] = {}
        self._real_sides: dict[int, RealSide] = {}
        self._say: Callable[[str], None] = lambda words: None

    def evaluate(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64] | None = None,
        *,
        name: str = "images in memory",
        only: Collection[str] = FAMILIES,
        facts: Mapping[str, Any] | None = None,
        on_stage: OnStage = lambda stage, done, total: None,
    ) -> Evaluation:
        """Measure generated images.

        Args:
            images: uint8 [N, C, H, W], of the reference's form.
            labels: the classes asked for, int64 [N]; without them the rows that need them say so.
            name: what the images are, for the record.
            only: the families wanted, of `FAMILIES`.
            facts: what else belongs to the record: where the images came from, with which seed.
            on_stage: is told how far it is.

        Raises:
            InputError: images of another form, too few, or all the same; labels outside the classes.
        """
        require_families(only)
        self._check(images, labels, name=name)
        keep_freed_memory()
        began = time.perf_counter()
        seat = self.seat(len(images))
        subject = Subject.of(self._sample(images, labels), seat=seat, seed=self.seed)
        real_side = None if self.test is None else self.real_side
        seats = Seats(subject, self._reference(seat), real_side, tell=self._tell, reader=lambda: self.reader_name)
        wanted = [family for family in FAMILIES if family in only]
        parts = []
        for done, family in enumerate(wanted):
            on_stage(family, done, len(wanted))
            self._say = partial(on_stage, done=done, total=len(wanted))
            parts.append(FAMILIES[family](seats))
        on_stage("done", len(wanted), len(wanted))
        return Evaluation(
            subject=name,
            against=self.training.source,
            measurements=[measurement for part in parts for measurement in part.measurements],
            classes=self.training.classes,
            samples=_shown(images, labels, len(self.training.classes)),
            facts=dict(facts or {})
            | {
                "seed": self.seed,
                "network": self._named_reader,
                "strokes": drawn_in_strokes(self.training.images),
                "with_labels": labels is not None,
                **({"reader_sha256": weights_checksum(_arrays(self._reader))} if "_reader" in vars(self) else {}),
                "python": platform.python_version(),
                "seconds": round(time.perf_counter() - began, 1),
            },
            **{name: value for part in parts for name, value in part.extras.items()},
        )

    def seat(self, generated: int) -> int:
        """How many of `generated` images are compared at equal counts.

        Raises:
            InputError: too few of them, or of the real ones.
        """
        why = f"the covariance of the reader's {FEATURES} features has full rank only with more images than features"
        return seat_for(generated, len(self.training), minimum=minimum_images(FEATURES), why=why)

    def real_side(self, count: int) -> RealSide:
        """The recognisers trained on `count` real images, trained when they are first asked for."""
        if count not in self._real_sides:
            assert self.test is not None, "asked for only where there is a test set"
            self._real_sides[count] = RealSide.train(
                self.training,
                self.test,
                count=count,
                seeds=self.seeds,
                steps=self.steps,
                on_progress=lambda done, total: self._tell(f"usefulness: real {done:,}/{total:,}"),
            )
        return self._real_sides[count]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of all images that can be measured."""
        return self.training.image_shape

    @cached_property
    def reader_name(self) -> str:
        """What the figures call the reader that they rest on; one of the data's own with what it reads right."""
        if self._shipped_reader:
            return READER
        judged, part = self._unseen, "its test set"
        if judged is None:
            judged, part = self._real.take(unlearned(len(self._real))), "training images new to it"
        share = 100 * float((judged.read == judged.labels).mean())
        return f"reader of {self._data}, {share:.1f} % of {part}"

    @property
    def _named_reader(self) -> str:
        """For the record: a reader that no figure needed was not trained, and has no share to tell."""
        if self._shipped_reader or "reader_name" in vars(self):
            return self.reader_name
        return f"reader of {self._data}, not needed"

    @property
    def _data(self) -> str:
        return self.training.source.removesuffix(" (train)")

    @cached_property
    def _shipped_reader(self) -> bool:
        return shipped_reader_reads(self.training)

    @cached_property
    def _reader(self) -> Reader:
        if self._shipped_reader:
            return load_reader()
        return own_reader(
            self.training,
            on_progress=lambda done, total: self._tell(f"reader of {self._data}, once: {done:,}/{total:,} steps"),
        )

    def _answers(self, images: NDArray[np.uint8]) -> Answers:
        return answers_of(self._reader, images)

    def _tell(self, words: str) -> None:
        """To whoever watches the evaluation that is going on."""
        self._say(words)

    def _sample(self, images: NDArray[np.uint8], labels: NDArray[np.int64] | None, *, real: bool = False) -> Sample:
        inception = None
        if self.inception_weights is not None:
            compute = self._inception_features
            inception = partial(remembered, compute=compute, network=INCEPTION) if real else compute
        return Sample(images, labels, answers=self._answers, inception=inception)

    def _inception_features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert self.inception_weights is not None, "asked for only where there are weights"

        def tell(done: int) -> None:
            self._tell(f"inception {done:,}/{len(images):,}")

        return inception_features(images, weights=self.inception_weights, on_progress=tell)

    def _reference(self, seat: int) -> Reference:
        if seat not in self._references:
            self._references[seat] = Reference.split(
                self._real,
                self._unseen,
                seat=seat,
                source=self.training.source,
                classes=self.training.classes,
                seed=self.seed,
                unlearned=None if self._shipped_reader else unlearned(len(self.training)),
            )
        return self._references[seat]

    def _check(self, images: NDArray[np.uint8], labels: NDArray[np.int64] | None, *, name: str) -> None:
        require_shape(images, self.shape, source=name)
        if labels is not None and len(labels) != len(images):
            raise InputError(f"{name}: {len(images)} images but {len(labels)} labels; each image needs one label")
        if labels is not None and len(labels) and not 0 <= labels.min() <= labels.max() < len(self.training.classes):
            raise InputError(
                f"{name}: has labels {labels.min()} to {labels.max()}, but {self.training.source} has the classes 0 "
                f"to {len(self.training.classes) - 1}; measure against the data whose classes these are"
            )
        if bool((images == images[:1]).all()):
            raise InputError(
                f"{name}: all {len(images):,} images are the same one; there is no distribution to measure"
            )


def require_families(only: Collection[str]) -> None:
    """Nothing, when every name in `only` is one of `FAMILIES`, and there is one.

    Raises:
        InputError: it is not.
    """
    unknown = sorted(set(only) - set(FAMILIES))
    if unknown or not only:
        what = f"there is no family of figures {unknown[0]!r}" if unknown else "no family of figures is asked for"
        raise InputError(f"{what}; choose from {', '.join(FAMILIES)}")


def _arrays(reader: Reader) -> Weights:
    return {name: tensor.contiguous().numpy() for name, tensor in reader.state_dict().items()}


def _shown(images: NDArray[np.uint8], labels: NDArray[np.int64] | None, classes: int) -> NDArray[np.uint8]:
    """A grid to look at, uint8 [R, K, C, H, W]: the first images of each class, or simply the first ones."""
    if labels is None:
        rows = min(_ROWS_SHOWN, len(images) // _ROWS_SHOWN)
        return images[: rows * _ROWS_SHOWN].reshape(rows, _ROWS_SHOWN, *images.shape[1:])
    of_class = [np.flatnonzero(labels == label)[:_ROWS_SHOWN] for label in range(classes)]
    grid = np.zeros((max(map(len, of_class)), classes, *images.shape[1:]), np.uint8)  # a missing one stays black
    for label, indices in enumerate(of_class):
        grid[: len(indices), label] = images[indices]
    return grid
