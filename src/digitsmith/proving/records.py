"""The experiment's record: every single result, kept as it comes, and found again by the next call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digitsmith.errors import InputError
from digitsmith.proving.choosing import Candidate, Try, best
from digitsmith.proving.teaching import Examined
from digitsmith.storage import storage_errors, write_json_atomically

RECORD = "proof.json"
FORMAT = 1
STRENGTH = "strength"
Place = tuple[int, int, str]
"""Of a choice: images a class, seed, and what is chosen: "strength", or the letter of an arm for its share."""
_PLACE = ("per_class", "seed", "of")
_NAMES = ("data",)  # the same images may lie elsewhere by now
_CHECKSUMS = {"images": "other images", "test": "another test set"}


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
        gans: a row for each GAN: per_class, seed, part ("all" or "fold 1"), seconds, stopped_at_images.
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
    def open(cls, folder: Path, experiment: Mapping[str, Any]) -> Records:
        """The record in `folder`, or the beginning of one.

        Raises:
            InputError: the folder holds something else, a damaged record, or that of another experiment.
        """
        path = folder / RECORD
        with storage_errors(folder):
            if not path.exists():
                if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                    raise InputError(f"{folder}: holds something else; name a new folder for --out")
                return cls(folder, experiment)
            content = path.read_bytes()
        found = _parsed(path, content)
        for key, value in experiment.items():
            other = found["experiment"].get(key)
            if other != value and key not in _NAMES:
                what = _CHECKSUMS.get(key) or f"{key} {other or 'none'}, and this one has {value or 'none'}"
                raise InputError(f"{folder}: holds a proof with {what}; name another folder for --out")
        return cls(
            folder,
            experiment,
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

    def add_gan(self, per_class: int, seed: int, part: str, *, seconds: float, stopped_at_images: int) -> None:
        """Keep what a GAN took."""
        row = {"per_class": per_class, "seed": seed, "part": part}
        self.gans.append(row | {"seconds": seconds, "stopped_at_images": stopped_at_images})
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
    damaged = InputError(f"{path}: is no record of a proof, or damaged; remove it, or name another folder for --out")
    try:
        found = json.loads(content)
        if found["format"] != FORMAT:
            raise InputError(f"{path}: was written by another version of digitsmith; name another folder for --out")
        found["runs"] = [{key: run[key] for key in Run.__dataclass_fields__} for run in found["runs"]]
        for key in ("choices", "gans", "pending"):
            assert isinstance(found[key], list)
        assert isinstance(found["experiment"], dict) and isinstance(found["findings"], dict)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        if isinstance(error, InputError):  # which is a ValueError too
            raise
        raise damaged from None
    return dict(found)
