"""Where everything is on a sheet of boxes to fill in: one description, for the printer and for the reader.

Lengths are in mm from the upper left corner of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from digitsmith.errors import InputError

PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
DEFAULT_CLASSES = tuple("0123456789")
DEFAULT_PER_CLASS = 26  # two rows of a class, ten classes on a page of A4

EDGE_MM = 9.0  # that printers need around
MARK_MM, HOLE_MM = 7.0, 3.5  # corner marks: solid squares, but the first one has a hole
TICK_MM = 2.2  # squares at both ends of each row
BOX_MM, PITCH_MM = 11.2, 12.7
LINE_MM = 0.25
CELL_MM, CELLS_IN_ROW = 1.6, 64  # of the code
_HEADER_MM, _FOOTER_MM = 8.0, 4.0  # between code and boxes
_LEFT_MM, _RIGHT_MM = 25.0, 17.0  # beside the boxes

MOST_PAGES = 100  # each has 9 MB in memory before it is a PDF
MOST_PER_CLASS = 65_535
HEAD_BYTES, CHECK_BYTES = 5, 4  # of the code, before and after the class names
_NAME_BYTES = 87  # of all classes, so that the code has at most 12 rows

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """One box to fill in.

    Attributes:
        label: number of its class.
        number: which of the class's boxes it is, from 0.
        left, top: of its outline; it is BOX_MM wide and high.
    """

    label: int
    number: int
    left: float
    top: float


@dataclass(frozen=True)
class SheetLayout:
    """One page of a sheet.

    Attributes:
        paper: a key of PAPERS.
        classes: a name for each label.
        per_class: boxes of each class, on all pages together.
        page: from 0.
    """

    paper: str
    classes: tuple[str, ...]
    per_class: int
    page: int = 0

    @property
    def size(self) -> Point:
        """Width and height of the paper."""
        return PAPERS[self.paper]

    @property
    def code_rows(self) -> int:
        """Rows of cells that the code has, each time it is printed."""
        return ceil((HEAD_BYTES + len(name_bytes(self.classes)) + CHECK_BYTES) * 8 / CELLS_IN_ROW)

    @property
    def columns(self) -> int:
        """Boxes in a row."""
        return int((self.size[0] - _LEFT_MM - _RIGHT_MM + PITCH_MM - BOX_MM) / PITCH_MM + 1e-9)

    @property
    def top(self) -> float:
        """Of the first row of boxes."""
        return EDGE_MM + self.code_rows * CELL_MM + _HEADER_MM

    @property
    def rows(self) -> int:
        """Rows of boxes that a page has room for."""
        bottom = self.size[1] - EDGE_MM - self.code_rows * CELL_MM - _FOOTER_MM
        return int((bottom - self.top + PITCH_MM - BOX_MM) / PITCH_MM + 1e-9)

    @property
    def pages(self) -> int:
        """How many there are of this sheet."""
        return ceil(len(self.classes) * self._rows_of_class / self.rows)

    @property
    def _rows_of_class(self) -> int:
        return ceil(self.per_class / self.columns)

    @property
    def row_tops(self) -> list[tuple[int, float]]:
        """The class of each row of this page, and where the row begins."""
        first = self.page * self.rows
        last = min(first + self.rows, len(self.classes) * self._rows_of_class)
        return [
            (row // self._rows_of_class, self.top + place * PITCH_MM) for place, row in enumerate(range(first, last))
        ]

    @property
    def boxes(self) -> list[Box]:
        """Those of this page, row by row."""
        boxes: list[Box] = []
        for place, (label, top) in enumerate(self.row_tops):
            begun = (self.page * self.rows + place) % self._rows_of_class * self.columns
            boxes += [
                Box(label, begun + column, _LEFT_MM + column * PITCH_MM, top)
                for column in range(min(self.columns, self.per_class - begun))
            ]
        return boxes

    @property
    def marks(self) -> list[Point]:
        """The middles of the corner marks, clockwise; the first one has the hole."""
        return corner_marks(self.paper)

    @property
    def ticks(self) -> list[tuple[Point, Point]]:
        """The middles of the squares at the left and the right end of each row."""
        width, _ = self.size
        aside = EDGE_MM + MARK_MM / 2
        middles = [top + BOX_MM / 2 for _, top in self.row_tops]
        return [((aside, middle), (width - aside, middle)) for middle in middles]

    def cell(self, row: int, column: int, *, copy: int) -> Point:
        """The middle of a cell of the code: copy 0 goes down from the upper edge, copy 1 up from the lower one."""
        width, height = self.size
        x = (width - CELLS_IN_ROW * CELL_MM) / 2 + (column + 0.5) * CELL_MM
        y = EDGE_MM + (row + 0.5) * CELL_MM
        return x, height - y if copy else y


def name_bytes(classes: Sequence[str]) -> bytes:
    """The class names as the code has them: single letters one after the other, others each after a line feed."""
    single = all(len(name) == 1 for name in classes)
    return ("".join(classes) if single else "".join(f"\n{name}" for name in classes)).encode()


def corner_marks(paper: str) -> list[Point]:
    """As `SheetLayout.marks`, which are the same on every sheet of a paper."""
    width, height = PAPERS[paper]
    aside = EDGE_MM + MARK_MM / 2
    return [(aside, aside), (width - aside, aside), (width - aside, height - aside), (aside, height - aside)]


def sheet_layout(
    *, classes: Sequence[str] = DEFAULT_CLASSES, per_class: int = DEFAULT_PER_CLASS, paper: str = "a4"
) -> SheetLayout:
    """The first page of a sheet; `dataclasses.replace(..., page=1)` is the next.

    Raises:
        InputError: an unknown paper, no class, two of one name, names that are empty or too long in all, no box for a
            class, or more pages than MOST_PAGES.
    """
    if paper not in PAPERS:
        raise InputError(f"there is no paper {paper!r}; choose one of {', '.join(PAPERS)}")
    if not classes or any(not name.strip() or not name.isprintable() for name in classes):
        raise InputError("name at least one class, each with at least one letter: as 0123456789, or cat,dog")
    twice = next((name for place, name in enumerate(classes) if name in classes[:place]), None)
    if twice is not None:
        raise InputError(f"class {twice!r} is named twice; name each once")
    if not 1 <= per_class <= MOST_PER_CLASS:
        raise InputError(f"the boxes of each class must be 1 to {MOST_PER_CLASS:,}, not {per_class}")
    taken = len(name_bytes(tuple(classes)))
    if taken > _NAME_BYTES:
        raise InputError(
            f"the class names take {taken} bytes, and the sheet's code has room for {_NAME_BYTES}; use shorter names, "
            "or make several sheets"
        )
    layout = SheetLayout(paper, tuple(classes), per_class)
    if layout.pages > MOST_PAGES:
        raise InputError(f"the sheet would have {layout.pages:,} pages, more than {MOST_PAGES}; ask for fewer boxes")
    return layout
