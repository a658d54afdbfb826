"""A folder of class folders of pictures: DIR/<class>/*.png, or DIR/train/<class>/*.png; or of pictures alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from digitsmith.data.arrays import in_class_order, labels_from_names
from digitsmith.data.digits import Digits
from digitsmith.data.files import (
    ALL_SPLITS,
    check_split,
    entries,
    is_folder,
    named,
    natural_order,
    of_split,
    read_bytes,
)
from digitsmith.data.images import Images
from digitsmith.data.pictures import MAX_FILE_BYTES, SUFFIXES, stacked
from digitsmith.errors import DataError

MANIFEST = "manifest.json"
FOLDERS = "folders"  # in it: the class of each folder whose name is not the class's own
_COMPANIONS = re.compile(r"manifest\.json|styles\.csv|scans\.html|(readme|notice|license)(\.md|\.txt)?", re.IGNORECASE)


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder's name for each class: its own, but with - for a slash ("T-shirt/top"), and with its number where many
    disks would take two for one ("a" and "A")."""
    names: list[str] = []
    for label, name in enumerate(classes):
        plain = re.sub(r"[/\\]", "-", name)
        taken = plain.casefold() in (other.casefold() for other in names)
        names.append(f"{plain} ({label})" if taken else plain)
    return names


def read_folder(path: Path, *, split: str = "train") -> Digits:
    """Labelled pictures: what `read_folder_images` reads, where they lie in class folders.

    Raises:
        DataError: as that says, or when they do not.
    """
    return read_folder_images(path, split=split).labelled()


def read_folder_images(path: Path, *, split: str = "train") -> Images:
    """Pictures in one folder per class, as torchvision's ImageFolder and `digitsmith make` lay them out; or,
    without labels, all in one folder that has no folders.

    Classes stand in numerical order when all their folders are whole numbers, else in the order of their
    names; a class's pictures stand in the order of their names, pictures without labels in that of
    `loose_pictures`. Gray (modes L, 1, a palette of grays) gives
    one channel, RGB (and a palette of colours) three. Hidden files are ignored everywhere, and beside the
    class folders also a manifest.json, styles.csv, scans.html, README, NOTICE or LICENSE; but a manifest of `digitsmith
    make` says what the classes are called whose names no folder can have.

    Raises:
        DataError: names the first file that is no such picture, or differs from the first in size or colour.
    """
    check_split(split)
    root = _root(path, split)
    if not _folders_in(root):
        return _unlabelled(root)
    files = [file for folder in _class_folders(root) for file in _files_of(folder)]
    images = stacked(_encoded(files))
    called = _classes_of_folders(root)
    folders = (file.parent.name for file in files)
    labels, classes = labels_from_names(named(root), [called.get(folder, folder) for folder in folders])
    return Images(images, labels, classes, source=named(root))


def classes_beside(file: Path, *, format: str, labels: int) -> list[str] | None:
    """The names of the classes of a file that has their numbers only, from the manifest that was written with it.

    Args:
        file: the images; the manifest lies in the same folder.
        format: of the file, as the manifest calls it: "idx" or "csv".
        labels: one more than the highest label in the file.

    Returns:
        A name for each number, `labels` or more; None where no manifest of ours names so many.
    """
    manifest = _manifest_in(file.parent)
    classes, counts = manifest.get("classes"), manifest.get("counts")
    if manifest.get("format") != format or not isinstance(classes, list) or not isinstance(counts, dict):
        return None
    ours = all(isinstance(name, str) for name in classes) and sorted(counts) == sorted(classes)
    return classes if ours and labels <= len(classes) else None


def _classes_of_folders(root: Path) -> dict[str, str]:
    """Folder -> class of those with another name; none where no manifest of ours says so."""
    called = _manifest_in(root).get(FOLDERS)
    if not isinstance(called, dict):
        return {}
    return {folder: name for folder, name in called.items() if isinstance(name, str)}


def _manifest_in(folder: Path) -> dict[str, Any]:
    """What manifest.json says there, whoever wrote it; nothing where there is none, or none that can be read."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(read_bytes(path, at_most=MAX_FILE_BYTES)) if path.is_file() else {}
    except (ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def is_companion(name: str) -> bool:
    """Whether a file of that name says something about the images beside it, and holds none."""
    return _COMPANIONS.fullmatch(name) is not None


def loose_pictures(folder: Path) -> list[Path]:
    """All files of a folder, where at least one has a picture's name; empty where none has.

    They stand in the order of their names, numbers in them by their value: "digit 2.png" before "digit 10.png".
    """
    files = [file for file in entries(folder) if not is_companion(file.name)]
    if not any(file.suffix.lower() in SUFFIXES for file in files):
        return []
    return sorted(files, key=lambda file: natural_order(file.name))


def _unlabelled(root: Path) -> Images:
    missing = f"{named(root)}: holds no class folders; put each class's pictures in a folder of its name"
    files = loose_pictures(root)
    if not files:
        raise DataError(missing)
    return Images(stacked(_encoded(files)), source=named(root), unlabelled=missing)


def _encoded(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        yield named(file), read_bytes(file, at_most=MAX_FILE_BYTES)


def _folders_in(path: Path) -> list[Path]:
    return [entry for entry in entries(path) if is_folder(entry)]


def _root(path: Path, split: str) -> Path:
    """The folder that holds the class folders: `path`, or its split's folder if all its folders are such."""
    folders = _folders_in(path)
    if not folders or not all(folder.name in ALL_SPLITS for folder in folders):
        return of_split(named(path), [path], split)[0] if split != "train" else path
    return of_split(named(path), folders, split)[0]


def _class_folders(root: Path) -> list[Path]:
    for entry in entries(root):
        if not is_folder(entry) and not is_companion(entry.name):
            raise DataError(f"{named(entry)}: lies beside the class folders; move it into its class's folder, or away")
    folders = {folder.name: folder for folder in _folders_in(root)}
    return [folders[name] for name in in_class_order(set(folders))]


def _files_of(folder: Path) -> list[Path]:
    files = entries(folder)
    if not files:
        raise DataError(f"{named(folder)}: holds no pictures; add some, or remove the folder")
    return files
