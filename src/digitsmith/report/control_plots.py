"""The plot of style control: for each coordinate, what was measured over what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from digitsmith.measure.style_control import Control, Sweep
from digitsmith.report.style import GENERATOR, INK, QUIET, blank_figure, house_style

_SIDE_IN = 2.6
_SHOWN = (0.2, 99.8)  # percentiles of what is measured, between which the axis lies


def control_figure(sweeps: Sequence[Sweep], controls: Sequence[Control]) -> Figure:
    """A panel for each coordinate, two in a row: a dot for each image, and the line on which what is asked is drawn.

    Args:
        sweeps: over the whole range, at least one.
        controls: of the same coordinates.
    """
    lines = -(-len(sweeps) // 2)
    height = lines * (_SIDE_IN + 0.75)
    with house_style():
        figure = blank_figure(width_in=7.2, height_in=height)
        for place, (within, control) in enumerate(zip(sweeps, controls, strict=True)):
            line, column = divmod(place, 2)
            bottom = height - (line + 1) * (_SIDE_IN + 0.75) + 0.5
            axes = figure.add_axes((0.1 + 0.5 * column, bottom / height, 0.39, _SIDE_IN / height))
            _draw(axes, within, control)
    return figure


def _draw(axes: Axes, within: Sweep, control: Control) -> None:
    unit = {"deg": "°"}.get(control.unit, control.unit)
    ends = within.asked.min(), within.asked.max()
    lowest, highest = np.nanpercentile(within.measured, _SHOWN)
    axes.plot(within.asked, within.measured, ".", color=GENERATOR, markersize=3, alpha=0.35, markeredgewidth=0)
    axes.plot(ends, ends, color=INK, linewidth=1.0, zorder=3)
    axes.set_ylim(min(lowest, ends[0]), max(highest, ends[1]))
    axes.set_xlim(*ends)
    axes.set_xlabel(f"{within.name} asked for ({unit})")
    axes.set_ylabel("measured", labelpad=2)
    text = f"median error {control.error.value:.2g} {unit}, correlation {control.correlation:.3f}"
    axes.text(0.02, 1.02, text, transform=axes.transAxes, fontsize=8.5, color=QUIET)
