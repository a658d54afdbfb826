"""The figures of the two reports, drawn from a run.

Curves come from the rows of its log, grids from uint8 images; nothing here trains or draws a digit.
"""

from digitsmith.report.curves import loss_curves, scores_figure
from digitsmith.report.sheets import epochs_side_by_side, real_over_generated, sample_grid
from digitsmith.report.style import save_figure

__all__ = [
    "epochs_side_by_side",
    "loss_curves",
    "real_over_generated",
    "sample_grid",
    "save_figure",
    "scores_figure",
]
