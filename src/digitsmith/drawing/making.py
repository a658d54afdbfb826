"""Finished things from a model: a labelled data set in a folder, a number in one picture. PyTorch is not needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import DEFAULT_MODEL
from digitsmith.drawing.model import DigitModel, load
from digitsmith.drawing.numbers import compose_number, parse_number
from digitsmith.drawing.requests import balanced_labels, labels_from_counts
from digitsmith.drawing.writers import write_data_set
from digitsmith.errors import InputError
from digitsmith.host import versions
from digitsmith.storage import check_new_folder


def make(
    count: int | None = None,
    *,
    out: str | Path,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    format: str = "png",
    counts: Mapping[int, int] | None = None,
    seed: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> Path:
    """Write a labelled data set of generated images into the new folder `out`.

    Args:
        count: how many images, the classes balanced to within one. Leave it out with `counts`.
        out: a folder that does not exist yet or is empty.
        model: a name or path that `load` understands, or a model at hand.
        format: png, idx, npz, csv or parquet.
        counts: label -> how many, for a set that is not balanced.
        seed: image i depends on (weights, seed, i, label) alone.
        on_progress: called with the number of images drawn so far.

    Returns:
        `out`.

    Raises:
        InputError: a count, label or format that cannot be, an `out` in use, an unconditional model.
        StorageError: the disk refused; nothing half-written is left.
    """
    check_new_folder(Path(out))
    drawer = model if isinstance(model, DigitModel) else load(model)
    if not drawer.conditional:
        raise InputError(
            f"{drawer.config.model} draws digits without labels, so they make no labelled set; use a conditional model"
        )
    classes = drawer.config.classes
    if count is not None and counts is None:
        labels = balanced_labels(count, len(classes))
    elif counts is not None and count is None:
        labels = labels_from_counts(counts, len(classes))
    else:
        raise InputError("say how many digits: either a count for balanced classes or counts per class")

    def chunks() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        done = 0
        for images, asked in drawer.draw_chunks(labels, seed=seed):
            yield images, asked
            done += len(images)
            if on_progress is not None:
                on_progress(done)

    manifest = {
        "model": drawer.config.model,
        "weights_sha256": drawer.config.weights_sha256,
        "seed": seed,
        "versions": versions(),
    }
    return write_data_set(Path(out), chunks(), format=format, classes=classes, count=len(labels), manifest=manifest)


def draw_number(
    text: str,
    *,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    seed: int = 0,
    trim: bool = False,
    spacing_px: int | None = None,
    scale: int = 1,
    paper: bool = False,
) -> NDArray[np.uint8]:
    """A number, digit by digit in one picture.

    Args:
        text: `"2026"`; for classes with longer names, the names with commas between.
        model, seed: as for `make`; digit i is image i of that seed.
        trim, spacing_px, scale, paper: as in `compose_number`.

    Returns:
        uint8 [C, H * scale, W_total * scale].

    Raises:
        InputError: a character that is no class, an unconditional model, or a picture too large.
    """
    drawer = model if isinstance(model, DigitModel) else load(model)
    if not drawer.conditional:
        raise InputError(f"{drawer.config.model} cannot be asked for a digit; use a conditional model")
    labels = parse_number(text, drawer.config.classes)
    digits = np.concatenate([images for images, _ in drawer.draw_chunks(labels, seed=seed)])
    return compose_number(digits, trim=trim, spacing_px=spacing_px, scale=scale, paper=paper)
