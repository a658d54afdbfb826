"""A step recorded once as a CUDA graph and replayed: on a GPU, launching its few hundred small kernels one by one takes
longer than computing them.

A graph reads and writes fixed addresses. So a step's input is copied into tensors that stay, and what it leaves to look
at lies in tensors that the next step overwrites. Whatever changes from step to step must be in such tensors too: the
learning rate is one (`adam.Adam`), random numbers come from outside (`batches.BatchSource`).

Without a GPU the same steps are taken one by one, through the same tensors: `tests/test_training_recorded.py` proves
that this changes no bit. No GPU has been at hand to run the recording itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from digitsmith.training.step import Batch, StepResult

EAGER_STEPS = 3  # before the recording: kernels are chosen and memory is laid out in the first ones


class RecordedStep:
    """`step` of a batch, replayed from the fourth on. All steps count: those before the recording train as well.

    Args:
        step: reads the batch and changes the players; must not wait for the device.
        record: whether to record; False takes every step as the first ones are taken.
    """

    def __init__(self, step: Callable[[Batch], StepResult], *, record: bool) -> None:
        self._step, self._record = step, record
        self._taken = 0
        self._input: Batch | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: StepResult | None = None

    def __call__(self, batch: Batch) -> StepResult:
        """The step's result, valid until the next call. Every batch must have the shapes of the first."""
        inputs = self._take_in(batch)
        if not self._record:
            return self._step(inputs)
        self._taken += 1
        if self._taken <= EAGER_STEPS:
            return self._beside(inputs)
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # nothing is computed here
                self._result = self._step(inputs)
        self._graph.replay()
        assert self._result is not None
        return self._result

    def _take_in(self, batch: Batch) -> Batch:
        if self._input is None:
            self._input = Batch(*(tensor.clone() for tensor in batch))
        else:
            for kept, new in zip(self._input, batch, strict=True):
                kept.copy_(new)
        return self._input

    def _beside(self, inputs: Batch) -> StepResult:
        """A step on a stream of its own, as PyTorch asks for before a recording."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = self._step(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return result
