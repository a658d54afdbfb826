"""The FID's Inception weights: found in the cache or where the user says, or downloaded on request; always checked.

They are not shipped: 96 MB that only one figure needs.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from digitsmith.errors import CheckpointError, DigitsmithError
from digitsmith.storage import cache_folder, sha256_of, write_bytes_atomically

NAME = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{NAME}"
# The release states no digest but the eight digits in the file's name (torch hub's rule). This is the whole of it as
# several independent projects have pinned it; and its size.
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
BYTES = 95_628_359

HOW_TO_GET = "get the weights once with --download-inception (96 MB), or name a copy with --inception-weights PATH"
_OTHERWISE = "try again, or download it by other means and name it with --inception-weights PATH"

_BLOCK_BYTES = 1 << 20
_TIMEOUT_S = 30.0


def find_inception_weights(path: Path | None = None) -> Path | None:
    """`path`, or without one the file in digitsmith's cache (`$DIGITSMITH_CACHE`); None where none intact is there.

    Raises:
        CheckpointError: `path` is given, and cannot be read or is another file.
    """
    if path is not None:
        _check(path, SHA256)
        return path
    try:
        _check(_cached(), SHA256)
    except CheckpointError:
        return None
    return _cached()


def download_inception_weights(*, on_progress: Callable[[int], None] | None = None) -> Path:
    """The weights' place in the cache, after downloading them unless they are there already.

    Args:
        on_progress: called with the number of bytes received so far, of `BYTES`.

    Raises:
        DigitsmithError: the download failed, or brought something else; nothing was kept.
        InputError, StorageError: the cache cannot be written.
    """
    return _download(URL, _cached(), sha256=SHA256, size=BYTES, on_progress=on_progress)


def read_inception_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of the published file, by name.

    Raises:
        CheckpointError: the file cannot be read, or its SHA-256 is not the published one's. With other weights the
            distance would be no FID, so tensors that have been saved anew are refused too.
    """
    _check(path, SHA256)
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def _check(path: Path, sha256: str) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); {HOW_TO_GET}") from None
    if found != sha256:
        raise CheckpointError(f"{path}: is damaged, or another file than {NAME} (its SHA-256 differs); {HOW_TO_GET}")


def _cached() -> Path:
    return cache_folder() / NAME


def _download(
    url: str, target: Path, *, sha256: str, size: int, on_progress: Callable[[int], None] | None = None
) -> Path:
    """Brings what lies at `url` to `target`, which takes its name only with the right digest."""
    with suppress(CheckpointError):
        _check(target, sha256)
        return target
    try:
        content = _received(url, size, on_progress)
    except (OSError, http.client.HTTPException) as error:
        reason = str(error).removeprefix("<urlopen error ").removesuffix(">")
        raise DigitsmithError(f"{url}: cannot be downloaded ({reason}); {_OTHERWISE}") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DigitsmithError(
            f"{url}: brought {len(content):,} bytes that are not the published file (its SHA-256 differs); {_OTHERWISE}"
        )
    write_bytes_atomically(target, content)
    return target


def _received(url: str, size: int, on_progress: Callable[[int], None] | None) -> bytes:
    """The body of `url`, as far as its end or one byte past `size`: what is longer is another file anyway."""
    content = bytearray()
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
        while block := response.read(min(_BLOCK_BYTES, size + 1 - len(content))):
            content += block
            if on_progress is not None:
                on_progress(len(content))
    return bytes(content)
