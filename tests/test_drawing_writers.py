"""Data sets out: every format read back pixel for pixel, the same bytes twice, and nothing half-written."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from digitsmith.data.reading import read_digits
from digitsmith.drawing.writers import FORMATS, check_new_folder, write_data_set
from digitsmith.errors import InputError, StorageError
from digitsmith.storage import storage_errors, write_bytes_atomically

Chunk = tuple[NDArray[np.uint8], NDArray[np.int64]]
ALL = sorted(FORMATS)


def digits(n: int, shape: tuple[int, int, int] = (1, 28, 28), classes: int = 3, seed: int = 0) -> Chunk:
    """Random images, and labels in which every class occurs."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (n, *shape), dtype=np.uint8)
    return images, random.permutation(np.arange(n, dtype=np.int64) % classes)


def in_chunks(images: NDArray[np.uint8], labels: NDArray[np.int64], size: int) -> Iterator[Chunk]:
    for start in range(0, len(images), size):
        yield images[start : start + size], labels[start : start + size]


def write(out: Path, data: Chunk, *, format: str, size: int = 7, classes: tuple[str, ...] = ("0", "1", "2")) -> Path:
    return write_data_set(
        out, in_chunks(*data, size), format=format, classes=classes, count=len(data[0]), manifest={"seed": 3}
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- layouts


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 28, 28), (1, 13, 13), (3, 5, 5), (1, 9, 14), (3, 32, 17)], ids=str)
@pytest.mark.parametrize("format", ALL)
def test_what_is_written_is_read_back(tmp_path: Path, format: str, shape: tuple[int, int, int]) -> None:
    images, labels = digits(23, shape)
    if format == "csv" and shape[1] != shape[2]:
        with pytest.raises(InputError, match=f"these are {shape[2]} × {shape[1]}"):
            write(tmp_path / "out", (images, labels), format=format)
        return
    back = read_digits(write(tmp_path / "out", (images, labels), format=format))
    if format == "png":  # a folder is read class by class
        order = np.argsort(labels, kind="stable")
        images, labels = images[order], labels[order]
    assert np.array_equal(back.images, images)
    assert np.array_equal(back.labels, labels)
    assert back.classes == ("0", "1", "2")


@pytest.mark.parametrize("format", ALL)
def test_class_names_are_read_back(tmp_path: Path, format: str) -> None:
    images, labels = digits(12)
    classes = ("a b", "é\"'#", "z: 1")
    back = read_digits(write(tmp_path / "out", (images, labels), format=format, classes=classes))
    assert sorted(back.classes) == sorted(classes)
    images_of = {name: images[labels == label] for label, name in enumerate(classes)}
    for label, name in enumerate(back.classes):
        assert np.array_equal(back.images[back.labels == label], images_of[name])


@pytest.mark.parametrize("format", ALL)
def test_threes_and_eights_are_read_back_as_such(tmp_path: Path, format: str) -> None:
    images, labels = digits(12, classes=2)
    back = read_digits(write(tmp_path / "out", (images, labels), format=format, classes=("3", "8")))
    assert back.classes == ("3", "8")
    for label in (0, 1):
        assert np.array_equal(back.images[back.labels == label], images[labels == label])


@pytest.mark.parametrize("format", ALL)
def test_the_same_digits_are_the_same_bytes_however_they_come_in_chunks(tmp_path: Path, format: str) -> None:
    images, labels = digits(1203, (1, 8, 8))
    images[::2] = images[::2] // 200 * 200  # some that compress
    for name, size in (("a", 1203), ("b", 1203), ("c", 1), ("d", 100)):
        write(tmp_path / name, (images, labels), format=format, size=size)
    assert tree(tmp_path / "a") == tree(tmp_path / "b") == tree(tmp_path / "c") == tree(tmp_path / "d")


def test_idx_is_the_layout_of_mnist(tmp_path: Path) -> None:
    images, labels = digits(5, (1, 4, 3))
    files = tree(write(tmp_path / "out", (images, labels), format="idx"))
    assert files["train-images-idx3-ubyte"] == struct.pack(">4I", 0x803, 5, 4, 3) + images.tobytes()
    assert files["train-labels-idx1-ubyte"] == struct.pack(">2I", 0x801, 5) + bytes(labels.tolist())


