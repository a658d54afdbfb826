"""A published data set before any of it is here: its files and their checksums, its classes, its terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from digitsmith.data.published import Decoded
from digitsmith.storage import sha256_of


@dataclass(frozen=True)
class DataFile:
    """A file as its publishers give it.

    Attributes:
        name: what it is called in the cache.
        size: in bytes.
        sha256: of its content, in hexadecimal.
        addresses: where it can be had, the publishers' own first; none for a member of an archive.
        member: its path inside the data set's archive, where it comes in one.
    """

    name: str
    size: int
    sha256: str
    addresses: tuple[str, ...] = ()
    member: str = ""

    def is_at(self, path: Path) -> bool:
        """Whether the file is at `path`, whole: its size and SHA-256 are right."""
        return self.seems_at(path) and sha256_of(path) == self.sha256

    def seems_at(self, path: Path) -> bool:
        """Whether a file of this size is at `path`: at no cost, and enough for a list."""
        return path.is_file() and path.stat().st_size == self.size


@dataclass(frozen=True)
class NamedData:
    """One data set of the catalogue.

    Attributes:
        name: what it is asked for by.
        about: what its images show, in a few words.
        image_shape: (C, H, W).
        classes: a name for each label.
        counts: how many images each split has, of "train" and "test".
        files: of each split, in the order that `decode` wants.
        decode: the files of one split -> pixels uint8 [N, C, H, W], labels int64 [N].
        licence: as its makers state it.
        citation: how they ask to be cited.
        homepage: where they present it.
        folder: in the cache; some data sets share one, as they come in one archive.
        archive: what their files come in; None where each is fetched by itself.
        together: all files that are taken out of the archive at once, those of the data sets that share it too.
        slow: decoding takes more than a second, so that what comes out is kept in the cache too.
    """

    name: str
    about: str
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    files: Mapping[str, Sequence[DataFile]]
    decode: Callable[[Sequence[Path]], Decoded]
    licence: str
    citation: str
    homepage: str
    folder: str
    archive: DataFile | None = None
    together: Sequence[DataFile] = field(default=(), repr=False)
    slow: bool = False

    @property
    def all_files(self) -> list[DataFile]:
        """Those of both splits."""
        return [file for split in ("train", "test") for file in self.files[split]]

    @property
    def downloads(self) -> list[DataFile]:
        """What is fetched when nothing is there: the archive, or the files."""
        return [self.archive] if self.archive is not None else self.all_files

    @property
    def download_size(self) -> int:
        """The bytes of `downloads`."""
        return sum(file.size for file in self.downloads)
