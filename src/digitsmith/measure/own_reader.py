"""A reader of other data than MNIST: the shipped reader's architecture, trained once on that data and kept.

`reader-1` has seen digits only. What it makes of a coat or of a cat is no figure, so for data that it cannot read one
of its kind is trained on the data's own training images: the shipped reader's recipe (`tools/train_reader.py`) for a
fixed number of steps, its images shifted but neither turned nor bent, which suits clothes and photographs better.
Nothing is selected: there is no validation, and the weights are those after the last step.

A part of the training images is held out of it. Generated images are new to a reader, so the floor that stands beside
them is made of real images that are new to it too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from digitsmith.config import Augmentation
from digitsmith.data.digits import Digits
from digitsmith.errors import DigitsmithError, InputError
from digitsmith.measure.protocol import LARGEST_SEAT
from digitsmith.measure.reader import READ_NAMES, OnProgress, Reader, read
from digitsmith.measure.recogniser import learn, shuffled
from digitsmith.randomness import Stream, derived_seed, torch_generator
from digitsmith.storage import cache_folder, write_bytes_atomically
from digitsmith.training.augment import augment
from digitsmith.training.batches import to_float

STEPS = 2_500
BATCH = 128
SMALLEST_SIDE_PX = 12  # below it the last convolution has nothing to slide over
JUDGES_FROM = 0.98
"""The shipped reader judges data of ten classes 0 to 9 of which it reads at least so much: it reads 99.65 % of MNIST's
test set, and a tenth of clothes that are numbered from 0 to 9."""

_RECIPE = "reader-recipe-1"  # another number for another recipe: the cache goes by it
_MOVES = Augmentation(shift_px=2.0)  # 1,000 steps read 73 % of CIFAR-10 and 91 % of Fashion-MNIST; bent, 70 and 90 %
_SEED = 0
_LOOKED_AT = 1000


def shipped_reader_reads(digits: Digits) -> bool:
    """Whether `reader-1` is a judge of such images: real ones of the digits 0 to 9, 28x28 and gray, that it can read.

    Args:
        digits: real images; of more than 1,000, so many are looked at, evenly spread.
    """
    if digits.image_shape != (1, 28, 28) or digits.classes != READ_NAMES:
        return False
    chosen = np.linspace(0, len(digits) - 1, min(len(digits), _LOOKED_AT)).astype(np.int64)
    return bool((read(digits.images[chosen]) == digits.labels[chosen]).mean() >= JUDGES_FROM)


def unlearned(images: int) -> NDArray[np.int64]:
    """Which of so many training images their own reader has not learned from, sorted: as many as the largest seat."""
    order = np.random.default_rng(_SEED).permutation(images)
    return np.sort(order[: min(LARGEST_SEAT, images // 2)])


def own_reader(digits: Digits, *, steps: int | None = None, on_progress: OnProgress | None = None) -> Reader:
    """The reader of `digits`, in evaluation mode; from the user's cache where it was trained before.

    It learns from all training images but the `unlearned` ones, shifted by up to two pixels. The file's name carries
    the data's fingerprint, so that no other data's reader is ever found.

    Args:
        digits: the training images.
        steps: of the training, on 128 images each; `STEPS` if left out.
        on_progress: called after each step with the steps done and their number, if it has to be trained.

    Raises:
        InputError: images too small for the network.
    """
    if min(digits.image_shape[1:]) < SMALLEST_SIDE_PX:
        side = SMALLEST_SIDE_PX
        raise InputError(f"{digits.source}: a reader needs images of at least {side}x{side} px; give larger ones")
    steps = steps or STEPS
    reader = _fresh(digits)
    path = cache_folder() / "readers" / f"{_RECIPE}-{steps}-{digits.fingerprint()[:32]}.safetensors"
    if not _load(reader, path):
        learned = np.setdiff1d(np.arange(len(digits)), unlearned(len(digits)))
        _train(reader, digits.take(learned), steps=steps, on_progress=on_progress)
        _save(reader, path)
    return reader.eval()


def _fresh(digits: Digits) -> Reader:
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers go on as if nothing had happened
        torch.manual_seed(derived_seed(_SEED, Stream.WEIGHTS))
        reader = Reader(digits.image_shape[0], len(digits.classes))
    reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return reader


def _train(reader: Reader, digits: Digits, *, steps: int, on_progress: OnProgress | None) -> None:
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for step, chosen in enumerate(shuffled(len(digits), BATCH, seed=_SEED)):
            moved = augment(to_float(images[chosen]), _MOVES, torch_generator(_SEED, Stream.AUGMENT, step))
            yield moved.add(1).div(2).contiguous(memory_format=torch.channels_last), labels[chosen]

    learn(reader, batches(), steps=steps, on_progress=on_progress)


def _load(reader: Reader, path: Path) -> bool:
    """Whether the weights were there: a file that is cut off, or another network's, is none, and is made anew."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        reader.load_state_dict(load(path.read_bytes()))
    except (OSError, SafetensorError, RuntimeError):
        return False
    return True


def _save(reader: Reader, path: Path) -> None:
    from safetensors.torch import save

    content = save({name: tensor.contiguous() for name, tensor in reader.state_dict().items()})
    try:
        write_bytes_atomically(path, content)
    except DigitsmithError as error:
        warnings.warn(f"{error}; the reader of these images will be trained again next time", stacklevel=3)