@pytest.mark.parametrize(("channels", "shape"), [(1, (5, 4, 3)), (3, (5, 4, 3, 3))])
def test_npz_has_the_names_of_keras(tmp_path: Path, channels: int, shape: tuple[int, ...]) -> None:
    images, labels = digits(5, (channels, 4, 3))
    with np.load(write(tmp_path / "out", (images, labels), format="npz") / "digits.npz", allow_pickle=False) as archive:
        assert sorted(archive) == ["classes", "x_train", "y_train"]
        assert archive["x_train"].dtype == np.uint8
        assert archive["x_train"].shape == shape
        assert archive["y_train"].tolist() == labels.tolist()
        assert archive["classes"].tolist() == ["0", "1", "2"]


def test_csv_is_the_table_of_kaggle(tmp_path: Path) -> None:
    images, labels = digits(5, (1, 2, 2))
    lines = tree(write(tmp_path / "out", (images, labels), format="csv"))["digits.csv"].decode("ascii").split("\n")
    assert lines[0] == "label,pixel0,pixel1,pixel2,pixel3"
    assert lines[1] == f"{labels[0]}," + ",".join(str(value) for value in images[0].reshape(-1))
    assert lines[6:] == [""]


def test_png_files_are_numbered_in_the_order_drawn(tmp_path: Path) -> None:
    data = digits(4)
    names = {name for name in tree(write(tmp_path / "out", data, format="png")) if name.endswith(".png")}
    assert names == {f"{label}/{index:06d}.png" for index, label in enumerate(data[1].tolist())}


def test_the_table_of_styles_names_files_that_are_there(tmp_path: Path) -> None:
    out = write_data_set(
        tmp_path / "out",
        [digits(6)],
        format="png",
        classes=("T-shirt/top", "a", "A"),  # two of them in folders of other names
        count=6,
        manifest={},
        styles_of=lambda labels, start: np.zeros((len(labels), 4), np.float32),
    )
    with (out / "styles.csv").open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    assert len(rows) == 6
    assert all((out / row[0]).is_file() for row in rows)


def test_datasets_reads_png_and_parquet_with_the_classes_in_their_order(tmp_path: Path) -> None:
    images, labels = digits(20, (1, 6, 5), classes=4)
    classes = ("two", "10", 'o"é', "No")  # neither by alphabet nor plain YAML
    for format in ("png", "parquet"):
        write(tmp_path / format, (images, labels), format=format, classes=classes)
        write(
            tmp_path / f"{format} of one class",
            (images, np.full_like(labels, 2)),
            format=format,
            classes=classes,
        )
    script = """
import json, sys
import numpy as np
from datasets import ClassLabel, Image, load_dataset
for format in ("png", "parquet", "png of one class", "parquet of one class"):
    data = load_dataset(f"{sys.argv[1]}/{format}", cache_dir=f"{sys.argv[1]}/cache")
    assert list(data) == ["train"], data
    data = data["train"]
    assert set(data.features) == {"image", "label"}, data.features
    assert isinstance(data.features["image"], Image), data.features
    assert isinstance(data.features["label"], ClassLabel), data.features
    pixels = [np.asarray(row["image"]).tolist() for row in data]
    print(json.dumps([data.features["label"].names, data["label"][:], pixels]))
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    of_png, of_parquet, *of_one = (json.loads(line) for line in run.stdout.splitlines())
    assert of_png[0] == of_parquet[0] == list(classes)
    assert [one[:2] for one in of_one] == [[list(classes), [2] * 20]] * 2
    assert of_parquet[1:] == [labels.tolist(), images[:, 0].tolist()]
    in_order_drawn = sorted(zip(labels.tolist(), images[:, 0].tolist(), strict=True))
    assert sorted(zip(*of_png[1:], strict=True)) == in_order_drawn


@pytest.mark.parametrize("format", ALL)
def test_the_manifest_tells_what_is_there(tmp_path: Path, format: str) -> None:
    out = write(tmp_path / "out", digits(11, (3, 6, 6)), format=format)
    text = (out / "manifest.json").read_text(encoding="utf-8")
    facts = json.loads(text)
    assert text == json.dumps(facts, indent=2, sort_keys=True) + "\n"
    files = facts.pop("files", {})
    assert facts == {
        "seed": 3,
        "format": format,
        "count": 11,
        "classes": ["0", "1", "2"],
        "counts": {"0": 4, "1": 4, "2": 3},
        "image": {"channels": 3, "height": 6, "width": 6},
    }
    data_files = {name: content for name, content in tree(out).items() if name not in ("manifest.json", "README.md")}
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in data_files.items()}
    assert files == ({} if format == "png" else expected)
    assert (out / "README.md").exists() == (format in ("png", "parquet"))


@pytest.mark.parametrize("format", ALL)
def test_no_more_than_a_part_of_the_data_set_is_held_in_memory(tmp_path: Path, format: str) -> None:
    images, labels = digits(50, (1, 64, 64))  # 0.2 MB, 100 times

    def chunks() -> Iterator[Chunk]:
        for _ in range(100):
            yield images.copy(), labels

    tracemalloc.start()
    try:
        write_data_set(tmp_path / "out", chunks(), format=format, classes=("0", "1", "2"), count=5000, manifest={})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000  # of 20 MB; Parquet holds 1000 images, 4 MB


def test_neither_torch_nor_arrow_is_loaded_before_it_is_needed() -> None:
    script = """
