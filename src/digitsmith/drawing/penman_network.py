"""penman's generator as it draws: the layers of `models/penman.py`, one after the other, as ONNX nodes.

Nothing is folded here: it has no BatchNorm, and what stands between its convolutions takes a twentieth of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from digitsmith.drawing.onnx import Form, Graph
from digitsmith.errors import ConfigError
from digitsmith.style import STYLE_NAMES, table_rows
from digitsmith.weights.folder import Weights

Z_DIM = 64
_EMBEDDED = 64  # width of the embedded class, and of the embedded style
_BLOCKS = ("low.0", "low.1"), ("high.0", "high.1")
_SLOPE = 0.2  # of LeakyReLU
_STYLE_WIDTH = len(STYLE_NAMES)

INPUTS: dict[str, Form] = {
    "z": (np.float32, ("N", Z_DIM)),
    "labels": (np.int64, ("N",)),
    "style": (np.float32, ("N", _STYLE_WIDTH)),
}


class Make(NamedTuple):
    """What penman's weights do not share with each other.

    Attributes:
        channels: maps at half of the image's sides; at a quarter there are twice as many.
        styled: whether it is asked for a style.
    """

    channels: int = 32
    styled: bool = True

    @classmethod
    def of(cls, weights: Weights) -> Make:
        """That of `weights`, read off their shapes; any at all where they are not penman's."""
        last = weights.get("last.weight")
        channels = last.shape[1] if last is not None and last.ndim == 4 else cls().channels
        return cls(channels, any(name.startswith("style_") for name in weights))


_USUAL = Make()


def add_penman(graph: Graph, weights: Weights, image_shape: tuple[int, int, int]) -> str:
    """Adds the generator from INPUTS to its images, [N, C, H, W] in [-1, 1], and returns their name.

    One without style has no input of that name.
    """
    side, make = image_shape[1] // 4, Make.of(weights)

    def weight(name: str) -> str:
        return graph.constant(np.asarray(weights[name], np.float32))

    def linear(name: str, x: str) -> str:
        return graph.node("Gemm", x, weight(f"{name}.weight"), weight(f"{name}.bias"), transB=1)

    def convolution(name: str, x: str) -> str:
        return graph.node("Conv", x, weight(f"{name}.weight"), weight(f"{name}.bias"), pads=[1, 1, 1, 1])

    def leaky_relu(x: str) -> str:
        return graph.node("LeakyRelu", x, alpha=_SLOPE)

    def block(name: str, x: str) -> str:
        inner = convolution(f"{name}.conv1", leaky_relu(x))
        return graph.node("Add", x, convolution(f"{name}.conv2", leaky_relu(inner)))

    def shuffle(x: str) -> str:  # "CRD" is the order of PyTorch's PixelShuffle
        return graph.node("DepthToSpace", x, blocksize=2, mode="CRD")

    asked = [graph.node("Gather", weight("class_embedding.weight"), "labels")]
    if make.styled:
        centred = graph.node("Sub", "style", weight("style_mean"))
        style = linear("style_embedding.0", graph.node("Div", centred, weight("style_deviation")))
        asked.append(linear("style_embedding.2", leaky_relu(style)))
    maps = linear("first", graph.node("Concat", "z", *asked, axis=1))
    maps = graph.node("Reshape", maps, graph.constant(np.array([-1, 2 * make.channels, side, side])))
    low, high = _BLOCKS
    for name in low:
        maps = block(name, maps)
    maps = shuffle(convolution("up", maps))
    for name in high:
        maps = block(name, maps)
    return graph.node("Tanh", shuffle(convolution("last", leaky_relu(maps))), name="images")


def penman_shapes(image_shape: tuple[int, int, int], classes: int, make: Make = _USUAL) -> dict[str, tuple[int, ...]]:
    """The shape of every weight; ConfigError for images that are no squares of a side it can draw."""
    channels, height, width = image_shape
    if height != width or height % 4 or height < 8:
        raise ConfigError(f"penman draws squares whose side is a multiple of 4 px from 8, not {height}x{width}")
    high, low = make.channels, 2 * make.channels
    products: dict[str, tuple[int, ...]] = {
        "first": (low * (height // 4) ** 2, Z_DIM + (1 + make.styled) * _EMBEDDED),
        "up": (4 * high, low, 3, 3),
        "last": (4 * channels, high, 3, 3),
    }
    for names, maps in zip(_BLOCKS, (low, high), strict=True):
        products |= {f"{name}.{layer}": (maps, maps, 3, 3) for name in names for layer in ("conv1", "conv2")}
    shapes: dict[str, tuple[int, ...]] = {"class_embedding.weight": (classes, _EMBEDDED)}
    if make.styled:
        products |= {
            "style_embedding.0": (_EMBEDDED, _STYLE_WIDTH),
            "style_embedding.2": (_EMBEDDED, _EMBEDDED),
        }
        shapes |= {
            "style_mean": (_STYLE_WIDTH,),
            "style_deviation": (_STYLE_WIDTH,),
            "style_table": (classes, table_rows(classes), _STYLE_WIDTH),
        }
    for name, shape in products.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes
