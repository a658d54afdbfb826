"""Endless digits for a DataLoader: whoever of its workers gives them, they are the same."""

from __future__ import annotations

import pickle
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import digitsmith
from digitsmith.data.digits import Digits
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.errors import InputError
from digitsmith.feeding.sources import NUMBERS
from digitsmith.feeding.stream import DigitStream
from test_feeding_dataset import colour, to_tensor


@pytest.fixture(scope="module")
def model() -> DigitModel:
    return load("cgan")


Given = list[tuple[torch.Tensor, torch.Tensor]]


def loaded(stream: DigitStream, workers: int = 0, **options: object) -> Given:
    return list(DataLoader(stream, batch_size=None, num_workers=workers, **options))


def same(some: Given, others: Given) -> bool:
    return len(some) == len(others) and all(
        torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(some, others, strict=True)
    )


def by_bytes(batches: Given) -> list[tuple[bytes, bytes]]:
    return sorted((images.numpy().tobytes(), labels.numpy().tobytes()) for images, labels in batches)


# --- the same for any number of workers


@pytest.mark.parametrize("ratio", [0.0, 0.3])
def test_from_memory_the_batches_come_in_the_same_order(ratio: float, few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, ratio=ratio, pool=100, batch_size=64, length=1000)
    alone, one, two = (loaded(stream, workers) for workers in (0, 1, 2))
    assert same(alone, one) and same(alone, two)
    assert [len(labels) for _, labels in alone] == [64] * 15 + [40] and len(stream) == 16


def test_fresh_batches_are_the_same_ones(few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, ratio=0.2, batch_size=100, length=5000, reject=False)
    alone, twice, again = loaded(stream), loaded(stream, 2), loaded(stream, 2)
    assert same(twice, again), "the order is fixed for a number of workers"
    assert not same(alone, twice) and by_bytes(alone) == by_bytes(twice)


def test_items_are_the_same_ones(few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, pool=50, length=3000, transform=to_tensor)
    one, two = (list(DataLoader(stream, batch_size=100, num_workers=workers, drop_last=False)) for workers in (0, 2))
    assert [len(labels) for _, labels in one] == [100] * 30
    images = [sorted(image.numpy().tobytes() for images, _ in batches for image in images) for batches in (one, two)]
    assert images[0] == images[1] and sum(len(labels) for _, labels in two) == 3000
    assert [labels.tolist() for _, labels in two] != [labels.tolist() for _, labels in one]


def test_a_spawned_worker_gives_the_same(few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, batch_size=64, length=256)
    assert same(loaded(stream, 1, multiprocessing_context="spawn"), loaded(stream))


def test_it_goes_on_after_pickling(few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, batch_size=64)
    again = pickle.loads(pickle.dumps(stream))
    assert same(list(islice(stream, 4)), list(islice(again, 4)))


# --- what is in it


@pytest.mark.parametrize("pool", [None, 300])
@pytest.mark.parametrize("ratio", [0.0, 0.25, 1.0])
def test_every_batch_has_the_ratio(pool: int | None, ratio: float, few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, ratio=ratio, pool=pool, batch_size=40, dtype=torch.uint8)
    label_of = dict(zip((image.tobytes() for image in few_digits.images), few_digits.labels.tolist(), strict=True))
    for images, labels in islice(stream, 5):
        assert images.shape == (40, 1, 28, 28) and images.dtype == torch.uint8 and labels.dtype == torch.int64
        known = [image.numpy().tobytes() in label_of for image in images]
        assert known.count(False) == 40 * ratio
        real = torch.tensor(known)
        assert [label_of[image.numpy().tobytes()] for image in images[real]] == labels[real].tolist()


def test_real_images_come_in_passes_each_in_another_order(few_digits: Digits) -> None:
    stream = DigitStream(data=few_digits, ratio=0, batch_size=640, dtype=torch.uint8)
    first, second = islice(stream, 2)
    together = [sorted(image.tobytes() for image in images.numpy()) for images, _ in (first, second)]
    assert together[0] == together[1] == sorted(image.tobytes() for image in few_digits.images)
    assert not torch.equal(first[0], second[0]) and not np.array_equal(first[0], few_digits.images)


def test_fresh_digits_are_the_models_and_never_the_same(model: DigitModel) -> None:
    stream = DigitStream(model=model, ratio=1, seed=4, batch_size=100, length=300, dtype=torch.uint8, reject=False)
    for epoch in (0, 3):
        stream.set_epoch(epoch)
        images, labels = (torch.cat(parts) for parts in zip(*stream, strict=True))
        drawn = model.draw(labels.numpy(), seed=4, start=epoch * NUMBERS)
        assert np.array_equal(images[:, 0], drawn)
        assert len({image.numpy().tobytes() for image in images}) == 300


