"""The generators as they draw, computed by ONNX Runtime; those of the reports with each BatchNorm folded away.

Drawing needs no gradients and no statistics of a batch, so it needs no PyTorch, and starts without it. The readable
generators are those of `models/`; tests/test_drawing_network.py and test_drawing_penman.py prove these equal to them.

Of PyTorch, NumPy's own products and ONNX Runtime, the last draws fastest on one thread. It also computes in the thread
that calls it and nowhere else: NumPy shares a product among as many threads as the whole process is set to, and another
number of threads means other bits, and long waits on a busy machine.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from digitsmith.config import MODELS, STYLED_MODELS, UNCONDITIONAL_MODELS
from digitsmith.drawing import penman_network
from digitsmith.drawing.onnx import UINT8, Form, Graph
from digitsmith.errors import CheckpointError, ConfigError
from digitsmith.weights.folder import Weights

Shapes = dict[str, tuple[int, ...]]

Z_DIM = 100  # of the reports' models
_CONV_MAPS = (64, 32)  # second report, Tables 1, 3 and 5
_MLP_WIDTHS = (256, 512, 1024)  # first report, as chosen in models/cgan_mlp.py
_BATCHNORM = ("weight", "bias", "running_mean", "running_var")
_EPSILON = 1e-5  # of PyTorch's BatchNorm
_ERRORS_ONLY = 3

onnxruntime.disable_telemetry_events()  # some of its builds report to their maker; nothing here leaves the machine


class Network:
    """A generator in evaluation mode, ready to draw, from any number of threads at once.

    Args:
        model: gan, cgan, acgan, cgan-mlp or penman.
        image_shape: (C, H, W).
        classes: how many there are.
        weights: the state dict of the model's module in `models/`.
        where: names the weights in the message of an error.

    Attributes:
        z_dim: how many numbers of noise an image is drawn from.
        styled: whether it also takes a style.

    Raises:
        CheckpointError: the weights are not those of such a model.
        ConfigError: no model has that name, or that image shape.
    """

    def __init__(
        self, model: str, image_shape: tuple[int, int, int], classes: int, weights: Weights, *, where: str
    ) -> None:
        make = penman_network.Make.of(weights) if model in STYLED_MODELS else None
        if {name: array.shape for name, array in weights.items()} != weight_shapes(model, image_shape, classes, make):
            raise CheckpointError(f"{where}: holds no weights of {model}; get or train them again")
        self._session = single_threaded(onnx_model(model, image_shape, classes, weights))
        self._conditional = model not in UNCONDITIONAL_MODELS
        self.styled = make is not None and make.styled
        self.z_dim = Z_DIM if make is None else penman_network.Z_DIM

    def images(
        self, z: NDArray[np.float32], labels: NDArray[np.int64], style: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """float32 [B, C, H, W] in [-1, 1].

        Args:
            z: float32 [B, z_dim].
            labels: int64 [B], which an unconditional model ignores.
            style: float32 [B, 4] in the units of `style.STYLE_UNITS`, for a styled model and for no other.
        """
        images: NDArray[np.float32] = self._session.run(["images"], self._inputs(z, labels, style))[0]
        return images

    def pixels(
        self, z: NDArray[np.float32], labels: NDArray[np.int64], style: NDArray[np.float32] | None = None
    ) -> NDArray[np.uint8]:
        """`images`, rounded to uint8: 0 for -1, 255 for 1."""
        pixels: NDArray[np.uint8] = self._session.run(["pixels"], self._inputs(z, labels, style))[0]
        return pixels

    def _inputs(
        self, z: NDArray[np.float32], labels: NDArray[np.int64], style: NDArray[np.float32] | None
    ) -> dict[str, NDArray[Any]]:
        inputs: dict[str, NDArray[Any]] = {"z": z}
        if self._conditional:
            inputs["labels"] = labels
        if style is not None:
            inputs["style"] = style
        return inputs


def single_threaded(content: bytes) -> onnxruntime.InferenceSession:
    """An .onnx file ready to compute, in the thread that asks for it alone; any number of threads may ask at once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def onnx_model(model: str, image_shape: tuple[int, int, int], classes: int, weights: Weights) -> bytes:
    """The generator as an .onnx file.

    In: z float32 [N, z_dim], labels int64 [N] unless it is unconditional, and style float32 [N, 4] if it is styled.
    Out: images float32 [N, C, H, W] in [-1, 1], and the same as pixels uint8 [N, C, H, W].
    """
    graph = Graph()
    inputs: dict[str, Form] = {"z": (np.float32, ("N", Z_DIM))}
    if model in STYLED_MODELS:
        wanted = ("z", "labels", "style") if penman_network.Make.of(weights).styled else ("z", "labels")
        inputs = {name: penman_network.INPUTS[name] for name in wanted}
        images = penman_network.add_penman(graph, weights, image_shape)
    elif model in UNCONDITIONAL_MODELS:
        images = _add_layers(graph, "z", weights, model, image_shape)
    else:
        inputs["labels"] = (np.int64, ("N",))
        one_hot = graph.node("Gather", graph.constant(np.eye(classes, dtype=np.float32)), "labels")
        images = _add_layers(graph, graph.node("Concat", "z", one_hot, axis=1), weights, model, image_shape)
    from_zero = graph.node("Add", images, graph.constant(np.array(1.0, np.float32)))
    gray = graph.node("Mul", from_zero, graph.constant(np.array(127.5, np.float32)))
    graph.node("Cast", graph.node("Round", gray), name="pixels", to=UINT8)
    shape = ("N", *image_shape)
    return graph.model(inputs=inputs, outputs={"images": (np.float32, shape), "pixels": (np.uint8, shape)})


