"""The same figure of several models: what belongs into one row, which model is best, whose floor is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from digitsmith.measure.estimate import Estimate
from digitsmith.measure.results import Evaluation, Measurement
from digitsmith.report.cells import known, overlap
from digitsmith.report.words import FAMILIES

BEST, TIED = "★", "☆"


@dataclass(frozen=True)
class ComparedFigure:
    """One figure of several models: the measurements by model, all of one kind (key, name, network).

    Attributes:
        measurements: model -> measurement, at least one; models without one are missing.
        one_floor: whether the floors are the same for all: one reference, equal counts, equal values.
    """

    measurements: Mapping[str, Measurement]
    one_floor: bool

    @property
    def values(self) -> dict[str, Estimate]:
        """model -> its own figure, for those that have one."""
        return {model: m.generated for model, m in self.measurements.items() if m.generated is not None}

    @property
    def first(self) -> Measurement:
        """A measurement with a value, or any where none has, for what they have in common."""
        return self.measurements[next(iter([*self.values, *self.measurements]))]

    @property
    def floor(self) -> Measurement:
        """A measurement with a floor, or any where none has."""
        return next((m for m in self.measurements.values() if _floor(m)), self.first)

    @property
    def one_count(self) -> bool:
        """Whether all were measured on equally many images; else they cannot be ranked."""
        counts = {(self.measurements[model].images, self.measurements[model].reference_images) for model in self.values}
        return len(counts) <= 1

    @property
    def has_floor(self) -> bool:
        """Whether a model has both a value and a floor, so that it can be plotted against it."""
        return any(self.measurements[model].held_out is not None for model in self.values)

    def marks(self) -> dict[str, str]:
        """model -> BEST, or TIED for an interval that overlaps the best one's; where the floor is the aim, of how far
        they are from it.

        Empty where there is nothing to rank: fewer than two values, or unequal counts.
        """
        asked = ((model, _badness(self.measurements[model])) for model in self.values)
        ranked = {model: badness for model, badness in asked if badness is not None}
        if len(ranked) < 2 or not self.one_count:
            return {}
        best = min(ranked, key=lambda model: ranked[model])
        return {
            model: BEST if badness == ranked[best] else TIED
            for model, badness in ranked.items()
            if badness == ranked[best] or overlap(self._ranked(model), self._ranked(best))
        }

    def _ranked(self, model: str) -> Estimate:
        """The value, or where the floor is the aim its distance from it, on whichever side."""
        measurement, own = self.measurements[model], self.values[model]
        if measurement.better != "as the floor" or measurement.held_out is None:
            return own
        low, value, high = (end - measurement.held_out.value for end in (own.low, own.value, own.high))
        return Estimate(value, low, high, own.spread) if value >= 0 else Estimate(-value, -high, -low, own.spread)


def compared_figures(evaluations: Mapping[str, Evaluation]) -> dict[str, list[ComparedFigure]]:
    """family -> its figures, the families in the order of `FAMILIES`.

    Figures of different networks are different figures; so are those of all images.

    Args:
        evaluations: model -> evaluation.
    """
    found: dict[tuple[str, ...], dict[str, Measurement]] = {}
    for model, evaluation in evaluations.items():
        for measurement in evaluation.measurements:
            for one in _with_everything(measurement):
                kind = (one.family, one.key, one.name, one.network or "")
                found.setdefault(kind, {})[model] = one
    families: dict[str, list[ComparedFigure]] = {}
    for (family, *_), measurements in found.items():
        floors = {(evaluations[model].against, *_floor(m)) for model, m in measurements.items() if _floor(m)}
        families.setdefault(family, []).append(ComparedFigure(measurements, one_floor=len(floors) <= 1))
    order = [*FAMILIES, *families]
    return dict(sorted(families.items(), key=lambda item: order.index(item[0])))


def _with_everything(measurement: Measurement) -> list[Measurement]:
    """The measurement, and beside it that of all images, which has other counts and no floor."""
    if measurement.everything is None:
        return [measurement]
    of_all = replace(
        measurement,
        name=f"{measurement.name}, all images",
        images=measurement.everything_images,
        reference_images=measurement.everything_reference,
        generated=measurement.everything,
        held_out=None,
        test=None,
        everything=None,
        note="",
    )
    return [replace(measurement, everything=None), of_all]


def _floor(measurement: Measurement) -> tuple[object, ...]:
    """What has to be equal for two floors to be one, () for no floor. As text, for NaN is not equal to itself."""
    if measurement.held_out is None and measurement.test is None:
        return ()
    return measurement.images, measurement.reference_images, repr(measurement.held_out), repr(measurement.test)


def _badness(measurement: Measurement) -> float | None:
    """The lower, the better; None for no value, or for no floor where the floor is the aim."""
    generated, held_out = measurement.generated, measurement.held_out
    if not known(generated):
        return None
    if measurement.better == "as the floor":
        return abs(generated.value - held_out.value) if known(held_out) else None
    return generated.value if measurement.better == "lower" else -generated.value
