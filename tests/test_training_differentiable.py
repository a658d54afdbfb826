"""Moves of real and generated images: what becomes of the style, that gradients pass, that a step has its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import ConfigError
from digitsmith.measure.morphometry import measure_style
from digitsmith.presets import penman
from digitsmith.style import STYLE_COLUMNS
from digitsmith.training import differentiable
from digitsmith.training.batches import BatchSource, to_float, to_uint8
from digitsmith.training.checkpoint import Checkpoint
from digitsmith.training.differentiable import moved, random_moves
from digitsmith.training.loop import prepared
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.relativistic import StyledBatch
from digitsmith.training.run_folder import identity
from digitsmith.training.state import TrainingState

Settings = Callable[..., TrainSettings]


pytestmark = pytest.mark.usefixtures("own_cache")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def styles_of(images: Tensor) -> Tensor:
    """Measured, [N, 4]."""
    style = measure_style(to_uint8(images).numpy())
    return torch.from_numpy(np.stack([getattr(style, name) for name in STYLE_COLUMNS], axis=1)).float()


def test_stretched_and_sheared_digits_have_the_style_that_is_asked_for(
    few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differentiable, "ELASTIC_PX", 0.0)  # a bend leaves the style as it is only on average
    images = to_float(torch.tensor(few_digits.images[:200]))
    before = styles_of(images)
    moves = random_moves(images.shape, before, 1.0, generator())
    after = styles_of(moved(images, moves.of_real))
    assert moves.style is not None
    median = (after - moves.style).abs().median(dim=0).values
    assert (median < torch.tensor([0.1, 0.3, 0.2, 0.25])).all(), median  # px, degrees, px, px
    assert (median < 0.3 * (after - before).abs().median(dim=0).values).all()  # most of what the move did is foreseen


def test_the_generated_image_of_a_pair_is_moved_but_keeps_its_style(few_digits: Digits) -> None:
    images = to_float(torch.tensor(few_digits.images[:200]))
    before = styles_of(images)
    moves = random_moves(images.shape, before, 1.0, generator())
    after = moved(images, moves.of_fake)
    assert (styles_of(after) - before).mean(dim=0).abs().lt(torch.tensor([0.15, 1.0, 0.4, 0.3])).all()
    assert (after - images).abs().flatten(1).mean(dim=1).min() > 0.02


def test_images_without_style_are_moved_alike() -> None:
    moves = random_moves(torch.Size([4, 3, 32, 32]), None, 1.0, generator())
    assert moves.style is None
    assert moves.of_real is moves.of_fake


def test_no_strength_leaves_images_and_style_as_they_are() -> None:
    images, style = torch.rand(3, 2, 16, 16) * 2 - 1, torch.tensor([[3.0, 10.0, 12.0, 20.0]]).repeat(3, 1)
    moves = random_moves(images.shape, style, 0.0, generator())
    assert moves.style is not None
    for grid in (moves.of_real, moves.of_fake):
        torch.testing.assert_close(moved(images, grid), images, rtol=0, atol=1e-5)
    torch.testing.assert_close(moves.style, style)


def test_gradients_pass_through_a_move() -> None:
    images = (torch.rand(2, 1, 8, 8) - 0.5).requires_grad_()
    grid = random_moves(images.shape, None, 0.5, generator()).of_fake
    weights = torch.randn(2, 1, 8, 8)
    (moved(images, grid) * weights).sum().backward()
    assert images.grad is not None
    with torch.no_grad():
        for place in ((0, 0, 4, 4), (1, 0, 3, 5)):
            step = torch.zeros_like(images)
            step[place] = 1e-2
            slope = ((moved(images + step, grid) - moved(images - step, grid)) * weights).sum() / 2e-2
            torch.testing.assert_close(images.grad[place], slope, rtol=1e-2, atol=1e-3)


@pytest.fixture
def playing(few_digits: Digits, quick: Settings) -> Callable[..., tuple[TrainingState, BatchSource]]:
    digits = few_digits.take(np.arange(60))

    def begun(**overrides: object) -> tuple[TrainingState, BatchSource]:
        base: dict[str, object] = {"precision": "float32", "batch_size": 16, "differentiable": 1.0}
        return prepared(resolve(quick("penman", **(base | overrides))), digits, Observer())

    return begun


def styled(source: BatchSource, step: int) -> StyledBatch:
    batch = source.batch(step)
    assert isinstance(batch, StyledBatch)
    return batch


def test_every_step_has_moves_of_its_own_and_always_the_same(
    playing: Callable[..., tuple[TrainingState, BatchSource]],
) -> None:
    source, again, other = (playing(seed=seed)[1] for seed in (0, 0, 1))
    first = styled(source, 7)
    styled(again, 3)  # what was asked for before does not matter
    for mine, its in zip(first, styled(again, 7), strict=True):
        assert mine is not None and its is not None and torch.equal(mine, its)
    assert first.grid is not None
    for changed in (styled(source, 8), styled(other, 7)):
        assert changed.grid is not None and not torch.equal(first.grid, changed.grid)


def test_d_sees_the_generated_images_moved(playing: Callable[..., tuple[TrainingState, BatchSource]]) -> None:
    state, source = playing()
    batch = styled(source, 0)
    with torch.no_grad():
        drawn = state.players.generator(batch.z, batch.labels, batch.style)
    assert batch.grid is not None
    torch.testing.assert_close(state.play(batch).fake, moved(drawn, batch.grid), rtol=1e-4, atol=1e-4)


def test_a_run_goes_on_bit_for_bit(playing: Callable[..., tuple[TrainingState, BatchSource]]) -> None:
    def play(state: TrainingState, source: BatchSource, until: int) -> None:
        while state.step < until:
            state.play(source.batch(state.step))
            state.step += 1
            state.averaged.update(images_seen=16 * state.step, batch_size=16)

    whole, source = playing()
    play(whole, source, 9)  # the penalties are taken at steps 0 and 8
    half, source = playing()
    play(half, source, 4)
    resumed, source = playing()
    tensors = {name: tensor.clone() for name, tensor in half.tensors().items()}
    resumed.load(Checkpoint(path=Path(), step=4, images=64, run="", tensors=tensors))
    play(resumed, source, 9)
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name


def test_a_run_from_before_there_were_moves_is_still_itself(few_digits: Digits) -> None:
    assert "differentiable" in penman().without_effect
    without, moving = (dataclasses.replace(penman(), differentiable=strength) for strength in (0.0, 0.5))
    assert identity(without, few_digits) != identity(moving, few_digits)


def test_a_strength_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="differentiable must be at least 0 and at most 3, not -1"):
        dataclasses.replace(penman(), differentiable=-1.0)
