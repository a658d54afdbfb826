"""The catalogue's data sets on this machine: what is in the cache, what has to be fetched, and their images."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from digitsmith.data.archives import unpack
from digitsmith.data.decoded import decoded_file, keep_decoded, read_decoded
from digitsmith.data.digits import Digits
from digitsmith.data.download import download, part_of
from digitsmith.data.files import check_split, named, reading
from digitsmith.data.publication import DataFile, NamedData
from digitsmith.data.published import Decoded
from digitsmith.errors import DataError, DigitsmithError, StorageError
from digitsmith.storage import cache_folder, storage_errors
from digitsmith.watching import watched

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

DATASETS = "datasets"
"""The folder of the cache that the data sets' folders are in."""


def load_named(data: NamedData, split: str = "train") -> Digits:
    """The images of `data`: from the cache, or, the first time, fetched with all files of the data set.

    What is in the cache is checked each time (SHA-256; CRC-32 where it is kept decoded); a file that is damaged or
    missing is fetched anew. Nothing is fetched, and no network needed, where all is there.

    Args:
        data: one of the catalogue.
        split: "train" or "test".

    Raises:
        ConfigError: for another split.
        DigitsmithError: no address has what is missing; says how to put it there by hand.
        DataError: what the files hold is not what the catalogue says.
        StorageError: the cache cannot be written.
    """
    check_split(split)
    kept = decoded_file(folder_of(data), f"{data.name}-{split}", data.files[split])
    shape = (data.counts[split], *data.image_shape)
    decoded = read_decoded(kept, shape) if data.slow else None
    if decoded is None:
        decoded = _decoded(data, split, shape)
        if data.slow:
            keep_decoded(kept, *decoded)
    pixels, labels = decoded
    return Digits(pixels, labels, data.classes, source=f"{data.name} ({split})")


def fetch(data: NamedData, *, check: bool = True) -> Path:
    """All files of `data` in its folder of the cache, fetched where they are missing; the folder.

    Args:
        data: one of the catalogue.
        check: whether files of the right size are read to check their SHA-256, and fetched anew where it differs.

    Raises:
        DigitsmithError, DataError, StorageError: as `load_named`.
    """
    folder = folder_of(data)
    if _lacking(data.all_files, folder, check=check):
        with _alone(folder):  # then look again: another process may have been at it
            if data.archive is not None and _lacking(data.all_files, folder, check=check):
                _fetch_archive(data, data.archive, folder)
            for file in _lacking(data.all_files, folder, check=check):
                download(file, folder, wanted_by=data.name)
    return folder


def is_cached(data: NamedData) -> bool:
    """Whether files of the right sizes are in the cache, all of them: as much as a list needs."""
    return not _lacking(data.all_files, folder_of(data), check=False)


def folder_of(data: NamedData) -> Path:
    """Where the data set's files are kept, or would be."""
    return cache_folder() / DATASETS / data.folder


def _decoded(data: NamedData, split: str, shape: tuple[int, int, int, int]) -> Decoded:
    folder = fetch(data, check=False)
    if _lacking(data.files[split], folder, check=True):
        fetch(data)
    pixels, labels = data.decode([folder / file.name for file in data.files[split]])
    if pixels.shape != shape or labels.shape != shape[:1] or not np.isin(labels, range(len(data.classes))).all():
        raise DataError(
            f"{named(folder)}: {data.name} ({split}) came out as {list(pixels.shape)} with {len(labels)} labels up to "
            f"{labels.max(initial=0)}, not as {list(shape)} of {len(data.classes)} classes; delete the folder, and it "
            "is fetched anew"
        )
    return pixels, labels


def _lacking(files: Sequence[DataFile], folder: Path, *, check: bool) -> list[DataFile]:
    """Those of `files` that are not in `folder`, or, with `check`, are there with another content."""
    with reading(folder):
        return [file for file in files if not (file.is_at if check else file.seems_at)(folder / file.name)]


def _fetch_archive(data: NamedData, archive: DataFile, folder: Path) -> None:
    """Unpacks the archive, which is fetched unless someone has put it there; one that was fetched goes afterwards."""
    path = folder / archive.name
    put_there = archive.is_at(path)
    if not put_there:
        download(archive, folder, wanted_by=data.name)
    try:
        with watched(f"{data.name}: unpacking {archive.name}", sum(file.size for file in data.together)) as tell:
            unpack(path, data.together, folder, tell=tell)
    except (StorageError, KeyboardInterrupt, SystemExit):  # the last is what the command line makes of SIGTERM
        if not put_there:  # the next attempt finds it whole, and does not take it for one that someone put there
            path.replace(part_of(archive, folder))
        raise
    if not put_there:
        with storage_errors(path):
            path.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The block in one process at a time, of all that use `folder`.

    Where the disk knows no locks, several may be at it: what they write then fails its checksum at worst.
    """
    try:
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            held = (folder / ".lock").open("ab")
    except DigitsmithError as error:
        raise type(error)(f"{error} (DIGITSMITH_CACHE names the cache's place)") from error
    with held:
        try:
            _lock(held, wait=False)
        except BlockingIOError:
            warnings.warn(f"{folder}: another process is fetching this data; waiting for it", stacklevel=3)
            _lock(held, wait=True)
        yield


def _lock(held: IO[bytes], *, wait: bool) -> None:
    """Holds the open file until it is closed, or BlockingIOError where another process does and `wait` is not set."""
    if sys.platform == "win32":
        held.seek(0)
        try:
            msvcrt.locking(held.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            if not wait:
                raise BlockingIOError from None
            while True:  # LK_LOCK gives up after ten seconds
                with suppress(OSError):
                    msvcrt.locking(held.fileno(), msvcrt.LK_LOCK, 1)
                    return
    else:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:
            return  # a disk without locks
