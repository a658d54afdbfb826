"""F(4, 2) for 4x4 / 2 convolutions with padding 1."""

from __future__ import annotations

from typing import Any

from digitsmith.kernels.native import kernel
from digitsmith.kernels.winograd import Cut, convolution, filtering

MATRICES = filtering(4, 2)
INPUTS, OUTPUTS = Cut(side=5, step=4, phase=2, before=1), Cut(side=4, step=4)
_forward = convolution(MATRICES.inputs, INPUTS, MATRICES.outputs, OUTPUTS, MATRICES.weights)
_back = convolution(MATRICES.outputs.T, OUTPUTS, MATRICES.inputs.T, INPUTS, MATRICES.weights)


@kernel
def forward(words: Any) -> None:
    _forward(words)


@kernel
def back(words: Any) -> None:
    _back(words)
