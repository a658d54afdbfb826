"""What an evaluation found, as plain data: figures with their counts, floors and spread, ready for a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from digitsmith.measure.estimate import Estimate

FORMAT = 1
Better = Literal["lower", "higher", "as the floor"]


@dataclass(frozen=True)
class Measurement:
    """One figure, of the generated images and of real ones at the same counts.

    Attributes:
        key: its short name in JSON, like "fd" or "thickness".
        name: its name in words.
        family: the heading it stands under: "Fidelity", "Diversity", "Labels", "Usefulness", "Style", "Novelty".
        better: which way is better; "as the floor" for figures that real images do not bring to an extreme.
        unit: "", "%", "px", "deg" or "px²". Values in "%" are kept as shares in [0, 1].
        network: whose features or answers it rests on, like "reader-1"; None for pixels.
        images: how many generated images were measured; the real columns have as many, unless the note says else.
        reference_images: how many reference images they were compared with; None where there is no comparison.
        generated: the figure of the generated images; None where it could not be had, and `note` says why.
        held_out: the floor: training images held out of the reference, in the generated images' place.
        test: the real test set in the generated images' place: other writers.
        everything: the generated figure again, with all images against the whole reference; None where that is no more.
        everything_images, everything_reference: the counts of `everything`.
        note: one line that a reader of this row needs.
    """

    key: str
    name: str
    family: str
    better: Better
    unit: str = ""
    network: str | None = None
    images: int = 0
    reference_images: int | None = None
    generated: Estimate | None = None
    held_out: Estimate | None = None
    test: Estimate | None = None
    everything: Estimate | None = None
    everything_images: int = 0
    everything_reference: int | None = None
    note: str = ""

    @property
    def times_floor(self) -> float | None:
        """How many times the floor it is, for distances (lower is better) with a floor told apart from zero.

        An unbiased distance has its floor at zero: its estimate there is noise, and a multiple of it says nothing.
        """
        if self.better != "lower" or self.generated is None or self.held_out is None:
            return None
        if not self.held_out.value > 0 or self.held_out.low <= 0:
            return None
        times = self.generated.value / self.held_out.value
        return times if math.isfinite(times) else None


@dataclass(frozen=True)
class Pairs:
    """Generated images beside the training images nearest to them, the closest first.

    Attributes:
        generated, training: uint8 [P, C, H, W].
        distances: float32 [P], Euclidean in pixels of [0, 1].
        indices: int64 [P, 2], the generated image's and the training image's place in its set.
    """

    generated: NDArray[np.uint8]
    training: NDArray[np.uint8]
    distances: NDArray[np.float32]
    indices: NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """All that was measured of one subject.

    Attributes:
        subject: what was measured, in words a reader knows it by: a run's folder, a model's name, a data set.
        against: the reference's source.
        measurements: the figures, in the order of a table.
        classes: the class names.
        confusion: int64 [K, K], row = class asked for, column = class read; None without labels.
        class_distances: a row per class: name, and Estimates like a Measurement's columns; empty without labels.
        pairs: the closest generated and training images.
        samples: uint8 [R, K, C, H, W] generated images to show, column k of class k where there are labels.
        style: measure name -> {"generated" | "training" | "test": float64 [N]} for histograms.
        facts: what else belongs to the record: seeds, versions, seconds, checksums; JSON values only.
    """

    subject: str
    against: str
    measurements: Sequence[Measurement]
    classes: Sequence[str] = ()
    confusion: NDArray[np.int64] | None = None
    class_distances: Sequence[Mapping[str, Any]] = ()
    pairs: Pairs | None = None
    samples: NDArray[np.uint8] | None = None
    style: Mapping[str, Mapping[str, NDArray[np.float64]]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Measurement:
        """The measurement with this key.

        Raises:
            KeyError: there is none.
        """
        for measurement in self.measurements:
            if measurement.key == key:
                return measurement
        raise KeyError(key)

    def to_dict(self) -> dict[str, Any]:
        """All figures as values that JSON can hold; images and distributions stay out."""
        return {
            "format": FORMAT,
            "subject": self.subject,
            "against": self.against,
            "measurements": [_measurement_dict(measurement) for measurement in self.measurements],
            "classes": list(self.classes),
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "class_distances": [
                {key: _estimate_dict(value) if isinstance(value, Estimate) else value for key, value in row.items()}
                for row in self.class_distances
            ],
            "closest_pairs": []
            if self.pairs is None
            else [
                {"generated": int(generated), "training": int(training), "distance": float(distance)}
                for (generated, training), distance in zip(self.pairs.indices, self.pairs.distances, strict=True)
            ],
            "facts": dict(self.facts),
        }


def _measurement_dict(measurement: Measurement) -> dict[str, Any]:
    values = dict(vars(measurement))
    for column in ("generated", "held_out", "test", "everything"):
        values[column] = _estimate_dict(values[column])
    return values | {"times_floor": measurement.times_floor}


def _estimate_dict(estimate: Estimate | None) -> dict[str, Any] | None:
    """JSON has no NaN: an end that is not known is null."""
    if estimate is None:
        return None
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value for key, value in vars(estimate).items()
    }
