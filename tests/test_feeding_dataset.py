"""Digits as torchvision gives MNIST: the same items, attributes and signature, in worker processes too."""

from __future__ import annotations

import inspect
import pickle
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import digitsmith
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import DataError
from digitsmith.feeding.dataset import DigitDataset

# As torchvision's MNIST has them.
PARAMETERS = [("root", inspect.Parameter.empty), ("train", True), ("transform", None), ("target_transform", None)]
CLASSES = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four"]
CLASSES += ["5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine"]


def to_tensor(image: Image.Image) -> torch.Tensor:
    """What torchvision.transforms.ToTensor makes of an image of mode L."""
    return torch.from_numpy(np.array(image))[None].float().div(255)


def colour() -> Digits:
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 8, 10), dtype=np.uint8)
    return Digits(images, np.arange(6, dtype=np.int64) % 2, ("cat", "dog"))


def test_an_item_is_an_image_and_its_label() -> None:
    dataset, mnist = DigitDataset(), load_mnist()
    image, target = dataset[1]
    assert isinstance(image, Image.Image) and image.mode == "L" and image.size == (28, 28)
    assert type(target) is int and target == 0
    for index in (0, 7, 59_999, -1):
        assert np.array_equal(np.array(dataset[index][0]), mnist.images[index, 0])
        assert dataset[index][1] == mnist.labels[index]
    with pytest.raises(IndexError):
        dataset[60_000]


def test_the_attributes_are_torchvisions() -> None:
    dataset, mnist = DigitDataset(train=False), load_mnist("test")
    assert len(dataset) == 10_000 and dataset.train is False
    assert dataset.data.dtype == torch.uint8 and np.array_equal(dataset.data, mnist.images[:, 0])
    assert dataset.targets.dtype == torch.int64 and np.array_equal(dataset.targets, mnist.labels)
    assert dataset.classes == CLASSES
    assert dataset.class_to_idx["3 - three"] == 3 and len(dataset.class_to_idx) == 10
    for old, new in (("train_data", "data"), ("test_labels", "targets")):
        with pytest.warns(UserWarning, match=f"{old} has been renamed {new}"):
            assert getattr(dataset, old) is getattr(dataset, new)


def test_the_signature_begins_as_torchvisions() -> None:
    found = list(inspect.signature(DigitDataset.__init__).parameters.values())[1:]
    assert [parameter.name for parameter in found[:5]] == [name for name, _ in PARAMETERS] + ["download"]
    assert [parameter.default for parameter in found[1:5]] == [value for _, value in PARAMETERS[1:]] + [False]
    assert all(parameter.kind == inspect.Parameter.KEYWORD_ONLY for parameter in found[5:])
    image, target = DigitDataset("./data", False, to_tensor, str, True)[0]
    assert image.shape == (1, 28, 28) and image.max() == 1 and target == "7"


def test_the_text_of_a_data_set(few_digits: Digits) -> None:
    dataset = DigitDataset("./data", transform=to_tensor, target_transform=str, data=few_digits)
    lines = repr(dataset).splitlines()
    assert lines[:5] == [
        "Dataset DigitDataset",
        "    Number of datapoints: 640",
        "    Root location: ./data",
        "    Data: mnist (train)",
        "    Split: Train",
    ]
    assert lines[5].startswith("    Transform: <function to_tensor") and lines[6].startswith(
        "    Target transform: <cl"
    )
    assert "Root" not in repr(DigitDataset(data=few_digits))


def test_what_is_assigned_is_what_is_given(few_digits: Digits) -> None:
    dataset = DigitDataset(data=few_digits)
    sevens = dataset.targets == 7
    dataset.data, dataset.targets = dataset.data[sevens], dataset.targets[sevens]
    assert len(dataset) == int((few_digits.labels == 7).sum())
    assert {target for _, target in dataset} == {7}
    dataset.data[0] = 255
    assert np.array(dataset[0][0]).min() == 255 and few_digits.images.min() == 0


def test_colour_is_as_in_cifar() -> None:
    dataset = DigitDataset(data=colour())
    assert dataset.data.shape == (6, 8, 10, 3) and dataset.classes == ["cat", "dog"]
    image, target = dataset[3]
    assert image.mode == "RGB" and image.size == (10, 8) and target == 1
    assert np.array_equal(np.array(image), colour().images[3].transpose(1, 2, 0))


def test_own_data_and_their_splits(tmp_path: Path, few_digits: Digits) -> None:
    x, y = few_digits.images[:, 0], few_digits.labels
    np.savez(tmp_path / "own.npz", x_train=x[:100], y_train=y[:100], x_test=x[100:], y_test=y[100:])
    own = digitsmith.DigitDataset(train=False, data=tmp_path / "own.npz")
    assert len(own) == 540 and np.array_equal(own.data, x[100:])
    np.savez(tmp_path / "train.npz", x=x, y=y)
    with pytest.raises(DataError, match="has no test images"):
        DigitDataset(train=False, data=tmp_path / "train.npz")
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        DigitDataset(data="nowhere")


def test_own_data_given_as_torchvisions_root_are_warned_of(
    tmp_path: Path, few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silently, whoever writes `DigitDataset("my_digits/")` would learn from MNIST."""
    (tmp_path / "classes" / "7").mkdir(parents=True)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine.csv").write_text("")
    (tmp_path / "data" / "MNIST" / "raw").mkdir(parents=True)  # what torchvision leaves
    for root in (tmp_path / "classes", str(tmp_path / "tables"), tmp_path / "tables" / "mine.csv", "fashion-mnist"):
        with pytest.warns(UserWarning, match=r"is not read.*give data="):
            assert len(DigitDataset(root)) == 60_000
    with pytest.warns(UserWarning, match=r"is not read.*give data=") as found:
        assert len(digitsmith.MixedDigits(tmp_path / "classes", ratio=0, length=10)) == 10
    assert [warning.filename for warning in found] == [__file__]
    monkeypatch.chdir(tmp_path / "data")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for root in (tmp_path / "data", tmp_path / "none yet", "mnist", "."):
            DigitDataset(root)
        DigitDataset(tmp_path / "classes", data=few_digits)


def test_worker_processes_give_the_same_batches(few_digits: Digits) -> None:
    dataset = DigitDataset(transform=to_tensor, data=few_digits)
    batches = [list(DataLoader(dataset, batch_size=100, num_workers=workers)) for workers in (0, 2)]
    assert [len(targets) for _, targets in batches[0]] == [100] * 6 + [40]
    for (images, targets), (others, other_targets) in zip(*batches, strict=True):
        assert torch.equal(images, others) and torch.equal(targets, other_targets)
    assert batches[0][0][0].dtype == torch.float32 and batches[0][0][1].dtype == torch.int64


def test_it_is_pickled_whole(few_digits: Digits) -> None:
    dataset = DigitDataset("r", transform=to_tensor, data=few_digits)
    again = pickle.loads(pickle.dumps(dataset))
    assert repr(again) == repr(dataset) and again.classes == dataset.classes
    for (image, target), (other, other_target) in islice(zip(dataset, again, strict=True), 5):
        assert torch.equal(image, other) and target == other_target
