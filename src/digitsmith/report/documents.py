"""Figures in documents: no one writes them by hand, the script that measured them puts them in their place."""

from __future__ import annotations

from pathlib import Path

from digitsmith.errors import InputError
from digitsmith.storage import write_bytes_atomically


def require_block(document: Path, name: str) -> None:
    """Raise InputError unless `document` has the block; to be asked before the measuring begins."""
    _around(document, name)


def write_block(document: Path, name: str, text: str) -> None:
    """Replace what stands between the comments `<!-- begin NAME ... -->` and `<!-- end NAME -->` of `document`.

    Raises:
        InputError: the document cannot be read, or has no such two comments; it is left as it is.
        StorageError: the disk refused.
    """
    before, after = _around(document, name)
    write_bytes_atomically(document, f"{before}\n{text}\n\n{after}".encode())


def _around(document: Path, name: str) -> tuple[str, str]:
    """What stands before and after the block, its comments included."""
    try:
        content = document.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{document}: cannot be read ({error.strerror})") from None
    head, begin, rest = content.partition(f"<!-- begin {name} ")
    remark, arrow, rest = rest.partition(" -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    if not (begin and arrow and end):
        raise InputError(f"{document}: has no comments '<!-- begin {name} ... -->' and '<!-- end {name} -->'")
    return f"{head}{begin}{remark}{arrow}", f"{end}{after}"
