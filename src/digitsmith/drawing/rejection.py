"""Draw, proofread, draw again: digits that the proofreader cannot read as asked are replaced by further attempts.

An image that is turned down gets passes of its own, TOGETHER attempts at once, each in the row that is its own: so its
attempts depend on nothing but the image, as its first one does (see `model.CHUNK`), and cost a few rows, not a chunk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import UNCONDITIONAL_MODELS
from digitsmith.drawing.model import CHUNK, DigitModel, by_pass
from digitsmith.drawing.proofreader import DIGITS, PROOFREADER, READ_SHAPE, THRESHOLD, load_proofreader
from digitsmith.randomness import Stream, derived_seed, normal_rows
from digitsmith.style import Given, part_of
from digitsmith.weights.folder import GeneratorConfig

REDRAWS = 20
"""Attempts after the first, at most; where none is readable, the most readable of all is kept."""
TOGETHER = 4  # attempts in a pass: most images that are turned down need one or two

Noise = Callable[[int, NDArray[np.int64]], NDArray[np.float32]]
"""Further noise for one image: its place among those at hand, and the numbers of the attempts, from 1 -> z, a row for
each attempt."""


@dataclass(frozen=True, eq=False)
class Proofread:
    """Images as they are kept.

    Attributes:
        images: uint8 [n, 1, 28, 28].
        labels: int64 [n], as asked.
        attempts: int64 [n], how many were drawn of each until one was kept; 1 where the first was.
        sureness: float32 [n], how likely each is what was asked for, by the proofreader.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    attempts: NDArray[np.int64]
    sureness: NDArray[np.float32]


def why_not(config: GeneratorConfig) -> str:
    """Why the proofreader is no judge of what a model draws; empty where it is one."""
    if config.model in UNCONDITIONAL_MODELS:
        return f"{config.model} is not asked for a digit"
    if config.classes != DIGITS:
        return f"{PROOFREADER} reads the digits 0 to 9, and these are other classes"
    if config.image_shape != READ_SHAPE:
        return f"{PROOFREADER} reads {list(READ_SHAPE)} images (C, H, W), and these are {list(config.image_shape)}"
    source = config.training.get("data", {}).get("source", "not recorded")
    if not str(source).startswith("mnist ("):  # clothes are numbered 0 to 9 too
        return f"{PROOFREADER} learned from MNIST, and the data of this model is {source}"
    return ""


def draw_proofread(
    model: DigitModel,
    labels: NDArray[np.int64],
    *,
    seed: int = 0,
    start: int = 0,
    given: Given | None = None,
    threads: int | None = None,
) -> Iterator[Proofread]:
    """`model.draw_chunks` of a model that the proofreader is a judge of, every piece looked through.

    An image that is readable at once is the one that `draw_chunks` gives. Attempt k at image i depends on (weights,
    seed, i, k, its label, the style asked of it) alone.

    Args:
        labels, seed, start, given, threads: as of `draw_chunks`.

    Raises:
        InputError: as `draw_chunks`.
        CheckpointError: the proofreader's file is missing or damaged.
    """
    model.check_style(given, count=len(labels))

    def piece(low: int, high: int) -> Proofread:
        part = slice(low - start, high - start)
        of_part = part_of(given, part)
        ((images, asked),) = model.draw_chunks(labels[part], seed=seed, start=low, given=of_part)  # one pass

        def noise(place: int, attempts: NDArray[np.int64]) -> NDArray[np.float32]:
            return noise_again(seed, low + place, attempts, model.z_dim)

        def style(place: int) -> NDArray[np.float32] | None:
            one = slice(place, place + 1)
            return model.styles_of(asked[one], seed=seed, start=low + place, given=part_of(of_part, one))

        return proofread(model, images, asked, noise=noise, style=style, row=low % CHUNK)

    load_proofreader()  # before the threads would each load their own
    yield from by_pass(piece, start, start + len(labels), threads=threads)


