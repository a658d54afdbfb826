"""`digitsmith import` and `digitsmith sheet`: sets that are read back, refusals that stop nothing, and no halves."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import digitsmith
from digitsmith.cli import run
from digitsmith.data.mnist import load_mnist
from digitsmith.data.reading import read_digits, read_images
from digitsmith.drawing.writers import FORMATS
from digitsmith.errors import DataError, InputError
from digitsmith.measure.reader import read
from digitsmith.scanning.importing import import_scans
from digitsmith.scanning.pictures import decode_gray
from digitsmith.scanning.sheet_layout import sheet_layout
from digitsmith.scanning.sheet_reading import read_sheet
from scanning_scenes import encoded, filled_sheet, on_paper

MNIST = load_mnist("test")
FIRST = {7: 0, 2: 1, 1: 2, 0: 3}  # of each class
BLANK = encoded(on_paper(np.zeros((28, 28), np.uint8), side_px=120))


def photo(index: int, name: str = "PNG") -> bytes:
    return encoded(on_paper(np.array(MNIST.images[index, 0]), side_px=160, seed=index), name)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Class folders with a picture each, and one of paper only."""
    root = tmp_path / "scans"
    for label, index in FIRST.items():
        (root / str(label)).mkdir(parents=True)
        (root / str(label) / "a.jpg").write_bytes(photo(index, "JPEG"))
    (root / "2" / "blank.png").write_bytes(BLANK)
    return root


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_set_in_any_format_is_read_back_with_its_labels(scans: Path, tmp_path: Path, format: str) -> None:
    done = import_scans(scans, out=tmp_path / "out", format=format)
    back = read_digits(done.folder)
    names = [back.classes[label] for label in back.labels]
    assert names == ["0", "1", "2", "7"]
    assert read(np.array(back.images)).tolist() == [0, 1, 2, 7]
    if format != "png":  # which has the folders that hold something
        assert back.labels.tolist() == [0, 1, 2, 7]  # a 7 is number 7, though there is no 3


def test_refusals_are_told_counted_and_shown_and_stop_nothing(scans: Path, tmp_path: Path) -> None:
    told: list[str] = []
    steps: list[tuple[int, int]] = []
    done = import_scans(
        scans,
        out=tmp_path / "out",
        on_refusal=lambda refusal: told.append(refusal.name),
        on_progress=lambda count, total: steps.append((count, total)),
    )
    assert told == [each.name for each in done.refused] == ["2/blank.png"]
    assert steps == [(count, 5) for count in range(1, 6)]
    assert (done.images, dict(done.counts)) == (4, {"0": 1, "1": 1, "2": 1, "7": 1})
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert manifest["sources"] == ["0/a.jpg", "1/a.jpg", "2/a.jpg", "7/a.jpg"]
    assert [each["name"] for each in manifest["refused"]] == ["2/blank.png"]
    page = done.page.read_text()
    assert page.count("data:image/jpeg") == 4
    assert "2/blank.png" in page and "has no ink" in page
    assert "generative" not in (done.folder / "README.md").read_text()


def test_the_same_scans_give_the_same_bytes(scans: Path, tmp_path: Path) -> None:
    made = [import_scans(scans, out=tmp_path / name).folder for name in ("one", "two")]
    files = [{path.relative_to(each): path.read_bytes() for path in each.rglob("*") if path.is_file()} for each in made]
    assert files[0] == files[1]


