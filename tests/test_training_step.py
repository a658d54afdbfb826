"""The losses against their equations, the step against a plain one, the averages, the batches, the watch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from digitsmith import kernels
from digitsmith.config import REPORT_MODELS, Augmentation, TrainSettings, digit_safe
from digitsmith.data.digits import Digits
from digitsmith.kernels import columns, normalise, team, windows
from digitsmith.models.blocks import Verdict
from digitsmith.models.registry import build_networks
from digitsmith.training.adam import Adam
from digitsmith.training.augment import augment
from digitsmith.training.batches import BatchSource, to_float, to_uint8
from digitsmith.training.ema import Averaged
from digitsmith.training.health import WATCHED_ROWS, HealthWatch, Measured, measure, spread_within_classes
from digitsmith.training.loop import learning_rate_at, prepared, set_pace
from digitsmith.training.losses import class_loss, discriminator_loss, minimax, non_saturating
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.state import TrainingState
from digitsmith.training.step import StepResult, adversarial_step, judge

Settings = Callable[..., TrainSettings]


def test_losses_are_the_reports_equations() -> None:
    real, fake = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    d_real, d_fake = real.sigmoid(), fake.sigmoid()
    labels = torch.zeros(50, dtype=torch.int64)
    equation_1 = d_real.log().mean() + (1 - d_fake).log().mean()
    torch.testing.assert_close(discriminator_loss(Verdict(real), Verdict(fake), labels, labels), -equation_1)
    torch.testing.assert_close(minimax(fake), (1 - d_fake).log().mean())
    torch.testing.assert_close(non_saturating(fake), -d_fake.log().mean())


def test_the_auxiliary_loss_is_equation_4() -> None:
    source = torch.zeros(30, dtype=torch.float64)
    answers, labels = torch.randn(30, 10, dtype=torch.float64), torch.randint(0, 10, (30,))
    log_p = answers.log_softmax(1)[torch.arange(30), labels].mean()
    torch.testing.assert_close(torch.as_tensor(class_loss(Verdict(source, answers), labels)), -log_p)
    verdict = Verdict(source, answers)
    both = discriminator_loss(verdict, verdict, labels, labels)
    torch.testing.assert_close(both, torch.tensor(2 * math.log(2), dtype=torch.float64) - 2 * log_p)


def test_losses_stay_finite_where_a_sigmoid_would_round() -> None:
    certain = torch.tensor([200.0, -200.0])
    for loss in (minimax, non_saturating):
        assert torch.isfinite(loss(certain))


class Descent(Adam):
    """Plain gradient descent in Adam's place."""

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            parameter.sub_(self.learning_rate * parameter.grad)


