"""F(4, 3) for 3x3 convolutions with padding 1."""

from __future__ import annotations

from typing import Any

from digitsmith.kernels.native import kernel
from digitsmith.kernels.winograd import Cut, convolution, filtering, weight_gradient

MATRICES = filtering(4, 3)
INPUTS, OUTPUTS = Cut(side=6, step=4, before=1), Cut(side=4, step=4)
_forward = convolution(MATRICES.inputs, INPUTS, MATRICES.outputs, OUTPUTS, MATRICES.weights)
_to_weight = weight_gradient(MATRICES.inputs, INPUTS, MATRICES.outputs.T, OUTPUTS)


@kernel
def forward(words: Any) -> None:
    _forward(words)


@kernel
def to_weight(words: Any) -> None:
    _to_weight(words)
