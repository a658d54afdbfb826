"""Mode coverage on stacked MNIST: how many of the 1000 triples of digits a generator draws, and how evenly.

As PacGAN's published code measures it (Lin et al., "PacGAN", NeurIPS 2018; after Metz et al., "Unrolled Generative
Adversarial Networks", ICLR 2017): a digit classifier reads each channel, a mode counts as covered once an image is read
as it, and the distance is KL(read modes || uniform) in nats. The classifier here is the shipped reader.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.stacked import MODES
from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate, bootstrap_estimate
from digitsmith.measure.reader import read

_RESAMPLES = 200


@dataclass(frozen=True)
class Modes:
    """Which modes a set of stacked images covers.

    Attributes:
        covered: how many of the 1000 are read at least once; without an interval, as a resample can only lose some.
        kl: of the modes' shares from equal shares, in nats: 0 to log(1000) = 6.91. It is about `uniform_kl` where all
            modes are equally likely, and not 0. Resamples lie higher by as much again, so the interval is only as
            wide as they spread; near that floor it is up to twice too wide.
        counts: int64 [1000], how many images are read as each mode, red * 100 + green * 10 + blue.
    """

    covered: int
    kl: Estimate
    counts: NDArray[np.int64]


def mode_coverage(images: NDArray[np.uint8], *, seed: int = 0) -> Modes:
    """Count the modes of images like stacked MNIST's.

    Args:
        images: uint8 [N, 3, 28, 28], a digit in each channel; 25,600 to compare with published figures.
        seed: of the bootstrap.

    Raises:
        InputError: images of another form, or none.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (3, 28, 28) or len(images) == 0:
        raise InputError(
            f"modes are counted on uint8 images [N, 3, 28, 28] with a digit in each channel, these are {images.dtype} "
            f"{list(images.shape)}; draw them with a model trained on stacked-mnist"
        )
    red, green, blue = (read(images[:, channel : channel + 1]) for channel in range(3))
    modes = 100 * red + 10 * green + blue  # [N]
    counts = _counts(modes)
    kl = bootstrap_estimate(
        kl_from_uniform(counts),
        lambda chosen: kl_from_uniform(_counts(modes[chosen])),
        len(modes),
        resamples=_RESAMPLES,
        seed=seed,
    )
    return Modes(int(np.count_nonzero(counts)), kl, counts)


def kl_from_uniform(counts: NDArray[np.int64]) -> float:
    """KL(counts' shares || equal shares) in nats; a class without an image adds nothing, as p log p goes to 0."""
    shares = counts[counts > 0] / counts.sum()
    return float((shares * np.log(shares * len(counts))).sum())


def uniform_kl(count: int) -> float:
    """What `kl_from_uniform` expects of `count` images whose 1000 modes are equally likely: 0.0195 for 25,600.

    The first term of the bias of an entropy's plug-in estimate, (modes - 1) / 2N (Miller, 1955), for `count` well
    above 1000. Real stacks lie a little above it, as MNIST has more ones than fives.
    """
    return (MODES - 1) / (2 * count)


def _counts(modes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(modes, minlength=MODES)
