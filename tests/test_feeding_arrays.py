"""`X, y` for scikit-learn, and Keras's mnist.npz: real and generated digits as arrays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import digitsmith
from digitsmith.cli import run
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.data.reading import read_digits
from digitsmith.drawing.loading import load
from digitsmith.drawing.writers import write_data_set
from digitsmith.errors import InputError
from digitsmith.feeding.arrays import fetch
from test_feeding_dataset import colour

# --- fetch


def test_real_digits_as_rows_of_numbers() -> None:
    rows, labels = digitsmith.fetch(split="test")
    mnist = load_mnist("test")
    assert rows.shape == (10_000, 784) and rows.dtype == np.float32 and rows.max() == 255
    assert np.array_equal(rows, mnist.images.reshape(10_000, 784))
    assert labels.dtype == np.int64 and np.array_equal(labels, mnist.labels)


def test_generated_digits_are_those_of_make(tmp_path: Path) -> None:
    rows, labels = fetch("penman", count=150, seed=2)
    made = read_digits(digitsmith.make(150, out=tmp_path / "made", format="npz", seed=2))
    assert np.array_equal(rows, made.images.reshape(150, 784)) and np.array_equal(labels, made.labels)
    raw, _ = fetch(load("cgan"), count=20, reject=False, flat=False)
    assert np.array_equal(raw, load("cgan").draw(np.arange(20) % 10))


def test_some_real_digits_are_chosen_by_the_seed(few_digits: Digits) -> None:
    (rows, labels), (again, _), (others, _) = (fetch(few_digits, count=50, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(rows, again) and not np.array_equal(rows, others)
    label_of = {row.tobytes(): label for row, label in zip(*fetch(few_digits), strict=True)}
    assert [label_of[row.tobytes()] for row in rows] == labels.tolist()
    assert len({row.tobytes() for row in rows}) == 50


def test_names_and_images() -> None:
    images, names = fetch(colour(), flat=False, names=True)
    assert images.shape == (6, 8, 10, 3) and names.tolist() == ["cat", "dog"] * 3
    rows, _ = fetch(colour())
    assert np.array_equal(rows.reshape(6, 3, 8, 10), colour().images)


@pytest.mark.parametrize("count", [None, 50])
def test_what_is_fetched_is_the_callers_own(few_digits: Digits, count: int | None) -> None:
    rows, labels = fetch(few_digits, count=count)
    assert rows.flags.writeable and not np.shares_memory(rows, few_digits.images)
    assert labels.flags.writeable and not np.shares_memory(labels, few_digits.labels)


def test_it_needs_no_pytorch() -> None:
    code = "import sys, digitsmith as d; d.fetch('cgan', count=3); d.fetch(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WRONG = {
    "a model's split": (("penman",), {"split": "test", "count": 9}, "a model has no splits, and so no 'test'"),
    "no count": (("penman",), {}, "say how many digits the model shall draw"),
    "none": (("penman",), {"count": 0}, "0 images asked for; ask for at least 1"),
    "more than there are": (("mnist",), {"count": 60_001}, "has 60,000 images; count must be 1 to that, not 60,001"),
    "a name of nothing": (("mnits",), {}, "mnits: is no data set (mnist,"),
    "a name that no file can have": (("a" * 300,), {}, "aaa...: is no data set (mnist,"),
    "another split": (("mnist",), {"split": "validation"}, "validation"),
    "a split of images at hand": ((colour(),), {"split": "test"}, "images at hand have no splits"),
    "a model without labels": (("gan",), {"count": 5}, "gan draws digits without labels"),
    "a negative seed": (("mnist",), {"seed": -1}, "seed must be 0 to"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_fetched_is_one_line(case: str) -> None:
    arguments, options, cause = WRONG[case]
    with pytest.raises(InputError) as caught:
        fetch(*arguments, **options)
    assert cause in str(caught.value) and "\n" not in str(caught.value)


# --- both splits in one .npz, as Keras has them


def test_the_archive_is_laid_out_as_kerass(tmp_path: Path) -> None:
    code = run(["make", "70", "--format", "npz", "--test-count", "33", "--model", "cgan", "--out", str(tmp_path / "k")])
    assert code == 0
    with np.load(tmp_path / "k" / "digits.npz") as f:
        (x_train, y_train), (x_test, y_test) = (f["x_train"], f["y_train"]), (f["x_test"], f["y_test"])
    assert x_train.shape == (70, 28, 28) and x_test.shape == (33, 28, 28) and x_test.dtype == np.uint8
    assert np.array_equal(y_train, np.arange(70) % 10) and np.array_equal(y_test, np.arange(33) % 10)
    for split, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        read = read_digits(tmp_path / "k", split=split)
        assert np.array_equal(read.images[:, 0], images) and np.array_equal(read.labels, labels)
    alone = read_digits(digitsmith.make(70, out=tmp_path / "alone", format="npz", model="cgan"))
    assert np.array_equal(alone.images[:, 0], x_train), "the test digits are further ones"


@pytest.mark.parametrize("size", [1, 7, 40])
def test_the_splits_do_not_depend_on_chunks(tmp_path: Path, size: int, few_digits: Digits) -> None:
    images, labels = few_digits.images[:40], few_digits.labels[:40]
    chunks = ((images[first : first + size], labels[first : first + size]) for first in range(0, 40, size))
    out = write_data_set(
        tmp_path / "out", chunks, format="npz", classes=few_digits.classes, count=40, manifest={}, test_count=9
    )
    train, test = (read_digits(out, split=split) for split in ("train", "test"))
    assert np.array_equal(train.images, images[:31]) and np.array_equal(test.images, images[31:])
    assert np.array_equal(train.labels, labels[:31]) and np.array_equal(test.labels, labels[31:])


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--test-count", "5"], "only npz has room for a test split, not png"),
        (["--test-count", "-5", "--format", "npz"], "-5 images asked for"),
        (["--test-count", "200000000", "--format", "npz"], "200,000,000 images asked for"),
    ],
)
def test_a_test_split_that_cannot_be_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], cause: str
) -> None:
    assert run(["make", "10", "--model", "cgan", "--out", str(tmp_path / "k"), *options]) == 2
    assert cause in capsys.readouterr().err and not list(tmp_path.iterdir())
