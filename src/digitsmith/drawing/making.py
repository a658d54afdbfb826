"""Finished things from a model: a labelled data set in a folder, a number in one picture. PyTorch is not needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import DEFAULT_MODEL
from digitsmith.drawing.canvas import parse_colour
from digitsmith.drawing.hands import Hand, check_seed
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.numbers import parse_number, write_number
from digitsmith.drawing.rejection import Tally, draw_proofread
from digitsmith.drawing.requests import balanced_labels, labels_from_counts
from digitsmith.drawing.writers import write_data_set
from digitsmith.errors import InputError
from digitsmith.host import versions
from digitsmith.storage import check_new_folder
from digitsmith.style import STYLE_COLUMNS, STYLE_NAMES, Given, NumberOrRange, StyleRange, wished_style


def make(
    count: int | None = None,
    *,
    out: str | Path,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    format: str = "png",
    counts: Mapping[int, int] | None = None,
    test_count: int = 0,
    seed: int = 0,
    thickness: NumberOrRange | None = None,
    slant: NumberOrRange | None = None,
    width: NumberOrRange | None = None,
    height: NumberOrRange | None = None,
    reject: bool = True,
    on_progress: Callable[[int], None] | None = None,
) -> Path:
    """Write a labelled data set of generated images into the new folder `out`.

    Args:
        count: how many images, the classes balanced to within one. Leave it out with `counts`.
        out: a folder that does not exist yet or is empty.
        model: a name or path that `load` understands, or a model at hand.
        format: png, idx, npz, csv or parquet.
        counts: label -> how many, for a set that is not balanced.
        test_count: so many more images, balanced too, as the test split; npz only, which then is as Keras's mnist.npz.
        seed: image i depends on (weights, seed, i, label, style) alone.
        thickness, slant, width, height: of the digits, in px, degrees, px and px, for a model with style: a number,
            or (low, high), from which each image gets its own. What is left out comes from training images; what
            was asked of each image stands in styles.csv.
        reject: draw digits again that the proofreader does not read as asked; see `drawing/rejection.py`. The manifest
            says how many, or why the model's images cannot be proofread.
        on_progress: called with the number of images drawn so far.

    Returns:
        `out`.

    Raises:
        InputError: a count, label, style or format that cannot be, a test split that the format has no room for, an
            `out` in use, an unconditional model, or a style asked of a model without.
        StorageError: the disk refused; nothing half-written is left.
    """
    check_new_folder(Path(out))
    drawer = model if isinstance(model, DigitModel) else load(model)
    if not drawer.conditional:
        raise InputError(
            f"{drawer.config.model} draws images without labels, so they make no labelled set; use a conditional model"
        )
    classes = drawer.config.classes
    if count is not None and counts is None:
        labels = balanced_labels(count, len(classes))
    elif counts is not None and count is None:
        labels = labels_from_counts(counts, len(classes))
    else:
        raise InputError("say how many images: either a count for balanced classes or counts per class")
    if test_count:
        labels = np.concatenate([labels, balanced_labels(test_count, len(classes))])

    given = wished_style(thickness=thickness, slant=slant, width=width, height=height)
    drawer.check_style(given, count=len(labels))

    def styles_of(some: NDArray[np.int64], start: int) -> NDArray[np.float32]:
        styles = drawer.styles_of(some, seed=seed, start=start, given=given)
        assert styles is not None, "asked for only of a model with style"
        return styles

    tally = Tally(drawer.config, asked=reject)

    def drawn() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        if not tally.on:
            yield from drawer.draw_chunks(labels, seed=seed, given=given)
            return
        for piece in draw_proofread(drawer, labels, seed=seed, given=given):
            tally.add(piece)
            yield piece.images, piece.labels

    def chunks() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        done = 0
        for images, asked in drawn():
            yield images, asked
            done += len(images)
            if on_progress is not None:
                on_progress(done)

    manifest = {
        "model": drawer.config.model,
        "weights_sha256": drawer.config.weights_sha256,
        "seed": seed,
        "rejection": tally.record,
        "versions": versions(),
    }
    if drawer.styles is not None:
        manifest["style"] = _described(given)
    return write_data_set(
        Path(out),
        chunks(),
        format=format,
        classes=classes,
        count=len(labels),
        manifest=manifest,
        styles_of=styles_of if drawer.styles is not None else None,
        test_count=test_count,
        handwriting=drawer.strokes,
    )


def _described(given: Given) -> dict[str, float | list[float]]:
    """What was asked for, as a manifest has it: values and [low, high], by their names and units."""
    column = dict(zip(STYLE_NAMES, STYLE_COLUMNS, strict=True))
    return {
        column[name]: [asked.low, asked.high] if isinstance(asked, StyleRange) else float(asked)
        for name, asked in given.items()
    }


def draw_number(
    text: str,
    *,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    seed: int = 0,
    hand: int | None = None,
    size_px: int = 160,
    ground: str = "white",
    ink: str | None = None,
    thickness: NumberOrRange | None = None,
    slant: NumberOrRange | None = None,
    width: NumberOrRange | None = None,
    height: NumberOrRange | None = None,
    reject: bool = True,
) -> NDArray[np.uint8]:
    """A number in one picture, as one person writes it.

    Args:
        text: `"2026"`; for classes with longer names, the names with commas between.
        model: as for `make`.
        seed: of what is written: digit k depends on (weights, hand, seed, k, label) alone.
        hand: the seed of the person who writes, the same for the same person; that of `seed` if left out.
        size_px: height of the picture.
        ground: white, black or transparent.
        ink: its colour, as `"#1a2b6d"`; black if left out, white on black, as drawn by a model in colour.
        thickness, slant, width, height: of the digits, as for `make`; what is left out is the hand's.
        reject: as for `make`.

    Returns:
        uint8 [1, size_px, W]; [3, ...] with colour, [4, ...] (the last is opacity) on a transparent ground.

    Raises:
        InputError: a character that is no class, an unconditional model, a style out of range or asked of a model
            without, or a size, ground or colour that cannot be.
    """
    drawer = model if isinstance(model, DigitModel) else load(model)
    if not drawer.conditional:
        raise InputError(f"{drawer.config.model} cannot be asked for a digit; use a conditional model")
    if not drawer.strokes:
        source = drawer.config.training["data"]["source"]
        raise InputError(
            f"images like those of {source} are no ink to write in a line; draw them by the names of their classes, "
            "with --labels (draw_pictures)"
        )
    labels = parse_number(text, drawer.config.classes)
    colour = None if ink is None else parse_colour(ink)
    check_seed(seed)
    person = Hand(seed if hand is None else hand)
    given = wished_style(thickness=thickness, slant=slant, width=width, height=height)
    digits = person.draw(drawer, labels, seed=seed, given=given, reject=reject)
    return write_number(digits, person, seed=seed, size_px=size_px, ground=ground, ink=colour)
