"""Sheets of digits: samples, epochs and models side by side, real over generated, each with its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitsmith.errors import DataError
from digitsmith.report.images import tile
from digitsmith.report.panels import Panel, drawable_names, sheet, with_known_letters


def sample_grid(images: NDArray[np.uint8], *, columns: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """One grid: a column per class, the same noise along a row (the second report's Figures 6-9).

    Args:
        images: uint8 [R, K, C, H, W].
        columns: K class names to stand over the columns; None for a model without classes. A name that the
            figures' font has no letters for is replaced by the number of its class, 0 .. K-1.
        title: above the grid; a letter that the font lacks becomes a question mark in a box.

    Raises:
        DataError: images of another form, or not one name for each column.
    """
    return sheet([Panel(tile(images), _heads(columns, images))], title=title)


def epochs_side_by_side(
    grids: Mapping[int, NDArray[np.uint8]], *, columns: Sequence[str] | None = None, title: str | None = None
) -> Figure:
    """The same noise and classes after several epochs (the second report's Figures 6-8).

    Wide grids, of more than ten or so classes, stand below each other instead.

    Args:
        grids: epoch -> uint8 [R, K, C, H, W], all of one shape; drawn in the order of the epochs.
        columns, title: as in `sample_grid`.

    Raises:
        DataError: no grid, grids that differ in shape, or what `sample_grid` refuses.
    """
    named = {f"Epoch {epoch}": grid for epoch, grid in sorted(grids.items())}
    return _side_by_side(named, columns=dict.fromkeys(named, columns), title=title, at_most=4)


def models_side_by_side(
    grids: Mapping[str, NDArray[np.uint8]], *, columns: Mapping[str, Sequence[str] | None], title: str | None = None
) -> Figure:
    """What several generators draw, each under its name (the second report's Figures 9 and 10).

    Three stand in one line, four in two. Wide grids stand below each other.

    Args:
        grids: name -> uint8 [R, K, C, H, W], all of one shape; drawn in this order.
        columns: name -> K class names, or None for a model without classes.
        title: as in `sample_grid`.

    Raises:
        DataError: no grid, grids that differ in shape, or what `sample_grid` refuses.
    """
    return _side_by_side(grids, columns=columns, title=title, at_most=2 if len(grids) == 4 else 3)


def _side_by_side(
    grids: Mapping[str, NDArray[np.uint8]],
    *,
    columns: Mapping[str, Sequence[str] | None],
    title: str | None,
    at_most: int,
) -> Figure:
    if not grids:
        raise DataError("there is no grid to show; hand over at least one")
    if len({grid.shape for grid in grids.values()}) > 1:
        shapes = ", ".join(f"{name}: {list(grid.shape)}" for name, grid in grids.items())
        raise DataError(f"grids side by side must have one shape ({shapes}); draw each from the same noise")
    panels = [
        Panel(tile(grid), _heads(columns[name], grid), heading=with_known_letters(name)) for name, grid in grids.items()
    ]
    return sheet(panels, title=title, per_line=max(1, min(at_most, 1200 // panels[0].picture.shape[2])))


def real_over_generated(
    real: NDArray[np.uint8],
    generated: NDArray[np.uint8],
    *,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Real images in the upper row, generated ones of the same classes below (the first report's Figure 3).

    Args:
        real, generated: uint8 [K, C, H, W], or [P, K, C, H, W] for P pairs of rows.
        columns, title: as in `sample_grid`; the heads stand over the first pair.

    Raises:
        DataError: two different shapes, or what `sample_grid` refuses.
    """
    pairs = paired_rows(real, generated)
    heads = _heads(columns, pairs[0])
    names = ("real", "generated")
    panels = [Panel(tile(pair), heads if not number else None, rows=names) for number, pair in enumerate(pairs)]
    return sheet(panels, title=title, per_line=1)


def paired_rows(real: NDArray[np.uint8], generated: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[K, C, H, W] or [P, K, C, H, W], twice -> [P, 2, K, C, H, W]: P pairs, each real over generated.

    Raises:
        DataError: the two differ in shape, or have another rank.
    """
    if real.shape != generated.shape or real.ndim not in (4, 5) or 0 in real.shape:
        raise DataError(
            f"real {list(real.shape)} and generated {list(generated.shape)} must have one shape: "
            "[classes, channels, height, width], or that with the number of pairs in front"
        )
    pairs = np.stack([real, generated], axis=-5)
    return pairs if real.ndim == 5 else pairs[None]


def closest_pairs(
    generated: NDArray[np.uint8], training: NDArray[np.uint8], heads: Sequence[str], *, per_line: int = 10
) -> Figure:
    """Each generated image over the training image nearest to it, with its distance as a head.

    Args:
        generated, training: uint8 [P, C, H, W].
        heads: P short texts.
        per_line: pairs beside each other.

    Raises:
        DataError: no pair, two different shapes, or not one head for each pair.
    """
    pairs = paired_rows(generated, training)[0]  # [2, P, C, H, W]
    names = ("generated", "training")
    lines = [slice(start, start + per_line) for start in range(0, pairs.shape[1], per_line)]
    panels = [Panel(tile(pairs[:, line]), _heads(heads[line], pairs[:, line]), rows=names) for line in lines]
    return sheet(panels, title=None)


def _heads(columns: Sequence[str] | None, images: NDArray[np.uint8]) -> tuple[str, ...] | None:
    """The class names as they can be drawn above `images` [R, K, C, H, W]."""
    if columns is None:
        return None
    if len(columns) != images.shape[1]:
        raise DataError(f"{len(columns)} names for {images.shape[1]} columns of images; give one for each")
    return drawable_names(columns)
