"""Random damage to small real files: whatever the bytes, a reader gives `Digits` or a one-line `DataError`.

Memory is watched too: no header may make a reader allocate what the file does not hold.
"""

import gzip
import io
import resource
import struct
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from digitsmith.data import Digits, load_mnist
from digitsmith.data.csv import read_csv
from digitsmith.data.folder import read_folder
from digitsmith.data.idx import read_idx
from digitsmith.data.npz import read_npz
from digitsmith.data.parquet import read_parquet
from digitsmith.errors import DataError

BOUND_BYTES = 96 * 2**20  # the files have some 10 kB; Pillow may hold one picture of 4096 × 4096

DATA = load_mnist("test").take(np.arange(22, 62))
IDX_IMAGES = struct.pack(">4I", 0x803, 40, 28, 28) + DATA.images.tobytes()
IDX_LABELS = struct.pack(">2I", 0x801, 40) + DATA.labels.astype(np.uint8).tobytes()


def saved(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def picture(kind):
    return saved(lambda stream: Image.fromarray(DATA.images[0, 0]).save(stream, kind))


def table(images):
    return saved(lambda s: parquet.write_table(pa.table({"image": images, "label": DATA.labels}), s))


def csv(data):
    rows = np.concatenate([data.labels[:, None], data.images.reshape(len(data), -1)], axis=1)
    return saved(lambda stream: np.savetxt(stream, rows, fmt="%d", delimiter=","))


STRUCTS = pa.array(
    [{"bytes": saved(lambda s, i=i: Image.fromarray(i[0]).save(s, "PNG")), "path": None} for i in DATA.images]
)
ARRAYS = {"images": DATA.images, "labels": DATA.labels, "classes": np.array(list("abcdefghij"))}
# name: (a valid file's bytes, where it lies in the folder, what else lies there, the reader, what it is given)
VALID = {
    "idx": (IDX_IMAGES, "images-idx3-ubyte", {"labels-idx1-ubyte": IDX_LABELS}, read_idx, "."),
    "idx labels": (IDX_LABELS, "labels-idx1-ubyte", {"images-idx3-ubyte": IDX_IMAGES}, read_idx, "."),
    "idx.gz": (gzip.compress(IDX_IMAGES), "images.gz", {"labels": IDX_LABELS}, read_idx, "images.gz"),
    "npz": (saved(lambda s: np.savez(s, **ARRAYS)), "a.npz", {}, read_npz, "a.npz"),
    "npz packed": (saved(lambda s: np.savez_compressed(s, **ARRAYS)), "a.npz", {}, read_npz, "a.npz"),
    "csv": (csv(DATA), "a.csv", {}, read_csv, "a.csv"),
    "csv.gz": (gzip.compress(csv(DATA)), "a.csv", {}, read_csv, "a.csv"),
    "parquet of pictures": (table(STRUCTS), "a.parquet", {}, read_parquet, "a.parquet"),
    "parquet of lists": (table(pa.array(DATA.images.tolist())), "a.parquet", {}, read_parquet, "a.parquet"),
    **{kind: (picture(kind), "0/a", {}, read_folder, ".") for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")},
}


@st.composite
def damaged(draw, valid):
    """Random bytes, or `valid` cut short, grown, or with bytes changed, near its ends more often than within."""
    kind = draw(st.sampled_from(["bytes", "cut", "grown", "flipped", "flipped", "flipped"]))
    if kind == "bytes":
        return draw(st.binary(max_size=64))
    if kind == "cut":
        return valid[: draw(st.integers(0, len(valid) - 1))]
    if kind == "grown":
        return valid + draw(st.binary(min_size=1, max_size=64))
    data = bytearray(valid)
    last = len(data) - 1
    places = st.integers(0, last) | st.integers(0, min(64, last)) | st.integers(max(0, last - 2000), last)
    for place in draw(st.lists(places, min_size=1, max_size=4)):
        data[place] = draw(st.integers(0, 255))
    return bytes(data)


def read(name, content):
    """Digits or None; any other exception, or a message of several lines, is the test's failure."""
    _, place, others, reader, given_path = VALID[name]
    with tempfile.TemporaryDirectory() as folder:
        for file, data in {**others, place: content}.items():
            (Path(folder) / file).parent.mkdir(exist_ok=True)
            (Path(folder) / file).write_bytes(data)
        try:
            return reader(Path(folder) / given_path)
        except DataError as error:
            assert "\n" not in str(error) and folder in str(error)
            return None


def resident_peak():
    """The most memory this process has ever touched: sees what Arrow and Pillow take, as tracemalloc does not."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("name", VALID)
def test_damage_gives_digits_or_one_line_within_bounds(name):
    valid = VALID[name][0]
    assert isinstance(read(name, valid), Digits)

    @settings(max_examples=120, deadline=None, derandomize=True, database=None)
    @given(damaged(valid))
    def attack(content):
        read(name, content)
        assert tracemalloc.get_traced_memory()[1] < BOUND_BYTES
        assert resident_peak() < before + BOUND_BYTES

    before = resident_peak()
    tracemalloc.start()
    try:
        attack()
    finally:
        tracemalloc.stop()
