"""Which digits to draw, and in what style: requests in words and numbers become labels, values and ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.style import StyleRange

MAX_IMAGES = 100_000_000  # 78 GB of 28 × 28 pixels: whoever asks for more has mistyped


def balanced_labels(count: int, classes: int) -> NDArray[np.int64]:
    """0, 1, ... classes - 1, 0, 1, ...: int64 [count]; the counts of two classes differ by at most one.

    Raises:
        InputError: when `count` is not in 1..MAX_IMAGES.
    """
    _check_total(count)
    return np.arange(count, dtype=np.int64) % classes


def proportional_labels(frequencies: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """`count` labels, each class as often as in `frequencies` int64 [K], to within one image: int64 [count].

    Interleaved as `labels_from_counts` does it. What the shares leave over goes to the largest remainders.

    Raises:
        InputError: when `count` is not in 1..MAX_IMAGES.
    """
    _check_total(count)
    shares = frequencies * count / frequencies.sum()
    whole = np.floor(shares).astype(np.int64)
    largest = np.argsort(whole - shares, kind="stable")[: count - whole.sum()]
    whole[largest] += 1
    return labels_from_counts(dict(enumerate(whole.tolist())), len(frequencies))


def labels_from_counts(counts: Mapping[int, int], classes: int) -> NDArray[np.int64]:
    """As many of each label as `counts` says, int64 [sum of counts], interleaved evenly.

    Image j of the n of a class stands at (j + 1/2) / n of the way, and the labels are sorted by where they
    stand: a fraction t of the way along, every class has its t * n images to within one half. So the first
    images are a fair sample of the whole, and equal counts give 0, 1, ... K - 1, 0, 1, ...

    Raises:
        InputError: for a label outside 0..classes - 1, a negative count, nothing asked for, or more than
            MAX_IMAGES in all.
    """
    for label, count in counts.items():
        if not 0 <= label < classes:
            raise InputError(f"label {label} has no class; labels are 0..{classes - 1}")
        if count < 0:
            raise InputError(f"label {label}: cannot draw {count} images; give 0 or more")
    _check_total(sum(counts.values()))
    asked = sorted(counts.items())
    places = np.concatenate([(np.arange(count) + 0.5) / count for _, count in asked if count])
    labels = np.repeat(*(np.array(column, dtype=np.int64) for column in zip(*asked, strict=True)))
    return labels[np.argsort(places, kind="stable")]  # stable: the smaller label goes first where two meet


def split_names(text: str, known: Callable[[str], bool], classes: Sequence[str]) -> list[str]:
    """What stands between the commas of "cat,dog=3", without spaces around it.

    A class may have commas in its name, as "jeans, blue": where several pieces together are `known`, they stay one.
    """
    pieces = text.split(",")
    longest = 1 + max(name.count(",") for name in classes)
    found: list[str] = []
    at = 0
    while at < len(pieces):
        joined = {end: ",".join(pieces[at:end]).strip() for end in range(min(at + longest, len(pieces)), at, -1)}
        at = next((end for end, name in joined.items() if known(name)), at + 1)
        found.append(joined[at])
    return found


def parse_counts(text: str, class_names: Sequence[str]) -> dict[int, int]:
    """What "0=500,7=1500" asks for, as {label: count}; each name is one of `class_names`.

    Raises:
        InputError: for a part that is not name=count, an unknown or repeated class, a count that is not a
            whole number from 0, nothing asked for, or more than MAX_IMAGES in all.
    """

    def known(part: str) -> bool:
        name, _, number = part.rpartition("=")
        return name.strip() in class_names and "," not in number

    counts: dict[int, int] = {}
    for part in split_names(text, known, class_names):
        name, equals, number = (piece.strip() for piece in part.rpartition("="))
        if not equals:
            raise InputError(f"{part!r} in {text!r} is not CLASS=COUNT; write it like {class_names[0]}=500")
        if name not in class_names:
            raise InputError(f"unknown class {name!r}; the classes are {', '.join(class_names)}")
        label = class_names.index(name)
        if label in counts:
            raise InputError(f"class {name!r} is asked for twice; give each class one count")
        counts[label] = _parsed_count(number, name)
    _check_total(sum(counts.values()))
    return counts


def parse_style(text: str | None, name: str) -> float | StyleRange | None:
    """What "3" or "2:4" asks of a style's coordinate `name`, None of None; InputError for anything else."""
    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(":")]
    except ValueError:
        values = []
    if len(values) == 1:
        return values[0]
    if len(values) != 2:
        raise InputError(f"{name} {text!r} is no value and no range; write it as 3 or as 2:4")
    return StyleRange(*values)


def _parsed_count(number: str, name: str) -> int:
    if not (number.isascii() and number.isdigit()):
        raise InputError(f"class {name!r}: {number!r} is not a count; give a whole number from 0, in digits only")
    if len(number) > len(str(MAX_IMAGES)):  # int() itself refuses thousands of digits, with another error
        raise InputError(f"class {name!r}: more than {MAX_IMAGES:,} images; ask for fewer")
    return int(number)


def _check_total(count: int) -> None:
    if count < 1:
        raise InputError(f"{count} images asked for; ask for at least 1")
    if count > MAX_IMAGES:
        raise InputError(f"{count:,} images asked for, more than {MAX_IMAGES:,}; ask for fewer, or in several parts")
