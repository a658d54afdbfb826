"""Whole numbers: digits set side by side in one picture, and the picture saved."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.errors import InputError
from digitsmith.storage import write_bytes_atomically

MAX_DIGITS = 1000
MAX_PIXELS = 100_000_000

_INK = 32  # an eighth of black: below it are a stroke's faintest fringe and what a network leaves on the ground
# Suffix: Pillow's format, the longest side it can have, and how to save without visible loss.
_FORMATS: dict[str, tuple[str, int, dict[str, int]]] = {
    ".png": ("PNG", 2**31 - 1, {"compress_level": 9}),
    ".jpg": ("JPEG", 65_500, {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", 65_500, {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", 16_383, {"lossless": True}),
}


def parse_number(text: str, classes: Sequence[str]) -> NDArray[np.int64]:
    """The labels of what `text` spells, int64 [n]: a character each, or names with commas between.

    Commas are needed where some class has a name of several characters: "ten,two".

    Raises:
        InputError: for an empty text, a character or name that is no class, or more than MAX_DIGITS.
    """
    single = all(len(name) == 1 for name in classes)
    names = list(text) if single else [name.strip() for name in text.split(",")]
    if not text.strip():
        raise InputError(f"nothing to draw; give at least one of {', '.join(classes)}")
    if len(names) > MAX_DIGITS:
        raise InputError(f"{len(names)} digits to draw, more than {MAX_DIGITS}; draw fewer at a time")
    label_of = {name: label for label, name in enumerate(classes)}
    for place, name in enumerate(names, start=1):
        if name not in label_of:
            how = "" if single else ", with commas between them"
            raise InputError(f"cannot draw {name!r} (number {place} of {len(names)}); use {', '.join(classes)}{how}")
    return np.array([label_of[name] for name in names], dtype=np.int64)


def compose_number(
    digits: NDArray[np.uint8],
    *,
    trim: bool = False,
    spacing_px: int | None = None,
    scale: int = 1,
    paper: bool = False,
) -> NDArray[np.uint8]:
    """One picture of the digits in a row, uint8 [C, H * scale, W_total * scale].

    Args:
        digits: uint8 [n, C, H, W], ink on a ground of 0.
        trim: cut each digit down to the columns with ink, so that ink stands at one distance from ink,
            however wide the digits are; one without ink keeps its width. Half of it is left at both ends.
        spacing_px: columns of ground between two digits, before scaling. None means 0 without trim, as digits
            bring their margins along, and H // 7 with it: 4 pixels in MNIST, a fifth of a digit's height.
        scale: each pixel becomes a square of scale × scale, so that none is invented.
        paper: dark ink on white instead of light on black.

    Raises:
        InputError: for no digits, a negative spacing, a scale below 1, or a picture of over MAX_PIXELS.
    """
    n, channels, height, _ = digits.shape
    if spacing_px is None:
        spacing_px = height // 7 if trim else 0
    if n < 1:
        raise InputError("no digits to set side by side; give at least one")
    if spacing_px < 0:
        raise InputError(f"spacing {spacing_px} is negative; give 0 or more pixels")
    if scale < 1:
        raise InputError(f"scale {scale} is too small; give 1 or more")
    pieces = [_trimmed(digit) if trim else digit for digit in digits]
    margins = (spacing_px // 2, spacing_px - spacing_px // 2) if trim else (0, 0)
    width = sum(piece.shape[2] for piece in pieces) + spacing_px * (n - 1) + sum(margins)
    if height * width * scale**2 > MAX_PIXELS:
        raise InputError(
            f"the picture would be {width * scale} × {height * scale} pixels, over {MAX_PIXELS:,}; "
            "choose a smaller scale or spacing, or fewer digits"
        )
    row = np.zeros((channels, height, width), dtype=np.uint8)
    left = margins[0]
    for piece in pieces:
        row[:, :, left : left + piece.shape[2]] = piece
        left += piece.shape[2] + spacing_px
    if paper:
        row = 255 - row
    return row.repeat(scale, axis=1).repeat(scale, axis=2)


def _trimmed(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`digit` [C, H, W] from its first to its last column with ink, or whole if it has none."""
    inked = np.flatnonzero((digit >= _INK).any(axis=(0, 1)))
    return digit[:, :, inked[0] : inked[-1] + 1] if len(inked) else digit


def save_image(path: Path, image: NDArray[np.uint8]) -> None:
    """Saves uint8 [1 or 3, H, W] as the path's suffix says, whole or not at all; an old file is replaced.

    Raises:
        InputError: for an unknown suffix, a picture the format cannot hold, or a path that cannot be right.
        StorageError: when the disk refuses.
    """
    Image.init()
    known = [suffix for suffix, (name, _, _) in _FORMATS.items() if name in Image.SAVE]  # WebP is optional there
    suffix = path.suffix.lower()
    if suffix not in known:
        raise InputError(f"{path}: cannot save as {suffix or 'a name without suffix'}; use one of {', '.join(known)}")
    name, longest_px, options = _FORMATS[suffix]
    _, height, width = image.shape
    if max(height, width) > longest_px:
        raise InputError(f"{path}: {width} × {height} pixels do not go into {name} ({longest_px:,} a side); use .png")
    pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, name, **options)
    write_bytes_atomically(path, content.getvalue())
