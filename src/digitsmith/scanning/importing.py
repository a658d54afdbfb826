"""Own scans in, a data set in MNIST's form out: what `digitsmith import` does, as a function."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from digitsmith.data.arrays import in_class_order
from digitsmith.data.files import named, shown
from digitsmith.data.reading import require_apart
from digitsmith.drawing.workers import in_order
from digitsmith.drawing.writers import check_format, check_new_folder
from digitsmith.errors import DataError, InputError
from digitsmith.host import available_cores, versions
from digitsmith.scanning.centring import check_size
from digitsmith.scanning.cleaning import check_ink
from digitsmith.scanning.contact_sheet import (
    CONTACT,
    MOST_SHEETS_SHOWN,
    MOST_SHOWN,
    Card,
    SheetCard,
    contact_page,
)
from digitsmith.scanning.paged import Page, pages_of
from digitsmith.scanning.reading import Reading, Settings, Taken, read_picture
from digitsmith.scanning.refusals import Refusal
from digitsmith.scanning.sources import Pictures, is_class_name, pictures_in
from digitsmith.scanning.writing import write_labelled, write_unlabelled

OnProgress = Callable[[int, int], None]
"""Told how many pictures are done, and of how many; the pages of a file are counted once it is opened."""
OnRefusal = Callable[[Refusal], None]

_DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class ImportedScans:
    """What importing left.

    Attributes:
        folder: the data set.
        page: the contact sheet, HTML, inside it.
        images: how many there are.
        counts: how many of each class; empty for images without labels.
        sheets: how many of the pictures were sheets of boxes.
        refused: the files and boxes that gave no image, and why.
    """

    folder: Path
    page: Path
    images: int
    counts: Mapping[str, int]
    sheets: int
    refused: Sequence[Refusal]


def import_scans(
    scans: str | Path,
    *,
    out: str | Path,
    format: str = "png",
    size: int = 28,
    deskew: bool = False,
    ink: str = "auto",
    sheet: bool | None = None,
    label: str | None = None,
    strict: bool = False,
    on_refusal: OnRefusal | None = None,
    on_progress: OnProgress | None = None,
) -> ImportedScans:
    """Bring photographs or scans of single digits, or of filled-in sheets of boxes, to MNIST's form.

    Args:
        scans: a folder of class folders, a folder of loose pictures, a .zip of either, or one picture; PNG, JPEG, BMP,
            GIF, TIFF or WebP, turned as their EXIF says, or PDF. Each page of a .pdf or .tif is a picture.
        out: a folder that does not exist yet or is empty, outside `scans`.
        format: png, idx, npz, csv or parquet; images without labels are png or npz.
        size: 28; or 32, the same digit with a wider margin.
        deskew: set each digit upright.
        ink: dark, light, or auto, which looks at each picture.
        sheet: whether the pictures are sheets that `sheet` made. Left out: loose pictures on which one is found.
        label: the class of loose pictures.
        strict: a single refusal is an error.
        on_refusal: told of each at once; of loose pictures beside sheets when all have been read.
        on_progress: told after each picture.

    Returns:
        What there is now. Pictures that are refused do not stop the others.

    Raises:
        InputError: a setting that cannot be, an `out` in use or within `scans`, nothing to import, no image in all of
            it, a refusal if `strict`, or images without labels for a format that needs them.
        StorageError: the disk refused; nothing half-written is left.
    """
    folder, where = Path(out), named(Path(scans))
    check_format(format)
    check_size(size)
    check_ink(ink)
    check_new_folder(folder)
    if label is not None and not is_class_name(label):
        raise InputError(f"the label '{shown(label)}' cannot name a class; use plain, visible characters")
    pictures = pictures_in(Path(scans))
    require_apart(folder, Path(scans))
    if label is not None and all(each.label is not None for each in pictures.items):
        raise InputError("the label is for loose pictures, and all of these lie in class folders; leave it out")
    settings = Settings(size, deskew, ink, sheet)
    told = _Told(on_refusal, on_progress, len(pictures.items))
    harvest = _harvest(pictures, settings, label, told)
    _check(where, harvest, strict=strict)

    images = np.stack([each.image for each in harvest.taken])
    page = _page(Path(scans), settings, harvest)
    manifest = _manifest(settings, harvest)
    if harvest.classes is None:
        write_unlabelled(folder, images, format=format, manifest=manifest, page=page)
    else:
        of_class = {name: number for number, name in enumerate(harvest.classes)}
        labels = np.array([of_class[each.label or ""] for each in harvest.taken], np.int64)
        write_labelled(folder, images, labels, classes=harvest.classes, format=format, manifest=manifest, page=page)
    counts = Counter(each.label for each in harvest.taken)
    of_classes = {name: counts[name] for name in harvest.classes or () if counts[name]}
    return ImportedScans(folder, folder / CONTACT, len(images), of_classes, harvest.sheets, harvest.refused)


@dataclass
class _Harvest:
    """All that came of the pictures; `classes` is None without labels.

    Only as many images and sheets as the contact sheet shows keep their picture of how they came to be.
    """

    pictures: int = 0
    sheets: int = 0
    taken: list[Taken] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    cards: list[SheetCard] = field(default_factory=list)
    classes: tuple[str, ...] | None = None


@dataclass
class _Told:
    """Who is told of what goes on, and how many pictures there are as far as is known."""

    on_refusal: OnRefusal | None
    on_progress: OnProgress | None
    pictures: int

    def refused(self, refusals: Sequence[Refusal]) -> None:
        for refusal in refusals:
            if self.on_refusal is not None:
                self.on_refusal(refusal)

    def done(self, count: int) -> None:
        if self.on_progress is not None:
            self.on_progress(count, self.pictures)


def _harvest(pictures: Pictures, settings: Settings, label: str | None, told: _Told) -> _Harvest:
    """Read all pictures, on all cores, in their order."""
    harvest = _Harvest(refused=list(pictures.refused))
    told.refused(pictures.refused)
    named_by_sheets: dict[str, None] = {}  # in the order of the sheets
    others: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow has to say of a file ends in pixels or in a refusal here
        work = partial(_read, settings=settings, label=label)
        readings = in_order(work, _pages(pictures, told), threads=available_cores())
        for done, (class_name, reading) in enumerate(readings, start=1):
            room = max(0, MOST_SHOWN - len(harvest.taken))
            harvest.taken += reading.taken[:room]
            harvest.taken += [replace(each, jpeg=b"") for each in reading.taken[room:]]
            harvest.refused += reading.refused
            harvest.sheets += reading.card is not None
            if reading.card is not None and len(harvest.cards) < MOST_SHEETS_SHOWN:
                harvest.cards.append(reading.card)
            if reading.classes is not None:
                named_by_sheets |= dict.fromkeys(reading.classes)
            elif class_name is not None:
                others.add(class_name)
            told.refused(reading.refused)
            told.done(done)
    harvest.pictures = told.pictures + len(pictures.refused)
    _name_classes(harvest, tuple(named_by_sheets), others, told)
    return harvest


def _pages(pictures: Pictures, told: _Told) -> Iterator[Page]:
    """All pictures of all files, each file opened when it is its turn."""
    for picture in pictures.items:
        pages = pages_of(picture)
        told.pictures += len(pages) - 1
        yield from pages


def _read(page: Page, *, settings: Settings, label: str | None) -> tuple[str | None, Reading]:
    """The class of a picture that is no sheet, None if it has none, and what it gave.

    Not the page itself, which holds its whole file: readings wait for their turn.
    """
    reading = read_picture(page, settings)
    if label is None or reading.classes is not None or page.label is not None:
        return page.label, reading
    taken = [Taken(each.name, label, each.image, each.jpeg) for each in reading.taken]
    return label, Reading(taken, reading.refused)


def _name_classes(harvest: _Harvest, of_sheets: tuple[str, ...], others: set[str], told: _Told) -> None:
    """All classes there are: those of the sheets in their order, then the others as numbers or by the alphabet.

    Digits keep their numbers: with folders 3 and 7 alone, class 7 is still number 7 of ten. Where some images have a
    label, those without are refused.
    """
    loose = [each for each in harvest.taken if each.label is None]
    if harvest.taken and len(loose) == len(harvest.taken):
        return
    harvest.taken = [each for each in harvest.taken if each.label is not None]
    reason = "has no label, and others have: put it into a class folder, or give --label"
    unlabelled = [Refusal(each.name, reason) for each in loose]
    harvest.refused += unlabelled
    told.refused(unlabelled)
    names = (*of_sheets, *in_class_order(others - set(of_sheets)))
    harvest.classes = _DIGITS if set(names) <= set(_DIGITS) else names


def _check(where: str, harvest: _Harvest, *, strict: bool) -> None:
    """InputError when there is nothing to write, or something was refused and nothing may be."""
    first = (
        f"{harvest.refused[0].name} {harvest.refused[0].reason}" if harvest.refused else "all boxes were blacked out"
    )
    if not harvest.taken:
        raise DataError(f"{where}: none of {harvest.pictures} pictures gave an image; the first: {first}")
    if strict and harvest.refused:
        raise DataError(
            f"{where}: {len(harvest.refused)} refused, so nothing is written (--strict); the first: {first}"
        )


def _page(scans: Path, settings: Settings, harvest: _Harvest) -> bytes:
    return contact_page(
        title=f"{shown(scans.name, at_most=80)}, imported",
        facts=[
            ("images", f"{len(harvest.taken):,}"),
            ("refused", f"{len(harvest.refused):,}"),
            ("sheets", f"{harvest.sheets:,}"),
            ("form", f"{settings.size} × {settings.size}{', set upright' if settings.deskew else ''}"),
        ],
        sheets=harvest.cards,
        cards=[Card(each.name, each.label or "", each.jpeg) for each in harvest.taken if each.jpeg],
        refused=harvest.refused,
        count=len(harvest.taken),
        sheet_count=harvest.sheets,
    )


def _manifest(settings: Settings, harvest: _Harvest) -> dict[str, object]:
    """What manifest.json says of where the images come from; they are in the data set's order."""
    return {
        "imported": {key: value for key, value in asdict(settings).items() if value is not None},
        "sources": [each.name for each in harvest.taken],
        "refused": [asdict(each) for each in harvest.refused],
        "versions": versions(),
    }
