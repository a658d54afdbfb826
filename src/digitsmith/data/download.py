"""One published file over HTTP: its addresses in turn, resumed where it broke off, named only with its checksum.

Nothing here runs unless a data set was asked for by name and is not in the cache. Proxies are urllib's: those of
`http_proxy`, `https_proxy` and `no_proxy`.
"""

from __future__ import annotations

import http.client
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from digitsmith import __version__
from digitsmith.data.files import shown
from digitsmith.data.publication import DataFile
from digitsmith.errors import DigitsmithError, StorageError
from digitsmith.storage import storage_errors
from digitsmith.watching import megabytes, watched

_TIMEOUT_S = 30.0  # of a connection, and of each wait for more bytes
_BLOCK_BYTES = 1 << 18
_TRIES = 5  # at one address, each after a transfer that brought something and broke off


class _Failed(Exception):
    """Why one address did not bring the file."""


def download(file: DataFile, folder: Path, *, wanted_by: str) -> Path:
    """`file` in `folder`, brought from the first of its addresses that has it.

    What has arrived waits as `<name>.part`; a later call goes on from there. The file takes its name when its size and
    SHA-256 are the published ones, in one step, so that nobody ever sees a part of it under that name.

    Args:
        file: what to bring.
        folder: made if it is missing. Two processes may not write one `.part`: the caller holds the folder.
        wanted_by: the data set's name, for messages.

    Raises:
        DigitsmithError: no address brought it; says what each answered and where to put the file by hand.
        StorageError: the disk refused, or has no room for it.
    """
    target, part = folder / file.name, part_of(file, folder)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _check_room(file, part)
    answers: list[str] = []
    for address in file.addresses:
        try:
            _bring(file, address, part, title=f"{wanted_by}: {file.name} from {urlsplit(address).hostname}")
        except _Failed as failed:
            answers.append(f"{address}: {failed}")
            continue
        with storage_errors(target):
            part.replace(target)
        return target
    there = f", where another file of {_size(target):,} bytes is now" if target.exists() else ""
    raise DigitsmithError(
        f"{wanted_by}: {file.name} cannot be downloaded ({'; '.join(answers)}); try again, or put a copy of it "
        f"({file.size:,} bytes, SHA-256 {file.sha256}) at {target}{there}; `digitsmith datasets files {wanted_by}` "
        "lists all"
    )


def part_of(file: DataFile, folder: Path) -> Path:
    """Where what has arrived of `file` waits for the rest."""
    return folder / f"{file.name}.part"


def _check_room(file: DataFile, part: Path) -> None:
    missing = file.size - _size(part)
    with storage_errors(part):
        free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise StorageError(
            f"{part.parent}: has {megabytes(free)} free, and {file.name} needs {megabytes(missing)}; "
            "free some space, or set DIGITSMITH_CACHE to a folder on another disk"
        )


def _bring(file: DataFile, address: str, part: Path, *, title: str) -> None:
    """The whole of `file` as `part`, or `_Failed` with what has arrived left for the next attempt."""
    trouble = ""
    for _ in range(_TRIES):
        there = _size(part)
        if there < file.size:
            trouble = _transfer(file, address, part, title=title)
            if trouble and _size(part) > there:
                continue
            if trouble:
                break
        with storage_errors(part):
            if file.is_at(part):
                return
            part.unlink()  # none of it can be trusted
        trouble = "brought another file (its SHA-256 differs)"
        if there == 0:
            break
        # else an old piece and a new one did not fit together: once more, from the beginning
    raise _Failed(trouble)


def _transfer(file: DataFile, address: str, part: Path, *, title: str) -> str:
    """Append what is missing of `part`; "" when it has its full size, else why it broke off.

    Raises:
        _Failed: the answer cannot be this file.
    """
    there = _size(part)
    try:
        response = _opened(address, there)
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code} {_one_line(error.reason)}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _reason(error)
    with response, watched(title, file.size) as tell:
        done = _begins_at(response, there)
        _check_answer(response, file, done)
        with storage_errors(part), part.open("r+b" if part.exists() else "wb") as out:
            out.truncate(done)
            out.seek(done)
            while done < file.size:
                try:
                    block = response.read1(min(_BLOCK_BYTES, file.size - done))
                except (OSError, http.client.HTTPException) as error:
                    return f"broke off after {done:,} of {file.size:,} bytes ({_reason(error)})"
                if not block:
                    return f"broke off after {done:,} of {file.size:,} bytes"
                out.write(block)
                done += len(block)
                tell(done)
    return ""


def _opened(address: str, there: int) -> http.client.HTTPResponse:
    """The answer to who asks for all but the first `there` bytes; for all where it has none beyond them."""
    headers = {"User-Agent": f"digitsmith/{__version__}", "Accept-Encoding": "identity"}
    if there:
        headers["Range"] = f"bytes={there}-"
    opener = urllib.request.build_opener()  # a new one, as urlopen's keeps the proxies of the process's first call
    try:
        response: http.client.HTTPResponse = opener.open(
            urllib.request.Request(address, headers=headers), timeout=_TIMEOUT_S
        )
    except urllib.error.HTTPError as error:
        if error.code != 416 or not there:
            raise
        error.close()
        return _opened(address, 0)
    return response


def _begins_at(response: http.client.HTTPResponse, there: int) -> int:
    """Which byte of the file the answer begins with: `there` as asked, or 0 from a server that ignores ranges."""
    if response.status != 206:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != there:
        raise _Failed("answered with another range than the one asked for")
    return there


def _check_answer(response: http.client.HTTPResponse, file: DataFile, done: int) -> None:
    """Refuse what cannot be the file before any of it takes the place of what is there already: no content, a page
    (to log in to a network, say), or what is announced as shorter or longer."""
    if response.status not in (200, 206):
        raise _Failed(f"HTTP {response.status} {_one_line(response.reason)}")
    if response.headers.get_content_type() == "text/html":
        raise _Failed("answered with a page, not with a file")
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) != file.size - done:
        raise _Failed(f"has {int(announced) + done:,} bytes, not {file.size:,}")


def _size(part: Path) -> int:
    """How much has arrived."""
    with storage_errors(part):
        return part.stat().st_size if part.exists() else 0


def _reason(error: Exception) -> str:
    """What the system says, without urllib's wrapping, on one line."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return _one_line(str(getattr(cause, "strerror", None) or cause or type(cause).__name__))


def _one_line(text: str) -> str:
    """What a server or the system says, as a message may print it."""
    return shown(" ".join(text.split()), at_most=200)
