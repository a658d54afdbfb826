"""Whole numbers: digits written in a line, as one picture, and the picture saved."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.drawing.canvas import Canvas, Colour
from digitsmith.drawing.hands import Hand
from digitsmith.drawing.line import Glyph, digit_height, set_line
from digitsmith.drawing.requests import split_names
from digitsmith.errors import InputError
from digitsmith.storage import write_bytes_atomically

MAX_DIGITS = 1000
MAX_PIXELS = 100_000_000

_MARGIN = 0.15  # around the ink, of its height
_OPAQUE = "JPEG"  # of the formats the one that cannot be seen through
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
    names = list(text) if single else split_names(text, classes.__contains__, classes)
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


def write_number(
    digits: NDArray[np.uint8],
    hand: Hand,
    *,
    seed: int = 0,
    size_px: int = 160,
    ground: str = "white",
    ink: Colour | None = None,
) -> NDArray[np.uint8]:
    """One picture of the digits in a line, as `hand` sets them.

    Args:
        digits: uint8 [n, C, H, W], at least one, ink on a ground of 0.
        hand: whose gaps and feet they get.
        seed: of the small differences between them.
        size_px: height of the picture; the digits fill it but for a margin, and the width follows.
        ground, ink: as `Canvas.picture`.

    Returns:
        uint8 [1, size_px, W]; [3, ...] with colour, [4, ...] on a transparent ground.

    Raises:
        InputError: a size that no picture has, a picture of over MAX_PIXELS, or an unknown ground.
    """
    if not 1 <= size_px <= MAX_PIXELS:
        raise InputError(f"the picture's height must be 1 to {MAX_PIXELS:,} pixels, not {size_px}")
    glyphs = [Glyph.of_digit(digit) for digit in digits]
    placed = set_line(glyphs, hand.manner, height=digit_height(glyphs), seed=seed)
    boxes = np.array([each.box for each in placed])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    margin = _MARGIN * (bottom - top)
    scale = size_px / (bottom - top + 2 * margin)
    width_px = max(1, round((right - left + 2 * margin) * scale))
    if width_px * size_px > MAX_PIXELS:
        raise InputError(
            f"the picture would be {width_px} × {size_px} pixels, over {MAX_PIXELS:,}; "
            "choose a smaller size, or fewer digits"
        )
    canvas = Canvas(width_px, size_px, coloured=digits.shape[1] == 3)
    for each in placed:
        canvas.write(each.moved((margin - left) * scale, (margin - top) * scale, scale))
    return canvas.picture(ground=ground, ink=ink)


def save_image(path: Path, image: NDArray[np.uint8]) -> None:
    """Saves uint8 [1, 3 or 4, H, W] as the path's suffix says, whole or not at all; an old file is replaced.

    Raises:
        InputError: for an unknown suffix, a picture the format cannot hold, or a path that cannot be right.
        StorageError: when the disk refuses.
    """
    _check_suffix(path, transparent=len(image) == 4)
    name, longest_px, options = _FORMATS[path.suffix.lower()]
    _, height, width = image.shape
    if max(height, width) > longest_px:
        raise InputError(f"{path}: {width} × {height} pixels do not go into {name} ({longest_px:,} a side); use .png")
    pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, name, **options)
    write_bytes_atomically(path, content.getvalue())


def _check_suffix(path: Path, *, transparent: bool) -> None:
    """InputError unless Pillow can write such a picture there."""
    Image.init()
    known = [suffix for suffix, (name, _, _) in _FORMATS.items() if name in Image.SAVE]  # WebP is optional there
    suffix = path.suffix.lower()
    if suffix not in known:
        raise InputError(f"{path}: cannot save as {suffix or 'a name without suffix'}; use one of {', '.join(known)}")
    if transparent and _FORMATS[suffix][0] == _OPAQUE:
        raise InputError(f"{path}: {suffix} cannot be transparent; use .png, or a white or black ground")
