"""The catalogue of named data sets, and the decoders of the forms they were published in."""

import bz2
import io
import re
import string

import numpy as np
import pytest
import scipy.io

from digitsmith.data import published, read_digits
from digitsmith.data.catalogue import CATALOGUE, EMNIST_BALANCED, EMNIST_LETTERS, FASHION_MNIST
from digitsmith.data.mat5 import read_mat
from digitsmith.data.published import cifar_records, libsvm_rows, svhn_arrays
from digitsmith.data.reading import KNOWN
from digitsmith.drawing.writers import write_data_set
from digitsmith.errors import DataError
from published_files import idx, libsvm, mat

RNG = np.random.default_rng(0)


def written(folder, **files):
    """The files in `folder`, in this order."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def test_every_data_set_is_known_by_its_name():
    assert KNOWN[:2] == ("mnist", "stacked-mnist") and set(KNOWN[2:]) == set(CATALOGUE)
    assert list(CATALOGUE) == [data.name for data in CATALOGUE.values()]


@pytest.mark.parametrize("data", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_file_has_a_size_a_checksum_and_a_way_to_it(data):
    for file in data.all_files:
        assert file.size > 100 and re.fullmatch("[0-9a-f]{64}", file.sha256)
        where = [file] if data.archive is None else [data.archive]
        assert (file.member == "") == (data.archive is None) and (data.archive is None or file in data.together)
        assert all(re.match("https?://", address) for source in where for address in source.addresses)
        assert all(source.addresses for source in where)
    assert len({file.name for file in data.all_files}) == len({file.sha256 for file in data.all_files})
    assert len(set(data.classes)) == len(data.classes) and data.licence and data.citation and data.homepage


def test_class_names():
    assert FASHION_MNIST.classes[0] == "T-shirt/top" and FASHION_MNIST.classes[9] == "Ankle boot"
    assert "".join(EMNIST_LETTERS.classes) == string.ascii_lowercase
    names = dict(enumerate(EMNIST_BALANCED.classes))
    assert [names[label] for label in (0, 10, 35, 36, 38, 46)] == ["0", "A", "Z", "a", "d", "t"] and len(names) == 47
    assert CATALOGUE["cifar10"].classes[5] == "dog" and CATALOGUE["svhn"].classes == tuple("0123456789")


def test_the_sizes_of_idx_and_records_are_those_of_the_counts():
    assert sum(file.size for file in CATALOGUE["cifar10"].all_files) == 60_000 * (1 + 3 * 32 * 32)
    assert {name: sum(data.counts.values()) for name, data in CATALOGUE.items()} == {
        "fashion-mnist": 70_000,
        "kmnist": 70_000,
        "emnist-digits": 280_000,
        "emnist-letters": 145_600,
        "emnist-balanced": 131_600,
        "usps": 9_298,
        "svhn": 99_289,
        "cifar10": 60_000,
    }


def test_emnist_is_turned_upright_and_its_letters_count_from_a(tmp_path):
    upright = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    stored = idx(upright.transpose(0, 2, 1))
    pixels, labels = EMNIST_LETTERS.decode(written(tmp_path, images=stored, labels=idx(np.array([1, 26, 5]))))
    assert np.array_equal(pixels, upright[:, None]) and pixels.flags.c_contiguous
    assert [EMNIST_LETTERS.classes[label] for label in labels] == ["a", "z", "e"]


def test_fashion_is_read_as_it_lies(tmp_path):
    images = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    pixels, labels = FASHION_MNIST.decode(written(tmp_path, images=idx(images), labels=idx(np.array([9, 0, 5]))))
    assert np.array_equal(pixels[:, 0], images) and labels.tolist() == [9, 0, 5]


def test_cifar_records_are_planes_of_rows(tmp_path):
    images = RNG.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    records = np.concatenate([np.array([[3], [9], [0], [1]], dtype=np.uint8), images.reshape(4, -1)], axis=1)
    pixels, labels = cifar_records(written(tmp_path, one=records[:2].tobytes(), two=records[2:].tobytes()))
    assert np.array_equal(pixels, images) and labels.tolist() == [3, 9, 0, 1]
    with pytest.raises(DataError, match="not made of records of 3073 bytes"):
        cifar_records(written(tmp_path, cut=records.tobytes()[:-1]))


def test_usps_keeps_16x16_and_rounds_to_gray_levels(tmp_path):
    values = RNG.uniform(-1, 1, (5, 256)).round(3)
    values[0, :3] = [-1, 0.0, 1]
    paths = written(tmp_path, usps=libsvm(values, np.array([1, 10, 3, 4, 5])))
    pixels, labels = libsvm_rows(paths)
    assert pixels.shape == (5, 1, 16, 16) and labels.tolist() == [0, 9, 2, 3, 4]
    assert pixels[0, 0, 0, :3].tolist() == [0, 128, 255]
    assert np.abs(pixels.reshape(5, 256) / 127.5 - 1 - values).max() < 0.5 / 127.5 + 1e-6


def test_usps_may_be_compressed_in_several_pieces(tmp_path):
    values = RNG.uniform(-1, 1, (4, 256)).round(3)
    pieces = libsvm(values[:2], np.array([1, 2])) + libsvm(values[2:], np.array([3, 10]))
    pixels, labels = libsvm_rows(written(tmp_path, usps=pieces))
    assert pixels.shape == (4, 1, 16, 16) and labels.tolist() == [0, 1, 2, 9]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(libsvm(np.zeros((2, 255)), np.array([1, 2])), id="255 values"),
        pytest.param(libsvm(np.full((2, 256), 1.5), np.array([1, 2])), id="beyond 1"),
        pytest.param(bz2.compress(b"1 " + b" ".join(b"%d:0" % i for i in range(256))), id="indices from 0"),
        pytest.param(bz2.compress(b"no numbers"), id="words"),
        pytest.param(bz2.compress(bytes(3 << 20)), id="bomb"),
        pytest.param(libsvm(np.zeros((2, 256)), np.array([1, 2]))[:-20], id="cut short"),
        pytest.param(b"not bzip2 at all", id="not bzip2"),
    ],
)
def test_what_is_no_usps_file_is_one_line(tmp_path, content, monkeypatch):
    monkeypatch.setattr(published, "_MOST_TEXT", 1 << 20)
    with pytest.raises(DataError, match=r"usps: its .*; download it again"):
        libsvm_rows(written(tmp_path, usps=content))


@pytest.mark.parametrize("label_type", [np.uint8, np.float64])
def test_svhn_is_turned_from_matlabs_order_and_label_10_is_the_digit_0(tmp_path, label_type):
    images = RNG.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
    content = mat(X=images.transpose(2, 3, 1, 0), y=np.array([[10], [1], [9], [10], [2], [3]], dtype=label_type))
    pixels, labels = svhn_arrays(written(tmp_path, svhn=content))
    assert np.array_equal(pixels, images) and labels.tolist() == [0, 1, 9, 0, 2, 3]
    theirs = scipy.io.loadmat(tmp_path / "svhn")
    assert np.array_equal(pixels, theirs["X"].transpose(3, 2, 0, 1))


def test_mat_files_are_read_as_scipy_reads_them(tmp_path):
    arrays = {
        "long_name_of_an_array": RNG.normal(size=(3, 4, 5)),
        "small": np.array([[7]], dtype=np.int16),
        "words": np.array(["passed", "over"]),
        "single": RNG.normal(size=(2, 2)).astype(np.float32),
    }
    for compressed in (False, True):
        scipy.io.savemat(tmp_path / "some.mat", arrays, do_compression=compressed)
        found = read_mat(tmp_path / "some.mat", ["long_name_of_an_array", "small", "single"], at_most=1 << 16)
        assert all(np.array_equal(found[name], arrays[name]) for name in found) and len(found) == 3


def test_what_is_no_mat_file_of_such_arrays_is_one_line(tmp_path):
    whole = mat(X=np.arange(3000, dtype=np.int32), y=np.ones(2) * 1j, z=np.array(["text"]))
    read = {"names": ["X"], "at_most": 1 << 20}
    for name, content, error in [
        ("nothing", b"", "cannot be read|no MAT-file"),
        ("hdf5", b"MATLAB 7.3 MAT-file".ljust(600), "no MAT-file of level 5"),
        ("cut", whole[:200], "damaged MAT-file"),
        ("bent", whole[:140] + b"\xff\xff\xff" + whole[143:], "damaged MAT-file"),
    ]:
        with pytest.raises(DataError, match=error):
            read_mat(written(tmp_path, **{name: content})[0], **read)
    (path,) = written(tmp_path, whole=whole)
    assert read_mat(path, **read)["X"].shape == (1, 3000)
    for missing in ("y", "z", "w"):  # complex, text, nowhere
        with pytest.raises(DataError, match=f"holds no array {missing} of real numbers"):
            read_mat(path, [missing], at_most=1 << 20)
    with pytest.raises(DataError, match="damaged MAT-file"):  # a bomb, as far as 100 bytes are concerned
        read_mat(path, ["X"], at_most=100)


@pytest.mark.parametrize("data", [FASHION_MNIST, EMNIST_BALANCED], ids=["fashion-mnist", "emnist-balanced"])
@pytest.mark.parametrize("format", ["npz", "parquet", "png"])
def test_class_names_come_back_from_what_is_written(tmp_path, data, format):
    labels = np.arange(len(data.classes))
    images = RNG.integers(0, 256, (len(labels), *data.image_shape), dtype=np.uint8)
    about = {"classes": data.classes, "count": len(labels), "manifest": {}}
    back = read_digits(write_data_set(tmp_path / "set", [(images, labels)], format=format, **about))
    assert [back.classes[label] for label in back.labels] == sorted(data.classes) if format == "png" else data.classes
    assert set(back.classes) == set(data.classes)
    if format != "png":  # a folder has its classes in the order of their names
        assert back.classes == data.classes and np.array_equal(back.labels, labels)


def test_decoders_name_the_file_that_does_not_fit(tmp_path):
    flat, labels = written(tmp_path, flat=idx(np.zeros(5)), labels=idx(np.zeros(5)))
    with pytest.raises(DataError, match=r"flat: holds 1 dimensions"):
        FASHION_MNIST.decode([flat, labels])
    out = io.BytesIO()
    scipy.io.savemat(out, {"X": np.zeros((32, 32, 3, 4)), "y": np.zeros((4, 1))})
    with pytest.raises(DataError, match="not SVHN's"):
        svhn_arrays(written(tmp_path, floats=out.getvalue()))
