"""The reader: a small network, trained on real MNIST only, that says which digit an image shows.

It is frozen under a version name that every figure made with it carries; `tools/train_reader.py` made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digitsmith.errors import CheckpointError, InputError

READER = "reader-1"
READ_CLASSES = 10
READ_NAMES = tuple(map(str, range(READ_CLASSES)))
FEATURES = 128
_WEIGHTS = Path(__file__).with_name(f"{READER}.safetensors")
# Small, so that a batch's maps stay in the processor's cache: measured 3.5 times as fast as 500 at once.
INFERENCE_BATCH = 50

OnProgress = Callable[[int, int], None]
"""Told how much is done, and of how much."""
Answers = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features [N, 128] and the probability of each class [N, K]."""


def conv_block(
    inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, padding: int | None = None
) -> list[nn.Module]:
    """Convolution, BatchNorm, ReLU; padded to keep the maps' size (before the stride) unless `padding` is given."""
    padding = kernel // 2 if padding is None else padding
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class Reader(nn.Module):
    """Images float [B, C, H, W] in [0, 1] -> logits [B, K]; 128 features before the last layer.

    The shipped one reads [B, 1, 28, 28] in ten classes; `measure/own_reader.py` trains others for other data.
    """

    def __init__(self, channels: int = 1, classes: int = READ_CLASSES) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *conv_block(channels, 32),
            *conv_block(32, 32),
            nn.MaxPool2d(2),  # [B, 32, 14, 14] of 28x28
            *conv_block(32, 64),
            *conv_block(64, 64),
            nn.MaxPool2d(2),  # [B, 64, 7, 7]
            *conv_block(64, FEATURES, padding=0),  # [B, 128, 5, 5]
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classes = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classes(self.layers(images))
        return logits


@lru_cache(maxsize=1)
def load_reader() -> Reader:
    """The shipped reader, in evaluation mode.

    Raises:
        CheckpointError: its file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    reader = Reader()
    try:
        reader.load_state_dict(load(_WEIGHTS.read_bytes()))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{_WEIGHTS}: is missing or damaged ({error}); install digitsmith again") from None
    reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the faster layout: same weights
    return reader.eval()


def read(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Which digit each image shows, by the shipped reader.

    Args:
        images: uint8 [N, 1, 28, 28], white ink on black as in MNIST.

    Returns:
        int64 [N] in 0..9.

    Raises:
        InputError: images of another form.
    """
    _, probabilities = features_and_probabilities(images)
    answers: NDArray[np.int64] = probabilities.argmax(1)
    return answers


def features_and_probabilities(
    images: NDArray[np.uint8], *, batch_size: int = INFERENCE_BATCH, on_progress: OnProgress | None = None
) -> Answers:
    """What the shipped reader sees in each image, and how sure it is of each digit; computed in float32.

    Args:
        images: uint8 [N, 1, 28, 28], white ink on black as in MNIST.
        batch_size: how many go through the network at once; the answers differ by rounding only.
        on_progress: called with the images done and their number.

    Returns:
        features: float32 [N, 128], zero or above: the averages before the last layer.
        probabilities: float32 [N, 10], each row adds up to 1.

    Raises:
        InputError: images of another form.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (1, 28, 28):
        raise InputError(f"{READER} reads uint8 images [N, 1, 28, 28], these are {images.dtype} {list(images.shape)}")
    return answers_of(load_reader(), images, batch_size=batch_size, on_progress=on_progress)


@torch.inference_mode()
def answers_of(
    reader: Reader,
    images: NDArray[np.uint8],
    *,
    batch_size: int = INFERENCE_BATCH,
    on_progress: OnProgress | None = None,
) -> Answers:
    """`features_and_probabilities` of any reader in evaluation mode, of images [N, C, H, W] as it learned from."""
    features = np.empty((len(images), FEATURES), np.float32)
    probabilities = np.empty((len(images), reader.classes.out_features), np.float32)
    for rows, batch in unit_batches(images, batch_size):
        found = reader.layers(batch)
        features[rows] = found.numpy()
        probabilities[rows] = reader.classes(found).softmax(1).numpy()
        if on_progress is not None:
            on_progress(rows.stop, len(images))
    return features, probabilities


def unit_batches(images: NDArray[np.uint8], batch_size: int) -> Iterator[tuple[slice, Tensor]]:
    """The rows and the float images in [0, 1] of one batch of uint8 [N, C, H, W] after another."""
    for start in range(0, len(images), batch_size):
        rows = slice(start, min(start + batch_size, len(images)))
        yield rows, to_unit(torch.from_numpy(images[rows].copy()))  # a copy: a memory map may be read-only


def to_unit(images: Tensor) -> Tensor:
    """uint8 [B, C, H, W] -> float32 in [0, 1], channels last in memory."""
    return images.float().div_(255).contiguous(memory_format=torch.channels_last)
