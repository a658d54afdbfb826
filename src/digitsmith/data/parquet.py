"""Parquet: pictures as Hugging Face's `datasets` keeps them, plain encoded pictures, or lists of pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.arrays import images_from, labels_from_names, labels_from_numbers
from digitsmith.data.digits import Digits
from digitsmith.data.files import MAX_BYTES, entries, is_folder, named, of_split, read_bytes, shown
from digitsmith.data.images import Images
from digitsmith.data.pictures import stacked
from digitsmith.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_IMAGE_NAMES = ("image", "img", "images")
_LABEL_NAMES = ("label", "labels", "class")
_BATCH_ROWS = 1024


def read_parquet(path: Path, *, split: str = "train") -> Digits:
    """Labelled images of Parquet: what `read_parquet_images` reads, where there is a label column.

    Raises:
        DataError: as that says, or when there is no label column.
    """
    return read_parquet_images(path, split=split).labelled()


def read_parquet_images(path: Path, *, split: str = "train") -> Images:
    """Images of one Parquet file, or of all files of `split` in a folder (or in its folder `data`).

    The image column (image, img or images) holds encoded pictures, as {bytes, path} or plain, or lists of
    pixels, flat or nested. The label column (label, labels or class), if there is one, holds numbers from 0
    upwards or class names; names for the numbers are taken from the ClassLabel in the `huggingface` schema metadata.

    Raises:
        DataError: names the file, and the row or the columns that are not so.
    """
    files = of_split(named(path), parquet_files(path), split) if is_folder(path) else [path]
    parts = [_part(file) for file in files]
    first = parts[0]
    for file, part in zip(files, parts, strict=True):
        if part.images.shape[1:] != first.images.shape[1:]:
            raise DataError(
                f"{named(file)}: its images are {list(part.images.shape[1:])}, those of {named(files[0])} "
                f"{list(first.images.shape[1:])}; bring all to one size and colour"
            )
        if part.names != first.names or part.kind != first.kind:
            raise DataError(
                f"{named(file)}: its labels are of another kind than those of {named(files[0])}; write both anew"
            )
    images = np.concatenate([part.images for part in parts])
    if first.labels is None:
        return Images(images, source=named(path), unlabelled=first.unlabelled)
    values = np.concatenate([part.labels for part in parts if part.labels is not None])
    if first.kind == "O":
        labels, classes = labels_from_names(named(path), values.tolist())
    else:
        labels, classes = labels_from_numbers(named(path), values, first.names)
    return Images(images, labels, classes, source=named(path))


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files in `folder`, or else in its folder `data`, where Hugging Face puts them."""
    for place in (folder, folder / "data"):
        files = [entry for entry in entries(place) if entry.suffix == ".parquet"] if is_folder(place) else []
        if files:
            return files
    return []


@dataclass(frozen=True)
class _Part:
    """One file's content: images uint8 [N, C, H, W], labels [N] as numbers or str, names of the numbers.

    Where the file has no labels, `unlabelled` says why.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any] | None = None
    names: list[str] | None = None
    unlabelled: str | None = None

    @property
    def kind(self) -> str | None:
        """Of the labels: as of a NumPy dtype, or None."""
        return None if self.labels is None else self.labels.dtype.kind


def _part(file: Path) -> _Part:
    import pyarrow as pa
    from pyarrow import parquet

    where = named(file)
    data = read_bytes(file)
    with _arrow_errors(where):
        table = parquet.ParquetFile(pa.BufferReader(data))
        schema = table.schema_arrow
        image, no_image = _column(where, schema, _IMAGE_NAMES)
        if image is None:
            raise DataError(no_image)
        label, no_label = _column(where, schema, _LABEL_NAMES)
        labels = None if label is None else _labels(f"{where}: {label}", table.read(columns=[label]).column(0))
        batches = (batch.column(0) for batch in table.iter_batches(_BATCH_ROWS, columns=[image]))
        images = _images(f"{where}: {image}", batches, schema.field(image).type)
    if label is None:
        return _Part(images, unlabelled=no_label)
    return _Part(images, labels, _class_names(where, schema, label))


def _column(where: str, schema: pa.Schema, known: tuple[str, ...]) -> tuple[str | None, str]:
    """The one column of a known name; or None, where there is none, and a line that says so."""
    found: list[str] = [name for name in schema.names if name in known]
    if len(found) == 1:
        return found[0], ""
    there = ", ".join(shown(name) for name in schema.names[:10])
    wrong = f"{where}: {len(found)} columns are called {' or '.join(known)}, not one; there are {there}"
    if found:
        raise DataError(wrong)
    return None, wrong


def _class_names(where: str, schema: pa.Schema, label: str) -> list[str] | None:
    """The ClassLabel's names for column `label`, from the metadata that `datasets` writes, or None."""
    text = (schema.metadata or {}).get(b"huggingface")
    if text is None:
        return None
    try:
        feature = json.loads(text)["info"]["features"][label]
        return [str(name) for name in feature["names"]] if feature["_type"] == "ClassLabel" else None
    except KeyError:
        return None  # written for other columns, or for a label that is no ClassLabel
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{where}: its huggingface schema metadata is damaged; write the file again") from error


