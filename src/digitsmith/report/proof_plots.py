"""The plots of a proof: accuracy against the number of real images, and what each ingredient adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from digitsmith.measure.estimate import Estimate
from digitsmith.proving.arms import ARMS
from digitsmith.proving.verdict import Comparison, Findings
from digitsmith.report.cells import ends
from digitsmith.report.style import (
    DISCRIMINATOR,
    GENERATOR,
    INK,
    ON_GENERATED,
    ON_REAL,
    ON_TEST,
    PALE,
    blank_figure,
    house_style,
)

_LOOKS: dict[str, dict[str, Any]] = {
    "a": {"color": ON_TEST, "marker": "s", "linestyle": (0, (2.5, 1.2))},
    "b": {"color": ON_REAL, "marker": "o", "linestyle": "-"},
    "c": {"color": DISCRIMINATOR, "marker": "v", "linestyle": (0, (2.5, 1.2))},
    "d": {"color": ON_GENERATED, "marker": "D", "linestyle": "-"},
    "e": {"color": GENERATOR, "marker": "^", "linestyle": (0, (6, 1.5))},
}
_MARKS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
_FEWEST_MARKS = 3  # else they stand evenly, as where all accuracies are between two of them
_APART = 1.035  # times: so that intervals of two arms do not hide each other
_SIDE_IN, _ROW_IN = 7.2, 0.3


def accuracy_figure(findings: Findings, *, least_error: float) -> Figure:
    """Accuracy against real images a class, one line for each arm, with intervals over seeds.

    Both scales are logarithmic, that of accuracy in the errors: halving them is one and the same distance everywhere.

    Args:
        findings: at least one accuracy.
        least_error: half an error of the test set, where an interval reaches 100 %.
    """
    numbers = sorted({number for number, _ in findings.accuracies})
    arms = [key for key in ARMS if any(arm == key for _, arm in findings.accuracies)]
    with house_style():
        figure = blank_figure(width_in=_SIDE_IN, height_in=4.6)
        axes = figure.add_axes((0.105, 0.105, 0.875, 0.685))
        for place, arm in enumerate(arms):
            own = [
                (number, findings.accuracies[number, arm]) for number in numbers if (number, arm) in findings.accuracies
            ]
            shift = _APART ** (place - (len(arms) - 1) / 2)
            _draw_arm(axes, arm, [(number * shift, found) for number, found in own], least_error=least_error)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.invert_yaxis()
        _label_axes(axes, numbers)
        figure.legend(*axes.get_legend_handles_labels(), loc="upper right", ncols=2, fontsize=9, borderaxespad=0.3)
    return figure


def _draw_arm(axes: Axes, arm: str, own: Sequence[tuple[float, Estimate]], *, least_error: float) -> None:
    look = _LOOKS[arm]
    errors = [max(1 - found.value, least_error) for _, found in own]
    for place, found in own:
        low, high = (max(1 - end, least_error) for end in ends(found))
        axes.plot([place, place], [min(low, 1.0), high], color=look["color"], linewidth=1.3, zorder=2)
    axes.plot(
        [place for place, _ in own], errors, label=f"{arm}: {ARMS[arm].name}", markersize=5.5, linewidth=1.4, **look
    )


def _label_axes(axes: Axes, numbers: Sequence[int]) -> None:
    axes.set_xticks(numbers, [f"{number:,}" for number in numbers])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(numbers[0] / 1.25, numbers[-1] * 1.25)
    axes.set_xlabel("real images of each class")
    bottom, top = axes.get_ylim()  # errors: the axis is upside down
    marks = [mark for mark in _MARKS if top <= 1 - mark <= bottom * 1.02]
    if len(marks) < _FEWEST_MARKS:
        ends = 1 - min(bottom, 1.0), 1 - top
        marks = [mark for mark in MaxNLocator(5).tick_values(*ends) if ends[0] <= mark <= ends[1]]
    axes.yaxis.set_major_locator(FixedLocator([1 - mark for mark in marks]))
    axes.yaxis.set_ticklabels([f"{100 * mark:.4g} %" for mark in marks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title("accuracy on the test set", fontsize=9, loc="left", pad=5)


def differences_figure(comparisons: Sequence[Comparison]) -> Figure:
    """What each ingredient adds, in points: a panel for each, a row for each number of images a class.

    Args:
        comparisons: at least one, those of an arm together.
    """
    arms = list(dict.fromkeys(found.arm for found in comparisons))
    numbers = sorted({found.per_class for found in comparisons})
    lines = -(-len(arms) // 2)
    line_in = _ROW_IN * len(numbers) + 0.95
    height = lines * line_in
    with house_style():
        figure = blank_figure(width_in=_SIDE_IN, height_in=height)
        for place, arm in enumerate(arms):
            line, column = divmod(place, 2)
            bottom = height - line * line_in - 0.4 - _ROW_IN * len(numbers)
            axes = figure.add_axes((0.09 + 0.48 * column, bottom / height, 0.405, _ROW_IN * len(numbers) / height))
            _draw_differences(axes, [found for found in comparisons if found.arm == arm], numbers)
    return figure


def _draw_differences(axes: Axes, comparisons: Sequence[Comparison], numbers: Sequence[int]) -> None:
    arm = comparisons[0].arm
    look = _LOOKS[arm]
    for found in comparisons:
        row = numbers.index(found.per_class)
        low, high = (100 * end for end in ends(found.difference))
        axes.plot([low, high], [row, row], color=look["color"], linewidth=1.6, zorder=2)
        axes.plot(
            [100 * found.difference.value],
            [row],
            color=look["color"],
            marker=look["marker"],
            markersize=6,
            markerfacecolor="white" if found.verdict == "not told apart" else look["color"],
            clip_on=False,
            zorder=3,
        )
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    axes.set_yticks(range(len(numbers)), [f"{number:,}" for number in numbers])
    axes.set_ylim(len(numbers) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.locator_params(axis="x", nbins=6)
    axes.set_title(
        f"{arm} − {comparisons[0].against}: {ARMS[arm].name.rpartition(' + ')[2]}", fontsize=9, loc="left", pad=5
    )
    axes.set_xlabel("points of accuracy", fontsize=8.5, labelpad=2)


def accuracy_numbers(findings: Findings) -> list[dict[str, Any]]:
    """What `accuracy_figure` draws."""
    return [
        {"per_class": number, "arm": arm, **_numbers(found)} for (number, arm), found in findings.accuracies.items()
    ]


def differences_numbers(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """What `differences_figure` draws."""
    return [
        {
            "per_class": found.per_class,
            "arm": found.arm,
            "against": found.against,
            "pairs": found.pairs,
            "error_cut": None if math.isnan(found.error_cut) else found.error_cut,
            "verdict": found.verdict,
            **_numbers(found.difference),
        }
        for found in comparisons
    ]


def _numbers(estimate: Estimate) -> dict[str, Any]:
    """An estimate as JSON has it: an end that is not known is null."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value for key, value in vars(estimate).items()
    }
