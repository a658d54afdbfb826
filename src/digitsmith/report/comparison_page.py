"""The page of a comparison: several models' drawings, figures and losses beside each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import DataError
from digitsmith.measure.results import Evaluation
from digitsmith.report.compared_figures import ComparedFigure, compared_figures
from digitsmith.report.comparison_plots import dots_figure, dots_numbers
from digitsmith.report.comparison_table import compared_row, markdown_table
from digitsmith.report.curves import loss_curves, loss_numbers
from digitsmith.report.findings import listed, rankings
from digitsmith.report.html import Picture, epoch_pictures, grid_picture, pair_pictures, plot_picture, write_page
from digitsmith.report.samples import first_middle_last
from digitsmith.report.sheets import epochs_side_by_side, models_side_by_side, real_over_generated
from digitsmith.report.story import settings_table
from digitsmith.report.style import save_figure, save_plot
from digitsmith.report.words import FAMILIES, by_other_writers, duration
from digitsmith.storage import write_bytes_atomically, write_json_atomically

FORMAT = 1
_WITHOUT, _WITH = "without augmentation", "with augmentation"


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """One model of a comparison, and what is known of it; whatever is missing is left out of the page.

    Attributes:
        name: a short name of its own, which heads its column.
        evaluation: its figures.
        samples: what it draws in the end, uint8 [R, K, C, H, W].
        columns: the K class names; None for a model without classes.
        log: the rows of its training's log, as `read_log` returns them.
        epochs: epoch -> grid like `samples`; the first, the middle and the last one are shown (1, 10 and 20 of 20).
        real, generated: uint8 [P, K, C, H, W], both or neither, as for `real_over_generated`.
        augmented: `samples` of the same model trained with augmentation.
        settings: what it was trained with, in the form of a run's record.
        command: the command that trained it.
        seconds: how long that took.
    """

    name: str
    evaluation: Evaluation | None = None
    samples: NDArray[np.uint8] | None = None
    columns: Sequence[str] | None = None
    log: Sequence[Mapping[str, Any]] = ()
    epochs: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)
    real: NDArray[np.uint8] | None = None
    generated: NDArray[np.uint8] | None = None
    augmented: NDArray[np.uint8] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    seconds: float | None = None


def write_comparison_page(folder: Path, entries: Sequence[ComparedModel]) -> Path:
    """Write the comparison into `folder`; the same entries give the same bytes.

    `index.html` shows everything, `comparison.json` holds all figures, `table.md` is the table as Markdown, and
    `figures/` has every plot as PNG and SVG, and its numbers as JSON.

    Args:
        folder: is made where it is missing.
        entries: the models, in the order of the table's columns.

    Returns:
        The path of the page.

    Raises:
        DataError: no model, two of one name, or images that do not fit together.
        StorageError: the disk refused; a page that was there before is intact.
    """
    _check(entries)
    figures, models = folder / "figures", [entry.name for entry in entries]
    stems = _stems(models)
    evaluations = {entry.name: entry.evaluation for entry in entries if entry.evaluation is not None}
    families = compared_figures(evaluations)
    context = {
        "models": models,
        "title": listed(models),
        "rankings": rankings(families),
        "samples": _samples(entries, figures),
        "families": [
            {
                "name": family,
                "meaning": FAMILIES.get(family, ""),
                "rows": [compared_row(figure, models) for figure in of_family],
            }
            for family, of_family in families.items()
        ],
        "dots": _dots(families, list(evaluations), figures),
        "learning": [_learning(entry, stems[entry.name], figures) for entry in entries],
        "pairs": [_pairs(entry, stems[entry.name], figures) for entry in entries if entry.real is not None],
        "augmented": [_augmented(entry, stems[entry.name], figures) for entry in entries if _has_both(entry)],
        "settings": _settings(entries),
        "commands": [(entry.name, entry.command) for entry in entries if entry.command],
        "measured": bool(evaluations),
        "other_writers": all(by_other_writers(evaluation.against) for evaluation in evaluations.values()),
    }
    record = {"format": FORMAT, "models": [_record(entry) for entry in entries]}
    write_json_atomically(folder / "comparison.json", record)
    if evaluations:
        write_bytes_atomically(folder / "table.md", markdown_table(families, list(evaluations)).encode())
    return write_page(folder / "index.html", "comparison.html.j2", context)


def _check(entries: Sequence[ComparedModel]) -> None:
    if not entries:
        raise DataError("there is no model to compare; hand over at least one")
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two models are called {name!r}; give each a name of its own")
    for entry in entries:
        if (entry.real is None) != (entry.generated is None):
            raise DataError(f"{entry.name}: real and generated images are shown together; hand over both or neither")


def _stems(models: Sequence[str]) -> dict[str, str]:
    """model -> the end of its figures' file names: its name in plain letters, numbered where two would be one."""
    plain = {model: re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-") for model in models}
    used = list(plain.values())
    return {
        model: stem if stem and used.count(stem) == 1 else f"{stem}-{place}".lstrip("-")
        for place, (model, stem) in enumerate(plain.items(), start=1)
    }


def _samples(entries: Sequence[ComparedModel], figures: Path) -> list[tuple[str, Picture]]:
    shown = {entry.name: entry.samples for entry in entries if entry.samples is not None}
    if not shown:
        return []
    columns = {entry.name: entry.columns for entry in entries}
    save_figure(models_side_by_side(shown, columns=columns), figures / "samples")
    return [(name, grid_picture(grid, f"Images that {name} draws", columns[name])) for name, grid in shown.items()]


def _dots(families: Mapping[str, Sequence[ComparedFigure]], models: Sequence[str], figures: Path) -> Picture | None:
    """All figures that have a floor, against it."""
    shown = [figure for of_family in families.values() for figure in of_family if figure.has_floor]
    if not shown:
        return None
    svg = save_plot(dots_figure(shown, models), figures / "against-the-floor", dots_numbers(shown, models))
    names = ", ".join(figure.first.name for figure in shown)
    return plot_picture(svg, f"{names}: a dot for each of {', '.join(models)}, against the floor")


def _learning(entry: ComparedModel, stem: str, figures: Path) -> dict[str, Any]:
    """A model's epochs and losses; the parts that it lacks are empty."""
    losses = None
    if any(row["event"] == "step" for row in entry.log):
        figure = loss_curves(entry.log, width_in=5.4, height_in=3.3)
        svg = save_plot(figure, figures / f"losses-{stem}", loss_numbers(entry.log))
        losses = plot_picture(svg, f"Loss of {entry.name}'s generator and discriminator against images seen")
    epochs = first_middle_last(entry.epochs)
    if epochs:
        save_figure(epochs_side_by_side(epochs, columns=entry.columns), figures / f"epochs-{stem}")
    return {"name": entry.name, "stem": stem, "losses": losses, "epochs": epoch_pictures(epochs, entry.columns)}


def _pairs(entry: ComparedModel, stem: str, figures: Path) -> dict[str, Any]:
    assert entry.real is not None  # _check has seen to both
    assert entry.generated is not None
    figure = real_over_generated(entry.real, entry.generated, columns=entry.columns)
    save_figure(figure, figures / f"real-over-generated-{stem}")
    return {"name": entry.name, "stem": stem, "pictures": pair_pictures(entry.real, entry.generated, entry.columns)}


def _has_both(entry: ComparedModel) -> bool:
    return entry.samples is not None and entry.augmented is not None


def _augmented(entry: ComparedModel, stem: str, figures: Path) -> dict[str, Any]:
    grids = {_WITHOUT: entry.samples, _WITH: entry.augmented}
    shown = {words: grid for words, grid in grids.items() if grid is not None}
    figure = models_side_by_side(shown, columns=dict.fromkeys(shown, entry.columns))
    save_figure(figure, figures / f"augmentation-{stem}")
    pictures = [
        (words, grid_picture(grid, f"Images that {entry.name} draws, trained {words}", entry.columns))
        for words, grid in shown.items()
    ]
    return {"name": entry.name, "stem": stem, "pictures": pictures}


def _settings(entries: Sequence[ComparedModel]) -> dict[str, list[Any]]:
    """What the trained models have in common, as (words, value), and where they differ, as (words, values)."""
    told = {entry.name: dict(settings_table(entry.settings)) for entry in entries if entry.settings}
    for entry in entries:
        if entry.seconds is not None:
            told.setdefault(entry.name, {})["Training took"] = duration(entry.seconds)
    words = list(dict.fromkeys(words for settings in told.values() for words in settings))
    values = {name: [settings.get(name, "–") for settings in told.values()] for name in words}
    return {
        "models": list(told),
        "common": [(name, row[0]) for name, row in values.items() if len(set(row)) == 1],
        "different": [(name, row) for name, row in values.items() if len(set(row)) > 1],
    }


def _record(entry: ComparedModel) -> dict[str, Any]:
    return {
        "name": entry.name,
        "evaluation": None if entry.evaluation is None else entry.evaluation.to_dict(),
        "settings": dict(entry.settings),
        "command": entry.command,
        "seconds": entry.seconds,
    }
