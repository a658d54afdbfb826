"""Whole pages and one person's numbers at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_command_line import digitsmith, refused


def test_a_hand_is_kept_across_calls(tmp_path: Path) -> None:
    def drawn(name: str, *arguments: str) -> bytes:
        picture = tmp_path / f"{name}.png"
        done = digitsmith("draw", "1984", "-o", picture, *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{picture}\n"
        return picture.read_bytes()

    assert drawn("one", "--hand", "7") == drawn("again", "--hand", "7")
    assert drawn("other seed", "--hand", "7", "--seed", "1") != drawn("one", "--hand", "7")
    assert drawn("other hand", "--hand", "8") != drawn("one", "--hand", "7")


def test_a_number_lies_on_any_ground_in_any_ink(tmp_path: Path) -> None:
    picture = tmp_path / "blue.webp"
    done = digitsmith("draw", "42", "-o", picture, "--ground", "transparent", "--ink", "#1a2b6d", "--size", "300")
    assert done.returncode == 0, done.stderr
    with Image.open(picture) as image:
        assert (image.mode, image.height) == ("RGBA", 300)
        pixels = np.asarray(image)
    assert (pixels[pixels[..., 3] > 0][:, :3] == [26, 43, 109]).all()
    assert 0.05 < (pixels[..., 3] > 0).mean() < 0.5


@pytest.mark.parametrize("name", ["sums.png", "sums.pdf"])
def test_a_sheet_of_sums(tmp_path: Path, name: str) -> None:
    out = tmp_path / "new" / name
    done = digitsmith("page", "sums", "-o", out, "--count", "12", "--largest", "20", "--answers", "--hand", "3")
    assert done.returncode == 0, done.stderr
    record = json.loads(out.with_suffix(".json").read_text())
    assert [eval(item["text"].replace("=", "==")) for item in record["items"]] == [True] * 12
    assert record["hand"] == 3
    assert done.stdout.split() == [
        "page",
        str(out),
        "labels",
        str(out.with_suffix(".json")),
        "digits",
        str(len(record["digits"])),
    ]
    assert {path.name for path in out.parent.iterdir()} == {name, "sums.json"}


def test_a_form_says_where_each_digit_is(tmp_path: Path) -> None:
    out = tmp_path / "form.png"
    assert digitsmith("page", "form", "-o", out, "--count", "4", "--dpi", "300", "--ink", "#1a2b6d").returncode == 0
    record = json.loads(out.with_suffix(".json").read_text())
    with Image.open(out) as page:
        assert page.size == (record["page"]["width_px"], record["page"]["height_px"]) == (2480, 3508)
        for digit in record["digits"]:
            assert (np.asarray(page.crop(digit["box"])) == [26, 43, 109]).all(axis=2).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("page", "poster", "-o", "x.png"), "sums, form"),
        (("page", "sums"), "out"),
        (("page", "sums", "-o", "x.jpg"), "use one of .png, .pdf"),
        (("page", "sums", "-o", "x.png", "--count", "1000"), "do not fit on a page"),
        (("page", "sums", "-o", "x.png", "--count", "9.5"), "whole number"),
        (("page", "sums", "-o", "x.png", "--largest", "0"), "1 to 999,999"),
        (("page", "form", "-o", "x.png", "--count", "99"), "fields on a page"),
        (("page", "form", "-o", "x.png", "--dpi", "200"), "150 or 300"),
        (("page", "form", "-o", "x.png", "--ink", "#12"), "#1a2b6d"),
        (("page", "form", "-o", "x.png", "--model", "nowhere"), "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_no_page_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(*arguments, words=words)
    assert list(tmp_path.iterdir()) == []
