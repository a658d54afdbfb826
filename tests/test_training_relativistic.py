"""penman's step against plain arithmetic, its penalties against known gradients, and what it is asked for."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.models.penman import PenmanDiscriminator, StyledVerdict
from digitsmith.presets import settings_for
from digitsmith.training.adam import Adam
from digitsmith.training.batches import BatchSource
from digitsmith.training.ema import half_life_in_images
from digitsmith.training.health import measure
from digitsmith.training.loop import prepared
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.relativistic import Rules, StyledBatch, gradient_penalty, reading_loss, relativistic_step
from digitsmith.training.state import TrainingState
from digitsmith.training.step import Players

Settings = Callable[..., TrainSettings]
RULES = Rules(penalty_gamma=0.5, penalty_every=4, class_weight=0.3, style_weight=0.7)


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def penman(few_digits: Digits, quick: Settings) -> tuple[TrainingState, BatchSource]:
    settings = resolve(quick("penman", precision="float32", batch_size=16))
    return prepared(settings, few_digits, Observer())


class Descent(Adam):
    """Plain gradient descent in the place of Adam, whose first step is only the sign of the gradient."""

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            assert parameter.grad is not None
            parameter.sub_(self.learning_rate * parameter.grad)


def copied(players: Players, *, rate_g: float = 0.1, rate_d: float = 0.1) -> Players:
    """In float64, with plain descent."""
    generator, discriminator = (copy.deepcopy(net).double() for net in (players.generator, players.discriminator))
    return dataclasses.replace(
        players,
        generator=generator,
        discriminator=discriminator,
        generator_optimiser=Descent(generator.parameters(), rate_g, (0, 0)),
        discriminator_optimiser=Descent(discriminator.parameters(), rate_d, (0, 0)),
    )


def styled(source: BatchSource, step: int) -> StyledBatch:
    batch = source.batch(step)
    assert isinstance(batch, StyledBatch)
    return batch


def styled64(source: BatchSource, step: int) -> StyledBatch:
    batch = styled(source, step)
    return batch._replace(real=batch.real.double(), z=batch.z.double(), style=batch.style.double())


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (1, 0.25), (4, 0.0)])
def test_a_step_is_the_plain_update_of_d_then_g(
    step: int, share: float, penman: tuple[TrainingState, BatchSource]
) -> None:
    players, batch = copied(penman[0].players), styled64(penman[1], step)
    g, d = copy.deepcopy(players.generator), copy.deepcopy(players.discriminator)
    assert isinstance(d, PenmanDiscriminator)
    real, labels, z, style, _ = batch
    target = (style - d.style_mean) / d.style_deviation

    def log_loss(won_by: Tensor) -> Tensor:
        return -won_by.sigmoid().log().mean()

    def readings(verdict: StyledVerdict) -> Tensor:
        log_p = verdict.classes.log_softmax(1)[torch.arange(16), labels]
        return -0.3 * log_p.mean() + 0.7 * ((verdict.style - target) ** 2).mean()

    def squared_slope(images: Tensor) -> Tensor:
        images = images[:8].clone().requires_grad_()
        source = d(images, labels[:8], style[:8]).source
        slopes = [torch.autograd.grad(source[i], images, create_graph=True)[0][i] for i in range(8)]
        return torch.stack([(slope**2).sum() for slope in slopes]).mean()

    fake = g(z, labels, style).detach()
    on_real, on_fake = d(real, labels, style), d(fake, labels, style)
    loss_d = log_loss(on_real.source - on_fake.source) + readings(on_real)
    penalty = (squared_slope(real) + squared_slope(fake)) * 0.5 / 2 * 4 if step % 4 == 0 else 0.0
    descend(d, loss_d + penalty)
    again = d(g(z, labels, style), labels, style)
    loss_g = log_loss(again.source - d(real, labels, style).source) + share * readings(again)
    descend(g, loss_g)

    result = relativistic_step(players, batch, step, RULES, reading_share=share)
    torch.testing.assert_close(result.loss_d.double(), loss_d.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(result.loss_g.double(), loss_g.detach(), rtol=1e-5, atol=1e-6)
    for ours, plain in ((players.generator, g), (players.discriminator, d)):
        for tensor, reference in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True):
            torch.testing.assert_close(tensor, reference, rtol=1e-4, atol=1e-6)


def descend(network: nn.Module, loss: Tensor) -> None:
    weights = list(network.parameters())
    gradients = torch.autograd.grad(loss, weights)
    torch._foreach_sub_([weight.data for weight in weights], [0.1 * gradient for gradient in gradients])


class Hill(PenmanDiscriminator):
    """A source whose gradient is known: class + |image|² / 2 slopes by the image itself."""

    def __init__(self) -> None:
        super().__init__((1, 8, 8), 2)
        self.height = nn.Parameter(torch.tensor(3.0))

    def forward(self, images: Tensor, labels: Tensor, style: Tensor) -> StyledVerdict:
        return StyledVerdict(self.height * images.square().flatten(1).sum(1) / 2, images, style)


def test_the_penalty_is_the_mean_squared_slope() -> None:
    hill, images = Hill(), torch.randn(5, 1, 8, 8)
    penalty = gradient_penalty(hill, images, torch.zeros(5, dtype=torch.int64), torch.zeros(5, 4))
    expected = 9.0 * images.square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(penalty, expected)
    penalty.backward()
    assert hill.height.grad is not None
    torch.testing.assert_close(hill.height.grad, 2 * expected / 3.0)  # the derivative by height of (height * x)²
    assert images.grad is None


def test_reading_is_cross_entropy_and_squared_error() -> None:
    answers, read, style = torch.randn(7, 3), torch.randn(7, 4), torch.randn(7, 4)
    labels = torch.tensor([0, 1, 2, 2, 1, 0, 1])
    loss = reading_loss(StyledVerdict(torch.zeros(7), answers, read), labels, style, RULES)
    expected = 0.3 * F.nll_loss(answers.log_softmax(1), labels) + 0.7 * (read - style).square().mean()
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(("gamma", "step", "same"), [(0.5, 1, True), (0.5, 4, False), (0.0, 4, True)])
def test_penalties_come_every_few_steps_and_not_at_gamma_zero(
    gamma: float, step: int, same: bool, penman: tuple[TrainingState, BatchSource]
) -> None:
    batch, played, without = styled64(penman[1], 0), copied(penman[0].players), copied(penman[0].players)
    relativistic_step(played, batch, step, dataclasses.replace(RULES, penalty_gamma=gamma))
    relativistic_step(without, batch, step, dataclasses.replace(RULES, penalty_every=100))
    weights = zip(played.discriminator.parameters(), without.discriminator.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights) == same


def test_g_leaves_d_alone_and_d_leaves_g_alone(penman: tuple[TrainingState, BatchSource]) -> None:
    state, source = penman
    for learner, other in (("generator", "discriminator"), ("discriminator", "generator")):
        learns_g = learner == "generator"
        players = copied(state.players, rate_g=0.1 if learns_g else 0.0, rate_d=0.0 if learns_g else 0.1)
        before = copy.deepcopy(getattr(players, other).state_dict())
        started = [weight.clone() for weight in getattr(players, learner).parameters()]
        relativistic_step(players, styled64(source, 0), 0, RULES)
        assert all(torch.equal(before[name], now) for name, now in getattr(players, other).state_dict().items())
        moved = [not torch.equal(a, b) for a, b in zip(started, getattr(players, learner).parameters(), strict=True)]
        assert sum(moved) >= len(moved) - 12  # blocks that begin idle pass nothing back to their first convolution
        assert all(weight.requires_grad for weight in getattr(players, other).parameters())


def test_d_keeps_no_gradient_of_the_generators_step(penman: tuple[TrainingState, BatchSource]) -> None:
    state, source = penman
    batch, players, alone = styled64(source, 1), copied(state.players), copied(state.players)
    relativistic_step(players, batch, 1, RULES)
    with torch.enable_grad():  # D's part alone, on the weights from before
        d = alone.discriminator
        fake = alone.generator(batch.z, batch.labels, batch.style).detach()
        on_real, on_fake = d(batch.real, batch.labels, batch.style), d(fake, batch.labels, batch.style)
        loss = F.softplus(on_fake.source - on_real.source).mean()
        (loss + reading_loss(on_real, batch.labels, d.normalised(batch.style), RULES)).backward()
    for ours, plain in zip(players.discriminator.parameters(), d.parameters(), strict=True):
        assert ours.grad is not None and plain.grad is not None
        torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-4, atol=1e-6)


def test_the_penalty_is_computed_in_float32_under_bfloat16(
    penman: tuple[TrainingState, BatchSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, source = penman
    seen: list[tuple[bool, torch.dtype]] = []
    forward = PenmanDiscriminator.forward

    def watched(self: PenmanDiscriminator, *inputs: Tensor) -> StyledVerdict:
        verdict = forward(self, *inputs)
        seen.append((torch.is_autocast_enabled("cpu"), verdict.source.dtype))
        return verdict

    monkeypatch.setattr(PenmanDiscriminator, "forward", watched)
    relativistic_step(dataclasses.replace(state.players, bfloat16=True), styled(source, 0), 0, RULES)
    assert [autocast for autocast, _ in seen] == [True, True, False, False, True, True]
    assert {dtype for autocast, dtype in seen if not autocast} == {torch.float32}


def test_the_scores_are_of_pairs(penman: tuple[TrainingState, BatchSource]) -> None:
    """A relativistic logit alone means nothing: adding a constant to all of them is the same discriminator."""
    state, source = penman
    batch, plain, lifted = styled64(source, 0), copied(state.players), copied(state.players)
    lifted.discriminator.get_parameter("source.bias").data.add_(50.0)
    rows = []
    for players in (plain, lifted):
        result = relativistic_step(players, batch, 1, RULES)
        rows.append(measure(result, batch.real.float(), batch.labels, batch.fake_labels, classes=10))
    assert rows[0].real_score == pytest.approx(rows[1].real_score, abs=1e-4)
    assert rows[0].real_score + rows[0].fake_score == pytest.approx(1.0)


def test_the_averages_half_life_goes_by_the_length_of_the_run() -> None:
    def half_life(epochs: float, images: int) -> float:
        return half_life_in_images(settings_for("penman", overrides={"epochs": epochs}), images)

    assert half_life(10, 60_000) == 30_000
    assert half_life(36, 60_000) == 108_000
    assert half_life(400, 60_000) == 120_000  # two epochs at most
    assert half_life_in_images(settings_for("penman", overrides={"ema_half_life_images": 7}), 60_000) == 7
    assert half_life_in_images(settings_for("cgan"), 60_000) == 10_000
