"""Imported images as a data set: with labels in any format, without them as pictures or an array."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from digitsmith.data.folder import MANIFEST
from digitsmith.drawing.writers import write_data_set
from digitsmith.drawing.writers.png import encode_png, index_width
from digitsmith.errors import InputError
from digitsmith.scanning.contact_sheet import CONTACT
from digitsmith.storage import new_folder

UNLABELLED_FORMATS = ("png", "npz")
_ORIGIN = "written by hand, scanned or photographed, and\nbrought to MNIST's form"


def write_labelled(
    out: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    classes: Sequence[str],
    format: str,
    manifest: Mapping[str, object],
    page: bytes,
) -> None:
    """Write images uint8 [N, 1, S, S] with labels int64 [N] as the new folder `out`, with the contact sheet.

    Raises:
        InputError, StorageError: as `write_data_set` says.
    """
    write_data_set(
        out,
        [(images, labels)],
        format=format,
        classes=classes,
        count=len(images),
        manifest=manifest,
        origin=_ORIGIN,
        origin_tag="scanned",
        beside={CONTACT: page},
    )


def write_unlabelled(
    out: Path, images: NDArray[np.uint8], *, format: str, manifest: Mapping[str, object], page: bytes
) -> None:
    """Write images uint8 [N, 1, S, S] as the new folder `out`: loose pictures 000000.png and so on, or digits.npz with
    x_train uint8 [N, S, S]; with the manifest and the contact sheet. `data.read_images` reads either.

    Raises:
        InputError: another format, or an `out` in use.
        StorageError: the disk refused; nothing half-written is left.
    """
    if format not in UNLABELLED_FORMATS:
        raise InputError(
            f"{format} needs labels, and these pictures have none: put them into class folders, give --label, or "
            f"choose {' or '.join(UNLABELLED_FORMATS)}"
        )
    with new_folder(out) as folder:
        if format == "png":
            width = index_width(len(images))
            for index, content in enumerate(encode_png(images)):
                (folder / f"{index:0{width}d}.png").write_bytes(content)
        else:
            with zipfile.ZipFile(folder / "digits.npz", "w", zipfile.ZIP_DEFLATED) as archive:
                member = zipfile.ZipInfo("x_train.npy")  # of zip's first date: the same images are the same bytes
                member.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(member, "w", force_zip64=True) as file:
                    npy.write_array(file, images[:, 0], allow_pickle=False)
        facts = {
            **manifest,
            "format": format,
            "count": len(images),
            "image": {"channels": 1, "height": images.shape[2], "width": images.shape[3]},
        }
        text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
        (folder / CONTACT).write_bytes(page)
