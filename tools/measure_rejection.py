"""Measure what drawing unreadable digits again does to a model's figures, and how much of it is choice.

    python tools/measure_rejection.py cgan --docs docs/flagship.md --json rejection.json

The same images are drawn twice, as they come and with the proofreader; those that it lets pass are the same in both.
What judges them is `reader-1`, which has another architecture than the proofreader, learned apart from it, and takes
no part in choosing. `--only fidelity,diversity,labels,usefulness` adds what recognisers learn from either.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from digitsmith.assess import evaluator_for
from digitsmith.data.digits import Digits
from digitsmith.data.mnist import load_mnist
from digitsmith.drawing.loading import load
from digitsmith.drawing.model import DigitModel
from digitsmith.drawing.proofreader import PROOFREADER, THRESHOLD, load_proofreader
from digitsmith.drawing.rejection import Tally, draw_proofread, why_not
from digitsmith.drawing.requests import proportional_labels
from digitsmith.measure.reader import read
from digitsmith.measure.results import Evaluation
from digitsmith.report.documents import require_block, write_block
from digitsmith.report.evaluation_table import evaluation_table
from digitsmith.training.health import spread_within_classes

THRESHOLDS = sorted({0.3, 0.4, THRESHOLD, 0.6, 0.7, 0.8, 0.9})
UNLEARNED = 50_000  # MNIST's training images from here on are not those that the proofreader learned from
_AT_ONCE = 500

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def main(line: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a shipped model's name, a run's folder, or a saved model's")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="fidelity,diversity,labels", help="families of figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into that document, in their place")
    arguments = parser.parse_args(line)

    model = load(arguments.model)
    if why_not(model.config):
        parser.error(why_not(model.config))
    block = f"rejection {model.config.model}"
    if arguments.docs:
        require_block(arguments.docs, block)
    evaluator = evaluator_for("mnist", seed=arguments.seed)
    labels = proportional_labels(evaluator.training.counts, arguments.count)
    plain, kept, record = drawn_twice(model, labels, seed=arguments.seed)
    without, with_ = (
        evaluator.evaluate(images, labels, name=name, only=arguments.only.split(","))
        for name, images in (("without", plain), ("with", kept))
    )
    variety = [variety_of(images, labels, evaluator.training) for images in (plain, kept)]
    costs = costs_of_thresholds(plain, labels)
    words = shlex.join(sys.argv[1:] if line is None else line)
    command = without_outputs(f"python tools/measure_rejection.py {words}")
    by_class = ", ".join(redrawn_by_class(plain, kept, labels, model.config.classes))
    counted = f"{record['redrawn']:,} of {arguments.count:,} images were drawn again ({by_class})"
    below = f"{record['kept_below']} stayed below the threshold."
    tables = [figures_table(without, with_, variety), f"{counted}; {below}", thresholds_table(costs)]
    text = "\n\n".join([*tables, f"`{command}`"])
    print(text)
    if arguments.json:
        body = {"command": command, "rejection": record, "variety": variety, "thresholds": costs}
        body |= {"without": without.to_dict(), "with": with_.to_dict()}
        arguments.json.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    if arguments.docs:
        write_block(arguments.docs, block, text)


def drawn_twice(model: DigitModel, labels: Labels, *, seed: int) -> tuple[Images, Images, dict[str, Any]]:
    """The images as they come, those that are kept, and the manifest's record of the difference."""
    plain = np.concatenate([images for images, _ in model.draw_chunks(labels, seed=seed)])
    tally, kept = Tally(model.config, asked=True), []
    for piece in draw_proofread(model, labels, seed=seed):
        tally.add(piece)
        kept.append(piece.images)
    return plain, np.concatenate(kept), tally.record


def variety_of(images: Images, labels: Labels, real: Digits) -> float:
    """Variance around the class's mean image, over all classes and pixels, as a share of real digits'."""
    spreads = (
        spread_within_classes(torch.from_numpy(some.astype(np.float32)), torch.from_numpy(whose), len(real.classes))
        for some, whose in ((images, labels), (real.images, real.labels))
    )
    generated, of_real = map(float, spreads)
    return generated / of_real


def costs_of_thresholds(plain: Images, labels: Labels) -> list[dict[str, float]]:
    """For each threshold: whom it turns down, and how many of those that it lets pass the judge reads as another."""
    real, test = load_mnist("train").take(np.arange(UNLEARNED, 60_000)), load_mnist("test")
    sure = {
        "unlearned": sureness(real.images, real.labels),
        "test": sureness(test.images, test.labels),
        "generated": sureness(plain, labels),
    }
    misread = read(plain) != labels
    rows = []
    for threshold in THRESHOLDS:
        row = {name: float((values < threshold).mean()) for name, values in sure.items()}
        passed = sure["generated"] >= threshold
        rows.append({"threshold": threshold, **row, "misread_of_passed": float(misread[passed].mean())})
    return rows


def sureness(images: Images, labels: Labels) -> NDArray[np.float32]:
    """The proofreader's, float32 [N]."""
    starts = range(0, len(images), _AT_ONCE)
    parts = (slice(start, start + _AT_ONCE) for start in starts)
    return np.concatenate([load_proofreader().sureness(images[part], labels[part]) for part in parts])


def redrawn_by_class(plain: Images, kept: Images, labels: Labels, classes: Sequence[str]) -> list[str]:
    """How many of each class were drawn again, in words, those with most first."""
    changed = (plain != kept).any(axis=(1, 2, 3))
    counts = np.bincount(labels[changed], minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    return [f"{counts[label]} of class {classes[label]}" for label in order if counts[label]] or ["none"]


def figures_table(without: Evaluation, with_: Evaluation, variety: Sequence[float]) -> str:
    """Every figure without and with rejection beside its floor, as Markdown."""
    head = ["figure", "as drawn", "unreadable drawn again", "floor: held-out training images", "real test set"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    families = zip(evaluation_table(without), evaluation_table(with_), strict=True)
    for one, other in ((a, b) for first, second in families for a, b in zip(first.rows, second.rows, strict=True)):
        lines.append([f"{one.name} {one.arrow}", *map(str, (one.generated, other.generated, one.held_out, one.test))])
    shares = (f"{share:.2%}".replace("%", " %") for share in variety)
    lines.append(["Variety within a class, of real digits' ≈", *shares, "", ""])
    return _markdown(lines)


def thresholds_table(costs: Sequence[dict[str, float]]) -> str:
    """What another threshold would do, as Markdown; the one that is used in bold."""
    head = [
        f"{PROOFREADER}'s threshold",
        "real training digits that it had not learned, turned down",
        "real test digits",
        "generated digits",
        "misread by reader-1 among those that pass",
    ]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in costs:
        used = f"**{row['threshold']}**" if row["threshold"] == THRESHOLD else f"{row['threshold']}"
        shares = ("unlearned", "test", "generated", "misread_of_passed")
        lines.append([used, *(f"{row[name]:.2%}".replace("%", " %") for name in shares)])
    return _markdown(lines)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def without_outputs(command: str) -> str:
    """The command less what says where the results go."""
    words = shlex.split(command)
    outputs = ("--json", "--docs")
    kept = [
        word
        for before, word in pairwise(["", *words])
        if before not in outputs and word.partition("=")[0] not in outputs
    ]
    return shlex.join(kept)


if __name__ == "__main__":
    main()
