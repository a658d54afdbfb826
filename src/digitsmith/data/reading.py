"""The one door for images: a known name or a path, whatever the format, -> `Digits`, or `Images` without labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from digitsmith.data.catalogue import CATALOGUE
from digitsmith.data.csv import read_csv_images
from digitsmith.data.digits import Digits
from digitsmith.data.files import beginning, check_split, entries, is_folder, named, of_split, reading, shown
from digitsmith.data.folder import is_companion, loose_pictures, read_folder_images
from digitsmith.data.idx import is_idx_images_name, read_idx_images
from digitsmith.data.images import Images
from digitsmith.data.mnist import load_mnist
from digitsmith.data.npz import read_npy_images, read_npz_images
from digitsmith.data.parquet import parquet_files, read_parquet_images
from digitsmith.data.stacked import STACKED_MNIST, load_stacked_mnist
from digitsmith.errors import DataError, InputError, MissingSplitError


def _load_fetched(name: str, split: str) -> Digits:
    from digitsmith.data.library import load_named  # with all that speaks HTTP: only for whoever asks for such a name

    return load_named(CATALOGUE[name], split)


_NAMED: dict[str, Callable[[str], Digits]] = {
    "mnist": load_mnist,
    STACKED_MNIST: load_stacked_mnist,
    **{name: partial(_load_fetched, name) for name in CATALOGUE},
}
KNOWN = tuple(_NAMED)
"""The data sets that are asked for by name."""

_FORMATS = "an IDX pair, .parquet, .npz, .csv(.gz), or a folder of class folders of pictures"
# (first bytes, once un-gzipped; the end of the name, where those are missing or damaged; reader)
_FILES: tuple[tuple[bytes | None, str, Callable[..., Images]], ...] = (
    (b"PK\x03\x04", ".npz", read_npz_images),
    (b"\x93NUMPY", ".npy", read_npy_images),
    (b"PAR1", ".parquet", read_parquet_images),
    (b"\x00\x00\x08", "-ubyte", read_idx_images),
    (None, ".csv", read_csv_images),
)


def read_digits(spec: str | Path, *, split: str = "train") -> Digits:
    """Labelled images by name or from a path.

    Args:
        spec: a name ("mnist", "stacked-mnist", or one of `data.catalogue.CATALOGUE`, which is fetched into the cache
            the first time), or the path of a file or a folder in any format that this package reads; what it is, is
            told by its content. A folder called mnist is reached as "./mnist".
        split: "train", "test", or "all" for train followed by test. Data that marks no splits is all train.

    Raises:
        DataError: when there is no such path, no known format, no such split, no label, or the reader finds a fault.
        ConfigError: for another split.
        DigitsmithError: data that is to be fetched cannot be had; says how to put it into the cache by hand.
    """
    return read_images(spec, split=split).labelled()


def require_apart(folder: Path, *read: object) -> None:
    """Refuse to write into what is read: the next time, what was written may be taken for a class, or for the data.

    That is so among pictures; it is refused for every format, so that there is one rule.

    Args:
        folder: is to be written; may be a file.
        read: names and paths of data; whatever else is no place and passes.

    Raises:
        InputError: it lies within one of them.
    """
    for place in read:
        if not isinstance(place, str | Path) or place in KNOWN:
            continue
        # not Path.resolve, which raises RuntimeError for a loop of links before Python 3.13
        if Path(os.path.realpath(place)) in Path(os.path.realpath(folder)).parents:
            raise InputError(f"{folder}: lies within {place}, which is read; choose a place outside it")


def read_test(spec: str | Path) -> Digits:
    """Labelled images that are to test: the test split of `spec`, or all of it where it marks none.

    Raises:
        As `read_digits`.
    """
    try:
        return read_digits(spec, split="test")
    except MissingSplitError:
        return read_digits(spec)


def read_images(spec: str | Path, *, split: str = "train") -> Images:
    """Images by name or from a path, and their labels where there are any.

    Args:
        spec: as for `read_digits`. Without labels it may also be a folder of pictures (the order is that of the
            numbers in their names), an IDX images file alone, an .npz file or a table with images only, or a .npy
            file.
        split: as for `read_digits`.

    Raises:
        As `read_digits`, but for labels that are missing.
    """
    if split == "all" and spec != "mnist":  # which has all its images in one piece
        return _joined(_read(spec, "train"), _read(spec, "test"), named(Path(spec)))
    return _read(spec, split)


def _read(spec: str | Path, split: str) -> Images:
    if isinstance(spec, str) and spec in _NAMED:
        return Images.of(_NAMED[spec](split))
    check_split(split)
    path = Path(spec)
    with reading(path):
        if not path.exists() and not path.is_symlink():
            known = ", ".join(KNOWN)
            raise DataError(f"{named(path)}: no such file or folder, and no known name; known names: {known}")
    return _read_any_folder(path, split) if is_folder(path) else _read_file(path, split)


def _read_any_folder(path: Path, split: str) -> Images:
    """A folder of data files (also in its folder `data`), or else of class folders, or else of pictures."""
    if parquet_files(path):
        return read_parquet_images(path, split=split)
    for place in (path, path / "data"):
        files = [entry for entry in entries(place) if not is_folder(entry)] if is_folder(place) else []
        if any(is_idx_images_name(file.name) for file in files):
            return read_idx_images(place, split=split)
        for ends in ((".npz",), (".csv", ".csv.gz")):
            found = [file for file in files if file.name.lower().endswith(ends) and not is_companion(file.name)]
            if found:
                return _read_file(_one_of(path, found, split), split)
    if not any(is_folder(entry) for entry in entries(path)) and not loose_pictures(path):
        raise DataError(f"{named(path)}: holds no data in a known format; give {_FORMATS}")
    return read_folder_images(path, split=split)


def _one_of(folder: Path, files: list[Path], split: str) -> Path:
    """The file to read for `split`: an only .npz may hold both splits, otherwise the name tells."""
    if len(files) == 1 and files[0].suffix == ".npz":
        return files[0]
    chosen = of_split(named(folder), files, split)
    if len(chosen) > 1:
        names = ", ".join(shown(file.name) for file in chosen[:5])
        raise DataError(f"{named(folder)}: holds several {split} files ({names}); name the one to read")
    return chosen[0]


def _read_file(path: Path, split: str) -> Images:
    """A file by its first bytes, or, where those say nothing, by the end of its name."""
    reader = _reader_of(path)
    if reader is read_npz_images:
        return read_npz_images(path, split=split)
    if split != "train":  # a file by itself is the train split, unless its name says otherwise
        of_split(named(path), [path], split)
    return reader(path)


def _reader_of(path: Path) -> Callable[..., Images]:
    head = beginning(path)
    for magic, _, reader in _FILES:
        if magic and head.startswith(magic):
            return reader
    for _, ends, reader in _FILES:
        if path.name.lower().removesuffix(".gz").endswith(ends):
            return reader
    raise DataError(f"{named(path)}: is in no known format; give {_FORMATS}")


def _joined(train: Images, test: Images, source: str) -> Images:
    if train.images.shape[1:] != test.images.shape[1:] or train.classes != test.classes:
        raise DataError(
            f"{source}: its train and test splits differ in image size, colour or classes; read one of them"
        )
    labels = [part.labels for part in (train, test) if part.labels is not None]
    return Images(
        np.concatenate([train.images, test.images]),
        np.concatenate(labels) if labels else None,
        train.classes,
        source=f"{source} (all)",
        unlabelled=train.unlabelled,
    )
