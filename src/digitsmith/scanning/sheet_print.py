"""A sheet of boxes as pictures of its pages, and as a PDF to print."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from digitsmith.errors import InputError
from digitsmith.scanning.sheet_code import cells_of
from digitsmith.scanning.sheet_layout import (
    BOX_MM,
    CELL_MM,
    DEFAULT_CLASSES,
    DEFAULT_PER_CLASS,
    EDGE_MM,
    HOLE_MM,
    LINE_MM,
    MARK_MM,
    TICK_MM,
    SheetLayout,
    sheet_layout,
)
from digitsmith.storage import write_bytes_atomically

PRINT_DPI = 300
_LINE = 205  # gray of the boxes: seen by whoever writes, far from any ink
_TEXT = 130
_NAME_MM, _WORDS_MM = 3.4, 2.7
_NAME_ROOM_MM = 8.5  # beside a row; longer names are printed smaller
_WORDS = (
    "Write one in each box, with a dark pen. Black out a box that went wrong. Then scan or photograph the whole page."
)
_SUFFIXES = (".pdf", ".png")


def sheet(
    out: str | Path,
    *,
    classes: Sequence[str] = DEFAULT_CLASSES,
    per_class: int = DEFAULT_PER_CLASS,
    paper: str = "a4",
) -> SheetLayout:
    """Write a sheet of boxes to print, fill in, and bring back with `import_scans`.

    Args:
        out: .pdf; or .png for a sheet of a single page. An old file is replaced.
        classes: their names, in the order of their labels.
        per_class: boxes of each class.
        paper: a4 or letter.

    Returns:
        The first page's layout; `pages` says how many there are.

    Raises:
        InputError: another suffix, several pages as .png, a class name that no font here can print, or what
            `sheet_layout` refuses.
        StorageError: the disk refused.
    """
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        what = path.suffix or "a name without suffix"
        raise InputError(f"{path}: cannot save a sheet as {what}; use one of {', '.join(_SUFFIXES)}")
    first = sheet_layout(classes=classes, per_class=per_class, paper=paper)
    if suffix == ".png" and first.pages > 1:
        raise InputError(f"{path}: the sheet has {first.pages} pages, and a .png has one; save it as .pdf")
    unprinted = next((name for name in first.classes if _font_for(name, 16) is None), None)
    if unprinted is not None:
        raise InputError(f"the class name {unprinted!r} cannot be printed here; name it in Latin, Greek or Cyrillic")
    pages = [Image.fromarray(draw_page(replace(first, page=page), dpi=PRINT_DPI)) for page in range(first.pages)]
    content = io.BytesIO()
    if suffix == ".png":
        pages[0].save(content, "PNG", dpi=(PRINT_DPI, PRINT_DPI))
    else:  # each page as one picture in JPEG, as the pages of `drawing/pages.py`; no date, no title
        dateless = {"creationDate": None, "modDate": None, "title": None}
        pages[0].save(
            content, "PDF", resolution=PRINT_DPI, save_all=True, append_images=pages[1:], quality=95, **dateless
        )
    write_bytes_atomically(path, content.getvalue())
    return first


def draw_page(layout: SheetLayout, *, dpi: int) -> NDArray[np.uint8]:
    """A page as it is printed, uint8 [H, W]."""
    return _Drawing(layout, dpi).picture()


class _Drawing:
    def __init__(self, layout: SheetLayout, dpi: int) -> None:
        self.layout, self.scale = layout, dpi / 25.4
        width, height = layout.size
        self.page = Image.new("L", (round(width * self.scale), round(height * self.scale)), 255)
        self.pen = ImageDraw.Draw(self.page)

    def picture(self) -> NDArray[np.uint8]:
        layout = self.layout
        for number, middle in enumerate(layout.marks):
            self.square(middle, MARK_MM, fill=0)
            if number == 0:
                self.square(middle, HOLE_MM, fill=255)
        for ends in layout.ticks:
            for middle in ends:
                self.square(middle, TICK_MM, fill=0)
        for row, cells in enumerate(cells_of(layout)):
            for column in np.flatnonzero(cells).tolist():
                for copy in (0, 1):
                    self.square(layout.cell(row, column, copy=copy), CELL_MM, fill=0)
        for box in layout.boxes:
            middle = (box.left + BOX_MM / 2, box.top + BOX_MM / 2)
            self.square(middle, BOX_MM, outline=_LINE, width=max(1, round(LINE_MM * self.scale)))
        self.words()
        return np.asarray(self.page)

    def words(self) -> None:
        layout = self.layout
        left = layout.boxes[0].left
        for label, top in layout.row_tops:
            name = layout.classes[label]
            taken = self.font(name, _NAME_MM).getlength(name) / self.scale
            fitting = _NAME_MM * min(1.0, _NAME_ROOM_MM / taken)
            self.text(name, left - 2, top + BOX_MM / 2, fitting, "rm")
        baseline = layout.top - 2.5
        self.text(_WORDS, left, baseline, _WORDS_MM, "ls")
        width, _ = layout.size
        if layout.pages > 1:
            self.text(f"{layout.page + 1} / {layout.pages}", width - EDGE_MM - MARK_MM - 2, baseline, _WORDS_MM, "rs")

    def square(self, middle: tuple[float, float], side: float, **look: int) -> None:
        first_x, first_y, last_x, last_y = (
            round((at + half) * self.scale) for half in (-side / 2, side / 2) for at in middle
        )
        self.pen.rectangle((first_x, first_y, last_x - 1, last_y - 1), **look)

    def text(self, text: str, x: float, y: float, size_mm: float, anchor: str) -> None:
        self.pen.text((x * self.scale, y * self.scale), text, fill=_TEXT, font=self.font(text, size_mm), anchor=anchor)

    def font(self, text: str, size_mm: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return _font_for(text, size_mm * self.scale) or ImageFont.load_default(size_mm * self.scale)


def _font_for(text: str, size_px: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    """The first font that has all letters of `text`: Pillow's own, or Matplotlib's DejaVu Sans; None if neither has."""
    pillows = ImageFont.load_default(size_px)
    if _has(pillows, text):
        return pillows
    from matplotlib import get_data_path  # only for what Pillow's own lacks: ß, ñ, Greek, Cyrillic

    dejavu = ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size_px)
    return dejavu if _has(dejavu, text) else None


def _has(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> bool:
    """Whether the font has a glyph of its own for each letter; an accent alone is none, and in some fonts has no width.

    A missing glyph looks like that of U+FFFF, which is no letter.
    """
    missing = bytes(font.getmask("\uffff"))
    return not unicodedata.combining(text[0]) and all(bytes(font.getmask(letter)) != missing for letter in text)
