"""Small labelled images that are no digits: clothes in gray, photographs in colour, letters; made up, and learnable."""

from __future__ import annotations

import numpy as np

from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist

CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
PETS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
HANDWRITTEN = load_mnist("train").images[:2000]  # now, before a test has a cache of its own that lacks it
BALANCED = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")


def photographs(
    count: int, shape: tuple[int, int, int] = (3, 32, 32), classes: tuple[str, ...] = PETS, *, seed: int = 0
) -> Digits:
    """Soft patches of light, brighter where the class's own place is: no ground, no strokes."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(classes)
    channels, height, width = shape
    coarse = random.uniform(0, 200, (count, channels, 4, 4))
    images = np.kron(coarse, np.ones((-(-height // 4), -(-width // 4))))[:, :, :height, :width]
    side = 7
    y, x = np.divmod(labels, side)
    for image, top, left in zip(images, y * height // side, x * width // side, strict=True):
        image[:, top : top + 5, left : left + 5] = 255
    return Digits(images.astype(np.uint8), labels.astype(np.int64), classes, source="photographs (train)")


def strokes(
    count: int, shape: tuple[int, int, int] = (1, 28, 28), classes: tuple[str, ...] = LETTERS, *, start: int = 0
) -> Digits:
    """Real handwriting of any size, colour and class names."""
    chosen = np.arange(start, start + count)
    channels, height, width = shape
    images = np.zeros((count, channels, height, width), np.uint8)
    images[:, :, :28, :28] = HANDWRITTEN[chosen][:, :, :height, :width]
    return Digits(images, np.arange(count) % len(classes), classes, source="letters (train)")