def _add_layers(graph: Graph, maps: str, weights: Weights, model: str, image_shape: tuple[int, int, int]) -> str:
    """A report's generator from the vector `maps` to its images."""
    *hidden, last = _places(model)
    for place in hidden:
        maps = graph.node("Relu", _layer(graph, maps, weights, place))
    maps = graph.node("Tanh", _layer(graph, maps, weights, last))
    return graph.node("Reshape", maps, graph.constant(np.array([-1, *image_shape])), name="images")


def _layer(graph: Graph, maps: str, weights: Weights, place: int) -> str:
    """The product at `place`, together with the BatchNorm behind it where there is one."""
    weight, shift = _folded(weights, place)
    if weight.ndim == 2:
        return graph.node("Gemm", maps, graph.constant(weight), graph.constant(shift), transB=1)
    inputs, outputs, side, _ = weight.shape
    if place == 0:  # of a 1x1 map: every output position is a column of weights, as in ConvTransposeFromVector
        columns = graph.constant(weight.reshape(inputs, -1))
        product = graph.node("Gemm", maps, columns, graph.constant(shift.repeat(side * side)))
        return graph.node("Reshape", product, graph.constant(np.array([-1, outputs, side, side])))
    return graph.node(
        "ConvTranspose", maps, graph.constant(weight), graph.constant(shift), strides=[2, 2], pads=[1, 1, 1, 1]
    )


def _folded(weights: Weights, place: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight, in PyTorch's order, and shift [out] of a product and the BatchNorm behind it.

    What the BatchNorm multiplies by, the product's own weights are multiplied by instead: in float64, rounded once.
    """
    weight = weights[f"layers.{place}.weight"].astype(np.float64)
    if f"layers.{place}.bias" in weights:
        shift = weights[f"layers.{place}.bias"].astype(np.float64)
    else:
        scale, shift = finished_batchnorm(weights, f"layers.{place + 1}")
        weight *= scale[:, None] if weight.ndim == 2 else scale[:, None, None]  # [out, in] or [in, out, k, k]
    return weight.astype(np.float32), shift.astype(np.float32)


def finished_batchnorm(weights: Weights, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a BatchNorm that has finished training multiplies each channel by, and what it then adds; float64 [out]."""
    gamma, beta, mean, var = (weights[f"{name}.{key}"].astype(np.float64) for key in _BATCHNORM)
    scale = gamma / np.sqrt(var + _EPSILON)
    return scale, beta - mean * scale


def weight_shapes(
    model: str, image_shape: tuple[int, int, int], classes: int, make: penman_network.Make | None = None
) -> Shapes:
    """The shape of every weight of such a generator, of penman's of its `make`; ConfigError as `Network`."""
    if model not in MODELS:
        raise ConfigError(f"there is no model {model!r}; choose one of {', '.join(MODELS)}")
    if model in STYLED_MODELS:
        return penman_network.penman_shapes(image_shape, classes, make or penman_network.Make())
    inputs = Z_DIM + (0 if model in UNCONDITIONAL_MODELS else classes)
    channels, height, width = image_shape
    if model == "cgan-mlp":
        rows = [inputs, *_MLP_WIDTHS, channels * height * width]
        kernels: list[tuple[int, ...]] = [(after, before) for before, after in pairwise(rows)]
    else:
        if height != width or height % 4:
            raise ConfigError(f"{model} draws squares whose side is a multiple of 4 px, not {height}x{width}")
        first, second = _CONV_MAPS
        side = height // 4
        kernels = [(inputs, first, side, side), (first, second, 4, 4), (second, channels, 4, 4)]
    shapes: Shapes = {}
    *hidden, last = zip(_places(model), kernels, strict=True)
    for place, kernel in hidden:
        shapes[f"layers.{place}.weight"] = kernel
        shapes |= {f"layers.{place + 1}.{key}": (_outputs(kernel),) for key in _BATCHNORM}
        shapes[f"layers.{place + 1}.num_batches_tracked"] = ()
    place, kernel = last
    return shapes | {f"layers.{place}.weight": kernel, f"layers.{place}.bias": (_outputs(kernel),)}


def _places(model: str) -> range:
    """Of the products in the module's `layers`; a BatchNorm and a ReLU stand between one and the next."""
    hidden = _MLP_WIDTHS if model == "cgan-mlp" else _CONV_MAPS
    return range(0, 3 * len(hidden) + 1, 3)


def _outputs(kernel: tuple[int, ...]) -> int:
    """The channels that come out: linear weights are [out, in], those of transposed convolutions [in, out, k, k]."""
    return kernel[0] if len(kernel) == 2 else kernel[1]
