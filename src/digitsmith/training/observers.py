"""What listens to the loop: the log, TensorBoard, and whoever shows progress. The loop knows only this."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.storage import storage_errors, write_atomically, write_bytes_atomically
from digitsmith.training.health import Measured
from digitsmith.training.run_files import read_log
from digitsmith.training.run_folder import RunFolder

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@dataclass(frozen=True)
class Moment:
    """Where a run is: steps taken, real images seen, epochs (a fraction), and how many images it will see."""

    step: int
    images: int
    epoch: float
    total_images: int


class Observer:
    """Every method may be left as it is. They are called in the order of this list."""

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

    def saved(self, moment: Moment, path: Path) -> None:
        """A checkpoint is on the disk."""

    def finished(self, moment: Moment, *, seconds: float) -> None:
        """Once, after the last step."""

    def close(self) -> None:
        """Always, whatever happened."""


class Observers(Observer):
    """Several as one, in order."""

    def __init__(self, members: Sequence[Observer]) -> None:
        self.members = members

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

    def saved(self, moment: Moment, path: Path) -> None:
        for member in self.members:
            member.saved(moment, path)

    def finished(self, moment: Moment, *, seconds: float) -> None:
        for member in self.members:
            member.finished(moment, seconds=seconds)

    def close(self) -> None:
        for member in self.members:
            member.close()


class RunLog(Observer):
    """`log.jsonl` and `samples/`. A resumed run first drops the rows after its checkpoint: they come again."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._file: IO[str] | None = None
        self._seconds_before = 0.0

    def started(self, moment: Moment) -> None:
        rows = read_log(self.folder.log) if self.folder.log.exists() else []
        kept = [row for row in rows if row["event"] != "end" and row["step"] <= moment.step]
        self._seconds_before = max((row.get("seconds", 0.0) for row in kept), default=0.0)
        write_bytes_atomically(self.folder.log, "".join(json.dumps(row) + "\n" for row in kept).encode())
        self._file = self.folder.log.open("a", encoding="utf-8")

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        self._write(
            moment,
            "step",
            {key: float(f"{value:.6g}") for key, value in vars(measured).items()}
            | {
                "images_per_s": round(images_per_s, 1),
                "seconds": round(self._seconds_before + seconds, 2),
            },
        )

    def warning(self, moment: Moment, kind: str, message: str) -> None:
        self._write(moment, "warning", {"kind": kind, "message": message})

    def samples(self, moment: Moment, epoch: int, grid: NDArray[np.uint8]) -> None:
        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:  # np.save would add a suffix to a path
                np.save(file, grid, allow_pickle=False)

        write_atomically(self.folder.samples(epoch), write)

    def finished(self, moment: Moment, *, seconds: float) -> None:
        self._write(moment, "end", {"seconds": round(self._seconds_before + seconds, 2)})

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, moment: Moment, event: str, values: dict[str, Any]) -> None:
        assert self._file is not None, "started() comes first"
        row = {"event": event, "step": moment.step, "images": moment.images, "epoch": round(moment.epoch, 4)}
        with storage_errors(self.folder.log):
            self._file.write(json.dumps(row | values, allow_nan=False) + "\n")
            self._file.flush()


class TensorBoard(Observer):
    """Scalars and fixed-noise image grids for `tensorboard --logdir` (second report, section 3.2)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: SummaryWriter | None = None

    def started(self, moment: Moment) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # purge_step hides what a killed process wrote after the checkpoint that this one resumes from
        self._writer = SummaryWriter(str(self.folder), purge_step=moment.step + 1 if moment.step else None)

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        assert self._writer is not None, "started() comes first"
        scalars = {
            "loss/discriminator": measured.loss_d,
            "loss/generator": measured.loss_g,
            "score/real": measured.real_score,
            "score/generated": measured.fake_score,
            "health/variety": measured.variety,
            "speed/images_per_s": images_per_s,
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, moment.step)

    def samples(self, moment: Moment, epoch: int, grid: NDArray[np.uint8]) -> None:
        assert self._writer is not None, "started() comes first"
        rows, columns, channels, height, width = grid.shape
        picture = grid.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
        self._writer.add_image("samples/fixed_noise", picture, moment.step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
