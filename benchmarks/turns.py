"""A contender in a process of its own, as it would be for a user, that works only when it is its turn."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType

import torch

from digitsmith.config import TrainSettings

StepDone = Callable[[], None]
Contender = Callable[[TrainSettings, StepDone], None]
"""Works without end, and calls the function it is given after each step. Picklable: a function of a module."""


class Worker:
    """`contender` in a process; the process ends with the `with` block. `settings` are resolved ones."""

    def __init__(self, contender: Contender, settings: TrainSettings) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._orders, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(contender, settings, theirs), daemon=True)
        self._process.start()
        theirs.close()  # the process has it: when that dies, waiting for it ends in EOFError

    def __enter__(self) -> Worker:
        self._orders.recv()  # it has taken its first step, and waits
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a process that died has closed its end
            self._orders.send(0)
        self._process.join()

    def seconds(self, steps: int) -> float:
        """Let it take `steps` steps."""
        self._orders.send(steps)
        return float(self._orders.recv())


class _Over(Exception):
    """Leads out of the contender's loop."""


def _work(contender: Contender, settings: TrainSettings, orders: Connection) -> None:
    left, began = 1, time.perf_counter()  # the first step builds everything; nobody had to ask for it

    def step_done() -> None:
        nonlocal left, began
        left -= 1
        if left == 0:
            if settings.device == "cuda":
                torch.cuda.synchronize()  # what was only queued so far is not done
            orders.send(time.perf_counter() - began)
            left = orders.recv()
            if left == 0:
                raise _Over
            began = time.perf_counter()

    torch.set_num_threads(settings.threads)
    with suppress(_Over):
        contender(settings, step_done)
