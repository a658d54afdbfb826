"""How far the styles of two sets of digits are apart, measure by measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.measure.estimate import Estimate, bootstrap_estimate
from digitsmith.measure.morphometry import Style

_RESAMPLES = 100


@dataclass(frozen=True)
class StyleMeasure:
    """A measure as a reader of a table needs it.

    Attributes:
        key: the name of `Style`'s field.
        name: in words.
        unit: "px", "px²" or "deg".
        sentence: what it is, in one line.
    """

    key: str
    name: str
    unit: str
    sentence: str


MEASURES = (
    StyleMeasure("thickness_px", "Thickness", "px", "Mean thickness of the stroke along its middle."),
    StyleMeasure("slant_deg", "Slant", "deg", "Lean of the digit against the vertical, positive to the right."),
    StyleMeasure("width_px", "Width", "px", "Width of the digit sheared upright, without its outermost 2 %."),
    StyleMeasure("height_px", "Height", "px", "Height of the digit, without its outermost 2 %."),
    StyleMeasure("length_px", "Length", "px", "Length of all strokes together, along their middle."),
    StyleMeasure("area_px2", "Area", "px²", "Area covered with ink."),
)


def compare_style(generated: Style, reference: Style, *, seed: int) -> dict[str, Estimate]:
    """For each of `MEASURES`, by its key, how far its two distributions are apart, in its unit.

    It is the 1-Wasserstein distance: by how much the measure of a digit has to change on average to turn one
    distribution into the other. Blank images have no measures and are left out; `blank_note` counts them.

    Args:
        generated, reference: the two sets, of any number of images each.
        seed: of the bootstrap, which draws `generated` anew; `reference` stays as it is.

    Raises:
        InputError: all images of a set are blank.
    """
    for style, whose in ((generated, "generated"), (reference, "reference")):
        if not style.drawn.any():
            raise InputError(
                f"none of the {len(style):,} {whose} images shows anything, so there is no style to compare; "
                "draw or choose others"
            )
    generated, reference = generated.take(generated.drawn), reference.take(reference.drawn)
    return {
        measure.key: wasserstein_estimate(getattr(generated, measure.key), getattr(reference, measure.key), seed=seed)
        for measure in MEASURES
    }


def blank_note(style: Style) -> str:
    """How many images `compare_style` leaves out, in words; empty when it is none."""
    blank = len(style) - int(style.drawn.sum())
    return f"{blank:,} of {len(style):,} images are blank and left out" if blank else ""


def wasserstein_estimate(
    values: NDArray[np.float64], reference: NDArray[np.float64], *, seed: int, resamples: int = _RESAMPLES
) -> Estimate:
    """The 1-Wasserstein distance of two samples, [N] and [M], exactly: the area between their step functions."""
    places = np.unique(np.concatenate([values, reference]))
    widths, places = np.diff(places), places[:-1]
    own, count = np.sort(values), len(values)
    up_to = np.searchsorted(own, places, side="right")  # how many of `values` are there or left of there
    share = np.searchsorted(np.sort(reference), places, side="right") / len(reference)

    def distance(indices: NDArray[np.int64]) -> float:
        """Of a resample: nothing needs to be sorted again, since only the counts of the values change."""
        drawn = np.bincount(indices, minlength=count).cumsum()
        return float(np.abs(np.concatenate([[0], drawn])[up_to] / count - share) @ widths)

    return bootstrap_estimate(distance(np.arange(count)), distance, count, resamples=resamples, seed=seed)
