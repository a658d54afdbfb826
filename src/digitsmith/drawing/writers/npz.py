"""One NumPy archive with the names of Keras's mnist.npz."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from digitsmith.drawing.writers.interface import Add, Shape

# Level 1 makes the file 4.3 times smaller than stored, and 200,000 digits a second are still far more than
# are ever drawn; level 6 takes twice as long for another 10 %.
_LEVEL = 1


@contextmanager
def npz_writer(folder: Path, *, classes: Sequence[str], count: int, shape: Shape) -> Iterator[Add]:
    """Writes digits.npz: x_train uint8 [N, H, W] or [N, H, W, 3], y_train int64 [N], classes str [K].

    A zip member's header comes before its content, so x_train is streamed and the labels wait in memory.
    Members carry zip's first date, 1980, and nothing in them is pickled.
    """
    channels, height, width = shape
    sizes = (count, height, width) if channels == 1 else (count, height, width, channels)
    seen: list[NDArray[np.int64]] = []

    with zipfile.ZipFile(folder / "digits.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        with archive.open("x_train.npy", "w", force_zip64=True) as member:
            npy.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": sizes})

            def add(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
                member.write(images.transpose(0, 2, 3, 1).tobytes())
                seen.append(labels)

            yield add
        for name, array in (("y_train", np.concatenate(seen)), ("classes", np.array(classes))):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
