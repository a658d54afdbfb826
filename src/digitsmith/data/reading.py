"""The one door for labelled images: a known name or a path, whatever the format, -> `Digits`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from digitsmith.data.csv import read_csv
from digitsmith.data.digits import Digits
from digitsmith.data.files import beginning, check_split, entries, is_folder, named, of_split, reading, shown
from digitsmith.data.folder import read_folder
from digitsmith.data.idx import is_idx_images_name, read_idx
from digitsmith.data.mnist import load_mnist
from digitsmith.data.npz import read_npz
from digitsmith.data.parquet import parquet_files, read_parquet
from digitsmith.errors import DataError

_FORMATS = "an IDX pair, .parquet, .npz, .csv(.gz), or a folder of class folders of pictures"
# (first bytes, once un-gzipped; the end of the name, where those are missing or damaged; reader)
_FILES: tuple[tuple[bytes | None, str, Callable[..., Digits]], ...] = (
    (b"PK\x03\x04", ".npz", read_npz),
    (b"PAR1", ".parquet", read_parquet),
    (b"\x00\x00\x08", "-ubyte", read_idx),
    (None, ".csv", read_csv),
)


def read_digits(spec: str | Path, *, split: str = "train") -> Digits:
    """Labelled images by name or from a path.

    Args:
        spec: "mnist", or the path of a file or a folder in any format that this package reads; what it is, is
            told by its content. A folder called mnist is reached as "./mnist".
        split: "train", "test", or "all" for train followed by test. Data that marks no splits is all train.

    Raises:
        DataError: when there is no such path, no known format, no such split, or the reader finds a fault.
        ConfigError: for another split.
    """
    if isinstance(spec, str) and spec == "mnist":
        return load_mnist(split)
    path = Path(spec)
    if split == "all":
        return _joined(_read(path, "train"), _read(path, "test"), named(path))
    return _read(path, split)


def _read(path: Path, split: str) -> Digits:
    check_split(split)
    with reading(path):
        if not path.exists() and not path.is_symlink():
            raise DataError(f"{named(path)}: no such file or folder, and no known name; known names: mnist")
    return _read_any_folder(path, split) if is_folder(path) else _read_file(path, split)


def _read_any_folder(path: Path, split: str) -> Digits:
    """A folder of data files (also in its folder `data`), or else of class folders."""
    if parquet_files(path):
        return read_parquet(path, split=split)
    for place in (path, path / "data"):
        files = [entry for entry in entries(place) if not is_folder(entry)] if is_folder(place) else []
        if any(is_idx_images_name(file.name) for file in files):
            return read_idx(place, split=split)
        for ends in ((".npz",), (".csv", ".csv.gz")):
            found = [file for file in files if file.name.lower().endswith(ends)]
            if found:
                return _read_file(_one_of(path, found, split), split)
    if not any(is_folder(entry) for entry in entries(path)):
        raise DataError(f"{named(path)}: holds no data in a known format; give {_FORMATS}")
    return read_folder(path, split=split)


def _one_of(folder: Path, files: list[Path], split: str) -> Path:
    """The file to read for `split`: an only .npz may hold both splits, otherwise the name tells."""
    if len(files) == 1 and files[0].suffix == ".npz":
        return files[0]
    chosen = of_split(named(folder), files, split)
    if len(chosen) > 1:
        names = ", ".join(shown(file.name) for file in chosen[:5])
        raise DataError(f"{named(folder)}: holds several {split} files ({names}); name the one to read")
    return chosen[0]


def _read_file(path: Path, split: str) -> Digits:
    """A file by its first bytes, or, where those say nothing, by the end of its name."""
    reader = _reader_of(path)
    if reader is read_npz:
        return read_npz(path, split=split)
    if split != "train":  # a file by itself is the train split, unless its name says otherwise
        of_split(named(path), [path], split)
    return reader(path)


def _reader_of(path: Path) -> Callable[..., Digits]:
    head = beginning(path)
    for magic, _, reader in _FILES:
        if magic and head.startswith(magic):
            return reader
    for _, ends, reader in _FILES:
        if path.name.lower().removesuffix(".gz").endswith(ends):
            return reader
    raise DataError(f"{named(path)}: is in no known format; give {_FORMATS}")


def _joined(train: Digits, test: Digits, source: str) -> Digits:
    if train.image_shape != test.image_shape or train.classes != test.classes:
        raise DataError(
            f"{source}: its train and test splits differ in image size, colour or classes; read one of them"
        )
    return Digits(
        np.concatenate([train.images, test.images]),
        np.concatenate([train.labels, test.labels]),
        train.classes,
        source=f"{source} (all)",
    )