def test_classes_are_drawn_alike_often_or_as_the_real_ones(few_digits: Digits, model: DigitModel) -> None:
    sevens = few_digits.take(np.flatnonzero(few_digits.labels == 7))
    even, as_real = (
        next(iter(DigitStream(data=sevens, model=model, ratio=1, batch_size=1000, balanced=balanced, reject=False)))[1]
        for balanced in (True, False)
    )
    assert (np.abs(np.bincount(even, minlength=10) - 100) < 50).all()
    assert set(as_real.tolist()) == {7}


def test_unreadable_digits_are_drawn_again() -> None:
    kept, raw = (
        next(iter(DigitStream(ratio=1, batch_size=256, dtype=torch.uint8, seed=1, reject=reject)))[0]
        for reject in (True, False)
    )
    changed = (kept != raw).flatten(1).any(1)
    assert 0 < int(changed.sum()) < 10


# --- epochs


@pytest.mark.parametrize("pool", [None, 60])
def test_another_epoch_is_another_stream(pool: int | None, few_digits: Digits, model: DigitModel) -> None:
    stream = DigitStream(data=few_digits, model=model, pool=pool, batch_size=64, length=128)
    first, still_first = loaded(stream), loaded(stream)
    stream.set_epoch(1)
    second = loaded(stream)
    stream.set_epoch(0)
    assert same(first, still_first) and not same(first, second) and same(first, loaded(stream))


def test_workers_that_stay_hear_of_an_epoch(few_digits: Digits) -> None:
    stream = DigitStream(data=few_digits, ratio=0, batch_size=64, length=128)
    loader = DataLoader(stream, batch_size=None, num_workers=1, persistent_workers=True)
    first = list(loader)
    stream.set_epoch(1)
    second = list(loader)
    assert not same(first, second) and same(second, loaded(stream))


def test_lengths(few_digits: Digits) -> None:
    endless = DigitStream(data=few_digits, ratio=0, batch_size=64)
    with pytest.raises(TypeError, match="has no end; give it one"):
        len(endless)
    assert len(list(islice(DataLoader(endless, batch_size=None, num_workers=2), 30))) == 30
    assert len(DigitStream(data=few_digits, ratio=0, length=130)) == 130
    batches = DigitStream(data=few_digits, ratio=0, length=130, batch_size=64)
    assert len(DataLoader(batches, batch_size=None)) == 3 and "130 images an epoch" in repr(batches)


# --- forms


def test_items_and_batches_hold_the_same(few_digits: Digits, model: DigitModel) -> None:
    asked = {"data": few_digits, "model": model, "pool": 100, "length": 128}
    items = list(DigitStream(**asked))
    ((images, labels),) = DigitStream(**asked, batch_size=128)
    image, label = items[5]
    assert isinstance(image, Image.Image) and image.mode == "L" and type(label) is int
    assert torch.equal(torch.stack([to_tensor(image) for image, _ in items]), images)
    assert [label for _, label in items] == labels.tolist()


def test_transforms_are_of_items_or_of_batches(few_digits: Digits) -> None:
    asked = {"data": few_digits, "ratio": 0, "length": 64}
    stream = DigitStream(**asked, batch_size=64, transform=lambda x: x * 2 - 1, target_transform=lambda y: y == 3)
    ((images, labels),) = stream
    assert images.min() == -1 and images.max() == 1 and labels.dtype == torch.bool and labels.shape == (64,)
    ((image, label), *_) = DigitStream(**asked, transform=to_tensor, target_transform=str)
    assert image.shape == (1, 28, 28) and label in tuple("0123456789")


def test_colour() -> None:
    stream = DigitStream(data=colour(), ratio=0, length=6)
    assert stream.class_to_idx == {"cat": 0, "dog": 1}
    image, label = next(iter(stream))
    places = [np.array_equal(np.array(image), one.transpose(1, 2, 0)) for one in colour().images]
    assert image.mode == "RGB" and colour().labels[places.index(True)] == label


WRONG = {
    "no pool": ({"pool": 0}, "pool must be 1 to 100,000,000, not 0; None is without"),
    "no batch": ({"batch_size": 0}, "batch_size must be 1"),
    "no length": ({"length": -1}, "length must be 1"),
    "another dtype": ({"dtype": torch.float16}, "torch.float32 in [0, 1] or torch.uint8, not torch.float16"),
    "a ratio of percents": ({"ratio": 30}, "in 0..1, not 30"),
    "a model without labels": ({"model": "gan"}, "gan draws digits without labels"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_streamed_is_one_line(case: str, few_digits: Digits) -> None:
    arguments, cause = WRONG[case]
    with pytest.raises(InputError) as caught:
        digitsmith.DigitStream(**{"data": few_digits, "model": "cgan"} | arguments)
    assert cause in str(caught.value) and "\n" not in str(caught.value)


def test_epochs_are_numbers_from_0(few_digits: Digits) -> None:
    with pytest.raises(InputError, match="epochs are numbered 0 to 4,194,303, not -1"):
        DigitStream(data=few_digits, ratio=0).set_epoch(-1)
