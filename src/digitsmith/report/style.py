"""How the figures look, and how they become files: the same input is the same bytes, whatever one's settings.

Only matplotlib's object interface is used: no pyplot, no window, no figure that outlives its use. Figures
are built and saved under matplotlib's own defaults plus `_STYLE`, so a user's matplotlibrc changes nothing.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from digitsmith.storage import write_bytes_atomically, write_json_atomically

# The second report's pair, a clear step apart in lightness: it survives gray paper and colour blindness.
GENERATOR, DISCRIMINATOR = "#1f4fa3", "#e0609f"
# After Okabe and Ito's palette, made to be told apart by everyone.
ON_REAL, ON_GENERATED, VARIETY, WARNING = "#007a5a", "#d55e00", "#56408c", "#f0b400"
ON_TEST = "#5b6470"  # real too, but of other writers
INK, QUIET, PALE = "#333333", "#6a6a6a", "#9a9a9a"

DPI = 200
FONT = "DejaVu Sans"  # comes with matplotlib, so every machine draws the same letters

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": PALE,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": [FONT],
    "font.size": 10,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "svg.fonttype": "path",  # letters look the same where the font is missing
    "svg.hashsalt": "digitsmith",  # else the names inside an SVG are random
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$x$"
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def house_style() -> Iterator[None]:
    """matplotlib's defaults and the look of these figures, for as long as one is built or saved."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def blank_figure(*, width_in: float, height_in: float) -> Figure:
    """A white figure of this size that can be drawn at `DPI`."""
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write `stem`.png (200 dpi) and `stem`.svg, each whole or not at all; return the two paths.

    No date and no version is written into them: the same figure gives the same bytes, for one version of
    matplotlib. Letters in the SVG are outlines; pictures in it keep their own pixels, drawn as squares.

    Raises:
        StorageError: the disk refused.
    """
    png, svg = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")
    for path in (png, svg):
        write_bytes_atomically(path, figure_bytes(figure, path.suffix[1:]))
    return png, svg


def save_plot(figure: Figure, stem: Path, numbers: Any) -> Path:
    """Write `stem`.png, `stem`.svg and, with what was plotted, `stem`.json; return the path of the SVG.

    `numbers` are values that JSON can hold, but for NaN and infinity, which become null.

    Raises:
        StorageError: the disk refused.
    """
    _, svg = save_figure(figure, stem)
    write_json_atomically(stem.with_name(f"{stem.name}.json"), _without_nan(numbers))
    return svg


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def figure_bytes(figure: Figure, file_format: str) -> bytes:
    """The file that `save_figure` writes for "png" or "svg"."""
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}[file_format]
    file = io.BytesIO()
    with house_style():
        figure.savefig(file, format=file_format, dpi=DPI, metadata=metadata)
    return file.getvalue()
