"""The curve of a run that learns to read from a few labels, drawn from the rows of its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from digitsmith.report.curves import curve, images_below_epochs_above, note, series, steps_of
from digitsmith.report.style import ON_REAL, VARIETY, blank_figure, house_style


def learned_from_few(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rows of a log are those of such a run."""
    return any("sure" in row for row in rows if row["event"] == "step")


def reading_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The share of labelled images that are read rightly, and of the others that it is sure of, to images seen.

    `rows` and errors as in `curves.loss_curves`.
    """
    steps = steps_of(rows)
    with house_style():
        figure = blank_figure(width_in=7.2, height_in=3.4)
        axes = figure.add_axes((0.095, 0.2, 0.865, 0.61))
        curve(axes, steps, series(steps, "labelled_accuracy"), colour=ON_REAL, label="labelled images read rightly")
        curve(axes, steps, series(steps, "sure"), colour=VARIETY, label="other images it is sure of", dashed=True)
        axes.set_ylim(0, 1.3)  # room for the legend, whatever the shares are
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.set_ylabel("share of images")
        axes.legend(loc="upper right", ncols=2)
        images_below_epochs_above(axes, axes, steps)
        note(figure, steps)
    return figure
