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
from digitsmith.config import TrainSettings, settings_to_dict
from digitsmith.data.digits import Digits
from digitsmith.models.blocks import Generator
from digitsmith.training.run_folder import MAY_CHANGE
from measuring import write_record

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MACHINES_OWN = ("threads", "precision", "device")


def trained(settings: TrainSettings, digits: Digits) -> Generator:
    """The averaged generator of the end; `settings` are resolved. Networks are built in here, and styles measured.

    Raises:
        TrainingDiverged: as `digitsmith train` would.
    """
    torch.set_num_threads(settings.threads)
    (generator,) = deque(digitsmith_steps(settings, digits), maxlen=1)
    return generator


def recipe(settings: TrainSettings) -> dict[str, Any]:
    """What of `settings` a table's runs must share, as JSON has it: all that moves a weight of this model, but for the
    length of the run, its seed, and what the machine chooses."""
    apart = {"seed", *MACHINES_OWN}.union(MAY_CHANGE, settings.without_effect)
    return {name: value for name, value in settings_to_dict(settings).items() if name not in apart}


class KeptRuns:
    """Results by name and seed, in `file` if there is one.

    Args:
        file: is read where it exists; None keeps nothing beyond the process.
        same: what must be equal in the file, so that runs of other settings never share a table.

    Raises:
        SystemExit: it is not, or the file is from before it was written down.
    """

    def __init__(self, file: Path | None, same: Mapping[str, Any]) -> None:
        self.file = file
        self.record: dict[str, Any] = {**same, "runs": {}}
        if file is not None and file.exists():
            self.record = json.loads(file.read_text(encoding="utf-8"))
            for name, value in same.items():
                if name not in self.record:
                    raise SystemExit(f"{file}: does not say which {name} its runs had; name another file")
                if self.record[name] != value:
                    raise SystemExit(f"{file}: has {_difference(name, self.record[name], value)}; name another file")

    @property
    def runs(self) -> dict[str, dict[str, dict[str, Any]]]:
        """name -> seed -> a result's fields; what was NaN is None once it comes from the file."""
        found: dict[str, dict[str, dict[str, Any]]] = self.record["runs"]
        return found

    def make(self, name: str, seed: int, run: Callable[[], DataclassInstance]) -> None:
        """Run it and keep what it returns, unless the file has it.

        Raises:
            SystemExit: the disk refused; the file is as it was.
        """
        results = self.runs.setdefault(name, {})
        if str(seed) in results:
            return
        found = run()
        print(f"{name}, seed {seed}: {found}", file=sys.stderr)
        results[str(seed)] = asdict(found)
        if self.file is not None:
            write_record(self.file, self.record)


def _difference(name: str, found: Any, wanted: Any) -> str:
    """In words: `floor 0.01, not 0.02`; of tables only the entries that differ."""
    if not (isinstance(found, Mapping) and isinstance(wanted, Mapping)):
        return f"{name} {found}, not {wanted}"
    pairs = {key: (found.get(key, "unsaid"), wanted.get(key, "unsaid")) for key in {**wanted, **found}}
    return ", ".join(f"{name}.{key} {one}, not {other}" for key, (one, other) in pairs.items() if one != other)