def proofread(
    model: DigitModel,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    noise: Noise,
    style: Callable[[int], NDArray[np.float32] | None],
    row: int = 0,
) -> Proofread:
    """`images`, those that are not readable as `labels` drawn again.

    Args:
        images: uint8 [n, 1, 28, 28], as `model` drew them.
        labels: int64 [n].
        noise: of further attempts.
        style: float32 [1, 4] that the image at a place was asked to have; None from a model without.
        row: where the first image stands in its pass.
    """
    reader = load_proofreader()
    kept, sure, attempts = images.copy(), _sureness(images, labels, row=row), np.ones(len(images), np.int64)
    for place in np.flatnonzero(sure < THRESHOLD).tolist():
        wanted = style(place)
        same_style = None if wanted is None else wanted.repeat(TOGETHER, axis=0)
        same_label = labels[place].repeat(TOGETHER)
        for first in range(1, REDRAWS + 1, TOGETHER):
            z = noise(place, np.arange(first, first + TOGETHER))
            drawn = model.network.pixels(z, same_label, same_style)
            sure_of = reader.sureness(drawn, same_label)
            readable = np.flatnonzero(sure_of >= THRESHOLD)
            best = int(readable[0] if len(readable) else sure_of.argmax())
            if sure_of[best] > sure[place]:
                kept[place], sure[place] = drawn[best], sure_of[best]
            attempts[place] += best + 1 if len(readable) else TOGETHER
            if len(readable):
                break
    return Proofread(kept, labels, attempts, sure)


def noise_again(seed: int, index: int, attempts: NDArray[np.int64], columns: int) -> NDArray[np.float32]:
    """Standard normal numbers [n, columns] for further attempts at image `index` of `seed`."""
    return normal_rows(derived_seed(seed, Stream.REDRAW, index), attempts, columns, stream=Stream.REDRAW)


def _sureness(images: NDArray[np.uint8], labels: NDArray[np.int64], *, row: int) -> NDArray[np.float32]:
    """Of each image, float32 [n], read in passes of CHUNK rows, the first image in `row`."""
    found = np.empty(len(images), np.float32)
    for first in range(-row, len(images), CHUNK):
        part = slice(max(first, 0), min(first + CHUNK, len(images)))
        rows = slice(part.start - first, part.stop - first)
        page, asked = np.zeros((CHUNK, *READ_SHAPE), np.uint8), np.zeros(CHUNK, np.int64)
        page[rows], asked[rows] = images[part], labels[part]
        found[part] = load_proofreader().sureness(page, asked)[rows]
    return found


class Tally:
    """What the proofreader had to do with a data set: the manifest's record, kept while its pieces pass."""

    def __init__(self, config: GeneratorConfig, *, asked: bool) -> None:
        """`asked`: whether it is wanted; it is `on` where the model's digits can be proofread as well."""
        reason = why_not(config) if asked else "not asked for"
        self.on = not reason
        self.record: dict[str, Any]
        if self.on:
            reader = {"reader": PROOFREADER, "reader_sha256": load_proofreader().sha256, "threshold": THRESHOLD}
            self.record = {**reader, "redrawn": 0, "attempts": 0, "kept_below": 0}
        else:
            self.record = {"reader": None, "reason": reason}

    def add(self, piece: Proofread) -> None:
        """Count one piece."""
        self.record["redrawn"] += int((piece.attempts > 1).sum())
        self.record["attempts"] += int(piece.attempts.sum())
        self.record["kept_below"] += int((piece.sureness < THRESHOLD).sum())


def in_words(data_set: Path) -> str:
    """What the manifest of a data set says of its redrawn images, for people."""
    record = json.loads((data_set / "manifest.json").read_bytes())["rejection"]
    if record["reader"] is None:
        return f"none: {record['reason']}"
    left = f"; {record['kept_below']:,} stayed unreadable" if record["kept_below"] else ""
    return f"{record['redrawn']:,} that {record['reader']} did not read as asked{left}"
