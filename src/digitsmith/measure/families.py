"""The families of figures: each compares the seats of an evaluation in one respect."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.strokes import drawn_in_strokes
from digitsmith.measure.estimate import Estimate, share_estimate
from digitsmith.measure.frechet import frechet_by_class, frechet_estimate, minimum_images
from digitsmith.measure.inception import INCEPTION
from digitsmith.measure.inception_network import FEATURES as INCEPTION_FEATURES
from digitsmith.measure.inception_score import inception_score
from digitsmith.measure.inception_weights import HOW_TO_GET
from digitsmith.measure.kernel import kernel_distance
from digitsmith.measure.labels import confusion, read_as_asked
from digitsmith.measure.memorisation import memorisation
from digitsmith.measure.prdc import prdc
from digitsmith.measure.protocol import random_part
from digitsmith.measure.results import Measurement
from digitsmith.measure.sample import Sample
from digitsmith.measure.seats import Part, Seats, measured
from digitsmith.measure.style import MEASURES, blank_note, compare_style
from digitsmith.measure.two_sample import two_sample_accuracy
from digitsmith.measure.usefulness import MINIMUM_PER_CLASS


def fidelity(seats: Seats) -> Part:
    """How close the distributions are: Fréchet and kernel distance, 1-NN test, the reader's inception score."""
    seed = seats.reference.seed
    row = partial(measured, seats, family="Fidelity", network=seats.reader())
    measurements = [
        row(
            lambda sample, real: frechet_estimate(sample.features, real.moments, seed=seed),
            key="fd",
            name="Fréchet distance",
            better="lower",
        ),
        row(
            lambda sample, real: kernel_distance(sample.features, real.kernel),
            key="kid",
            name="Kernel distance (KID)",
            better="lower",
        ),
        row(
            lambda sample, real: two_sample_accuracy(*_equally_many(sample, real, seed=seed)).accuracy,
            key="two_sample",
            name="1-nearest-neighbour test",
            better="as the floor",
            unit="%",
            note="against as many reference images; 50 %: cannot be told apart",
            seated_only=True,
        ),
        row(
            lambda sample, _: inception_score(sample.probabilities),
            key="is",
            name="Inception score",
            better="higher",
            note="by the reader's probabilities instead of Inception's; looks at no real image",
        ),
    ]
    return Part(measurements, {"class_distances": _by_class(seats)} if seats.subject.whole.labels is not None else {})


def inception(seats: Seats) -> Part:
    """The first report's figure (its section 6.1)."""
    named: dict[str, Any] = {"key": "fid", "name": "Fréchet Inception distance (FID)", "better": "lower"}
    if seats.subject.whole.inception is None:
        return Part([Measurement(**named, family="Fidelity", network=INCEPTION, note=HOW_TO_GET)])
    if len(seats.subject.seated) < minimum_images(INCEPTION_FEATURES):
        note = f"needs {minimum_images(INCEPTION_FEATURES):,} images, more than Inception has features"
        return Part([Measurement(**named, family="Fidelity", network=INCEPTION, note=note)])
    measurement = measured(
        seats,
        lambda sample, real: frechet_estimate(
            sample.inception_features, real.inception_moments, seed=seats.reference.seed, resamples=10
        ),
        **named,
        family="Fidelity",
        network=INCEPTION,
        seated_only=True,
    )
    return Part([measurement])


def diversity(seats: Seats) -> Part:
    """Precision, recall, density and coverage; held-out training images show the value that real ones have."""
    found = {column: prdc(sample.features, real.manifold) for column, sample, real in seats.comparisons()}
    shared: dict[str, Any] = {
        "family": "Diversity",
        "better": "as the floor",
        "network": seats.reader(),
        **seats.counts,
    }
    measurements = []
    for key in ("precision", "recall", "density", "coverage"):
        columns: dict[str, Any] = {column: getattr(answer, key) for column, answer in found.items()}
        unit = "" if key == "density" else "%"
        measurements.append(Measurement(key=key, name=key.capitalize(), unit=unit, **shared, **columns))
    return Part(measurements)


def labels(seats: Seats) -> Part:
    """The share of images that the reader reads as the class asked for, and what it reads the others as."""
    whole = seats.subject.whole
    named: dict[str, Any] = {"key": "read_as_asked", "name": "Read as asked", "family": "Labels", "better": "higher"}
    if whole.labels is None:
        lacking = "needs labels, and these images have none"
        return Part([Measurement(**named, unit="%", network=seats.reader(), note=lacking)])
    matrix = confusion(whole.labels, whole.read, classes=len(seats.reference.classes))
    test, floor = seats.reference.test, seats.reference.new_to_reader
    measurement = Measurement(
        **named,
        unit="%",
        network=seats.reader(),
        images=len(whole),
        generated=read_as_asked(matrix),
        held_out=_read_right(seats.reference.held_out) if floor else None,
        test=None if test is None else _read_right(test),
        note="" if floor else "no floor of training images: the reader was trained on them",
    )
    return Part([measurement], {"confusion": matrix})


