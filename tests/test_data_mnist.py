"""MNIST itself: every byte of it, and the cache it is unpacked into."""

import hashlib
import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from digitsmith.data import load_mnist, mnist
from digitsmith.errors import ConfigError, DataError

PUBLISHED_SHA256 = {
    ("train", "images"): "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ("train", "labels"): "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ("test", "images"): "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ("test", "labels"): "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@pytest.fixture(scope="module")
def content():
    """The whole stream, unpacked once."""
    return mnist._unpacked()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and a process that has mapped nothing yet."""
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path / "cache"))
    mnist._stream.cache_clear()
    yield tmp_path / "cache"
    mnist._stream.cache_clear()


@pytest.mark.parametrize("split", ["train", "test"])
def test_all_bytes_are_the_published_ones(split):
    digits = load_mnist(split)
    images = struct.pack(">4I", 0x803, len(digits), 28, 28) + digits.images.tobytes()
    labels = struct.pack(">2I", 0x801, len(digits)) + digits.labels.astype(np.uint8).tobytes()
    assert hashlib.sha256(images).hexdigest() == PUBLISHED_SHA256[split, "images"]
    assert hashlib.sha256(labels).hexdigest() == PUBLISHED_SHA256[split, "labels"]


def test_shapes_types_and_source():
    train, test, both = load_mnist(), load_mnist("test"), load_mnist("all")
    assert [len(train), len(test), len(both)] == [60_000, 10_000, 70_000]
    assert train.image_shape == (1, 28, 28) and train.labels.dtype == np.int64
    assert train.classes == tuple("0123456789") and train.source == "mnist (train)"
    assert np.array_equal(both.images[60_000:], test.images)
    assert np.array_equal(both.labels[:60_000], train.labels)


def test_an_unknown_split_is_refused():
    with pytest.raises(ConfigError, match="'validation' is unknown; MNIST has train, test, all"):
        load_mnist("validation")


def test_the_cache_file_is_mapped_read_only_and_alone_in_its_folder(cache):
    images = load_mnist().images
    assert isinstance(images, np.memmap) and not images.flags.writeable
    assert list(cache.iterdir()) == [mnist.cache_file()]


def test_a_whole_cache_file_is_not_unpacked_again(cache, monkeypatch):
    load_mnist()
    mnist._stream.cache_clear()
    monkeypatch.setattr(mnist, "_unpacked", lambda: pytest.fail("unpacked twice"))
    assert load_mnist("test").labels[0] == 7


@pytest.mark.parametrize("damage", ["truncated", "emptied", "one byte changed", "a link to nothing"])
def test_a_damaged_cache_file_is_made_anew(cache, damage, content, monkeypatch):
    monkeypatch.setattr(mnist, "_unpacked", lambda: content)
    load_mnist()
    mnist._stream.cache_clear()
    path = mnist.cache_file()
    if damage == "truncated":
        path.write_bytes(content[:-1])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "one byte changed":
        path.write_bytes(content[:30_000_000] + b"\x01" + content[30_000_001:])
    else:
        path.unlink()
        path.symlink_to(path.with_name("gone"))
    assert isinstance(load_mnist().images, np.memmap)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == mnist.STREAM_SHA256


def test_an_unwritable_cache_falls_back_to_memory_with_one_warning(tmp_path, cache, content, monkeypatch):
    monkeypatch.setattr(mnist, "_unpacked", lambda: content)
    (tmp_path / "a file").write_text("no folder can lie in here")
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path / "a file" / "cache"))
    with pytest.warns(UserWarning, match=r"unpacked in memory.*DIGITSMITH_CACHE") as caught:
        digits = load_mnist("test")
        load_mnist("train")
    assert len(caught) == 1 and caught[0].filename == __file__
    assert not isinstance(digits.images, np.memmap) and digits.labels[0] == 7


def test_a_full_disk_falls_back_to_memory_and_leaves_nothing_behind(cache, content, monkeypatch):
    monkeypatch.setattr(mnist, "_unpacked", lambda: content)

    def full(descriptor):
        raise OSError(28, "the disk is full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="the disk is full"):
        load_mnist("test")
    assert not cache.exists()  # not even the folder that was made for it


def test_damaged_package_data_says_reinstall(cache, monkeypatch):
    monkeypatch.setattr(mnist, "STREAM_SHA256", "0" * 64)
    with pytest.raises(DataError, match=r"damaged .*; reinstall digitsmith"):
        load_mnist()
    monkeypatch.setattr(mnist.resources, "files", lambda package: cache / "nowhere")
    with pytest.raises(DataError, match=r"cannot be unpacked; reinstall digitsmith"):
        load_mnist()


def test_processes_at_once_all_succeed(cache):
    code = (
        "from digitsmith.data import load_mnist; d = load_mnist('test'); print(type(d.images).__name__, d.labels.sum())"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate()[0] for process in processes} == {"memmap 44434\n"}
    assert [file.name for file in cache.iterdir()] == [mnist.cache_file().name]


def test_loading_imports_nothing_heavy():
    heavy = "{'torch', 'pandas', 'pyarrow', 'PIL'}"
    code = f"import sys; from digitsmith.data import load_mnist, read_digits; print({heavy} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_the_cache_folder_is_the_users_own_unless_told(monkeypatch):
    monkeypatch.setenv("DIGITSMITH_CACHE", "")
    monkeypatch.setattr(
        "digitsmith.storage.platformdirs.user_cache_dir", lambda name, appauthor: f"/home/user/.cache/{name}"
    )
    assert str(mnist.cache_file().parent) == "/home/user/.cache/digitsmith"
