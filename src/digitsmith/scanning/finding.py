"""Where on a picture the digit is: which shade is ink, and which pieces of it are the digit's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitsmith.scanning.components import Mask, Pieces, pieces
from digitsmith.scanning.illumination import Gray, blurred, darkness, otsu_threshold, widened
from digitsmith.scanning.paper import beyond_paper, is_sheet, without_ruled_lines
from digitsmith.scanning.refusals import Refused

_COARSE_PX = 512  # the longer side at which the digit is looked for

_FAINTEST = 0.08  # darker than the paper by this much: a hard pencil
_NOISE = 6.0  # standard deviations of the paper
_OF_INK = 0.45  # how dark, compared with the darkest ink, a pixel of ink is
_FEWEST_PX = 8
_SMALLEST = 0.02  # of the picture's shorter side: the least extent of a digit

_LIGHTEST_PART = 0.02  # of the digit: a lighter piece is a speck
_NEAR = 0.25  # of the digit's longer side: parts that are further away are another's
_CUT = 0.3  # what ink counts that the border cuts: a neighbour's, if there is other ink

_SMALLEST_STEP = 8  # gray levels from paper to ink, over five pixels
_GRAIN = 2.5  # times the step that there is within the paper
_TWO_SHADES = 0.95  # of the variance is between ink and paper, in a picture with no shadow at all
_MOSTLY_TWO = 0.85  # and in one with a little
_LITTLE = 0.2  # of the border
_MOST_INK = 0.3  # of the picture: more is rather a sheet on a table
_BORDERED = 2.0  # what a digit counts for that stands on what the border is of
_DARK = 1.4  # what dark ink on light paper counts for, as most writing is that; but not what lies inside of light ink
_ROOM = 0.3  # put around a digit that is cut out closely, of the picture's longer side


@dataclass(frozen=True, eq=False)
class Found:
    """A digit on its picture.

    Attributes:
        picture: uint8 [H, W], dark ink on light paper, with paper added where the digit was cut out closely.
        inverted: whether that is the negative of what came.
        mask: bool [h, w], the digit on the picture made `factor` times smaller.
        factor: see there.
        prominence: how much it looks like handwriting, to be compared with the same picture's negative.
    """

    picture: Gray
    inverted: bool
    mask: Mask
    factor: int
    prominence: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels of `mask`; right and bottom are just outside."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def find_digit(gray: Gray, *, ink: str = "auto") -> Found:
    """The one digit on a picture, roughly.

    Args:
        gray: uint8 [H, W].
        ink: dark; light; or auto: a digit is looked for in both, and the one that stands out more and is larger is
            right. What looks like ink of the other shade lies between the strokes of a digit, or is the sheet itself.

    Raises:
        Refused: there is no ink.
    """
    dark = _find(gray, False) if ink != "light" else None
    light = _find(255 - gray, True) if ink != "dark" else None
    if dark is not None and light is not None:
        inside = _within(dark, light, gray.shape)
        if inside and is_sheet(light.mask):
            return dark
        preferred = 1.0 if inside else _DARK
        return dark if preferred * dark.prominence >= light.prominence else light
    found = dark or light
    if found is None:
        raise Refused("has no ink: nothing on it stands out from the rest and could be a digit")
    return found


def _within(inner: Found, outer: Found, shape: tuple[int, ...]) -> bool:
    """Whether the one lies in the box around the other, both found on a picture of `shape`."""
    one, other = (
        np.array(found.box) * found.factor - (found.picture.shape[0] - shape[0]) // 2 for found in (inner, outer)
    )
    return bool((one[:2] >= other[:2]).all() and (one[2:] <= other[2:]).all())


def _find(gray: Gray, inverted: bool) -> Found | None:
    """The digit in dark ink, if there is one."""
    picture, bordered = _with_margin(gray)
    coarse, factor = reduced(picture, _COARSE_PX)
    dark = darkness(coarse)
    found = pieces(without_ruled_lines(inked_pixels(dark)))
    mass = np.where(beyond_paper(found), 0.0, found.sums(dark))
    mass[found.extent < max(4, _SMALLEST * min(coarse.shape))] = 0
    chosen = one_digit(found, mass)
    if not chosen.any():
        return None
    mask = found.mask(chosen)
    prominence = _prominence(coarse, mask) * factor * (_BORDERED if bordered else 1)
    return Found(picture, inverted, mask, factor, prominence) if prominence else None


def _prominence(coarse: Gray, mask: Mask) -> float:
    """How much the mask looks like handwriting: its edge is one in the picture too (nearly all around), it is large,
    and it consists of strokes. 0 if the edge is no more than what the grain of the paper makes anywhere.

    What the negative takes for ink is the inside of a 0, which is smaller; or the paper between strokes and somewhere
    where there is no edge; or a sheet on a table with the digit as a hole in it, which is no stroke.
    """
    smooth = blurred(coarse, 1.0)
    steps = widened(smooth, 2).astype(np.int16) - (255 - widened(255 - smooth, 2).astype(np.int16))
    edge = widened(mask.astype(np.uint8), 1) > mask
    if not edge.any():
        return 0.0
    step, grain = float(np.percentile(steps[edge], 20)), float(np.percentile(steps, 30))
    if step < max(_SMALLEST_STEP, _GRAIN * grain):
        return 0.0
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = int(max(rows[-1] - rows[0], columns[-1] - columns[0])) + 1
    thickness = 2 * float(mask.sum()) / max(1, int(edge.sum())) / side
    return step * side * (0.5 - min(thickness, 0.45)) ** 2


def _with_margin(gray: Gray) -> tuple[Gray, bool]:
    """The picture, with paper put around a digit that is cut out closely, as ink at the border can be anything; and
    whether it plainly is a digit on the lighter of two shades, which has most of the border.

    Only a picture of two shades that shows no table gets a margin: of others it is not known how paper looks there.
    """
    coarse, _ = reduced(gray, _COARSE_PX)
    level, parted = otsu_threshold(coarse.astype(np.float32) / 255)
    inked = coarse < level * 255
    share = float(np.concatenate([inked[0], inked[-1], inked[:, 0], inked[:, -1]]).mean())
    found = pieces(inked)
    if parted < _TWO_SHADES or not found.at_border.any() or beyond_paper(found).any():
        return gray, parted > _MOSTLY_TWO and share < _LITTLE and float(inked.mean()) < _MOST_INK
    paper = int(np.median(coarse[~inked]))
    return np.pad(gray, round(_ROOM * max(gray.shape)), constant_values=paper), share < 0.5


def inked_pixels(dark: NDArray[np.float32]) -> Mask:
    """What stands out from the paper: nothing on bare paper, else all that is about as dark as the darkest ink."""
    low, lower = np.percentile(dark, [30, 5])  # of the paper, even if the ink covers half of the picture
    noise = float(low - lower) / 1.12  # as far as these are apart in a normal distribution
    paper = float(low) + 0.52 * noise
    faintest = paper + max(_FAINTEST, _NOISE * noise)
    candidates = dark[dark > faintest]
    if len(candidates) < _FEWEST_PX:
        return np.zeros(dark.shape, bool)
    inked: Mask = dark > max(faintest, paper + _OF_INK * (float(np.percentile(candidates, 90)) - paper))
    return inked


def one_digit(found: Pieces, mass: NDArray[np.float64]) -> Mask:
    """Which pieces make the digit: the largest, and whatever of some size is near what is taken already.

    The bar of a 5 that does not touch it stays. Specks go, and so does what the picture's border cuts, unless it is
    the largest by far.

    Args:
        found: N pieces.
        mass: float64 [N], the ink of each; 0 for what cannot be a digit.

    Returns:
        bool [N]; none where there is no mass.
    """
    weight = np.where(found.at_border, _CUT * mass, mass)
    chosen = np.zeros(len(found), bool)
    if not weight.any():
        return chosen
    main = int(weight.argmax())
    chosen[main] = True
    possible = (mass >= _LIGHTEST_PART * mass[main]) & (~found.at_border | found.at_border[main])
    reach = _NEAR * float(found.extent[main])
    while True:
        left, top = found.left[chosen].min(), found.top[chosen].min()
        right, bottom = found.right[chosen].max(), found.bottom[chosen].max()
        gap = np.maximum.reduce([left - found.right, found.left - right, top - found.bottom, found.top - bottom])
        more = possible & (gap <= reach) & ~chosen
        if not more.any():
            return chosen
        chosen |= more


def reduced(gray: Gray, longest_px: int) -> tuple[Gray, int]:
    """The picture made smaller by a whole factor, so that its longer side is at most `longest_px`; and that factor."""
    factor = -(-max(gray.shape) // longest_px)
    return (np.asarray(Image.fromarray(gray).reduce(factor)), factor) if factor > 1 else (gray, 1)
