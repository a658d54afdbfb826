"""The pages of a PDF -> gray pixels, by PDFium: what a scanner put into it comes out pixel for pixel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import hypot
from threading import Lock
from typing import Any

import numpy as np

from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.pictures import KEPT_PX, MAX_PIXELS, check_header
from digitsmith.scanning.refusals import Refused

MAGIC = b"%PDF-"
_DRAWN_DPI = 300
_POINTS = 72.0  # to an inch
_SPANS = 0.5  # of a page's shorter side: a picture that long is the scan, or a strip of it, and no logo
_HAIR_PX = 0.05  # PDFium rounds a picture's edges outwards to whole pixels: so much inside of them it keeps its own
_INVISIBLE = (3, 7)  # modes of text: what a scanner has read, laid over the picture that shows it
_OWN_HEADERS = {"DCTDecode": "JPEG", "JPXDecode": "JPEG2000"}  # which alone say how large the picture really is
_LOCK = Lock()  # PDFium must not be called from two threads at once, not even for two documents


@dataclass
class _Content:
    """What a page shows: its pictures as (longer side on the page in points, dots to an inch), and what else.

    What was drawn `by_pen` is ink or a stamp that lies over the page, as from a tablet.
    """

    pictures: list[tuple[float, float]] = field(default_factory=list)
    drawn: bool = False
    text: bool = False
    by_pen: bool = False


def count_pages(encoded: bytes) -> int:
    """How many pages a PDF has, 1 or more.

    Raises:
        Refused: a damaged PDF, one without pages, or one with a password.
    """
    with _opened(encoded) as document:
        return len(document)


def page_gray(encoded: bytes, page: int) -> Gray:
    """A page of a PDF, uint8 [H, W], as it is seen: turned, with what was drawn over it, on white.

    It has as many dots to an inch as its finest picture, and is no larger than pictures are kept; what is drawn on it
    in lines is at 300 dpi, or as fine as a page of A4's size would be.

    Args:
        encoded: the file.
        page: from 0, below `count_pages`.

    Raises:
        Refused: a damaged PDF or page, an empty page, one with text and neither a picture nor what a pen drew over it,
            or more than MAX_PIXELS in its pictures.
    """
    with _opened(encoded) as document:
        sheet = document[page]
        content = _content(sheet)
        if not content.pictures and content.text and not content.by_pen:
            raise Refused("holds text and no picture; scan it, or save it as a picture")
        if not content.pictures and not content.drawn:
            raise Refused("is empty: there is no picture on it")
        return _rendered(sheet, _dpi(sheet.get_size(), content))


@contextmanager
def _opened(encoded: bytes) -> Iterator[Any]:
    """The document, while no other thread can use PDFium; whatever is wrong with it inside the block is Refused.

    It is opened for each page anew, which takes no time beside rendering it: so none outlives the lock.
    """
    with _LOCK:
        from pypdfium2 import PdfDocument, raw

        handle = raw.FPDF_LoadMemDocument64(encoded, len(encoded), None)
        if not handle:
            reasons = {
                raw.FPDF_ERR_PASSWORD: "has a password; save it without one",
                raw.FPDF_ERR_SECURITY: "is encrypted in a way that cannot be read; save it without encryption",
            }
            raise Refused(reasons.get(raw.FPDF_GetLastError(), "is damaged or cut short; save or copy it again"))
        try:
            with PdfDocument(handle) as document:
                if len(document) == 0:
                    raise Refused("has no pages")
                yield document
        except Refused:
            raise
        except MemoryError:
            raise Refused("does not fit in memory; save it smaller") from None
        except Exception as error:  # PdfiumError, and what its helpers trip over in a damaged file
            raise Refused(f"is damaged or cut short ({type(error).__name__}); save or copy it again") from error


def _content(sheet: Any) -> _Content:
    """What is on a page, of which nothing has been decoded yet."""
    from pypdfium2 import raw

    content = _Content()
    pixels = 0
    for item in sheet.get_objects():
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            width, height = item.get_px_size()
            coding, in_header = item.get_filters(skip_simple=True), 0
            if coding and coding[-1] in _OWN_HEADERS:
                in_header = check_header(bytes(item.get_data(decode_simple=True)), _OWN_HEADERS[coding[-1]])
            pixels += max(width * height, in_header)
            if pixels > MAX_PIXELS:
                raise Refused(
                    f"has pictures of {pixels / 1e6:.0f} megapixels on it, more than the {MAX_PIXELS / 1e6:.0f} taken; "
                    "save it smaller"
                )
            content.pictures.append(_placed(item, width, height))
        elif item.type == raw.FPDF_PAGEOBJ_TEXT:
            content.text |= raw.FPDFTextObj_GetTextRenderMode(item) not in _INVISIBLE
        elif item.type == raw.FPDF_PAGEOBJ_PATH:
            content.drawn = True
    pens = (raw.FPDF_ANNOT_INK, raw.FPDF_ANNOT_STAMP)
    for number in range(raw.FPDFPage_GetAnnotCount(sheet)):
        annotation = raw.FPDFPage_GetAnnot(sheet, number)
        content.by_pen |= raw.FPDFAnnot_GetSubtype(annotation) in pens
        raw.FPDFPage_CloseAnnot(annotation)
    content.drawn |= content.by_pen
    return content


def _placed(picture: Any, width: int, height: int) -> tuple[float, float]:
    """Of a picture of so many pixels: its longer side on the page in points, and its dots to an inch."""
    matrix = picture.get_matrix()
    around = picture.container
    while around is not None:
        matrix = matrix.multiply(around.get_matrix())
        around = around.container
    across, along = hypot(matrix.a, matrix.b), hypot(matrix.c, matrix.d)
    finest = max(pixels * _POINTS / side if side else 0.0 for pixels, side in ((width, across), (height, along)))
    return max(across, along), finest


def _dpi(size: tuple[float, float], content: _Content) -> float:
    """The dots to an inch that lose nothing of a page of `size`, in points; fewer where that is more than is kept."""
    longer = max(size) / _POINTS
    spanning = [dpi for side, dpi in content.pictures if side >= _SPANS * min(size)]
    dpi = max(spanning, default=0.0)
    if content.drawn or len(spanning) < len(content.pictures):
        dpi = max(dpi, min(_DRAWN_DPI, KEPT_PX / longer))
    return min(dpi, (2 * KEPT_PX - 1) / longer)


def _rendered(sheet: Any, dpi: float) -> Gray:
    from pypdfium2 import PdfBitmap, raw

    size = sheet.get_size()
    width, height = (max(1, round(side / _POINTS * dpi)) for side in size)
    across, down = ((pixels - 2 * _HAIR_PX) / side for pixels, side in zip((width, height), size, strict=True))
    bitmap = PdfBitmap.new_native(width, height, raw.FPDFBitmap_Gray)
    try:
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        raw.FPDF_RenderPageBitmapWithMatrix(
            bitmap,
            sheet,
            raw.FS_MATRIX(across, 0, 0, down, _HAIR_PX, _HAIR_PX),
            raw.FS_RECTF(0, 0, width, height),
            raw.FPDF_GRAYSCALE | raw.FPDF_ANNOT,
        )
    finally:
        bitmap.close()  # of which the pixels are Python's
    pixels: Gray = np.frombuffer(bitmap.buffer, np.uint8).reshape(height, width)
    return pixels
