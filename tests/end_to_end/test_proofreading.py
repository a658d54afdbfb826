"""Drawing again as a person meets it: what is printed, what the manifest says, and the flag that switches it off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_command_line import digitsmith

from digitsmith.data.reading import read_digits
from digitsmith.drawing.loading import load
from digitsmith.drawing.proofreader import PROOFREADER, THRESHOLD, load_proofreader

ASKED = ("--model", "cgan", "--counts", "3=900,5=900", "--seed", "11", "--format", "npz")
LABELS = np.tile([3, 5], 900)


def made(out: Path, *arguments: object) -> tuple[str, dict[str, Any]]:
    """What `make` prints, and the manifest's record."""
    done = digitsmith("make", "--out", out, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((out / "manifest.json").read_text())["rejection"]


def test_make_draws_again_what_cannot_be_read_and_says_so(tmp_path: Path) -> None:
    printed, record = made(tmp_path / "set", *ASKED)
    drawn, kept = load("cgan").draw(LABELS, seed=11), read_digits(tmp_path / "set")
    changed = int((drawn[:, None] != kept.images).any(axis=(1, 2, 3)).sum())
    assert np.array_equal(kept.labels, LABELS)
    assert (load_proofreader().sureness(kept.images, LABELS) >= THRESHOLD).all()
    assert 5 <= record["redrawn"] == changed < record["attempts"] - 1800 + 1
    facts = {"reader": PROOFREADER, "reader_sha256": load_proofreader().sha256, "threshold": THRESHOLD}
    assert record == facts | {"redrawn": changed, "attempts": record["attempts"], "kept_below": 0}
    assert f"drawn again  {changed} that {PROOFREADER} did not read as asked\n" in printed


def test_the_flag_draws_what_comes(tmp_path: Path) -> None:
    printed, record = made(tmp_path / "set", *ASKED, "--no-reject")
    assert record == {"reader": None, "reason": "not asked for"}
    assert "drawn again  none: not asked for\n" in printed
    kept = read_digits(tmp_path / "set")
    assert np.array_equal(kept.images[:, 0], load("cgan").draw(LABELS, seed=11))


def test_a_number_is_readable_unless_the_flag_is_given(tmp_path: Path) -> None:
    pictures = []
    for name, flags in (("kept", ()), ("again", ()), ("raw", ("--no-reject",))):
        path = tmp_path / f"{name}.png"
        done = digitsmith("draw", "35" * 200, "--model", "cgan", "--size", "28", "--seed", "1", "-o", path, *flags)
        assert done.returncode == 0, done.stderr
        pictures.append(np.asarray(Image.open(path)))
    kept, again, raw = pictures
    assert np.array_equal(kept, again)
    assert kept.shape != raw.shape or not np.array_equal(kept, raw)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training": {"data": {"source": "clothes.npz (train)"}}}, "the data of this model is clothes.npz (train)"),
        ({"classes": tuple("abcdefghij")}, "these are other classes"),
    ],
)
def test_what_the_proofreader_cannot_judge_is_drawn_as_it_comes(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    model = load("cgan")
    folder = replace(model, config=replace(model.config, **change)).save_pretrained(tmp_path / "model")
    printed, record = made(tmp_path / "set", "200", "--seed", "11", "--format", "npz", "--model", folder)
    assert record["reader"] is None and words in record["reason"]
    assert f"drawn again  none: {record['reason']}" in printed
    assert np.array_equal(read_digits(tmp_path / "set").images[:, 0], model.draw(np.arange(200) % 10, seed=11))
    number = "77" if "classes" not in change else "hh"
    assert digitsmith("draw", number, "--model", folder, "-o", tmp_path / "number.png").returncode == 0


@pytest.mark.parametrize("command", ["make", "draw"])
def test_the_help_names_the_flag(command: str) -> None:
    assert "--no-reject" in digitsmith(command, "--help").stdout
