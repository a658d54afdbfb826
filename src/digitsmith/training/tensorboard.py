"""Scalars and fixed-noise image grids for `tensorboard --logdir` (second report, section 3.2).

Events are written here, in the loop's own thread: torch's SummaryWriter writes from a thread of its own,
where a full disk ends in a traceback that nobody can catch.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.storage import storage_errors
from digitsmith.training.health import Measured
from digitsmith.training.observers import Moment, Observer


class TensorBoard(Observer):
    """One event file per process; what a killed one wrote after its checkpoint is hidden by the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[bytes] | None = None

    def started(self, moment: Moment) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time_ns()}"
            self._file = (self.folder / name).open("wb")
        self._write(0, file_version="brain.Event:2")
        # From this step on, events of other files are of a process that was killed: TensorBoard drops them.
        self._write(moment.step + 1, session_log=SessionLog(status=SessionLog.START))

    def row(self, moment: Moment, measured: Measured, *, images_per_s: float, seconds: float) -> None:
        from torch.utils.tensorboard.summary import scalar

        scalars = {
            "loss/discriminator": measured.loss_d,
            "loss/generator": measured.loss_g,
            "score/real": measured.real_score,
            "score/generated": measured.fake_score,
            "health/variety": measured.variety,
            "reading/labelled_accuracy": measured.labelled_accuracy,
            "reading/sure": measured.sure,
            "speed/images_per_s": images_per_s,
        }
        for name, value in scalars.items():
            if value is not None:
                self._write(moment.step, summary=scalar(name, value))

    def samples(self, moment: Moment, epoch: int, grid: NDArray[np.uint8]) -> None:
        from torch.utils.tensorboard.summary import image

        rows, columns, channels, height, width = grid.shape
        picture = grid.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
        self._write(moment.step, summary=image("samples/fixed_noise", picture, dataformats="CHW"))

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # every event was flushed; what a full disk refused has been told already
                self._file.close()

    def _write(self, step: int, **content: Any) -> None:
        """One event, on the disk when this returns."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        assert self._file is not None, "started() comes first"
        event = Event(step=step, wall_time=time.time(), **content)
        with storage_errors(self.folder):
            RecordWriter(self._file).write(event.SerializeToString())
            self._file.flush()
