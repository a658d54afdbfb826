"""Parquet: pictures and pixel lists as they are found in the wild, read row for row; faults name file and row."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from digitsmith.data import load_mnist
from digitsmith.data.parquet import read_parquet
from digitsmith.errors import DataError

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def digits():
    return load_mnist("test").take(np.arange(22, 62))


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


PIXELS, LABELS = np.array(digits().images[:, 0]), digits().labels
PNGS = [png(image) for image in PIXELS]
STRUCTS = [{"bytes": content, "path": f"{index}.png"} for index, content in enumerate(PNGS)]


def write(path, images, labels=LABELS, *, names=("image", "label"), metadata=None):
    table = pa.table([images, pa.array(labels)], names=list(names))
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table.replace_schema_metadata(metadata), path)
    return path


COLUMNS = {
    "bytes and path": pa.array(STRUCTS),
    "plain pictures": pa.array(PNGS),
    "large pictures": pa.array(PNGS, pa.large_binary()),
    "flat uint8": pa.array(PIXELS.reshape(40, 784).tolist(), pa.list_(pa.uint8())),
    "flat int64": pa.array(PIXELS.reshape(40, 784).tolist()),
    "flat of fixed size": pa.FixedSizeListArray.from_arrays(pa.array(PIXELS.ravel()), 784),
    "rows": pa.array(PIXELS.tolist(), pa.list_(pa.list_(pa.uint8()))),
    "large lists": pa.array(PIXELS.tolist(), pa.large_list(pa.large_list(pa.uint8()))),
    "planes": pa.array(PIXELS[:, None].tolist()),
    "floats": pa.array((PIXELS / 255).tolist()),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_kind_of_image_column_is_the_same_digits(tmp_path, column):
    path = write(tmp_path / "a.parquet", COLUMNS[column])
    assert read_parquet(path).fingerprint() == digits().fingerprint()


@pytest.mark.parametrize("names", [("img", "labels"), ("images", "class")])
def test_column_names_of_other_writers_are_known(tmp_path, names):
    assert len(read_parquet(write(tmp_path / "a.parquet", COLUMNS["plain pictures"], names=names))) == 40


def test_class_names_come_from_the_huggingface_metadata(tmp_path):
    features = {"image": {"_type": "Image"}, "label": {"names": WORDS, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    read = read_parquet(write(tmp_path / "a.parquet", COLUMNS["bytes and path"], metadata=metadata))
    assert read.classes == tuple(WORDS) and np.array_equal(read.labels, LABELS)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_labels_may_be_names(tmp_path, kind):
    labels = pa.array([WORDS[label] for label in LABELS]).cast(kind)
    read = read_parquet(write(tmp_path / "a.parquet", COLUMNS["flat uint8"], labels))
    assert [read.classes[label] for label in read.labels] == [WORDS[label] for label in LABELS]


@pytest.mark.parametrize("place", ["", "data"])
def test_the_shards_of_a_split_are_joined_in_order(tmp_path, place):
    for shard, rows in enumerate((slice(0, 15), slice(15, 40))):
        name = f"train-0000{shard}-of-00002.parquet"
        write(tmp_path / place / name, COLUMNS["plain pictures"][rows], LABELS[rows])
    write(tmp_path / place / "test-00000-of-00001.parquet", COLUMNS["plain pictures"])
    assert read_parquet(tmp_path).fingerprint() == digits().fingerprint()
    assert len(read_parquet(tmp_path, split="test")) == 40


def test_more_rows_than_a_batch_are_read(tmp_path):
    many = load_mnist("test").take(np.arange(3000))
    path = write(
        tmp_path / "a.parquet", pa.array(many.images.reshape(3000, 784).tolist(), pa.list_(pa.uint8())), many.labels
    )
    assert read_parquet(path).fingerprint() == many.fingerprint()


def test_what_the_datasets_library_writes_is_read(tmp_path):
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=WORDS)})
    images = [Image.fromarray(image) for image in PIXELS]
    written = datasets.Dataset.from_dict({"image": images, "label": LABELS.tolist()}, features=features)
    written.to_parquet(tmp_path / "images.parquet")
    read = read_parquet(tmp_path / "images.parquet")
    assert read.classes == tuple(WORDS) and np.array_equal(read.images[:, 0], PIXELS)
    features["image"] = datasets.Array2D((28, 28), "uint8")
    written = datasets.Dataset.from_dict({"image": PIXELS, "label": LABELS.tolist()}, features=features)
    written.to_parquet(tmp_path / "arrays.parquet")
    assert np.array_equal(read_parquet(tmp_path / "arrays.parquet").images[:, 0], PIXELS)


def replaced(values, row, value):
    return [*values[:row], value, *values[row + 1 :]]


FLAT = PIXELS.reshape(40, 784).tolist()
BAD = {
    "a path without bytes": (replaced(STRUCTS, 7, {"bytes": None, "path": "a.png"}), LABELS, "row 7 has no bytes"),
    "an image that is null": (replaced(STRUCTS, 7, None), LABELS, "row 7 has no bytes"),
    "a broken picture": (replaced(PNGS, 7, PNGS[7][:-60]), LABELS, "row 7: is a damaged picture"),
    "text for a picture": (replaced(PNGS, 7, b"hello"), LABELS, "row 7: is not a PNG"),
    "a picture of another size": (replaced(PNGS, 7, png(PIXELS[0, 1:])), LABELS, "row 7: is 28 × 27 pixels, but"),
    "a shorter list": (replaced(FLAT, 7, FLAT[7][1:]), LABELS, "row 7 is of another size"),
    "a shorter row in a list": (replaced(PIXELS.tolist(), 7, [[1]] * 28), LABELS, "row 7 is of another size"),
    "a list that is null": (replaced(FLAT, 7, None), LABELS, "row 7 is empty"),
    "a pixel that is null": (replaced(FLAT, 7, [None, *FLAT[7][1:]]), LABELS, "row 7 is empty"),
    "empty lists": ([[]] * 40, LABELS, "row 0 has no pixels"),
    "a pixel of 256": (replaced(FLAT, 7, [256, *FLAT[7][1:]]), LABELS, "pixels are int64 in 0..256"),
    "lists of words": ([["a"]] * 40, LABELS, "lists of string"),
    "words for images": (["a.png"] * 40, LABELS, "is of the type string"),
    "paths only": ([{"path": "a.png"}] * 40, LABELS, "is of the type struct"),
    "a label that is null": (PNGS, replaced(LABELS.tolist(), 7, None), "label: row 7 is empty"),
    "a label below 0": (PNGS, replaced(LABELS.tolist(), 7, -1), "label -1 of image 7"),
    "a label out of this world": (PNGS, replaced(LABELS.tolist(), 7, 2**60), "label 1152921504606846976"),
    "labels of another type": (PNGS, [True] * 40, "is of the type bool"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_columns_are_one_line_with_file_and_row(tmp_path, case):
    images, labels, cause = BAD[case]
    expect(write(tmp_path / "bad.parquet", pa.array(images), labels), cause)


def expect(path, cause):
    with pytest.raises(DataError) as caught:
        read_parquet(path)
    line = str(caught.value)
    assert "bad.parquet" in line and cause in line and "\n" not in line


def test_missing_and_doubled_columns_list_what_is_there(tmp_path):
    images = COLUMNS["plain pictures"]
    expect(write(tmp_path / "bad.parquet", images, names=("picture", "label")), "there are picture, label")
    expect(
        write(tmp_path / "bad.parquet", images, names=("image", "digit")), "called label or labels or class, not one"
    )
    expect(write(tmp_path / "bad.parquet", images, names=("label", "label")), "0 columns are called image")


@pytest.mark.parametrize("metadata", ["{", "[]", '{"info": {"features": {"label": 3}}}', "[" * 100_000])
def test_damaged_metadata_is_said(tmp_path, metadata):
    path = write(tmp_path / "bad.parquet", COLUMNS["plain pictures"], metadata={"huggingface": metadata})
    expect(path, "huggingface schema metadata is damaged")


def test_metadata_without_class_names_is_no_fault(tmp_path):
    for label in ({"dtype": "int64", "_type": "Value"}, None):
        features = {"label": label} if label else {}
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        path = write(tmp_path / "a.parquet", COLUMNS["plain pictures"], metadata=metadata)
        assert read_parquet(path).classes == tuple("0123456789")


def test_files_that_are_not_parquet_or_empty(tmp_path):
    whole = write(tmp_path / "bad.parquet", COLUMNS["plain pictures"]).read_bytes()
    for content in (b"", b"PAR1", whole[:-9], b"PAR1" + bytes(99) + b"PAR1"):
        (tmp_path / "bad.parquet").write_bytes(content)
        expect(tmp_path / "bad.parquet", "is not a whole Parquet file")
    expect(write(tmp_path / "bad.parquet", pa.array([], pa.binary()), pa.array([], pa.int64())), "holds no")


def test_shards_that_do_not_fit_together_are_named(tmp_path):
    write(tmp_path / "train-0.parquet", COLUMNS["plain pictures"])
    write(tmp_path / "train-1.parquet", pa.array(PIXELS[:, 2:, 2:].reshape(40, -1).tolist()))
    with pytest.raises(DataError, match=r"train-1.parquet: its images are \[1, 26, 26\], those of .*train-0.parquet"):
        read_parquet(tmp_path)
    write(tmp_path / "train-1.parquet", COLUMNS["plain pictures"], [WORDS[label] for label in LABELS])
    with pytest.raises(DataError, match="labels are of another kind"):
        read_parquet(tmp_path)
    with pytest.raises(DataError, match="has no test split"):
        read_parquet(tmp_path, split="test")
