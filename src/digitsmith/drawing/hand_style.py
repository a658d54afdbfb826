"""A person's style, class by class: how thick, slanted, wide and high their 1 is among 1s, their 8 among 8s.

A 1 is narrow in every hand, so a person is not one width but one place among people: writes wide, with a thin pen. Four
standard normal numbers say so. For a class they become pixels and degrees in two steps: first they are made to go
together as the class's do (a wide 0 leans less, a thick 1 is wide), then each is read off the class's own distribution.
That is a Gaussian copula of the class's styles (R. B. Nelsen, "An Introduction to Copulas", 2nd edition, 2006).
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from digitsmith.style import StyleTable

_LOOSEN = 0.01  # of a correlation: two columns that always agree would leave nothing for the second to decide
_FARTHEST = 2.5  # deviations from the middle at which a place still means something among thousands of styles

Rows = NDArray[np.float64]


def hand_styles(table: StyleTable, labels: NDArray[np.int64], places: Rows, asked: Rows) -> NDArray[np.float32]:
    """Styles of one person's digits, float32 [N, 4] in the order of STYLE_NAMES.

    Args:
        table: the styles of each class.
        labels: int64 [N], the class of each digit.
        places: [N, 4], standard normal: where the person stands among people, with a digit's own small difference.
        asked: [N, 4], pixels and degrees that a digit must have instead; NaN where none are asked for. The other
            coordinates then follow as they do in the class.
    """
    styles = np.empty(places.shape, np.float32)
    for label in np.unique(labels):
        mine = labels == label
        styles[mine] = _of_class(table.table[label].astype(np.float64), places[mine], asked[mine])
    return np.where(np.isnan(asked), styles, asked).astype(np.float32)


def _of_class(table: Rows, places: Rows, asked: Rows) -> Rows:
    """The same for one class, whose styles are `table` [R, 4]."""
    count = len(table)
    normal = NormalDist()
    scores = np.array([normal.inv_cdf((row + 0.5) / count) for row in range(count)])  # of a column, smallest first
    order = table.argsort(axis=0, kind="stable")
    ranked, sorted_table = scores[order.argsort(axis=0, kind="stable")], np.take_along_axis(table, order, axis=0)
    together = np.einsum("ri,rj->ij", ranked, ranked) / np.einsum("r,r->", scores, scores)
    mixing = np.linalg.cholesky((1 - _LOOSEN) * together + _LOOSEN * np.eye(table.shape[1]))
    free, styles = places.clip(-_FARTHEST, _FARTHEST), np.empty_like(places)
    for column, values in enumerate(sorted_table.T):
        given = ~np.isnan(asked[:, column])
        score = np.einsum("nk,k->n", free[:, : column + 1], mixing[column, : column + 1])
        wanted = np.interp(asked[given, column], values, scores)
        missing = (wanted - score[given]) / mixing[column, column]
        free[given, column] = (free[given, column] + missing).clip(-_FARTHEST, _FARTHEST)
        score[given] = wanted
        styles[:, column] = np.interp(score, scores, values)
    return styles
