"""The curves of a run: losses, scores and variety, drawn from the rows of its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from digitsmith.errors import DataError
from digitsmith.report.style import (
    DISCRIMINATOR,
    GENERATOR,
    INK,
    ON_GENERATED,
    ON_REAL,
    PALE,
    QUIET,
    VARIETY,
    WARNING,
    blank_figure,
    house_style,
)

Rows = Sequence[Mapping[str, Any]]


def loss_curves(rows: Rows, *, width_in: float = 7.2, height_in: float = 3.9) -> Figure:
    """Generator loss (blue) and discriminator loss (pink) to images seen: the second report's Figures 11-13.

    Args:
        rows: of a log, as `read_log` returns them. The `step` rows are drawn, `warning` rows are marked on
            the axis, others are ignored. A value that is null, NaN or infinite leaves a gap.
        width_in, height_in: of the figure, in inches; letters keep their size.

    Raises:
        DataError: there is no `step` row.
    """
    steps = steps_of(rows)
    generator, discriminator = series(steps, "loss_g"), series(steps, "loss_d")
    with house_style():
        figure = blank_figure(width_in=width_in, height_in=height_in)
        axes = figure.add_axes((0.68 / width_in, 0.64 / height_in, 1 - 0.97 / width_in, 1 - 1.26 / height_in))
        curve(axes, steps, generator, colour=GENERATOR, label="generator")
        curve(axes, steps, discriminator, colour=DISCRIMINATOR, label="discriminator")
        cut_off = _frame_losses(axes, np.concatenate([generator, discriminator]))
        axes.set_ylabel("loss (nats)")
        _mark_warnings(axes, rows)
        images_below_epochs_above(axes, axes, steps)
        axes.legend(loc="upper right", ncols=3)
        note(figure, steps, more=cut_off)
    return figure


def scores_figure(rows: Rows) -> Figure:
    """How real D finds real and generated images (above), and how much the generated ones vary (below).

    Scores are mean probabilities, 0 to 1. Variety is the spread of the generated images within their classes
    divided by that of the real ones: 1 when they vary as much, near 0 when the generator has collapsed.
    `rows` and errors as in `loss_curves`.
    """
    steps = steps_of(rows)
    variety = series(steps, "variety")
    with house_style():
        figure = blank_figure(width_in=7.2, height_in=5.2)
        scores = figure.add_axes((0.095, 0.47, 0.865, 0.41))
        spread = figure.add_axes((0.095, 0.125, 0.865, 0.265), sharex=scores)
        curve(scores, steps, series(steps, "real_score"), colour=ON_REAL, label="on real images")
        curve(
            scores,
            steps,
            series(steps, "fake_score"),
            colour=ON_GENERATED,
            label="on generated images",
            dashed=True,
        )
        scores.axhline(0.5, color=PALE, linewidth=1, linestyle=":", zorder=1)
        scores.set_ylim(0, 1.25)  # room for the legend, whatever the scores are
        scores.set_yticks([0, 0.25, 0.5, 0.75, 1])
        scores.set_ylabel("D's probability of real")
        scores.tick_params(labelbottom=False)
        scores.legend(loc="upper right", ncols=2)
        curve(spread, steps, variety, colour=VARIETY, label="variety")
        spread.axhline(1, color=PALE, linewidth=1, linestyle=":", zorder=1)
        spread.set_ylim(0, 1.4 * max([1.0, *variety[np.isfinite(variety)]]))
        spread.set_ylabel("variety (real = 1)")
        _mark_warnings(spread, rows)
        spread.legend(loc="upper right", ncols=2)
        images_below_epochs_above(spread, scores, steps)
        note(figure, steps)
    return figure


def loss_numbers(rows: Rows) -> dict[str, list[float | None]]:
    """What `loss_curves` draws, before it is smoothed: one value for each logged step."""
    steps = [row for row in rows if row["event"] == "step"]
    return {key: [step[key] for step in steps] for key in ("images", "epoch", "loss_g", "loss_d")}


def smoothed(values: NDArray[np.float64], *, window: int) -> NDArray[np.float64]:
    """The median of `window` (odd) neighbours, of fewer at the ends and beside gaps; gaps (NaN) stay gaps.

    A median, because the mean of a few steps would draw one wild step as a plateau.
    """
    padded = np.pad(values, window // 2, constant_values=np.nan)
    medians = np.full(len(values), np.nan)
    known = np.isfinite(values)
    medians[known] = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, window)[known], axis=1)
    return medians


def steps_of(rows: Rows) -> list[Mapping[str, Any]]:
    """The `step` rows; DataError where there is none."""
    steps = [row for row in rows if row["event"] == "step"]
    if not steps:
        raise DataError("the log has no step to draw yet; train until the first step is logged")
    return steps


def series(steps: Rows, key: str) -> NDArray[np.float64]:
    """One value of every step, float64 [steps]; null and infinity become NaN, a gap in the curve."""
    values = np.array([step[key] for step in steps], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _window(steps: Rows) -> int:
    """Steps to smooth over: an odd number, about a twelfth of the run, at most 101."""
    return 2 * min(len(steps) // 24, 50) + 1


def curve(
    axes: Axes, steps: Rows, values: NDArray[np.float64], *, colour: str, label: str, dashed: bool = False
) -> None:
    """Every logged value, faint, under the smoothed line."""
    images = series(steps, "images")
    axes.plot(images, values, color=colour, alpha=0.28, linewidth=0.8)
    axes.plot(
        images,
        smoothed(values, window=_window(steps)),
        color=colour,
        label=label,
        linestyle=(0, (4, 1.2)) if dashed else "-",
        linewidth=1.9,
        marker="o" if len(steps) == 1 else None,  # a line of one point is invisible
        clip_on=len(steps) > 1,  # and that point stands on the edge
    )


def _frame_losses(axes: Axes, values: NDArray[np.float64]) -> str:
    """A few early spikes must not flatten the rest: 99 of 100 values fit. Returns what to say of others."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return ""
    highest = float(finite.max())
    top = max(1.25 * float(np.percentile(finite, 99)), 0.1)
    axes.set_ylim(min(0.0, 1.05 * float(finite.min())), top)
    return f"peaks of up to {highest:.3g} are cut off" if highest > top else ""


