"""One table of several models' figures, as text: rows for a page, or all of it as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digitsmith.measure.estimate import Estimate
from digitsmith.report.cells import ARROWS, DIRECTIONS, NOTHING, Cell, cell, counts, factor, named
from digitsmith.report.compared_figures import BEST, TIED, ComparedFigure
from digitsmith.report.evaluation_table import about

_OWN = Cell("own")  # in the floor's column, where every model has a floor of its own


@dataclass(frozen=True)
class ComparedCell:
    """What one model has in a row: its value, BEST, TIED or nothing, and what it does not share with the others."""

    amount: Cell
    mark: str = ""
    under: str = ""


@dataclass(frozen=True)
class ComparedRow:
    """One figure as text; `cells` in the order of the models."""

    name: str
    arrow: str
    direction: str
    about: str
    notes: Sequence[str]
    measured: bool
    cells: Sequence[ComparedCell]
    held_out: Cell
    test: Cell


def compared_row(figure: ComparedFigure, models: Sequence[str]) -> ComparedRow:
    """The row of `figure` with a cell for each of `models`."""
    first, marks = figure.first, figure.marks()
    estimates = [column for m in figure.measurements.values() for column in (m.generated, m.held_out, m.test)]
    times = factor(first.unit, estimates)

    def shown(estimate: Estimate | None) -> Cell:
        return cell(estimate, unit=first.unit, times=times)

    def of_model(model: str) -> ComparedCell:
        if model not in figure.values:
            return ComparedCell(NOTHING)
        measurement, under = figure.measurements[model], []
        if not figure.one_count:
            under.append(counts(measurement.images, measurement.reference_images))
        if not figure.one_floor:
            own = (("floor", measurement.held_out), ("test set", measurement.test))
            under += [f"{words} {shown(estimate)}" for words, estimate in own if estimate is not None]
        return ComparedCell(shown(measurement.generated), marks.get(model, ""), "; ".join(under))

    return ComparedRow(
        name=named(first, times),
        arrow=ARROWS[first.better],
        direction=DIRECTIONS[first.better],
        about=about(first) if figure.one_count else first.network or "pixels",
        notes=_notes(figure),
        measured=bool(figure.values),
        cells=[of_model(model) for model in models],
        held_out=shown(figure.floor.held_out) if figure.one_floor else _OWN,
        test=shown(figure.floor.test) if figure.one_floor else _OWN,
    )


def markdown_table(families: Mapping[str, Sequence[ComparedFigure]], models: Sequence[str]) -> str:
    """The whole table as GitHub's Markdown, with counts and networks, for a README."""
    heads = ["figure", *map(_markdown, models), "floor: held-out training images", "real test set"]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for family, figures in families.items():
        lines.append(_line([f"**{_markdown(family)}**", *[""] * (len(heads) - 1)]))
        for row in (compared_row(figure, models) for figure in figures):
            details = [row.about, *row.notes] if row.measured else ["not measured", *row.notes]
            name = f"{_markdown(row.name)} {row.arrow} ({_markdown('; '.join(details))})"
            lines.append(_line([name, *map(_markdown_cell, row.cells), str(row.held_out), str(row.test)]))
    arrows = ", ".join(f"{ARROWS[better]} {words}" for better, words in DIRECTIONS.items())
    legend = f"{arrows}. {BEST} the best of the models; {TIED} not told apart from it, because their intervals overlap."
    return "\n".join([*lines, "", legend, ""])


def _notes(figure: ComparedFigure) -> list[str]:
    """Each note once; why a model has no figure stands under its name, unless none has one."""
    notes = []
    for model, measurement in figure.measurements.items():
        if measurement.note:
            own = figure.values and model not in figure.values
            notes.append(f"{model}: {measurement.note}" if own else measurement.note)
    return list(dict.fromkeys(notes))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    """`text` with nothing in it that Markdown or HTML would take for more than letters."""
    return re.sub(r"([\\`*_\[\]<>|&])", r"\\\1", " ".join(text.splitlines()))


def _markdown_cell(compared: ComparedCell) -> str:
    text = f"{compared.amount} {compared.mark}".rstrip()
    text = f"**{text}**" if compared.mark == BEST else text
    return f"{text} ({compared.under})" if compared.under else text
