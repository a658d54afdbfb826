"""One Parquet file of PNGs and labels that `datasets` opens as Image and ClassLabel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.writers.interface import Add, Shape
from digitsmith.drawing.writers.png import encode_png, index_width

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1000  # in a row group: what is held in memory, and what a reader takes at a time


@contextmanager
def parquet_writer(folder: Path, *, classes: Sequence[str], count: int, shape: Shape) -> Iterator[Add]:
    """Writes data/train-00000-of-00001.parquet: image {bytes: PNG, path: file name}, label int64.

    The schema's `huggingface` entry carries the class names. Pages are not compressed: PNGs are already.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    width = index_width(count)
    pngs: list[bytes] = []
    labels_waiting: list[int] = []
    (folder / "data").mkdir()
    with (
        (folder / "data" / "train-00000-of-00001.parquet").open("wb") as file,
        pq.ParquetWriter(file, _schema(classes), compression="none", use_dictionary=False) as table,
    ):
        written = 0

        def write_group() -> None:
            nonlocal written
            names = [f"{i:0{width}d}.png" for i in range(written, written + len(pngs))]
            images = pa.StructArray.from_arrays([pa.array(pngs, pa.binary()), pa.array(names)], ["bytes", "path"])
            table.write_batch(pa.record_batch([images, pa.array(labels_waiting, pa.int64())], schema=table.schema))
            written += len(pngs)
            pngs.clear()
            labels_waiting.clear()

        def add(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
            for png, label in zip(encode_png(images), labels.tolist(), strict=True):
                pngs.append(png)
                labels_waiting.append(label)
                if len(pngs) == _ROWS:
                    write_group()

        yield add
        if pngs:
            write_group()


def _schema(classes: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    features = {"image": {"_type": "Image"}, "label": {"names": list(classes), "_type": "ClassLabel"}}
    return pa.schema(
        {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "label": pa.int64()},
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
