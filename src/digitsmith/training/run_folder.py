"""A run's folder: what lies where, who may write into it, and whether a resume belongs to it.

run.json       the settings, the data's fingerprint, versions and machine
log.jsonl      a row every few steps, and each warning
labelled.csv   of a semi-supervised run: which images had labels that were looked at
tensorboard/   the same rows as scalars, and the sample grids
samples/       epoch-0001.npy: the grids as uint8 [rows, columns, C, H, W]
checkpoints/   the newest few, to resume from
weights/       the generator that draws, exported; of a semi-supervised run the recogniser, too
figures/, index.html
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitsmith.config import TrainSettings, settings_from_dict, settings_to_dict
from digitsmith.data.partly_labelled import PartlyLabelled, TrainingImages
from digitsmith.data.strokes import drawn_in_strokes
from digitsmith.errors import CheckpointError, InputError
from digitsmith.storage import (
    only_writer,
    other_files,
    storage_errors,
    write_bytes_atomically,
    write_json_atomically,
)
from digitsmith.training.run_files import RUN_FORMAT, read_run

MAY_CHANGE = {
    "epochs",
    "sample_epochs",
    "checkpoint_every_images",
    "keep_checkpoints",
    "log_every_steps",
    "data",
    "unlabelled",
}
"""Settings that a resumed run may have otherwise: none of them moves a weight up to a given step. The paths
of the data may change, their fingerprints may not."""


_THEN = ", then "  # between what a run was begun with and what it went on with


@dataclass(frozen=True)
class RunFolder:
    """The paths within one run's folder."""

    root: Path

    @property
    def record(self) -> Path:
        return self.root / "run.json"

    @property
    def log(self) -> Path:
        return self.root / "log.jsonl"

    @property
    def labelled(self) -> Path:
        return self.root / "labelled.csv"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.root / "weights"

    def samples(self, epoch: int) -> Path:
        return self.root / "samples" / f"epoch-{epoch:04d}.npy"

    def is_run(self) -> bool:
        """Whether a run was begun here.

        Raises:
            InputError, StorageError: the path cannot be looked at.
        """
        with storage_errors(self.root):
            return self.record.exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the folder to this process: two writers would take each other's checkpoints for their own.

        Raises:
            InputError: it holds something that is no run, or another process trains into it.
            StorageError: the folder cannot be made.
        """
        self._refuse_other_files()
        with only_writer(self.root, doing="training into it"):
            yield

    def read_record(self) -> dict[str, Any]:
        """What `run.json` says; DataError as `read_run`."""
        return read_run(self.record)

    def saved_settings(self) -> TrainSettings:
        """The settings the run was started with, the machine's choices included."""
        return settings_from_dict(self.read_record()["settings"], where=str(self.record))

    def begin(self, settings: TrainSettings, digits: TrainingImages, facts: dict[str, Any]) -> None:
        """Record a new run.

        Raises:
            InputError: there is a run in the folder already.
        """
        if self.record.exists():
            raise InputError(f"{self.root}: holds a run already; add --resume to go on with it, or choose --out")
        write_json_atomically(self.record, self._record(settings, digits) | facts)

    def keep_labelled(self, images: Sequence[int], digits: TrainingImages) -> None:
        """Record which `images` had labels that were looked at: a row for each, its number from 0 and its class."""
        names = [digits.classes[label] for label in digits.labels[list(images)]]
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([("image", "class"), *zip(images, names, strict=True)])
        write_bytes_atomically(self.labelled, table.getvalue().encode())

    def require_same(self, settings: TrainSettings, digits: TrainingImages, *, images_seen: int) -> None:
        """Check that `settings` and `digits` are the run's own.

        Raises:
            CheckpointError: the run is another model's, had other settings or other data, or has seen more epochs
                than it is to have.
        """
        record = self.read_record()
        before = self.saved_settings()
        idle = {*before.without_effect} & {*settings.without_effect}
        for item in dataclasses.fields(TrainSettings):
            then, now = getattr(before, item.name), getattr(settings, item.name)
            if then != now and item.name not in MAY_CHANGE | idle:
                raise CheckpointError(
                    f"{self.root}: was trained with {item.name} {then}, not {now}; resume it with its own, "
                    "or choose another --out"
                )
        if before.epochs != settings.epochs and settings.decay_from < 1:
            raise CheckpointError(
                f"{self.root}: its learning rate falls towards epoch {before.epochs:g}, so it cannot end at "
                f"{settings.epochs:g}; train again with --epochs {settings.epochs:g} into another --out"
            )
        more = record["data"].get("unlabelled")
        recorded = [part["fingerprint"] for part in (record["data"], more) if part is not None]
        fingerprints = _fingerprints(digits)
        if recorded[0] != fingerprints[0]:
            raise CheckpointError(
                f"{self.root}: was trained on other images than {digits.source}; resume it with its own --data"
            )
        if recorded != fingerprints:
            if more and isinstance(digits, PartlyLabelled):
                raise CheckpointError(
                    f"{self.root}: was trained on other images without labels than {digits.unlabelled.source} holds "
                    "now; restore them, resume it with its own --unlabelled, or choose another --out"
                )
            what, own = ("images", "its own") if more else ("no images", "no")
            raise CheckpointError(
                f"{self.root}: was trained on {what} without labels beside {digits.source}; resume it with {own} "
                "--unlabelled, or choose another --out"
            )
        if settings.epochs * len(digits) + settings.batch_size <= images_seen:
            raise CheckpointError(
                f"{self.root}: has seen {images_seen / len(digits):.4g} epochs already; resume it with more --epochs"
            )

    def update(
        self, settings: TrainSettings, digits: TrainingImages, facts: Mapping[str, Mapping[str, str | int]]
    ) -> list[str]:
        """Record what a resumed run has otherwise: settings, and in `facts` versions and machine.

        Returns:
            What of `facts` is another than before, in words: "torch 2.13.0, was 2.12.1".
        """
        record, others = self.read_record(), []
        for part, values in facts.items():
            for name, value in values.items():
                before = record[part].get(name, value)
                if str(before).rpartition(_THEN)[2] != str(value):
                    others.append(f"{name} {value}, was {str(before).rpartition(_THEN)[2]}")
                    record[part][name] = f"{before}{_THEN}{value}"
        write_json_atomically(self.record, record | self._record(settings, digits))
        return others

    def _refuse_other_files(self) -> None:
        """A folder without a run must be empty, but for what a process killed in its first moments leaves."""
        with storage_errors(self.root):
            if self.is_run() or not self.root.exists():
                return
            others = other_files(self.root)
        if others:
            raise InputError(f"{self.root}: holds other files ({others[0]}) and no run; choose another --out")

    def _record(self, settings: TrainSettings, digits: TrainingImages) -> dict[str, Any]:
        return {
            "format": RUN_FORMAT,
            "settings": settings_to_dict(settings),
            "data": _described(digits),
        }


