"""CSV: the 785-column form in its common dialects, and the line and column of what is wrong."""

import gzip

import numpy as np
import pytest

from digitsmith.data import load_mnist
from digitsmith.data.csv import read_csv
from digitsmith.errors import DataError


def digits():
    return load_mnist("test").take(np.arange(22, 62))


def rows(data=None, *, label_at=0):
    data = data or digits()
    pixels = data.images.reshape(len(data), -1).tolist()
    return [
        [*map(str, row[:label_at]), data.classes[label], *map(str, row[label_at:])]
        for row, label in zip(pixels, data.labels, strict=True)
    ]


def text(lines, *, end="\n"):
    return "".join(",".join(line) + end for line in lines).encode()


def header(label_at=0, name="label"):
    names = [f"pixel{index}" for index in range(784)]
    return [*names[:label_at], name, *names[label_at:]]


FORMS = {
    "headerless": text(rows()),
    "header": text([header(), *rows()]),
    "Kaggle's 1x1": text([["label", *(f"{r}x{c}" for r in range(1, 29) for c in range(1, 29))], *rows()]),
    "numbers for names": text([["label", *map(str, range(784))], *rows()]),
    "label last": text([header(784, "class"), *rows(label_at=784)]),
    "Digit in the middle": text([header(300, "Digit"), *rows(label_at=300)]),
    "quoted header": text([[f'"{name}"' for name in header()], *rows()]),
    "CRLF": text([header(), *rows()], end="\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + text([header(), *rows()]),
    "no last line end": text(rows())[:-1],
    "gzip": gzip.compress(text(rows())),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_dialect_is_the_same_digits(tmp_path, form):
    (tmp_path / "a.csv").write_bytes(FORMS[form])
    assert read_csv(tmp_path / "a.csv").fingerprint() == digits().fingerprint()


@pytest.mark.parametrize("first", [[], [header()]], ids=["headerless", "header"])
def test_labels_may_be_names(tmp_path, first):
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    named = [[words[int(row[0])], *row[1:]] for row in rows()]
    (tmp_path / "a.csv").write_bytes(text([*first, *named]))
    read = read_csv(tmp_path / "a.csv")
    assert read.classes == tuple(sorted(words))
    assert [read.classes[label] for label in read.labels] == [words[label] for label in digits().labels]


def test_colour_stands_in_planes(tmp_path):
    planes = np.arange(12, dtype=np.uint8)
    (tmp_path / "a.csv").write_bytes(text([["0", *map(str, planes)]]))
    assert np.array_equal(read_csv(tmp_path / "a.csv").images, planes.reshape(1, 3, 2, 2))


def spoiled(line, column, cell, *, first=()):
    lines = [*first, *rows()]
    lines[line - 1] = [*lines[line - 1][:column], cell, *lines[line - 1][column + 1 :]]
    return text(lines)


BAD = {
    "a word": (spoiled(17, 5, "x"), "line 17, column 6: 'x' is not a pixel"),
    "a word under a header": (spoiled(17, 5, "x", first=[header()]), "line 17, column 6 (pixel4): 'x'"),
    "the first line": (spoiled(1, 5, "x"), "line 1, column 6: 'x'"),
    "256": (spoiled(40, 784, "256"), "line 40, column 785: '256'"),
    "-1": (spoiled(2, 1, "-1"), "line 2, column 2: '-1'"),
    "half": (spoiled(2, 1, "0.5"), "line 2, column 2: '0.5'"),
    "nothing": (spoiled(2, 1, ""), "line 2, column 2: ''"),
    "a control character": (spoiled(2, 1, "7\x1f"), "line 2, column 2: '7\\x1f'"),
    "a NUL": (spoiled(2, 1, "\0"), "line 2, column 2: "),
    "no UTF-8": (spoiled(2, 1, "?").replace(b"?", b"\xff"), "line 2, column 2"),
    "a short line": (text([*rows(), ["1", "2"]]), "line 41: has 2 columns, line 1 has 785"),
    "a long line": (text([*rows(), ["1"] * 786]), "line 41: has 786 columns"),
    "cut": (text(rows())[:-700], "line 40: has"),
    "no square": (text([["1"] * 784]), "has 784 columns; there must be"),
    "semicolons": (text(rows()).replace(b",", b";"), "has 1 columns"),
    "empty": (b"", "has 0 columns"),
    "only a header": (text([header()]), "holds no pixels"),
    "no label column": (text([header(0, "target"), *rows()]), "0 columns are called label, class or digit"),
    "two label columns": (text([["label", "digit", *header()[2:]], *rows()]), "2 columns are called"),
    "a label below 0": (spoiled(3, 0, "-1"), "the label -1 of image 2 (from 0) is neither"),
    "half a label": (spoiled(3, 0, "2.0"), "the label 2.0 of image 2"),
    "a label of NaN": (spoiled(3, 0, "nan"), "the label nan of image 2"),
    "a label out of this world": (spoiled(3, 0, "9" * 15), "label 999999999999999 of image 2"),
    "a label of nothing": (spoiled(3, 0, ""), "'' cannot be a class name"),
    "a label that is no text": (spoiled(3, 0, "?").replace(b"?", b"\xff"), "not CSV text in UTF-8"),
    "binary": (b"\xff\xfe\x00\x01" * 9, "first line is not CSV text"),
    "gzip cut": (gzip.compress(text(rows()))[:-9], "gzip data is damaged"),
    "too wide": (text([["1"] * (1 + 400 * 400 * 3)]), "has 480001 columns"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_one_line_with_line_and_column(tmp_path, case):
    content, cause = BAD[case]
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_csv(tmp_path / "bad.csv")
    line = str(caught.value)
    assert "bad.csv: " in line and cause in line and "\n" not in line and len(line) < 400


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    for module in ("files", "csv"):
        monkeypatch.setattr(f"digitsmith.data.{module}.MAX_BYTES", 50_000)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0," * 100_000))
    with pytest.raises(DataError, match="unpacks to more than 50,000 bytes"):
        read_csv(tmp_path / "bomb.csv.gz")


def test_a_data_frames_numbered_header_is_a_header(tmp_path):
    rows = ["target," + ",".join(map(str, range(64))), *(f"{k}," + ",".join(["7"] * 64) for k in range(3))]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(DataError, match="label"):  # a header, and none of its columns is called label
        read_csv(tmp_path / "a.csv")


def test_a_label_in_the_last_column_is_noticed(tmp_path):
    rows = [",".join(["0"] * 64 + [str(k % 10)]) for k in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(DataError, match="header that names the column label"):
        read_csv(tmp_path / "a.csv")
