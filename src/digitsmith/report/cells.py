"""Measured figures as text: a value with its interval in digits that mean something, and where it stands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

from digitsmith.measure.estimate import Estimate
from digitsmith.measure.results import Measurement

_SPACE = "\N{NO-BREAK SPACE}"
_SIGNS = {"": "", "%": f"{_SPACE}%", "deg": "°"}  # other units are written as they are, after a space
ARROWS = {"lower": "↓", "higher": "↑", "as the floor": "≈"}
DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "as the floor": "the value of real images is best",
}
LIKE_REAL, BETTER, WORSE, OFF = "like real", "better", "worse", "off"


@dataclass(frozen=True)
class Cell:
    """A value and its interval, as in ("12.40", "± 0.50"); an interval that is not known is empty."""

    value: str
    interval: str = ""

    def __str__(self) -> str:
        if not self.interval:
            return self.value
        return f"{self.value} {self.interval}" if self.interval.startswith("±") else f"{self.value} ({self.interval})"


NOTHING = Cell("–")


def known(estimate: Estimate | None) -> TypeGuard[Estimate]:
    """Whether there is a value to show: an estimate, and not one of NaN."""
    return estimate is not None and math.isfinite(estimate.value)


def factor(unit: str, estimates: Iterable[Estimate | None]) -> float:
    """What a row's values are multiplied with to be read easily: 100 for shares, 1000 for a row of small numbers."""
    if unit == "%":
        return 100.0
    values = [abs(estimate.value) for estimate in estimates if known(estimate)]
    return 1000.0 if not unit and 0 < max(values, default=0) < 0.01 else 1.0


def named(measurement: Measurement, times: float) -> str:
    """The figure's name, which says so where its values are shown a thousandfold."""
    return f"{measurement.name} × 1000" if times == 1000 else measurement.name


def cell(estimate: Estimate | None, *, unit: str, times: float) -> Cell:
    """`estimate` times `times`, rounded to what its interval leaves certain; to three digits for no interval.

    Half the interval's width is shown with two digits up to 354 and with one from 355, as the Particle Data
    Group rounds errors.
    """
    if not known(estimate):
        return NOTHING
    value, low, high = (times * number for number in (estimate.value, estimate.low, estimate.high))
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return Cell(_digits(value, _decimals(value, significant=3)) + _sign(unit))
    margin = (high - low) / 2
    leading = margin / 10 ** math.floor(math.log10(margin))  # in [1, 10)
    decimals = _decimals(margin, significant=2 if leading < 3.55 else 1)
    below, above = _digits(value - low, decimals), _digits(high - value, decimals)
    dash = f"{_SPACE}to{_SPACE}" if low < 0 else "–"
    interval = f"±{_SPACE}{above}" if below == above else f"{_digits(low, decimals)}{dash}{_digits(high, decimals)}"
    return Cell(_digits(value, decimals) + _sign(unit), interval)


def cell_of(measurement: Measurement, column: str = "generated") -> Cell:
    """One column of a measurement alone, outside of a table."""
    estimate = getattr(measurement, column)
    return cell(estimate, unit=measurement.unit, times=100.0 if measurement.unit == "%" else 1.0)


def multiple(ratio: float) -> str:
    """2.14 -> "2.1 ×"."""
    return f"{_digits(ratio, min(2, _decimals(ratio, significant=2)))}{_SPACE}×"


def percent(share: float) -> str:
    """0.9788 -> "97.9 %"."""
    return f"{100 * share:.1f}{_SPACE}%"


def ends(estimate: Estimate) -> tuple[float, float]:
    """The interval; the value itself at an end that is not known."""
    low = estimate.value if math.isnan(estimate.low) else estimate.low
    high = estimate.value if math.isnan(estimate.high) else estimate.high
    return low, high


def overlap(one: Estimate, other: Estimate) -> bool:
    """Whether two intervals have a point in common: then the two values are not told apart."""
    (low, high), (other_low, other_high) = ends(one), ends(other)
    return low <= other_high and other_low <= high


def standing(measurement: Measurement) -> str:
    """How the generated images stand to held-out training images: LIKE_REAL, BETTER, WORSE or OFF; "" for unknown.

    Where both intervals overlap they are LIKE_REAL. OFF is another value than real images have, of a figure
    that has no better side.
    """
    generated, held_out = measurement.generated, measurement.held_out
    if not (known(generated) and known(held_out)):
        return ""
    if overlap(generated, held_out):
        return LIKE_REAL
    if measurement.better == "as the floor":
        return OFF
    return BETTER if (generated.value > held_out.value) == (measurement.better == "higher") else WORSE


def counts(images: int, reference_images: int | None) -> str:
    """ "10,000 images against 50,000"."""
    return f"{images:,} images" + (f" against {reference_images:,}" if reference_images is not None else "")


def _sign(unit: str) -> str:
    return _SIGNS.get(unit, f"{_SPACE}{unit}")


def _decimals(size: float, *, significant: int) -> int:
    """How many decimals show `significant` digits of a number of this size; at most six."""
    if size == 0:
        return 0
    return min(max(significant - 1 - math.floor(math.log10(abs(size))), 0), 6)


def _digits(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) != 0 else text.lstrip("-")
