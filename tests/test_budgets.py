"""The table of budgets: a run is made once and kept, and one that fails is counted, not hidden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import budgets
from digitsmith.data.digits import Digits
from kept_runs import KeptRuns
from quality import Ruler


def test_a_budget_is_trained_and_looked_at(few_digits: Digits) -> None:
    ruler = Ruler.of(few_digits, count=200)
    found = budgets.one(few_digits, ruler, 0.5, seed=0, threads=1)
    assert 0 <= found.read_as_asked <= 1
    assert found.distance > 1


def test_a_run_is_made_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "results" / "budgets.json"
    made = []

    def run() -> budgets.Result:
        made.append(1)
        return budgets.Result(0.99, 3.0, 60.0)

    for _ in range(2):
        KeptRuns(file, {"floor": 0.01}).make("7", 0, run)
    assert len(made) == 1
    assert json.loads(file.read_text())["runs"]["7"]["0"]["distance"] == 3.0
    with pytest.raises(SystemExit, match=r"has floor 0.01, not 0.02"):
        KeptRuns(file, {"floor": 0.02})


def test_runs_that_failed_are_counted_and_not_in_the_medians() -> None:
    good = {"read_as_asked": 0.995, "distance": 2.0, "seconds": 300.0}
    better = good | {"read_as_asked": 0.999, "distance": 1.0}
    mixed_up = good | {"read_as_asked": 0.3}
    diverged = {"read_as_asked": None, "distance": None, "seconds": 10.0}
    text = budgets.table({"7": dict(zip("0123", (good, better, mixed_up, diverged), strict=True)), "86": {"0": better}})
    assert "| 7 | 4 | 2 | 99.70 (99.50 to 99.90) | 1.50 (1.00 to 2.00) | 300 (300 to 300) |" in text
    assert "| 86 | 1 | 0 | 99.90 | 1.00 | 300 |" in text
