"""The readers' door to the disk: every refusal of the system becomes one line that names the file."""

from __future__ import annotations

import gzip
import io
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from digitsmith.errors import ConfigError, DataError, DigitsmithError, MissingSplitError

MAX_BYTES = 4 * 2**30  # of one file, and of one set's pixels: 5 million MNIST digits, and no gzip bomb
_DEFLATE_RATIO = 1032  # the most bytes that one byte of deflate or gzip can stand for
_GZIP_MAGIC = b"\x1f\x8b"

# Words in a name that mark a file or folder as one split's.
_SPLITS = {"train": {"train", "training"}, "test": {"test", "testing", "t10k"}}
# A name with any of these is never taken for an unmarked train set, though only train and test can be asked for.
ALL_SPLITS = {*_SPLITS["train"], *_SPLITS["test"], "val", "valid", "validation", "dev"}


def named(path: Path) -> str:
    """The path as a message may print it: on one line, whatever bytes its name has."""
    return shown(str(path), at_most=4096)


def shown(text: str, *, at_most: int = 40) -> str:
    """Any text of a user's file as a message may print it: on one line and not long."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= at_most else f"{text[:at_most]}..."


def natural_order(name: str) -> list[tuple[str, int]]:
    """A key to sort names by, numbers in them by their value: the runs of text and the numbers between them."""
    return [(text, int(number or -1)) for text, number in re.findall(r"([^0-9]*)([0-9]*)", name)]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the system says about `path` (missing, forbidden, a broken link) into a `DataError`."""
    try:
        yield
    except DigitsmithError:
        raise
    except FileNotFoundError as error:
        cause = "is a link to something that is gone" if path.is_symlink() else "does not exist"
        raise DataError(f"{named(path)}: {cause}; check the path") from error
    except MemoryError as error:
        raise DataError(f"{named(path)}: does not fit in memory; give fewer or smaller images") from error
    except (OSError, ValueError) as error:
        # ValueError: what Python says of a path with a NUL in it.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{named(path)}: cannot be read ({reason}); check the path and its permissions") from error


def read_bytes(path: Path, *, at_most: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most `at_most` bytes; a folder, pipe or device is a `DataError`."""
    with reading(path):
        size = _regular_size(path)
        if size > at_most:
            raise DataError(f"{named(path)}: has {size:,} bytes, more than the {at_most:,} taken; make it smaller")
        return path.read_bytes()


def beginning(path: Path) -> bytes:
    """The first few bytes of a regular file, un-gzipped if it is gzip, to tell its format by."""
    with reading(path):
        _regular_size(path)
        with path.open("rb") as file:
            head = file.read(4096)
    if not head.startswith(_GZIP_MAGIC):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 64)
    except zlib.error:
        return head


def _regular_size(path: Path) -> int:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise DataError(f"{named(path)}: is {kind}; give the path of a file")
    return status.st_size


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder or a link to one; False also for what is not there."""
    with reading(path):
        return path.is_dir()


def entries(folder: Path) -> list[Path]:
    """What lies in `folder`, sorted by name, without hidden files and what file browsers leave behind."""
    with reading(folder):
        return sorted(
            (p for p in folder.iterdir() if not p.name.startswith(".") and p.name not in {"Thumbs.db", "desktop.ini"}),
            key=lambda p: p.name,
        )


def expanded(where: str, data: bytes, *, at_most: int) -> bytes:
    """`data` itself, or what it unpacks to if it is gzip (told by its magic bytes, not by a name).

    Of gzip at most `at_most` + 1 bytes are unpacked, so that the caller can tell "as many" from "more".
    """
    if not data.startswith(_GZIP_MAGIC):
        return data
    limit = min(at_most, MAX_BYTES, _DEFLATE_RATIO * (len(data) + 1))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where}: its gzip data is damaged or cut short; copy or download it again") from error


def can_deflate_to(packed: int, unpacked: int) -> bool:
    """Whether `packed` bytes of deflate can stand for `unpacked` bytes at all."""
    return unpacked <= _DEFLATE_RATIO * (packed + 1)


def check_split(split: str) -> None:
    """Refuse a split that no reader knows."""
    if split not in _SPLITS:
        raise ConfigError(f"split {split!r} is unknown; choose one of {', '.join(_SPLITS)}")


def of_split(where: str, files: Sequence[Path], split: str) -> list[Path]:
    """Those of `files` whose names mark them as `split`'s; files that mark no split at all are for training.

    Raises:
        MissingSplitError: when none is.
    """
    check_split(split)
    marked = [file for file in files if not _SPLITS[split].isdisjoint(_words(file.name))]
    if not marked and split == "train":
        marked = [file for file in files if ALL_SPLITS.isdisjoint(_words(file.name))]
    if not marked:
        there = ", ".join(shown(file.name) for file in files[:5])
        raise MissingSplitError(f"{where}: has no {split} split; the files there are {there}")
    return marked


def _words(name: str) -> set[str]:
    """The words of a name: `mnist_train.csv` has the word train."""
    return set(re.split(r"[^a-z0-9]+", name.lower()))
