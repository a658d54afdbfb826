"""F(7, 2) for 4x4 / 2 convolutions with padding 1 to 7x7 outputs, which are one tile."""

from __future__ import annotations

from typing import Any

from digitsmith.kernels.native import kernel
from digitsmith.kernels.winograd import Cut, convolution, filtering

MATRICES = filtering(7, 2)
INPUTS, OUTPUTS = Cut(side=8, step=7, phase=2, before=1), Cut(side=7, step=7)
_forward = convolution(MATRICES.inputs, INPUTS, MATRICES.outputs, OUTPUTS, MATRICES.weights)
_back = convolution(MATRICES.outputs.T, OUTPUTS, MATRICES.inputs.T, INPUTS, MATRICES.weights)


@kernel
def forward(words: Any) -> None:
    _forward(words)


@kernel
def back(words: Any) -> None:
    _back(words)
