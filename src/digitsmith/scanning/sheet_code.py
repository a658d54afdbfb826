"""The code in a sheet's header and footer: what is printed on this page, in bytes and in black and white cells.

    1 byte   version (upper half) and paper
    2 bytes  boxes of each class, the high byte first
    1 byte   page, from 0
    1 byte   n
    n bytes  the class names in UTF-8: single letters one after the other, others each after a line feed
    4 bytes  CRC-32 of all these
    zeros up to a whole row of 64 cells

Every byte is mixed with a fixed one, so that no stretch of cells is all white.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import InputError
from digitsmith.scanning.sheet_layout import (
    CELLS_IN_ROW,
    CHECK_BYTES,
    HEAD_BYTES,
    PAPERS,
    SheetLayout,
    name_bytes,
    sheet_layout,
)

_VERSION = 1
_ROW_BYTES = CELLS_IN_ROW // 8
_MIXED_WITH = bytes.fromhex("a53c5a96c369e17b")  # of one row; as many ones as zeros


def bytes_of(layout: SheetLayout) -> bytes:
    """The code of a page, whole rows."""
    names = name_bytes(layout.classes)
    paper = list(PAPERS).index(layout.paper)
    content = bytes([_VERSION << 4 | paper, *layout.per_class.to_bytes(2, "big"), layout.page, len(names)]) + names
    content += zlib.crc32(content).to_bytes(CHECK_BYTES, "big")
    return _mixed(content + bytes(-len(content) % _ROW_BYTES))


def cells_of(layout: SheetLayout) -> NDArray[np.bool_]:
    """The code of a page in cells, bool [rows, 64], True is black."""
    bits = np.unpackbits(np.frombuffer(bytes_of(layout), np.uint8))
    return bits.reshape(-1, CELLS_IN_ROW).astype(bool)


def rows_of(first_row: NDArray[np.bool_]) -> int:
    """How many rows the code has that begins with this one, bool [64]; what it says may be wrong."""
    length = HEAD_BYTES + _mixed(np.packbits(first_row).tobytes())[HEAD_BYTES - 1] + CHECK_BYTES
    return -(-length // _ROW_BYTES)


def layout_of(cells: NDArray[np.bool_]) -> SheetLayout | None:
    """The page that a code, bool [rows, 64], is on; None if its check fails, it is of another version, or
    no `sheet` prints such a page."""
    code = _mixed(np.packbits(cells.reshape(-1)).tobytes())
    end = HEAD_BYTES + code[HEAD_BYTES - 1]
    content, check = code[:end], code[end : end + CHECK_BYTES]
    if zlib.crc32(content).to_bytes(CHECK_BYTES, "big") != check or content[0] >> 4 != _VERSION:
        return None
    try:
        names = content[HEAD_BYTES:].decode()
        classes = tuple(names[1:].split("\n")) if names.startswith("\n") else tuple(names)
        paper = list(PAPERS)[content[0] & 15]
        first = sheet_layout(classes=classes, per_class=int.from_bytes(content[1:3], "big"), paper=paper)
    except (UnicodeDecodeError, IndexError, InputError):  # someone else's code with the right check
        return None
    return replace(first, page=content[3]) if content[3] < first.pages else None


def _mixed(code: bytes) -> bytes:
    return bytes(byte ^ other for byte, other in zip(code, cycle(_MIXED_WITH), strict=False))
