"""Trainings for a table: each by the work of `digitsmith train`, and each kept in a JSON file as it ends, so that a
table of many hours can be made in parts."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from contenders import digitsmith_steps
from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.models.blocks import Generator
from measuring import as_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def trained(settings: TrainSettings, digits: Digits) -> Generator:
    """The averaged generator of the end; `settings` are resolved.

    Raises:
        TrainingDiverged: as `digitsmith train` would.
    """
    torch.set_num_threads(settings.threads)
    (generator,) = deque(digitsmith_steps(settings, digits), maxlen=1)
    return generator


class KeptRuns:
    """Results by name and seed, in `file` if there is one.

    Args:
        file: is read where it exists; None keeps nothing beyond the process.
        same: what must be equal in the file, so that runs of other settings never share a table.
    """

    def __init__(self, file: Path | None, same: Mapping[str, Any]) -> None:
        self.file = file
        self.record: dict[str, Any] = {**same, "runs": {}}
        if file is not None and file.exists():
            self.record = json.loads(file.read_text(encoding="utf-8"))
            for name, value in same.items():
                if self.record[name] != value:
                    raise SystemExit(f"{file}: has {name} {self.record[name]}, not {value}; name another file")

    @property
    def runs(self) -> dict[str, dict[str, dict[str, Any]]]:
        """name -> seed -> a result's fields; what was NaN is None once it comes from the file."""
        found: dict[str, dict[str, dict[str, Any]]] = self.record["runs"]
        return found

    def make(self, name: str, seed: int, run: Callable[[], DataclassInstance]) -> None:
        """Run it and keep what it returns, unless the file has it."""
        results = self.runs.setdefault(name, {})
        if str(seed) in results:
            return
        found = run()
        print(f"{name}, seed {seed}: {found}", file=sys.stderr)
        results[str(seed)] = asdict(found)
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(as_json(self.record), encoding="utf-8")
