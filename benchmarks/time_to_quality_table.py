"""The table of times to quality: median and range over the seeds, for each mark and contender."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from measuring import markdown_table
from quality import MARKS, Mark
from racing import Run

NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Times:
    """A contender's seconds to one mark, and its images seen by then, for each seed; infinite where not reached.

    So a median over seeds is infinite when half of them or more did not get there.
    """

    seconds: tuple[float, ...]
    images: tuple[float, ...]

    @classmethod
    def of(cls, runs: Sequence[Run], mark: Mark, contender: str) -> Times:
        found = [mark.first(run.readings) for run in runs if run.contender == contender]
        return cls(
            tuple(math.inf if reading is None else reading.seconds for reading in found),
            tuple(math.inf if reading is None else reading.images for reading in found),
        )

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_images(self) -> float:
        return statistics.median(self.images)

    def as_json(self) -> dict[str, Any]:
        """Null for what was not reached."""
        return {
            "seconds": [_or_none(value) for value in self.seconds],
            "images": [_or_none(value) for value in self.images],
            "median_s": _or_none(self.median_s),
            "median_images": _or_none(self.median_images),
        }


def times_of(runs: Sequence[Run]) -> dict[str, dict[str, Times]]:
    """By mark, then by contender, both in their order."""
    contenders = list(dict.fromkeys(run.contender for run in runs))
    return {str(mark): {name: Times.of(runs, mark, name) for name in contenders} for mark in MARKS}


def table(runs: Sequence[Run], *, limit_s: float) -> str:
    """In Markdown: a row for each mark; of two contenders, also how many times as long the second one took."""
    times = times_of(runs)
    contenders = list(next(iter(times.values())))
    head = ["seconds of training until"]
    for name in contenders:
        head += [name, "images seen"]
    rows = []
    for mark, by_contender in times.items():
        cells = [cell for reached in by_contender.values() for cell in (_range(reached), _images(reached))]
        rows.append([mark, *cells])
        if len(contenders) == 2:
            rows[-1].append(ratio(*by_contender.values(), limit_s=limit_s))
    return markdown_table([*head, "ratio"] if len(contenders) == 2 else head, rows)


def ratio(ours: Times, theirs: Times, *, limit_s: float) -> str:
    """Of their median seconds to ours; where they did not get there, at least what the limit says."""
    if not math.isfinite(ours.median_s):
        return "-"
    if not math.isfinite(theirs.median_s):
        return f"over {limit_s / ours.median_s:.1f}"
    return f"{theirs.median_s / ours.median_s:.1f}"


def _range(times: Times) -> str:
    """The median and, of several seeds, the first and the last to get there."""
    median, first, last = map(_seconds, (times.median_s, min(times.seconds), max(times.seconds)))
    return median if first == last else f"{median} ({first} to {last})"


def _seconds(value: float) -> str:
    if not math.isfinite(value):
        return NOT_REACHED
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _images(times: Times) -> str:
    return f"{times.median_images:,.0f}" if math.isfinite(times.median_images) else "-"


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