def _mark_warnings(axes: Axes, rows: Rows) -> None:
    at = [row["images"] for row in rows if row["event"] == "warning"]
    if at:
        axes.plot(
            at,
            [0.0] * len(at),
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            zorder=5,
            linestyle="none",
            marker="^",
            markersize=7,
            color=WARNING,
            markeredgecolor=INK,
            label="warning",
        )


def images_below_epochs_above(lowest: Axes, highest: Axes, steps: Rows) -> None:
    """The axes of a figure's lowest panel and of its highest one."""
    images, epochs = steps[-1]["images"], steps[-1]["epoch"]
    lowest.set_xlim(0, max(images, 1))
    lowest.set_xlabel("images seen")
    lowest.xaxis.set_major_formatter(EngFormatter(sep=" "))
    if images > 0 and epochs > 0:
        per_epoch = images / epochs
        above = highest.secondary_xaxis("top", functions=(lambda x: x / per_epoch, lambda x: x * per_epoch))
        above.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 5, 10]))
        above.set_xlabel("epoch")
        above.spines["top"].set_visible(True)


def note(figure: Figure, steps: Rows, *, more: str = "") -> None:
    """Below the axes: what the faint and the full line are, and what else a reader has to know."""
    window = _window(steps)
    lines = f"faint: each logged step; line: median of {window} steps" if window > 1 else ""
    text = "; ".join(part for part in (lines, more) if part)
    figure.text(0.96, 0.015, text, ha="right", fontsize=7.5, color=QUIET)
