"""Stacked MNIST: the same triples everywhere, the splits apart, and a GAN that trains on them end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from digitsmith import api
from digitsmith.data import Digits, load_mnist, read_digits
from digitsmith.data.stacked import stack_digits
from digitsmith.errors import ConfigError, DataError
from digitsmith.models.registry import build_networks

TEST_FINGERPRINT = "68279dfe8e65"


@pytest.fixture(scope="module")
def train() -> Digits:
    return read_digits("stacked-mnist")


@pytest.fixture(scope="module")
def test() -> Digits:
    return read_digits("stacked-mnist", split="test")


def test_it_has_the_fields_counts_and_every_mode(train: Digits, test: Digits) -> None:
    assert [len(train), len(test)] == [128_000, 25_600]
    for digits in (train, test):
        assert digits.image_shape == (3, 28, 28) and digits.images.dtype == np.uint8
        assert digits.classes[:2] == ("000", "001") and digits.classes[-1] == "999" and len(digits.classes) == 1000
        digits.require_every_class()
    assert train.source == "stacked-mnist (train)"


def test_each_channel_is_a_digit_of_its_own_split_and_label(test: Digits) -> None:
    mnist = load_mnist("test")
    label_of = {image.tobytes(): label for image, label in zip(mnist.images, mnist.labels, strict=True)}
    for image, label in zip(test.images[:500], test.labels[:500], strict=True):
        red, green, blue = (label_of[channel.tobytes()] for channel in image)
        assert label == 100 * red + 10 * green + blue


def test_channels_are_drawn_uniformly_and_by_themselves(train: Digits) -> None:
    digits = np.stack([train.labels // 100, train.labels // 10 % 10, train.labels % 10])
    expected = load_mnist("train").counts / 60_000
    for channel in digits:
        assert np.abs(np.bincount(channel) / len(train) - expected).max() < 5 * np.sqrt(0.1 * 0.9 / len(train))
    assert np.abs(np.corrcoef(digits) - np.eye(3)).max() < 5 / np.sqrt(len(train))
    assert np.mean(train.images[:2000, 0] == train.images[:2000, 1]) < 0.9  # three different pictures


def test_it_is_the_same_bytes_everywhere_and_a_part_begins_the_whole(test: Digits) -> None:
    assert test.fingerprint().startswith(TEST_FINGERPRINT)
    part = stack_digits(load_mnist("test"), count=100, seed=0)
    assert np.array_equal(part.images, test.images[:100]) and np.array_equal(part.labels, test.labels[:100])
    other = stack_digits(load_mnist("test"), count=100, seed=1)
    assert not np.array_equal(part.labels, other.labels)


def test_all_is_train_then_test(train: Digits, test: Digits) -> None:
    both = read_digits("stacked-mnist", split="all")
    assert both.source == "stacked-mnist (all)" and len(both) == 153_600
    assert np.array_equal(both.labels, np.concatenate([train.labels, test.labels]))
    assert np.array_equal(both.images[-1], test.images[-1])


def test_a_folder_of_that_name_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^stacked-mnist: no such file or folder"):
        read_digits("./stacked-mnist")
    with pytest.raises(DataError, match=r"^stacked-mnist: no such file or folder"):
        read_digits(Path("stacked-mnist"))
    with pytest.raises(ConfigError, match="split 'validation' is unknown; choose one of train, test"):
        read_digits("stacked-mnist", split="validation")


def test_only_gray_digits_of_ten_classes_are_stacked(few_digits: Digits) -> None:
    stacks = stack_digits(few_digits, count=10, seed=0)
    letters = Digits(few_digits.images, few_digits.labels, tuple("abcdefghijk"), source="letters.npz")
    for digits, cause in ((stacks, "3 channels and 1000 classes"), (letters, r"letters\.npz: .*and 11 classes")):
        with pytest.raises(DataError, match=cause):
            stack_digits(digits, count=10, seed=0)
    with pytest.raises(DataError, match="holds no images"):
        stack_digits(few_digits, count=0, seed=0)


def test_the_gan_learns_stacks_end_to_end(few_digits: Digits, tmp_path: Path) -> None:
    """Although most of the 1000 classes have no image among 320: it is asked for none."""
    stacks = stack_digits(few_digits, count=320, seed=0)
    settings = {"batch_size": 32, "threads": 1, "log_every_steps": 2}
    run = api.train("gan", data=stacks, out=tmp_path / "run", epochs=1, overrides=settings)
    assert run.read_as_asked is None and not run.model.conditional
    assert run.model.draw([0] * 5).shape == (5, 28, 28, 3)
    assert np.load(run.folder / "samples" / "epoch-0001.npy").shape == (10, 10, 3, 28, 28)
    page = run.page.read_text(encoding="utf-8")
    assert 'class="heads"' not in page and "in colour" in page
    card = (run.folder / "weights" / "README.md").read_text(encoding="utf-8")
    assert "000, 001, 002, ..., 999" in card and "uint8 [3, 28, 28, 3]" in card


def test_cgan_has_no_room_for_a_thousand_classes() -> None:
    with pytest.raises(ConfigError, match="has no room for 1000 classes; train acgan"):
        build_networks("cgan", (3, 28, 28), 1000, seed=0)
    build_networks("cgan", (3, 28, 28), 784, seed=0)
