"""Figures as dots with their intervals: what the plots of evaluations and of comparisons have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from digitsmith.measure.estimate import Estimate
from digitsmith.report.cells import ends, known
from digitsmith.report.style import ON_GENERATED, ON_REAL, ON_TEST

COLUMNS = ("generated", "held_out", "test")
LABELS = {"generated": "generated", "held_out": "held-out training images (floor)", "test": "real test set"}
_LOOKS: dict[str, dict[str, Any]] = {
    "generated": {"color": ON_GENERATED, "marker": "o", "markersize": 6.5, "zorder": 4},
    "held_out": {"color": ON_REAL, "marker": "|", "markersize": 11, "markeredgewidth": 2.4, "zorder": 3},
    "test": {"color": ON_TEST, "marker": "D", "markersize": 5, "markerfacecolor": "white", "zorder": 3},
}
_LOG_FROM = 20  # times between the smallest and the largest value: less is seen well on a linear scale


def dots(axes: Axes, estimates: Sequence[Estimate | None], *, column: str, times: float = 1.0) -> None:
    """A marker for each estimate at height 0, 1, ..., with its interval as a line; nothing for None and NaN."""
    look = _LOOKS[column]
    places = [place for place, estimate in enumerate(estimates) if known(estimate)]
    shown = [estimate for estimate in estimates if known(estimate)]
    for place, estimate in zip(places, shown, strict=True):
        low, high = (times * end for end in ends(estimate))
        axes.plot([low, high], [place, place], color=look["color"], linewidth=1.4, zorder=2)
    axes.plot(
        [times * estimate.value for estimate in shown],
        places,
        linestyle="none",
        label=LABELS[column],
        clip_on=False,
        **look,
    )


def scale_from_zero(axes: Axes, estimates: Iterable[Estimate | None]) -> None:
    """Distances begin at zero, or stand on a logarithmic scale where that would press most of them together."""
    values = [estimate.value for estimate in estimates if known(estimate)]
    if values and min(values) > 0 and max(values) > _LOG_FROM * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif values and min(values) >= 0:
        axes.set_xlim(left=0)


def numbers_of(estimate: Estimate | None) -> Mapping[str, Any] | None:
    """An estimate for the JSON beside a plot."""
    return None if estimate is None else dict(vars(estimate))
