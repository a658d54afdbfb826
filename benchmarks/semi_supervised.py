"""How well sgan reads MNIST from a few labels, and what its parts are worth: errors on the test set, a seed at a time.

    python benchmarks/semi_supervised.py --json benchmarks/results/semi-supervised.json --docs docs/semi-supervised.md
    python benchmarks/semi_supervised.py --arms sgan --seeds 0
    python benchmarks/semi_supervised.py --validate --seeds 100 --arms sgan --settings '{"adversarial_weight": 0.3}'

A seed decides everything: which images have labels, the first weights, every batch. All arms of a seed have the same
labelled images and take the same number of steps. With `--validate` the last 10,000 training images take the test
set's place and are learned from in no way: so the settings were chosen, with seeds from 100 on.

Runs that the JSON file has already are not made again; it is written after each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from digitsmith.config import TrainSettings
from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.models.registry import build_networks
from digitsmith.models.sgan import SganDiscriminator
from digitsmith.presets import settings_for
from digitsmith.randomness import Stream, torch_generator
from digitsmith.training.adam import Adam
from digitsmith.training.augment import augment
from digitsmith.training.batches import to_float
from digitsmith.training.ema import Averaged
from digitsmith.training.labelled import labelled_images
from digitsmith.training.loop import learning_rate_at, prepared, set_pace, steps_in
from digitsmith.training.machine import keep_freed_memory, resolve
from digitsmith.training.observers import Observer
from kept_runs import KeptRuns, recipe
from measuring import command_of, machine, machine_line, markdown_table, publish

NAME = "semi-supervised"
TRAINED_TO_VALIDATE = 50_000  # the first so many training images
PASS = 500


@dataclass(frozen=True)
class Result:
    """Images read wrongly, of how many, and what the training took."""

    errors: int
    images: int
    cpu_s: float
    wall_s: float


@dataclass(frozen=True)
class Arm:
    """What is trained: sgan with some settings changed, or `train`."""

    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    train: Callable[[TrainSettings, Digits], SganDiscriminator] | None = None


def trained_sgan(settings: TrainSettings, digits: Digits) -> SganDiscriminator:
    """The averaged recogniser after the last step, by the work of `digitsmith train`."""
    state, source = prepared(settings, digits, Observer())
    assert state.recogniser is not None
    total_steps = steps_in(settings, digits)
    while state.step < total_steps:
        set_pace(state, settings, total_steps)
        state.play(source.batch(state.step))
        state.step += 1
        state.averaged.update(images_seen=state.step * settings.batch_size, batch_size=settings.batch_size)
    return state.recogniser.network


def trained_on_labels(settings: TrainSettings, digits: Digits) -> SganDiscriminator:
    """The same network, steps and moves on the labelled images alone; each step has a whole batch of them."""
    labelled = digits.take(labelled_images(digits, settings.labelled, seed=settings.seed))
    images, labels = torch.tensor(labelled.images), torch.tensor(labelled.labels)
    _, network = build_networks("sgan", digits.image_shape, len(digits.classes), seed=settings.seed)
    assert isinstance(network, SganDiscriminator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = Adam(network.parameters(), settings.learning_rate, (settings.adam_beta1, settings.adam_beta2))
    averaged = Averaged(network, half_life_images=settings.ema_half_life_images)
    size, steps = settings.batch_size, steps_in(settings, digits)
    for step in range(steps):
        optimiser.learning_rate.fill_(learning_rate_at(settings, step, steps))
        draw = torch_generator(settings.seed, Stream.LABELLED, len(digits.classes) + step)
        chosen = torch.randint(len(labels), (size,), generator=draw)
        moves = torch_generator(settings.seed, Stream.AUGMENT, step)
        moved = augment(to_float(images[chosen]), settings.augmentation, moves)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
            logits = network(moved.contiguous(memory_format=torch.channels_last)).classes
        optimiser.zero_grad()
        F.cross_entropy(logits.float(), labels[chosen]).backward()
        optimiser.step()
        averaged.update(images_seen=(step + 1) * size, batch_size=size)
    return averaged.network


ARMS = {
    "sgan": Arm("sgan"),
    "no-gan": Arm("without telling real from generated", {"adversarial_weight": 0.0}),
    "gan-only": Arm("without consistency: Salimans et al.'s losses alone", {"consistency_weight": 0.0}),
    "labels": Arm("the labelled images alone, moved", train=trained_on_labels),
}


def main() -> None:
    parser = parser_of_arguments()
    arguments = parser.parse_args()
    names, seeds = arguments.arms.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    if not set(names) <= set(ARMS):
        parser.error(f"arms are {', '.join(ARMS)}")

    base = {"labelled": arguments.labelled, "epochs": arguments.epochs, "threads": arguments.threads}
    base |= arguments.settings
    digits, unseen = data(validate=arguments.validate)
    facts = machine(threads=arguments.threads)
    sgan = settings_for("sgan", overrides=base)
    kept = KeptRuns(arguments.json, {"settings": base, "recipe": recipe(sgan), "tested_on": unseen.source})
    for seed in seeds:
        for name in names:
            kept.make(name, seed, partial(run, ARMS[name], digits, unseen, base | {"seed": seed}))
    kept.record["machine"] = facts
    command = command_of(parser, arguments)
    text = f"{table(kept.runs)}\n\n{command}, tested on {unseen.source}: {machine_line(facts)}"
    publish(arguments, NAME, text=text, record=kept.record)


def parser_of_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4", help="each arm trains from each (0,1,2,3,4)")
    parser.add_argument("--labelled", type=int, default=100, help="images with a label (100)")
    parser.add_argument("--arms", default=",".join(ARMS), help=f"of {', '.join(ARMS)}; all")
    parser.add_argument("--epochs", type=float, help="of each training; the preset's")
    parser.add_argument("--settings", type=json.loads, default={}, help="other settings of every arm, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    parser.add_argument("--validate", action="store_true", help="test on training images held out; to choose settings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="read and write every result there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into that document, in its place")
    return parser


def data(*, validate: bool) -> tuple[Digits, Digits]:
    """What is learned from, and what is tested on."""
    digits = read_digits("mnist")
    if not validate:
        return digits, read_digits("mnist", split="test")
    kept, held_out = np.split(np.arange(len(digits)), [TRAINED_TO_VALIDATE])
    unseen = digits.take(held_out)
    return digits.take(kept), Digits(unseen.images, unseen.labels, unseen.classes, "mnist (train, the last 10,000)")


def run(arm: Arm, digits: Digits, unseen: Digits, overrides: Mapping[str, Any]) -> Result:
    """Train one arm from one seed, and look at the unseen images once."""
    settings = resolve(settings_for("sgan", overrides={**overrides, **arm.settings}))
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    cpu, wall = time.process_time(), time.perf_counter()
    recogniser = (arm.train or trained_sgan)(settings, digits)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Result(errors_of(recogniser, unseen), len(unseen), round(cpu, 1), round(wall, 1))


@torch.no_grad()
def errors_of(recogniser: SganDiscriminator, digits: Digits) -> int:
    images, labels = torch.tensor(digits.images), torch.tensor(digits.labels)
    recogniser.eval()
    answers = torch.cat([recogniser(to_float(some)).classes.argmax(1) for some in images.split(PASS)])
    return int((answers != labels).sum())


def table(runs: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Error in % of each seed, mean and standard deviation, and minutes of processor time."""
    seeds = sorted({int(seed) for found in runs.values() for seed in found})
    rows = []
    for name, arm in ARMS.items():
        found = runs.get(name, {})
        if not found:
            continue
        errors = {seed: 100 * one["errors"] / one["images"] for seed, one in found.items()}
        each = [f"{errors[str(seed)]:.2f}" if str(seed) in errors else "–" for seed in seeds]
        minutes = statistics.mean(one["cpu_s"] for one in found.values()) / 60
        rows.append([arm.words, *each, spread([*errors.values()]), f"{minutes:.1f}"])
    return markdown_table(["test error, %", *(f"seed {seed}" for seed in seeds), "mean ± sd", "minutes a seed"], rows)


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation, as far as there are enough values."""
    return f"{statistics.mean(values):.2f}" + (f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
