"""Usefulness on a little real MNIST: recognisers are trained for real, for 60 steps instead of 1,000."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import DataError, InputError
from digitsmith.measure.recogniser import Recogniser, accuracy, recognise, train_recogniser
from digitsmith.measure.usefulness import RealSide, usefulness

STEPS, COUNT, SEEDS = 60, 500, (0, 1)


@pytest.fixture(scope="module")
def few_unseen() -> Digits:
    return load_mnist("test").take(np.arange(0, 10_000, 20))


@pytest.fixture(scope="module")
def real(few_digits: Digits, few_unseen: Digits) -> RealSide:
    return RealSide.train(few_digits, few_unseen, count=COUNT, seeds=SEEDS, steps=STEPS)


@pytest.fixture(scope="module")
def taught(few_digits: Digits) -> Recogniser:
    return train_recogniser(few_digits, seed=0, steps=STEPS)


def same_weights(one: Recogniser, other: Recogniser) -> bool:
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


def test_a_recogniser_follows_from_its_seed_alone(few_digits: Digits, taught: Recogniser) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    again = train_recogniser(few_digits, seed=0, steps=STEPS)
    assert same_weights(taught, again)
    assert torch.equal(before, torch.random.get_rng_state())
    one, other = (train_recogniser(few_digits, seed=seed, steps=1) for seed in (0, 1))
    assert not same_weights(one, other)


def test_each_step_has_its_own_gradient(taught: Recogniser) -> None:
    """What the last step left is one batch's gradient, which is small by then, and not the sum of sixty."""
    gradient = taught.classes.bias.grad
    assert gradient is not None
    assert gradient.abs().max() < 0.1


def test_an_answer_does_not_depend_on_the_batch(taught: Recogniser, few_unseen: Digits) -> None:
    images = few_unseen.images[:100]
    whole = recognise(taught, images)
    assert (recognise(taught, images, batch_size=7) == whole).all()
    assert (recognise(taught, images[::-1]) == whole[::-1]).all()


def test_colour_odd_sides_and_sets_smaller_than_a_batch_are_taken() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(20, dtype=np.int64) % 2
    images = (
        random.integers(0, 60, (20, 3, 11, 15), dtype=np.uint8) + (labels * 190).astype(np.uint8)[:, None, None, None]
    )
    pictures = Digits(images, labels, ("dark", "bright"))
    assert accuracy(train_recogniser(pictures, seed=0, steps=20), pictures) == 1.0


def test_real_images_are_learnt(real: RealSide) -> None:
    assert real.accuracy.value > 0.75
    assert "2 seeds" in real.accuracy.spread
    assert 0 < real.accuracy.margin < 0.1
    assert real.on_held_out is not None
    assert abs(real.on_held_out.value - real.accuracy.value) < 0.1


def test_copies_of_the_training_images_score_as_they_do(few_digits: Digits, few_unseen: Digits) -> None:
    found = usefulness(few_digits, few_digits, few_unseen, seeds=(3,), steps=STEPS)
    assert found.cas.value == found.cas_real.value
    assert found.gan_test.value > found.cas_real.value  # tested on what they were trained on
    assert found.gan_test_held_out is None  # no image is left
    assert found.images == len(few_digits)


def test_labels_shifted_by_one_are_caught(real: RealSide, few_digits: Digits) -> None:
    found = real.compare(few_digits.images, (few_digits.labels + 1) % 10)
    assert found.cas.value < 0.1
    assert found.gan_test.value < 0.1
    assert found.cas_real.value > 0.75


def test_a_missing_class_is_caught_and_no_error(real: RealSide, few_digits: Digits, few_unseen: Digits) -> None:
    left = few_digits.take(np.flatnonzero(few_digits.labels != 1))
    found = real.compare(left.images, left.labels)
    share_of_ones = (few_unseen.labels == 1).mean()
    assert found.cas.value < found.cas_real.value - share_of_ones / 2
    assert found.gan_test.value > 0.75  # which the other score cannot see


def test_the_test_set_teaches_nothing(real: RealSide, few_digits: Digits, few_unseen: Digits) -> None:
    relabelled = dataclasses.replace(few_unseen, labels=(few_unseen.labels + 1) % 10)
    again = RealSide.train(few_digits, relabelled, count=COUNT, seeds=SEEDS[:1], steps=STEPS)
    assert same_weights(real.recognisers[0], again.recognisers[0])
    assert again.accuracy.value < 0.1


