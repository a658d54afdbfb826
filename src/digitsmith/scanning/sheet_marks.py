"""Finding a sheet on a picture: squares of ink, and which four of them are its corner marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from digitsmith.scanning.components import Mask, pieces
from digitsmith.scanning.finding import inked_pixels, reduced
from digitsmith.scanning.homography import Homography, Points, fit_homography, mapped
from digitsmith.scanning.illumination import Gray, darkness
from digitsmith.scanning.sheet_layout import HOLE_MM, MARK_MM, PAPERS, corner_marks

_LOOKED_AT_PX = 1100  # the longer side at which marks are looked for
_WINDOW = 0.08  # of it: wider than a mark
_SMALLEST_PX, _LARGEST = 5, 0.07  # sides of a square: in pixels, and of the picture's longer side
_SQUARE = 0.07  # as far as a square's solidity may be from 1, and a ring's from its own
_RING = 0.6  # solidity of a square with a hole of half its side: (1 - 1/4) / (1 + 1/4)
_BLURRED_RING = 0.9  # of one whose hole a blur has half closed
_NARROWEST = 0.2  # least to largest second moment, of a square seen at a slant
_MOST_SOLID = 12  # of the largest squares that a ring may belong to: three of them are corners
_MOST_RINGS = 40
_LIKE = 4.0  # times the area that one corner mark may have of another's, in a photograph
_SMALLEST_SHEET = 0.05  # of the picture, between its marks
_OFF_SIZE = 1.0  # as far as a mark's area may be from what its sheet says, in natural logarithms
_LOG_SHARE = float(np.log(9.7e-4))  # of a mark on the sheet between the marks, about the same for all papers
_MANY_TICKS = 10  # squares that no digit has by chance


@dataclass(frozen=True)
class Squares:
    """What looks like a square of ink, seen from anywhere.

    Attributes:
        solid: the middles of the solid ones, the largest first, float64 [N, 2] in pixels of the picture.
        solid_areas: float64 [N], in the same order.
        rings: the middles of those with a hole, the largest first, [M, 2].
        ring_areas: float64 [M].
        shape: (H, W) of the picture.
    """

    solid: Points
    solid_areas: NDArray[np.float64]
    rings: Points
    ring_areas: NDArray[np.float64]
    shape: tuple[int, int]

    def outside(self, homography: Homography, size: tuple[float, float]) -> Squares:
        """Those beyond a sheet of width and height `size` in mm, which `homography` takes to pixels."""
        back: Homography = np.linalg.inv(homography).astype(np.float64)

        def beyond(middles: Points) -> Mask:
            on_sheet = mapped(back, middles)
            outside: Mask = np.logical_or.reduce((on_sheet < 0) | (on_sheet > size), axis=1)
            return outside

        solid, rings = beyond(self.solid), beyond(self.rings)
        return Squares(
            self.solid[solid], self.solid_areas[solid], self.rings[rings], self.ring_areas[rings], self.shape
        )

    @property
    def like_a_sheet(self) -> bool:
        """Whether there are far more than a picture of a digit could have."""
        return len(self.solid) >= _MANY_TICKS


def find_squares(picture: Gray) -> Squares:
    """All squares of ink on a picture, uint8 [H, W].

    A piece of ink is a square if its area is 12 times the root of the determinant of its second moments: a measure
    that stays the same in a perspective that is locally affine. Rectangles have it too, and are told by their moments.
    """
    small, factor = reduced(picture, _LOOKED_AT_PX)
    dark = darkness(small, window_px=round(_WINDOW * max(small.shape)), blur_px=0.7)
    found = pieces(inked_pixels(dark))
    width, height = found.right - found.left, found.bottom - found.top
    sides = (found.extent >= _SMALLEST_PX) & (found.extent <= _LARGEST * max(small.shape))
    possible = sides & (width <= 3 * height) & (height <= 3 * width) & (found.area >= 0.3 * width * height)
    solid: list[tuple[float, float, float]] = []
    rings: list[tuple[float, float, float]] = []
    for number in np.flatnonzero(possible):
        x, y, solidity, hollow = _measured(found.cut(int(number)))
        place = (float(found.area[number]), float(x + found.left[number]), float(y + found.top[number]))
        if hollow and _RING - _SQUARE <= solidity <= _BLURRED_RING:
            rings.append(place)
        elif not hollow and abs(solidity - 1) <= _SQUARE:
            solid.append(place)
    (solid_areas, solid_middles), (ring_areas, ring_middles) = _by_size(solid, factor), _by_size(rings, factor)
    return Squares(solid_middles, solid_areas, ring_middles, ring_areas, (picture.shape[0], picture.shape[1]))


def likely_corners(squares: Squares) -> Iterator[tuple[str, Homography]]:
    """The papers that may lie on the picture: which one, and its map from mm to pixels. The likeliest comes first.

    Four squares are the corner marks of a sheet if the one with the hole and three others, taken clockwise, are as
    large as the sheet between them says: a digit 0 has a hole too, but there is no such sheet around it.
    """
    found: list[tuple[float, int, str, Homography]] = []
    height, width = squares.shape
    for ring, hollow_area in zip(squares.rings[:_MOST_RINGS], squares.ring_areas, strict=False):
        ring_area = hollow_area / (1 - (HOLE_MM / MARK_MM) ** 2)
        alike = (squares.solid_areas < _LIKE * ring_area) & (squares.solid_areas > ring_area / _LIKE)
        for three in combinations(np.flatnonzero(alike)[:_MOST_SOLID].tolist(), 3):
            corners, order = _clockwise(ring, squares.solid[list(three)])
            if _area(corners) < _SMALLEST_SHEET * height * width or not _convex(corners):
                continue
            areas = np.append(ring_area, squares.solid_areas[list(three)])[order]
            mean = float(np.log(areas).mean()) - np.log(_area(corners))
            if abs(mean - _LOG_SHARE) > _OFF_SIZE:
                continue
            for paper in PAPERS:
                homography = fit_homography(np.array(corner_marks(paper)), corners)
                off = float(np.abs(np.log(areas / (_area_scales(homography, paper) * MARK_MM**2))).max())
                if off < _OFF_SIZE:
                    found.append((off, len(found), paper, homography))
    yield from ((paper, homography) for _, _, paper, homography in sorted(found, key=lambda each: each[:2]))


def _area_scales(homography: Homography, paper: str) -> NDArray[np.float64]:
    """Square pixels to a square mm at each corner mark, float64 [4]."""
    middles = np.array(corner_marks(paper))
    aside = MARK_MM / 2
    around = middles[:, None] + np.array([(-aside, -aside), (aside, -aside), (aside, aside), (-aside, aside)])
    return np.array([_area(corners) for corners in mapped(homography, around)]) / MARK_MM**2


def middle_of_square(mask: Mask, side_px: float) -> tuple[float, float] | None:
    """The middle of the one solid square or ring of about this side on `mask`; None if there is none.

    Of several the one nearest to the middle of the mask is taken.
    """
    found = pieces(mask)
    middles = []
    for number in np.flatnonzero((found.extent > 0.6 * side_px) & (found.extent < 1.6 * side_px)):
        x, y, solidity, hollow = _measured(found.cut(int(number)))
        if (_RING - _SQUARE <= solidity <= _BLURRED_RING) if hollow else abs(solidity - 1) <= _SQUARE:
            middles.append((x + float(found.left[number]), y + float(found.top[number])))
    height, width = mask.shape
    return min(middles, key=lambda at: (at[0] - width / 2) ** 2 + (at[1] - height / 2) ** 2, default=None)


def _measured(piece: Mask) -> tuple[float, float, float, bool]:
    """x and y of the middle (pixels have theirs at a half), solidity, and whether there is a hole there; a solidity of
    0 for what is too narrow.
    """
    rows, columns = np.nonzero(piece)
    x, y = columns.mean(), rows.mean()
    # a pixel is a square itself, with moments of 1/12
    xx, yy, xy = columns.var() + 1 / 12, rows.var() + 1 / 12, ((columns - x) * (rows - y)).mean()
    determinant = xx * yy - xy**2
    middle = (xx + yy) / 2
    spread = np.sqrt(max(middle**2 - determinant, 0.0))
    solidity = len(rows) / (12 * np.sqrt(determinant)) if middle - spread > _NARROWEST * (middle + spread) else 0.0
    return float(x) + 0.5, float(y) + 0.5, float(solidity), not piece[round(y), round(x)]


def _by_size(found: list[tuple[float, float, float]], factor: int) -> tuple[NDArray[np.float64], Points]:
    """Areas and middles in pixels of the large picture, the largest first."""
    table = np.array(sorted(found, reverse=True)).reshape(-1, 3) * [factor**2, factor, factor]
    return table[:, 0], table[:, 1:]


def _clockwise(first: NDArray[np.float64], others: Points) -> tuple[Points, NDArray[np.int64]]:
    """`first`, then the others as they follow it around the middle, clockwise on the picture (y goes down); and at
    which place among all four each was.
    """
    corners = np.concatenate([first[None], others])
    x, y = (corners - corners.mean(axis=0)).T
    angles = np.arctan2(y, x)
    order = np.argsort((angles - angles[0]) % (2 * np.pi))
    return corners[order], order


def _area(corners: Points) -> float:
    x, y = corners.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _convex(corners: Points) -> bool:
    edges = np.roll(corners, -1, axis=0) - corners
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    return bool((turns > 0).all())
