"""A file -> the pictures to be read in it: itself, or each page of a PDF or a TIFF."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from digitsmith.scanning.illumination import Gray
from digitsmith.scanning.pdf import MAGIC as PDF
from digitsmith.scanning.pdf import count_pages, page_gray
from digitsmith.scanning.pictures import decode_gray, tiff_pages
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sources import Picture

MAX_PAGES = 1000  # of one file; a scanner's tray holds 50 to 300 sheets
_PDF_WITHIN = 1024  # bytes; some programs write their own name before a PDF
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SUFFIXES = (".pdf", ".tif", ".tiff")  # of files that are opened before it is their turn, to count their pages


@dataclass(frozen=True)
class Page:
    """One picture to be read.

    Attributes:
        name: of its file; of several pages, with the page's number from 1.
        label: the class folder that its file lies in, None for a loose one.
        gray: gives uint8 [H, W]; raises Refused.
    """

    name: str
    label: str | None
    gray: Callable[[], Gray]


def pages_of(picture: Picture) -> list[Page]:
    """What is to be read of a file, one or more; a file of which nothing can be is refused when its page is read.

    The bytes of a file of several pages are kept as long as one of them is; any other's are read when it is read.
    """
    if not picture.name.lower().endswith(_SUFFIXES):
        return [Page(picture.name, picture.label, lambda: decode_gray(picture.read()))]
    try:
        content = picture.read()
        reads = _reads(content)
    except Refused as refusal:
        return [Page(picture.name, picture.label, partial(_refuse, str(refusal)))]
    if len(reads) == 1:
        (only,) = reads
        return [Page(picture.name, picture.label, lambda: only(picture.read()))]
    return [
        Page(f"{picture.name} page {number}", picture.label, partial(read, content))
        for number, read in enumerate(reads, start=1)
    ]


def _reads(content: bytes) -> list[Callable[[bytes], Gray]]:
    """How each page of a file's content is read."""
    if PDF in content[:_PDF_WITHIN]:
        pages = count_pages(content)
        if pages > MAX_PAGES:
            raise Refused(f"has {pages:,} pages, more than the {MAX_PAGES:,} taken; split it")
        return [partial(page_gray, page=page) for page in range(pages)]
    if content.startswith(_TIFF):
        return [partial(decode_gray, frame=frame) for frame in tiff_pages(content, at_most=MAX_PAGES)]
    return [decode_gray]


def _refuse(reason: str) -> NoReturn:
    raise Refused(reason)
