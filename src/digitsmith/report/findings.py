"""What a reader should take from an evaluation or a comparison: sentences built from its figures alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from digitsmith.measure.results import Evaluation, Measurement
from digitsmith.report.cells import BETTER, LIKE_REAL, OFF, WORSE, cell_of, known, multiple, overlap, percent, standing
from digitsmith.report.compared_figures import BEST, TIED, ComparedFigure
from digitsmith.report.words import by_other_writers

_ALMOST_ALL = 0.9995  # with one decimal that share and more would read 100.0 %


def findings(evaluation: Evaluation) -> list[str]:
    """A few sentences: how far off it is, what is confused, how many figures are like real images', what is missing."""
    return [
        *_distance(evaluation),
        *_confusions(evaluation),
        *_classes(evaluation),
        *_standings(evaluation),
        *_missing(evaluation),
    ]


def headlines(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """(name, value, comparison) of the first figure of each family that was measured, to be shown large."""
    first: dict[str, Measurement] = {}
    for measurement in evaluation.measurements:
        if known(measurement.generated):
            first.setdefault(measurement.family, measurement)
    return [(m.name, cell_of(m).value, _beside(m)) for m in first.values()]


def _beside(measurement: Measurement) -> str:
    if measurement.times_floor is not None:
        return f"{multiple(measurement.times_floor)} the floor"
    return "" if measurement.held_out is None else f"floor {cell_of(measurement, 'held_out').value}"


def _distance(evaluation: Evaluation) -> Iterator[str]:
    """The first distance that has a floor."""
    for measurement in evaluation.measurements:
        ratio, test = measurement.times_floor, measurement.test
        if ratio is None or measurement.generated is None:
            continue
        if standing(measurement) == LIKE_REAL:
            yield (
                f"By {measurement.name} the generated images cannot be told from held-out training images "
                f"({cell_of(measurement)} against {cell_of(measurement, 'held_out')})."
            )
            return
        sentence = (
            f"By {measurement.name} the generated images are {_times(ratio)} as far from the training images as "
            f"held-out training images are ({cell_of(measurement).value} against "
            f"{cell_of(measurement, 'held_out').value})"
        )
        if known(test) and not overlap(measurement.generated, test):
            order = "nearer" if measurement.generated.value < test.value else "farther"
            who = ", which other people wrote" if by_other_writers(evaluation.against) else ""
            sentence += f"; they are {order} than the real test set{who} ({cell_of(measurement, 'test').value})"
        yield f"{sentence}."
        return


def _confusions(evaluation: Evaluation) -> Iterator[str]:
    """How many are read as asked, and the most frequent mistake among the images of one class."""
    if evaluation.confusion is None or not evaluation.confusion.any():
        return
    counts = evaluation.confusion
    share = counts.trace() / counts.sum()
    wrong = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(wrong, 0)
    asked, read = divmod(int(wrong.argmax()), wrong.shape[1])
    if not wrong[asked, read]:
        yield "Every generated image is read as the class it was asked for."
        return
    told = percent(share) if share < _ALMOST_ALL else f"{math.floor(1e4 * share + 1e-6) / 100:.2f}\N{NO-BREAK SPACE}%"
    yield (
        f"{told} of the generated images are read as the class they were asked for; the most frequent "
        f"mistake is {evaluation.classes[asked]} read as {evaluation.classes[read]} "
        f"({percent(wrong[asked, read])} of that class)."
    )


def _classes(evaluation: Evaluation) -> Iterator[str]:
    """The classes that are farthest from and nearest to their real images, in multiples of their floors."""
    ratios = {
        str(row["name"]): row["generated"].value / row["held_out"].value
        for row in evaluation.class_distances
        if known(row["generated"]) and known(row["held_out"]) and row["held_out"].value > 0
    }
    if len(ratios) < 2:
        return
    farthest, nearest = max(ratios, key=lambda name: ratios[name]), min(ratios, key=lambda name: ratios[name])
    yield (
        f"Class by class, {farthest} is the farthest from real images ({_times(ratios[farthest])} its floor) and "
        f"{nearest} the nearest ({_times(ratios[nearest])})."
    )


def _standings(evaluation: Evaluation) -> Iterator[str]:
    """How many figures are as real images have them."""
    found = [where for measurement in evaluation.measurements if (where := standing(measurement))]
    words = {LIKE_REAL: "like theirs", BETTER: "better", WORSE: "worse", OFF: "different"}
    told = [f"{found.count(where)} {words[where]}" for where in words if where in found]
    if told:
        yield f"Beside the same figures of held-out training images: {listed(told)}."


def _missing(evaluation: Evaluation) -> Iterator[str]:
    names = [measurement.name for measurement in evaluation.measurements if measurement.generated is None]
    if names:
        yield f"Not measured: {listed(names)}; the table says why."


def _times(ratio: float) -> str:
    return multiple(ratio).removesuffix("×") + "times"


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def rankings(families: Mapping[str, Sequence[ComparedFigure]]) -> list[str]:
    """A sentence for each family, of its first figure: who is best, what the floor is, who is not told from it."""
    return [sentence for figures in families.values() for sentence in _ranking(figures)]


def _ranking(figures: Sequence[ComparedFigure]) -> Iterator[str]:
    """Of the first figure in which models can be ranked."""
    for figure in figures:
        marks = figure.marks()
        if not marks:
            continue
        best = [name for name, mark in marks.items() if mark == BEST]
        measurement = figure.measurements[best[0]]
        sentence = f"{measurement.name}: {listed(best)}, {cell_of(measurement)}"
        tied = [name for name, mark in marks.items() if mark == TIED]
        if measurement.held_out is not None:
            sentence += f", where the floor is {cell_of(measurement, 'held_out')}"
        if tied:
            sentence += f"; {listed(tied)} cannot be told from it"
        yield f"{sentence}."
        return
