"""The generated half: digits that are drawn as they are needed, or once for many runs, and kept in the cache.

Drawing 30,000 digits with the default model takes seconds, and a script is run many times: what was drawn is kept under
`cache_folder()/drawn`, the newest gibibyte of it. The same request finds it again; another seed draws other digits.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.npz import DAMAGES
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.proofreader import load_proofreader
from digitsmith.drawing.rejection import draw_proofread, why_not
from digitsmith.errors import DigitsmithError
from digitsmith.host import versions
from digitsmith.storage import cache_folder, write_bytes_atomically
from digitsmith.watching import watched

KEPT_BYTES = 1 << 30
_WORTH_KEEPING = 1000  # images: fewer are drawn as fast as a file is found


def draw_pieces(
    model: DigitModel, labels: NDArray[np.int64], *, seed: int, start: int = 0, reject: bool
) -> Iterator[NDArray[np.uint8]]:
    """Images [n, C, H, W] of the labels, in order, a piece at a time; with `reject`, none that is not read as asked.

    Args:
        labels, seed, start: as of `DigitModel.draw`.
        reject: as of `drawing.making.make`; without effect where the proofreader is no judge of this model.
    """
    if reject and not why_not(model.config):
        for piece in draw_proofread(model, labels, seed=seed, start=start):
            yield piece.images
    else:
        for images, _ in model.draw_chunks(labels, seed=seed, start=start):
            yield images


def drawn_digits(model: DigitModel, labels: NDArray[np.int64], *, seed: int, reject: bool) -> NDArray[np.uint8]:
    """One image for each label, uint8 [N, C, H, W], read-only where they come from the cache.

    They are those of `DigitModel.draw(labels, seed=seed)`, those redrawn that `make` draws again.

    Args:
        model, labels, seed, reject: as of `draw_pieces`.
    """
    path, shape = _place(model, labels, seed=seed, reject=reject), (len(labels), *model.config.image_shape)
    kept = _kept(path, shape)
    if kept is not None:
        return kept
    images, done = np.empty(shape, np.uint8), 0
    slow = len(images) >= _WORTH_KEEPING
    title = f"drawing {len(images):,} digits with {model.config.model}"
    with watched(title, images.nbytes) if slow else nullcontext(lambda done: None) as tell:
        for piece in draw_pieces(model, labels, seed=seed, reject=reject):
            images[done : done + len(piece)] = piece
            done += len(piece)
            tell(images[:done].nbytes)
    if slow and images.nbytes <= KEPT_BYTES:
        _keep(path, images)
    return images


def _place(model: DigitModel, labels: NDArray[np.int64], *, seed: int, reject: bool) -> Path:
    """Where such digits are kept: the name is made of all that they depend on."""
    reader = load_proofreader().sha256 if reject and not why_not(model.config) else None
    by = versions()  # another release may draw, or turn down, otherwise
    asked = (model.config.weights_sha256, seed, reader, by["digitsmith"], by["onnxruntime"])
    digest = hashlib.sha256(repr(asked).encode() + labels.tobytes())
    return cache_folder() / "drawn" / f"{model.config.model}-{digest.hexdigest()[:32]}.npy"


def _kept(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The images at `path`, mapped, not read; None where there are none, or not all of them."""
    try:
        kept = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGES:
        return None
    with suppress(OSError):  # a cache that is shared may be read-only
        os.utime(path)  # the ones used last stay longest
    return kept if kept.dtype == np.uint8 and kept.shape == shape else None


def _keep(path: Path, images: NDArray[np.uint8]) -> None:
    """Write the images to `path`, and remove those used longest ago until KEPT_BYTES are left."""
    content = io.BytesIO()
    np.save(content, images, allow_pickle=False)
    try:
        write_bytes_atomically(path, content.getbuffer())
    except DigitsmithError as error:
        warnings.warn(f"{error}; these digits will be drawn again next time", stacklevel=2)
        return
    kept = 0
    with suppress(OSError):  # another process tidies up too
        for file in sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True):
            kept += file.stat().st_size
            if kept > KEPT_BYTES:
                file.unlink()
