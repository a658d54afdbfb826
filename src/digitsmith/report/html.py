"""What the pages share: templates filled with escaped values, and pictures that travel inside the page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from digitsmith.report.images import png_bytes, tile
from digitsmith.report.sheets import paired_rows
from digitsmith.storage import write_bytes_atomically

_LETTERS_PER_LINE = 60  # of heads above a grid; where names need more room they stand upright


@dataclass(frozen=True)
class Picture:
    """What a template shows as one image: a grid with heads over its columns, or a plot."""

    src: str
    alt: str
    columns: Sequence[str] | None = None
    upright: bool = False


def rendered(template: str, context: Mapping[str, Any]) -> bytes:
    """`template` of this room, filled with `context`."""
    environment = Environment(
        loader=PackageLoader("digitsmith.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(context).encode()


def write_page(page: Path, template: str, context: Mapping[str, Any]) -> Path:
    """Fill `template` of this room with `context` and write it as the file `page`.

    Raises:
        StorageError: the disk refused; a page that was there before is intact.
    """
    write_bytes_atomically(page, rendered(template, context))
    return page


def grid_picture(
    images: NDArray[np.uint8],
    alt: str,
    columns: Sequence[str] | None = None,
    *,
    columns_are: str = "one column for each class",
) -> Picture:
    """A grid uint8 [R, K, C, H, W] as the page shows it, with a head over each of its K columns or without."""
    source = _data_uri("image/png", png_bytes(tile(images)))
    if columns is None:
        return Picture(source, alt)
    upright = max(map(len, columns)) * len(columns) > _LETTERS_PER_LINE
    return Picture(source, f"{alt}, {columns_are}: {', '.join(columns)}", columns, upright)


def epoch_pictures(grids: Mapping[int, NDArray[np.uint8]], columns: Sequence[str] | None) -> list[tuple[int, Picture]]:
    """(epoch, its grid) in the order of the epochs."""
    return [
        (epoch, grid_picture(grid, f"Images generated after epoch {epoch}", columns))
        for epoch, grid in sorted(grids.items())
    ]


def pair_pictures(
    real: NDArray[np.uint8], generated: NDArray[np.uint8], columns: Sequence[str] | None
) -> list[Picture]:
    """Real over generated rows, as for `real_over_generated`; the names stand over the first pair."""
    alt = "Real images in the upper row, generated ones in the lower row"
    return [
        grid_picture(pair, alt, None if number else columns) for number, pair in enumerate(paired_rows(real, generated))
    ]


def plot_picture(svg: Path, alt: str) -> Picture:
    """A plot as the page shows it, from the SVG file that was saved of it."""
    return Picture(_data_uri("image/svg+xml", svg.read_bytes()), alt)


def _data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
