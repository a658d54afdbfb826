"""What each part of penman's recipe is worth: the same short training with one part changed at a time.

    python benchmarks/ablation.py --json benchmarks/results/ablation.json --docs docs/flagship.md
    python benchmarks/ablation.py --only width-24,shift --seeds 0

Every variant trains from the same seeds for the same images by the work of `digitsmith train`; its averaged generator
draws 10,000 digits at the end. Runs that the JSON file has already are not made again, so the long table can be made in
parts; it is written after each run.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from digitsmith.data.digits import Digits
from digitsmith.data.reading import read_digits
from digitsmith.drawing.requests import balanced_labels
from digitsmith.errors import InputError, TrainingDiverged
from digitsmith.measure.morphometry import measure_style
from digitsmith.models.penman import PenmanDiscriminator, PenmanGenerator
from digitsmith.presets import settings_for
from digitsmith.randomness import normal_rows
from digitsmith.style import STYLE_COLUMNS, StyleTable
from digitsmith.training import relativistic
from digitsmith.training.batches import to_uint8
from digitsmith.training.machine import resolve
from kept_runs import KeptRuns, recipe, trained
from measuring import machine, machine_line, markdown_table, publish
from quality import DRAW_SEED, Ruler

NAME = "ablation"
OBEYED = 2000  # digits whose style is measured
Patches = Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class Variant:
    """One change of the recipe: settings, or parts of the code that others take the place of."""

    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    patches: Patches = tuple


@dataclass(frozen=True)
class Result:
    """What the averaged generator draws in the end.

    Attributes:
        read_as_asked: share of the digits, in [0, 1].
        distance: their Frechet distance in multiples of the floor.
        style_errors: median distances from what was asked, in px and degrees; none of a generator without style.
        died: the training diverged, or ended with one image drawn over and over; the figures are NaN.
    """

    read_as_asked: float
    distance: float
    style_errors: tuple[float, ...]
    died: bool = False


def non_saturating(winner: Tensor, loser: Tensor) -> Tensor:
    """The first loss of Goodfellow et al. (2014) that does not saturate, for D and, as `loser` is constant there, G."""
    return (F.softplus(-winner.float()) + F.softplus(loser.float())).mean()


def at_real_images_only(penalty: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """R1 without R2: the step asks for the penalty at real images first, then at generated ones."""
    turns = [0]

    def every_other(*args: Tensor) -> Tensor:
        turns[0] += 1
        value = penalty(*args)
        return value if turns[0] % 2 else 0 * value

    return every_other


def without_projection(forward: Callable[..., Any]) -> Callable[..., Any]:
    """D's forward pass with the condition only in what it reads: the inner product is left out."""

    def changed(self: PenmanDiscriminator, images: Tensor, labels: Tensor, style: Tensor) -> Any:
        with (
            patch.object(self.class_embedding, "forward", lambda of: torch.zeros(len(of), 128)),
            patch.object(self.style_embedding, "forward", lambda of: torch.zeros(len(of), 128)),
        ):
            return forward(self, images, labels, style)

    return changed


