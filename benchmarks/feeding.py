"""Images a second that reach a training loop through a DataLoader: real and generated digits, half and half.

    python benchmarks/feeding.py [--rounds 5] [--json FILE] [--docs FILE]

The loop takes batches and does nothing with them. Each rate is of a loader that runs: the clock starts with its second
batch, so that starting workers and drawing what is kept in memory do not count. Everything computes on one thread:
without workers one core does it all, two workers add theirs. The contenders work in turn in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from digitsmith import DigitStream, MixedDigits
from digitsmith.config import DEFAULT_MODEL
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from measuring import Spread, arguments_of, in_turn, machine, machine_line, made_by, markdown_table, publish

BATCH = 256
KEPT = 60_000  # images in memory, half of them generated
FROM_MEMORY, ITEMS, FRESH = 200_000, 20_000, 8_192  # images in a measurement
WORKERS = (0, 2)


def rate(loader: DataLoader[Any], images: int) -> float:
    """Images a second, of the batches after the first until `images` have come."""
    batches = iter(loader)
    next(batches)
    seen, began = 0, perf_counter()
    while seen < images:
        seen += len(next(batches)[1])
    return seen / (perf_counter() - began)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """What torchvision.transforms.ToTensor makes of a gray image."""
    return torch.from_numpy(np.array(image))[None].float().div_(255)


def contenders(
    *,
    data: Digits,
    model: str,
    kept: int = KEPT,
    from_memory: int = FROM_MEMORY,
    items: int = ITEMS,
    fresh: int = FRESH,
) -> dict[tuple[str, int], Callable[[], float]]:
    """What takes its turn and gives images a second, under the words of its row and the workers of its column."""
    mixed = MixedDigits(data=data, model=model, length=kept)
    tensors = TensorDataset(mixed.data[:, None], mixed.targets)
    mixed.transform = to_tensor
    pooled = {
        dtype: DigitStream(data=data, model=model, pool=kept // 2, batch_size=BATCH, dtype=dtype)
        for dtype in (torch.float32, torch.uint8)
    }
    streams = {name: DigitStream(data=data, model=name, batch_size=BATCH) for name in ("cgan", model)}
    rows: dict[tuple[str, int], Callable[[], float]] = {}
    for workers in WORKERS:
        whole = partial(DataLoader, batch_size=None, num_workers=workers)
        for dtype, stream in pooled.items():
            name = str(dtype).removeprefix("torch.")
            rows[f"`DigitStream(pool=...)`, batches as {name}", workers] = partial(rate, whole(stream), from_memory)
        loader = whole(tensors, sampler=BatchSampler(RandomSampler(mixed), BATCH, drop_last=True))
        rows["`MixedDigits` as a `TensorDataset`, batches as uint8", workers] = partial(rate, loader, kept - 2 * BATCH)
        loader = DataLoader(mixed, batch_size=BATCH, shuffle=True, num_workers=workers)
        rows["`MixedDigits`, PIL images one by one", workers] = partial(rate, loader, items)
        for name, stream in streams.items():
            rows[f"`DigitStream`, every generated digit fresh from {name}", workers] = partial(
                rate, whole(stream), fresh
            )
    return rows


def main(line: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__, rounds=5)
    arguments = parser.parse_args(line)
    torch.set_num_threads(1)
    facts = machine(threads=1)
    rates = in_turn(contenders(data=load_mnist(), model=DEFAULT_MODEL), rounds=arguments.rounds)
    names = list(dict.fromkeys(name for name, _ in rates))
    rows = [[name, *(Spread.of(rates[name, workers]).text() for workers in WORKERS)] for name in names]
    table = markdown_table(["images a second", "no workers", "2 workers"], rows)
    record = {
        "machine": facts,
        "images_per_s": {name: {str(workers): rates[name, workers] for workers in WORKERS} for name in names},
    }
    publish(arguments, "feeding", text=f"{table}\n\n{made_by(parser, arguments)}: {machine_line(facts)}", record=record)


if __name__ == "__main__":
    main()
