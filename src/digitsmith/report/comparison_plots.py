"""The plot of a comparison: every model's figures against the floor."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from digitsmith.measure.estimate import Estimate
from digitsmith.report.cells import ARROWS, ends, known
from digitsmith.report.compared_figures import ComparedFigure
from digitsmith.report.dots import LABELS, dots, numbers_of, scale_from_zero
from digitsmith.report.panels import with_known_letters
from digitsmith.report.style import ON_REAL, ON_TEST, blank_figure, house_style

_PER_LINE = 3
_LONGEST_NAME = 18  # letters
_NAMES_IN, _PANEL_IN, _GAP_IN = 1.45, 1.75, 0.27  # widths, in inches


def dots_figure(figures: Sequence[ComparedFigure], models: Sequence[str]) -> Figure:
    """A panel for each figure: a dot for each model, against the floor and the real test set.

    Args:
        figures: at least one, each with a value and a floor.
        models: their names, from top to bottom.
    """
    lines = -(-len(figures) // _PER_LINE)
    panel_in = 0.24 * len(models) + 0.12
    line_in = panel_in + 0.75
    width, height = _NAMES_IN + _PER_LINE * (_PANEL_IN + _GAP_IN), lines * line_in + 0.3
    with house_style():
        page = blank_figure(width_in=width, height_in=height)
        legend: dict[str, Any] = {}
        for place, figure in enumerate(figures):
            line, column = divmod(place, _PER_LINE)
            left = _NAMES_IN + column * (_PANEL_IN + _GAP_IN)
            bottom = height - 0.3 - (line + 1) * line_in + 0.32
            axes = page.add_axes((left / width, bottom / height, _PANEL_IN / width, panel_in / height))
            _draw(axes, figure, models, names=column == 0)
            legend |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        shown = [label for label in LABELS.values() if label in legend]
        page.legend(
            [legend[label] for label in shown], shown, loc="upper right", ncols=3, fontsize=8.5, borderaxespad=0.2
        )
    return page


def _draw(axes: Axes, figure: ComparedFigure, models: Sequence[str], *, names: bool) -> None:
    first = figure.first
    times = 100.0 if first.unit == "%" else 1.0
    columns = {name: [_column(figure, model, name) for model in models] for name in LABELS}
    for column, colour, look in (("test", ON_TEST, (0, (2.5, 1.2))), ("held_out", ON_REAL, "-")):
        estimates = [estimate for estimate in columns[column] if known(estimate)]
        if figure.one_floor and estimates:  # one line for all
            low, high = (times * end for end in ends(estimates[0]))
            axes.axvspan(low, high, color=colour, alpha=0.13, linewidth=0)
            axes.axvline(times * estimates[0].value, color=colour, linestyle=look, linewidth=1.6, label=LABELS[column])
        elif estimates:
            dots(axes, columns[column], column=column, times=times)
    dots(axes, columns["generated"], column="generated", times=times)
    unit = {"": "", "deg": " (°)"}.get(first.unit, f" ({first.unit})")
    title = f"{with_known_letters(first.name)}{unit} {ARROWS[first.better]}"
    axes.set_title("\n".join(textwrap.wrap(title, 27)), fontsize=8.5, loc="left", pad=4)
    axes.set_yticks(
        range(len(models)), [_label(model) for model in models] if names else [""] * len(models), fontsize=8.5
    )
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7.5)
    if first.better == "lower":
        scale_from_zero(axes, [estimate for estimates in columns.values() for estimate in estimates])
    if axes.get_xscale() == "linear":
        axes.locator_params(axis="x", nbins=4)


def _label(model: str) -> str:
    """A model's name beside its row; of a long one, like the path of a run, the end tells most."""
    return with_known_letters(model if len(model) <= _LONGEST_NAME else f"…{model[1 - _LONGEST_NAME :]}")


def _column(figure: ComparedFigure, model: str, column: str) -> Estimate | None:
    measurement = figure.measurements.get(model)
    estimate: Estimate | None = getattr(measurement, column, None)
    return estimate


def dots_numbers(figures: Sequence[ComparedFigure], models: Sequence[str]) -> list[dict[str, Any]]:
    """What `dots_figure` draws."""
    return [
        {
            "key": figure.first.key,
            "name": figure.first.name,
            "unit": figure.first.unit,
            "network": figure.first.network,
            "models": {
                model: {column: numbers_of(_column(figure, model, column)) for column in LABELS}
                for model in models
                if model in figure.measurements
            },
        }
        for figure in figures
    ]
