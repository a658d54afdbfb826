"""Checkpoints: everything a run needs to go on bit for bit, in safetensors and JSON. Never a pickle.

A checkpoint is two files, `000060000.safetensors` (named by images seen) and `000060000.json`. The tensors
are written first; the JSON carries their SHA-256 and one of itself, so a checkpoint exists only from the
moment its JSON does, and a changed byte in either file shows. No random state is in it: all randomness
follows from the seed and the step (`randomness.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from digitsmith.errors import CheckpointError
from digitsmith.storage import write_bytes_atomically, write_json_atomically

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after `step` steps, `images` real images seen; `run` says of which run."""

    step: int
    images: int
    run: str
    tensors: dict[str, Tensor]
    path: Path


def save_checkpoint(folder: Path, *, step: int, images: int, run: str, tensors: dict[str, Tensor], keep: int) -> Path:
    """Write a checkpoint, then remove all but the newest `keep`, and those of later steps.

    `run` is the run's identity (`run_folder.identity`), so that a changed `run.json` shows.
    Later ones are what a resumed run found damaged and passed over; the run is about to make them again.

    Returns:
        The path of its JSON.

    Raises:
        StorageError: the disk refused; earlier checkpoints are as they were.
    """
    from safetensors.torch import save

    stem = folder / f"{images:012d}"
    weights = stem.with_suffix(".safetensors")
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    write_bytes_atomically(weights, content)
    body = {"format": FORMAT, "step": step, "images": images, "run": run, "sha256": hashlib.sha256(content).hexdigest()}
    write_json_atomically(stem.with_suffix(".json"), body | {"self_sha256": _digest(body)})
    _remove_others(folder, stem.name, keep)
    return stem.with_suffix(".json")


def newest_checkpoint(folder: Path, *, warn: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole; `warn` is told of each damaged one that was passed over.

    Returns:
        None where no checkpoint was ever finished.

    Raises:
        CheckpointError: there are checkpoints, and not one of them is whole.
    """
    damaged = []
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        for line in damaged:
            warn(f"{line}; going on from the one before it, {path}")
        return checkpoint
    if damaged:
        raise CheckpointError(f"no checkpoint in {folder} is whole ({damaged[0]}); train again into another folder")
    return None


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint whose JSON is `path`, verified byte for byte.

    Raises:
        CheckpointError: a file is missing, unreadable, changed, or of a newer format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    weights = path.with_suffix(".safetensors")
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())
        content = weights.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{error.filename}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise CheckpointError(f"{path}: is damaged (not JSON)") from None
    if not isinstance(body, dict) or body.pop("self_sha256", None) != _digest(body):
        raise CheckpointError(f"{path}: is damaged (its checksum does not match)")
    if body["format"] != FORMAT:
        raise CheckpointError(f"{path}: has format {body['format']}, this digitsmith reads format {FORMAT}")
    if hashlib.sha256(content).hexdigest() != body["sha256"]:
        raise CheckpointError(f"{weights}: is damaged (its checksum does not match)")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{weights}: is damaged ({error})") from None
    return Checkpoint(body["step"], body["images"], body["run"], tensors, path)


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _remove_others(folder: Path, newest: str, keep: int) -> None:
    """The JSON goes first: a half-removed checkpoint must not look like a damaged one.

    Tensors without a JSON are what a killed save left behind; they go as well.
    """
    kept = [stem for stem in sorted(path.stem for path in folder.glob("*.json")) if stem <= newest][-keep:]
    for pattern in ("*.json", "*.safetensors"):
        for path in folder.glob(pattern):
            if path.stem not in kept:
                with contextlib.suppress(OSError):
                    path.unlink()
