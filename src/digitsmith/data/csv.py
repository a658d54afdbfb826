"""CSV, one image a row: a label, if any, and side² (gray) or 3 × side² (planes of R, G, B) pixels of 0..255."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.arrays import flat_shape, images_from, is_whole_number, labels_from_names, labels_from_numbers
from digitsmith.data.digits import Digits
from digitsmith.data.files import MAX_BYTES, expanded, named, read_bytes, shown
from digitsmith.data.folder import classes_beside
from digitsmith.data.images import Images
from digitsmith.errors import DataError

LABEL_NAMES = {"label", "class", "digit"}
_MAX_PIXELS = 3 * 256 * 256
_FIRST_LINE_BYTES = 16 * _MAX_PIXELS  # a row longer than this has more columns, or cells that are no pixels


def read_csv(path: Path) -> Digits:
    """Labelled images of a CSV file: what `read_csv_images` reads, where one column is the label.

    Raises:
        DataError: as that says, or when no column is the label.
    """
    return read_csv_images(path).labelled()


def read_csv_images(path: Path) -> Images:
    """Images of a CSV file and their labels, if any; raw or gzip, with or without a header line.

    The label is the one column that the header calls label, class or digit. Without a header it is the first
    column, unless all columns, and not all but one, make an image: where both do (26 × 26 gray, 15 × 15 in colour
    with a label), there is a label. Labels are class names, or numbers from 0 upwards:
    then classes are called as the manifest says that `digitsmith make` wrote beside them, or else by their numbers.

    Raises:
        DataError: names the line and the column of the first cell that is no pixel.
    """
    where = named(path)
    data = expanded(where, read_bytes(path), at_most=MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise DataError(f"{where}: unpacks to more than {MAX_BYTES:,} bytes; split it")
    first = _first_row(where, data)
    header = _is_header(first)
    label_at, missing = _label_column(where, first, header=header)
    pixels, values = _table(where, data, first, header=header, label_at=label_at)
    if label_at is None:
        return Images(images_from(where, pixels), source=where, unlabelled=missing)
    labels, classes = _labels(path, pixels, values, header=header)
    return Images(images_from(where, pixels), labels, classes, source=where)


def _labels(
    path: Path, pixels: NDArray[np.uint8], values: list[str], *, header: bool
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels and classes from the label column's text."""
    where = named(path)
    if not header and len(set(values)) == 1 and len(np.unique(pixels.reshape(len(pixels), -1)[:, -1])) > 1:
        raise DataError(
            f"{where}: its first column, taken for the label, is {shown(values[0])} in every row, and its last is not; "
            "if the label comes last, say so with a header that names the column label"
        )
    odd = next((row for row, value in enumerate(values) if _is_number(value) and not is_whole_number(value)), None)
    if odd is not None:
        raise DataError(
            f"{where}: the label {shown(values[odd])} of image {odd} (from 0) is neither a class's number nor a name; "
            "write labels as 0, 1, 2, ..."
        )
    if all(is_whole_number(value) for value in values):
        numbers = np.array(values, dtype=np.int64)
        names = classes_beside(path, format="csv", labels=int(numbers.max(initial=-1)) + 1)
        return labels_from_numbers(where, numbers, names)
    return labels_from_names(where, values)


def _first_row(where: str, data: bytes) -> list[str]:
    line = data[: data.find(b"\n", 0, _FIRST_LINE_BYTES) + 1] or data[:_FIRST_LINE_BYTES]
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{where}: its first line is not CSV text ({error}); save it as UTF-8 with commas") from error


def _is_header(first: list[str]) -> bool:
    """A class name may be one cell that is no number; a header has more of them, or a column's known name."""
    words = [cell for cell in first if not _is_number(cell)]
    counted = [str(number) for number in range(len(first))]
    numbers = [cell.strip() for cell in first if _is_number(cell)]
    if len(words) <= 1 < len(first) and numbers in (counted, counted[:-1], counted[1:]):
        return True  # columns named 0, 1, 2, ... by a data frame: no row of pixels counts up
    return len(words) > 1 or any(word.strip().lower() in LABEL_NAMES for word in words)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(where: str, first: list[str], *, header: bool) -> tuple[int | None, str]:
    """Which column is the label; or None, where all columns are pixels, and why."""
    found = [column for column, name in enumerate(first) if name.strip().lower() in LABEL_NAMES] if header else [0]
    if len(found) == 1 and _are_pixels(len(first) - 1):
        return found[0], ""
    if len(found) != 1:
        begin = ", ".join(shown(name) for name in first[:5])
        wrong = f"{where}: {len(found)} columns are called label, class or digit, not one; the header begins {begin}"
    else:
        wrong = (
            f"{where}: has {len(first)} columns; there must be one label and side² (gray) or "
            "3 × side² (colour) pixels, of at most 256 × 256, separated by commas"
        )
    # A single column is no image of one pixel, but a table whose cells are not separated by commas.
    if (header and found) or len(first) == 1 or not _are_pixels(len(first)):
        raise DataError(wrong)
    return None, wrong


def _are_pixels(columns: int) -> bool:
    return columns <= _MAX_PIXELS and flat_shape(columns) is not None


def _table(
    where: str, data: bytes, first: list[str], *, header: bool, label_at: int | None
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pixels uint8 [N, columns of pixels] and the label column, if there is one, as text."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(column) for column in range(len(first))]
    types = {name: pa.string() if column == label_at else pa.uint8() for column, name in enumerate(names)}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                column_names=names, skip_rows=int(header), block_size=max(2**20, 16 * len(first))
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=types, null_values=[]),
        )
        values = [] if label_at is None else table.column(label_at).to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        bad = _first_bad_cell(data, first, header=header, label_at=label_at)
        raise DataError(f"{where}: {bad}") from error
    columns = [name for at, name in enumerate(names) if at != label_at]
    pixels = np.empty((table.num_rows, len(columns)), dtype=np.uint8)
    for column, name in enumerate(columns):
        pixels[:, column] = table.column(name).to_numpy()
    return pixels, values


def _first_bad_cell(data: bytes, first: list[str], *, header: bool, label_at: int | None) -> str:
    """Where and what the first cell is that Arrow refused: slow, exact, only for a file that is refused."""
    good = {str(value) for value in range(256)}
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", errors="backslashreplace", newline=""))
    try:
        for row in islice(lines, int(header), None):
            if row and len(row) != len(first):
                return f"line {lines.line_num}: has {len(row)} columns, line 1 has {len(first)}; give all lines as many"
            for column, cell in enumerate(row):
                if cell not in good and column != label_at and not _is_byte(cell):
                    title = f" ({shown(first[column])})" if header else ""
                    return (
                        f"line {lines.line_num}, column {column + 1}{title}: '{shown(cell)}' is not a pixel; "
                        "give whole numbers in 0..255"
                    )
    except csv.Error as error:
        return f"line {lines.line_num}: is not CSV ({error}); save the file again"
    return "is not CSV text in UTF-8; save it again with commas and without quotes"


def _is_byte(cell: str) -> bool:
    digits = cell.strip(" \t")  # what Arrow strips; str.strip alone also takes control characters
    return is_whole_number(digits) and int(digits) < 256
