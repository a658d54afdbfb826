"""What an arm's settings are chosen by: images held out of its own few, and never the test.

The few images of a seed are dealt into three folds, of every class the same number. A setting is tried by a recogniser
that learns from two folds and is examined with the third, in the same steps as the arm itself. As many folds take
their turn as make 300 examined images: of 10 or 30 images a class all three, of 1,000 one. Where shares of generated
digits are tried, it is one fold always, because the GAN too must not have seen it, so that each takes a GAN of its own.

The strength of the moves is chosen once, for arm b, and every arm with moves takes it: no arm has a finer choice of
them than the one it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from digitsmith.data.digits import Digits
from digitsmith.proving.sets import folds_of
from digitsmith.proving.teaching import Examined

STRENGTHS = (0.5, 1.0, 1.5, 2.0)
"""Of the moves, as `teaching.moves_of` takes it."""
SHARES = (0.25, 0.5, 0.75)
"""Of generated digits in a batch."""
FOLDS, ENOUGH = 3, 300
SHARE_FOLDS = 1
"""That take their turn where shares are tried: each takes a GAN of its own."""

Part = tuple[Digits, Digits]
"""Images to learn from, and the fold that examines."""


@dataclass(frozen=True)
class Candidate:
    """A setting that was tried.

    Attributes:
        value: of the setting.
        examined: with all folds that took their turn, together.
    """

    value: float
    examined: Examined


@dataclass(frozen=True)
class Try:
    """One recogniser that learned with the setting from all folds but one, and was examined with that one."""

    value: float
    fold: int
    examined: Examined


def best(candidates: Sequence[Candidate]) -> float:
    """The value with the most images read right; of equals, with the smaller cross-entropy."""
    chosen = max(candidates, key=lambda tried: (tried.examined.right, -tried.examined.cross_entropy))
    return chosen.value


def turns(few: int) -> int:
    """How many folds of `few` images take their turn, 1 to 3."""
    return min(FOLDS, math.ceil(ENOUGH * FOLDS / few))


def parts_of(few: Digits, *, at_most: int = FOLDS) -> list[Part]:
    """The folds that take their turn, each with the images of the others; `few` as `few_of` gives them."""
    used = folds_of(few, FOLDS)[: min(turns(len(few)), at_most)]
    return [(few.take(learning), few.take(validating)) for learning, validating in used]


def missing(values: Sequence[float], folds: int, tries: Sequence[Try]) -> list[tuple[float, int]]:
    """(value, fold) of all that has not been tried, of `folds` folds each."""
    known = {(tried.value, tried.fold) for tried in tries}
    return [(value, fold) for value in values for fold in range(folds) if (value, fold) not in known]


def candidates(values: Sequence[float], tries: Sequence[Try]) -> list[Candidate]:
    """Of each value the examinations with all folds together; each has been tried at least once."""
    return [
        Candidate(value, reduce(add, (tried.examined for tried in tries if tried.value == value))) for value in values
    ]
