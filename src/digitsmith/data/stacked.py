"""Stacked MNIST: three random digits in the red, green and blue channel of one image, and so 1000 modes.

Metz et al., "Unrolled Generative Adversarial Networks" (ICLR 2017), made it to count the modes that a generator
misses. The counts are those that PacGAN's published code (Lin et al., NeurIPS 2018) takes over from its forerunners:
128,000 stacks to train on, as in VEEGAN (Srivastava et al., NeurIPS 2017), and 25,600 images to count modes of, as in
Metz et al. That code draws from all 70,000 digits; here the two splits stay apart.
"""

from __future__ import annotations

import numpy as np

from digitsmith.data.digits import Digits
from digitsmith.data.files import check_split
from digitsmith.data.mnist import load_mnist
from digitsmith.errors import DataError

STACKED_MNIST = "stacked-mnist"
MODES = 1000
STACKS = {"train": 128_000, "test": 25_600}
_SEED = 0  # of the named data set: it is one and the same everywhere


def stack_digits(digits: Digits, *, count: int, seed: int) -> Digits:
    """`count` images of three digits each, drawn uniformly and with replacement, each channel by itself.

    Args:
        digits: gray images of ten classes.
        count: how many, at least 1. A smaller set is the beginning of a larger one of the same seed.
        seed: 0 or more; the same seed gives the same triples with every version of NumPy.

    Returns:
        Images uint8 [count, 3, H, W], labels 100 * red + 10 * green + blue, classes "000" .. "999". A class may be
        without an image where `count` is not many times 1000.

    Raises:
        DataError: the images are in colour, or their classes are not ten.
    """
    channels, height, width = digits.image_shape
    if channels != 1 or len(digits.classes) != 10:
        raise DataError(
            f"{digits.source}: only gray digits of ten classes can be stacked, these have {channels} channels and "
            f"{len(digits.classes)} classes; use mnist, or images like it"
        )
    # The raw 64-bit stream, as NumPy promises that one for ever; its remainders are uniform to one part in 10**14.
    chosen = np.random.PCG64(seed).random_raw((count, 3)) % np.uint64(len(digits))  # [count, 3]
    return Digits(
        digits.images[chosen].reshape(count, 3, height, width),
        digits.labels[chosen] @ np.array([100, 10, 1]),
        tuple(f"{label:03d}" for label in range(MODES)),
        source=f"{count} stacks of {digits.source}",
    )


def load_stacked_mnist(split: str = "train") -> Digits:
    """128,000 stacks of MNIST's training digits (301 MB), or 25,600 of its test digits: made anew each time, always
    the same.

    Raises:
        ConfigError: for another split.
        DataError: as `load_mnist`.
    """
    check_split(split)
    stacks = stack_digits(load_mnist(split), count=STACKS[split], seed=_SEED)
    return Digits(stacks.images, stacks.labels, stacks.classes, source=f"{STACKED_MNIST} ({split})")
