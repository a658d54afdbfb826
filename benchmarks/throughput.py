"""Images a second of training at batch 128, digitsmith's own steps against a textbook loop, in turn in one run.

    python benchmarks/throughput.py [--rounds 7] [--json FILE]

Each contender is a process of its own, as it would be for a user; in each round both work once, one after the
other, so that a machine whose speed drifts slows both. The ratio is taken round by round. Beside it the peak
memory of `digitsmith train acgan`, logs and checkpoints included, over a tenth of an epoch.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from digitsmith.config import TrainSettings, settings_for
from digitsmith.data.mnist import load_mnist
from digitsmith.training.batches import BatchSource
from digitsmith.training.machine import describe, keep_freed_memory, resolve
from digitsmith.training.state import TrainingState
from digitsmith.training.step import adversarial_step
from textbook import acgan_steps


def digitsmith_steps(settings: TrainSettings) -> Iterator[None]:
    """The work of every step in `training/loop.py`: batch, update of both players, average, check."""
    keep_freed_memory()
    digits = load_mnist("train")
    state = TrainingState(settings, digits, device=settings.device)
    source = BatchSource(digits, settings, z_dim=state.players.generator.z_dim, device=settings.device)
    while True:
        state.set_learning_rate(settings.learning_rate)
        result = adversarial_step(state.players, source.batch(state.step))
        state.step += 1
        state.averaged.update(images_seen=state.step * settings.batch_size, batch_size=settings.batch_size)
        assert float(result.loss_d) + float(result.loss_g) < 1e4
        yield


def textbook_steps(settings: TrainSettings) -> Iterator[None]:
    digits = load_mnist("train")
    return acgan_steps(digits.images, digits.labels, batch_size=settings.batch_size)


def work(contender: Callable[[TrainSettings], Iterator[None]], settings: TrainSettings, orders: Connection) -> None:
    """In a process of its own: for each number of steps received, take them and send back the seconds."""
    torch.set_num_threads(settings.threads)
    steps = contender(settings)
    while count := orders.recv():
        began = time.perf_counter()
        for _ in range(count):
            next(steps)
        orders.send(time.perf_counter() - began)


def peak_memory_mib() -> float:
    """Of `digitsmith train acgan`, as the operating system counted it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "digitsmith", "train", "acgan", "--epochs", "0.1", "--out", f"{folder}/run"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, "the training run failed"
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60, help="per contender and round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    settings = resolve(settings_for("acgan"))
    contenders = {"digitsmith": digitsmith_steps, "textbook": textbook_steps}
    spawn = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name, contender in contenders.items():
        pipes[name], theirs = spawn.Pipe()
        spawn.Process(target=work, args=(contender, settings, theirs), daemon=True).start()

    def images_per_s(name: str, steps: int) -> float:
        pipes[name].send(steps)
        return steps * settings.batch_size / float(pipes[name].recv())

    for name in contenders:
        images_per_s(name, 30)  # not counted: first calls choose their kernels
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name in contenders:
            rates[name].append(images_per_s(name, arguments.steps))
    for pipe in pipes.values():
        pipe.send(0)
    ratios = [ours / theirs for ours, theirs in zip(rates["digitsmith"], rates["textbook"], strict=True)]

    machine = describe(settings)
    print(f"{machine['processor']}, {machine['threads']} threads, {machine['precision']}, torch {torch.__version__}")
    for name, row in rates.items():
        print(f"{name:>12}  {statistics.median(row):8,.0f} images/s   ({min(row):,.0f} to {max(row):,.0f})")
    print(f"{'ratio':>12}  {statistics.median(ratios):8.2f}            ({min(ratios):.2f} to {max(ratios):.2f})")
    memory = peak_memory_mib()
    print(f"{'peak memory':>12}  {memory:8,.0f} MiB        (digitsmith train acgan)")
    if arguments.json:
        result = {"machine": machine, "images_per_s": rates, "ratio": ratios, "peak_memory_mib": memory}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
