"""Where pictures come from: a folder with class folders or loose pictures, a zip of such a folder, or one picture."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from digitsmith.data.arrays import in_class_order
from digitsmith.data.files import (
    ALL_SPLITS,
    beginning,
    entries,
    is_folder,
    named,
    natural_order,
    read_bytes,
    reading,
    shown,
)
from digitsmith.data.folder import is_companion
from digitsmith.errors import DataError
from digitsmith.scanning.refusals import Refusal, Refused

MAX_FILE_BYTES = 256 * 2**20  # A4 at 600 dpi in colour, not compressed, has 100 MiB
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_LONGEST_NAME = 1000


@dataclass(frozen=True)
class Picture:
    """One file that may be a picture.

    Attributes:
        name: below what was imported, with slashes; on one line, whatever bytes it has.
        label: the class folder that it lies in, None for a loose picture.
        read: gives its bytes; raises Refused.
    """

    name: str
    label: str | None
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Pictures:
    """All that lies in one place.

    Attributes:
        items: in the order of the classes, then of the names, numbers in them by their value.
        refused: what lies where no picture belongs.
    """

    items: list[Picture]
    refused: list[Refusal] = field(default_factory=list)


def pictures_in(path: Path) -> Pictures:
    """What is to be imported from a folder, a .zip or a picture.

    Raises:
        DataError: there is nothing such, a folder whose name can be no class's, or a zip that no honest program makes
            (`archive.py`).
    """
    with reading(path):
        if not path.exists() and not path.is_symlink():
            raise DataError(f"{named(path)}: no such file or folder; check the path")
    if is_folder(path):
        return arranged(named(path), _below(path))
    if beginning(path).startswith((_ZIP, _EMPTY_ZIP)):
        from digitsmith.scanning.archive import members

        return arranged(named(path), members(path, largest_bytes=MAX_FILE_BYTES), around=path.stem)
    return Pictures([Picture(_printable(path.name), None, partial(_content, path))])


def arranged(where: str, files: dict[PurePosixPath, Callable[[], bytes]], *, around: str | None = None) -> Pictures:
    """Files by the names of their folders: none for loose pictures, or the last one, which is the class's.

    A single folder around everything is seen through, as archives often have one: whatever its name if more of the
    files lie in folders inside it than beside these, as strays do; whatever lies in it if it is called `around`, as a
    packed folder's archive is called after it.

    Raises:
        DataError: no file at all, splits instead of classes, or a folder whose name can be no class's.
    """
    kept = {name: read for name, read in files.items() if not is_companion(name.name)}
    if not kept:
        raise DataError(f"{where}: holds no pictures; give a folder of pictures, of class folders, or a zip of these")
    names = list(kept)
    while _is_around_all(names, around):
        names = [PurePosixPath(*name.parts[1:]) for name in names]
    tops = {name.parts[0] for name in names if len(name.parts) > 1}
    if tops and tops <= ALL_SPLITS:
        raise DataError(f"{where}: holds splits ({', '.join(sorted(tops))}); import each by itself")
    for top in sorted(tops):
        if not is_class_name(top):
            raise DataError(f"{where}: its folder '{shown(top)}' cannot name a class; use plain, visible characters")
    items: list[Picture] = []
    refused: list[Refusal] = []
    for name, read in zip(names, kept.values(), strict=True):
        if tops and len(name.parts) == 1:
            refused.append(Refusal(_printable(name), "lies beside the class folders; put it into its class's folder"))
        elif len(name.parts) > 2:
            refused.append(
                Refusal(_printable(name), "lies in a folder inside a class folder; put it into the class's folder")
            )
        else:
            items.append(Picture(_printable(name), name.parts[0] if tops else None, read))
    order = {name: place for place, name in enumerate(in_class_order(tops))}
    items.sort(key=lambda item: (order.get(item.label or "", 0), natural_order(item.name)))
    return Pictures(items, refused)


def _is_around_all(names: list[PurePosixPath], around: str | None) -> bool:
    """Whether all lie in one folder that is no class's: it is called `around`, or has most of them in folders of its
    own. A class folder with a folder in it has most of its pictures beside that.
    """
    if any(len(name.parts) == 1 for name in names) or len({name.parts[0] for name in names}) > 1:
        return False
    return names[0].parts[0] == around or 2 * sum(len(name.parts) > 2 for name in names) > len(names)


def _below(folder: Path) -> dict[PurePosixPath, Callable[[], bytes]]:
    """Every file below a folder but hidden ones, by its name below it; links to folders are followed."""
    found: dict[PurePosixPath, Callable[[], bytes]] = {}
    waiting = [(folder, frozenset({os.path.realpath(folder)}))]
    while waiting:
        inside, above = waiting.pop()
        for entry in entries(inside):
            if is_folder(entry):
                real = os.path.realpath(entry)
                if real not in above:  # a link to a folder above it would have no end
                    waiting.append((entry, above | {real}))
            else:
                found[PurePosixPath(entry.relative_to(folder).as_posix())] = partial(_content, entry)
    return found


def _content(path: Path) -> bytes:
    """A file's bytes; what the system has to say against it is a refusal."""
    try:
        return read_bytes(path, at_most=MAX_FILE_BYTES)
    except DataError as error:
        raise Refused(str(error).removeprefix(f"{named(path)}: ")) from error


def is_class_name(name: str) -> bool:
    """Whether a data set of that class can be read back: the readers take visible characters only."""
    return bool(name.strip()) and name.isprintable()


def _printable(name: str | PurePosixPath) -> str:
    return shown(str(name), at_most=_LONGEST_NAME)