def test_strict_writes_nothing_where_one_is_refused(scans: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2/blank\.png has no ink"):
        import_scans(scans, out=tmp_path / "out", strict=True)
    (scans / "2" / "blank.png").unlink()
    assert {path.name for path in tmp_path.iterdir()} == {"scans"}
    assert import_scans(scans, out=tmp_path / "out", strict=True).images == 4


@pytest.mark.parametrize("format", ["png", "npz"])
def test_loose_pictures_make_a_set_without_labels(tmp_path: Path, format: str) -> None:
    (tmp_path / "loose").mkdir()
    for index in range(3):
        (tmp_path / "loose" / f"IMG {index}.png").write_bytes(photo(index))
    done = import_scans(tmp_path / "loose", out=tmp_path / "out", format=format)
    back = read_images(done.folder)
    assert back.labels is None and not done.counts
    assert read(np.array(back.images)).tolist() == MNIST.labels[:3].tolist()


def test_loose_pictures_get_the_label_that_is_given(tmp_path: Path, scans: Path) -> None:
    (tmp_path / "seven.png").write_bytes(photo(0))
    with pytest.raises(InputError, match="needs labels"):
        import_scans(tmp_path / "seven.png", out=tmp_path / "out", format="idx")
    assert not (tmp_path / "out").exists()
    done = import_scans(tmp_path / "seven.png", out=tmp_path / "out", format="idx", label="seven")
    assert read_images(done.folder).labels is not None
    assert dict(done.counts) == {"seven": 1}
    with pytest.raises(InputError, match="class folders"):
        import_scans(scans, out=tmp_path / "other", label="7")


def test_32_pixels_set_upright(scans: Path, tmp_path: Path) -> None:
    done = import_scans(scans, out=tmp_path / "out", size=32, deskew=True, format="npz")
    assert read_digits(done.folder).image_shape == (1, 32, 32)


def test_a_zip_gives_what_its_folder_gives(scans: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as packed:
        for path in scans.rglob("*.*"):
            packed.write(path, path.relative_to(tmp_path))
    sets = [import_scans(place, out=tmp_path / name) for place, name in ((scans, "a"), (tmp_path / "scans.zip", "b"))]
    first, second = (read_digits(each.folder) for each in sets)
    assert (first.images == second.images).all() and (first.labels == second.labels).all()


def test_a_sheet_among_loose_pictures_is_found_and_one_without_label_refused(tmp_path: Path) -> None:
    layout = sheet_layout(classes=("1", "7"), per_class=5)
    index = {"1": 2, "7": 0}
    digits = np.stack([MNIST.images[index[layout.classes[box.label]], 0] for box in layout.boxes])
    digits[3] = 0
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sheet.png").write_bytes(encoded(filled_sheet(layout, digits, dpi=120)))
    (tmp_path / "in" / "other.png").write_bytes(photo(0))
    done = import_scans(tmp_path / "in", out=tmp_path / "out")
    assert (dict(done.counts), done.sheets) == ({"1": 4, "7": 5}, 1)
    assert [each.name for each in done.refused] == ["other.png"]
    back = read_digits(done.folder)
    assert (read(np.array(back.images)) == np.array([int(back.classes[label]) for label in back.labels])).all()
    single = import_scans(tmp_path / "in" / "other.png", out=tmp_path / "single", sheet=False)
    assert single.images == 1
    with pytest.raises(DataError, match="shows no sheet"):
        import_scans(tmp_path / "in" / "other.png", out=tmp_path / "none", sheet=True)


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """Two sheets of the classes 1 and 7, five boxes each, in a folder for each writer."""
    layout = sheet_layout(classes=("1", "7"), per_class=5)
    digits = np.stack([MNIST.images[FIRST[int(layout.classes[box.label])], 0] for box in layout.boxes])
    for writer in ("alice", "bob"):
        (tmp_path / "sheets" / writer).mkdir(parents=True)
        (tmp_path / "sheets" / writer / "1.png").write_bytes(encoded(filled_sheet(layout, digits, dpi=120)))
    return tmp_path / "sheets"


def test_sheets_name_their_classes_whatever_their_folders_are_called(sheets: Path, tmp_path: Path) -> None:
    done = import_scans(sheets, out=tmp_path / "out", sheet=True, format="npz")
    assert (dict(done.counts), done.sheets) == ({"1": 10, "7": 10}, 2)
    assert read_digits(done.folder).classes == tuple("0123456789")
    one = import_scans(sheets / "bob", out=tmp_path / "one", label="bob", format="npz")
    assert read_digits(one.folder).classes == tuple("0123456789")


def test_a_picture_without_label_beside_a_sheet_is_told_of(sheets: Path, tmp_path: Path) -> None:
    (sheets / "alice" / "other.png").write_bytes(photo(0))
    told: list[str] = []
    done = import_scans(sheets / "alice", out=tmp_path / "out", on_refusal=lambda refusal: told.append(refusal.name))
    assert told == [each.name for each in done.refused] == ["other.png"]
    assert dict(done.counts) == {"1": 5, "7": 5}


def test_a_sheet_in_a_class_folder_is_no_digit(sheets: Path, scans: Path, tmp_path: Path) -> None:
    (sheets / "alice" / "1.png").rename(scans / "2" / "sheet.png")
    done = import_scans(scans, out=tmp_path / "out")
    assert [each.name for each in done.refused] == ["2/blank.png", "2/sheet.png"]
    assert "--sheet" in done.refused[1].reason


def test_dotted_paper_in_a_class_folder_is_no_sheet(tmp_path: Path) -> None:
    picture = on_paper(np.array(MNIST.images[0, 0]), side_px=1000, room=0.5, shadow=0.2)
    rows, columns = np.indices(picture.shape)
    picture[(rows % 50 - 25) ** 2 + (columns % 50 - 25) ** 2 < 16] = 90
    (tmp_path / "dots" / "7").mkdir(parents=True)
    (tmp_path / "dots" / "7" / "a.png").write_bytes(encoded(picture))
    assert import_scans(tmp_path / "dots", out=tmp_path / "out").images == 1
    with pytest.raises(DataError, match="--no-sheet if it is none"):
        import_scans(tmp_path / "dots" / "7", out=tmp_path / "loose")
    assert import_scans(tmp_path / "dots" / "7", out=tmp_path / "loose", sheet=False).images == 1


def test_a_file_of_any_name_is_imported(scans: Path, tmp_path: Path) -> None:
    (scans / "7" / "a.jpg").rename(scans / "7" / os.fsdecode(b"\xff<b>\n.jpg"))
    done = import_scans(scans, out=tmp_path / "out")
    assert done.images == 4
    assert r"7/\udcff&lt;b&gt;\n.jpg" in done.page.read_text(encoding="utf-8")


def test_ctrl_c_leaves_nothing(scans: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_scans(scans, out=tmp_path / "out", on_progress=stop)
    assert {path.name for path in tmp_path.iterdir()} == {"scans"}


def test_the_names_at_the_top_are_these() -> None:
    assert digitsmith.import_scans is import_scans
    assert callable(digitsmith.sheet)


# --- at the command line


def digitsmith_says(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_lists_what_there_is(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = digitsmith_says(capsys, "import", scans, "--out", tmp_path / "out")
    assert code == 0
    assert "digitsmith: refused: 2/blank.png has no ink" in err
    assert str(tmp_path / "out" / "scans.html") in out
    assert "0: 1, 1: 1, 2: 1, 7: 1" in out


def test_the_command_says_what_pictures_without_labels_are_good_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seven.png").write_bytes(photo(0))
    code, out, _ = digitsmith_says(capsys, "import", tmp_path / "seven.png", "--out", tmp_path / "my set")
    assert code == 0
    assert f"digitsmith evaluate '{tmp_path}/my set'\n" in out
    assert f"digitsmith train sgan --data LABELLED --unlabelled '{tmp_path}/my set'\n" in out
    _, out, _ = digitsmith_says(capsys, "import", tmp_path / "seven.png", "--out", tmp_path / "7", "--label", "7")
    assert "digitsmith evaluate" not in out


def test_the_sheet_command_writes_what_can_be_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "sheet.png"
    code, out, _ = digitsmith_says(capsys, "sheet", "-o", made, "--classes", "cat,dog", "--per-class", "12")
    assert code == 0 and str(made) in out and "24" in out
    code, _, err = digitsmith_says(capsys, "import", made, "--out", tmp_path / "out")
    assert code == 2
    assert "all its boxes are empty" in err


@pytest.mark.parametrize(
    ("typed", "names"), [("e\u0301a", ("\u00e9", "a")), ("e\u0301te\u0301,a", ("\u00e9t\u00e9", "a"))]
)
def test_a_letter_whose_accent_was_typed_by_itself_is_one_letter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: str, names: tuple[str, ...]
) -> None:
    made = tmp_path / "sheet.png"
    code, _, _ = digitsmith_says(capsys, "sheet", "-o", made, "--classes", typed, "--per-class", "5")
    assert code == 0
    sheet = read_sheet(decode_gray(made.read_bytes()))
    assert sheet is not None and sheet.layout.classes == names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "nowhere", "--out", "out"), "no such file"),
        (("import", "scans", "--out", "scans"), "not empty"),
        (("import", "scans", "--out", "scans/out"), "lies within scans"),
        (("import", "scans", "--out", "out", "--format", "gif"), "unknown format"),
        (("import", "scans", "--out", "out", "--size", "30"), "28"),
        (("import", "scans", "--out", "out", "--ink", "blue"), "auto, dark, light"),
        (("import", "scans", "--out", "out", "--label", " "), "label"),
        (("import", "scans/7/a.jpg", "--out", "out", "--label", "7\n8"), "visible characters"),
        (("import", "scans/2/blank.png", "--out", "out"), "none of 1 pictures"),
        (("import", "scans", "--out", "out", "--strict"), "--strict"),
        (("sheet", "-o", "a.txt"), ".pdf, .png"),
        (("sheet", "-o", "a.pdf", "--classes", "a,a"), "named twice"),
        (("sheet", "-o", "a.pdf", "--classes", "x\u0301"), "cannot be printed"),  # there is no such letter in one
        (("sheet", "-o", "a.pdf", "--per-class", "2.5"), "whole number"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    scans: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, _, err = digitsmith_says(capsys, *arguments)
    last = err.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith("digitsmith: ") and words in last
    assert sorted(tmp_path.rglob("*")) == before
    assert scans.exists()
