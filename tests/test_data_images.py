"""Images with or without labels, as other programs write them: the same doors, and a line for what is no image."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from digitsmith import api
from digitsmith.data import Digits, Images, load_mnist, read_digits, read_images
from digitsmith.drawing.loading import load
from digitsmith.drawing.requests import balanced_labels
from digitsmith.drawing.writers import FORMATS
from digitsmith.errors import ConfigError, DataError


def digits():
    return load_mnist("test").take(np.arange(22, 62))


X, Y = np.array(digits().images), digits().labels
FLAT = X.reshape(40, 784)


def idx(array):
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def pictures(folder, images=X, *, names="{}.png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        (folder / names.format(index)).write_bytes(png(image[0]))
    return folder


def csv(rows, header=()):
    lines = [header, *rows] if header else rows
    return "".join(",".join(map(str, line)) + "\n" for line in lines).encode()


def file(name, content):
    def write(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return write


def saved(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def table(images):
    return saved(lambda stream: parquet.write_table(pa.table({"image": images}), stream))


NPY = saved(lambda stream: np.save(stream, X))
UNLABELLED = {
    "a folder of pictures": pictures,
    "a folder of pictures and a README": lambda folder: file("README.md", b"")(pictures(folder)).parent,
    "pictures in train": lambda folder: pictures(folder / "train").parent,
    "an IDX images file": file("train-images-idx3-ubyte", idx(X[:, 0])),
    "an IDX file of any name": file("generated", gzip.compress(idx(X[:, 0]))),
    "a folder with an IDX images file": lambda folder: file("images-idx3-ubyte", idx(X[:, 0]))(folder).parent,
    "npz, a known key": file("a.npz", saved(lambda stream: np.savez(stream, images=X, seed=np.arange(3)))),
    "npz, any one array": file("a.npz", saved(lambda stream: np.savez(stream, samples=X))),
    "npz, one array without a key": file("a.npz", saved(lambda stream: np.savez_compressed(stream, X))),
    "npy": file("a.npy", NPY),
    "npy of another name": file("samples", NPY),
    "npy, [N, H, W, C]": file("a.npy", saved(lambda stream: np.save(stream, X.transpose(0, 2, 3, 1)))),
    "npy, flat": file("a.npy", saved(lambda stream: np.save(stream, FLAT))),
    "npy, floats": file("a.npy", saved(lambda stream: np.save(stream, (X / 255).astype(np.float32)))),
    "parquet of pictures": file("a.parquet", table(pa.array([png(image[0]) for image in X]))),
    "parquet of lists": file("a.parquet", table(pa.array(FLAT.tolist(), pa.list_(pa.uint8())))),
    "csv": file("a.csv", csv(FLAT)),
    "csv with a header": file("a.csv", csv(FLAT, [f"pixel{number}" for number in range(784)])),
    "csv with a data frame's numbers": file("a.csv", csv(FLAT, range(784))),
}


@pytest.mark.parametrize("form", UNLABELLED)
def test_images_without_labels_are_read_and_never_taken_for_digits(tmp_path, form):
    path = UNLABELLED[form](tmp_path)
    read = read_images(path)
    assert read.images.dtype == np.uint8 and np.array_equal(read.images, X)
    assert (read.labels, read.classes) == (None, None) and len(read) == 40
    with pytest.raises(DataError) as caught:
        read_digits(path)
    assert str(path.parent) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("format", FORMATS)
def test_a_drawn_data_set_comes_back_with_its_labels(tmp_path, format):
    model = load("cgan")
    api.make(30, out=tmp_path / "set", model=model, format=format, seed=7)
    read = read_images(tmp_path / "set")
    asked = balanced_labels(30, 10)
    drawn = np.concatenate([images for images, _ in model.draw_chunks(asked, seed=7)])
    order = np.argsort(asked, kind="stable") if format == "png" else np.arange(30)  # class folder by class folder
    assert np.array_equal(read.images, drawn[order]) and np.array_equal(read.labels, asked[order])
    assert read.classes == tuple("0123456789")


def test_mnist_and_its_splits_are_read_by_name():
    for split, count in (("train", 60_000), ("test", 10_000), ("all", 70_000)):
        read = read_images("mnist", split=split)
        assert len(read) == count and read.classes == tuple("0123456789")
        assert np.shares_memory(read.images, load_mnist(split).images)


def test_splits_without_labels_are_read_apart_and_together(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, x_test=255 - X)
    pictures(tmp_path / "set" / "train"), pictures(tmp_path / "set" / "test", 255 - X)
    for path in (tmp_path / "a.npz", tmp_path / "set"):
        assert np.array_equal(read_images(path, split="test").images, 255 - X)
        both = read_images(path, split="all")
        assert np.array_equal(both.images, np.concatenate([X, 255 - X])) and both.labels is None
    np.savez(tmp_path / "b.npz", x_train=X, y_train=Y, x_test=X)
    expect(tmp_path / "b.npz", "its train and test splits differ in image size, colour or classes", split="all")
    with pytest.raises(ConfigError, match="split 'validation' is unknown"):
        read_images(tmp_path, split="validation")


def test_pictures_stand_in_the_order_of_their_numbers(tmp_path):
    names = ["a2.png", "a10.png", "a10-2.png", "a10-11.png", "b1.PNG"]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(png(np.full((4, 4), number, np.uint8)))
    order = read_images(tmp_path).images[:, 0, 0, 0].tolist()
    assert [names[number] for number in order] == ["a2.png", "a10-2.png", "a10-11.png", "a10.png", "b1.PNG"]


def test_a_row_is_a_label_and_an_image_where_it_can_be_both(tmp_path):
    rows = np.arange(50 * 49, dtype=np.uint8).reshape(50, 49) % 7  # 7 × 7 gray, or 4 × 4 in colour behind a label
    (tmp_path / "a.csv").write_bytes(csv(rows))
    assert read_images(tmp_path / "a.csv").images.shape == (50, 3, 4, 4)
    (tmp_path / "a.csv").write_bytes(csv(rows, [f"p{number}" for number in range(49)]))
    assert read_images(tmp_path / "a.csv").images.shape == (50, 1, 7, 7)


def expect(path, cause, *, split="train", read=read_images):
    with pytest.raises(DataError) as caught:
        read(path, split=split)
    line = str(caught.value)
    assert cause in line and str(path) in line and "\n" not in line and len(line) < 500, line


def test_who_needs_labels_is_told_why_there_are_none(tmp_path):
    reasons = {
        "an IDX images file": "has no labels beside it; looked for train-labels-idx1-ubyte",
        "an IDX file of any name": "its name does not say 'images'",
        "npz, a known key": "has no train images and labels: looked for x_train/y_train",
        "npy": "a .npy file has no labels; save images and labels together with numpy.savez",
        "parquet of pictures": "0 columns are called label or labels or class, not one; there are image",
        "csv": "has 784 columns; there must be one label and",
        "csv with a header": "0 columns are called label, class or digit, not one; the header begins pixel0",
        "a folder of pictures": "holds no class folders; put each class's pictures in a folder of its name",
    }
    for form, reason in reasons.items():
        (tmp_path / form).mkdir()
        path = UNLABELLED[form](tmp_path / form)
        expect(path, reason, read=read_digits)
        expect(path, reason, read=lambda path, **split: read_images(path, **split).labelled())
    with pytest.raises(DataError, match=r"^memory: has no labels; give labelled images$"):
        Images(X).labelled()


def test_labels_that_are_there_must_be_right(tmp_path):
    (tmp_path / "images-idx3-ubyte").write_bytes(idx(X[:, 0]))
    (tmp_path / "labels-idx1-ubyte").write_bytes(idx(Y[:-1]))
    expect(tmp_path / "images-idx3-ubyte", "holds 40 images, but")
    np.savez(tmp_path / "a.npz", images=X, labels=Y - 1)
    expect(tmp_path / "a.npz", "label -1 of image")
    with pytest.raises(DataError, match="labels and the names of their classes go together"):
        Images(X, Y)
    with pytest.raises(DataError, match="40 images but 39 labels"):
        Images(X, Y[:-1], digits().classes)
    assert Images.of(digits()).labelled().fingerprint() == digits().fingerprint()
    assert isinstance(Images.of(digits()).labelled(), Digits)


def test_labels_given_in_place_of_images_are_refused(tmp_path):
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(Y))
    expect(tmp_path / "train-labels-idx1-ubyte", "give the images file, the labels lie beside it")
    expect(tmp_path, "holds no data in a known format")
    (tmp_path / "mine").write_bytes(idx(Y))
    expect(tmp_path / "mine", "has rank 1; an images file is [N, H, W]")
    for key in ("labels", "y_train", "x_test"):
        np.savez(tmp_path / "a.npz", **{key: Y})
        expect(tmp_path / "a.npz", f"or arr_0/arr_1, there is {key}")
    np.save(tmp_path / "y.npy", Y)
    expect(tmp_path / "y.npy", "images must be [N, H, W]")


def test_what_lies_among_pictures_is_named(tmp_path):
    folder = pictures(tmp_path / "set")
    (folder / "notes.txt").write_text("hello")
    expect(folder, "notes.txt: is not a PNG, JPEG")
    (folder / "notes.txt").write_bytes(png(X[0, 0, 1:]))
    expect(folder, "notes.txt: is 28 × 27 pixels, but")
    (folder / "notes.txt").write_bytes(png(np.repeat(X[0, 0, :, :, None], 3, axis=2)))
    expect(folder, "notes.txt: is colour, but")
    (folder / "notes.txt").unlink()
    (folder / "more").mkdir()
    expect(folder, "0.png: lies beside the class folders")


def test_a_folder_without_pictures_is_said(tmp_path):
    expect(tmp_path, "holds no data in a known format")
    (tmp_path / "notes.txt").write_text("hello")
    expect(tmp_path, "holds no data in a known format")
    (tmp_path / "train").mkdir()
    expect(tmp_path, "train: holds no class folders")
    pictures(tmp_path / "train")
    expect(tmp_path, "has no test split", split="test")


def nan(value, image, *, dtype=np.float32):
    images = (X / 255).astype(dtype)
    images[image:, 0, 3, 4] = value
    return images


@pytest.mark.parametrize(
    ("images", "cause"),
    [
        (nan(np.nan, 17), "pixels are float32 in nan..nan, image 17 (from 0) holds nan; give"),
        (nan(np.inf, 39), "pixels are float32 in 0..inf, image 39 (from 0) holds inf; give"),
        (nan(-np.inf, 0, dtype=np.float16), "pixels are float16 in -inf..1, image 0 (from 0) holds -inf; give"),
        (X / 127.5 - 1, "pixels are float64 in -1..1; give integers in 0..255 or floats in 0..1"),
        (X.astype(np.int16) + 1, "pixels are int16 in 1..256; give"),
        (X > 0, "pixels are bool; give"),
        (X[:0], "is empty"),
    ],
    ids=["NaN", "infinity", "minus infinity", "floats in -1..1", "16 bits", "bool", "none"],
)
def test_pixels_out_of_range_are_refused_with_the_first_image(tmp_path, images, cause):
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "a.npz", images=images)
    for name in ("a.npy", "a.npz"):
        expect(tmp_path / name, cause)


def test_a_pixel_of_nan_is_found_behind_the_first_batch_of_a_table(tmp_path):
    pixels = np.zeros((3000, 4), dtype=np.float32)
    pixels[2345, 1] = np.nan
    (tmp_path / "a.parquet").write_bytes(table(pa.array(pixels.tolist(), pa.list_(pa.float32()))))
    expect(tmp_path / "a.parquet", "image 2345 (from 0) holds nan")


def pickled():
    return saved(lambda stream: np.save(stream, np.array([{}], dtype=object), allow_pickle=True))


def huge():
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (999999999, 28, 28), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(784)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (NPY[:-1], "its header promises uint8 [40, 1, 28, 28], but 31,359 bytes are there"),
        (NPY + b"\0", "but 31,361 bytes are there"),
        (huge(), "its header promises uint8 [999999999, 28, 28], but 784 bytes are there"),
        (pickled(), "holds object; save plain numbers"),
        (b"\x93NUMPY", "is not a NumPy array"),
        (gzip.compress(NPY), "is not a NumPy array"),
    ],
    ids=["cut", "grown", "lying", "pickled", "no header", "gzip"],
)
def test_a_damaged_array_is_one_line(tmp_path, content, cause):
    (tmp_path / "a.npy").write_bytes(content)
    expect(tmp_path / "a.npy", cause)


@pytest.mark.parametrize("form", ["npy", "npz, any one array", "csv", "an IDX images file", "a folder of pictures"])
def test_damage_gives_images_or_one_line(tmp_path, form):
    path = UNLABELLED[form](tmp_path)
    target = path / "3.png" if path.is_dir() else path
    valid = target.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(valid[: random.integers(1, len(valid))] if random.random() < 0.2 else valid)
        for place in random.integers(0, min(len(damaged), random.choice([8, 130, len(damaged)])), size=2):
            damaged[place] = random.integers(256)
        target.write_bytes(damaged)
        try:
            assert read_images(path).images.dtype == np.uint8
        except DataError as error:
            assert str(tmp_path) in str(error) and "\n" not in str(error)


def test_a_zip_that_lies_or_has_odd_names_is_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples.npy", huge())
    expect(tmp_path / "a.npz", "samples.npy: its header promises uint8 [999999999, 28, 28]")
    np.savez(tmp_path / "b.npz", **{"a\nb": X > 0})
    expect(tmp_path / "b.npz", "a\\nb: pixels are bool")
    data = bytearray((tmp_path / "a.npz").read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 2**31)
    (tmp_path / "a.npz").write_bytes(data)
    expect(tmp_path / "a.npz", "size in the zip folder cannot be true")


def test_shards_must_agree_on_labels(tmp_path):
    (tmp_path / "train-0.parquet").write_bytes(table(pa.array(FLAT.tolist())))
    labelled = pa.table({"image": FLAT.tolist(), "label": Y})
    parquet.write_table(labelled, tmp_path / "train-1.parquet")
    expect(tmp_path, "train-1.parquet: its labels are of another kind than those of")
    parquet.write_table(labelled.append_column("class", labelled["label"]), tmp_path / "train-1.parquet")
    expect(tmp_path / "train-1.parquet", "2 columns are called label or labels or class, not one")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (csv(FLAT[:, 1:]), "has 783 columns"),
        (csv(FLAT[:, 1:], ["label", *range(782)]), "has 783 columns"),
        (csv(FLAT, ["label", *range(783)]), "has 784 columns"),
        (csv(FLAT).replace(b",", b";"), "has 1 columns"),
        (csv([*FLAT, [256] * 784]), "line 41, column 1: '256' is not a pixel"),
    ],
    ids=["no square", "a label and no square", "a label that takes a pixel's place", "semicolons", "256"],
)
def test_a_table_that_holds_no_images_is_one_line(tmp_path, content, cause):
    (tmp_path / "a.csv").write_bytes(content)
    expect(tmp_path / "a.csv", cause)
