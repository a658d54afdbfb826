"""What listens to the loop, and the first listener: the run's log. The loop knows only the interface."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.storage import storage_errors, write_bytes_atomically
from digitsmith.training.run_folder import RunFolder

if TYPE_CHECKING:
    from digitsmith.training.health import Measured

OF_FEW_LABELS = ("labelled_accuracy", "sure")
"""What only the rows of a model have that learns from a few labels."""


@dataclass(frozen=True)
class Moment:
    """Where a run is: steps taken, real images seen, epochs (a fraction), and how many images it will see."""

    step: int
    images: int
    epoch: float
    total_images: int


class Observer:
    """Every method may be left as it is. They are called in the order of this list."""

    def measuring_styles(self, done: int, total: int) -> None:
        """Before `started`, for a model that is asked for styles and images never measured: `done` of `total` are."""

    def planned(self, line: str) -> None:
        """Before `started`, for a run with a budget: what fits into it here, in one line."""

    def started(self, moment: Moment) -> None:
        """Once, before the first step of this process; `moment.step` is above 0 in a resumed run."""

    def stepped(self, moment: Moment) -> None:
        """After every step."""

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        """Every `log_every_steps`: what was measured, the speed since the last row, seconds since the start."""

    def warning(self, moment: Moment, kind: str, message: str) -> None:
        """Something is going wrong, or was put right; `message` is one line."""

    def samples(self, moment: Moment, epoch: int, grid: NDArray[np.uint8]) -> None:
        """At each sample epoch: uint8 [rows, columns, C, H, W], the same noise every time."""

    def finished(self, moment: Moment, *, seconds: float) -> None:
        """Once, after the last step."""

    def close(self) -> None:
        """Always, whatever happened."""


class Observers(Observer):
    """Several as one, in order."""

    def __init__(self, members: Sequence[Observer]) -> None:
        self.members = members

    def measuring_styles(self, done: int, total: int) -> None:
        for member in self.members:
            member.measuring_styles(done, total)

    def planned(self, line: str) -> None:
        for member in self.members:
            member.planned(line)

    def started(self, moment: Moment) -> None:
        for member in self.members:
            member.started(moment)

    def stepped(self, moment: Moment) -> None:
        for member in self.members:
            member.stepped(moment)

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        for member in self.members:
            member.row(moment, measured, images_per_s=images_per_s, seconds=seconds)

    def warning(self, moment: Moment, kind: str, message: str) -> None:
        for member in self.members:
            member.warning(moment, kind, message)

    def samples(self, moment: Moment, epoch: int, grid: NDArray[np.uint8]) -> None:
        for member in self.members:
            member.samples(moment, epoch, grid)

    def finished(self, moment: Moment, *, seconds: float) -> None:
        for member in self.members:
            member.finished(moment, seconds=seconds)

    def close(self) -> None:
        for member in self.members:
            member.close()


class RunLog(Observer):
    """`log.jsonl` and `samples/`.

    Args:
        folder: the run's.
        rows: those that stay; a resumed run drops the ones after its checkpoint, because they come again.
    """

    def __init__(self, folder: RunFolder, rows: Sequence[dict[str, Any]] = ()) -> None:
        self.folder = folder
        self.rows = rows
        self._file: IO[str] | None = None
        self._seconds_before = 0.0

    def started(self, moment: Moment) -> None:
        self._seconds_before = max((row.get("seconds", 0.0) for row in self.rows), default=0.0)
        write_bytes_atomically(self.folder.log, "".join(json.dumps(row) + "\n" for row in self.rows).encode())
        self._file = self.folder.log.open("a", encoding="utf-8")

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        self._write(
            moment,
            "step",
            {
                key: None if value is None else float(f"{value:.6g}")
                for key, value in vars(measured).items()
                if value is not None or key not in OF_FEW_LABELS
            }
            | {
                "images_per_s": round(images_per_s, 1),
                "seconds": round(self._seconds_before + seconds, 2),
            },
        )

    def warning(self, moment: Moment, kind: str, message: str) -> None:
        self._write(moment, "warning", {"kind": kind, "message": message})

    def samples(self, moment: Moment, epoch: int, grid: NDArray[np.uint8]) -> None:
        content = io.BytesIO()
        np.save(content, grid, allow_pickle=False)
        write_bytes_atomically(self.folder.samples(epoch), content.getvalue())

    def finished(self, moment: Moment, *, seconds: float) -> None:
        self._write(moment, "end", {"seconds": round(self._seconds_before + seconds, 2)})

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # every row was flushed; what a full disk refused has been told already
                self._file.close()

    def _write(self, moment: Moment, event: str, values: dict[str, Any]) -> None:
        assert self._file is not None, "started() comes first"
        row = {"event": event, "step": moment.step, "images": moment.images, "epoch": round(moment.epoch, 4)}
        with storage_errors(self.folder.log):
            self._file.write(json.dumps(row | values, allow_nan=False) + "\n")
            self._file.flush()
