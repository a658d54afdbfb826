"""How a digit is written: thickness, slant, width and height, and which of them go together in real handwriting.

A model with style draws an image from its class and four numbers. Whoever asks for none of them gets the style of a
training image of that class; whoever asks for some gets the others from training images that come near. So a thick 1
is as wide as thick ones are, and asking for nothing draws what the training images look like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitsmith.errors import InputError
from digitsmith.randomness import Stream, uniform_rows

STYLE_NAMES = ("thickness", "slant", "width", "height")
STYLE_UNITS = ("px", "deg", "px", "px")
STYLE_COLUMNS = tuple(f"{name}_{unit}" for name, unit in zip(STYLE_NAMES, STYLE_UNITS, strict=True))
"""What tables and manifests call them, and `measure.morphometry.Style`, which defines them."""

_STYLES = 50_000  # in a table: MNIST's, but for the rarest of each class's
_NEAREST, _LEAST = 40, 25  # one in 40 of a class's styles, and 25 at least: near enough to go with what was asked
_BLOCK = 1024  # images whose styles are chosen at once


def table_rows(classes: int) -> int:
    """Styles that a table keeps of each of so many classes: 5,000 of ten digits."""
    return max(_STYLES // classes, _LEAST)


@dataclass(frozen=True)
class StyleRange:
    """Any value from `low` to `high`, another for each image, all equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (_is_number(self.low) and _is_number(self.high)):
            raise InputError(f"a range goes from a number to a number, not from {self.low!r} to {self.high!r}")

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"


NumberOrRange = float | tuple[float, float] | StyleRange
"""What a person asks of a coordinate: one number for all images, or (low, high) to be drawn from."""
Asked = float | NDArray[np.floating] | StyleRange
"""What can be asked of a coordinate: one value for all images, a value for each, or a range."""
Given = Mapping[str, Asked]
"""What is asked for, by the names of STYLE_NAMES; the others are left to the table."""


def given_style(
    *,
    thickness: ArrayLike | StyleRange | None = None,
    slant: ArrayLike | StyleRange | None = None,
    width: ArrayLike | StyleRange | None = None,
    height: ArrayLike | StyleRange | None = None,
) -> dict[str, Asked]:
    """Those that are not None; InputError for what is no number, no row of numbers and no range."""
    given: dict[str, Asked] = {}
    for name, value in zip(STYLE_NAMES, (thickness, slant, width, height), strict=True):
        if isinstance(value, StyleRange):
            given[name] = value
        elif value is not None:
            try:
                given[name] = np.asarray(value, dtype=np.float64)
            except (TypeError, ValueError):
                raise InputError(f"{name} must be a number, or one for each image, not {value!r}") from None
    return given


def wished_style(
    *,
    thickness: NumberOrRange | None = None,
    slant: NumberOrRange | None = None,
    width: NumberOrRange | None = None,
    height: NumberOrRange | None = None,
) -> dict[str, Asked]:
    """`given_style` of numbers and of pairs (low, high), which become ranges; InputError for anything else."""
    wishes = dict(zip(STYLE_NAMES, (thickness, slant, width, height), strict=True))
    for name, wish in wishes.items():
        if isinstance(wish, tuple) and len(wish) == 2:
            wishes[name] = StyleRange(*wish)
        elif not (wish is None or isinstance(wish, StyleRange) or _is_number(wish)):
            raise InputError(f"{name} must be a number or a range (low, high), not {wish!r}")
    return given_style(**wishes)


