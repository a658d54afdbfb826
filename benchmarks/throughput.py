"""Images a second of training: digitsmith's own loop against a textbook loop, and against the machine's own limit.

    python benchmarks/throughput.py [--models acgan ...] [--rounds 7] [--steps 100] [--json FILE] [--docs FILE]

For each model four processes work in turn, round after round: `train_gan`, as `digitsmith train` calls it, with all
that it logs and checks; the textbook loop of the same layers; and torch.mm of two 2048x2048 matrices, in float32 and,
where the processor has it, in bfloat16, which is as fast as this machine multiplies. All have the same number of
threads. Ratios and shares are taken round by round. Besides: the peak memory of `digitsmith train MODEL` over a tenth
of an epoch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch

from arithmetic import flops_per_image
from digitsmith.config import DEVICES, PRECISIONS, REPORT_MODELS, TrainSettings
from digitsmith.data.mnist import load_mnist
from digitsmith.presets import settings_for
from digitsmith.training.loop import train_gan
from digitsmith.training.machine import describe, multiplies_in_bfloat16, resolve
from digitsmith.training.observers import Moment, Observer
from measuring import arguments_of, cost_of, in_turn, machine, machine_line, made_by, publish
from textbook import LOOPS, Pictures
from textbook_networks import NETWORKS
from throughput_tables import Measured, limit_table, speed_table
from turns import Contender, StepDone, Worker

SIDE = 2048
PRODUCT_FLOPS = 2 * SIDE**3
PRODUCTS = {"cpu": 5, "cuda": 1000}  # in a turn: enough of them to hide what one call costs


class TellsEachStep(Observer):
    """Calls a function after every step."""

    def __init__(self, step_done: StepDone) -> None:
        self.step_done = step_done

    def stepped(self, moment: Moment) -> None:
        self.step_done()


def digitsmith_training(settings: TrainSettings, step_done: StepDone) -> None:
    """A run of digitsmith, into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        train_gan(settings, load_mnist("train"), out=Path(folder) / "run", observers=[TellsEachStep(step_done)])


def textbook_training(settings: TrainSettings, step_done: StepDone) -> None:
    """The textbook loop, with the settings that both have."""
    digits = load_mnist("train")
    generator, discriminator = (network.to(settings.device) for network in NETWORKS[settings.model]())
    pictures = Pictures(
        digits.images,
        digits.labels,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        device=settings.device,
    )
    for _ in LOOPS[settings.model](generator, discriminator, pictures):
        step_done()


def matrix_products(settings: TrainSettings, step_done: StepDone, *, precision: str) -> None:
    """One product a step."""
    one, two = torch.randn(2, SIDE, SIDE).to(device=settings.device, dtype=getattr(torch, precision))
    while True:
        torch.mm(one, two)
        step_done()


def measure(settings: TrainSettings, *, rounds: int, steps: int) -> Measured:
    """All figures of `settings.model`. `settings` are resolved ones."""
    products = PRODUCTS[settings.device]
    contenders: dict[str, tuple[Contender, int, float]] = {  # each with its steps in a turn, and what a step amounts to
        "digitsmith": (digitsmith_training, steps, settings.batch_size),
        "float32": (partial(matrix_products, precision="float32"), products, PRODUCT_FLOPS),
        "textbook": (textbook_training, steps, settings.batch_size),
    }
    if multiplies_in_bfloat16(settings.device):  # emulated, a single product would take a minute
        contenders["bfloat16"] = (partial(matrix_products, precision="bfloat16"), products, PRODUCT_FLOPS)
    with ExitStack() as stack:
        turns: dict[str, Callable[[], float]] = {}
        for name, (contender, count, amount) in contenders.items():
            worker = stack.enter_context(Worker(contender, settings))
            turns[name] = partial(rate, worker, count, amount)
        rates = in_turn(turns, rounds=rounds)
    return Measured(
        model=settings.model,
        precision=settings.precision,
        batch_size=settings.batch_size,
        images_per_s={name: rates[name] for name in ("digitsmith", "textbook")},
        product_flops_per_s={name: rates[name] for name in ("float32", "bfloat16") if name in rates},
        flops_per_image=flops_per_image(settings.model, batch_size=settings.batch_size),
        peak_mib=peak_mib(settings),
    )


def rate(worker: Worker, steps: int, amount: float) -> float:
    """`amount` a step, a second."""
    return steps * amount / worker.seconds(steps)


def peak_mib(settings: TrainSettings, *, epochs: float = 0.1) -> float:
    """Of the whole command, its page and figures included."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "digitsmith", "train", settings.model, "--out", f"{folder}/run"]
        command += ["--epochs", str(epochs), "--threads", str(settings.threads)]
        command += ["--precision", settings.precision, "--device", settings.device]
        return cost_of(command).peak_mib


def main(line: Sequence[str] | None = None) -> None:
    parser = arguments_of(__doc__, rounds=7)
    parser.add_argument("--models", nargs="+", choices=REPORT_MODELS, default=REPORT_MODELS)
    parser.add_argument("--steps", type=int, default=100, help="of training in a turn (100: two rows of the log)")
    parser.add_argument("--threads", type=int, default=0, help="as of `digitsmith train`; 0: measured at the start")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="digitsmith's")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="of all contenders")
    parser.add_argument("--name", default="training", help="of the block in that document (training)")
    arguments = parser.parse_args(line)
    chosen = resolved(arguments)
    facts = machine(threads=chosen[0].threads) | {"device": describe(chosen[0])["device"]}

    results = [measure(settings, rounds=arguments.rounds, steps=arguments.steps) for settings in chosen]
    on = f"{facts['device']}; " if facts["device"] != "cpu" else ""
    below = f"{made_by(parser, arguments)}: {on}{machine_line(facts)}"
    record = {"machine": facts, "models": [result.record() for result in results]}
    text = f"{speed_table(results)}\n\n{limit_table(results)}\n\n{below}"
    publish(arguments, arguments.name, text=text, record=record)


def resolved(arguments: argparse.Namespace) -> list[TrainSettings]:
    """Each model's own report's settings, without end, all on as many threads as help here."""
    asked = {key: getattr(arguments, key) for key in ("threads", "precision", "device")} | {"epochs": 1e6}
    threads = resolve(settings_for(arguments.models[0], overrides=asked)).threads
    return [resolve(settings_for(model, overrides=asked | {"threads": threads})) for model in arguments.models]


if __name__ == "__main__":
    main()
