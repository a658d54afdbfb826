"""The map from a flat sheet to its picture: found from points by least squares, and used to lay the sheet flat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.scanning.illumination import Gray

Points = NDArray[np.float64]
"""float64 [N, 2], x and y each."""
Homography = NDArray[np.float64]
"""float64 [3, 3]: (x, y, 1) times it, divided by the third."""


def fit_homography(source: Points, target: Points) -> Homography:
    """The homography that takes `source` to `target`, with the least squared error in the algebraic sense.

    The normalised direct linear transform: Hartley and Zisserman, "Multiple View Geometry in Computer Vision", 2004,
    algorithm 4.2. At least four points, no three of them on a line.
    """
    from_source, from_target = _normalising(source), _normalising(target)
    (x, y), (u, v) = mapped(from_source, source).T, mapped(from_target, target).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    above = np.stack([-x, -y, -one, zero, zero, zero, u * x, u * y, u], axis=1)
    below = np.stack([zero, zero, zero, -x, -y, -one, v * x, v * y, v], axis=1)
    found = np.linalg.svd(np.concatenate([above, below]))[2][-1].reshape(3, 3)
    homography = np.linalg.inv(from_target) @ found @ from_source
    scaled: Homography = homography / homography[2, 2]
    return scaled


def mapped(homography: Homography, points: Points) -> Points:
    """Where `points` [..., 2] come to lie."""
    moved = points @ homography[:2, :2].T + homography[:2, 2]
    third = points @ homography[2, :2] + homography[2, 2]
    result: Points = moved / third[..., None]
    return result


def laid_flat(picture: Gray, homography: Homography, size: tuple[float, float], px_per_mm: float) -> Gray:
    """The sheet as a scanner sees it, uint8 [H, W].

    Args:
        homography: from mm on the sheet to pixels of `picture`, whose upper left corner is (0, 0).
        size: width and height of the sheet, in mm.
    """
    to_mm = np.diag([1 / px_per_mm, 1 / px_per_mm, 1.0])
    coefficients = homography @ to_mm
    coefficients = (coefficients / coefficients[2, 2]).ravel()[:8]
    width, height = (round(side * px_per_mm) for side in size)
    flat = Image.fromarray(picture).transform(
        (width, height), Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC, fillcolor=255
    )
    return np.asarray(flat)


def _normalising(points: Points) -> Homography:
    """Moves the points' middle to 0 and their mean distance from it to the square root of 2."""
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / np.hypot(*(points - middle).T).mean()
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])
