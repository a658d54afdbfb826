"""What a GPU replays is the same steps: proved here with the recording switched off, through the tensors that stay."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.training.batches import BatchSource
from digitsmith.training.machine import resolve
from digitsmith.training.recorded import RecordedStep
from digitsmith.training.state import TrainingState
from digitsmith.training.step import adversarial_step

Settings = Callable[..., TrainSettings]


@pytest.mark.parametrize("model", ["gan", "cgan", "acgan", "cgan-mlp"])
def test_steps_through_tensors_that_stay_are_the_same_steps(model, few_digits: Digits, quick: Settings) -> None:
    settings = resolve(quick(model))
    source = BatchSource(few_digits, settings, z_dim=100, device="cpu")
    plain, through = (TrainingState(settings, few_digits, device="cpu") for _ in range(2))
    recorded = RecordedStep(partial(adversarial_step, through.players), record=False)
    for step in range(3):
        for state in (plain, through):
            state.set_learning_rate(1e-3 / (1 + step))
        ours, theirs = recorded(source.batch(step)), adversarial_step(plain.players, source.batch(step))
        assert ours.reading is theirs.reading is None
        assert all(torch.equal(one, other) for one, other in zip(ours[:-1], theirs[:-1], strict=True))
    for name, tensor in plain.tensors().items():
        assert torch.equal(tensor, through.tensors()[name]), name


def test_the_tensors_of_the_first_batch_take_in_every_other(few_digits: Digits, quick: Settings) -> None:
    settings = resolve(quick("cgan"))
    source = BatchSource(few_digits, settings, z_dim=100, device="cpu")
    seen = []
    recorded = RecordedStep(seen.append, record=False)
    for step in range(2):
        recorded(source.batch(step))
    assert all(first is second for first, second in zip(*seen, strict=True))
    assert all(torch.equal(kept, new) for kept, new in zip(seen[1], source.batch(1), strict=True))
