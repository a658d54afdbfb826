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
    "DigitDataset": "digitsmith.feeding.dataset",
    "DigitModel": "digitsmith.drawing.model",
    "DigitStream": "digitsmith.feeding.stream",
    "Digits": "digitsmith.data.digits",
    "DigitsmithError": "digitsmith.errors",
    "MixedDigits": "digitsmith.feeding.mixed",
    "TrainSettings": "digitsmith.config",
    "compare": "digitsmith.comparing",
    "draw_number": "digitsmith.drawing.making",
    "draw_pictures": "digitsmith.drawing.pictures",
    "evaluate": "digitsmith.assess",
    "fetch": "digitsmith.feeding.arrays",
    "form_page": "digitsmith.drawing.forms",
    "import_scans": "digitsmith.scanning.importing",
    "load": "digitsmith.drawing.loading",
    "load_recogniser": "digitsmith.recognising.recogniser",
    "make": "digitsmith.drawing.making",
    "prove": "digitsmith.proving.proof",
    "read_digits": "digitsmith.data.reading",
    "sheet": "digitsmith.scanning.sheet_print",
    "sums_page": "digitsmith.drawing.sums",
    "train": "digitsmith.api",
}

__all__ = [
    "Augmentation",
    "DigitDataset",
    "DigitModel",
    "DigitStream",
    "Digits",
    "DigitsmithError",
    "MixedDigits",
    "TrainSettings",
    "__version__",
    "compare",
    "draw_number",
    "draw_pictures",
    "evaluate",
    "fetch",
    "form_page",
    "import_scans",
    "load",
    "load_recogniser",
    "make",
    "prove",
    "read_digits",
    "sheet",
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
    from digitsmith.drawing.pictures import draw_pictures
    from digitsmith.drawing.sums import sums_page
    from digitsmith.errors import DigitsmithError
    from digitsmith.feeding.arrays import fetch
    from digitsmith.feeding.dataset import DigitDataset
    from digitsmith.feeding.mixed import MixedDigits
    from digitsmith.feeding.stream import DigitStream
    from digitsmith.proving.proof import prove
    from digitsmith.recognising.recogniser import load_recogniser
    from digitsmith.scanning.importing import import_scans
    from digitsmith.scanning.sheet_print import sheet


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'digitsmith' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
