"""Style control is measured where the answer is known: models that give real digits near what is asked, or off it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.drawing.loading import load
from digitsmith.errors import InputError
from digitsmith.measure.morphometry import measure_style
from digitsmith.measure.style_control import control, range_sweep, sweep
from digitsmith.style import STYLE_COLUMNS, STYLE_NAMES, StyleTable
from random_penman import penman_model

ROOT = Path(__file__).parents[1]


@cache
def measured_digits() -> tuple[Digits, np.ndarray]:
    """3,000 real digits, and their styles float64 [3000, 4]."""
    known = load_mnist("train").take(np.arange(3000))
    style = measure_style(known.images)
    return known, np.stack([getattr(style, column) for column in STYLE_COLUMNS], axis=1)


class RealDigits:
    """Stands in for a model: asked for a value, it gives the real digit of that class that comes nearest to it."""

    def __init__(self, *, beside: float = 0.0, blank_below: float = -np.inf) -> None:
        known, self.columns = measured_digits()
        self.images, self.labels = known.images, known.labels
        self.beside, self.blank_below = beside, blank_below
        rows = [np.resize(self.columns[self.labels == label], (1000, 4)) for label in range(10)]
        self.styles = StyleTable(np.zeros(4, "f4"), np.ones(4, "f4"), np.stack(rows).astype(np.float32))
        self.config = SimpleNamespace(classes=known.classes, model="real")

    def draw_chunks(self, labels, *, seed, start, given):
        ((name, asked),) = given.items()
        column = self.columns[:, STYLE_NAMES.index(name)]
        far = np.abs(column[None, :] - (asked + self.beside)[:, None]) + 1e9 * (self.labels[None, :] != labels[:, None])
        drawn = self.images[far.argmin(axis=1)].copy()
        drawn[asked < self.blank_below] = 0
        yield drawn, labels


@pytest.mark.parametrize("name", STYLE_NAMES)
def test_a_model_that_gives_what_is_asked_has_no_error(name: str) -> None:
    model = RealDigits()
    within = range_sweep(model, name, per_class=20, seed=0)
    found = control(model, within, per_class=20, seed=0)
    spacing = {"thickness": 0.03, "slant": 0.4, "width": 0.1, "height": 0.1}[name]  # of 300 digits, in its unit
    assert found.error.value < spacing
    assert found.error.low <= found.error.value <= found.error.high
    assert abs(found.bias) < spacing
    assert found.correlation > 0.999
    assert (found.images, found.blank, found.at_edges) == (200, 0, 200)
    assert min(found.read_low.value, found.read_high.value) > 0.98  # real digits


def test_the_range_is_the_middle_of_each_class() -> None:
    model = RealDigits()
    edges = sweep(model, "width", np.array([0.0, 1.0]), seed=0)
    assert edges.labels.tolist() == [*range(10), *range(10)]
    ones = model.columns[model.labels == 1, 2]
    assert edges.asked[[1, 11]] == pytest.approx(np.percentile(ones, [5, 95]), abs=0.15)
    assert edges.asked[0] > edges.asked[11]  # a narrow 0 is wider than a wide 1


def test_what_is_drawn_beside_what_is_asked_is_found() -> None:
    model = RealDigits(beside=0.4)
    within = range_sweep(model, "thickness", per_class=30, seed=0)
    found = control(model, within, per_class=5, seed=0)
    assert found.bias == pytest.approx(0.4, abs=0.02)
    assert found.error.value == pytest.approx(0.4, abs=0.02)
    assert found.correlation > 0.99
    upside_down = replace(within, asked=-within.asked)
    assert control(model, upside_down, per_class=5, seed=0).correlation < -0.99


def test_errors_are_told_by_tenths_and_blanks_are_counted() -> None:
    model = RealDigits()
    within = range_sweep(model, "slant", per_class=40, seed=0)
    off = np.where(within.places < 0.3, 5.0, 0.0)
    found = control(model, replace(within, measured=within.measured + off), per_class=5, seed=0)
    assert np.allclose(found.deciles[:3], 5, atol=0.5)
    assert max(found.deciles[3:]) < 1

    blank = RealDigits(blank_below=2.0)
    within = range_sweep(blank, "thickness", per_class=20, seed=0)
    found = control(blank, within, per_class=20, seed=0)
    assert found.blank == (within.asked < 2.0).sum() > 10
    assert found.read_low.value < 0.5 < found.read_high.value
    hidden = np.where(within.places > 0.9, np.nan, within.measured)
    with pytest.raises(InputError, match="draws nothing in some tenth of the range of thickness"):
        control(blank, replace(within, measured=hidden), per_class=5, seed=0)


def test_a_model_without_style_has_nothing_to_control() -> None:
    with pytest.raises(InputError, match="cgan has no style to ask for"):
        range_sweep(load("cgan"), "slant", per_class=5, seed=0)


def test_the_tool_writes_table_figure_and_figures(tmp_path: Path) -> None:
    penman_model().save_pretrained(tmp_path / "penman")
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- begin style-control (tool) -->\nold\n<!-- end style-control -->\nafter\n")
    tool = [
        sys.executable,
        str(ROOT / "tools" / "measure_style_control.py"),
        "--model",
        "./penman",
        "--per-class",
        "10",
    ]
    places = ("--json", "c.json", "--figure", "c.png", "--docs", "page.md")
    done = subprocess.run([*tool, *places], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = document.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    rows = [line for line in lines if line.startswith(tuple(f"| {name} |" for name in STYLE_NAMES))]
    assert len(rows) == 4
    assert rows[0] in done.stdout
    record = json.loads((tmp_path / "c.json").read_text())
    assert [one["name"] for one in record["control"]] == list(STYLE_NAMES)
    assert all(len(one["deciles"]) == 10 and one["images"] == 100 for one in record["control"])
    assert Image.open(tmp_path / "c.png").width == 1440

    document.write_text("no place for it\n")
    refused = subprocess.run([*tool, "--docs", "page.md"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("page.md: has no comments")
    assert refused.stderr.count("\n") == 1