import sys
import digitsmith.drawing.numbers, digitsmith.drawing.requests, digitsmith.drawing.writers
print(sorted({"torch", "pyarrow"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- what cannot be written


@pytest.mark.parametrize(
    ("format", "classes", "says"),
    [
        ("jpeg", ("0", "1", "2"), "unknown format 'jpeg'; choose one of png, idx, npz, csv, parquet"),
        ("png", ("a", "..", "d"), "class '..' cannot be"),
        ("png", ("a", "__pycache__", "d"), "class '__pycache__' cannot be"),
        ("png", ("a", "", "d"), "class '' cannot be"),
        ("idx", tuple(str(i) for i in range(257)), "257 classes, but an IDX label is one byte"),
    ],
)
def test_formats_and_classes_that_do_not_go_together(
    tmp_path: Path, format: str, classes: tuple[str, ...], says: str
) -> None:
    with pytest.raises(InputError) as error:
        write(tmp_path / "out", digits(6), format=format, classes=classes)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


GOOD = digits(6)


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        ([], "6 images announced, but there are 0 of them"),
        ([(GOOD[0][:0], GOOD[1][:0])], "there are 0 of them"),
        ([(GOOD[0][:4], GOOD[1][:4])], "there are 4 of them"),
        ([GOOD, GOOD], "there are 12 or more of them"),
        ([(GOOD[0] / 255, GOOD[1])], "image 0: images must be uint8 [n, 1 or 3, H, W], these are float64"),
        ([(GOOD[0][:, 0], GOOD[1])], "these are uint8 [6, 28, 28]"),
        ([(GOOD[0], GOOD[1].astype(np.int32))], "labels must be int64 [6], these are int32 [6]"),
        ([(GOOD[0], GOOD[1][:5])], "labels must be int64 [6], these are int64 [5]"),
        (
            [(GOOD[0][:2], GOOD[1][:2]), (GOOD[0][:4, :, 1:], GOOD[1][:4])],
            "image 2: is [1, 27, 28], those before",
        ),
        ([(GOOD[0], GOOD[1] + 1)], "a label is outside 0..2"),
        ([(GOOD[0], GOOD[1] - 1)], "a label is outside 0..2"),
    ],
)
def test_chunks_that_do_not_fit_are_refused(tmp_path: Path, chunks: list[Chunk], says: str) -> None:
    with pytest.raises(InputError) as error:
        write_data_set(tmp_path / "out", chunks, format="idx", classes=("0", "1", "2"), count=6, manifest={})
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_drawing_stops_at_the_first_chunk_too_many(tmp_path: Path) -> None:
    chunks = iter([GOOD, GOOD, GOOD])
    with pytest.raises(InputError, match="there are 12 or more of them"):
        write_data_set(tmp_path / "out", chunks, format="idx", classes=("0", "1", "2"), count=6, manifest={})
    assert len(list(chunks)) == 1


def test_a_folder_in_use_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "here").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / ".new.partial-4242").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = tree(tmp_path)
    for name, says in [
        ("full", "exists and is not empty; name a new folder"),
        ("file", "is a file; name a new folder"),
        ("file/out", "a part of this path is a file, not a folder"),
        ("file/deep/out", "a part of this path is a file, not a folder"),
        ("here", "is the current folder"),
        ("loop", "loop of links"),
        ("n" * 250, "the name is too long"),
        ("new", "left by a run that was killed"),
    ]:
        with pytest.raises(InputError, match=says) as error:
            write(tmp_path / name, digits(6), format="npz")
        assert "\n" not in str(error.value)
    assert tree(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 5


def test_a_mount_point_is_refused_before_anything_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "disk")
    with pytest.raises(InputError, match="is a mount point; name a new folder inside it"):
        check_new_folder(tmp_path / "disk")
    check_new_folder(tmp_path / "disk" / "digits")


