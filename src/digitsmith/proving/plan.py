"""How far a proof is: trainings that are left, at the speed of those that are done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from digitsmith.measure.evaluation import OnStage
from digitsmith.measure.reader import OnProgress

Kind = Literal["recogniser", "gan"]
_TELL_EVERY_S = 0.5


class Plan:
    """Tells `on_stage` of each task, and of the seconds done and in all."""

    def __init__(self, on_stage: OnStage, *, left: Mapping[Kind, int], expected_s: Mapping[Kind, float]) -> None:
        """`left`: how many trainings of each kind there will be; `expected_s`: of one, until one has been seen."""
        self.on_stage = on_stage
        self.left: Counter[Kind] = Counter(left)
        self.done: Counter[Kind] = Counter()
        self.expected_s = expected_s
        self.spent_s: dict[Kind, float] = dict.fromkeys(expected_s, 0.0)
        self.told = 0.0

    @contextmanager
    def task(self, kind: Kind, words: str, *, count: int = 1) -> Iterator[OnProgress]:
        """Around `count` trainings one after the other; what it gives is told of the steps of each."""
        began, finished = time.perf_counter(), 0
        self._tell(words, kind, 0.0, at_once=True)

        def on_progress(done: int, total: int) -> None:
            nonlocal finished
            self._tell(words, kind, finished + done / total)
            finished += done == total

        yield on_progress
        self.done[kind] += count
        self.left[kind] -= count
        self.spent_s[kind] += time.perf_counter() - began

    def seconds_left(self) -> float:
        """For the trainings that are left, each as long as those of its kind were."""
        return sum(max(self.left[kind], 0) * self._each_s(kind) for kind in self.expected_s)

    def _each_s(self, kind: Kind) -> float:
        return self.spent_s[kind] / self.done[kind] if self.done[kind] else self.expected_s[kind]

    def _tell(self, words: str, kind: Kind, begun: float, *, at_once: bool = False) -> None:
        """`begun`: trainings done of the task, with the begun part of the one under way."""
        now = time.perf_counter()
        if now - self.told < _TELL_EVERY_S and not at_once:
            return
        self.told = now
        of_task = begun * self._each_s(kind)
        left = max(self.seconds_left() - of_task, 0.0)
        done = sum(self.spent_s.values()) + of_task
        self.on_stage(f"{words}, {_roughly(left)} left", round(done), round(done + left))


def _roughly(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 5 min": as exact as a guess can be."""
    if seconds < 100:
        return f"{10 * round(seconds / 10)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
