"""The page of a run: one HTML file with everything in it, to open, to print, to mail, to show to a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from digitsmith.errors import DataError
from digitsmith.report.curves import loss_curves, scores_figure
from digitsmith.report.html import Picture, epoch_pictures, grid_picture, pair_pictures, plot_picture, write_page
from digitsmith.report.reading_curve import learned_from_few, reading_figure
from digitsmith.report.samples import first_middle_last, folder_grid, read_samples
from digitsmith.report.sheets import epochs_side_by_side, real_over_generated, sample_grid
from digitsmith.report.story import told
from digitsmith.report.style import save_figure
from digitsmith.training.run_files import read_log, read_run


def write_run_page(
    run_dir: Path,
    *,
    real: NDArray[np.uint8] | None = None,
    generated: NDArray[np.uint8] | None = None,
    columns: Sequence[str] | None = None,
    drawn: Path | None = None,
    facts: Sequence[tuple[str, str]] = (),
    downloads: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write `index.html` into the folder of a run, and the figures behind it into `figures/` as PNG and SVG.

    Works at any moment of a run: what is not there yet is left out. From the folder it reads `run.json`,
    `log.jsonl` and `samples/epoch-*.npy`, of which the first, the middle and the last epoch are shown.
    The same run gives the same bytes.

    Args:
        run_dir: the folder of the run.
        real, generated: both or neither, as for `real_over_generated`.
        columns: the K class names over the columns of grids and pairs; None for a model without classes.
        drawn: a folder of drawn images, with a folder for each class, to show the first few of.
        facts: (words, value), shown large: `("Read as asked", "97.9 % of 10,000")`.
        downloads: (words, path relative to `run_dir`), shown as links.

    Returns:
        The path of the page.

    Raises:
        DataError: a file of the run that is damaged, or images that do not fit together.
        StorageError: the disk refused; a page that was there before is intact.
    """
    run = read_run(run_dir / "run.json")
    rows = read_log(run_dir / "log.jsonl") if (run_dir / "log.jsonl").exists() else []
    figures = run_dir / "figures"
    grids = read_samples(run_dir / "samples")
    _save_every_epoch(grids, columns, figures)
    context = {
        **told(run, rows, folder=str(run_dir), columns=columns),
        "facts": facts,
        "downloads": [(words, quote(path)) for words, path in downloads],
        "digits": _latest_grid(grids, columns, figures),
        "epochs": _epoch_grids(grids, columns, figures),
        "curves": _curves(rows, figures),
        "pairs": _pairs(real, generated, columns, figures),
        "drawn": _drawn(drawn, figures),
        "conditional": columns is not None,
    }
    return write_page(run_dir / "index.html", "run.html.j2", context)


def _save_every_epoch(grids: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None, figures: Path) -> None:
    """Each kept epoch's grid as a figure of its own; the page has room for three."""
    for epoch, grid in grids.items():
        save_figure(sample_grid(grid, columns=columns, title=f"Epoch {epoch}"), figures / f"samples-epoch-{epoch:04d}")


def _latest_grid(
    grids: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None, figures: Path
) -> Picture | None:
    if not grids:
        return None
    last = max(grids)
    save_figure(sample_grid(grids[last], columns=columns), figures / "samples")
    return grid_picture(grids[last], f"Images generated after epoch {last}", columns)


def _epoch_grids(
    grids: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None, figures: Path
) -> list[tuple[int, Picture]]:
    """The grids of the first, the middle and the last epoch, beside each other; nothing to compare in one alone."""
    if len(grids) < 2:
        return []
    shown = first_middle_last(grids)
    save_figure(epochs_side_by_side(shown, columns=columns), figures / "epochs")
    return epoch_pictures(shown, columns)


def _pairs(
    real: NDArray[np.uint8] | None,
    generated: NDArray[np.uint8] | None,
    columns: Sequence[str] | None,
    figures: Path,
) -> list[Picture]:
    if real is None and generated is None:
        return []
    if real is None or generated is None:
        raise DataError("real and generated images are shown together; hand over both or neither")
    save_figure(real_over_generated(real, generated, columns=columns), figures / "real-over-generated")
    return pair_pictures(real, generated, columns)


def _drawn(folder: Path | None, figures: Path) -> Picture | None:
    if folder is None:
        return None
    images, names = folder_grid(folder)
    save_figure(sample_grid(images, columns=names), figures / "drawn")
    return grid_picture(images, "Images of the drawn data set", names)


def _curves(rows: Sequence[Mapping[str, Any]], figures: Path) -> dict[str, Picture]:
    """The plots of losses and scores, and of reading where it was learned; none before the first step is logged."""
    if not any(row["event"] == "step" for row in rows):
        return {}
    _, losses = save_figure(loss_curves(rows), figures / "losses")
    _, scores = save_figure(scores_figure(rows), figures / "scores")
    reading = {}
    if learned_from_few(rows):
        _, plot = save_figure(reading_figure(rows), figures / "reading")
        reading["reading"] = plot_picture(
            plot, "Share of the labelled images that are read rightly, and of the other images that it is sure of"
        )
    return reading | {
        "losses": plot_picture(losses, "Loss of the generator and of the discriminator against images seen"),
        "scores": plot_picture(
            scores,
            "Above: the discriminator's mean probability of real, on real and on generated images. "
            "Below: the variety of the generated images, where the real ones have 1",
        ),
    }