def _labels(where: str, column: pa.ChunkedArray) -> NDArray[Any]:
    import pyarrow as pa

    _check_no_null(where, column, rows_before=0)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    raise DataError(f"{where}: is of the type {shown(str(column.type))}; labels must be integers or strings")


def _images(where: str, columns: Iterator[pa.Array], kind: pa.DataType) -> NDArray[np.uint8]:
    """The image column, which comes in batches, as uint8 [N, C, H, W]."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):  # datasets' Array2D, once `datasets` is imported
        kind, columns = kind.storage_type, (column.storage for column in columns)
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind, columns = kind.field("bytes").type, (column.field("bytes") for column in columns)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return stacked(_encoded(where, columns))
    if _is_list(kind):
        return _joined(where, columns)
    raise DataError(
        f"{where}: is of the type {shown(str(kind))}; give encoded pictures, as {{bytes, path}} or plain, "
        "or lists of pixels"
    )


def _encoded(where: str, columns: Iterator[pa.Array]) -> Iterator[tuple[str, bytes]]:
    row = 0
    for column in columns:
        for content in column.to_pylist():
            if content is None:
                raise DataError(f"{where}: row {row} has no bytes, at most a path; embed the pictures in the file")
            yield f"{where}: row {row}", content
            row += 1


def _joined(where: str, columns: Iterator[pa.Array]) -> NDArray[np.uint8]:
    batches: list[NDArray[np.uint8]] = []
    rows = total = 0
    for column in columns:
        batch = images_from(where, _nested(where, column, rows_before=rows), images_before=rows)
        if batches and batch.shape[1:] != batches[0].shape[1:]:
            raise DataError(f"{where}: row {rows} is of another size than row 0; bring all images to one size")
        rows, total = rows + len(batch), total + batch.nbytes
        if total > MAX_BYTES:
            raise DataError(f"{where}: holds more than {MAX_BYTES:,} bytes of pixels; give fewer or smaller images")
        batches.append(batch)
    return np.concatenate(batches) if batches else np.empty((0, 1, 1, 1), dtype=np.uint8)


def _nested(where: str, column: pa.Array, *, rows_before: int) -> NDArray[Any]:
    """Lists of equal lengths, however deeply nested, as one array [rows, ...]."""
    import pyarrow as pa
    from pyarrow import compute

    shape = [len(column)]
    while _is_list(column.type):
        each = prod(shape[1:])  # lists of this depth in one row
        _check_no_null(where, column, rows_before=rows_before, each=each)
        lengths = compute.list_value_length(column).to_numpy()
        odd = np.flatnonzero(lengths != lengths[0])
        if len(odd):
            row = rows_before + int(odd[0]) // each
            raise DataError(f"{where}: row {row} is of another size than the rows before; bring all images to one size")
        if lengths[0] == 0:
            raise DataError(f"{where}: row {rows_before} has no pixels; leave such rows out")
        shape.append(int(lengths[0]))
        column = column.flatten()
    _check_no_null(where, column, rows_before=rows_before, each=prod(shape[1:]))
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DataError(f"{where}: holds lists of {shown(str(column.type))}; pixels must be numbers")
    return np.asarray(column.to_numpy()).reshape(shape)


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _check_no_null(where: str, column: pa.Array | pa.ChunkedArray, *, rows_before: int, each: int = 1) -> None:
    if column.null_count:
        row = rows_before + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]) // each
        raise DataError(f"{where}: row {row} is empty (null); fill it in or leave it out")


@contextmanager
def _arrow_errors(where: str) -> Iterator[None]:
    """Arrow's own refusals of a damaged file, as one line."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        raise DataError(
            f"{where}: is not a whole Parquet file ({type(error).__name__}); write or copy it again"
        ) from error
