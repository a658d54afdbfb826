"""The plots of one evaluation: who is read as whom, distances by class, and how strokes compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitsmith.report.dots import COLUMNS, dots, numbers_of, scale_from_zero
from digitsmith.report.panels import drawable_names, widest_in
from digitsmith.report.style import INK, ON_GENERATED, ON_REAL, ON_TEST, PALE, QUIET, blank_figure, house_style

_MOST_WITH_NUMBERS = 16  # classes; more leave no room for a number in a cell
_RIGHT = LinearSegmentedColormap.from_list("right", ["#ffffff", "#9cc3e6"])
_WRONG = LinearSegmentedColormap.from_list("wrong", ["#ffffff", "#f6a35c", "#c2410c"])
_LEAST_DEEP = 0.02  # the share of mistakes that has the deepest colour, when there are none larger
_BINS = 48
_INNER = (0.1, 99.9)  # percentiles of all values between which the histograms lie
_SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "training": ("training images", {"color": ON_REAL, "linewidth": 1.6}),
    "test": ("real test set", {"color": ON_TEST, "linewidth": 1.3, "linestyle": (0, (2.5, 1.2))}),
    "generated": ("generated", {"color": ON_GENERATED, "linewidth": 1.6}),
}

Style = Mapping[str, Mapping[str, NDArray[np.float64]]]


def confusion_figure(confusion: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """The share of each class asked for (rows) that is read as each class (columns), in percent.

    What is right is blue; mistakes are orange, on a scale of their own, so that a rare one is seen too.

    Args:
        confusion: int64 [K, K], row = asked for, column = read.
        classes: K names.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    count, names = len(classes), drawable_names(classes)
    mistakes = np.where(np.eye(count, dtype=bool), 0, shares)
    deepest = max(float(mistakes.max()), _LEAST_DEEP)
    colours = np.where(np.eye(count, dtype=bool)[..., None], _RIGHT(shares), _WRONG(np.sqrt(mistakes / deepest)))
    side = min(max(0.52 * count, 3.0), 11.0)
    small = 10 if count <= _MOST_WITH_NUMBERS else max(3.5, 160 / count)
    longest, upright = widest_in(names, small), max(map(len, names)) > 3
    left = max(0.75, longest + 0.4)  # of the names beside the rows; over the columns they may stand upright
    width, height = side + left + 0.25, side + (max(0.85, longest + 0.55) if upright else 0.85)
    with house_style():
        figure = blank_figure(width_in=width, height_in=height)
        axes = figure.add_axes((left / width, 0.15 / height, side / width, side / height))
        axes.imshow(colours, interpolation="none", aspect="equal")
        axes.set_xticks(range(count), names, fontsize=small, rotation=90 if upright else 0)
        axes.set_yticks(range(count), names, fontsize=small)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("read as", labelpad=8)
        axes.xaxis.set_label_position("top")
        axes.set_ylabel("asked for")
        if count <= _MOST_WITH_NUMBERS:
            _write_shares(axes, confusion, shares, colours)
    return figure


def _write_shares(
    axes: Axes, confusion: NDArray[np.int64], shares: NDArray[np.float64], colours: NDArray[np.float64]
) -> None:
    for (asked, read), share in np.ndenumerate(shares):
        seen, right = confusion[asked, read] > 0, asked == read
        text = _percent(100 * share) if seen or (right and confusion[asked].any()) else "·"
        axes.text(
            read,
            asked,
            text,
            ha="center",
            va="center",
            fontsize=8.5,
            color=_ink(colours[asked, read]) if seen or right else PALE,
            fontweight="bold" if right else "normal",
        )


def _ink(colour: NDArray[np.float64]) -> str:
    """Dark letters on a light cell (RGBA in [0, 1]), white ones on a deep one."""
    return INK if colour[:3] @ (0.299, 0.587, 0.114) > 0.55 else "white"


def _percent(value: float) -> str:
    """100 -> "100", 98.62 -> "98.6", 0.031 -> ".03": what fits into a cell."""
    if value >= 99.95:
        return "100"
    return f"{value:.1f}" if value >= 0.095 else f"{value:.2f}".lstrip("0")


