"""How far generated digits are from a few real ones that were held out, as one number that few images suffice for.

The accuracy of a recogniser on a few dozen images is 100 % long before a generator is good, and Fréchet distances need
thousands. The energy score needs none to be many: Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and
Estimation", Journal of the American Statistical Association 102(477), 2007, section 4.2. For a held-out image h and
generated images g, g' of its class it is E|g - h| - E|g - g'| / 2. Its expectation is smallest for a generator that
draws what nature draws; one that repeats its training images pays in the first part, or in the second.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from digitsmith.data.digits import Digits
from digitsmith.randomness import Stream, derived_seed

_SHARE, _MOST = 0.1, 20  # of a class's images are held out, and at most so many
_FEWEST = 4  # of a class with fewer, none can be spared
_KERNEL = (1.0, 4.0, 6.0, 4.0, 1.0)  # a blur of one pixel's deviation: half a stroke aside is near, not far
_SPREAD_OF = 100  # generated images of a class whose distances among each other are taken


def held_out(digits: Digits, *, seed: int) -> tuple[Digits, Digits | None]:
    """(to learn from, held out): a tenth of each class's images, at least one and at most 20, chosen by `seed`.

    None are held out where a class has fewer than four.
    """
    if digits.counts.min() < _FEWEST:
        return digits, None
    random = np.random.default_rng(derived_seed(seed, Stream.HELD_OUT))
    orders = [random.permutation(np.flatnonzero(digits.labels == label)) for label in range(len(digits.classes))]
    spared = [min(_MOST, max(1, round(_SHARE * len(order)))) for order in orders]
    out = np.concatenate([order[:count] for order, count in zip(orders, spared, strict=True)])
    learning = np.setdiff1d(np.arange(len(digits)), out)
    return digits.take(learning), digits.take(np.sort(out))


def energy_score(images: NDArray[np.uint8], labels: NDArray[np.int64], real: Digits) -> float:
    """The mean energy score of `real` images, class by class, in gray levels per pixel (root mean square); 0 or above.

    Images are blurred and halved before their distances are taken.

    Args:
        images: generated, uint8 [N, C, H, W].
        labels: of them, int64 [N]; at least two of each class.
        real: held-out images, at least one of each class.
    """
    drawn, known = _blurred(images), _blurred(real.images)
    scores = []
    for label in range(len(real.classes)):
        of_class, targets = drawn[torch.from_numpy(labels == label)], known[torch.from_numpy(real.labels == label)]
        some = of_class[:_SPREAD_OF]
        spread = torch.cdist(some, some).sum() / (len(some) * (len(some) - 1))
        scores.append(torch.cdist(of_class, targets).mean() - spread / 2)
    return float(torch.stack(scores).mean()) / math.sqrt(drawn.shape[1])


def _blurred(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, C, H, W] -> float32 [N, C * H/2 * W/2]."""
    channels = images.shape[1]
    line = torch.tensor(_KERNEL) / sum(_KERNEL)
    kernel = (line[:, None] * line).expand(channels, 1, -1, -1)
    floats = torch.from_numpy(images.copy()).float()
    return F.conv2d(floats, kernel, stride=2, padding=len(_KERNEL) // 2, groups=channels).flatten(1)
