"""CSV, one image a row: a label and side² (gray) or 3 × side² (planes of R, G, B) pixels of 0..255."""

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
from digitsmith.errors import DataError

LABEL_NAMES = {"label", "class", "digit"}
_MAX_COLUMNS = 1 + 3 * 256 * 256
_FIRST_LINE_BYTES = 16 * _MAX_COLUMNS  # a row longer than this has more columns, or cells that are no pixels


def read_csv(path: Path) -> Digits:
    """Labelled images of a CSV file, raw or gzip, with or without a header line.

    The label is the first column, or the one that the header calls label, class or digit. Labels are numbers
    from 0 upwards, or class names.

    Raises:
        DataError: names the line and the column of the first cell that is no pixel.
    """
    where = named(path)
    data = expanded(where, read_bytes(path), at_most=MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise DataError(f"{where}: unpacks to more than {MAX_BYTES:,} bytes; split it")
    first = _first_row(where, data)
    header = _is_header(first)
    label_at = _label_column(where, first) if header else 0
    if flat_shape(len(first) - 1) is None or len(first) > _MAX_COLUMNS:
        raise DataError(
            f"{where}: has {len(first)} columns; there must be one label and side² (gray) or "
            "3 × side² (colour) pixels, of at most 256 × 256, separated by commas"
        )
    pixels, values = _table(where, data, first, header=header, label_at=label_at)
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
        labels, classes = labels_from_numbers(where, np.array(values, dtype=np.int64))
    else:
        labels, classes = labels_from_names(where, values)
    return Digits(images_from(where, pixels), labels, classes, source=where)


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
    if len(words) == 1 < len(first) and [cell.strip() for cell in first if _is_number(cell)] in (
        counted[:-1],
        counted[1:],
    ):
        return True  # columns named 0, 1, 2, ... by a data frame: no row of pixels counts up
    return len(words) > 1 or any(word.strip().lower() in LABEL_NAMES for word in words)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(where: str, header: list[str]) -> int:
    found = [column for column, name in enumerate(header) if name.strip().lower() in LABEL_NAMES]
    if len(found) != 1:
        begin = ", ".join(shown(name) for name in header[:5])
        raise DataError(
            f"{where}: {len(found)} columns are called label, class or digit, not one; the header begins {begin}"
        )
    return found[0]


def _table(
    where: str, data: bytes, first: list[str], *, header: bool, label_at: int
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pixels uint8 [N, columns - 1] and the label column as text."""
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
        values = table.column(label_at).to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        bad = _first_bad_cell(data, first, header=header, label_at=label_at)
        raise DataError(f"{where}: {bad}") from error
    pixels = np.empty((table.num_rows, len(first) - 1), dtype=np.uint8)
    for column, name in enumerate(name for at, name in enumerate(names) if at != label_at):
        pixels[:, column] = table.column(name).to_numpy()
    return pixels, values


def _first_bad_cell(data: bytes, first: list[str], *, header: bool, label_at: int) -> str:
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
