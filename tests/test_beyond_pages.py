"""Figures have room for names that are words."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from beyond_data import BALANCED, CLOTHES
from digitsmith.measure.estimate import share_estimate
from digitsmith.report.evaluation_plots import class_distances_figure, confusion_figure
from digitsmith.report.words import by_other_writers

LONG = tuple(f"{name} of the house" for name in CLOTHES)


def names_inside(figure: Figure) -> list[str]:
    """The names at the axes, each of which lies on the figure as a whole."""
    figure.canvas.draw()
    (axes,) = figure.axes
    texts = [*axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label]
    texts += [
        text for text in axes.get_xticklabels() if axes.get_xlim()[0] <= text.get_position()[0] <= axes.get_xlim()[1]
    ]
    width, height = figure.bbox.size
    for text in (text for text in texts if text.get_text()):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text.get_text()
    return [text.get_text() for text in texts]


@pytest.mark.parametrize("classes", [tuple("0123456789"), CLOTHES, LONG, BALANCED], ids=lambda names: names[-1])
def test_names_of_classes_are_not_cut_off(classes: tuple[str, ...]) -> None:
    counts = np.random.default_rng(0).integers(0, 50, (len(classes), len(classes)))
    shown = names_inside(confusion_figure(counts, classes))
    assert len(shown) == 2 * len(classes) + 2 and {name[:10] for name in classes} <= {name[:10] for name in shown}
    rows = [
        {"name": name, "generated": share_estimate(30, 100), "held_out": share_estimate(3, 100)} for name in classes
    ]
    assert {name[:10] for name in classes} <= {name[:10] for name in names_inside(class_distances_figure(rows))}


def test_only_of_mnist_it_is_known_that_others_wrote_the_test_set() -> None:
    assert by_other_writers("mnist (train)") and by_other_writers("stacked-mnist (train)")
    for source in ("fashion-mnist (train)", "cifar10 (train)", "mnist", "memory"):
        assert not by_other_writers(source)
