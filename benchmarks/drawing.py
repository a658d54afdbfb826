"""Digits a second: drawn in memory, and written to the disk in each format by `digitsmith.make`.

    python benchmarks/drawing.py [--rounds 5] [--folder DIR] [--json FILE] [--docs FILE]

Everything counts but loading the model: noise, network, encoding, files, checksums, and waiting until the disk has it
all. Beside the PNG files stand the encoders alone, from images at hand to memory, in as many threads: Pillow, as
everybody would, and digitsmith's own. The contenders work in turn in one process.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import digitsmith
from digitsmith.config import DEFAULT_MODEL
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.requests import balanced_labels
from digitsmith.drawing.writers.png import encode_png
from digitsmith.presets import settings_for
from digitsmith.training.machine import resolve
from measuring import Spread, arguments_of, in_turn, machine, machine_line, made_by, markdown_table, publish

IN_MEMORY = 20_000
TO_DISK = {"idx": 20_000, "npz": 20_000, "csv": 20_000, "parquet": 20_000, "png": 10_000}
MODELS = (DEFAULT_MODEL, "cgan")


def rate_in_memory(model: DigitModel, digits: int) -> float:
    """Digits a second from `draw_chunks`, the classes balanced."""
    labels = balanced_labels(digits, len(model.config.classes))
    began = time.perf_counter()
    for _ in model.draw_chunks(labels):
        pass
    return digits / (time.perf_counter() - began)


def rate_to_disk(model: DigitModel, digits: int, *, format: str, folder: Path, reject: bool = True) -> float:
    """Digits a second of `digitsmith.make`, somewhere in `folder`; what was written is removed, off the clock."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        began = time.perf_counter()
        digitsmith.make(digits, out=Path(place) / "digits", model=model, format=format, reject=reject)
        seconds = time.perf_counter() - began
    return digits / seconds


def rate_of_encoder(encode: Callable[[NDArray[np.uint8]], int], images: NDArray[np.uint8], *, threads: int) -> float:
    """Digits a second of `encode` alone, uint8 [N, 1, H, W] split evenly among the threads."""
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        written = sum(pool.map(encode, np.array_split(images, threads)))
        seconds = time.perf_counter() - began
    assert written > 67 * len(images), "a PNG file has at least its head and tail"
    return len(images) / seconds


def encode_with_pillow(images: NDArray[np.uint8]) -> int:
    """Every image as a PNG file in memory; returns their bytes."""
    written = 0
    for image in images[:, 0]:
        file = io.BytesIO()
        Image.fromarray(image).save(file, format="PNG")
        written += file.tell()
    return written


def encode_with_digitsmith(images: NDArray[np.uint8]) -> int:
    """As `encode_with_pillow`."""
    return sum(map(len, encode_png(images)))


def contenders(
    model: DigitModel, folder: Path, *, in_memory: int = IN_MEMORY, to_disk: Mapping[str, int] = TO_DISK
) -> dict[str, Callable[[], float]]:
    """What takes its turn and gives digits a second, each under the words of its row."""
    rows: dict[str, Callable[[], float]] = {
        f"drawn, {in_memory:,} in memory": partial(rate_in_memory, model, in_memory),
        f"written, {to_disk['idx']:,} as idx, nothing rejected": partial(
            rate_to_disk, model, to_disk["idx"], format="idx", folder=folder, reject=False
        ),
    }
    for format, digits in to_disk.items():
        rows[f"written, {digits:,} as {format}"] = partial(rate_to_disk, model, digits, format=format, folder=folder)
    return rows


def encoders(model: DigitModel, *, threads: int, digits: int = TO_DISK["png"]) -> dict[str, Callable[[], float]]:
    """PNG encoders, which turn the same digits into files in memory."""
    images = model.draw(balanced_labels(digits, len(model.config.classes)))[:, None]
    return {
        f"PNG encoder alone, {name}": partial(rate_of_encoder, encode, images, threads=threads)
        for name, encode in (("Pillow", encode_with_pillow), ("digitsmith's", encode_with_digitsmith))
    }


def main(line: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__, rounds=5)
    parser.add_argument(
        "--models", nargs="+", default=MODELS, help="shipped models' names, folders of runs or of saved models"
    )
    parser.add_argument("--threads", type=int, default=0, help="as of `digitsmith train`; 0: measured at the start")
    parser.add_argument("--folder", type=Path, help="where to write: on the disk in question (the temporary folder)")
    arguments = parser.parse_args(line)
    threads = resolve(settings_for(overrides={"threads": arguments.threads})).threads
    torch.set_num_threads(threads)
    facts = machine(threads=threads)

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        models = {str(name): digitsmith.load(name) for name in arguments.models}
        turns = {
            (name, words): turn
            for name, model in models.items()
            for words, turn in contenders(model, Path(folder)).items()
        }
        rates = in_turn(turns, rounds=arguments.rounds)
        alone = in_turn(encoders(next(iter(models.values())), threads=threads), rounds=arguments.rounds)
    words = list(dict.fromkeys(words for _, words in turns))
    rows = [[row, *(Spread.of(rates[name, row]).text() for name in models)] for row in words]
    rows += [[name, Spread.of(found).text(), *[""] * (len(models) - 1)] for name, found in alone.items()]
    table = markdown_table(["digits a second", *(f"`{model.config.model}`" for model in models.values())], rows)
    by_model = {name: {row: rates[name, row] for row in words} for name in models}
    record = {"machine": facts, "digits_per_s": by_model | {"encoders": alone}}
    publish(arguments, "drawing", text=f"{table}\n\n{made_by(parser, arguments)}: {machine_line(facts)}", record=record)


if __name__ == "__main__":
    main()
