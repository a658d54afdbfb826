"""MATLAB's MAT-files of level 5, as far as arrays of real numbers go; what SVHN is published in.

Source: "MAT-File Format", The MathWorks: 128 bytes of header, then data elements, each a tag (type, size in bytes) and
its content; an array is an element of sub-elements (flags, dimensions, name, numbers), mostly inside a compressed one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.files import named, reading
from digitsmith.errors import DataError

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
# miINT8 ... miUINT64: how numbers are stored, whatever class the array has in MATLAB
_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_REAL_CLASSES = range(6, 16)  # mxDOUBLE_CLASS ... mxUINT64_CLASS: no cell, structure, text or sparse matrix
_COMPLEX = 0x0800

Order = Literal["<", ">"]


def read_mat(path: Path, names: Collection[str], *, at_most: int) -> dict[str, NDArray[np.generic]]:
    """The arrays called `names`, each of the numbers that are stored and of MATLAB's shape (first index fastest).

    Args:
        path: a MAT-file of level 5 (`save -v6` or `-v7`).
        names: of the arrays; others are passed over.
        at_most: bytes that a compressed element may unpack to.

    Raises:
        DataError: it is no such file, is damaged, lacks an array, or an array is not of real numbers.
    """
    where = named(path)
    with reading(path):
        content = np.memmap(path, dtype=np.uint8, mode="r").data  # mapped: its pages may go again, unlike bytes read
    if len(content) < _HEADER or bytes(content[126:128]) not in (b"IM", b"MI"):
        raise DataError(f"{where}: is no MAT-file of level 5; download it again")
    order: Order = "<" if bytes(content[126:128]) == b"IM" else ">"
    found: dict[str, NDArray[np.generic]] = {}
    try:
        for outer in _elements(content[_HEADER:], order):
            kind, body = _unpacked(outer[1], order, at_most) if outer[0] == _COMPRESSED else outer
            if kind == _MATRIX:
                found.update(_array(body, order, names))
    except (struct.error, ValueError, KeyError, StopIteration, UnicodeDecodeError, zlib.error) as error:
        raise DataError(f"{where}: is a damaged MAT-file; download it again") from error
    lost = next((name for name in names if name not in found), None)
    if lost is not None:
        raise DataError(f"{where}: holds no array {lost} of real numbers; download it again")
    return found


def _unpacked(body: memoryview, order: Order, at_most: int) -> tuple[int, memoryview]:
    """The element inside a compressed one; one that is larger than allowed comes out cut short."""
    return next(_elements(memoryview(zlib.decompressobj().decompress(body, at_most)), order))


def _elements(content: memoryview, order: Order) -> Iterator[tuple[int, memoryview]]:
    """(type, content) of each data element; one of up to four bytes has its content inside its tag."""
    at = 0
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        if kind >> 16:  # the small form: the size in the upper half
            yield kind & 0xFFFF, content[at + 4 : at + 4 + (kind >> 16)]
            at += 8
            continue
        body = content[at + 8 : at + 8 + size]
        if len(body) != size:
            raise ValueError("cut short")
        yield kind, body
        at += 8 + size + (-size % 8 if kind != _COMPRESSED else 0)


def _array(body: memoryview, order: Order, names: Collection[str]) -> dict[str, NDArray[np.generic]]:
    """{name: numbers} of a matrix element, if it is one of `names` and of real numbers; else nothing."""
    parts = _elements(body, order)
    (_, flags), (_, sizes), (_, name) = next(parts), next(parts), next(parts)
    flag = struct.unpack_from(f"{order}I", flags)[0]
    text = bytes(name).decode("ascii")
    if text not in names or flag & 0xFF not in _REAL_CLASSES or flag & _COMPLEX:
        return {}
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    kind, numbers = next(parts)
    values = np.frombuffer(numbers, dtype=np.dtype(_DTYPES[kind]).newbyteorder(order))
    if len(values) != prod(shape):
        raise ValueError("another number of values than its dimensions say")
    return {text: values.reshape(shape, order="F")}
