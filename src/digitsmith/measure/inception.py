"""The 2048 features that the Fréchet Inception Distance compares: images prepared, and passed through Inception v3.

Of the two ways in which images are prepared, this is pytorch-fid's: pixels in [0, 1], bilinear to 299x299 with
half-pixel centres and without antialiasing, then to [-1, 1]. The weights are that project's, and the first report
(section 6.1.4) works in PyTorch, where this is the way of that project's users. The other way (torch-fidelity,
torchmetrics) is TensorFlow 1's: pixel corners instead of centres, and (x - 128) / 128. An MNIST digit that is prepared
in both ways differs by 0.09 a pixel on average, so distances of the two are not to be compared, and the name that every
figure carries says which it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from digitsmith.errors import InputError
from digitsmith.measure.inception_network import FEATURES, Conv, Inception
from digitsmith.measure.inception_weights import read_inception_weights

INCEPTION = "inception-2015-12-05/pytorch-fid"
_SIDE_PX = 299


def load_inception(weights: Path) -> Inception:
    """The network with the published weights, in evaluation mode, BatchNorm folded into the convolutions.

    Raises:
        CheckpointError: the file cannot be read, or is another one.
    """
    with torch.device("meta"):  # no time spent on initial weights that the file's replace
        network = Inception()
    network.load_state_dict(read_inception_weights(weights), assign=True)
    network.eval().requires_grad_(False)
    for module in list(network.modules()):
        if isinstance(module, Conv):
            module.fold()  # with the layout below, 0.07 s of one core an image instead of 0.12
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def prepared(images: Tensor) -> Tensor:
    """uint8 [B, 1 or 3, H, W] -> float32 [B, 3, 299, 299] in [-1, 1], one gray channel repeated to three."""
    resized = F.interpolate(images.float().div(255), size=(_SIDE_PX, _SIDE_PX), mode="bilinear", align_corners=False)
    return resized.mul(2).sub(1).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def inception_features(
    images: NDArray[np.uint8],
    *,
    weights: Path,
    batch_size: int = 32,
    on_progress: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """The features of each image, in float32 throughout; they depend on `batch_size` by rounding alone.

    Args:
        images: uint8 [N, 1 or 3, H, W].
        weights: pytorch-fid's published file, see `find_inception_weights`.
        batch_size: how many images go through the network at once.
        on_progress: called with the number of images done so far.

    Returns:
        float32 [N, 2048].

    Raises:
        InputError: images of another form, none at all, or a batch of none.
        CheckpointError: the weights cannot be read, or are others.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise InputError(
            f"Inception reads at least one image, uint8 [N, 1 or 3, H, W]; these are {images.dtype} "
            f"{list(images.shape)}"
        )
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; at least one image must go through the network at once")
    network = load_inception(weights)
    features = np.empty((len(images), FEATURES), np.float32)
    for start in range(0, len(images), batch_size):
        batch = torch.tensor(images[start : start + batch_size])
        features[start : start + len(batch)] = network(prepared(batch)).numpy()
        if on_progress is not None:
            on_progress(start + len(batch))
    return features
