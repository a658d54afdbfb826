"""The one door: whatever lies at a path, the same digits come in, or one line says why not."""

import gzip
import json
import os
import struct

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from digitsmith.data import load_mnist, read_digits
from digitsmith.errors import ConfigError, DataError


def digits():
    """In the order of their classes, as a folder of class folders holds them."""
    data = load_mnist("test").take(np.arange(22, 62))
    return data.take(np.argsort(data.labels, kind="stable"))


def write_idx(folder, data, prefix="train-"):
    images = struct.pack(">4I", 0x803, len(data), 28, 28) + data.images.tobytes()
    labels = struct.pack(">2I", 0x801, len(data)) + data.labels.astype(np.uint8).tobytes()
    (folder / f"{prefix}images-idx3-ubyte").write_bytes(images)
    (folder / f"{prefix}labels-idx1-ubyte").write_bytes(labels)


def write_csv(path, data):
    rows = np.concatenate([data.labels[:, None], data.images.reshape(len(data), -1)], axis=1)
    np.savetxt(path, rows, fmt="%d", delimiter=",")


def write_npz(path, data):
    np.savez(path, images=data.images, labels=data.labels)


def write_parquet(path, data):
    pixels = pa.array(data.images.reshape(len(data), -1).tolist(), pa.list_(pa.uint8()))
    parquet.write_table(pa.table({"image": pixels, "label": data.labels}), path)


def write_folder(folder, data):
    for index, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(folder / str(label) / f"{index:03d}.png")


def in_data(write):
    def nested(folder, data):
        (folder / "data").mkdir()
        write(folder / "data", data)

    return nested


FOLDERS = {
    "idx": write_idx,
    "csv": lambda folder, data: write_csv(folder / "digits.csv", data),
    "csv.gz": lambda folder, data: write_csv(folder / "digits.csv.gz", data),
    "npz": lambda folder, data: write_npz(folder / "digits.npz", data),
    "parquet": lambda folder, data: write_parquet(folder / "digits.parquet", data),
    "shard": lambda folder, data: write_parquet(folder / "train-00000-of-00001.parquet", data),
    "pictures": write_folder,
    "pictures in train": lambda folder, data: write_folder(folder / "train", data),
}


@pytest.mark.parametrize("nested", [False, True], ids=["", "data"])
@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_is_read_by_its_content(tmp_path, kind, nested):
    write = FOLDERS[kind]
    if nested and kind.startswith("pictures"):
        (tmp_path / "data").mkdir()
        write(tmp_path / "data", digits())
        tmp_path = tmp_path / "data"
    else:
        (in_data(write) if nested else write)(tmp_path, digits())
    (tmp_path / "manifest.json").write_text("{}")
    read = read_digits(tmp_path)
    assert read.fingerprint() == digits().fingerprint()


LETTERS = list("abcdefghij")


def manifest_of(classes, **other):
    """The part of a manifest of `digitsmith make` by which it is known."""
    return {"count": 40, "classes": classes, "counts": dict.fromkeys(sorted(classes), 4), **other}


@pytest.mark.parametrize(("kind", "file"), [("idx", "train-images-idx3-ubyte"), ("csv", "digits.csv")])
def test_label_numbers_are_called_as_the_manifest_says_that_was_written_with_them(tmp_path, kind, file):
    FOLDERS[kind](tmp_path, digits())
    for classes in (LETTERS, [*LETTERS, "A"]):  # of the last one there is no image
        (tmp_path / "manifest.json").write_text(json.dumps(manifest_of(classes, format=kind)))
        for path in (tmp_path, tmp_path / file):
            read = read_digits(path)
            assert read.classes == tuple(classes) and np.array_equal(read.labels, digits().labels)


@pytest.mark.parametrize("kind", ["idx", "csv"])
def test_a_manifest_of_something_else_names_no_classes(tmp_path, kind):
    FOLDERS[kind](tmp_path, digits())
    ours = manifest_of(LETTERS, format=kind)
    for manifest in (
        manifest_of(LETTERS, format="npz"),
        manifest_of(LETTERS[:-1], format=kind),  # one fewer than there are labels
        {"classes": LETTERS, "format": kind},
        ours | {"counts": {}},
        ours | {"classes": list(range(10))},
        ours | {"classes": "abcdefghij"},
        [ours],
    ):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        assert read_digits(tmp_path).classes == digits().classes
    for damaged in (b"", b"\xff", json.dumps(ours).encode()[:-1], b"[" * 100_000):
        (tmp_path / "manifest.json").write_bytes(damaged)
        assert read_digits(tmp_path).classes == digits().classes


def test_a_file_is_read_by_its_content_whatever_its_name(tmp_path):
    for write, name in ((write_npz, "a.npz"), (write_parquet, "a.parquet"), (write_csv, "a.csv")):
        write(tmp_path / name, digits())
    (tmp_path / "a.npz").rename(tmp_path / "npz")
    (tmp_path / "a.parquet").rename(tmp_path / "a.bin")
    write_idx(tmp_path, digits())
    packed = gzip.compress((tmp_path / "train-images-idx3-ubyte").read_bytes())
    (tmp_path / "my-images").write_bytes(packed)
    (tmp_path / "train-labels-idx1-ubyte").rename(tmp_path / "my-labels")
    for name in ("npz", "a.bin", "a.csv", "my-images"):
        assert read_digits(str(tmp_path / name)).fingerprint() == digits().fingerprint()


