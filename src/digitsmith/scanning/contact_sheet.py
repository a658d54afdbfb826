"""The page that shows what importing did: each picture, what was taken for ink, and the image that came of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from digitsmith.scanning.components import Mask
from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.refusals import Refusal
from digitsmith.scanning.sheet_finding import PX_PER_MM
from digitsmith.scanning.sheet_layout import BOX_MM
from digitsmith.scanning.sheet_reading import ReadSheet

CONTACT = "scans.html"
MOST_SHOWN = 2000  # images; a page of more is slow to open
MOST_SHEETS_SHOWN = 100
_SIDE_PX, _GAP_PX = 96, 4
_SHEET_PX = 1000  # the longer side of a sheet's overview
_FOUND, _STRUCK, _EMPTY = (20, 150, 60), (200, 40, 40), (170, 170, 170)


@dataclass(frozen=True)
class Card:
    """One image on the page.

    Attributes:
        name: of the file, and which box.
        label: its class; empty where there is none.
        jpeg: scan, mask and result beside each other.
    """

    name: str
    label: str
    jpeg: bytes


@dataclass(frozen=True)
class SheetCard:
    """A sheet on the page.

    Attributes:
        name: of the file.
        words: what was found.
        jpeg: it laid flat, with its boxes outlined.
    """

    name: str
    words: str
    jpeg: bytes


def three_in_one(scan: Gray, mask: Mask, result: Gray) -> bytes:
    """A JPEG of what came (uint8 [H, W]), what of it was taken (bool [H, W]) and what became of it (uint8 [S, S])."""
    picture = Image.new("L", (3 * _SIDE_PX + 2 * _GAP_PX, _SIDE_PX), 255)
    for place, (pixels, filter) in enumerate(
        (
            (scan, Image.Resampling.BOX),
            ((~mask).astype(np.uint8) * 255, Image.Resampling.BOX),
            (result, Image.Resampling.NEAREST),
        )
    ):
        height, width = pixels.shape
        scale = _SIDE_PX / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        left = place * (_SIDE_PX + _GAP_PX) + (_SIDE_PX - size[0]) // 2
        picture.paste(Image.fromarray(pixels).resize(size, filter), (left, (_SIDE_PX - size[1]) // 2))
    return _jpeg(picture)


def sheet_overview(sheet: ReadSheet) -> bytes:
    """A JPEG of a sheet laid flat; boxes that gave an image are outlined in green, others with ink in red."""
    shown = Image.fromarray(sheet.flat).convert("RGB")
    scale = min(1.0, _SHEET_PX / max(shown.size))
    shown = shown.resize((round(shown.width * scale), round(shown.height * scale)), Image.Resampling.BOX)
    pen = ImageDraw.Draw(shown)
    held = {filled.box: filled for filled in sheet.filled}
    for box, (left, top) in zip(sheet.layout.boxes, sheet.places.tolist(), strict=True):
        edges = [at * PX_PER_MM * scale for at in (left, top, left + BOX_MM, top + BOX_MM)]
        colour = _EMPTY if box not in held else _STRUCK if held[box].cover is None else _FOUND
        pen.rectangle(edges, outline=colour, width=1 if box not in held else 2)
    return _jpeg(shown)


def contact_page(
    *,
    title: str,
    facts: Sequence[tuple[str, str]],
    sheets: Sequence[SheetCard],
    cards: Sequence[Card],
    refused: Sequence[Refusal],
    count: int,
    sheet_count: int,
) -> bytes:
    """The page, HTML with all pictures inside, of the `cards` and `sheets` that are shown of so many in all."""
    from digitsmith.report.html import rendered

    context: Mapping[str, Any] = {
        "title": title,
        "facts": facts,
        "sheets": [(each.name, each.words, _uri(each.jpeg)) for each in sheets],
        "cards": [(each.name, each.label, _uri(each.jpeg)) for each in cards],
        "refused": [(each.name, each.reason) for each in refused],
        "count": count,
        "sheet_count": sheet_count,
    }
    return rendered("scans.html.j2", context)


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=85)
    return content.getvalue()


def _uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
