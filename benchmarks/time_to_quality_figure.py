"""The plot of times to quality: both figures of every run against its seconds of training."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from digitsmith.report.style import GENERATOR, INK, ON_GENERATED, PALE, QUIET, blank_figure, house_style
from quality import MARKS
from racing import Run

_COLOURS = (GENERATOR, ON_GENERATED)  # of the contenders, in their order
_SHARES = (0.1, 0.5, 0.9, 0.97, 0.99, 0.999)
_DISTANCES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_SECONDS = tuple(lead * 10**power for power in range(-1, 5) for lead in (1, 2, 5))
_HIGHEST_SHARE = 0.9995  # the scale has no place for 1


def quality_figure(runs: Sequence[Run]) -> Figure:
    """Above, the share read as asked; below, the distance over its floor; a line per run, the marks dotted.

    Args:
        runs: of one or two contenders, any number of seeds each; one without a reading has no line.
    """
    colours = dict(zip(dict.fromkeys(run.contender for run in runs), _COLOURS, strict=False))
    with house_style():
        figure = blank_figure(width_in=7.2, height_in=6.0)
        above = figure.add_axes((0.125, 0.555, 0.85, 0.43))
        below = figure.add_axes((0.125, 0.1, 0.85, 0.43), sharex=above)
        above.set_yscale("logit")
        below.set_yscale("log")
        for run in runs:
            seconds = [reading.seconds for reading in run.readings]
            shares = [min(reading.read_as_asked, _HIGHEST_SHARE) for reading in run.readings]
            _line(above, seconds, shares, colour=colours[run.contender])
            distances = [reading.distance_over_floor for reading in run.readings]
            _line(below, seconds, distances, colour=colours[run.contender])
        for mark in MARKS:
            axes = above if mark.figure == "read_as_asked" else below
            axes.axhline(mark.bound, color=INK, linewidth=0.9, linestyle=":", zorder=1)
        _scale(above, _SHARES, FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        _scale(below, _DISTANCES, FuncFormatter(lambda times, _: f"{times:,.0f}"))
        above.set_ylim(0.05, 0.9995)
        below.set_ylim(bottom=0.9)
        above.set_ylabel("read as asked")
        below.set_ylabel("Fréchet distance / floor")
        below.set_xscale("log")
        _few_ticks(below.xaxis, _SECONDS, FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        above.tick_params(labelbottom=False)
        below.set_xlabel("seconds of training")
        handles = [Line2D([], [], color=colour, linewidth=1.8) for colour in colours.values()]
        above.legend(handles, list(colours), loc="center left")
        figure.text(0.975, 0.012, "dotted: the marks; a line for each seed", ha="right", fontsize=7.5, color=QUIET)
    return figure


def _line(axes: Axes, seconds: Sequence[float], values: Sequence[float], *, colour: str) -> None:
    axes.plot(seconds, values, color=colour, linewidth=1.4, alpha=0.85, marker="o", markersize=2.2)


def _scale(axes: Axes, ticks: Sequence[float], formatter: FuncFormatter) -> None:
    _few_ticks(axes.yaxis, ticks, formatter)
    axes.grid(visible=True, color=PALE, alpha=0.25)


def _few_ticks(axis: Axis, ticks: Sequence[float], formatter: FuncFormatter) -> None:
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(formatter)
    axis.set_minor_locator(FixedLocator([]))
    axis.set_minor_formatter(NullFormatter())
