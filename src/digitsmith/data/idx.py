"""IDX, the format MNIST was published in: `00 00 08 rank`, big-endian uint32 sizes, bytes; raw or gzip."""

from __future__ import annotations

import re
import struct
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitsmith.data.arrays import images_from, labels_from_numbers
from digitsmith.data.digits import Digits
from digitsmith.data.files import entries, expanded, is_folder, named, of_split, read_bytes, reading, shown
from digitsmith.data.folder import classes_beside
from digitsmith.data.images import Images
from digitsmith.errors import DataError

_UNSIGNED_BYTES = 0x08
_MAX_RANK = 4
_IMAGES_NAME = re.compile(r"images[-.]idx\d-ubyte(\.gz)?$")


def read_idx(path: Path, *, split: str = "train") -> Digits:
    """Labelled images of an IDX pair: what `read_idx_images` reads, where the labels file is there.

    Raises:
        DataError: as that says, or when there is no labels file.
    """
    return read_idx_images(path, split=split).labelled()


def read_idx_images(path: Path, *, split: str = "train") -> Images:
    """The images file at `path`, or that of `split` in the folder `path`, with the labels file beside it, if any.

    Images are [N, H, W] gray, or [N, H, W, C] or [N, C, H, W] colour; labels are [N], numbered from 0.
    Classes are called as the manifest says that `digitsmith make` wrote beside them, or else by their numbers.
    A folder's pair is found by MNIST's own names: `train-images-idx3-ubyte`, `t10k-images.idx3-ubyte.gz`, ...

    Raises:
        DataError: when the images file is missing, or header and content disagree; for the labels file alone, and
            for a labels file of another length.
    """
    images_path = _images_in(path, split) if is_folder(path) else path
    where = named(images_path)
    labels_path, missing = _labels_beside(images_path)
    pixels = parse_idx(images_path)
    if pixels.ndim < 3:
        raise DataError(f"{where}: has rank {pixels.ndim}; an images file is [N, H, W] or [N, H, W, C]")
    if labels_path is None:
        return Images(images_from(where, pixels), source=where, unlabelled=missing)
    numbers = parse_idx(labels_path)
    if len(numbers) != len(pixels):
        raise DataError(
            f"{where}: holds {len(pixels)} images, but {named(labels_path)} {len(numbers)} labels; find the right pair"
        )
    names = classes_beside(images_path, format="idx", labels=int(numbers.max()) + 1)
    labels, classes = labels_from_numbers(named(labels_path), numbers, names)
    return Images(images_from(where, pixels), labels, classes, source=where)


def parse_idx(source: bytes | Path) -> NDArray[np.uint8]:
    """One IDX array of unsigned bytes of rank 1 to 4, from a file or from bytes, raw or gzip; read-only.

    Raises:
        DataError: unless magic, type code, rank and length are exactly what the format asks for. Nothing is
            allocated by what the header promises, only by what is there.
    """
    if isinstance(source, bytes):
        where, data = "IDX bytes", source
    else:
        where, data = named(source), read_bytes(source)
    shape = _shape(where, expanded(where, data, at_most=4 + 4 * _MAX_RANK))
    header = 4 + 4 * len(shape)
    content = expanded(where, data, at_most=header + prod(shape))
    if len(content) != header + prod(shape):
        amount = "more" if len(content) > header + prod(shape) else f"only {len(content) - header:,}"
        raise DataError(
            f"{where}: its header promises {list(shape)}, {prod(shape):,} bytes, but {amount} are there; "
            "copy or download it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def is_idx_images_name(name: str) -> bool:
    """Whether a file of this name in a folder is the images half of an IDX pair."""
    return _IMAGES_NAME.search(name) is not None


def _shape(where: str, head: bytes) -> tuple[int, ...]:
    if len(head) < 4 or head[:2] != b"\x00\x00":
        raise DataError(f"{where}: is not IDX: it begins with {head[:4].hex(' ') or 'nothing'}, not with 00 00 08")
    code, rank = head[2], head[3]
    if code != _UNSIGNED_BYTES:
        raise DataError(f"{where}: has the type code {code:#04x}; only unsigned bytes (0x08) are read, convert it")
    if not 1 <= rank <= _MAX_RANK:
        raise DataError(f"{where}: has {rank} dimensions; labels have 1, images 3 or 4")
    if len(head) < 4 + 4 * rank:
        raise DataError(f"{where}: ends within its header; copy or download it again")
    shape: tuple[int, ...] = struct.unpack_from(f">{rank}I", head, 4)
    if 0 in shape:
        raise DataError(f"{where}: is empty, its shape is {list(shape)}; give at least one image of each class")
    return shape


def _images_in(folder: Path, split: str) -> Path:
    """The one images file of `split`; a file beside its own .gz stands for both."""
    where = named(folder)
    images = [entry for entry in entries(folder) if is_idx_images_name(entry.name)]
    if not images:
        raise DataError(f"{where}: holds no images file such as train-images-idx3-ubyte; name the file itself")
    found = {file.name.removesuffix(".gz"): file for file in reversed(of_split(where, images, split))}
    if len(found) > 1:
        raise DataError(f"{where}: holds several {split} sets ({', '.join(sorted(found))}); name one images file")
    return next(iter(found.values()))


def _labels_beside(images: Path) -> tuple[Path | None, str]:
    """The labels file that belongs to an images file; or None, and why there is none."""
    if "images" not in images.name:
        nameless = f"{named(images)}: its name does not say 'images'; give the images file, the labels lie beside it"
        if "labels" in images.name:  # the other half of a pair
            raise DataError(nameless)
        return None, nameless
    stem = re.sub(r"idx\d", "idx1", images.name.removesuffix(".gz").replace("images", "labels"))
    stems = dict.fromkeys((stem, stem.replace(".idx1", "-idx1"), stem.replace("-idx1", ".idx1")))
    for name in (stem + end for stem in stems for end in ("", ".gz")):
        with reading(images):
            if (images.parent / name).exists():
                return images.parent / name, ""
    return None, f"{named(images)}: has no labels beside it; looked for {', '.join(map(shown, stems))}, raw or .gz"