def _described(digits: TrainingImages) -> dict[str, Any]:
    """What a run records of its images: `images` counts all, and what is not under `unlabelled` is of the labelled."""
    labelled, more = digits, {}
    fingerprint, *others = _fingerprints(digits)
    if isinstance(digits, PartlyLabelled):
        labelled, unlabelled = digits.labelled, digits.unlabelled
        more = {"source": unlabelled.source, "images": len(unlabelled), "fingerprint": others[0]}
    return {
        "source": labelled.source,
        "images": len(digits),
        "shape": list(labelled.image_shape),
        "classes": list(labelled.classes),
        "strokes": drawn_in_strokes(labelled.images),
        "fingerprint": fingerprint,
        **({"unlabelled": more} if more else {}),
    }


def _fingerprints(digits: TrainingImages) -> list[str]:
    """Of the labelled images and, where there are others beside them, of those without labels."""
    if isinstance(digits, PartlyLabelled):
        return [digits.labelled.fingerprint(), digits.unlabelled_fingerprint()]
    return [digits.fingerprint()]


LATER_MOVES = ("stretch", "shear_deg")  # runs from before there were these go on


def identity(settings: TrainSettings, digits: TrainingImages) -> str:
    """SHA-256 of all that decides a run's bits: its settings but for `MAY_CHANGE`, and its data.

    Nor do those count that the model does not read: runs from before there were such settings go on.
    """
    indecisive = MAY_CHANGE.union(settings.without_effect)
    decisive = {key: value for key, value in settings_to_dict(settings).items() if key not in indecisive}
    moves = decisive["augmentation"]
    decisive["augmentation"] = {key: value for key, value in moves.items() if value or key not in LATER_MOVES}
    parts = [decisive, *_fingerprints(digits)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
