"""What the architectures share: the two interfaces, and the layers that more than one table lists."""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from digitsmith import kernels
from digitsmith.errors import ConfigError
from digitsmith.models.image_ends import ConvFromImage, ConvTransposeToImage
from digitsmith.models.products import ConvDown, ConvUp

_FEW_CHANNELS = 6  # an image with its class plane: there a convolution is faster as a plain product


class Verdict(NamedTuple):
    """What a discriminator says of a batch, before any sigmoid or softmax.

    source: logits [B] of "this image came from the training data" (the tables' Sigmoid is in the loss).
    classes: logits [B, K] of the auxiliary classifier, or None where the architecture has none.
    """

    source: Tensor
    classes: Tensor | None = None


class Generator(nn.Module):
    """(z float [B, z_dim] standard normal, labels int64 [B]) -> images float [B, C, H, W] in [-1, 1].

    An unconditional generator takes the labels too, and does not look at them.
    """

    z_dim: int = 100


class Discriminator(nn.Module):
    """(images float [B, C, H, W] in [-1, 1], labels int64 [B]) -> Verdict.

    Attributes:
        judges_together: whether real and generated images must stand in one batch, so that its BatchNorm
            layers see both. DCGAN's practice, and the default, is a batch of each.
    """

    judges_together: bool = False


class ConvTransposeFromVector(nn.ConvTranspose2d):
    """A stride-1 transposed convolution of a 1x1 map, computed as the matrix product that it is.

    Same weights [in, out, k, k] and the same result as `nn.ConvTranspose2d`: with one input position every
    output position is one column of weights, so the general kernel's bookkeeping buys nothing. The columns
    are taken positions first, channels last, the order in which training keeps all maps in memory.
    """

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__(inputs, outputs, side, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # [B, in, 1, 1]
        side = self.kernel_size[0]
        columns = self.weight.permute(0, 2, 3, 1).flatten(1)  # [in, k * k * out]
        product = x.flatten(1) @ columns
        return product.view(-1, side, side, self.out_channels).permute(0, 3, 1, 2)


class Layers(nn.Sequential):
    """`nn.Sequential`, but that in training on the CPU a BatchNorm and the ReLU behind it are computed together.

    Apart they pass over their maps three times forward and four times back, which took as long as half of the
    convolutions between them; `kernels.normalise` takes two and two. For maps alone: rows are over in less time than it
    takes to call it. Hooks of these two layers are not called then.
    """

    def forward(self, input: Tensor) -> Tensor:
        x, layers = input, list(self)
        while layers:
            layer = layers.pop(0)
            if layers and isinstance(layers[0], nn.ReLU) and _normalises_in_one(layer, x):
                layers.pop(0)
                x = _normalised_and_rectified(layer, x)
            else:
                x = layer(x)
        return x


def with_one_hot(z: Tensor, labels: Tensor, classes: int) -> Tensor:
    """z [B, Z] with the labels' one-hot vectors behind it: [B, Z + classes]."""
    return torch.cat([z, F.one_hot(labels, classes).to(z.dtype)], dim=1)


def conv_generator(inputs: int, image_shape: tuple[int, int, int]) -> nn.Sequential:
    """Second report, Tables 1, 3 and 5: they differ only in the width of the input vector.

    The tables give kernels, strides and output sizes; padding 0, 1, 1 is what makes the sizes come out.
    No bias before a BatchNorm, which would subtract it again. A 32x32 image starts from 8x8 instead of 7x7.
    """
    channels, height, _ = image_shape
    first = height // 4
    return Layers(
        #                                                              [B, inputs, 1, 1]
        ConvTransposeFromVector(inputs, 64, first),  # [B, 64, 7, 7]
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        ConvUp(64, 32),  # [B, 32, 14, 14]
        nn.BatchNorm2d(32),
        nn.ReLU(inplace=True),
        ConvTransposeToImage(32, channels),  # [B, C, 28, 28]
        nn.Tanh(),
    )


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """Conv2D 4x4 / 2 - BatchNorm2D - ReLU, the block of Tables 2, 4 and 6: it halves the sides."""
    return Layers(
        ConvFromImage(inputs, outputs) if inputs <= _FEW_CHANNELS else ConvDown(inputs, outputs),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def initialise_as_dcgan(network: nn.Module) -> None:
    """The second report follows "the protocols and implementations in DCGAN" (its reference [4]):
    weights N(0, 0.02), BatchNorm scales N(1, 0.02), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def require_quartered(image_shape: tuple[int, int, int], *, smallest_px: int = 8) -> None:
    """The convolutional architectures halve each side twice, and their first layer is square."""
    _, height, width = image_shape
    if height != width or height % 4 or height < smallest_px:
        raise ConfigError(
            "this model is made of convolutions and needs square images whose side is a multiple of 4 and at least "
            f"{smallest_px} px, these are {height}x{width}; resize the images, or train cgan-mlp, which takes any size"
        )


def _normalises_in_one(layer: nn.Module, x: Tensor) -> TypeGuard[nn.BatchNorm2d]:
    if not isinstance(layer, nn.BatchNorm2d) or not layer.training or layer.momentum is None:
        return False
    kept = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
    return (
        all(one is not None and one.dtype == torch.float32 for one in kept)
        and x.dim() == 4
        and len(x) > 1
        and x.shape[1] == layer.num_features  # where one of these is wrong, PyTorch says what
        and kernels.at_hand(x, x.dtype)
    )


def _normalised_and_rectified(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    from digitsmith.kernels.normalise import normalise_and_rectify

    mean, var, count = layer.running_mean, layer.running_var, layer.num_batches_tracked
    assert mean is not None and var is not None and count is not None and layer.momentum is not None
    with torch.no_grad():
        count.add_(1)
    weight, bias = layer.weight, layer.bias
    return normalise_and_rectify(x, weight, bias, mean, var, momentum=layer.momentum, epsilon=layer.eps)