def test_held_out_images_were_not_trained_on(
    few_digits: Digits, few_unseen: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered = dataclasses.replace(few_digits, images=few_digits.images.copy())
    numbered.images.reshape(len(numbered), -1)[:, :2] = np.array(
        [divmod(place, 256) for place in range(len(numbered))], np.uint8
    )
    seen: dict[str, list[set[bytes]]] = {"trained": [], "tested": []}

    def train(digits: Digits, *, seed: int, **_: object) -> Recogniser:
        seen["trained"].append({image.tobytes() for image in digits.images})
        return Recogniser(1, 10)

    def test(_: Recogniser, digits: Digits) -> float:
        seen["tested"].append({image.tobytes() for image in digits.images})
        return 0.5

    monkeypatch.setattr("digitsmith.measure.usefulness.train_recogniser", train)
    monkeypatch.setattr("digitsmith.measure.usefulness.accuracy", test)
    RealSide.train(numbered, few_unseen, count=500, seeds=(0, 1))
    held_out = [tested for tested in seen["tested"] if len(tested) == 140]
    assert [len(trained) for trained in seen["trained"]] == [500, 500]
    assert seen["trained"][0] != seen["trained"][1]  # each seed has its own choice
    assert len(held_out) == 2
    assert all(not trained & tested for trained, tested in zip(seen["trained"], held_out, strict=True))


def test_the_larger_set_is_cut_to_the_smaller(few_digits: Digits, few_unseen: Digits) -> None:
    told: list[tuple[int, int]] = []
    found = usefulness(
        few_digits.take(np.arange(150)),
        few_digits,
        few_unseen,
        seeds=(0, 1),
        steps=3,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert found.images == 150
    assert found.gan_test_held_out is not None
    assert told == [(done, 12) for done in range(1, 13)]


def resized(digits: Digits, side: int) -> Digits:
    return dataclasses.replace(digits, images=digits.images[:, :, :side, :side])


def test_sets_that_do_not_fit_together_are_refused(few_digits: Digits, few_unseen: Digits) -> None:
    letters = dataclasses.replace(few_digits, classes=tuple("abcdefghij"))
    with pytest.raises(InputError, match=r"has the classes a, b.*same classes"):
        usefulness(letters, few_digits, few_unseen)
    with pytest.raises(InputError, match=r"has the classes 0, 1.*same classes"):
        usefulness(letters, letters, few_unseen)
    with pytest.raises(InputError, match=r"\[1, 20, 20\].*one shape"):
        usefulness(resized(few_digits, 20), few_digits, few_unseen)
    small = resized(few_digits, 10)
    with pytest.raises(InputError, match="11x11 and larger"):
        usefulness(small, small, resized(few_unseen, 10))


def test_too_few_images_are_refused(real: RealSide, few_digits: Digits, few_unseen: Digits) -> None:
    few = dataclasses.replace(few_digits.take(np.arange(99)), source="few.npz")
    with pytest.raises(InputError, match=r"few\.npz: 99 images are too few to learn 10 classes .* at least 100"):
        usefulness(few, few_digits, few_unseen)
    with pytest.raises(InputError, match=r"few\.npz: 99 images are too few"):
        usefulness(few_digits, few, few_unseen)
    with pytest.raises(InputError, match="399 generated images"):
        real.compare(few_digits.images[:399], few_digits.labels[:399])
    with pytest.raises(InputError, match="has 640 images, not the 641"):
        RealSide.train(few_digits, few_unseen, count=641)
    without_ones = few_digits.take(np.flatnonzero(few_digits.labels != 1))
    with pytest.raises(DataError, match="class '1' has no image"):
        usefulness(few_digits, without_ones, few_unseen)


@pytest.mark.parametrize("seeds", [(), (1, 1), (-1, 0), (2**63,)])
def test_seeds_that_are_none_are_refused(few_digits: Digits, few_unseen: Digits, seeds: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="each once, in 0"):
        usefulness(few_digits, few_digits, few_unseen, seeds=seeds)


@pytest.mark.parametrize("setting", [{"steps": 0}, {"batch_size": 0}])
def test_learning_in_no_time_is_refused(few_digits: Digits, setting: dict[str, int]) -> None:
    with pytest.raises(InputError, match="1 of each or more"):
        train_recogniser(few_digits, seed=0, **setting)
