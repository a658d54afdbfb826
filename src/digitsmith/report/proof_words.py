"""The verdicts of a proof in words: what an ingredient adds, where it does not help, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from digitsmith.measure.estimate import Estimate
from digitsmith.proving.arms import ARMS
from digitsmith.proving.teaching import Lesson, moves_of
from digitsmith.proving.verdict import Comparison, Findings
from digitsmith.report.cells import Cell, cell
from digitsmith.report.words import amount

NO_DIFFERENCE = "no difference told"
_MIXES = {
    0.25: "one generated digit to three real ones",
    0.5: "one generated digit to each real one",
    0.75: "three generated digits to each real one",
}


def verdicts(findings: Findings) -> list[str]:
    """A sentence for each ingredient that was tried, the generated digits first."""
    keys = [key for key in ("d", "e", "c", "b") if findings.of(key)]
    return [f"{ARMS[key].adds}: {verdict(findings.of(key))}." for key in keys]


def verdict(compared: Sequence[Comparison]) -> str:
    """What an ingredient does at each number of images, and from where on it does not help.

    "adds 0.8 ± 0.2 points at 30 a class; no difference told at 100 a class (+0.1 ± 0.4); no help shown beyond 30 a
    class".
    """
    parts = []
    for word in ("adds", "costs"):
        found = [_sized(one) for one in compared if one.verdict == word]
        parts += [f"{word} {_listed(found)}"] if found else []
    equal = [
        f"{amount(one.per_class)} a class ({points(one.difference, signed=True)})"
        for one in _of(compared, "not told apart")
    ]
    parts += [f"{NO_DIFFERENCE} at {_listed(equal)}"] if equal else []
    helped = max((one.per_class for one in _of(compared, "adds")), default=0)
    beyond = [one for one in compared if one.per_class > helped]
    if beyond:
        sure = all(one.verdict == "costs" for one in beyond)
        where = f" beyond {amount(helped)} a class" if helped else ""
        parts.append(f"{'does not help' if sure else 'no help shown'}{where}")
    return "; ".join(parts)


def points(estimate: Estimate, *, signed: bool = False) -> str:
    """A difference of shares as percentage points, "0.82 ± 0.23", its sign on request."""
    text = str(points_cell(estimate))
    return text if not signed or text.startswith("−") or estimate.value == 0 else f"+{text}"


def points_cell(estimate: Estimate) -> Cell:
    """The same for a table."""
    return cell(estimate, unit="", times=100.0)


def cut(comparison: Comparison) -> str:
    """How much of the errors went: "−25 %", or "+10 %" where there are more; a dash for none to begin with."""
    if math.isnan(comparison.error_cut):
        return "–"
    change = round(-100 * comparison.error_cut)
    return f"{'+' if change > 0 else '−' if change < 0 else ''}{abs(change)} %"


def recommendation(arm: str, lesson: Lesson) -> str:
    """What to do, for somebody who trains a recogniser."""
    if arm == "a":
        return "the real images as they are: nothing that was tried is better"
    parts = []
    if lesson.strength:
        parts.append(f"move every image, each time anew: {moves_in_words(lesson.strength)}")
    source = {"gan": "a GAN trained on the same images", "shipped": "the shipped model"}.get(ARMS[arm].source)
    parts.append(f"{_MIXES[lesson.share]}, of {source}" if source else "no generated digits")
    return "; ".join(parts)


def moves_in_words(strength: float) -> str:
    """1.5 -> "shift up to 3 px, rotate up to 15°, ..."."""
    moves = moves_of(strength)
    return (
        f"shift up to {moves.shift_px:g} px, rotate up to {moves.rotate_deg:g}°, resize up to {moves.scale:.0%}, "
        f"stretch up to {moves.stretch:.0%}, shear up to {moves.shear_deg:g}°, bend by {moves.elastic_px:g} px"
    )


def _sized(one: Comparison) -> str:
    low, high = sorted(map(abs, (one.difference.low, one.difference.high)))  # the interval holds no zero
    size = Estimate(abs(one.difference.value), low, high, one.difference.spread)
    return f"{points(size)} points at {amount(one.per_class)} a class"


def _of(compared: Sequence[Comparison], word: str) -> list[Comparison]:
    return [one for one in compared if one.verdict == word]


def _listed(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
