"""The shipped reader on real digits that it was not trained on, and what it refuses to read."""

from __future__ import annotations

import hashlib
from importlib import resources

import numpy as np
import pytest
import torch

from digitsmith.data.mnist import load_mnist
from digitsmith.errors import InputError
from digitsmith.measure.frechet import Moments, frechet_distance
from digitsmith.measure.reader import READER, Reader, features_and_probabilities, load_reader, read


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return load_mnist("test").take(np.arange(1_000)).images


def test_it_reads_the_real_test_set() -> None:
    test = load_mnist("test")
    right = read(test.images) == test.labels
    assert right.mean() >= 0.995
    assert min(right[test.labels == digit].mean() for digit in range(10)) > 0.985


def test_blank_images_are_read_as_something() -> None:
    assert read(np.zeros((3, 1, 28, 28), np.uint8)).shape == (3,)
    assert read(np.zeros((0, 1, 28, 28), np.uint8)).shape == (0,)


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 28, 28), np.uint8), np.zeros((2, 3, 28, 28), np.uint8), np.zeros((2, 1, 28, 28), np.float32)],
)
def test_other_images_are_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"\[N, 1, 28, 28\]"):
        read(images)


def test_the_frozen_weights_are_those_that_its_version_names() -> None:
    content = resources.files("digitsmith.measure").joinpath(f"{READER}.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "24d5d4add4b801bfc7542572f8c4ddcd303691ac5b4cd20ab4b0f30500252140"


def test_features_and_probabilities_are_the_networks_own(images: np.ndarray) -> None:
    features, probabilities = features_and_probabilities(images[:64])
    assert (features.dtype, features.shape) == (np.float32, (64, 128))
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (64, 10))
    plain = Reader()
    plain.load_state_dict(load_reader().state_dict())
    with torch.no_grad():
        logits = plain.eval()(torch.tensor(images[:64]) / 255)
        from_features = plain.classes(torch.from_numpy(features))
    np.testing.assert_allclose(probabilities, logits.softmax(1), atol=1e-6)
    np.testing.assert_allclose(probabilities, from_features.softmax(1), atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert (read(images[:64]) == probabilities.argmax(1)).all()


def test_a_distance_does_not_depend_on_the_batch_size(images: np.ndarray) -> None:
    distances = []
    for size in (1, 7, 512):
        features, _ = features_and_probabilities(images[:700], batch_size=size)
        distances.append(frechet_distance(Moments.of(features[:350]), Moments.of(features[350:])))
    assert distances[0] > 0.1  # a real distance, not zero against zero
    assert distances == pytest.approx([distances[0]] * 3, rel=1e-5)


def test_views_are_read_like_copies(images: np.ndarray) -> None:
    upside_down = images[:20, :, ::-1]
    assert (read(upside_down) == read(upside_down.copy())).all()
    assert (read(images[:20][::-1]) == read(images[:20])[::-1]).all()


def test_progress_is_told_in_images(images: np.ndarray) -> None:
    told: list[tuple[int, int]] = []
    features_and_probabilities(images[:120], batch_size=50, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(50, 120), (100, 120), (120, 120)]
