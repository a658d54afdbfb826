"""digitsmith writes handwritten digits on request, and proves what they are worth.

    import digitsmith

    model = digitsmith.load("acgan")              # shipped weights, a run's folder, or a saved model
    images = model.draw([2, 0, 2, 6], seed=7)     # uint8 [4, 28, 28], 0 is the background
    run = digitsmith.train("acgan", epochs=20, out="runs/mine")
    found = digitsmith.evaluate("runs/mine")      # figures with their counts, intervals and floors

Importing this package loads nothing heavy; each name below brings what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Augmentation": "digitsmith.config",
    "DigitModel": "digitsmith.drawing.model",
    "Digits": "digitsmith.data.digits",
    "DigitsmithError": "digitsmith.errors",
    "TrainSettings": "digitsmith.config",
    "compare": "digitsmith.comparing",
    "draw_number": "digitsmith.drawing.making",
    "evaluate": "digitsmith.assess",
    "form_page": "digitsmith.drawing.forms",
    "load": "digitsmith.drawing.loading",
    "make": "digitsmith.drawing.making",
    "read_digits": "digitsmith.data.reading",
    "sums_page": "digitsmith.drawing.sums",
    "train": "digitsmith.api",
}

__all__ = [
    "Augmentation",
    "DigitModel",
    "Digits",
    "DigitsmithError",
    "TrainSettings",
    "__version__",
    "compare",
    "draw_number",
    "evaluate",
    "form_page",
    "load",
    "make",
    "read_digits",
    "sums_page",
    "train",
]

if TYPE_CHECKING:
    from digitsmith.api import train
    from digitsmith.assess import evaluate
    from digitsmith.comparing import compare
    from digitsmith.config import Augmentation, TrainSettings
    from digitsmith.data.digits import Digits
    from digitsmith.data.reading import read_digits
    from digitsmith.drawing.forms import form_page
    from digitsmith.drawing.loading import load
    from digitsmith.drawing.making import draw_number, make
    from digitsmith.drawing.model import DigitModel
    from digitsmith.drawing.sums import sums_page
    from digitsmith.errors import DigitsmithError


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'digitsmith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
