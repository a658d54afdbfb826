"""The reader: a small network, trained on real MNIST only, that says which digit an image shows.

It is frozen under a version name that every figure made with it carries; `tools/train_reader.py` made it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from digitsmith.errors import CheckpointError, InputError

READER = "reader-1"
_WEIGHTS = Path(__file__).with_name(f"{READER}.safetensors")
_CHUNK = 500


class Reader(nn.Module):
    """Images float [B, 1, 28, 28] in [0, 1] -> logits [B, 10]; 128 features before the last layer."""

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, padding: int = 1) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, outputs, 3, padding=padding, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

        self.layers = nn.Sequential(
            *block(1, 32),
            *block(32, 32),
            nn.MaxPool2d(2),  # [B, 32, 14, 14]
            *block(32, 64),
            *block(64, 64),
            nn.MaxPool2d(2),  # [B, 64, 7, 7]
            *block(64, 128, padding=0),  # [B, 128, 5, 5]
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classes = nn.Linear(128, 10)

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
    return reader.eval()


@torch.no_grad()
def read(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Which digit each image shows, by the shipped reader.

    Args:
        images: uint8 [N, 1, 28, 28], white ink on black as in MNIST.

    Returns:
        int64 [N] in 0..9.

    Raises:
        InputError: images of another form.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (1, 28, 28):
        raise InputError(f"{READER} reads uint8 images [N, 1, 28, 28], these are {images.dtype} {list(images.shape)}")
    reader = load_reader()
    answers = [
        reader(torch.tensor(images[start : start + _CHUNK]).float().div_(255)).argmax(1).numpy()
        for start in range(0, len(images), _CHUNK)
    ]
    return np.concatenate(answers) if answers else np.zeros(0, np.int64)