def test_an_empty_folder_or_a_link_to_one_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    write(tmp_path / "link", digits(6), format="npz")
    assert (tmp_path / "link").is_symlink()
    assert sorted(tree(tmp_path / "empty")) == ["digits.npz", "manifest.json"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["empty", "link"]


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_a_device_or_a_pipe_is_not_replaced_by_a_file(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(InputError, match=f"{name}: is no regular file; name a file$"):
        write_bytes_atomically(tmp_path / name, b"mine")
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "link").is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_link_points_to_is_replaced_and_not_the_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_bytes_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("format", ALL)
def test_a_failure_while_drawing_leaves_nothing(tmp_path: Path, format: str, failure: type[BaseException]) -> None:
    def broken() -> Iterator[Chunk]:
        yield GOOD
        raise failure("in the middle")

    with pytest.raises(failure, match="in the middle"):
        write_data_set(
            tmp_path / "new" / "out", broken(), format=format, classes=("0", "1", "2"), count=12, manifest={}
        )
    assert not list(tmp_path.iterdir())


def test_a_disk_that_refuses_leaves_nothing_and_says_so_in_one_line(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
import numpy as np
import pyarrow.parquet
from digitsmith.drawing.numbers import save_image
from digitsmith.drawing.writers import FORMATS, write_data_set
from digitsmith.errors import StorageError

images = np.random.default_rng(0).integers(0, 256, (500, 1, 28, 28), dtype=np.uint8)
labels = np.arange(500, dtype=np.int64) % 10
classes = tuple("0123456789")
small = np.zeros((500, 1, 28, 28), dtype=np.uint8)
out = Path(sys.argv[1]) / "new" / "out"
for limit, drawn in ((500, images), (100_000, images), (3_000, small)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for format in FORMATS:
        if format in ("npz", "png") and drawn is small or format == "png" and limit == 100_000:
            continue  # files so small fit
        chunks = [(drawn[:100], labels[:100]), (drawn[100:], labels[100:])]
        try:
            write_data_set(out, chunks, format=format, classes=classes, count=500, manifest={})
        except StorageError as error:
            print(format, error)
    try:
        save_image(out / "year.png", images[:400].reshape(1, -1, 28))
    except StorageError as error:
        print("save", error)
"""
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("png", "idx", "npz", "csv", "parquet", "save"),
        *("idx", "npz", "csv", "parquet", "save"),
        *("idx", "csv", "parquet", "save"),
    ]
    assert all("a file grew past the size allowed here; raise the limit" in line for line in lines)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, StorageError, "the disk is full"),
        (errno.EDQUOT, StorageError, "your quota on this disk is used up"),
        (errno.EROFS, StorageError, "the disk is read-only"),
        (errno.EACCES, StorageError, "no permission to write there"),
        (errno.EIO, StorageError, r"cannot be written \(.*\); choose another place"),
        (errno.ENOTDIR, InputError, "is a file, not a folder"),
    ],
)
def test_what_the_system_says_becomes_one_line(number: int, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=f"^out: .*{says}") as error, storage_errors(Path("out")):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(error.value)
