"""The page of a run: one HTML file with everything in it, to open, to print, to mail, to show to a class."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from digitsmith.errors import DataError
from digitsmith.report.curves import loss_curves, scores_figure
from digitsmith.report.images import png_bytes, tile
from digitsmith.report.samples import folder_grid, read_sample, sample_files
from digitsmith.report.sheets import epochs_side_by_side, paired_rows, real_over_generated, sample_grid
from digitsmith.report.story import told
from digitsmith.report.style import save_figure
from digitsmith.storage import write_bytes_atomically
from digitsmith.training.run_files import read_log, read_run

_LETTERS_PER_LINE = 60  # of heads above a grid; where names need more room they stand upright


@dataclass(frozen=True)
class _Picture:
    """What the template shows as one image: a grid with heads over its columns, or a plot."""

    src: str
    alt: str
    columns: Sequence[str] | None = None
    upright: bool = False


def write_run_page(
    run_dir: Path,
    *,
    grids: Mapping[int, NDArray[np.uint8]] | None = None,
    real: NDArray[np.uint8] | None = None,
    generated: NDArray[np.uint8] | None = None,
    columns: Sequence[str] | None = None,
    drawn: Path | None = None,
    facts: Sequence[tuple[str, str]] = (),
    downloads: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write `index.html` into the folder of a run, and the figures behind it into `figures/` as PNG and SVG.

    Works at any moment of a run: what is not there yet is left out. From the folder it reads `run.json`,
    `log.jsonl` and, for epochs that `grids` does not hold, `samples/epoch-*.npy`.
    The same run gives the same bytes.

    Args:
        run_dir: the folder of the run.
        grids: epoch -> uint8 [R, K, C, H, W]. The first, the middle and the last epoch known are shown.
        real, generated: both or neither, as for `real_over_generated`.
        columns: the K class names over the columns of grids and pairs; None for a model without classes.
        drawn: a folder of drawn images to show the first few of, with a folder per class or without.
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
    _save_every_epoch(run_dir, grids or {}, columns, figures)
    epochs = _three_epochs(run_dir, grids or {})
    context = {
        **told(run, rows, folder=str(run_dir), columns=columns),
        "facts": facts,
        "downloads": [(words, quote(path)) for words, path in downloads],
        "digits": _latest_grid(epochs, columns, figures),
        "epochs": _epoch_grids(epochs, columns, figures),
        "curves": _curves(rows, figures),
        "pairs": _pairs(real, generated, columns, figures),
        "drawn": _drawn(drawn, figures),
        "conditional": columns is not None,
    }
    page = run_dir / "index.html"
    write_bytes_atomically(page, _render(context).encode())
    return page


def _render(context: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("digitsmith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("run.html.j2").render(context)


def _save_every_epoch(
    run_dir: Path, given: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None, figures: Path
) -> None:
    """Each kept epoch's grid as a figure of its own; the page has room for three."""
    grids = {epoch: read_sample(path) for epoch, path in sample_files(run_dir / "samples").items()} | dict(given)
    for epoch, grid in grids.items():
        save_figure(sample_grid(grid, columns=columns, title=f"Epoch {epoch}"), figures / f"samples-epoch-{epoch:04d}")


def _three_epochs(run_dir: Path, given: Mapping[int, NDArray[np.uint8]]) -> dict[int, NDArray[np.uint8]]:
    """The grids of the first, the middle and the last epoch: those given, else those in samples/."""
    kept = sample_files(run_dir / "samples")
    known = sorted({*given, *kept})
    if not known:
        return {}
    middle = min(known, key=lambda epoch: abs(epoch - known[-1] / 2))
    shown = sorted({known[0], middle, known[-1]})
    return {epoch: given[epoch] if epoch in given else read_sample(kept[epoch]) for epoch in shown}


def _latest_grid(
    epochs: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None, figures: Path
) -> _Picture | None:
    if not epochs:
        return None
    last = max(epochs)
    save_figure(sample_grid(epochs[last], columns=columns), figures / "samples")
    return _grid(tile(epochs[last]), f"Images generated after epoch {last}", columns)


def _epoch_grids(
    epochs: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None, figures: Path
) -> list[tuple[int, _Picture]]:
    if len(epochs) < 2:
        return []
    save_figure(epochs_side_by_side(epochs, columns=columns), figures / "epochs")
    return [
        (epoch, _grid(tile(grid), f"Images generated after epoch {epoch}", columns)) for epoch, grid in epochs.items()
    ]


def _pairs(
    real: NDArray[np.uint8] | None,
    generated: NDArray[np.uint8] | None,
    columns: Sequence[str] | None,
    figures: Path,
) -> list[_Picture]:
    if real is None and generated is None:
        return []
    if real is None or generated is None:
        raise DataError("real and generated images are shown together; hand over both or neither")
    save_figure(real_over_generated(real, generated, columns=columns), figures / "real-over-generated")
    return [
        _grid(
            tile(pair),
            "Real images in the upper row, generated ones in the lower row",
            None if number else columns,
        )
        for number, pair in enumerate(paired_rows(real, generated))
    ]


def _drawn(folder: Path | None, figures: Path) -> _Picture | None:
    if folder is None:
        return None
    images, names = folder_grid(folder)
    save_figure(sample_grid(images, columns=names), figures / "drawn")
    return _grid(tile(images), "Images of the drawn data set", names)


def _curves(rows: Sequence[Mapping[str, Any]], figures: Path) -> dict[str, _Picture]:
    """The plots of losses and scores; none before the first step is logged."""
    if not any(row["event"] == "step" for row in rows):
        return {}
    _, losses = save_figure(loss_curves(rows), figures / "losses")
    _, scores = save_figure(scores_figure(rows), figures / "scores")
    return {
        "losses": _plot(losses, "Loss of the generator and of the discriminator against images seen"),
        "scores": _plot(
            scores,
            "Above: the discriminator's mean probability of real, on real and on generated images. "
            "Below: the variety of the generated images, where the real ones have 1",
        ),
    }


def _grid(picture: NDArray[np.uint8], alt: str, columns: Sequence[str] | None) -> _Picture:
    source = _data_uri("image/png", png_bytes(picture))
    if columns is None:
        return _Picture(source, alt)
    alt = f"{alt}, one column for each class: {', '.join(columns)}"
    upright = max(map(len, columns)) * len(columns) > _LETTERS_PER_LINE
    return _Picture(source, alt, columns, upright)


def _plot(svg: Path, alt: str) -> _Picture:
    return _Picture(_data_uri("image/svg+xml", svg.read_bytes()), alt)


def _data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
