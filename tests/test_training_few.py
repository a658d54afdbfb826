"""A GAN of few images: what is held out, what is kept, what is drawn; each training is a few dozen steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.errors import DataError, InputError, TrainingDiverged
from digitsmith.presets import settings_for
from digitsmith.training import few
from digitsmith.training.batches import to_uint8
from digitsmith.training.few import FewModel, few_settings, train_on_few
from digitsmith.training.holding_out import energy_score, held_out
from digitsmith.training.machine import resolve
from digitsmith.training.observers import Observer
from digitsmith.training.state import TrainingState

pytestmark = pytest.mark.usefixtures("own_cache")


def per_class(digits: Digits, count: int) -> Digits:
    """The first `count` images of each class."""
    places = [np.flatnonzero(digits.labels == label)[:count] for label in range(len(digits.classes))]
    return digits.take(np.concatenate(places))


@pytest.fixture(scope="module")
def five(few_digits: Digits) -> Digits:
    return per_class(few_digits, 5)


@pytest.fixture(scope="module")
def photographs() -> Digits:
    """Colour images 32 x 32 of three classes, five each: nothing in strokes."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (15, 3, 32, 32), dtype=np.uint8)
    return Digits(images, np.arange(15) % 3, ("cat", "dog", "fox"), source="photographs")


@pytest.fixture(scope="module")
def trained(five: Digits) -> FewModel:
    return train_on_few(five, seed=3, budget_images=768)


LABELS = np.tile(np.arange(10), 20)


def test_draws_uint8_images_that_follow_from_the_seed(trained: FewModel, five: Digits) -> None:
    images = trained.draw(LABELS, seed=1)
    assert images.dtype == np.uint8
    assert images.shape == (200, 1, 28, 28)
    assert np.array_equal(images, trained.draw(LABELS, seed=1))
    assert not np.array_equal(images, trained.draw(LABELS, seed=2))
    again = train_on_few(five, seed=3, budget_images=768)
    assert np.array_equal(images, again.draw(LABELS, seed=1))
    assert again.validation == trained.validation


def test_the_best_look_is_kept(trained: FewModel) -> None:
    best = min(trained.validation, key=lambda look: look.energy_score)
    assert trained.stopped_at_images == best.images_seen
    assert [look.images_seen for look in trained.validation] == [64 * look for look in range(1, 1 + few.LOOKS)]


