"""NumPy's .npz: every accepted layout gives the same digits; pickles, bombs and lies are refused unread."""

import io
import struct
import zipfile

import numpy as np
import pytest

from digitsmith.data import load_mnist
from digitsmith.data.npz import read_npz
from digitsmith.errors import DataError


def digits():
    return load_mnist("test").take(np.arange(22, 62))


X, Y = np.array(digits().images[:, 0]), digits().labels


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "keys", [("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels"), ("x", "y"), ("X", "y")]
)
def test_round_trip_under_every_pair_of_keys(tmp_path, keys, save):
    save(tmp_path / "a.npz", **dict(zip(keys, (X, Y), strict=True)))
    assert read_npz(tmp_path / "a.npz").fingerprint() == digits().fingerprint()


@pytest.mark.parametrize(
    "images",
    [
        X[:, None],
        X[..., None],
        X.reshape(40, 784),
        X.astype(np.int64),
        X.astype(">u2"),
        np.asfortranarray(X),
        (X / 255).astype(np.float32),
        (X / 255).astype(np.float16),
    ],
    ids=["NCHW", "NHWC", "flat", "int64", "big-endian", "Fortran order", "float32", "float16"],
)
@pytest.mark.parametrize("labels", [Y, Y[:, None], Y.astype(np.uint8), Y.astype(np.float64), Y.astype("U1")])
def test_layouts_and_types_are_the_same_digits(tmp_path, images, labels):
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    read = read_npz(tmp_path / "a.npz")
    assert read.fingerprint() == digits().fingerprint() and read.labels.dtype == np.int64


def test_class_names_are_taken(tmp_path):
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    np.savez(tmp_path / "a.npz", x=X, y=Y, classes=np.array(names))
    assert read_npz(tmp_path / "a.npz").classes == tuple(names)


def test_splits_are_told_apart(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=255 - X, y_test=Y)
    assert np.array_equal(read_npz(tmp_path / "a.npz", split="test").images[:, 0], 255 - X)
    np.savez(tmp_path / "b.npz", x=X, y=Y)
    with pytest.raises(DataError, match="has no test images and labels: looked for x_test/y_test"):
        read_npz(tmp_path / "b.npz", split="test")


def test_a_class_may_be_without_an_image_until_one_is_needed(tmp_path):
    np.savez(tmp_path / "a.npz", x=X[:2], y=np.array([1, 4]))
    read = read_npz(tmp_path / "a.npz")
    assert read.classes == tuple("01234") and read.counts.tolist() == [0, 1, 0, 0, 1]
    with pytest.raises(DataError, match=r"a\.npz: x: class '0' has no image"):
        read.require_every_class()


def nan():
    images = X / 255
    images[3, 4, 5] = np.nan
    return images


def odd_labels(value, dtype=np.float64):
    labels = Y.astype(dtype)
    labels[7] = value
    return labels


