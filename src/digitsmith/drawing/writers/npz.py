"""One NumPy archive with the names of Keras's mnist.npz."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from digitsmith.drawing.writers.interface import Add, Shape

# Level 1 makes the file 4.3 times smaller than stored, and 200,000 digits a second are still far more than
# are ever drawn; level 6 takes twice as long for another 10 %.
_LEVEL = 1


@contextmanager
def npz_writer(folder: Path, *, classes: Sequence[str], count: int, shape: Shape, test_count: int = 0) -> Iterator[Add]:
    """Writes digits.npz: x_train uint8 [N, H, W] or [N, H, W, 3], y_train int64 [N], classes str [K].

    Of the `count` images the last `test_count` are x_test and y_test, where there are any.

    A zip member's header comes before its content, so the images are streamed and the labels wait in memory.
    Members carry zip's first date, 1980, and nothing in them is pickled.
    """
    sizes = shape[1:] if shape[0] == 1 else (*shape[1:], shape[0])
    splits = {"train": count - test_count} | ({"test": test_count} if test_count else {})
    waiting, seen = iter(splits.items()), []
    with zipfile.ZipFile(folder / "digits.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        with ExitStack() as begun:  # the member that is being written: a zip has one at a time
            left, member = 0, None

            def add(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
                nonlocal left, member
                seen.append(labels)
                pixels = images.transpose(0, 2, 3, 1)
                while len(pixels):
                    if member is None or not left:
                        begun.close()
                        split, left = next(waiting)
                        member = begun.enter_context(archive.open(f"x_{split}.npy", "w", force_zip64=True))
                        header = {"descr": "|u1", "fortran_order": False, "shape": (left, *sizes)}
                        npy.write_array_header_1_0(member, header)
                    member.write(pixels[:left].tobytes())
                    pixels, left = pixels[left:], left - min(left, len(pixels))

            yield add
        labels = np.split(np.concatenate(seen), [count - test_count])
        named = {f"y_{split}": labels[place] for place, split in enumerate(splits)}
        for name, array in (named | {"classes": np.array(classes)}).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                npy.write_array(file, array, allow_pickle=False)
