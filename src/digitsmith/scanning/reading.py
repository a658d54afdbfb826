"""One picture -> the images that it gives: one of a digit, many of a sheet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digitsmith.scanning.centring import mnist_form
from digitsmith.scanning.cleaning import find_ink
from digitsmith.scanning.contact_sheet import SheetCard, sheet_overview, three_in_one
from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.paged import Page
from digitsmith.scanning.refusals import Refusal, Refused
from digitsmith.scanning.sheet_reading import ReadSheet, read_sheet

_SMALLEST_SHEET_PX = 600  # the longer side of a picture on which a sheet could be read


@dataclass(frozen=True)
class Settings:
    """How pictures are read: as `import_scans` says."""

    size: int
    deskew: bool
    ink: str
    sheet: bool | None


@dataclass(frozen=True, eq=False)
class Taken:
    """One image.

    Attributes:
        name: of its page; of a sheet, with the class and the number of the box.
        label: its class, None if that is not known.
        image: uint8 [1, size, size].
        jpeg: how it came to be, for the contact sheet.
    """

    name: str
    label: str | None
    image: NDArray[np.uint8]
    jpeg: bytes


@dataclass(frozen=True, eq=False)
class Reading:
    """What one picture gave.

    Attributes:
        taken: its images.
        refused: the picture itself, or boxes of it.
        classes: all that a sheet names, in its order; None where there is no sheet.
        card: the sheet for the contact sheet.
    """

    taken: list[Taken] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    classes: tuple[str, ...] | None = None
    card: SheetCard | None = None


def read_picture(page: Page, settings: Settings) -> Reading:
    """The images of one picture; what is wrong with it is a refusal, never an exception."""
    try:
        gray = page.gray()
        sheet = _sheet_on(gray, page, settings)
        if sheet is not None:
            return _of_sheet(page.name, sheet, settings)
        ink = find_ink(gray, ink=settings.ink)
        image = mnist_form(ink.cover, size=settings.size, deskew=settings.deskew)
        return Reading([Taken(page.name, page.label, image, three_in_one(ink.scan, ink.mask, image[0]))])
    except Refused as refusal:
        return Reading(refused=[Refusal(page.name, str(refusal))])


def _sheet_on(gray: Gray, page: Page, settings: Settings) -> ReadSheet | None:
    """The sheet on a picture that may or must be one; a digit in a class folder must be none."""
    if settings.sheet:
        sheet = read_sheet(gray)
        if sheet is None:
            raise Refused("shows no sheet of boxes; take a picture of all four corner marks, or leave out --sheet")
        return sheet
    if settings.sheet is False or max(gray.shape) < _SMALLEST_SHEET_PX:
        return None
    try:
        sheet = read_sheet(gray)
    except Refused:
        if page.label is None:
            raise
        return None  # what only looks like one is rather dotted paper here
    if sheet is not None and page.label is not None:
        raise Refused("is a sheet of boxes in a class folder; import sheets by themselves, or give --sheet")
    return sheet


def _of_sheet(name: str, sheet: ReadSheet, settings: Settings) -> Reading:
    taken: list[Taken] = []
    refused: list[Refusal] = []
    for filled in sheet.filled:
        label = sheet.layout.classes[filled.box.label]
        place = f"{name}, {label} no. {filled.box.number + 1}"
        if filled.cover is not None:
            image = mnist_form(filled.cover, size=settings.size, deskew=settings.deskew)
            taken.append(Taken(place, label, image, three_in_one(filled.scan, filled.mask, image[0])))
        elif filled.reason is not None:
            refused.append(Refusal(place, filled.reason))
    if not sheet.filled:
        refused.append(Refusal(name, "is a sheet, and all its boxes are empty"))
    boxes, pages = len(sheet.layout.boxes), sheet.layout.pages
    page = f"page {sheet.layout.page + 1} of {pages}, " if pages > 1 else ""
    words = f"{page}{len(taken)} of {boxes} boxes"
    return Reading(taken, refused, sheet.layout.classes, SheetCard(name, words, sheet_overview(sheet)))