@pytest.mark.parametrize("model", REPORT_MODELS)
def test_a_step_is_the_plain_update_of_d_then_g(model: str, few_digits: Digits, quick: Settings) -> None:
    """Against the loop of a tutorial: BCE on sigmoids, one network after the other.

    In float64, because fresh BatchNorm layers divide by tiny deviations; with SGD, because Adam's first step is
    lr * sign(gradient), and the sign of a gradient that is only rounding is anyone's.
    """
    settings = resolve(quick(model, precision="float32"))
    players = TrainingState(settings, few_digits, device="cpu").players
    players.generator.double()
    players.discriminator.double()
    players = dataclasses.replace(
        players,
        generator_optimiser=Descent(players.generator.parameters(), 0.1, (0, 0)),
        discriminator_optimiser=Descent(players.discriminator.parameters(), 0.1, (0, 0)),
    )
    batch = BatchSource(few_digits, settings, z_dim=100, device="cpu").batch(0)
    batch = batch._replace(real=batch.real.double(), z=batch.z.double())
    g, d = (network.double() for network in build_networks(model, (1, 28, 28), 10, seed=settings.seed))
    sgd_g, sgd_d = (torch.optim.SGD(network.parameters(), 0.1) for network in (g, d))
    bce, ones, zeros = nn.BCELoss(), torch.ones(64).double(), torch.zeros(64).double()

    def verdicts(fake: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]]:
        """(source, classes, labels) of the real and of the generated images."""
        if model == "cgan-mlp":  # its last BatchNorm must see both
            source, _ = d(torch.cat([batch.real, fake]), torch.cat([batch.labels, batch.fake_labels]))
            return [(source[:64], None, batch.labels), (source[64:], None, batch.fake_labels)]
        return [
            (*d(batch.real, batch.labels), batch.labels),
            (*d(fake, batch.fake_labels), batch.fake_labels),
        ]

    def loss(verdict: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        source, classes, labels = verdict
        adversarial = bce(source.sigmoid(), target)
        return adversarial if classes is None else adversarial + F.cross_entropy(classes, labels)

    fake = g(batch.z, batch.fake_labels)
    real_verdict, fake_verdict = verdicts(fake.detach())
    (loss(real_verdict, ones) + loss(fake_verdict, zeros)).backward()
    sgd_d.step()
    sgd_g.zero_grad()
    through_d = verdicts(fake)[1] if model == "cgan-mlp" else (*d(fake, batch.fake_labels), batch.fake_labels)
    loss(through_d, ones).backward()
    sgd_g.step()

    adversarial_step(players, batch)
    for ours, plain in ((players.generator, g), (players.discriminator, d)):
        for tensor, reference in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True):
            torch.testing.assert_close(tensor, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("multiplying", "worse"), [(False, 3), (True, 15)], ids=["as PyTorch", "minimal filtering"])
