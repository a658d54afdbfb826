"""The page of a proof: accuracy against the number of real images, what each ingredient adds, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.proving.arms import ARMS
from digitsmith.proving.records import STRENGTH, Records
from digitsmith.proving.teaching import Lesson
from digitsmith.proving.verdict import Comparison, Findings
from digitsmith.report.cells import Cell, cell
from digitsmith.report.html import Picture, pair_pictures, plot_picture, write_page
from digitsmith.report.proof_plots import (
    accuracy_figure,
    accuracy_numbers,
    differences_figure,
    differences_numbers,
)
from digitsmith.report.proof_words import cut, points_cell, recommendation, verdicts
from digitsmith.report.sheets import real_over_generated
from digitsmith.report.style import save_figure, save_plot
from digitsmith.report.words import amount


@dataclass(frozen=True)
class Delivered:
    """An augmented data set on the disk.

    Attributes:
        per_class: real images of each class in it.
        arm: the recommended one, whose mix it is.
        lesson: that arm's settings.
        folder: of the data set.
        images: how many there are in all.
        copies: how often each real image stands in it.
        generated: how many of them are generated.
        as_it_lies: accuracy on the test of a recogniser that learned it in plain shuffled batches, in [0, 1].
    """

    per_class: int
    arm: str
    lesson: Lesson
    folder: Path
    images: int
    copies: int
    generated: int
    as_it_lies: float


@dataclass(frozen=True)
class Shown:
    """Real images over digits of the GAN that was trained on them: uint8 [R, K, C, H, W] each."""

    per_class: int
    real: NDArray[np.uint8]
    generated: NDArray[np.uint8]


def write_proof_page(
    folder: Path,
    *,
    records: Records,
    findings: Findings,
    classes: Sequence[str],
    delivered: Sequence[Delivered],
    shown: Sequence[Shown],
    notes: Sequence[str],
    facts: Sequence[tuple[str, str]],
) -> Path:
    """Write `index.html` and, with every plot as PNG, SVG and numbers, `figures/` into `folder`.

    Args:
        folder: of the proof.
        records: every run and choice.
        findings: what follows from them.
        classes: their names.
        delivered: the augmented data sets.
        shown: a look at the GANs' digits.
        notes: what a reader has to know before the figures, a sentence or a few each.
        facts: (words, value), how it was measured.

    Returns:
        The path of the page.

    Raises:
        StorageError: the disk refused; a page that was there before is intact.
    """
    figures = folder / "figures"
    numbers = sorted({number for number, _ in findings.accuracies})
    arms = [arm for key, arm in ARMS.items() if any(own == key for _, own in findings.accuracies)]
    context = {
        "source": records.experiment["data"],
        "verdicts": verdicts(findings),
        "notes": notes,
        "accuracy": _accuracy(findings, records, figures),
        "differences": _differences(findings, figures),
        "arms": arms,
        "rows": [
            (
                amount(number),
                [_accuracy_cell(findings, number, arm.key) for arm in arms],
                findings.recommended.get(number),
            )
            for number in numbers
        ],
        "compared": [(ARMS[arm], [_compared(one) for one in findings.of(arm)]) for arm in ARMS if findings.of(arm)],
        "delivered": [_delivered(one, folder) for one in delivered],
        "chosen": _chosen(records),
        "pairs": [(amount(one.per_class), _pairs(one, classes, figures)) for one in shown],
        "facts": facts,
    }
    return write_page(folder / "index.html", "proof.html.j2", context)


def _accuracy(findings: Findings, records: Records, figures: Path) -> Picture:
    figure = accuracy_figure(findings, least_error=0.5 / records.runs[0].images)
    svg = save_plot(figure, figures / "accuracy", accuracy_numbers(findings))
    return plot_picture(svg, "Accuracy on the test set against the number of real images of each class, for each arm")


def _differences(findings: Findings, figures: Path) -> Picture | None:
    if not findings.comparisons:
        return None
    figure = differences_figure(findings.comparisons)
    svg = save_plot(figure, figures / "differences", differences_numbers(findings.comparisons))
    return plot_picture(svg, "What each ingredient adds to the accuracy, in points, with 95 % intervals")


def _accuracy_cell(findings: Findings, number: int, arm: str) -> Cell:
    return cell(findings.accuracies.get((number, arm)), unit="%", times=100.0)


def _compared(one: Comparison) -> dict[str, Any]:
    return {
        "per_class": amount(one.per_class),
        "points": points_cell(one.difference),
        "cut": cut(one),
        "verdict": one.verdict,
        "pairs": one.pairs,
    }


def _delivered(one: Delivered, folder: Path) -> dict[str, Any]:
    return {
        "per_class": amount(one.per_class),
        "arm": ARMS[one.arm],
        "what": recommendation(one.arm, one.lesson),
        "path": one.folder.relative_to(folder).as_posix(),
        "images": amount(one.images),
        "copies": one.copies,
        "generated": amount(one.generated),
        "as_it_lies": f"{one.as_it_lies:.2%}".replace("%", "\N{NO-BREAK SPACE}%"),
    }


def _chosen(records: Records) -> list[tuple[str, str, str]]:
    """(images a class, of what, the values of the seeds in their order)."""
    rows: dict[tuple[int, str], dict[int, float]] = {}
    for choice in records.choices:
        rows.setdefault((choice["per_class"], choice["of"]), {})[choice["seed"]] = choice["chosen"]
    words = {STRENGTH: "strength of the moves"} | {key: f"share of generated digits, arm {key}" for key in ARMS}
    return [
        (amount(number), words[of], ", ".join(f"{by_seed[seed]:g}" for seed in sorted(by_seed)))
        for (number, of), by_seed in sorted(rows.items(), key=lambda row: (row[0][0], row[0][1] != STRENGTH, row[0][1]))
    ]


def _pairs(one: Shown, classes: Sequence[str], figures: Path) -> list[Picture]:
    columns = list(classes)
    save_figure(real_over_generated(one.real, one.generated, columns=columns), figures / f"gan-{one.per_class}-a-class")
    return pair_pictures(one.real, one.generated, columns)
