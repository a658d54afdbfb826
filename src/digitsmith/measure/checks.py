"""What features must be before any figure is made of them: checked once, at the door of each family."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError

_SAME = 1e-5  # of the largest feature: the reader's batch size moves one by 4e-7, a gray level in one pixel by 8e-5


def check_features(features: NDArray[np.float32], *, what: str, at_least: int = 2, why: str = "") -> None:
    """Nothing, when `features` are those of images that can be measured.

    Args:
        features: float32 [N, D], one row per image.
        what: whose they are, for the message, in the plural: "the generated images".
        at_least: how many images the figure needs.
        why: the reason for that number, as the end of a sentence; may be left empty.

    Raises:
        InputError: another dtype or rank, a value that is NaN or infinite, too few images, or images that
            are all the same one.
    """
    if features.dtype != np.float32 or features.ndim != 2 or features.shape[1] == 0:
        raise InputError(
            f"{what}: features must be float32 [N, D], these are {features.dtype} {list(features.shape)}; "
            "convert them, one row per image"
        )
    count = len(features)
    if count < at_least:
        raise InputError(
            f"{what}: {count} are too few, this figure needs at least {at_least}{why and f', because {why}'}; add more"
        )
    low, high = features.min(axis=0, initial=np.inf), features.max(axis=0, initial=-np.inf)  # NaN comes through
    if count and not (np.isfinite(low).all() and np.isfinite(high).all()):
        image = next(row for row in range(count) if not np.isfinite(features[row]).all())
        feature = int(np.flatnonzero(~np.isfinite(features[image]))[0])
        raise InputError(
            f"{what}: feature {feature} of image {image} is {features[image, feature]}; "
            "leave that image out, or repair the network or file it came from"
        )
    if count > 1 and bool((high - low <= _SAME * max(-low.min(), high.max())).all()):
        raise InputError(
            f"{what}: all {count} are the same image, which has no spread to compare; "
            "a generator that draws one image for every z has collapsed: train it again"
        )


def check_dimensions(images: int, reference: int) -> None:
    """Nothing, when the images and their reference have equally many features each.

    Raises:
        InputError: they have not, so they come from two networks.
    """
    if images != reference:
        raise InputError(
            f"the images have {images} features each and the reference {reference}; take both from the same network"
        )
