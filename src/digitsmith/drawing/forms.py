"""A form that was filled in by hand: printed names and frames, a digit in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path

import numpy as np

from digitsmith.config import DEFAULT_MODEL
from digitsmith.drawing.ink import Box
from digitsmith.drawing.line import digit_height, set_in_cells
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.pages import DIGITS, HEIGHT_MM, MARGIN_MM, WIDTH_MM, Page, writer_of
from digitsmith.errors import InputError
from digitsmith.randomness import Stream, uniform_rows

_CELL_MM = (8.2, 10.0)  # width and height of a frame
_SEPARATOR_MM = 3.0  # width of what is printed between two frames
_DIGIT_MM = 5.8  # height of a digit
_FOOT_MM = 2.1  # of a digit, above the frame's lower edge
_NAME_MM = (3.6, 1.8)  # height of the letters of a field's name, and its distance from the frames
_TOP_MM = 16.0  # from the margin to the first row of frames, below the heading
_PITCH_MM = 21.0  # from one row of fields to the next
_COLUMNS = 2
MOST = _COLUMNS * int((HEIGHT_MM - 2 * MARGIN_MM - _TOP_MM) / _PITCH_MM)
"""Fields on a page."""

Random = Callable[[int, int], int]
"""A whole number from the first to the second, both included, all equally likely."""


def _a_date(whole: Random) -> str:
    day = date.fromordinal(whole(date(1940, 1, 1).toordinal(), date(2029, 12, 31).toordinal()))
    return f"{day:%d.%m.%Y}"


def _of_digits(count: int, *, first: int = 0) -> Callable[[Random], str]:
    return lambda whole: str(whole(first, 9)) + "".join(str(whole(0, 9)) for _ in range(count - 1))


@dataclass(frozen=True)
class Field:
    """What a field is called, and what can stand in it: digits in frames, anything else printed between them."""

    name: str
    text: Callable[[Random], str]


FIELDS: Sequence[Field] = (
    Field("Date", _a_date),
    Field("Postcode", _of_digits(5)),
    Field("Telephone", lambda whole: f"0{_of_digits(3)(whole)} {_of_digits(5, first=1)(whole)}"),
    Field("Amount", lambda whole: f"{whole(1, 9999):04d}.{whole(0, 99):02d}"),
    Field("Customer number", _of_digits(8, first=1)),
    Field("Time", lambda whole: f"{whole(0, 23):02d}:{whole(0, 59):02d}"),
    Field("Quantity", lambda whole: f"{whole(1, 999):03d}"),
    Field("Invoice number", lambda whole: f"{whole(2015, 2029)} {_of_digits(5)(whole)}"),
)


def form_page(
    count: int = 20,
    *,
    dpi: int = 150,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    hand: int | None = None,
    seed: int = 0,
    ink: str | None = None,
    reject: bool = True,
) -> Page:
    """A page with a form that one person has filled in, ready to save.

    Args:
        count: how many fields; FIELDS in turn.
        dpi, model, hand, seed, ink, reject: as for `sums_page`.

    Raises:
        InputError: any of these out of range, or more fields than a page can take.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"a form has 1 to {MOST} fields on a page, not {count}")
    writer = writer_of(model, hand=hand, seed=seed, reject=reject)
    page = Page("form", writer, dpi=dpi, ink=ink)
    page.label("Form", MARGIN_MM, MARGIN_MM + 5, size_mm=7)
    fields = [FIELDS[number % len(FIELDS)] for number in range(count)]
    texts = [field.text(_random(seed, number)) for number, field in enumerate(fields)]
    digits = ["".join(character for character in text if character in DIGITS) for text in texts]
    glyphs = writer.digits("".join(digits))
    height = digit_height(glyphs)
    placed = iter(set_in_cells(glyphs, writer.hand.manner, height=height, seed=seed))
    for number, (field, text) in enumerate(zip(fields, texts, strict=True)):
        row, column = number % ceil(count / _COLUMNS), number // ceil(count / _COLUMNS)
        x, y = MARGIN_MM + (WIDTH_MM - 2 * MARGIN_MM) / _COLUMNS * column, MARGIN_MM + _TOP_MM + _PITCH_MM * row
        page.label(field.name, x, y - _NAME_MM[1], size_mm=_NAME_MM[0])
        cells = _frames(page, text, x, y)
        foot, scale = page.px(y + _CELL_MM[1] - _FOOT_MM), page.px(_DIGIT_MM / height)
        written = [next(placed).moved((left + right) / 2, foot, scale) for left, _, right, _ in cells]
        page.write(digits[number], written, {"name": field.name, "text": text, "cells": cells})
    return page


def _frames(page: Page, text: str, x: float, y: float) -> list[Box]:
    """Print a frame for each digit of `text`, from (x, y) in mm, and what stands between them; give back the frames."""
    cells: list[Box] = []
    for character in text:
        if character in DIGITS:
            cells.append(page.cell(x, y, x + _CELL_MM[0], y + _CELL_MM[1]))
            x += _CELL_MM[0]
        else:
            page.label(character, x + _SEPARATOR_MM / 2, y + _CELL_MM[1] - _FOOT_MM, size_mm=_DIGIT_MM, anchor="ms")
            x += _SEPARATOR_MM
    return cells


def _random(seed: int, number: int) -> Random:
    """For field `number` of a form; it has enough numbers for any field."""
    uniform = iter(uniform_rows(seed, np.array([number]), 16, stream=Stream.PAGE)[0])
    return lambda first, last: first + int(next(uniform) * (last - first + 1))
