"""Images a second of ACGAN training at batch 128, digitsmith's loop against a textbook one, in turn in one run.

    python benchmarks/throughput.py [--rounds 7] [--json FILE]

Each round times both, one after the other, so that a machine whose speed drifts slows both; the ratio is
taken round by round. Beside it the peak memory of a real `digitsmith train acgan`, as a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.training.batches import BatchSource
from digitsmith.training.machine import describe, resolve
from digitsmith.training.state import TrainingState
from digitsmith.training.step import adversarial_step
from textbook import acgan_steps


def digitsmith_steps(digits: Digits, settings: TrainSettings) -> Iterator[None]:
    """What `training/loop.py` does in every step: batch, update of both players, average, check."""
    state = TrainingState(settings, digits, device=settings.device)
    source = BatchSource(digits, settings, z_dim=state.players.generator.z_dim, device=settings.device)
    while True:
        result = adversarial_step(state.players, source.batch(state.step))
        state.step += 1
        state.averaged.update(images_seen=state.step * settings.batch_size, batch_size=settings.batch_size)
        assert float(result.loss_d) + float(result.loss_g) < 1e4
        yield


def images_per_second(steps: Iterator[None], count: int, batch_size: int) -> float:
    """Of the next `count` steps."""
    began = time.perf_counter()
    for _ in range(count):
        next(steps)
    return count * batch_size / (time.perf_counter() - began)


def peak_memory_mib() -> float:
    """Of the largest child so far: `digitsmith train acgan` for a tenth of an epoch."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "digitsmith", "train", "acgan", "--epochs", "0.1", "--out", f"{folder}/run"]
        subprocess.run(command, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60, help="per contender and round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    settings = resolve(TrainSettings())
    torch.set_num_threads(settings.threads)
    digits = load_mnist("train")
    contenders = {
        "digitsmith": digitsmith_steps(digits, settings),
        "textbook": acgan_steps(digits.images, digits.labels, batch_size=settings.batch_size),
    }
    for steps in contenders.values():
        images_per_second(steps, 20, settings.batch_size)  # not counted: first calls choose their kernels
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, steps in contenders.items():
            rates[name].append(images_per_second(steps, arguments.steps, settings.batch_size))
    ratios = [ours / theirs for ours, theirs in zip(rates["digitsmith"], rates["textbook"], strict=True)]

    machine = describe(settings)
    print(f"{machine['processor']}, {machine['threads']} threads, {machine['precision']}, torch {torch.__version__}")
    for name, row in [*rates.items()]:
        print(f"{name:>12}  {statistics.median(row):8,.0f} images/s   ({min(row):,.0f} to {max(row):,.0f})")
    print(f"{'ratio':>12}  {statistics.median(ratios):8.2f}            ({min(ratios):.2f} to {max(ratios):.2f})")
    memory = peak_memory_mib()
    print(f"{'peak memory':>12}  {memory:8,.0f} MiB        (a whole `digitsmith train acgan`)")
    if arguments.json:
        result = {"machine": machine, "images_per_s": rates, "ratio": ratios, "peak_memory_mib": memory}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
