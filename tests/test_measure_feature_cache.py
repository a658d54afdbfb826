"""Features of real images come from the disk the second time, and never from other images or a torn file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from digitsmith.measure.feature_cache import remembered


class Counted:
    """A network that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked += 1
        return images.reshape(len(images), -1)[:, :3].astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path))
    return tmp_path / "features"


IMAGES = np.arange(40, dtype=np.uint8).reshape(10, 1, 2, 2)


def test_they_are_computed_once(folder: Path) -> None:
    network = Counted()
    first, second = (remembered(IMAGES, network, network="net/1") for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert network.asked == 1
    assert len(list(folder.iterdir())) == 1


def test_other_images_and_other_networks_have_their_own(folder: Path) -> None:
    network = Counted()
    remembered(IMAGES, network, network="net/1")
    remembered(IMAGES[::-1], network, network="net/1")
    remembered(IMAGES.reshape(10, 1, 4, 1), network, network="net/1")
    remembered(IMAGES, network, network="net/2")
    assert network.asked == 4


def test_a_torn_file_is_made_anew(folder: Path) -> None:
    network = Counted()
    whole = remembered(IMAGES, network, network="net")
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    np.testing.assert_array_equal(remembered(IMAGES, network, network="net"), whole)
    assert network.asked == 2


def test_a_cache_that_cannot_be_written_costs_a_warning_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="computed again"):
        assert remembered(IMAGES, Counted(), network="net").shape == (10, 3)
