"""Paper that looks the same everywhere: what shade it would have without ink, and how dark the ink is against it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Gray = NDArray[np.uint8]
"""uint8 [H, W], 0 is black."""

_INK = 0.4  # of the longer side: wider than any stroke, so that none is taken for paper
_DARKEST = 48  # gray level under which a shadow's own noise would pass for ink


def darkness(gray: Gray, *, window_px: int | None = None, blur_px: float = 1.0) -> NDArray[np.float32]:
    """How much light the ink takes from the paper, whatever light falls on it.

    The paper's own shade is the picture's morphological closing: each dark thing narrower than the window is filled
    with what is around it, while the edge of a shadow stays where it is.

    Args:
        gray: dark ink on lighter paper.
        window_px: wider than a stroke, narrower than a shadow; 0.4 of the longer side if left out.
        blur_px: standard deviation of a Gaussian that goes over the picture first, against its noise.

    Returns:
        float32 [H, W] in [0, 1]: 0 is paper, 1 takes all light.
    """
    smooth = blurred(gray, blur_px)
    paper = blurred(closed(smooth, window_px or round(_INK * max(gray.shape))), 2.0).astype(np.float32)
    taken = (paper - smooth) / np.maximum(paper, _DARKEST)
    return taken.clip(0, 1).astype(np.float32, copy=False)


def closed(gray: Gray, window_px: int) -> Gray:
    """The morphological closing by a square. Beyond its border the picture goes on as it is there, so that neither a
    slope of light nor a strip of something darker at the border counts as ink.
    """
    half = window_px // 2
    wide = np.pad(gray, 2 * half, mode="edge")
    return _over_window(np.minimum, _over_window(np.maximum, wide, half), half)


def widened(gray: Gray, half_px: int) -> Gray:
    """The largest value of each square of 2 half_px + 1 pixels around a pixel."""
    return _over_window(np.maximum, np.pad(gray, half_px), half_px)


def blurred(gray: Gray, radius_px: float) -> Gray:
    """By a Gaussian."""
    return np.asarray(Image.fromarray(gray).filter(ImageFilter.GaussianBlur(radius_px)))


def _over_window(extreme: Callable[[Gray, Gray], Gray], gray: Gray, half: int) -> Gray:
    """The largest or smallest value of each square of 2 half + 1 pixels that lies in `gray`, which shrinks so.

    Extremes of 2, 4, 8, ... pixels are made of each other, so a wide window costs hardly more than a narrow one.
    """
    for axis in (1, 0):
        seen = 1
        while seen < 2 * half + 1:
            step = min(seen, 2 * half + 1 - seen)
            ahead, behind = (np.s_[:, step:], np.s_[:, :-step]) if axis else (np.s_[step:], np.s_[:-step])
            gray = extreme(gray[behind], gray[ahead])
            seen += step
    return gray


def otsu_threshold(values: NDArray[np.floating]) -> tuple[float, float]:
    """The value that parts `values` in [0, 1] into two classes with the largest variance between them.

    Otsu, "A threshold selection method from gray-level histograms", 1979, equation 18, over 256 levels. Between two
    modes that stand apart many thresholds are as good; this is the middle of them.

    Returns:
        The threshold, and how well it parts them: the share of the variance that is between the classes, in [0, 1].
    """
    counts, edges = np.histogram(values, bins=256, range=(0.0, 1.0))
    middles = (edges[:-1] + edges[1:]) / 2
    below, mass = np.cumsum(counts)[:-1], np.cumsum(counts * middles)
    above = counts.sum() - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = mass[:-1] / below - (mass[-1] - mass[:-1]) / above
    between = np.nan_to_num(below * above * gap**2)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    total = float((counts * middles**2).sum() * counts.sum() - mass[-1] ** 2)
    return float(edges[1:-1][best].mean()), float(between.max()) / total if total else 0.0