def test_training_ends_when_looks_get_no_better(photographs: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[NDArray[np.uint8]] = []
    told: list[tuple[int, int]] = []

    def score(images: NDArray[np.uint8], labels: NDArray[np.int64], real: Digits) -> float:
        seen.append(images)
        return [3.0, 1.0, 2.0, 2.0, 2.0, 1.5, 0.0][len(seen) - 1]

    monkeypatch.setattr(few, "energy_score", score)
    model = train_on_few(photographs, seed=0, budget_images=1_600, on_progress=lambda *done: told.append(done))
    assert [look.energy_score for look in model.validation] == [3.0, 1.0, 2.0, 2.0, 2.0, 1.5]
    assert model.stopped_at_images == model.validation[1].images_seen == 256
    assert told[0] == (64, 1_600)
    assert told[-1] == (768, 1_600)
    # images without style are drawn by the kept weights as they were drawn for the look
    assert np.array_equal(model.draw(np.tile(np.arange(3), len(seen[1]) // 3), seed=0), seen[1])


def test_the_generator_never_sees_what_was_held_out(five: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Digits] = []
    judged_by: list[Digits] = []

    def prepared(settings: object, digits: Digits, listener: object) -> object:
        given.append(digits)
        return original(settings, digits, listener)  # type: ignore[arg-type]

    def score(images: NDArray[np.uint8], labels: NDArray[np.int64], real: Digits) -> float:
        judged_by.append(real)
        return 1.0

    original = few.prepared
    monkeypatch.setattr(few, "prepared", prepared)
    monkeypatch.setattr(few, "energy_score", score)
    train_on_few(five, seed=0, budget_images=64)
    learnt, judges = ({image.tobytes() for image in digits.images} for digits in (given[0], judged_by[0]))
    assert len(learnt) == 40
    assert len(judges) == 10
    assert not learnt & judges


def test_of_two_images_a_class_none_is_spared(few_digits: Digits) -> None:
    model = train_on_few(per_class(few_digits, 2), seed=0, budget_images=128)
    assert model.validation == ()
    assert model.stopped_at_images == 128


def test_photographs_are_drawn_without_style(photographs: Digits) -> None:
    model = train_on_few(photographs, seed=0, budget_images=128)
    assert model.settings.style == "none"
    assert model.draw(np.array([2, 0]), seed=0).shape == (2, 3, 32, 32)


def test_styles_are_wider_than_those_of_the_few(trained: FewModel, five: Digits) -> None:
    learning, _ = held_out(five, seed=3)
    _, source = few.prepared(trained.settings, learning, Observer())
    assert source.styles is not None
    table = trained.generator.style_table
    assert (table.flatten(0, 1).std(dim=0) > source.styles.std(dim=0)).all()
    for label in range(10):
        own = source.styles[source.labels == label]
        assert table[label, :, 0].min() < own[:, 0].min()
        assert table[label, :, 0].max() > own[:, 0].max()
        torch.testing.assert_close(table[label].mean(dim=0), own.mean(dim=0), rtol=0.2, atol=2.0)


def test_a_class_without_an_image_is_refused(five: Digits) -> None:
    with pytest.raises(DataError, match="class '9' has no image"):
        train_on_few(five.take(np.flatnonzero(five.labels != 9)), seed=0, budget_images=64)


def test_a_size_that_penman_cannot_take_is_refused(five: Digits) -> None:
    odd = Digits(np.ascontiguousarray(five.images[..., :27, :27]), five.labels, five.classes, source="odd")
    with pytest.raises(InputError, match="27"):
        train_on_few(odd, seed=0, budget_images=64)


@pytest.mark.parametrize(("count", "out"), [(3, 0), (4, 1), (10, 1), (30, 3), (64, 6), (1000, 20)])
def test_a_tenth_of_each_class_is_held_out(count: int, out: int) -> None:
    labels = np.arange(2 * count) % 2
    images = np.arange(2 * count, dtype=np.uint16).view(np.uint8).reshape(-1, 1, 1, 2)
    learning, judging = held_out(Digits(images, labels, ("0", "1"), source="numbers"), seed=0)
    assert learning.counts.tolist() == [count - out] * 2
    if out == 0:
        assert judging is None
        return
    assert judging is not None
    assert judging.counts.tolist() == [out] * 2
    together = np.concatenate([learning.images, judging.images])
    assert {image.tobytes() for image in together} == {image.tobytes() for image in images}


def test_another_seed_holds_out_others(few_digits: Digits) -> None:
    one, same, other = (held_out(few_digits, seed=seed)[1] for seed in (0, 0, 1))
    assert one is not None and same is not None and other is not None
    assert np.array_equal(one.images, same.images)
    assert not np.array_equal(one.images, other.images)


def test_the_energy_score_is_that_of_its_definition() -> None:
    images = np.zeros((4, 1, 4, 4), np.uint8)
    images[1], images[3] = 10, 4  # flat images stay flat inside; at the border the blur takes what is outside for 0
    labels, real = np.array([0, 0, 1, 1]), Digits(images[[1, 3]], np.array([0, 1]), ("a", "b"), source="flat")
    # class a: E|g - h| = (d + 0) / 2, E|g - g'| = d, with d the distance of the two: together 0; class b alike
    assert energy_score(images, labels, real) == pytest.approx(0.0, abs=1e-6)
    # both generated images at the wrong place: E|g - h| = d, no spread
    wrong = energy_score(images[[0, 0, 2, 2]], labels, real)
    twice = energy_score(images[[0, 0, 2, 2]], labels, Digits(images[[1, 1]], real.labels, ("a", "b"), source="flat"))
    assert twice == pytest.approx(wrong * 20 / 14)


def test_the_energy_score_likes_new_digits_best(few_digits: Digits) -> None:
    """Other real digits score better than copies of one each, than blurred means, and than the wrong classes."""
    judging, rest = few_digits.take(np.arange(100)), few_digits.take(np.arange(100, 640))
    real = energy_score(rest.images, rest.labels, judging)
    copies, means = rest.images.copy(), rest.images.copy()
    for label in range(10):
        of_class = rest.labels == label
        copies[of_class] = rest.images[of_class][0]
        means[of_class] = rest.images[of_class].mean(axis=0)
    assert real < 0.95 * energy_score(copies, rest.labels, judging)
    assert real < 0.95 * energy_score(means, rest.labels, judging)
    assert real < 0.95 * energy_score(rest.images, (rest.labels + 1) % 10, judging)


def test_few_is_a_preset() -> None:
    settings = settings_for("penman", preset="few")
    assert (settings.model, settings.preset, settings.differentiable) == ("penman", "few", 1.0)
    assert few_settings(100, classes=5, budget_images=1_000).epochs == 2.0


def test_the_first_images_have_the_mean_of_the_data(photographs: Digits) -> None:
    reddish = dataclasses.replace(
        photographs, images=photographs.images // np.array([1, 2, 4], np.uint8)[:, None, None]
    )
    settings = dataclasses.replace(resolve(few_settings(5, classes=3)), style="none")
    generator = TrainingState(settings, reddish, device="cpu").players.generator
    first = to_uint8(generator(torch.randn(64, 64), torch.zeros(64, dtype=torch.int64), None).detach()).numpy()
    assert np.abs(first.mean((0, 2, 3)) - reddish.images.mean((0, 2, 3))).max() < 12


def test_a_generator_that_repeats_itself_begins_again(five: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "SETTLED_AFTER", 128)  # by then none has learned to draw more than one image a class
    seeds: list[int] = []

    def prepared(settings: TrainSettings, digits: Digits, listener: Observer) -> object:
        seeds.append(settings.seed)
        return original(settings, digits, listener)

    original = few.prepared
    monkeypatch.setattr(few, "prepared", prepared)
    model = train_on_few(five, seed=3, budget_images=256)
    assert len(set(seeds)) == few.ATTEMPTS  # and the last one is what there is
    assert seeds[0] == 3
    assert model.settings.seed == seeds[-1]
    assert len(model.draw(LABELS, seed=0)) == 200
    assert few.repeats_itself(model.draw(LABELS, seed=0), LABELS, five)


def test_a_generator_that_diverges_begins_again_and_is_not_drawn_from(
    five: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[int] = []

    def play(state: TrainingState, batch: object) -> object:
        result = original(state, batch)  # type: ignore[arg-type]
        if state.step >= diverges_at and len(lost) < attempts:
            lost.append(state.step)
            return result._replace(**{which: torch.tensor(float("nan"))})
        return result

    original = TrainingState.play
    monkeypatch.setattr(TrainingState, "play", play)
    diverges_at, attempts, which = 1, 2, "loss_g"
    assert len(train_on_few(five, seed=3, budget_images=256).validation) == 4
    assert lost == [1, 1]
    lost.clear()
    diverges_at, attempts, which = 2, 3, "loss_d"
    model = train_on_few(five, seed=3, budget_images=256)  # the last time it is kept as it was at its best look before
    assert lost == [2, 2, 2] and model.stopped_at_images <= 128
    lost.clear()
    diverges_at, attempts = 0, 3
    with pytest.raises(TrainingDiverged, match="a GAN of 40 images did not live in 3 attempts"):
        train_on_few(five, seed=3, budget_images=256)
