"""IDX: round trips of real digits in every layout, and every lie a header can tell."""

import gzip
import struct

import numpy as np
import pytest

from digitsmith.data import load_mnist
from digitsmith.data.idx import parse_idx, read_idx
from digitsmith.errors import DataError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array):
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def digits():
    return load_mnist("test").take(np.arange(22, 62))


def write(folder, images=None, labels=None, *, names=(IMAGES, LABELS), pack=lambda data: data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_bytes(pack(idx(digits().images[:, 0] if images is None else images)))
    (folder / names[1]).write_bytes(pack(idx(digits().labels if labels is None else labels)))
    return folder


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize(
    "names",
    [
        (IMAGES, LABELS),
        (IMAGES + ".gz", LABELS + ".gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("images-idx3-ubyte", "labels-idx1-ubyte"),
        ("images-idx3-ubyte", "labels.idx1-ubyte.gz"),
    ],
)
def test_a_folder_or_an_images_file_round_trips_under_any_name(tmp_path, names, pack):
    write(tmp_path, names=names, pack=pack)
    for path in (tmp_path, tmp_path / names[0]):
        assert read_idx(path).fingerprint() == digits().fingerprint()


def test_the_split_chooses_the_pair(tmp_path):
    write(tmp_path)
    write(tmp_path, 255 - digits().images[:, 0], names=("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"))
    assert np.array_equal(read_idx(tmp_path).images, digits().images)
    assert np.array_equal(read_idx(tmp_path, split="test").images, 255 - digits().images)


def test_a_raw_file_and_its_gz_are_one_set(tmp_path):
    write(tmp_path)
    write(tmp_path, names=(IMAGES + ".gz", LABELS + ".gz"), pack=gzip.compress)
    assert read_idx(tmp_path).source.endswith(IMAGES)


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)], ids=["NCHW", "NHWC"])
def test_rank_4_is_colour_in_either_order(tmp_path, axes):
    colour = np.concatenate([digits().images, 255 - digits().images, digits().images // 2], axis=1)
    write(tmp_path, colour.transpose(axes))
    assert np.array_equal(read_idx(tmp_path).images, colour)


def test_parse_takes_bytes_and_paths(tmp_path):
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    (tmp_path / "x").write_bytes(gzip.compress(idx(array)))
    assert np.array_equal(parse_idx(idx(array)), array)
    assert np.array_equal(parse_idx(tmp_path / "x"), array)


HEAD = struct.pack(">4I", 0x803, 40, 28, 28)
BODY = bytes(40 * 784)
BAD = {
    "nothing": (b"", "begins with nothing"),
    "not IDX": (b"hello world", "begins with 68 65 6c 6c"),
    "type code": (b"\0\0\x0d\x03" + HEAD[4:] + BODY, "type code 0x0d"),
    "rank 0": (b"\0\0\x08\0", "0 dimensions"),
    "rank 9": (b"\0\0\x08\x09" + bytes(36), "9 dimensions"),
    "header cut": (HEAD[:10], "ends within its header"),
    "truncated": (HEAD + BODY[:-1], "only 31,359 are there"),
    "over-long": (HEAD + BODY + b"\0", "but more are there"),
    "4 GiB in each dimension": (struct.pack(">4I", 0x803, *[2**32 - 1] * 3), "only 0 are there"),
    "gzip with a lying header": (gzip.compress(struct.pack(">4I", 0x803, *[2**32 - 1] * 3) + BODY), "only 31,360"),
    "gzip cut": (gzip.compress(HEAD + np.random.default_rng(0).bytes(31_360))[:-9000], "gzip data is damaged"),
    "gzip checksum": (gzip.compress(HEAD + BODY)[:-8] + bytes(8), "gzip data is damaged"),
    "no images": (struct.pack(">4I", 0x803, 0, 2**32 - 1, 2**32 - 1), "is empty"),
    "labels in place of images": (idx(np.arange(40)), "has rank 1"),
    "other count": (struct.pack(">4I", 0x803, 39, 28, 28) + BODY[784:], "39 images, but"),
    "no channels": (struct.pack(">5I", 0x804, 40, 4, 7, 28) + BODY, "neither the second nor the last"),
    "both channels": (struct.pack(">5I", 0x804, 40, 1, 28, 3) + bytes(40 * 84), "both the second and the last"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_images_are_one_line_with_file_and_cause(tmp_path, case):
    content, cause = BAD[case]
    write(tmp_path)
    (tmp_path / IMAGES).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path)
    line = str(caught.value)
    assert cause in line and IMAGES in line and "\n" not in line


@pytest.mark.parametrize(
    ("labels", "cause"),
    [
        (np.arange(39), "40 images, but"),
        (np.zeros((40, 2)), "labels must be integers"),
    ],
)
def test_bad_labels_are_one_line(tmp_path, labels, cause):
    with pytest.raises(DataError, match=cause):
        read_idx(write(tmp_path, labels=labels))


def test_missing_and_ambiguous_files_are_named(tmp_path):
    with pytest.raises(DataError, match="holds no images file such as train-images-idx3-ubyte"):
        read_idx(tmp_path)
    with pytest.raises(DataError, match="has no test split; the files there are train-images-idx3-ubyte"):
        read_idx(write(tmp_path / "a"), split="test")
    (tmp_path / "a" / LABELS).unlink()
    with pytest.raises(DataError, match="no labels beside it; looked for train-labels-idx1-ubyte, "):
        read_idx(tmp_path / "a")
    with pytest.raises(DataError, match="does not say 'images'"):
        read_idx(write(tmp_path / "b") / LABELS)
    write(tmp_path / "b", names=("emnist-train-images-idx3-ubyte", "emnist-train-labels-idx1-ubyte"))
    with pytest.raises(DataError, match=r"several train sets \(emnist-train-images"):
        read_idx(tmp_path / "b")
    with pytest.raises(DataError, match="does not exist"):
        parse_idx(tmp_path / "gone")
