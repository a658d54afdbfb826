"""What a format's writer is: a context in which chunks of images are added, whose end completes the files.

    with writer(folder, classes=classes, count=count, shape=(C, H, W)) as add:
        add(images, labels)  # uint8 [n, C, H, W], int64 [n]; as often as it takes to reach `count`

An exception in the block closes the files unfinished; removing them is `storage.new_folder`'s part. A writer
holds one chunk (Parquet: a thousand images) and the labels, never the data set, and the bytes it
writes do not depend on where the chunks were cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int, int]  # C, H, W
Add = Callable[[NDArray[np.uint8], NDArray[np.int64]], None]


class Writer(Protocol):
    """One format; raises InputError when it cannot hold such images or classes."""

    def __call__(
        self, folder: Path, *, classes: Sequence[str], count: int, shape: Shape
    ) -> AbstractContextManager[Add]: ...
