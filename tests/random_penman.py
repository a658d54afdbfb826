"""penman before any training, for tests of what draws: random weights of some contrast, and a table of styles."""

from __future__ import annotations

import torch

from digitsmith.drawing.model import DigitModel
from digitsmith.models.penman import PenmanGenerator
from digitsmith.style import table_rows
from digitsmith.weights.folder import GeneratorConfig, weights_checksum

MEAN, DEVIATION = (2.8, 8.0, 12.0, 19.0), (0.6, 12.0, 3.0, 1.2)  # thickness, slant, width, height


def penman_module(image_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> PenmanGenerator:
    """In evaluation mode. Its residual blocks, which begin at zero, are moved away from there."""
    torch.manual_seed(0)
    generator = PenmanGenerator(image_shape, classes)
    with torch.no_grad():
        for name, tensor in generator.state_dict().items():
            if name.endswith("conv2.weight"):
                tensor.normal_(0, 0.05)
            elif name.endswith("bias"):
                tensor.normal_(0, 0.1)
        generator.last.weight.mul_(3)
        generator.style_mean.copy_(torch.tensor(MEAN))
        generator.style_deviation.copy_(torch.tensor(DEVIATION))
        noise = torch.randn(classes, table_rows(classes), 4)
        generator.style_table.copy_(generator.style_mean + generator.style_deviation * noise)
    return generator.eval()


def penman_model(image_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> DigitModel:
    """`penman_module`, as it draws."""
    weights = {name: tensor.numpy() for name, tensor in penman_module(image_shape, classes).state_dict().items()}
    names = tuple(str(label) for label in range(classes))
    config = GeneratorConfig("penman", image_shape, names, weights_checksum(weights))
    return DigitModel._of(config, weights, where="here")
