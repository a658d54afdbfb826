"""Labelled images out: streamed into one of five formats, as a folder that appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.folder import FOLDERS, folder_names
from digitsmith.drawing.writers.card import CARD_FORMATS, data_card
from digitsmith.drawing.writers.csv import csv_writer
from digitsmith.drawing.writers.idx import idx_writer
from digitsmith.drawing.writers.interface import Writer
from digitsmith.drawing.writers.npz import npz_writer
from digitsmith.drawing.writers.parquet import parquet_writer
from digitsmith.drawing.writers.png import png_writer
from digitsmith.drawing.writers.styles import StylesOf, style_writer
from digitsmith.errors import InputError
from digitsmith.storage import check_new_folder, new_folder, sha256_of

__all__ = ["FORMATS", "check_format", "check_new_folder", "write_data_set"]

FORMATS: Mapping[str, Writer] = {
    "png": png_writer,
    "idx": idx_writer,
    "npz": npz_writer,
    "csv": csv_writer,
    "parquet": parquet_writer,
}

Chunk = tuple[NDArray[np.uint8], NDArray[np.int64]]


def write_data_set(
    out: Path,
    chunks: Iterable[Chunk],
    *,
    format: str,
    classes: Sequence[str],
    count: int,
    manifest: Mapping[str, object],
    styles_of: StylesOf | None = None,
    test_count: int = 0,
    handwriting: bool = True,
    origin: str = "",
    origin_tag: str = "augmented",
    beside: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes a data set as the new folder `out` and returns it; whatever goes wrong, no half of it is left.

    Args:
        out: a folder that does not exist yet or is empty; folders above it are made.
        chunks: (images uint8 [n, 1 or 3, H, W], labels int64 [n]), one at a time, `count` images in all.
        format: one of FORMATS; the files' names and layouts are in their writers.
        classes: the name of each label.
        count: how many images there will be, as some headers come first.
        manifest: what manifest.json shall say beside format, count, classes, counts, image size and, except
            for PNGs, the files' SHA-256. With no time or place in it, the same request gives the same bytes. It
            is read after the last chunk, so that whoever draws may count in it.
        styles_of: what style was asked of the images, which then stands in styles.csv beside them.
        test_count: the last so many images are the test split; npz only.
        handwriting: whether they are that, for the words of README.md.
        origin: where the images come from, for the same, where not all of them were drawn.
        origin_tag: such images in one word, for the tags of README.md.
        beside: further files of the folder, by their names.

    Raises:
        InputError: for an unknown format or one without a test split, an `out` that is in use, chunks that do not fit
            each other, `classes` or `count`, and images or classes that the format cannot hold.
        StorageError: when the disk refuses.
    """
    check_format(format, test_count=test_count)
    if test_count and not 0 < test_count < count:
        raise InputError(f"{test_count} of {count} images cannot be the test split; leave at least 1 to train on")
    with new_folder(out) as folder:
        checked = _checked(chunks, classes=len(classes), count=count)
        first = next(checked)
        channels, height, width = first[0].shape[1:]
        tally = np.zeros(len(classes), dtype=np.int64)
        with ExitStack() as files:
            open_writer = partial(npz_writer, test_count=test_count) if test_count else FORMATS[format]
            writer = open_writer(folder, classes=classes, count=count, shape=(channels, height, width))
            adding = [files.enter_context(writer)]
            if styles_of is not None:
                styles = style_writer(folder, format=format, classes=classes, count=count, styles_of=styles_of)
                adding.append(files.enter_context(styles))
            for images, labels in chain([first], checked):
                for add in adding:
                    add(images, labels)
                tally += np.bincount(labels, minlength=len(classes))
        facts = {
            **manifest,
            "format": format,
            "count": count,
            "classes": list(classes),
            "counts": dict(zip(classes, tally.tolist(), strict=True)),
            "image": {"channels": channels, "height": height, "width": width},
        }
        if test_count:
            facts["splits"] = {"train": count - test_count, "test": test_count}
        folders = dict(zip(folder_names(classes), classes, strict=True)) if format == "png" else {}
        if renamed := {own: name for own, name in folders.items() if own != name}:
            facts[FOLDERS] = renamed
        if hashes := _hashes(folder):
            facts["files"] = hashes
        (folder / "manifest.json").write_text(
            json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
            encoding="utf-8",
            newline="\n",
        )
        if format in CARD_FORMATS:
            card = data_card(
                format=format,
                classes=list(folders) or classes,
                counts=tally.tolist(),
                shape=(channels, height, width),
                styled=styles_of is not None,
                handwriting=handwriting,
                origin=origin,
                origin_tag=origin_tag,
            )
            (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")
        for name, content in (beside or {}).items():
            (folder / name).write_bytes(content)
    return out


def check_format(format: str, *, test_count: int = 0) -> None:
    """Raises InputError, which lists the formats, unless `format` is one, and has a test split if that is asked for."""
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    if test_count and format != "npz":
        raise InputError(f"only npz has room for a test split, not {format}; make two sets, with two seeds")


def _checked(chunks: Iterable[Chunk], *, classes: int, count: int) -> Iterator[Chunk]:
    """The chunks that hold an image, each found to fit the first one; `count` images in all, at least one."""
    shape = None
    seen = 0
    for images, labels in chunks:
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            raise InputError(
                f"image {seen}: images must be uint8 [n, 1 or 3, H, W], these are {images.dtype} {list(images.shape)}"
            )
        if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
            raise InputError(
                f"image {seen}: labels must be int64 [{len(images)}], these are {labels.dtype} {list(labels.shape)}"
            )
        if not len(images):
            continue
        shape = shape or images.shape[1:]
        if images.shape[1:] != shape:
            raise InputError(
                f"image {seen}: is {list(images.shape[1:])}, those before are {list(shape)}; give all images one size"
            )
        if labels.min() < 0 or labels.max() >= classes:
            raise InputError(f"image {seen} and on: a label is outside 0..{classes - 1}; name every class")
        seen += len(images)
        if seen > count:
            break
        yield images, labels
    if seen != count or not seen:
        more = "or more " if seen > count else ""
        raise InputError(f"{count} images announced, but there are {seen} {more}of them; give the true count, from 1")


def _hashes(folder: Path) -> dict[str, str]:
    """{path below `folder`: SHA-256 in hex} of every file that is not one image among many."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix != ".png" and path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