def usefulness(seats: Seats) -> Part:
    """What a recogniser learns from generated images alone, and what one that learned from real ones makes of them."""
    cas: dict[str, Any] = {"key": "cas", "name": "Trained on these, tested on real (CAS)", "family": "Usefulness"}
    gan_test: dict[str, Any] = {"key": "gan_test", "name": "Trained on real, tested on these", "family": "Usefulness"}
    whole = seats.subject.whole
    count = min(len(whole), len(seats.reference.training))
    lack = _usefulness_lacks(seats, count)
    if lack:
        return Part([Measurement(**named, better="higher", note=lack) for named in (cas, gan_test)])
    assert whole.labels is not None and seats.real_side is not None, "nothing is lacking"
    real = seats.real_side(count)
    found = real.compare(
        whole.images,
        whole.labels,
        on_progress=lambda done, total: seats.tell(f"usefulness: generated {done:,}/{total:,}"),
    )
    shared: dict[str, Any] = {"unit": "%", "images": count, "reference_images": count}
    return Part(
        [
            Measurement(
                **cas,
                **shared,
                better="higher",
                generated=found.cas,
                held_out=real.accuracy,
                note=f"floor: the same network and steps on {count:,} real training images",
            ),
            Measurement(
                **gan_test,
                **shared,
                better="as the floor",
                generated=found.gan_test,
                held_out=real.on_held_out,
                test=real.accuracy,
                note="above the floor: easier to read than real images are",
            ),
        ]
    )


def _usefulness_lacks(seats: Seats, count: int) -> str:
    """Why no recogniser can be trained on `count` images of either side; empty where one can."""
    real_labels, classes = seats.reference.training.labels, len(seats.reference.classes)
    assert real_labels is not None, "real images have labels"
    if seats.subject.whole.labels is None:
        return "needs labels, and these images have none"
    if seats.real_side is None:
        return "needs a real test set"
    if count < MINIMUM_PER_CLASS * classes:
        return f"needs at least {MINIMUM_PER_CLASS * classes} images, {MINIMUM_PER_CLASS} for each of {classes} classes"
    if len(np.unique(real_labels)) < classes:
        return "needs training images of every class, and one has none"
    return ""


def novelty(seats: Seats) -> Part:
    """Whether training images were copied: needs a test set, whose images nobody can have copied."""
    subject, reference = seats.subject, seats.reference
    closeness: dict[str, Any] = {"key": "closeness", "name": "Nearer to training than unseen"}
    copies: dict[str, Any] = {"key": "copies", "name": "Near copies"}
    shared: dict[str, Any] = {"family": "Novelty", "better": "as the floor"}
    if reference.test is None:
        note = f"needs a test set of at least {len(reference.held_out):,} images: what unseen ones are like"
        return Part([Measurement(**named, **shared, note=note) for named in (closeness, copies)])
    unseen = reference.test.images
    found = memorisation(subject.whole.images, reference.training.images, unseen)
    floor = memorisation(reference.held_out.images, reference.rest.images, unseen)
    shared |= {"unit": "%", "images": len(subject.whole), "reference_images": len(reference.training)}
    return Part(
        [
            Measurement(
                **closeness,
                **shared,
                generated=found.closeness,
                held_out=floor.closeness,
                note="how often a generated image is nearer to its nearest training image than an unseen real one is "
                "to its own; 50 %: no nearer; the floor is the seat's images against the reference without them",
            ),
            Measurement(
                **copies,
                **shared,
                generated=found.copies,
                held_out=floor.copies,
                note="as near to a training image as the nearest 1 % of unseen real images are",
            ),
        ],
        {"pairs": found.pairs},
    )


def style(seats: Seats) -> Part:
    """How far the distributions of thickness, slant, width, height, length and area are apart."""
    if not drawn_in_strokes(seats.reference.training.images):
        note = "only drawn strokes have a thickness and a slant, and these images are not drawn in strokes"
        return Part([Measurement("style", "Style of the strokes", "Style", "lower", note=note)])
    found = {
        column: compare_style(sample.style, real.style, seed=seats.reference.seed)
        for column, sample, real in seats.comparisons()
    }
    shared: dict[str, Any] = {"family": "Style", "better": "lower", **seats.counts}
    note = blank_note(seats.subject.seated.style)
    measurements = []
    for measure in MEASURES:
        columns: dict[str, Any] = {column: answer[measure.key] for column, answer in found.items()}
        named: dict[str, Any] = {"key": measure.key, "name": f"{measure.name} off by", "unit": measure.unit}
        measurements.append(Measurement(**named, **shared, **columns, note=note))
    shown = {"generated": seats.subject.seated, "training": seats.reference.rest, "test": seats.reference.test}
    values = {
        measure.key: {who: getattr(sample.style, measure.key) for who, sample in shown.items() if sample is not None}
        for measure in MEASURES
    }
    return Part(measurements, {"style": values})


def _by_class(seats: Seats) -> list[dict[str, Any]]:
    """The Fréchet distance within each class: a row per class with its name and a column per comparison.

    A cell is None where the class has too few images for a covariance.
    """
    classes = seats.reference.classes
    columns: dict[str, list[Estimate | None]] = {}
    for column, sample, real in seats.comparisons():
        assert sample.labels is not None and real.labels is not None, "asked for only where there are labels"
        columns[column] = frechet_by_class(
            sample.features,
            sample.labels,
            real.features,
            real.labels,
            classes=len(classes),
            seed=seats.reference.seed,
        )
    return [
        {"name": name, **{column: cells[label] for column, cells in columns.items()}}
        for label, name in enumerate(classes)
    ]


def _equally_many(sample: Sample, real: Sample, *, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The features of as many images of both."""
    count = min(len(sample), len(real))
    one, other = (whole if len(whole) == count else random_part(whole, count, seed=seed) for whole in (sample, real))
    return one.features, other.features


def _read_right(sample: Sample) -> Estimate:
    assert sample.labels is not None, "real images have labels"
    return share_estimate(int((sample.read == sample.labels).sum()), len(sample))
