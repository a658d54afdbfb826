"""Images of classes by their names, as the model draws them, side by side in one picture: for clothes, pets and ships.

A number is ink that is set in a line (`numbers.py`). What has no ink is shown as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.config import DEFAULT_MODEL
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.numbers import MAX_DIGITS, MAX_PIXELS
from digitsmith.drawing.rejection import draw_proofread, why_not
from digitsmith.drawing.requests import split_names
from digitsmith.errors import InputError
from digitsmith.style import NumberOrRange, wished_style

_GAP = 0.1  # between two images, of their height
_PER_LINE = 10
_PAPER = 255


def parse_labels(text: str, classes: Sequence[str]) -> list[str]:
    """The class names in "cat,dog,cat"; InputError where there is none."""
    names = split_names(text, classes.__contains__, classes)
    if not all(names):
        raise InputError(f"{text!r} is no list of classes; write their names with commas between, as cat,dog,cat")
    return names


def parse_word(text: str, classes: Sequence[str]) -> list[str]:
    """What "012" asks of classes that are called 0, 1 and 2; else as `parse_labels`."""
    return list(text) if text not in classes and set(text) <= set(classes) else parse_labels(text, classes)


def draw_pictures(
    labels: Sequence[str] | Sequence[int],
    *,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    seed: int = 0,
    size_px: int = 160,
    thickness: NumberOrRange | None = None,
    slant: NumberOrRange | None = None,
    width: NumberOrRange | None = None,
    height: NumberOrRange | None = None,
    reject: bool = True,
) -> NDArray[np.uint8]:
    """An image of each class asked for, on white, in one line; more than ten in lines of ten.

    Args:
        labels: class names or their numbers, each as often as it is wanted.
        model: as for `make`.
        seed: image k depends on (weights, seed, k, its label, its style) alone, as in `DigitModel.draw`.
        size_px: height of each image, rounded down to a whole multiple of its pixels: they stay squares.
        thickness, slant, width, height: as for `make`, for a model with style.
        reject: as for `make`.

    Returns:
        uint8 [C, H, W].

    Raises:
        InputError: a class that there is not, none, more than 1000, an unconditional model, a style asked of a model
            without, or a size that no picture has.
    """
    drawer = model if isinstance(model, DigitModel) else load(model)
    if not drawer.conditional:
        raise InputError(f"{drawer.config.model} cannot be asked for a class; use a conditional model")
    asked = drawer.checked_labels(labels)
    if not 1 <= len(asked) <= MAX_DIGITS:
        raise InputError(f"{len(asked)} images to draw; ask for 1 to {MAX_DIGITS}")
    given = wished_style(thickness=thickness, slant=slant, width=width, height=height)
    if reject and not why_not(drawer.config):
        images = np.concatenate([piece.images for piece in draw_proofread(drawer, asked, seed=seed, given=given)])
    else:
        images = np.concatenate([piece for piece, _ in drawer.draw_chunks(asked, seed=seed, given=given)])
    return side_by_side(images, size_px=size_px)


def side_by_side(images: NDArray[np.uint8], *, size_px: int) -> NDArray[np.uint8]:
    """Images [N, C, H, W] in lines of ten on white, each `size_px` high or a little less: uint8 [C, H', W']."""
    count, channels, height, width = images.shape
    times = size_px // height
    if times < 1:
        raise InputError(f"images of {height} px cannot be {size_px} px high; ask for a size of {height} or more")
    gap = max(1, round(_GAP * height * times))
    columns = min(count, _PER_LINE)
    lines = -(-count // columns)
    tall, wide = lines * (height * times + gap) + gap, columns * (width * times + gap) + gap
    if tall * wide > MAX_PIXELS:
        raise InputError(
            f"the picture would be {wide} × {tall} pixels, over {MAX_PIXELS:,}; choose a smaller size, or fewer images"
        )
    picture = np.full((channels, tall, wide), _PAPER, np.uint8)
    for number, image in enumerate(images):
        line, column = divmod(number, columns)
        top, left = gap + line * (height * times + gap), gap + column * (width * times + gap)
        large = image.repeat(times, axis=1).repeat(times, axis=2)
        picture[:, top : top + height * times, left : left + width * times] = large
    return picture
