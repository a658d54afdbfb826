"""A run made visible: plain grids, figures for a report, and one HTML page to show to a class.

Importing this room is light: `images` and `run_files` need NumPy and Pillow. matplotlib comes with
`digitsmith.report.figures`, jinja2 with `digitsmith.report.page`.
"""

from digitsmith.report.images import png_bytes, tile
from digitsmith.training.run_files import read_log, read_run

__all__ = ["png_bytes", "read_log", "read_run", "tile"]
