"""Asking for a style at the command line: pictures, data sets, and one line for what cannot be."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from random_penman import penman_model


def digitsmith(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "digitsmith", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def penman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return penman_model().save_pretrained(tmp_path_factory.mktemp("models") / "penman")


def test_a_data_set_in_a_style(tmp_path: Path, penman: Path) -> None:
    wishes = ("--thickness", "2.2:3", "--slant", "-15:15", "--width", "12", "--height=19.5")
    made = digitsmith("make", "200", "--model", penman, "--format", "npz", "-o", tmp_path / "set", *wishes)
    assert made.returncode == 0, made.stderr
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    asked = {"thickness_px": [2.2, 3.0], "slant_deg": [-15.0, 15.0], "width_px": 12.0, "height_px": 19.5}
    assert manifest["style"] == asked
    assert set(manifest["files"]) == {"digits.npz", "styles.csv"}
    with (tmp_path / "set" / "styles.csv").open(newline="") as file:
        rows = np.array([[float(row[name]) for name in asked] for row in csv.DictReader(file)])
    assert rows.shape == (200, 4)
    assert (rows.min(axis=0) >= [2.2, -15, 12, 19.5]).all()
    assert (rows.max(axis=0) <= np.float32([3, 15, 12, 19.5])).all()
    assert (np.ptp(rows, axis=0) > [0.7, 28, -1, -1]).all()


def test_a_number_in_a_style(tmp_path: Path, penman: Path) -> None:
    pictures = []
    for slant in ("-10", "20"):
        picture = tmp_path / f"{slant}.png"
        drawn = digitsmith("draw", "2026", "--model", penman, "-o", picture, "--slant", slant)
        assert drawn.returncode == 0, drawn.stderr
        pictures.append(picture.read_bytes())
        assert Image.open(picture).height > 0
    assert pictures[0] != pictures[1]


def test_the_help_has_a_group_for_it() -> None:
    for command in ("make", "draw"):
        shown = digitsmith(command, "--help").stdout
        style = shown[shown.index(" Style ") :]
        assert all(f"--{name}" in style for name in ("thickness", "slant", "width", "height"))


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (("--thickness", "99"), "thickness 99 px is beyond what the model was trained on; choose 0."),
        (("--thickness", "thick"), "thickness 'thick' is no value and no range; write it as 3 or as 2:4"),
        (("--slant", "1:2:3"), "slant '1:2:3' is no value and no range"),
        (("--slant=-200:0",), "slant -200 deg is beyond"),
        (("--width", "12:9"), "width 12:9 runs backwards; write it as 9:12"),
        (("--height", "nan"), "height nan px is beyond"),
        (("--height",), "--height"),
        (("--thickness", "3", "--model", "cgan"), "cgan cannot be asked for a thickness; use a model with style"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", [("make", "10"), ("draw", "7")], ids=str)
def test_what_cannot_be_asked_is_one_line(
    tmp_path: Path, penman: Path, command: tuple[str, ...], wish: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "out.png"
    model = () if "--model" in wish else ("--model", penman)
    refused = digitsmith(*command, *model, "-o", out, *wish)
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert words in refused.stderr
    assert list(tmp_path.iterdir()) == []
