"""A recogniser as an .onnx file: three convolutions, the largest response of each map, and a layer of classes.

The readable networks are `measure.recogniser.Recogniser`, whose weights the proofreader is, and
`models.sgan.SganDiscriminator`; tests/test_drawing_proofreader.py and test_recognising.py prove this equal to them.
"""

from __future__ import annotations

import numpy as np

from digitsmith.drawing.network import finished_batchnorm
from digitsmith.drawing.onnx import FLOAT, Graph
from digitsmith.weights.folder import Weights


def onnx_recogniser(weights: Weights, image_shape: tuple[int, int, int]) -> bytes:
    """A recogniser in evaluation mode, by the state dict of its module.

    In: pixels uint8 [N, C, H, W]. Out: probabilities float32 [N, K], and labels int64 [N], the likeliest class.

    Raises:
        KeyError: the weights are not those of such a module.
    """
    graph = Graph()
    maps = _convolution(graph, graph.node("Cast", "pixels", to=FLOAT), weights, 0, gray=255, strides=[2, 2])
    maps = _convolution(graph, maps, weights, 3)
    maps = graph.node("MaxPool", maps, kernel_shape=[2, 2], strides=[2, 2])
    maps = _convolution(graph, maps, weights, 7, padded=False)
    features = graph.node("Flatten", graph.node("GlobalMaxPool", maps))
    last = (graph.constant(weights[f"classes.{name}"]) for name in ("weight", "bias"))
    probabilities = graph.node("Softmax", graph.node("Gemm", features, *last, transB=1), name="probabilities")
    graph.node("ArgMax", probabilities, name="labels", axis=1, keepdims=0)
    return graph.model(
        inputs={"pixels": (np.uint8, ("N", *image_shape))},
        outputs={
            "probabilities": (np.float32, ("N", len(weights["classes.bias"]))),
            "labels": (np.int64, ("N",)),
        },
    )


def _convolution(
    graph: Graph,
    maps: str,
    weights: Weights,
    place: int,
    *,
    gray: int = 1,
    padded: bool = True,
    strides: list[int] | None = None,
) -> str:
    """Convolution, BatchNorm and ReLU from `place` on; of maps that are `gray` times as large as those learned from."""
    scale, shift = finished_batchnorm(weights, f"layers.{place + 1}")
    kernel = weights[f"layers.{place}.weight"].astype(np.float64) * scale[:, None, None, None] / gray
    constants = (graph.constant(array.astype(np.float32)) for array in (kernel, shift))
    pads = [(kernel.shape[-1] - 1) // 2 if padded else 0] * 4
    return graph.node("Relu", graph.node("Conv", maps, *constants, pads=pads, strides=strides or [1, 1]))
