"""A sheet of sums: additions and subtractions in one hand, to be worked out, or with their answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, isqrt
from pathlib import Path
from statistics import median

import numpy as np

from digitsmith.config import DEFAULT_MODEL
from digitsmith.drawing.line import Glyph, Placed, digit_height, set_line
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.pages import HEIGHT_MM, MARGIN_MM, WIDTH_MM, Page, Writer, writer_of
from digitsmith.drawing.signs import SIGNS, draw_sign
from digitsmith.errors import InputError
from digitsmith.randomness import Stream, uniform_rows

LARGEST = 999_999
_FAR_TOO_MANY = 200  # for any page
_DIGIT_MM = 6.0  # height of a digit
_PITCH_MM = (13.5, 20.0)  # from one line to the next, at least and at most
_APART_MM = 8.0  # between two columns, at least
_AROUND_SIGN = 0.3  # room beside a sign, in heights of a digit
_ANSWER = 0.9  # room for one of its digits, in heights of a digit


@dataclass(frozen=True)
class Sum:
    """first + second = answer, or first - second = answer; none of them is negative."""

    first: int
    sign: str
    second: int
    answer: int

    def text(self, *, answered: bool) -> str:
        """As it is written."""
        return f"{self.first}{self.sign}{self.second}={self.answer if answered else ''}"


def sums_page(
    count: int = 30,
    *,
    largest: int = 100,
    answers: bool = False,
    dpi: int = 150,
    model: str | Path | DigitModel = DEFAULT_MODEL,
    hand: int | None = None,
    seed: int = 0,
    ink: str | None = None,
    reject: bool = True,
) -> Page:
    """A page of sums, ready to save.

    Args:
        count: how many; none comes twice while there are others.
        largest: the largest number that may occur, answers included: 1 .. 999,999.
        answers: write them; else there is a line to write them on. The record has them in both cases.
        dpi: 150 or 300.
        model: one that can be asked for the ten digits.
        hand: the seed of the person who writes; that of `seed` if left out.
        seed: of what is written.
        ink: its colour, as "#1a2b6d"; black if left out.
        reject: as for `draw_number`.

    Raises:
        InputError: any of these out of range, or more sums than a page can take.
    """
    if not 1 <= largest <= LARGEST:
        raise InputError(f"the largest number must be 1 to {LARGEST:,}, not {largest}")
    if count < 1:
        raise InputError(f"{count} sums asked for; ask for at least 1")
    writer = writer_of(model, hand=hand, seed=seed, reject=reject)
    page = Page("sums", writer, dpi=dpi, ink=ink)
    sums = choose_sums(min(count, _FAR_TOO_MANY), largest=largest, seed=seed)
    texts = [each.text(answered=answers) for each in sums]
    lines, height = _lines(writer, texts)
    mm = _DIGIT_MM / height  # of a pixel of the digits' images
    blank_mm = 0.0 if answers else _DIGIT_MM * (1 + _ANSWER * len(str(max(each.answer for each in sums))))
    width_mm = mm * max(line[-1].box[2] for line in lines) + blank_mm
    for (x, y), each, text, line in zip(_places(count, width_mm), sums, texts, lines, strict=True):
        written = [placed.moved(page.px(x), page.px(y), page.px(mm)) for placed in line]
        page.write(text, written, {"text": each.text(answered=True), "answer": each.answer, "answered": answers})
        if not answers:
            end = x + mm * line[-1].box[2]
            page.rule(end + _AROUND_SIGN * _DIGIT_MM, end + blank_mm, y)
    return page


def choose_sums(count: int, *, largest: int, seed: int) -> list[Sum]:
    """`count` sums of numbers from 0 to `largest`, all equally likely, none twice while there are others."""
    pairs = (largest + 1) * (largest + 2) // 2  # of a whole and a part of it
    sums: list[Sum] = []
    used: set[int] = set()
    attempt = 0
    while len(sums) < count:
        number = int(uniform_rows(seed, np.array([attempt]), 1, stream=Stream.PAGE)[0, 0] * 2 * pairs)
        attempt += 1
        if number not in used:
            sums.append(_sum(number % pairs, "+-"[number // pairs]))
            used.add(number)
        if len(used) == 2 * pairs:
            used.clear()
    return sums


def _sum(pair: int, sign: str) -> Sum:
    """Pairs are numbered (0, 0), (1, 0), (1, 1), (2, 0) and so on."""
    whole = (isqrt(8 * pair + 1) - 1) // 2
    part = pair - whole * (whole + 1) // 2
    return Sum(part, "+", whole - part, whole) if sign == "+" else Sum(whole, "-", part, whole - part)


def _lines(writer: Writer, texts: Sequence[str]) -> tuple[list[list[Placed]], float]:
    """Each text set as a line of its own, in pixels of the digits' images, and the height of a digit in these."""
    digits = writer.digits("".join(character for text in texts for character in text if character not in SIGNS))
    height = digit_height(digits)
    thickness = median(digit.ink.thickness_px for digit in digits)
    left = iter(digits)
    lines: list[list[Placed]] = []
    start = 0
    for text in texts:
        glyphs = list(_glyphs(text, left, height=height, thickness_px=thickness, seed=writer.seed, start=start))
        lines.append(set_line(glyphs, writer.hand.manner, height=height, seed=writer.seed, start=start))
        start += len(text)
    return lines, height


def _glyphs(
    text: str, digits: Iterator[Glyph], *, height: float, thickness_px: float, seed: int, start: int
) -> Iterator[Glyph]:
    """What stands in a line, with room before each sign and behind it; the digits are taken from `digits`."""
    after_sign = False
    for index, character in enumerate(text, start=start):
        sign = character in SIGNS
        space = _AROUND_SIGN * height if sign or after_sign else 0.0
        if sign:
            yield draw_sign(character, height=height, thickness_px=thickness_px, space=space, seed=seed, index=index)
        else:
            yield replace(next(digits), space=space)
        after_sign = sign


def _places(count: int, width_mm: float) -> list[tuple[float, float]]:
    """Where each of `count` lines of that width begins, in mm: down the first column, then the next.

    Raises:
        InputError: more than the page can take.
    """
    across, down = WIDTH_MM - 2 * MARGIN_MM, HEIGHT_MM - 2 * MARGIN_MM
    most_columns, most_rows = int((across + _APART_MM) / (width_mm + _APART_MM)), int(down / _PITCH_MM[0])
    if count > most_columns * most_rows:
        raise InputError(
            f"{count} sums do not fit on a page, {most_columns * most_rows} of these would; ask for fewer of them"
        )
    columns = ceil(count / most_rows)
    rows = ceil(count / columns)
    pitch = min(down / rows, _PITCH_MM[1])
    return [
        (MARGIN_MM + across / columns * (place // rows), MARGIN_MM + pitch * (place % rows) + _DIGIT_MM)
        for place in range(count)
    ]
