"""Files and folders that appear whole or not at all, and the disk's refusals in words."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from digitsmith.errors import DigitsmithError, InputError, StorageError

_FEW_FILES = 16

# Refused by the disk: what was asked for makes sense, but not here or not now.
_REFUSALS = {
    errno.ENOSPC: "the disk is full; free some space, or choose another disk",
    errno.EDQUOT: "your quota on this disk is used up; free some space, or choose another disk",
    errno.EFBIG: "a file grew past the size allowed here; raise the limit (ulimit -f), or ask for less",
    errno.EACCES: "no permission to write there; choose a folder of your own",
    errno.EPERM: "no permission to write there; choose a folder of your own",
    errno.EROFS: "the disk is read-only; choose another one",
}
# Cannot be right as a path.
_WRONG_PATHS = {
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another path",
    errno.EEXIST: "a part of this path is a file, not a folder; choose another path",
    errno.EISDIR: "is a folder; name a file",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "the path is a loop of links; choose another path",
    errno.ENOTEMPTY: "was filled by someone else meanwhile; choose a new folder",
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns an OSError of the block into one line about `path`, as InputError or StorageError."""
    try:
        yield
    except DigitsmithError:
        raise
    except OSError as error:
        number = error.errno or 0
        if number in _WRONG_PATHS:
            raise InputError(f"{path}: {_WRONG_PATHS[number]}") from error
        reason = _REFUSALS.get(number) or f"cannot be written ({error.strerror or error}); choose another place"
        raise StorageError(f"{path}: {reason}") from error


def check_new_folder(out: Path) -> None:
    """Nothing when a data set can be written as the folder `out`; worth asking before hours of drawing.

    Raises:
        InputError: when `out` is a file, holds something, is the current folder or a mount point (neither can
            be replaced by a finished folder), or an earlier run's partial folder is in the way.
        StorageError: when `out` cannot be looked into.
    """
    with storage_errors(out):
        target = _resolved(out)
        if target.exists() and not target.is_dir():
            raise InputError(f"{out}: is a file; name a new folder")
        if target.is_dir() and any(target.iterdir()):
            raise InputError(f"{out}: exists and is not empty; name a new folder, or move this one away first")
        if target == Path.cwd():
            raise InputError(f"{out}: is the current folder; name a new folder inside it")
        if os.path.ismount(target):  # Path.is_mount is missing on Windows before Python 3.12
            raise InputError(f"{out}: is a mount point; name a new folder inside it, like {out / 'digits'}")
        for partial in target.parent.glob(f".{glob.escape(target.name)}.partial-*"):
            raise InputError(f"{partial}: left by a run that was killed, or of one that still writes; delete it if so")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out` to write into; it becomes `out` when the block ends well, else it goes.

    Raises:
        InputError: as `check_new_folder`.
        StorageError: when the disk refuses, in the block too.
    """
    check_new_folder(out)
    target = _resolved(out)
    partial = _partial(target)
    with storage_errors(out), _parents(target):
        partial.mkdir()
        try:
            yield partial
            _sync_tree(partial)
            with suppress(FileNotFoundError):
                target.rmdir()
            partial.rename(target)
        except BaseException:  # Ctrl-C too
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _sync(target.parent)


@contextmanager
def only_writer(folder: Path, *, doing: str) -> Iterator[None]:
    """Keep `folder` to this process, and clear away what one left that was killed while it wrote there.

    The folder is made where there is none; `.lock` in it stays.

    Args:
        folder: of one work that is kept as it comes: a run, a proof.
        doing: what another process does there, in words: "training into it".

    Raises:
        InputError: another process holds it.
        StorageError: it cannot be made.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w")
    with handle:
        if not _lock(handle.fileno()):
            raise InputError(f"{folder}: another process is {doing}; wait for it or choose --out")
        with storage_errors(folder):
            for leftover in list(folder.rglob(".*.partial-*")):
                if leftover.is_dir():
                    shutil.rmtree(leftover)
                else:
                    leftover.unlink(missing_ok=True)
        yield


def other_files(folder: Path) -> list[str]:
    """What lies in `folder`, sorted, but for what a process leaves that is killed in its first moments there."""
    there = sorted(path.name for path in folder.iterdir())
    return [name for name in there if name != ".lock" and ".partial-" not in name]


def refuse_other_page(folder: Path, *, record: str) -> None:
    """Refuse to write a page over one of another origin, as a run's own is: an `index.html` that came without `record`.

    Args:
        folder: where `index.html` and `record` are to be written together; may be missing.
        record: the name of the JSON that always stands beside such a page.

    Raises:
        InputError: it holds another page, or is a file.
        StorageError: it cannot be looked at.
    """
    page = folder / "index.html"
    with storage_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder}: is a file; name a folder for the page")
        if page.exists() and not (folder / record).exists():
            raise InputError(f"{page}: is another page, without {record} beside it; name another folder")


def write_bytes_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a temporary file beside `path`, force it to the disk, and put it in `path`'s place.

    Whatever happens, a reader finds the old file or the new one, whole.

    Raises:
        InputError, StorageError: when the path cannot be right, or the disk refuses; `path` is as it was.
    """
    with storage_errors(path):
        target = _resolved(path)
        if target.is_dir():
            raise InputError(f"{path}: is a folder; name a file")
        if path.exists() and not path.is_file():  # a device or a pipe: a file in its place would be no such thing
            raise InputError(f"{path}: is no regular file; name a file")
        partial = _partial(target)
        with _parents(target):
            try:
                partial.write_bytes(content)
                _sync(partial)
                partial.replace(target)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        _sync(target.parent)


def write_json_atomically(path: Path, value: Any) -> None:
    """JSON with sorted keys and a final newline: the same value is the same bytes."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes_atomically(path, (text + "\n").encode())


def cache_folder() -> Path:
    """Where what can be made or fetched again is kept: `$DIGITSMITH_CACHE`, or the user's own cache folder."""
    return Path(os.environ.get("DIGITSMITH_CACHE") or platformdirs.user_cache_dir("digitsmith", appauthor=False))


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lock(descriptor: int) -> bool:
    """Take the operating system's lock, which a killed process gives back by itself."""
    try:
        import fcntl
    except ImportError:  # Windows has none; two writers there are the user's to avoid
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _resolved(path: Path) -> Path:
    """`path` without links, so that what a link points to is replaced and not the link."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise InputError(f"{path}: {_WRONG_PATHS[errno.ELOOP]}")
    return target


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial-{os.getpid()}")


@contextmanager
def _parents(target: Path) -> Iterator[None]:
    """Makes the folders above `target`; when the block fails, those it made go again."""
    missing = [folder for folder in target.parents if not folder.exists()]  # the deepest first
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _sync_tree(folder: Path) -> None:
    """Everything below `folder` onto the disk: a power cut must not leave a folder of empty files."""
    paths = [folder, *folder.rglob("*")]
    if len(paths) > _FEW_FILES and hasattr(os, "sync"):
        os.sync()  # one for all: 0.1 s for 10,000 small files that take 4 ms each one by one
        return
    for path in paths:
        _sync(path)


def _sync(path: Path) -> None:
    if path.is_dir():
        with suppress(OSError):  # Windows and some network disks cannot sync a folder
            _sync_descriptor(os.open(path, os.O_RDONLY))
    else:
        _sync_descriptor(os.open(path, os.O_RDWR))


def _sync_descriptor(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
