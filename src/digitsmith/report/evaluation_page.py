"""The page of an evaluation: every figure with its floors, what was confused, and what was drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from digitsmith.measure.results import Evaluation, Pairs
from digitsmith.report.cells import known
from digitsmith.report.evaluation_plots import (
    class_distances_figure,
    class_distances_numbers,
    confusion_figure,
    confusion_numbers,
    style_figure,
    style_numbers,
)
from digitsmith.report.evaluation_table import evaluation_table
from digitsmith.report.findings import findings, headlines
from digitsmith.report.html import Picture, grid_picture, plot_picture, write_page
from digitsmith.report.sheets import closest_pairs, sample_grid
from digitsmith.report.story import settings_table
from digitsmith.report.style import save_figure, save_plot
from digitsmith.report.words import by_other_writers
from digitsmith.storage import write_json_atomically

_PAIRS_PER_LINE = 10


def write_evaluation_page(folder: Path, evaluation: Evaluation) -> Path:
    """Write `index.html`, `evaluation.json` and, with every plot as PNG, SVG and numbers, `figures/` into `folder`.

    What the evaluation lacks is left out. The same evaluation gives the same bytes.

    Args:
        folder: is made where it is missing.
        evaluation: its figures, and whatever else was kept of it.

    Returns:
        The path of the page.

    Raises:
        DataError: images of the evaluation that do not fit together.
        StorageError: the disk refused; a page that was there before is intact.
    """
    figures, record = folder / "figures", evaluation.to_dict()
    context = {
        "subject": evaluation.subject,
        "against": evaluation.against,
        "other_writers": by_other_writers(evaluation.against),
        "strokes": evaluation.facts.get("strokes", True),
        "findings": findings(evaluation),
        "headlines": headlines(evaluation),
        "families": evaluation_table(evaluation),
        "everything": any(measurement.everything is not None for measurement in evaluation.measurements),
        "samples": _samples(evaluation, figures),
        "confusion": _confusion(evaluation, figures),
        "class_distances": _class_distances(evaluation, figures),
        "style": _style(evaluation, figures),
        "pairs": _pairs(evaluation.pairs, record["closest_pairs"], figures),
        "facts": list(settings_table(evaluation.facts)),
    }
    write_json_atomically(folder / "evaluation.json", record)
    return write_page(folder / "index.html", "evaluation.html.j2", context)


def _samples(evaluation: Evaluation, figures: Path) -> Picture | None:
    if evaluation.samples is None:
        return None
    found = evaluation.confusion is not None or bool(evaluation.class_distances)  # of records from before they said
    labelled = evaluation.facts.get("with_labels", found)
    columns = evaluation.classes if labelled else None
    save_figure(sample_grid(evaluation.samples, columns=columns), figures / "samples")
    return grid_picture(evaluation.samples, "Generated images", columns)


def _confusion(evaluation: Evaluation, figures: Path) -> Picture | None:
    confusion, classes = evaluation.confusion, evaluation.classes
    if confusion is None:
        return None
    numbers = confusion_numbers(confusion, classes)
    svg = save_plot(confusion_figure(confusion, classes), figures / "confusion", numbers)
    right = ", ".join(
        f"{name}: {row[place]} of {sum(row)}"
        for place, (name, row) in enumerate(zip(classes, confusion.tolist(), strict=True))
    )
    return plot_picture(svg, f"A table of classes asked for against classes read. Read as asked: {right}")


def _class_distances(evaluation: Evaluation, figures: Path) -> Picture | None:
    rows = evaluation.class_distances
    if not any(known(row["generated"]) for row in rows):
        return None
    svg = save_plot(class_distances_figure(rows), figures / "class-distances", class_distances_numbers(rows))
    return plot_picture(svg, "The distance of each class's generated, held-out and test images to its training images")


def _style(evaluation: Evaluation, figures: Path) -> Picture | None:
    if not evaluation.style:
        return None
    units = {measurement.key: measurement.unit for measurement in evaluation.measurements}
    numbers = style_numbers(evaluation.style)
    svg = save_plot(style_figure(numbers, units), figures / "style", numbers)
    return plot_picture(svg, f"Histograms of {', '.join(numbers)}, of generated, training and test images")


def _pairs(pairs: Pairs | None, numbers: Any, figures: Path) -> list[Picture]:
    """The pairs in lines of ten, each line generated over training images, with the distances over them."""
    if pairs is None or not len(pairs.distances):
        return []
    heads = [f"{distance:.2f}" for distance in pairs.distances]
    sheet = closest_pairs(pairs.generated, pairs.training, heads, per_line=_PAIRS_PER_LINE)
    save_plot(sheet, figures / "closest-pairs", numbers)
    lines = [slice(start, start + _PAIRS_PER_LINE) for start in range(0, len(heads), _PAIRS_PER_LINE)]
    alt = "Generated images in the upper row, the training images nearest to them in the lower row"
    return [
        grid_picture(np.stack([pairs.generated[line], pairs.training[line]]), alt, heads[line], columns_are="distances")
        for line in lines
    ]