def test_mnist_is_a_name_and_a_folder_of_that_name_a_path(tmp_path, monkeypatch):
    assert read_digits("mnist", split="test").source == "mnist (test)"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist", digits())
    assert len(read_digits("mnist", split="all")) == 70_000
    assert len(read_digits("./mnist")) == 40


@pytest.mark.parametrize("kind", ["idx", "csv", "npz", "parquet", "pictures"])
def test_splits_are_read_apart_and_together(tmp_path, kind):
    train, test = digits(), load_mnist("test").take(np.arange(100, 200))
    test = test.take(np.argsort(test.labels, kind="stable"))
    if kind == "idx":
        write_idx(tmp_path, train), write_idx(tmp_path, test, prefix="t10k-")
    elif kind == "csv":
        write_csv(tmp_path / "mnist_train.csv", train), write_csv(tmp_path / "mnist_test.csv", test)
    elif kind == "npz":
        arrays = {"x_train": train.images, "y_train": train.labels, "x_test": test.images, "y_test": test.labels}
        np.savez(tmp_path / "mnist.npz", **arrays)
    elif kind == "parquet":
        write_parquet(tmp_path / "train.parquet", train), write_parquet(tmp_path / "test.parquet", test)
    else:
        write_folder(tmp_path / "train", train), write_folder(tmp_path / "test", test)
    assert read_digits(tmp_path).fingerprint() == train.fingerprint()
    assert read_digits(tmp_path, split="test").fingerprint() == test.fingerprint()
    both = read_digits(tmp_path, split="all")
    assert np.array_equal(both.images, np.concatenate([train.images, test.images]))
    assert both.source == f"{tmp_path} (all)"


def test_a_file_by_itself_is_the_train_split_unless_its_name_says_otherwise(tmp_path):
    write_csv(tmp_path / "digits.csv", digits())
    write_csv(tmp_path / "mnist_test.csv", digits())
    assert len(read_digits(tmp_path / "mnist_test.csv")) == 40
    assert len(read_digits(tmp_path / "mnist_test.csv", split="test")) == 40
    with pytest.raises(DataError, match="has no test split"):
        read_digits(tmp_path / "digits.csv", split="test")


def expect(path, cause, *, split="train"):
    with pytest.raises(DataError) as caught:
        read_digits(path, split=split)
    assert cause in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_not_there_or_not_known_is_one_line(tmp_path):
    expect("minst", "minst: no such file or folder, and no known name; known names: mnist, stacked-mnist")
    expect(tmp_path / "a\nb", "no such file or folder")
    expect("a\0b", "a\\x00b: no such file or folder")
    expect("x" * 5000, "cannot be read (File name too long)")
    expect(tmp_path, "holds no data in a known format; give an IDX pair, .parquet")
    (tmp_path / "notes.txt").write_text("hello")
    expect(tmp_path, "holds no data in a known format")
    expect(tmp_path / "notes.txt", "is in no known format")
    expect(tmp_path / "notes.txt" / "below", "no such file or folder")
    (tmp_path / "link").symlink_to("gone")
    expect(tmp_path / "link", "is a link to something that is gone")
    (tmp_path / "loop").symlink_to("loop")
    expect(tmp_path / "loop", "loop: ")
    os.mkfifo(tmp_path / "pipe.csv")
    expect(tmp_path / "pipe.csv", "is not a regular file")
    with pytest.raises(ConfigError, match="split 'validation' is unknown; choose one of train, test"):
        read_digits(tmp_path, split="validation")


def test_several_candidates_are_listed(tmp_path):
    write_csv(tmp_path / "a.csv", digits())
    write_csv(tmp_path / "b.csv", digits())
    expect(tmp_path, "holds several train files (a.csv, b.csv); name the one to read")


def test_splits_that_do_not_fit_together_are_refused(tmp_path):
    small = digits().images[:, :, :-2, :-2]
    np.savez(tmp_path / "a.npz", x_train=digits().images, y_train=digits().labels, x_test=small, y_test=digits().labels)
    expect(tmp_path / "a.npz", "train and test splits differ in image size", split="all")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_what_the_system_refuses_is_one_line(tmp_path, monkeypatch, error):
    write_csv(tmp_path / "a.csv", digits())

    def refuse(*args, **kwargs):
        raise error

    for method, path in (("open", tmp_path / "a.csv"), ("iterdir", tmp_path), ("stat", tmp_path / "a.csv")):
        with monkeypatch.context() as patch:
            patch.setattr(f"pathlib.Path.{method}", refuse)
            expect(path, f"cannot be read ({error.strerror}); check the path and its permissions")
