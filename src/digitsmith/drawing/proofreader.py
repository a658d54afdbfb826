"""The proofreader: a small network, trained on real MNIST only, that says how readable a drawn digit is.

It is another network than `measure/reader.py`'s, and takes no part in measuring: what it has looked through, the reader
has not seen. It has a quarter of the reader's arithmetic, because it looks at every digit that is drawn. It is frozen
under a version name that every manifest carries; `tools/train_proofreader.py` made it, and
tests/test_drawing_proofreader.py proves it equal to the `Recogniser` whose weights these are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitsmith.drawing.network import single_threaded
from digitsmith.drawing.recogniser_network import onnx_recogniser
from digitsmith.errors import CheckpointError

PROOFREADER = "proofreader-1"
READ_SHAPE = (1, 28, 28)
DIGITS = tuple("0123456789")
SHARE_OF_REAL = 0.01
THRESHOLD = 0.5
"""A digit must have at least this probability of being what was asked for. `SHARE_OF_REAL` of 10,000 real training
images that the proofreader had not learned have less."""

_WEIGHTS = Path(__file__).with_name(f"{PROOFREADER}.safetensors")


@dataclass(frozen=True, eq=False)
class Proofreader:
    """Ready to read, from any number of threads at once.

    Attributes:
        sha256: of its file.
    """

    sha256: str
    _session: Any = field(repr=False)

    @classmethod
    def from_file(cls, path: Path) -> Proofreader:
        """The weights of a `measure.recogniser.Recogniser` of ten classes, as safetensors.

        Raises:
            CheckpointError: the file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            content = path.read_bytes()
            model = onnx_recogniser(load(content), READ_SHAPE)
        except (OSError, SafetensorError, KeyError) as error:
            raise CheckpointError(f"{path}: is missing or damaged ({error}); install digitsmith again") from None
        return cls(hashlib.sha256(content).hexdigest(), single_threaded(model))

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How likely each image is each digit, float32 [N, 10], from uint8 [N, 1, 28, 28], white ink on black."""
        found: NDArray[np.float32] = self._session.run(["probabilities"], {"pixels": images})[0]
        return found

    def sureness(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """How likely each image [N, 1, 28, 28] is the digit of its label, float32 [N]."""
        return self.probabilities(images)[np.arange(len(labels)), labels]


@lru_cache(maxsize=1)
def load_proofreader() -> Proofreader:
    """The shipped one; CheckpointError where its file is missing or damaged."""
    return Proofreader.from_file(_WEIGHTS)
