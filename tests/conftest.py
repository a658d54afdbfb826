"""Shared by all rooms: a little real MNIST, and settings that train for real in seconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Several test processes share two cores: one thread each is faster than two that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.presets import settings_for


@pytest.fixture(scope="session")
def few_digits() -> Digits:
    """The first 640 real training images: every class is among them."""
    return load_mnist("train").take(np.arange(640))


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty cache for a file of tests, for as long as they run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def quick() -> Callable[..., TrainSettings]:
    """Settings of a run of seconds; keywords override."""

    def settings(model: str = "acgan", **overrides: object) -> TrainSettings:
        base: dict[str, object] = {
            "epochs": 2.0,
            "batch_size": 64,
            "threads": 1,
            "log_every_steps": 4,
            "checkpoint_every_images": 256,
            "sample_epochs": [1],
        }
        return settings_for(model, overrides=base | overrides)

    return settings


@pytest.fixture(scope="session")
def trained_run(
    tmp_path_factory: pytest.TempPathFactory, few_digits: Digits, quick: Callable[..., TrainSettings]
) -> Path:
    """A finished small run of the ACGAN, made once and only read."""
    from digitsmith.training.loop import train_gan

    out = tmp_path_factory.mktemp("runs") / "acgan"
    train_gan(quick(), few_digits, out=out)
    return out
