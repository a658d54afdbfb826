"""The experiment's record: every single result, kept as it comes, and found again by the next call."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digitsmith.errors import InputError
from digitsmith.proving.arms import ARMS
from digitsmith.proving.choosing import Candidate, Try, best
from digitsmith.proving.pools import Trained
from digitsmith.proving.teaching import Examined
from digitsmith.storage import only_writer, other_files, storage_errors, write_json_atomically

RECORD = "proof.json"
FORMAT = 1
STRENGTH = "strength"
Place = tuple[int, int, str]
"""Of a choice: images a class, seed, and what is chosen: "strength", or the letter of an arm for its share."""
_PLACE = ("per_class", "seed", "of")
_NAMES = ("data",)  # the same images may lie elsewhere by now
_TOLD = {
    "recipe": "results of another version of digitsmith",
    "images": "other images",
    "test": "another test set",
    "shipped": "another shipped model",
}
"""In words what differs, where its value says nothing."""
_IF_BOTH = ("shipped",)  # known where arm e is asked for
_ROWS: dict[str, dict[str, type]] = {
    "runs": {"per_class": int, "seed": int, "arm": str, "right": int, "images": int}
    | {"strength": float, "share": float, "seconds": float},
    "choices": {"per_class": int, "seed": int, "of": str, "chosen": float},
    "gans": {"per_class": int, "seed": int, "part": str, "seconds": float, "stopped_at_images": int},
    "pending": {"per_class": int, "seed": int, "of": str, "value": float, "fold": int}
    | {"right": int, "images": int, "cross_entropy": float},
}
"""What the rows of each list hold, at the least."""


@dataclass(frozen=True)
class Run:
    """One recogniser, examined with the test.

    Attributes:
        per_class: real images of each class.
        seed: of the pair: the same for every arm.
        arm: its letter.
        right, images: of the test, how many it read right, and how many there are.
        strength, share: what was chosen for it.
        seconds: its training took.
    """

    per_class: int
    seed: int
    arm: str
    right: int
    images: int
    strength: float
    share: float
    seconds: float

    @property
    def accuracy(self) -> float:
        """The share of the test that it read right, in [0, 1]."""
        return self.right / self.images


@dataclass
class Records:
    """What is known so far; every addition is on the disk when it returns.

    Attributes:
        folder: of the whole proof; the record is its `proof.json`.
        experiment: all that the results depend on and that stays the same: images, steps, budget. JSON values.
        runs: in the order they came.
        choices: a row for each choice: per_class, seed, of ("strength", or an arm's letter for its share), chosen, and
            the candidates.
        gans: a row for each GAN: per_class, seed, part ("all" or "without-fold-1"), seconds, stopped_at_images,
            and, since there is such a look, repeats_itself.
        pending: a row for each trial of a choice that is not made yet.
        findings: what follows from the runs, for those who read the file alone.
    """

    folder: Path
    experiment: Mapping[str, Any]
    runs: list[Run] = field(default_factory=list)
    choices: list[dict[str, Any]] = field(default_factory=list)
    gans: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    findings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, experiment: Mapping[str, Any]) -> Iterator[Records]:
        """The record in `folder`, or the beginning of one, for this process alone; it can be written.

        Raises:
            InputError: the folder holds something else, a damaged record, or that of another experiment, or another
                process writes there.
            StorageError: the disk refuses, before any work.
        """
        path = folder / RECORD
        with storage_errors(folder):
            if folder.exists() and not folder.is_dir():
                raise InputError(f"{folder}: is a file; name a new folder for --out")
            if folder.exists() and not path.exists() and other_files(folder):
                raise InputError(f"{folder}: holds something else; name a new folder for --out")
        with only_writer(folder, doing="proving there"):
            with storage_errors(path):
                content = path.read_bytes() if path.exists() else None
            records = cls(folder, experiment) if content is None else cls._of(path, content, experiment)
            records.save()
            yield records

    @classmethod
    def _of(cls, path: Path, content: bytes, experiment: Mapping[str, Any]) -> Records:
        """What `content` holds, to go on with; InputError as of `opened`."""
        found, folder = _parsed(path, content), path.parent
        for key, value in experiment.items():
            other = found["experiment"].get(key)
            if other == value or key in _NAMES or (key in _IF_BOTH and other is None):
                continue
            what = _TOLD.get(key) or f"{key} {other or 'none'}, and this one has {value or 'none'}"
            raise InputError(f"{folder}: holds a proof with {what}; name another folder for --out")
        return cls(
            folder,
            found["experiment"] | experiment,
            runs=[Run(**run) for run in found["runs"]],
            choices=found["choices"],
            gans=found["gans"],
            pending=found["pending"],
            findings=found["findings"],
        )

    def accuracy(self, per_class: int, seed: int, arm: str) -> float | None:
        """What the run came to; None where it was not made yet."""
        found = (run for run in self.runs if (run.per_class, run.seed, run.arm) == (per_class, seed, arm))
        return next((run.accuracy for run in found), None)

    def chosen(self, per_class: int, seed: int, of: str) -> float | None:
        """What was chosen; None where nothing was yet."""
        return next(
            (
                float(row["chosen"])
                for row in self.choices
                if (row["per_class"], row["seed"], row["of"]) == (per_class, seed, of)
            ),
            None,
        )

    def add_run(self, run: Run) -> None:
        """Keep a result."""
        self.runs.append(run)
        self.save()

    def tries(self, place: Place) -> list[Try]:
        """What was tried for a choice that is not made yet."""
        return [
            Try(row["value"], row["fold"], Examined(row["right"], row["images"], row["cross_entropy"]))
            for row in self.pending
            if (row["per_class"], row["seed"], row["of"]) == place
        ]

    def add_try(self, place: Place, tried: Try) -> None:
        """Keep what came of a trial."""
        row = dict(zip(_PLACE, place, strict=True)) | {"value": tried.value, "fold": tried.fold}
        self.pending.append(row | vars(tried.examined))
        self.save()

    def add_choice(self, place: Place, candidates: Sequence[Candidate]) -> float:
        """Keep what was tried, and return what is chosen by it."""
        rows = [{"value": tried.value, **vars(tried.examined)} for tried in candidates]
        chosen = best(candidates)
        self.choices.append(dict(zip(_PLACE, place, strict=True)) | {"chosen": chosen, "candidates": rows})
        self.pending = [row for row in self.pending if tuple(row[key] for key in _PLACE) != place]
        self.save()
        return chosen

    def add_gan(self, per_class: int, seed: int, part: str, trained: Trained) -> None:
        """Keep what a GAN took, and whether it is alive."""
        told = {name: getattr(trained, name) for name in ("seconds", "stopped_at_images", "repeats_itself")}
        self.gans.append({"per_class": per_class, "seed": seed, "part": part} | told)
        self.save()

    def save(self) -> None:
        """Write the record.

        Raises:
            StorageError: the disk refused; the record is as it was.
        """
        content = {
            "format": FORMAT,
            "experiment": dict(self.experiment),
            "runs": [vars(run) | {"accuracy": run.accuracy} for run in self.runs],
            "choices": self.choices,
            "gans": self.gans,
            "pending": self.pending,
            "findings": dict(self.findings),
        }
        write_json_atomically(self.folder / RECORD, content)


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
        if found["format"] == FORMAT and _is_whole(found):
            return dict(found) | {"runs": [{key: run[key] for key in _ROWS["runs"]} for run in found["runs"]]}
        other_version = found["format"] != FORMAT
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        other_version = False
    what = "was written by another version of digitsmith" if other_version else "is no record of a proof, or damaged"
    raise InputError(f"{path}: {what}; remove it, or name another folder for --out")


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether everything is there that is read; KeyError, TypeError or AttributeError where nothing is like it."""
    rows = [(row, kinds) for key, kinds in _ROWS.items() for row in found[key]]
    return (
        isinstance(found["experiment"], dict)
        and isinstance(found["findings"], dict)
        and all(isinstance(found[key], list) for key in _ROWS)
        and all(_is(row[name], kind) for row, kinds in rows for name, kind in kinds.items())
        and all(run["arm"] in ARMS and 0 <= run["right"] <= run["images"] != 0 for run in found["runs"])
        and all(row["of"] in (STRENGTH, *ARMS) for row in found["choices"])
    )


def _is(value: object, kind: type) -> bool:
    """Whether a value of JSON is a string, or a finite number from 0; a whole one for int."""
    if kind is str or isinstance(value, bool):
        return kind is str and isinstance(value, str)
    if isinstance(value, float):
        return kind is float and math.isfinite(value) and value >= 0
    return isinstance(value, int) and value >= 0
