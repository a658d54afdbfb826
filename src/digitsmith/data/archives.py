"""Published archives: the files that are wanted, and nothing else of what an archive holds or says."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

from digitsmith.data.files import named, reading
from digitsmith.data.publication import DataFile
from digitsmith.errors import DataError
from digitsmith.storage import storage_errors

_BLOCK_BYTES = 1 << 20
_MOST_BESIDE = 1 << 28  # bytes of other members in a tar, which are unpacked only to be passed over
_DAMAGES = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_REMEDY = "delete it, and it is fetched anew"

Opened = tuple[DataFile, int, IO[bytes]]


def unpack(archive: Path, wanted: Sequence[DataFile], folder: Path, *, tell: Callable[[int], None]) -> None:
    """The `wanted` members of a .zip or .tar.gz as files in `folder`, each with its own name and checked.

    A member is taken only when its path is exactly that of a wanted file, it is a plain file, and its size is the
    published one; it is written under a name of the catalogue's. So no path, link or size that an archive states leads
    anywhere, and of a bomb no more is unpacked than was asked for. A file takes its name when its SHA-256 is right.

    Args:
        archive: the file; what it is, is told by its name.
        wanted: files with a `member`.
        folder: where they go.
        tell: is called with the bytes unpacked so far, of all wanted ones.

    Raises:
        DataError: the archive is damaged, lacks a wanted file, or holds another one in its place.
        StorageError: the disk refused.
    """
    missing = {file.member: file for file in wanted}
    before = 0
    members = _members_of_zip if archive.name.endswith(".zip") else _members_of_tar
    try:
        with reading(archive):
            for file, size, content in members(archive, missing):
                if size != file.size:
                    raise DataError(f"{named(archive)}: {file.member} has {size:,} bytes in it, not {file.size:,}")
                with closing(content):
                    _write(file, content, folder, where=named(archive))
                before += size
                tell(before)
                del missing[file.member]
    except _DAMAGES as error:
        raise DataError(f"{named(archive)}: is damaged or cut short ({error}); {_REMEDY}") from error
    if missing:
        raise DataError(f"{named(archive)}: does not hold {next(iter(missing))}; {_REMEDY}")


def _members_of_zip(archive: Path, missing: dict[str, DataFile]) -> Iterator[Opened]:
    with zipfile.ZipFile(archive) as entries:
        there = {entry.filename: entry for entry in entries.infolist()}
        for path, file in list(missing.items()):
            if path in there:
                yield file, there[path].file_size, entries.open(there[path])


def _members_of_tar(archive: Path, missing: dict[str, DataFile]) -> Iterator[Opened]:
    most = _MOST_BESIDE + sum(file.size for file in missing.values())
    # Read once, from front to back. Unpacked by gzip, as tarfile's own unpacking meets a short header with a TypeError.
    with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as entries:
        for entry in entries:
            if entry.offset_data + entry.size > most:
                raise DataError(f"{named(archive)}: unpacks to more than {most:,} bytes; it is no archive of this data")
            file = missing.get(entry.name)
            content = entries.extractfile(entry) if file is not None and entry.isreg() else None
            if file is not None and content is not None:
                yield file, entry.size, content
            if not missing:
                return


def _write(file: DataFile, content: IO[bytes], folder: Path, *, where: str) -> None:
    """`content` as `file` in `folder`, through a name of this process's own."""
    partial = folder / f".{file.name}.partial-{os.getpid()}"
    digest, done = hashlib.sha256(), 0
    try:
        with storage_errors(partial):
            out = partial.open("wb")
        with out:
            while block := content.read(min(_BLOCK_BYTES, file.size + 1 - done)):
                digest.update(block)
                with storage_errors(partial):
                    out.write(block)
                done += len(block)
        if done != file.size or digest.hexdigest() != file.sha256:
            raise DataError(f"{where}: its {file.member} is another file than the published one (its SHA-256 differs)")
        with storage_errors(partial):
            partial.replace(folder / file.name)
    finally:
        partial.unlink(missing_ok=True)
