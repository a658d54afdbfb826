"""Train the reader that ships as src/digitsmith/measure/reader-1.safetensors.

    python tools/train_reader.py --out src/digitsmith/measure/reader-1.safetensors

One run of a recipe that was fixed beforehand: all 60,000 training images, moved digit-safely, 16 epochs,
batch 128, AdamW with a one-cycle learning rate, seed 0. The test set is looked at once, after the last
step, and chooses nothing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import save_file
from torch.nn import functional as F

from digitsmith.config import Augmentation
from digitsmith.data.mnist import load_mnist
from digitsmith.measure.reader import Reader
from digitsmith.training.augment import augment
from digitsmith.training.batches import to_float

EPOCHS, BATCH, LEARNING_RATE = 16, 128, 4e-3
MOVES = Augmentation(shift_px=2.0, rotate_deg=10.0, scale=0.1, elastic_px=0.6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    moves = torch.Generator().manual_seed(arguments.seed)
    training, test = load_mnist("train"), load_mnist("test")
    images, labels = torch.tensor(training.images), torch.tensor(training.labels)
    reader = Reader()
    reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(reader.parameters(), weight_decay=1e-2, fused=True)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    started = time.perf_counter()

    order = torch.empty(0, dtype=torch.int64)
    for _ in track(range(steps), description="reader"):
        if len(order) < BATCH:
            order = torch.randperm(len(images))
        chosen, order = order[:BATCH], order[BATCH:]
        batch = augment(to_float(images[chosen]), MOVES, moves).add(1).div(2)
        with torch.autocast("cpu", torch.bfloat16):
            logits = reader(batch.contiguous(memory_format=torch.channels_last)).float()
        optimiser.zero_grad()
        F.cross_entropy(logits, labels[chosen], label_smoothing=0.05).backward()
        optimiser.step()
        schedule.step()

    reader.eval()
    with torch.no_grad():
        answers = torch.cat([reader(part.float().div(255)).argmax(1) for part in torch.tensor(test.images).split(500)])
    right = int((answers == torch.tensor(test.labels)).sum())
    save_file({name: tensor.contiguous() for name, tensor in reader.state_dict().items()}, arguments.out)
    seconds = time.perf_counter() - started
    print(f"{right / len(test):.2%} of the real test set, {seconds:.0f} s, {arguments.out}")


if __name__ == "__main__":
    main()