BAD_ARRAYS = {
    "floats in -1..1": ({"x": X / 127.5 - 1, "y": Y}, "x: pixels are float64 in -1..1; give"),
    "floats in 0..255": ({"x": X.astype(np.float32), "y": Y}, "x: pixels are float32 in 0..255; give"),
    "NaN": ({"x": nan(), "y": Y}, "in nan..nan"),
    "16 bits": ({"x": X.astype(np.int32) * 2, "y": Y}, "pixels are int32 in 0..510"),
    "bool": ({"x": X > 9, "y": Y}, "pixels are bool"),
    "pickled": ({"x": X, "y": Y.astype(object)}, "y.npy: holds object; save plain numbers"),
    "structured": ({"x": X, "y": np.zeros(40, "u1,u2")}, "y.npy: holds"),
    "not square": ({"x": X.reshape(40, 784)[:, 1:], "y": Y}, "783 pixels an image are neither"),
    "one dimension": ({"x": X.ravel(), "y": Y}, "images must be [N, H, W]"),
    "no images": ({"x": X[:0], "y": Y[:0]}, "x.npy: is empty, its shape is [0, 28, 28]"),
    "other count": ({"x": X[:-1], "y": Y}, "39 images but 40 labels"),
    "half a label": ({"x": X, "y": odd_labels(2.5)}, "y: label 2.5 of image 7"),
    "a label that is NaN": ({"x": X, "y": odd_labels(np.nan)}, "label nan of image 7"),
    "a label below 0": ({"x": X, "y": odd_labels(-1, np.int64)}, "label -1 of image 7"),
    "a label out of this world": ({"x": X, "y": odd_labels(2**64 - 1, np.uint64)}, "label 18446744073709551615"),
    "complex labels": ({"x": X, "y": Y * 1j}, "y.npy: holds complex128"),
    "one-hot labels": ({"x": X, "y": np.eye(10)[Y]}, "labels must be integers [N]"),
    "a label beyond 65,535": ({"x": X, "y": odd_labels(65_536)}, "is no whole number in 0..65535"),
    "too few names": ({"x": X, "y": Y, "classes": np.array(list("abc"))}, "is no whole number in 0..2"),
    "a name twice": ({"x": X, "y": Y, "classes": np.array(list("0123456780"))}, "'0' stands twice"),
    "names that are numbers": ({"x": X, "y": Y, "classes": np.arange(10)}, "classes: must be strings"),
    "names beside names": ({"x": X, "y": Y.astype("U"), "classes": np.array(list("01"))}, "are strings already"),
    "a name with a line end": ({"x": X, "y": np.where(Y == 1, "a\nb", "c")}, "'a\\nb' cannot be a class name"),
    "other keys": ({"pixels": X, "targets": Y}, "there is pixels, targets"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_one_line_with_file_and_cause(tmp_path, case):
    arrays, cause = BAD_ARRAYS[case]
    np.savez(tmp_path / "bad.npz", **arrays)
    expect(tmp_path / "bad.npz", cause)


def expect(path, cause):
    with pytest.raises(DataError) as caught:
        read_npz(path)
    line = str(caught.value)
    assert "bad.npz" in line and cause in line and "\n" not in line


def npy(shape, body=b"", *, descr="|u1"):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def save(path, images, *, method=zipfile.ZIP_DEFLATED):
    labels = io.BytesIO()
    np.save(labels, Y)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", images)
        archive.writestr("y.npy", labels.getvalue())


LIES = {
    "a shape beyond the member": (npy("(1000000000, 28, 28)", bytes(784)), "its header promises uint8"),
    "a shape beyond 64 bits": (npy("(99999999999999999999, 28, 28)"), "its header promises uint8"),
    "a negative shape": (npy("(-40, 28, 28)", bytes(784)), "is empty"),
    "an enormous item": (npy("(1,)", b"", descr="<U99999999"), "its header promises <U99999999"),
    "an item of nothing": (npy("(10, 28, 28)", b"", descr="<U0"), "holds <U0"),
    "bytes left over": (
        npy("(40, 28, 28)", bytes(40 * 784 + 1)),
        "its header promises uint8 [40, 28, 28], but 31,361 bytes are there",
    ),
    "no magic": (b"hello", "is not a NumPy array"),
    "nested beyond reason": (npy("(" * 5000), "is not a NumPy array"),
    "version 9": (b"\x93NUMPY\x09\x00" + npy("(1,)")[8:], "is not a NumPy array"),
}


@pytest.mark.parametrize("case", LIES)
def test_lying_headers_are_refused(tmp_path, case):
    content, cause = LIES[case]
    save(tmp_path / "bad.npz", content)
    expect(tmp_path / "bad.npz", f"x.npy: {cause}")


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path):
    save(tmp_path / "bad.npz", npy("(40, 28, 28)", bytes(40 * 784)))
    data = bytearray((tmp_path / "bad.npz").read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 2**31)  # the unpacked size of the first member
    (tmp_path / "bad.npz").write_bytes(data)
    expect(tmp_path / "bad.npz", "size in the zip folder cannot be true")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_numpy_never_writes_are_refused(tmp_path, method):
    save(tmp_path / "bad.npz", npy("(40, 28, 28)", bytes(40 * 784)), method=method)
    expect(tmp_path / "bad.npz", "size in the zip folder cannot be true")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_what_is_no_zip_is_said(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    expect(tmp_path / "bad.npz", "is not a whole .npz file")