def confusion_numbers(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """What `confusion_figure` draws: counts, with a row for each class asked for."""
    return {"classes": list(classes), "rows": "asked for", "columns": "read", "counts": confusion.tolist()}


def class_distances_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The distance of every class: generated images, the floor and the real test set, each with its interval.

    Args:
        rows: an Evaluation's `class_distances`, at least one.
    """
    height, names = 0.32 * len(rows) + 1.0, drawable_names([str(row["name"]) for row in rows])
    left = max(0.11, (widest_in(names, 10) + 0.35) / 7.2)
    with house_style():
        figure = blank_figure(width_in=7.2, height_in=height)
        axes = figure.add_axes((left, 0.55 / height, 0.96 - left, 0.32 * len(rows) / height))
        for column in reversed(COLUMNS):  # the generated images' dots are drawn last, over the others
            dots(axes, [row.get(column) for row in rows], column=column)
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        scale_from_zero(axes, [row.get(column) for row in rows for column in COLUMNS])
        axes.set_xlabel("distance to the training images of the class")
        axes.set_ylabel("class")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="upper right", ncols=3, fontsize=9, borderaxespad=0.3)
    return figure


def class_distances_numbers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `class_distances_figure` draws."""
    return [{"name": str(row["name"])} | {column: numbers_of(row.get(column)) for column in COLUMNS} for row in rows]


def style_numbers(style: Style) -> dict[str, Any]:
    """Histograms of every measure over the sets' common range: measure -> edges, and each set's shares in the bins.

    The range holds all but one in a thousand of the values at either end. Shares are of all the images of a
    set that have the measure; `without` counts those that have none, because they hold no ink.
    """
    return {name: _histograms(sets) for name, sets in style.items()}


def _histograms(sets: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    finite = {name: values[np.isfinite(values)] for name, values in sets.items()}
    pooled = np.concatenate(list(finite.values()))
    low, high = np.percentile(pooled, _INNER) if len(pooled) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    return {
        "edges": edges.tolist(),
        "shares": {
            name: (np.histogram(values, edges)[0] / max(len(values), 1)).tolist() for name, values in finite.items()
        },
        "mean": {name: float(values.mean()) if len(values) else None for name, values in finite.items()},
        "images": {name: len(values) for name, values in sets.items()},
        "without": {name: len(sets[name]) - len(values) for name, values in finite.items()},
    }


def style_figure(numbers: Mapping[str, Any], units: Mapping[str, str]) -> Figure:
    """Small multiples, one for each measure: its distribution in generated, training and test images.

    Args:
        numbers: of `style_numbers`, at least one measure.
        units: measure -> "px" and the like; a measure that is missing has none.
    """
    lines = -(-len(numbers) // 3)
    height = 1.95 * lines + 0.3
    with house_style():
        figure = blank_figure(width_in=7.2, height_in=height)
        for place, (name, histograms) in enumerate(numbers.items()):
            line, column = divmod(place, 3)
            bottom = height - 0.4 - 1.95 * line - 1.3
            axes = figure.add_axes((0.04 + 0.325 * column, bottom / height, 0.285, 1.3 / height))
            _draw_histograms(axes, histograms)
            unit = {"deg": "°"}.get(units.get(name, ""), units.get(name, ""))
            words = name.partition("_")[0].capitalize()  # thickness_px -> Thickness
            axes.set_xlabel(f"{words} ({unit})" if unit else words, labelpad=2)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="upper right", ncols=3, fontsize=9, borderaxespad=0.3)
    return figure


def _draw_histograms(axes: Axes, histograms: Mapping[str, Any]) -> None:
    edges = np.array(histograms["edges"])
    for name, (label, look) in _SETS.items():
        if name in histograms["shares"]:
            shares = np.array(histograms["shares"][name])
            axes.stairs(shares, edges, label=label, **look)
            if name == "generated":
                axes.stairs(shares, edges, fill=True, color=ON_GENERATED, alpha=0.14, linewidth=0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    axes.tick_params(axis="x", labelsize=8.5, colors=QUIET)