@pytest.mark.parametrize("model", ["gan", "cgan", "acgan"])
def test_a_step_with_kernels_rounds_about_as_one_without(
    model: str, multiplying: bool, worse: int, few_digits: Digits, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above is in float64, which has no kernels. Here a whole step's rounding is set beside that of PyTorch's
    layers, both measured from the step in float64. Minimal filtering loses another digit, of seven."""
    monkeypatch.setattr(kernels, "_has_avx2_alone", lambda: multiplying)
    settings = resolve(quick(model, precision="float32"))
    used: list[object] = []
    run = team.run

    def counted(kernel: object, *words: int, alone: bool = False) -> None:
        used.append(kernel)
        run(kernel, *words, alone=alone)

    for module in (columns, normalise, windows):
        monkeypatch.setattr(module, "run", counted)

    def after_a_step(dtype: torch.dtype, *, with_kernels: bool) -> list[torch.Tensor]:
        used.clear()
        with monkeypatch.context() as patched:
            if not with_kernels:
                patched.setattr(kernels, "at_hand", lambda x, dtype: False)
            players = TrainingState(settings, few_digits, device="cpu").players
            networks = players.generator.to(dtype), players.discriminator.to(dtype)
            optimisers = [Descent(network.parameters(), 0.1, (0, 0)) for network in networks]
            players = dataclasses.replace(
                players, generator_optimiser=optimisers[0], discriminator_optimiser=optimisers[1]
            )
            batch = BatchSource(few_digits, settings, z_dim=100, device="cpu").batch(0)
            adversarial_step(players, batch._replace(real=batch.real.to(dtype), z=batch.z.to(dtype)))
        assert bool(used) == with_kernels
        return [tensor.double() for network in networks for tensor in network.state_dict().values()]

    exact = after_a_step(torch.float64, with_kernels=False)
    plain, fast = (after_a_step(torch.float32, with_kernels=kernels_too) for kernels_too in (False, True))
    for ours, pytorchs, right in zip(fast, plain, exact, strict=True):
        error, usual = (ours - right).norm(), (pytorchs - right).norm()
        if right.numel() >= 10:  # the rounding of a few numbers is luck
            assert error <= worse * usual + 1e-6 * right.norm()


def test_a_final_batch_norm_is_blind_to_batches_of_their_own(few_digits: Digits, quick: Settings) -> None:
    """Why `cgan-mlp` judges real and generated images together."""
    settings = resolve(quick("cgan-mlp", precision="float32"))
    state = TrainingState(settings, few_digits, device="cpu")
    batch = BatchSource(few_digits, settings, z_dim=100, device="cpu").batch(0)
    d, noise = state.players.discriminator, torch.randn(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    apart = d(batch.real, batch.labels).source.mean() - d(noise, batch.labels).source.mean()
    on_real, on_noise = judge(d, batch._replace(fake_labels=batch.labels), noise)
    together = on_real.source.mean() - on_noise.source.mean()
    assert abs(apart.item()) < 1e-5
    assert abs(together.item()) > 1e-3


def test_d_keeps_no_gradient_of_the_generators_step(few_digits: Digits, quick: Settings) -> None:
    settings = resolve(quick(precision="float32"))
    state = TrainingState(settings, few_digits, device="cpu")
    source = BatchSource(few_digits, settings, z_dim=100, device="cpu")
    adversarial_step(state.players, source.batch(0))
    parameters = list(state.players.discriminator.parameters())
    assert all(parameter.requires_grad for parameter in parameters)
    before = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
    with torch.enable_grad():
        state.players.generator(source.batch(1).z, source.batch(1).fake_labels).sum().backward()
    assert all(torch.equal(a, p.grad) for a, p in zip(before, parameters, strict=True) if p.grad is not None)


def test_the_average_takes_weights_and_statistics() -> None:
    generator, _ = build_networks("acgan", (1, 28, 28), 10, seed=0)
    averaged = Averaged(generator, half_life_images=1000)
    start = {name: tensor.clone() for name, tensor in averaged.network.state_dict().items()}
    with torch.no_grad():
        for tensor in generator.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(1.0)
    averaged.update(images_seen=10**9, batch_size=1000)  # one half-life
    for name, tensor in averaged.network.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, start[name] + 0.5, msg=name)
    assert any("running_var" in name for name in start)


def test_without_a_half_life_the_average_is_the_generator_itself() -> None:
    generator, _ = build_networks("gan", (1, 28, 28), 10, seed=0)
    averaged = Averaged(generator, half_life_images=0)
    with torch.no_grad():
        next(generator.parameters()).mul_(3.0)
    averaged.update(images_seen=64, batch_size=64)
    assert torch.equal(next(averaged.network.parameters()), next(generator.parameters()))


def test_every_image_comes_once_an_epoch(few_digits: Digits, quick: Settings) -> None:
    source = BatchSource(few_digits, quick(batch_size=100), z_dim=100, device="cpu")
    seen = torch.cat([source.indices(step * 100, 100) for step in range(32)])  # 5 epochs of 640
    for epoch in range(5):
        assert sorted(seen[epoch * 640 : (epoch + 1) * 640].tolist()) == list(range(640))
    assert seen[:640].tolist() != seen[640:1280].tolist()


def test_a_batch_larger_than_the_data_goes_round(few_digits: Digits, quick: Settings) -> None:
    source = BatchSource(few_digits, quick(batch_size=1500), z_dim=100, device="cpu")
    assert np.bincount(source.indices(0, 1500).numpy(), minlength=640).tolist().count(2) == 1280 - 640 - 220
    assert source.batch(0).real.shape == (1500, 1, 28, 28)


def test_a_batch_depends_on_seed_and_step_alone(few_digits: Digits, quick: Settings) -> None:
    settings = quick(augmentation=digit_safe())
    onward, direct = (BatchSource(few_digits, settings, z_dim=100, device="cpu") for _ in range(2))
    for step in range(13):
        last = onward.batch(step)
    for one, two in zip(last, direct.batch(12), strict=True):
        assert torch.equal(one, two)
    other = BatchSource(few_digits, quick(seed=1), z_dim=100, device="cpu").batch(12)
    assert not torch.equal(last.z, other.z)


def test_all_classes_are_asked_for(few_digits: Digits, quick: Settings) -> None:
    source = BatchSource(few_digits, quick(), z_dim=100, device="cpu")
    asked = torch.cat([source.batch(step).fake_labels for step in range(40)])
    assert np.bincount(asked.numpy(), minlength=10).min() > 180  # 256 expected; a 9 that never comes is 0


def test_uint8_comes_back_from_float() -> None:
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(to_float(values)), values)
    assert to_float(values).min() == -1
    assert to_float(values).max() == 1


def moved(images: torch.Tensor, settings: Augmentation) -> torch.Tensor:
    return augment(images, settings, torch.Generator().manual_seed(0))


def test_no_augmentation_returns_the_images_themselves(few_digits: Digits) -> None:
    images = to_float(torch.tensor(few_digits.images[:20]))
    assert moved(images, Augmentation()) is images


@pytest.mark.parametrize(
    "settings",
    [
        digit_safe(),
        Augmentation(shift_px=3),
        Augmentation(elastic_px=1),
        Augmentation(stretch=0.2),
        Augmentation(shear_deg=15),
    ],
)
def test_digits_stay_digits(few_digits: Digits, settings: Augmentation) -> None:
    from digitsmith.measure.reader import read

    images = to_float(torch.tensor(few_digits.images))
    out = moved(images, settings)
    assert out.shape == images.shape
    assert out.min() >= -1
    assert out.max() <= 1
    assert not torch.equal(out, images)
    read_right = (read(to_uint8(out).numpy()) == few_digits.labels).mean()
    assert read_right > 0.97


def test_shift_moves_by_what_it_says() -> None:
    dot = torch.full((2000, 1, 29, 29), -1.0)
    dot[:, :, 14, 14] = 1.0
    ink = (moved(dot, Augmentation(shift_px=3)) + 1) / 2
    rows = (ink.sum((1, 3)) * torch.arange(29)).sum(1) / ink.sum((1, 2, 3))
    assert abs((rows - 14).abs().max().item() - 3) < 0.1
    assert abs((rows - 14).mean().item()) < 0.15


def test_stretch_widens_and_heightens_each_by_itself() -> None:
    square = torch.full((2000, 1, 28, 28), -1.0)
    square[:, :, 9:19, 9:19] = 1.0
    ink = (moved(square, Augmentation(stretch=0.2)) + 1) / 2
    wide, high = ink.sum(3).amax((1, 2)) / 10, ink.sum(2).amax((1, 2)) / 10  # of 10 px
    for size in (wide, high):
        assert abs(size.min().item() - 0.8) < 0.02
        assert abs(size.max().item() - 1.2) < 0.02
    assert abs(torch.corrcoef(torch.stack([wide, high]))[0, 1].item()) < 0.1


def test_shear_leans_and_keeps_rows_where_they_are() -> None:
    bar = torch.full((2000, 1, 28, 28), -1.0)
    bar[:, :, 4:24, 12:16] = 1.0
    ink = (moved(bar, Augmentation(shear_deg=15)) + 1)[:, 0] / 2
    middle = (ink * torch.arange(28)).sum(2) / ink.sum(2).clamp_min(1e-9)  # of each row
    lean = torch.rad2deg(torch.atan((middle[:, 5] - middle[:, 22]) / 17))
    assert abs(lean.abs().max().item() - 15) < 0.5
    assert abs(lean.mean().item()) < 0.7
    assert (ink.sum(2)[:, 4:24] > 3.9).all()  # no row is left, and none is thinner


def test_rotation_and_flip_do_what_they_say() -> None:
    bar = torch.full((400, 1, 28, 28), -1.0)
    bar[:, :, 13:15, 4:14] = 1.0  # to the left of the middle
    mirrored = (moved(bar, Augmentation(flip=True))[:, :, :, 14:] > 0).flatten(1).any(1)
    assert 150 < int(mirrored.sum()) < 250
    turned = moved(bar, Augmentation(rotate_deg=180))
    assert (turned[:, :, :10] > 0).flatten(1).any(1).float().mean() > 0.3  # some point up by now
    assert not (moved(bar, Augmentation(rotate_deg=5))[:, :, :10] > 0).any()


def test_spread_is_the_variance_within_classes() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3000) % 3
    images = torch.randn(3000, 1, 4, 4, generator=generator) * 0.5 + labels.view(-1, 1, 1, 1) * 10.0
    assert abs(spread_within_classes(images, labels, 3).item() - 0.25) < 0.01
    assert spread_within_classes(images, labels, 1).item() > 50  # one crowd: the classes' distance counts too


def healthy(**changes: float | None) -> Measured:
    return Measured(**({"loss_d": 1.0, "loss_g": 1.0, "real_score": 0.7, "fake_score": 0.3, "variety": 0.8} | changes))


@pytest.mark.parametrize(
    ("kind", "sick"),
    [
        ("collapse", healthy(variety=0.05)),
        ("discriminator-blind", healthy(real_score=0.5, fake_score=0.5)),
        ("discriminator-wins", healthy(real_score=0.999, fake_score=0.001)),
    ],
)
def test_each_sickness_is_told_once_and_again_after_recovery(kind: str, sick: Measured) -> None:
    watch = HealthWatch()

    def told(row: Measured, times: int) -> list[str]:
        return [found for _ in range(times) for found, _ in watch.look(10**6, row)]

    assert told(healthy(), 20) == []
    assert told(sick, 20) == [kind]
    assert told(healthy(), 20) == []
    assert told(sick, WATCHED_ROWS + 5) == [kind]


def test_one_good_row_is_enough_against_a_verdict() -> None:
    watch = HealthWatch()
    rows = [healthy(variety=variety) for variety in (0.05, 0.05, 0.9, 0.05, 0.05, 0.05, 0.05)]
    assert [found for row in rows for found in watch.look(10**6, row)] == []


def test_a_resumed_watch_knows_what_was_told() -> None:
    rows = [{"event": "step", "images": 10**6, **vars(healthy(variety=0.01))} for _ in range(WATCHED_ROWS)]
    watch = HealthWatch()
    watch.replay(rows)
    assert watch.look(10**6, healthy(variety=0.01)) == []


def test_variety_without_spread_in_the_real_images_is_none() -> None:
    labels = torch.arange(8)
    images = torch.rand(8, 1, 4, 4)
    nothing = torch.zeros(8)
    result = StepResult(torch.tensor(1.0), torch.tensor(1.0), nothing, nothing, images)
    assert measure(result, images, labels, labels, classes=8).variety is None
    watch = HealthWatch(settled_after_images=0)
    assert [found for _ in range(20) for found in watch.look(10**6, healthy(variety=None))] == []


def test_the_first_images_are_not_judged() -> None:
    watch = HealthWatch()
    assert [found for _ in range(20) for found in watch.look(1000, healthy(variety=0.01))] == []


def test_the_learning_rate_warms_up_stays_and_falls(quick: Settings) -> None:
    settings = quick(learning_rate=1e-3, batch_size=10, warm_up_images=100.0, decay_from=0.5)
    rates = [learning_rate_at(settings, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([1e-4 * (step + 1) for step in range(10)])
    assert set(rates[10:50]) == {1e-3}
    assert rates[50:] == pytest.approx([1e-3 * (100 - step) / 50 for step in range(50, 100)])


def test_what_g_feels_of_the_readings_falls_with_the_learning_rate(few_digits: Digits, quick: Settings) -> None:
    settings = resolve(quick("penman", learning_rate=1e-3, warm_up_images=64.0, decay_from=0.5))
    state, _ = prepared(settings, few_digits, Observer())
    shares = {}
    for state.step in (0, 49, 75, 99):
        set_pace(state, settings, 100)
        shares[state.step] = state.reading_share
    assert shares == {0: 1.0, 49: 1.0, 75: 0.5, 99: pytest.approx(0.02)}
