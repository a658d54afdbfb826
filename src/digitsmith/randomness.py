"""All randomness, derived from (seed, stream, position) and from nothing else.

No generator state is ever saved: a resumed run asks for the numbers of step n and gets them, and image i
of a data set is the same whether it was drawn alone or among ten thousand.

Two kinds are needed. While training, a torch generator per (seed, stream, step) is fast and runs on any
device. While drawing, every image has a row of its own, keyed by its index, so the rows are hashed from
their counters with SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
OOPSLA 2014, table of constants in its figure 17), vectorised in NumPy: no torch needed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Stream(IntEnum):
    """What a number is for, so that two uses of one seed have nothing in common; values are part of the format."""

    ORDER = 1  # the order of the training images within an epoch
    NOISE = 2  # z and the labels asked for in a training step
    AUGMENT = 3  # how a step's real images are moved
    WEIGHTS = 4  # a network's initial weights
    DRAW = 5  # z of the image with a given index
    FIXED = 6  # the noise that the sample grids keep through a run
    STYLE = 7  # the style of the image with a given index
    REDRAW = 8  # z of one more attempt at an image, after those before were turned down
    HAND = 9  # what all digits of one person's writing have in common
    LINE = 10  # how digits stand in a line: gaps, feet, sizes
    SIGN = 11  # how a sign beside digits is drawn
    PAGE = 12  # what is written on a page
    PROOF = 13  # which real images a proof is given, and which it holds out
    MOVES = 14  # how a step's real and generated images are moved alike
    LABELLED = 15  # which images' labels a semi-supervised run looks at, and which of them in a step
    HELD_OUT = 16  # which of a few images judge the generator that learns from the others


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection of 64-bit words in which every input bit moves every output bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _key(*parts: int) -> NDArray[np.uint64]:
    """One well-mixed 64-bit word from a few integers, as an array of shape [1]."""
    word = np.zeros(1, dtype=np.uint64)
    for part in parts:
        word = _mix(word + _GOLDEN + np.array([part], dtype=np.uint64))
    return word


def derived_seed(seed: int, stream: Stream, position: int = 0) -> int:
    """The 63-bit seed of one position of one stream, for generators that take a seed."""
    return int(_key(seed, stream, position)[0] >> np.uint64(1))


def torch_generator(seed: int, stream: Stream, position: int = 0, *, device: str = "cpu") -> torch.Generator:
    """A fresh torch generator for `position` (a step, an epoch) of `stream`."""
    import torch

    return torch.Generator(device=device).manual_seed(derived_seed(seed, stream, position))


def uniform_rows(seed: int, indices: NDArray[np.int64], columns: int, *, stream: Stream) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1), [len(indices), columns], float64; row k depends on (seed, indices[k]) alone."""
    rows = _mix(_key(seed, stream) + _GOLDEN * (indices.astype(np.uint64) + np.uint64(1)))  # [N]
    counters = _GOLDEN * np.arange(1, columns + 1, dtype=np.uint64)
    words = _mix(rows[:, None] + counters[None, :])  # [N, columns]
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # 53 bits, never 0


def normal_rows(
    seed: int, indices: NDArray[np.int64], columns: int, *, stream: Stream = Stream.DRAW
) -> NDArray[np.float32]:
    """Standard normal numbers [len(indices), columns], float32; row k depends on (seed, indices[k]) alone.

    Each pair of numbers is a Box-Muller pair of two 53-bit uniforms, computed in float64.
    """
    pairs = (columns + 1) // 2
    uniform = uniform_rows(seed, indices, 2 * pairs, stream=stream)
    radius = np.sqrt(-2.0 * np.log(uniform[:, :pairs]))
    angle = 2.0 * np.pi * uniform[:, pairs:]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return normal[:, :columns].astype(np.float32)