@dataclass(frozen=True, eq=False)
class StyleTable:
    """Styles of training images, in px and degrees, in the order of STYLE_NAMES.

    Attributes:
        mean, deviation: of all training images, float32 [4]; a distance between styles is in deviations.
        table: float32 [K, R, 4], R images of each class.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    table: NDArray[np.float32]

    def sample(
        self, labels: NDArray[np.int64], *, seed: int, start: int = 0, given: Given | None = None
    ) -> NDArray[np.float32]:
        """A style for each label, float32 [N, 4]; that of image i depends on (seed, i, its label, what is given).

        Args:
            labels: int64 [N], each in 0 .. K-1.
            seed, start: as for drawing; the first label is that of image `start`.
            given: what is asked for. The style is then one of the nearest fortieth of its class, as far as that
                was asked for, with exactly what was asked in place of its own.

        Raises:
            InputError: a value that no training image comes near, or as many values as there are not images.
        """
        given = given or {}
        self.check(given, count=len(labels))
        styles = np.empty((len(labels), len(STYLE_NAMES)), np.float32)
        for first in range(0, len(labels), _BLOCK):
            block = slice(first, min(first + _BLOCK, len(labels)))
            indices = np.arange(start + first, start + block.stop)
            uniform = uniform_rows(seed, indices, 1 + len(STYLE_NAMES), stream=Stream.STYLE)
            columns = {
                STYLE_NAMES.index(name): _values(asked, uniform[:, 1 + STYLE_NAMES.index(name)])
                for name, asked in part_of(given, block).items()
            }
            styles[block] = self._row(labels[block], columns, uniform[:, 0])
        return styles

    def check(self, given: Given | None, *, count: int) -> None:
        """InputError unless `given` can be asked of `count` images; see `sample`."""
        for name, asked in (given or {}).items():
            if name not in STYLE_NAMES:
                raise InputError(f"there is no style {name!r}; choose one of {', '.join(STYLE_NAMES)}")
            if isinstance(asked, StyleRange):
                values = np.array([asked.low, asked.high])
                if asked.low > asked.high:
                    raise InputError(f"{name} {asked} runs backwards; write it as {asked.high:g}:{asked.low:g}")
            else:
                values = np.asarray(asked, np.float64)
                if values.shape not in ((), (count,)):
                    raise InputError(f"{name} must be one number or one for each of {count} images, not {values.size}")
            self._check_limits(name, values)

    def limits(self, name: str) -> tuple[float, float]:
        """The least and the most of a coordinate among all styles of all classes."""
        values = self.table[..., STYLE_NAMES.index(name)]
        return float(values.min()), float(values.max())

    def _row(
        self, labels: NDArray[np.int64], columns: dict[int, NDArray[np.float32]], uniform: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Styles [n, 4] with the values of `columns` [n] in their places; `uniform` [n] chooses among those near."""
        rows = self.table.shape[1]
        near = min(max(rows // _NEAREST, _LEAST), rows) if columns else rows
        chosen = (uniform * near).astype(np.int64)
        if columns:
            chosen = self._nearest(labels, columns, near)[np.arange(len(labels)), chosen]
        styles: NDArray[np.float32] = self.table[labels, chosen]
        for column, values in columns.items():
            styles[:, column] = values
        return styles

    def _nearest(
        self, labels: NDArray[np.int64], columns: dict[int, NDArray[np.float32]], count: int
    ) -> NDArray[np.int64]:
        """The `count` rows [n, count] of each label's table that are nearest in `columns`, the nearest first."""
        distance = np.zeros((len(labels), self.table.shape[1]), np.float32)
        for column, values in columns.items():
            distance += ((self.table[:, :, column][labels] - values[:, None]) / self.deviation[column]) ** 2
        # Bits of floats from 0 upwards sort as the floats do. With its row's number below them every key is another,
        # so that which are the nearest, and in which order, is decided on every machine alike.
        keys = distance.view(np.uint32).astype(np.uint64) << np.uint64(32) | np.arange(distance.shape[1], dtype="u8")
        keys.partition(count - 1, axis=1)
        nearest: NDArray[np.uint64] = np.sort(keys[:, :count], axis=1) & np.uint64(0xFFFFFFFF)
        return nearest.astype(np.int64)

    def _check_limits(self, name: str, values: NDArray[np.float64]) -> None:
        low, high = self.limits(name)
        inside = (values >= low) & (values <= high)  # NaN is never inside
        if not inside.all():
            first, unit = values[~inside].flat[0], STYLE_UNITS[STYLE_NAMES.index(name)]
            shown = f"{ceil(low * 100) / 100:g} to {floor(high * 100) / 100:g} {unit}"
            raise InputError(f"{name} {first:g} {unit} is beyond what the model was trained on; choose {shown}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)


def part_of(given: Given | None, rows: slice) -> dict[str, Asked]:
    """What is asked of the images of `rows` alone."""
    return {
        name: asked[rows] if isinstance(asked, np.ndarray) and asked.ndim else asked
        for name, asked in (given or {}).items()
    }


def _values(asked: Asked, uniform: NDArray[np.float64]) -> NDArray[np.float32]:
    """What is asked of n images, float32 [n]; `uniform` [n] takes it from a range."""
    if isinstance(asked, StyleRange):
        return (asked.low + uniform * (asked.high - asked.low)).astype(np.float32)
    return np.broadcast_to(np.asarray(asked, np.float32), uniform.shape)
