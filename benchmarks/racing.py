"""Contenders that train in turn, A B A B, each in a process of its own, and are looked at on the way.

A contender's clock runs while it trains and stands still while it is looked at and while another one has its turn,
so all of them meet the same machine: one whose speed drifts slows all.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import torch

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.errors import ConfigError, DigitsmithError
from digitsmith.models.blocks import Generator
from quality import MARKS, Reading, Ruler, looks


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes:
        name: for the table.
        steps: prepares, and returns what takes one step each time it is asked for the next, and hands out the generator
            that draws then; it ends with its schedule, if it has one.
        batch_size: real images a step.
    """

    name: str
    steps: Callable[[TrainSettings, Digits], Iterator[Generator]]
    batch_size: int


@dataclass(frozen=True)
class Rules:
    """The same for all contenders.

    Attributes:
        limit_s: seconds of training after which a contender is stopped.
        slice_s: seconds of training of one turn.
        first_images, ratio: when to look, as in `quality.looks`.

    Raises:
        ConfigError: a rule under which no contender would ever come to an end.
    """

    limit_s: float
    slice_s: float
    first_images: int
    ratio: float

    def __post_init__(self) -> None:
        for name, value, low in (
            ("limit", self.limit_s, 0.0),
            ("slice", self.slice_s, 0.0),
            ("first look", self.first_images, 0.0),
            ("ratio between looks", self.ratio, 1.0),
        ):
            if not low < value < math.inf:  # NaN is never inside
                raise ConfigError(f"the {name} must be above {low:g} and finite, not {value:g}")


@dataclass
class Run:
    """What came of a contender.

    Attributes:
        contender, seed: whose run it was.
        readings: every look, in order.
        ended: why it trained no further; empty while it does.
    """

    contender: str
    seed: int
    readings: list[Reading] = field(default_factory=list)
    ended: str = ""

    def add(self, readings: Sequence[Reading], ended: str) -> None:
        """What one turn brought; when no mark is left to reach, the run ends."""
        self.readings += readings
        self.ended = ended
        if not ended and all(mark.first(self.readings) for mark in MARKS):
            self.ended = "all marks are reached"


class Course:
    """A training that stops and goes on, prepared from the start, with the clock that counts only the training."""

    def __init__(self, contender: Contender, settings: TrainSettings, ruler: Ruler, rules: Rules) -> None:
        self.ended = ""
        try:
            self.steps = contender.steps(settings, read_digits(settings.data))
        except DigitsmithError as error:  # images that it cannot learn from: told at its first turn
            self.steps, self.ended = iter(()), str(error)
        self.batch_size, self.device = contender.batch_size, settings.device
        self.ruler, self.limit_s = ruler, rules.limit_s
        self.looks = looks(rules.first_images, rules.ratio)
        self.next_look, self.looked_at = next(self.looks), 0  # images
        self.images, self.seconds = 0, 0.0
        self.generator: Generator | None = None

    def go_on(self, until_s: float) -> list[Reading]:
        """Train until the clock shows `until_s` or the end; returns what was seen on the way, and at the end."""
        found = []
        try:
            while not self.ended and self.seconds < until_s:
                self._train(min(until_s, self.limit_s))
                if self.generator is not None and self._must_look():
                    found.append(self.ruler.look(self.generator, images=self.images, seconds=self.seconds))
                    self.looked_at = self.images
                    self.next_look = next(at for at in self.looks if at > self.images)
        except DigitsmithError as error:  # diverged, or collapsed to one image: an outcome like any other
            self.ended = str(error)
        return found

    def _train(self, until_s: float) -> None:
        """To the next look, to `until_s` or to the end of the schedule, whichever comes first."""
        began = time.perf_counter() - self.seconds  # as if there had been no pause
        while self.images < self.next_look and time.perf_counter() - began < until_s:
            generator = next(self.steps, None)
            if generator is None:
                self.ended = "its epochs are over"
                break
            self.generator = generator
            self.images += self.batch_size
        if self.device == "cuda":
            torch.cuda.synchronize()  # what was asked of the GPU is part of the time
        self.seconds = time.perf_counter() - began
        if self.seconds >= self.limit_s and not self.ended:
            self.ended = "the time limit"

    def _must_look(self) -> bool:
        return self.images >= self.next_look or (bool(self.ended) and self.images > self.looked_at)


def race(contenders: Sequence[Contender], settings: TrainSettings, ruler: Ruler, rules: Rules) -> list[Run]:
    """Train all `contenders` from the seed in `settings`, turn by turn, each until it has every mark or its end."""
    runs = [Run(contender.name, settings.seed) for contender in contenders]
    started = [_start(contender, settings, ruler, rules) for contender in contenders]
    turn = 0
    while not all(run.ended for run in runs):
        turn += 1
        for run, (pipe, _) in zip(runs, started, strict=True):
            if not run.ended:
                pipe.send(turn * rules.slice_s)
                run.add(*pipe.recv())
    for pipe, process in started:
        pipe.send(None)
        process.join()
    return runs


def _start(contender: Contender, settings: TrainSettings, ruler: Ruler, rules: Rules) -> tuple[Connection, BaseProcess]:
    """The contender's process, ready for its first turn, and the pipe to it."""
    spawn = multiprocessing.get_context("spawn")
    pipe, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(contender, settings, ruler, rules, theirs), daemon=True)
    process.start()
    theirs.close()  # so that a process that dies is an EOFError here, not a wait for ever
    pipe.recv()  # it is prepared: nothing of one contender's start falls into another one's turn, or its own
    return pipe, process


def _work(contender: Contender, settings: TrainSettings, ruler: Ruler, rules: Rules, orders: Connection) -> None:
    """In a process of its own: train until each time received, and send back what was seen and why it ended."""
    torch.set_num_threads(settings.threads)
    course = Course(contender, settings, ruler, rules)
    orders.send("ready")
    while (until_s := orders.recv()) is not None:
        orders.send((course.go_on(until_s), course.ended))
