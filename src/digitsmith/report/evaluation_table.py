"""The table of an evaluation's figures, by family, as text for a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digitsmith.measure.results import Evaluation, Measurement
from digitsmith.report.cells import (
    ARROWS,
    BETTER,
    DIRECTIONS,
    LIKE_REAL,
    NOTHING,
    OFF,
    WORSE,
    Cell,
    cell,
    counts,
    factor,
    multiple,
    named,
    standing,
)
from digitsmith.report.words import FAMILIES

_STANDINGS = {LIKE_REAL: "like the floor", BETTER: "better", WORSE: "worse", OFF: "differs", "": ""}


@dataclass(frozen=True)
class Row:
    """One figure: its name, what it rests on, and a cell per column."""

    name: str
    arrow: str
    direction: str
    about: str
    note: str
    measured: bool
    generated: Cell
    held_out: Cell
    test: Cell
    times_floor: str
    standing: str
    everything: Cell
    everything_counts: str


@dataclass(frozen=True)
class Family:
    """The rows under one heading, and what they mean and do not mean."""

    name: str
    meaning: str
    rows: Sequence[Row]


def evaluation_table(evaluation: Evaluation) -> list[Family]:
    """The families in the order in which the measurements name them, each with its rows."""
    rows: dict[str, list[Row]] = {}
    for measurement in evaluation.measurements:
        rows.setdefault(measurement.family, []).append(_row(measurement))
    return [Family(name, FAMILIES.get(name, ""), of_family) for name, of_family in rows.items()]


def about(measurement: Measurement) -> str:
    """What a figure rests on: counts, network, and what its intervals are."""
    estimates = (measurement.generated, measurement.held_out, measurement.test, measurement.everything)
    spreads = list(dict.fromkeys(estimate.spread for estimate in estimates if estimate is not None and estimate.spread))
    parts = [counts(measurement.images, measurement.reference_images), measurement.network or "pixels", *spreads]
    return " · ".join(parts).replace(" %", "\N{NO-BREAK SPACE}%")


def _row(measurement: Measurement) -> Row:
    columns = (measurement.generated, measurement.held_out, measurement.test, measurement.everything)
    times = factor(measurement.unit, columns)
    generated, held_out, test, everything = (cell(column, unit=measurement.unit, times=times) for column in columns)
    ratio = measurement.times_floor
    return Row(
        name=named(measurement, times),
        arrow=ARROWS[measurement.better],
        direction=DIRECTIONS[measurement.better],
        about=about(measurement),
        note=measurement.note,
        measured=measurement.generated is not None,
        generated=generated,
        held_out=held_out,
        test=test,
        times_floor="" if ratio is None else multiple(ratio),
        standing=_STANDINGS[standing(measurement)],
        everything=everything,
        everything_counts=""
        if everything is NOTHING
        else counts(measurement.everything_images, measurement.everything_reference),
    )
