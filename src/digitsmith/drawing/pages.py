"""A written page: printed forms below, ink above, and where exactly every digit stands.

What is written on it is up to `sums.py` and `forms.py`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitsmith.drawing.canvas import Canvas, Colour, parse_colour
from digitsmith.drawing.hands import Hand, check_seed
from digitsmith.drawing.ink import Box
from digitsmith.drawing.line import Glyph, Placed
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.rejection import why_not
from digitsmith.errors import InputError
from digitsmith.host import versions
from digitsmith.storage import storage_errors, write_bytes_atomically, write_json_atomically

WIDTH_MM, HEIGHT_MM, MARGIN_MM = 210.0, 297.0, 20.0  # A4
DPI = (150, 300)
DIGITS = "0123456789"
FORMAT = 1
_SUFFIXES = (".png", ".pdf")
_PRINT = 110  # gray of what is printed
_RULE_MM = 0.2


@dataclass(frozen=True)
class Writer:
    """Who writes a page, with which model.

    Attributes:
        model: of the ten digits.
        hand: the person.
        seed: of what is written.
        reject: digits that the proofreader does not read as asked are drawn again.
    """

    model: DigitModel
    hand: Hand
    seed: int
    reject: bool

    def digits(self, text: str) -> list[Glyph]:
        """One glyph for each character of `text`, all of them digits."""
        classes = self.model.config.classes
        labels = np.array([classes.index(digit) for digit in text], np.int64)
        images = self.hand.draw(self.model, labels, seed=self.seed, reject=self.reject)
        return [Glyph.of_digit(image) for image in images]


def writer_of(model: str | Path | DigitModel, *, hand: int | None, seed: int, reject: bool) -> Writer:
    """Who writes; the person is that of `seed` if `hand` is left out.

    Raises:
        InputError: a model that cannot be asked for the ten digits or draws no strokes, or a seed or hand out of range.
    """
    drawer = model if isinstance(model, DigitModel) else load(model)
    if not drawer.conditional or not set(DIGITS) <= set(drawer.config.classes):
        raise InputError(f"{drawer.config.model} cannot be asked for the digits 0 to 9, of which a page is made")
    if not drawer.strokes:
        source = drawer.config.training["data"]["source"]
        raise InputError(f"images like those of {source} are no ink to write a page with; use a model of handwriting")
    check_seed(seed)
    return Writer(drawer, Hand(seed if hand is None else hand), seed, reject)


class Page:
    """A4, white, being written on. Lengths in mm are from the upper left corner.

    Attributes:
        kind: what it shows, as its record has it.
        dpi: 150 or 300.
        ink: where the digits and signs are.
        digits, signs, items: what `record` says of them.
    """

    def __init__(self, kind: str, writer: Writer, *, dpi: int, ink: str | None = None) -> None:
        """InputError for another dpi, or an `ink` that is no colour."""
        if dpi not in DPI:
            raise InputError(f"there is no page of {dpi} dpi; choose 150 or 300")
        self.kind, self.writer, self.dpi = kind, writer, dpi
        self._colour: Colour | None = None if ink is None else parse_colour(ink)
        self.ink = Canvas(round(self.px(WIDTH_MM)), round(self.px(HEIGHT_MM)))
        self._print = Image.new("L", (self.ink.cover.shape[1], self.ink.cover.shape[0]), 255)
        self._pen = ImageDraw.Draw(self._print)
        self.digits: list[dict[str, Any]] = []
        self.signs: list[dict[str, Any]] = []
        self.items: list[dict[str, Any]] = []

    def px(self, mm: float) -> float:
        """A length on the paper in pixels of its picture."""
        return mm / 25.4 * self.dpi

    def rule(self, left: float, right: float, y: float) -> Box:
        """Print a level line, in mm."""
        return self._rectangle(left, y, right, y + _RULE_MM, fill=_PRINT)

    def cell(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Print a frame, in mm."""
        return self._rectangle(left, top, right, bottom, outline=_PRINT, width=max(1, round(self.px(_RULE_MM))))

    def _rectangle(self, left: float, top: float, right: float, bottom: float, **look: int) -> Box:
        first_x, first_y, last_x, last_y = (round(self.px(edge)) for edge in (left, top, right, bottom))
        self._pen.rectangle((first_x, first_y, last_x, last_y), **look)
        return first_x, first_y, last_x + 1, last_y + 1

    def label(self, text: str, x: float, y: float, *, size_mm: float, anchor: str = "ls") -> None:
        """Print a text, in mm. Pillow's `anchor` says which of its points (x, y) is: "ls" is left, at the feet."""
        font = ImageFont.load_default(self.px(size_mm))
        self._pen.text((self.px(x), self.px(y)), text, fill=_PRINT, font=font, anchor=anchor)

    def write(self, text: str, written: Sequence[Placed], facts: Mapping[str, Any]) -> None:
        """Ink what `text` spells, a glyph for each character, and record `facts` of it with the boxes of all ink."""
        boxes: list[Box] = []
        for character, placed in zip(text, written, strict=True):
            box = self.ink.write(placed)
            if box is not None:
                of_kind, name = (self.digits, "digit") if character in DIGITS else (self.signs, "sign")
                of_kind.append({name: character, "box": box, "item": len(self.items)})
                boxes.append(box)
        self.items.append({**facts, "box": _around(boxes)})

    def picture(self) -> NDArray[np.uint8]:
        """The page, uint8 [1, H, W], or [3, H, W] where the ink has a colour."""
        return self.ink.on_page(np.asarray(self._print), ink=self._colour)

    def record(self) -> dict[str, Any]:
        """What is on the page and where, for JSON.

        Boxes are [left, top, right, bottom] in pixels, right and bottom just outside: every pixel that a digit or a
        sign colours lies in its box, and each side of the box touches one. An item's box is around all of its ink.
        A digit without any ink, as an untrained model draws, is left out, and such an item's box is null.
        """
        height, width = self.ink.cover.shape
        config = self.writer.model.config
        return {
            "format": FORMAT,
            "kind": self.kind,
            "page": {"width_px": width, "height_px": height, "dpi": self.dpi},
            "model": config.model,
            "weights_sha256": config.weights_sha256,
            "hand": self.writer.hand.seed,
            "seed": self.writer.seed,
            "reject": self.writer.reject and not why_not(config),
            "versions": versions(),
            "items": self.items,
            "digits": self.digits,
            "signs": self.signs,
        }

    def save(self, path: str | Path) -> Path:
        """Write the page as its suffix says and its record beside it, as .json; old files are replaced.

        Returns:
            The path of the record.

        Raises:
            InputError: another suffix than .png or .pdf, a path that cannot be right, or a .json beside it that is no
            page's record.
            StorageError: the disk refused.
        """
        path = Path(path)
        check_page_path(path)
        picture = self.picture()
        image = Image.fromarray(picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0)))
        content = io.BytesIO()
        if path.suffix.lower() == ".pdf":  # as one image in JPEG, which is what Pillow writes; no date, no title
            quality = {"quality": 95, "subsampling": 0}
            image.save(content, "PDF", resolution=self.dpi, creationDate=None, modDate=None, title=None, **quality)
        else:
            image.save(content, "PNG", dpi=(self.dpi, self.dpi))
        write_bytes_atomically(path, content.getvalue())
        write_json_atomically(path.with_suffix(".json"), self.record())
        return path.with_suffix(".json")


def _around(boxes: Sequence[Box]) -> Box | None:
    """One box around all, None around nothing."""
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def check_page_path(path: Path) -> None:
    """InputError unless a page can be written as the path's suffix says, and its record beside it."""
    if path.suffix.lower() not in _SUFFIXES:
        what = path.suffix or "a name without suffix"
        raise InputError(f"{path}: cannot save a page as {what}; use one of {', '.join(_SUFFIXES)}")
    record = path.with_suffix(".json")
    with storage_errors(record):
        stands_there = record.exists()
    if stands_there and not _is_record(record):
        raise InputError(f"{record}: is no page's record, and would be replaced by one; name another file for the page")


def _is_record(path: Path) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"kind", "page", "digits"} <= found.keys()
