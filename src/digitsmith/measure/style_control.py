"""Whether a model with style draws what it is asked for: the style asked for against the style that is measured.

The measure is `measure.morphometry`, which reads the finished pixels and has no gradient: no generator is trained
against it. One coordinate at a time is asked for, evenly over the middle 90 % of what each class has in the training
images; the others are left to the model's table, as they are for a user who asks for one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.strokes import in_gray
from digitsmith.drawing.model import DigitModel
from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate, bootstrap_estimate, share_estimate
from digitsmith.measure.morphometry import measure_style
from digitsmith.measure.reader import READ_NAMES, READER, read
from digitsmith.style import STYLE_COLUMNS, STYLE_NAMES, STYLE_UNITS

EDGES = (5, 95)
"""Percentiles of a class's training images, between which its middle 90 % lies."""
_DECILES = 10
_RESAMPLES = 200


@dataclass(frozen=True, eq=False)
class Sweep:
    """Images of all classes, each asked for another value of one coordinate.

    Attributes:
        name: the coordinate, one of STYLE_NAMES.
        labels: int64 [N].
        places: float64 [N], where in its class's range a value stands: 0 and 1 are its edges.
        asked, measured: float64 [N], in the coordinate's unit; measured is NaN where nothing is drawn.
        images: uint8 [N, 1, H, W].
    """

    name: str
    labels: NDArray[np.int64]
    places: NDArray[np.float64]
    asked: NDArray[np.float64]
    measured: NDArray[np.float64]
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Control:
    """How well one coordinate follows what is asked.

    Attributes:
        name: of the coordinate; values are in `unit`.
        images: how many were drawn over the range.
        blank: of these, how many show nothing. They have no style and are left out of the next four.
        error: the median of |measured - asked|.
        bias: the median of measured - asked.
        deciles: the median of |measured - asked| in each tenth of the range, the lowest first.
        correlation: of measured and asked, by Pearson.
        read_low, read_high: the share that reader-1 reads as the class asked for at the 5th and 95th percentile.
        at_edges: how many images were read at each of them.
    """

    name: str
    unit: str
    images: int
    blank: int
    error: Estimate
    bias: float
    deciles: tuple[float, ...]
    correlation: float
    read_low: Estimate
    read_high: Estimate
    at_edges: int

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON can hold."""
        return asdict(self)


def sweep(model: DigitModel, name: str, places: NDArray[np.float64], *, seed: int, start: int = 0) -> Sweep:
    """Draw one image of each class for each of `places`, [P] in [0, 1] of the class's range, and measure it.

    Args:
        model: one with style.
        name: the coordinate that is asked for.
        seed, start: as for drawing.

    Raises:
        InputError: a model without style.
    """
    if model.styles is None:
        raise InputError(f"{model.config.model} has no style to ask for; name a model that has")
    column = STYLE_NAMES.index(name)
    classes = len(model.config.classes)
    low, high = np.percentile(model.styles.table[..., column].astype(np.float64), EDGES, axis=1)  # [K] each
    labels = np.tile(np.arange(classes), len(places))
    places = np.repeat(places, classes)
    asked = low[labels] + places * (high - low)[labels]
    drawn = model.draw_chunks(labels, seed=seed, start=start, given={name: asked})
    images = np.concatenate([part for part, _ in drawn])
    measured: NDArray[np.float64] = getattr(measure_style(in_gray(images)), STYLE_COLUMNS[column])
    return Sweep(name, labels, places, asked, measured, images)


def range_sweep(model: DigitModel, name: str, *, per_class: int, seed: int) -> Sweep:
    """`sweep` over the whole range, the middles of `per_class` equal parts of it."""
    return sweep(model, name, (np.arange(per_class) + 0.5) / per_class, seed=seed)


def control(model: DigitModel, within: Sweep, *, per_class: int, seed: int) -> Control:
    """What a `range_sweep` shows, and what is read at the edges: `per_class` more images of each class at either.

    Raises:
        InputError: classes or images that reader-1 cannot read, or a tenth of the range of which nothing at all is
            drawn.
    """
    if model.config.classes != READ_NAMES:
        raise InputError(f"{READER} reads the digits 0 to 9, and {model.config.model} was trained on other classes")
    first = len(within.labels)  # images of other noise than those of the range
    edges = [
        sweep(model, within.name, np.full(per_class, place), seed=seed, start=start)
        for place, start in ((0.0, first), (1.0, 2 * first))
    ]
    low, high = (share_estimate(int((read(edge.images) == edge.labels).sum()), len(edge.labels)) for edge in edges)
    drawn = ~np.isnan(within.measured)
    off = (within.measured - within.asked)[drawn]
    absolute = np.abs(off)
    tenth = np.minimum(within.places[drawn] * _DECILES, _DECILES - 1).astype(np.int64)
    if len(np.unique(tenth)) < _DECILES:
        raise InputError(f"{model.config.model} draws nothing in some tenth of the range of {within.name}")
    return Control(
        name=within.name,
        unit=STYLE_UNITS[STYLE_NAMES.index(within.name)],
        images=len(drawn),
        blank=int((~drawn).sum()),
        error=bootstrap_estimate(
            float(np.median(absolute)),
            lambda indices: float(np.median(absolute[indices])),
            len(absolute),
            resamples=_RESAMPLES,
            seed=seed,
        ),
        bias=float(np.median(off)),
        deciles=tuple(float(np.median(absolute[tenth == number])) for number in range(_DECILES)),
        correlation=float(np.corrcoef(within.asked[drawn], within.measured[drawn])[0, 1]),
        read_low=low,
        read_high=high,
        at_edges=len(edges[0].labels),
    )
