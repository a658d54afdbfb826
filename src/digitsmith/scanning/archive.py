"""A zip as a source of pictures. Nothing is unpacked onto the disk, and nothing is believed that it says of itself."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from digitsmith.data.files import named, reading, shown
from digitsmith.errors import DataError
from digitsmith.scanning.refusals import Refused

MAX_MEMBERS = 100_000
MAX_TOTAL_BYTES = 16 * 2**30  # unpacked; a few pictures a core are in memory at a time
MAX_RATIO = 200  # unpacked to packed, of all together: photographs hardly shrink, blank bitmaps 100-fold
_SMALL_BYTES = 64 * 2**20  # unpacked, below which no ratio matters
_LEFT_BEHIND = re.compile(r"__MACOSX|\..*|Thumbs\.db|desktop\.ini", re.IGNORECASE)
_ENCRYPTED = 0x1
_PACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack without a limit, and fail in ways of their own


def members(path: Path, *, largest_bytes: int) -> dict[PurePosixPath, Callable[[], bytes]]:
    """Every file in a zip but hidden ones, by its name; each is read when its value is called, which raises Refused for
    one of more than `largest_bytes`, and for a damaged one. The zip stays open as long as one of them is kept.

    Raises:
        DataError: no zip, a damaged one, a member without a name or whose name leads outside the archive, a link, a
            member with a password or packed by anything but deflate, two of one name, or more members, bytes or
            compression than any honest archive of pictures has.
    """
    with reading(path):
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
            raise DataError(f"{named(path)}: is a damaged zip; copy or make it again") from error
    # not by ZipInfo.is_dir, which raises IndexError for an empty name before Python 3.12
    infos = [info for info in archive.infolist() if not info.filename.endswith("/")]
    _check_size(path, infos)
    found: dict[PurePosixPath, Callable[[], bytes]] = {}
    for info in infos:
        name = _checked_name(path, info)
        if any(_LEFT_BEHIND.fullmatch(part) for part in name.parts):
            continue
        if name in found:
            raise DataError(f"{named(path)}: has two members called {shown(str(name), at_most=80)}; make it again")
        found[name] = partial(_read, archive, info, largest_bytes)
    return found


def _check_size(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    total = sum(info.file_size for info in infos)
    packed = path.stat().st_size
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"{named(path)}: has {len(infos):,} members, more than the {MAX_MEMBERS:,} taken; split it")
    if total > MAX_TOTAL_BYTES:
        raise DataError(f"{named(path)}: unpacks to {total:,} bytes, more than the {MAX_TOTAL_BYTES:,} taken; split it")
    if total > max(_SMALL_BYTES, MAX_RATIO * packed):
        raise DataError(
            f"{named(path)}: unpacks to {total / packed:,.0f} times its size, which photographs never do; it is "
            "a bomb, or give it as a folder"
        )


def _checked_name(path: Path, info: zipfile.ZipInfo) -> PurePosixPath:
    """The name of a member, if it stays in the archive's own folder and is a file's."""
    written = info.orig_filename.replace("\\", "/")
    name = PurePosixPath(written)
    if name.is_absolute() or ".." in name.parts or re.match("[A-Za-z]:", written) or "\0" in written:
        raise DataError(
            f"{named(path)}: its member {shown(written, at_most=80)} has a path outside the archive's folder; "
            "do not trust this archive"
        )
    if not name.parts:
        raise DataError(f"{named(path)}: has a member without a name; make it again")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f"{named(path)}: its member {shown(written, at_most=80)} is a link; make it without links")
    if info.flag_bits & _ENCRYPTED:
        raise DataError(f"{named(path)}: has a password; unpack it and import the folder")
    if info.compress_type not in _PACKED_BY:
        raise DataError(
            f"{named(path)}: its member {shown(written, at_most=80)} is not packed by deflate, as in a plain zip; "
            "unpack it and import the folder"
        )
    return name


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, largest_bytes: int) -> bytes:
    """A member's bytes, as many as it says it has and no more."""
    if info.file_size > largest_bytes:
        raise Refused(f"has {info.file_size:,} bytes, more than the {largest_bytes:,} taken; save it smaller")
    try:
        with archive.open(info) as member:
            content = member.read(info.file_size + 1)
    # ValueError is what comes of a damaged name in the member's own header, which is no UTF-8 any more
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Refused(f"cannot be unpacked ({type(error).__name__}); make the archive again") from error
    if len(content) > info.file_size:
        raise Refused("is larger than the archive says; make the archive again")
    return content