VARIANTS = {
    "recipe": Variant("the recipe"),
    "loss": Variant(
        "non-saturating loss, unpaired", patches=lambda: [patch.object(relativistic, "pairing_loss", non_saturating)]
    ),
    "no-penalty": Variant("no penalties", {"penalty_gamma": 0.0}),
    "r1": Variant(
        "R1 alone",
        patches=lambda: [
            patch.object(relativistic, "gradient_penalty", at_real_images_only(relativistic.gradient_penalty))
        ],
    ),
    "gamma-0.05": Variant("penalties a quarter as heavy", {"penalty_gamma": 0.05}),
    "gamma-1": Variant("penalties five times as heavy", {"penalty_gamma": 1.0}),
    "no-average": Variant("the last weights draw, no average", {"ema_half_life_images": 0.0}),
    "shift": Variant("real images shifted by up to 1 px", {"augmentation": {"shift_px": 1.0}}),
    "projection": Variant("D reads neither class nor style", {"class_weight": 0.0, "style_weight": 0.0}),
    "no-style": Variant("neither network is told of a style", {"style": "none"}),
    "no-style-loss": Variant("D reads the class alone", {"style_weight": 0.0}),
    "reading": Variant(
        "no projection, D only reads",
        patches=lambda: [patch.object(PenmanDiscriminator, "forward", without_projection(PenmanDiscriminator.forward))],
    ),
    "slow": Variant("learning rate 0.0004", {"learning_rate": 4e-4}),
    "no-clip": Variant("gradients of any length", {"gradient_clip": 0.0}),
    "no-warm-up": Variant("no warm-up", {"warm_up_images": 0.0}),
    "width-16": Variant("16 and 32 channels instead of 32 and 64", {"channels": 16}),
    "width-24": Variant("24 and 48 channels", {"channels": 24}),
    "at-mean": Variant("first images of the data's mean gray", {"starts_at_mean": True}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(VARIANTS), help="some of the variants")
    parser.add_argument("--epochs", type=float, default=2.0, help="of each training (2)")
    parser.add_argument("--seeds", default="0,1,2", help="each variant trains from each (0,1,2)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="read and write every result there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into that document, in its place")
    arguments = parser.parse_args()
    names, seeds = arguments.only.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    if not set(names) <= set(VARIANTS):
        parser.error(f"variants are {', '.join(VARIANTS)}")

    facts = machine(threads=arguments.threads or None)
    digits = read_digits("mnist")
    ruler = Ruler.of(digits, count=10_000)
    same = {"epochs": arguments.epochs, "floor": ruler.floor, "recipe": recipe(settings_for("penman"))}
    kept = KeptRuns(arguments.json, same)
    for seed in seeds:
        for name in names:
            run = partial(one, VARIANTS[name], digits, ruler, arguments.epochs, seed=seed, threads=arguments.threads)
            kept.make(name, seed, run)
    kept.record["machine"] = facts
    command = f"`python benchmarks/ablation.py --epochs {arguments.epochs:g}`"
    publish(arguments, NAME, text=f"{table(kept.runs)}\n\n{command}: {machine_line(facts)}", record=kept.record)


def one(variant: Variant, digits: Digits, ruler: Ruler, epochs: float, *, seed: int, threads: int) -> Result:
    """One run; one that does not come to its end, or draws one image over and over, has died."""
    overrides = {"epochs": epochs, "seed": seed, "threads": threads, **variant.settings}
    settings = resolve(settings_for("penman", overrides=overrides))
    with ExitStack() as stack:
        for change in variant.patches():
            stack.enter_context(change)
        try:
            generator = trained(settings, digits)
            assert isinstance(generator, PenmanGenerator)
            reading = ruler.look(generator, images=round(epochs * len(digits)), seconds=math.nan)
        except (TrainingDiverged, InputError):
            return Result(math.nan, math.nan, (), died=True)
        errors = style_errors(generator) if generator.styled else ()
        return Result(reading.read_as_asked, reading.distance_over_floor, errors)


@torch.no_grad()
def style_errors(generator: PenmanGenerator) -> tuple[float, ...]:
    """Median distance of what is measured from what was asked, for each coordinate."""
    labels = balanced_labels(OBEYED, len(generator.style_table))
    kept = (generator.style_mean, generator.style_deviation, generator.style_table)
    asked = StyleTable(*(tensor.cpu().numpy() for tensor in kept)).sample(labels, seed=DRAW_SEED)
    z = normal_rows(DRAW_SEED, np.arange(OBEYED), generator.z_dim)
    images = to_uint8(generator(*map(torch.from_numpy, (z, labels, asked)))).numpy()
    measured = measure_style(images)
    columns = np.stack([getattr(measured, name) for name in STYLE_COLUMNS], axis=1)
    return tuple(float(error) for error in np.nanmedian(np.abs(columns - asked), axis=0))


def table(runs: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Means over the seeds, and the standard deviation of the first two figures."""
    rows = []
    for name, variant in VARIANTS.items():
        found = list(runs.get(name, {}).values())
        alive = [one for one in found if not one["died"]]
        if not found:
            continue
        read = spread([100 * one["read_as_asked"] for one in alive])
        distance = spread([one["distance"] for one in alive])
        errors = [statistics.mean(column) for column in zip(*(one["style_errors"] for one in alive), strict=True)]
        words = (
            f"{variant.words} ({len(alive)} of {len(found)} seeds lived)" if len(alive) < len(found) else variant.words
        )
        rows.append([words, read, distance, *([f"{error:.2f}" for error in errors] or ["–"] * len(STYLE_COLUMNS))])
    head = [
        "",
        "read as asked, %",
        "Fréchet distance over the floor",
        "thickness, px",
        "slant, °",
        "width, px",
        "height, px",
    ]
    return markdown_table(head, rows)


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation, as far as there are enough values."""
    if not values:
        return "–"
    return f"{statistics.mean(values):.2f}" + (f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
