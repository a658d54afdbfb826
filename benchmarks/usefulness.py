"""What recognisers learn from all real training images, from as many generated ones, and from both.

    python benchmarks/usefulness.py --json benchmarks/results/usefulness.json --docs docs/flagship.md
    python benchmarks/usefulness.py --model cgan --seeds 0,1,2

The classification accuracy score at the size of MNIST: `measure/recogniser.py`'s network and recipe, the same number of
steps for each arm, the test set looked at once by each recogniser. A seed is that of the recogniser's weights, of its
batches and of the generated images, which nothing rejects. Runs that the JSON file has already are not made again.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats  # type: ignore[import-untyped]

from digitsmith.assess import generated_images
from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.measure.recogniser import STEPS, recognise, train_recogniser
from kept_runs import KeptRuns
from measuring import command_of, machine, machine_line, markdown_table, publish

NAME = "usefulness"
ARMS = {"real": "the real images", "generated": "as many generated ones", "both": "both"}


@dataclass(frozen=True)
class Result:
    """Images of the test set read wrongly, and of how many."""

    errors: int
    images: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="penman", help="a shipped model's name, a run's folder, or a saved model's")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="each teaches a recogniser for each arm")
    parser.add_argument("--arms", default=",".join(ARMS), help="some of them")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each recogniser ({STEPS})")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="read and write every result there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into that document, in its place")
    arguments = parser.parse_args()
    arms = arguments.arms.split(",")
    if not set(arms) <= set(ARMS):
        parser.error(f"arms are {', '.join(ARMS)}")

    torch.set_num_threads(arguments.threads)
    facts = machine(threads=arguments.threads)
    model = load(arguments.model)
    real, test = read_digits("mnist"), read_digits("mnist", split="test")
    weights = model.config.weights_sha256
    kept = KeptRuns(arguments.json, {"weights_sha256": weights, "steps": arguments.steps})
    for seed in map(int, arguments.seeds.split(",")):
        for arm in arms:
            kept.make(arm, seed, partial(one, arm, model, real, test, seed=seed, steps=arguments.steps))
    kept.record["machine"] = facts
    command = command_of(parser, arguments)
    publish(
        arguments, NAME, text=f"{table(kept.runs, len(real))}\n\n{command}: {machine_line(facts)}", record=kept.record
    )


def one(arm: str, model: DigitModel, real: Digits, test: Digits, *, seed: int, steps: int) -> Result:
    """Teach one recogniser and let it read the test set."""
    images, labels = real.images, real.labels
    if arm != "real":
        drawn = generated_images(model, count=len(real), seed=seed, like=real)
        assert drawn.labels is not None, "arms need a model with classes"
        images, labels = drawn.images, drawn.labels
    if arm == "both":
        images, labels = np.concatenate([real.images, images]), np.concatenate([real.labels, labels])
    recogniser = train_recogniser(Digits(images, labels, real.classes, source=arm), seed=seed, steps=steps)
    return Result(int((recognise(recogniser, test.images) != test.labels).sum()), len(test))


def table(runs: Mapping[str, Mapping[str, Mapping[str, Any]]], count: int) -> str:
    """Mean and deviation over the seeds, and the paired difference to the real images, with its 95 % interval."""
    shares = {
        arm: {seed: 100 * (1 - one["errors"] / one["images"]) for seed, one in found.items()}
        for arm, found in runs.items()
    }
    rows = []
    for arm, words in ARMS.items():
        found = shares.get(arm, {})
        if not found:
            continue
        values = list(found.values())
        paired = [found[seed] - shares["real"][seed] for seed in found if seed in shares.get("real", {})]
        images = 2 * count if arm == "both" else count
        told_apart = "–" if arm == "real" else difference(paired)
        rows.append([words, f"{images:,}", mean_and_deviation(values), f"{len(values)}", told_apart])
    head = ["taught by", "images", "of the test set read rightly, %", "seeds", "against real images (95 % interval)"]
    return markdown_table(head, rows)


def mean_and_deviation(values: Sequence[float]) -> str:
    """As `99.31 ± 0.04`."""
    return f"{statistics.mean(values):.2f}" + (f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else "")


def difference(paired: Sequence[float]) -> str:
    """The mean of the differences, seed by seed, with Student's interval."""
    if not paired:
        return "–"
    mean = statistics.mean(paired)
    if len(paired) == 1:
        return f"{mean:+.2f}"
    margin = stats.t.ppf(0.975, len(paired) - 1) * statistics.stdev(paired) / math.sqrt(len(paired))
    return f"{mean:+.2f} ± {margin:.2f}"


if __name__ == "__main__":
    main()
