"""`X, y` as scikit-learn's loaders give them, of real digits or of generated ones. PyTorch is not needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.digits import Digits
from digitsmith.data.files import shown
from digitsmith.data.reading import KNOWN, read_digits
from digitsmith.drawing.loading import is_model, shipped_names
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.requests import balanced_labels
from digitsmith.errors import InputError
from digitsmith.feeding.generated import drawn_digits
from digitsmith.feeding.ingredients import check_seed, labelled_model
from digitsmith.feeding.sources import Shuffled


def fetch(
    name: str | Path | Digits | DigitModel = "mnist",
    *,
    split: str | None = None,
    count: int | None = None,
    seed: int = 0,
    flat: bool = True,
    names: bool = False,
    reject: bool = True,
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Images and labels as arrays: `X, y = fetch("mnist")`, `X, y = fetch("penman", count=10_000)`.

    Args:
        name: a data set's name or path as `read_digits` takes it, a model's as `load` does, or either at hand.
        split: of a data set: train (if left out), test or all.
        count: how many digits a model draws, its classes balanced: those of `make` with this seed. Of a data set: that
            many of its images, chosen by the seed; all of them, in their own order, if left out.
        seed: 0 .. 2**63 - 1.
        flat: a row of numbers for each image, colour in planes; False: images.
        names: labels are the classes' names; False: their numbers.
        reject: digits are drawn again that the proofreader does not read as asked, as `make` does.

    Returns:
        X: float32 [N, C * H * W], or [N, H, W] or [N, H, W, 3]; 0 to 255 as in `fetch_openml("mnist_784")`. Not
            integers of one byte: differences and products of those overflow without a word.
        y: int64 [N], or str [N] with `names`. Both are the caller's own, to change at will.

    Raises:
        InputError: a name that is neither, a split of a model, a count that cannot be, or a model without labels.
    """
    check_seed(seed)
    if isinstance(name, DigitModel) or (not isinstance(name, Digits) and is_model(name)):
        if split is not None:
            raise InputError(f"a model has no splits, and so no {split!r}; draw other digits with another seed")
        if count is None:
            raise InputError("say how many digits the model shall draw, as count=10_000")
        drawer = labelled_model(name)
        classes = drawer.config.classes
        labels = balanced_labels(count, len(classes))
        images = drawn_digits(drawer, labels, seed=seed, reject=reject)
    else:
        digits = _some(_read(name, split), count, seed=seed)
        images, labels, classes = digits.images, digits.labels, digits.classes
    if not flat:
        images = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    rows = images.reshape(len(images), -1) if flat else images
    return np.array(rows, np.float32, order="C"), np.array(classes)[labels] if names else labels.copy()


def _read(name: str | Path | Digits, split: str | None) -> Digits:
    if isinstance(name, Digits):
        if split is not None:
            raise InputError("images at hand have no splits; leave out the split")
        return name
    if isinstance(name, str) and name not in KNOWN and not os.path.lexists(name):  # False also of impossible names
        raise InputError(
            f"{shown(name, at_most=200)}: is no data set ({', '.join(KNOWN)}), "
            f"no shipped model ({', '.join(shipped_names())}) and no path"
        )
    return read_digits(name, split=split or "train")


def _some(digits: Digits, count: int | None, *, seed: int) -> Digits:
    if count is None:
        return digits
    if not 1 <= count <= len(digits):
        raise InputError(f"{digits.source} has {len(digits):,} images; count must be 1 to that, not {count:,}")
    return digits.take(Shuffled(digits.images, digits.labels, seed=seed).places(0, count))
